//! Meiligao VT300, VT310, VT400, MVT and GT series, and the many that copied them (Meitrack of
//! old, iStartek, Redview, Unicom).
//!
//! TCP and UDP on port 5009. Source: Meiligao's "GPRS communication protocol" (2.x).
//!
//! | bytes | meaning |
//! |---|---|
//! | 2 | `$$` from the device, `@@` from the server |
//! | 2 | length of all, big-endian; 0 in some old firmware |
//! | 7 | number of the device in BCD, filled with F |
//! | 2 | message |
//! | … | data |
//! | 2 + 2 | CRC-16/CCITT-FALSE of all before it, line end |
//!
//! | message | data | answer |
//! |---|---|---|
//! | 5000 | login | 4000, 01 |
//! | 0001 | heartbeat | 0001, 01 |
//! | 9955, 9016 | position, stored position | |
//! | 9999 | alarm (1), position | |
//! | 6688 | count, and of each: alarm (1), position, `\` | |
//! | 9966 | card, `\|`, time, date, place | |
//! | 9901, 9902, 9903 | engine, totals, error codes | |
//! | 0800 | a picture begins: its number | 8801, number, part |
//! | 9988, 9977, 0F80 | parts of pictures: not asked for | |
//! | AA00 | position behind other data | |
//! | 4xxx, 0002 | answers to commands | |
//!
//! Quirks: some engine messages begin with `@@` though their CRC was made with `$$`; messages with
//! pictures may have FFFF for a CRC.

mod command;
mod data;

use crate::field::{Reader, checksum, search};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step, Transports};
use crate::{AlarmSet, Attributes, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "meiligao",
    title: "Meiligao VT, MVT and GT",
    port: 5009,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::GpsAntennaCut,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::GeofenceEnter,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowBattery,
        Alarm::PowerOff,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Stored positions and parts of pictures have about 1 000 bytes.
const MAX_FRAME: usize = 4096;
/// Mark, length, number, message, CRC, line end.
const SHORTEST: usize = 17;
/// CRC and line end.
const TAIL: usize = 4;

fn find(bytes: &[u8], _: bool) -> Step {
    match *bytes {
        [b'$' | b'@'] => Step::Need(4),
        [first @ (b'$' | b'@'), second, ..] if first == second => {
            let Some(&[high, low]) = bytes.get(2..4) else { return Step::Need(4) };
            match usize::from(u16::from_be_bytes([high, low])) {
                0 => find_line_end(bytes),
                length @ SHORTEST..=MAX_FRAME if bytes.len() < length => Step::Need(length),
                length @ SHORTEST..=MAX_FRAME => Step::Frame { body: 0..length, end: length },
                _ => Step::Skip(1, Reason::Unframed),
            }
        }
        [first, ..] if first.is_ascii_whitespace() => Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin = |byte: &u8| matches!(byte, b'$' | b'@') || byte.is_ascii_whitespace();
            let next = bytes.iter().skip(1).position(may_begin);
            let count = next.map_or(bytes.len(), |at| at.saturating_add(1));
            Step::Skip(count, Reason::Unframed)
        }
    }
}

