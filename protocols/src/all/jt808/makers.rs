//! Makers' items of a location. The standard leaves numbers from 0xe0 on to them; they take others
//! too, and one number means different things by its length.

use super::extensions;
use super::location::{Findings, Form};
use crate::field::{Reader, text};
use crate::{Alarm, Reject};

/// One item that the standard does not have.
pub(super) fn item(
    number: u8,
    item: &mut Reader<'_>,
    form: Form<'_>,
    findings: &mut Findings,
) -> Result<(), Reject> {
    let length = item.remaining();
    match number {
        0x0b | 0x33 | 0x60 | 0x63 | 0xd5 | 0xda => return lock(number, item, findings),
        0x57 | 0x70 | 0xd0 => return events(number, item, form, findings),
        0x80..=0x8e | 0x91 | 0x94 | 0xa0 | 0xcc => return on_board(number, item, findings),
        0xe6 => return extensions::sensors(item, findings),
        0xe8 if length >= 4 => return extensions::camera(item, findings),
        0xea if length > 2 => return extensions::environment(item, findings),
        0xeb => return extensions::tracker(item, findings),
        0xf3 if length > 3 => return extensions::on_board(item, findings),
        0xf6..=0xf9 => return container(number, item, findings),
        0xfe if length > 4 => return extensions::driving(item, findings),
        _ => {}
    }
    let attributes = &mut findings.attributes;
    match (number, length) {
        (0x51, 2 | 16) => {
            for sensor in 1..=length / 2 {
                attributes.set_some(format!("temperature_{sensor}_c"), sign_and_tenths(item)?);
            }
        }
        (0x56, 2) => attributes.set("battery_percent", u16::from(item.u8()?).saturating_mul(10)),
        (0x61, 2) => attributes.set("power_v", f64::from(item.be_u16()?) / 100.0),
        (0x68, 2) => attributes.set("battery_percent", f64::from(item.be_u16()?) / 100.0),
        (0x68, 4) => attributes.set("battery_percent", f64::from(item.be_u32()?) / 10.0),
        (0x69, 2) => attributes.set("battery_v", f64::from(item.be_u16()?) / 100.0),
        (0x6a, 1) => attributes.set("rssi", item.u8()?),
        (0x6c, _) => attributes.set("imsi", text::ascii(item.rest())),
        (0x71, 19..) => attributes.set("iccid", text::ascii(item.rest())),
        (0x77, _) => {
            while !item.is_empty() {
                let tire = item.u8()?;
                item.skip(3)?;
                let pressure_bar = f64::from(item.be_u16()? & 0x03ff) / 40.0;
                attributes.set(format!("tire_{tire}_pressure_kpa"), pressure_bar * 100.0);
                let temperature = i16::from(item.u8()?).saturating_sub(50);
                attributes.set(format!("tire_{tire}_temperature_c"), temperature);
                attributes.set(format!("tire_{tire}_status"), item.u8()?);
            }
        }
        (0xa7, 4) => {
            attributes.set("adc_1", item.be_u16()?);
            attributes.set("adc_2", item.be_u16()?);
        }
        (0xac, 4) => attributes.set("odometer_m", item.be_u32()?),
        (0xbc, _) => attributes.set("driver", text::gbk(item.rest())),
        (0xbd, _) => attributes.set("driver_id", text::ascii(item.rest())),
        (0xd3 | 0xe1, 2) => attributes.set("power_v", f64::from(item.be_u16()?) / 10.0),
        (0xd4 | 0xe1 | 0xe9, 1) => battery(item.u8()?, findings),
        (0xd4 | 0xe1 | 0xe9, 4) => attributes.set("driver_id", item.be_u32()?.to_string()),
        (0xe2, 4) if form.model != Some("DT800") => {
            attributes.set("fuel_l", f64::from(item.be_u32()?) / 10.0);
        }
        (0xe3, 6) => {
            item.skip(2)?;
            attributes.set("power_v", f64::from(item.be_u16()?) / 100.0);
        }
        (0xe4, 2) => {
            if item.u8()? == 0 {
                attributes.set("charging", true);
            }
            attributes.set("battery_percent", item.u8()?);
        }
        (0xe5, 1) => attributes.set("motion", item.u8()? == 1),
        (0xed, _) => attributes.set("card", text::ascii(item.rest())),
        (0xee, 6) => {
            attributes.set("rssi", item.u8()?);
            attributes.set("power_v", f64::from(item.be_u16()?) / 1000.0);
            attributes.set("battery_v", f64::from(item.be_u16()?) / 1000.0);
            attributes.set("satellites", item.u8()?);
        }
        (0xf1, 4) => attributes.set("power_v", f64::from(item.be_u32()?) / 1000.0),
        (0xf5, 2) => attributes.set("illuminance_lx", item.be_u16()?),
        (0xfb, _) => attributes.set("container", text::ascii(item.rest())),
        (0xfc, 1) => attributes.set("geofence", item.u8()?),
        (0xfe, 1) => attributes.set("battery_percent", item.u8()?),
        (0xfe, 2) => attributes.set("power_v", f64::from(item.be_u16()?) / 10.0),
        (0xfe, 4) => attributes.set("odometer_m", item.be_u32()?),
        // Cells and hot spots: nothing here looks a place up by them.
        (0x50 | 0x53 | 0x54 | 0x5d | 0x66 | 0xec | 0xf0 | 0xf4 | 0xff, _) => {}
        // An unlocking password is nobody's business.
        (0x67, _) => {}
        (_, 1) => attributes.set(format!("io_{number}"), item.u8()?),
        (_, 2) => attributes.set(format!("io_{number}"), item.be_u16()?),
        (_, 4) => attributes.set(format!("io_{number}"), item.be_u32()?),
        _ => {}
    }
    Ok(())
}

