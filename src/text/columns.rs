//! Comma-separated values, one record a line (RFC 4180 without line ends inside quotes, so that a
//! quotation mark too many costs one line and not the rest of the file).

use std::borrow::Cow;

/// The fields of one line, blanks round them taken off; quotes as RFC 4180 has them.
///
/// # Errors
/// A quotation mark that nothing closes, or text after a closing one.
fn fields(line: &str, separator: char) -> Result<Vec<Cow<'_, str>>, String> {
    if !line.contains('"') {
        return Ok(line.split(separator).map(|field| Cow::Borrowed(field.trim())).collect());
    }
    let mut found = Vec::new();
    let mut rest = line;
    loop {
        let begin =
            rest.trim_start_matches(|letter: char| letter != separator && letter.is_whitespace());
        let Some(quoted) = begin.strip_prefix('"') else {
            match rest.split_once(separator) {
                Some((field, after)) => {
                    found.push(Cow::Borrowed(field.trim()));
                    rest = after;
                    continue;
                }
                None => {
                    found.push(Cow::Borrowed(rest.trim()));
                    return Ok(found);
                }
            }
        };
        let (field, after) = unquote(quoted)?;
        found.push(Cow::Owned(field));
        let after =
            after.trim_start_matches(|letter: char| letter != separator && letter.is_whitespace());
        if after.is_empty() {
            return Ok(found);
        }
        rest = after
            .strip_prefix(separator)
            .ok_or_else(|| "text after a closing quotation mark".to_owned())?;
    }
}

/// What stands before the closing quotation mark, and what follows that.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    while let Some((part, after)) = rest.split_once('"') {
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
    Err("a quotation mark that is never closed".to_owned())
}

/// Which column of a file has which name.
pub(crate) struct Columns {
    names: Vec<String>,
    separator: char,
}

impl Columns {
    /// From a file's first line: names in any order and any case, parted by commas, semicolons or
    /// tabs.
    pub(crate) fn from_header(line: &str) -> Result<Self, String> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let separator =
            [',', ';', '\t'].into_iter().find(|letter| line.contains(*letter)).unwrap_or(',');
        let names = fields(line, separator)?.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { names, separator })
    }

    /// The column of any of these names.
    pub(crate) fn find(&self, names: &[&str]) -> Option<usize> {
        self.names.iter().position(|known| names.contains(&known.as_str()))
    }

    /// The names that are not among `known`.
    pub(crate) fn beside<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.names
            .iter()
            .map(String::as_str)
            .filter(move |name| !name.is_empty() && !known.contains(name))
    }

    /// The fields of a line of this file.
    pub(crate) fn split<'a>(&self, line: &'a str) -> Result<Vec<Cow<'a, str>>, String> {
        fields(line, self.separator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_and_quotes() {
        let line = r#"a, "b ""c"", d" ,,"e""#;
        assert_eq!(fields(line, ',').unwrap(), ["a", r#"b "c", d"#, "", "e"]);
        assert!(fields(r#"a,"b"#, ',').is_err());
        assert!(fields(r#""a"b,c"#, ',').is_err());
        assert_eq!(fields("a,\"b\",", ',').unwrap(), ["a", "b", ""]);
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let columns = Columns::from_header("\u{feff}Time;DEVICE").unwrap();
        assert_eq!(columns.find(&["device", "id"]), Some(1));
        assert_eq!(columns.find(&["latitude"]), None);
        assert_eq!(columns.split("1,5;x").unwrap(), ["1,5", "x"]);
    }
}
