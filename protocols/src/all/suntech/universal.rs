//! Universal messages: a mask says which fields follow, in text and in binary alike.
//!
//! | bit | field | binary |
//! |---|---|---|
//! | 1 | model | 1 |
//! | 2 | version | 3 |
//! | 3 | 1 live, 0 stored | 1 |
//! | 4, 5 | date and time, UTC | 3 + 3 |
//! | 6, 7, 8, 9 | cell, country, network, area | 4, 2, 2, 2 |
//! | 10 | signal | 1 |
//! | 11, 12 | latitude, longitude | 4, 4: sign and millionths |
//! | 13, 14 | km/h, course | 2, 2: hundredths |
//! | 15, 16 | satellites, fix | 1, 1 |
//! | 17, 18 | inputs (bit 0 ignition), outputs | 1, 1 |
//! | 19, 20, 21 | `STT`: mode, reason, number; `ALT`: alert, modifier, data | 1, 2, 8 (driver, with alert 59) |
//!
//! `BLE` has no mask: model, version, date, time, place, then beacons.

use super::{alert, identify, text};
use crate::field::text::hex;
use crate::field::{Fields, Reader, bcd};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

const BLE_MASK: u32 = 0b1_1000_0011_0110;
/// The alert that a driver has put his tag to the reader.
const DRIVER: u8 = 59;

/// What is read on the way to a position.
#[derive(Default)]
struct Found {
    time: Option<Time>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    valid: bool,
    backfill: bool,
    alarms: AlarmSet,
    attributes: Attributes,
}

impl Found {
    fn put(self, nowhere: Reject, out: &mut Out<'_>) -> Result<(), Reject> {
        let (Some(latitude), Some(longitude), Some(time)) =
            (self.latitude, self.longitude, self.time)
        else {
            out.report(self.time, self.alarms, self.attributes);
            return Ok(());
        };
        let mut fix = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
        fix.valid = self.valid;
        fix.backfill = self.backfill;
        fix.speed_kmh = self.speed_kmh.filter(|speed| *speed >= 0.0);
        fix.course_deg = self.course_deg.filter(|course| (0.0..=360.0).contains(course));
        fix.alarms = self.alarms;
        out.fix(fix, self.attributes);
        Ok(())
    }
}

pub(super) fn decode(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let kind = fields.text(0);
    identify(fields, 1, out)?;
    let (mask, mut next) = if kind == "BLE" {
        (BLE_MASK, 2_usize)
    } else {
        let mask = u32::from_str_radix(fields.text(2), 16)
            .map_err(|_| fields.reject(2, Reason::Malformed))?;
        (mask, 3)
    };
    let mut found = Found { valid: kind == "BLE", ..Found::default() };
    let attributes = &mut found.attributes;
    let mut place_at = next;
    for bit in (0..22).filter(|bit| mask & (1 << bit) != 0) {
        // Bit 0 stands for the device, which every message has.
        if bit == 0 {
            continue;
        }
        let at = next;
        next = next.saturating_add(1);
        let hex = || u32::from_str_radix(fields.text(at), 16).ok();
        match bit {
            3 => found.backfill = fields.text(at) == "0",
            4 if mask & (1 << 5) != 0 => found.time = Some(text::time(fields, at)?),
            6 => attributes.set_some("cell_id", hex()),
            7 => attributes.set_some("mcc", fields.parse::<u16>(at)),
            8 => attributes.set_some("mnc", fields.parse::<u16>(at)),
            9 => attributes.set_some("lac", hex()),
            10 => attributes.set_some("rssi", fields.parse::<u8>(at)),
            11 => {
                place_at = at;
                found.latitude = fields.number(at);
            }
            12 => found.longitude = fields.number(at),
            13 => found.speed_kmh = fields.number(at),
            14 => found.course_deg = fields.number(at),
            15 => attributes.set_some("satellites", fields.parse::<u8>(at)),
            16 => found.valid = fields.text(at) == "1",
            17 => {
                let inputs = u8::from_str_radix(fields.text(at), 2).ok();
                attributes.set_some("ignition", inputs.map(|inputs| inputs & 1 == 1));
                attributes.set_some("inputs", inputs);
            }
            18 => attributes.set_some("outputs", u8::from_str_radix(fields.text(at), 2).ok()),
            19 if kind == "ALT" => {
                let number = fields.parse::<u8>(at);
                attributes.set_some("event", number);
                found.alarms = number.and_then(alert).into_iter().collect();
            }
            19 => attributes.set_some("status", fields.parse::<u8>(at)),
            _ => {}
        }
    }
    let place_stated = !fields.text(place_at).is_empty();
    if mask & (1 << 11) != 0 && place_stated && found.latitude.is_none() {
        return Err(fields.reject(place_at, Reason::Malformed));
    }
    found.put(fields.reject(place_at, Reason::OutOfRange), out)
}

