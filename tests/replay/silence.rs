//! A vehicle of a recording that is not heard any more while the recording goes on.

use interdict_protocols::Time;
use serde_json::Value;

use super::{Bench, drive, errors, printed};

/// The drive cut off 2 km before the checkpoint, and somebody else who is heard until `until_s` after
/// that; the time of the last fix.
fn cut(until_s: f64) -> (String, Time) {
    let fixes = drive::fixes();
    let last = fixes[16].fix_time;
    let mut text = drive::csv("car", &fixes[..=16]);
    for seconds in [10.0, until_s] {
        text.push_str(&format!("other,{},39.5,121.0,0,0\n", last.plus_seconds(seconds)));
    }
    (text, last)
}

fn silent(events: &str) -> Vec<Value> {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|event| event["type"] == "interdict.vehicle.silent").collect()
}

#[test]
fn it_is_told_when_it_falls_silent_and_not_when_the_next_row_comes() {
    let bench = Bench::new();
    let (text, last) = cut(5_000.0);
    let path = bench.file("cut.csv", &text);
    let roads = bench.file("roads.geojson", drive::roads());
    for arguments in [vec![], vec!["--roads", roads.as_str()]] {
        let flag = ["--flag", "car", "--format", "json", &path];
        let output = bench.replay(&[&arguments[..], &flag].concat());
        let events = printed(&output);
        let silent = silent(&events);
        assert_eq!(silent.len(), 1, "{} {events}", errors(&output));
        let event = &silent[0];
        let time = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(Time::parse);
        let time = |pointer: &str| time(pointer).flatten().expect(pointer);
        assert_eq!(time("/time"), last.plus_seconds(180.0));
        // 2.1 km at 54 km/h.
        let arrives = last.plus_seconds(140.0);
        assert!(
            time("/data/earliest_at") < arrives && arrives < time("/data/latest_at"),
            "{event}"
        );
        assert_eq!(event["data"]["checkpoint"]["id"], "north");
        assert_eq!(event["data"]["vehicle"]["id"], "car");
        assert_eq!(event["data"]["unit"], "any");
        assert_eq!(event["data"]["may_be_aboard_ferry"], false);
        let by_road = event.pointer("/data/why/figures/drive_s").is_some();
        assert_eq!(by_road, !arguments.is_empty(), "{event}");
    }
}

#[test]
fn after_the_last_row_nothing_is_told() {
    let bench = Bench::new();
    for (until_s, told) in [(179.0, 0), (180.0, 1)] {
        let (text, _) = cut(until_s);
        let path = bench.file("cut.csv", &text);
        let events = printed(&bench.replay(&["--flag", "car", "--format", "json", &path]));
        assert_eq!(silent(&events).len(), told, "{until_s} s: {events}");
    }
    // What people read says the same.
    let (text, _) = cut(5_000.0);
    let path = bench.file("cut.csv", &text);
    let read = printed(&bench.replay(&["--flag", "car", &path]));
    let line = read.lines().find(|line| line.contains("vehicle.silent")).expect("a line");
    assert!(line.contains("car (other) → North (throat-road) between "), "{line}");
    assert!(
        line.contains(": Not heard for 3 min (usually every 10 s); can be at North "),
        "{line}"
    );
}

#[test]
fn who_is_heard_again_is_told_as_that() {
    let bench = Bench::new();
    let fixes = drive::fixes();
    let mut heard: Vec<_> = fixes[..=16].to_vec();
    heard.extend(fixes[17..].iter().map(|fix| {
        let mut later = *fix;
        later.fix_time = later.fix_time.plus_seconds(600.0);
        later
    }));
    let events = bench.events(&[&bench.file("gap.csv", drive::csv("car", &heard))]);
    assert_eq!(silent(&events).len(), 1);
    let heard: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|event: &Value| event["type"] == "interdict.vehicle.heard")
        .collect();
    assert_eq!(heard.len(), 1, "{events}");
    assert_eq!(heard[0]["data"]["silent_s"], 610.0);
    assert_eq!(heard[0]["data"]["checkpoints"][0]["id"], "north");
}
