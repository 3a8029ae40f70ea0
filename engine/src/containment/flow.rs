//! The least cut of a small graph (Ford and Fulkerson 1956, by Dinitz's levels).

use std::collections::VecDeque;

/// What cannot be cut.
pub(super) const UNCUTTABLE: u64 = u64::MAX / 4;

/// A graph with what it costs to cut each edge.
#[derive(Default)]
pub(super) struct Network {
    /// Where each edge leads, and what is left of it; the next one, odd, is the way back.
    edges: Vec<(u32, u64)>,
    leaving: Vec<Vec<u32>>,
}

impl Network {
    pub(super) fn new(nodes: usize) -> Self {
        Self { edges: Vec::new(), leaving: vec![Vec::new(); nodes] }
    }

    pub(super) fn edge(&mut self, from: u32, to: u32, cost: u64) {
        for (tail, head, left) in [(from, to, cost), (to, from, 0)] {
            self.leaving[tail as usize].push(self.edges.len() as u32);
            self.edges.push((head, left));
        }
    }

    /// Cuts the graph where that costs least in all; returns which nodes remain with the source.
    pub(super) fn cut(mut self, source: u32, sink: u32) -> Vec<bool> {
        loop {
            let level = self.levels(source);
            if level[sink as usize] == u32::MAX {
                return level.iter().map(|level| *level != u32::MAX).collect();
            }
            let mut next = vec![0usize; self.leaving.len()];
            while self.augment(source, sink, &level, &mut next) {}
        }
    }

    fn levels(&self, source: u32) -> Vec<u32> {
        let mut level = vec![u32::MAX; self.leaving.len()];
        level[source as usize] = 0;
        let mut open = VecDeque::from([source]);
        while let Some(node) = open.pop_front() {
            for edge in &self.leaving[node as usize] {
                let (head, left) = self.edges[*edge as usize];
                if left > 0 && level[head as usize] == u32::MAX {
                    level[head as usize] = level[node as usize] + 1;
                    open.push_back(head);
                }
            }
        }
        level
    }

    /// Sends what fits along one way of ascending levels; false where there is none left.
    fn augment(&mut self, source: u32, sink: u32, level: &[u32], next: &mut [usize]) -> bool {
        let mut way: Vec<u32> = Vec::new();
        let mut node = source;
        while node != sink {
            let at = next[node as usize];
            let Some(edge) = self.leaving[node as usize].get(at).copied() else {
                // A dead end: back, and not here again.
                let Some(back) = way.pop() else { return false };
                node = self.edges[back as usize ^ 1].0;
                next[node as usize] += 1;
                continue;
            };
            let (head, left) = self.edges[edge as usize];
            if left > 0 && level[head as usize] == level[node as usize] + 1 {
                way.push(edge);
                node = head;
            } else {
                next[node as usize] += 1;
            }
        }
        let fits = way.iter().map(|edge| self.edges[*edge as usize].1).min().unwrap_or(0);
        for edge in way {
            self.edges[edge as usize].1 -= fits;
            self.edges[edge as usize ^ 1].1 += fits;
        }
        fits > 0
    }
}
