//! [`Show`]: events as lines for somebody who sees this for the first time.

use std::collections::BTreeMap;

use interdict_engine::{
    AlarmReport, AlertReport, CheckpointId, CheckpointView, Data, Event, EventId, FlagReport,
    HeardReport, SightingReport, SilenceReport, Stage, Type, VehicleView,
};
use interdict_protocols::{Fix, Time};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::terminal::escape;
use crate::config::Configuration;

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
const MAGENTA: &str = "\u{1b}[1;35m";
const PLAIN: &str = "\u{1b}[0m";

/// Writes lines, and remembers what they came to.
pub(super) struct Show {
    zone: TimeZone,
    names_zh: BTreeMap<CheckpointId, String>,
    colourful: bool,
    alerts: BTreeMap<EventId, Course>,
    alarms: usize,
    /// Updates of ETA and probability alone, which are not shown.
    updates: usize,
}

/// The course of one alert.
struct Course {
    who: String,
    place: String,
    raised_at: Time,
    stage: Stage,
    end: Option<End>,
}

enum End {
    Passed(Time),
    Withdrawn,
}

impl Show {
    pub(super) fn new(configuration: &Configuration, colourful: bool) -> Self {
        let checkpoints = configuration.setup.checkpoints.iter();
        let names_zh = checkpoints
            .filter_map(|point| Some((point.id.clone(), point.name_zh.clone()?)))
            .collect();
        let zone = configuration.zone.clone();
        Self { zone, names_zh, colourful, alerts: BTreeMap::new(), alarms: 0, updates: 0 }
    }

    /// The event as a line, nothing in which can act on the terminal; `None` where there is
    /// nothing to see.
    pub(super) fn line(&mut self, event: &Event) -> Option<String> {
        let is_news = self.remember(event);
        let said = match (&event.data, event.kind) {
            (Data::Alert(_), Type::Watch) => return None,
            (Data::Alert(_), Type::Updated) if !is_news => return None,
            (Data::Alert(alert), kind) => self.alert(alert, kind),
            (Data::Silence(silence), _) => self.silence(silence),
            (Data::Heard(heard), _) => heard_again(heard),
            (Data::Alarm(alarm), _) => device_alarm(alarm),
            (Data::Sighting(report), _) => seen(report),
            (Data::Flag(report), _) => flag(report),
            (Data::Mass(mass), _) => {
                format!("{} alarms of one class of vehicles within a minute", mass.alarms)
            }
            (Data::Conflict(conflict), _) => format!(
                "two peers speak as {}: {} is believed, {} is not",
                conflict.device, conflict.believed, conflict.held
            ),
        };
        let (word, colour) = match event.kind {
            Type::Raised => ("RAISED", RED),
            Type::Updated => ("updated", YELLOW),
            Type::Withdrawn => ("withdrawn", GREEN),
            Type::Passed => ("PASSED", MAGENTA),
            Type::Silent => ("SILENT", YELLOW),
            Type::Heard => ("heard", GREEN),
            Type::DeviceAlarm => ("ALARM", RED),
            Type::FlagAdded => ("flagged", PLAIN),
            kind => (kind.name().trim_start_matches("interdict."), PLAIN),
        };
        let (colour, plain) = if self.colourful { (colour, PLAIN) } else { ("", "") };
        let time = clock(event.time, &self.zone);
        let said = escape(&said).replace('\n', " ");
        Some(format!("{time}  {colour}{word:<9}{plain}  {said}"))
    }

    fn alert(&self, alert: &AlertReport, kind: Type) -> String {
        let who = who(&alert.vehicle);
        let place = self.place(&alert.checkpoint);
        let soon = match kind {
            Type::Raised | Type::Updated if alert.eta_s > 0.0 => {
                format!(" in {}, {:.0} % sure", spoken(alert.eta_s), alert.probability * 100.0)
            }
            _ => String::new(),
        };
        format!("{who} → {place}{soon} | {}", alert.why.text)
    }

    fn silence(&self, silence: &SilenceReport) -> String {
        let place = silence.checkpoint.as_ref().map(|checkpoint| self.place(checkpoint));
        let place = place.map(|place| format!(" → {place}")).unwrap_or_default();
        let window = silence.earliest_at.zip(silence.latest_at).map(|(earliest_at, latest_at)| {
            format!(" {}–{}", clock(earliest_at, &self.zone), clock(latest_at, &self.zone))
        });
        let (who, window) = (who(&silence.vehicle), window.unwrap_or_default());
        format!("{who}{place}{window} | {}", silence.why.text)
    }

