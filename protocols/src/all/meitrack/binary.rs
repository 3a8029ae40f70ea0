//! Positions in binary, little-endian. Times count seconds from the year 2000.
//!
//! `CCC`: protocol 2, length of a record 2, records left 4, records of 52 bytes: event 1, latitude
//! 4, longitude 4 (millionths of a degree), time 4, valid 1, satellites 1, signal 1, km/h 2,
//! course 2, HDOP 2 (tenths), metres 2, mileage 4, seconds run 4, country 2, network 2, area 2,
//! cell 2, lines 2, AD1 2, battery 2, power 2, geofence 4.
//!
//! `CCE`: records left 4, records 2, each: length 2, number 2, then four lists, each with its count
//! 1: parameters of 1, 2 and 4 bytes, and such with their length 1. A parameter's number has one
//! byte, or two where the first is `fe`.

use super::alarm;
use crate::field::Reader;
use crate::{Attributes, Fix, Out, Reason, Reject, Time};

/// 2000-01-01T00:00:00Z.
const EPOCH: i64 = 946_684_800;
const RECORD: usize = 52;

fn time(seconds: u32) -> Time {
    Time::from_seconds(EPOCH.saturating_add(i64::from(seconds)))
}

/// Answers how many records there were.
pub(super) fn fixed(content: &[u8], data: usize, out: &mut Out<'_>) -> Result<usize, Reject> {
    let mut reader = Reader::new(content);
    reader.skip(data)?;
    reader.skip(8)?;
    let mut count = 0_usize;
    while reader.remaining() >= RECORD {
        let mut record = reader.part(RECORD)?;
        count = count.saturating_add(1);
        if let Err(reject) = one(&mut record, out) {
            out.reject(reject);
        }
    }
    Ok(count)
}

fn one(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let event = reader.u8()?;
    attributes.set("event", event);
    let nowhere = reader.reject(Reason::OutOfRange);
    let latitude = f64::from(reader.le_i32()?) / 1e6;
    let longitude = f64::from(reader.le_i32()?) / 1e6;
    let mut fix = Fix::new(time(reader.le_u32()?), latitude, longitude).ok_or(nowhere)?;
    fix.valid = reader.u8()? == 1;
    fix.alarms = alarm(u16::from(event)).into_iter().collect();
    attributes.set("satellites", reader.u8()?);
    attributes.set("rssi", reader.u8()?);
    fix.speed_kmh = Some(f64::from(reader.le_u16()?));
    fix.course_deg = Some(f64::from(reader.le_u16()?)).filter(|course| *course <= 360.0);
    attributes.set("hdop", f64::from(reader.le_u16()?) / 10.0);
    fix.altitude_m = Some(f64::from(reader.le_i16()?));
    attributes.set("odometer_m", reader.le_u32()?);
    reader.skip(4)?;
    attributes.set("mcc", reader.le_u16()?);
    attributes.set("mnc", reader.le_u16()?);
    attributes.set("lac", reader.le_u16()?);
    attributes.set("cell_id", reader.le_u16()?);
    attributes.set("status", reader.le_u16()?);
    attributes.set("adc_1_raw", reader.le_u16()?);
    attributes.set("battery_v", f64::from(reader.le_u16()?) / 100.0);
    attributes.set("power_v", f64::from(reader.le_u16()?) / 100.0);
    out.fix(fix, attributes);
    Ok(())
}

/// Answers how many records there were.
pub(super) fn tagged(content: &[u8], data: usize, out: &mut Out<'_>) -> Result<usize, Reject> {
    let mut reader = Reader::new(content);
    reader.skip(data)?;
    reader.skip(4)?;
    let count = reader.le_u16()?;
    for _ in 0..count {
        // What the length counts differs between models: the lists say where a record ends.
        reader.skip(2)?;
        tagged_one(&mut reader, out)?;
    }
    Ok(usize::from(count))
}

fn number(reader: &mut Reader<'_>) -> Result<u16, Reject> {
    let first = reader.u8()?;
    if first == 0xfe {
        return Ok(u16::from_be_bytes([first, reader.u8()?]));
    }
    Ok(u16::from(first))
}

fn tagged_one(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let mut attributes = Attributes::new();
    let (mut latitude, mut longitude, mut seconds) = (None, None, None);
    let (mut valid, mut event) = (false, None);
    let (mut speed, mut course, mut altitude) = (None, None, None);
    reader.skip(2)?;
    for _ in 0..reader.u8()? {
        let (id, value) = (number(reader)?, reader.u8()?);
        match id {
            0x01 => event = Some(u16::from(value)),
            0x05 => valid = value > 0,
            0x06 => attributes.set("satellites", value),
            0x07 => attributes.set("rssi", value),
            0x14 => attributes.set("outputs", value),
            0x15 => attributes.set("inputs", value),
            0x97 => attributes.set("throttle_percent", value),
            0x9d => attributes.set("fuel_percent", value),
            0xfe69 => attributes.set("battery_percent", value),
            _ => {}
        }
    }
    for _ in 0..reader.u8()? {
        let (id, value) = (number(reader)?, reader.le_u16()?);
        let [low, high] = value.to_le_bytes();
        match id {
            0x08 => speed = Some(f64::from(value)),
            0x09 => course = Some(f64::from(value)).filter(|course| *course <= 360.0),
            0x0a => attributes.set("hdop", f64::from(value) / 10.0),
            0x0b => altitude = Some(f64::from(i16::from_le_bytes([low, high]))),
            0x16 => attributes.set("adc_1_v", f64::from(value) / 100.0),
            0x19 => attributes.set("battery_v", f64::from(value) / 100.0),
            0x1a => attributes.set("power_v", f64::from(value) / 100.0),
            0x40 => event = Some(value),
            0x91 | 0x92 => attributes.set("vehicle_speed_kmh", value),
            0x99 => attributes.set("rpm", value),
            0x9c => attributes.set("coolant_temperature_c", value),
            _ => {}
        }
    }
    for _ in 0..reader.u8()? {
        let (id, value) = (number(reader)?, reader.array::<4>()?);
        let signed = f64::from(i32::from_le_bytes(value)) / 1e6;
        let whole = u32::from_le_bytes(value);
        match id {
            0x02 => latitude = Some(signed),
            0x03 => longitude = Some(signed),
            0x04 => seconds = Some(whole),
            0x0c => attributes.set("odometer_m", whole),
            0x9b => attributes.set("vehicle_odometer_m", whole),
            0xa0 => attributes.set("fuel_used_l", f64::from(whole) / 1000.0),
            _ => {}
        }
    }
    for _ in 0..reader.u8()? {
        number(reader)?;
        let length = usize::from(reader.u8()?);
        reader.skip(length)?;
    }
    attributes.set_some("event", event);
    let alarms = event.and_then(alarm).into_iter().collect();
    let time = seconds.map(time);
    let (Some(latitude), Some(longitude), Some(fix_time)) = (latitude, longitude, time) else {
        out.report(time, alarms, attributes);
        return Ok(());
    };
    let Some(mut fix) = Fix::new(fix_time, latitude, longitude) else {
        out.reject(nowhere);
        return Ok(());
    };
    fix.valid = valid;
    fix.alarms = alarms;
    fix.speed_kmh = speed;
    fix.course_deg = course;
    fix.altitude_m = altitude;
    out.fix(fix, attributes);
    Ok(())
}
