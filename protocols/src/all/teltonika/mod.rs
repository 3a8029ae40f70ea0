//! Teltonika FM, FMB, FMC, FMM, FMT, TAT, TMT, TST and GH trackers.
//!
//! TCP and UDP on port 5027. Source: Teltonika Telematics, "Data Sending Protocols" (codecs 8,
//! 8 Extended, 16, 12, 13, 14 and 15) and, for codec 7, "GH3000 protocol".
//!
//! | frame | bytes | answer |
//! |---|---|---|
//! | login | length 2, IMEI in ASCII | `01` welcome, `00` not |
//! | data | `00000000`, length 4, data, CRC-16/ARC 4 | number of records 4 |
//! | keep-alive | `ff` | none |
//! | datagram | length 2, packet 2, `01`, AVL packet 1, IMEI (length 2), data | `0005`, packet, `01`, AVL packet, number of records |
//!
//! Data: codec 1, number of records 1, records, the number again 1. The length counts the data
//! only. Records are in `records`, their I/O elements in `elements`, what a device answers to a
//! command in `messages`.
//!
//! Quirks: a device may send its newest record first, so order in a frame says nothing. A number
//! other than what it sent makes the device send all of it again: a frame is answered in full or
//! not at all, and a record whose position cannot be costs only itself. Codec 8 comes with and
//! without elements of 16 bytes and does not say which: the reading that ends at the frame's end
//! is taken.

mod command;
mod elements;
mod messages;
mod records;

use crate::field::Reader;
use crate::field::checksum::crc16_arc;
use crate::{
    Alarm, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step, Transport, Transports,
    When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "teltonika",
    title: "Teltonika FM, FMB, FMC, FMM, FMT, TAT, TMT, GH: codecs 7, 8, 8 Extended, 12 to 16",
    port: 5027,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Accident,
        Alarm::Fall,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Devices send up to 1 280 bytes of records and 2 KiB of a photograph; 255 full records of
/// codec 8 fit.
const MAX_FRAME: usize = 64 * 1024;
/// Preamble and length of a data frame.
const HEADER: usize = 8;
/// The CRC-16 in four bytes.
const CHECKSUM: usize = 4;
/// A codec and two counts, the least that data can be.
const MIN_DATA: usize = 3;
/// An IMEI has 15 digits; some devices send 16 or a serial number of 20.
const MAX_IDENTITY: usize = 20;
const PING: u8 = 0xff;

fn find(bytes: &[u8], _last: bool) -> Step {
    let mut header = Reader::new(bytes);
    if bytes.first() == Some(&PING) {
        return Step::Frame { body: 0..1, end: 1 };
    }
    let Ok(first) = header.be_u16() else { return Step::Need(2) };
    match usize::from(first) {
        0 => find_data(bytes),
        length @ 1..=MAX_IDENTITY => whole(bytes, length.saturating_add(2)),
        // The fifth byte of a datagram is always 1; else nothing here is Teltonika's.
        length => match bytes.get(4) {
            None => Step::Need(5),
            Some(1) if length.saturating_add(2) <= MAX_FRAME => {
                whole(bytes, length.saturating_add(2))
            }
            Some(1) => Step::Fatal(0, Reason::TooLong),
            Some(_) => Step::Fatal(0, Reason::Unframed),
        },
    }
}

fn find_data(bytes: &[u8]) -> Step {
    let mut header = Reader::new(bytes);
    let Ok(preamble) = header.be_u32() else { return Step::Need(HEADER) };
    if preamble != 0 {
        return Step::Fatal(0, Reason::Unframed);
    }
    let Ok(length) = header.be_u32() else { return Step::Need(HEADER) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let total = length.saturating_add(HEADER).saturating_add(CHECKSUM);
    if total > MAX_FRAME {
        return Step::Fatal(4, Reason::TooLong);
    }
    if length < MIN_DATA {
        return Step::Fatal(4, Reason::Malformed);
    }
    whole(bytes, total)
}

fn whole(bytes: &[u8], length: usize) -> Step {
    if bytes.len() < length {
        Step::Need(length)
    } else {
        Step::Frame { body: 0..length, end: length }
    }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    if frame == [PING] {
        return Ok(());
    }
    match usize::from(reader.be_u16()?) {
        0 => decode_stream(frame, out),
        1..=MAX_IDENTITY => {
            let identity = identity(&mut reader, frame.len().saturating_sub(2))?;
            out.login(identity, Standing::Claimed, vec![0]);
            out.reply([1], When::Now);
            Ok(())
        }
        _ if context.transport == Transport::Udp => decode_datagram(&mut reader, out),
        _ => Err(Reject::at(0, Reason::Malformed)),
    }
}

/// An IMEI in ASCII.
fn identity<'a>(reader: &mut Reader<'a>, length: usize) -> Result<&'a str, Reject> {
    let wrong = reader.reject(Reason::Malformed);
    let text = std::str::from_utf8(reader.take(length)?).map_err(|_| wrong)?;
    let plausible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plausible { Ok(text) } else { Err(wrong) }
}

