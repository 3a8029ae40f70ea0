//! [`Time`]: an instant as milliseconds since 1970, always given, never asked for.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// A recording or a test makes one as easily as a socket does, which `std::time::Instant` does not
/// allow. Serialized as RFC 3339 in `Z` with at most milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// 9999-12-30T00:00:00Z: the last day that every zone can write in four digits.
const LATEST_MS: i64 = 253_402_128_000_000;
/// 0000-01-01T00:00:00Z, the first one.
const EARLIEST_MS: i64 = -62_167_219_200_000;
/// Seconds of a day.
const DAY_S: i32 = 86_400;

impl Time {
    /// The instant `milliseconds` after (before, if negative) 1970, held within the years 0 to 9999.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Self {
        if milliseconds > LATEST_MS {
            Self(LATEST_MS)
        } else if milliseconds < EARLIEST_MS {
            Self(EARLIEST_MS)
        } else {
            Self(milliseconds)
        }
    }

    /// The instant `seconds` after 1970.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// A wall-clock reading at a place `offset_s` seconds ahead of UTC (28 800 for China).
    ///
    /// `None` where there is no such date or time of day.
    #[must_use]
    pub fn from_civil(
        (year, month, day): (i16, i8, i8),
        (hour, minute, second): (i8, i8, i8),
        offset_s: i32,
    ) -> Option<Self> {
        // Every frame has a date, and few are of the calendar's edges.
        if !(1..9999).contains(&year) || !(-DAY_S..DAY_S).contains(&offset_s) {
            let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
            let instant = Offset::from_seconds(offset_s).ok()?.to_timestamp(civil).ok()?;
            return Some(Self::from_millis(instant.as_millisecond()));
        }
        let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        let is_of_day =
            (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        if !is_date || !is_of_day {
            return None;
        }
        let minutes = i64::from(hour).wrapping_mul(60).wrapping_add(i64::from(minute));
        let seconds = days_since_1970(year, month, day)
            .wrapping_mul(i64::from(DAY_S))
            .wrapping_add(minutes.wrapping_mul(60))
            .wrapping_add(i64::from(second))
            .wrapping_sub(i64::from(offset_s));
        Some(Self::from_seconds(seconds))
    }

    /// The wall clock's reading, date and time of day, at a place `offset_s` seconds ahead of UTC:
    /// the reverse of [`Time::from_civil`].
    #[must_use]
    pub fn to_civil(self, offset_s: i32) -> ((i16, i8, i8), (i8, i8, i8)) {
        let offset = Offset::from_seconds(offset_s).unwrap_or(Offset::UTC);
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil = offset.to_datetime(instant);
        ((civil.year(), civil.month(), civil.day()), (civil.hour(), civil.minute(), civil.second()))
    }

    /// Reads RFC 3339, such as `2026-06-15T02:01:15Z` or `2026-06-15T10:01:15.5+08:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: Timestamp = text.trim().parse().ok()?;
        Some(Self::from_millis(instant.as_millisecond()))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant moved by `milliseconds`.
    #[must_use]
    pub const fn plus_millis(self, milliseconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(milliseconds))
    }

    /// This instant moved by `seconds`, to the millisecond.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and so does the sum")]
    pub const fn plus_seconds(self, seconds: f64) -> Self {
        self.plus_millis((seconds * 1000.0) as i64)
    }

    /// Milliseconds from `earlier` to this instant; negative where it is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to this instant; negative where it is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> f64 {
        self.millis_since(earlier) as f64 / 1000.0
    }
}

/// The days of a month from 1 to 12.
const fn days_of(year: i16, month: i8) -> i8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the years 1 to 9998. A year is counted from March on, so that
/// its leap day is its last: months then begin on day (153 m + 2) / 5.
fn days_since_1970(year: i16, month: i8, day: i8) -> i64 {
    /// From March of the year 0 to 1970.
    const EPOCH: i64 = 719_469;
    let is_of_last_year = month <= 2;
    let year = i64::from(year).wrapping_sub(i64::from(is_of_last_year));
    let month = i64::from(month).wrapping_add(if is_of_last_year { 9 } else { -3 });
    let leap_days = (year / 4).wrapping_sub(year / 100).wrapping_add(year / 400);
    let of_year = month.wrapping_mul(153).wrapping_add(2) / 5;
    year.wrapping_mul(365)
        .wrapping_add(leap_days)
        .wrapping_add(of_year)
        .wrapping_add(i64::from(day))
        .wrapping_sub(EPOCH)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => f.write_str("invalid"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is not an RFC 3339 time with a zone"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_civil_time_in_china_is_eight_hours_earlier_in_utc() {
        let time = Time::from_civil((2026, 6, 15), (10, 1, 15), 28_800).unwrap();
        assert_eq!(time.to_string(), "2026-06-15T02:01:15Z");
        assert_eq!(Time::parse("2026-06-15T10:01:15+08:00"), Some(time));
        assert_eq!(time.to_civil(28_800), ((2026, 6, 15), (10, 1, 15)));
    }

    #[test]
    fn milliseconds_are_written_only_where_there_are_any() {
        assert_eq!(Time::from_millis(1_500).to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Time::from_seconds(1).to_string(), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn there_is_no_thirteenth_month() {
        assert_eq!(Time::from_civil((2026, 13, 1), (0, 0, 0), 0), None);
        assert_eq!(Time::from_civil((2026, 2, 29), (0, 0, 0), 0), None);
        assert_eq!(Time::from_civil((2026, 1, 1), (24, 0, 0), 0), None);
    }

    #[test]
    fn every_day_of_the_calendar_is_the_one_that_it_is() {
        let (mut date, last) = (jiff::civil::date(1, 1, 1), jiff::civil::date(9998, 12, 31));
        let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap();
        let mut midnight_s = midnight.as_second();
        while date <= last {
            let (year, month, day) = (date.year(), date.month(), date.day());
            let read = Time::from_civil((year, month, day), (23, 59, 58), -3_600);
            assert_eq!(read, Some(Time::from_seconds(midnight_s + 89_998)), "{date}");
            let next = date.tomorrow().unwrap();
            if next.month() != month {
                assert_eq!(Time::from_civil((year, month, day + 1), (0, 0, 0), 0), None, "{date}");
            }
            (date, midnight_s) = (next, midnight_s + 86_400);
        }
    }

    #[test]
    fn edges_of_the_calendar_are_read_too() {
        let first = Time::from_civil((0, 1, 1), (0, 0, 0), 0).unwrap();
        assert_eq!(first.millis(), EARLIEST_MS);
        assert_eq!(Time::from_civil((9999, 12, 31), (23, 59, 59), 0), None);
        assert_eq!(Time::from_civil((2026, 1, 1), (0, 0, 0), 200_000), None);
        assert_eq!(Time::from_civil((2026, 0, 1), (0, 0, 0), 0), None);
        assert_eq!(Time::from_civil((2026, 1, 0), (0, 0, 0), 0), None);
        assert_eq!(Time::from_civil((2026, 1, 1), (0, 0, 60), 0), None);
    }

    #[test]
    fn far_instants_are_held_at_the_edges() {
        assert_eq!(Time::from_millis(i64::MAX).plus_seconds(1e30).millis(), LATEST_MS);
        assert!(Time::from_millis(i64::MIN).to_string().starts_with("0000-"));
        let text = serde_json::to_string(&Time::from_millis(i64::MAX)).unwrap();
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap().millis(), LATEST_MS);
    }
}
