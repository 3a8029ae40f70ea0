//! Ulbotech T301, T356, T361, T363, T371, T376, T381 and kin, most of which stand in the socket of a
//! vehicle's diagnosis.
//!
//! TCP on port 5072. Source: Ulbotech, "Tracking Device Communication Protocol" 1.2, as far as it is
//! public, and frames of devices.
//!
//! | form | frame | answer |
//! |---|---|---|
//! | binary | `f8`, content, CRC-16/XMODEM of it 2, `f8`; within, `f7 00` stands for `f7`, `f7 0f` for `f8` | a frame of version 1 and type `fe` with the CRC of the other |
//! | text | `*TS`, version, `,`, IMEI, what follows, `#` | `*TS01,ACK:`, CRC-16/XMODEM of all between `*` and `#`, `#` |
//!
//! Both say the same in [`binary`] and [`text`]: parts of position, cell, state, mileage, inputs and
//! vehicle, each by its number or by its name.
//!
//! | bit of the alarms | meaning |
//! |---|---|
//! | 0 | main power cut, and so off |
//! | 1, 2, 3 | moved, too fast, jamming |
//! | 4, 5 | fence, towed |
//! | 10, 14, 15 | emergency, accident, battery low |
//!
//! Quirks: an alarm comes once, and is no state: that of the power may be told when it is back. Bit 9
//! of the state is the ignition; what the others mean is not published. Text has no checksum.

mod binary;
mod parts;
mod text;

use memchr::{memchr, memchr2};

use crate::framing::{between, window};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ulbotech",
    title: "Ulbotech T301 to T381: binary and text",
    port: 5072,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::HighRpm,
        Alarm::LowBattery,
        Alarm::PowerOff,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// A position has some 150 bytes; what is read off a lorry's bus may be some 1 000 more.
const MAX_FRAME: usize = 4096;
/// Where a binary frame begins, and ends.
const MARK: u8 = 0xf8;

fn find(bytes: &[u8], is_last: bool) -> Step {
    if let Some(step) = between(bytes, |byte| matches!(byte, MARK | b'*')) {
        return step;
    }
    let rest = window(bytes, MAX_FRAME).get(1..).unwrap_or_default();
    let length = match bytes {
        // What ends the one frame and begins the next is a pair; a lone one is passed over.
        [MARK, MARK, ..] => return Step::Frame { body: 0..0, end: 1 },
        [MARK, ..] => memchr(MARK, rest),
        _ => match memchr2(b'#', MARK, rest) {
            // The text's end is lost.
            Some(length) if rest.get(length) == Some(&MARK) => {
                return Step::Skip(length.saturating_add(1), Reason::Truncated);
            }
            length => length,
        },
    };
    match length {
        Some(length) => {
            let until = length.saturating_add(1);
            Step::Frame { body: 0..until, end: until.saturating_add(1) }
        }
        None if bytes.len() >= MAX_FRAME => Step::Skip(1, Reason::TooLong),
        None if is_last && bytes.starts_with(b"*") => {
            Step::Frame { body: 0..bytes.len(), end: bytes.len() }
        }
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    match frame.split_first() {
        Some((&MARK, content)) => binary::decode(content, out),
        _ => text::decode(frame, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_with_a_hash_and_binary_with_its_mark() {
        assert_eq!(find(b"*TS01,1#*", false), Step::Frame { body: 0..7, end: 8 });
        assert_eq!(find(b"*TS01", false), Step::Need(6));
        assert_eq!(find(b"*TS01", true), Step::Frame { body: 0..5, end: 5 });
        assert_eq!(find(b"*TS01\xf8\x01", false), Step::Skip(5, Reason::Truncated));
        assert_eq!(find(b"\xf8\x01\x01\xf8\xf8", false), Step::Frame { body: 0..3, end: 4 });
        assert_eq!(find(b"\xf8\xf8\x01", false), Step::Frame { body: 0..0, end: 1 });
        assert_eq!(find(b"\xf8\x01", true), Step::Need(3));
        assert_eq!(find(b"\r\n*", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"xx*", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(&[b'*'; MAX_FRAME], false), Step::Skip(1, Reason::TooLong));
    }
}
