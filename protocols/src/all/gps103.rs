//! GPS-103, TK-103 B, TK-303 and the many clones of Coban, Xexun and others.
//!
//! TCP and UDP on port 5001. Source: Coban, "GPRS protocol" of GPS-103 and TK-303, and its sheet on
//! the diagnostic socket (OBD).
//!
//! A frame is text up to `;`, `*` or a line feed.
//!
//! | frame | meaning | answer |
//! |---|---|---|
//! | `##,imei:…,A` or `imei:…,L` | login | `LOAD` |
//! | the bare IMEI | heartbeat | `ON` |
//! | `imei:`…, keyword, local time, phone or tag, `F`, time (UTC), `A`, latitude, `N`, longitude, `E`, knots, course, altitude, ignition, door, fuel (two), temperature | position | to `help me`: `**,imei:…,E;` |
//! | the same with `L`, , , area, , cell | no satellites | the same |
//! | `imei:`…, `OBD`, local time, mileage (km), consumption (now, average), hours, km/h, load, coolant, throttle, rpm, volts, trouble codes | the vehicle | |
//! | `imei:`…, ?, event, sensor, volts, `hhmmss`, `ddmmyy`, signal, fix, latitude, longitude, km/h, course, altitude, HDOP, satellites, ignition, charging, error | position of a sensor's hub | |
//! | `imei:`…, `vt`… and `vr`… | a photograph: not asked for | |
//!
//! Quirks: the date is local and the time of day is stated both locally and in UTC; their
//! difference, taken as less than half a day, is the zone. A hemisphere may stand before its number
//! or be missing.

use crate::field::{Fields, nmea};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gps103",
    title: "GPS-103, TK-303 (Coban, Xexun and clones)",
    port: 5001,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::IllegalIgnition,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Door,
        Alarm::Bonnet,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::LowBattery,
        Alarm::Fault,
        Alarm::FuelLeak,
        Alarm::Temperature,
    ],
    decoder: || Box::new(decode),
};

/// Parts of a photograph have some 1 000 bytes in hexadecimal; positions some 150.
const MAX_FRAME: usize = 4096;

