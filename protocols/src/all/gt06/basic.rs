//! Messages with one byte of length that have a position.

use super::found::Found;
use super::location::{self, Cell, USUAL, date, is_date, skip_counted_cell};
use super::makers;
use super::message::Message;
use super::status::{Maker, Occasion};
use crate::field::{Reader, text};
use crate::{Alarm, Reject};

/// What a message depends on beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) maker: Maker,
    /// How far ahead of UTC the terminal's clock is, as its login said.
    pub(super) offset_s: i32,
}

/// Whether a message has a position.
pub(super) fn has_position(message: &Message<'_>) -> bool {
    let body = message.body.rest();
    match message.kind {
        0x10 | 0x11 | 0x12 | 0x16 | 0x17 | 0x1a | 0x1e | 0x22 | 0x25 | 0x26 | 0x27 | 0x2a
        | 0x2d | 0x31 | 0x32 | 0x37 | 0x61 | 0xa0 | 0xa4 => true,
        // These have other meanings too, which lengths tell apart.
        0x24 => message.length == 0x2e,
        0x34 => message.length >= 0x3c && is_date(body.get(4..).unwrap_or_default()),
        0x36 => body.len() >= 37 && is_date(body),
        0xa2 => message.length == 0x40,
        0xa3 => body.len() >= 26,
        0x95 => message.length > 12,
        _ => false,
    }
}

/// Reads a message that has a position.
pub(super) fn read(message: &Message<'_>, setting: Setting) -> Result<Found, Reject> {
    let mut found = Found::default();
    let mut reader = message.body.clone();
    match message.kind {
        0x34 => makers::obd_gateway(&mut reader, setting, &mut found)?,
        0x61 => makers::key(&mut reader, setting, &mut found)?,
        0x95 => makers::camera(&mut reader, setting, &mut found)?,
        _ => {
            let is_named = skip_name(&mut reader, setting)?;
            let attributes = &mut found.status.attributes;
            let fix = location::fix(&mut reader, USUAL, setting.offset_s, attributes)?;
            found.place(fix);
            found.tail(|found| tail(message, &mut reader, setting, is_named, found));
        }
    }
    Ok(found)
}

/// Some trackers put their IMEI before the date; others a byte, their IMEI and when they sent it.
/// Answers whether this is one of the latter.
fn skip_name(reader: &mut Reader<'_>, setting: Setting) -> Result<bool, Reject> {
    let body = reader.rest();
    let is_date_at = |at: usize| is_date(body.get(at..).unwrap_or_default());
    if is_date_at(0) {
        return Ok(false);
    }
    if is_date_at(9) && is_date_at(15) {
        reader.skip(9)?;
        date(reader, setting.offset_s)?;
        return Ok(true);
    }
    if is_date_at(8) {
        reader.skip(8)?;
    }
    Ok(false)
}

