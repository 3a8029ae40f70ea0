//! What is on the disk of whom nobody looks for, what is kept of classes that have a period, and what is
//! left of a flag that should never have been, with the real program.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use interdict::retention::purge_due;
use interdict::store::{Store, Target};
use interdict_engine::{Class, Input, Observation, Record, RecordId, Used, Vehicle};
use interdict_protocols::{Fix, Time};
use serde_json::{Value, json};
use support::{Server, eventually, fix_ago, folder};

/// Somebody's vehicle: what must not be found of it.
struct Sought {
    id: &'static str,
    device: &'static str,
    plate: &'static str,
    latitude: f64,
    longitude: f64,
}

const NOBODYS: Sought = Sought {
    id: "quiet-vehicle-7731",
    device: "13877310001",
    plate: "辽B·Q7731",
    latitude: 38.946_137,
    longitude: 121.573_829,
};

const WANTED: Sought = Sought {
    id: "wanted-vehicle-4402",
    device: "13844020001",
    plate: "辽B·W4402",
    latitude: 38.917_253,
    longitude: 121.618_461,
};

/// Of the class whose tracks are kept.
const MONEY: Sought = Sought {
    id: "money-vehicle-5519",
    device: "13855190001",
    plate: "辽B·M5519",
    latitude: 38.938_412,
    longitude: 121.642_957,
};

impl Sought {
    /// Everything that tells of it, in each encoding that the store or a protocol might leave it in.
    fn traces(&self) -> Vec<(String, Vec<u8>)> {
        let (gbk, _, _) = encoding_rs::GBK.encode(self.plate);
        let escaped: String =
            self.plate.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let mut traces = vec![
            ("id".to_owned(), self.id.into()),
            ("device".to_owned(), self.device.into()),
            ("plate in UTF-8".to_owned(), self.plate.into()),
            ("plate in GBK".to_owned(), gbk.into_owned()),
            ("plate, escaped".to_owned(), escaped.to_lowercase().into()),
            (
                "plate, escaped in capitals".to_owned(),
                escaped.to_uppercase().replace("\\U", "\\u").into(),
            ),
            // A part that is ASCII is the same in all of them.
            ("plate's number".to_owned(), self.plate.rsplit('·').next().expect("a number").into()),
        ];
        for (name, degrees) in [("latitude", self.latitude), ("longitude", self.longitude)] {
            let micro = (degrees * 1e6).round() as i32;
            let tenth_micro = (degrees * 1e7).round() as i32;
            // To four digits: a rounded place is one, too.
            let text = format!("{degrees:.6}");
            let numbers: [(&str, Vec<u8>); 7] = [
                ("as text", text[..text.len() - 2].into()),
                ("as f64, little-endian", degrees.to_le_bytes().into()),
                ("as f64, big-endian", degrees.to_be_bytes().into()),
                ("in 1e-6, little-endian", micro.to_le_bytes().into()),
                ("in 1e-6, big-endian", micro.to_be_bytes().into()),
                ("in 1e-7, little-endian", tenth_micro.to_le_bytes().into()),
                ("in 1e-7, big-endian", tenth_micro.to_be_bytes().into()),
            ];
            traces.extend(numbers.map(|(how, bytes)| (format!("{name} {how}"), bytes)));
        }
        traces
    }

    fn fix(&self, ago_ms: i64) -> Fix {
        let mut fix = fix_ago(ago_ms, self.latitude, self.longitude);
        (fix.speed_kmh, fix.course_deg) = (Some(38.0), Some(12.0));
        fix
    }

    fn enrol(&self, server: &Server, class: &str) {
        server.enrol(self.device, self.id, self.plate, class);
    }

    /// What is kept of its track of the last hour, as the server answers it.
    fn track(&self, server: &Server) -> Vec<Value> {
        let track = server.get(&format!("/v1/vehicles/{}/track?reason=audit", self.id));
        assert_eq!((&track["vehicle"]["id"], &track["next"]), (&json!(self.id), &Value::Null));
        track["fixes"].as_array().expect("a list").clone()
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Which traces are where in the folder.
fn search(folder: &Path, sought: &Sought) -> Vec<(String, PathBuf)> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    assert!(paths.len() > 3, "there is something to search: {paths:?}");
    let traces = sought.traces();
    let mut found = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).expect("readable");
        for (name, trace) in &traces {
            if memchr::memmem::find(&bytes, trace).is_some() {
                found.push((name.clone(), path.clone()));
            }
        }
    }
    found
}