/// Tenths under a sign bit; all ones where there is no sensor.
fn sign_and_tenths(item: &mut Reader<'_>) -> Result<Option<f64>, Reject> {
    Ok(match item.be_u16()? {
        0xffff => None,
        value if value & 0x8000 != 0 => Some(-f64::from(value & 0x7fff) / 10.0),
        value => Some(f64::from(value) / 10.0),
    })
}

/// A level of 255 means that the battery is being charged.
fn battery(level: u8, findings: &mut Findings) {
    if level == 0xff {
        findings.attributes.set("charging", true);
    } else {
        findings.attributes.set("battery_percent", level);
    }
}

/// Items of sealing locks.
fn lock(number: u8, item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    let length = item.remaining();
    let attributes = &mut findings.attributes;
    match (number, length) {
        (0x0b, _) => {
            attributes.set("lock_command", item.u8()?);
            match length {
                5 | 6 => attributes.set("card", item.be_u32()?.to_string()),
                // The password.
                7.. => item.skip(6)?,
                _ => {}
            }
            if length.is_multiple_of(2) {
                attributes.set("unlock_result", item.u8()?);
            }
        }
        (0x33, 1) => attributes.set("mode", item.u8()?),
        (0x33, _) => {
            // `*M00…`: the seven characters of the lock's state begin at the ninth.
            let text = text::ascii(item.rest());
            let volts = text.strip_prefix("*M00").and_then(|_| text.get(10..13)?.parse().ok());
            attributes.set_some("battery_v", volts.map(|volts: u16| f64::from(volts) / 100.0));
        }
        (0x60, _) => {
            attributes.set("event", item.be_u16()?);
            // Then the lock's own number, and eight characters of the card.
            if let Some(skip @ 1..) = item.remaining().checked_sub(8) {
                item.skip(skip)?;
                attributes.set("driver_id", text::ascii(item.rest()));
            }
        }
        (0x63, _) => {
            for lock in 1..=length / 11 {
                attributes.set(format!("lock_{lock}_id"), text::hex(item.take(6)?));
                let volts = f64::from(item.be_u16()?) / 1000.0;
                attributes.set(format!("lock_{lock}_battery_v"), volts);
                attributes.set(format!("lock_{lock}_sealed"), item.u8()? == b'1');
                item.skip(2)?;
            }
        }
        (0xd5, 2) => attributes.set("battery_v", f64::from(item.be_u16()?) / 100.0),
        (0xd5, _) => {
            for lock in 1..=item.u8()? {
                attributes.set(format!("lock_{lock}_id"), text::hex(item.take(5)?));
                attributes.set(format!("lock_{lock}_card"), text::hex(item.take(5)?));
                attributes.set(format!("lock_{lock}_battery_percent"), item.u8()?);
                attributes.set(format!("lock_{lock}_locked"), item.be_u16()? & 0x20 == 0);
            }
        }
        (0xda, 3..) => {
            attributes.set("string_cuts", item.be_u16()?);
            let status = item.u8()?;
            attributes.set("string", status & 1 != 0);
            attributes.set("motion", status & 4 != 0);
            attributes.set("cover", status & 8 != 0);
        }
        _ => {}
    }
    Ok(())
}

