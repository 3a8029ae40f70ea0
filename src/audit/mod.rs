//! The audit log without its disk: what an entry is, the Merkle tree over the entries (RFC 6962, 2.1),
//! signed heads, proofs, and how a log is held to its heads.
//!
//! An entry says who did what, when and why. Its leaf in the tree is five lines of text:
//!
//! ```text
//! interdict audit entry, format 1
//! 17
//! 2026-06-15T02:01:15.25Z
//! flag.add
//! Q0M6…=
//! ```
//!
//! a heading, the entry's number counted from 1 (its index in the tree is one less), its time, its act,
//! and a commitment: the base64 of the SHA-256 of 16 random bytes, the salt, followed by the content. The
//! content names people and vehicles; without it and its salt the leaf tells nothing of them and
//! proves as much, so that both can be purged ([`Purge`]).
//!
//! Heads are checkpoints (c2sp.org/tlog-checkpoint) in signed notes (c2sp.org/signed-note) with
//! ed25519, so that other programs read them too.

mod act;
mod entry;
mod finding;
mod head;
mod key;
mod octets;
mod proof;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use act::{Act, By, Content, Purge, acts};
pub use entry::Entry;
pub use finding::{Finding, Place};
pub use head::{Head, HeadError, Heads, SignedHead, read_heads};
pub use key::{KeyError, PublicKey, Signer};
pub use octets::{Hash, Octets, Salt};
pub use proof::{Proof, ProofError};
pub use tree::{Frontier, Leaves, Nodes, Subtree, inclusion_path, leaf_hash};
pub use verify::{End, Report, Verification};
