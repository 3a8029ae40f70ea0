//! How good alerts were, where what really happened is known.
//!
//! A passage is catchable when its trip began at least the lead and 90 s before it; it is caught
//! when an alert for that vehicle and checkpoint was raised between the lead and 30 minutes before
//! it and not withdrawn before it. An alert is true when its vehicle passes its checkpoint within 30
//! minutes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::Context as _;
use interdict_engine::{Data, Event, Type};
use interdict_protocols::{DeviceId, Time};

use super::drive::Listener;
use super::fleet::Fleet;
use crate::config::Configuration;
use crate::text::{Columns, Line, Lines};

/// An alert is true when the passage comes within so many seconds.
const WINDOW_S: f64 = 1800.0;

/// A trip must have begun so many seconds before the lead: nobody is warned of a trip that has not
/// begun.
const MARGIN_S: f64 = 90.0;

/// The ETA is judged by what was last said in the so many seconds before the lead.
const ETA_WINDOW_S: f64 = 360.0;

/// Where a configuration states no lead for all: the default of a checkpoint.
const LEAD_S: f64 = 240.0;

type Key = (String, String);

#[derive(Clone, Copy)]
struct Passage {
    at: Time,
    began: Time,
}

/// What really happened.
#[derive(Clone)]
pub(super) struct Truth(Vec<(String, String, Passage)>);

/// Reads `device,checkpoint,time,start_time`.
pub(super) fn read(path: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<Truth> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| name.clone())?;
    let mut lines = Lines::new(BufReader::new(file));
    let mut columns: Option<Columns> = None;
    let mut passages = Vec::new();
    while let Some((number, line)) = lines.next().with_context(|| name.clone())? {
        let Line::Text(text) = line else {
            tell(&format!("{name}:{number}: is no text"));
            continue;
        };
        match &columns {
            None => {
                let header = Columns::from_header(&text).map_err(anyhow::Error::msg)?;
                for column in ["device", "checkpoint", "time"] {
                    if header.find(&[column]).is_none() {
                        anyhow::bail!(
                            "{name}:{number}: no column named {column}; expected the header \
                             device,checkpoint,time,start_time"
                        );
                    }
                }
                columns = Some(header);
            }
            Some(_) if text.trim().is_empty() => {}
            Some(columns) => match passage(columns, &text) {
                Ok(passage) => passages.push(passage),
                Err(what) => tell(&format!("{name}:{number}: {what}")),
            },
        }
    }
    Ok(Truth(passages))
}

fn passage(columns: &Columns, text: &str) -> Result<(String, String, Passage), String> {
    let fields = columns.split(text)?;
    let field = |name: &str| {
        let text =
            columns.find(&[name]).and_then(|column| fields.get(column)).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    };
    let time = |name: &str| {
        let text = field(name).ok_or_else(|| format!("{name} is missing"))?;
        Time::parse(text).ok_or_else(|| {
            format!("{name}: found {text:?}, expected 2026-06-15T02:01:15Z or the like")
        })
    };
    let device = field("device").ok_or("device is missing")?.to_owned();
    let checkpoint = field("checkpoint").ok_or("checkpoint is missing")?.to_owned();
    // A trip whose begin nobody knows had been going on for ever.
    let began = if field("start_time").is_some() {
        time("start_time")?
    } else {
        Time::from_millis(i64::MIN)
    };
    Ok((device, checkpoint, Passage { at: time("time")?, began }))
}

struct Alert {
    raised: Time,
    withdrawn: Option<Time>,
    probability: f64,
}

/// Hears what the engine says and knows what really happened.
pub(super) struct Judge {
    lead_s: f64,
    truth: BTreeMap<Key, Vec<Passage>>,
    alerts: BTreeMap<Key, Vec<Alert>>,
    /// What was said of arrivals: when, and which.
    etas: BTreeMap<Key, Vec<(Time, Time)>>,
}

impl Judge {
    pub(super) fn new(truth: Truth, configuration: &Configuration, fleet: &Fleet) -> Self {
        let mut passages: BTreeMap<Key, Vec<Passage>> = BTreeMap::new();
        for (device, checkpoint, passage) in truth.0 {
            let vehicle = fleet.vehicle_of(&DeviceId::from(device)).to_string();
            passages.entry((vehicle, checkpoint)).or_default().push(passage);
        }
        for passages in passages.values_mut() {
            passages.sort_by_key(|passage| passage.at);
        }
        Self {
            lead_s: configuration.setup.rules.lead_s.unwrap_or(LEAD_S),
            truth: passages,
            alerts: BTreeMap::new(),
            etas: BTreeMap::new(),
        }
    }

