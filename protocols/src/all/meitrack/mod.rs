//! Meitrack MVT, MT, T and TC trackers.
//!
//! TCP and UDP on port 5020. Source: Meitrack, "GPRS Protocol" (MVT380, MT90, T1, T333, T366).
//!
//! A frame: `$$`, a flag, the length from the first comma to the end, `,`, IMEI, `,`, command, `,`,
//! data, `*`, checksum (two digits of hexadecimal: the sum of all bytes through the `*`), `\r\n`.
//! An answer begins with `@@` and has the same form.
//!
//! | command | data | answer |
//! |---|---|---|
//! | `AAA` and others with a position | see `position` | none |
//! | `AAC` | the device asks whether it is heard | the same |
//! | `CCC`, `CCE` | binary positions: see `binary` | how many |
//! | `D00` to `D03` | photographs: not asked for | none |
//! | others | the device's answer to a command | none |
//!
//! Quirks: some firmware states a length that is one or two off; the line's end decides then.

mod binary;

use crate::field::{Fields, checksum};
use crate::{
    Alarm, AlarmSet, Attributes, Context, DeviceId, Fix, Framer, Out, Protocol, Reason, Reject,
    Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "meitrack",
    title: "Meitrack MVT, MT, T, TC: text and binary",
    port: 5020,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::GpsAntennaCut,
        Alarm::Accident,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerRestored,
        Alarm::FuelLeak,
        Alarm::Fuel,
        Alarm::Temperature,
    ],
    decoder: || Box::new(decode),
};

/// Photographs come in parts of 1 KiB, positions of a cache in some 1.5 KiB.
const MAX_FRAME: usize = 4096;
/// How far a stated length may be off.
const SLACK: usize = 16;
/// `*`, two digits, `\r\n`.
const TRAILER: usize = 5;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        [b'$', b'$', ..] => {}
        [b'$'] if !last => return Step::Need(2),
        _ => return Step::Skip(1, Reason::Unframed),
    }
    // `$$`, a flag that may be any character, up to four digits, a comma.
    let head = bytes.get(..8).unwrap_or(bytes);
    let Some(comma) = head.iter().skip(3).position(|byte| *byte == b',') else {
        if head.len() == 8 || last || !head.iter().skip(3).all(u8::is_ascii_digit) {
            return Step::Skip(2, Reason::Malformed);
        }
        return Step::Need(head.len().saturating_add(1));
    };
    let comma = comma.saturating_add(3);
    let digits = std::str::from_utf8(head.get(3..comma).unwrap_or_default()).unwrap_or_default();
    let Some(length) = digits.parse::<usize>().ok().filter(|length| *length <= MAX_FRAME) else {
        return Step::Skip(2, Reason::Malformed);
    };
    let end = comma.saturating_add(length);
    let window = bytes.get(..end.saturating_add(SLACK)).unwrap_or(bytes);
    match bytes.get(..end) {
        None if last => Step::Frame { body: 0..bytes.len(), end: bytes.len() },
        None => Step::Need(end),
        Some(frame) if frame.ends_with(b"\r\n") => Step::Frame { body: 0..end, end },
        Some(_) => match memchr::memmem::find(window, b"\r\n") {
            Some(at) => {
                let end = at.saturating_add(2);
                Step::Frame { body: 0..end, end }
            }
            None if last => Step::Frame { body: 0..window.len(), end: window.len() },
            None if window.len() < end.saturating_add(SLACK) => {
                Step::Need(window.len().saturating_add(1))
            }
            None => Step::Skip(2, Reason::Malformed),
        },
    }
}

/// What lies before the `*`, where the checksum behind it is right.
fn verified(frame: &[u8]) -> Result<&[u8], Reject> {
    let frame = frame.strip_suffix(b"\r\n").unwrap_or(frame);
    let malformed = Reject::at(frame.len(), Reason::Malformed);
    let (summed, digits) = frame.split_last_chunk::<2>().ok_or(malformed)?;
    let content = summed.strip_suffix(b"*").ok_or(malformed)?;
    let stated =
        std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
    if stated == Some(checksum::sum8(summed)) {
        Ok(content)
    } else {
        Err(Reject::at(summed.len(), Reason::Checksum))
    }
}