    /// A checkpoint by both its names.
    fn place(&self, checkpoint: &CheckpointView) -> String {
        match self.names_zh.get(&checkpoint.id) {
            Some(zh) => format!("{} {zh}", checkpoint.name),
            None => checkpoint.name.clone(),
        }
    }

    /// Takes down what an event changes; tells whether that is more than an ETA or a probability.
    fn remember(&mut self, event: &Event) -> bool {
        match (&event.data, event.kind) {
            (Data::Alert(alert), Type::Raised) => {
                let course = Course {
                    who: who(&alert.vehicle),
                    place: alert.checkpoint.name.clone(),
                    raised_at: event.time,
                    stage: alert.stage,
                    end: None,
                };
                self.alerts.insert(alert.alert.clone(), course);
            }
            (Data::Alert(alert), Type::Updated) => {
                let Some(course) = self.alerts.get_mut(&alert.alert) else { return true };
                let is_new = course.end.is_none() && course.stage != alert.stage;
                course.stage = alert.stage;
                self.updates += usize::from(!is_new);
                return is_new;
            }
            (Data::Alert(alert), Type::Passed | Type::Withdrawn) => {
                let Some(course) = self.alerts.get_mut(&alert.alert) else { return true };
                course.end = Some(match event.kind {
                    Type::Passed => End::Passed(alert.eta_at),
                    _ => End::Withdrawn,
                });
            }
            (Data::Alarm(alarm), _) if alarm.active => self.alarms += 1,
            _ => {}
        }
        true
    }

    /// What it came to, after the night.
    pub(super) fn summary(&self) -> String {
        let courses = || self.alerts.values();
        let passed = courses().filter(|course| matches!(course.end, Some(End::Passed(_)))).count();
        let withdrawn =
            courses().filter(|course| matches!(course.end, Some(End::Withdrawn))).count();
        let raised = self.alerts.len();
        let open = raised - passed - withdrawn;
        let mut text = format!(
            "\nThe night is over: {raised} alert{} ({passed} passed, {withdrawn} withdrawn, {open} \
             still open), {} device alarm{}; {} small updates are not shown.",
            plural(raised),
            self.alarms,
            plural(self.alarms),
            self.updates
        );
        let mut courses: Vec<_> = courses().collect();
        courses.sort_by_key(|course| course.raised_at);
        for Course { who, place, raised_at, end, .. } in courses {
            let end = match end {
                Some(End::Passed(at)) => {
                    format!("warned {} before it came", spoken(at.seconds_since(*raised_at)))
                }
                Some(End::Withdrawn) => "withdrawn".to_owned(),
                None => "still expected".to_owned(),
            };
            let line = escape(&format!("{who} → {place}: {end}"));
            text.push_str(&format!("\n  {}", line.replace('\n', " ")));
        }
        text
    }
}

fn heard_again(heard: &HeardReport) -> String {
    let unit = heard.unit.as_ref().map(|unit| format!(", for {unit}")).unwrap_or_default();
    let Fix { latitude, longitude, .. } = heard.fix;
    format!("{} at {latitude:.4}, {longitude:.4}{unit} | {}", who(&heard.vehicle), heard.why.text)
}

fn seen(report: &SightingReport) -> String {
    let sighting = &report.sighting;
    let (who, source) = (who(&report.vehicle), sighting.source.name());
    let (latitude, longitude) = (sighting.latitude, sighting.longitude);
    format!("{who} at {latitude:.4}, {longitude:.4} by a {source} | {}", report.why.text)
}

fn device_alarm(alarm: &AlarmReport) -> String {
    let ended = if alarm.active { "" } else { " is over" };
    let place = alarm.fix.as_ref().map(|fix| {
        let unit = alarm.unit.as_ref().map(|unit| format!(", for {unit}")).unwrap_or_default();
        format!(" at {:.4}, {:.4}{unit}", fix.latitude, fix.longitude)
    });
    let (who, what) = (who(&alarm.vehicle), alarm.alarm);
    format!("{who} {what}{ended}{} | the device itself says so", place.unwrap_or_default())
}

