//! The message header, in each of its forms, and the answers that copy it.

use std::fmt::Write as _;

use arrayvec::ArrayVec;

use super::framing::Dialect;
use crate::field::text::Short;
use crate::field::{Reader, bcd, text};
use crate::{Out, Reason, Reject};

/// Messages by number; those that terminals send unless it says otherwise.
pub(super) mod number {
    pub(in super::super) const GENERAL_ANSWER_OF_TERMINAL: u16 = 0x0001;
    pub(in super::super) const HEARTBEAT: u16 = 0x0002;
    pub(in super::super) const LOGOUT: u16 = 0x0003;
    pub(in super::super) const TIME_REQUEST: u16 = 0x0004;
    pub(in super::super) const REGISTER: u16 = 0x0100;
    pub(in super::super) const AUTHENTICATION: u16 = 0x0102;
    pub(in super::super) const PARAMETERS: u16 = 0x0104;
    pub(in super::super) const TERMINAL_ATTRIBUTES: u16 = 0x0107;
    pub(in super::super) const UPGRADE_RESULT: u16 = 0x0108;
    pub(in super::super) const TIME_REQUEST_OF_MAKERS: u16 = 0x0109;
    pub(in super::super) const LOCATION: u16 = 0x0200;
    pub(in super::super) const LOCATION_ANSWER: u16 = 0x0201;
    /// Of makers: several locations, or the battery of a sleeping tracker.
    pub(in super::super) const LOCATION_BATCH_OF_MAKERS: u16 = 0x0210;
    pub(in super::super) const EVENT: u16 = 0x0301;
    pub(in super::super) const QUESTION_ANSWER: u16 = 0x0302;
    pub(in super::super) const INFORMATION_DEMAND: u16 = 0x0303;
    pub(in super::super) const CONTROL_ANSWER: u16 = 0x0500;
    pub(in super::super) const HEARTBEAT_OF_MAKERS: u16 = 0x0506;
    pub(in super::super) const RECORDER_DATA: u16 = 0x0700;
    pub(in super::super) const WAYBILL: u16 = 0x0701;
    pub(in super::super) const DRIVER: u16 = 0x0702;
    pub(in super::super) const LOCATION_BATCH: u16 = 0x0704;
    pub(in super::super) const CAN_DATA: u16 = 0x0705;
    pub(in super::super) const MEDIA_EVENT: u16 = 0x0800;
    pub(in super::super) const MEDIA: u16 = 0x0801;
    pub(in super::super) const MEDIA_LIST: u16 = 0x0802;
    pub(in super::super) const CAMERA_ANSWER: u16 = 0x0805;
    pub(in super::super) const TRANSPARENT: u16 = 0x0900;
    pub(in super::super) const TEXT_OF_MAKERS: u16 = 0x1300;
    pub(in super::super) const ACCELERATION: u16 = 0x2070;
    pub(in super::super) const TEXT_REPORT: u16 = 0x6006;
    pub(in super::super) const LOCK_LOCATION: u16 = 0x5501;
    pub(in super::super) const LOCK_LOCATION_STORED: u16 = 0x5502;
    pub(in super::super) const PHOTO_OF_MAKERS: u16 = 0x8888;

    /// Ours.
    pub(in super::super) const GENERAL_ANSWER: u16 = 0x8001;
    /// Ours.
    pub(in super::super) const RESEND_REQUEST: u16 = 0x8003;
    /// Ours.
    pub(in super::super) const TIME_ANSWER: u16 = 0x8004;
    /// Ours.
    pub(in super::super) const REGISTER_ANSWER: u16 = 0x8100;
    /// Ours.
    pub(in super::super) const TIME_ANSWER_OF_MAKERS: u16 = 0x8109;
    /// Ours.
    pub(in super::super) const POSITION_REQUEST: u16 = 0x8201;
    /// Ours.
    pub(in super::super) const TRACKING: u16 = 0x8202;
    /// Ours.
    pub(in super::super) const TEXT: u16 = 0x8300;
    /// Ours.
    pub(in super::super) const MEDIA_ANSWER: u16 = 0x8800;
    /// Ours, to the locks' messages.
    pub(in super::super) const LOCK_ANSWER: u16 = 0x4401;
}

/// One part of a message sent in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Of how many.
    pub(super) total: u16,
    /// Which, counted from 1.
    pub(super) number: u16,
}

/// What stands before every body.
pub(super) struct Header<'m> {
    dialect: Dialect,
    /// The message's number.
    pub(super) message: u16,
    attributes: u16,
    /// The protocol's version byte: frames in the form of 2019 alone have one.
    version: Option<u8>,
    number: &'m [u8],
    /// The message's serial number.
    pub(super) serial: u16,
    /// Which part this is, where a message came in several.
    pub(super) part: Option<Part>,
}

