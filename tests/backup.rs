//! `backup` and `restore`, with the real program.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use interdict_protocols::{Alarm, AlarmSet, Fix};
use serde_json::{Value, json};
use support::{Server, fix_ago, folder};

fn sos(fix: Fix) -> Fix {
    Fix { alarms: AlarmSet::only(Alarm::Sos), ..fix }
}

/// Runs the program as the holder of that token.
fn run_as(token: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .env("INTERDICT_TOKEN", token)
        .output()
        .expect("the program starts")
}

fn run(arguments: &[&str]) -> Output {
    run_as(support::TOKEN, arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path as an argument.
fn argument(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A server with a flagged car near a checkpoint, so that there is an alert.
fn busy(data: &Path) -> Server {
    let server = Server::start(data, &["jt808"], &[]);
    server.enrol("13800000001", "car-1", "辽B·00001", "corporate");
    let mut car = server.tracker("jt808", "13800000001");
    // Fifty metres to Houyan.
    let mut fix = fix_ago(0, 39.030_8 - 0.000_45, 121.630_4);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(car.report(&fix));
    let mut events = server.events(0);
    let flag = json!({"vehicle": "car-1", "reason": "stolen", "case": "C-1", "authority": "test", "emergency": true});
    server.flag(&flag);
    events.next("alert.raised");
    assert!(car.report(&sos(fix_ago(1_000, 39.0, 121.6))));
    server
}

/// What people see: flags, alerts' identities, devices, tokens.
fn seen(server: &Server) -> Vec<Value> {
    let mut seen: Vec<Value> =
        ["/v1/flags", "/v1/devices", "/v1/tokens"].map(|path| server.get(path)).into();
    // When they were heard is known by each server for itself.
    for device in seen[1]["devices"].as_array_mut().expect("a list") {
        device.as_object_mut().expect("a document").remove("health");
    }
    let alerts = server.get("/v1/alerts")["alerts"].take();
    let alerts = alerts.as_array().expect("a list").iter().map(|alert| alert["alert"].clone());
    seen.push(alerts.collect());
    seen
}

/// What the audit log's entries on `act` say, in order.
fn noted(server: &Server, act: &str) -> Vec<Value> {
    let mut entries = server.get("/v1/audit?limit=10000")["entries"].take();
    let entries = entries.as_array_mut().expect("a list").iter_mut();
    entries.filter(|entry| entry["act"] == act).map(|entry| entry["content"].take()).collect()
}

#[test]
fn a_server_is_backed_up_while_it_runs_and_restored_elsewhere() {
    let place = folder();
    let path = |name: &str| place.path().join(name);
    let server = busy(&path("data"));
    let officer = server.post("/v1/tokens", &json!({"name": "wang", "role": "dispatcher"}));
    let officer = officer["token"].as_str().expect("a secret");
    let (url, out) = (server.url(""), path("night.backup"));
    let made = run(&["backup", argument(&out), "--server", &url, "--reason", "nightly"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("latest event 3"), "{}", text(&made.stdout));
    assert_eq!(made.stderr, b"", "no progress but on a terminal");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = run(&["backup", argument(&out), "--server", &url]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"), "{}", text(&again.stderr));
    let refused = run_as(officer, &["backup", argument(&path("x")), "--server", &url]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("may not"), "{}", text(&refused.stderr));
    assert!(!path("x").exists());
    let (seen_then, events_then) = (seen(&server), server.all_events());
    // What comes after the backup is lost with the server.
    let flag = json!({"vehicle": "car-1", "reason": "wanted_person", "case": "C-2", "authority": "test", "emergency": true});
    server.flag(&flag);
    let lost: u64 = server.get("/v1/alerts")["cursor"].as_u64().expect("a cursor");
    server.kill();

    let restored = run(&["restore", argument(&out), "--data", argument(&path("new"))]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert!(!path("new/audit.key").exists(), "the key is not in the backup");
    fs::copy(path("data/audit.key"), path("new/audit.key")).unwrap();
    let server = Server::start(&path("new"), &["jt808"], &[]);
    let acts = ["audit.key", "store.backup", "store.restore"].map(|act| noted(&server, act));
    let [keys, backups, restorations] = &acts;
    assert_eq!((keys.len(), backups.len(), restorations.len()), (1, 1, 1), "{acts:?}");
    assert_eq!(
        (&backups[0]["who"], &backups[0]["why"]),
        (&json!("first-admin"), &json!("nightly"))
    );
    assert_eq!(restorations[0]["what"]["last_event"], 3);
    assert_eq!(seen(&server), seen_then);
    assert_eq!(server.request_as(officer, "GET", "/v1/flags", None).0, 200);
    // Who had seen all of the backup goes on; who had seen more is told that it is lost.
    let mut follower = server.events(3);
    let (status, problem) = server.request("GET", &format!("/v1/events?after={lost}"), None);
    let next = problem["oldest"].as_u64().expect("where to go on");
    assert_eq!(status, 410, "{problem}");
    assert!(next > 1_000_000_000_000, "{problem}");
    server.flag(&flag);
    let added = follower.next("flag.added");
    assert_eq!(added["sequence"], next.to_string());
    assert_eq!(server.all_events()[..3], events_then);
    // The same terminal is heard as before, and its alarm that was told is not told again.
    let mut car = server.tracker("jt808", "13800000001");
    assert!(car.report(&sos(fix_ago(900, 39.0, 121.6))));
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_folder_is_backed_up_when_its_server_is_stopped() {
    let place = folder();
    let path = |name: &str| place.path().join(name);
    let server = busy(&path("data"));
    let offline = |out: &str, data: &str| {
        run(&["backup", argument(&path(out)), "--data", argument(&path(data))])
    };
    let busy = offline("one", "data");
    assert_eq!(busy.status.code(), Some(1));
    assert!(text(&busy.stderr).contains("in use by another process"), "{}", text(&busy.stderr));
    let seen_then = seen(&server);
    assert_eq!(server.stop(), 0);
    let made = offline("one", "data");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let none = offline("two", "nowhere");
    assert_eq!((none.status.code(), path("nowhere").exists()), (Some(1), false));
    assert!(text(&none.stderr).contains("no Interdict data"), "{}", text(&none.stderr));

    let restore = |from: &str, data: &str| {
        run(&["restore", argument(&path(from)), "--data", argument(&path(data))])
    };
    // Neither into a folder with something in it, nor half of a backup, nor something else.
    let full = restore("one", "data");
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("is not empty"), "{}", text(&full.stderr));
    let whole = fs::read(path("one")).unwrap();
    fs::write(path("half"), &whole[..whole.len() / 2]).unwrap();
    fs::write(path("letter"), "dear").unwrap();
    fs::create_dir(path("empty")).unwrap();
    for (from, why) in [("half", "damaged"), ("letter", "no backup"), ("nothing", "cannot read")] {
        let refused = restore(from, "empty");
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(why), "{}", text(&refused.stderr));
        assert_eq!(fs::read_dir(path("empty")).unwrap().count(), 0);
    }
    let restored = restore("one", "empty");
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    let server = Server::start(&path("empty"), &["jt808"], &[]);
    assert_eq!(seen(&server), seen_then);
    // Nobody brought the key: verifiers see that another one signs from here on.
    let keys = noted(&server, "audit.key");
    assert_eq!((keys.len(), &keys[1]["what"]["before"]), (2, &keys[0]["what"]["key"]));
}
