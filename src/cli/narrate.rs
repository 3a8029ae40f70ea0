//! Events as lines for people: when, what, which vehicle, where, in how many minutes, why.

use std::collections::BTreeMap;

use interdict_engine::{AlarmReport, AlertReport, Data, Event, Type, UnitId, VehicleView};
use interdict_protocols::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::terminal::escape;
use crate::config::Configuration;

/// Tells events in the words and the time zones of a configuration.
pub(crate) struct Narrator<'a> {
    configuration: &'a Configuration,
    zones: BTreeMap<UnitId, TimeZone>,
}

impl<'a> Narrator<'a> {
    pub(crate) fn new(configuration: &'a Configuration) -> Self {
        let units = &configuration.setup.units;
        let zones =
            units.iter().map(|unit| (unit.id.clone(), configuration.zone_of(&unit.id))).collect();
        Self { configuration, zones }
    }

    /// One line, nothing in which can act on a terminal.
    pub(crate) fn line(&self, event: &Event) -> String {
        let zone = event.unit().and_then(|unit| self.zones.get(unit));
        let zone = zone.unwrap_or(&self.configuration.zone);
        let told = match &event.data {
            Data::Alert(alert) => alert_line(event.kind, alert, zone),
            Data::Alarm(alarm) => alarm_line(alarm),
            Data::Conflict(conflict) => format!(
                "two peers speak as device {}: {} is believed, {} is held apart",
                conflict.device, conflict.believed, conflict.held
            ),
            Data::Flag(report) => {
                let flag = &report.flag;
                let end = match &report.reason {
                    Some(reason) => reason.clone(),
                    None => format!("until {}", clock(flag.expires_at, zone)),
                };
                let who = vehicle(&report.vehicle);
                format!("{who} {} (case {}, {}), {end}", flag.reason, flag.case, flag.authority)
            }
        };
        let time = clock(event.time, zone);
        escape(&format!("{time}  {:<14} {told}", word(event.kind))).replace('\n', "\\n")
    }
}

/// The last part of a type's name says it all, with its kind where that is not an alert.
fn word(kind: Type) -> String {
    let name = kind.name();
    let name = name.strip_prefix("interdict.").unwrap_or(name);
    match name.split_once('.') {
        Some(("alert", what)) => what.to_uppercase(),
        Some((kind, what)) => format!("{kind} {what}"),
        None => name.to_owned(),
    }
}

fn clock(time: Time, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(time.millis()) {
        Ok(instant) => instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_string(),
    }
}

fn vehicle(vehicle: &VehicleView) -> String {
    let name = match &vehicle.plate {
        Some(plate) => format!("{plate} ({})", vehicle.id),
        None => vehicle.id.to_string(),
    };
    let looks = [&vehicle.colour, &vehicle.make];
    looks.into_iter().flatten().fold(name, |name, look| format!("{name}, {look}"))
}

fn alert_line(kind: Type, alert: &AlertReport, zone: &TimeZone) -> String {
    let who = vehicle(&alert.vehicle);
    let place = &alert.checkpoint.name;
    let how_sure = format!("{:.0} %", alert.probability * 100.0);
    let why = &alert.why.text;
    match kind {
        Type::Passed => format!("{who} passed {place} at {}: {why}", clock(alert.eta_at, zone)),
        Type::Withdrawn => format!("{who} no longer heads for {place}: {why}"),
        _ => format!(
            "{who} reaches {place} in {}, {:.1} km to go, {how_sure} sure; case {} ({}); {why}; \
             fix {} old, verify before acting",
            minutes(alert.eta_s),
            alert.distance_m / 1000.0,
            alert.flag.case,
            alert.flag.reason,
            minutes(alert.fix_age_s),
        ),
    }
}

fn alarm_line(report: &AlarmReport) -> String {
    let who = vehicle(&report.vehicle);
    let ended = if report.active { "" } else { " has ended" };
    let place = match &report.fix {
        Some(fix) => format!(" at {:.5}, {:.5}", fix.latitude, fix.longitude),
        None => String::new(),
    };
    let late = match report.age_s {
        Some(age_s) => format!(", told {} late", minutes(age_s)),
        None => String::new(),
    };
    let alarm = report.alarm;
    format!("{who}: {alarm}{ended} ({}){place}{late}, device {}", alarm.meaning(), report.device)
}

/// Minutes and seconds, as people at a checkpoint count.
fn minutes(length_s: f64) -> String {
    let seconds = length_s.round();
    let (whole, rest) = ((seconds / 60.0).floor(), seconds.rem_euclid(60.0));
    if whole < 1.0 { format!("{rest} s") } else { format!("{whole} min {rest} s") }
}
