//! Makers' items that hold lists of their own.

use super::location::Findings;
use crate::field::{Reader, bcd, text};
use crate::{Alarm, Reject};

/// Item 0xe6: `$OBD-RT,…` as text, or radio temperature sensors of eleven bytes each.
pub(super) fn sensors(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    if item.rest().starts_with(b"$OBD-RT") {
        live_data(&text::ascii(item.rest()), findings);
        return Ok(());
    }
    while item.remaining() >= 11 {
        let sensor = item.u8()?;
        item.skip(6)?;
        let temperature = whole_and_fraction(item)?;
        findings.attributes.set(format!("temperature_{sensor}_c"), temperature);
        findings.attributes.set(format!("humidity_{sensor}_percent"), whole_and_fraction(item)?);
    }
    Ok(())
}

/// A signed whole part, then 255ths.
fn whole_and_fraction(item: &mut Reader<'_>) -> Result<f64, Reject> {
    let whole = item.i8()?;
    let fraction = f64::from(item.u8()?) / 255.0;
    Ok(if whole < 0 { f64::from(whole) - fraction } else { f64::from(whole) + fraction })
}

/// What an on-board adapter writes as text: its own name, then numbers; empty ones are not known.
pub(super) fn live_data(text: &str, findings: &mut Findings) {
    const NAMES: [&str; 12] = [
        "power_v",
        "rpm",
        "obd_speed_kmh",
        "throttle_percent",
        "engine_load_percent",
        "coolant_c",
        "fuel_consumption_instant",
        "fuel_consumption",
        "trip_km",
        "obd_odometer_km",
        "trip_fuel_l",
        "fuel_used_l",
    ];
    for (name, value) in NAMES.into_iter().zip(text.split(',').skip(1)) {
        let value = value.trim().parse().ok().filter(|value: &f64| value.is_finite());
        findings.attributes.set_some(name, value);
    }
}

/// Item 0xe8 of Jimi's cameras: two bytes of number, one of length.
pub(super) fn camera(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    while !item.is_empty() {
        let number = item.be_u16()?;
        let length = item.u8()?;
        let mut value = item.part(usize::from(length))?;
        match (number, length) {
            (0x0406, _) => findings.event(Some(Alarm::Vibration)),
            (0x0c01, _) => findings.event(Some(Alarm::Sos)),
            (0x2001, 2) => {
                findings.attributes.set("power_v", f64::from(value.be_u16()?) / 10.0);
            }
            (0x2003, 7..) => {
                findings.attributes.set("charging", value.u8()? == 1);
                // In sixths.
                let level = u16::from(value.u8()?.min(6)).saturating_mul(100) / 6;
                findings.attributes.set("battery_percent", level);
                findings.attributes.set("battery_v", f64::from(value.be_u16()?) / 100.0);
                findings.attributes.set("rssi", value.u8()?);
                findings.attributes.set("power_v", f64::from(value.be_u16()?) / 100.0);
            }
            (0x0007, 2) => findings.attributes.set("hdop", f64::from(value.be_u16()?) / 10.0),
            // A list of its own.
            (0x2005, _) => camera(&mut value, findings)?,
            _ => {}
        }
    }
    Ok(())
}

/// Item 0xea: sensors of what is around the device.
pub(super) fn environment(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    item.skip(1)?;
    while !item.is_empty() {
        let number = item.u8()?;
        let length = item.u8()?;
        let mut value = item.part(usize::from(length))?;
        let attributes = &mut findings.attributes;
        match number {
            0x13 => attributes.set("illuminance_lx", value.be_u16()?),
            0x14 => attributes.set("air_pressure", value.be_u16()?),
            0x15 => attributes.set("humidity_percent", f64::from(value.be_u16()?) / 10.0),
            0x16 => attributes.set("temperature_c", f64::from(value.be_u16()?) / 10.0 - 50.0),
            _ => {}
        }
    }
    Ok(())
}

/// Item 0xeb: cells, the zone's name, or a list with lengths and numbers of two bytes each, where
/// the length counts the number too.
pub(super) fn tracker(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    let length = item.remaining();
    if text::is_printable(item.rest()) {
        findings.attributes.set("timezone", text::ascii(item.rest()));
        return Ok(());
    }
    // A country code (none is below 201) and a network, then cells of five bytes.
    let first = item.clone().be_u16()?;
    if first > 200 && length.checked_sub(3).is_some_and(|cells| cells.is_multiple_of(5)) {
        return Ok(());
    }
    while !item.is_empty() {
        let length = item.be_u16()?;
        let mut value = item.part(usize::from(length))?;
        let number = value.be_u16()?;
        tracker_value(number, &mut value, findings)?;
    }
    Ok(())
}

