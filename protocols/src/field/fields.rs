//! [`Fields`]: a text frame split at a separator.

use std::borrow::Cow;
use std::str::FromStr;

use smallvec::SmallVec;

use super::number;
use crate::{Reason, Reject};

/// The fields of a text frame, each knowing where it stands.
pub struct Fields<'a> {
    frame: &'a [u8],
    /// As much of it from its beginning as is text: nearly always all.
    text: &'a str,
    /// Where each ends. Longer frames than these are rare, and may allocate.
    ends: SmallVec<[u32; 64]>,
}

/// Calls `found` with the place of each `separator`: eight bytes at a time, since fields are so short
/// that to look for the end of each by itself takes longer.
#[inline]
fn each_separator(frame: &[u8], separator: u8, mut found: impl FnMut(u32)) {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);
    let pattern = u64::from_ne_bytes([separator; 8]);
    let (words, rest) = frame.as_chunks::<8>();
    let mut from = 0_u32;
    for word in words {
        let differs = u64::from_le_bytes(*word) ^ pattern;
        // The highest bit of each byte that does not differ.
        let mut equal = !((differs & LOW_BITS).wrapping_add(LOW_BITS) | differs | LOW_BITS);
        while equal != 0 {
            found(from.saturating_add(equal.trailing_zeros() / 8));
            equal &= equal.wrapping_sub(1);
        }
        from = from.saturating_add(8);
    }
    for byte in rest {
        if *byte == separator {
            found(from);
        }
        from = from.saturating_add(1);
    }
}

#[cold]
fn beginning(frame: &[u8], length: usize) -> &str {
    frame.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

impl<'a> Fields<'a> {
    /// Splits `frame` at every `separator`: always at least one field.
    #[must_use]
    #[inline]
    pub fn split(frame: &'a [u8], separator: u8) -> Self {
        let text = match std::str::from_utf8(frame) {
            Ok(text) => text,
            Err(error) => beginning(frame, error.valid_up_to()),
        };
        let mut fields = Self { frame, text, ends: SmallVec::new() };
        each_separator(frame, separator, |at| fields.ends.push(at));
        fields.ends.push(u32::try_from(frame.len()).unwrap_or(u32::MAX));
        fields
    }

    /// How many there are.
    #[must_use]
    #[inline]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Where a field begins and ends.
    #[inline]
    fn range(&self, index: usize) -> Option<(usize, usize)> {
        let until = *self.ends.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        let from = before.map_or(0, |before| before.saturating_add(1));
        Some((usize::try_from(from).ok()?, usize::try_from(until).ok()?))
    }

    /// The bytes of a field; empty where there is none.
    #[must_use]
    #[inline]
    pub fn bytes(&self, index: usize) -> &'a [u8] {
        let range = self.range(index);
        range.and_then(|(from, until)| self.frame.get(from..until)).unwrap_or_default()
    }

    /// A field without the white space around it; empty where there is none, or no text in it.
    #[must_use]
    #[inline]
    pub fn text(&self, index: usize) -> &'a str {
        let Some((from, until)) = self.range(index) else { return "" };
        let Some(text) = self.text.get(from..until) else { return self.text_behind(index) };
        match text.as_bytes() {
            [] | [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
            _ => text.trim(),
        }
    }

    /// The same where something that is no text stands before it.
    #[cold]
    fn text_behind(&self, index: usize) -> &'a str {
        std::str::from_utf8(self.bytes(index)).unwrap_or_default().trim()
    }

    /// A field as a number or whatever else it may stand for.
    #[must_use]
    pub fn parse<T: FromStr>(&self, index: usize) -> Option<T> {
        self.text(index).parse().ok()
    }

    /// A field as a number with a fraction: no infinity, no "not a number".
    #[must_use]
    pub fn number(&self, index: usize) -> Option<f64> {
        number::decimal(self.text(index))
    }

    /// The fields from one up to (not with) another as they stand, separators included.
    #[must_use]
    pub fn joined(&self, from: usize, until: usize) -> Cow<'a, str> {
        let first = self.range(from).map(|(from, _)| from);
        let last = until.checked_sub(1).and_then(|last| self.range(last));
        let bytes = match (first, last) {
            (Some(from), Some((_, until))) => self.frame.get(from..until).unwrap_or_default(),
            _ => &[],
        };
        String::from_utf8_lossy(bytes)
    }

    /// Where a field begins in the frame; its end for one that there is not.
    #[must_use]
    pub fn offset(&self, index: usize) -> usize {
        self.range(index).map_or(self.frame.len(), |(from, _)| from)
    }

    /// Refuses the frame at a field.
    #[must_use]
    pub fn reject(&self, index: usize, reason: Reason) -> Reject {
        Reject::at(self.offset(index), reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_found_wherever_they_stand() {
        let text = b"a,,b\xac,,,\x2b,0123456789,,\0,".repeat(9);
        let expected: Vec<&[u8]> = text.split(|byte| *byte == b',').collect();
        let fields = Fields::split(&text, b',');
        let found: Vec<&[u8]> = (0..fields.count()).map(|index| fields.bytes(index)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_know_where_they_stand() {
        let fields = Fields::split(b"HQ, 7,,x", b',');
        assert_eq!(fields.count(), 4);
        assert_eq!(fields.text(1), "7");
        assert_eq!(fields.parse::<u8>(1), Some(7));
        assert_eq!(fields.parse::<u8>(2), None);
        assert_eq!(fields.text(9), "");
        assert_eq!((fields.offset(3), fields.offset(9)), (7, 8));
        assert_eq!(fields.joined(1, 4), " 7,,x");
        assert_eq!(fields.joined(1, 1), "");
        assert_eq!(fields.joined(3, 9), "");
        assert_eq!(Fields::split(b"", b',').count(), 1);
        assert_eq!(Fields::split(b"\xff,inf", b',').text(0), "");
        assert_eq!(Fields::split(b"\xff,inf", b',').number(1), None);
    }
}
