//! What makers send with a position beside the usual.

use super::basic::{Setting, odometer, upload};
use super::found::Found;
use super::location::{self, BARE, Cell, LONG_SPEED, USUAL, skip_counted_cell};
use super::message::Message;
use super::status::{Maker, Occasion};
use crate::field::{Reader, text};
use crate::{Alarm, Reject};

/// What makers append to 0x12, told apart by the length.
pub(super) fn appended(
    length: usize,
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    let status = &mut found.status;
    match length {
        // Benway: inputs, and a temperature or a voltage in the lower ten bits.
        0x21 => {
            let word = reader.be_u16()?;
            status.attributes.set("ignition", word & 0x8000 != 0);
            status.attributes.set("input_2", word & 0x4000 != 0);
            let value = f64::from(word & 0x03ff);
            match (word & 0x1000 != 0, word & 0x2000 != 0) {
                (true, _) => {
                    let magnitude = f64::from(word & 0x01ff);
                    let is_negative = word & 0x0200 != 0;
                    let value = if is_negative { -magnitude } else { magnitude };
                    status.attributes.set("temperature_c", value);
                }
                (false, true) => status.attributes.set("adc_1", value),
                (false, false) => status.attributes.set("adc_1", value / 10.0),
            }
        }
        // VXT01.
        0x24 => {
            status.information(reader.u8()?, Occasion::Alarm);
            status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            status.attributes.set("rssi", reader.u8()?);
        }
        // WeTrust: the driver's card.
        0x29 => {
            status.attributes.set("odometer_m", reader.be_u32()?);
            let card = reader.u8()?;
            status.attributes.set("card", text::ascii(reader.take(usize::from(card))?));
            status.event((reader.u8()? > 0).then_some(Alarm::General));
            status.attributes.set("card_status", reader.u8()?);
            status.attributes.set("driving_time", reader.be_u16()?);
        }
        // S5: oil and a temperature.
        0x2b => {
            status.information(reader.u8()?, Occasion::Alarm);
            status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            status.attributes.set("rssi", reader.u8()?);
            status.event_number(reader.u8()?, setting.maker);
            status.attributes.set("oil", reader.be_u16()?);
            let byte = reader.u8()?;
            let magnitude = i16::from(byte & 0x7f);
            let temperature = if byte & 0x80 == 0 { magnitude } else { magnitude.saturating_neg() };
            status.attributes.set("temperature_c", temperature);
            let odometer = i64::from(reader.be_u32()?);
            status.attributes.set("odometer_m", odometer.saturating_mul(10));
        }
        // GT06E with a card reader.
        0x71.. => {
            status.attributes.set("odometer_m", reader.be_u32()?);
            let card = reader.u8()?;
            let card = text::ascii(reader.take(usize::from(card))?);
            if !card.is_empty() {
                status.attributes.set("card", card);
            }
        }
        _ => match reader.remaining() {
            3 | 7 => {
                upload(reader, found)?;
                odometer(reader, found)?;
            }
            _ => odometer(reader, found)?,
        },
    }
    Ok(())
}

/// Trackers that name themselves in every location (NT, XT40).
pub(super) fn named(
    message: &Message<'_>,
    reader: &mut Reader<'_>,
    found: &mut Found,
) -> Result<(), Reject> {
    skip_counted_cell(reader)?;
    let status = &mut found.status;
    status.information(reader.u8()?, Occasion::Alarm);
    status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
    status.attributes.set("battery_v", f64::from(reader.u8()?) / 10.0);
    status.attributes.set("rssi", reader.u8()?);
    status.event_number(reader.u8()?, Maker::Nt);
    // The language.
    reader.skip(1)?;
    status.attributes.set("odometer_m", reader.be_u24()?);
    let minutes = i64::from(reader.be_u24()?);
    status.attributes.set("engine_time_s", minutes.saturating_mul(60));
    if message.kind == 0x25 {
        let length = usize::from(reader.u8()?);
        if length > 1 {
            // What kind of number it is.
            reader.skip(1)?;
            let driver = reader.take(length.saturating_sub(1))?;
            status.attributes.set("driver_id", text::hex(driver));
        }
    }
    Ok(())
}

