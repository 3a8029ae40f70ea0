//! Binary messages, big-endian.
//!
//! | message | head | body |
//! |---|---|---|
//! | `+RSP`, `+BSP` | type 1, mask 4, length 2, model 1, protocol 2, firmware 2, device 8 | battery 1, power 2, (two for type 8), motion 1, satellites 1, number 1, (phone for type 3), count 1, positions |
//! | the same, type 100 | | battery 1, power 2, motion 1, satellites 1, count 2, a track by the second |
//! | `+EVT`, `+BVT` | the same | battery 1, power 2, motion 1, satellites 1, (by type), count 1, position |
//! | `+INF`, `+BNF` | type 1, mask 2, length 2, device 8, model 1, protocol 2, firmware 2 | |
//! | `+ACK` | type 1, mask 1, length 1, model 1, protocol 2 | |
//! | `+HBD` | mask 1, length 1, model 1, protocol 2, firmware 2, device 8 | |
//!
//! A position: HDOP 1, speed 2 and a tenth 1, course 2, altitude 2, longitude 4, latitude 4 (in
//! millionths of a degree), time 7, country 2, network 2, area 2, cell 2, reserved 1.
//! Each ends with the time of sending 7, count 2, CRC 2, `\r\n`.
//!
//! A device is an IMEI, two decimal digits a byte, or its name.
//!
//! The newer form: `+`, 0, length 2, 0, IMEI in packed decimals 8, …; only its position is read,
//! and its checksum is of an unknown kind.

use std::fmt::Write as _;

use crate::field::checksum::crc16_ccitt_false;
use crate::field::{Reader, bcd, date, text};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// The count and the time before it, the checksum and the line's end.
const TRAILER: usize = 13;
const PHONE_CALL: u8 = 3;
const GEOFENCE: u8 = 8;
const TRACK: u8 = 100;

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let body = verified(frame)?;
    let mut reader = Reader::new(body);
    match reader.take(4)? {
        b"+RSP" => positions(&mut reader, false, out),
        b"+BSP" => positions(&mut reader, true, out),
        b"+EVT" => event(&mut reader, false, out),
        b"+BVT" => event(&mut reader, true, out),
        b"+INF" | b"+BNF" => {
            reader.skip(5)?;
            identify(&mut reader, out)?;
            let sent = body.len().saturating_sub(TRAILER.saturating_sub(4));
            let mut trailer = Reader::new(body);
            trailer.skip(sent)?;
            out.report(Some(time(&mut trailer)?), AlarmSet::EMPTY, Attributes::new());
            Ok(())
        }
        b"+HBD" => {
            reader.skip(7)?;
            identify(&mut reader, out)
        }
        b"+ACK" => Ok(()),
        _ => Err(Reject::at(0, Reason::Unsupported)),
    }
}

/// What the CRC-16/CCITT-FALSE, from behind the four letters on, shows to be right.
fn verified(frame: &[u8]) -> Result<&[u8], Reject> {
    let malformed = Reject::at(frame.len(), Reason::Malformed);
    let whole = frame.strip_suffix(b"\r\n").ok_or(malformed)?;
    let (body, stated) = whole.split_last_chunk::<2>().ok_or(malformed)?;
    let counted = body.get(4..).ok_or(malformed)?;
    if crc16_ccitt_false(counted) == u16::from_be_bytes(*stated) {
        Ok(body)
    } else {
        Err(Reject::at(body.len(), Reason::Checksum))
    }
}

fn identify(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let at = reader.offset();
    let identity: [u8; 8] = reader.array()?;
    let name = text::ascii(&identity);
    // An IMEI's first seven bytes are hardly all letters and digits; most of a name's are, and its
    // padding is 0.
    let padded = identity.iter().skip(name.len()).all(|byte| *byte == 0);
    let is_short = name.len() < 7 || identity.iter().any(|byte| *byte > 99);
    let is_text = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_text && padded && is_short {
        out.identify(&name);
        return Ok(());
    }
    if identity.iter().any(|byte| *byte > 99) {
        return Err(Reject::at(at, Reason::Malformed));
    }
    let (last, pairs) = identity.split_last().ok_or_else(|| Reject::at(at, Reason::Malformed))?;
    let mut imei = text::Short::new();
    // Seventeen digits at most.
    let _ = pairs.iter().try_for_each(|pair| write!(imei, "{pair:02}"));
    let _ = write!(imei, "{last}");
    out.identify(&imei);
    Ok(())
}

