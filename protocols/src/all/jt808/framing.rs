//! Where a frame begins and ends, and what its bytes stand for.

use memchr::{memchr, memchr3};

use crate::field::checksum::xor;
use crate::field::escape::Escapes;
use crate::{Reason, Step};

/// The longest body: ten bits of the header say its length.
const BODY_MAX: usize = 1023;
/// The longest header: that of 2019 with the package item.
const HEADER_MAX: usize = 21;
/// The shortest frame between its flags: the header of 2011 and the checksum.
pub(super) const CONTENT_MIN: usize = 13;
/// The longest frame: every byte between the flags escaped.
pub(super) const MAX: usize = 2 * (HEADER_MAX + BODY_MAX + 1) + 2;
/// The longest of the makers' text frames: the longest seen have some 60 characters.
const TEXT_MAX: usize = 512;

/// How frames are set off, and the bytes that mark this off escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The standard's: flag 7e, escape 7d, six or ten bytes of terminal number.
    Standard,
    /// A maker's: flag e7, escapes e6 and 3e, seven bytes of terminal number.
    Alternative,
}

impl Dialect {
    /// The first and the last byte of every frame.
    pub(super) const fn flag(self) -> u8 {
        match self {
            Self::Standard => 0x7e,
            Self::Alternative => 0xe7,
        }
    }

    pub(super) const fn of(flag: u8) -> Option<Self> {
        match flag {
            0x7e => Some(Self::Standard),
            0xe7 => Some(Self::Alternative),
            _ => None,
        }
    }

    pub(super) const fn escapes(self) -> &'static Escapes {
        match self {
            Self::Standard => &STANDARD,
            Self::Alternative => &ALTERNATIVE,
        }
    }

    /// What `head` and `body` make with their checksum, escaped and between flags.
    pub(super) fn wrap(self, head: &[u8], body: &[u8]) -> Vec<u8> {
        let length = head.len().saturating_add(body.len());
        let mut frame = Vec::with_capacity(length.saturating_add(12));
        frame.push(self.flag());
        self.escapes().write(head, &mut frame);
        self.escapes().write(body, &mut frame);
        self.escapes().write(&[xor(head) ^ xor(body)], &mut frame);
        frame.push(self.flag());
        frame
    }
}

static STANDARD: Escapes =
    Escapes { leads: [0x7d, 0x7d], pairs: &[(0x7d, [0x7d, 0x01]), (0x7e, [0x7d, 0x02])] };

static ALTERNATIVE: Escapes = Escapes {
    leads: [0xe6, 0x3e],
    pairs: &[
        (0xe6, [0xe6, 0x01]),
        (0xe7, [0xe6, 0x02]),
        (0x3e, [0x3e, 0x01]),
        (0x3d, [0x3e, 0x02]),
    ],
};

/// The next step for the bytes at hand.
pub(super) fn find(bytes: &[u8], last: bool) -> Step {
    match bytes.first() {
        Some(0x7e) => standard(bytes, last),
        Some(0xe7) => alternative(bytes),
        Some(b'(') => text(bytes),
        _ => {
            let next = memchr3(0x7e, 0xe7, b'(', bytes).unwrap_or(bytes.len());
            Step::Skip(next.max(1), Reason::Unframed)
        }
    }
}

