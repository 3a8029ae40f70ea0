//! Messages with two bytes of length.

use super::basic::Setting;
use super::found::Found;
use super::location::{self, USUAL, date};
use super::message::Message;
use super::{modules, place};
use crate::field::{Reader, bcd, text};
use crate::{Alarm, Attributes, Reject, Time};

/// Reads a message. `None`: nobody knows it.
pub(super) fn read(message: &Message<'_>, setting: Setting) -> Result<Option<Found>, Reject> {
    let mut found = Found::default();
    let mut reader = message.body.clone();
    let reader = &mut reader;
    match message.kind {
        0x21 => string(reader, setting, &mut found)?,
        0x32 | 0x33 => bag(message.kind, reader, setting, &mut found)?,
        0x38 => {
            let attributes = &mut found.status.attributes;
            let fix = location::fix(reader, USUAL, setting.offset_s, attributes)?;
            found.place(fix);
            found.tail(|found| {
                found.status.attributes.set("event", reader.u8()?);
                found.is_stored = reader.u8()? > 0;
                Ok(())
            });
        }
        0x65 | 0x66 => {
            found.time = Some(date(reader, setting.offset_s)?);
            on_board(reader, &mut found.status.attributes)?;
        }
        0x70 => found.tail(|found| modules::read(reader, found)),
        0x8c => {
            found.time = Some(date(reader, setting.offset_s)?);
            on_board(reader, &mut found.status.attributes)?;
        }
        0x94 => information(reader, setting, &mut found)?,
        0x9b => {
            // What is attached to the serial port.
            reader.skip(1)?;
            let data = reader.rest();
            let is_text = text::is_printable(data);
            let result = if is_text { text::ascii(data).into_owned() } else { text::hex(data) };
            found.status.attributes.set("result", result);
        }
        // Parts of photographs.
        0x36 | 0x41 => {}
        0xf1 => {
            found.time = Some(Time::from_seconds(i64::from(reader.be_u32()?)));
            found.tail(|found| modules::readings(reader, found));
        }
        0xf2 => {
            found.time = Some(Time::from_seconds(i64::from(reader.be_u32()?)));
            found.tail(|found| modules::peripherals(reader, found));
        }
        _ => return Ok(None),
    }
    Ok(Some(found))
}

/// 0x21: what a command came to. Four bytes of the server's, the encoding, text.
fn string(reader: &mut Reader<'_>, setting: Setting, found: &mut Found) -> Result<(), Reject> {
    reader.skip(4)?;
    let encoding = reader.u8()?;
    let bytes = reader.rest();
    let text = if encoding == 1 { text::ascii(bytes).into_owned() } else { text::utf16_be(bytes) };
    match place::read(&text, setting.offset_s) {
        Some(fix) => found.fix = Some(fix),
        None => found.status.attributes.set("result", text),
    }
    Ok(())
}

/// 0x32 and 0x33 of AZ735 travel alarms: a date, then blocks each with its length before it:
/// position, cell with its signal, more cells, hot spots; state; an extension.
fn bag(
    kind: u8,
    reader: &mut Reader<'_>,
    setting: Setting,
    found: &mut Found,
) -> Result<(), Reject> {
    let time = date(reader, setting.offset_s)?;
    if reader.u8()? == 0 {
        found.time = Some(time);
    } else {
        let place = location::place(reader, USUAL, &mut found.status.attributes)?;
        found.place(place.at(time));
    }
    found.tail(|found| {
        let cell = reader.u8()?;
        if let Some(signal) = reader.take(usize::from(cell))?.last() {
            found.status.attributes.set("rssi", *signal);
        }
        for _ in 0..2 {
            let length = reader.u8()?;
            reader.skip(usize::from(length))?;
        }
        let state = reader.u8()?;
        found.status.attributes.set("status", state);
        if kind == 0x33 {
            match state {
                0xa0 | 0xa1 => found.status.attributes.set("armed", state == 0xa0),
                0xa2 | 0xa3 => found.status.event(Some(Alarm::LowBattery)),
                0xa4 => found.status.event(Some(Alarm::General)),
                0xa5 => found.status.event(Some(Alarm::Door)),
                _ => {}
            }
        }
        Ok(())
    });
    Ok(())
}

