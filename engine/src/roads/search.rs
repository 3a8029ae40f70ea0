//! Shortest times over the roads (Dijkstra 1959), backwards.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{NodeId, RoadGraph};

/// Milliseconds: whole numbers, so that ties fall the same way on every machine.
pub(super) type Millis = u32;
/// Not reached.
pub(super) const FAR: Millis = Millis::MAX;

/// The arcs by the node that they reach, with what a search needs side by side.
pub(super) struct Backwards {
    first: Vec<u32>,
    /// Where an arc comes from, and what it takes.
    arcs: Vec<(NodeId, Millis)>,
}

impl Backwards {
    pub(super) fn new(graph: &RoadGraph) -> Self {
        let mut first = Vec::with_capacity(graph.nodes() + 1);
        let mut arcs = Vec::with_capacity(graph.arcs());
        first.push(0);
        for node in 0..graph.nodes() as NodeId {
            let into = graph.arcs_into(node).iter();
            arcs.extend(
                into.map(|arc| (graph.tail(*arc), (graph.time_s(*arc) * 1000.0) as Millis)),
            );
            first.push(arcs.len() as u32);
        }
        Self { first, arcs }
    }

    pub(super) fn nodes(&self) -> usize {
        self.first.len() - 1
    }

    /// Times from every node to the nearest of some nodes, each with seconds of its own to begin
    /// with. `times` is filled anew; the heap is lent so that it need not grow each time.
    pub(super) fn times_to(
        &self,
        ends: &[(NodeId, f32)],
        times: &mut Vec<Millis>,
        heap: &mut BinaryHeap<Reverse<u64>>,
    ) {
        times.clear();
        times.resize(self.nodes(), FAR);
        heap.clear();
        let pack = |time: Millis, node: NodeId| Reverse(u64::from(time) << 32 | u64::from(node));
        for (node, seconds) in ends {
            let time = (seconds * 1000.0) as Millis;
            if let Some(slot) = times.get_mut(*node as usize)
                && time < *slot
            {
                *slot = time;
                heap.push(pack(time, *node));
            }
        }
        while let Some(Reverse(entry)) = heap.pop() {
            let (time, node) = ((entry >> 32) as Millis, entry as NodeId);
            if time > times[node as usize] {
                continue;
            }
            let row = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
            for (tail, takes) in &self.arcs[row] {
                let through = time.saturating_add(*takes);
                let slot = &mut times[*tail as usize];
                if through < *slot {
                    *slot = through;
                    heap.push(pack(through, *tail));
                }
            }
        }
    }
}
