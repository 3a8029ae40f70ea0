//! Laipac StarFinder, S911, LOCMOR and kin.
//!
//! TCP and UDP on port 5045. Source: Laipac, "S911 Interface Protocol" and "StarFinder AIRE
//! Communication Protocol".
//!
//! A frame: a sentence in the form of NMEA 0183, `$` content `*` checksum `\r\n`.
//!
//! | sentence | fields | answer |
//! |---|---|---|
//! | `AVRMC` | device, `hhmmss`, status, latitude, `N`, longitude, `E`, knots, course, `ddmmyy`, event, battery (V, or mV without a point), mileage (km), fix, two voltages (mV), area and cell, country and network | to a small letter of status: `EAVACK,` event, checksum; to an alarm: `AVCFG,` password, what switches it off |
//! | `ECHK` | device, number | the same sentence |
//! | `AVSYS`, `EAVSYS` | device, version or card, … | none |
//!
//! Status: `A` fix, `R` and `P` fix of another kind, `V` none; in small letters: an answer wanted.
//! The event is `A` to `D` for the two inputs in a report without an alarm.

use std::fmt::{self, Write as _};

use crate::field::checksum::xor;
use crate::field::{Fields, nmea};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Transports,
    When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "laipac",
    title: "Laipac StarFinder, S911",
    port: 5045,
    transports: Transports::TcpUdp,
    framer: Framer::Line { max: MAX_LINE },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowBattery,
        Alarm::PowerOff,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Sentences have at most some 150 bytes.
const MAX_LINE: usize = 512;
/// The password that devices leave the factory with.
const PASSWORD: &str = "00000000";

fn sentence(content: fmt::Arguments<'_>) -> String {
    let mut sentence = String::with_capacity(64);
    // A string takes all that is written.
    let _ = write!(sentence, "${content}");
    let sum = xor(sentence.as_bytes()) ^ b'$';
    let _ = write!(sentence, "*{sum:02X}\r\n");
    sentence
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let start = memchr::memchr(b'$', frame).ok_or_else(|| Reject::at(0, Reason::Malformed))?;
    let line = frame.get(start..).unwrap_or_default();
    let moved = |by: usize| {
        move |mut reject: Reject| {
            reject.offset = reject.offset.saturating_add(by);
            reject
        }
    };
    if !line.contains(&b'*') {
        return Err(Reject::at(frame.len(), Reason::Malformed));
    }
    let (content, _) = nmea::verified(line).map_err(moved(start))?;
    let digits_at = content.len().saturating_add(2);
    let stated = line.get(digits_at..).unwrap_or_default();
    let fields = Fields::split(content, b',');
    of_content(&fields, line, stated, out).map_err(moved(start.saturating_add(1)))
}