/// That the search finds each trace where there is one, among other bytes, and in a database that keeps
/// as it is what the store seals.
fn prove_search(data: &Path, sought: &Sought) {
    let planted = data.join("planted");
    fs::create_dir(&planted).expect("made");
    for (number, (_, trace)) in sought.traces().into_iter().enumerate() {
        let mut bytes = vec![0x5a; 4_097];
        bytes.extend_from_slice(&trace);
        bytes.extend_from_slice(&[0xa5; 33]);
        fs::write(planted.join(number.to_string()), bytes).expect("written");
    }
    let found = search(data, sought);
    for (number, (name, _)) in sought.traces().into_iter().enumerate() {
        let place = (name, planted.join(number.to_string()));
        assert!(found.contains(&place), "{place:?} is not found");
    }
    fs::remove_dir_all(&planted).expect("taken away");
    let database = sled::open(data.join("unsealed")).expect("a database");
    let vehicle =
        Vehicle { plate: Some(sought.plate.into()), ..Vehicle::unknown(sought.id.into()) };
    let fix = sought.fix(0);
    let input =
        Input::Fix(Observation { device: sought.device.into(), vehicle: sought.id.into(), fix });
    let used = Used { vehicle: Some(vehicle), ..Used::default() };
    let record = Record { id: RecordId(1), at: Time::from_seconds(1), input, used };
    let line = serde_json::to_vec(&record).expect("JSON");
    database.insert(b"r", line).expect("inserted");
    database.flush().expect("durable");
    drop(database);
    let found = search(data, sought);
    for name in ["id", "device", "plate in UTF-8", "latitude as text", "longitude as text"] {
        assert!(found.iter().any(|(found, _)| found == name), "{name} in {found:?}");
    }
    fs::remove_dir_all(data.join("unsealed")).expect("taken away");
    assert_eq!(search(data, sought), []);
}

fn emergency(vehicle: &str) -> Value {
    json!({
        "vehicle": vehicle, "reason": "stolen", "case": "C-1", "authority": "test", "emergency": true
    })
}