fn flag(report: &FlagReport) -> String {
    let flag = &report.flag;
    let instruction = flag.instruction.as_deref().unwrap_or("verify");
    let ended = report.reason.as_ref().map(|why| format!(" | {why}")).unwrap_or_default();
    format!(
        "{} for {}, case {} of {} | {instruction}{ended}",
        who(&report.vehicle),
        flag.reason,
        flag.case,
        flag.authority
    )
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn who(vehicle: &VehicleView) -> String {
    vehicle.plate.clone().unwrap_or_else(|| vehicle.id.to_string())
}

/// When the night begins, in words.
pub(super) fn evening(time: Time, zone: &TimeZone) -> String {
    at(time, zone, "%-d %B %Y from %H:%M")
}

fn clock(time: Time, zone: &TimeZone) -> String {
    at(time, zone, "%H:%M:%S")
}

fn at(time: Time, zone: &TimeZone, form: &str) -> String {
    match Timestamp::from_millisecond(time.millis()) {
        Ok(instant) => instant.to_zoned(zone.clone()).strftime(form).to_string(),
        Err(_) => time.to_string(),
    }
}

/// Minutes and seconds, as people at a checkpoint count them.
pub(super) fn spoken(length_s: f64) -> String {
    let seconds = length_s.max(0.0).round();
    let (minutes, rest) = ((seconds / 60.0).floor(), seconds % 60.0);
    if minutes < 1.0 { format!("{rest} s") } else { format!("{minutes} min {rest} s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{alert, heard, silence};

    #[test]
    fn an_alert_is_told_once_for_each_stage() {
        let (configuration, _) = Configuration::load(None).unwrap();
        let mut show = Show::new(&configuration, false);
        let raised = show.line(&alert("e1", "a", Type::Raised, 308)).unwrap();
        assert_eq!(raised, "08:00:00  RAISED     v1 → North in 5 min 8 s, 75 % sure | closing");
        let mut update = alert("e2", "a", Type::Updated, 200);
        assert_eq!(show.line(&update), None);
        let Data::Alert(report) = &mut update.data else { unreachable!() };
        report.stage = Stage::Imminent;
        assert!(show.line(&update).unwrap().contains("updated    v1 → North in 3 min 20 s"));
        assert!(show.line(&alert("e3", "a", Type::Passed, 300)).unwrap().contains("PASSED"));
        let summary = show.summary();
        assert!(summary.contains("1 alert (1 passed, 0 withdrawn, 0 still open)"), "{summary}");
        assert!(summary.contains("v1 → North: warned 5 min 0 s before it came"), "{summary}");
    }

    #[test]
    fn a_silence_is_told_with_its_window() {
        let (configuration, _) = Configuration::load(None).unwrap();
        let mut show = Show::new(&configuration, false);
        assert_eq!(
            show.line(&silence("e1", Some((600, 1_200)))).unwrap(),
            "08:00:00  SILENT     v1 → North 08:10:00–08:20:00 | not heard"
        );
        assert_eq!(show.line(&silence("e2", None)).unwrap(), "08:00:00  SILENT     v1 | not heard");
        assert_eq!(
            show.line(&heard("e3")).unwrap(),
            "08:00:00  heard      v1 at 38.9000, 121.6000, for harbour | heard again"
        );
    }

    #[test]
    fn a_hostile_plate_stays_on_its_line() {
        let (configuration, _) = Configuration::load(None).unwrap();
        let mut show = Show::new(&configuration, true);
        let mut event = alert("e1", "a", Type::Raised, 60);
        let Data::Alert(report) = &mut event.data else { unreachable!() };
        report.vehicle.plate = Some("\u{1b}[2J\n\u{202e}B".to_owned());
        let told = [show.line(&event).unwrap(), show.summary().trim_start().to_owned()];
        for told in told {
            assert!(!told.contains("\u{1b}[2J") && !told.contains('\u{202e}'), "{told}");
            assert!(told.contains("\\u{1b}[2J \\u{202e}B"), "{told}");
        }
    }

    #[test]
    fn lengths_are_said_in_minutes_and_seconds() {
        let spoken = [-3.0, 0.4, 59.4, 59.6, 60.0, 308.0].map(spoken);
        assert_eq!(spoken, ["0 s", "0 s", "59 s", "1 min 0 s", "1 min 0 s", "5 min 8 s"]);
    }
}