/// An answer to the frame with this flag.
fn answer(flag: u8, device: &str, content: &str) -> Vec<u8> {
    let length = device.len().saturating_add(content.len()).saturating_add(2 + TRAILER);
    let mut bytes = vec![b'@', b'@', flag];
    bytes.extend(format!("{length},{device},{content}*").into_bytes());
    let sum = checksum::sum8(&bytes);
    bytes.extend(format!("{sum:02X}\r\n").into_bytes());
    bytes
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let content = verified(frame)?;
    let fields = Fields::split(content, b',');
    let device = fields.text(1);
    if !(10..=20).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    out.identify(device);
    let flag = content.get(2).copied().unwrap_or_default();
    match fields.text(2) {
        command @ ("CCC" | "CCE") => {
            let data = fields.offset(3);
            let count = if command == "CCC" {
                binary::fixed(content, data, out)?
            } else {
                binary::tagged(content, data, out)?
            };
            out.reply(answer(flag, device, &format!("{command},{count}")), When::Accepted);
            Ok(())
        }
        "AAC" => {
            out.reply(answer(flag, device, "AAC,1"), When::Now);
            Ok(())
        }
        "D00" | "D01" | "D02" | "D03" => Ok(()),
        command => {
            // A number may stand between the command and the event.
            let latitude = [4, 5].into_iter().find(|at| {
                fields.text(*at).contains('.')
                    && fields.text(at.saturating_add(1)).contains('.')
                    && fields.text(at.saturating_add(2)).len() == 12
            });
            if let Some(latitude) = latitude {
                return position(context, &fields, latitude, out);
            }
            if command.len() != 3 || command == "AAA" {
                return Err(fields.reject(2, Reason::Malformed));
            }
            let mut attributes = Attributes::new();
            let text = fields.joined(2, fields.count());
            attributes.set("result", text.into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
    }
}

/// The alarm of an event's number. 1 is the first input, where the SOS button is.
const fn alarm(event: u16) -> Option<Alarm> {
    match event {
        1 => Some(Alarm::Sos),
        17 => Some(Alarm::LowBattery),
        18 => Some(Alarm::LowPower),
        19 => Some(Alarm::Overspeed),
        20 => Some(Alarm::GeofenceEnter),
        21 => Some(Alarm::GeofenceExit),
        22 => Some(Alarm::PowerRestored),
        23 => Some(Alarm::PowerCut),
        28 => Some(Alarm::GpsAntennaCut),
        36 => Some(Alarm::Tow),
        44 => Some(Alarm::Jamming),
        50 | 51 => Some(Alarm::Temperature),
        53 => Some(Alarm::Fuel),
        54 => Some(Alarm::FuelLeak),
        78 => Some(Alarm::Accident),
        90 | 91 => Some(Alarm::HardCornering),
        129 => Some(Alarm::HardBraking),
        130 => Some(Alarm::HardAcceleration),
        135 => Some(Alarm::Fatigue),
        _ => None,
    }
}

/// Event 37: a tag was put to the reader.
const TAG_READ: u16 = 37;

/// event, latitude, longitude, `YYMMDDhhmmss`, `A`, satellites, signal, km/h, course, HDOP, metres,
/// mileage (m), seconds run, country|network|area|cell, inputs and outputs, AD1|AD2|AD3|battery|
/// power, what belongs to the event, (customized), protocol, fuel, temperatures, …
fn position(
    context: &Context<'_>,
    fields: &Fields<'_>,
    latitude_at: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let at = |places: usize| latitude_at.saturating_add(places);
    let nowhere = || fields.reject(latitude_at, Reason::OutOfRange);
    let time = time(fields.text(at(2))).ok_or_else(|| fields.reject(at(2), Reason::OutOfRange))?;
    let latitude = fields.number(latitude_at).ok_or_else(nowhere)?;
    let longitude = fields.number(at(1)).ok_or_else(nowhere)?;
    let mut fix = Fix::new(time, latitude, longitude).ok_or_else(nowhere)?;
    fix.valid = fields.text(at(3)) == "A";
    fix.speed_kmh = fields.number(at(6)).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(at(7)).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(at(9));
    let mut attributes = Attributes::new();
    let event = fields.parse::<u16>(latitude_at.saturating_sub(1));
    attributes.set_some("event", event);
    fix.alarms = event.and_then(alarm).into_iter().collect();
    attributes.set_some("satellites", fields.parse::<u8>(at(4)));
    attributes.set_some("rssi", fields.parse::<u8>(at(5)));
    attributes.set_some("hdop", fields.number(at(8)));
    attributes.set_some("odometer_m", fields.parse::<u32>(at(10)));
    let cell = Fields::split(fields.bytes(at(12)), b'|');
    if let Some(mcc) = cell.parse::<u16>(0).filter(|mcc| *mcc > 0) {
        attributes.set("mcc", mcc);
        attributes.set_some("mnc", cell.parse::<u16>(1));
        attributes.set_some("lac", hex(cell.text(2)));
        attributes.set_some("cell_id", hex(cell.text(3)));
    }
    if let Some(lines) = hex(fields.text(at(13))) {
        let [_, _, inputs, outputs] = lines.to_be_bytes();
        attributes.set("inputs", inputs);
        attributes.set("outputs", outputs);
    }
    let device = out.device().cloned();
    analogs(context, device.as_ref(), fields.bytes(at(14)), &mut attributes);
    if event == Some(TAG_READ) {
        let tag = fields.text(at(15));
        attributes.set_some("driver_id", (!tag.is_empty()).then(|| tag.to_owned()));
    }
    let fuel = fields.text(at(18));
    if let (4, Some(fuel)) = (fuel.len(), hex(fuel)) {
        // Whole percent, then hundredths.
        let [_, _, percent, hundredths] = fuel.to_be_bytes();
        let percent = f64::from(percent) + f64::from(hundredths) / 100.0;
        attributes.set_some("fuel_percent", Some(percent).filter(|percent| *percent <= 100.0));
    }
    temperatures(fields, at(19), fields.parse::<u8>(at(17)).unwrap_or_default(), &mut attributes);
    out.fix(fix, attributes);
    Ok(())
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

fn time(text: &str) -> Option<Time> {
    let small = |from: usize| text.get(from..from.saturating_add(2))?.parse::<i8>().ok();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = i16::from(small(0)?).saturating_add(2000);
    Time::from_civil((year, small(2)?, small(4)?), (small(6)?, small(8)?, small(10)?), 0)
}

/// Battery and power: volts with decimals, or readings whose scale is the model's.
fn analogs(
    context: &Context<'_>,
    device: Option<&DeviceId>,
    bytes: &[u8],
    attributes: &mut Attributes,
) {
    static ADC: [&str; 3] = ["adc_1_raw", "adc_2_raw", "adc_3_raw"];
    let parts = Fields::split(bytes, b'|');
    if parts.text(0).contains('.') {
        attributes.set_some("battery_v", parts.number(0));
        attributes.set_some("power_v", parts.number(1));
        return;
    }
    let model = device.and_then(|device| context.model_of(device)).unwrap_or_default();
    let (battery_scale, power_scale) = match model.to_ascii_uppercase().as_str() {
        // Ten bits of 3 V behind dividers by 2 and 16.
        "MVT340" | "MVT380" => ((6.0, 1024.0), Some((48.0, 1024.0))),
        // Twelve bits of 3.3 V.
        "MT90" => ((6.6, 4096.0), None),
        "T1" | "T3" | "MVT100" | "MVT600" | "MVT800" | "TC68" | "TC68S" => {
            ((6.6, 4096.0), Some((52.8, 4096.0)))
        }
        _ => ((1.0, 100.0), Some((1.0, 100.0))),
    };
    for (index, name) in ADC.into_iter().enumerate() {
        attributes.set_some(name, hex(parts.text(index)));
    }
    let scaled = |index: usize, (volts, steps): (f64, f64)| {
        hex(parts.text(index)).map(|raw| f64::from(raw) * volts / steps)
    };
    attributes.set_some("battery_v", scaled(3, battery_scale));
    attributes.set_some("power_v", power_scale.and_then(|scale| scaled(4, scale)));
}

/// Sensor, then hundredths of a degree; before protocol 3 whole degrees, then hundredths.
fn temperatures(fields: &Fields<'_>, at: usize, protocol: u8, attributes: &mut Attributes) {
    static NAMES: [&str; 9] = [
        "temperature_0_c",
        "temperature_1_c",
        "temperature_2_c",
        "temperature_3_c",
        "temperature_4_c",
        "temperature_5_c",
        "temperature_6_c",
        "temperature_7_c",
        "temperature_8_c",
    ];
    for sensor in fields.text(at).split('|').take(NAMES.len()) {
        let Some(value) = hex(sensor).filter(|_| sensor.len() == 6) else { continue };
        let [_, index, high, low] = value.to_be_bytes();
        let Some(name) = NAMES.get(usize::from(index)) else { continue };
        let celsius = if protocol >= 3 {
            f64::from(i16::from_be_bytes([high, low])) / 100.0
        } else {
            let whole = i8::from_be_bytes([high]);
            let part = f64::from(low) / 100.0;
            f64::from(whole) + if whole < 0 { -part } else { part }
        };
        attributes.set(*name, celsius);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_off_is_mended_by_the_lines_end() {
        let good = b"$$z27,861451040910625,AAC,1*D3\r\n";
        let end = good.len();
        assert_eq!(find(good, false), Step::Frame { body: 0..end, end });
        let long = b"$$z28,861451040910625,AAC,1*D3\r\n$";
        assert_eq!(find(long, false), Step::Frame { body: 0..end, end });
        let short = b"$$z25,861451040910625,AAC,1*D3\r\n";
        assert_eq!(find(short, false), Step::Frame { body: 0..end, end });
        assert_eq!(find(b"$$z2", false), Step::Need(5));
        assert_eq!(find(b"$$z12345", false), Step::Skip(2, Reason::Malformed));
    }

    #[test]
    fn an_answer_has_the_form_of_a_frame() {
        let answer = answer(b'z', "861451040910625", "AAC,1");
        assert_eq!(answer, b"@@z27,861451040910625,AAC,1*0B\r\n");
    }
}
