//! Durations as people write them: `24h`, `4m`, `90s`, `1h30m`, `7d`.

/// The duration in seconds. A number without a unit is seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is not a duration such as 24h, 30m, 90s or 7d");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut sum_s = 0.0;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = after.chars().next();
        let factor = match unit {
            None if smallest.is_infinite() => 1.0,
            Some('s') => 1.0,
            Some('m') => 60.0,
            Some('h') => 3_600.0,
            Some('d') => 86_400.0,
            _ => return Err(wrong()),
        };
        // From the large to the small, each once.
        if factor >= smallest {
            return Err(wrong());
        }
        smallest = factor;
        sum_s += number * factor;
        rest = unit.map_or("", |unit| &after[unit.len_utf8()..]);
    }
    if sum_s.is_finite() { Ok(sum_s) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, length_s) in [
            ("24h", 86_400.0),
            ("30m", 1_800.0),
            ("4m", 240.0),
            ("90s", 90.0),
            ("90", 90.0),
            ("1h30m", 5_400.0),
            ("1.5h", 5_400.0),
            (" 7d ", 604_800.0),
            ("0s", 0.0),
        ] {
            assert_eq!(super::seconds(text), Ok(length_s), "{text}");
        }
        for bad in
            ["", "h", "4x", "-4m", "4m4m", "4m5h", "1h30", "1..5h", "4 m", "m4", "4м", "1e3s"]
        {
            assert!(super::seconds(bad).is_err(), "{bad}");
        }
    }
}
