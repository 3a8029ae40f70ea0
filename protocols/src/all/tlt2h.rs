//! V-Sun TLT-2H, TLT-8A, V500, V680, MT500 to MT710, MP90 and kin.
//!
//! TCP on port 5030. Source: V-Sun's user manuals and frames of devices; the maker publishes no
//! description of the frames. Nothing is answered.
//!
//! A message is lines that end with `##\r\n`: a head, then a line for each record, each beginning
//! with `#`.
//!
//! | part of the head, behind `#` | meaning |
//! |---|---|
//! | IMEI, user or model, password | the latter two may be empty |
//! | 0 or 1, three numbers, degrees | of the MT600+ alone: door, tenths of a volt of fuel, vehicle and battery, tenths |
//! | state, count | why it was sent, how many records follow |
//!
//! | part of a record | meaning |
//! |---|---|
//! | 2 or 4 decimal digits | battery, in tenths or in thousandths of a volt |
//! | more digits, hexadecimal | area 4, cell |
//! | `#`, four numbers | country, network, area and cell (hexadecimal) |
//! | `$GPRMC` | time, validity, place, knots, course, date; checksum |
//! | `$WIFI` | time, validity, signal and address of each station, date; checksum |
//!
//! | state | meaning |
//! |---|---|
//! | `AUTO`, `AUTOSTART`; `AUTOSTOP`, `AUTOLOW` | ignition on; off |
//! | `SOS`, `TOWED`, `SHAKE`, `OVERSPEED` | what they say |
//! | `DEF`, `CLP`, `BLP` | vehicle's power cut, low; battery low |
//! | `OS`, `RS` | left, entered the fence |
//! | `SMS`, `CALL`, … | why the owner was told |
//!
//! Quirk: the head may have line ends in it, an end may come before the first line.

use crate::field::{Fields, nmea};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Time,
    Transports,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "tlt2h",
    title: "V-Sun TLT-2H and MT700",
    port: 5030,
    transports: Transports::Tcp,
    framer: Framer::Delimited { start: b"", end: b"##\r\n", text: true, max: 32 * 1024 },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::Vibration,
        Alarm::PowerCut,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowPower,
        Alarm::LowBattery,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    // The head ends where the line of the first `$` begins.
    let first = memchr::memchr(b'$', frame).unwrap_or(frame.len());
    let line_before = frame.get(..first).and_then(|before| memchr::memrchr(b'\n', before));
    let end = match line_before {
        Some(at) if first < frame.len() => at.saturating_add(1),
        _ => frame.len(),
    };
    let (head, records) = frame.split_at_checked(end).unwrap_or((frame, &[]));
    if head.iter().all(u8::is_ascii_whitespace) {
        return if records.is_empty() { Ok(()) } else { Err(Reject::at(0, Reason::Malformed)) };
    }
    let head = Fields::split(head, b'#');
    let imei = head.text(1);
    if !(10..=20).contains(&imei.len()) || !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(head.reject(1, Reason::Malformed));
    }
    let state = if head.count() > 10 { 9 } else { 4 };
    if head.text(state).is_empty() {
        return Err(head.reject(state, Reason::Truncated));
    }
    out.identify(imei);
    let alarms: AlarmSet = alarm(head.text(state)).into_iter().collect();
    let mut at = end;
    let mut is_alone = true;
    for line in records.split_inclusive(|byte| *byte == b'\n') {
        if !line.iter().all(u8::is_ascii_whitespace) {
            is_alone = false;
            let record = Record { line, at, alarms };
            if let Err(reject) = record.put(said(&head, state), out) {
                out.reject(reject);
            }
        }
        at = at.saturating_add(line.len());
    }
    if is_alone {
        out.report(None, alarms, said(&head, state));
    }
    Ok(())
}

fn alarm(state: &str) -> Option<Alarm> {
    Some(match state {
        "SOS" => Alarm::Sos,
        "TOWED" => Alarm::Tow,
        "SHAKE" => Alarm::Vibration,
        "DEF" => Alarm::PowerCut,
        "CLP" => Alarm::LowPower,
        "BLP" => Alarm::LowBattery,
        "OS" => Alarm::GeofenceExit,
        "RS" => Alarm::GeofenceEnter,
        "OVERSPEED" => Alarm::Overspeed,
        _ => return None,
    })
}

