//! Text messages: `*` maker `,` device `,` message `,` fields.
//!
//! | message | fields | answer |
//! |---|---|---|
//! | `V1` and other `V…` | time, validity, latitude, `N`, longitude, `E`, knots, course, (battery,) date, status, more | `V4` to `V1` |
//! | `V4` | the command, its result, then as `V1` | |
//! | `V19` | as `V1`, phone and card between date and status | |
//! | `VP1` | as `V1` without a time; or `V` and cells | |
//! | `NBR` | time, country, network, delay, count, cells, date, status | `V4` |
//! | `V3` | time, network, count, cells, battery, restarts, `X`, date, status | `V4` |
//! | `LINK` | time, signal, satellites, battery, steps, turns, date, status | |
//! | `HTBT`, `V0` | battery | the same |
//! | `XT` | ?, battery | |
//! | `BASE`, `BS` | cells, status | |
//! | `SMS` | text | |
//!
//! Times are `hhmmss`, dates `ddmmyy`, both UTC.

use super::command;
use super::status::Status;
use crate::field::{Fields, date, nmea, text};
use crate::{AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time, When};

/// Maker, device, message.
const FIRST_FIELD: usize = 3;

pub(super) fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let (device, message) = (fields.text(1), fields.text(2));
    if !device.is_empty() {
        if device.len() > 20 || !device.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(fields.reject(1, Reason::Malformed));
        }
        out.identify(device);
    }
    let maker = fields.text(0);
    if let Some(manner) = command::manner(maker) {
        out.manner(manner);
    }
    match message {
        "HTBT" | "V0" => {
            out.reply_text(format_args!("{maker},{device},{message}#"), When::Now);
            battery_report(&fields, FIRST_FIELD, out);
            return Ok(());
        }
        "XT" => {
            battery_report(&fields, FIRST_FIELD.saturating_add(1), out);
            return Ok(());
        }
        "SMS" => {
            let mut attributes = Attributes::new();
            let text = fields.joined(FIRST_FIELD, fields.count());
            attributes.set("result", text.trim().to_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            return Ok(());
        }
        "" => return Err(fields.reject(2, Reason::Malformed)),
        _ => {}
    }
    match hemispheres(&fields) {
        Some(north) => position(context, &fields, north, out)?,
        None => without_position(&fields, message, out)?,
    }
    // The makers' servers confirm these, and the device then forgets the record.
    if matches!(message, "V1" | "V3" | "NBR") && !device.is_empty() {
        let now = date::digits(context.received_at, 0);
        out.reply_text(format_args!("{maker},{device},V4,{message},{now}#"), When::Accepted);
    }
    Ok(())
}

fn battery_report(fields: &Fields<'_>, index: usize, out: &mut Out<'_>) {
    if let Some(percent) = fields.parse::<u8>(index).filter(|percent| *percent <= 100) {
        let mut attributes = Attributes::new();
        attributes.set("battery_percent", percent);
        out.report(None, AlarmSet::EMPTY, attributes);
    }
}

/// The field with `N` or `S` that has a coordinate before it and `E` or `W` two after it.
fn hemispheres(fields: &Fields<'_>) -> Option<usize> {
    (FIRST_FIELD..fields.count()).find(|index| {
        matches!(fields.text(*index), "N" | "S")
            && matches!(fields.text(index.saturating_add(2)), "E" | "W")
            && !fields.text(index.saturating_sub(1)).is_empty()
    })
}

/// Degrees of `DDDMM.mmmm`, of `DDDMMmmmm`, or of `-DDD-MM.mmmm`.
fn coordinate(text: &str) -> Option<f64> {
    if let Some((degrees, minutes)) = text.strip_prefix('-').and_then(|text| text.split_once('-')) {
        let degrees: u8 = degrees.parse().ok()?;
        let minutes: f64 = minutes.parse().ok()?;
        return (0.0..60.0).contains(&minutes).then_some(f64::from(degrees) + minutes / 60.0);
    }
    if text.contains('.') {
        return nmea::degrees(text);
    }
    let (whole, decimals) = text.split_at_checked(text.len().checked_sub(4)?)?;
    nmea::degrees(&text::short(format_args!("{whole}.{decimals}")))
}

