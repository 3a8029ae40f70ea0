//! NMEA 0183: sentences, their coordinates, dates and times. Many makers' text protocols borrow
//! these fields.

use crate::field::checksum::xor;
use crate::field::{Fields, number};
use crate::{Fix, Reason, Reject, Time};

/// Kilometres an hour of a speed in knots: a nautical mile is 1 852 m.
#[must_use]
pub const fn kmh(knots: f64) -> f64 {
    knots * 1852.0 / 1000.0
}

/// Kilometres an hour of a speed in miles an hour: a statute mile is 1 609.344 m.
#[must_use]
pub const fn kmh_of_miles(miles: f64) -> f64 {
    miles * 1.609_344
}

/// Splits a sentence, from its `$` on, at its checksum: what lies between `$` and `*`, and what
/// follows the two digits. Without a `*` the whole is given.
///
/// # Errors
/// [`Reason::Checksum`] at the digits where they are wrong, [`Reason::Malformed`] where they are
/// none.
pub fn verified(sentence: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let body = sentence.strip_prefix(b"$").unwrap_or(sentence);
    let start = sentence.len().saturating_sub(body.len());
    let Some(star) = memchr::memchr(b'*', body) else { return Ok((body, &[])) };
    let (content, rest) = body.split_at_checked(star).unwrap_or((body, &[]));
    let rest = rest.get(1..).unwrap_or_default();
    let at = start.saturating_add(star).saturating_add(1);
    // One digit where the first would be 0, as some devices write it.
    let length = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    let stated =
        std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
    match stated {
        None => Err(Reject::at(at, Reason::Malformed)),
        Some(stated) if stated != xor(content) => Err(Reject::at(at, Reason::Checksum)),
        Some(_) => Ok((content, after)),
    }
}

/// Degrees of `DDDMM.mmmm`; `None` where it is no such number or the minutes are 60 or more.
#[must_use]
pub fn degrees(text: &str) -> Option<f64> {
    let whole = text.bytes().position(|byte| byte == b'.').unwrap_or(text.len());
    let (degrees, minutes) = text.split_at_checked(whole.checked_sub(2)?)?;
    let minutes = number::unsigned(minutes).filter(|minutes| *minutes < 60.0)?;
    let degrees = match degrees.as_bytes() {
        [] => 0,
        [units] => number::pair(b'0', *units)?.into(),
        [tens, units] => number::pair(*tens, *units)?.into(),
        [hundreds, tens, units] => {
            let hundreds = i16::from(number::pair(b'0', *hundreds)?);
            hundreds.saturating_mul(100).saturating_add(number::pair(*tens, *units)?.into())
        }
        _ => return None,
    };
    Some(f64::from(degrees) + minutes / 60.0)
}

/// `value` with the sign of its hemisphere: negative for `S` and `W`; `None` where it is neither
/// of the four letters.
#[must_use]
pub fn signed(value: f64, hemisphere: &str) -> Option<f64> {
    match hemisphere {
        "N" | "E" => Some(value),
        "S" | "W" => Some(-value),
        _ => None,
    }
}

/// A time of day `hhmmss` or `hhmmss.sss` as milliseconds since midnight. A leap second is the
/// last one of its minute.
#[must_use]
pub fn time_of_day_ms(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_at_checked(6)?;
    let [hour, minute, second] = three_pairs(whole)?;
    let fraction = if rest.is_empty() { "" } else { rest.strip_prefix('.')? };
    if hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let milliseconds = fraction.bytes().chain(*b"000").take(3).fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')))
    });
    let seconds = i64::from(hour)
        .saturating_mul(60)
        .saturating_add(i64::from(minute))
        .saturating_mul(60)
        .saturating_add(i64::from(second.min(59)));
    Some(seconds.saturating_mul(1000).saturating_add(milliseconds))
}

/// Midnight (UTC) of a date `ddmmyy`, years being 20yy.
#[must_use]
pub fn date(text: &str) -> Option<Time> {
    let [day, month, year] = three_pairs(text)?;
    let year = i16::from(year).saturating_add(2000);
    Time::from_civil((year, month, day), (0, 0, 0), 0)
}

