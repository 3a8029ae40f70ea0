//! [`Reader`]: a cursor over one frame that knows where it stands.

use nom::Parser;
use nom::error::Error;
use nom::number::complete::be_u24;

use crate::{Reason, Reject};

/// Reads a frame's fields one after another, so that a short or odd field is refused with the offset
/// of its first byte; fields of other shapes with nom's complete parsers.
#[derive(Clone)]
pub struct Reader<'a> {
    frame: &'a [u8],
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident $type:ty, $from:ident, $what:literal;)+) => {
        $(#[doc = concat!("The next ", $what, ".")]
        ///
        /// # Errors
        /// [`Reason::Truncated`] where the frame ends first.
        #[inline]
        pub fn $name(&mut self) -> Result<$type, Reject> {
            self.array().map(<$type>::$from)
        })+
    };
}

impl<'a> Reader<'a> {
    /// Reads `frame` from its first byte.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        Self { frame, rest: frame }
    }

    /// Bytes read so far: the offset of the next one.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.frame.len().saturating_sub(self.rest.len())
    }

    /// The whole frame.
    #[must_use]
    pub const fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes have not been read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses the frame at the next byte.
    #[must_use]
    pub const fn reject(&self, reason: Reason) -> Reject {
        Reject::at(self.offset(), reason)
    }

    /// The next field by a nom parser (of its `complete` kind).
    ///
    /// # Errors
    /// [`Reason::Truncated`] where the frame ends first, [`Reason::Malformed`] where the parser
    /// finds something else.
    pub fn parse<T>(
        &mut self,
        mut parser: impl Parser<&'a [u8], Output = T, Error = Error<&'a [u8]>>,
    ) -> Result<T, Reject> {
        match parser.parse(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
                let reason = match error.code {
                    nom::error::ErrorKind::Eof => Reason::Truncated,
                    _ => Reason::Malformed,
                };
                let at = self.frame.len().saturating_sub(error.input.len());
                Err(Reject::at(at, reason))
            }
            Err(nom::Err::Incomplete(_)) => Err(self.reject(Reason::Truncated)),
        }
    }

    numbers! {
        u8 u8, from_be_bytes, "byte";
        i8 i8, from_be_bytes, "signed byte";
        be_u16 u16, from_be_bytes, "16 bits, big-endian";
        be_i16 i16, from_be_bytes, "signed 16 bits, big-endian";
        be_u32 u32, from_be_bytes, "32 bits, big-endian";
        be_i32 i32, from_be_bytes, "signed 32 bits, big-endian";
        be_u64 u64, from_be_bytes, "64 bits, big-endian";
        be_i64 i64, from_be_bytes, "signed 64 bits, big-endian";
        le_u16 u16, from_le_bytes, "16 bits, little-endian";
        le_i16 i16, from_le_bytes, "signed 16 bits, little-endian";
        le_u32 u32, from_le_bytes, "32 bits, little-endian";
        le_i32 i32, from_le_bytes, "signed 32 bits, little-endian";
        le_u64 u64, from_le_bytes, "64 bits, little-endian";
    }

    /// The next 24 bits, big-endian.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where the frame ends first.
    pub fn be_u24(&mut self) -> Result<u32, Reject> {
        self.parse(be_u24)
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where there are not so many.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Reject> {
        let split = self.rest.split_at_checked(length);
        let (taken, rest) = split.ok_or_else(|| self.reject(Reason::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where there are not so many.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Reject> {
        // By hand and not by nom: these are called for every field of every frame, and must be
        // inlined in builds that do not look into other crates.
        let split = self.rest.split_first_chunk();
        let (taken, rest) = split.ok_or_else(|| self.reject(Reason::Truncated))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next `length` bytes as text, white space included.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where there are not so many, [`Reason::Malformed`] where not all of
    /// them are ASCII.
    pub fn ascii(&mut self, length: usize) -> Result<&'a str, Reject> {
        let wrong = self.reject(Reason::Malformed);
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).ok_or(wrong)
    }

    /// A reader of the next `length` bytes alone, whose offsets are still the frame's.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where there are not so many.
    pub fn part(&mut self, length: usize) -> Result<Self, Reject> {
        let rest = self.take(length)?;
        let frame = self.frame.get(..self.offset()).unwrap_or_default();
        Ok(Self { frame, rest })
    }

    /// Passes over `length` bytes.
    ///
    /// # Errors
    /// [`Reason::Truncated`] where there are not so many.
    #[inline]
    pub fn skip(&mut self, length: usize) -> Result<(), Reject> {
        self.take(length).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_field_is_refused_at_its_first_byte() {
        let mut reader = Reader::new(&[1, 0, 2, 3]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.be_u16(), Ok(2));
        assert_eq!(reader.be_u32(), Err(Reject::at(3, Reason::Truncated)));
        assert_eq!(reader.take(1), Ok(&[3][..]));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_part_ends_where_it_is_told_and_counts_from_the_frame() {
        let mut reader = Reader::new(&[1, 2, 3, 4]);
        reader.skip(1).unwrap();
        let mut part = reader.part(2).unwrap();
        assert_eq!(part.u8(), Ok(2));
        assert_eq!(part.be_u16(), Err(Reject::at(2, Reason::Truncated)));
        assert_eq!(reader.rest(), [4]);
        assert!(reader.part(2).is_err());
    }

    #[test]
    fn text_is_ascii() {
        let mut reader = Reader::new(b"ab\xc3\xa9");
        assert_eq!(reader.ascii(2), Ok("ab"));
        assert_eq!(reader.clone().ascii(2), Err(Reject::at(2, Reason::Malformed)));
        assert_eq!(reader.ascii(3), Err(Reject::at(2, Reason::Truncated)));
    }
}
