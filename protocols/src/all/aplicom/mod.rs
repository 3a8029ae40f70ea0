//! Aplicom A1, A9, A11 and F series.
//!
//! TCP on port 5049. Source: Aplicom's "D protocol", "E protocol", "F protocol" and "H protocol".
//!
//! A message, big-endian:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | letter: `D` position, `E` tachograph, `F` vehicle bus, `H` histograms |
//! | 1 | version in bits 0 to 5; 6: a selector follows; 7: the IMEI is whole |
//! | 3, 7 | unit number, or IMEI |
//! | 2 | length of what follows the selector |
//! | 3 | selector: which fields there are (`D` 0002fc, `E` 007ffc, `F` 0007fd without one) |
//! | 1, 1 | event, information on it |
//! | … | the selector's fields: see `position` and `vehicle` |
//!
//! Nothing is answered. Digits between messages only show that the unit is alive.
//!
//! Quirks: there is no checksum. A unit number is the end of an IMEI, whose beginning depends on the
//! radio module: the first of three is taken whose check digit is right. The maker's table of events
//! was not to be had: no alarm is told, and the events are attributes.

mod position;
mod vehicle;

use crate::field::{Reader, text};
use crate::{Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "aplicom",
    title: "Aplicom A1, A9, A11, F",
    port: 5049,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_MESSAGE, find },
    authenticates: false,
    alarms: &[],
    commands: None,
    decoder: || Box::new(decode),
};

/// Histograms are the longest: some hundred classes of two bytes each.
const MAX_MESSAGE: usize = 8192;
/// Of fifteen digits.
const LAST_IMEI: u64 = 999_999_999_999_999;
const HAS_IMEI: u8 = 0x80;
const HAS_SELECTOR: u8 = 0x40;

const fn is_letter(byte: u8) -> bool {
    matches!(byte, b'D' | b'E' | b'F' | b'H')
}

fn find(bytes: &[u8], _: bool) -> Step {
    let blank = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace();
    let alive = bytes.iter().take_while(|byte| blank(byte)).count();
    if alive > 0 {
        return Step::Frame { body: 0..0, end: alive };
    }
    match *bytes {
        [letter, version, ..] if is_letter(letter) => {
            let length_at = if version & HAS_IMEI == 0 { 5_usize } else { 9 };
            let Some(&[high, low]) = bytes.get(length_at..length_at.saturating_add(2)) else {
                return Step::Need(length_at.saturating_add(2));
            };
            let selector = if version & HAS_SELECTOR == 0 { 0 } else { 3_usize };
            let total = usize::from(u16::from_be_bytes([high, low]))
                .saturating_add(length_at)
                .saturating_add(2)
                .saturating_add(selector);
            match total {
                total if total > MAX_MESSAGE => Step::Skip(1, Reason::TooLong),
                total if bytes.len() < total => Step::Need(total),
                total => Step::Frame { body: 0..total, end: total },
            }
        }
        [letter] if is_letter(letter) => Step::Need(2),
        _ => {
            let may_begin = |byte: &u8| is_letter(*byte) || blank(byte);
            let next = bytes.iter().skip(1).position(may_begin);
            Step::Skip(next.map_or(bytes.len(), |at| at.saturating_add(1)), Reason::Unframed)
        }
    }
}

/// What stands before the fields.
struct Message<'a> {
    selector: u32,
    event: u8,
    information: u8,
    fields: Reader<'a>,
}

impl Message<'_> {
    const fn has(&self, bit: u32) -> bool {
        self.selector & bit != 0
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    let [letter, version] = reader.array()?;
    let device = if version & HAS_IMEI == 0 {
        imei(u64::from(reader.be_u24()?))
    } else {
        let [a, b, c, d, e, f, g] = reader.array()?;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    };
    if !(1..=LAST_IMEI).contains(&device) {
        return Err(Reject::at(2, Reason::Malformed));
    }
    reader.skip(2)?;
    let selector = match (version & HAS_SELECTOR, letter) {
        (0, b'D') => 0x00_02fc,
        (0, b'E') => 0x00_7ffc,
        (0, b'F') => 0x00_07fd,
        (0, _) => 0,
        _ => reader.be_u24()?,
    };
    let [event, information] = reader.array()?;
    out.identify(&text::short(device));
    let mut message = Message { selector, event, information, fields: reader };
    match letter {
        b'D' => position::decode(&mut message, out),
        b'E' => vehicle::tachograph(&mut message, out),
        b'F' => vehicle::bus(&mut message, out),
        _ => vehicle::histograms(&mut message, out),
    }
}

/// The IMEI of a unit number: a TC65i, a TC65 of version 2.8, one of version 2.0, or the number.
fn imei(unit: u64) -> u64 {
    if unit == 0 {
        return 0;
    }
    let candidates = [
        0x0001_4143_b400_0000_u64.saturating_add(unit),
        358_244_010_000_000_u64.saturating_add(unit.wrapping_add(0x0a_8180) & 0xff_ffff),
        0x0001_4372_0700_0000_u64.saturating_add(unit),
    ];
    candidates.into_iter().find(|imei| is_checked(*imei)).unwrap_or(unit)
}

/// Luhn's check (ISO/IEC 7812-1).
fn is_checked(number: u64) -> bool {
    let (mut rest, mut sum, mut doubled) = (number, 0_u64, false);
    while rest > 0 {
        let digit = rest % 10;
        let value = match (doubled, digit) {
            (false, digit) => digit,
            (true, 5..) => digit.saturating_mul(2).saturating_sub(9),
            (true, digit) => digit.saturating_mul(2),
        };
        sum = sum.saturating_add(value);
        doubled = !doubled;
        rest /= 10;
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_digit_tells_which_imei_a_unit_has() {
        assert!(is_checked(79_927_398_713));
        assert!(!is_checked(79_927_398_710));
        assert_eq!(imei(0), 0);
        let unit = (0..).find(|unit| is_checked(0x0001_4372_0700_0000 + unit)).unwrap();
        assert!(is_checked(imei(unit)));
    }

    #[test]
    fn a_message_has_a_length_behind_its_device() {
        let short = b"D\x01\x00\x00\x01\x00\x02\x07\x00";
        assert_eq!(find(short, false), Step::Frame { body: 0..9, end: 9 });
        assert_eq!(find(&short[..8], false), Step::Need(9));
        assert_eq!(find(&short[..6], false), Step::Need(7));
        assert_eq!(find(b"E", false), Step::Need(2));
        assert_eq!(find(b"E\xc1", false), Step::Need(11));
        assert_eq!(find(b"12\r\nD", false), Step::Frame { body: 0..0, end: 4 });
        assert_eq!(find(b"xyD", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b"D\x01\0\0\x01\xff\xff", false), Step::Skip(1, Reason::TooLong));
    }
}
