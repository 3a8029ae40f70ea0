//! Lengths of time as people write them.

/// Reads `90`, `90s`, `4m`, `1h30m` or `7d` as seconds.
///
/// # Errors
/// What was expected, in words for a person.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let wrong =
        || format!("{text:?} is no length of time; expected one such as 240, 4m, 1h30m, 7d");
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return if seconds.is_finite() && seconds >= 0.0 { Ok(seconds) } else { Err(wrong()) };
    }
    let mut sum = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let letters = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit_s = match unit.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        sum += number.parse::<f64>().map_err(|_| wrong())? * unit_s;
        rest = after;
    }
    if sum.is_finite() && !text.trim().is_empty() { Ok(sum) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, expected) in
            [("240", 240.0), ("4m", 240.0), ("1h30m", 5400.0), ("7d", 604_800.0), ("1.5h", 5400.0)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "m", "4x", "-4", "4m5", "inf", "1..5h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