impl<'m> Header<'m> {
    /// Reads a header; the reader stands at the body then.
    pub(super) fn read(dialect: Dialect, reader: &mut Reader<'m>) -> Result<Self, Reject> {
        let message = reader.be_u16()?;
        let attributes = reader.be_u16()?;
        let is_lock = matches!(message, number::LOCK_LOCATION | number::LOCK_LOCATION_STORED);
        let is_2019 = attributes & 0x4000 != 0 && !is_lock && dialect == Dialect::Standard;
        let version = if is_2019 { Some(reader.u8()?) } else { None };
        let number = reader.take(match (dialect, version) {
            (Dialect::Alternative, _) => 7,
            (Dialect::Standard, Some(_)) => 10,
            (Dialect::Standard, None) => 6,
        })?;
        let serial = if is_lock { u16::from(reader.u8()?) } else { reader.be_u16()? };
        let mut part = None;
        if attributes & 0x2000 != 0 && !is_lock {
            let at = reader.reject(Reason::OutOfRange);
            let (total, number) = (reader.be_u16()?, reader.be_u16()?);
            if number == 0 || number > total {
                return Err(at);
            }
            part = (total > 1).then_some(Part { total, number });
        }
        Ok(Self { dialect, message, attributes, version, number, serial, part })
    }

    /// The head of a message that answers none, to a terminal whose frames have this form.
    pub(super) const fn ours(dialect: Dialect, version: Option<u8>, number: &'m [u8]) -> Self {
        Self { dialect, message: 0, attributes: 0, version, number, serial: 0, part: None }
    }

    /// The bytes that name `device` in a header: the reverse of [`Self::device`].
    pub(super) fn number_of(
        device: &str,
        dialect: Dialect,
        version: Option<u8>,
    ) -> Option<Vec<u8>> {
        let length: usize = match (dialect, version) {
            (Dialect::Alternative, _) => 7,
            (Dialect::Standard, Some(_)) => 10,
            (Dialect::Standard, None) => 6,
        };
        let device = match device.trim_start_matches('0') {
            "" if device.is_empty() => return None,
            device => device,
        };
        let is_number = device.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        if device.len() > length.saturating_mul(2) {
            let first = device.get(..14)?.parse::<u64>().ok()?;
            let [_, _, number @ ..] = first.to_be_bytes();
            return (length == number.len() && imei(first).as_str() == device)
                .then(|| number.to_vec());
        }
        let digits = format!("{device:0>width$}", width = length.saturating_mul(2));
        let digit = |byte: &u8| byte.saturating_sub(b'0');
        Some(
            digits
                .as_bytes()
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |byte, half| (byte << 4) | digit(half)))
                .collect(),
        )
    }

    /// How its frame is set off.
    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The version byte of the form of 2019.
    pub(super) const fn version(&self) -> Option<u8> {
        self.version
    }

    /// Whether the frame has the form of 2019.
    pub(super) const fn is_2019(&self) -> bool {
        self.version.is_some()
    }

    /// Whether the body is encrypted; the locks use those bits for something else.
    pub(super) fn is_encrypted(&self) -> bool {
        self.attributes & 0x1c00 != 0 && !self.is_lock()
    }

    /// Whether a lock wants an answer.
    pub(super) fn wants_lock_answer(&self) -> bool {
        self.attributes & 0x8000 != 0
    }

    fn is_lock(&self) -> bool {
        matches!(self.message, number::LOCK_LOCATION | number::LOCK_LOCATION_STORED)
    }

    /// The terminal number without leading zeros, `0` if none are left. Some makers put the first
    /// fourteen digits of an IMEI in as a binary number: then it is the IMEI.
    pub(super) fn device(&self) -> Short {
        let digits = bcd::number(self.number);
        if digits.len() < self.number.len().saturating_mul(2) {
            return match self.number {
                [a, b, c, d, e, f] => imei(u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f])),
                number => number.iter().fold(Short::new(), |mut text, byte| {
                    // Twenty digits have room.
                    let _ = write!(text, "{byte:02x}");
                    text
                }),
            };
        }
        let zeros = digits.bytes().take_while(|digit| *digit == b'0').count();
        let last = digits.len().saturating_sub(1);
        text::copied(digits.get(zeros.min(last)..).unwrap_or_default())
    }

    /// Says that this terminal speaks.
    pub(super) fn identify(&self, out: &mut Out<'_>) {
        // Any bytes are some number.
        let _ = out.identify_by(self.number, || Ok(self.device()));
    }

    /// An answer to this message: in its form, to its terminal.
    pub(super) fn answer(&self, serial: u16, message: u16, body: &[u8]) -> Vec<u8> {
        // Every answer is far shorter than the ten bits of its length allow.
        let length = u16::try_from(body.len()).unwrap_or_default() & 0x03ff;
        let form = if self.is_2019() { 0x4000 } else { 0 };
        let serial = serial.to_be_bytes();
        let serial = if self.is_lock() { &[1][..] } else { &serial };
        let mut head = ArrayVec::<u8, 32>::new();
        for part in [
            &message.to_be_bytes()[..],
            &(length | form).to_be_bytes(),
            self.version.as_slice(),
            self.number,
            serial,
        ] {
            // A number has ten bytes at most, and so a head seventeen.
            let _ = head.try_extend_from_slice(part);
        }
        self.dialect.wrap(&head, body)
    }

    /// The platform's general answer, 0x8001.
    pub(super) fn general_answer(&self, serial: u16, result: Verdict) -> Vec<u8> {
        let [high, low] = self.serial.to_be_bytes();
        let [message_high, message_low] = self.message.to_be_bytes();
        let body = [high, low, message_high, message_low, result as u8];
        self.answer(serial, number::GENERAL_ANSWER, &body)
    }
}

