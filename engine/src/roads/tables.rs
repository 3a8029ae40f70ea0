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

/// The times to some targets, those of one node side by side.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) width: usize,
    pub(super) units: Vec<u16>,
}

impl Block {
    fn new(nodes: usize, width: usize) -> Self {
        Self { width, units: vec![BEYOND; nodes * width] }
    }

    fn row(&self, node: NodeId) -> &[u16] {
        let start = node as usize * self.width;
        self.units.get(start..start + self.width).unwrap_or_default()
    }

    fn set(&mut self, column: usize, times: &[Millis]) {
        for (row, time) in self.units.chunks_exact_mut(self.width).zip(times) {
            row[column] = units(*time);
        }
    }

    /// Makes room for more targets.
    fn widen(&mut self, width: usize) {
        let mut wider = vec![BEYOND; self.units.len() / self.width * width];
        let old = self.units.chunks_exact(self.width);
        for (to, from) in wider.chunks_exact_mut(width).zip(old) {
            to[..self.width].copy_from_slice(from);
        }
        *self = Self { width, units: wider };
    }
}

/// Driving times at the map's speeds from every node to many targets. Clones share what they have
/// in common; a target that is added or changed costs one block.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeTables {
    targets: usize,
    blocks: Vec<Arc<Block>>,
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
                        parts.iter().map(block).collect::<Vec<_>>()
                    })
                })
                .collect();
            // A thread that panicked (it cannot) would leave its targets out of reach.
            running.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
        });
        Self { targets: targets.len(), blocks }
    }

    pub(super) const fn of(targets: usize, blocks: Vec<Arc<Block>>) -> Self {
        Self { targets, blocks }
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().map(Arc::as_ref)
    }

    /// Sets one target; the next free number adds it.
    pub(super) fn set(&mut self, graph: &RoadGraph, target: usize, ends: &Ends) {
        let mut search = Search::default();
        Backwards::new(graph).times_to(ends, &mut search.times, &mut search.heap);
        let (block, column) = (target / BLOCK, target % BLOCK);
        while self.blocks.len() <= block {
            self.blocks.push(Arc::new(Block::new(graph.nodes(), 1)));
        }
        self.targets = self.targets.max(target + 1);
        if let Some(block) = self.blocks.get_mut(block) {
            let block = Arc::make_mut(block);
            if block.width <= column {
                block.widen(column + 1);
            }
            block.set(column, &search.times);
        }
    }

    /// Lowers each value to the units from a node to that target, and so many more.
    pub(super) fn lower(&self, node: NodeId, more: u16, values: &mut [u16]) {
        for (block, values) in self.blocks.iter().zip(values.chunks_mut(BLOCK)) {
            for (value, units) in values.iter_mut().zip(block.row(node)) {
                *value = (*value).min(units.saturating_add(more));
            }
        }
    }

    /// Units from a node to a target.
    pub(super) fn units(&self, node: NodeId, target: usize) -> u16 {
        let block = self.blocks.get(target / BLOCK);
        block.and_then(|block| block.row(node).get(target % BLOCK)).copied().unwrap_or(BEYOND)
    }

    pub(super) const fn targets(&self) -> usize {
        self.targets
    }

    /// Bytes taken.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| size_of_val(block.units.as_slice())).sum()
    }
}

/// Memory of a search, used again.
#[derive(Default)]
struct Search {
    times: Vec<Millis>,
    heap: BinaryHeap<Reverse<u64>>,
}

impl Search {
    fn block(&mut self, backwards: &Backwards, targets: &[Ends]) -> Block {
        let mut block = Block::new(backwards.nodes(), targets.len());
        for (column, ends) in targets.iter().enumerate() {
            backwards.times_to(ends, &mut self.times, &mut self.heap);
            block.set(column, &self.times);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::testing::town;

    /// Times from one node to all others, by relaxing every arc until nothing changes.
    fn times_from(graph: &RoadGraph, from: NodeId) -> Vec<f32> {
        let mut times = vec![f32::INFINITY; graph.nodes()];
        times[from as usize] = 0.0;
        loop {
            let mut changed = false;
            for arc in 0..graph.arcs() as u32 {
                let through = times[graph.tail(arc) as usize] + graph.time_s(arc);
                let slot = &mut times[graph.head(arc) as usize];
                if through < *slot - 1e-3 {
                    *slot = through;
                    changed = true;
                }
            }
            if !changed {
                return times;
            }
        }
    }

    #[test]
    fn times_are_those_of_the_shortest_way() {
        let graph = town();
        let targets: Vec<Ends> = (0..40).map(|i| vec![(i * 11, 0.0)]).collect();
        let tables = TimeTables::new(&graph, &targets, 2);
        for from in [0, 57, 300] {
            let times = times_from(&graph, from);
            for (target, ends) in targets.iter().enumerate() {
                let expected = times[ends[0].0 as usize];
                let found = seconds(tables.units(from, target));
                // A node's milliseconds are cut, and a unit is a quarter of a second.
                assert!((found - expected).abs() < 0.3, "{from} to {target}: {found} {expected}");
            }
        }
        assert_eq!(tables.bytes(), graph.nodes() * 40 * 2, "two bytes a node and target");
    }

    #[test]
    fn threads_and_order_make_no_difference() {
        let graph = town();
        let targets: Vec<Ends> = (0..70).map(|i| vec![(i * 6, 1.5)]).collect();
        let at_once = TimeTables::new(&graph, &targets, 3);
        let mut one_by_one = TimeTables::default();
        for (target, ends) in targets.iter().enumerate() {
            one_by_one.set(&graph, target, ends);
        }
        for node in 0..graph.nodes() as u32 {
            let (mut a, mut b) = (vec![BEYOND; 70], vec![BEYOND; 70]);
            at_once.lower(node, 4, &mut a);
            one_by_one.lower(node, 4, &mut b);
            assert_eq!(a, b);
        }
    }
}