fn find(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    // The mark of an answer that some devices echo begins with two of them.
    match memchr::memchr3(b';', b'\n', b'*', window) {
        Some(at) => {
            let line = window.get(..at).unwrap_or_default();
            Step::Frame { body: 0..line.trim_ascii_end().len(), end: at.saturating_add(1) }
        }
        None if bytes.len() >= MAX_FRAME => Step::Skip(MAX_FRAME, Reason::TooLong),
        None if last => Step::Frame { body: 0..bytes.trim_ascii_end().len(), end: bytes.len() },
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let trimmed = frame.trim_ascii_start();
    let lead = frame.len().saturating_sub(trimmed.len());
    let heartbeat = trimmed.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if heartbeat > 0 {
        let imei = trimmed.get(..heartbeat).unwrap_or_default();
        let imei = std::str::from_utf8(imei).unwrap_or_default();
        if !(10..=20).contains(&heartbeat) {
            return Err(Reject::at(lead, Reason::Malformed));
        }
        out.identify(imei);
        out.reply(*b"ON", When::Now);
    }
    // A position may follow the heartbeat without anything between them.
    let Some(start) = memchr::memmem::find(frame, b"imei:") else {
        return if heartbeat > 0 { Ok(()) } else { Err(Reject::at(lead, Reason::Malformed)) };
    };
    let message = frame.get(start..).unwrap_or_default();
    message_of(context, &Fields::split(message, b','), start <= 4, out).map_err(|mut reject| {
        reject.offset = reject.offset.saturating_add(start);
        reject
    })
}

fn message_of(
    context: &Context<'_>,
    fields: &Fields<'_>,
    is_first: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let imei = fields.text(0).strip_prefix("imei:").unwrap_or_default();
    if !is_digits(imei) || imei.len() > 20 {
        return Err(fields.reject(0, Reason::Malformed));
    }
    let keyword = fields.text(1);
    if is_first && fields.count() <= 3 && matches!(keyword, "A" | "L") {
        out.login(imei, Standing::Claimed, Vec::new());
        out.reply(*b"LOAD", When::Now);
        return Ok(());
    }
    out.identify(imei);
    match keyword {
        "" => Err(fields.reject(1, Reason::Malformed)),
        "OBD" => {
            vehicle(fields, out);
            Ok(())
        }
        _ if keyword.starts_with("vr") || keyword.starts_with("vt") => Ok(()),
        _ if is_hub(fields) => hub(fields, out),
        _ => regular(context, fields, imei, out),
    }
}

fn alarm(keyword: &str) -> Option<Alarm> {
    match keyword {
        "help me" => Some(Alarm::Sos),
        "low battery" => Some(Alarm::LowBattery),
        "stockade" => Some(Alarm::Geofence),
        "move" => Some(Alarm::Movement),
        "speed" => Some(Alarm::Overspeed),
        "door alarm" => Some(Alarm::Door),
        "ac alarm" => Some(Alarm::PowerCut),
        "acc alarm" => Some(Alarm::IllegalIgnition),
        "accident alarm" => Some(Alarm::Accident),
        "sensor alarm" => Some(Alarm::Vibration),
        "bonnet alarm" => Some(Alarm::Bonnet),
        "DTC" => Some(Alarm::Fault),
        _ if keyword.starts_with("T:") => Some(Alarm::Temperature),
        _ if keyword.starts_with("oil") => Some(Alarm::FuelLeak),
        _ => None,
    }
}

fn regular(
    context: &Context<'_>,
    fields: &Fields<'_>,
    imei: &str,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let keyword = fields.text(1);
    let mut attributes = Attributes::new();
    let alarms: AlarmSet = alarm(keyword).into_iter().collect();
    match keyword {
        "acc on" => attributes.set("ignition", true),
        "acc off" => attributes.set("ignition", false),
        "tracker" | "help me" => {}
        "rfid" => {
            let tag = fields.text(3);
            attributes.set_some("driver_id", (!tag.is_empty()).then(|| tag.to_owned()));
        }
        _ => {
            let number = |prefix: &str| {
                let text = keyword.strip_prefix(prefix)?.trim();
                text.parse().ok().filter(|value: &f64| value.is_finite())
            };
            attributes.set_some("temperature_1_c", number("T:"));
            attributes.set_some("fuel_percent", number("oil "));
            if alarms.is_empty() {
                attributes.set("event", keyword.to_owned());
            }
        }
    }
    match fields.text(4) {
        "F" => {
            let mut fix = position(context, fields, &mut attributes)?;
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        _ => {
            let hex = |index: usize| u32::from_str_radix(fields.text(index), 16).ok();
            attributes.set_some("lac", hex(7));
            attributes.set_some("cell_id", hex(9));
            let time = local(fields.text(2)).map(|local| local.midnight_plus(local.of_day_s));
            out.report(time, alarms, attributes);
        }
    }
    if keyword == "help me" {
        out.reply(format!("**,imei:{imei},E;"), When::Accepted);
    }
    Ok(())
}

/// A wall clock's reading.
struct Local {
    midnight: Time,
    of_day_s: i64,
}

impl Local {
    fn midnight_plus(&self, seconds: i64) -> Time {
        self.midnight.plus_millis(seconds.saturating_mul(1000))
    }
}

/// `YYMMDDhhmm`, perhaps with seconds and with `/`, `:` and a space between.
fn local(text: &str) -> Option<Local> {
    if text.bytes().any(|byte| !byte.is_ascii_digit() && !matches!(byte, b'/' | b':' | b' ')) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).take(13).collect();
    if !matches!(digits.len(), 10 | 12) {
        return None;
    }
    let pair = |from: usize| digits.get(from..from.saturating_add(2))?.parse::<i8>().ok();
    let year = i16::from(pair(0)?).saturating_add(2000);
    let midnight = Time::from_civil((year, pair(2)?, pair(4)?), (0, 0, 0), 0)?;
    let (hour, minute, second) = (pair(6)?, pair(8)?, pair(10).unwrap_or(0));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = i64::from(hour).saturating_mul(60).saturating_add(i64::from(minute));
    Some(Local { midnight, of_day_s: minutes.saturating_mul(60).saturating_add(i64::from(second)) })
}

/// The instant of a local date and time and of a time of day in UTC.
fn instant(context: &Context<'_>, fields: &Fields<'_>) -> Result<Time, Reject> {
    const HALF_DAY_S: i64 = 43_200;
    let stated = fields.text(5);
    let of_day_ms = if stated.split('.').next().unwrap_or_default().len() == 6 {
        let of_day = nmea::time_of_day_ms(stated);
        Some(of_day.ok_or_else(|| fields.reject(5, Reason::OutOfRange))?)
    } else {
        None
    };
    match (local(fields.text(2)), of_day_ms) {
        (Some(local), None) => Ok(local.midnight_plus(local.of_day_s)),
        (Some(local), Some(of_day_ms)) => {
            let of_day_s = of_day_ms.div_euclid(1000);
            // To the minute: the seconds of both clocks need not agree.
            let minutes = |seconds: i64| seconds.div_euclid(60).saturating_mul(60);
            let zone_s = minutes(local.of_day_s).saturating_sub(minutes(of_day_s));
            let day = match zone_s {
                ahead if ahead > HALF_DAY_S => 86_400,
                behind if behind <= -HALF_DAY_S => -86_400,
                _ => 0,
            };
            Ok(local.midnight_plus(of_day_s.saturating_add(day)))
        }
        (None, Some(of_day_ms)) if fields.text(2).bytes().all(|byte| matches!(byte, b'0')) => {
            Ok(nmea::nearest(of_day_ms, context.received_at))
        }
        _ => Err(fields.reject(2, Reason::OutOfRange)),
    }
}

fn position(
    context: &Context<'_>,
    fields: &Fields<'_>,
    attributes: &mut Attributes,
) -> Result<Fix, Reject> {
    let mut next = 7_usize;
    let coordinate = |letters: [&str; 2], next: &mut usize| {
        let hemisphere = |next: &mut usize| {
            let text = fields.text(*next);
            if letters.contains(&text) {
                *next = next.saturating_add(1);
                Some(text)
            } else {
                None
            }
        };
        let before = hemisphere(next);
        let at = *next;
        *next = next.saturating_add(1);
        let after = hemisphere(next);
        if before.is_none() && after.is_none() && fields.text(*next).is_empty() {
            *next = next.saturating_add(1);
        }
        let value = nmea::degrees(fields.text(at)).or_else(|| with_excess_minutes(fields.text(at)));
        value
            .and_then(|value| match before.or(after) {
                Some(letter) => nmea::signed(value, letter),
                None => Some(value),
            })
            .ok_or_else(|| fields.reject(at, Reason::OutOfRange))
    };
    let latitude = coordinate(["N", "S"], &mut next)?;
    let longitude = coordinate(["E", "W"], &mut next)?;
    let mut fix = Fix::new(instant(context, fields)?, latitude, longitude)
        .ok_or_else(|| fields.reject(7, Reason::OutOfRange))?;
    let at = |places: usize| next.saturating_add(places);
    fix.valid = fields.text(6) == "A";
    fix.speed_kmh = fields.number(next).filter(|knots| *knots >= 0.0).map(nmea::kmh);
    fix.course_deg = fields.number(at(1)).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(at(2));
    let flag = |index: usize| match fields.text(index) {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    attributes.set_some("ignition", flag(at(3)));
    attributes.set_some("door", flag(at(4)));
    let percent = |index: usize| {
        let text = fields.text(index).strip_suffix('%')?;
        text.parse().ok().filter(|percent: &f64| (0.0..=100.0).contains(percent))
    };
    attributes.set_some("fuel_percent", percent(at(5)));
    attributes.set_some("fuel_2_percent", percent(at(6)));
    attributes.set_some("temperature_1_c", fields.parse::<i16>(at(7)));
    Ok(fix)
}

/// Minutes of 60 and more are carried over by some firmware.
fn with_excess_minutes(text: &str) -> Option<f64> {
    let whole = text.split('.').next().unwrap_or_default();
    let (degrees, _) = whole.split_at_checked(whole.len().checked_sub(2)?)?;
    let minutes = text.get(degrees.len()..)?;
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if degrees.len() > 3 || !is_number(degrees) || !is_number(minutes) {
        return None;
    }
    Some(f64::from(degrees.parse::<u16>().ok()?) + minutes.parse::<f64>().ok()? / 60.0)
}

fn vehicle(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let percent = |index: usize| {
        let text = fields.text(index).strip_suffix('%')?;
        text.parse().ok().filter(|percent: &f64| (0.0..=100.0).contains(percent))
    };
    attributes.set_some("vehicle_odometer_km", fields.parse::<u32>(3));
    attributes.set_some("vehicle_speed_kmh", fields.parse::<u16>(7));
    attributes.set_some("engine_load_percent", percent(8));
    let coolant = fields.text(9);
    let coolant = coolant.strip_prefix('+').unwrap_or(coolant);
    attributes.set_some("coolant_temperature_c", coolant.parse::<i16>().ok());
    attributes.set_some("throttle_percent", percent(10));
    attributes.set_some("rpm", fields.parse::<u16>(11));
    attributes.set_some("power_v", fields.number(12).filter(|volts| *volts > 0.0));
    let codes = fields.joined(13, fields.count()).replace(',', " ");
    let codes = codes.trim();
    attributes.set_some("trouble_codes", (!codes.is_empty()).then(|| codes.to_owned()));
    let time = local(fields.text(2)).map(|local| local.midnight_plus(local.of_day_s));
    out.report(time, AlarmSet::EMPTY, attributes);
}

/// A date in the seventh field and coordinates in degrees.
fn is_hub(fields: &Fields<'_>) -> bool {
    let six_digits = |index: usize| fields.text(index).len() == 6 && is_digits(fields.text(index));
    six_digits(5) && six_digits(6) && fields.text(9).contains('.') && fields.text(10).contains('.')
}

fn hub(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let midnight =
        nmea::date(fields.text(6)).ok_or_else(|| fields.reject(6, Reason::OutOfRange))?;
    let of_day =
        nmea::time_of_day_ms(fields.text(5)).ok_or_else(|| fields.reject(5, Reason::OutOfRange))?;
    let nowhere = || fields.reject(9, Reason::OutOfRange);
    let latitude = fields.number(9).ok_or_else(nowhere)?;
    let longitude = fields.number(10).ok_or_else(nowhere)?;
    let mut fix =
        Fix::new(midnight.plus_millis(of_day), latitude, longitude).ok_or_else(nowhere)?;
    fix.valid = fields.parse::<u8>(8).is_some_and(|status| status > 0);
    fix.speed_kmh = fields.number(11).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(12).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(13);
    let mut attributes = Attributes::new();
    let event = fields.text(2);
    if !event.bytes().all(|byte| byte == b'-') {
        attributes.set("event", event.to_owned());
    }
    attributes.set_some("rssi", fields.parse::<u8>(7));
    attributes.set_some("hdop", fields.number(14));
    attributes.set_some("satellites", fields.parse::<u8>(15));
    attributes.set_some("ignition", fields.parse::<u8>(16).map(|on| on > 0));
    attributes.set_some("charging", fields.parse::<u8>(17).map(|on| on > 0));
    out.fix(fix, attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_difference_of_two_clocks() {
        let received_at = Time::parse("2026-06-15T02:00:00Z").unwrap();
        let context = Context {
            device: None,
            model: None,
            transport: crate::Transport::Tcp,
            received_at,
            installation: &(),
        };
        let instant = |text: &[u8]| {
            instant(&context, &Fields::split(text, b',')).map(|time| time.to_string())
        };
        let utc = |text: &str| Ok(text.to_owned());
        assert_eq!(instant(b"i,k,2606150959,,F,015955.000"), utc("2026-06-15T01:59:55Z"));
        assert_eq!(instant(b"i,k,2606150359,,F,195955"), utc("2026-06-14T19:59:55Z"));
        assert_eq!(instant(b"i,k,2606142159,,F,015955"), utc("2026-06-15T01:59:55Z"));
        assert_eq!(instant(b"i,k,26/06/15 09:59,,F,61.0"), utc("2026-06-15T09:59:00Z"));
        assert_eq!(instant(b"i,k,000000000,,F,015955.5"), utc("2026-06-15T01:59:55.5Z"));
        assert!(instant(b"i,k,2613150959,,F,015955").is_err());
    }
}