fn position(
    context: &Context<'_>,
    fields: &Fields<'_>,
    north: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let after = |places: usize| north.saturating_add(places);
    let (latitude_at, longitude_at) = (north.saturating_sub(1), after(1));
    let (validity_at, time_at) = (north.saturating_sub(2), north.saturating_sub(3));
    let read = |index: usize, hemisphere: usize| {
        coordinate(fields.text(index))
            .and_then(|value| nmea::signed(value, fields.text(hemisphere)))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let latitude = read(latitude_at, north)?;
    let longitude = read(longitude_at, after(2))?;

    // A battery level may stand before the date.
    let is_date =
        |index: &usize| fields.text(*index).len() == 6 && fields.parse::<u32>(*index).is_some();
    let date_at = [after(5), after(6)].into_iter().find(is_date);
    let time_of_day = if time_at >= FIRST_FIELD { fields.text(time_at) } else { "" };
    let fix_time = match instant(fields, date_at, time_of_day)? {
        Some(time) => time,
        None if date_at.is_none() && time_of_day.len() == 6 => {
            let since_midnight = nmea::time_of_day_ms(time_of_day)
                .ok_or_else(|| fields.reject(time_at, Reason::OutOfRange))?;
            nmea::nearest(since_midnight, context.received_at)
        }
        None => context.received_at,
    };

    let mut fix = Fix::new(fix_time, latitude, longitude)
        .ok_or_else(|| fields.reject(latitude_at, Reason::OutOfRange))?;
    let validity = fields.text(validity_at);
    // A digit names how an address request is coded; it is sent only with a fix.
    fix.valid = matches!(validity, "A")
        || (validity == "B" && fields.text(2) == "VP1")
        || (!validity.is_empty() && validity.bytes().all(|byte| byte.is_ascii_digit()));
    let knots = fields.number(after(3)).filter(|knots| *knots >= 0.0);
    fix.speed_kmh = knots.map(nmea::kmh);
    fix.course_deg = fields.number(after(4)).filter(|course| (0.0..=360.0).contains(course));

    let mut attributes = Attributes::new();
    if fields.text(2) == "V4" {
        let result = fields.joined(FIRST_FIELD, time_at);
        attributes.set("result", result.into_owned());
    }
    let last_known = date_at.unwrap_or_else(|| after(4));
    let status_at = (last_known.saturating_add(1)..fields.count())
        .find(|index| fields.text(*index).len() == 8 && status(fields, *index).is_some());
    if let Some(status_at) = status_at {
        if let Some(status) = status(fields, status_at) {
            fix.alarms = status.alarms();
            fix.alarm_states = Status::alarm_states();
            status.set(&mut attributes);
        }
        fix.altitude_m = mileage(fields, status_at.saturating_add(1), &mut attributes);
    }
    out.fix(fix, attributes);
    Ok(())
}

/// The instant of a date field and a time of day; `None` where the device has no clock yet.
fn instant(
    fields: &Fields<'_>,
    date_at: Option<usize>,
    time_of_day: &str,
) -> Result<Option<Time>, Reject> {
    let Some(date_at) = date_at.filter(|index| fields.text(*index) != "000000") else {
        return Ok(None);
    };
    let wrong = fields.reject(date_at, Reason::OutOfRange);
    let midnight = nmea::date(fields.text(date_at)).ok_or(wrong)?;
    let is_time = time_of_day.len() >= 6 && time_of_day.bytes().all(|byte| byte.is_ascii_digit());
    let since_midnight = if is_time { nmea::time_of_day_ms(time_of_day).ok_or(wrong)? } else { 0 };
    Ok(Some(midnight.plus_millis(since_midnight)))
}

fn status(fields: &Fields<'_>, index: usize) -> Option<Status> {
    let text = fields.text(index);
    let is_hex = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(text, 16).ok()).flatten().map(Status)
}

/// Six fields behind the status: mileage, temperature, fuel, altitude, area and cell. Answers the
/// altitude.
fn mileage(fields: &Fields<'_>, from: usize, attributes: &mut Attributes) -> Option<f64> {
    let at = |places: usize| from.saturating_add(places);
    // The fuel's decimal point tells this list from others of six.
    if fields.count() != at(6) || !fields.text(at(2)).contains('.') {
        return None;
    }
    let odometer: u32 = fields.parse(from)?;
    let temperature: i32 = fields.parse(at(1))?;
    let fuel = fields.number(at(2))?;
    let altitude = fields.number(at(3))?;
    attributes.set("odometer_m", odometer);
    attributes.set("temperature_c", temperature);
    attributes.set("fuel_percent", fuel);
    attributes.set_some("lac", u32::from_str_radix(fields.text(at(4)), 16).ok());
    attributes.set_some("cell_id", u32::from_str_radix(fields.text(at(5)), 16).ok());
    Some(altitude)
}

fn without_position(fields: &Fields<'_>, message: &str, out: &mut Out<'_>) -> Result<(), Reject> {
    let known = message.starts_with('V') || matches!(message, "NBR" | "LINK" | "BASE" | "BS");
    if !known {
        return Err(fields.reject(2, Reason::Unsupported));
    }
    let mut attributes = Attributes::new();
    let mut set = |name: &'static str, index: usize| {
        attributes.set_some(name, fields.parse::<u32>(index));
    };
    match message {
        "LINK" => {
            set("rssi", 4);
            set("satellites", 5);
            set("battery_percent", 6);
            set("steps", 7);
            set("turns", 8);
        }
        "NBR" => {
            set("mcc", 4);
            set("mnc", 5);
            set("lac", 8);
            set("cell_id", 9);
        }
        "VP1" => {
            set("mcc", 4);
            set("mnc", 5);
            set("lac", 6);
            set("cell_id", 7);
        }
        _ => {}
    }
    let status_at =
        (FIRST_FIELD..fields.count()).rev().find(|index| status(fields, *index).is_some());
    if message == "V3"
        && let Some(battery_at) = status_at.and_then(|at| at.checked_sub(4))
    {
        let battery = u16::from_str_radix(fields.text(battery_at), 16).ok();
        attributes.set_some("battery_raw", battery);
    }
    let (mut alarms, mut alarm_states, mut time) = (AlarmSet::EMPTY, AlarmSet::EMPTY, None);
    if let Some(status_at) = status_at
        && let Some(status) = status(fields, status_at)
    {
        alarms = status.alarms();
        alarm_states = Status::alarm_states();
        status.set(&mut attributes);
        let date_at = status_at.checked_sub(1).filter(|index| fields.text(*index).len() == 6);
        // No position leans on it, so a time that cannot be costs only itself.
        time = instant(fields, date_at, fields.text(FIRST_FIELD)).unwrap_or(None);
    }
    out.report_states(time, alarms, alarm_states, attributes);
    Ok(())
}
