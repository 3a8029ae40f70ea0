//! Form 4.
//!
//! | digits | meaning |
//! |---|---|
//! | 8 hex | status |
//! | 6 + 6 | `yymmdd`, `hhmmss` |
//! | 2 + 2 | battery (0.1 V), main power (V) |
//! | 4 | voltage |
//! | (4 + 4 + 4) | three more |
//! | (4 (+ 4)) | temperatures |
//! | 4 + 4 hex | area, cell |
//! | (2 + 3) | network, country |
//! | 2 + 2 | satellites, signal |
//! | 3 + 3 | course, km/h |
//! | 4 | HDOP |
//! | 7 | kilometres |
//! | 10 + 11 | latitude with `N`, longitude with `E` |
//! | 4 | index |
//!
//! Which of the fields in brackets are there follows from the length; newer firmware has battery
//! (3) and main power (4) in 0.01 V in the place of the first three voltages. Status bits, counted from
//! the highest as 1: 1 SOS, 2 ignition, 3 overspeed, 4 charging, 5 and 6 left and entered an area,
//! 7 antenna cut, 9 to 11 outputs, 18 (20 where there are two temperatures) valid.

use super::early::place;
use crate::field::{Fields, Reader, checksum, nmea};
use crate::{Alarm, Attributes, Fix, Out, Reason, Reject, Time, When};

/// `$$`, length, type.
const BEFORE_IMEI: usize = 8;
/// Everything that is always there, but the checksum.
const SHORTEST: usize = 82;
/// The same with battery (3 digits) and main power (4) in 0.01 V, and no voltage; some have four
/// digits more before the index.
const FINE: [usize; 2] = [81, 85];

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let sum_at = frame.len().saturating_sub(2);
    let (content, sum) = frame.split_at_checked(sum_at).unwrap_or((frame, &[]));
    let stated = std::str::from_utf8(sum).ok().and_then(|sum| u8::from_str_radix(sum, 16).ok());
    match stated {
        Some(stated) if stated == checksum::xor(content) => {}
        Some(_) => return Err(Reject::at(sum_at, Reason::Checksum)),
        None => return Err(Reject::at(sum_at, Reason::Malformed)),
    }
    let fields = Fields::split(content, b'|');
    super::identify(&fields, BEFORE_IMEI, out)?;
    let mut reader = Reader::new(content);
    reader.skip(6)?;
    let code = u8::from_str_radix(reader.ascii(2)?, 16).ok();
    reader.skip(fields.offset(1).saturating_sub(BEFORE_IMEI))?;
    if reader.rest().windows(6).any(|window| window == b"$Cloud") {
        diagnosis(&fields, out)?;
    } else {
        report(&mut reader, code, out)?;
    }
    let index = content.get(content.len().saturating_sub(4)..).unwrap_or_default();
    let mut answer = b"$$0014AA".to_vec();
    answer.extend(index);
    let sum = checksum::xor(&answer);
    answer.extend(format!("{sum:02X}").bytes());
    out.reply(answer, When::Accepted);
    Ok(())
}

const fn alarm(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::Sos,
        0x02 => Alarm::Overspeed,
        0x04 => Alarm::GeofenceExit,
        0x05 => Alarm::GeofenceEnter,
        0x06 => Alarm::Tow,
        0x07 => Alarm::GpsAntennaCut,
        0x10 => Alarm::PowerCut,
        0x11 => Alarm::PowerRestored,
        0x12 => Alarm::LowPower,
        0x13 => Alarm::LowBattery,
        0x40 => Alarm::Vibration,
        0x41 => Alarm::Idle,
        0x42 => Alarm::HardAcceleration,
        0x43 => Alarm::HardBraking,
        _ => return None,
    })
}

/// The bits that are alarms, counted from the highest as 1.
static STATES: &[(u8, Alarm)] = &[
    (1, Alarm::Sos),
    (3, Alarm::Overspeed),
    (5, Alarm::GeofenceExit),
    (6, Alarm::GeofenceEnter),
    (7, Alarm::GpsAntennaCut),
];

