//! Queclink GL, GV, GB, GMT, GT and CV trackers: the @Track air interface protocol.
//!
//! TCP and UDP on port 5004. Source: Queclink, "@Track Air Interface Protocol" of GL200, GL300,
//! GL500, GV200, GV300, GV500, GV600, GV350 and GB100 (the last for the binary form).
//!
//! | frame | form | answer |
//! |---|---|---|
//! | `+RESP:GT…`, `+BUFF:GT…` | text up to `$` or NUL: see `text` | `+SACK:` count `$` |
//! | `+ACK:GTHBD` | heartbeat | `+SACK:GTHBD,` version, count `$` |
//! | `+ACK:GT…` | a command was taken | none |
//! | `+RSP`, `+BSP`, `+EVT`, `+BVT`, `+INF`, `+BNF`, `+ACK`, `+HBD`, `+CRD`, `+BRD` | binary with a length and a CRC: see `binary` | none |
//! | `+` `00` | the newer binary form of battery trackers: see `binary` | none |
//!
//! Quirks: the layout of a message depends on the model and on masks that are configured, and there
//! are dozens of models. What they share is the block of a position, whose two coordinates have six
//! decimals and stand before a time of fourteen digits: it is looked for. A GNSS accuracy of 0
//! means that the position is the last one known; its time is its own, so it stays a position of
//! that time.

mod binary;
mod command;
mod text;
mod vehicle;

use crate::field::Reader;
use crate::framing::{window, without_end};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gl200",
    title: "Queclink GL, GV, GB, GMT, GT, CV: @Track, text and binary",
    port: 5004,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::PowerRestored,
        Alarm::Temperature,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Fifteen positions in text have some 1 500 bytes; accessories and binary tracks several
/// thousand.
const MAX_FRAME: usize = 16 * 1024;

/// Where the length of a binary frame stands, and its bytes.
fn length_field(head: &[u8]) -> Option<(usize, usize)> {
    match head {
        b"+RSP" | b"+BSP" | b"+EVT" | b"+BVT" => Some((9, 2)),
        b"+INF" | b"+BNF" => Some((7, 2)),
        b"+CRD" | b"+BRD" => Some((6, 2)),
        b"+ACK" => Some((6, 1)),
        b"+HBD" => Some((5, 1)),
        _ => None,
    }
}

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n' | 0, ..] => Step::Frame { body: 0..0, end: 1 },
        [b'+', 0, ..] => find_binary(bytes, 2, 2),
        [b'+', ..] => {
            let Some(head) = bytes.get(..4) else {
                return if last {
                    Step::Skip(bytes.len(), Reason::Truncated)
                } else {
                    Step::Need(4)
                };
            };
            match (head, length_field(head)) {
                (b"+ACK", _) if bytes.len() < 5 => Step::Need(5),
                (b"+ACK", _) if bytes.get(4) == Some(&b':') => find_text(bytes, last),
                (_, Some((offset, width))) => find_binary(bytes, offset, width),
                (b"+RES" | b"+BUF" | b"+EVE", None) => find_text(bytes, last),
                _ => Step::Skip(1, Reason::Unframed),
            }
        }
        _ => {
            let next = bytes.iter().position(|byte| matches!(byte, b'+' | b'\r' | b'\n' | 0));
            Step::Skip(next.unwrap_or(bytes.len()).max(1), Reason::Unframed)
        }
    }
}

fn find_text(bytes: &[u8], last: bool) -> Step {
    let window = window(bytes, MAX_FRAME);
    match memchr::memchr2(b'$', 0, window) {
        Some(end) => Step::Frame { body: 0..end, end: end.saturating_add(1) },
        None => without_end(bytes, 0, MAX_FRAME, last),
    }
}

fn find_binary(bytes: &[u8], offset: usize, width: usize) -> Step {
    let header = offset.saturating_add(width);
    let mut reader = Reader::new(bytes);
    let Ok(field) = reader.skip(offset).and_then(|()| reader.take(width)) else {
        return Step::Need(header);
    };
    let length = field
        .iter()
        .fold(0_usize, |sum, byte| sum.saturating_mul(256).saturating_add(usize::from(*byte)));
    if length > MAX_FRAME || length < header.saturating_add(4) {
        // No length of such a frame: the `+` was something else.
        return Step::Skip(1, Reason::Malformed);
    }
    if bytes.len() < length {
        return Step::Need(length);
    }
    Step::Frame { body: 0..length, end: length }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    match (frame.get(1), frame.get(4), frame.get(5)) {
        (Some(0), ..) => binary::decode_newer(frame, out),
        (_, Some(b':'), _) | (_, _, Some(b':')) => text::decode(frame, out),
        _ => binary::decode(frame, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_are_told_apart() {
        assert_eq!(find(b"+ACK", false), Step::Need(5));
        assert_eq!(find(b"+ACK:GTHBD$", false), Step::Frame { body: 0..10, end: 11 });
        assert_eq!(find(b"+RESP:GT\0", false), Step::Frame { body: 0..8, end: 9 });
        assert_eq!(find(b"+HBD\x01\x20", false), Step::Need(32));
        assert_eq!(find(b"+HBD\x01\x02", false), Step::Skip(1, Reason::Malformed));
        assert_eq!(find(b"+ABC", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"ab+", false), Step::Skip(2, Reason::Unframed));
    }
}
