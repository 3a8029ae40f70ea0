//! What a terminal is asked for.
//!
//! | message | body |
//! |---|---|
//! | 0x8201 | none: where are you? (answer 0x0201) |
//! | 0x8202 | seconds between reports u16, for how many seconds u32; u16 0 alone ends it |
//! | 0x8300 | flags u8, in 2019 kind u8, text in GBK |

use encoding_rs::GBK;

use super::framing::Dialect;
use super::header::{Header, number};
use crate::command::{plain, within};
use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands =
    Commands { abilities: &[Ability::Position, Ability::Interval, Ability::Text], encode };

/// Bytes of text: what fits into one message with room for its flags.
const TEXT_MAX: usize = 1000;
/// Shown on the terminal's screen (bit 2) and read aloud (bit 3).
const SHOWN_AND_SPOKEN: u8 = 0b1100;
/// The same in 2019, where bits 0 and 1 say how urgent it is: 01 service.
const OF_SERVICE: u8 = SHOWN_AND_SPOKEN | 1;
/// 2019: 1 notice, 2 service.
const NOTICE: u8 = 1;

/// The form of a terminal's frames, for the messages that it is sent.
pub(super) fn manner(header: &Header<'_>) -> Manner {
    let alternative = u8::from(header.dialect() == Dialect::Alternative);
    let (is_2019, version) = header.version().map_or((0, 0), |version| (1, version));
    Manner([alternative, is_2019, version, 0, 0, 0, 0, 0])
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    let [alternative, is_2019, version, ..] = asked.manner.0;
    let dialect = if alternative == 1 { Dialect::Alternative } else { Dialect::Standard };
    let version = (is_2019 == 1).then_some(version);
    let terminal =
        Header::number_of(asked.device.as_str(), dialect, version).ok_or(Unsayable::Identity)?;
    let (message, body) = match command {
        Command::Position => (number::POSITION_REQUEST, Vec::new()),
        Command::ReportEvery { interval_s, for_s } => {
            let body = [&interval_s.to_be_bytes()[..], &for_s.to_be_bytes()].concat();
            (number::TRACKING, body)
        }
        Command::ReportAsUsual => (number::TRACKING, vec![0, 0]),
        Command::Text(text) => (number::TEXT, text_body(text, version.is_some())?),
    };
    let header = Header::ours(dialect, version, &terminal);
    Ok(header.answer(asked.serial, message, &body))
}

fn text_body(text: &str, is_2019: bool) -> Result<Vec<u8>, Unsayable> {
    let mut body = if is_2019 { vec![OF_SERVICE, NOTICE] } else { vec![SHOWN_AND_SPOKEN] };
    let text = plain(text, &[])?;
    let (bytes, _, has_strange) = GBK.encode(text);
    if has_strange {
        // What GBK does not have is written as a reference of HTML: nobody wants to read that.
        let is_strange = |letter: &char| GBK.encode(letter.encode_utf8(&mut [0; 4])).2;
        return Err(Unsayable::Character(text.chars().find(is_strange).unwrap_or_default()));
    }
    within(bytes.len(), TEXT_MAX)?;
    body.extend_from_slice(&bytes);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceId, Time, Transport};

    fn bytes(device: &str, manner: [u8; 8], command: &Command) -> Result<Vec<u8>, Unsayable> {
        let asked = Asked {
            device: &DeviceId::from(device),
            password: None,
            manner: Manner(manner),
            transport: Transport::Tcp,
            serial: 3,
            now: Time::from_seconds(0),
        };
        encode(&asked, command)
    }

    #[test]
    fn tracking_has_an_interval_and_an_end() {
        let every = Command::ReportEvery { interval_s: 5, for_s: 600 };
        let content = [0x82, 0x02, 0, 6, 0x01, 0x39, 0, 0, 0, 1, 0, 3, 0, 5, 0, 0, 0x02, 0x58];
        assert_eq!(bytes("13900000001", [0; 8], &every), Ok(Dialect::Standard.wrap(&content, &[])));
        let content = [0x82, 0x02, 0, 2, 0x01, 0x39, 0, 0, 0, 1, 0, 3, 0, 0];
        let end = bytes("13900000001", [0; 8], &Command::ReportAsUsual);
        assert_eq!(end, Ok(Dialect::Standard.wrap(&content, &[])));
    }

    #[test]
    fn a_terminal_of_2019_is_spoken_to_in_its_form() {
        let content = [0x82, 0x01, 0x40, 0, 2, 0, 0, 0, 0, 1, 0x39, 0, 0, 0, 1, 0, 3];
        let manner = [0, 1, 2, 0, 0, 0, 0, 0];
        let asked = bytes("13900000001", manner, &Command::Position);
        assert_eq!(asked, Ok(Dialect::Standard.wrap(&content, &[])));
    }

    #[test]
    fn a_text_is_gbk_or_nothing() {
        let told = |text: &str| bytes("1", [0; 8], &Command::Text(text.to_owned()));
        let frame = told("停车~}").unwrap();
        let content =
            [0x83, 0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 3, 0x0c, 0xcd, 0xa3, 0xb3, 0xb5, 0x7e, 0x7d];
        assert_eq!(frame, Dialect::Standard.wrap(&content, &[]));
        assert_eq!(told("a\u{1F697}b"), Err(Unsayable::Character('\u{1F697}')));
        assert_eq!(told("a\r\nb"), Err(Unsayable::Character('\r')));
        assert_eq!(told(""), Err(Unsayable::Length { length: 0, most: TEXT_MAX }));
        assert_eq!(told(&"停".repeat(501)), Err(Unsayable::Length { length: 1002, most: 1000 }));
    }

    #[test]
    fn only_digits_are_a_terminals_number() {
        let position = |device: &str| bytes(device, [0; 8], &Command::Position);
        assert_eq!(position("12~4"), Err(Unsayable::Identity));
        assert_eq!(position(""), Err(Unsayable::Identity));
        // Fifteen digits do not fit: the makers that have them send the first fourteen in binary.
        let number = &49_015_420_323_751_u64.to_be_bytes()[2..];
        let content = [&[0x82, 0x01, 0, 0][..], number, &[0, 3]].concat();
        assert_eq!(position("490154203237518"), Ok(Dialect::Standard.wrap(&content, &[])));
        assert_eq!(position("490154203237519"), Err(Unsayable::Identity));
    }
}