fn report(reader: &mut Reader<'_>, code: Option<u8>, out: &mut Out<'_>) -> Result<(), Reject> {
    let malformed = reader.reject(Reason::Malformed);
    // Three voltages (12), one temperature or two (4, 8), country and network (5).
    let is_fine = FINE.contains(&reader.remaining());
    let extra = if is_fine { Some(0) } else { reader.remaining().checked_sub(SHORTEST) };
    let extra = extra.ok_or(malformed)?;
    let (voltages, temperatures, has_network) = match extra {
        0 => (0, 0, false),
        5 => (0, 0, true),
        4 => (0, 1, false),
        9 => (0, 1, true),
        8 => (0, 2, false),
        13 => (0, 2, true),
        16 => (3, 1, false),
        21 => (3, 1, true),
        20 => (3, 2, false),
        25 => (3, 2, true),
        _ => return Err(malformed),
    };
    let status = u32::from_str_radix(reader.ascii(8)?, 16).map_err(|_| malformed)?;
    let bit = |number: u32| status & 1_u32.rotate_right(number) != 0;
    let mut attributes = Attributes::new();
    let time = instant(reader)?;
    attributes.set_some("event", code);
    attributes.set("status", status);
    attributes.set("ignition", bit(2));
    attributes.set("charging", bit(4));
    for (number, name) in (9..).zip(["output_1", "output_2", "output_3"]) {
        attributes.set(name, bit(number));
    }
    let hundredths = |text: &str| text.parse::<u16>().ok().map(|value| f64::from(value) / 100.0);
    if is_fine {
        attributes.set_some("battery_v", hundredths(reader.ascii(3)?));
        attributes.set_some("power_v", hundredths(reader.ascii(4)?));
    } else {
        let battery = reader.ascii(2)?.parse::<u8>().ok();
        attributes.set_some("battery_v", battery.map(|value| f64::from(value) / 10.0));
        attributes.set_some("power_v", reader.ascii(2)?.parse::<u8>().ok());
    }
    let names: &[&'static str] = match (is_fine, voltages) {
        (true, _) => &[],
        (false, 0) => &["adc_1"],
        (false, _) => &["adc_1", "adc_2", "adc_3", "adc_4"],
    };
    for name in names.iter().copied() {
        attributes.set_some(name, reader.ascii(4)?.parse::<u16>().ok());
    }
    for name in ["temperature_1", "temperature_2"].into_iter().take(temperatures) {
        attributes.set_some(name, reader.ascii(4)?.parse::<u16>().ok());
    }
    for name in ["lac", "cell_id"] {
        attributes.set_some(name, u16::from_str_radix(reader.ascii(4)?, 16).ok());
    }
    if has_network {
        attributes.set_some("mnc", reader.ascii(2)?.parse::<u16>().ok());
        attributes.set_some("mcc", reader.ascii(3)?.parse::<u16>().ok());
    }
    attributes.set_some("satellites", reader.ascii(2)?.parse::<u8>().ok());
    attributes.set_some("rssi", reader.ascii(2)?.parse::<u8>().ok());
    let course = reader.ascii(3)?.parse::<f64>().ok();
    let speed = reader.ascii(3)?.parse::<f64>().ok();
    attributes.set_some("hdop", reader.ascii(4)?.parse::<f64>().ok());
    let kilometres = reader.ascii(7)?.parse::<u32>().ok().map(i64::from);
    attributes.set_some("odometer_m", kilometres.map(|value| value.saturating_mul(1000)));
    let mut fix = place(reader, |latitude, longitude| Fix::new(time, latitude, longitude))?;
    fix.valid = bit(if temperatures == 2 { 20 } else { 18 });
    fix.speed_kmh = speed.filter(|speed| *speed >= 0.0);
    fix.course_deg = course.filter(|course| (0.0..=360.0).contains(course));
    fix.alarm_states = STATES.iter().map(|(_, alarm)| *alarm).collect();
    let on = STATES.iter().filter(|(number, _)| bit(u32::from(*number))).map(|(_, alarm)| *alarm);
    fix.alarms = on.chain(code.and_then(alarm)).collect();
    out.fix(fix, attributes);
    Ok(())
}

fn instant(reader: &mut Reader<'_>) -> Result<Time, Reject> {
    let wrong = reader.reject(Reason::OutOfRange);
    let midnight = nmea::date_ymd(reader.ascii(6)?).ok_or(wrong)?;
    Ok(midnight.plus_millis(nmea::time_of_day_ms(reader.ascii(6)?).ok_or(wrong)?))
}

/// `yymmddhhmmss`, longitude, latitude (degrees), `$Cloud`, metres, fuel used, consumption,
/// millivolts, rpm, km/h, intake flow and pressure, two temperatures, load, throttle, fuel.
fn diagnosis(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let at = fields.offset(1);
    let data = Fields::split(fields.bytes(1), b',');
    let wrong =
        |index: usize| Reject::at(at.saturating_add(data.offset(index)), Reason::OutOfRange);
    let mut reader = Reader::new(fields.bytes(1));
    let time = instant(&mut reader).map_err(|_| wrong(0))?;
    let longitude = data.number(1).ok_or_else(|| wrong(1))?;
    let latitude = data.number(2).ok_or_else(|| wrong(2))?;
    let fix = Fix::new(time, latitude, longitude).ok_or_else(|| wrong(1))?;
    let mut attributes = Attributes::new();
    attributes.set_some("odometer_m", data.parse::<u32>(4));
    let volts = data.parse::<u32>(7).map(|millivolts| f64::from(millivolts) / 1000.0);
    attributes.set_some("power_v", volts);
    let names = [
        (8, "rpm"),
        (9, "obd_speed_kmh"),
        (12, "coolant_temperature_c"),
        (13, "air_temperature_c"),
        (14, "engine_load_percent"),
        (15, "throttle_percent"),
    ];
    for (index, name) in names {
        attributes.set_some(name, data.parse::<i32>(index));
    }
    attributes.set_some("fuel_percent", data.parse::<u8>(16).filter(|value| *value <= 100));
    out.fix(fix, attributes);
    Ok(())
}