fn of_content(
    fields: &Fields<'_>,
    line: &[u8],
    stated: &[u8],
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let name = fields.text(0);
    if !matches!(name, "AVRMC" | "ECHK" | "AVSYS" | "EAVSYS") {
        return Err(fields.reject(0, Reason::Unsupported));
    }
    let device = fields.text(1);
    if !(3..=20).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    out.identify(device);
    match name {
        "AVRMC" => position(fields, stated, out),
        "ECHK" => {
            out.reply([line, b"\r\n"].concat(), When::Now);
            Ok(())
        }
        _ => {
            let mut attributes = Attributes::new();
            let rest = fields.joined(2, fields.count());
            attributes.set("result", rest.into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
    }
}

fn alarm(event: &str) -> Option<Alarm> {
    match event {
        "3" => Some(Alarm::Sos),
        "4" | "7" => Some(Alarm::GeofenceExit),
        "5" => Some(Alarm::PowerCut),
        "6" => Some(Alarm::Overspeed),
        "8" => Some(Alarm::Vibration),
        "H" => Some(Alarm::PowerOff),
        "T" => Some(Alarm::Tampering),
        "X" => Some(Alarm::GeofenceEnter),
        "Y" => Some(Alarm::Tow),
        "Z" => Some(Alarm::LowBattery),
        _ => None,
    }
}

/// What switches the alarm off, which would be sounded, and sent, for ever.
fn switch_off(event: &str) -> Option<&'static str> {
    match event {
        "3" => Some("d"),
        "S" | "T" => Some("t"),
        "X" | "4" => Some("x"),
        "Y" => Some("y"),
        "Z" => Some("z"),
        _ => None,
    }
}

fn position(fields: &Fields<'_>, stated: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let of_day =
        nmea::time_of_day_ms(fields.text(2)).ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
    let midnight =
        nmea::date(fields.text(10)).ok_or_else(|| fields.reject(10, Reason::OutOfRange))?;
    let read = |index: usize| {
        nmea::degrees(fields.text(index))
            .and_then(|value| nmea::signed(value, fields.text(index.saturating_add(1))))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let (latitude, longitude) = (read(4)?, read(6)?);
    let mut fix = Fix::new(midnight.plus_millis(of_day), latitude, longitude)
        .ok_or_else(|| fields.reject(4, Reason::OutOfRange))?;
    let status = fields.text(3);
    fix.valid = matches!(status, "A" | "R" | "P" | "a" | "r" | "p");
    fix.speed_kmh = fields.number(8).filter(|knots| *knots >= 0.0).map(nmea::kmh);
    fix.course_deg = fields.number(9).filter(|course| (0.0..=360.0).contains(course));
    let event = fields.text(11);
    fix.alarms = alarm(event).into_iter().collect();
    let mut attributes = Attributes::new();
    let inputs = match event {
        "A" => Some(0_u8),
        "B" => Some(1),
        "C" => Some(2),
        "D" => Some(3),
        _ => None,
    };
    if let Some(inputs) = inputs {
        attributes.set("ignition", inputs & 1 != 0);
        attributes.set("input_1", inputs & 1 != 0);
        attributes.set("input_2", inputs & 2 != 0);
    } else if !event.is_empty() {
        attributes.set("event", event.to_owned());
    }
    let volts = |index: usize| {
        let value = fields.number(index)?;
        Some(if fields.text(index).contains('.') { value } else { value / 1000.0 })
    };
    attributes.set_some("battery_v", volts(12));
    attributes.set_some("odometer_m", fields.number(13).map(|km| km * 1000.0));
    attributes.set_some("adc_1_v", fields.number(15).map(|raw| raw / 1000.0));
    attributes.set_some("adc_2_v", fields.number(16).map(|raw| raw / 1000.0));
    cell(fields, &mut attributes);
    out.fix(fix, attributes);
    if status.bytes().all(|byte| byte.is_ascii_lowercase()) && !status.is_empty() {
        let stated = String::from_utf8_lossy(stated.get(..2).unwrap_or(stated));
        out.reply(sentence(format_args!("EAVACK,{event},{stated}")), When::Accepted);
    }
    if let Some(code) = switch_off(event) {
        out.reply(sentence(format_args!("AVCFG,{PASSWORD},{code}")), When::Accepted);
    }
    Ok(())
}

/// Area and cell in four hexadecimal digits each, country in four digits and network in two.
fn cell(fields: &Fields<'_>, attributes: &mut Attributes) {
    let (cell, network) = (fields.text(17), fields.text(18));
    if cell.len() != 8 || network.len() != 6 {
        return;
    }
    let hex = |from: usize| u32::from_str_radix(cell.get(from..from.saturating_add(4))?, 16).ok();
    attributes.set_some("mcc", network.get(..4).and_then(|text| text.parse::<u16>().ok()));
    attributes.set_some("mnc", network.get(4..).and_then(|text| text.parse::<u16>().ok()));
    attributes.set_some("lac", hex(0));
    attributes.set_some("cell_id", hex(4));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sentences() {
        assert_eq!(sentence(format_args!("AVCFG,00000000,d")), "$AVCFG,00000000,d*31\r\n");
        assert_eq!(sentence(format_args!("EAVACK,0,17")), "$EAVACK,0,17*2D\r\n");
    }
}
