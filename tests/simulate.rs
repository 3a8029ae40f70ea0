//! `interdict simulate` against the real server.

mod support;

use std::process::Stdio;

use interdict_protocols::tracker::{identity, tracker, tracker_protocols};
use serde_json::json;
use support::{Server, folder, interdict};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The number before a word of the closing line.
fn figure(out: &str, word: &str) -> u64 {
    let before = out.split(word).next().unwrap_or_default();
    let number = before.trim_end().rsplit([' ', '(']).next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("no number before {word:?} in {out}"))
}

#[test]
fn devices_of_every_protocol_are_heard() {
    let folder = folder();
    let protocols: Vec<&str> = tracker_protocols().collect();
    assert!(protocols.len() >= 12);
    let server = Server::start(folder.path(), &protocols, &["--enrol-all"]);
    let simulate = |protocol: &&str| {
        let to = format!("tcp://{}", server.address(protocol));
        let more = "--devices 20 --every 0.2s --jitter 0.05s --for 2s --loss 0.1 --reconnect 1s";
        std::process::Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(["simulate", "--to", &to, "--protocol", protocol])
            .args(more.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let running: Vec<_> = protocols.iter().map(simulate).collect();
    for (protocol, child) in protocols.iter().zip(running) {
        let output = child.wait_with_output().expect("it ends");
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{protocol}: {out}{}", text(&output.stderr));
        assert!(figure(&out, "reports") > 60, "{protocol}: {out}");
        // Not every protocol has an answer to a position.
        let is_answered = tracker(protocol, &identity(protocol, 0))
            .is_some_and(|(_, tracker)| tracker.is_answered());
        let answered = if is_answered { figure(&out, "reports") } else { 0 };
        assert_eq!(figure(&out, "acknowledged"), answered, "{protocol}: {out}");
        assert!(figure(&out, "lost") > 0 && figure(&out, "reconnects") > 0, "{protocol}: {out}");
        // As the server counts them, whether it answers or not.
        let metrics = server.get("/metrics");
        let metrics = metrics.as_str().expect("text");
        let counted = format!("interdict_fixes_total{{protocol=\"{protocol}\"}} ");
        let fixes = metrics.lines().find_map(|line| line.strip_prefix(&counted));
        let fixes: u64 = fixes.and_then(|fixes| fixes.parse().ok()).unwrap_or_default();
        // One that overtook the end of its device's connection before is said again.
        assert!(fixes >= figure(&out, "reports"), "{protocol}: {fixes} of {out}");
    }
}

#[test]
fn a_simulated_device_hears_what_it_is_asked() {
    let folder = folder();
    let server = Server::start(folder.path(), &["jt808"], &[]);
    let device = identity("jt808", 0).to_string();
    server.enrol(&device, "sim", "S", "taxi");
    let flag = json!({"vehicle": "sim", "reason": "stolen", "case": "C", "authority": "officer",
        "emergency": true});
    server.flag(&flag);
    let to = format!("tcp://{}", server.address("jt808"));
    let arguments = ["simulate", "--to", &to, "--protocol", "jt808", "--devices", "1"];
    let more = ["--every", "0.2s", "--jitter", "0s", "--for", "4s"];
    let output = interdict(&[&arguments[..], &more].concat());
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    assert_eq!(figure(&out, "times"), 1, "{out}");
    // Every five seconds from then on: it said a few reports before, and at the most one after.
    assert!(figure(&out, "reports") < 15, "{out}");
}

#[test]
fn the_fleet_can_be_enrolled_first() {
    let folder = folder();
    let server = Server::start(folder.path(), &["teltonika"], &[]);
    let to = format!("tcp://{}", server.address("teltonika"));
    let path = folder.path().join("fleet.csv");
    let file = path.to_str().expect("UTF-8");
    let simulate = |more: &[&str]| {
        let base = [
            "simulate",
            "--to",
            &to,
            "--protocol",
            "teltonika",
            "--devices",
            "3",
            "--for",
            "1s",
            "--every",
            "0.1s",
        ];
        interdict(&[&base, more].concat())
    };
    let refused = simulate(&[]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
    assert!(text(&refused.stderr).contains("is it enrolled"), "{}", text(&refused.stderr));
    assert_eq!(simulate(&["--fleet", file]).status.code(), Some(0));
    let fleet = std::fs::read_to_string(&path).expect("written");
    for row in fleet.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        server.enrol(fields[0], fields[1], fields[2], fields[3]);
    }
    let output = simulate(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(figure(&text(&output.stdout), "acknowledged") > 10, "{}", text(&output.stdout));
}

#[test]
fn wrong_use_ends_with_2() {
    for arguments in [
        ["--to", "tcp://127.0.0.1:1", "--protocol", "nothing"],
        ["--to", "127.0.0.1", "--protocol", "gt06"],
    ] {
        let output = interdict(&[&["simulate"][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
}
