//! GoSafe G1S, G3, G6, G7 and kin: text and binary.
//!
//! TCP and UDP on port 5078. Source: GoSafe's "GS02", "GS06", "GS16", "GS26" and "GS56" protocols.
//!
//! | form | frame |
//! |---|---|
//! | text | `*GS` version `,` IMEI `,` data `#`; a `#` in the data has a `(` before it |
//! | binary | F8, version, type, IMEI, data, F8; within, 1B 00 stands for 1B and 1B E3 for F8 |
//!
//! The data are told in `text` and `binary`. Every frame is answered `1234`; one without data asks
//! whether it is heard.
//!
//! Quirks: what events and states mean is a table of the model's, which is not published: both are
//! attributes, and no alarm is told. The checksum of binary versions but the second is not known
//! either, and so not verified.

mod binary;
mod text;

use crate::{Context, Framer, Out, Protocol, Reason, Reject, Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gosafe",
    title: "GoSafe G1S, G3, G6, G7: text and binary",
    port: 5078,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[],
    commands: None,
    decoder: || Box::new(decode),
};

/// A frame of text may hold some ten positions of 250 bytes.
const MAX_FRAME: usize = 8192;
/// Where a binary frame begins, and ends.
const MARK: u8 = 0xf8;

fn find(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let end = match bytes {
        // What ends the one frame and begins the next is a pair; a lone one is passed over.
        [MARK, MARK, ..] => return Step::Frame { body: 0..0, end: 1 },
        [MARK, ..] => memchr::memchr_iter(MARK, window).nth(1),
        [b'*', ..] => {
            let escaped =
                |at: &usize| at.checked_sub(1).and_then(|at| window.get(at)) == Some(&b'(');
            memchr::memchr_iter(b'#', window).find(|at| !escaped(at))
        }
        [first, ..] if first.is_ascii_whitespace() => return Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin = |byte: &u8| matches!(*byte, MARK | b'*') || byte.is_ascii_whitespace();
            let next = bytes.iter().skip(1).position(may_begin);
            let count = next.map_or(bytes.len(), |at| at.saturating_add(1));
            return Step::Skip(count, Reason::Unframed);
        }
    };
    match end {
        Some(until) => Step::Frame { body: 0..until, end: until.saturating_add(1) },
        None if window.len() == MAX_FRAME => Step::Skip(1, Reason::TooLong),
        None if last && bytes.starts_with(b"*") => {
            Step::Frame { body: 0..bytes.len(), end: bytes.len() }
        }
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let when = match frame.first() {
        Some(&MARK) => binary::decode(frame, out)?,
        _ => text::decode(context, frame, out)?,
    };
    out.reply("1234", when);
    Ok(())
}

/// The IMEI, if it is one.
fn identify(imei: &str, at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    if !(10..=20).contains(&imei.len()) || !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::at(at, Reason::Malformed));
    }
    out.identify(imei);
    Ok(())
}

/// An answer to what reported nothing says nothing of data.
const fn when(has_data: bool) -> When {
    if has_data { When::Accepted } else { When::Now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_with_a_hash_and_binary_with_its_mark() {
        assert_eq!(find(b"*GS06,1#*", false), Step::Frame { body: 0..7, end: 8 });
        assert_eq!(find(b"*GS06,(#1#", false), Step::Frame { body: 0..9, end: 10 });
        assert_eq!(find(b"*GS06", false), Step::Need(6));
        assert_eq!(find(b"*GS06", true), Step::Frame { body: 0..5, end: 5 });
        assert_eq!(find(b"\xf8\x06A\xf8\xf8", false), Step::Frame { body: 0..3, end: 4 });
        assert_eq!(find(b"\xf8\xf8\x06", false), Step::Frame { body: 0..0, end: 1 });
        assert_eq!(find(b"\xf8\x06", true), Step::Need(3));
        assert_eq!(find(b"xx*", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(&[b'*'; MAX_FRAME], false), Step::Skip(1, Reason::TooLong));
        assert_eq!(find(&[b'x'; 9], false), Step::Skip(9, Reason::Unframed));
    }
}