/// 0x8c of FM08ABC, 0x65 and 0x66: ignition, then `28 3=00002749,…`, where the first two digits
/// name the reading and its value is in hundredths. A position without a date follows.
fn on_board(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    /// Satellites, coordinates, speed, course.
    const POSITION_LENGTH: usize = 12;
    attributes.set("ignition", reader.u8()? > 0);
    let length = reader.remaining().saturating_sub(POSITION_LENGTH);
    let text = text::ascii(reader.take(length)?);
    for (name, value) in text.split(',').filter_map(|pair| pair.split_once('=')) {
        if value.is_empty() {
            continue;
        }
        let hundredths = u32::from_str_radix(value, 16).ok().map(|value| f64::from(value) / 100.0);
        match name.get(..2) {
            Some("28") => attributes.set_some("obd_odometer", hundredths),
            Some("2B") => attributes.set_some("fuel", hundredths),
            Some("2D") => attributes.set_some("coolant_c", hundredths),
            Some("35") => attributes.set_some("obd_speed_kmh", hundredths),
            Some("36") => attributes.set_some("rpm", hundredths),
            Some("47") => attributes.set_some("fuel_used_l", hundredths),
            Some("49") => attributes.set_some("engine_hours", hundredths),
            Some("4A") => attributes.set("vin", value.to_owned()),
            _ => {}
        }
    }
    Ok(())
}

/// 0x94: one reading, by number.
fn information(reader: &mut Reader<'_>, setting: Setting, found: &mut Found) -> Result<(), Reject> {
    let number = reader.u8()?;
    let attributes = &mut found.status.attributes;
    match number {
        0x00 => attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0),
        0x04 => attributes.set("result", text::ascii(reader.rest())),
        0x05 => {
            if reader.remaining() > 6 {
                found.time = Some(date(reader, setting.offset_s)?);
            }
            let flags = reader.u8()?;
            attributes.set("door", flags & 1 != 0);
            attributes.set("io_1", flags & 4 != 0);
        }
        0x0a => {
            // The IMEI.
            reader.skip(8)?;
            attributes.set("imsi", bcd::digits(reader.take(8)?).trim_start_matches('0').to_owned());
            attributes.set("iccid", bcd::digits(reader.take(10)?));
        }
        0x0b if reader.remaining() == 1 => {
            attributes.set("network", if reader.u8()? > 0 { "4G" } else { "2G" });
        }
        0x0b => attributes.set("power_v", f64::from(reader.be_u16()?) / 100.0),
        0x0d => fuel(&text::ascii(from_mark(reader.rest())), attributes),
        0x1b if reader.rest().first().is_some_and(u8::is_ascii_alphabetic) => {
            attributes.set("serial", text::ascii(reader.rest()));
        }
        0x1b => {
            reader.skip(2)?;
            attributes.set("driver_id", text::hex(reader.take(4)?));
        }
        0x1e => {
            attributes.set("temperature_c", f64::from(reader.be_i32()?) / 10.0);
            attributes.set("humidity_percent", f64::from(reader.be_i32()?) / 10.0);
        }
        _ => {
            attributes.set("information", number);
            attributes.set("data", text::hex(reader.rest()));
        }
    }
    Ok(())
}

/// From the exclamation mark on, where a date may stand before it.
fn from_mark(bytes: &[u8]) -> &[u8] {
    let mark = memchr::memchr(b'!', bytes).unwrap_or_default();
    bytes.get(mark..).unwrap_or_default()
}

/// `!AIOIL,02,008.290,029.600,519J,0400,008.430,0,00,AB`: an ultrasonic fuel probe's address,
/// output, temperature, version, flags, level.
fn fuel(text: &str, attributes: &mut Attributes) {
    if !text.starts_with("!AIOIL,") {
        return;
    }
    let number = |index: usize| {
        text.split(',').nth(index)?.parse::<f64>().ok().filter(|value| value.is_finite())
    };
    attributes.set_some("temperature_c", number(3));
    attributes.set_some("fuel", number(6));
}
