//! The audit log of the real program: tampered with, cut, set back, signed anew, killed; and what
//! `interdict audit` says of it.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{Server, TOKEN, eventually, file, folder};

/// A server's folder, its configuration and the file that its heads go to.
struct Place {
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Place {
    fn new() -> Self {
        Self::with("heads_file = 'heads'\nheads_every = 5\nheads_within_s = 86400\n")
    }

    fn with(settings: &str) -> Self {
        let folder = folder();
        let text = format!("source = 'urn:interdict:test'\n[audit]\n{settings}");
        let config = file(folder.path(), "interdict.toml", &text);
        Self { folder, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self) -> Server {
        let config = ["--config", self.config.to_str().unwrap()];
        Server::start(&self.path("data"), &["osmand"], &config)
    }

    /// Runs a server that is told of some vehicles, and ends it in order.
    fn run(&self, vehicles: std::ops::Range<u32>) {
        let server = self.start();
        for number in vehicles {
            enrol_and_flag(&server, number);
        }
        assert_eq!(server.stop(), 0);
    }

    /// `audit verify` against the heads that left.
    fn verify(&self, more: &[&str]) -> Verdict {
        let heads = self.path("heads");
        let mut arguments = vec!["verify", "--heads", heads.to_str().unwrap()];
        arguments.extend(more);
        Verdict(audit(&arguments))
    }

    fn verify_data(&self) -> Verdict {
        self.verify(&["--data", self.path("data").to_str().unwrap()])
    }

    /// `audit export` of the folder, as lines.
    fn export(&self, name: &str) -> Vec<String> {
        let (data, out) = (self.path("data"), self.path(name));
        done(&["export", "--data", data.to_str().unwrap(), out.to_str().unwrap()]);
        fs::read_to_string(out).unwrap().lines().map(str::to_owned).collect()
    }

    fn verify_export(&self, lines: &[String]) -> Verdict {
        let path = file(self.folder.path(), "tampered", &(lines.join("\n") + "\n"));
        self.verify(&["--export", path.to_str().unwrap()])
    }
}

/// What `audit verify` came to.
struct Verdict(Output);

impl Verdict {
    fn said(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn is_well(&self) {
        let complaint = String::from_utf8_lossy(&self.0.stderr);
        assert_eq!(self.0.status.code(), Some(0), "{}{complaint}", self.said());
        assert!(self.said().ends_with("nothing is wrong\n"), "{}", self.said());
    }

    /// It found just these things, each line beginning so.
    fn found(&self, expected: &[&str]) {
        let said = self.said();
        assert_eq!(self.0.status.code(), Some(1), "{said}");
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), expected.len() + 1, "{said}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{expected}:\n{said}");
        }
    }
}

fn audit(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    command.arg("audit").args(arguments).env("INTERDICT_TOKEN", TOKEN).output().unwrap()
}

