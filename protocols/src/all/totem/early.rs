//! Forms 1, 2 and 3.
//!
//! | form 1, behind the sentence | form 2, behind the place |
//! |---|---|
//! | PDOP, HDOP, VDOP | km/h, course, HDOP |
//! | inputs and outputs, 12 bits | the same, 12 bits |
//! | device's clock | |
//! | charging (1), battery (3, 0.01 V), main power (4) | charging (1), battery (2, 0.1 V), power (2) |
//! | voltage, area and cell, temperature, kilometres, index | the same |
//!
//! Form 3: alarm (2), `ddmmyy`, `hhmmss`, inputs (4), charging (1), battery (2), power (2), two
//! voltages (4), two temperatures (3), area (4), cell (4), validity (1), satellites (2), course (3),
//! knots (3), PDOP (4), kilometres (7), latitude with `N` (10), longitude with `E` (11), index (4).

use crate::field::{Fields, Reader, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject};

/// `$$` and two digits of length.
const BEFORE_IMEI: usize = 4;

pub(super) fn decode(content: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(content, b'|');
    super::identify(&fields, BEFORE_IMEI, out)?;
    let data = fields.bytes(1);
    let code = std::str::from_utf8(data.get(..2).unwrap_or_default()).unwrap_or_default();
    let mut attributes = Attributes::new();
    attributes.set("event", code.to_owned());
    let alarms: AlarmSet = u8::from_str_radix(code, 16).ok().and_then(alarm).into_iter().collect();
    let at = fields.offset(1).saturating_add(2);
    let moved = |by: usize| {
        move |mut reject: Reject| {
            reject.offset = reject.offset.saturating_add(by);
            reject
        }
    };
    let fix = if let Some(sentence) = data.get(2..).filter(|rest| rest.starts_with(b"$GPRMC,")) {
        tail(&fields, 2, true, &mut attributes);
        // Some firmware writes the same checksum in every sentence; the frame's CRC covers it.
        let content = sentence.split(|byte| *byte == b'*').next().unwrap_or_default();
        let content = content.get(1..).unwrap_or_default();
        // A device that has never had a fix writes zeros for the date.
        let rmc = Fields::split(content, b',');
        if rmc.text(9) == "000000" {
            None
        } else {
            nmea::rmc(&rmc, 1).map_err(moved(at.saturating_add(1)))?
        }
    } else if fields.count() > 6 && data.len() == 14 {
        let fix = second(&fields)?;
        tail(&fields, 8, false, &mut attributes);
        fix
    } else if data.iter().skip(2).all(|byte| *byte == b'0') && data.len() > 20 {
        // Zeros in the sentence's stead.
        None
    } else {
        let mut reader = Reader::new(content);
        reader.skip(at)?;
        Some(third(&mut reader, &mut attributes)?)
    };
    match fix {
        Some(mut fix) => {
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        None => out.report(None, alarms, attributes),
    }
    Ok(())
}

const fn alarm(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::Sos,
        0x10 => Alarm::LowBattery,
        0x11 => Alarm::Overspeed,
        0x30 => Alarm::OvertimeParking,
        0x42 => Alarm::GeofenceExit,
        0x43 => Alarm::GeofenceEnter,
        _ => return None,
    })
}

/// Alarm and `ddmmyyhhmmss`, validity, latitude, `N`, longitude, `E`, knots, course.
fn second(fields: &Fields<'_>) -> Result<Option<Fix>, Reject> {
    let Some((latitude, longitude)) = nmea::place(fields, 3)? else { return Ok(None) };
    let wrong = || fields.reject(1, Reason::OutOfRange);
    let text = fields.text(1);
    let midnight = text.get(2..8).and_then(nmea::date).ok_or_else(wrong)?;
    let of_day = text.get(8..14).and_then(nmea::time_of_day_ms).ok_or_else(wrong)?;
    let mut fix = Fix::new(midnight.plus_millis(of_day), latitude, longitude)
        .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
    fix.valid = fields.text(2) == "A";
    fix.speed_kmh = nmea::speed(fields, 7);
    fix.course_deg = nmea::course(fields, 8);
    Ok(Some(fix))
}

