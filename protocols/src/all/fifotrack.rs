//! Fifotrack A, S and Q trackers.
//!
//! TCP on port 5124. Source: Fifotrack, "GPRS protocol and command list" (A300, A600, Q3) and "GPRS
//! protocol A03".
//!
//! A frame: `$$`, the length of what lies from the first comma up to the `*`, `,`, IMEI, `,`, number
//! of the frame (hexadecimal), `,`, command, `,`, data, `*`, checksum (the exclusive or of all
//! between the `$$` and the `*`, two digits of hexadecimal), `\r\n`. An answer begins with `##` and
//! has the same form.
//!
//! | command | data | answer |
//! |---|---|---|
//! | `A00`, `A01`, … | a vehicle's position: alarm, `YYMMDDhhmmss`, `A`, latitude, longitude, km/h, course, metres, mileage (m), seconds run, status, inputs, outputs, country\|network\|area\|cell, voltages (1/100 V), card, sensors | none |
//! | `A03` | a person's: alarm, `YYMMDDhhmmss`, country\|network\|area\|cell, battery (V), percent, status, then `0`, `A`, km/h, satellites, latitude, longitude, or `1`, access points `address:signal\|…` | the time, under the same number and command |
//! | `D05`, `D06` | photographs: not asked for | none |
//! | others | the device's answer to a command | none |
//!
//! Numbers from status to cell and the voltages are hexadecimal; the status has the signal in its
//! bits 3 to 7 and, where it has eight digits, satellites in the highest four bits. An alarm may
//! have a parameter behind its number.
//!
//! Quirks: some firmware states a length that is off; the line's end decides then.

use crate::field::{Fields, checksum, nmea};
use crate::framing::counted_line;
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Step, Time,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "fifotrack",
    title: "Fifotrack A, S, Q",
    port: 5124,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::GpsAntennaCut,
        Alarm::Fall,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::PowerRestored,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Photographs come in parts of 1 KiB.
const MAX_FRAME: usize = 2048;
/// How far a stated length may be off.
const SLACK: usize = 16;
/// `*` and two digits.
const SUM: usize = 3;
/// `\r\n`.
const END: usize = 2;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        [b'$', b'$', ..] => {}
        [b'$'] if !last => return Step::Need(2),
        _ => return Step::Skip(1, Reason::Unframed),
    }
    // `$$`, up to four digits, a comma.
    let head = bytes.get(..7).unwrap_or(bytes);
    let digits = head.iter().skip(2).take_while(|byte| byte.is_ascii_digit()).count();
    let comma = digits.saturating_add(2);
    if head.get(comma) != Some(&b',') {
        if head.len() == 7 || last || comma < head.len() {
            return Step::Skip(2, Reason::Malformed);
        }
        return Step::Need(head.len().saturating_add(1));
    }
    let length = head.get(2..comma).and_then(|digits| std::str::from_utf8(digits).ok());
    let end = length
        .and_then(|length| length.parse::<usize>().ok())
        .map(|length| comma.saturating_add(length).saturating_add(SUM).saturating_add(END))
        .filter(|end| *end <= MAX_FRAME.saturating_sub(SLACK));
    match end {
        Some(end) => counted_line(bytes, end, SLACK, last),
        None => Step::Skip(2, Reason::Malformed),
    }
}

