//! Dates and times of day as plain numbers, one field each, at a place of a known offset from UTC.

use arrayvec::ArrayString;

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

/// A date of year, month and day, apart by `/` or `-`, and a time of day apart by `:`, read off a
/// clock that is `offset_s` ahead of UTC. A year of two digits is of this century.
#[must_use]
pub fn written(date: &str, time: &str, offset_s: i32) -> Option<Time> {
    let mut parts = date.split(['/', '-']);
    let year: i16 = parts.next()?.parse().ok()?;
    let year = if (0..100).contains(&year) { year.checked_add(2000)? } else { year };
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let mut of_day = time.split(':').map(|part| part.parse().ok());
    let (hour, minute, second) = (of_day.next()??, of_day.next()??, of_day.next()??);
    Time::from_civil((year, month, day), (hour, minute, second), offset_s)
}

/// The wall clock's reading at a place `offset_s` seconds ahead of UTC in fourteen digits, as answers
/// have it: year, month, day, hour, minute, second.
#[must_use]
pub fn digits(time: Time, offset_s: i32) -> ArrayString<14> {
    marked(time, offset_s, [""; 7])
}

/// The same with marks between them: `2026-06-15 10:01:15`.
#[must_use]
pub fn apart(time: Time, offset_s: i32) -> ArrayString<19> {
    marked(time, offset_s, ["", "", "-", "-", " ", ":", ":"])
}

/// Century, year, month, day, hour, minute, second in two digits each, behind its mark.
fn marked<const LENGTH: usize>(time: Time, offset_s: i32, marks: [&str; 7]) -> ArrayString<LENGTH> {
    let ((year, month, day), (hour, minute, second)) = time.to_civil(offset_s);
    let year = year.unsigned_abs();
    let two = |number: u16| u8::try_from(number % 100).unwrap_or_default();
    let rest = [month, day, hour, minute, second].map(i8::unsigned_abs);
    let numbers = [two(year / 100), two(year)].into_iter().chain(rest);
    let mut text = ArrayString::new();
    for (mark, number) in marks.into_iter().zip(numbers) {
        // The lengths of both forms are those of their types.
        let _ = text.try_push_str(mark);
        for digit in [number / 10 % 10, number % 10] {
            let _ = text.try_push(char::from(b'0' | digit));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_fourteen_digits() {
        let time = Time::parse("2026-06-05T18:01:15.5Z").unwrap();
        assert_eq!(&digits(time, 0), "20260605180115");
        assert_eq!(&digits(time, CHINA_S), "20260606020115");
        assert_eq!(&digits(Time::from_millis(i64::MIN), 0), "00000101000000");
        assert_eq!(&apart(time, CHINA_S), "2026-06-06 02:01:15");
    }

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

    #[test]
    fn a_written_date_may_have_two_digits_of_its_year() {
        let instant = Time::parse("2026-06-05T02:01:15Z");
        assert_eq!(written("2026/6/5", "2:1:15", 0), instant);
        assert_eq!(written("26-06-05", "10:01:15", CHINA_S), instant);
        assert_eq!(written("26-13-05", "10:01:15", 0), None);
        assert_eq!(written("26-06-05", "10:01", 0), None);
    }
}
