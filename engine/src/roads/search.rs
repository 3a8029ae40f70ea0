//! Shortest times over the roads (Dijkstra 1959).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{ArcId, NodeId, RoadGraph};

/// Milliseconds: whole numbers, so that ties fall the same way on every machine.
pub(super) type Millis = u32;
/// Not reached.
pub(super) const FAR: Millis = Millis::MAX;

/// Milliseconds that an arc takes.
pub(super) fn arc_millis(graph: &RoadGraph, arc: ArcId) -> Millis {
    (graph.time_s(arc) * 1000.0) as Millis
}

/// Times from every node to the nearest of some nodes, each with a time of its own to begin with.
/// `times` is filled anew; the heap is lent so that it need not grow each time.
pub(super) fn times_to(
    graph: &RoadGraph,
    ends: &[(NodeId, Millis)],
    times: &mut Vec<Millis>,
    heap: &mut BinaryHeap<Reverse<u64>>,
) {
    times.clear();
    times.resize(graph.nodes(), FAR);
    heap.clear();
    let pack = |time: Millis, node: NodeId| Reverse(u64::from(time) << 32 | u64::from(node));
    for (node, time) in ends {
        if let Some(slot) = times.get_mut(*node as usize)
            && *time < *slot
        {
            *slot = *time;
            heap.push(pack(*time, *node));
        }
    }
    while let Some(Reverse(entry)) = heap.pop() {
        let (time, node) = ((entry >> 32) as Millis, entry as NodeId);
        if time > times[node as usize] {
            continue;
        }
        for arc in graph.arcs_into(node) {
            let tail = graph.tail(*arc);
            let through = time.saturating_add(arc_millis(graph, *arc));
            if through < times[tail as usize] {
                times[tail as usize] = through;
                heap.push(pack(through, tail));
            }
        }
    }
}