/// What lies before the `*`, where the checksum behind it is right.
fn verified(frame: &[u8]) -> Result<&[u8], Reject> {
    let frame = frame.strip_suffix(b"\r\n").unwrap_or(frame);
    let malformed = Reject::at(frame.len(), Reason::Malformed);
    let (content, sum) = frame.split_last_chunk::<SUM>().ok_or(malformed)?;
    let digits = sum.strip_prefix(b"*").and_then(|digits| std::str::from_utf8(digits).ok());
    let stated = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(malformed)?;
    // The `$$` cancel each other out.
    if stated == checksum::xor(content) {
        Ok(content)
    } else {
        Err(Reject::at(content.len().saturating_add(1), Reason::Checksum))
    }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let content = verified(frame)?;
    let fields = Fields::split(content, b',');
    let device = fields.text(1);
    if !(10..=20).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    let command = fields.text(3);
    if command.len() != 3 || !command.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(fields.reject(3, Reason::Malformed));
    }
    out.identify(device);
    if matches!(command, "D05" | "D06") {
        return Ok(());
    }
    let time = nmea::instant_ymd(fields.text(5));
    match fields.text(6) {
        "A" | "V" => vehicle(&fields, out),
        cell if cell.contains('|') && time.is_some() => {
            person(&fields, out)?;
            out.reply(answer(context, device, fields.text(2), command), When::Accepted);
            Ok(())
        }
        _ if command.starts_with('A') => Err(fields.reject(5, Reason::Malformed)),
        _ => {
            let mut attributes = Attributes::new();
            attributes.set("result", fields.joined(3, fields.count()).into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
    }
}

/// What sets the device's clock, under the number of its frame.
fn answer(context: &Context<'_>, device: &str, number: &str, command: &str) -> String {
    let ((year, month, day), (hour, minute, second)) = context.received_at.to_civil(0);
    let year = year.rem_euclid(100);
    let content = format!(
        ",{device},{number},{command},{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}"
    );
    let counted = format!("{}{content}", content.len());
    let sum = checksum::xor(counted.as_bytes());
    format!("##{counted}*{sum:02X}\r\n")
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

fn instant(fields: &Fields<'_>) -> Result<Time, Reject> {
    nmea::instant_ymd(fields.text(5)).ok_or_else(|| fields.reject(5, Reason::OutOfRange))
}

fn place(fields: &Fields<'_>, latitude_at: usize, time: Time) -> Result<Fix, Reject> {
    let degrees =
        |index: usize| fields.number(index).ok_or_else(|| fields.reject(index, Reason::OutOfRange));
    let latitude = degrees(latitude_at)?;
    let longitude = degrees(latitude_at.saturating_add(1))?;
    Fix::new(time, latitude, longitude)
        .ok_or_else(|| fields.reject(latitude_at, Reason::OutOfRange))
}

/// The alarm, and its number and parameter as attributes.
fn event(fields: &Fields<'_>, attributes: &mut Attributes) -> AlarmSet {
    let text = fields.text(4);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, parameter) = text.split_at_checked(digits).unwrap_or((text, ""));
    let number = number.parse::<u16>().ok();
    attributes.set_some("event", number);
    if !parameter.is_empty() {
        attributes.set("event_data", parameter.to_owned());
    }
    number.and_then(alarm).into_iter().collect()
}

fn cell(fields: &Fields<'_>, index: usize, attributes: &mut Attributes) {
    let mut parts = fields.text(index).split('|');
    let mut next = || parts.next().unwrap_or_default();
    let country = next().parse::<u16>().ok().filter(|country| *country > 0);
    let network = next().parse::<u16>().ok();
    let (area, cell) = (hex(next()), hex(next()));
    if country.is_some() {
        attributes.set_some("mcc", country);
        attributes.set_some("mnc", network);
        attributes.set_some("lac", area);
        attributes.set_some("cell_id", cell);
    }
}

fn vehicle(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    static ADC: [&str; 8] =
        ["adc_1_v", "adc_2_v", "adc_3_v", "adc_4_v", "adc_5_v", "adc_6_v", "adc_7_v", "adc_8_v"];
    let mut fix = place(fields, 7, instant(fields)?)?;
    fix.valid = fields.text(6) == "A";
    fix.speed_kmh = fields.number(9).filter(|speed| *speed >= 0.0);
    fix.course_deg = nmea::course(fields, 10);
    fix.altitude_m = fields.number(11);
    let mut attributes = Attributes::new();
    fix.alarms = event(fields, &mut attributes);
    attributes.set_some("odometer_m", fields.parse::<u32>(12));
    attributes.set_some("engine_time_s", fields.parse::<u32>(13));
    if let Some(status) = hex(fields.text(14)) {
        attributes.set("status", status);
        attributes.set("rssi", (status >> 3) & 0x1f);
        if fields.text(14).len() == 8 {
            attributes.set("satellites", status >> 28);
        }
    }
    attributes.set_some("inputs", hex(fields.text(15)));
    attributes.set_some("outputs", hex(fields.text(16)));
    cell(fields, 17, &mut attributes);
    for (name, part) in ADC.into_iter().zip(fields.text(18).split('|')) {
        attributes.set_some(name, hex(part).map(|hundredths| f64::from(hundredths) / 100.0));
    }
    let card = fields.text(19);
    if let Ok(number) = u64::from_str_radix(card, 16) {
        // As it is printed on the card.
        attributes.set("driver_id", number.to_string());
    } else if !card.is_empty() {
        attributes.set("card", card.to_owned());
    }
    let sensors = fields.joined(20, fields.count());
    if !sensors.is_empty() {
        attributes.set("sensors", sensors.into_owned());
    }
    out.fix(fix, attributes);
    Ok(())
}

fn person(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = instant(fields)?;
    let mut attributes = Attributes::new();
    let alarms = event(fields, &mut attributes);
    cell(fields, 6, &mut attributes);
    attributes.set_some("battery_v", fields.number(7));
    attributes.set_some("battery_percent", fields.parse::<u8>(8));
    attributes.set_some("status", hex(fields.text(9)));
    if fields.text(10) != "0" {
        let points = fields.text(11);
        if !points.is_empty() {
            attributes.set("access_points", points.to_owned());
        }
        out.report(Some(time), alarms, attributes);
        return Ok(());
    }
    attributes.set_some("satellites", fields.parse::<u8>(13));
    let mut fix = place(fields, 14, time)?;
    fix.valid = fields.text(11) == "A";
    fix.speed_kmh = fields.number(12).filter(|speed| *speed >= 0.0);
    fix.alarms = alarms;
    out.fix(fix, attributes);
    Ok(())
}

const fn alarm(number: u16) -> Option<Alarm> {
    match number {
        2 => Some(Alarm::Sos),
        14 => Some(Alarm::LowPower),
        15 => Some(Alarm::PowerCut),
        16 => Some(Alarm::PowerRestored),
        17 => Some(Alarm::LowBattery),
        18 => Some(Alarm::Overspeed),
        20 => Some(Alarm::GpsAntennaCut),
        21 => Some(Alarm::Vibration),
        23 => Some(Alarm::HardAcceleration),
        24 => Some(Alarm::HardBraking),
        27 => Some(Alarm::Fatigue),
        30 | 32 => Some(Alarm::Jamming),
        31 => Some(Alarm::Fall),
        33 => Some(Alarm::GeofenceExit),
        34 => Some(Alarm::GeofenceEnter),
        35 => Some(Alarm::Idle),
        40 | 41 => Some(Alarm::Temperature),
        53 => Some(Alarm::PowerOn),
        54 => Some(Alarm::PowerOff),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_up_to_four_digits_and_a_comma() {
        assert_eq!(find(b"$$5,1234*00\r\n$$", false), Step::Frame { body: 0..13, end: 13 });
        assert_eq!(find(b"$$5,12", false), Step::Need(13));
        assert_eq!(find(b"$", false), Step::Need(2));
        assert_eq!(find(b"$$12", false), Step::Need(5));
        assert_eq!(find(b"$$12", true), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"$$12x", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"$$12345,", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"$$9999,", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"$$,", false), Step::Skip(2, Reason::Malformed));
    }
}
