//! Ruptela FM-Tco, FM-Pro, FM-Plus, HCV, LCV, Trace and Plug trackers.
//!
//! TCP and UDP on port 5046. Source: Ruptela, "Ruptela protocol" and its list of I/O parameters.
//!
//! A frame, big-endian: length 2, IMEI 8, command 1, payload, CRC-16/KERMIT 2 of what the length
//! counts. An answer has the same form without an IMEI.
//!
//! | command | payload | answer |
//! |---|---|---|
//! | 1, 68 | records, 68 the extended ones: see `records` | 100, 1 |
//! | 2, 3, 4, 7, 17 and others | the answer to a command | none |
//! | 9 | trouble codes: count 1, each: ? 1, time 4, longitude 4, latitude 4, source 1, code 5 | 109, 1 |
//! | 15 | login: type 1, … | 115, 1 (0 to refuse) |
//! | 16 | alive | 116, 1 |
//! | 36 | a driver's card: kind 1, time 4, states 3, three tracks, each with its length 2 | 136, 1 |
//! | 37 | photographs: not asked for | none |
//!
//! Quirks: some firmware states too short a length for commands 7 and 9. The checksum tells then
//! where the frame ends.

mod records;

use crate::field::checksum::{crc16_kermit, crc16_kermit_after};
use crate::field::{Reader, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ruptela",
    title: "Ruptela FM, HCV, LCV, Trace, Plug",
    port: 5046,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Tow,
        Alarm::Jamming,
        Alarm::Tampering,
        Alarm::GpsAntennaCut,
        Alarm::Accident,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Devices send at most 1 KiB at once; parts of files are a little longer.
const MAX_FRAME: usize = 4096;
/// Length and checksum, which the length does not count.
const EXTRA: usize = 4;
/// IMEI and command.
const MIN_LENGTH: usize = 9;
/// Where the command stands.
const COMMAND: usize = 10;

const RECORDS: u8 = 1;
const SMS: u8 = 7;
const TROUBLE_CODES: u8 = 9;
const IDENTIFICATION: u8 = 15;
const HEARTBEAT: u8 = 16;
const DRIVER_CARD: u8 = 36;
const FILES: u8 = 37;
const EXTENDED_RECORDS: u8 = 68;

fn find(bytes: &[u8], last: bool) -> Step {
    let mut reader = Reader::new(bytes);
    let Ok(length) = reader.be_u16().map(usize::from) else { return Step::Need(2) };
    let end = length.saturating_add(EXTRA);
    if end > MAX_FRAME {
        return Step::Fatal(0, Reason::TooLong);
    }
    if length < MIN_LENGTH {
        return Step::Fatal(0, Reason::Malformed);
    }
    let Some(frame) = bytes.get(..end) else { return Step::Need(end) };
    let may_be_short = matches!(bytes.get(COMMAND), Some(&(SMS | TROUBLE_CODES)));
    if !may_be_short || is_right(frame) {
        return Step::Frame { body: 0..end, end };
    }
    match true_end(bytes, end) {
        Some(true_end) => Step::Frame { body: 0..true_end, end: true_end },
        None if last || bytes.len() >= MAX_FRAME => Step::Frame { body: 0..end, end },
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn is_right(frame: &[u8]) -> bool {
    frame.split_last_chunk::<2>().is_some_and(|(summed, stated)| {
        crc16_kermit(summed.get(2..).unwrap_or_default()) == u16::from_be_bytes(*stated)
    })
}

/// The first end behind `from` where the checksum is right, in one pass over the bytes.
fn true_end(bytes: &[u8], from: usize) -> Option<usize> {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let summed = from.saturating_sub(2);
    let mut sum = crc16_kermit(window.get(2..summed)?);
    let rest = window.get(summed..)?;
    // The sum of what stands before two bytes is compared with them.
    for (end, (high, low)) in (from..).zip(rest.iter().zip(rest.iter().skip(1))) {
        if end > from && sum == u16::from_be_bytes([*high, *low]) {
            return Some(end);
        }
        sum = crc16_kermit_after(sum, &[*high]);
    }
    None
}

/// A frame for the device.
fn answer(command: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len().saturating_add(1);
    let mut frame = Vec::with_capacity(length.saturating_add(4));
    frame.extend(u16::try_from(length).unwrap_or_default().to_be_bytes());
    frame.push(command);
    frame.extend_from_slice(payload);
    let sum = crc16_kermit_after(crc16_kermit(&[command]), payload);
    frame.extend(sum.to_be_bytes());
    frame
}

/// The command with which each is answered.
const fn answer_to(command: u8) -> u8 {
    match command {
        RECORDS | EXTENDED_RECORDS => 100,
        other => other.wrapping_add(100),
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let until = frame.len().saturating_sub(2);
    if !is_right(frame) {
        return Err(Reject::at(until, Reason::Checksum));
    }
    let mut reader = Reader::new(frame.get(..until).unwrap_or_default());
    reader.skip(2)?;
    let malformed = reader.reject(Reason::Malformed);
    let imei = reader.be_u64()?;
    // Sixteen digits at most.
    if imei == 0 || imei > 9_999_999_999_999_999 {
        return Err(malformed);
    }
    let imei = text::short(format_args!("{imei:015}"));
    let unsupported = reader.reject(Reason::Unsupported);
    let command = reader.u8()?;
    if command == IDENTIFICATION {
        out.login(imei, Standing::Claimed, answer(answer_to(command), &[0]));
        out.reply(answer(answer_to(command), &[1]), When::Now);
        return Ok(());
    }
    out.identify(&imei);
    match command {
        RECORDS | EXTENDED_RECORDS => {
            records::decode(&mut reader, command == EXTENDED_RECORDS, out)?;
        }
        TROUBLE_CODES => trouble_codes(&mut reader, out)?,
        DRIVER_CARD => driver_card(&mut reader, out)?,
        HEARTBEAT => {
            out.reply(answer(answer_to(command), &[1]), When::Now);
            return Ok(());
        }
        FILES => return Ok(()),
        2..=8 | 17..=35 | 38..=67 | 69..=99 => {
            result(command, reader.rest(), out);
            return Ok(());
        }
        _ => return Err(unsupported),
    }
    out.reply(answer(answer_to(command), &[1]), When::Accepted);
    Ok(())
}

fn result(command: u8, rest: &[u8], out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    attributes.set("event", command);
    if text::is_printable(rest) {
        attributes.set("result", text::ascii(rest));
    } else if let [code] = rest {
        attributes.set("result", *code);
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

fn trouble_codes(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    for _ in 0..reader.u8()? {
        reader.skip(1)?;
        let time = Time::from_seconds(i64::from(reader.be_u32()?));
        let nowhere = reader.reject(Reason::OutOfRange);
        let longitude = f64::from(reader.be_i32()?) / 1e7;
        let latitude = f64::from(reader.be_i32()?) / 1e7;
        let source = reader.u8()?;
        let code = text::ascii(reader.take(5)?);
        let mut attributes = Attributes::new();
        attributes.set("trouble_codes", code);
        match Fix::new(time, latitude, longitude) {
            Some(mut fix) => {
                fix.backfill = source == 2;
                out.fix(fix, attributes);
            }
            None => out.reject(nowhere),
        }
    }
    Ok(())
}

fn driver_card(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    reader.skip(1)?;
    let time = Time::from_seconds(i64::from(reader.be_u32()?));
    reader.skip(3)?;
    let mut tracks = Vec::new();
    for _ in 0..3 {
        let length = usize::from(reader.be_u16()?);
        let track = text::ascii(reader.take(length)?);
        if !track.is_empty() {
            tracks.push(track);
        }
    }
    let mut attributes = Attributes::new();
    attributes.set_some("driver_id", (!tracks.is_empty()).then(|| tracks.join("|")));
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_the_standard() {
        assert_eq!(answer(answer_to(RECORDS), &[1]), b"\x00\x02\x64\x01\x13\xbc");
        assert_eq!(answer(answer_to(EXTENDED_RECORDS), &[1]), b"\x00\x02\x64\x01\x13\xbc");
        assert_eq!(answer(answer_to(TROUBLE_CODES), &[1]), b"\x00\x02\x6d\x01\xc4\xa4");
        assert_eq!(answer(answer_to(DRIVER_CARD), &[1]), b"\x00\x02\x88\x01\x53\x85");
    }

    #[test]
    fn a_length_that_is_too_short_is_mended_by_the_checksum() {
        let content = b"\x00\x03\x10\x0f\x51\x0b\x1d\x07\x07configured";
        let mut frame = vec![0, 11];
        frame.extend_from_slice(content);
        frame.extend(crc16_kermit(content).to_be_bytes());
        let end = frame.len();
        assert_eq!(find(&frame, false), Step::Frame { body: 0..end, end });
        assert_eq!(find(&frame[..20], false), Step::Need(21));
        assert_eq!(find(&frame[..20], true), Step::Frame { body: 0..15, end: 15 });
        assert_eq!(find(&[0xff, 0xff], false), Step::Fatal(0, Reason::TooLong));
    }
}
