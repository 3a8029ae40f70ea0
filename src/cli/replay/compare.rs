//! What two sets of rules do differently on the same tracks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;

use interdict_engine::{Data, Event, Type};
use interdict_protocols::Time;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

use super::Format;
use super::drive::Listener;
use crate::cli::remote::local;
use crate::cli::terminal::escape;

/// Alerts raised within this of each other are raised alike, seconds: nobody acts on less.
const ALIKE_S: f64 = 1.0;
/// Two alerts that neither overlap nor were raised within so many seconds are of two passages.
const ONE_PASSAGE_S: f64 = 1_800.0;

/// A vehicle and a checkpoint.
type Key = (String, String);

/// One alert from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Alert {
    raised_at: Time,
    probability: f64,
    /// How it ended: `passed`, `withdrawn` or, at the end of the tracks, `open`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    /// The code of the reason given at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The alerts of one run.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<Key, Vec<Alert>>);

impl Listener for Tally {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        let Data::Alert(report) = &event.data else { return Ok(()) };
        let key = (report.vehicle.id.to_string(), report.checkpoint.id.to_string());
        let outcome = match event.kind {
            Type::Raised => {
                self.0.entry(key).or_default().push(Alert {
                    raised_at: event.time,
                    probability: report.probability,
                    outcome: "open",
                    ended_at: None,
                    why: None,
                });
                return Ok(());
            }
            Type::Passed => "passed",
            Type::Withdrawn => "withdrawn",
            _ => return Ok(()),
        };
        let last = self.0.get_mut(&key).and_then(|alerts| alerts.last_mut());
        // A passage without an alert is nothing that the rules said.
        if let Some(alert) = last.filter(|alert| alert.ended_at.is_none()) {
            alert.outcome = outcome;
            alert.ended_at = Some(event.time);
            alert.why = Some(report.why.code.clone());
        }
        Ok(())
    }
}

/// What the two did about one passage, where they differ.
#[derive(Serialize)]
struct Difference {
    vehicle: String,
    checkpoint: String,
    a: Option<Alert>,
    b: Option<Alert>,
}

impl Difference {
    fn at(&self) -> Option<Time> {
        self.a.iter().chain(&self.b).map(|alert| alert.raised_at).min()
    }

    fn sentence(&self, zone: &TimeZone) -> String {
        let told = |alert: &Alert| {
            let end = match alert.ended_at {
                Some(at) => format!("{} {}", alert.outcome, local(&json!(at), zone)),
                None => "open at the end".to_owned(),
            };
            let raised = local(&json!(alert.raised_at), zone);
            format!("raised {raised} at {:.2}, {end}", alert.probability)
        };
        let (what, how) = match (&self.a, &self.b) {
            (Some(a), Some(b)) => {
                let later_s = b.raised_at.seconds_since(a.raised_at);
                let what = if later_s.abs() <= ALIKE_S {
                    "ends otherwise".to_owned()
                } else {
                    let side = if later_s > 0.0 { "later" } else { "sooner" };
                    format!("B {:.0} s {side}", later_s.abs())
                };
                (what, format!("A {}; B {}", told(a), told(b)))
            }
            (Some(a), None) => ("only A".to_owned(), told(a)),
            (None, Some(b)) => ("only B".to_owned(), told(b)),
            (None, None) => Default::default(),
        };
        let (vehicle, checkpoint) = (escape(&self.vehicle), escape(&self.checkpoint));
        format!("{what:<14} {vehicle} → {checkpoint}: {how}")
    }
}

/// Puts the alerts of both side by side: those that differ, and how many do not.
fn differences([a, b]: [Tally; 2]) -> (Vec<Difference>, usize) {
    let (mut found, mut alike) = (Vec::new(), 0);
    let keys: BTreeSet<&Key> = a.0.keys().chain(b.0.keys()).collect();
    for key in keys {
        let of = |tally: &Tally| tally.0.get(key).cloned().unwrap_or_default();
        for (a, b) in paired(of(&a), of(&b)) {
            let same = match (&a, &b) {
                (Some(a), Some(b)) => {
                    a.outcome == b.outcome
                        && b.raised_at.seconds_since(a.raised_at).abs() <= ALIKE_S
                }
                _ => false,
            };
            if same {
                alike += 1;
            } else {
                let (vehicle, checkpoint) = key.clone();
                found.push(Difference { vehicle, checkpoint, a, b });
            }
        }
    }
    found.sort_by_key(Difference::at);
    (found, alike)
}