#[test]
fn nothing_on_the_disk_tells_of_a_vehicle_that_nobody_looks_for() {
    let place = folder();
    let (data, config) = (place.path().join("data"), place.path().join("interdict.toml"));
    fs::write(&config, "[retention.unflagged_s]\narmoured = 604800\n").expect("written");
    let more = ["--config", config.to_str().expect("UTF-8")];
    let server = Server::start(&data, &["jt808"], &more);
    for (sought, class) in [(&NOBODYS, "corporate"), (&WANTED, "taxi"), (&MONEY, "armoured")] {
        sought.enrol(&server, class);
    }
    let mut money = server.tracker("jt808", MONEY.device);
    let mut quiet = server.tracker("jt808", NOBODYS.device);
    let mut wanted = server.tracker("jt808", WANTED.device);
    server.flag(&emergency(WANTED.id));
    for ago_s in (0..20).rev() {
        assert!(quiet.report(&NOBODYS.fix(ago_s * 1_000)));
        assert!(wanted.report(&WANTED.fix(ago_s * 1_000)));
        assert!(money.report(&MONEY.fix(ago_s)));
    }
    // Reads of it are noted, and name it.
    let path = format!("/v1/vehicles/{}?reason=lost", NOBODYS.id);
    let read = server.get(&path);
    assert_eq!(read["vehicle"]["plate"], NOBODYS.plate);
    assert!(read["fix"]["latitude"].is_number());
    let tracks = |server: &Server| [&NOBODYS, &WANTED, &MONEY].map(|it| it.track(server).len());
    assert_eq!(tracks(&server), [0, 20, 20]);
    assert_eq!(server.stop(), 0);
    for sought in [&NOBODYS, &MONEY] {
        assert_eq!(search(&data, sought), [], "after an orderly end, with its snapshot");
    }

    let server = Server::start(&data, &["jt808"], &more);
    let read = server.get(&path);
    assert_eq!((&read["vehicle"]["plate"], &read["fix"]), (&json!(NOBODYS.plate), &Value::Null));
    let mut quiet = server.tracker("jt808", NOBODYS.device);
    assert!(quiet.report(&NOBODYS.fix(0)));
    // What was answered is kept: a kill follows.
    let mut money = server.tracker("jt808", MONEY.device);
    assert!(money.report(&MONEY.fix(0)));
    // It left no record; the flagged one has.
    let report = |sought: &Sought| {
        server.get(&format!("/v1/subjects/{}/report?reason=request%2012", sought.id))
    };
    let of_nobody = report(&NOBODYS);
    assert_eq!((&of_nobody["events"], &of_nobody["flags"]), (&json!({}), &json!([])));
    assert_eq!(report(&WANTED)["flags"].as_array().expect("a list").len(), 1);
    server.kill();
    for sought in [&NOBODYS, &WANTED, &MONEY] {
        assert_eq!(search(&data, sought), [], "after a kill");
        prove_search(&data, sought);
    }

    let server = Server::start(&data, &["jt808"], &more);
    assert_eq!(tracks(&server), [0, 20, 21]);
    for fix in MONEY.track(&server) {
        let degrees = |name: &str| fix[name].as_f64().expect("degrees");
        assert!((degrees("latitude") - MONEY.latitude).abs() < 1e-6, "{fix}");
        assert!((degrees("longitude") - MONEY.longitude).abs() < 1e-6, "{fix}");
        assert_eq!((&fix["device"], &fix["speed_kmh"]), (&json!(MONEY.device), &json!(38.0)));
    }
    let report = |sought: &Sought| {
        server.get(&format!("/v1/subjects/{}/report?reason=request%2012", sought.id))
    };
    assert_eq!(
        (&report(&NOBODYS)["tracks"], report(&MONEY)["records"].is_null()),
        (&json!([]), true)
    );
    let held = &report(&MONEY)["tracks"];
    assert!(held.as_array().expect("a list").iter().all(|day| day["class"] == "armoured"));
    assert_eq!(sum(held), 21);
    assert_eq!(report(&WANTED)["tracks"][0]["class"], Value::Null);
    // Who looked at it is noted, and why.
    let acts = &report(&MONEY)["acts"];
    let acts: Vec<_> = acts.as_array().expect("a list").iter().map(|act| &act["act"]).collect();
    assert!(acts.contains(&&json!("vehicle.track")), "{acts:?}");
    assert_eq!(server.stop(), 0);

    // The day is over for more than a week.
    let later = fix_ago(-9 * 86_400, 0.0, 0.0).fix_time;
    let periods = interdict::config::Retention {
        unflagged_s: [(Class::Armoured, 604_800.0)].into(),
        ..Default::default()
    };
    let store = Store::open_existing(&data).expect("opened");
    let purged = purge_due(&store, &periods, later).expect("purged").gone;
    assert!(!purged.is_empty());
    assert!(purged.iter().all(|gone| matches!(gone, Target::ClassDay { .. })), "{purged:?}");
    assert_eq!(purge_due(&store, &periods, later).expect("purged").gone, []);
    drop(store);
    assert_eq!(keys(&data, &["class-"]), 0);
    assert_eq!(search(&data, &MONEY), [], "after its purge");
    let server = Server::start(&data, &["jt808"], &more);
    assert_eq!(tracks(&server), [0, 20, 0]);
    let report = server.get(&format!("/v1/subjects/{}/report?reason=request%2012", MONEY.id));
    assert_eq!(report["tracks"], json!([]));
}

/// How many fixes a report on a vehicle lists.
fn sum(tracks: &Value) -> u64 {
    let tracks = tracks.as_array().expect("a list").iter();
    tracks.map(|held| held["count"].as_u64().expect("a number")).sum()
}

