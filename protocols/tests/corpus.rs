//! Replays frames that real trackers sent, where they are at hand (`../shared/corpus` beside the
//! workspace), and compares what comes out with what another decoder made of them.
//!
//! Each line is decoded on a fresh connection, and once more in its session. A difference is an
//! error unless `corpus_differences.txt` says why ours is right.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use interdict_protocols::{
    ALL, AlarmSet, Connection, DeviceId, Fix, Item, Lent, Protocol, Time, Transport,
};
use serde_json::Value;
use support::{Lending, RECEIVED_AT, hex};

/// The least share of lines that must come out right, in hundredths.
const RIGHT_AT_LEAST_PERCENT: usize = 97;

/// One line of a corpus file.
struct Row {
    session: String,
    seq: u64,
    udp: bool,
    wire: Vec<u8>,
    device: Option<String>,
    announces_device: bool,
    model: Option<String>,
    expect: Vec<Value>,
    replied: bool,
    time_is_trusted: bool,
}

impl Row {
    fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let list = |key: &str| value.get(key).and_then(Value::as_array).cloned();
        Self {
            session: text("session").unwrap(),
            seq: value.get("seq").and_then(Value::as_u64).unwrap(),
            udp: text("transport").as_deref() == Some("udp"),
            wire: hex(&text("wire").unwrap()).unwrap(),
            device: text("device"),
            announces_device: flag("announces_device"),
            model: text("model"),
            expect: list("expect").unwrap_or_default(),
            replied: list("replies").is_some_and(|replies| !replies.is_empty()),
            time_is_trusted: !flag("clock_dependent") && !flag("zone_dependent"),
        }
    }

    fn known_device(&self) -> Option<DeviceId> {
        if self.announces_device { None } else { self.device.as_deref().map(DeviceId::from) }
    }

    fn connect(&self, protocol: &'static Protocol) -> Connection {
        let transport = if self.udp { Transport::Udp } else { Transport::Tcp };
        Connection::new(protocol, transport, self.known_device())
    }

    /// What `connection` makes of the line, and then who is logged in.
    fn decode(&self, connection: &mut Connection, close: bool) -> Vec<Item> {
        let lending = Lending::new(self.model.as_deref());
        let lent = Lent { received_at: RECEIVED_AT, installation: &lending };
        let mut items = Vec::new();
        if self.udp {
            connection.datagram(&self.wire, &lent, &mut items);
        } else {
            connection.receive(&self.wire, &lent, &mut items);
            if close {
                connection.close(&lent, &mut items);
            }
        }
        items
    }

    /// What is different from the expectation.
    fn difference(&self, device: Option<&DeviceId>, items: &[Item]) -> Option<String> {
        let fixes: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Fix { device, fix, .. } => Some((device, fix)),
                _ => None,
            })
            .collect();
        let reports = items.iter().filter_map(|item| match item {
            Item::Report { alarms, .. } => Some(*alarms),
            _ => None,
        });
        let reported = reports.fold(AlarmSet::EMPTY, AlarmSet::union);
        let (outdated, positions): (Vec<_>, Vec<_>) =
            self.expect.iter().partition(|value| value.get("outdated").is_some());
        if fixes.len() != positions.len() {
            return Some(format!("{} fixes, not {}", fixes.len(), positions.len()));
        }
        for ((by, fix), expected) in fixes.iter().zip(&positions) {
            if by.as_ref().map(DeviceId::as_str) != self.device.as_deref() {
                return Some(format!("device {by:?}, not {:?}", self.device));
            }
            if let Some(what) = self.fix_difference(fix, expected) {
                return Some(what);
            }
        }
        for expected in outdated {
            if let Some(what) = missing_alarm(reported, expected) {
                return Some(what);
            }
        }
        if !self.expect.is_empty() && items.is_empty() {
            return Some("nothing".into());
        }
        if self.device.is_some() && device.map(DeviceId::as_str) != self.device.as_deref() {
            return Some(format!("device {device:?}, not {:?}", self.device));
        }
        if self.replied && !items.iter().any(|item| matches!(item, Item::Reply { .. })) {
            return Some("no reply".into());
        }
        None
    }

    fn fix_difference(&self, fix: &Fix, expected: &Value) -> Option<String> {
        let number = |key: &str| expected.get(key).and_then(Value::as_f64).unwrap_or_default();
        let time = expected.get("fix_time").and_then(Value::as_str).and_then(Time::parse);
        if self.time_is_trusted && time != Some(fix.fix_time) {
            return Some(format!("fix_time {}, not {:?}", fix.fix_time, expected.get("fix_time")));
        }
        let valid = expected.get("valid").and_then(Value::as_bool);
        if valid != Some(fix.valid) {
            return Some(format!("valid {}, not {valid:?}", fix.valid));
        }
        // Another decoder may round a speed given in km/h through knots, and to a whole number.
        let quantities = [
            ("latitude", Some(fix.latitude), 2e-6),
            ("longitude", Some(fix.longitude), 2e-6),
            ("speed_kmh", fix.speed_kmh, 0.01),
            ("course", fix.course_deg, 0.01),
            ("altitude", fix.altitude_m, 0.01),
        ];
        for (key, found, tolerance) in quantities {
            // It says 0 where the frame says nothing.
            let difference = found.unwrap_or_default() - number(key);
            if difference.abs() > tolerance {
                return Some(format!("{key} {found:?}, not {}", number(key)));
            }
        }
        missing_alarm(fix.alarms, expected)
    }
}

