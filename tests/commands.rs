//! The commands that talk to a server, as a person runs them.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use api_support::{ADMIN, START, Server};
use interdict_engine::{Input, Observation};
use interdict_protocols::Fix;

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    command.args(arguments).args(["--server", url]).env("INTERDICT_TOKEN", ADMIN);
    command
}

/// Flags are the dispatcher's, all else is the admin's.
fn run(server: &Server, arguments: &[&str]) -> Output {
    let mut command = command(&server.url, arguments);
    if arguments[0] == "flag" {
        command.env("INTERDICT_TOKEN", server.dispatcher_token());
    }
    command.output().unwrap()
}

/// What a command that succeeds prints.
fn said(server: &Server, arguments: &[&str]) -> String {
    let output = run(server, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails complains of: one line.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn where_a_vehicle_is_is_shown_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "辽B·T0001");
    assert!(complaint(&run(&server, &["vehicle", "v"])).contains("?reason=TEXT"));
    let shown = ["vehicle", "辽b t0001", "--reason", "A-17"];
    assert_eq!(said(&server, &shown), "v, taxi, plate 辽B·T0001, unit -\nnot heard for a day\n");
    let fix = Fix::new(START, 38.9, 121.6).unwrap();
    let observation = Observation { device: "1".into(), vehicle: "v".into(), fix };
    server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    let text = said(&server, &shown);
    let second = text.lines().nth(1).unwrap();
    assert!(second.starts_with("38.9, 121.6 at 2027-01-15 16:00:00, "), "{text}");
    let json = said(&server, &["vehicle", "v", "--reason", "A-17", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["fix"]["latitude"], 38.9);
}

const FLAG: [&str; 7] =
    ["--reason", "stolen", "--case", "A-17", "--authority", "duty officer", "--emergency"];

#[test]
fn a_device_is_enrolled_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(said(&server, &["device", "list"]), "no device is enrolled\n");
    let enrol = [
        "device",
        "enrol",
        "--device",
        "13800000001",
        "--vehicle",
        "taxi-1",
        "--plate",
        "辽B·T0001",
    ];
    assert_eq!(said(&server, &enrol), "added: 13800000001 in taxi-1\n");
    assert_eq!(said(&server, &enrol), "unchanged: 13800000001 in taxi-1\n");
    let listed = said(&server, &["device", "list"]);
    assert!(
        listed.lines().nth(1).unwrap().starts_with("13800000001  taxi-1   辽B·T0001"),
        "{listed}"
    );
    let fix = Fix::new(START, 38.9, 121.6).unwrap();
    let observation = Observation { device: "13800000001".into(), vehicle: "taxi-1".into(), fix };
    server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    let listed = said(&server, &["device", "list"]);
    let heard = listed.lines().nth(1).unwrap();
    assert!(heard.contains("2027-01-15 16:00:") && !heard.contains("38.9"), "{listed}");
    server.registry.refuse(&"9\u{1b}[2J".into(), "gt06", "192.0.2.7:5");
    let refused = said(&server, &["device", "list", "--refused"]);
    assert!(refused.contains("9\\u{1b}[2J  gt06      192.0.2.7:5  1"), "{refused}");
    assert_eq!(said(&server, &["device", "revoke", "13800000001"]), "revoked: 13800000001\n");
    assert!(complaint(&run(&server, &["device", "revoke", "13800000001"])).contains("no device"));
}

#[test]
fn a_fleet_is_imported_or_its_bad_lines_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"device,vehicle,plate,class,unit\n1,v1,P1,taxi,u\n2,v2,P2,tank,u\n").unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&server, &["device", "import", path]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with(&format!("{path}:3: class `tank` is not")), "{errors}");
    assert!(errors.contains("nothing was enrolled"), "{errors}");
    let report = said(&server, &["device", "import", path, "--skip-bad"]);
    assert_eq!(report, "1 added, 0 changed, 0 as before, 1 bad\n");
    assert!(
        complaint(&run(&server, &["device", "import", "/no/such/file"])).contains("/no/such/file")
    );
}

#[test]
fn a_flag_is_added_listed_and_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "taxi-1", "辽B·T0001");
    let mut add = vec!["flag", "add", "--vehicle", "辽b t0001", "--expires", "2h"];
    add.extend(FLAG);
    let added = said(&server, &add);
    let id = added.strip_prefix("flag ").unwrap().split(' ').next().unwrap();
    assert!(added.contains(" on 辽B·T0001 (taxi, taxi-1) holds until 20"), "{added}");
    let listed = said(&server, &["flag", "list"]);
    assert!(listed.lines().nth(1).unwrap().starts_with(id), "{listed}");
    let json: serde_json::Value =
        serde_json::from_str(&said(&server, &["flag", "list", "--format", "json"])).unwrap();
    assert_eq!(json["id"], id);
    let withdrawn = said(&server, &["flag", "withdraw", id, "--reason", "handled"]);
    assert_eq!(withdrawn, format!("flag {id} on 辽B·T0001 (taxi, taxi-1) withdrawn\n"));
    assert_eq!(said(&server, &["flag", "list"]), "no flag holds\n");
    add[3] = "辽B·X9999";
    let told = said(&server, &add);
    assert!(told.contains("on 辽B·X9999 (other, plate:辽BX9999) holds until 20"), "{told}");
    assert!(told.contains("\n  tracker: none;"), "{told}");
    add[5] = "soon";
    assert_eq!(run(&server, &add).status.code(), Some(2), "wrong use");
}

