//! Where a message ends: the long form with its line, the short one behind its IMEI.

use memchr::memchr2;

use crate::field::search;
use crate::{Reason, Step};

/// The long form has some 180 bytes.
pub(super) const MAX: usize = 1024;
pub(super) const IMEI: &[u8] = b"imei:";
/// The length of the short form and its byte of checksum.
const SHORT_TAIL: usize = 4;

/// Where the sentence begins: at the two letters before `RMC,`.
pub(super) fn sentence(bytes: &[u8]) -> Option<usize> {
    search::find(bytes, b"RMC,")?.checked_sub(2)
}

pub(super) fn find(bytes: &[u8], last: bool) -> Step {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
    if blank > 0 {
        return Step::Frame { body: 0..0, end: blank };
    }
    let window = bytes.get(..MAX).unwrap_or(bytes);
    let more = |window: &[u8]| {
        if window.len() == MAX {
            Step::Skip(MAX, Reason::TooLong)
        } else if last {
            Step::Frame { body: 0..window.len(), end: window.len() }
        } else {
            Step::Need(window.len().saturating_add(1))
        }
    };
    let imei = search::find(window, IMEI);
    let line = memchr2(b'\r', b'\n', window);
    // A line without either is none of these; behind a sentence the message may go on.
    if let Some(end) = line.filter(|end| imei.is_none_or(|imei| *end < imei))
        && sentence(window.get(..end).unwrap_or_default()).is_none()
    {
        return Step::Frame { body: 0..end, end: end.saturating_add(1) };
    }
    let Some(imei) = imei else { return more(window) };
    let digits = window.get(imei.saturating_add(IMEI.len())..).unwrap_or_default();
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let comma = imei.saturating_add(IMEI.len()).saturating_add(count);
    match window.get(comma) {
        None => return more(window),
        Some(b',') => {}
        Some(_) => return Step::Frame { body: 0..comma, end: comma },
    }
    let tail_at = comma.saturating_add(1);
    let tail = window.get(tail_at..).unwrap_or_default();
    let count = tail.iter().take(SHORT_TAIL).take_while(|byte| byte.is_ascii_digit()).count();
    match (count, tail.get(count)) {
        // Satellites.
        (..=2, Some(b',')) => match memchr2(b'\r', b'\n', tail) {
            Some(at) => {
                let end = tail_at.saturating_add(at);
                Step::Frame { body: 0..end, end: end.saturating_add(1) }
            }
            None => more(window),
        },
        (..=2, Some(_)) => Step::Frame { body: 0..tail_at, end: tail_at },
        (..=3, None) => more(window),
        _ => Step::Frame { body: 0..tail_at, end: tail_at.saturating_add(SHORT_TAIL) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(body: usize, end: usize) -> Step {
        Step::Frame { body: 0..body, end }
    }

    #[test]
    fn the_short_form_ends_behind_its_imei() {
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,101\x8d0711", false), whole(23, 27));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,101", false), Step::Need(27));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,10", false), Step::Need(26));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,\r", false), whole(23, 23));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345\r", false), whole(22, 22));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,", false), Step::Need(24));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,", true), whole(23, 23));
        assert_eq!(find(b"GPRMC,*00\r\n,F,imei:12345,x", false), whole(25, 25));
    }

    #[test]
    fn the_long_form_ends_with_its_line() {
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,05,\n\r", false), whole(26, 27));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,,,", false), Step::Need(26));
        assert_eq!(find(b"GPRMC,*00,F,imei:12345,,,", true), whole(25, 25));
        assert_eq!(find(b"\r\0G", false), whole(0, 2));
        assert_eq!(find(b"garbage\rGPRMC", false), whole(7, 8));
        assert_eq!(find(b"GPRMC,*00\r", false), Step::Need(11));
        assert_eq!(find(&[b'x'; 1024], false), Step::Skip(1024, Reason::TooLong));
    }
}
