//! Times as tracks write them.

use interdict_protocols::Time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How to read times.
#[derive(Clone, Default)]
pub struct Times {
    /// The zone of times that state none.
    pub zone: Option<TimeZone>,
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It states no zone, and none is given for such.
    NoZone,
    /// It is no time at all.
    NoTime,
}

impl Wrong {
    pub(super) fn told(self, text: &str) -> String {
        match self {
            Self::NoZone => format!(
                "the time {text:?} has no zone: say which it is with --zone, such as \
                 --zone Asia/Shanghai"
            ),
            Self::NoTime => {
                format!("{text:?} is no time; expected one such as 2026-06-15T02:01:15Z")
            }
        }
    }
}

/// Numbers above this are milliseconds since 1970 and not seconds: as seconds they would lie
/// beyond the year 5000, as milliseconds they begin in 1973.
const SECONDS_END: f64 = 1e11;

impl Times {
    /// Reads a time that a person gave.
    ///
    /// # Errors
    /// What was expected, in words for a person.
    pub fn parse(&self, text: &str) -> Result<Time, String> {
        self.read(text).map_err(|wrong| wrong.told(text))
    }

    /// Reads RFC 3339, the same with a blank, with slashes or without a zone, or a number of seconds
    /// or milliseconds since 1970.
    pub(super) fn read(&self, text: &str) -> Result<Time, Wrong> {
        let text = text.trim();
        if let Some(time) = Time::parse(text) {
            return Ok(time);
        }
        if let Some(time) = text.parse().ok().and_then(from_number) {
            return Ok(time);
        }
        let dashed = text.replacen('/', "-", 2);
        if let Some(time) = Time::parse(&dashed) {
            return Ok(time);
        }
        // A zone that is there but wrong must not be taken for none.
        let civil: DateTime =
            dashed.parse().ok().filter(|_| !text.contains(['Z', 'z'])).ok_or(Wrong::NoTime)?;
        let zone = self.zone.as_ref().ok_or(Wrong::NoZone)?;
        let instant = zone.to_ambiguous_zoned(civil).compatible().map_err(|_| Wrong::NoTime)?;
        Ok(Time::from_millis(instant.timestamp().as_millisecond()))
    }
}

/// An instant from seconds or milliseconds since 1970.
pub(super) fn from_number(number: f64) -> Option<Time> {
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    let milliseconds = if number < SECONDS_END { number * 1000.0 } else { number };
    // `as` saturates, and the time is held within its own limits.
    Some(Time::from_millis(milliseconds.round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let shanghai = Times { zone: TimeZone::get("Asia/Shanghai").ok() };
        let expected = Time::parse("2026-06-15T02:01:15Z").unwrap();
        for text in [
            "2026-06-15T02:01:15Z",
            "2026-06-15 10:01:15+08:00",
            "2026-06-15T10:01:15",
            "2026-06-15 10:01:15",
            "2026/06/15 10:01:15",
            "1781488875",
            "1781488875000",
        ] {
            assert_eq!(shanghai.read(text), Ok(expected), "{text}");
        }
        assert_eq!(shanghai.read("yesterday"), Err(Wrong::NoTime));
        assert_eq!(shanghai.read(""), Err(Wrong::NoTime));
        assert_eq!(shanghai.read("2026-13-15T02:01:15"), Err(Wrong::NoTime));
    }

    #[test]
    fn a_time_without_a_zone_needs_one() {
        assert_eq!(Times::default().read("2026-06-15 10:01:15"), Err(Wrong::NoZone));
    }
}
