//! GT06, the protocol of Concox (now Jimi IoT), and of very many who copy it.
//!
//! Devices: GT06N, GT06E, TR06, WeTrack2, JM-VL, JM-LL, JC cameras, GK310, AZ735, Wanway, Seeworld,
//! LW, NT, XT40, X1 and others, told apart by lengths where one number means several things.
//! Transport: TCP. Source: "GT06 GPS tracker communication protocol" 1.8.1 and the makers'
//! documents of the later devices.
//!
//! A frame is `78 78`, its length in one byte, number, body, serial number, CRC-16/X-25 of all from
//! the length to the serial number, `0d 0a`; or the same with `79 79` and two bytes of length. The
//! length counts from the number to the checksum.
//!
//! | block | fields |
//! |---|---|
//! | date | year from 2000, month, day, hour, minute, second, a byte each; in the zone of the login, else UTC |
//! | position | satellites (low half byte), latitude and longitude u32 in 1/1 800 000°, speed u8 km/h, course word |
//! | course word | 0–9 course, 10 north, 11 west, 12 fixed, 14 ignition is known, 15 ignition |
//! | cell | country, network, area, cell (widths by message), at times with its length before it |
//! | state | information (0 armed, 1 ignition, 2 charging, 3–5 alarm, 7 oil cut), level, signal |
//!
//! | message | body | answer |
//! |---|---|---|
//! | 0x01 | IMEI in 8 bytes of digits, kind, zone | the same number |
//! | 0x13, 0x23, 0x36 | state, alarm, language | the same number |
//! | 0x10, 0x11, 0x12, 0x22, 0x2d, 0x31, 0x37, 0xa0 | date, position, cell, more by maker | the same number |
//! | 0x16, 0x26, 0x27, 0x32, 0xa4 | date, position, cell, state, alarm, language | the same number |
//! | 0x19, 0xa5 | cell, state, alarm, language | the same number |
//! | 0x95 | date, position or none, event | the same number |
//! | 0x1a, 0x2a, 0xa7 | where am I, in words? | 0x97: unknown |
//! | 0x8a | what time is it? | UTC |
//! | 0x15, 79 79 0x21 | what a command came to | the same number; none |
//! | 79 79 0x94, 0x70, 0x8c, 0x9b, 0xf1, 0xf2 | readings | the same number for lists |
//!
//! Quirks: some firmware counts two bytes too few in 0x13. Logins of 15 bytes, 0x08, and 0x17 and
//! 0x69 with hot spots have neither serial number nor checksum. Where trackers name themselves
//! before the date (QH302R, NT), the date is looked for behind the name.

mod basic;
mod command;
mod extended;
mod found;
mod framing;
mod location;
mod makers;
mod message;
mod modules;
mod place;
mod reports;
mod status;

use self::basic::Setting;
use self::framing::{Form, HOT_SPOTS, HOT_SPOTS_MAX, SHORT_LOGIN_LENGTH};
use self::message::{Message, frame};
use self::status::Maker;
use crate::field::{Reader, bcd, text};
use crate::{
    AlarmSet, Attributes, Context, Decoder, Framer, Out, Protocol, Reason, Reject, Standing,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gt06",
    title: "GT06 (Concox, Jimi and compatible trackers)",
    port: 5023,
    transports: Transports::Tcp,
    framer: Framer::Function { max: framing::MAX, find: framing::find },
    authenticates: false,
    alarms: status::ALARMS,
    commands: Some(&command::COMMANDS),
    decoder: || Box::<Tracker>::default(),
};

/// What is remembered of one tracker.
#[derive(Default)]
struct Tracker {
    /// How far ahead of UTC its clock is.
    offset_s: i32,
}

impl Decoder for Tracker {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        if let [0x78, 0x78, length, kind, ..] = frame
            && is_unchecked(*length, *kind, frame.len())
        {
            return unchecked(*kind, frame, out);
        }
        let message = Message::open(frame)?;
        if message.form == Form::Basic {
            self.basic(context, &message, out)
        } else {
            self.extended(context, &message, out)
        }
    }
}

/// Whether a frame is one of those without serial number and checksum.
fn is_unchecked(length: u8, kind: u8, total: usize) -> bool {
    match kind {
        0x01 => total == SHORT_LOGIN_LENGTH,
        0x08 => length == 1,
        _ => HOT_SPOTS.contains(&kind) && length < HOT_SPOTS_MAX,
    }
}

