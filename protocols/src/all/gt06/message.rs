//! One frame opened, and answers put together.

use super::framing::Form;
use crate::field::Reader;
use crate::field::checksum::crc16_x25;
use crate::{Reason, Reject};

/// Serial number, checksum, end.
const TRAILER_LENGTH: usize = 6;

/// A frame whose checksum is right.
pub(super) struct Message<'a> {
    /// How it began.
    pub(super) form: Form,
    /// The message's number.
    pub(super) kind: u8,
    /// The length in the header: it tells makers' layouts apart.
    pub(super) length: usize,
    /// What stands between number and serial number; offsets are the frame's.
    pub(super) body: Reader<'a>,
    /// The message's serial number.
    pub(super) serial: u16,
}

impl<'a> Message<'a> {
    /// Opens a frame.
    pub(super) fn open(frame: &'a [u8]) -> Result<Self, Reject> {
        let form = Form::of(frame).ok_or(Reject::at(0, Reason::Unframed))?;
        let body_end = frame
            .len()
            .checked_sub(TRAILER_LENGTH)
            .ok_or_else(|| Reject::at(frame.len(), Reason::Truncated))?;
        let mut whole = Reader::new(frame);
        let mut body = whole.part(body_end)?;
        body.skip(2)?;
        let length = match form {
            Form::Basic => usize::from(body.u8()?),
            Form::Extended => usize::from(body.be_u16()?),
        };
        let kind = body.u8()?;
        let serial = whole.be_u16()?;
        let at = whole.reject(Reason::Checksum);
        let summed = frame.get(2..whole.offset()).unwrap_or_default();
        if whole.be_u16()? != crc16_x25(summed) {
            return Err(at);
        }
        Ok(Self { form, kind, length, body, serial })
    }

    /// The usual answer: the message's own number and serial number.
    pub(super) fn answer(&self) -> Vec<u8> {
        frame(Form::Basic, self.kind, &[], self.serial)
    }
}

/// A frame of ours.
pub(super) fn frame(form: Form, kind: u8, content: &[u8], serial: u16) -> Vec<u8> {
    // Number, serial number and checksum count too; our longest answer has 21 bytes.
    let length = u8::try_from(content.len()).unwrap_or_default().saturating_add(5);
    let mut frame = Vec::with_capacity(content.len().saturating_add(11));
    match form {
        Form::Basic => frame.extend([0x78, 0x78, length]),
        Form::Extended => frame.extend([0x79, 0x79, 0, length]),
    }
    frame.push(kind);
    frame.extend(content);
    frame.extend(serial.to_be_bytes());
    let sum = crc16_x25(frame.get(2..).unwrap_or_default());
    frame.extend(sum.to_be_bytes());
    frame.extend(b"\r\n");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_can_be_opened() {
        let answer = frame(Form::Basic, 0x13, &[], 0x0102);
        let message = Message::open(&answer).unwrap();
        assert_eq!((message.kind, message.serial, message.length), (0x13, 0x0102, 5));
        assert!(message.body.is_empty());
        assert_eq!(message.answer(), answer);
    }

    #[test]
    fn a_wrong_checksum_is_refused_where_it_stands() {
        let mut answer = frame(Form::Extended, 0x94, &[0, 1, 2], 1);
        answer[5] ^= 1;
        let refused = Message::open(&answer).err();
        assert_eq!(refused, Some(Reject::at(answer.len() - 4, Reason::Checksum)));
        assert_eq!(Message::open(b"\x78\x78\x01\x13").err().unwrap().reason, Reason::Truncated);
    }
}