#[test]
fn a_track_is_exported_for_replay_and_goes_with_its_class_s_period() {
    let place = folder();
    let (data, config) = (place.path().join("data"), place.path().join("interdict.toml"));
    fs::write(&config, "[retention.unflagged_s]\npatrol = '86400'\ntank = 1\n").expect("written");
    let check = run_as("", &["check", "--config", config.to_str().expect("UTF-8")]);
    assert!(text(&check.stderr).contains("retention.unflagged_s"), "{}", text(&check.stderr));
    fs::write(&config, "[retention.unflagged_s]\npatrol = 86400\n").expect("written");
    let more = ["--config", config.to_str().expect("UTF-8")];
    let server = Server::start(&data, &["jt808"], &more);
    MONEY.enrol(&server, "patrol");
    let mut money = server.tracker("jt808", MONEY.device);
    // Northward to Houyan, of the built-in checkpoints.
    for ago_s in (0..60).rev() {
        let mut fix = fix_ago(ago_s, 39.030_8 - 0.000_15 * ago_s as f64, 121.630_4);
        (fix.speed_kmh, fix.course_deg) = (Some(60.0), Some(0.0));
        assert!(money.report(&fix));
    }
    let url = server.url("");
    let asked = ["vehicle", MONEY.plate, "--track", "--server", &url];
    let without = run_as(server.dispatcher(), &asked);
    assert!(text(&without.stderr).contains("for a reason only"), "{}", text(&without.stderr));
    let with = |more: &[&str]| {
        let asked = [&asked[..], &["--reason", "crash 3"], more].concat();
        let read = run_as(server.dispatcher(), &asked);
        assert!(read.status.success(), "{}", text(&read.stderr));
        text(&read.stdout)
    };
    let shown = with(&["--from", "10m"]);
    assert_eq!(shown.lines().count(), 60, "{shown}");
    assert!(shown.contains("39.0308, 121.6304  60.0 km/h"), "{shown}");
    let exported = with(&["--format", "json"]);
    let file = place.path().join("track.jsonl");
    fs::write(&file, &exported).expect("written");
    let path = file.to_str().expect("UTF-8");
    let replayed = run_as("", &["replay", "--flag-all", path]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    let told = text(&replayed.stdout);
    assert!(told.contains("alert.raised") && told.contains(MONEY.device), "{told}");
    assert!(!text(&replayed.stderr).contains("bad rows"), "{}", text(&replayed.stderr));
    assert!(with(&["--from", "2h", "--to", "1h"]).is_empty());
    assert_eq!(server.stop(), 0);

    // It is another class's from now on, whose tracks are not kept.
    let server = Server::start(&data, &["jt808"], &more);
    MONEY.enrol(&server, "corporate");
    let mut money = server.tracker("jt808", MONEY.device);
    assert!(money.report(&MONEY.fix(0)));
    assert_eq!(MONEY.track(&server).len(), 60);
    assert_eq!(server.stop(), 0);

    // Without a period nothing is kept, and what was kept goes.
    fs::write(&config, "").expect("written");
    let server = Server::start(&data, &["jt808"], &more);
    eventually("the keys are destroyed", || keys(&data, &["class-"]) == 0);
    assert_eq!(MONEY.track(&server), Vec::<Value>::new());
    assert_eq!(server.stop(), 0);
}

fn run_as(token: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .env("INTERDICT_TOKEN", token)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How many keys there are whose names begin so.
fn keys(data: &Path, prefixes: &[&str]) -> usize {
    let names = fs::read_dir(data.join("keys")).expect("keys");
    let names =
        names.map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII"));
    names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).count()
}

fn flags_keys(data: &Path) -> usize {
    keys(data, &["tracks-", "alerts-"])
}

#[test]
fn a_wrong_flag_is_purged_and_recalled_and_the_log_still_verifies() {
    let place = folder();
    let (data, config) = (place.path().join("data"), place.path().join("interdict.toml"));
    fs::write(&config, "[retention]\nwrong_s = 0\n").expect("written");
    let more = ["--config", config.to_str().expect("UTF-8")];
    let server = Server::start(&data, &["jt808"], &more);
    WANTED.enrol(&server, "corporate");
    let mut wanted = server.tracker("jt808", WANTED.device);
    let mut linked = emergency(WANTED.id);
    linked["scope"] = "linked".into();
    let flag = server.flag(&linked);
    let id = flag["id"].as_str().expect("an id").to_owned();
    assert!(wanted.report(&WANTED.fix(0)));
    let auditor = json!({"name": "records", "role": "auditor"});
    let auditor =
        server.post("/v1/tokens", &auditor)["token"].as_str().expect("a token").to_owned();
    let url = server.url("");
    let held =
        run_as(&auditor, &["flag", "hold", &id, "--reason", "complaint 7", "--server", &url]);
    assert!(held.status.success(), "{}", text(&held.stderr));
    let (status, _) = server.request_as(
        server.dispatcher(),
        "POST",
        &format!("/v1/flags/{id}/withdraw"),
        Some(&json!({"reason": "wrong"})),
    );
    assert_eq!(status, 200);
    assert_eq!(flags_keys(&data), 2);
    assert_eq!(server.stop(), 0);

    // A start purges what is due, and this is held.
    let server = Server::start(&data, &["jt808"], &more);
    let url = server.url("");
    let report = run_as(
        &auditor,
        &[
            "subject",
            "report",
            "--vehicle",
            WANTED.plate,
            "--reason",
            "complaint 7",
            "--server",
            &url,
        ],
    );
    let said = text(&report.stdout);
    assert!(report.status.success(), "{said}{}", text(&report.stderr));
    for part in ["interdict.flag.withdrawn", "complaint 7", "flag.hold", "flag.add", &id] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let released =
        run_as(&auditor, &["flag", "release", &id, "--reason", "closed", "--server", &url]);
    assert!(released.status.success(), "{}", text(&released.stderr));
    assert_eq!(flags_keys(&data), 2);
    let heads = place.path().join("heads");
    let head = server.get("/v1/audit/head");
    fs::write(&heads, head.as_str().expect("a note")).expect("written");
    assert_eq!(server.stop(), 0);

    let server = Server::start(&data, &["jt808"], &more);
    let mut events = server.events(0);
    let recalled = events.next("flag.recalled");
    assert_eq!((&recalled["subject"], &recalled["data"]["flag"]), (&json!(id), &json!(id)));
    assert!(!recalled.to_string().contains(WANTED.id));
    assert_eq!(recalled["data"]["linked"], json!(true), "neighbours were told of it, too");
    eventually("the keys are destroyed", || flags_keys(&data) == 0);
    let left: Vec<Value> = server.all_events();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(server.stop(), 0);
    // Each event is held to what was noted of it, too.
    let folder = data.to_str().expect("UTF-8");
    let heads = heads.to_str().expect("UTF-8");
    let verified = run_as(&auditor, &["audit", "verify", "--data", folder, "--heads", heads]);
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
}

/// Whether a key is overwritten, or gone meanwhile.
fn is_any_overwritten(data: &Path) -> bool {
    let mut files = fs::read_dir(data.join("keys")).expect("keys");
    files.any(|entry| {
        let bits = fs::read(entry.expect("an entry").path());
        bits.map_or(true, |bits| bits.iter().all(|byte| *byte == 0))
    })
}

/// Starts the program and kills it once `is_time` says so.
fn kill_once(data: &Path, more: &[&str], is_time: impl Fn() -> bool) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["serve", "--http", "127.0.0.1:0", "--port", "jt808=127.0.0.1:0", "--data"])
        .arg(data)
        .args(more)
        .env("INTERDICT_ADMIN_TOKEN", support::TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    eventually("the time to kill", is_time);
    child.kill().expect("still running");
    child.wait().expect("ends");
}