/// Year, month, day, hour, minute, second.
fn time(reader: &mut Reader<'_>) -> Result<Time, Reject> {
    let wrong = reader.reject(Reason::OutOfRange);
    let year = i16::try_from(reader.be_u16()?).map_err(|_| wrong)?;
    date::of_year(year, reader.array()?, 0).ok_or(wrong)
}

/// What both kinds of message begin with, `gap` bytes being unused before the state of motion.
fn header(
    reader: &mut Reader<'_>,
    gap: usize,
    attributes: &mut Attributes,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    reader.skip(12)?;
    identify(reader, out)?;
    attributes.set("battery_percent", reader.u8()?);
    attributes.set("power_v", f64::from(reader.be_u16()?) / 1000.0);
    reader.skip(gap)?;
    super::text::state(Some(reader.u8()?), attributes);
    attributes.set("satellites", reader.u8()?);
    Ok(())
}

fn positions(reader: &mut Reader<'_>, backfill: bool, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let kind = reader.frame().get(4).copied().unwrap_or_default();
    header(reader, if kind == GEOFENCE { 2 } else { 0 }, &mut attributes, out)?;
    if kind == TRACK {
        return track(reader, backfill, out);
    }
    reader.skip(1)?;
    if kind == PHONE_CALL {
        reader.skip(1)?;
        // Packed decimals up to a filler.
        while reader.u8().map(|byte| byte & 0x0f != 0x0f && byte & 0xf0 != 0xf0)? {}
    }
    for _ in 0..reader.u8()? {
        position(reader, backfill, AlarmSet::EMPTY, attributes.clone(), out)?;
    }
    Ok(())
}

fn position(
    reader: &mut Reader<'_>,
    backfill: bool,
    alarms: AlarmSet,
    mut attributes: Attributes,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let hdop = reader.u8()?;
    let speed = f64::from(reader.be_u24()?) / 10.0;
    let course = f64::from(reader.be_u16()?);
    let altitude = f64::from(reader.be_i16()?);
    let nowhere = reader.reject(Reason::OutOfRange);
    let longitude = f64::from(reader.be_i32()?) / 1e6;
    let latitude = f64::from(reader.be_i32()?) / 1e6;
    let mut fix = Fix::new(time(reader)?, latitude, longitude).ok_or(nowhere)?;
    fix.valid = hdop > 0;
    fix.speed_kmh = Some(speed);
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    fix.altitude_m = Some(altitude);
    fix.backfill = backfill;
    fix.alarms = alarms;
    attributes.set("hdop", hdop);
    attributes.set("mcc", reader.be_u16()?);
    attributes.set("mnc", reader.be_u16()?);
    attributes.set("lac", reader.be_u16()?);
    attributes.set("cell_id", reader.be_u16()?);
    reader.skip(1)?;
    out.fix(fix, attributes);
    Ok(())
}

