//! Messages with one byte of length that have no position.

use super::basic::Setting;
use super::found::Found;
use super::location::{Cell, date, is_date};
use super::makers::camera_alarm;
use super::message::Message;
use super::place;
use super::status::{Maker, Occasion};
use crate::field::{Reader, text};
use crate::{Alarm, Reason, Reject, Time};

/// Reads a message that has no position. `None`: nobody knows it.
pub(super) fn read(message: &Message<'_>, setting: Setting) -> Result<Option<Found>, Reject> {
    let mut found = Found::default();
    let mut reader = message.body.clone();
    let reader = &mut reader;
    match message.kind {
        0x13 => heartbeat(reader, setting, &mut found)?,
        0x23 => {
            found.status.information(reader.u8()?, Occasion::Regular);
            if reader.remaining() >= 2 {
                found.status.attributes.set("battery_v", f64::from(reader.be_u16()?) / 100.0);
            }
            if !reader.is_empty() {
                found.status.attributes.set("rssi", reader.u8()?);
            }
        }
        // Jimi's LTE trackers: state, then readings by number.
        0x36 => {
            found.status.read(reader, Occasion::Regular)?;
            // Language.
            reader.skip(2)?;
            found.tail(|found| readings(reader, found));
        }
        // Cells; with a date before them there are many, and no state.
        0x19 if message.length < 0x17 => {
            Cell::GSM.skip(reader)?;
            state(reader, setting, &mut found)?;
        }
        0xa5 => {
            Cell::LTE.skip(reader)?;
            state(reader, setting, &mut found)?;
        }
        0xa3 if message.length == 0x0c => {
            found.status.read(reader, Occasion::Alarm)?;
            found.status.event_number(reader.u8()?, setting.maker);
        }
        0xa3 => sealed(reader, &mut found)?,
        0x95 => {
            found.time = Some(date(reader, setting.offset_s)?);
            let event = reader.u8()?;
            found.status.attributes.set("event", event);
            // Without a position, the first number is not the emergency button.
            let general = (event == 0x01).then_some(Alarm::General);
            found.status.event(camera_alarm(event).or(general));
        }
        0x15 => string(reader, setting, &mut found)?,
        0x40 => battery_pack(reader, &mut found)?,
        0x94 => found.status.attributes.set("power_v", f64::from(reader.be_i16()?) / 100.0),
        // Cells and hot spots, with a date before them.
        0x18 | 0x19 | 0x24 | 0x28 | 0x2c | 0x2e | 0x33 | 0x34 | 0xa1 | 0xa2 | 0xf3 => {
            if is_date(reader.rest()) {
                found.time = Some(date(reader, setting.offset_s)?);
            }
        }
        // Satellites; where a photograph was taken; the place of a cell is asked for; what the
        // terminal says to commands of one byte of length.
        0x14 | 0x35 | 0xa7 | 0x80..=0x82 => {}
        _ => return Ok(None),
    }
    Ok(Some(found))
}

/// State, alarm, language.
fn state(reader: &mut Reader<'_>, setting: Setting, found: &mut Found) -> Result<(), Reject> {
    found.status.read(reader, Occasion::Alarm)?;
    found.status.event_number(reader.u8()?, setting.maker);
    Ok(())
}