#[test]
fn kills_while_flags_are_purged_leave_no_key_and_recall_each_once() {
    const FLAGS: usize = 8;
    let place = folder();
    let (data, config) = (place.path().join("data"), place.path().join("interdict.toml"));
    fs::write(&config, "[retention]\nwrong_s = 0\n").expect("written");
    let more = ["--config", config.to_str().expect("UTF-8")];
    let server = Server::start(&data, &["jt808"], &more);
    WANTED.enrol(&server, "corporate");
    let mut wrong: Vec<String> = (0..FLAGS)
        .map(|_| {
            let flag = server.flag(&emergency(WANTED.id));
            let id = flag["id"].as_str().expect("an id").to_owned();
            let path = format!("/v1/flags/{id}/withdraw");
            let reason = json!({"reason": "wrong"});
            let (status, answer) =
                server.request_as(server.dispatcher(), "POST", &path, Some(&reason));
            assert_eq!(status, 200, "{answer}");
            id
        })
        .collect();
    let heads = place.path().join("heads");
    let head = server.get("/v1/audit/head");
    fs::write(&heads, head.as_str().expect("a note")).expect("written");
    assert_eq!(server.stop(), 0);
    assert_eq!(flags_keys(&data), 2 * FLAGS);

    // As soon as a key is overwritten, then as soon as one is gone, then while the rest goes.
    kill_once(&data, &more, || is_any_overwritten(&data));
    for _ in 0..3 {
        let before = flags_keys(&data);
        kill_once(&data, &more, || before == 0 || flags_keys(&data) < before);
    }

    let server = Server::start(&data, &["jt808"], &more);
    eventually("the keys are destroyed", || flags_keys(&data) == 0);
    let left: Vec<Value> = server.all_events();
    let mut recalled: Vec<String> = left
        .iter()
        .map(|event| {
            assert_eq!(event["type"], "interdict.flag.recalled", "{event}");
            event["data"]["flag"].as_str().expect("an id").to_owned()
        })
        .collect();
    wrong.sort();
    recalled.sort();
    assert_eq!(recalled, wrong);
    assert_eq!(server.stop(), 0);
    let (folder, heads) = (data.to_str().expect("UTF-8"), heads.to_str().expect("UTF-8"));
    let verified = run_as(support::TOKEN, &["audit", "verify", "--data", folder, "--heads", heads]);
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
}