/// A position a second, most of them as differences from the one before.
fn track(reader: &mut Reader<'_>, backfill: bool, out: &mut Out<'_>) -> Result<(), Reject> {
    let (mut speed, mut course, mut longitude, mut latitude) = (0_i32, 0_i32, 0_i32, 0_i32);
    let mut seconds: Option<u32> = None;
    for _ in 0..reader.be_u16()? {
        seconds = seconds.map(|seconds| seconds.saturating_add(1));
        let nowhere = reader.reject(Reason::OutOfRange);
        let first = reader.rest().first().ok_or_else(|| reader.reject(Reason::Truncated))?;
        match first >> 6 {
            1 => {
                // 2 bits of kind, 1 of the dimension, 12 of speed in tenths, 9 of course.
                let bits = reader.be_u24()?;
                speed = i32::try_from((bits >> 9) & 0xfff).unwrap_or_default();
                course = i32::try_from(bits & 0x1ff).unwrap_or_default();
                longitude = reader.be_i32()?;
                latitude = reader.be_i32()?;
                if seconds.is_none() {
                    seconds = Some(reader.be_u32()?);
                }
            }
            2 => {
                // 2 bits of kind, 1 of the dimension, differences of 7, 7, 12 and 11 bits.
                let [a, b, c, d, e] = reader.array()?;
                let bits = i64::from_be_bytes([a, b, c, d, e, 0, 0, 0]);
                let field = |from: u32, width: u32| {
                    let value = bits.wrapping_shl(from) >> 64_u32.saturating_sub(width);
                    i32::try_from(value).unwrap_or_default()
                };
                speed = speed.saturating_add(field(3, 7));
                course = course.saturating_add(field(10, 7));
                longitude = longitude.saturating_add(field(17, 12));
                latitude = latitude.saturating_add(field(29, 11));
            }
            // The same as before, or none: nothing that is known.
            _ => {
                reader.skip(1)?;
                continue;
            }
        }
        let time = Time::from_seconds(i64::from(seconds.unwrap_or_default()));
        let (north, east) = (f64::from(latitude) / 1e6, f64::from(longitude) / 1e6);
        let mut fix = Fix::new(time, north, east).ok_or(nowhere)?;
        fix.speed_kmh = Some(f64::from(speed) / 10.0).filter(|speed| *speed >= 0.0);
        fix.course_deg = Some(f64::from(course.rem_euclid(360)));
        fix.backfill = backfill;
        out.fix(fix, Attributes::new());
    }
    Ok(())
}

fn event(reader: &mut Reader<'_>, backfill: bool, out: &mut Out<'_>) -> Result<(), Reject> {
    let kind = reader.frame().get(4).copied().unwrap_or_default();
    let mut attributes = Attributes::new();
    header(reader, 0, &mut attributes, out)?;
    attributes.set("event", kind);
    let (own, alarm) = match kind {
        6 => (2, Some(Alarm::LowBattery)),
        15 => (3, None),
        17 => (4, None),
        21 => (5, None),
        23 => (1, Some(Alarm::Accident)),
        26 => (12, Some(Alarm::Geofence)),
        31 => (2, Some(Alarm::Jamming)),
        33 => (1, Some(Alarm::Jamming)),
        34 => (3, None),
        35 => (1, None),
        45 | 46 => {
            attributes.set("ignition", kind == 45);
            (7, None)
        }
        _ => (0, None),
    };
    reader.skip(own)?;
    reader.skip(1)?;
    position(reader, backfill, alarm.into_iter().collect(), attributes, out)
}

/// The newer form with one position.
pub(super) fn decode_newer(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(5)?;
    let digits = bcd::number(reader.take(8)?);
    out.identify(digits.strip_prefix('0').unwrap_or(&digits));
    reader.skip(15)?;
    let mut attributes = Attributes::new();
    attributes.set("battery_percent", reader.u8()?);
    reader.skip(2)?;
    let nowhere = reader.reject(Reason::OutOfRange);
    let longitude = f64::from(reader.be_i32()?) / 1e6;
    let latitude = f64::from(reader.be_i32()?) / 1e6;
    let time = Time::from_seconds(i64::from(reader.be_u32()?));
    let mut fix = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
    fix.speed_kmh = Some(f64::from(reader.be_u16()?) / 10.0);
    attributes.set("hdop", f64::from(reader.u8()?) / 10.0);
    fix.course_deg = Some(f64::from(reader.be_u16()?)).filter(|course| *course <= 360.0);
    // 24 bits with their sign.
    let altitude = i32::from_be_bytes({
        let [a, b, c] = reader.array()?;
        [a, b, c, 0]
    });
    fix.altitude_m = Some(f64::from(altitude >> 8) / 10.0);
    attributes.set("satellites", reader.u8()?);
    out.fix(fix, attributes);
    Ok(())
}