/// The first expected alarm that is not among `found`.
fn missing_alarm(found: AlarmSet, expected: &Value) -> Option<String> {
    let alarms = expected.get("attributes")?.get("alarm")?.as_str()?;
    alarms
        .split(',')
        .find(|name| !found.iter().any(|alarm| alarm.name() == *name))
        .map(|name| format!("no alarm {name}"))
}

/// Every difference of one protocol by `session seq`, and the number of lines.
fn differences(
    protocol: &'static Protocol,
    text: &str,
) -> (BTreeMap<String, String>, usize, usize) {
    let mut found = BTreeMap::new();
    let (mut total, mut right) = (0_usize, 0_usize);
    let mut running: Option<(String, Connection)> = None;
    for row in text.lines().map(Row::parse) {
        let key = format!("{} {} {}", protocol.name, row.session, row.seq);
        total = total.saturating_add(1);
        let mut fresh = row.connect(protocol);
        let items = row.decode(&mut fresh, true);
        match row.difference(fresh.device(), &items) {
            Some(what) => {
                found.insert(key.clone(), what);
            }
            None => right = right.saturating_add(1),
        }
        // A session goes on as long as who speaks, and how, stays the same.
        let label = format!("{} {} {:?}", row.session, row.udp, row.model);
        let known = row.known_device();
        let goes_on = running.as_ref().is_some_and(|(earlier, connection)| {
            *earlier == label
                && connection.is_open()
                && connection.pending() == 0
                && (known.is_none() || known.as_ref() == connection.device())
        });
        if !goes_on {
            running = Some((label, row.connect(protocol)));
        }
        if let Some((_, connection)) = running.as_mut() {
            let items = row.decode(connection, false);
            if connection.pending() == 0
                && let Some(what) = row.difference(connection.device(), &items)
            {
                found.entry(key).or_insert_with(|| format!("in its session: {what}"));
            }
        }
    }
    (found, right, total)
}

#[test]
fn recorded_frames_come_out_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../shared/corpus");
    if !folder.is_dir() {
        eprintln!("SKIPPED: there are no recorded frames at {}", folder.display());
        return;
    }
    let listed = fs::read_to_string(root.join("tests/corpus_differences.txt")).unwrap();
    let mut listed: BTreeMap<&str, &str> = listed
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no reason given: {line}")))
        .collect();
    let mut complaints = Vec::new();
    for protocol in ALL {
        let Ok(text) = fs::read_to_string(folder.join(format!("{}.jsonl", protocol.name))) else {
            eprintln!("{}: no recorded frames", protocol.name);
            continue;
        };
        let (found, right, total) = differences(protocol, &text);
        let mut explained = 0_usize;
        for (key, what) in &found {
            if listed.remove(key.as_str()).is_some() {
                explained = explained.saturating_add(usize::from(!what.starts_with("in its")));
            } else {
                complaints.push(format!("{key}: {what}"));
            }
        }
        let good = right.saturating_add(explained);
        eprintln!("{}: {good}/{total} right, {explained} of them explained", protocol.name);
        if good.saturating_mul(100) < total.saturating_mul(RIGHT_AT_LEAST_PERCENT) {
            complaints.push(format!("{}: only {good} of {total} right", protocol.name));
        }
    }
    complaints.extend(listed.keys().map(|key| format!("{key}: listed, but does not differ")));
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