fn tail(
    message: &Message<'_>,
    reader: &mut Reader<'_>,
    setting: Setting,
    is_named: bool,
    found: &mut Found,
) -> Result<(), Reject> {
    match (message.kind, message.length) {
        (0x22 | 0x25, _) if is_named => makers::named(message, reader, found),
        (0x11, _) => Cell::WIDE_NETWORK.skip(reader),
        (0x12, _) => {
            Cell::GSM.skip(reader)?;
            makers::appended(message.length, reader, setting, found)
        }
        (0x16 | 0x26 | 0x27 | 0xa3 | 0xa4, _) => alarm(message, reader, setting, found),
        (0x32, length) if !matches!(length, 0x27 | 0x29) => alarm(message, reader, setting, found),
        (0x17, _) => {
            Cell::GSM.skip(reader)?;
            found.status.attributes.set("driver_id", text::hex(reader.take(8)?));
            Ok(())
        }
        (0x22, 0x2f) => {
            Cell::WIDE.skip(reader)?;
            upload(reader, found)?;
            let attributes = &mut found.status.attributes;
            attributes.set("odometer_m", reader.be_u32()?);
            reader.skip(4)?;
            attributes.set("temperature_c", f64::from(sign_and_magnitude(reader)?) / 100.0);
            attributes.set("humidity_percent", f64::from(reader.be_u16()?) / 100.0);
            Ok(())
        }
        // SL4X.
        (0x31, 0x2a..) => {
            Cell::LONG_NETWORK.skip(reader)?;
            upload(reader, found)?;
            if reader.remaining() > 2 {
                found.status.attributes.set("odometer_m", reader.be_u32()?);
            }
            let altitude = reader.be_i16()?;
            if let Some(fix) = &mut found.fix {
                fix.altitude_m = Some(f64::from(altitude));
            }
            Ok(())
        }
        (0x22 | 0x2d | 0x31 | 0x37, _) => {
            Cell::GSM.skip(reader)?;
            if reader.remaining() >= 3 {
                upload(reader, found)?;
            }
            if message.kind == 0x37 && reader.remaining() >= 3 {
                return makers::module(reader, found);
            }
            odometer(reader, found)
        }
        // SR411.
        (0x24, _) => {
            Cell::GSM.skip(reader)?;
            found.status.attributes.set("ignition", reader.u8()? > 0);
            found.status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            found.status.attributes.set("battery_v", f64::from(reader.be_u16()?) / 100.0);
            Ok(())
        }
        (0x25, _) => Cell::WIDE.skip(reader),
        (0x36, _) => {
            Cell::WIDE.skip(reader)?;
            upload(reader, found)?;
            found.status.attributes.set("odometer_m", reader.be_u32()?);
            found.status.attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0);
            found.status.attributes.set("battery_v", f64::from(reader.u8()?) / 10.0);
            Ok(())
        }
        (0xa0, _) => {
            Cell::LTE.skip(reader)?;
            if reader.remaining() >= 3 {
                upload(reader, found)?;
            }
            odometer(reader, found)
        }
        (0xa2, _) => makers::lte_status(reader, setting, found),
        _ => Ok(()),
    }
}

/// Ignition, why it was sent, whether it was stored.
pub(super) fn upload(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    found.status.attributes.set("ignition", reader.u8()? > 0);
    found.status.attributes.set("event", reader.u8()?);
    found.is_stored = reader.u8()? > 0;
    Ok(())
}

/// Four bytes and nothing else are an odometer.
pub(super) fn odometer(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Reject> {
    if reader.remaining() == 4 {
        found.status.attributes.set("odometer_m", reader.be_u32()?);
    }
    Ok(())
}

fn sign_and_magnitude(reader: &mut Reader<'_>) -> Result<i32, Reject> {
    let word = reader.be_u16()?;
    let magnitude = i32::from(word & 0x7fff);
    Ok(if word & 0x8000 == 0 { magnitude } else { magnitude.saturating_neg() })
}

/// A cell, the terminal's state, an alarm and a language.
fn alarm(
    message: &Message<'_>,
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    // VXT01: without the cell's length, and with an alarm of its own.
    let is_vxt = message.kind == 0x16 && message.length == 0x24;
    if is_vxt {
        Cell::GSM.skip(reader)?;
    } else {
        skip_counted_cell(reader)?;
    }
    let information = reader.clone().u8()?;
    found.status.read(reader, Occasion::Alarm)?;
    if is_vxt {
        if information >> 3 & 7 == 7 {
            found.status.alarms.remove(Alarm::Removing);
            found.status.alarms.insert(Alarm::Overspeed);
        }
        return Ok(());
    }
    found.status.event_number(reader.u8()?, setting.maker);
    // The language.
    if !reader.is_empty() {
        reader.skip(1)?;
    }
    match (message.kind, reader.remaining()) {
        (0x27 | 0xa4, 1) => found.status.attributes.set("geofence", reader.u8()?),
        (_, 8) => found.status.attributes.set("driver_id", text::hex(reader.take(8)?)),
        _ => odometer(reader, found)?,
    }
    Ok(())
}
