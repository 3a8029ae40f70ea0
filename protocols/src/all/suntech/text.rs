//! Text messages of the numbered series: fields separated by semicolons.
//!
//! | message | fields |
//! |---|---|
//! | `ST300STT`, `SA200STT` | device, (model,) version, date, time, cell, latitude, longitude, km/h, course, satellites, fix, metres, volts, lines, mode, number, minutes run, battery, live |
//! | `…EMG`, `…ALT`, `…EVT` | the same up to the lines, then what happened, minutes run, … |
//! | `…UEX` | the same up to the lines, then length, data, checksum of the data, minutes run, … |
//! | `ST600…` | country, network, area, signal behind the cell |
//! | `ST500…` | no cell |
//! | `ST4…STT`, `ST4…ALT` | device, version, model, seven cells of six fields, battery, live, number, kind, date, … |
//! | `…HTE` | a journey: two positions of the past, last the driver |
//! | `ST910;Location`, `;Emergency`, `;Alert` | device, (version,) date, time, (cell,) latitude, longitude, km/h, course, fix, (metres,) … |
//! | `…CMD;Res`, `RES` | the answer to a command |
//! | `…ALV` | alive |
//!
//! Lines: ignition, three inputs, two outputs, one digit each.

use std::ops::Range;

use super::{alert, identify};
use crate::field::{Fields, text};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// Where data that may hold any byte stands: of a serial port in an `UEX` message, of a crash in a
/// `CRR` message.
pub(super) fn binary_data(message: &[u8]) -> Option<Range<usize>> {
    let head = message.split(|byte| *byte == b';').next()?;
    if !head.ends_with(b"UEX") && head != b"CRR" {
        return None;
    }
    // The separators before the length.
    let separators_before = match head {
        b"CRR" => 4_usize,
        [b'S', b'T', b'6', ..] => 20,
        [b'S', b'T', b'3', ..] => 16,
        _ => 15,
    };
    let mut separators = memchr::memchr_iter(b';', message);
    let from = separators.nth(separators_before.saturating_sub(1))?.saturating_add(1);
    let until = separators.next()?;
    let text = std::str::from_utf8(message.get(from..until)?).ok()?;
    let length: usize = text.parse().ok().filter(|length| *length <= 2048)?;
    let start = until.saturating_add(1);
    Some(start..start.saturating_add(length))
}

pub(super) fn decode(fields: &Fields<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let head = fields.text(0);
    let answers = |from: usize, out: &mut Out<'_>| {
        let mut attributes = Attributes::new();
        attributes.set("result", fields.joined(from, fields.count()).trim().to_owned());
        out.report(None, AlarmSet::EMPTY, attributes);
    };
    match head {
        "RES" => {
            identify(fields, 1, out)?;
            answers(2, out);
            return Ok(());
        }
        // Heartbeats and scans for beacons.
        "ALV" | "BSA" | "CMD" => return identify(fields, 1, out),
        _ => {}
    }
    let is_numbered = matches!(head.get(..2), Some("ST" | "SA"))
        && head.get(2..5).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !is_numbered {
        return Err(fields.reject(0, Reason::Unsupported));
    }
    if head.len() == 5 {
        return named(fields, out);
    }
    let device_at = if head.ends_with("CMD") && fields.text(1) == "Res" { 2 } else { 1 };
    identify(fields, device_at, out)?;
    match head.get(5..).unwrap_or_default() {
        "ALV" => Ok(()),
        "CMD" => {
            answers(device_at.saturating_add(1), out);
            Ok(())
        }
        "HTE" => {
            let mut attributes = Attributes::new();
            let driver = fields.text(fields.count().saturating_sub(1));
            attributes.set_some("driver_id", driver_id(driver));
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
        kind @ ("STT" | "EMG" | "EVT" | "ALT" | "UEX") => position(fields, frame, kind, out),
        _ => Err(fields.reject(0, Reason::Unsupported)),
    }
}

fn driver_id(text: &str) -> Option<String> {
    let known = !text.is_empty() && text.bytes().any(|byte| byte != b'0');
    known.then(|| text.to_owned())
}

/// Where a date stands that a time follows.
fn date_at(fields: &Fields<'_>) -> Option<usize> {
    (2..fields.count()).find(|at| {
        let (date, time) = (fields.text(*at), fields.text(at.saturating_add(1)));
        date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) && time.contains(':')
    })
}