fn standard(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(1..MAX.min(bytes.len())).unwrap_or_default();
    match memchr(0x7e, window) {
        // The end of one frame and the start of the next, or one flag too many.
        Some(0) => Step::Frame { body: 0..0, end: 1 },
        Some(length) => {
            let close = length.saturating_add(1);
            // A flag that closes nothing sound may be the one that opens the next frame.
            let sound = is_sound(window.get(..length).unwrap_or_default());
            Step::Frame { body: 0..close, end: close.saturating_add(usize::from(sound)) }
        }
        None if bytes.len() >= MAX => Step::Skip(MAX, Reason::TooLong),
        None if last && bytes.len() == 1 => Step::Frame { body: 0..0, end: 1 },
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn is_sound(content: &[u8]) -> bool {
    if memchr(0x7d, content).is_none() {
        return xor(content) == 0 && content.len() >= CONTENT_MIN;
    }
    let (mut sum, mut length) = (0_u8, 0_usize);
    for byte in STANDARD.plain(content) {
        let Ok((byte, _)) = byte else { return false };
        sum ^= byte;
        length = length.saturating_add(1);
    }
    sum == 0 && length >= CONTENT_MIN && content.last() != Some(&0x7d)
}

/// A frame between e7 flags. These may well stand in the middle of noise, so its header must look
/// like one, and the frame must end where its header says.
fn alternative(bytes: &[u8]) -> Step {
    const NOT_ONE: Step = Step::Skip(1, Reason::Unframed);
    let content = bytes.get(1..).unwrap_or_default();
    let mut attributes = 0_u16;
    let mut length = usize::MAX;
    let plain = ALTERNATIVE.plain(content);
    for (index, byte) in plain.enumerate() {
        let Ok((byte, end)) = byte else { return NOT_ONE };
        match index {
            // Terminals' messages.
            0 if byte > 0x0f => return NOT_ONE,
            2 => attributes = u16::from(byte) << 8,
            3 => {
                attributes |= u16::from(byte);
                // Message, attributes, number, serial, checksum; with the package item.
                let fixed = if attributes & 0x2000 == 0 { 14 } else { 18 };
                length = usize::from(attributes & 0x03ff).saturating_add(fixed);
            }
            4..=10 if byte >> 4 > 9 || byte & 0x0f > 9 => return NOT_ONE,
            _ => {}
        }
        if index.saturating_add(1) == length {
            let close = end.saturating_add(1);
            return match bytes.get(close) {
                Some(0xe7) => Step::Frame { body: 0..close, end: close.saturating_add(1) },
                Some(_) => NOT_ONE,
                None => Step::Need(close.saturating_add(1)),
            };
        }
    }
    Step::Need(bytes.len().saturating_add(1))
}

/// A lock maker's text frame, such as `(700160818000,1,001,BASE,2,TIME)`.
fn text(bytes: &[u8]) -> Step {
    let inside = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b')';
    if bytes.get(1).is_some_and(|byte| !byte.is_ascii_digit()) {
        return Step::Skip(1, Reason::Unframed);
    }
    let close = bytes.iter().take(TEXT_MAX).take_while(|byte| inside(byte)).count();
    match bytes.get(close) {
        Some(b')') => Step::Frame { body: 0..close, end: close.saturating_add(1) },
        None => Step::Need(bytes.len().saturating_add(1)),
        Some(_) => Step::Skip(1, Reason::Unframed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Message;
    use super::*;

    const UNFRAMED: fn(usize) -> Step = |count| Step::Skip(count, Reason::Unframed);

    #[test]
    fn a_stray_flag_costs_nothing() {
        let frame = Dialect::Standard.wrap(&[0, 2, 0, 0, 1, 0x7e, 0x7d, 0, 0, 1, 0, 9], &[]);
        let whole = Step::Frame { body: 0..frame.len() - 1, end: frame.len() };
        assert_eq!(find(&frame, false), whole);
        assert_eq!(find(&[0x7e, 0x7e], false), Step::Frame { body: 0..0, end: 1 });
        assert_eq!(find(&[0x7e], false), Step::Need(2));
        assert_eq!(find(&[0x7e], true), Step::Frame { body: 0..0, end: 1 });
        let cut = [&[0x7e, 0, 2, 0][..], &frame].concat();
        assert_eq!(find(&cut, false), Step::Frame { body: 0..4, end: 4 });
    }

    #[test]
    fn a_frame_without_an_end_is_given_up() {
        let mut long = vec![0; MAX];
        long[0] = 0x7e;
        assert_eq!(find(&long, false), Step::Skip(MAX, Reason::TooLong));
        assert_eq!(find(&long[..MAX - 1], false), Step::Need(MAX));
        assert_eq!(find(&[1, 2, 0x7e], false), UNFRAMED(2));
    }

    #[test]
    fn the_makers_flags_do_not_hold_noise() {
        let content = [0, 2, 0, 0, 1, 0x23, 0x45, 0x67, 0x89, 1, 0x23, 0, 0x3d];
        let frame = Dialect::Alternative.wrap(&content, &[]);
        let whole = Step::Frame { body: 0..frame.len() - 1, end: frame.len() };
        assert_eq!(find(&frame, false), whole);
        let mut room = crate::field::escape::Room::new();
        let message = Message::open(&frame[..frame.len() - 1], &mut room).unwrap();
        assert_eq!(message.content(), content);
        assert_eq!(find(&[0xe7, 0x80], false), UNFRAMED(1));
        assert_eq!(find(&[0xe7, 2, 0, 0, 0, 0xab], false), UNFRAMED(1));
        assert_eq!(find(b"(12,A)", false), Step::Frame { body: 0..5, end: 6 });
        assert_eq!(find(b"(12\x00", false), UNFRAMED(1));
        assert_eq!(find(b"(A", false), UNFRAMED(1));
    }
}
