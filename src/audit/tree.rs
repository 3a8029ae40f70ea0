//! The tree: what must be kept to append to it, and where the hashes of a proof are.

use std::ops::Range;

use ct_merkle::indices_for_inclusion_proof;
use sha2::{Digest, Sha256};

use super::Hash;

/// The hash of a leaf (RFC 6962, 2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    super::Octets(Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into())
}

fn parent(left: Hash, right: Hash) -> Hash {
    let hash = Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0);
    super::Octets(hash.finalize().into())
}

/// A full subtree: 2 to the power of `level` leaves, the `index`th of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// 0 is a leaf.
    pub level: u32,
    /// Counted from 0.
    pub index: u64,
}

impl Subtree {
    /// The indices of its leaves.
    #[must_use]
    pub const fn leaves(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }
}

/// What a tree is appended to by: the hashes of the full subtrees that its leaves make up, of which
/// there are no more than its size has bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree that is there.
    ///
    /// # Errors
    /// What `nodes` says.
    pub fn load<N: Nodes>(size: u64, nodes: &N) -> Result<Self, N::Error> {
        let peaks = peaks(0..size).map(|subtree| nodes.node(subtree));
        Ok(Self { size, peaks: peaks.collect::<Result<_, _>>()? })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf, given by its hash; `completed` is told each subtree that is full with it.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Subtree, Hash)) {
        let mut subtree = Subtree { level: 0, index: self.size };
        let mut hash = leaf;
        completed(subtree, hash);
        while subtree.index % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = parent(left, hash);
            subtree = Subtree { level: subtree.level + 1, index: subtree.index / 2 };
            completed(subtree, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's hash.
    #[must_use]
    pub fn root(&self) -> Hash {
        let peaks = self.peaks.iter().rev().copied();
        let root = peaks.reduce(|right, left| parent(left, right));
        root.unwrap_or_else(|| super::Octets(Sha256::digest([]).into()))
    }
}

/// Where the hashes of full subtrees are found.
pub trait Nodes {
    /// Why one could not be read.
    type Error;

    /// The hash of a subtree that is full.
    ///
    /// # Errors
    /// It could not be read.
    fn node(&self, subtree: Subtree) -> Result<Hash, Self::Error>;
}

/// The hashes of all leaves, in memory.
pub struct Leaves(pub Vec<Hash>);

impl Nodes for Leaves {
    /// The leaf that is missing.
    type Error = u64;

    fn node(&self, subtree: Subtree) -> Result<Hash, u64> {
        let mut frontier = Frontier::default();
        for index in subtree.leaves() {
            let leaf = usize::try_from(index).ok().and_then(|index| self.0.get(index));
            frontier.push(*leaf.ok_or(index)?, |_, _| {});
        }
        Ok(frontier.root())
    }
}

/// The hashes that lead from leaf `index` to the root of the tree of the first `size` leaves
/// (RFC 6962, 2.1.1); `None` where that tree has no such leaf.
///
/// # Errors
/// What `nodes` says.
pub fn inclusion_path<N: Nodes>(
    index: u64,
    size: u64,
    nodes: &N,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size || size > u64::MAX / 4 {
        return Ok(None);
    }
    let places = indices_for_inclusion_proof(size, index).into_iter();
    let hashes = places.map(|place| {
        // Places are those of a tree in an array (RFC 9420, appendix C): the level is the number of
        // ones at the end.
        let level = place.trailing_ones();
        let leaves = Subtree { level, index: place >> level >> 1 }.leaves();
        subtree_hash(leaves.start..leaves.end.min(size), nodes)
    });
    hashes.collect::<Result<_, _>>().map(Some)
}

/// The hash of the tree of a range of leaves that begins where a full subtree of at least its
/// length would.
fn subtree_hash<N: Nodes>(leaves: Range<u64>, nodes: &N) -> Result<Hash, N::Error> {
    let hashes = peaks(leaves).map(|subtree| nodes.node(subtree));
    let peaks = hashes.collect::<Result<_, _>>()?;
    Ok(Frontier { size: 0, peaks }.root())
}

/// The full subtrees that such a range is made up of, largest first.
fn peaks(leaves: Range<u64>) -> impl Iterator<Item = Subtree> {
    let mut start = leaves.start;
    std::iter::from_fn(move || {
        let level = (leaves.end - start).checked_ilog2()?;
        let subtree = Subtree { level, index: start >> level };
        start += 1 << level;
        Some(subtree)
    })
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;

    use super::*;

    /// Another's tree has the same roots and the same proofs.
    #[test]
    fn roots_and_paths_are_those_of_the_rfc() {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut ours = Frontier::default();
        let mut leaves = Vec::new();
        assert_eq!(ours.root().0[..], theirs.root().as_bytes()[..]);
        for number in 0..40_u64 {
            let leaf = number.to_string().into_bytes();
            leaves.push(leaf_hash(&leaf));
            ours.push(leaf_hash(&leaf), |_, _| {});
            theirs.push(leaf);
            assert_eq!(ours.root().0[..], theirs.root().as_bytes()[..], "{number}");
            let nodes = Leaves(leaves.clone());
            assert_eq!(Frontier::load(number + 1, &nodes), Ok(ours.clone()));
            for index in 0..=number {
                let path = inclusion_path(index, number + 1, &nodes).unwrap().unwrap();
                let bytes: Vec<u8> = path.iter().flat_map(|hash| hash.0).collect();
                let proof = theirs.prove_inclusion(usize::try_from(index).unwrap());
                assert_eq!(bytes, proof.as_bytes(), "{index} of {}", number + 1);
            }
            assert_eq!(inclusion_path(number + 1, number + 1, &nodes), Ok(None));
        }
    }

    #[test]
    fn a_full_subtree_is_told_once() {
        let mut frontier = Frontier::default();
        let mut told = Vec::new();
        for number in 0..8_u8 {
            frontier.push(leaf_hash(&[number]), |subtree, _| told.push(subtree));
        }
        assert_eq!(told.len(), 8 + 4 + 2 + 1);
        assert!(told.contains(&Subtree { level: 2, index: 1 }));
        assert_eq!(Subtree { level: 2, index: 1 }.leaves(), 4..8);
    }
}
