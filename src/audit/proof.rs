//! [`Proof`]: that an entry is in a log, for whoever has the log's public key and nothing else.

use ct_merkle::{InclusionProof, RootHash};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

use super::{Entry, Hash, HeadError, PublicKey, SignedHead};

/// An entry, a signed head, and the hashes that lead from the one to the other.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditProof)]
pub struct Proof {
    /// The entry, as an export has it.
    pub entry: Entry,
    /// From the leaf's neighbour up to the root (RFC 6962, 2.1.1).
    pub path: Vec<Hash>,
    /// The head, a signed note.
    pub head: String,
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Its head does not.
    #[error("the head of the proof does not hold: {0}")]
    Head(#[from] HeadError),
    /// Its content was changed, or half of it is missing.
    #[error("the content of entry {0} is not the one that the entry commits to: it was changed")]
    Content(u64),
    /// Its entry is not in that log, or was changed.
    #[error(
        "entry {entry} with this time, act and commitment is not in the log of {size} entries that \
         the head signs: it was changed, or is of another log"
    )]
    Path {
        /// The entry.
        entry: u64,
        /// The head's size.
        size: u64,
    },
}

impl Proof {
    /// Whether the log that `key` signs holds the entry as it is here; the head that says so.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, key: &PublicKey) -> Result<SignedHead, ProofError> {
        let signed = SignedHead::parse(&self.head)?;
        signed.verify(key)?;
        if !self.entry.keeps_its_commitment() {
            return Err(ProofError::Content(self.entry.number));
        }
        let path = self.path.iter().flat_map(|hash| hash.0).collect();
        let (number, size) = (self.entry.number, signed.head.size);
        let not_in_it = ProofError::Path { entry: number, size };
        let root = RootHash::<Sha256>::new(signed.head.root.0.into(), size);
        let holds = match (number.checked_sub(1), InclusionProof::try_from_bytes(path)) {
            (Some(index), Ok(path)) if index < size => {
                root.verify_inclusion(&self.entry.leaf_bytes(), index, &path).is_ok()
            }
            _ => false,
        };
        if holds { Ok(signed) } else { Err(not_in_it) }
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::Time;

    use super::super::{Act, By, Frontier, Leaves, Octets, Signer, acts, inclusion_path};
    use super::*;

    fn proofs(size: u64) -> (Signer, Vec<Proof>) {
        let signer = Signer::new("urn:test", [7; 32]);
        let entries: Vec<_> = (1..=size)
            .map(|number| {
                let at = Time::from_seconds(number.cast_signed());
                let act = Act::new(at, acts::VEHICLE_READ, &By::server()).with("vehicle", "v");
                Entry::new(number, &act, Octets([1; 16])).unwrap()
            })
            .collect();
        let leaves = Leaves(entries.iter().map(|entry| entry.leaf).collect());
        let root = Frontier::load(size, &leaves).unwrap().root();
        let head = signer.sign(size, root).to_string();
        let proofs = entries.into_iter().map(|entry| {
            let path = inclusion_path(entry.number - 1, size, &leaves).unwrap().unwrap();
            Proof { entry, path, head: head.clone() }
        });
        (signer, proofs.collect())
    }

    #[test]
    fn every_entry_is_proven_by_the_key_alone() {
        for size in 1..=20 {
            let (signer, proofs) = proofs(size);
            for proof in proofs {
                assert_eq!(proof.check(signer.public()).map(|head| head.head.size), Ok(size));
            }
        }
    }

    #[test]
    fn nothing_else_is_proven() {
        let (signer, proofs) = proofs(11);
        let (key, proof) = (signer.public(), &proofs[6]);
        let entry = &proof.entry;
        let with = |entry: Entry| Proof { entry, ..proof.clone() }.check(key).err();
        let other = serde_json::from_str(r#"{"who":"li","what":{"vehicle":"v"}}"#).unwrap();
        assert_eq!(with(Entry { content: other, ..entry.clone() }), Some(ProofError::Content(7)));
        let path = |entry| Some(ProofError::Path { entry, size: 11 });
        assert_eq!(with(Entry { act: "vehicle.rea".into(), ..entry.clone() }), path(7));
        assert_eq!(with(Entry { time: Time::from_seconds(8), ..entry.clone() }), path(7));
        for number in [0, 6, 8, 12, u64::MAX] {
            assert_eq!(with(Entry { number, ..entry.clone() }), path(number));
        }
        let purged = Entry { salt: None, content: None, ..entry.clone() };
        assert_eq!(with(purged), None, "a purged content leaves the proof valid");
        assert_eq!(Proof { path: Vec::new(), ..proof.clone() }.check(key).err(), path(7));
        let stranger = Signer::new("urn:test", [8; 32]);
        assert!(matches!(
            proof.check(stranger.public()),
            Err(ProofError::Head(HeadError::OtherKey { .. }))
        ));
        let head = proof.head.replacen("11", "12", 1);
        let forged = Proof { head, ..proof.clone() }.check(key);
        assert_eq!(forged, Err(ProofError::Head(HeadError::Forged)));
    }
}