/// What follows the place; `from` is PDOP in form 1, the field before HDOP in form 2.
fn tail(fields: &Fields<'_>, from: usize, is_first: bool, attributes: &mut Attributes) {
    let at = |places: usize| from.saturating_add(places);
    attributes.set_some("hdop", fields.number(at(1)));
    let bits = fields.text(at(2));
    attributes.set_some("inputs", (!bits.is_empty()).then(|| bits.to_owned()));
    let (power_at, battery, divisor) =
        if is_first { (at(5), 1..4, 100.0) } else { (at(3), 1..3, 10.0) };
    // Some firmware leaves two fields out, some one.
    let power_at = if is_first && fields.text(at(4)).len() == 8 { at(4) } else { power_at };
    let power = fields.text(power_at);
    let charging = power.bytes().next().filter(u8::is_ascii_digit);
    attributes.set_some("charging", charging.map(|digit| digit != b'0'));
    let battery = power.get(battery).and_then(|text| text.parse::<u16>().ok());
    attributes.set_some("battery_v", battery.map(|value| f64::from(value) / divisor));
    // Kilometres have a decimal point, and nothing else behind the voltages has.
    let kilometres = (power_at..fields.count()).find(|index| fields.text(*index).contains('.'));
    let metres = kilometres.and_then(|index| fields.number(index)).map(|value| value * 1000.0);
    attributes.set_some("odometer_m", metres);
}

fn third(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<Fix, Reject> {
    let wrong = reader.reject(Reason::OutOfRange);
    let midnight = nmea::date(reader.ascii(6)?).ok_or(wrong)?;
    let of_day = nmea::time_of_day_ms(reader.ascii(6)?).ok_or(wrong)?;
    attributes.set("inputs", reader.ascii(4)?.to_owned());
    attributes.set("charging", reader.ascii(1)? != "0");
    let battery = reader.ascii(2)?.parse::<u8>().ok();
    attributes.set_some("battery_v", battery.map(|value| f64::from(value) / 10.0));
    attributes.set_some("power_v", reader.ascii(2)?.parse::<u8>().ok());
    for name in ["adc_1", "adc_2"] {
        attributes.set_some(name, reader.ascii(4)?.parse::<u16>().ok());
    }
    for name in ["temperature_1_c", "temperature_2_c"] {
        attributes.set_some(name, reader.ascii(3)?.parse::<i16>().ok());
    }
    for name in ["lac", "cell_id"] {
        attributes.set_some(name, u16::from_str_radix(reader.ascii(4)?, 16).ok());
    }
    let is_valid = reader.ascii(1)? == "A";
    attributes.set_some("satellites", reader.ascii(2)?.parse::<u8>().ok());
    let course = reader.ascii(3)?.parse::<f64>().ok();
    let knots = reader.ascii(3)?.parse::<f64>().ok();
    attributes.set_some("pdop", reader.ascii(4)?.parse::<f64>().ok());
    let kilometres = reader.ascii(7)?.parse::<u32>().ok().map(i64::from);
    attributes.set_some("odometer_m", kilometres.map(|value| value.saturating_mul(1000)));
    let mut fix = place(reader, |latitude, longitude| {
        Fix::new(midnight.plus_millis(of_day), latitude, longitude)
    })?;
    fix.valid = is_valid;
    fix.speed_kmh = knots.filter(|knots| *knots >= 0.0).map(nmea::kmh);
    fix.course_deg = course.filter(|course| (0.0..=360.0).contains(course));
    Ok(fix)
}

/// `DDMM.mmmmN` and `DDDMM.mmmmE`.
pub(super) fn place(
    reader: &mut Reader<'_>,
    make: impl FnOnce(f64, f64) -> Option<Fix>,
) -> Result<Fix, Reject> {
    let wrong = reader.reject(Reason::OutOfRange);
    let latitude = nmea::degrees(reader.ascii(9)?).ok_or(wrong)?;
    let latitude = nmea::signed(latitude, reader.ascii(1)?).ok_or(wrong)?;
    let longitude = nmea::degrees(reader.ascii(10)?).ok_or(wrong)?;
    let longitude = nmea::signed(longitude, reader.ascii(1)?).ok_or(wrong)?;
    make(latitude, longitude).ok_or(wrong)
}