/// The result in the platform's general answer (2013 table 4; 4, alarm handled, is not for us to
/// say).
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Verdict {
    /// Done.
    Accepted = 0,
    /// Not done: a wrong token.
    Refused = 1,
    /// The message is wrong.
    Wrong = 2,
    /// Not supported.
    Unsupported = 3,
}

/// An IMEI from its first fourteen digits: the fifteenth is their Luhn sum (3GPP TS 23.003 annex B).
fn imei(digits: u64) -> Short {
    let digits = text::short(format_args!("{digits:014}"));
    let sum = digits.bytes().rev().enumerate().fold(0_u32, |sum, (place, digit)| {
        let digit = u32::from(digit.saturating_sub(b'0'));
        let doubled = if place % 2 == 0 { digit.saturating_mul(2) } else { digit };
        sum.saturating_add(doubled / 10).saturating_add(doubled % 10)
    });
    let check = 10_u32.saturating_sub(sum % 10) % 10;
    text::short(format_args!("{digits}{check}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Header<'_> {
        Header::read(Dialect::Standard, &mut Reader::new(bytes)).unwrap()
    }

    #[test]
    fn a_number_loses_its_zeros_but_not_all_of_itself() {
        assert_eq!(
            header(&[2, 0, 0, 0, 1, 0x39, 0, 0, 0, 1, 0, 7]).device().as_str(),
            "13900000001"
        );
        assert_eq!(header(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]).device().as_str(), "0");
        let form_2019 = [2, 0, 0x40, 0, 1, 0, 0, 0, 0, 1, 0x39, 0, 0, 0, 2, 0, 7];
        assert_eq!(header(&form_2019).device().as_str(), "13900000002");
    }

    #[test]
    fn a_binary_number_is_an_imei() {
        // 49 01 54 20 32 37 51: the IMEI of 3GPP's example, 490154203237518.
        let number = 49_015_420_323_751_u64.to_be_bytes();
        let bytes = [&[2, 0, 0, 0][..], &number[2..], &[0, 7]].concat();
        assert_eq!(header(&bytes).device().as_str(), "490154203237518");
    }

    #[test]
    fn an_answer_has_the_form_of_its_question() {
        let form_2019 = [2, 0, 0x40, 0, 1, 0, 0, 0, 0, 1, 0x39, 0, 0, 0, 2, 0, 7];
        let answer = header(&form_2019).general_answer(0, Verdict::Accepted);
        let content =
            [0x80, 0x01, 0x40, 5, 1, 0, 0, 0, 0, 1, 0x39, 0, 0, 0, 2, 0, 0, 0, 7, 2, 0, 0];
        assert_eq!(answer, Dialect::Standard.wrap(&content, &[]));
    }

    #[test]
    fn a_part_is_one_of_its_total() {
        let part = |total, number| {
            let bytes = [8, 1, 0x20, 0, 0, 0, 0, 0, 0, 1, 0, 7, 0, total, 0, number];
            Header::read(Dialect::Standard, &mut Reader::new(&bytes)).map(|header| header.part)
        };
        assert_eq!(part(3, 2), Ok(Some(Part { total: 3, number: 2 })));
        assert_eq!(part(1, 1), Ok(None));
        assert_eq!(part(3, 4), Err(Reject::at(12, Reason::OutOfRange)));
        assert_eq!(part(0, 0), Err(Reject::at(12, Reason::OutOfRange)));
    }
}
