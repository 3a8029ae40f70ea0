//! Decimal numbers of text frames, read to the same double as by `str::parse`, in less time.

/// So many digits are a whole number below 2⁵³, which a double holds exactly.
const EXACT_DIGITS: usize = 15;
/// The powers of ten by which so many digits may be divided; a double holds each exactly.
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number with or without sign, fraction and exponent: no infinity, no "not a number".
#[must_use]
pub fn decimal(text: &str) -> Option<f64> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    match plain(digits) {
        Some(number) if is_negative => Some(-number),
        Some(number) => Some(number),
        None => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A number of digits and at most one point: no sign, no exponent.
#[must_use]
pub fn unsigned(text: &str) -> Option<f64> {
    let is_plain = || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain(text.as_bytes()).or_else(|| is_plain().then(|| text.parse().ok())?)
}

/// Few digits and at most one point: both the digits and the power of ten are exact, so that their
/// quotient is rounded once, as it must be (W. D. Clinger, "How to read floating point numbers
/// accurately", 1990). `None` for all else, numbers or not.
fn plain(text: &[u8]) -> Option<f64> {
    let mut number = 0_u64;
    let mut point = None;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let (digits, decimals) = match point {
        None => (text.len(), 0),
        Some(at) => {
            let digits = text.len().saturating_sub(1);
            (digits, digits.saturating_sub(at))
        }
    };
    if digits == 0 || digits > EXACT_DIGITS {
        return None;
    }
    POWERS.get(decimals).map(|power| number as f64 / power)
}

/// Two digits.
#[must_use]
pub fn pair(tens: u8, units: u8) -> Option<i8> {
    let (tens, units) = (tens.wrapping_sub(b'0'), units.wrapping_sub(b'0'));
    // At most 99.
    let number = tens.wrapping_mul(10).wrapping_add(units);
    if tens < 10 && units < 10 { i8::try_from(number).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<u64> {
        let number: f64 = text.parse().ok()?;
        number.is_finite().then(|| number.to_bits())
    }

    #[test]
    fn what_is_a_number_is_what_the_standard_library_says() {
        for text in [
            "0",
            "-0",
            "+1.5",
            ".5",
            "5.",
            ".",
            "",
            "-",
            "+",
            "1.2.3",
            "1e3",
            "inf",
            "NaN",
            "12a",
            "999999999999999",
            "1000000000000000",
            "0.000000000000001",
            "123456789012345.6",
            "9007199254740993",
            "1e400",
            " 1",
            "１",
        ] {
            assert_eq!(decimal(text).map(f64::to_bits), parsed(text), "{text}");
        }
        for text in ["-1", "+1", "1e3", ".", ""] {
            assert_eq!(unsigned(text), None, "{text}");
        }
        assert_eq!(unsigned("12.5"), Some(12.5));
        assert_eq!(unsigned("1234567890.123456789"), Some(1_234_567_890.123_456_7));
    }

    proptest! {
        #[test]
        fn numbers_are_read_to_the_last_bit(text in "[-+]?[0-9]{0,12}\\.?[0-9]{0,12}") {
            prop_assert_eq!(decimal(&text).map(f64::to_bits), parsed(&text));
        }
    }

    #[test]
    fn a_pair_is_two_digits() {
        assert_eq!(pair(b'0', b'7'), Some(7));
        assert_eq!(pair(b'9', b'9'), Some(99));
        assert_eq!(pair(b'+', b'1'), None);
        assert_eq!(pair(b'1', b':'), None);
    }
}