/// What a command that succeeds prints.
fn done(arguments: &[&str]) -> String {
    let output = audit(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn enrol_and_flag(server: &Server, number: u32) {
    let vehicle = format!("v{number}");
    server.enrol(&number.to_string(), &vehicle, &format!("P {number}"), "taxi");
    server.flag(&flag_of(&vehicle));
}

fn flag_of(vehicle: &str) -> Value {
    json!({
        "vehicle": vehicle, "reason": "stolen", "case": "A-17", "authority": "duty officer",
        "emergency": true
    })
}

/// The number of the first line that is an entry of that act.
fn place_of(lines: &[String], act: &str) -> usize {
    lines.iter().position(|line| line.contains(&format!("\"act\":\"{act}\""))).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_log_is_well_in_its_folder_in_an_export_and_on_a_running_server() {
    let place = Place::new();
    place.run(0..6);
    place.verify_data().is_well();
    let lines = place.export("export");
    place.verify(&["--export", place.path("export").to_str().unwrap()]).is_well();
    for act in ["audit.key", "configuration.change", "server.start", "flag.add", "server.stop"] {
        place_of(&lines, act);
    }
    let key = done(&["key", "--data", place.path("data").to_str().unwrap()]);

    let server = place.start();
    let url = server.url("");
    place.verify(&["--server", &url, "--key", key.trim()]).is_well();
    let said = place.verify_data();
    assert_eq!(said.0.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&said.0.stderr).into_owned();
    assert!(complaint.contains("--server URL"), "{complaint}");
    enrol_and_flag(&server, 6);
    assert_eq!(server.stop(), 0);
    place.verify_data().is_well();
    // An export of an earlier time is as good as it was, though heads have left since.
    place.verify(&["--export", place.path("export").to_str().unwrap()]).is_well();
    // What was there stayed, to the letter.
    let later = place.export("later");
    let entries = lines.len() - 1;
    assert_eq!(later[..entries], lines[..entries]);
    let all = fs::read_to_string(place.path("export")).unwrap();
    assert!(!all.contains(TOKEN));
    let again = audit(&[
        "export",
        "--data",
        place.path("data").to_str().unwrap(),
        place.path("export").to_str().unwrap(),
    ]);
    assert_eq!(again.status.code(), Some(1), "an export is not written over");
}

#[test]
fn heads_leave_after_so_many_entries_and_at_the_end() {
    let place = Place::new();
    let server = place.start();
    let heads = || fs::read_to_string(place.path("heads")).unwrap_or_default();
    let sizes = || -> Vec<u64> {
        let read = interdict::audit::read_heads(&heads());
        assert_eq!(read.unreadable, []);
        read.heads.iter().map(|(_, head)| head.head.size).collect()
    };
    eventually("a head at the start", || !sizes().is_empty());
    for number in 0..10 {
        let before = sizes().last().copied();
        enrol_and_flag(&server, number);
        enrol_and_flag(&server, number + 100);
        eventually("a head after so many entries", || sizes().last().copied() > before);
    }
    assert_eq!(server.stop(), 0);
    let sizes = sizes();
    assert!(sizes.is_sorted_by(|one, other| one < other), "{sizes:?}");
    let entries = place.export("export").len() as u64 - 1;
    // The export has noted itself.
    assert_eq!(sizes.last(), Some(&(entries - 1)));
}

#[test]
fn a_tampered_export_is_found_and_the_entry_named() {
    let place = Place::new();
    place.run(0..4);
    let lines = place.export("export");
    let at = place_of(&lines, "flag.add");
    let number = at + 1;
    let with = |line: String| {
        let mut tampered = lines.clone();
        tampered[at] = line;
        place.verify_export(&tampered)
    };
    let content = lines[at].replace("dispatcher", "somebody-else");
    with(content).found(&[&format!("changed: entry {number}:")]);
    let time = lines[at].replacen("\"time\":\"2", "\"time\":\"3", 1);
    with(time).found(&[&format!("changed: entry {number}:")]);
    let act = lines[at].replacen("flag.add", "flag.adx", 1);
    with(act).found(&[&format!("changed: entry {number}:")]);
    with("{}".to_owned()).found(&[
        &format!("unreadable: export, line {number}:"),
        &format!("deleted: entry {number}"),
    ]);

    let mut deleted = lines.clone();
    deleted.drain(at..at + 2);
    place.verify_export(&deleted).found(&[&format!("deleted: entries {number} to {}", number + 1)]);
    let mut reordered = lines.clone();
    reordered.swap(at, at + 1);
    place
        .verify_export(&reordered)
        .found(&[&format!("reordered: entry {number} stands after entry {}", number + 1)]);
    let size = lines.len() - 1;
    let cut = &lines[..size - 3];
    place.verify_export(cut).found(&[
        "cut off: the export does not end with a head",
        &format!("cut off: the log ends with entry {}", size - 3),
    ]);
    // A head put after the rest does not make it whole.
    let mut mended = cut.to_vec();
    mended.extend(lines.last().cloned());
    place.verify_export(&mended).found(&["cut off: the log ends with entry"]);
}

#[test]
fn a_folder_that_was_set_back_is_found_before_and_after_it_is_used() {
    let place = Place::new();
    place.run(0..3);
    copy(&place.path("data"), &place.path("copy"));
    place.run(3..9);
    place.verify_data().is_well();
    fs::remove_dir_all(place.path("data")).unwrap();
    copy(&place.path("copy"), &place.path("data"));
    place.verify_data().found(&["cut off: the log ends with entry"]);
    place.run(20..21);
    place.verify_data().found(&["rolled back: after entry"]);
    // Longer than it was, and everything in it signed.
    place.run(30..40);
    place.verify_data().found(&["rolled back: after entry"]);
}

#[test]
fn a_log_signed_anew_is_found() {
    let place = Place::new();
    place.run(0..3);
    let data = place.path("data");
    let key = done(&["key", "--data", data.to_str().unwrap()]);
    // Without its key a server goes on with another, and notes that.
    fs::remove_file(data.join("audit.key")).unwrap();
    place.run(3..6);
    let kept = ["--data", data.to_str().unwrap(), "--key", key.trim()];
    let verdict = place.verify(&kept);
    assert_eq!(verdict.0.status.code(), Some(1));
    let said = verdict.said();
    assert!(said.starts_with("re-signed: the head on line "), "{said}");
    assert!(said.contains(" to the log's own head (sizes "), "{said}");
    let lines = place.export("export");
    let mut keys = lines.iter().filter(|line| line.contains("\"act\":\"audit.key\""));
    let changed = keys.next_back().unwrap();
    assert!(changed.contains(&format!("\"before\":\"{}\"", key.trim())), "{changed}");
    // By its own word the first heads are a stranger's.
    let said = place.verify_data().said();
    assert!(said.starts_with("re-signed: the head on line 1 "), "{said}");
}

#[test]
#[cfg(unix)]
fn the_key_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.run(0..1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path("data").join("audit.key")), 0o600);
    place.export("export");
    assert_eq!(mode(&place.path("export")), 0o600);
}

#[test]
fn an_entry_is_proven_offline_with_the_key_alone() {
    let place = Place::new();
    place.run(0..5);
    let lines = place.export("export");
    let entry = (place_of(&lines, "flag.add") + 1).to_string();
    let data = place.path("data");
    let (data, export) = (data.to_str().unwrap(), place.path("export"));
    let key = done(&["key", "--data", data]);
    let key_file = file(place.folder.path(), "key", &key);
    let server = place.start();
    let url = server.url("");
    let by_server = done(&["prove", &entry, "--server", &url]);
    assert_eq!(server.stop(), 0);
    let by_folder = done(&["prove", &entry, "--data", data]);
    let by_export = done(&["prove", &entry, "--export", export.to_str().unwrap()]);
    for proof in [&by_folder, &by_export, &by_server] {
        let path = file(place.folder.path(), "proof", proof);
        let path = path.to_str().unwrap();
        for key in [key.trim(), key_file.to_str().unwrap()] {
            let said = done(&["check-proof", path, "--key", key]);
            assert!(said.starts_with(&format!("proven: entry {entry} of ")), "{said}");
            assert!(
                said.contains("flag.add at ")
                    && said.contains("by dispatcher with the token desk "),
                "{said}"
            );
        }
        let tampered = [
            proof.replacen("dispatcher", "somebody", 1),
            proof.replacen("flag.add", "flag.adx", 1),
            proof.replacen(&format!("\"entry\":{entry}"), "\"entry\":1", 1),
            proof.replacen("urn:interdict:test\\n", "urn:interdict:test\\n1", 1),
            "{}".to_owned(),
        ];
        for tampered in tampered {
            assert_ne!(tampered, *proof);
            let path = file(place.folder.path(), "proof", &tampered);
            let output = audit(&["check-proof", path.to_str().unwrap(), "--key", key.trim()]);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{tampered}");
        }
    }
    let other = "urn:interdict:test+00000000+AQID";
    let path = file(place.folder.path(), "proof", &by_folder);
    let wrong = audit(&["check-proof", path.to_str().unwrap(), "--key", other]);
    assert_eq!(wrong.status.code(), Some(2));
    let missing = audit(&["check-proof", "/nowhere", "--key", key.trim()]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_change_of_the_configuration_is_noted_once() {
    let place = Place::new();
    place.run(0..1);
    place.run(1..2);
    let text = fs::read_to_string(&place.config).unwrap();
    fs::write(&place.config, format!("{text}# another\n")).unwrap();
    place.run(2..3);
    let lines = place.export("export");
    let changes = lines.iter().filter(|line| line.contains("\"act\":\"configuration.change\""));
    let changes: Vec<Value> = changes.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(changes.len(), 2);
    let what = |change: usize| changes[change]["content"]["what"].clone();
    assert_eq!(what(1)["before"], what(0)["files"]);
    assert_ne!(what(1)["files"]["interdict.toml"], what(0)["files"]["interdict.toml"]);
}

#[test]
fn heads_are_sent_and_after_a_failure_the_newest_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/heads", listener.local_addr().unwrap());
    let place = Place::with(&format!("heads_url = '{url}'\nheads_every = 1\n"));
    let server = place.start();
    let key = server.request("GET", "/v1/audit/key", None).1;
    let key = key.as_str().unwrap().parse().unwrap();
    let mut sizes = Vec::new();
    // Refused until a newer head comes than the first; then taken.
    while sizes.first() >= sizes.last() {
        let (mut stream, _) = listener.accept().unwrap();
        let head = interdict::audit::SignedHead::parse(&posted(&stream)).unwrap();
        assert_eq!(head.verify(&key), Ok(()));
        sizes.push(head.head.size);
        // While this one waits for its answer, the server goes on, and there is a newer one.
        enrol_and_flag(&server, u32::try_from(sizes.len()).unwrap());
        let is_newer = sizes.first() < sizes.last();
        let answer = if is_newer { "200 OK" } else { "503 Service Unavailable" };
        write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
    }
    let (stream, _) = listener.accept().unwrap();
    let next = interdict::audit::SignedHead::parse(&posted(&stream)).unwrap();
    assert!(sizes.is_sorted() && Some(&next.head.size) > sizes.last(), "{sizes:?}");
}

/// The body of a request.
fn posted(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn a_kill_leaves_log_and_events_in_step() {
    let place = Place::new();
    let mut last = 0;
    for round in 0..4_u32 {
        let server = place.start();
        let tellers: Vec<_> = (0..3_u32)
            .map(|teller| {
                let (http, dispatcher) = (server.http, server.dispatcher().to_owned());
                let first = round * 10_000 + teller * 1_000;
                std::thread::spawn(move || tell_until_gone(http, dispatcher, first))
            })
            .collect();
        let mut events = server.events(0);
        for _ in 0..10 + round * 7 {
            events.next("flag.added");
        }
        server.kill();
        let told: u32 = tellers.into_iter().map(|teller| teller.join().unwrap()).sum();
        let verdict = place.verify_data();
        verdict.is_well();
        let lines = place.export(&format!("export-{round}"));
        let added = |act: &str| {
            lines.iter().filter(|line| line.contains(&format!("\"act\":\"{act}\""))).count()
        };
        let flags = added("interdict.flag.added");
        assert_eq!(flags, added("flag.add"), "what people did and what came of it, or neither");
        assert!(flags >= last + told as usize, "{flags} flags, and {told} were acknowledged");
        last = flags;
    }
}

/// Adds flags until the server is gone; how many it acknowledged.
fn tell_until_gone(http: std::net::SocketAddr, dispatcher: String, first: u32) -> u32 {
    let client =
        |token| interdict::client::Client::new(&format!("http://{http}"), Some(token)).unwrap();
    let (admin, dispatcher) = (client(TOKEN.to_owned()), client(dispatcher));
    for number in 0.. {
        let device = (first + number).to_string();
        let enrol = json!({"device": device, "vehicle": device});
        if admin.post("/v1/devices", &enrol).is_err()
            || dispatcher.post("/v1/flags", &flag_of(&device)).is_err()
        {
            return number;
        }
    }
    unreachable!("a server that is killed is gone")
}
