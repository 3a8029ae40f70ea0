//! Messages that are lists of readings.

use super::found::Found;
use super::location::{USUAL, place};
use super::status::Status;
use crate::field::{Reader, bcd, text};
use crate::{Alarm, Fix, Reject, Time};

/// 0x70: two bytes of number, two of length, value.
pub(super) fn read(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    while !reader.is_empty() {
        let number = reader.be_u16()?;
        let length = reader.be_u16()?;
        let mut value = reader.part(usize::from(length))?;
        found.tail(|found| module(number, length, &mut value, found));
    }
    Ok(())
}

fn module(
    number: u16,
    length: u16,
    value: &mut Reader<'_>,
    found: &mut Found,
) -> Result<(), Reject> {
    let attributes = &mut found.status.attributes;
    match (number, length) {
        (0x0003, 10) => attributes.set("iccid", bcd::digits(value.rest())),
        (0x0009, 1) => attributes.set("satellites", value.u8()?),
        (0x000a, 1) => attributes.set("satellites_visible", value.u8()?),
        (0x0018, 2) => attributes.set("battery_v", f64::from(value.be_u16()?) / 100.0),
        (0x0028, 1) => attributes.set("hdop", f64::from(value.u8()?) / 10.0),
        (0x0029, 4) => attributes.set("index", value.be_u32()?),
        (0x002a, 1) => {
            let inputs = value.u8()?;
            attributes.set("door", inputs & 0x0f != 0);
            attributes.set("tampered", inputs & 0xf0 != 0);
        }
        (0x002b, 1) => attributes.set("boot_reason", value.u8()?),
        (0x002c, 4) => {
            found.time = Some(Time::from_seconds(i64::from(value.be_u32()?)));
        }
        (0x002e, 4) => attributes.set("odometer_m", value.le_u32()?),
        (0x0033, 18..) => {
            let time = Time::from_seconds(i64::from(value.be_u32()?));
            attributes.set("satellites", value.u8()?);
            let altitude_m = Some(f64::from(value.be_i16()?));
            let place = place(value, USUAL.without_satellites(), attributes)?;
            found.place(place.at(time).map(|fix| Fix { altitude_m, ..fix }));
        }
        (0x0034, 1..) => event(value.u8()?, &mut found.status),
        (0x007f, 14..) => {
            attributes.set("tag_id", text::hex(value.take(6)?));
            attributes.set("tag_battery_v", f64::from(value.be_u16()?) / 1000.0);
            attributes.set("tag_battery_percent", value.u8()?);
            attributes.set("tag_temperature_c", f64::from(value.be_i16()?) / 10.0);
        }
        _ => {}
    }
    Ok(())
}

fn event(number: u8, status: &mut Status) {
    status.attributes.set("event", number);
    status.event(match number {
        0x10 => Some(Alarm::Door),
        0x12 => Some(Alarm::Removing),
        0x14 => Some(Alarm::GeofenceEnter),
        0x15 => Some(Alarm::GeofenceExit),
        0x16 => Some(Alarm::Temperature),
        0x1a => Some(Alarm::LowBattery),
        0x1b => Some(Alarm::Overspeed),
        0x1c => Some(Alarm::PowerOn),
        0x1d => Some(Alarm::PowerOff),
        0x20 => Some(Alarm::Vibration),
        0x21 => Some(Alarm::PowerCut),
        0x23 => Some(Alarm::Tampering),
        _ => None,
    });
}

/// 0xf1: two bytes of number, one of length, value.
pub(super) fn readings(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    while !reader.is_empty() {
        let number = reader.be_u16()?;
        let length = reader.u8()?;
        let mut value = reader.part(usize::from(length))?;
        let attributes = &mut found.status.attributes;
        match (number, length) {
            (0x0005, 2) => attributes.set("battery_v", f64::from(value.be_u16()?) / 100.0),
            (_, 1) => attributes.set(format!("io_{number}"), value.u8()?),
            (_, 2) => attributes.set(format!("io_{number}"), value.be_u16()?),
            (_, 4) => attributes.set(format!("io_{number}"), value.be_u32()?),
            _ => {}
        }
    }
    Ok(())
}

/// 0xf2 of VL842: what radio sensors told. The length has two bytes where the first is 0.
pub(super) fn peripherals(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    while !reader.is_empty() {
        let number = reader.be_u16()?;
        let length = match reader.u8()? {
            0 => reader.u8()?,
            length => length,
        };
        let mut value = reader.part(usize::from(length))?;
        let attributes = &mut found.status.attributes;
        match (number, length) {
            (0x000a, 10..) => {
                // The kind of address.
                value.skip(1)?;
                attributes.set("mac", text::hex(value.take(6)?));
                attributes.set("event", value.u8()?);
            }
            (0x000c, 1..) => attributes.set("external_battery_percent", value.u8()?),
            _ => {}
        }
    }
    Ok(())
}
