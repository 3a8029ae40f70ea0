//! A frame opened: its bytes without escapes and checksum.

use super::framing::{CONTENT_MIN, Dialect};
use crate::field::checksum::xor;
use crate::field::escape::{Room, Unescaped};
use crate::{Reason, Reject};

/// A frame's bytes without escapes, its checksum verified.
pub(super) struct Message<'a> {
    pub(super) dialect: Dialect,
    plain: Unescaped<'a>,
}

impl<'a> Message<'a> {
    /// Opens a frame, which begins with its flag and ends before the second one.
    pub(super) fn open(raw: &'a [u8], room: &'a mut Room) -> Result<Self, Reject> {
        let (dialect, content) = raw
            .split_first()
            .and_then(|(flag, content)| Some((Dialect::of(*flag)?, content)))
            .ok_or(Reject::at(0, Reason::Unframed))?;
        let plain = dialect
            .escapes()
            .open(content, room)
            .map_err(|at| Reject::at(at.saturating_add(1), Reason::Malformed))?;
        let message = Self { dialect, plain };
        let bytes = message.plain.bytes();
        if bytes.len() < CONTENT_MIN {
            return Err(Reject::at(raw.len(), Reason::Truncated));
        }
        if xor(bytes) != 0 {
            let checksum = bytes.len().saturating_sub(1);
            return Err(message.place(Reject::at(checksum, Reason::Checksum)));
        }
        Ok(message)
    }

    /// Header and body.
    pub(super) fn content(&self) -> &[u8] {
        self.plain.bytes().split_last().map_or(&[], |(_, content)| content)
    }

    /// A reject whose offset counts in [`Message::content`], counted in the frame as it came.
    pub(super) fn place(&self, reject: Reject) -> Reject {
        Reject { offset: self.plain.place(reject.offset).saturating_add(1), ..reject }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_counts_escaped_bytes() {
        let mut frame = Dialect::Standard.wrap(&[0, 2, 0, 0, 1, 0x7e, 0x7d, 0, 0, 1, 0, 9], &[]);
        frame.pop();
        let mut room = Room::new();
        let message = Message::open(&frame, &mut room).unwrap();
        let place = |offset| message.place(Reject::at(offset, Reason::Malformed)).offset;
        assert_eq!((place(0), place(5), place(6), place(7)), (1, 6, 8, 10));
        frame[1] ^= 1;
        let offset = frame.len() - 1;
        assert_eq!(
            Message::open(&frame, &mut Room::new()).err(),
            Some(Reject::at(offset, Reason::Checksum))
        );
    }
}
