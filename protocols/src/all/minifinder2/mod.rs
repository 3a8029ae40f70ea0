//! MiniFinder Pico, Eview EV-07B, EV-04 and kin: the second, binary protocol.
//!
//! TCP and UDP on port 5163. Source: Eview, "EV-07B Communication Protocol".
//!
//! A frame, little-endian: `ab`, properties 1 (bit 4: answer wanted), length 2, CRC-16/XMODEM 2 of
//! the content, number 2, content: command 1, then entries: length 1, key 1, value.
//!
//! | command | content | answer |
//! |---|---|---|
//! | 01 | data, see below | `7f 01 00` |
//! | 02 | settings; key 03: IMEI | `7f 01 00` |
//! | 03 | a request; key 12: the time | key 12: the time; others `7f 01 00` |
//! | 04, 7f | the answer to a command | |
//!
//! | key | value |
//! |---|---|
//! | 01 | IMEI, 15 characters |
//! | 02 | alarms 4, time 4 |
//! | 14 | percent 1, millivolts 2 |
//! | 20 | latitude 4, longitude 4 (ten-millionths of a degree), km/h 2, course 2, metres 2, HDOP 2 (tenths), mileage 4, satellites 1 |
//! | 21 | country 2, network 1, then for each cell: signal 1, area 2, cell 4 or 2 |
//! | 22 | access points |
//! | 23 | beacon 6, latitude 4, longitude 4, name |
//! | 24 | time 4, status 4 |
//! | 28, 2a | flags 1 (bit 7: place, bit 6: name), beacon 6, signal 1 (28: and at a metre 1), latitude 4, longitude 4, name |
//! | 30, 40 | time 4 and steps 4, or heart rate 1 |
//!
//! Status: bit 4 charging, 7 stored, 9 in motion, 19–23 signal, 24–31 percent.
//!
//! Quirks: a frame holds many records without a mark between them: a key that comes again begins
//! the next one.

mod records;

use smallvec::SmallVec;

use crate::field::checksum::crc16_xmodem;
use crate::field::{Reader, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports,
    When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "minifinder2",
    title: "MiniFinder, Eview EV-07B: binary",
    port: 5163,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Fall,
        Alarm::Movement,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

const HEADER: usize = 8;
/// Devices collect up to 1 400 bytes; settings are shorter.
const MAX_FRAME: usize = 8 * 1024;
/// The property that asks for an answer.
const WANTS_ANSWER: u8 = 1 << 4;
const DATA: u8 = 0x01;
const SETTINGS: u8 = 0x02;
const SERVICES: u8 = 0x03;
const SYSTEM: u8 = 0x04;
const RESPONSE: u8 = 0x7f;

fn find(bytes: &[u8], _last: bool) -> Step {
    if bytes.first() != Some(&0xab) {
        let next = memchr::memchr(0xab, bytes).unwrap_or(bytes.len());
        return Step::Skip(next.max(1), Reason::Unframed);
    }
    let mut reader = Reader::new(bytes);
    let Ok(length) = reader.skip(2).and_then(|()| reader.le_u16()) else { return Step::Need(4) };
    let end = usize::from(length).saturating_add(HEADER);
    if length == 0 || end > MAX_FRAME {
        return Step::Skip(1, Reason::Malformed);
    }
    if bytes.len() < end { Step::Need(end) } else { Step::Frame { body: 0..end, end } }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(1)?;
    let properties = reader.u8()?;
    reader.skip(2)?;
    let wrong = reader.reject(Reason::Checksum);
    let stated = reader.le_u16()?;
    let number = reader.le_u16()?;
    if crc16_xmodem(reader.rest()) != stated {
        return Err(wrong);
    }
    let command = reader.u8()?;
    let wants_answer = properties & WANTS_ANSWER != 0;
    let mut content = Content::from_slice(&[RESPONSE, 1, 0]);
    let mut when = When::Now;
    match command {
        DATA => {
            records::records(context, &mut reader, out)?;
            when = When::Accepted;
        }
        SETTINGS | SYSTEM | RESPONSE => settings(command, &mut reader, out)?,
        SERVICES => {
            if let Some(answer) = services(context, &mut reader, out)? {
                content = answer;
            }
        }
        _ => return Err(Reject::at(HEADER, Reason::Unsupported)),
    }
    if wants_answer {
        out.reply(answer(number, &content), when);
    }
    Ok(())
}

/// What an answer says.
type Content = SmallVec<[u8; 16]>;

/// A frame around `content`, with the number of the one that it answers.
fn answer(number: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(content.len().saturating_add(8));
    bytes.extend([0xab, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(crc16_xmodem(content).to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// The next entry's key and value; `None` at the end.
fn entry<'a>(reader: &mut Reader<'a>) -> Result<Option<(u8, Reader<'a>)>, Reject> {
    while !reader.is_empty() {
        let length = usize::from(reader.u8()?);
        if length > 0 {
            let mut value = reader.part(length)?;
            return Ok(Some((value.u8()?, value)));
        }
    }
    Ok(None)
}

fn identify(value: &Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let imei = text::ascii(value.rest());
    if !(10..=20).contains(&imei.len()) || !imei.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(value.reject(Reason::Malformed));
    }
    out.identify(&imei);
    Ok(())
}

fn settings(command: u8, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    while let Some((key, value)) = entry(reader)? {
        match (command, key) {
            (SETTINGS, 0x03) => identify(&value, out)?,
            (SYSTEM, _) if text::is_printable(value.rest()) => {
                attributes.set("result", text::ascii(value.rest()));
            }
            (RESPONSE, _) => attributes.set("result", i64::from(key)),
            _ => {}
        }
    }
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}

/// Answers what is asked for: the time.
fn services(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<Option<Content>, Reject> {
    let mut asks_time = false;
    while let Some((key, value)) = entry(reader)? {
        match key {
            0x01 => identify(&value, out)?,
            0x12 => asks_time = true,
            _ => {}
        }
    }
    let seconds = u32::try_from(context.received_at.seconds()).unwrap_or_default();
    Ok(asks_time.then(|| {
        let mut content = Content::from_slice(&[SERVICES, 5, 0x12]);
        content.extend_from_slice(&seconds.to_le_bytes());
        content
    }))
}
