//! What must hold of a server's data after it was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use interdict::audit::acts;
use interdict::config::Configuration;
use interdict::store::Store;
use interdict_engine::{Cloud, Data, Engine, Event, Input, Record, Type};
use interdict_protocols::Time;
use serde_json::Value;

use super::{CHECKPOINTS, Car, KILLS, People, Place, device};

/// Every alarm that was answered is an event, every fix of a car that was flagged for good is a
/// record, every flag that was confirmed was added, every event that was told is there just so.
pub(super) fn nothing_is_lost(log: &[Value], records: &[Record], cars: &[Car], people: &People) {
    let alarms: BTreeSet<(&str, &str)> = log
        .iter()
        .filter(|event| event["type"] == Type::DeviceAlarm.name())
        .map(|event| {
            let data = &event["data"];
            (
                data["device"].as_str().expect("text"),
                data["fix"]["fix_time"].as_str().expect("text"),
            )
        })
        .collect();
    let fixes: BTreeSet<(&str, Time)> = records
        .iter()
        .filter_map(|record| match &record.input {
            Input::Fix(observation) => {
                Some((observation.device.as_str(), observation.fix.fix_time))
            }
            _ => None,
        })
        .collect();
    for car in cars {
        let device = device(car.number);
        for number in 0..car.answered {
            let time = car.fix(number).fix_time;
            if car.cries(number) {
                assert!(
                    alarms.contains(&(device.as_str(), time.to_string().as_str())),
                    "{device} {time}"
                );
            }
        }
        for number in car.flagged_from.unwrap_or(i64::MAX)..car.answered {
            let time = car.fix(number).fix_time;
            assert!(fixes.contains(&(device.as_str(), time)), "{device} {time}");
        }
    }
    for (flag, expires_at) in &people.flags {
        let about = |kind: Type| {
            let mut found = log.iter().filter(|event| event["type"] == kind.name());
            found.find(|event| event["data"]["flag"]["id"] == flag.as_str())
        };
        assert!(about(Type::FlagAdded).is_some(), "flag {flag}");
        if let Some(expired) = about(Type::FlagExpired) {
            assert_eq!(expired["time"], expires_at.to_string(), "flag {flag}");
        }
    }
    for (sequence, event) in &people.told {
        let place = usize::try_from(*sequence - 1).expect("few");
        assert_eq!(log.get(place), Some(event), "what was told as {sequence} is there");
    }
}

/// Numbers have no gap, no identity is there twice, and no car's alarm or passage has two.
pub(super) fn nothing_is_repeated(log: &[Value], records: &[Record]) {
    let mut ids = BTreeSet::new();
    let mut alarms = BTreeSet::new();
    let mut raised = BTreeSet::new();
    for (event, number) in log.iter().zip(1..) {
        assert_eq!(event["sequence"], number.to_string());
        assert!(ids.insert(event["id"].to_string()), "twice: {event}");
        let data = &event["data"];
        if event["type"] == Type::DeviceAlarm.name() {
            let what = [&data["device"], &data["alarm"], &data["fix"]["fix_time"]];
            assert!(alarms.insert(what.map(Value::to_string)), "twice: {event}");
        } else if event["type"] == Type::Raised.name() {
            assert!(raised.insert(data["alert"].to_string()), "twice: {event}");
        }
    }
    assert!(records.iter().zip(1..).all(|(record, id)| record.id.0 == id), "records have a gap");
}

/// No entry that a signed head had told of is lost or another one.
pub(super) fn the_audit_log_holds_to_its_heads(place: &Place) {
    let (data, heads) = (place.path("data"), place.path("heads"));
    let verified = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["audit", "verify", "--data", &data, "--heads", &heads])
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{said}");
    let heads = std::fs::read_to_string(heads).expect("heads have left");
    let heads = heads.lines().filter(|line| line.starts_with('\u{2014}')).count();
    assert!(heads >= KILLS / 2, "{heads} heads: {said}");
}

/// Every event and every flag that was confirmed has one entry, also where it was committed again.
pub(super) fn all_is_noted_once(log: &[Value], store: &Store, people: &People) {
    let mut noted: BTreeMap<String, usize> = BTreeMap::new();
    for entry in store.audit_entries(0, u64::MAX, usize::MAX).expect("readable") {
        let content = entry.read_content().expect("nothing was purged");
        let name = if entry.act == acts::FLAG_ADD { "flag" } else { "event" };
        if let Some(id) = content.what.get(name) {
            *noted.entry(id.as_str().expect("text").to_owned()).or_default() += 1;
        }
    }
    let events = log.iter().map(|event| event["id"].as_str().expect("text"));
    // A timer may have fired between the last look and the last kill.
    let later = store.events_after(log.len() as u64, usize::MAX, |_| true).expect("readable");
    let events = events.chain(later.events.iter().map(|event| event.id.0.as_str()));
    for id in events.chain(people.flags.iter().map(|(flag, _)| flag.as_str())) {
        assert_eq!(noted.remove(id), Some(1), "{id}");
    }
    // What else was noted are flags whose request was answered no more.
    let flags = store.flags().expect("readable");
    for (id, count) in noted {
        assert_eq!(count, 1, "{id}");
        assert!(flags.iter().any(|report| report.flag.id.as_str() == id), "{id}");
    }
}

/// Told the same records without a stop, the engine says the same, word for word.
pub(super) fn it_is_as_if_never_stopped(log: &[Value], records: &[Record], place: &Place) {
    let config = place.path("interdict.toml");
    let (configuration, _) =
        Configuration::load_with(Some(Path::new(&config)), Some(Path::new(CHECKPOINTS)))
            .expect("it is good");
    let mut engine = Engine::new(configuration.setup);
    let mut events = Vec::new();
    for record in records {
        engine.apply(record, &mut events);
    }
    let due = events.len();
    // Timers that were due after the last record, as far as the server has told of any.
    let times = log.iter().filter_map(|event| Time::parse(event["time"].as_str()?));
    engine.advance(times.max().expect("something happened"), &mut events);

    let as_told = |event: &Event| {
        let cloud = Cloud { event, source: &configuration.source, sequence: 0 };
        let mut value = serde_json::to_value(&cloud).expect("JSON");
        value["sequence"] = Value::Null;
        value
    };
    let of_log: BTreeMap<&str, Value> = log
        .iter()
        .map(|event| {
            let mut value = event.clone();
            value["sequence"] = Value::Null;
            (event["id"].as_str().expect("text"), value)
        })
        .collect();
    let mut of_engine = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        // An alarm that came twice is told once.
        if of_engine.insert(event.id.0.as_str(), as_told(event)).is_some() {
            assert!(matches!(event.data, Data::Alarm(_)), "{event:?}");
        }
        if place < due {
            assert!(of_log.contains_key(event.id.0.as_str()), "not told: {event:?}");
        }
    }
    for (id, event) in &of_log {
        assert_eq!(Some(event), of_engine.get(id), "told, and not what the engine says");
    }
    // Each car's story is in order.
    let mut by_car: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in &events {
        let id = event.id.0.as_str();
        let story = by_car.entry(event.vehicle().as_str()).or_default();
        if of_log.contains_key(id) && !story.contains(&id) {
            story.push(id);
        }
    }
    for (car, story) in by_car {
        let told = log.iter().filter(|event| event["data"]["vehicle"]["id"] == car);
        let told: Vec<&str> = told.filter_map(|event| event["id"].as_str()).collect();
        assert_eq!(told, story, "{car}");
    }
}
