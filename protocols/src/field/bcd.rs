//! Binary-coded decimals: two digits a byte.

use arrayvec::ArrayString;

use crate::field::text::{self, Short};
use crate::{Reason, Reject, Time};

/// Two decimal digits in a byte; `None` where a half is no digit.
#[must_use]
pub const fn byte(value: u8) -> Option<u8> {
    let (high, low) = (value >> 4, value & 0x0f);
    // At most 99: no overflow.
    if high < 10 && low < 10 { Some(high.wrapping_mul(10).wrapping_add(low)) } else { None }
}

/// The digits as text, as they stand. Halves that are no digits (fillers such as `f`) end it.
#[must_use]
pub fn digits(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .map_while(|digit| char::from_digit(u32::from(digit), 10))
        .collect()
}

/// The digits as [`digits`] gives them, of a number of at most forty bytes; more are passed over.
#[must_use]
pub fn number(bytes: &[u8]) -> Short {
    let mut digits = [0; 96];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[b'0' | (byte >> 4), b'0' | (byte & 0x0f)]);
    }
    let length = bytes.len().saturating_mul(2).min(digits.len());
    let digits = digits.get(..length).unwrap_or_default();
    let length = digits.iter().position(|digit| !digit.is_ascii_digit()).unwrap_or(length);
    let digits = digits.get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
    text::copied(digits.unwrap_or_default())
}

/// An IMEI (3GPP TS 23.003): fifteen digits in sixteen halves, of which the first is a filler. `None`
/// where a half is no digit.
#[must_use]
pub fn imei(bytes: [u8; 8]) -> Option<ArrayString<15>> {
    ArrayString::from(number(&bytes).get(1..16)?).ok()
}

/// Nine digits, the first half of five bytes of ten: three whole degrees, and six digits of
/// minutes in three bytes (not yet judged). The last half byte is not looked at.
#[must_use]
pub fn shifted([a, b, c, d, e]: [u8; 5]) -> Option<(u16, [u8; 3])> {
    let tens = byte(a)?;
    let units = byte(b & 0xf0)? / 10;
    let join = |left: u8, right: u8| (left << 4) | (right >> 4);
    let degrees = u16::from(tens).saturating_mul(10).saturating_add(u16::from(units));
    Some((degrees, [join(b, c), join(c, d), join(d, e)]))
}

/// Degrees of whole ones and six digits of minutes with four decimals (`MMmmmm`).
#[must_use]
pub fn degrees(whole: u16, minutes: [u8; 3]) -> Option<f64> {
    let [units, hundredths, rest] = minutes.map(byte);
    let units = units.filter(|units| *units < 60)?;
    let decimals = f64::from(hundredths?) / 100.0 + f64::from(rest?) / 10_000.0;
    Some(f64::from(whole) + (f64::from(units) + decimals) / 60.0)
}

/// A date and time of day as `YYMMDDhhmmss`, years being 20yy, at `offset_s` seconds ahead of UTC.
///
/// # Errors
/// [`Reason::OutOfRange`] where there is no such date or time; `offset` is where the field stands
/// in its frame.
pub fn date_time(bytes: [u8; 6], offset_s: i32, offset: usize) -> Result<Time, Reject> {
    let time = || {
        let [year, month, day, hour, minute, second] = bytes;
        let small = |value: u8| byte(value).and_then(|value| i8::try_from(value).ok());
        let year = i16::from(byte(year)?).saturating_add(2000);
        let date = (year, small(month)?, small(day)?);
        Time::from_civil(date, (small(hour)?, small(minute)?, small(second)?), offset_s)
    };
    time().ok_or_else(|| Reject::at(offset, Reason::OutOfRange))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_has_fifteen_digits() {
        let bytes = [0x04, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x18];
        assert_eq!(imei(bytes).as_deref(), Some("490154203237518"));
        assert_eq!(imei([0x04, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x1f]), None);
        assert_eq!(imei([0xf4; 8]), None);
    }

    #[test]
    fn a_half_that_is_no_digit_is_no_number() {
        assert_eq!(byte(0x99), Some(99));
        assert_eq!(byte(0x9a), None);
        assert_eq!(byte(0xa0), None);
        assert_eq!(digits(&[0x01, 0x3f, 0x22]), "013");
        assert_eq!(&number(&[0x01, 0x3f, 0x22]), "013");
        assert_eq!(number(&[0x12; 49]).len(), 96);
    }

    #[test]
    fn degrees_and_minutes_may_begin_in_the_middle_of_a_byte() {
        let (whole, minutes) = shifted([0x12, 0x13, 0x68, 0x82, 0x0f]).unwrap();
        assert_eq!((whole, minutes), (121, [0x36, 0x88, 0x20]));
        assert_eq!(degrees(whole, minutes), Some(121.0 + 36.882 / 60.0));
        assert_eq!(degrees(0, [0x60, 0, 0]), None);
        assert_eq!(degrees(0, [0x59, 0x0a, 0]), None);
        assert_eq!(shifted([0x1a, 0, 0, 0, 0]), None);
        assert_eq!(shifted([0x12, 0xa0, 0, 0, 0]), None);
    }

    #[test]
    fn china_is_eight_hours_ahead() {
        let time = date_time([0x26, 0x06, 0x15, 0x10, 0x01, 0x15], 28_800, 0).unwrap();
        assert_eq!(time.to_string(), "2026-06-15T02:01:15Z");
        let nowhen = date_time([0x26, 0x02, 0x30, 0, 0, 0], 0, 22);
        assert_eq!(nowhen, Err(Reject::at(22, Reason::OutOfRange)));
    }
}
