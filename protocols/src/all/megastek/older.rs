//! `STX` frames.
//!
//! | form | |
//! |---|---|
//! | simple | `STX,name,$GPRMC,…*CS,F,alarm,imei:…,satellites,altitude,Battery=…%,charging,country,network,area,cell;sum` |
//! | with inputs | `STX` and 17 characters of name, `$GPRMC,…*CS,country,network,area,cell,signal,battery,flags,inputs,(outputs,)voltages,alarm;sum` |
//!
//! The sum of the simple form is that of all bytes from `STX` to the `;`, modulo 256. Some of its
//! devices copy the receiver's own checksum from another sentence, so that only the sum counts;
//! the other form has the receiver's alone.

use memchr::memchr;

use crate::field::{Fields, checksum, nmea};
use crate::{Alarm, Attributes, Out, Reason, Reject};

/// What stands before and behind a GPRMC sentence.
struct Parts<'a> {
    name: &'a [u8],
    sentence: &'a [u8],
    status: &'a [u8],
    sentence_at: usize,
    status_at: usize,
}

pub(super) fn decode(frame: &[u8], start: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let is_simple = frame.get(start.saturating_add(3)) == Some(&b',');
    let parts = split(frame, start).ok_or_else(|| Reject::at(start, Reason::Malformed))?;
    let sum_at = frame.iter().rposition(|byte| *byte == b';').map(|at| at.saturating_add(1));
    let sum = sum_at.and_then(|at| frame.get(at..)).filter(|sum| sum.len() == 2);
    let content = match (is_simple, sum_at.zip(sum)) {
        (true, Some((at, sum))) => {
            let summed = frame.get(start..at).unwrap_or_default();
            let stated = std::str::from_utf8(sum).ok().and_then(|t| u8::from_str_radix(t, 16).ok());
            if stated != Some(checksum::sum8(summed)) {
                return Err(Reject::at(at, Reason::Checksum));
            }
            let star = memchr(b'*', parts.sentence).unwrap_or(parts.sentence.len());
            parts.sentence.get(1..star).unwrap_or_default()
        }
        _ => nmea::verified(parts.sentence).map_err(|reject| moved(reject, parts.sentence_at))?.0,
    };

    let status = parts.status.split(|byte| *byte == b';').next().unwrap_or_default();
    let status = Fields::split(status, b',');
    let imei = (0..status.count()).find_map(|index| {
        let number = status.text(index).strip_prefix("imei:")?;
        Some((number, parts.status_at.saturating_add(status.offset(index))))
    });
    match imei {
        Some((number, at)) => super::identify(number, at, out)?,
        None => {
            let name = std::str::from_utf8(parts.name).unwrap_or_default();
            super::identify(name, start.saturating_add(3), out)?;
        }
    }

    let fields = Fields::split(content, b',');
    let behind_mark = parts.sentence_at.saturating_add(1);
    let fix = nmea::rmc(&fields, 1).map_err(|reject| moved(reject, behind_mark))?;
    let mut attributes = Attributes::new();
    let mut altitude = None;
    let alarm = if is_simple {
        altitude = simple(&status, &mut attributes);
        super::alarm(status.text(1))
    } else {
        with_inputs(&status, &mut attributes)
    };
    let alarms = alarm.into_iter().collect();
    match fix {
        Some(mut fix) => {
            fix.altitude_m = altitude;
            fix.backfill = start > 0 || attributes.get("event").is_some_and(|event| {
                matches!(event, crate::Value::Text(text) if text.eq_ignore_ascii_case("store"))
            });
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        None => out.report(None, alarms, attributes),
    }
    Ok(())
}

fn moved(mut reject: Reject, by: usize) -> Reject {
    reject.offset = reject.offset.saturating_add(by);
    reject
}

fn split(frame: &[u8], start: usize) -> Option<Parts<'_>> {
    let sentence_at = memchr(b'$', frame)?;
    let name = frame.get(start.checked_add(3)?..sentence_at)?;
    let rest = frame.get(sentence_at..)?;
    if !rest.starts_with(b"$GPRMC,") && !rest.starts_with(b"$GNRMC,") {
        return None;
    }
    // The two digits behind the star belong to it.
    let length = memchr(b'*', rest)?.checked_add(3)?.min(rest.len());
    let (sentence, status) = rest.split_at_checked(length)?;
    let status = status.strip_prefix(b",").unwrap_or(status);
    let name = name.strip_prefix(b",").unwrap_or(name);
    let name = name.strip_suffix(b",").unwrap_or(name);
    let status_at = frame.len().saturating_sub(status.len());
    Some(Parts { name, sentence, status, sentence_at, status_at })
}

/// Answers the altitude.
fn simple(status: &Fields<'_>, attributes: &mut Attributes) -> Option<f64> {
    let (used, visible) = status.text(3).split_once("/").unwrap_or_else(|| (status.text(3), ""));
    attributes.set_some("satellites", used.parse::<u8>().ok());
    attributes.set_some("satellites_visible", visible.parse::<u8>().ok());
    let battery_at = (5..status.count()).find(|index| status.text(*index).starts_with("Battery="));
    if let Some(battery_at) = battery_at {
        let percent = status.text(battery_at).trim_start_matches("Battery=").trim_end_matches('%');
        attributes.set_some("battery_percent", percent.parse::<u8>().ok());
        // Some firmware leaves a field empty before the charger's.
        let next = battery_at.saturating_add(1);
        let charger_at = if status.text(next).is_empty() { next.saturating_add(1) } else { next };
        let charging = status.parse::<u8>(charger_at);
        attributes.set_some("charging", charging.map(|value| value == 1));
        cell(status, charger_at.saturating_add(1), attributes);
    }
    let event = status.text(1);
    attributes.set_some("event", (!event.is_empty()).then(|| event.to_owned()));
    status.number(4)
}

fn with_inputs(status: &Fields<'_>, attributes: &mut Attributes) -> Option<Alarm> {
    cell(status, 0, attributes);
    attributes.set_some("rssi", status.parse::<u8>(4));
    attributes.set_some("battery_percent", status.parse::<u8>(5));
    let last = status.count().saturating_sub(1);
    for (index, name) in (6..last).zip(["flags", "inputs", "outputs"]) {
        let text = status.text(index);
        let is_number = text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit());
        attributes.set_some(name, is_number.then(|| text.to_owned()));
    }
    let event = if last > 6 { status.text(last) } else { "" };
    attributes.set_some("event", (!event.is_empty()).then(|| event.to_owned()));
    super::alarm(event)
}

fn cell(status: &Fields<'_>, from: usize, attributes: &mut Attributes) {
    let at = |places: usize| status.text(from.saturating_add(places));
    attributes.set_some("mcc", at(0).parse::<u16>().ok());
    attributes.set_some("mnc", at(1).parse::<u16>().ok());
    attributes.set_some("lac", u32::from_str_radix(at(2), 16).ok());
    attributes.set_some("cell_id", u32::from_str_radix(at(3), 16).ok());
}
