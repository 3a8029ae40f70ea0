//! The largest part of a network in which every place can be reached from every other.

/// Which nodes are in the largest strongly connected component (Tarjan 1972, without recursion). Of
/// equals the one that is complete first.
pub(super) fn largest_component(first_arc: &[u32], arc_head: &[u32]) -> Vec<bool> {
    const UNSEEN: u32 = u32::MAX;
    let nodes = first_arc.len().saturating_sub(1);
    let mut order = vec![UNSEEN; nodes];
    let mut low = vec![0u32; nodes];
    let mut open = vec![false; nodes];
    let mut next_arc: Vec<u32> = first_arc.iter().take(nodes).copied().collect();
    let (mut stack, mut path, mut best) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = 0u32;
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
                open[node] = true;
                stack.push(node);
            }
            if next_arc[node] < first_arc[node + 1] {
                let head = arc_head[next_arc[node] as usize] as usize;
                next_arc[node] += 1;
                if order[head] == UNSEEN {
                    path.push(head);
                } else if open[head] {
                    low[node] = low[node].min(order[head]);
                }
                continue;
            }
            path.pop();
            if let Some(&parent) = path.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == order[node] {
                let start = stack.iter().rposition(|n| *n == node).unwrap_or(0);
                let members = stack.split_off(start);
                for member in &members {
                    open[*member] = false;
                }
                if members.len() > best.len() {
                    best = members;
                }
            }
        }
    }
    let mut kept = vec![false; nodes];
    for node in best {
        kept[node] = true;
    }
    kept
}
