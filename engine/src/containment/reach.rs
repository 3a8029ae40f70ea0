//! [`Reach`]: when a vehicle can be where at the earliest (Dijkstra 1959), past checkpoints that are
//! in place from some time on. Who comes earlier passes whatever who comes later passes, so that
//! the earliest arrivals tell all that can be reached.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::scene::{Post, Scene};
use crate::roads::{ArcId, NodeId};

/// Milliseconds since the vehicle was last known: whole numbers, so that ties fall the same way on
/// every machine.
pub(super) type Millis = u32;
/// Not reached.
pub(super) const FAR: Millis = Millis::MAX;
/// The trail of who has passed no post.
const NO_TRAIL: u32 = u32::MAX;

/// How far a search goes.
#[derive(Clone, Copy)]
pub(super) enum Bounds<'a> {
    /// To what is reached by this time.
    Until(Millis),
    /// To these nodes, and to those just outside.
    Inside(&'a [bool]),
}

/// What was reached.
pub(super) struct Reach {
    /// When each node is reached at the earliest, [`FAR`] where it is not.
    pub(super) time: Vec<Millis>,
    /// When the vehicle comes to each post that does not let it pass, at the earliest.
    pub(super) stopped_at: Vec<Millis>,
    /// The posts passed on the way to each node although they would have been in place, as the
    /// number of the last one in `trails`.
    trail: Vec<u32>,
    trails: Vec<(Post, u32)>,
}

impl Reach {
    /// Searches where the posts that `mans` accepts are manned.
    pub(super) fn search(scene: &Scene<'_>, mans: &[bool], bounds: Bounds<'_>) -> Self {
        let mut reach = Self {
            time: vec![FAR; scene.graph.nodes()],
            stopped_at: vec![FAR; scene.posts.len()],
            trail: vec![NO_TRAIL; scene.graph.nodes()],
            trails: Vec::new(),
        };
        let mut heap = BinaryHeap::new();
        for start in &scene.starts {
            let from_m = Some(start.offset_m);
            if let Some(trail) = reach.pass(scene, mans, (start.arc, from_m, 0), NO_TRAIL) {
                let head = scene.graph.head(start.arc);
                reach.arrive(head, scene.started(start), trail, bounds, &mut heap);
            }
        }
        while let Some(Reverse(entry)) = heap.pop() {
            let (time, node) = ((entry >> 32) as Millis, entry as NodeId);
            if time > reach.time[node as usize] {
                continue;
            }
            for arc in scene.graph.arcs_from(node) {
                let mut trail = reach.trail[node as usize];
                if scene.is_special(scene.graph.street(arc)) {
                    match reach.pass(scene, mans, (arc, None, time), trail) {
                        Some(passed) => trail = passed,
                        None => continue,
                    }
                }
                let there = time.saturating_add(scene.takes(arc));
                reach.arrive(scene.graph.head(arc), there, trail, bounds, &mut heap);
            }
        }
        reach
    }

    /// The posts passed on the way to a node although they would have been in place; each once.
    pub(super) fn passed(&self, node: NodeId) -> Vec<Post> {
        let mut posts = Vec::new();
        let mut at = self.trail[node as usize];
        while let Some((post, before)) = self.trails.get(at as usize) {
            posts.push(*post);
            at = *before;
        }
        posts.sort_unstable();
        posts.dedup();
        posts
    }

    /// Drives along an arc; `None` where a post, or a stop, holds the vehicle.
    fn pass(
        &mut self,
        scene: &Scene<'_>,
        mans: &[bool],
        (arc, from_m, begun): (ArcId, Option<f32>, Millis),
        mut trail: u32,
    ) -> Option<u32> {
        if from_m.is_none() && scene.stopped.contains(&scene.graph.street(arc)) {
            return None;
        }
        for (post, time) in scene.passed(arc, from_m, begun) {
            let at = usize::from(post);
            if time < scene.posts[at].in_place {
                continue;
            }
            if mans[at] {
                self.stopped_at[at] = self.stopped_at[at].min(time);
                return None;
            }
            self.trails.push((post, trail));
            trail = self.trails.len() as u32 - 1;
        }
        Some(trail)
    }

    fn arrive(
        &mut self,
        node: NodeId,
        time: Millis,
        trail: u32,
        bounds: Bounds<'_>,
        heap: &mut BinaryHeap<Reverse<u64>>,
    ) {
        let at = node as usize;
        if time >= self.time[at] {
            return;
        }
        let goes_on = match bounds {
            Bounds::Until(limit) if time > limit => return,
            Bounds::Until(_) => true,
            Bounds::Inside(inside) => inside[at],
        };
        (self.time[at], self.trail[at]) = (time, trail);
        if goes_on {
            heap.push(Reverse(u64::from(time) << 32 | u64::from(node)));
        }
    }
}
