//! The parts of a network in which every place can be reached from every other.

use super::graph::{ArcId, RoadGraph};

/// The number of the strongly connected component of each node, in the order in which they are
/// complete, by the arcs that lead on (Tarjan 1972, without recursion).
pub(super) fn components(
    first_arc: &[u32],
    arc_head: &[u32],
    leads: impl Fn(usize) -> bool,
) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let nodes = first_arc.len().saturating_sub(1);
    let mut order = vec![UNSEEN; nodes];
    let mut low = vec![0u32; nodes];
    let mut component = vec![UNSEEN; nodes];
    let mut next_arc: Vec<u32> = first_arc.iter().take(nodes).copied().collect();
    let (mut stack, mut path) = (Vec::new(), Vec::new());
    let (mut seen, mut complete) = (0u32, 0u32);
    for root in 0..nodes {
        if order[root] != UNSEEN {
            continue;
        }
        path.push(root);
        while let Some(&node) = path.last() {
            if order[node] == UNSEEN {
                order[node] = seen;
                low[node] = seen;
                seen += 1;
                stack.push(node);
            }
            if next_arc[node] < first_arc[node + 1] {
                let arc = next_arc[node] as usize;
                next_arc[node] += 1;
                if !leads(arc) {
                    continue;
                }
                let head = arc_head[arc] as usize;
                if order[head] == UNSEEN {
                    path.push(head);
                } else if component[head] == UNSEEN {
                    low[node] = low[node].min(order[head]);
                }
                continue;
            }
            path.pop();
            if let Some(&parent) = path.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == order[node] {
                while let Some(member) = stack.pop() {
                    component[member] = complete;
                    if member == node {
                        break;
                    }
                }
                complete += 1;
            }
        }
    }
    component
}

/// Which nodes are in the largest component. Of equals the one that is complete first.
pub(super) fn largest_component(first_arc: &[u32], arc_head: &[u32]) -> Vec<bool> {
    let component = components(first_arc, arc_head, |_| true);
    let mut sizes = vec![0u32; component.iter().max().map_or(0, |last| *last as usize + 1)];
    for number in &component {
        sizes[*number as usize] += 1;
    }
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let number = sizes.iter().position(|size| *size == largest).unwrap_or(0) as u32;
    component.iter().map(|of| *of == number).collect()
}

impl RoadGraph {
    /// The number of each node's part of the roads, where one drives by the arcs that lead on only:
    /// in each part every node can be reached from every other.
    pub(crate) fn parts(&self, leads: impl Fn(ArcId) -> bool) -> Vec<u32> {
        components(&self.first_arc, &self.arc_head, |arc| leads(arc as ArcId))
    }
}
