//! NMEA 0183 logs. Only RMC sentences state a date, so they alone are fixes.

use std::io::BufRead;

use interdict_protocols::{Fix, Time, field::checksum};

use super::{Reading, fix_at};
use crate::text::{Line, Lines};

pub(super) fn read(reading: &mut Reading<'_, '_>, source: &mut dyn BufRead) -> Result<(), String> {
    let mut lines = Lines::new(source);
    let mut last = 0;
    let mut sentences = 0_u64;
    loop {
        let (number, line) = match lines.next() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(error) => return Err(format!("cannot be read beyond line {last}: {error}")),
        };
        last = number;
        // Loggers put stamps of their own before a sentence, and sentences that are no text are not
        // ours.
        let Line::Text(text) = line else { continue };
        let Some(sentence) = text.find('$').and_then(|at| text.get(at + 1..)) else { continue };
        if sentence.get(2..6) != Some("RMC,") {
            continue;
        }
        sentences += 1;
        match rmc(sentence) {
            Ok(Some(fix)) => reading.fix(None, fix),
            Ok(None) => {}
            Err(what) => reading.bad(number, &what),
        }
        if reading.is_over() {
            break;
        }
    }
    if sentences == 0 {
        return Err("has no RMC sentence, the only one that states date, time and place".to_owned());
    }
    Ok(())
}

/// Kilometres in a nautical mile, exactly.
const NAUTICAL_MILE_KM: f64 = 1.852;

/// A position from what follows the `$` of an RMC sentence (NMEA 0183 3.01): time, status, latitude,
/// hemisphere, longitude, hemisphere, knots, course, date. `None` where it states no place, as
/// receivers do before their first fix.
fn rmc(sentence: &str) -> Result<Option<Fix>, String> {
    let sentence = sentence.trim_end();
    let body = match sentence.split_once('*') {
        None => sentence,
        Some((body, sum)) => {
            let stated = u8::from_str_radix(sum.trim(), 16)
                .map_err(|_| format!("checksum: found {sum:?}, expected two hexadecimal digits"))?;
            let found = checksum::xor(body.as_bytes());
            if stated != found {
                return Err(format!(
                    "checksum: the sentence says {stated:02X}, its bytes {found:02X}"
                ));
            }
            body
        }
    };
    let fields: Vec<&str> = body.split(',').map(str::trim).collect();
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    if field(3).is_empty() || field(5).is_empty() {
        return Ok(None);
    }
    let time = time(field(9), field(1))
        .ok_or_else(|| format!("date {:?} and time {:?} are none", field(9), field(1)))?;
    let latitude = degrees(field(3), field(4), "N", "S")
        .ok_or_else(|| format!("latitude {:?} {:?} is none", field(3), field(4)))?;
    let longitude = degrees(field(5), field(6), "E", "W")
        .ok_or_else(|| format!("longitude {:?} {:?} is none", field(5), field(6)))?;
    let number = |index: usize| field(index).parse().ok().filter(|number: &f64| number.is_finite());
    let mut fix = fix_at(time, latitude, longitude)?;
    fix.valid = field(2) == "A";
    fix.speed_kmh = number(7).map(|knots: f64| knots * NAUTICAL_MILE_KM);
    fix.course_deg = number(8);
    Ok(Some(fix))
}

/// `ddmmyy` and `hhmmss[.sss]`, UTC.
fn time(date: &str, clock: &str) -> Option<Time> {
    let two = |text: &str, at: usize| -> Option<i8> { text.get(at..at + 2)?.parse().ok() };
    let date = (2000 + i16::from(two(date, 4)?), two(date, 2)?, two(date, 0)?);
    let whole = Time::from_civil(date, (two(clock, 0)?, two(clock, 2)?, two(clock, 4)?), 0)?;
    let fraction = match clock.get(6..) {
        None | Some("") => 0.0,
        Some(fraction) => fraction.parse().ok()?,
    };
    Some(whole.plus_seconds(fraction))
}

/// `dddmm.mmmm` and a hemisphere.
fn degrees(text: &str, hemisphere: &str, positive: &str, negative: &str) -> Option<f64> {
    let dot = text.find('.').unwrap_or(text.len());
    let (whole, minutes) = text.split_at_checked(dot.checked_sub(2)?)?;
    let whole: f64 = if whole.is_empty() { 0.0 } else { whole.parse().ok()? };
    let minutes: f64 = minutes.parse().ok().filter(|minutes| (0.0..60.0).contains(minutes))?;
    let sign = match hemisphere {
        _ if hemisphere == positive => 1.0,
        _ if hemisphere == negative => -1.0,
        _ => return None,
    };
    Some(sign * (whole + minutes / 60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_the_standard_is_a_fix() {
        let text = "GPRMC,225446.5,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*73";
        let fix = rmc(text).unwrap().unwrap();
        assert_eq!(fix.fix_time.to_string(), "2094-11-19T22:54:46.5Z");
        assert!((fix.latitude - 49.274_166_666).abs() < 1e-6);
        assert!((fix.longitude + 123.185_333_333).abs() < 1e-6);
        assert_eq!(fix.speed_kmh, Some(0.926));
        assert_eq!(fix.course_deg, Some(54.7));
    }

    #[test]
    fn a_wrong_sum_is_told_and_no_place_is_no_fix() {
        let wrong = "GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*69";
        assert!(rmc(wrong).is_err_and(|what| what.starts_with("checksum")));
        assert_eq!(rmc("GPRMC,225446,V,,,,,,,191194,,"), Ok(None));
        assert!(rmc("GPRMC,225446,A,4990.45,N,12311.12,W,,,191194,,").is_err());
    }
}
