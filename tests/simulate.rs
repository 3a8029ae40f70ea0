//! `interdict simulate` against the real server.

mod support;

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
fn devices_of_several_protocols_are_heard() {
    let folder = folder();
    let server = Server::start(folder.path(), &["gt06", "jt808", "teltonika"], &["--enrol-all"]);
    for protocol in ["gt06", "jt808", "teltonika"] {
        let to = format!("tcp://{}", server.address(protocol));
        let output = interdict(&[
            "simulate",
            "--to",
            &to,
            "--protocol",
            protocol,
            "--devices",
            "20",
            "--every",
            "0.2s",
            "--jitter",
            "0.05s",
            "--for",
            "2s",
            "--loss",
            "0.1",
            "--reconnect",
            "1s",
        ]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
        assert!(figure(&out, "reports") > 60, "{out}");
        // A GT06 is answered when it logs in, and not for each position.
        let answered = if protocol == "gt06" { 0 } else { figure(&out, "reports") };
        assert_eq!(figure(&out, "acknowledged"), answered, "{out}");
        assert!(figure(&out, "lost") > 0 && figure(&out, "reconnects") > 0, "{out}");
    }
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
