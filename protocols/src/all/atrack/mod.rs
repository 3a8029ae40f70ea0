//! ATrack AK, AL, AT, AU, AX and AY series.
//!
//! TCP and UDP on port 5065. Source: ATrack's "AT protocol document" and "position protocol".
//!
//! | frame | meaning |
//! |---|---|
//! | `@P`, CRC (2), length (2), number (2), device (8), records | positions, binary: see `records` |
//! | `@P,`CRC`,`length`,`number`,`device`,`fields, a record a line | positions, text |
//! | `@R` … | a part of a picture |
//! | FE 02, device (8), number (2) | keeps the connection alive; sent back |
//! | `$INFO=…`, `$OK`, `$ERROR=…` | answers to commands |
//!
//! The length counts what follows it (in text from the comma behind it on), the CRC-16/ARC what
//! follows the CRC. Answered are all but the last with FE 02, device and number. `@P` can be set to
//! something else, of which 02 03 is seen; `@Z` is a position that was not confirmed in time.
//!
//! Quirks: the CRC of a binary frame may begin with a comma, so text is told by the four digits
//! that follow it.

mod custom;
mod records;

use memchr::memchr;

use crate::field::{Fields, Reader, checksum, text};
use crate::framing::{window, without_end};
use crate::{Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Step};
use crate::{Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "atrack",
    title: "ATrack AK, AL, AT, AU, AX and AY",
    port: 5065,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[Alarm::HardAcceleration, Alarm::HardBraking, Alarm::HardCornering],
    commands: None,
    decoder: || Box::new(decode),
};

/// Some dozens of records, or a part of a picture.
const MAX_FRAME: usize = 8192;
const KEEP_ALIVE: usize = 12;
/// Prefix, CRC, length, number, device.
const BINARY_HEADER: usize = 16;
/// `@P,B5ED,1234,`
const TEXT_HEADER: usize = 14;

fn find(bytes: &[u8], last: bool) -> Step {
    match *bytes {
        [b'$', ..] => find_line(bytes, last),
        [0xfe] => Step::Need(KEEP_ALIVE),
        [0xfe, 0x02, ..] if bytes.len() < KEEP_ALIVE => Step::Need(KEEP_ALIVE),
        [0xfe, 0x02, ..] => Step::Frame { body: 0..KEEP_ALIVE, end: KEEP_ALIVE },
        [b'@', ..] | [0x02] | [0x02, 0x03, ..] => {
            let Some(head) = bytes.get(..8) else { return Step::Need(8) };
            if is_text(head) { find_text(bytes, last) } else { find_binary(bytes) }
        }
        [first, ..] if first.is_ascii_whitespace() => Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin =
                |byte: &u8| matches!(byte, b'$' | b'@' | 0xfe | 0x02) || byte.is_ascii_whitespace();
            let next = bytes.iter().skip(1).position(may_begin);
            let count = next.map_or(bytes.len(), |at| at.saturating_add(1));
            Step::Skip(count, Reason::Unframed)
        }
    }
}

fn is_text(head: &[u8]) -> bool {
    matches!(head, [_, _, b',', digits @ .., b','] if digits.iter().all(u8::is_ascii_hexdigit))
}

fn find_line(bytes: &[u8], last: bool) -> Step {
    let window = window(bytes, MAX_FRAME);
    match memchr(b'\n', window) {
        Some(at) => Step::Frame { body: 0..at, end: at.saturating_add(1) },
        None => without_end(bytes, 0, MAX_FRAME, last),
    }
}

fn find_binary(bytes: &[u8]) -> Step {
    let Some(&[high, low]) = bytes.get(4..6) else { return Step::Need(6) };
    match usize::from(u16::from_be_bytes([high, low])).saturating_add(6) {
        total @ BINARY_HEADER..=MAX_FRAME if bytes.len() < total => Step::Need(total),
        total @ BINARY_HEADER..=MAX_FRAME => Step::Frame { body: 0..total, end: total },
        _ => Step::Skip(1, Reason::Unframed),
    }
}