/// A frame that does not say its length: up to the first line end behind its message.
fn find_line_end(bytes: &[u8]) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let from = SHORTEST.saturating_sub(2);
    match search::find(window.get(from..).unwrap_or_default(), b"\r\n") {
        Some(length) => {
            let end = from.saturating_add(length).saturating_add(2);
            Step::Frame { body: 0..end, end }
        }
        None if bytes.len() >= MAX_FRAME => Step::Skip(1, Reason::TooLong),
        None => Step::Need(bytes.len().saturating_add(1).max(SHORTEST)),
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(4)?;
    let number: [u8; 7] = reader.array()?;
    let message = reader.be_u16()?;
    let sum_at = frame.len().saturating_sub(TAIL);
    verify(frame, sum_at, message)?;
    let data = frame.get(reader.offset()..sum_at).unwrap_or_default();
    let at = reader.offset();

    let device = || {
        let device = crate::field::bcd::number(&number);
        if device.is_empty() { Err(Reject::at(4, Reason::Malformed)) } else { Ok(device) }
    };
    if message == 0x5000 {
        out.login(device()?, Standing::Claimed, answer(number, 0x4000, &[0]));
        out.reply(answer(number, 0x4000, &[1]), When::Now);
        return Ok(());
    }
    out.identify_by(&number, device)?;
    match message {
        0x0001 => out.reply(answer(number, 0x0001, &[1]), When::Now),
        0x9955 => data::position(data, at, None, false, out)?,
        0x9016 => data::position(data, at, None, true, out)?,
        0x9999 => {
            let mut part = Reader::new(data);
            let code = part.u8().map_err(|_| Reject::at(at, Reason::Truncated))?;
            data::position(part.rest(), at.saturating_add(1), Some(code), false, out)?;
        }
        0x6688 => data::stored(data, at, out)?,
        0x9966 => data::card(data, at, out)?,
        0x9901 => data::engine(data, out),
        0x9902 => data::totals(data, out),
        0x9903 => data::error_codes(data, out),
        0xaa00 => data::behind_others(data, at, out)?,
        // No picture is asked for; the device waits for a word all the same.
        0x0800 => {
            let picture = data.first().copied().unwrap_or_default();
            out.reply(answer(number, 0x8801, &[picture, 1]), When::Now);
        }
        0x9988 | 0x9977 | 0x0f80 => {}
        0x0002 | 0x4000..=0x4fff => {
            let mut attributes = Attributes::new();
            attributes.set(
                "result",
                crate::field::text::hex(
                    frame.get(at.saturating_sub(2)..sum_at).unwrap_or_default(),
                ),
            );
            out.report(None, AlarmSet::EMPTY, attributes);
        }
        _ => return Err(Reject::at(at.saturating_sub(2), Reason::Unsupported)),
    }
    Ok(())
}

fn verify(frame: &[u8], sum_at: usize, message: u16) -> Result<(), Reject> {
    let content = frame.get(..sum_at).unwrap_or_default();
    let tail = frame.get(sum_at..).unwrap_or_default();
    let &[high, low, ..] = tail else { return Err(Reject::at(sum_at, Reason::Truncated)) };
    let stated = u16::from_be_bytes([high, low]);
    let is_picture = matches!(message, 0x0800 | 0x9988 | 0x9977 | 0x0f80);
    if stated == checksum::crc16_ccitt_false(content) || (is_picture && stated == u16::MAX) {
        return Ok(());
    }
    // As the frame was when its CRC was made: with the device's mark, and with its length.
    let length = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut made = b"$$".to_vec();
    made.extend(length);
    made.extend(content.get(4..).unwrap_or_default());
    if stated == checksum::crc16_ccitt_false(&made) {
        return Ok(());
    }
    Err(Reject::at(sum_at, Reason::Checksum))
}

fn answer(number: [u8; 7], message: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"@@".to_vec();
    let length = u16::try_from(data.len()).unwrap_or_default().saturating_add(17);
    bytes.extend(length.to_be_bytes());
    bytes.extend(number);
    bytes.extend(message.to_be_bytes());
    bytes.extend(data);
    bytes.extend(checksum::crc16_ccitt_false(&bytes).to_be_bytes());
    bytes.extend(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_length_or_a_line_end() {
        assert_eq!(find(b"$$\0\x11", false), Step::Need(17));
        assert_eq!(find(b"$$\0\x10", false), Step::Skip(1, Reason::Unframed));
        let nameless = b"$$\0\0\x12\x34\x56\xff\xff\xff\xff\x50\0\x8b\x9b\r\n$$";
        assert_eq!(find(nameless, false), Step::Frame { body: 0..17, end: 17 });
        assert_eq!(find(&nameless[..16], false), Step::Need(17));
        assert_eq!(find(b"a$$", false), Step::Skip(1, Reason::Unframed));
    }
}
