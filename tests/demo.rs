//! `interdict demo`, the whole program as a newcomer runs it.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use interdict_protocols::Time;
use serde_json::Value;
use support::interdict;

/// The lines that say `what` and name both `plate` and `place`.
fn lines<'a>(said: &'a str, what: &str, plate: &str, place: &str) -> Vec<&'a str> {
    let is_meant = |line: &&str| {
        line.get(8..).is_some_and(|rest| rest.trim_start().starts_with(what))
            && line.contains(plate)
            && line.contains(place)
    };
    said.lines().filter(is_meant).collect()
}

/// Where the demo says that its data lies.
fn folder(aside: &str) -> String {
    let line = aside.lines().find_map(|line| line.trim().strip_prefix("data"));
    line.and_then(|line| line.split(", removed").next()).expect(aside).trim().to_owned()
}

#[test]
fn a_night_goes_by() {
    let output = interdict(&["demo", "--speed", "60"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let aside = String::from_utf8(output.stderr).unwrap();
    let all = format!("{said}\n{aside}");
    assert_eq!(output.status.code(), Some(0), "{all}");

    // Before anything else, where to look and how to stop.
    for told in ["http://127.0.0.1:", "INTERDICT_TOKEN=", "interdict subscribe", "Ctrl-C"] {
        assert!(aside.contains(told), "{told}: {all}");
    }
    let (armoured, company, taxi) = ("辽B·A1001", "辽B·C2001", "辽B·T3007");
    let [warning] = lines(&said, "RAISED", armoured, "Houyan")[..] else { panic!("{all}") };
    assert!(warning.contains("by Northeast Expressway, Shenda Expressway (G15)"), "{warning}");
    assert_eq!(lines(&said, "PASSED", armoured, "后盐").len(), 1, "{all}");
    assert_eq!(lines(&said, "RAISED", company, "Dalian Port").len(), 1, "{all}");
    assert_eq!(lines(&said, "withdrawn", company, "大连港").len(), 1, "{all}");
    assert_eq!(lines(&said, "PASSED", company, "").len(), 0, "{all}");
    assert_eq!(lines(&said, "ALARM", taxi, "sos").len(), 1, "{all}");
    // Flagged when it was near: at once, and only then.
    let late = "辽B·C2003";
    let flagged = said.find("flagged    辽B·C2003").expect("flagged");
    let raised = said.find(lines(&said, "RAISED", late, "Zhoushuizi")[0]).expect("raised");
    assert!(flagged < raised, "{all}");
    assert_eq!(lines(&said, "PASSED", late, "Zhoushuizi").len(), 1, "{all}");
    // Not heard, and announced all the same.
    assert_eq!(lines(&said, "RAISED", "辽B·C2002", "Yangtouwa").len(), 1, "{all}");
    assert!(said.contains("The night is over"), "{all}");

    let folder = folder(&aside);
    assert!(!Path::new(&folder).exists(), "{folder}");
}

/// The night on its own clock, where no machine is too slow.
#[test]
fn houyan_is_warned_four_minutes_before() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let file = |name: &str| fixtures.join(name).into_os_string().into_string().unwrap();
    let (tracks, watchlist) = (file("tracks"), file("watchlist.csv"));
    let fleet = file("fleet.csv");
    let arguments = ["--watchlist", &watchlist, "--fleet", &fleet, "--format", "json"];
    let output = interdict(&[&["replay", &tracks][..], &arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = String::from_utf8(output.stdout).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let alerts: Vec<_> = events.filter(|event| event["data"]["alert"].is_string()).collect();
    let time = |kind: &str, plate: &str, checkpoint: &str| {
        let mut found = alerts.iter().filter(|event| {
            event["type"] == format!("interdict.alert.{kind}")
                && event["data"]["vehicle"]["plate"] == plate
                && event["data"]["checkpoint"]["id"] == checkpoint
        });
        let event = found.next()?;
        assert!(found.next().is_none(), "{kind} twice: {event}");
        Time::parse(event["time"].as_str()?)
    };
    let raised = time("raised", "辽B·A1001", "houyan").expect("raised");
    let passed = time("passed", "辽B·A1001", "houyan").expect("passed");
    assert!(passed.seconds_since(raised) >= 240.0);
    assert!(
        time("raised", "辽B·C2001", "dalian_port") < time("withdrawn", "辽B·C2001", "dalian_port")
    );
    assert!(time("raised", "辽B·C2002", "yangtouwa").is_some(), "silent");
    let flagged = Time::parse("2026-06-15T12:13:30Z");
    assert_eq!(time("raised", "辽B·C2003", "zhoushuizi"), flagged);
    // The people who run the demo are not kept waiting.
    assert!(raised.seconds_since(Time::parse("2026-06-15T12:00:00Z").unwrap()) <= 80.0);
    for (plate, last) in [
        ("辽B·A1001", "Shenda Expressway (G15)"),
        ("辽B·C2001", "Shugang Road"),
        ("辽B·C2002", "Yangtouwa Port Road"),
        ("辽B·C2003", "Yingke Road"),
        ("辽B·T3012", "Xinghai Square"),
    ] {
        let is_meant = |event: &&Value| {
            event["type"] == "interdict.alert.raised" && event["data"]["vehicle"]["plate"] == plate
        };
        let raised = alerts.iter().find(is_meant).expect(plate);
        let route = raised["data"]["route"].as_array().expect("roads");
        assert_eq!(route.last().unwrap(), last, "{raised}");
    }
    assert!(
        time("raised", "辽B·T3012", "xinghai_lot") < time("passed", "辽B·T3012", "xinghai_lot")
    );
    let far = alerts.iter().filter(|event| event["data"]["vehicle"]["plate"] == "辽B·A1002");
    assert_eq!(far.filter(|event| event["type"] == "interdict.alert.raised").count(), 0);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["demo", "--keep"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut aside = BufReader::new(child.stderr.take().expect("piped"));
    let mut told = String::new();
    while !told.contains("Ctrl-C") {
        assert_ne!(aside.read_line(&mut told).unwrap(), 0, "{told}");
    }
    let folder = folder(&told);
    assert!(Path::new(&folder).exists(), "{folder}");
    let killed =
        Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&folder).exists(), "{folder}");
}