/// Sign and magnitude, in millionths of a degree.
fn degrees(value: u32) -> f64 {
    let magnitude = f64::from(value & 0x7fff_ffff) / 1e6;
    if value >> 31 == 1 { -magnitude } else { magnitude }
}

pub(super) fn decode_binary(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    let kind = reader.u8()?;
    if !matches!(kind, 0x81 | 0x82) {
        return Err(Reject::at(0, Reason::Unsupported));
    }
    reader.skip(2)?;
    let malformed = reader.reject(Reason::Malformed);
    let device = bcd::number(reader.take(5)?);
    if device.len() < 10 {
        return Err(malformed);
    }
    out.identify(&device);
    let mask = reader.be_u24()?;
    let mut found = Found::default();
    let attributes = &mut found.attributes;
    let mut nowhere = reader.reject(Reason::OutOfRange);
    let mut number = 0;
    for bit in (1..22).filter(|bit| mask & (1 << bit) != 0) {
        match bit {
            1 => reader.skip(1)?,
            2 => reader.skip(3)?,
            3 => found.backfill = reader.u8()? == 0,
            4 => {
                let wrong = reader.reject(Reason::OutOfRange);
                let [year, month, day] = reader.array::<3>()?;
                let of_day = if mask & (1 << 5) == 0 { [0; 3] } else { reader.array::<3>()? };
                let [hour, minute, second] = of_day;
                let small = |byte: u8| i8::try_from(byte).unwrap_or(i8::MAX);
                let date = (i16::from(year).saturating_add(2000), small(month), small(day));
                let time = (small(hour), small(minute), small(second));
                found.time = Some(Time::from_civil(date, time, 0).ok_or(wrong)?);
            }
            5 if mask & (1 << 4) == 0 => reader.skip(3)?,
            6 => attributes.set("cell_id", reader.be_u32()?),
            7 => attributes.set("mcc", reader.be_u16()?),
            8 => attributes.set("mnc", reader.be_u16()?),
            9 => attributes.set("lac", reader.be_u16()?),
            10 => attributes.set("rssi", reader.u8()?),
            11 => {
                nowhere = reader.reject(Reason::OutOfRange);
                found.latitude = Some(degrees(reader.be_u32()?));
            }
            12 => found.longitude = Some(degrees(reader.be_u32()?)),
            13 => found.speed_kmh = Some(f64::from(reader.be_u16()?) / 100.0),
            14 => found.course_deg = Some(f64::from(reader.be_u16()?) / 100.0),
            15 => attributes.set("satellites", reader.u8()?),
            16 => found.valid = reader.u8()? > 0,
            17 => {
                let inputs = reader.u8()?;
                attributes.set("ignition", inputs & 1 == 1);
                attributes.set("inputs", inputs);
            }
            18 => attributes.set("outputs", reader.u8()?),
            19 => {
                number = reader.u8()?;
                if kind == 0x82 {
                    attributes.set("event", number);
                    found.alarms = alert(number).into_iter().collect();
                } else {
                    attributes.set("status", number);
                }
            }
            20 => reader.skip(2)?,
            21 if kind == 0x82 && number == DRIVER => {
                attributes.set("driver_id", hex(reader.take(8)?));
            }
            _ => {}
        }
    }
    found.put(nowhere, out)
}
