//! [`TimeTables`]: driving times from every node to many targets, two bytes each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::graph::{NodeId, RoadGraph};
use super::search::{Backwards, FAR, Millis};

/// Seconds in one unit of a table: a quarter, which reaches four and a half hours in 16 bits.
pub(super) const UNIT_S: f32 = 0.25;
const UNIT_MS: Millis = 250;
/// Further than a table reaches.
pub(super) const BEYOND: u16 = u16::MAX;
/// Targets side by side: the times of one node to so many fill one line of a processor's cache.
const BLOCK: usize = 32;

/// A target: some nodes, each with the seconds that remain from there.
pub(super) type Ends = Vec<(NodeId, f32)>;

type Block = Arc<Vec<[u16; BLOCK]>>;

/// Driving times at the map's speeds from every node to many targets. Clones share what they have
/// in common; a target that is added or changed costs one block.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeTables {
    targets: usize,
    blocks: Vec<Block>,
}

impl TimeTables {
    /// The times to each target, searched by so many threads; the values do not depend on how many.
    pub(super) fn new(graph: &RoadGraph, targets: &[Ends], threads: usize) -> Self {
        let parts: Vec<&[Ends]> = targets.chunks(BLOCK).collect();
        let share = parts.len().div_ceil(threads.max(1)).max(1);
        let backwards = Backwards::new(graph);
        let backwards = &backwards;
        let blocks = std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .chunks(share)
                .map(|parts| {
                    scope.spawn(move || {
                        let mut search = Search::default();
                        let block = |part: &&[Ends]| Arc::new(search.block(backwards, part));
                        parts.iter().map(block).collect::<Vec<Block>>()
                    })
                })
                .collect();
            // A thread that panicked (it cannot) would leave its targets out of reach.
            running.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
        });
        Self { targets: targets.len(), blocks }
    }

    /// Sets one target; the next free number adds it.
    pub(super) fn set(&mut self, graph: &RoadGraph, target: usize, ends: &Ends) {
        let mut search = Search::default();
        Backwards::new(graph).times_to(ends, &mut search.times, &mut search.heap);
        while self.blocks.len() <= target / BLOCK {
            self.blocks.push(Arc::new(vec![[BEYOND; BLOCK]; graph.nodes()]));
        }
        self.targets = self.targets.max(target + 1);
        if let Some(block) = self.blocks.get_mut(target / BLOCK) {
            for (row, time) in Arc::make_mut(block).iter_mut().zip(&search.times) {
                row[target % BLOCK] = units(*time);
            }
        }
    }

    /// Lowers each value to the units from a node to that target, and so many more.
    pub(super) fn lower(&self, node: NodeId, more: u16, values: &mut [u16]) {
        for (block, values) in self.blocks.iter().zip(values.chunks_mut(BLOCK)) {
            if let Some(row) = block.get(node as usize) {
                for (value, units) in values.iter_mut().zip(row) {
                    *value = (*value).min(units.saturating_add(more));
                }
            }
        }
    }

    /// Units from a node to a target.
    pub(super) fn units(&self, node: NodeId, target: usize) -> u16 {
        let row = self.blocks.get(target / BLOCK).and_then(|block| block.get(node as usize));
        row.map_or(BEYOND, |row| row[target % BLOCK])
    }

    pub(super) const fn targets(&self) -> usize {
        self.targets
    }

    /// Bytes taken.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| size_of_val(block.as_slice())).sum()
    }
}

/// Memory of a search, used again.
#[derive(Default)]
struct Search {
    times: Vec<Millis>,
    heap: BinaryHeap<Reverse<u64>>,
}

impl Search {
    fn block(&mut self, backwards: &Backwards, targets: &[Ends]) -> Vec<[u16; BLOCK]> {
        let mut block = vec![[BEYOND; BLOCK]; backwards.nodes()];
        for (column, ends) in targets.iter().enumerate() {
            backwards.times_to(ends, &mut self.times, &mut self.heap);
            for (row, time) in block.iter_mut().zip(&self.times) {
                row[column] = units(*time);
            }
        }
        block
    }
}

/// Units of so many seconds, rounded.
pub(super) fn units_of(seconds: f32) -> u16 {
    (seconds / UNIT_S).clamp(0.0, f32::from(BEYOND)) as u16
}

/// Seconds of a stored value.
pub(super) fn seconds(units: u16) -> f32 {
    if units == BEYOND { f32::INFINITY } else { f32::from(units) * UNIT_S }
}

fn units(time: Millis) -> u16 {
    if time == FAR {
        return BEYOND;
    }
    u16::try_from((time + UNIT_MS / 2) / UNIT_MS).unwrap_or(BEYOND)
}
