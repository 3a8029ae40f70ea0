//! Numbers as trackers write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::{DeviceId, Fix, Time};

/// `value` in units of one `scale`th, rounded.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and no report is that large")]
pub(super) fn scaled(value: f64, scale: f64) -> i64 {
    (value * scale).round() as i64
}

/// As [`scaled`], held within 32 bits.
pub(super) fn scaled_u32(value: f64, scale: f64) -> u32 {
    u32::try_from(scaled(value, scale).max(0)).unwrap_or(u32::MAX)
}

/// As [`scaled`], held within 16 bits.
pub(super) fn scaled_u16(value: f64, scale: f64) -> u16 {
    u16::try_from(scaled(value, scale).max(0)).unwrap_or(u16::MAX)
}

/// As [`scaled`], held within 8 bits.
pub(super) fn scaled_u8(value: f64, scale: f64) -> u8 {
    u8::try_from(scaled(value, scale).max(0)).unwrap_or(u8::MAX)
}

/// The wall clock's reading at `offset_s` seconds ahead of UTC.
pub(super) fn civil(time: Time, offset_s: i32) -> DateTime {
    let offset = Offset::from_seconds(offset_s).unwrap_or(Offset::UTC);
    offset.to_datetime(Timestamp::from_millisecond(time.millis()).unwrap_or_default())
}

/// A decimal number below 100 as BCD.
pub(super) fn bcd(value: i8) -> u8 {
    let value = value.unsigned_abs() % 100;
    ((value / 10) << 4) | (value % 10)
}

/// Year of the century, month, day, hour, minute, second.
pub(super) fn date_time(time: Time, offset_s: i32) -> [i8; 6] {
    let civil = civil(time, offset_s);
    let year = i8::try_from(civil.year().rem_euclid(100)).unwrap_or_default();
    [year, civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()]
}

/// A clock's reading as text trackers write it.
pub(super) struct Civil {
    /// Of the century.
    pub(super) year: i8,
    pub(super) month: i8,
    pub(super) day: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    /// `ddmmyy`.
    pub(super) date: String,
    /// `yymmdd`.
    pub(super) ymd: String,
    /// `hhmmss`.
    pub(super) time: String,
}

impl Civil {
    /// As [`date_time`].
    pub(super) fn of(time: Time, offset_s: i32) -> Self {
        let [year, month, day, hour, minute, second] = date_time(time, offset_s);
        Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            date: format!("{day:02}{month:02}{year:02}"),
            ymd: format!("{year:02}{month:02}{day:02}"),
            time: format!("{hour:02}{minute:02}{second:02}"),
        }
    }
}

/// `A` or `V`, as NMEA 0183 writes it.
pub(super) const fn validity(fix: &Fix) -> char {
    if fix.valid { 'A' } else { 'V' }
}

/// The speed in knots.
pub(super) fn knots(fix: &Fix) -> f64 {
    fix.speed_kmh.unwrap_or_default() / 1.852
}

/// The fields of NMEA 0183's RMC from the time to the date.
pub(super) fn rmc(fix: &Fix) -> String {
    let Civil { date, time, .. } = Civil::of(fix.fix_time, 0);
    let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
    let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
    format!(
        "{time}.000,{},{latitude},{north_south},{longitude},{east_west},{:.2},{:.1},{date}",
        validity(fix),
        knots(fix),
        fix.course_deg.unwrap_or_default(),
    )
}

/// The digits of `device`, padded with zeros in front, as `N` bytes of BCD.
pub(super) fn bcd_digits<const N: usize>(device: &DeviceId) -> [u8; N] {
    let mut bytes = [0; N];
    let digits = device.as_str().bytes().filter(u8::is_ascii_digit).rev();
    for (number, digit) in digits.take(N.saturating_mul(2)).enumerate() {
        let place = N.saturating_sub(1).saturating_sub(number / 2);
        if let Some(byte) = bytes.get_mut(place) {
            *byte |= if number % 2 == 0 { digit & 15 } else { (digit & 15) << 4 };
        }
    }
    bytes
}

/// Degrees and minutes, as NMEA 0183 writes them with six decimals, and the letter of the hemisphere.
pub(super) fn degrees_minutes(value: f64, width: usize, letters: [char; 2]) -> (String, char) {
    let [positive, negative] = letters;
    let micro_minutes = scaled(value.abs(), 60.0e6);
    let (degrees, rest) = (micro_minutes / 60_000_000, micro_minutes % 60_000_000);
    let (minutes, micro) = (rest / 1_000_000, rest % 1_000_000);
    let letter = if value < 0.0 { negative } else { positive };
    (format!("{degrees:0width$}{minutes:02}.{micro:06}"), letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_fill_from_the_right() {
        assert_eq!(bcd_digits::<3>(&DeviceId::from("12345")), [0x01, 0x23, 0x45]);
        assert_eq!(bcd_digits::<2>(&DeviceId::from("12345")), [0x23, 0x45]);
        assert_eq!(bcd(59), 0x59);
    }

    #[test]
    fn minutes_never_reach_sixty() {
        let (text, letter) = degrees_minutes(-77.999_999_999_9, 3, ['E', 'W']);
        assert_eq!((text.as_str(), letter), ("07800.000000", 'W'));
    }
}
