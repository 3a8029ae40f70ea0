//! NTCB records: `*>A` and `*>T`.
//!
//! A format's number, the index (4), the event (2) and when it was (6), then what each format has:
//!
//! | bytes | F1 | F2 | F3 | F4 | F5, F5.1, F5.2 | F6 |
//! |---|---|---|---|---|---|---|
//! | arming, status, signal | 3 | 3 | 3 | 3 | 3 | 3 |
//! | outputs (F5: and satellites) | 2 | 2 | 2 | 1 | 1 | 1 |
//! | inputs | 2 | 2 | 2 | 2 | 1 | 1 |
//! | main and own voltage, mV | 4 | 4 | 4 | 4 | 4 | 4 |
//! | temperature | 2 | 2 | 2 | | | |
//! | two voltages (F6: three) | 4 | 4 | | | 4 | 6 |
//! | two counters | | 8 | | | 8 | 8 |
//! | fuel, four temperatures, axles, rpm | | | | | | 37 |
//! | place | | ✓ | | | ✓ | ✓ |
//! | fuel sensors | | | | | 15 (F5.1, F5.2) | |
//! | four temperatures | | | | 4 | 4 (F5.2) | |
//!
//! The place: state (1: valid, from 2 on satellites in F6), `hhmmss`, day, month from 0, year,
//! latitude and longitude (radians; F6: 1/10 000 minutes and altitude in 0.1 m), km/h, course, two
//! distances in kilometres, two times. Numbers with a fraction are IEEE 754.

use crate::field::Reader;
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

const F1: u8 = 0x01;
const F2: u8 = 0x02;
const F3: u8 = 0x03;
const F4: u8 = 0x04;
const F5: u8 = 0x05;
const F5_1: u8 = 0x15;
const F5_2: u8 = 0x25;
const F6: u8 = 0x06;

/// Answers the record's index.
pub(super) fn record(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<u32, Reject> {
    let unknown = reader.reject(Reason::Unsupported);
    let format = reader.u8()?;
    if !matches!(format, F1 | F2 | F3 | F4 | F5 | F5_1 | F5_2 | F6) {
        return Err(unknown);
    }
    let is_early = matches!(format, F1 | F2 | F3);
    let is_five = matches!(format, F5 | F5_1 | F5_2);
    let mut attributes = Attributes::new();
    let index = reader.le_u32()?;
    attributes.set("event", reader.le_u16()?);
    let event_time = civil(reader.array()?);
    let arming = reader.u8()?;
    let (armed, is_alarm) = match format {
        F6 => (arming & 0x01 != 0, arming & 0x02 != 0),
        _ => (arming & 0x7f != 0, arming & 0x80 != 0),
    };
    attributes.set("armed", armed);
    attributes.set("status", reader.u8()?);
    attributes.set("rssi", reader.u8()?);
    if is_early {
        attributes.set("outputs", reader.le_u16()?);
        attributes.set("inputs", reader.le_u16()?);
    } else {
        let outputs = reader.u8()?;
        let mask = if is_five { 0x03 } else { 0x0f };
        attributes.set("outputs", outputs & mask);
        if is_five {
            attributes.set("satellites", outputs >> 2);
        }
        if format == F4 {
            attributes.set("inputs", reader.le_u16()?);
        } else {
            attributes.set("inputs", reader.u8()?);
        }
    }
    for name in ["power_v", "battery_v"] {
        attributes.set(name, f64::from(reader.le_u16()?) / 1000.0);
    }
    if is_early {
        attributes.set("temperature_c", reader.le_i16()?);
    }
    let voltages: &[&'static str] = match format {
        F3 | F4 => &[],
        F6 => &["adc_1_mv", "adc_2_mv", "adc_3_mv"],
        _ => &["adc_1_mv", "adc_2_mv"],
    };
    for name in voltages {
        attributes.set(*name, reader.le_u16()?);
    }
    let has_place = !matches!(format, F1 | F3 | F4);
    if has_place {
        reader.skip(8)?;
    }
    if format == F6 {
        // Fuel.
        reader.skip(27)?;
        temperatures(reader, &mut attributes)?;
        attributes.set("axle_weight", reader.le_i32()?);
        attributes.set("rpm", reader.le_u16()?);
    }
    let fix = if has_place { Some(place(reader, format, &mut attributes)?) } else { None };
    if matches!(format, F5_1 | F5_2) {
        reader.skip(15)?;
    }
    if matches!(format, F4 | F5_2) {
        temperatures(reader, &mut attributes)?;
    }
    let states = AlarmSet::only(Alarm::General);
    let alarms = if is_alarm { states } else { AlarmSet::EMPTY };
    match fix {
        Some(Ok(mut fix)) => {
            (fix.alarms, fix.alarm_states) = (alarms, states);
            out.fix(fix, attributes);
        }
        // The records behind it are good still.
        Some(Err(reject)) => out.reject(reject),
        None => out.report_states(event_time, alarms, states, attributes),
    }
    Ok(index)
}

fn civil([hour, minute, second, day, month, year]: [u8; 6]) -> Option<Time> {
    let small = |value: u8| i8::try_from(value).ok();
    let year = i16::from(year).saturating_add(2000);
    let date = (year, small(month)?.checked_add(1)?, small(day)?);
    Time::from_civil(date, (small(hour)?, small(minute)?, small(second)?), 0)
}

/// A place that cannot be is the inner error: the record's length is known all the same.
fn place(
    reader: &mut Reader<'_>,
    format: u8,
    attributes: &mut Attributes,
) -> Result<Result<Fix, Reject>, Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let state = reader.u8()?;
    if format == F6 {
        attributes.set("satellites", state >> 2);
    }
    let time = civil(reader.array()?);
    let mut altitude = None;
    let (latitude, longitude) = if format == F6 {
        let place = (minutes(reader)?, minutes(reader)?);
        altitude = Some(f64::from(reader.le_i32()?) / 10.0);
        place
    } else {
        (float(reader)?.to_degrees(), float(reader)?.to_degrees())
    };
    let speed = float(reader)?;
    let course = f64::from(reader.le_u16()?);
    distances(reader, attributes)?;
    reader.skip(4)?;
    let fix = time.and_then(|time| Fix::new(time, latitude, longitude)).ok_or(nowhere);
    Ok(fix.map(|mut fix| {
        fix.valid = state & 0x02 != 0;
        fix.altitude_m = altitude;
        fix.speed_kmh = Some(speed).filter(|speed| speed.is_finite() && *speed >= 0.0);
        fix.course_deg = Some(course).filter(|course| *course <= 360.0);
        fix
    }))
}

/// Kilometres since the beginning, and on this segment.
fn distances(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    for name in ["odometer_m", "trip_odometer_m"] {
        let metres = Some(float(reader)? * 1000.0).filter(|metres| metres.is_finite());
        attributes.set_some(name, metres);
    }
    Ok(())
}

pub(super) fn float(reader: &mut Reader<'_>) -> Result<f64, Reject> {
    Ok(f64::from(f32::from_bits(reader.le_u32()?)))
}

/// Degrees of ten-thousandths of a minute.
pub(super) fn minutes(reader: &mut Reader<'_>) -> Result<f64, Reject> {
    Ok(f64::from(reader.le_i32()?) / 600_000.0)
}

/// −128 stands for no sensor.
fn temperatures(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let names = ["temperature_1_c", "temperature_2_c", "temperature_3_c", "temperature_4_c"];
    for name in names {
        let degrees = Some(reader.i8()?).filter(|degrees| *degrees != i8::MIN);
        attributes.set_some(name, degrees);
    }
    Ok(())
}