fn unchecked(kind: u8, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    match kind {
        0x01 => {
            let mut reader = Reader::new(frame);
            reader.skip(4)?;
            out.login(imei(reader.array()?), Standing::Claimed, Vec::new());
            out.reply(b"\x78\x78\x01\x01\r\n".as_slice(), When::Now);
        }
        0x08 => out.reply(frame, When::Now),
        _ => {
            let (time, digits) = reports::hot_spots(frame)?;
            out.report(Some(time), AlarmSet::EMPTY, Attributes::new());
            let answer = [&[0x78, 0x78, 0, kind], &digits[..], b"\r\n"].concat();
            out.reply(answer, When::Accepted);
        }
    }
    Ok(())
}

/// Fifteen digits in eight bytes; other identities as they stand.
fn imei(bytes: [u8; 8]) -> text::Short {
    let digits = bcd::number(&bytes);
    match digits.strip_prefix('0') {
        Some(imei) if imei.len() == 15 => text::copied(imei),
        _ => text::short(format_args!("{:016x}", u64::from_be_bytes(bytes))),
    }
}

impl Tracker {
    fn setting(&self, context: &Context<'_>) -> Setting {
        Setting { maker: Maker::of(context.model), offset_s: self.offset_s }
    }

    fn basic(
        &mut self,
        context: &Context<'_>,
        message: &Message<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        match message.kind {
            0x01 => return self.login(message, out),
            0x8a => {
                let ((year, month, day), (hour, minute, second)) = context.received_at.to_civil(0);
                let year = u8::try_from(year.rem_euclid(100)).unwrap_or_default();
                let small = |value: i8| u8::try_from(value).unwrap_or_default();
                let rest = [month, day, hour, minute, second].map(small);
                let content = [&[year][..], &rest].concat();
                out.reply(frame(Form::Basic, 0x8a, &content, message.serial), When::Now);
                return Ok(());
            }
            _ => {}
        }
        let setting = self.setting(context);
        let found = if basic::has_position(message) {
            Some(basic::read(message, setting)?)
        } else {
            reports::read(message, setting)?
        };
        let is_known = found.is_some();
        let reports_alarm = found.as_ref().is_some_and(|found| !found.status.alarms.is_empty());
        let reply = |out: &mut Out<'_>| match message.kind {
            // Answers to commands, readings and positions that nobody waits for.
            0x80..=0x82 | 0x94 | 0xf3 => {}
            0x24 if message.length == 0x2e => {}
            0x34 if basic::has_position(message) => {}
            0x1a | 0x2a | 0xa7 => out.reply(no_address(), When::Accepted),
            0x13 | 0x23 if !reports_alarm => out.reply(message.answer(), When::Now),
            _ => out.reply(message.answer(), When::Accepted),
        };
        found.unwrap_or_default().give(out, reply);
        if is_known { Ok(()) } else { Err(Reject::at(3, Reason::Unsupported)) }
    }

    fn extended(
        &mut self,
        context: &Context<'_>,
        message: &Message<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let found = extended::read(message, self.setting(context))?
            .ok_or(Reject::at(4, Reason::Unsupported))?;
        found.give(out, |out| match message.kind {
            0x70 | 0xf1 | 0xf2 => out.reply(message.answer(), When::Accepted),
            0x32 | 0x33 | 0x41 => {
                let answer = frame(Form::Extended, message.kind, &[], message.serial);
                out.reply(answer, When::Accepted);
            }
            _ => {}
        });
        Ok(())
    }

    /// 0x01: IMEI; then two bytes of kind; then the zone: hours and minutes as a decimal number in
    /// the upper twelve bits, bit 3 says west.
    fn login(&mut self, message: &Message<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        /// Kiribati's clocks; no zone is further from UTC.
        const FURTHEST_S: i32 = 14 * 3600;
        let mut reader = message.body.clone();
        out.login(imei(reader.array()?), Standing::Claimed, Vec::new());
        self.offset_s = 0;
        if reader.remaining() >= 4 {
            reader.skip(2)?;
            let zone = i32::from(reader.be_u16()?);
            let (hours, minutes) = ((zone >> 4) / 100, (zone >> 4) % 100);
            let seconds = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
            if seconds <= FURTHEST_S && minutes < 60 {
                self.offset_s = if zone & 8 == 0 { seconds } else { seconds.saturating_neg() };
            }
        }
        out.reply(message.answer(), When::Now);
        Ok(())
    }
}

/// The answer to a question for an address in words: we have none. Length, four bytes that the
/// question had, text between marks.
fn no_address() -> Vec<u8> {
    const NONE: &[u8] = b"NA&&NA&&0##";
    let length = u8::try_from(NONE.len()).unwrap_or_default();
    let content = [&[length, 0, 0, 0, 0][..], NONE].concat();
    frame(Form::Extended, 0x97, &content, 0)
}
