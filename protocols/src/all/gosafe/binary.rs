//! Binary frames, big-endian; times are seconds since 2000.
//!
//! Version 2: type, IMEI in BCD after a 0 (8), then parts, each behind its number and length; then
//! CRC-16/XMODEM of all between the marks before it.
//!
//! | part | bytes |
//! |---|---|
//! | 1 | time (4), latitude and longitude · 10⁶ (4, 4), then km/h in bits 0 to 12 and the eighth of the course in 13 to 15 (2), or km/h, course, HDOP (2, 2, 2) |
//! | 2 | time (4), country (2), network (1), area and cell (2, 2, little-endian) |
//! | 3 | state (2), alarms (2) |
//! | 4 | mileage in metres (4) |
//! | 5 | of each input: its kind in bits 12 to 15, its value in 0 to 11 (2) |
//!
//! Others: type, IMEI (7), time (4), event where the type is 41 (1), mask (2), then the parts of
//! the mask, each behind its length: system, place, cells, counters, inputs, lines, wire, event.
//! The place has a mask of its own (2): satellites in bits 0 to 4 and the fix in 5 and 6 (1),
//! latitude and longitude · 10⁶ (4, 4), km/h (2), course (2), metres (2), HDOP · 100, VDOP · 100.

use memchr::memchr;
use smallvec::SmallVec;

use super::MARK;
use crate::field::escape::Room;
use crate::field::{Reader, bcd, checksum, text};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, Time, When};

/// 2000-01-01T00:00:00Z.
const EPOCH_S: i64 = 946_684_800;
const EVENT: u8 = 0x41;

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<When, Reject> {
    let mut room = Room::new();
    let frame = unescaped(frame, &mut room)?;
    let mut reader = Reader::new(frame);
    reader.skip(1)?;
    let version = reader.u8()?;
    if version & 0x0f == 2 { second(frame, out) } else { masked(&mut reader, out) }
}

fn unescaped<'a>(data: &'a [u8], room: &'a mut Room) -> Result<&'a [u8], Reject> {
    const ESCAPE: u8 = 0x1b;
    let Some(mut length) = memchr(ESCAPE, data) else { return Ok(data) };
    let mut rest = data;
    loop {
        let (before, from) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        room.extend_from_slice(before);
        rest = match from {
            [] => return Ok(room),
            [_, 0x00, behind @ ..] => {
                room.push(ESCAPE);
                behind
            }
            [_, 0xe3, behind @ ..] => {
                room.push(MARK);
                behind
            }
            [_] => return Err(Reject::at(data.len(), Reason::Malformed)),
            [_, _, behind @ ..] => {
                let at = data.len().saturating_sub(behind.len());
                return Err(Reject::at(at, Reason::Malformed));
            }
        };
        length = memchr(ESCAPE, rest).unwrap_or(rest.len());
    }
}

fn time(seconds: u32) -> Time {
    Time::from_seconds(EPOCH_S.saturating_add(i64::from(seconds)))
}

fn degrees(reader: &mut Reader<'_>) -> Result<f64, Reject> {
    Ok(f64::from(reader.be_i32()?) / 1e6)
}

