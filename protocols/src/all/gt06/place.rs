//! The answer to `WHERE#`: a position in words.

use crate::Fix;
use crate::field::date;
use crate::field::text::Labelled;

/// `Lat:N38.914000,Lon:E121.614700,Course:272.00,Speed:47.00,DateTime:26-06-15 09:59:59`, with more
/// around it; the clock is `offset_s` ahead of UTC.
pub(super) fn read(line: &str, offset_s: i32) -> Option<Fix> {
    let mut labelled = Labelled::new(line);
    let mut degrees = |label, [positive, negative]: [char; 2]| {
        let value = labelled.value(label)?;
        let (sign, digits) = match (value.strip_prefix(positive), value.strip_prefix(negative)) {
            (Some(digits), _) => (1.0, digits),
            (_, Some(digits)) => (-1.0, digits),
            _ => return None,
        };
        digits.parse::<f64>().ok().map(|degrees| degrees * sign)
    };
    let (_, clock) = line.split_once("DateTime:")?;
    let mut clock = clock.split_ascii_whitespace();
    let of_day =
        |text: &str| text.trim_end_matches(|letter: char| !letter.is_ascii_digit()).to_owned();
    let time = date::written(clock.next()?, &of_day(clock.next()?), offset_s)?;
    let mut fix = Fix::new(time, degrees("Lat:", ['N', 'S'])?, degrees("Lon:", ['E', 'W'])?)?;
    let mut number = |label| labelled.value(label)?.parse::<f64>().ok();
    fix.course_deg = number("Course:").filter(|course| (0.0..=360.0).contains(course));
    fix.speed_kmh = number("Speed:").filter(|kmh| (0.0..1000.0).contains(kmh));
    Some(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_words_is_a_position() {
        let line = "Current position!Lat:N38.914000,Lon:W121.614700,Course:272.50,Speed:47.25,\
                    DateTime:26-06-15  09:59:59";
        let fix = read(line, 8 * 3600).unwrap();
        assert_eq!(fix.fix_time.to_string(), "2026-06-15T01:59:59Z");
        assert_eq!((fix.latitude, fix.longitude), (38.914, -121.6147));
        assert_eq!((fix.speed_kmh, fix.course_deg), (Some(47.25), Some(272.5)));
        assert!(read("No data!", 0).is_none());
        assert!(read("Lat:N138.9,Lon:E12.1,DateTime:26-06-15 09:59:59", 0).is_none());
    }
}
