//! Huasheng HS-3000G, HS-5000C and kin, which stand in the socket of a vehicle's diagnosis.
//!
//! TCP on port 5111. Source: Huasheng, "Communication protocol" 1.3, as far as it is public, and
//! frames of devices.
//!
//! A frame, big-endian, between two `c0`, one of which may end a frame and begin the next; within,
//! `db dc` stands for `c0` and `db dd` for `db`. Flag 1, version 1, length 2 (of the frame without
//! its ends), kind 2, checksum 2 (0 from all devices, and of a rule not known), number 4, content.
//!
//! | kind | content | answer |
//! |---|---|---|
//! | `aa00` | position, see `position` | `ff01` |
//! | `aa02` | login: elements 0003 IMEI; 0001, 0002, 0009 firmware, VIN, card | `ff03` and 0 |
//! | `aa12` | trouble codes: elements 0001, two bytes each | |
//! | `0002` | of the HSO: length or version 1, elements a001, a004 firmware, IMEI | `0003` |
//! | `aa04`, `aa16` | what a command has done | |
//!
//! An element: kind 2, length 2 (of all four parts), value; of the HSO the length comes first.
//! Answers have flag 1, version 0 and the number of the frame.

mod position;

use crate::field::escape::Room;
use crate::field::{Reader, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "huasheng",
    title: "Huasheng HS-5000C",
    port: 5111,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Accident,
        Alarm::Removing,
        Alarm::Fatigue,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Positions have some 200 bytes; stations of wireless networks may double that, as may escapes.
const MAX_FRAME: usize = 4096;
const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;

/// A frame is given without the `c0` that ends it, which may begin the next.
fn find(bytes: &[u8], is_last: bool) -> Step {
    let Some((&END, rest)) = bytes.split_first() else {
        let next = memchr::memchr(END, bytes).unwrap_or(bytes.len());
        return Step::Skip(next, Reason::Unframed);
    };
    let window = rest.get(..MAX_FRAME).unwrap_or(rest);
    match memchr::memchr(END, window) {
        Some(length) => {
            let end = length.saturating_add(1);
            Step::Frame { body: 1..end, end }
        }
        None if rest.is_empty() && is_last => Step::Frame { body: 1..1, end: 1 },
        None if bytes.len() >= MAX_FRAME => Step::Skip(MAX_FRAME, Reason::TooLong),
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn unescaped<'a>(frame: &'a [u8], plain: &'a mut Room) -> Result<&'a [u8], Reject> {
    if memchr::memchr(ESCAPE, frame).is_none() {
        return Ok(frame);
    }
    let mut bytes = frame.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        plain.push(match (byte, byte == ESCAPE) {
            (byte, false) => byte,
            _ => match bytes.next() {
                Some((_, 0xdc)) => END,
                Some((_, 0xdd)) => ESCAPE,
                _ => return Err(Reject::at(at, Reason::Malformed)),
            },
        });
    }
    Ok(plain)
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    if frame.is_empty() {
        return Ok(());
    }
    let mut room = Room::new();
    let mut reader = Reader::new(unescaped(frame, &mut room)?);
    reader.skip(4)?;
    let unsupported = reader.reject(Reason::Unsupported);
    let kind = reader.be_u16()?;
    reader.skip(2)?;
    let number = reader.array::<4>()?;
    match kind {
        0xaa00 => {
            position::decode(context, &mut reader, out)?;
            out.reply(answer(0xff01, number, &[]), When::Accepted);
        }
        0xaa02 => {
            login(&mut reader, out)?;
            out.reply(answer(0xff03, number, &[0]), When::Accepted);
        }
        0xaa12 => troubles(&mut reader, out)?,
        0x0002 => {
            login_of_hso(&mut reader, out)?;
            out.reply(answer(0x0003, number, &[]), When::Accepted);
        }
        0xaa04 | 0xaa16 => {
            let mut attributes = Attributes::new();
            attributes.set("result", text::hex(reader.rest()));
            out.report(None, AlarmSet::EMPTY, attributes);
        }
        _ => return Err(unsupported),
    }
    Ok(())
}

fn answer(kind: u16, number: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX).saturating_add(12);
    let [high, low] = kind.to_be_bytes();
    let header = [1, 0, 0, length, high, low, 0, 0];
    let mut frame = Vec::with_capacity(32);
    frame.push(END);
    for byte in header.iter().chain(&number).chain(content).copied() {
        match byte {
            END => frame.extend([ESCAPE, 0xdc]),
            ESCAPE => frame.extend([ESCAPE, 0xdd]),
            _ => frame.push(byte),
        }
    }
    frame.push(END);
    frame
}

/// An element's kind, where it stands and its value; `None` at the end.
fn element<'a>(reader: &mut Reader<'a>) -> Result<Option<(u16, Reader<'a>)>, Reject> {
    if reader.is_empty() {
        return Ok(None);
    }
    let kind = reader.be_u16()?;
    let malformed = reader.reject(Reason::Malformed);
    let length = usize::from(reader.be_u16()?).checked_sub(4).ok_or(malformed)?;
    Ok(Some((kind, reader.part(length)?)))
}

