//! Where frames begin and end, what their bytes stand for, and the header in its two forms.

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::{memchr, memchr2};

use crate::field::checksum::crc16_ccitt_false;
use crate::field::escape::{Escapes, Room, Unescaped};
use crate::field::text::Short;
use crate::field::{Reader, text};
use crate::{Cipher, Reason, Reject, Step, Time};

const START: u8 = 0x5b;
const END: u8 = 0x5d;

/// Five positions with many items have some 2 KiB; 1 KiB of text comes with an alarm. Photographs,
/// which we never ask for, may be longer.
pub(super) const MAX: usize = 65_536;

/// Where the message's number stands in the header.
pub(super) const ID: usize = 8;
/// Where the access code stands.
pub(super) const ACCESS_CODE: usize = 10;
/// Where it is said whether the body is encrypted.
const IS_ENCRYPTED: usize = 17;
/// The length of the CRC.
const CRC: usize = 2;
/// A plate, its colour, what follows, and the length of that.
pub(super) const VEHICLE_HEAD: usize = 21 + 1 + HEAD;
/// What follows and its length.
pub(super) const HEAD: usize = 2 + 4;

static ESCAPES: Escapes = Escapes {
    leads: [0x5a, 0x5e],
    pairs: &[
        (START, [0x5a, 0x01]),
        (0x5a, [0x5a, 0x02]),
        (END, [0x5e, 0x01]),
        (0x5e, [0x5e, 0x02]),
    ],
};

/// Messages by number.
pub(super) mod id {
    pub(in super::super) const LOGIN: u16 = 0x1001;
    pub(in super::super) const LOGIN_ANSWER: u16 = 0x1002;
    pub(in super::super) const LOGOUT: u16 = 0x1003;
    pub(in super::super) const LOGOUT_ANSWER: u16 = 0x1004;
    pub(in super::super) const LINK_TEST: u16 = 0x1005;
    pub(in super::super) const LINK_TEST_ANSWER: u16 = 0x1006;
    /// Over the sub link: the main link is lost.
    pub(in super::super) const MAIN_LINK_LOST: u16 = 0x1007;
    /// Over the sub link: both links are about to be closed.
    pub(in super::super) const CLOSING: u16 = 0x1008;
    pub(in super::super) const VEHICLE: u16 = 0x1200;
    pub(in super::super) const PLATFORM: u16 = 0x1300;
    pub(in super::super) const WARNING: u16 = 0x1400;
    pub(in super::super) const CONTROL: u16 = 0x1500;
    pub(in super::super) const BASE: u16 = 0x1600;
    /// Ours.
    pub(in super::super) const SUB_LOGIN: u16 = 0x9001;
    pub(in super::super) const SUB_LOGIN_ANSWER: u16 = 0x9002;
    /// Ours.
    pub(in super::super) const SUB_LOGOUT: u16 = 0x9003;
    pub(in super::super) const SUB_LOGOUT_ANSWER: u16 = 0x9004;
    /// Ours.
    pub(in super::super) const SUB_LINK_TEST: u16 = 0x9005;
    pub(in super::super) const SUB_LINK_TEST_ANSWER: u16 = 0x9006;
    /// Ours, over the main link: the sub link is lost.
    pub(in super::super) const SUB_LINK_LOST: u16 = 0x9007;
    /// Ours, over the main link: both links are about to be closed.
    pub(in super::super) const WE_ARE_CLOSING: u16 = 0x9008;
    /// Ours: how many positions have come in.
    pub(in super::super) const RECEIVED: u16 = 0x9101;
}

pub(super) fn find(bytes: &[u8], _last: bool) -> Step {
    let Some((&START, content)) = bytes.split_first() else {
        let next = memchr(START, bytes).unwrap_or(bytes.len());
        return Step::Skip(next.max(1), Reason::Unframed);
    };
    let window = content.get(..MAX.saturating_sub(1)).unwrap_or(content);
    match memchr2(START, END, window) {
        Some(length) => {
            let close = length.saturating_add(1);
            if window.get(length) == Some(&END) {
                return Step::Frame { body: 1..close, end: close.saturating_add(1) };
            }
            // A start stands nowhere inside a frame: the end of this one was lost.
            Step::Skip(close, Reason::Unframed)
        }
        None if bytes.len() >= MAX => Step::Skip(MAX, Reason::TooLong),
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

/// The two editions' headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Of2011,
    /// With the time of sending at its end.
    Of2019,
}

impl Form {
    const fn header(self) -> usize {
        match self {
            Self::Of2011 => 22,
            Self::Of2019 => 30,
        }
    }
}

/// How our messages to a platform are written: as its own are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) access_code: u32,
    pub(super) form: Form,
    version: [u8; 3],
}

