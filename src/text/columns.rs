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

/// A text as one field that no spreadsheet takes for a formula: what begins as one gets an apostrophe
/// before it. Line ends become blanks: a record is one line.
pub(crate) fn cell(text: &str) -> String {
    let mut text = text.replace("\r\n", " ").replace(['\r', '\n'], " ");
    if text.trim_start().starts_with(is_formula) || uncell(&text) != text {
        text.insert(0, '\'');
    }
    if text.contains([',', ';', '"', '\t']) || text.trim() != text {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// What a field says that [`cell`] wrote.
pub(crate) fn uncell(text: &str) -> &str {
    let without = text.strip_prefix('\'').filter(|rest| rest.trim_start().starts_with(is_formula));
    without.unwrap_or(text)
}

const fn is_formula(letter: char) -> bool {
    matches!(letter, '=' | '+' | '-' | '@')
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

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
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
    fn a_formula_is_text_and_reads_back() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            (" =1", "' =1"),
            ("\t=1", "\"'\t=1\""),
            ("-1, or", "\"'-1, or\""),
            ("it's", "it's"),
            ("'tis", "'tis"),
            ("a\r\nb \"c\"", "\"a b \"\"c\"\"\""),
        ] {
            assert_eq!(cell(text), written);
            let line = cell(text);
            let read = fields(&line, ',').unwrap();
            let back = uncell(&read[0]).trim().to_owned();
            assert_eq!(back, text.replace("\r\n", " ").trim());
        }
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let columns = Columns::from_header("\u{feff}Time;DEVICE").unwrap();
        assert_eq!(columns.find(&["device", "id"]), Some(1));
        assert_eq!(columns.find(&["latitude"]), None);
        assert_eq!(columns.split("1,5;x").unwrap(), ["1,5", "x"]);
    }
}
