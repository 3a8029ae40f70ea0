//! Binary frames, big-endian: version 1, type 1 (1: a report), IMEI in BCD after a 0 (8), seconds
//! since 2000 in bits 0 to 30 (4), then parts, each a number 1, a length 1 (of part `0b` 2), a value.
//!
//! | part | value |
//! |---|---|
//! | 01 | latitude and longitude · 10⁶ (4, 4), km/h, course, HDOP · 100 (2, 2, 2); an HDOP of 99.99: no fix |
//! | 02 | country, network, area (2, 2, 2), cell (2, or 4 where the length is 11), dBm below zero (1) |
//! | 03 | state, alarms (2, 2) |
//! | 04 | metres travelled (4) |
//! | 05 | of each input its kind in bits 12 to 15 and its value in 0 to 11 (2): −10 to 100 V or −55 to 125 °C |
//! | 06 | bits of the fences: inside, alarm (4, 4) |
//! | 07, 09 | of each parameter (SAE J1979) its length in bits 4 to 7 and its mode in 0 to 3 (1), number 1, value |
//! | 08 | a counter of fuel (4), whose unit differs |
//! | 0a | what the driver does, a bit each |
//! | 0b, 0c | what is on the bus (SAE J1939, J1708) |
//! | 0d, 0e | VIN; driver's card, and whether it is allowed (1) |
//! | 10 | event 1, mask of events (4) |

use super::MARK;
use super::parts::Told;
use crate::field::escape::{Escapes, Room};
use crate::field::{Reader, bcd, checksum, text};
use crate::{Fix, Out, Reason, Reject, Time, When};

/// 2000-01-01T00:00:00Z.
const EPOCH_S: i64 = 946_684_800;
/// The highest bit says that a receiver has set the clock.
const SECONDS: u32 = 0x7fff_ffff;
/// The HDOP of no fix, in hundredths.
const NO_FIX: u16 = 9999;
/// The type of an answer.
const ANSWER: [u8; 2] = [0x01, 0xfe];

const ESCAPES: Escapes =
    Escapes { leads: [0xf7, 0xf7], pairs: &[(0xf7, [0xf7, 0x00]), (MARK, [0xf7, 0x0f])] };

/// `wire` is what stands between the marks.
pub(super) fn decode(wire: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let behind_mark = |offset: usize| offset.saturating_add(1);
    let mut room = Room::new();
    let plain = ESCAPES
        .open(wire, &mut room)
        .map_err(|at| Reject::at(behind_mark(at), Reason::Malformed))?;
    report(plain.bytes(), out)
        .map_err(|reject| Reject { offset: behind_mark(plain.place(reject.offset)), ..reject })
}

fn report(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let Some((content, stated)) = frame.split_last_chunk::<2>() else {
        return Err(Reject::at(frame.len(), Reason::Truncated));
    };
    if checksum::crc16_xmodem(content).to_be_bytes() != *stated {
        return Err(Reject::at(content.len(), Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    reader.skip(2)?;
    let malformed = reader.reject(Reason::Malformed);
    let imei = reader.array()?;
    out.identify_by(&imei, || bcd::imei(imei).ok_or(malformed))?;
    let seconds = i64::from(reader.be_u32()? & SECONDS);
    let time = Time::from_seconds(EPOCH_S.saturating_add(seconds));
    let is_empty = reader.is_empty();
    let mut told = Told::default();
    // What was read before a part that cannot be read counts, and is not sent again.
    let read = parts(&mut reader, time, &mut told);
    told.put(Some(time), out);
    out.reply(answer(*stated), if is_empty { When::Now } else { When::Accepted });
    read
}

fn answer(sum: [u8; 2]) -> Vec<u8> {
    let [version, kind] = ANSWER;
    let [high, low] = sum;
    let content = [version, kind, high, low];
    let mut frame = Vec::with_capacity(16);
    frame.push(MARK);
    ESCAPES.write(&content, &mut frame);
    ESCAPES.write(&checksum::crc16_xmodem(&content).to_be_bytes(), &mut frame);
    frame.push(MARK);
    frame
}

fn parts(reader: &mut Reader<'_>, time: Time, told: &mut Told) -> Result<(), Reject> {
    let mut wrong = None;
    while !reader.is_empty() {
        let number = reader.u8()?;
        let length =
            if number == 0x0b { usize::from(reader.be_u16()?) } else { usize::from(reader.u8()?) };
        // It costs only itself.
        if let Err(reject) = part(number, reader.part(length)?, time, told) {
            wrong.get_or_insert(reject);
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn part(number: u8, mut part: Reader<'_>, time: Time, told: &mut Told) -> Result<(), Reject> {
    let attributes = &mut told.attributes;
    match number {
        0x01 => {
            let out_of_range = part.reject(Reason::OutOfRange);
            let (north, east) = (part.be_i32()?, part.be_i32()?);
            let (speed, course, hdop) = (part.be_u16()?, part.be_u16()?, part.be_u16()?);
            let mut fix = Fix::new(time, f64::from(north) / 1e6, f64::from(east) / 1e6)
                .ok_or(out_of_range)?;
            fix.valid = hdop < NO_FIX;
            fix.speed_kmh = Some(f64::from(speed));
            fix.course_deg = Some(f64::from(course)).filter(|course| *course <= 360.0);
            told.fix = Some(fix);
            attributes.set("hdop", f64::from(hdop) / 100.0);
        }
        0x02 => {
            let has_long_cell = part.remaining() == 11;
            let (country, network, area) = (part.be_u16()?, part.be_u16()?, part.be_u16()?);
            let cell = if has_long_cell { part.be_u32()? } else { part.be_u16()?.into() };
            // All bits set: no cell is heard.
            if country != u16::MAX {
                told.cell(country, network, area, cell, part.u8()?);
            }
        }
        0x03 => told.state(part.be_u16()?, part.be_u16()?),
        0x04 => attributes.set("odometer_m", part.be_u32()?),
        0x05 => {
            while !part.is_empty() {
                let input = part.be_u16()?;
                let share = f64::from(input & 0x0fff) / 4096.0;
                let kind = input >> 12;
                let is_degrees = kind == 1;
                told.input(
                    kind,
                    if is_degrees { share * 180.0 - 55.0 } else { share * 110.0 - 10.0 },
                );
            }
        }
        0x06 => told.fences(part.be_u32()?, part.be_u32()?),
        0x07 => told.engine(part)?,
        0x08 => attributes.set("fuel_raw", part.be_u32()?),
        0x09 => told.text("obd_alarm", text::hex(part.rest()).into()),
        0x0a => told.driver(part.u8()?),
        0x0b => told.text("can", text::hex(part.rest()).into()),
        0x0c => told.text("j1708", text::hex(part.rest()).into()),
        0x0d => told.text("vin", text::ascii(part.rest())),
        0x0e => {
            let length = part.remaining().saturating_sub(1);
            let card = text::ascii(part.take(length)?);
            told.card(&card, part.u8()? != 0);
        }
        0x10 => attributes.set("event", part.u8()?),
        _ => {}
    }
    Ok(())
}
