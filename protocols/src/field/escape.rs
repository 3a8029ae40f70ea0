//! Bytes that a frame writes as two, so that its flags stand nowhere inside it.

use memchr::memchr2;
use smallvec::SmallVec;

/// A protocol's escapes.
pub struct Escapes {
    /// The bytes that begin one; the same twice where there is one.
    pub leads: [u8; 2],
    /// Each byte that is escaped, and what is written for it: one of the leads, then no lead.
    pub pairs: &'static [(u8, [u8; 2])],
}

impl Escapes {
    /// Whether `byte` begins an escape.
    #[must_use]
    pub const fn is_lead(&self, byte: u8) -> bool {
        let [first, second] = self.leads;
        byte == first || byte == second
    }

    /// Appends `bytes` to `wire`, escaped.
    pub fn write(&self, bytes: &[u8], wire: &mut Vec<u8>) {
        let is_special = |byte: &u8| self.pairs.iter().any(|(plain, _)| plain == byte);
        if !bytes.iter().any(is_special) {
            wire.extend_from_slice(bytes);
            return;
        }
        for byte in bytes {
            match self.pairs.iter().find(|(plain, _)| plain == byte) {
                Some((_, pair)) => wire.extend_from_slice(pair),
                None => wire.push(*byte),
            }
        }
    }

    /// The bytes that `wire` stands for, one after another.
    #[must_use]
    pub const fn plain<'a>(&'a self, wire: &'a [u8]) -> Plain<'a> {
        Plain { wire, at: 0, escapes: self }
    }

    /// The bytes that `wire` stands for, copied into `room` only where there is an escape.
    ///
    /// # Errors
    /// Where the first wrong escape stands.
    pub fn open<'a>(&'a self, wire: &'a [u8], room: &'a mut Room) -> Result<Unescaped<'a>, usize> {
        let [first, second] = self.leads;
        let Some(mut length) = memchr2(first, second, wire) else {
            return Ok(Unescaped { wire, plain: wire, is_escaped: false, escapes: self });
        };
        let mut rest = wire;
        loop {
            let (before, from) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            room.extend_from_slice(before);
            let Some((pair, behind)) = from.split_first_chunk::<2>() else {
                if from.is_empty() {
                    break;
                }
                return Err(wire.len().saturating_sub(from.len()));
            };
            let known = self.pairs.iter().find(|(_, known)| known == pair);
            let (plain, _) = known.ok_or_else(|| wire.len().saturating_sub(from.len()))?;
            room.push(*plain);
            rest = behind;
            length = memchr2(first, second, rest).unwrap_or(rest.len());
        }
        Ok(Unescaped { wire, plain: room, is_escaped: true, escapes: self })
    }
}

/// Where a frame is written without its escapes: frames of positions need no allocation.
pub type Room = SmallVec<[u8; 256]>;

/// The bytes that escaped ones stand for, each with the number of bytes up to its end; an error is
/// the offset of a wrong escape. An escape cut short at the end is left out.
pub struct Plain<'a> {
    wire: &'a [u8],
    at: usize,
    escapes: &'a Escapes,
}

impl Iterator for Plain<'_> {
    type Item = Result<(u8, usize), usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let byte = *self.wire.get(self.at)?;
        let start = self.at;
        self.at = self.at.saturating_add(1);
        if !self.escapes.is_lead(byte) {
            return Some(Ok((byte, self.at)));
        }
        let pair = [byte, *self.wire.get(self.at)?];
        self.at = self.at.saturating_add(1);
        let plain = self.escapes.pairs.iter().find(|(_, known)| *known == pair);
        Some(plain.map(|(plain, _)| (*plain, self.at)).ok_or(start))
    }
}

/// What escaped bytes stand for.
pub struct Unescaped<'a> {
    wire: &'a [u8],
    plain: &'a [u8],
    is_escaped: bool,
    escapes: &'a Escapes,
}

impl<'a> Unescaped<'a> {
    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.plain
    }

    /// Where the byte at `offset` stands among the escaped ones.
    #[must_use]
    pub fn place(&self, offset: usize) -> usize {
        if !self.is_escaped {
            return offset;
        }
        let before = self.escapes.plain(self.wire).take(offset).flatten().last();
        before.map_or(0, |(_, end)| end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESCAPES: Escapes = Escapes {
        leads: [0x5a, 0x5e],
        pairs: &[(0x5b, [0x5a, 1]), (0x5a, [0x5a, 2]), (0x5d, [0x5e, 1]), (0x5e, [0x5e, 2])],
    };

    #[test]
    fn what_is_written_is_what_is_read() {
        let bytes = [1, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e];
        let mut wire = Vec::new();
        ESCAPES.write(&bytes, &mut wire);
        assert_eq!(wire, [1, 0x5a, 2, 0x5a, 1, 0x5c, 0x5e, 1, 0x5e, 2]);
        let mut room = Room::new();
        let read = ESCAPES.open(&wire, &mut room).unwrap();
        assert_eq!(read.bytes(), bytes);
        assert_eq!((read.place(0), read.place(2), read.place(3), read.place(9)), (0, 3, 5, 10));
        assert_eq!(ESCAPES.open(b"abc", &mut Room::new()).unwrap().place(2), 2);
    }

    #[test]
    fn a_wrong_escape_is_named() {
        let wrong = |wire: &[u8]| ESCAPES.open(wire, &mut Room::new()).err();
        assert_eq!(wrong(&[1, 0x5a, 3]), Some(1));
        assert_eq!(wrong(&[0x5a, 1, 0x5e]), Some(2));
        assert_eq!(wrong(&[0x5a, 0x5a, 1]), Some(0));
    }
}