fn find_text(bytes: &[u8], last: bool) -> Step {
    let digits = bytes.get(8..).unwrap_or_default();
    let digits = digits.get(..TEXT_HEADER.saturating_sub(8)).unwrap_or(digits);
    let Some(comma) = memchr(b',', digits) else {
        return if digits.len() < TEXT_HEADER.saturating_sub(8) && !last {
            Step::Need(bytes.len().saturating_add(1))
        } else {
            Step::Skip(1, Reason::Unframed)
        };
    };
    let length = digits.get(..comma).and_then(|digits| std::str::from_utf8(digits).ok());
    let Some(length) = length.and_then(|length| length.parse::<usize>().ok()) else {
        return Step::Skip(1, Reason::Unframed);
    };
    match comma.saturating_add(8).saturating_add(length) {
        total if total > MAX_FRAME || length == 0 => Step::Skip(1, Reason::Unframed),
        total if bytes.len() >= total => Step::Frame { body: 0..total, end: total },
        _ if last => Step::Frame { body: 0..bytes.len(), end: bytes.len() },
        total => Step::Need(total),
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    match *frame {
        [b'$', ..] => {
            information(frame, out);
            Ok(())
        }
        [0xfe, 0x02, ..] => {
            let mut reader = Reader::new(frame);
            reader.skip(2)?;
            out.identify(&text::short(reader.be_u64()?));
            out.reply(frame, When::Now);
            Ok(())
        }
        _ if frame.get(..8).is_some_and(is_text) => of_text(frame, out),
        _ => binary(frame, out),
    }
}

fn answer(device: u64, number: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12);
    bytes.extend([0xfe, 0x02]);
    bytes.extend(device.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes
}

fn binary(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    let [_, kind] = reader.array()?;
    let sum_at = reader.offset();
    let sum = reader.be_u16()?;
    if sum != checksum::crc16_arc(reader.rest()) {
        return Err(Reject::at(sum_at, Reason::Checksum));
    }
    reader.skip(2)?;
    let number = reader.be_u16()?;
    let device = reader.be_u64()?;
    out.identify(&text::short(device));
    let result = match kind {
        b'P' | b'Z' | 0x03 => records::binary(&mut reader, out),
        b'R' => Ok(()),
        _ => Err(Reject::at(1, Reason::Unsupported)),
    };
    out.reply(answer(device, number), When::Accepted);
    result
}

fn of_text(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let summed = frame.get(fields.offset(2).saturating_sub(1)..).unwrap_or_default();
    let sum = u16::from_str_radix(fields.text(1), 16).ok();
    if sum != Some(checksum::crc16_arc(summed)) {
        return Err(fields.reject(1, Reason::Checksum));
    }
    let device = fields.text(4);
    let identity: u64 = device.parse().map_err(|_| fields.reject(4, Reason::Malformed))?;
    let number: u16 = fields.parse(3).unwrap_or_default();
    out.identify(device);
    let at = fields.offset(5);
    let mut from = 0_usize;
    let body = frame.get(at..).unwrap_or_default();
    for line in body.split(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            // The other records are good still.
            if let Err(mut reject) = records::text(line.trim_ascii_end(), out) {
                reject.offset = reject.offset.saturating_add(at).saturating_add(from);
                out.reject(reject);
            }
        }
        from = from.saturating_add(line.len()).saturating_add(1);
    }
    out.reply(answer(identity, number), When::Accepted);
    Ok(())
}

/// `$INFO=` device, model, firmware, IMEI, IMSI, card, main and own voltage (0.1 V), satellites,
/// network, signal, connection, antenna; other answers as they are.
fn information(frame: &[u8], out: &mut Out<'_>) {
    let line = frame.trim_ascii_end();
    let mut attributes = Attributes::new();
    if let Some(content) = line.strip_prefix(b"$INFO=") {
        let fields = Fields::split(content, b',');
        let device = fields.text(0);
        if !device.is_empty() && device.len() <= 20 && device.bytes().all(|b| b.is_ascii_digit()) {
            out.identify(device);
        }
        attributes.set("model", fields.text(1).to_owned());
        attributes.set("firmware", fields.text(2).to_owned());
        for (index, name) in [(6, "power_v"), (7, "battery_v")] {
            attributes.set_some(name, fields.number(index).map(|tenths| tenths / 10.0));
        }
        attributes.set_some("satellites", fields.parse::<u8>(8));
        attributes.set_some("rssi", fields.parse::<i16>(10));
    } else {
        attributes.set("result", String::from_utf8_lossy(line).into_owned());
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_are_told_apart_whatever_the_checksum() {
        assert_eq!(find(b"@P,B5ED,", false), Step::Need(9));
        assert_eq!(find(b"@P,B5ED,20,", false), Step::Need(30));
        assert_eq!(find(b"@P,\x01\0\x4a\0\0", false), Step::Need(80));
        assert_eq!(find(b"@P,B5ED,x,", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"$OK\r\n", false), Step::Frame { body: 0..4, end: 5 });
        assert_eq!(find(b"ab@", false), Step::Skip(2, Reason::Unframed));
    }
}
