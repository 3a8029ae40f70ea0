//! Text from devices: never trusted to be what it says, always bounded by its frame.

use std::borrow::Cow;
use std::fmt::{self, Write};

use arrayvec::ArrayString;
use encoding_rs::GBK;

use super::search;

/// A text of a few words that is made up from a frame's bytes, such as a device's number. It needs
/// no allocation, since every frame may hold one.
pub type Short = ArrayString<96>;

/// What is written, which is known to be short: the rest would be left out.
#[must_use]
pub fn short(text: impl fmt::Display) -> Short {
    let mut short = Short::new();
    // An error says that the rest has no room.
    let _ = write!(short, "{text}");
    short
}

/// A text that is known to be short; empty where it is not.
#[must_use]
pub fn copied(text: &str) -> Short {
    Short::from(text).unwrap_or_default()
}

/// The text in upper case where it is ASCII; of a long text, its beginning.
#[must_use]
pub fn upper_case(text: &str) -> Short {
    let mut upper = Short::new();
    for letter in text.chars() {
        if upper.try_push(letter.to_ascii_uppercase()).is_err() {
            break;
        }
    }
    upper
}

/// The text in lower case where it is ASCII; of a long text, its beginning.
#[must_use]
pub fn lower_case(text: &str) -> Short {
    let mut lower = upper_case(text);
    lower.make_ascii_lowercase();
    lower
}

/// Text in GBK (GB 18030's two-byte part; ASCII is part of it), up to its padding of NUL bytes and
/// spaces. What is no GBK becomes U+FFFD.
#[must_use]
pub fn gbk(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    trimmed(GBK.decode_without_bom_handling(bytes).0)
}

/// The same of at most 32 bytes, on the stack; what is behind them is passed over.
#[must_use]
pub fn short_gbk(bytes: &[u8]) -> Short {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let bytes = bytes.get(..32).unwrap_or(bytes);
    // No byte becomes more than the three of U+FFFD.
    // It wants some room behind the last letter.
    let mut text = [0; 112];
    let (_, _, length, _) =
        GBK.new_decoder_without_bom_handling().decode_to_utf8(bytes, &mut text, true);
    let text = text.get(..length).and_then(|text| std::str::from_utf8(text).ok());
    copied(text.unwrap_or_default().trim())
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Text in ASCII, up to its first NUL byte and without white space around it; bytes above 127
/// become U+FFFD.
#[must_use]
pub fn ascii(bytes: &[u8]) -> Cow<'_, str> {
    let length = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let bytes = bytes.get(..length).unwrap_or_default();
    if bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text.trim());
    }
    let letter =
        |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER };
    trimmed(Cow::Owned(bytes.iter().map(letter).collect()))
}

/// Text in UTF-8 as it stands; what is none becomes U+FFFD.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Text in UTF-16, big-endian, without white space and NUL characters around it.
#[must_use]
pub fn utf16_be(bytes: &[u8]) -> String {
    utf16(bytes, u16::from_be_bytes)
}

/// Text in UTF-16, little-endian, without white space and NUL characters around it.
#[must_use]
pub fn utf16_le(bytes: &[u8]) -> String {
    utf16(bytes, u16::from_le_bytes)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        _ => 0,
    });
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_matches(|character: char| character == '\0' || character.is_whitespace()).to_owned()
}

/// Whether there is something and all of it is printable ASCII, spaces and line ends.
#[must_use]
pub fn is_printable(bytes: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    !bytes.is_empty() && bytes.iter().all(printable)
}

/// A line of labels, each with what follows it up to a comma or white space, as answers are made of.
pub struct Labelled<'a> {
    line: &'a str,
    /// Behind the value that was found last: the label that is asked for next mostly stands there.
    from: usize,
}

impl<'a> Labelled<'a> {
    /// Asks nothing yet.
    #[must_use]
    pub const fn new(line: &'a str) -> Self {
        Self { line, from: 0 }
    }

    /// What follows `label`: the next one, else the line's first.
    pub fn value(&mut self, label: &str) -> Option<&'a str> {
        let at = self
            .just_behind(label)
            .or_else(|| self.behind(label, self.from))
            .or_else(|| self.behind(label, 0))?;
        let start = at.saturating_add(self.spaces(at));
        let rest = self.line.get(start..)?;
        let ends = |byte: u8| byte == b',' || byte.is_ascii_whitespace();
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        self.from = start.saturating_add(length);
        rest.get(..length).filter(|value| !value.is_empty())
    }

    /// Behind `label`, where nothing but spaces stands before it. The whole line need not be searched
    /// then.
    fn just_behind(&self, label: &str) -> Option<usize> {
        let start = self.from.saturating_add(self.spaces(self.from));
        let rest = self.line.as_bytes().get(start..)?;
        rest.starts_with(label.as_bytes()).then(|| start.saturating_add(label.len()))
    }

    fn behind(&self, label: &str, from: usize) -> Option<usize> {
        let at = search::find(self.line.as_bytes().get(from..)?, label.as_bytes())?;
        from.checked_add(at)?.checked_add(label.len())
    }

    fn spaces(&self, from: usize) -> usize {
        let rest = self.line.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| **byte == b' ').count()
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    crate::item::hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_plate_is_read_and_its_padding_is_not() {
        assert_eq!(gbk(b"\xc1\xc9B12345\0\0\x41"), "\u{8fbd}B12345");
        assert_eq!(gbk(b"\xff"), "\u{fffd}");
        for bytes in [&b"\xc1\xc9B12345\0\0\x41"[..], b"\xff", b"\xc1", b" \x80\xff\xff7 "] {
            assert_eq!(short_gbk(bytes).as_str(), gbk(bytes));
        }
        assert_eq!(short_gbk(&[0xff; 40]).len(), 96);
    }

    #[test]
    fn text_ends_at_its_padding() {
        assert_eq!(ascii(b" AB\0CD"), "AB");
        assert_eq!(ascii(b"\xc1A"), "\u{fffd}A");
        assert_eq!(utf16_be(b"\0O\0K\0\r"), "OK");
        assert_eq!(utf16_be(b"\xd8\0\0A\0"), "\u{fffd}A");
        assert_eq!(utf16_le(b"O\0K\0\0\0x"), "OK");
    }

    #[test]
    fn control_characters_are_not_printable() {
        assert!(is_printable(b"UTC+08:00\r\n"));
        assert!(!is_printable(b"\0\x0c"));
        assert!(!is_printable(b""));
    }
}
