//! [`TimeTable`]: driving times from every node to one target, two bytes each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{NodeId, RoadGraph};
use super::search::{FAR, Millis, times_to};

/// Seconds in one unit of a table: a quarter, which reaches four and a half hours in 16 bits.
pub(super) const UNIT_S: f32 = 0.25;
const UNIT_MS: Millis = 250;
/// Further than a table reaches.
pub(super) const BEYOND: u16 = u16::MAX;

/// Driving times at the map's speeds from every node to one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeTable {
    units: Vec<u16>,
}

impl TimeTable {
    /// Seconds from a node; infinite where the table does not reach.
    #[must_use]
    pub fn seconds(&self, node: NodeId) -> f32 {
        self.units.get(node as usize).map_or(f32::INFINITY, |units| seconds(*units))
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.units.len() * size_of::<u16>()
    }
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

/// Searches backwards from target after target, with memory that is used again.
#[derive(Default)]
pub struct TableMaker {
    times: Vec<Millis>,
    heap: BinaryHeap<Reverse<u64>>,
}

impl TableMaker {
    /// The table of one target: some nodes, each with the seconds that remain from there.
    pub fn table(&mut self, graph: &RoadGraph, ends: &[(NodeId, f32)]) -> TimeTable {
        self.search(graph, ends);
        TimeTable { units: self.times.iter().map(|time| units(*time)).collect() }
    }

    fn search(&mut self, graph: &RoadGraph, ends: &[(NodeId, f32)]) {
        let ends: Vec<(NodeId, Millis)> =
            ends.iter().map(|(node, seconds)| (*node, (seconds * 1000.0) as Millis)).collect();
        times_to(graph, &ends, &mut self.times, &mut self.heap);
    }
}

/// Tables of many targets, a node's values side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeMatrix {
    targets: usize,
    units: Vec<u16>,
}

impl TimeMatrix {
    /// The times from every node to each of some nodes. With more than one thread the targets are
    /// shared out; the values are the same.
    #[must_use]
    pub fn new(graph: &RoadGraph, targets: &[NodeId], threads: usize) -> Self {
        let (nodes, count) = (graph.nodes(), targets.len());
        let mut units_all = vec![BEYOND; nodes * count];
        let share = count.div_ceil(threads.max(1)).max(1);
        let parts: Vec<Vec<TimeTable>> = std::thread::scope(|scope| {
            let running: Vec<_> = targets
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || {
                        let mut maker = TableMaker::default();
                        part.iter().map(|node| maker.table(graph, &[(*node, 0.0)])).collect()
                    })
                })
                .collect();
            running.into_iter().map(|one| one.join().unwrap_or_default()).collect()
        });
        for (target, table) in parts.into_iter().flatten().enumerate() {
            for (node, value) in table.units.into_iter().enumerate() {
                units_all[node * count + target] = value;
            }
        }
        Self { targets: count, units: units_all }
    }

    /// The times from a node in units of a quarter of a second, one for each target.
    pub(super) fn row(&self, node: NodeId) -> &[u16] {
        let start = node as usize * self.targets;
        self.units.get(start..start + self.targets).unwrap_or_default()
    }
}