impl Manner {
    /// A whole frame. We encrypt nothing.
    pub(super) fn frame(&self, serial: u32, id: u16, body: &[u8], now: Time) -> Vec<u8> {
        // The flags and the CRC count.
        let length = self.form.header().saturating_add(body.len()).saturating_add(CRC + 2);
        let mut content = Vec::with_capacity(length);
        content.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
        content.extend(serial.to_be_bytes());
        content.extend(id.to_be_bytes());
        content.extend(self.access_code.to_be_bytes());
        content.extend(self.version);
        // Not encrypted, and so no key.
        content.extend([0; 5]);
        if self.form == Form::Of2019 {
            content.extend(now.seconds().to_be_bytes());
        }
        content.extend(body);
        content.extend(crc16_ccitt_false(&content).to_be_bytes());
        let mut frame = vec![START];
        ESCAPES.write(&content, &mut frame);
        frame.push(END);
        frame
    }
}

/// A frame's bytes without escapes, its CRC verified.
pub(super) struct Frame<'a>(Unescaped<'a>);

/// One message.
pub(super) struct Message<'f> {
    pub(super) id: u16,
    pub(super) manner: Manner,
    /// Header and body, decrypted.
    content: Cow<'f, [u8]>,
}

impl<'a> Frame<'a> {
    /// Opens what stands between a frame's flags.
    pub(super) fn open(raw: &'a [u8], room: &'a mut Room) -> Result<Self, Reject> {
        let plain = ESCAPES.open(raw, room).map_err(|at| Reject::at(at, Reason::Malformed))?;
        let frame = Self(plain);
        let bytes = frame.0.bytes();
        let Some((content, crc)) = bytes
            .split_last_chunk::<CRC>()
            .filter(|(content, _)| content.len() >= Form::Of2011.header())
        else {
            return Err(Reject::at(raw.len(), Reason::Truncated));
        };
        if crc16_ccitt_false(content) != u16::from_be_bytes(*crc) {
            return Err(frame.place(Reject::at(content.len(), Reason::Checksum)));
        }
        Ok(frame)
    }

    /// A reject whose offset counts in the message, counted in the frame as it came.
    pub(super) fn place(&self, reject: Reject) -> Reject {
        Reject { offset: self.0.place(reject.offset), ..reject }
    }

    /// The message; its form is `usual` where the message itself does not tell.
    pub(super) fn message(
        &self,
        usual: Form,
        cipher: impl FnOnce(u32) -> Option<Cipher>,
    ) -> Result<Message<'_>, Reject> {
        let content = self.0.bytes();
        let content = content.get(..content.len().saturating_sub(CRC)).unwrap_or_default();
        let mut reader = Reader::new(content);
        // The length, by the frame's end known better, and the serial number.
        reader.skip(ID)?;
        let id = reader.be_u16()?;
        let access_code = reader.be_u32()?;
        let version = reader.array()?;
        let is_encrypted = reader.u8()? == 1;
        let key = reader.be_u32()?;
        let cipher = match is_encrypted {
            true => Some(cipher(access_code).ok_or(Reject::at(IS_ENCRYPTED, Reason::Encrypted))?),
            false => None,
        };
        let read = |form: Form| {
            let mut content = Cow::Borrowed(content);
            if let Some(cipher) = cipher
                && let Some(body) = content.to_mut().get_mut(form.header()..)
            {
                cipher.apply(key, body);
            }
            Message { id, manner: Manner { access_code, form, version }, content }
        };
        let message = read(usual);
        if message.is_whole() {
            return Ok(message);
        }
        let other = match usual {
            Form::Of2011 => Form::Of2019,
            Form::Of2019 => Form::Of2011,
        };
        Ok(Some(read(other)).filter(Message::is_whole).unwrap_or(message))
    }
}