/// `YYYYMMDD` and `hh:mm:ss`, UTC.
pub(super) fn time(fields: &Fields<'_>, at: usize) -> Result<Time, Reject> {
    let read = || {
        let date = fields.text(at);
        let small = |from: usize| date.get(from..from.saturating_add(2))?.parse().ok();
        let mut parts = fields.text(at.saturating_add(1)).split(':').map(|part| part.parse().ok());
        let of_day = (parts.next()??, parts.next()??, parts.next()??);
        let date = (date.get(..4)?.parse().ok()?, small(4)?, small(6)?);
        if parts.next().is_some() { None } else { Time::from_civil(date, of_day, 0) }
    };
    read().ok_or_else(|| fields.reject(at, Reason::OutOfRange))
}

/// Two fields with a sign and decimals.
fn place_at(fields: &Fields<'_>, from: usize) -> Option<usize> {
    let is_coordinate = |at: usize| {
        let text = fields.text(at);
        text.starts_with(['+', '-']) && text.contains('.') && fields.number(at).is_some()
    };
    (from..fields.count()).find(|at| is_coordinate(*at) && is_coordinate(at.saturating_add(1)))
}

fn fix(fields: &Fields<'_>, date: usize, place: usize) -> Result<Fix, Reject> {
    let at = |places: usize| place.saturating_add(places);
    let nowhere = || fields.reject(place, Reason::OutOfRange);
    let latitude = fields.number(place).ok_or_else(nowhere)?;
    let longitude = fields.number(at(1)).ok_or_else(nowhere)?;
    let mut fix = Fix::new(time(fields, date)?, latitude, longitude).ok_or_else(nowhere)?;
    fix.speed_kmh = fields.number(at(2)).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(at(3)).filter(|course| (0.0..=360.0).contains(course));
    Ok(fix)
}

/// ST900: the message's name is a field.
fn named(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let kind = fields.text(1);
    if !matches!(kind, "Location" | "Emergency" | "Alert") {
        return Err(fields.reject(1, Reason::Unsupported));
    }
    identify(fields, 2, out)?;
    let date = date_at(fields).ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
    let place = place_at(fields, date.saturating_add(2))
        .ok_or_else(|| fields.reject(date.saturating_add(2), Reason::OutOfRange))?;
    let mut fix = fix(fields, date, place)?;
    fix.valid = fields.text(place.saturating_add(4)) == "1";
    if kind != "Location" {
        fix.alarms = AlarmSet::only(Alarm::General);
    }
    let mut attributes = Attributes::new();
    // The form with a cell has the mileage behind the fix, the other one the battery.
    if place > date.saturating_add(2) {
        attributes.set_some("odometer_m", fields.parse::<u32>(place.saturating_add(5)));
    } else {
        attributes.set_some("battery_v", fields.number(place.saturating_add(5)));
    }
    out.fix(fix, attributes);
    Ok(())
}