fn second(frame: &[u8], out: &mut Out<'_>) -> Result<When, Reject> {
    let sum_at = frame.len().saturating_sub(2);
    let (content, sum) = frame.split_at_checked(sum_at).unwrap_or((frame, &[]));
    let summed = content.get(1..).unwrap_or_default();
    if checksum::crc16_xmodem(summed).to_be_bytes() != *sum {
        return Err(Reject::at(sum_at, Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    reader.skip(3)?;
    let at = reader.offset();
    let imei = bcd::imei(reader.array()?).unwrap_or_default();
    super::identify(&imei, at, out)?;
    if reader.is_empty() {
        return Ok(super::when(false));
    }
    let mut second = Second::default();
    while !reader.is_empty() {
        let number = reader.u8()?;
        let length = usize::from(reader.u8()?);
        // A part that cannot be read costs only itself.
        if let Err(reject) = second.part(number, length, reader.part(length)?) {
            out.reject(reject);
        }
    }
    let mut attributes = second.attributes;
    if second.fixes.is_empty() && !attributes.is_empty() {
        out.report(second.time, AlarmSet::EMPTY, std::mem::take(&mut attributes));
    }
    for fix in second.fixes {
        out.fix(fix, std::mem::take(&mut attributes));
    }
    Ok(super::when(true))
}

/// What the parts of a frame of version 2 have told.
#[derive(Default)]
struct Second {
    fixes: SmallVec<[Fix; 2]>,
    time: Option<Time>,
    attributes: Attributes,
}

impl Second {
    fn part(&mut self, number: u8, length: usize, mut part: Reader<'_>) -> Result<(), Reject> {
        let attributes = &mut self.attributes;
        match number {
            1 => self.fixes.push(second_place(&mut part, length)?),
            2 => {
                // The highest bit is where the time is from.
                self.time = Some(time(part.be_u32()? & 0x7fff_ffff));
                attributes.set("mcc", part.be_u16()?);
                attributes.set("mnc", part.u8()?);
                attributes.set("lac", part.le_u16()?);
                attributes.set("cell_id", part.le_u16()?);
            }
            3 => {
                attributes.set("status", part.be_u16()?);
                attributes.set("alarms_raw", part.be_u16()?);
            }
            4 => attributes.set("odometer_m", part.be_u32()?),
            5 => {
                while part.remaining() >= 2 {
                    let input = part.be_u16()?;
                    let share = f64::from(input & 0x0fff) / 4096.0;
                    // From −10 to 100 V, or from −55 to 125 °C.
                    match input >> 12 {
                        0 => attributes.set("battery_v", share * 110.0 - 10.0),
                        1 => attributes.set("device_temperature_c", share * 180.0 - 55.0),
                        2 => attributes.set("power_v", share * 110.0 - 10.0),
                        3 => attributes.set("adc_1_v", share * 110.0 - 10.0),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn second_place(part: &mut Reader<'_>, length: usize) -> Result<Fix, Reject> {
    let when = time(part.be_u32()? & 0x7fff_ffff);
    let at = part.reject(Reason::OutOfRange);
    let mut fix = Fix::new(when, degrees(part)?, degrees(part)?).ok_or(at)?;
    let motion = part.be_u16()?;
    if length <= 14 {
        fix.speed_kmh = Some(f64::from(motion & 0x1fff));
        fix.course_deg = Some(f64::from(motion >> 13) * 45.0);
    } else {
        fix.speed_kmh = Some(f64::from(motion));
        fix.course_deg = course(part.be_u16()?);
    }
    Ok(fix)
}

fn course(degrees: u16) -> Option<f64> {
    (degrees <= 360).then(|| f64::from(degrees))
}

fn masked(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<When, Reject> {
    let kind = reader.u8()?;
    let at = reader.offset();
    let [a, b, c, d, e, f, g] = reader.array()?;
    let imei = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    super::identify(&text::short(format_args!("{imei:015}")), at, out)?;
    if reader.remaining() < 4 {
        return Ok(super::when(false));
    }
    let when = time(reader.be_u32()?);
    let mut attributes = Attributes::new();
    if kind == EVENT {
        attributes.set("event", reader.u8()?);
    }
    let mask = reader.be_u16()?;
    let mut fix = None;
    if mask & 1 != 0 {
        let length = usize::from(reader.u8()?);
        reader.skip(length)?;
    }
    if mask & 2 != 0 {
        let length = usize::from(reader.u8()?);
        let mut part = reader.part(length)?;
        match masked_place(&mut part, when, &mut attributes) {
            Ok(found) => fix = found,
            // The event is good still.
            Err(reject) => out.reject(reject),
        }
    }
    match fix {
        Some(fix) => out.fix(fix, attributes),
        None => out.report(Some(when), AlarmSet::EMPTY, attributes),
    }
    Ok(super::when(true))
}

fn masked_place(
    part: &mut Reader<'_>,
    when: Time,
    attributes: &mut Attributes,
) -> Result<Option<Fix>, Reject> {
    let mask = part.be_u16()?;
    let has = |bit: u32| (mask >> bit) & 1 != 0;
    let state = if has(0) { Some(part.u8()?) } else { None };
    if !has(1) {
        return Ok(None);
    }
    let at = part.reject(Reason::OutOfRange);
    let mut fix = Fix::new(when, degrees(part)?, degrees(part)?).ok_or(at)?;
    fix.valid = state.is_some_and(|state| state & 0x60 != 0);
    attributes.set_some("satellites", state.map(|state| state & 0x1f));
    if has(2) {
        fix.speed_kmh = Some(f64::from(part.be_i16()?)).filter(|speed| *speed >= 0.0);
    }
    if has(3) {
        fix.course_deg = course(part.be_u16()?);
    }
    if has(4) {
        fix.altitude_m = Some(f64::from(part.be_i16()?));
    }
    if has(5) {
        attributes.set("hdop", f64::from(part.be_u16()?) / 100.0);
    }
    if has(6) {
        attributes.set("vdop", f64::from(part.be_u16()?) / 100.0);
    }
    Ok(Some(fix))
}