impl Message<'_> {
    /// The body; offsets are the message's.
    pub(super) fn body(&self) -> Reader<'_> {
        let mut reader = Reader::new(&self.content);
        // Nothing is left where the header is cut short.
        let _ = reader.skip(self.manner.form.header());
        reader
    }

    /// Whether the body has the length that such a message has.
    fn is_whole(&self) -> bool {
        let Some(body) = self.content.get(self.manner.form.header()..) else { return false };
        let counts = |head: usize| {
            let length = head.checked_sub(4).and_then(|from| body.get(from..head));
            length.and_then(<[u8]>::first_chunk).is_some_and(|length| {
                usize::try_from(u32::from_be_bytes(*length))
                    .is_ok_and(|length| length.checked_add(head) == Some(body.len()))
            })
        };
        match self.id {
            id::LOGIN => matches!(body.len(), 46 | 50),
            id::LOGOUT => body.len() == 12,
            id::LINK_TEST | id::SUB_LOGOUT_ANSWER | id::SUB_LINK_TEST_ANSWER => body.is_empty(),
            id::MAIN_LINK_LOST | id::CLOSING | id::SUB_LOGIN_ANSWER => body.len() == 1,
            id::VEHICLE | id::CONTROL | id::BASE => counts(VEHICLE_HEAD),
            id::PLATFORM => counts(HEAD),
            id::WARNING => counts(VEHICLE_HEAD) || counts(HEAD),
            _ => false,
        }
    }
}

/// A vehicle by its plate.
pub(super) struct Vehicle {
    plate: Short,
    /// The colour of its plate (JT/T 697.7), which makes the plate one of its kind: 1 blue, 2
    /// yellow, 3 black, 4 white, 5 green, 9 other, …
    colour: u8,
}

impl Vehicle {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Reject> {
        let nobody = reader.reject(Reason::Unidentified);
        let plate = text::short_gbk(reader.take(21)?);
        let colour = reader.u8()?;
        if plate.is_empty() || plate.bytes().all(|byte| byte == b'0') {
            return Err(nobody);
        }
        Ok(Self { plate, colour })
    }

    /// Its identity as a device: of a platform, and by that platform's names.
    pub(super) fn device(&self, access_code: u32) -> Short {
        let mut device = text::copied(super::PLATFORM_VEHICLE);
        // All of it has room: a plate of 21 bytes in GBK has at most 63.
        let _ = write!(device, "{access_code}");
        for part in [":", &self.plate, ":"] {
            let _ = device.try_push_str(part);
        }
        let _ = write!(device, "{}", self.colour);
        device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(form: Form, id: u16, body: &[u8]) -> Vec<u8> {
        let manner = Manner { access_code: 2_101_001, form, version: [1, 0, 0] };
        manner.frame(7, id, body, Time::from_seconds(1_781_488_800))
    }

    #[test]
    fn a_frame_is_what_its_flags_hold() {
        let whole = frame(Form::Of2011, id::LINK_TEST, &[]);
        assert_eq!(whole.len(), 26);
        assert_eq!(find(&whole, false), Step::Frame { body: 1..25, end: 26 });
        assert_eq!(find(&whole[..9], false), Step::Need(10));
        assert_eq!(find(b"ab[", false), Step::Skip(2, Reason::Unframed));
        let cut = [&whole[..20], &whole].concat();
        assert_eq!(find(&cut, false), Step::Skip(20, Reason::Unframed));
        let mut long = vec![0; MAX];
        long[0] = START;
        assert_eq!(find(&long, false), Step::Skip(MAX, Reason::TooLong));
    }

    #[test]
    fn a_message_tells_its_form() {
        for form in [Form::Of2011, Form::Of2019] {
            for usual in [Form::Of2011, Form::Of2019] {
                let whole = frame(form, id::SUB_LOGIN_ANSWER, &[0x5b]);
                let mut room = Room::new();
                let open = Frame::open(&whole[1..whole.len() - 1], &mut room).unwrap();
                let message = open.message(usual, |_| None).unwrap();
                assert_eq!(message.manner.form, form);
                assert_eq!(message.body().rest(), [0x5b]);
            }
        }
    }

    #[test]
    fn a_crc_is_verified() {
        let mut whole = frame(Form::Of2011, id::LINK_TEST, &[]);
        whole[10] ^= 1;
        let open = |raw: &[u8]| Frame::open(raw, &mut Room::new()).err();
        assert_eq!(open(&whole[1..25]), Some(Reject::at(22, Reason::Checksum)));
        assert_eq!(open(&whole[1..20]), Some(Reject::at(19, Reason::Truncated)));
    }
}
