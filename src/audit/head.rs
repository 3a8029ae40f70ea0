//! [`SignedHead`]: what a log was at some size, signed; and files of heads.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Hash, PublicKey};

/// What begins a line with a signature: an em dash and a blank.
const MARK: &str = "\u{2014} ";

/// A tree, by its size and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log's name.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The tree's hash.
    pub root: Hash,
}

impl Head {
    /// The text that is signed.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

/// A signature on a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sealed {
    name: String,
    id: [u8; 4],
    /// 64 bytes where it is one of ed25519.
    bytes: Vec<u8>,
}

/// A head and its signatures: a signed note. Its text ends with a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What was signed.
    pub head: Head,
    /// That, to the letter: there may be lines in it that we do not know.
    text: String,
    signatures: Vec<Sealed>,
}

/// Why a head does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is none.
    #[error("it is not a signed head: {0}")]
    Form(&'static str),
    /// Of another log.
    #[error("it is a head of `{found}`, not of `{wanted}`")]
    Origin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Not by this key.
    #[error("it is signed by {found}, not by the key {wanted}")]
    OtherKey {
        /// Who signed it, by name and id.
        found: String,
        /// The key, by name and id.
        wanted: String,
    },
    /// By this key, it says; but it is not.
    #[error("its signature does not hold: it was changed, or forged")]
    Forged,
}

impl SignedHead {
    pub(super) fn new(head: Head, name: String, id: [u8; 4], signature: [u8; 64]) -> Self {
        let signatures = vec![Sealed { name, id, bytes: signature.to_vec() }];
        Self { text: head.text(), head, signatures }
    }

    /// Reads the text of one.
    ///
    /// # Errors
    /// [`HeadError::Form`].
    pub fn parse(note: &str) -> Result<Self, HeadError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(HeadError::Form("no signature"))?;
        let text = format!("{text}\n");
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(HeadError::Form("fewer than three lines"));
        };
        let is_plain = size.bytes().all(|byte| byte.is_ascii_digit());
        let size = size.parse().ok().filter(|_| is_plain);
        let head = Head {
            origin: origin.to_owned(),
            size: size.ok_or(HeadError::Form("the second line is no size"))?,
            root: root.parse().map_err(|_| HeadError::Form("the third line is no hash"))?,
        };
        let signatures: Option<Vec<_>> = signatures.lines().map(read_signature).collect();
        let signatures = signatures.filter(|found| !found.is_empty());
        let signatures = signatures.ok_or(HeadError::Form("a signature cannot be read"))?;
        Ok(Self { head, text, signatures })
    }

    /// Whether that key signed it.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), HeadError> {
        let ours =
            self.signatures.iter().find(|found| found.name == key.name() && found.id == key.id());
        let Some(ours) = ours else {
            return Err(HeadError::OtherKey {
                found: self.signers(),
                wanted: named(key.name(), key.id()),
            });
        };
        let signature = ours.bytes.as_slice().try_into();
        let signature = signature.map_err(|_| HeadError::Form("its signature is not whole"))?;
        if !key.verify(&self.text, signature) {
            return Err(HeadError::Forged);
        }
        if self.head.origin != key.name() {
            let (found, wanted) = (self.head.origin.clone(), key.name().to_owned());
            return Err(HeadError::Origin { found, wanted });
        }
        Ok(())
    }

    /// Who signed it, it says.
    pub(super) fn signers(&self) -> String {
        let all: Vec<_> =
            self.signatures.iter().map(|found| named(&found.name, found.id)).collect();
        all.join(" and ")
    }
}

/// A key as people tell it from another.
pub(super) fn named(name: &str, id: [u8; 4]) -> String {
    format!("{name}+{:08x}", u32::from_be_bytes(id))
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Sealed { name, id, bytes } in &self.signatures {
            let bytes = STANDARD.encode([&id[..], bytes].concat());
            writeln!(f, "{MARK}{name} {bytes}")?;
        }
        Ok(())
    }
}