fn position(
    fields: &Fields<'_>,
    frame: &[u8],
    kind: &str,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let series = fields.text(0).get(2..3).unwrap_or_default();
    let mut attributes = Attributes::new();
    if series == "4" {
        cell_of_four(fields, &mut attributes);
    }
    let Some(date) = date_at(fields) else {
        // The ST400 has a message without satellites in view.
        if series == "4" {
            out.report(None, AlarmSet::EMPTY, attributes);
            return Ok(());
        }
        return Err(fields.reject(3, Reason::OutOfRange));
    };
    let place = place_at(fields, date.saturating_add(2))
        .ok_or_else(|| fields.reject(date.saturating_add(2), Reason::OutOfRange))?;
    let at = |places: usize| place.saturating_add(places);
    let mut fix = fix(fields, date, place)?;
    attributes.set_some("satellites", fields.parse::<u8>(at(4)));
    fix.valid = fields.text(at(5)) == "1";
    if series == "4" {
        fix.backfill = fields.text(47) == "0";
        out.fix(fix, attributes);
        return Ok(());
    }
    if series == "6" {
        attributes.set_some("mcc", fields.parse::<u16>(date.saturating_add(3)));
        attributes.set_some("mnc", fields.parse::<u16>(date.saturating_add(4)));
        let hex = |index: usize| u32::from_str_radix(fields.text(index), 16).ok();
        attributes.set_some("lac", hex(date.saturating_add(5)));
        attributes.set_some("cell_id", hex(date.saturating_add(2)));
        attributes.set_some("rssi", fields.parse::<u8>(date.saturating_add(6)));
    }
    attributes.set_some("odometer_m", fields.parse::<u32>(at(6)));
    attributes.set_some("power_v", fields.number(at(7)));
    lines(fields.text(at(8)), &mut attributes);
    let number = fields.parse::<u8>(at(9));
    let more = match kind {
        "STT" => {
            attributes.set_some("status", number);
            at(11)
        }
        "UEX" => serial(fields, frame, &mut attributes).unwrap_or_else(|| fields.count()),
        _ => at(10),
    };
    let alarm = match (kind, number) {
        ("EMG", Some(number)) => emergency(number),
        ("ALT", Some(number)) => alert(number),
        _ => None,
    };
    if kind != "STT" && kind != "UEX" {
        attributes.set_some("event", number);
    }
    fix.alarms = alarm.into_iter().collect();
    // Minutes that the engine has run, the device's battery, whether this is live.
    let battery = fields.number(more.saturating_add(1));
    let has_more = fields.parse::<u32>(more).is_some() && battery.is_some();
    if has_more {
        attributes.set_some("battery_v", battery);
        fix.backfill = fields.text(more.saturating_add(2)) == "0";
    }
    out.fix(fix, attributes);
    Ok(())
}

const fn emergency(number: u8) -> Option<Alarm> {
    match number {
        1 => Some(Alarm::Sos),
        // Moved while locked for parking.
        2 => Some(Alarm::IllegalMovement),
        3 => Some(Alarm::PowerCut),
        5 | 6 => Some(Alarm::Door),
        7 => Some(Alarm::Movement),
        8 => Some(Alarm::Vibration),
        _ => None,
    }
}

fn lines(text: &str, attributes: &mut Attributes) {
    static NAMES: [&str; 6] = ["ignition", "input_1", "input_2", "input_3", "output_1", "output_2"];
    if text.len() < 6 || !text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
        return;
    }
    for (name, digit) in NAMES.into_iter().zip(text.bytes()) {
        attributes.set(name, digit == b'1');
    }
}

/// The serving cell of the seven, and the battery behind them.
fn cell_of_four(fields: &Fields<'_>, attributes: &mut Attributes) {
    let number = |index: usize| fields.parse::<u32>(index);
    attributes.set_some("cell_id", number(4));
    attributes.set_some("mcc", number(5));
    attributes.set_some("mnc", number(6));
    attributes.set_some("rssi", fields.parse::<i16>(7));
    attributes.set_some("lac", number(8));
    attributes.set_some("battery_v", fields.number(46));
}

/// What a known sensor has said over the serial port. Answers the field with the minutes run.
fn serial(fields: &Fields<'_>, frame: &[u8], attributes: &mut Attributes) -> Option<usize> {
    let range = binary_data(frame)?;
    let data = text::utf8(frame.get(range.clone())?);
    let mut fuel = 0.0;
    for part in data.split(';').map(str::trim).take(16) {
        if let Some(tag) = part.strip_prefix("RFID:") {
            attributes.set_some("driver_id", driver_id(tag));
        } else if part.starts_with("CabAVL") {
            let levels = part.split(',').skip(2).take(2).filter_map(|level| level.parse().ok());
            fuel += levels.filter(|level: &f64| level.is_finite() && *level > 0.0).sum::<f64>();
        } else if part.starts_with("GTSL") {
            attributes.set_some("driver_id", part.split('|').nth(4).and_then(driver_id));
        } else if let Some((name, value)) = part.split_once('=') {
            let whole = value.split('.').next().unwrap_or_default();
            let value = u32::from_str_radix(whole, 16).ok();
            match name {
                "t_0" => attributes.set_some("temperature_1_c", value),
                "t_1" => attributes.set_some("temperature_2_c", value),
                "N_0" | "N_1" => fuel += value.map_or(0.0, f64::from),
                _ => {}
            }
        }
    }
    if fuel > 0.0 {
        attributes.set("fuel_raw", fuel);
    }
    // Behind the data, its checksum; then what follows it.
    let after = (0..fields.count()).find(|index| fields.offset(*index) > range.end)?;
    Some(after.saturating_add(1))
}