fn imei<'a>(value: &mut Reader<'a>) -> Result<&'a str, Reject> {
    let malformed = value.reject(Reason::Malformed);
    let imei = std::str::from_utf8(value.rest()).unwrap_or_default();
    let is_one = (10..=20).contains(&imei.len()) && imei.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(imei) } else { Err(malformed) }
}

fn login(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let mut device = None;
    while let Some((kind, mut value)) = element(reader)? {
        let name = match kind {
            0x0001 => "firmware",
            0x0002 => "vin",
            0x0003 => {
                device = Some(imei(&mut value)?);
                continue;
            }
            0x0009 => "iccid",
            _ => continue,
        };
        let value = text::ascii(value.rest());
        if !value.is_empty() {
            attributes.set(name, value);
        }
    }
    let Some(device) = device else { return Err(reader.reject(Reason::Malformed)) };
    out.login(device, Standing::Claimed, Vec::new());
    if !attributes.is_empty() {
        out.report(None, AlarmSet::EMPTY, attributes);
    }
    Ok(())
}

fn login_of_hso(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    reader.skip(1)?;
    while !reader.is_empty() {
        let malformed = reader.reject(Reason::Malformed);
        let length = usize::from(reader.be_u16()?).checked_sub(4).ok_or(malformed)?;
        let kind = reader.be_u16()?;
        let mut value = reader.part(length)?;
        if kind == 0xa004 {
            out.login(imei(&mut value)?, Standing::Claimed, Vec::new());
        }
    }
    Ok(())
}

/// Codes as a workshop writes them: a letter, a digit below 4 and three hexadecimal ones.
fn troubles(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut codes = String::new();
    while let Some((kind, mut value)) = element(reader)? {
        while kind == 0x0001 && value.remaining() >= 2 {
            let code = value.be_u16()?;
            let letter = match code >> 14 {
                0 => 'P',
                1 => 'C',
                2 => 'B',
                _ => 'U',
            };
            let separator = if codes.is_empty() { "" } else { " " };
            codes.push_str(&format!("{separator}{letter}{:04X}", code & 0x3fff));
        }
    }
    let mut attributes = Attributes::new();
    attributes.set("dtcs", codes);
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_frame_may_begin_the_next() {
        assert_eq!(find(&[0xc0, 1, 0xc0], false), Step::Frame { body: 1..2, end: 2 });
        assert_eq!(find(&[0xc0, 0xc0, 1], false), Step::Frame { body: 1..1, end: 1 });
        assert_eq!(find(&[0xc0], false), Step::Need(2));
        assert_eq!(find(&[0xc0], true), Step::Frame { body: 1..1, end: 1 });
        assert_eq!(find(&[1, 0xc0], false), Step::Skip(1, Reason::Unframed));
        let long = [&[0xc0][..], &[1; MAX_FRAME]].concat();
        assert_eq!(find(&long, false), Step::Skip(MAX_FRAME, Reason::TooLong));
    }

    #[test]
    fn ends_within_a_frame_are_escaped() {
        let frame = answer(0xff01, [0xc0, 0xdb, 0, 1], &[]);
        assert_eq!(frame.get(9..15), Some(&[0xdb, 0xdc, 0xdb, 0xdd, 0, 1][..]));
        let (mut room, bytes) = (Room::new(), frame.get(1..15).unwrap_or_default());
        let plain = unescaped(bytes, &mut room);
        assert_eq!(plain, Ok(&[1, 0, 0, 12, 0xff, 1, 0, 0, 0xc0, 0xdb, 0, 1][..]));
        let wrong = |bytes: &[u8]| unescaped(bytes, &mut Room::new()).err();
        assert_eq!(wrong(&[0, 0xdb, 1]), Some(Reject::at(1, Reason::Malformed)));
        assert_eq!(wrong(&[0xdb]), Some(Reject::at(0, Reason::Malformed)));
    }
}