/// 0x13: five bytes usually; some trackers with their own batteries send more.
fn heartbeat(reader: &mut Reader<'_>, setting: Setting, found: &mut Found) -> Result<(), Reject> {
    let status = &mut found.status;
    match (reader.remaining(), setting.maker) {
        (14, _) => {
            status.information(reader.u8()?, Occasion::Regular);
            let signal = reader.be_u16()?;
            let satellites = (signal >> 10 & 0x1f).saturating_add(signal >> 5 & 0x1f);
            status.attributes.set("satellites", satellites);
            status.attributes.set("rssi", signal & 0x1f);
            status.event_number(reader.u8()?, setting.maker);
            // Language.
            reader.skip(1)?;
            status.attributes.set("battery_percent", reader.u8()?);
            let mode = reader.u8()?;
            status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            // Reserved; how long it has worked.
            reader.skip(3)?;
            if mode == 4 {
                status.attributes.set("temperature_c", f64::from(reader.be_i16()?) / 10.0);
            }
        }
        (16, _) => {
            // Content, satellites, alarm, language of unknown meaning.
            reader.skip(5)?;
            status.attributes.set("battery_percent", reader.u8()?);
            reader.skip(1)?;
            status.attributes.set("battery_v", f64::from(reader.be_u16()?) / 100.0);
            // Reserved; how often and how long it has worked.
            reader.skip(5)?;
            let word = reader.be_u16()?;
            let magnitude = f64::from(word & 0x7fff) / 10.0;
            let temperature = if word & 0x8000 == 0 { -magnitude } else { magnitude };
            status.attributes.set("temperature_c", temperature);
        }
        (_, Maker::R11) => {
            status.information(reader.u8()?, Occasion::Regular);
            status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            status.attributes.set("rssi", reader.u8()?);
        }
        (_, maker) => {
            status.read(reader, Occasion::Regular)?;
            match (reader.remaining(), maker) {
                (2.., Maker::Lw) => {
                    let tenths = reader.be_u16()? & 0x0fff;
                    status.attributes.set("power_v", f64::from(tenths) / 10.0);
                }
                (1.., Maker::Seeworld) => {
                    status.attributes.set("power_v", f64::from(reader.u8()?));
                }
                (1.., _) => status.event_number(reader.u8()?, maker),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Readings with two bytes of number and one of length.
fn readings(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    while !reader.is_empty() {
        let number = reader.be_u16()?;
        let length = reader.u8()?;
        let mut value = reader.part(usize::from(length))?;
        let attributes = &mut found.status.attributes;
        match (number, length) {
            (0x0018, 2) => attributes.set("battery_v", f64::from(value.be_u16()?) / 100.0),
            (0x006a, 1) => attributes.set("battery_percent", value.u8()?),
            _ => {}
        }
    }
    Ok(())
}

/// 0xa3 of GL21L.
fn sealed(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    let attributes = &mut found.status.attributes;
    reader.skip(4)?;
    attributes.set("rssi", reader.u8()?);
    attributes.set("power_v", f64::from(reader.u8()?));
    reader.skip(7)?;
    attributes.set("battery_percent", reader.u8()?);
    Ok(())
}

/// 0x15: what a command came to. Length, four bytes of the server's, text.
fn string(reader: &mut Reader<'_>, setting: Setting, found: &mut Found) -> Result<(), Reject> {
    let length = usize::from(reader.u8()?);
    if length == 0 {
        // Some firmware counts nothing and fills the rest with zeros.
        reader.skip(4)?;
        let text = text::ascii(reader.rest());
        if !text.is_empty() {
            found.status.attributes.set("result", text);
        }
        return Ok(());
    }
    reader.skip(4)?;
    let text = text::ascii(reader.take(length.saturating_sub(4))?);
    if let Some(fix) = place::read(&text, setting.offset_s) {
        found.fix = Some(fix);
        return Ok(());
    }
    match text.strip_prefix("<ICCID:") {
        Some(iccid) => {
            found.status.attributes.set("iccid", iccid.trim_end_matches('>').to_owned());
        }
        None => found.status.attributes.set("result", text),
    }
    Ok(())
}

/// 0x40 of WD-209: a battery that is rented.
fn battery_pack(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    reader.skip(8)?;
    found.time = Some(Time::from_seconds(i64::from(reader.be_u32()?)));
    let attributes = &mut found.status.attributes;
    attributes.set("battery_percent", reader.u8()?);
    attributes.set("remaining_capacity", reader.be_u16()?);
    reader.skip(1)?;
    attributes.set("full_capacity", reader.be_u16()?);
    attributes.set("battery_health_percent", reader.u8()?);
    attributes.set("battery_c", f64::from(reader.be_u16()?) / 10.0 - 273.1);
    attributes.set("current", reader.be_u16()?);
    attributes.set("battery_v", f64::from(reader.be_u16()?) / 1000.0);
    attributes.set("charge_cycles", reader.be_u16()?);
    Ok(())
}

/// The date of a message of hot spots without a checksum: in decimal digits.
pub(super) fn hot_spots(frame: &[u8]) -> Result<(Time, [u8; 6]), Reject> {
    const AT: usize = 4;
    let digits = frame
        .get(AT..)
        .and_then(<[u8]>::first_chunk)
        .ok_or_else(|| Reject::at(frame.len(), Reason::Truncated))?;
    Ok((crate::field::bcd::date_time(*digits, 0, AT)?, *digits))
}
