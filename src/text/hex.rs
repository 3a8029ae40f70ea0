//! Hexadecimal.

/// Bytes from hexadecimal; blanks between digits do not count.
pub(crate) fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(hex.len() / 2);
    let mut high = None;
    for (column, letter) in hex.chars().enumerate().filter(|(_, letter)| !letter.is_whitespace()) {
        let digit = letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some(digit) = digit else {
            return Err(format!("{letter:?} in column {} is no hexadecimal digit", column + 1));
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    if high.is_some() {
        return Err("an odd number of hexadecimal digits: half a byte is missing".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn hexadecimal_says_where_it_is_wrong() {
        assert_eq!(bytes("7e 0D\t0a"), Ok(vec![0x7e, 0x0d, 0x0a]));
        assert_eq!(bytes("7e0x"), Err("'x' in column 4 is no hexadecimal digit".to_owned()));
        assert!(bytes("7e0").is_err_and(|error| error.contains("odd")));
    }
}
