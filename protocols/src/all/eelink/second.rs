//! Protocol 2: time 4 and a mask 1, what the mask says, then what the kind adds.
//!
//! | bit of the mask | bytes |
//! |---|---|
//! | 0 | latitude 4, longitude 4 (1 800 000ths of a degree), metres 2, km/h 2, course 2, satellites 1 |
//! | 1 | country 2, network 2, area 2, cell 4, signal 1 |
//! | 2, 3 | another cell: area 2, cell 4, signal 1 |
//! | 4, 5, 6 | an access point: address 6, signal 1 |
//! | 7 | network kind 1, count 1: in bits 0 to 2 of cells, 3 to 6 of access points; the first cell: country 2, network 2, area 2, tracking area 4 G 2, cell 4, three of 2, signal 1; each other cell 5, each access point 7 |
//!
//! | kind | adds |
//! |---|---|
//! | 12 | status 2, battery (mV) 2, two voltages of 2, metres 4, two counters of 2, steps 2, minutes walked 2, degrees / 256 2, humidity (tenths) 2, light / 256 4, CO2 4, probe / 16 2, beacons; all from the battery on may be missing |
//! | 14 | warning 1, status 2, of a speed: km/h 2, lowest 2, highest 2 |
//! | 15 | event 1, status 2 |
//! | 16 | a telephone number 21, a text |
//! | 17 to 1a | engine, body, faults, steps: not read |
//!
//! Beacons: count 1, kind 1, for each: address 6, signal 1, 3, battery (mV) 2, degrees / 256 2,
//! data 2.
//!
//! Quirk: a message without a status does not say whether its place is a fix, so it is not valid.

use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

use super::{status, warning};

const NUMBER: usize = 21;

pub(super) fn report(kind: u8, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let time = Time::from_seconds(i64::from(reader.be_u32()?));
    let mask = reader.u8()?;
    let fix = if mask & 1 == 0 { None } else { Some(place(time, reader, &mut attributes)?) };
    networks(mask, reader, &mut attributes)?;
    let mut alarms = AlarmSet::EMPTY;
    let mut is_fix = false;
    match kind {
        0x12 => {
            is_fix = status(reader, &mut attributes)?;
            // What is cut short there costs only itself.
            if let Err(reject) = sensors(reader, &mut attributes) {
                out.reject(reject);
            }
        }
        0x14 => {
            let code = reader.u8()?;
            attributes.set("event", code);
            is_fix = status(reader, &mut attributes)?;
            alarms.extend(stated_warning(code, reader)?);
        }
        0x15 => {
            attributes.set("event", reader.u8()?);
            is_fix = status(reader, &mut attributes)?;
        }
        0x16 if reader.remaining() > NUMBER => {
            reader.skip(NUMBER)?;
            attributes.set("text", text::gbk(reader.rest()));
        }
        _ => {}
    }
    match fix {
        Some(Ok(mut fix)) => {
            fix.valid = is_fix;
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        // The warning counts wherever it was.
        Some(Err(reject)) => {
            out.reject(reject);
            out.report(Some(time), alarms, attributes);
        }
        None => out.report(Some(time), alarms, attributes),
    }
    Ok(())
}

/// The outer error: the package ends first. The inner one: there is no such place.
fn place(
    time: Time,
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
) -> Result<Result<Fix, Reject>, Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let latitude = f64::from(reader.be_i32()?) / 1_800_000.0;
    let longitude = f64::from(reader.be_i32()?) / 1_800_000.0;
    let altitude = f64::from(reader.be_i16()?);
    let speed = f64::from(reader.be_u16()?);
    let course = f64::from(reader.be_u16()?);
    attributes.set("satellites", reader.u8()?);
    let Some(mut fix) = Fix::new(time, latitude, longitude) else { return Ok(Err(nowhere)) };
    fix.altitude_m = Some(altitude);
    fix.speed_kmh = Some(speed);
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    Ok(Ok(fix))
}

