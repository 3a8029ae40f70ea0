//! Positions, and the two clocks that they are stated by.

use arrayvec::ArrayVec;

use crate::field::{Fields, nmea, number};
use crate::{Attributes, Context, Fix, Reason, Reject, Time};

/// A wall clock's reading.
pub(super) struct Local {
    midnight: Time,
    pub(super) of_day_s: i64,
}

impl Local {
    pub(super) fn midnight_plus(&self, seconds: i64) -> Time {
        self.midnight.plus_millis(seconds.saturating_mul(1000))
    }
}

/// `YYMMDDhhmm`, perhaps with seconds and with `/`, `:` and a space between.
pub(super) fn local(text: &str) -> Option<Local> {
    if text.bytes().any(|byte| !byte.is_ascii_digit() && !matches!(byte, b'/' | b':' | b' ')) {
        return None;
    }
    let digits: ArrayVec<u8, 13> = text.bytes().filter(u8::is_ascii_digit).take(13).collect();
    if !matches!(digits.len(), 10 | 12) {
        return None;
    }
    let pair = |from: usize| {
        let digits = digits.get(from..)?;
        number::pair(*digits.first()?, *digits.get(1)?)
    };
    let year = i16::from(pair(0)?).saturating_add(2000);
    let midnight = Time::from_civil((year, pair(2)?, pair(4)?), (0, 0, 0), 0)?;
    let (hour, minute, second) = (pair(6)?, pair(8)?, pair(10).unwrap_or(0));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = i64::from(hour).saturating_mul(60).saturating_add(i64::from(minute));
    Some(Local { midnight, of_day_s: minutes.saturating_mul(60).saturating_add(i64::from(second)) })
}

/// The instant of a local date and time and of a time of day in UTC.
fn instant(context: &Context<'_>, fields: &Fields<'_>) -> Result<Time, Reject> {
    const HALF_DAY_S: i64 = 43_200;
    let stated = fields.text(5);
    let of_day_ms = if stated.split('.').next().unwrap_or_default().len() == 6 {
        let of_day = nmea::time_of_day_ms(stated);
        Some(of_day.ok_or_else(|| fields.reject(5, Reason::OutOfRange))?)
    } else {
        None
    };
    match (local(fields.text(2)), of_day_ms) {
        (Some(local), None) => Ok(local.midnight_plus(local.of_day_s)),
        (Some(local), Some(of_day_ms)) => {
            let of_day_s = of_day_ms.div_euclid(1000);
            // To the minute: the seconds of both clocks need not agree.
            let minutes = |seconds: i64| seconds.div_euclid(60).saturating_mul(60);
            let zone_s = minutes(local.of_day_s).saturating_sub(minutes(of_day_s));
            let day = match zone_s {
                ahead if ahead > HALF_DAY_S => 86_400,
                behind if behind <= -HALF_DAY_S => -86_400,
                _ => 0,
            };
            Ok(local.midnight_plus(of_day_s.saturating_add(day)))
        }
        (None, Some(of_day_ms)) if fields.text(2).bytes().all(|byte| matches!(byte, b'0')) => {
            Ok(nmea::nearest(of_day_ms, context.received_at))
        }
        _ => Err(fields.reject(2, Reason::OutOfRange)),
    }
}

pub(super) fn position(
    context: &Context<'_>,
    fields: &Fields<'_>,
    attributes: &mut Attributes,
) -> Result<Fix, Reject> {
    let mut next = 7_usize;
    let coordinate = |letters: [&str; 2], next: &mut usize| {
        let hemisphere = |next: &mut usize| {
            let text = fields.text(*next);
            if letters.contains(&text) {
                *next = next.saturating_add(1);
                Some(text)
            } else {
                None
            }
        };
        let before = hemisphere(next);
        let at = *next;
        *next = next.saturating_add(1);
        let after = hemisphere(next);
        if before.is_none() && after.is_none() && fields.text(*next).is_empty() {
            *next = next.saturating_add(1);
        }
        let value = nmea::degrees(fields.text(at)).or_else(|| with_excess_minutes(fields.text(at)));
        value
            .and_then(|value| match before.or(after) {
                Some(letter) => nmea::signed(value, letter),
                None => Some(value),
            })
            .ok_or_else(|| fields.reject(at, Reason::OutOfRange))
    };
    let latitude = coordinate(["N", "S"], &mut next)?;
    let longitude = coordinate(["E", "W"], &mut next)?;
    let mut fix = Fix::new(instant(context, fields)?, latitude, longitude)
        .ok_or_else(|| fields.reject(7, Reason::OutOfRange))?;
    let at = |places: usize| next.saturating_add(places);
    fix.valid = fields.text(6) == "A";
    fix.speed_kmh = fields.number(next).filter(|knots| *knots >= 0.0).map(nmea::kmh);
    fix.course_deg = fields.number(at(1)).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(at(2));
    let flag = |index: usize| match fields.text(index) {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    attributes.set_some("ignition", flag(at(3)));
    attributes.set_some("door", flag(at(4)));
    let percent = |index: usize| {
        let text = fields.text(index).strip_suffix('%')?;
        text.parse().ok().filter(|percent: &f64| (0.0..=100.0).contains(percent))
    };
    attributes.set_some("fuel_percent", percent(at(5)));
    attributes.set_some("fuel_2_percent", percent(at(6)));
    attributes.set_some("temperature_1_c", fields.parse::<i16>(at(7)));
    Ok(fix)
}

/// Minutes of 60 and more are carried over by some firmware.
fn with_excess_minutes(text: &str) -> Option<f64> {
    let whole = text.split('.').next().unwrap_or_default();
    let (degrees, _) = whole.split_at_checked(whole.len().checked_sub(2)?)?;
    let minutes = text.get(degrees.len()..)?;
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if degrees.len() > 3 || !is_number(degrees) || !is_number(minutes) {
        return None;
    }
    Some(f64::from(degrees.parse::<u16>().ok()?) + minutes.parse::<f64>().ok()? / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_difference_of_two_clocks() {
        let received_at = Time::parse("2026-06-15T02:00:00Z").unwrap();
        let context = Context {
            device: None,
            model: None,
            transport: crate::Transport::Tcp,
            received_at,
            installation: &(),
        };
        let instant = |text: &[u8]| {
            instant(&context, &Fields::split(text, b',')).map(|time| time.to_string())
        };
        let utc = |text: &str| Ok(text.to_owned());
        assert_eq!(instant(b"i,k,2606150959,,F,015955.000"), utc("2026-06-15T01:59:55Z"));
        assert_eq!(instant(b"i,k,2606150359,,F,195955"), utc("2026-06-14T19:59:55Z"));
        assert_eq!(instant(b"i,k,2606142159,,F,015955"), utc("2026-06-15T01:59:55Z"));
        assert_eq!(instant(b"i,k,26/06/15 09:59,,F,61.0"), utc("2026-06-15T09:59:00Z"));
        assert_eq!(instant(b"i,k,000000000,,F,015955.5"), utc("2026-06-15T01:59:55.5Z"));
        assert!(instant(b"i,k,2613150959,,F,015955").is_err());
    }
}