/// Midnight (UTC) of a date `yymmdd`, years being 20yy, as many makers turn it.
#[must_use]
pub fn date_ymd(text: &str) -> Option<Time> {
    let [year, month, day] = three_pairs(text)?;
    Time::from_civil((i16::from(year).saturating_add(2000), month, day), (0, 0, 0), 0)
}

/// A date and time of day as twelve digits `yymmddhhmmss`, years being 20yy.
#[must_use]
pub fn instant_ymd(text: &str) -> Option<Time> {
    let (date, of_day) = text.split_at_checked(6)?;
    let of_day = time_of_day_ms(of_day).filter(|_| of_day.len() == 6)?;
    Some(date_ymd(date)?.plus_millis(of_day))
}

/// Six digits as three numbers.
fn three_pairs(text: &str) -> Option<[i8; 3]> {
    let &[a, b, c, d, e, f] = text.as_bytes() else { return None };
    Some([number::pair(a, b)?, number::pair(c, d)?, number::pair(e, f)?])
}

/// A time of day without its date: the instant nearest to `about`.
#[must_use]
pub fn nearest(time_of_day_ms: i64, about: Time) -> Time {
    const DAY_MS: i64 = 86_400_000;
    let midnight = about.millis().saturating_sub(about.millis().rem_euclid(DAY_MS));
    let same_day = Time::from_millis(midnight.saturating_add(time_of_day_ms));
    match same_day.millis_since(about) {
        ahead if ahead > DAY_MS / 2 => same_day.plus_millis(-DAY_MS),
        behind if behind < -(DAY_MS / 2) => same_day.plus_millis(DAY_MS),
        _ => same_day,
    }
}

