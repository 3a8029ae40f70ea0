//! Tables as bytes, to be kept under the checksum of what they came from.

use std::sync::Arc;

use super::file::{Reader, Writer, checksum};
use super::graph::RoadGraph;
use super::tables::{Block, Ends, TimeTables};

const MAGIC: &[u8; 8] = b"IDCTTIME";

impl TimeTables {
    /// The tables as bytes; `key` tells what they came from.
    pub(super) fn to_bytes(&self, key: u64) -> Vec<u8> {
        let mut body = Writer(Vec::with_capacity(self.bytes() + 64));
        body.0.extend(MAGIC);
        body.0.extend(key.to_le_bytes());
        body.unsigned(&[self.targets() as u32]);
        for block in self.blocks() {
            body.unsigned(&[block.width as u32]);
            body.halves(&block.units);
        }
        let sum = checksum(&body.0);
        body.0.extend(sum.to_le_bytes());
        body.0
    }

    /// Reads tables that came from what `key` says; `None` where they did not, or are damaged:
    /// then they must be made again.
    pub(super) fn from_bytes(bytes: &[u8], key: u64, nodes: usize) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        let mut reader = Reader(body.strip_prefix(MAGIC)?.strip_prefix(&key.to_le_bytes())?);
        if u64::from_le_bytes(*sum) != checksum(body) {
            return None;
        }
        let [targets] = reader.unsigned()?[..] else { return None };
        let (mut blocks, mut left) = (Vec::new(), targets as usize);
        while !reader.0.is_empty() {
            let [width] = reader.unsigned()?[..] else { return None };
            let (width, units) = (width as usize, reader.halves()?);
            if width == 0 || width > left || units.len() != nodes.checked_mul(width)? {
                return None;
            }
            left -= width;
            blocks.push(Arc::new(Block { width, units }));
        }
        (left == 0).then(|| Self::of(targets as usize, blocks))
    }
}

/// Tells what tables come from: the roads and the targets.
pub(super) fn key(graph_checksum: u64, targets: &[Ends]) -> u64 {
    let mut bytes = Vec::new();
    bytes.extend(graph_checksum.to_le_bytes());
    for ends in targets {
        bytes.extend((ends.len() as u32).to_le_bytes());
        for (node, seconds) in ends {
            bytes.extend(node.to_le_bytes());
            bytes.extend(seconds.to_bits().to_le_bytes());
        }
    }
    checksum(&bytes)
}

/// The tables that were kept if they are of these targets; else they are made.
pub(super) fn kept_or_made(
    graph: &RoadGraph,
    key: u64,
    targets: &[Ends],
    kept: Option<&[u8]>,
    threads: usize,
) -> TimeTables {
    kept.and_then(|bytes| TimeTables::from_bytes(bytes, key, graph.nodes()))
        .filter(|tables| tables.targets() == targets.len())
        .unwrap_or_else(|| TimeTables::new(graph, targets, threads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::testing::town;

    #[test]
    fn tables_are_read_only_for_what_they_came_from() {
        let graph = town();
        let targets: Vec<Ends> = (0..45).map(|i| vec![(i * 7, 0.5)]).collect();
        let tables = TimeTables::new(&graph, &targets, 2);
        let own = key(graph.checksum(), &targets);
        let bytes = tables.to_bytes(own);
        let read = TimeTables::from_bytes(&bytes, own, graph.nodes()).unwrap();
        assert_eq!(read.to_bytes(own), bytes);
        assert!((0..45).all(|target| read.units(9, target) == tables.units(9, target)));
        let other = key(graph.checksum(), &targets[1..]);
        assert!(TimeTables::from_bytes(&bytes, other, graph.nodes()).is_none());
        assert!(TimeTables::from_bytes(&bytes, own, graph.nodes() + 1).is_none());
        for length in (0..bytes.len()).step_by(501) {
            assert!(TimeTables::from_bytes(&bytes[..length], own, graph.nodes()).is_none());
        }
        let mut damaged = bytes;
        damaged[5_000] ^= 1;
        assert!(TimeTables::from_bytes(&damaged, own, graph.nodes()).is_none());
    }
}
