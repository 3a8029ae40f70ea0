//! [`Fields`]: a text frame split at a separator.

use std::borrow::Cow;
use std::str::FromStr;

use crate::{Reason, Reject};

/// The fields of a text frame, each knowing where it stands.
pub struct Fields<'a> {
    frame: &'a [u8],
    /// Where each begins and ends.
    ranges: Vec<(usize, usize)>,
}

impl<'a> Fields<'a> {
    /// Splits `frame` at every `separator`: always at least one field.
    #[must_use]
    pub fn split(frame: &'a [u8], separator: u8) -> Self {
        let mut ranges = Vec::new();
        let mut from = 0;
        for at in memchr::memchr_iter(separator, frame) {
            ranges.push((from, at));
            from = at.saturating_add(1);
        }
        ranges.push((from, frame.len()));
        Self { frame, ranges }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The bytes of a field; empty where there is none.
    #[must_use]
    pub fn bytes(&self, index: usize) -> &'a [u8] {
        let range = self.ranges.get(index);
        range.and_then(|(from, until)| self.frame.get(*from..*until)).unwrap_or_default()
    }

    /// A field without the white space around it; empty where there is none, or no text in it.
    #[must_use]
    pub fn text(&self, index: usize) -> &'a str {
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
        self.parse(index).filter(|number: &f64| number.is_finite())
    }

    /// The fields from one up to (not with) another as they stand, separators included.
    #[must_use]
    pub fn joined(&self, from: usize, until: usize) -> Cow<'a, str> {
        let first = self.ranges.get(from).map(|(from, _)| *from);
        let last = until.checked_sub(1).and_then(|last| self.ranges.get(last));
        let bytes = match (first, last) {
            (Some(from), Some((_, until))) => self.frame.get(from..*until).unwrap_or_default(),
            _ => &[],
        };
        String::from_utf8_lossy(bytes)
    }

    /// Where a field begins in the frame; its end for one that there is not.
    #[must_use]
    pub fn offset(&self, index: usize) -> usize {
        self.ranges.get(index).map_or(self.frame.len(), |(from, _)| *from)
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