fn read_signature(line: &str) -> Option<Sealed> {
    let (name, bytes) = line.strip_prefix(MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    Some(Sealed { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
}

/// The heads of a file, in its order, each with the line on which it begins.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// Those that can be read.
    pub heads: Vec<(usize, SignedHead)>,
    /// Lines from which on something is no head, and why.
    pub unreadable: Vec<(usize, HeadError)>,
}

/// Reads a file of heads: signed notes one after another, with blank lines in between or without.
#[must_use]
pub fn read_heads(file: &str) -> Heads {
    let mut heads = Heads::default();
    let mut note = Note::default();
    for (number, line) in (1..).zip(file.lines()) {
        if !note.goes_on_with(line) {
            std::mem::take(&mut note).finish(&mut heads);
        }
        note.push(number, line);
    }
    note.finish(&mut heads);
    heads
}

/// A note of a file of heads, as far as it was read.
#[derive(Default)]
struct Note {
    begins: usize,
    text: String,
    /// A blank line came: signatures follow.
    blank: bool,
    signed: bool,
}

impl Note {
    /// A head's own lines are not blank, so that one that was broken off ends at the blank line before
    /// the next.
    fn goes_on_with(&self, line: &str) -> bool {
        line.starts_with(MARK) || !(self.blank || self.signed)
    }

    fn push(&mut self, number: usize, line: &str) {
        if line.is_empty() {
            self.blank = true;
            if self.text.is_empty() {
                return;
            }
        } else if self.text.is_empty() {
            self.begins = number;
            self.blank = false;
        }
        self.signed |= line.starts_with(MARK);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn finish(self, heads: &mut Heads) {
        match SignedHead::parse(&self.text) {
            _ if self.text.is_empty() => {}
            Ok(head) => heads.heads.push((self.begins, head)),
            Err(error) => heads.unreadable.push((self.begins, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Octets, Signer};
    use super::*;

    #[test]
    fn a_head_is_signed_written_and_read() {
        let signer = Signer::new("urn:test", [7; 32]);
        let signed = signer.sign(17, Octets([9; 32]));
        let text = signed.to_string();
        assert!(
            text.starts_with(&format!("urn:test\n17\n{}\n\n\u{2014} urn:test ", Octets([9; 32])))
        );
        assert!(text.ends_with('\n'));
        let read = SignedHead::parse(&text).unwrap();
        assert_eq!((&read, read.verify(signer.public())), (&signed, Ok(())));
        let changed = SignedHead::parse(&text.replacen("17", "18", 1)).unwrap();
        assert_eq!(changed.verify(signer.public()), Err(HeadError::Forged));
        let other = Signer::new("urn:test", [8; 32]);
        assert!(matches!(read.verify(other.public()), Err(HeadError::OtherKey { .. })));
        for bad in ["", "a\n1\n", "a\nx\ny\n\nz\n", &text.replace("\u{2014}", "-")] {
            assert!(SignedHead::parse(bad).is_err(), "{bad}");
        }
    }

    /// A witness adds its signature and perhaps lines: the log's own holds all the same.
    #[test]
    fn another_s_signature_and_lines_are_let_be() {
        let signer = Signer::new("urn:test", [7; 32]);
        let note = signer.sign(3, Octets([9; 32])).to_string();
        let witnessed = format!("{note}\u{2014} witness.example/w {}\n", STANDARD.encode([1; 76]));
        let read = read_heads(&format!("{witnessed}{note}"));
        assert_eq!(read.heads.len(), 2);
        assert!(read.heads.iter().all(|(_, head)| head.verify(signer.public()).is_ok()));
        assert_eq!(read.heads[0].1.to_string(), witnessed);
    }

    #[test]
    fn a_broken_head_costs_only_itself() {
        let signer = Signer::new("urn:test", [7; 32]);
        let note = |size| signer.sign(size, Octets([9; 32])).to_string();
        let torn = &note(2)[..20];
        let file = format!("\n{}\n{torn}\n\n{}{}", note(1), note(3), note(4));
        let read = read_heads(&file);
        let sizes: Vec<_> = read.heads.iter().map(|(line, head)| (*line, head.head.size)).collect();
        assert_eq!(sizes, [(2, 1), (12, 3), (17, 4)]);
        assert_eq!(read.unreadable.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [8]);
        assert!(read_heads("").heads.is_empty() && read_heads("").unreadable.is_empty());
    }
}
