//! [`Entry`]: one line of the log.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::tree::leaf_hash;
use super::{Act, Content, Hash, Octets, Salt};

/// The leaf's first line.
const HEADING: &str = "interdict audit entry, format 1";

/// An entry of the log, as exports, the interface and proofs write it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its number, from 1 without a gap.
    #[serde(rename = "entry")]
    pub number: u64,
    /// When it was done.
    pub time: Time,
    /// What was done.
    pub act: String,
    /// To salt and content.
    pub commitment: Hash,
    /// The hash of its leaf in the tree, as it was when the entry was made.
    pub leaf: Hash,
    /// Random bytes before the content; gone where that was purged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// A [`Content`], to the letter as the commitment has it; gone where it was purged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Content>)]
    pub content: Option<Box<RawValue>>,
}

impl Entry {
    /// The entry that notes `act`.
    ///
    /// # Errors
    /// The content cannot be written as JSON.
    pub fn new(number: u64, act: &Act, salt: Salt) -> Result<Self, serde_json::Error> {
        let content = serde_json::value::to_raw_value(&act.content)?;
        let mut entry = Self {
            number,
            time: act.at,
            act: act.act.to_owned(),
            commitment: commitment(&salt, &content),
            leaf: Octets([0; 32]),
            salt: Some(salt),
            content: Some(content),
        };
        entry.leaf = leaf_hash(&entry.leaf_bytes());
        Ok(entry)
    }

    /// What stands in the tree for it.
    #[must_use]
    pub fn leaf_bytes(&self) -> Vec<u8> {
        self.leaf_bytes_as(self.number)
    }

    /// Its leaf, were it of that number.
    fn leaf_bytes_as(&self, number: u64) -> Vec<u8> {
        format!("{HEADING}\n{number}\n{}\n{}\n{}\n", self.time, self.act, self.commitment).into()
    }

    /// Whether its content was taken away.
    #[must_use]
    pub const fn is_purged(&self) -> bool {
        self.salt.is_none() && self.content.is_none()
    }

    /// Whether what it holds is what it commits to; also where that was purged.
    #[must_use]
    pub fn keeps_its_commitment(&self) -> bool {
        match (&self.salt, &self.content) {
            (Some(salt), Some(content)) => commitment(salt, content) == self.commitment,
            (None, None) => true,
            _ => false,
        }
    }

    /// The number under which its fields give its leaf hash, looked for near its own.
    pub(super) fn number_by_leaf(&self) -> Option<u64> {
        /// A neighbour that has changed places with another.
        const NEAR: u64 = 8;
        let near = (1..=NEAR).flat_map(|step| {
            [self.number.checked_add(step), self.number.checked_sub(step)].into_iter().flatten()
        });
        std::iter::once(self.number)
            .chain(near)
            .find(|number| leaf_hash(&self.leaf_bytes_as(*number)) == self.leaf)
    }

    /// The content, where it is there and can be read.
    #[must_use]
    pub fn read_content(&self) -> Option<Content> {
        serde_json::from_str(self.content.as_ref()?.get()).ok()
    }
}

fn commitment(salt: &Salt, content: &RawValue) -> Hash {
    let hash = Sha256::new_with_prefix(salt.0).chain_update(content.get());
    Octets(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::super::{By, acts};
    use super::*;

    fn entry() -> Entry {
        let by = By::named("wang").because("A-17");
        let act = Act::new(Time::from_millis(1_250), acts::VEHICLE_READ, &by).with("vehicle", "v1");
        Entry::new(17, &act, Octets([7; 16])).unwrap()
    }

    /// The format is for other programs too: it must not change unnoticed.
    #[test]
    fn a_leaf_is_five_lines_and_tells_nothing_of_people() {
        let entry = entry();
        assert_eq!(
            entry.content.as_ref().unwrap().get(),
            r#"{"who":"wang","what":{"vehicle":"v1"},"why":"A-17"}"#
        );
        assert_eq!(
            String::from_utf8(entry.leaf_bytes()).unwrap(),
            "interdict audit entry, format 1\n17\n1970-01-01T00:00:01.25Z\nvehicle.read\n\
             Rucc8zQ8QGg6aei1lewKSTBwR0ddHw+xhrnvlecv+Q4=\n"
        );
    }

    #[test]
    fn an_entry_is_read_back_to_the_letter() {
        let line = serde_json::to_string(&entry()).unwrap();
        let read: Entry = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
        assert!(read.keeps_its_commitment());
        assert_eq!(read.number_by_leaf(), Some(17));
        let spaced: Entry =
            serde_json::from_str(&line.replace(r#""who":"wang""#, r#""who": "wang""#)).unwrap();
        assert!(!spaced.keeps_its_commitment());
        let half = Entry { salt: None, ..read.clone() };
        assert!(!half.keeps_its_commitment() && !half.is_purged());
        let purged = Entry { salt: None, content: None, ..read.clone() };
        assert!(purged.keeps_its_commitment() && purged.is_purged());
        assert_eq!(Entry { number: 19, ..read.clone() }.number_by_leaf(), Some(17));
        assert_eq!(Entry { act: "vehicle.rea".into(), ..read }.number_by_leaf(), None);
    }
}