/// A place in four fields: `DDMM.mmmm`, `N`, `DDDMM.mmmm`, `E` from `first` on. `None` where the
/// receiver has left the coordinates empty.
///
/// # Errors
/// [`Reason::OutOfRange`] at the coordinate that is none.
pub fn place(fields: &Fields<'_>, first: usize) -> Result<Option<(f64, f64)>, Reject> {
    let read = |index: usize| {
        degrees(fields.text(index))
            .and_then(|value| signed(value, fields.text(index.saturating_add(1))))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let second = first.saturating_add(2);
    if fields.text(first).is_empty() && fields.text(second).is_empty() {
        return Ok(None);
    }
    Ok(Some((read(first)?, read(second)?)))
}

/// A speed in knots, as km/h.
#[must_use]
pub fn speed(fields: &Fields<'_>, index: usize) -> Option<f64> {
    fields.number(index).filter(|knots| *knots >= 0.0).map(kmh)
}

/// Degrees from north.
#[must_use]
pub fn course(fields: &Fields<'_>, index: usize) -> Option<f64> {
    fields.number(index).filter(|course| (0.0..=360.0).contains(course))
}

/// The instant of a date `ddmmyy` and a time of day in two fields.
///
/// # Errors
/// [`Reason::OutOfRange`] at the field that is none.
pub fn instant(fields: &Fields<'_>, date_at: usize, time_at: usize) -> Result<Time, Reject> {
    let wrong = |index: usize| fields.reject(index, Reason::OutOfRange);
    let midnight = date(fields.text(date_at)).ok_or_else(|| wrong(date_at))?;
    let of_day = time_of_day_ms(fields.text(time_at)).ok_or_else(|| wrong(time_at))?;
    Ok(midnight.plus_millis(of_day))
}

/// What most makers take from RMC: time, validity, latitude, `N`, longitude, `E`, knots, course,
/// date, from `first` (the time) on. `None` where the receiver has left the coordinates empty.
///
/// # Errors
/// [`Reason::OutOfRange`] at the field that cannot be.
pub fn rmc(fields: &Fields<'_>, first: usize) -> Result<Option<Fix>, Reject> {
    let at = |places: usize| first.saturating_add(places);
    let Some((latitude, longitude)) = place(fields, at(2))? else { return Ok(None) };
    let time = instant(fields, at(8), first)?;
    let mut fix = Fix::new(time, latitude, longitude)
        .ok_or_else(|| fields.reject(at(2), Reason::OutOfRange))?;
    fix.valid = fields.text(at(1)) == "A";
    fix.speed_kmh = speed(fields, at(6));
    fix.course_deg = course(fields, at(7));
    Ok(Some(fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_verified_where_there_is_one() {
        assert_eq!(verified(b"$PGID,1*04"), Err(Reject::at(8, Reason::Checksum)));
        assert_eq!(verified(b"$A*41,rest"), Ok((&b"A"[..], &b",rest"[..])));
        assert_eq!(verified(b"$AF*7,x"), Ok((&b"AF"[..], &b",x"[..])));
        assert_eq!(verified(b"$A,1"), Ok((&b"A,1"[..], &b""[..])));
        assert_eq!(verified(b"$A*"), Err(Reject::at(3, Reason::Malformed)));
        assert_eq!(verified(b"$A*zz"), Err(Reject::at(3, Reason::Malformed)));
    }

    #[test]
    fn coordinates_are_degrees_and_minutes() {
        assert_eq!(degrees("3854.0000"), Some(38.9));
        assert_eq!(degrees("12136"), Some(121.6));
        assert_eq!(degrees("30.0"), Some(0.5));
        assert_eq!(degrees("3860.0"), None);
        assert_eq!(degrees("-3854.0"), None);
        assert_eq!(degrees("9"), None);
        assert_eq!(degrees(""), None);
        assert_eq!(degrees("1.2.3"), None);
        assert_eq!(degrees("1234567890.0"), None);
        assert_eq!(degrees("é0.0"), None);
        assert_eq!(signed(38.9, "S"), Some(-38.9));
        assert_eq!(signed(38.9, ""), None);
    }

    #[test]
    fn times_have_six_digits_and_perhaps_a_fraction() {
        assert_eq!(time_of_day_ms("000001.5"), Some(1_500));
        assert_eq!(time_of_day_ms("235960"), Some(86_399_000));
        assert_eq!(time_of_day_ms("240000"), None);
        assert_eq!(time_of_day_ms("12345"), None);
        assert_eq!(time_of_day_ms("+12345"), None);
        assert_eq!(date("150626").map(|date| date.to_string()).as_deref(), {
            Some("2026-06-15T00:00:00Z")
        });
        assert_eq!(date("310226"), None);
        assert_eq!(date_ymd("260615"), date("150626"));
        assert_eq!(date_ymd("260231"), None);
        let instant = instant_ymd("260615015955").map(|instant| instant.to_string());
        assert_eq!(instant.as_deref(), Some("2026-06-15T01:59:55Z"));
        for wrong in ["260615015955.5", "26061501595", "260615246000", "26061é015955", ""] {
            assert_eq!(instant_ymd(wrong), None);
        }
    }

    #[test]
    fn a_time_without_a_date_is_the_nearest_one() {
        let about = Time::parse("2026-06-15T00:10:00Z").unwrap();
        let late = time_of_day_ms("235900").unwrap();
        assert_eq!(nearest(late, about).to_string(), "2026-06-14T23:59:00Z");
        let about = Time::parse("2026-06-14T23:59:00Z").unwrap();
        assert_eq!(nearest(1_000, about).to_string(), "2026-06-15T00:00:01Z");
        assert_eq!(nearest(1_000, Time::from_millis(5)).to_string(), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn a_position_is_nine_fields() {
        let read = |text: &str| rmc(&Fields::split(text.as_bytes(), b','), 0);
        let fix = read("015955.5,A,3854.84,N,12136.882,W,10,271.5,150626").unwrap().unwrap();
        assert_eq!(fix.fix_time.to_string(), "2026-06-15T01:59:55.5Z");
        assert!((fix.latitude - 38.914).abs() < 1e-9 && (fix.longitude + 121.6147).abs() < 1e-9);
        assert_eq!((fix.speed_kmh, fix.course_deg), (Some(18.52), Some(271.5)));
        let fix = read("015955,V,3854.84,N,12136.882,E,,,150626").unwrap().unwrap();
        assert_eq!((fix.valid, fix.speed_kmh, fix.course_deg), (false, None, None));
        assert_eq!(read("015955,V,,,,,,,150626"), Ok(None));
        assert_eq!(read("015955,A,3854.84,N,12136.882,E,0,0,310226"), {
            Err(Reject::at(35, Reason::OutOfRange))
        });
        assert_eq!(read("015955,A,3854.84,N,,E"), Err(Reject::at(19, Reason::OutOfRange)));
    }
}