#[test]
fn a_token_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let printed = said(&server, &["token", "add", "--name", "wang", "--role", "operator"]);
    let secret = printed.trim_end();
    assert!(secret.starts_with("idt_") && !secret.contains(char::is_whitespace), "{printed}");
    assert!(server.client(secret).get("/v1/flags").is_ok());
    let listed = said(&server, &["token", "list"]);
    assert!(listed.contains("wang") && !listed.contains(secret), "{listed}");
    let phone = ["token", "add", "--name", "phone", "--person", "wang", "--role", "analyst"];
    said(&server, &phone);
    said(&server, &["token", "add", "--name", "cases", "--role", "analyst", "--service"]);
    let listed = said(&server, &["token", "list"]);
    let mut rows = listed.lines().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>());
    for row in [["phone", "wang", "person", "analyst"], ["cases", "cases", "service", "analyst"]] {
        assert!(rows.clone().any(|found| found == row), "{listed}");
    }
    assert_eq!(rows.next().unwrap(), ["name", "person", "kind", "role"]);
    let mine = ["token", "add", "--name", "y", "--person", "cases", "--role", "analyst"];
    let said_no = complaint(&run(&server, &mine));
    assert!(said_no.contains("`cases` is known as a service"), "{said_no}");
    said(&server, &["token", "revoke", "wang"]);
    assert!(server.client(secret).get("/v1/flags").is_err());
    assert_eq!(
        run(&server, &["token", "add", "--name", "x", "--role", "king"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_log_is_exported_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let audit = |unit: &[&str]| {
        let name = format!("auditor of {unit:?}");
        let add = ["token", "add", "--name", &name, "--role", "auditor"];
        let token = said(&server, &[&add, unit].concat());
        let out = folder.path().join(&name).into_os_string().into_string().unwrap();
        let mut export = command(&server.url, &["audit", "export", &out]);
        export.env("INTERDICT_TOKEN", token.trim_end()).output().unwrap()
    };
    let whole = audit(&[]);
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    assert!(audit(&["--unit", "city"]).status.success(), "there is nothing above the city");
    let said_no = complaint(&audit(&["--unit", "station"]));
    assert!(said_no.contains("the entries of station alone"), "{said_no}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    // A port that was free a moment ago and that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{free}");
    for arguments in
        [&["flag", "list"][..], &["device", "list"], &["token", "list"], &["subscribe"]]
    {
        let text = complaint(&command(&nobody, arguments).output().unwrap());
        assert!(text.contains(&nobody) && text.contains("connection refused"), "{text}");
        let text = complaint(&command("localhost", arguments).output().unwrap());
        assert!(
            text.contains("no server's address") || text.contains("is not a server's address"),
            "{text}"
        );
        let mut unarmed = command(&server.url, arguments);
        let text = complaint(&unarmed.env_remove("INTERDICT_TOKEN").output().unwrap());
        assert!(text.contains("INTERDICT_TOKEN"), "{text}");
        let mut wrong = command(&server.url, arguments);
        let text = complaint(&wrong.env("INTERDICT_TOKEN", "wrong").output().unwrap());
        assert!(text.contains("a token in force is needed"), "{text}");
    }
    assert!(complaint(&run(&server, &["subscribe", "--after", "99"])).contains("the latest is 0"));
}

/// A running `subscribe`; killed when dropped.
struct Subscriber(Child);

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn subscribe_goes_on_after_a_restart_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "P");
    let first = server.flag("v");
    let mut child = command(&server.url, &["subscribe", "--after", "0", "--json"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut subscriber = Subscriber(child);
    let mut lines = BufReader::new(subscriber.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap()).unwrap() };
    assert_eq!(next()["data"]["flag"]["id"], first);
    let address = server.address();
    drop(server);
    let server = Server::start_on(folder.path(), &address);
    let second = server.flag("v");
    let event = next();
    assert_eq!((&event["sequence"], &event["data"]["flag"]["id"]), (&"2".into(), &second.into()));
}

#[test]
fn subscribe_writes_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "辽B·T0001");
    let id = server.flag("v");
    let mut child = command(&server.url, &["subscribe", "--after", "0"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut subscriber = Subscriber(child);
    let mut line = String::new();
    BufReader::new(subscriber.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    // The server's clock starts at 2027-01-15 08:00:00 UTC.
    assert!(line.starts_with("2027-01-15 16:0"), "{line}");
    let said = format!(
        "  flag.added        {id} on 辽B·T0001 (taxi): stolen A-17, by duty officer; emergency, \
             lapses without an approval\n"
    );
    assert!(line.ends_with(&said), "{line}");
}