/// 0x37: one reading more, by number and length.
pub(super) fn module(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    let number = reader.be_u16()?;
    let length = reader.u8()?;
    let mut value = reader.part(usize::from(length))?;
    match (number, length) {
        (0x0027, 2) => {
            found.status.attributes.set("power_v", f64::from(value.be_u16()?) / 100.0);
        }
        (0x002e, 4) => found.status.attributes.set("odometer_m", value.be_u32()?),
        (0x003b, 2) => {
            found.status.attributes.set("accuracy_m", f64::from(value.be_u16()?) / 100.0);
        }
        _ => {}
    }
    Ok(())
}

/// LWxG: cell, network, state, odometer, hours, number, inputs.
pub(super) fn lte_status(
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    Cell::LTE.skip(reader)?;
    // Which network.
    reader.skip(1)?;
    let status = &mut found.status;
    status.information(reader.u8()?, Occasion::Alarm);
    status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
    status.level(reader.u8()?);
    status.attributes.set("rssi", reader.u8()?);
    status.event_number(reader.u8()?, setting.maker);
    // The language.
    reader.skip(1)?;
    status.attributes.set("odometer_m", reader.be_u32()?);
    status.attributes.set("engine_time_s", reader.be_u32()?);
    reader.skip(8)?;
    status.attributes.set("inputs", reader.be_u16()?);
    Ok(())
}

/// 0x34 of X1 gateways.
pub(super) fn obd_gateway(
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    // What data there are, and alarms of unknown meaning.
    reader.skip(4)?;
    let fix = location::fix(reader, USUAL, setting.offset_s, &mut found.status.attributes)?;
    found.place(fix);
    found.tail(|found| {
        let attributes = &mut found.status.attributes;
        reader.skip(2)?;
        attributes.set("odometer_m", reader.be_u32()?);
        Cell::WIDE.skip(reader)?;
        let driver = reader.be_u32()?;
        if driver != 0 {
            attributes.set("driver_id", driver.to_string());
        }
        attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
        attributes.set("battery_v", f64::from(reader.be_u16()?) / 100.0);
        let ports = reader.be_u32()?;
        attributes.set("inputs", reader.u8()?);
        attributes.set("outputs", reader.u8()?);
        for port in 1..=(ports >> 20 & 0x0f) {
            attributes.set(format!("adc_{port}"), f64::from(reader.be_u16()?) / 100.0);
        }
        Ok(())
    });
    Ok(())
}

/// 0x61: a driver's key was held to the reader.
pub(super) fn key(
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    // The IMEI.
    reader.skip(8)?;
    let fix = location::fix(reader, USUAL, setting.offset_s, &mut found.status.attributes)?;
    found.place(fix);
    found.tail(|found| {
        Cell::WIDE.skip(reader)?;
        let (high, low) = (reader.be_u32()?, reader.be_u16()?);
        let driver = u64::from(high) << 16 | u64::from(low);
        found.status.attributes.set("driver_id", driver.to_string());
        Ok(())
    });
    Ok(())
}

/// 0x95 of cameras (JC100, JC400): a position, the event, the files that show it.
pub(super) fn camera(
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    let is_jc400 = reader.rest().starts_with(&[0xff, 0xff]);
    if is_jc400 {
        // The mark, and a version.
        reader.skip(3)?;
    }
    let layout = if is_jc400 { LONG_SPEED } else { BARE };
    let fix = location::fix(reader, layout, setting.offset_s, &mut found.status.attributes)?;
    found.place(fix);
    found.tail(|found| {
        if is_jc400 {
            found.status.attributes.set("power_v", f64::from(reader.be_u16()?) / 10.0);
        }
        let event = reader.u8()?;
        found.status.attributes.set("event", event);
        found.status.event(camera_alarm(event));
        if event == 0x01 {
            found.status.alarms.insert(Alarm::Sos);
        }
        found.status.attributes.set("event_data", reader.be_u16()?);
        let files = text::ascii(reader.rest());
        if !files.is_empty() {
            found.status.attributes.set("files", files);
        }
        Ok(())
    });
    Ok(())
}

/// The alarm of a camera's event.
pub(super) fn camera_alarm(event: u8) -> Option<Alarm> {
    match event {
        0x0e => Some(Alarm::LowPower),
        0x76 => Some(Alarm::Temperature),
        0x80 => Some(Alarm::Vibration),
        0x87 => Some(Alarm::Overspeed),
        0x88 => Some(Alarm::PowerCut),
        0x90 => Some(Alarm::HardAcceleration),
        0x91 => Some(Alarm::HardBraking),
        0x92 => Some(Alarm::HardCornering),
        0x93 => Some(Alarm::Accident),
        _ => None,
    }
}