/// Alerts of one vehicle at one checkpoint, each beside that of the other run for the same passage.
fn paired(a: Vec<Alert>, b: Vec<Alert>) -> Vec<(Option<Alert>, Option<Alert>)> {
    let mut pairs = Vec::new();
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let belong = |a: &Alert, b: &Alert| {
            let (first, second) = if a.raised_at <= b.raised_at { (a, b) } else { (b, a) };
            first.ended_at.is_none_or(|ended| ended >= second.raised_at)
                || second.raised_at.seconds_since(first.raised_at) <= ONE_PASSAGE_S
        };
        match (a.peek(), b.peek()) {
            (None, None) => return pairs,
            (Some(one), Some(other)) if belong(one, other) => pairs.push((a.next(), b.next())),
            (Some(one), Some(other)) if one.raised_at <= other.raised_at => {
                pairs.push((a.next(), None));
            }
            (Some(_), None) => pairs.push((a.next(), None)),
            _ => pairs.push((None, b.next())),
        }
    }
}

/// Prints what `tallies` do differently, by time.
pub(super) fn print(
    names: &[PathBuf],
    tallies: [Tally; 2],
    format: Format,
    zone: &TimeZone,
) -> io::Result<()> {
    let counts: Vec<usize> =
        tallies.iter().map(|tally| tally.0.values().map(Vec::len).sum()).collect();
    let (found, alike) = differences(tallies);
    let mut out = io::stdout().lock();
    for difference in &found {
        match format {
            Format::Json => writeln!(out, "{}", serde_json::to_string(difference)?)?,
            Format::Human => writeln!(out, "{}", difference.sentence(zone))?,
        }
    }
    if format == Format::Human {
        for ((letter, name), count) in ["A", "B"].iter().zip(names).zip(counts) {
            writeln!(out, "{letter} = {}: {count} alerts", escape(&name.display().to_string()))?;
        }
        writeln!(out, "{alike} alike, {} different", found.len())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn alert(raised: i64, ended: Option<i64>, outcome: &'static str) -> Alert {
        let (raised_at, ended_at) = (Time::from_seconds(raised), ended.map(Time::from_seconds));
        Alert { raised_at, probability: 0.5, outcome, ended_at, why: None }
    }

    fn tally(alerts: &[Alert]) -> Tally {
        Tally([(("v".to_owned(), "c".to_owned()), alerts.to_vec())].into())
    }

    fn told(a: &[Alert], b: &[Alert]) -> (Vec<String>, usize) {
        let (found, alike) = differences([tally(a), tally(b)]);
        (found.iter().map(|one| one.sentence(&TimeZone::UTC)).collect(), alike)
    }

    #[test]
    fn what_is_the_same_is_counted_and_what_differs_is_told() {
        let first = alert(1_000, Some(1_400), "passed");
        let (found, alike) = told(slice::from_ref(&first), slice::from_ref(&first));
        assert_eq!((found.len(), alike), (0, 1));
        let later = alert(1_090, Some(1_400), "passed");
        assert!(told(slice::from_ref(&first), &[later]).0[0].starts_with("B 90 s later "));
        let withdrawn = alert(1_000, Some(1_200), "withdrawn");
        assert!(told(slice::from_ref(&first), &[withdrawn]).0[0].starts_with("ends otherwise "));
        let only = told(&[first], &[]).0;
        assert!(
            only[0].starts_with("only A ") && only[0].contains("passed 1970-01-01 00:23:20"),
            "{only:?}"
        );
    }

    #[test]
    fn two_passages_are_two_alerts() {
        let (morning, evening) = (alert(1_000, Some(1_400), "passed"), alert(40_000, None, "open"));
        let (found, alike) = told(&[morning.clone(), evening.clone()], &[evening]);
        assert_eq!(alike, 1);
        assert!(found.len() == 1 && found[0].starts_with("only A "), "{found:?}");
        let long = alert(39_000, Some(45_000), "passed");
        assert_eq!(told(&[morning.clone(), long.clone()], &[morning, long]).1, 2);
    }
}