    pub(super) fn measures(self) -> Measures {
        let mut measures = Measures { lead_s: self.lead_s, ..Measures::default() };
        let mut eta_errors = Vec::new();
        for (key, passages) in &self.truth {
            for passage in passages {
                let (lead_s, at) = (self.lead_s, passage.at);
                if at.seconds_since(passage.began) >= lead_s + MARGIN_S {
                    measures.catchable += 1;
                    let alerts = self.alerts.get(key).map(Vec::as_slice).unwrap_or_default();
                    measures.caught +=
                        usize::from(alerts.iter().any(|alert| alert.catches(at, lead_s)));
                }
                let told = self.etas.get(key).and_then(|etas| {
                    etas.iter().rfind(|(said, _)| {
                        (lead_s..=lead_s + ETA_WINDOW_S).contains(&at.seconds_since(*said))
                    })
                });
                eta_errors.extend(
                    told.map(|(said, eta)| eta.seconds_since(at).abs() / at.seconds_since(*said)),
                );
            }
        }
        let (mut leads, mut squares) = (Vec::new(), 0.0);
        for (key, alerts) in &self.alerts {
            for alert in alerts {
                measures.alerts += 1;
                let passages = self.truth.get(key).map(Vec::as_slice).unwrap_or_default();
                let lead_s = passages
                    .iter()
                    .map(|passage| passage.at.seconds_since(alert.raised))
                    .find(|lead_s| (0.0..=WINDOW_S).contains(lead_s));
                leads.extend(lead_s);
                let truth = if lead_s.is_some() { 1.0 } else { 0.0 };
                squares += (alert.probability - truth) * (alert.probability - truth);
            }
        }
        measures.true_alerts = leads.len();
        measures.leads_s = [0.1, 0.5, 0.9].map(|share| quantile(&mut leads, share));
        measures.eta_error = quantile(&mut eta_errors, 0.5);
        measures.brier = (measures.alerts > 0).then(|| squares / measures.alerts as f64);
        measures
    }
}

impl Listener for Judge {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        let Data::Alert(report) = &event.data else { return Ok(()) };
        let key = (report.vehicle.id.to_string(), report.checkpoint.id.to_string());
        match event.kind {
            Type::Raised => self.alerts.entry(key.clone()).or_default().push(Alert {
                raised: event.time,
                withdrawn: None,
                probability: report.probability,
            }),
            Type::Withdrawn => {
                let last = self.alerts.get_mut(&key).and_then(|alerts| alerts.last_mut());
                if let Some(alert) = last {
                    alert.withdrawn.get_or_insert(event.time);
                }
            }
            _ => {}
        }
        if matches!(event.kind, Type::Raised | Type::Updated) {
            self.etas.entry(key).or_default().push((event.time, report.eta_at));
        }
        Ok(())
    }
}

impl Alert {
    fn catches(&self, passage: Time, lead_s: f64) -> bool {
        let before_s = passage.seconds_since(self.raised);
        (lead_s..=WINDOW_S).contains(&before_s)
            && self.withdrawn.is_none_or(|withdrawn| passage.seconds_since(withdrawn) <= 1.0)
    }
}

/// Linear between the two nearest ranks.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let rank = share * last as f64;
    let (low, high) = (values.get(rank.floor() as usize)?, values.get(rank.ceil() as usize)?);
    Some(low + (high - low) * rank.fract())
}

/// How good the alerts were.
#[derive(Default)]
pub(super) struct Measures {
    lead_s: f64,
    catchable: usize,
    caught: usize,
    alerts: usize,
    true_alerts: usize,
    leads_s: [Option<f64>; 3],
    eta_error: Option<f64>,
    brier: Option<f64>,
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: usize, whole: usize| match whole {
            0 => "none".to_owned(),
            whole => format!("{:.3}", part as f64 / whole as f64),
        };
        let number = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "none".to_owned(),
        };
        let Self { lead_s, catchable, caught, alerts, true_alerts, .. } = self;
        let [p10, p50, p90] = self.leads_s.map(|lead_s| number(lead_s, 0));
        writeln!(
            f,
            "recall       {} ({caught} of {catchable} passages that a lead of {lead_s} s can catch)",
            share(*caught, *catchable)
        )?;
        writeln!(
            f,
            "precision    {} ({true_alerts} of {alerts} alerts)",
            share(*true_alerts, *alerts)
        )?;
        writeln!(f, "lead         p10 {p10} s, p50 {p50} s, p90 {p90} s")?;
        writeln!(f, "ETA error    {} of what was left, median", number(self.eta_error, 3))?;
        writeln!(f, "Brier score  {}", number(self.brier, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks() {
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(quantile(&mut [3.0, 1.0], 0.5), Some(2.0));
        assert_eq!(quantile(&mut [5.0, 1.0, 3.0], 0.1), Some(1.4));
    }

    #[test]
    fn an_alert_catches_in_time_and_only_while_it_stands() {
        let at = Time::from_seconds(10_000);
        let alert = |before: i64, withdrawn: Option<i64>| Alert {
            raised: Time::from_seconds(10_000 - before),
            withdrawn: withdrawn.map(|before| Time::from_seconds(10_000 - before)),
            probability: 0.5,
        };
        assert!(alert(240, None).catches(at, 240.0));
        assert!(!alert(239, None).catches(at, 240.0));
        assert!(!alert(1801, None).catches(at, 240.0));
        assert!(!alert(300, Some(2)).catches(at, 240.0));
        assert!(alert(300, Some(1)).catches(at, 240.0));
        assert!(alert(300, Some(-60)).catches(at, 240.0));
    }
}
