//! H02: SinoTrack ST-901 and its many kin (TK-series clones, LK, PT, watches).
//!
//! TCP and UDP on port 5013. Source: the makers' "GPRS communication protocol" of the HQ family
//! (versions 1.0 to 1.5) and ICAR's sheet of the longer binary messages.
//!
//! Text is `*` maker, device, message, fields `#` (see `text`). Binary is `$` or `X` and packed
//! decimals (see `binary`). Both may come on one connection. The vehicle status, 32 bits in
//! negative logic, is in `status`.
//!
//! Quirks: a binary message has 32 bytes with everything that matters, or 45, 46, 47 or more with
//! cells and mileage behind that, and no length. So the 32 bytes are a frame at once, and what
//! follows them is passed over up to the next place where a message can begin. Bytes that could
//! be chance are taken for a beginning only where the decimals behind them are a date.

mod binary;
mod command;
mod status;
mod text;

use crate::framing::{window, without_end};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "h02",
    title: "H02 family (SinoTrack ST-901 and kin): text and binary",
    port: 5013,
    transports: Transports::TcpUdp,
    framer: Framer::Remembering { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::GpsAntennaCut,
        Alarm::GpsAntennaShort,
        Alarm::GpsFault,
        Alarm::IllegalIgnition,
        Alarm::AntiTheft,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Temperature,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Positions have some 150 bytes, answers to a question for the settings several hundred.
const MAX_FRAME: usize = 2048;
/// What may follow a binary message's 32 bytes: lists of cells or access points are the longest.
const MAX_TAIL: usize = 256;
/// `memory`: the frame before was a binary one, so a tail may follow.
const TAIL_MAY_FOLLOW: u64 = 1;

/// What the bytes at a place may be.
enum Start {
    /// A message begins here.
    Yes,
    /// It cannot.
    No,
    /// So many bytes would tell.
    Unclear(usize),
}

fn start(bytes: &[u8]) -> Start {
    match bytes {
        [b'*', rest @ ..] => text_start(rest),
        [b'$' | b'X', ..] => match binary::header(bytes) {
            _ if bytes.len() < binary::HEADER => Start::Unclear(binary::HEADER),
            Some(_) => Start::Yes,
            None => Start::No,
        },
        _ => Start::No,
    }
}

/// Two letters or digits and a comma.
fn text_start(bytes: &[u8]) -> Start {
    let fits = bytes.iter().take(3).enumerate().all(|(place, byte)| match place {
        2 => *byte == b',',
        _ => byte.is_ascii_alphanumeric(),
    });
    match (fits, bytes.len()) {
        (false, _) => Start::No,
        (true, 0..3) => Start::Unclear(4),
        (true, _) => Start::Yes,
    }
}

fn find(bytes: &[u8], last: bool, memory: &mut u64) -> Step {
    if *memory == TAIL_MAY_FOLLOW {
        return find_end_of_tail(bytes, last, memory);
    }
    match bytes {
        [b'\r' | b'\n', ..] => Step::Frame { body: 0..0, end: 1 },
        _ => match start(bytes) {
            Start::Unclear(length) => Step::Need(length),
            Start::No => Step::Skip(1, Reason::Unframed),
            Start::Yes if bytes.first() == Some(&b'*') => find_hash(bytes, last),
            Start::Yes => {
                let length = binary::header(bytes).map_or(1, |header| header.length);
                if bytes.len() < length {
                    return Step::Need(length);
                }
                *memory = TAIL_MAY_FOLLOW;
                Step::Frame { body: 0..length, end: length }
            }
        },
    }
}

fn find_hash(bytes: &[u8], last: bool) -> Step {
    let window = window(bytes, MAX_FRAME);
    let hash = memchr::memchr(b'#', window);
    // A message that lost its end must not take the next one with it.
    let until = window.get(..hash.unwrap_or(window.len())).unwrap_or_default();
    let next = memchr::memchr_iter(b'*', until).skip(1).find(|at| {
        let rest = until.get(at.saturating_add(1)..).unwrap_or_default();
        matches!(text_start(rest), Start::Yes)
    });
    match (next, hash) {
        (Some(next), _) => Step::Skip(next, Reason::Truncated),
        (None, Some(hash)) => Step::Frame { body: 0..hash, end: hash.saturating_add(1) },
        (None, None) => without_end(bytes, 0, MAX_FRAME, last),
    }
}

/// Passes over what follows a binary message. The known lengths are tried first, so that a byte of
/// a tail that looks like a beginning does not hide the true one.
fn find_end_of_tail(bytes: &[u8], last: bool, memory: &mut u64) -> Step {
    *memory = 0;
    for length in [0, 13, 14, 15].into_iter().chain(1..=MAX_TAIL) {
        let rest = bytes.get(length..).unwrap_or_default();
        let begins = match rest {
            [] if last => Start::Yes,
            [] => Start::Unclear(1),
            [b'\r' | b'\n', ..] if length == 0 => Start::Yes,
            _ => start(rest),
        };
        match begins {
            // An empty body is a frame that nobody is given.
            Start::Yes if length == 0 => return find(bytes, last, memory),
            Start::Yes => return Step::Frame { body: 0..0, end: length.min(bytes.len()) },
            Start::Unclear(more) if !last => return Step::Need(length.saturating_add(more)),
            Start::Unclear(_) | Start::No => {}
        }
    }
    Step::Skip(bytes.len().clamp(1, MAX_TAIL), Reason::Unframed)
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    match frame.first() {
        Some(b'*') => text::decode(context, frame, out),
        Some(b'$') => binary::decode(frame, out),
        // The same position once more, under a number that is not the device's.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINARY: &[u8] = b"\x24\x41\x06\x00\x00\x01\x02\x00\x00\x15\x06\x26\x38\x54\x60\x00\x06\
        \x12\x13\x65\x00\x0e\x03\x01\x80\xff\xff\xfb\xff\xff\x00\x24";

    #[test]
    fn a_binary_message_is_whole_with_its_thirty_two_bytes() {
        let mut memory = 0;
        let step = find(BINARY, false, &mut memory);
        assert_eq!(step, Step::Frame { body: 0..32, end: 32 });
        assert_eq!(memory, TAIL_MAY_FOLLOW);
        assert_eq!(find(&BINARY[..31], false, &mut 0), Step::Need(32));
        assert_eq!(find(&BINARY[..5], false, &mut 0), Step::Need(binary::HEADER));
    }

    #[test]
    fn a_tail_ends_where_the_next_message_begins() {
        // The last byte of the tail looks like a beginning.
        let tail = [0x06, 0, 0, 0, 0x2c, 0x01, 0xcc, 0, 0x12, 0x34, 0x56, 0x78, 0x24];
        let bytes = [&tail[..], BINARY].concat();
        let mut memory = TAIL_MAY_FOLLOW;
        assert_eq!(find(&bytes, false, &mut memory), Step::Frame { body: 0..0, end: 13 });
        assert_eq!(memory, 0);
        assert_eq!(find(&tail, true, &mut 1), Step::Frame { body: 0..0, end: 13 });
        assert!(matches!(find(&tail, false, &mut 1), Step::Need(_)));
        assert_eq!(find(b"\r", false, &mut 1), Step::Frame { body: 0..0, end: 1 });
    }

    #[test]
    fn a_message_without_its_end_costs_only_itself() {
        let bytes = b"*HQ,1,V1,*HQ,2,HTBT#";
        assert_eq!(find(bytes, false, &mut 0), Step::Skip(9, Reason::Truncated));
        assert_eq!(find(&bytes[9..], false, &mut 0), Step::Frame { body: 0..10, end: 11 });
        assert_eq!(find(b"*HQ,2", true, &mut 0), Step::Frame { body: 0..5, end: 5 });
        assert_eq!(find(b"*H", false, &mut 0), Step::Need(4));
        assert_eq!(find(b"*H-,", false, &mut 0), Step::Skip(1, Reason::Unframed));
    }
}