fn decode_stream(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let data_end = frame.len().saturating_sub(CHECKSUM);
    let (data, checksum) = frame.split_at_checked(data_end).unwrap_or((frame, &[]));
    let sum = crc16_arc(data.get(HEADER..).unwrap_or_default());
    if Reader::new(checksum).be_u32()? != u32::from(sum) {
        return Err(Reject::at(data_end, Reason::Checksum));
    }
    let mut reader = Reader::new(data);
    reader.skip(HEADER)?;
    if let Some(count) = decode_data(&mut reader, out)? {
        out.reply(u32::from(count).to_be_bytes(), When::Accepted);
    }
    Ok(())
}

fn decode_datagram(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let packet = reader.array::<2>()?;
    let kind = reader.u8()?;
    let avl_packet = reader.u8()?;
    let length = usize::from(reader.be_u16()?);
    out.identify(identity(reader, length)?);
    if let Some(count) = decode_data(reader, out)? {
        let [high, low] = packet;
        out.reply([0, 5, high, low, kind, avl_packet, count], When::Accepted);
    }
    Ok(())
}

/// Answers the number of records where the device waits for it.
fn decode_data(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<Option<u8>, Reject> {
    let codec_unknown = reader.reject(Reason::Unsupported);
    let codec = reader.u8()?;
    let count = reader.u8()?;
    let last = reader.frame().len().saturating_sub(1);
    if reader.frame().get(last) != Some(&count) {
        return Err(Reject::at(last, Reason::Malformed));
    }
    let (start, before) = (reader.clone(), out.count());
    let mut result = each::<records::Codec8>(reader, codec, count, out, codec_unknown);
    if codec == 0x08
        && result.is_err()
        && !records::fit::<records::Codec8>(start.clone(), count)
        && records::fit::<records::Codec8Sixteen>(start.clone(), count)
    {
        out.take_back(before);
        *reader = start;
        result = each::<records::Codec8Sixteen>(reader, codec, count, out, codec_unknown);
    }
    result?;
    Ok((!(0x0c..=0x0f).contains(&codec)).then_some(count))
}

/// The records of a frame and nothing behind them but their number; `L` is the layout of codec 8.
fn each<L: records::Layout>(
    reader: &mut Reader<'_>,
    codec: u8,
    count: u8,
    out: &mut Out<'_>,
    unknown: Reject,
) -> Result<(), Reject> {
    for _ in 0..count {
        match codec {
            0x07 => records::gh3000(reader, out)?,
            0x08 => records::avl::<L>(reader, out)?,
            0x8e => records::avl::<records::Codec8Extended>(reader, out)?,
            0x10 => records::avl::<records::Codec16>(reader, out)?,
            0x0c..=0x0f => messages::message(reader, codec, out)?,
            _ => return Err(unknown),
        }
    }
    if reader.remaining() == 1 { Ok(()) } else { Err(reader.reject(Reason::Malformed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_told_by_its_first_bytes() {
        assert_eq!(find(&[0xff, 0], false), Step::Frame { body: 0..1, end: 1 });
        assert_eq!(find(&[0], false), Step::Need(2));
        assert_eq!(find(&[0, 15, b'3'], false), Step::Need(17));
        assert_eq!(find(&[0, 0, 0, 0, 0], false), Step::Need(8));
        assert_eq!(find(&[0, 61, 1, 2, 1], false), Step::Need(63));
        assert_eq!(find(b"GET / HTTP", false), Step::Fatal(0, Reason::Unframed));
        assert_eq!(find(&[0, 0, 0, 1], false), Step::Fatal(0, Reason::Unframed));
    }

    #[test]
    fn the_length_is_judged_before_the_body_is_awaited() {
        let header = |length: u32| [[0; 4], length.to_be_bytes()].concat();
        let largest = MAX_FRAME - HEADER - CHECKSUM;
        let largest = u32::try_from(largest).unwrap();
        assert_eq!(find(&header(largest), false), Step::Need(MAX_FRAME));
        assert_eq!(find(&header(largest + 1), false), Step::Fatal(4, Reason::TooLong));
        assert_eq!(find(&header(2), false), Step::Fatal(4, Reason::Malformed));
        assert_eq!(find(&header(u32::MAX), false), Step::Fatal(4, Reason::TooLong));
    }
}
