//! Dates and times of day as plain numbers, one field each, at a place of a known offset from UTC.

use crate::Time;

/// What China's clocks are ahead of UTC, in seconds.
pub const CHINA_S: i32 = 8 * 3600;

/// Year since 2000 (up to 99), month, day, hour, minute, second, at `offset_s` seconds ahead of UTC.
/// `None` where there is no such date or time of day.
#[must_use]
pub fn since_2000([year, rest @ ..]: [u8; 6], offset_s: i32) -> Option<Time> {
    if year > 99 {
        return None;
    }
    of_year(i16::from(year).saturating_add(2000), rest, offset_s)
}

/// Month, day, hour, minute, second of a `year`, at `offset_s` seconds ahead of UTC. `None` where
/// there is no such date or time of day.
#[must_use]
pub fn of_year(
    year: i16,
    [month, day, hour, minute, second]: [u8; 5],
    offset_s: i32,
) -> Option<Time> {
    let small = |value: u8| i8::try_from(value).ok();
    let date = (year, small(month)?, small(day)?);
    Time::from_civil(date, (small(hour)?, small(minute)?, small(second)?), offset_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_date_where_there_is_one() {
        let read = |numbers| since_2000(numbers, CHINA_S).map(|time| time.to_string());
        assert_eq!(read([26, 6, 15, 10, 1, 15]).as_deref(), Some("2026-06-15T02:01:15Z"));
        assert_eq!(read([26, 2, 30, 0, 0, 0]), None);
        assert_eq!(read([100, 1, 1, 0, 0, 0]), None);
        assert_eq!(read([26, 1, 1, 200, 0, 0]), None);
        let time = of_year(1999, [12, 31, 23, 59, 59], 0);
        assert_eq!(time.map(|time| time.seconds()), Some(946_684_799));
    }
}
