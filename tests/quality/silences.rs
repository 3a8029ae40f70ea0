//! What the windows of silences are worth: tracks are cut off at some moment, `interdict replay` says
//! when each vehicle can be at each checkpoint, and it is known when it really was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::process::Command;

use flate2::read::MultiGzDecoder;
use interdict_protocols::Time;
use serde_json::Value;

use super::measured::Case;

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silences {
    /// Next passages of a checkpoint by vehicles that were not heard any more.
    pub(crate) passages: usize,
    /// The share of them within the window that was said.
    pub(crate) within: f64,
    /// Median width of their windows.
    pub(crate) width_min: f64,
    /// Median width of all windows, most of which are of checkpoints that are not passed.
    pub(crate) width_of_all_min: f64,
}

/// A vehicle's rows as they stand in the file, each with its time.
type Rows = Vec<(Time, String)>;
/// When which checkpoint was passed.
type Passages = Vec<(String, Time)>;

/// Cuts each vehicle's way off at so many moments, one at a time, between its first minute and its
/// last passage; with the case's roads or without any.
pub(crate) fn measure(case: &Case<'_>, by_road: bool, cuts: u32) -> Silences {
    let (header, tracks) = tracks(&case.folder.join(case.tracks));
    let truth = truth(&case.folder.join("truth.csv"));
    let mut text = header;
    let mut arrivals: BTreeMap<(String, String), Time> = BTreeMap::new();
    let mut latest = Time::default();
    let mut dice = 1_u64;
    for (vehicle, passages) in &truth {
        let rows = &tracks[vehicle];
        let begins = rows[0].0.plus_seconds(60.0);
        let ends = passages.iter().map(|(_, at)| *at).max().unwrap_or(begins);
        for number in 0..cuts {
            // Knuth's MMIX generator.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let share = (dice >> 11) as f64 / (1_u64 << 53) as f64;
            let cut = begins.plus_seconds(ends.seconds_since(begins) * share);
            let kept: Vec<&(Time, String)> = rows.iter().filter(|(at, _)| *at <= cut).collect();
            let Some((last, _)) = kept.last().filter(|_| kept.len() >= 4 && cut < ends) else {
                continue;
            };
            let device = format!("{vehicle}-{number}");
            for (_, row) in &kept {
                let _ = writeln!(text, "{device},{row}");
            }
            for (checkpoint, at) in passages.iter().filter(|(_, at)| at > last) {
                let next = arrivals.entry((device.clone(), checkpoint.clone())).or_insert(*at);
                *next = (*next).min(*at);
            }
            latest = latest.max(*last);
        }
    }
    // The clock runs on until the last of them is missed.
    let columns = text.lines().next().unwrap_or_default().split(',').count();
    let rest = ",".repeat(columns.saturating_sub(4));
    let _ = writeln!(text, "clock,{},0.5,0.5{rest}", latest.plus_seconds(7_200.0));
    compare(&replayed(case, by_road, &text), &arrivals)
}

/// The header, and each vehicle's rows without its name.
fn tracks(path: &Path) -> (String, BTreeMap<String, Rows>) {
    let mut text = String::new();
    let file = BufReader::new(File::open(path).expect("tracks"));
    let read = if path.extension().is_some_and(|ending| ending == "gz") {
        MultiGzDecoder::new(file).read_to_string(&mut text)
    } else {
        { file }.read_to_string(&mut text)
    };
    read.expect("text");
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut tracks: BTreeMap<String, Rows> = BTreeMap::new();
    for row in rows.lines() {
        let (device, rest) = row.split_once(',').expect("columns");
        let time = Time::parse(rest.split(',').next().unwrap_or_default()).expect("a time");
        tracks.entry(device.to_owned()).or_default().push((time, rest.to_owned()));
    }
    (format!("{header}\n"), tracks)
}

fn truth(path: &Path) -> BTreeMap<String, Passages> {
    let text = fs::read_to_string(path).expect("truth.csv");
    let mut truth: BTreeMap<String, Passages> = BTreeMap::new();
    for row in text.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let at = Time::parse(fields[2]).expect("a time");
        truth.entry(fields[0].to_owned()).or_default().push((fields[1].to_owned(), at));
    }
    truth
}

/// What is said of tracks with every vehicle flagged.
fn replayed(case: &Case<'_>, by_road: bool, tracks: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.csv");
    fs::write(&path, tracks).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    command.args(["replay", "--flag-all", "--format", "json", "--checkpoints"]);
    command.arg(case.folder.join("checkpoints.geojson"));
    if by_road {
        command.arg("--roads").arg(case.folder.join(case.roads));
    }
    let output = command.arg(path).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn compare(events: &str, arrivals: &BTreeMap<(String, String), Time>) -> Silences {
    let mut windows: BTreeMap<(String, String), (Time, Time)> = BTreeMap::new();
    for line in events.lines().filter(|line| line.contains("interdict.vehicle.silent")) {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let time = |pointer: &str| text(pointer).and_then(Time::parse);
        if let (Some(vehicle), Some(checkpoint), Some(earliest), Some(latest)) = (
            text("/data/vehicle/id"),
            text("/data/checkpoint/id"),
            time("/data/earliest_at"),
            time("/data/latest_at"),
        ) {
            let key = (vehicle.to_owned(), checkpoint.to_owned());
            // A vehicle that was heard again after all, between two late fixes, is silent twice.
            windows.insert(key, (earliest, latest));
        }
    }
    let width_min = |(earliest, latest): &(Time, Time)| latest.seconds_since(*earliest) / 60.0;
    let of_passages: Vec<Option<&(Time, Time)>> =
        arrivals.keys().map(|passage| windows.get(passage)).collect();
    let is_within = |(window, at): &(&Option<&(Time, Time)>, &Time)| {
        window.is_some_and(|(earliest, latest)| (*earliest..=*latest).contains(at))
    };
    let within = of_passages.iter().zip(arrivals.values()).filter(is_within).count();
    Silences {
        passages: arrivals.len(),
        within: within as f64 / arrivals.len() as f64,
        width_min: median(of_passages.into_iter().flatten().map(width_min).collect()),
        width_of_all_min: median(windows.values().map(width_min).collect()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