fn tracker_value(
    number: u16,
    value: &mut Reader<'_>,
    findings: &mut Findings,
) -> Result<(), Reject> {
    let attributes = &mut findings.attributes;
    match (number, value.remaining()) {
        (0x0001, _) => attributes.set("fuel_1", f64::from(value.be_u16()?) / 10.0),
        (0x0023, _) => {
            let number = text::ascii(value.rest()).trim_start_matches('#').parse().ok();
            attributes.set_some("fuel_2", number.filter(|number: &f64| number.is_finite()));
        }
        (0x002d, 2) => attributes.set("battery_v", f64::from(value.be_u16()?) / 1000.0),
        (0x002d, 4) => attributes.set("power_v", f64::from(value.be_u32()?) / 1000.0),
        // Bits that are 0 while something is wrong.
        (0x0089, _) => {
            let sound = value.be_u32()?;
            findings.state(Alarm::PowerOff, sound & 1 == 0);
            findings.state(Alarm::Removing, sound & 0x1000 == 0);
        }
        (0x00a8 | 0x00e1, _) => attributes.set("battery_percent", value.u8()?),
        (0x00b2, _) => attributes.set("iccid", bcd::digits(value.rest())),
        (0x00c5, _) => {
            let sound = value.be_u32()?;
            match sound >> 23 & 3 {
                0 => attributes.set("motion", true),
                1 => attributes.set("motion", false),
                _ => {}
            }
            findings.state(Alarm::Vibration, sound & 0x40 == 0);
        }
        (0x00c6, _) => findings.state(Alarm::LowBattery, matches!(value.u8()?, 3 | 4)),
        (0x00ce, _) => attributes.set("power_v", f64::from(value.be_u16()?) / 100.0),
        _ => {}
    }
    Ok(())
}

/// Item 0xf3: readings from the vehicle's bus, two bytes of number, one of length.
pub(super) fn on_board(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    while !item.is_empty() {
        let number = item.be_u16()?;
        let length = item.u8()?;
        let mut value = item.part(usize::from(length))?;
        let attributes = &mut findings.attributes;
        match (number, length) {
            (0x0002, 2) => attributes.set("obd_speed_kmh", f64::from(value.be_u16()?) / 10.0),
            (0x0003, 2) => attributes.set("rpm", value.be_u16()?),
            (0x0004, 2) => attributes.set("power_v", f64::from(value.be_u16()?) / 1000.0),
            (0x0005, 4) => {
                let odometer_m = i64::from(value.be_u32()?).saturating_mul(100);
                attributes.set("obd_odometer_m", odometer_m);
            }
            (0x0007, 2) => attributes.set("fuel_consumption", f64::from(value.be_u16()?) / 10.0),
            (0x0008, 1) => attributes.set("engine_load_percent", value.u8()?),
            (0x0009, 2) => {
                attributes.set("coolant_c", i32::from(value.be_u16()?).saturating_sub(40));
            }
            (0x000b, 2) => attributes.set("intake_pressure_kpa", value.be_u16()?),
            (0x000c, 2) => {
                attributes.set("intake_c", i32::from(value.be_u16()?).saturating_sub(40));
            }
            (0x000d, 2) => attributes.set("intake_flow", value.be_u16()?),
            (0x000e, 1) => attributes.set("throttle_percent", f64::from(value.u8()?) / 2.55),
            (0x0050, 1..) => attributes.set("vin", text::ascii(value.rest())),
            (0x0100, 2) => attributes.set("trip_km", f64::from(value.be_u16()?) / 10.0),
            (0x0102, 2) => attributes.set("trip_fuel_l", f64::from(value.be_u16()?) / 10.0),
            _ => {}
        }
    }
    Ok(())
}

/// Item 0xfe with the mark 0x7c: how the vehicle is driven.
pub(super) fn driving(item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    const BITS: [(u32, Alarm); 5] = [
        (0x01, Alarm::HardAcceleration),
        (0x02, Alarm::HardBraking),
        (0x04, Alarm::HardCornering),
        (0x08, Alarm::Accident),
        (0x10, Alarm::Tampering),
    ];
    if item.u8()? != 0x7c {
        return Ok(());
    }
    while !item.is_empty() {
        let number = item.u8()?;
        let length = item.u8()?;
        let mut value = item.part(usize::from(length))?;
        if number == 0x01 {
            let word = value.be_u32()?;
            for (bit, alarm) in BITS {
                findings.event((word & bit != 0).then_some(alarm));
            }
        }
    }
    Ok(())
}