fn networks(mask: u8, reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    if mask & 0x02 != 0 {
        attributes.set("mcc", reader.be_u16()?);
        attributes.set("mnc", reader.be_u16()?);
        attributes.set("lac", reader.be_u16()?);
        attributes.set("cell_id", reader.be_u32()?);
        attributes.set("rssi", reader.u8()?);
    }
    for bit in 2..7 {
        if mask & (1 << bit) != 0 {
            reader.skip(7)?;
        }
    }
    if mask & 0x80 != 0 {
        reader.skip(1)?;
        let count = reader.u8()?;
        let cells = usize::from(count & 7);
        if cells > 0 {
            attributes.set("mcc", reader.be_u16()?);
            attributes.set("mnc", reader.be_u16()?);
            attributes.set("lac", reader.be_u16()?);
            reader.skip(2)?;
            attributes.set("cell_id", reader.be_u32()?);
            reader.skip(6)?;
            attributes.set("rssi", reader.u8()?);
            reader.skip(cells.saturating_sub(1).saturating_mul(5))?;
        }
        reader.skip(usize::from((count >> 3) & 0x0f).saturating_mul(7))?;
    }
    Ok(())
}

/// A warning of speed says with its figures which one it is.
fn stated_warning(code: u8, reader: &mut Reader<'_>) -> Result<Option<Alarm>, Reject> {
    if code == 0x82 && reader.remaining() >= 6 {
        let speed = reader.be_u16()?;
        let lowest = reader.be_u16()?;
        return Ok(Some(if speed < lowest { Alarm::LowSpeed } else { Alarm::Overspeed }));
    }
    Ok(warning(code))
}

/// As far as they go; those that a device has not are 0.
fn sensors(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    if reader.remaining() >= 2 {
        attributes.set("battery_v", f64::from(reader.be_u16()?) / 1000.0);
    }
    if reader.remaining() >= 4 {
        attributes.set("adc_1", reader.be_u16()?);
        attributes.set("adc_2", reader.be_u16()?);
    }
    if reader.remaining() >= 4 {
        attributes.set("odometer_m", reader.be_u32()?);
    }
    if reader.remaining() >= 4 {
        reader.skip(4)?;
    }
    if reader.remaining() >= 4 {
        let steps = reader.be_u16()?;
        reader.skip(2)?;
        attributes.set_some("steps", (steps > 0).then_some(steps));
    }
    if reader.remaining() >= 12 {
        let degrees = reader.be_i16()?;
        let humidity = reader.be_u16()?;
        let light = reader.be_u32()?;
        let carbon_dioxide = reader.be_u32()?;
        if humidity > 0 {
            attributes.set("temperature_c", f64::from(degrees) / 256.0);
            attributes.set("humidity_percent", f64::from(humidity) / 10.0);
        }
        let light = (light > 0).then(|| f64::from(light) / 256.0);
        attributes.set_some("illuminance_lx", light);
        attributes.set_some("co2_ppm", (carbon_dioxide > 0).then_some(carbon_dioxide));
    }
    if reader.remaining() >= 2 {
        let probe = reader.be_i16()?;
        attributes.set_some("probe_c", (probe != 0).then(|| f64::from(probe) / 16.0));
    }
    beacons(reader, attributes)
}

fn beacons(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    if reader.remaining() < 2 {
        return Ok(());
    }
    let count = reader.u8()?;
    reader.skip(1)?;
    for index in 1..=count {
        let address = text::hex(reader.take(6)?);
        reader.skip(4)?;
        let volts = f64::from(reader.be_u16()?) / 1000.0;
        let degrees = f64::from(reader.be_i16()?) / 256.0;
        reader.skip(2)?;
        attributes.set(format!("tag_{index}"), address);
        attributes.set(format!("tag_{index}_v"), volts);
        attributes.set(format!("tag_{index}_c"), degrees);
    }
    Ok(())
}