/// What the head says of every record.
fn said(head: &Fields<'_>, state: usize) -> Attributes {
    let mut attributes = Attributes::new();
    let text = head.text(state);
    attributes.set("event", text.to_owned());
    match text {
        "AUTO" | "AUTOSTART" => attributes.set("ignition", true),
        "AUTOSTOP" | "AUTOLOW" => attributes.set("ignition", false),
        _ => {}
    }
    if state == 9 {
        let tenths = |index: usize| head.parse::<i16>(index).map(|value| f64::from(value) / 10.0);
        attributes.set_some("door", head.parse::<u8>(4).map(|door| door == 1));
        attributes.set_some("fuel_v", tenths(5));
        attributes.set_some("power_v", tenths(6));
        attributes.set_some("battery_v", tenths(7));
        attributes.set_some("temperature_c", tenths(8));
    }
    attributes
}

struct Record<'a> {
    line: &'a [u8],
    /// Where the line begins in the frame.
    at: usize,
    alarms: AlarmSet,
}

impl Record<'_> {
    fn put(&self, mut attributes: Attributes, out: &mut Out<'_>) -> Result<(), Reject> {
        let Some(start) = memchr::memchr(b'$', self.line) else {
            return Err(Reject::at(self.at, Reason::Malformed));
        };
        let (before, sentence) = self.line.split_at_checked(start).unwrap_or_default();
        let start = self.at.saturating_add(start);
        let moved =
            |reject: Reject| Reject { offset: reject.offset.saturating_add(start), ..reject };
        let (content, _) = nmea::verified(sentence).map_err(moved)?;
        prefix(&Fields::split(before, b'#'), &mut attributes);
        let fields = Fields::split(content.trim_ascii_end(), b',');
        // The `$` is no part of the content.
        let start = start.saturating_add(1);
        let moved =
            |reject: Reject| Reject { offset: reject.offset.saturating_add(start), ..reject };
        let read = match fields.text(0) {
            "GPRMC" | "GNRMC" => satellites(&fields),
            "WIFI" => stations(&fields, &mut attributes).map(|time| (Some(time), None)),
            _ => Err(fields.reject(0, Reason::Unsupported)),
        };
        let (time, fix) = match read {
            Ok(read) => read,
            // The alarm counts wherever and whenever it was.
            Err(reject) => {
                out.reject(moved(reject));
                (None, None)
            }
        };
        match fix {
            Some(mut fix) => {
                fix.alarms = self.alarms;
                out.fix(fix, attributes);
            }
            None => out.report(time, self.alarms, attributes),
        }
        Ok(())
    }
}

/// What stands before the sentence.
fn prefix(parts: &Fields<'_>, attributes: &mut Attributes) {
    let digits = parts.text(1);
    let volts = |per_volt: f64| digits.parse::<u16>().ok().map(|value| f64::from(value) / per_volt);
    let hexadecimal = |text: &str| u32::from_str_radix(text, 16).ok();
    match digits.len() {
        2 => attributes.set_some("battery_v", volts(10.0)),
        4 => attributes.set_some("battery_v", volts(1000.0)),
        _ => {
            let (area, cell) = digits.split_at_checked(4).unwrap_or_default();
            attributes.set_some("lac", hexadecimal(area));
            attributes.set_some("cell_id", hexadecimal(cell));
        }
    }
    let mut cell = parts.text(2).split(',');
    let mut next = || cell.next().unwrap_or_default();
    attributes.set_some("mcc", next().parse::<u16>().ok());
    attributes.set_some("mnc", next().parse::<u16>().ok());
    attributes.set_some("lac", hexadecimal(next()));
    attributes.set_some("cell_id", hexadecimal(next()));
}

/// The receiver tells time and date, or neither, where it knows no place.
fn satellites(fields: &Fields<'_>) -> Result<(Option<Time>, Option<Fix>), Reject> {
    match nmea::rmc(fields, 1)? {
        Some(fix) => Ok((None, Some(fix))),
        None if fields.text(9).is_empty() => Ok((None, None)),
        None => Ok((Some(nmea::instant(fields, 9, 1)?), None)),
    }
}

/// Stations of a wireless network, the date being the last field.
fn stations(fields: &Fields<'_>, attributes: &mut Attributes) -> Result<Time, Reject> {
    let date = fields.count().saturating_sub(1);
    let heard = fields.joined(3, date);
    let heard = heard.trim_end_matches(',');
    if !heard.is_empty() {
        attributes.set("wifi", heard.to_owned());
    }
    nmea::instant(fields, date, 1)
}