/// Items whose bits are events.
fn events(
    number: u8,
    item: &mut Reader<'_>,
    form: Form<'_>,
    findings: &mut Findings,
) -> Result<(), Reject> {
    match (number, item.remaining()) {
        (0x57, 2..) => {
            let driving = item.be_u16()?;
            findings.event((driving & 0x100 != 0).then_some(Alarm::HardAcceleration));
            findings.event((driving & 0x200 != 0).then_some(Alarm::HardBraking));
            findings.event((driving & 0x400 != 0).then_some(Alarm::HardCornering));
            if item.remaining() >= 6 && matches!(form.model, Some("MV810G" | "MV710G")) {
                item.skip(2)?;
                findings.state(Alarm::Door, item.be_u32()? & 0x1_0000 != 0);
            }
        }
        (0x70, 6..) => {
            item.skip(5)?;
            findings.event(match item.u8()? {
                0x01 => Some(Alarm::HardAcceleration),
                0x02 => Some(Alarm::HardBraking),
                0x03 => Some(Alarm::HardCornering),
                0x16 => Some(Alarm::Accident),
                _ => None,
            });
        }
        (0xd0, 4) => findings.state(Alarm::Vibration, item.be_u32()? & 8 != 0),
        _ => {}
    }
    Ok(())
}

/// Readings from the vehicle's own bus.
fn on_board(number: u8, item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    let length = item.remaining();
    let attributes = &mut findings.attributes;
    match (number, length) {
        (0x80, 1) => attributes.set("obd_speed_kmh", item.u8()?),
        (0x81, 2) => attributes.set("rpm", item.be_u16()?),
        (0x82, 2) => attributes.set("power_v", f64::from(item.be_u16()?) / 10.0),
        (0x83, 1) => attributes.set("engine_load_percent", item.u8()?),
        (0x84, 1) => attributes.set("coolant_c", i16::from(item.u8()?).saturating_sub(40)),
        (0x85, 2) => attributes.set("fuel_consumption", item.be_u16()?),
        (0x86, 1) => attributes.set("intake_c", i16::from(item.u8()?).saturating_sub(40)),
        (0x87, 2) => attributes.set("intake_flow", item.be_u16()?),
        (0x88, 1) => attributes.set("intake_pressure_kpa", item.u8()?),
        (0x89, 1) => attributes.set("throttle_percent", item.u8()?),
        (0x8b | 0x94, 1..) => attributes.set("vin", text::ascii(item.rest())),
        (0x8c, 4) => {
            attributes.set("obd_odometer_m", i64::from(item.be_u32()?).saturating_mul(100));
        }
        (0x8d, 2) => attributes.set("trip_m", i64::from(item.be_u16()?).saturating_mul(1000)),
        (0x8e, 1) => attributes.set("fuel_percent", item.u8()?),
        (0x91, 21..) => {
            attributes.set("power_v", f64::from(item.be_u16()?) / 10.0);
            attributes.set("rpm", item.be_u16()?);
            attributes.set("obd_speed_kmh", item.u8()?);
            attributes.set("throttle_percent", f64::from(item.u8()?) / 2.55);
            attributes.set("engine_load_percent", f64::from(item.u8()?) / 2.55);
            attributes.set("coolant_c", i16::from(item.u8()?).saturating_sub(40));
        }
        (0xa0, 1..) => attributes.set("trouble_codes", text::ascii(item.rest()).replace(',', " ")),
        (0xcc, _) => attributes.set("iccid", text::ascii(item.rest())),
        _ => {}
    }
    Ok(())
}

/// Items of container trackers (AOVX), and shorter ones of others under the same numbers.
fn container(number: u8, item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    let length = item.remaining();
    let attributes = &mut findings.attributes;
    match (number, length) {
        (0xf6, 2) => attributes.set("air_pressure", item.be_u16()?),
        (0xf6, _) => {
            let event = item.u8()?;
            attributes.set("event", event);
            if event == 2 {
                attributes.set("motion", true);
            }
            let present = item.u8()?;
            if present & 1 != 0 {
                attributes.set("illuminance_lx", item.be_u16()?);
            }
            if present & 2 != 0 {
                attributes.set("temperature_c", f64::from(item.be_i16()?) / 10.0);
            }
            if present & 4 != 0 {
                attributes.set("humidity_percent", f64::from(item.be_i16()?) / 10.0);
            }
        }
        (0xf7, 2) => attributes.set("humidity_percent", f64::from(item.be_u16()?) / 10.0),
        (0xf7, _) => {
            attributes.set("battery_v", f64::from(item.be_u32()?) / 1000.0);
            if length >= 5 && matches!(item.u8()?, 2 | 3) {
                attributes.set("charging", true);
            }
            if length >= 6 {
                attributes.set("battery_percent", item.u8()?);
            }
        }
        (0xf8, 2) => attributes.set("temperature_2_c", f64::from(item.be_u16()?) / 10.0 - 50.0),
        (0xf9, 12..) => {
            item.skip(10)?;
            attributes.set("hdop", f64::from(item.be_u16()?) / 10.0);
        }
        _ => {}
    }
    Ok(())
}
