//! [`Quarters`]: the roads with all in one that is driven freely. What remains is a small graph of
//! quarters, and of the ways between them with the posts on each; times are left out of it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::area::Area;
use super::reach::{FAR, Millis, Reach};
use super::scene::{Post, Scene};
use crate::roads::{ArcId, NodeId};

/// Where the vehicle starts.
pub(super) const SOURCE: u32 = 0;
/// Beyond the ways out that are to be closed.
pub(super) const SINK: u32 = 1;

/// A way from one quarter to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) from: u32,
    pub(super) to: u32,
    /// The posts on it, in order.
    pub(super) posts: Vec<Post>,
}

/// What a post does to a vehicle at one of its gates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// It is in place before the vehicle comes, whatever the others do.
    Stops,
    /// It comes too late, whatever the others do.
    LetsPass,
    /// It is in place in time if others make the vehicle come late enough.
    MayStop,
}

/// Quarters, numbered from 2 on, and the ways between them.
pub(super) struct Quarters {
    pub(super) count: u32,
    pub(super) ways: Vec<Way>,
    /// The ways out of each quarter, by number.
    leaving: Vec<Vec<u32>>,
    /// Times decide, too, so that what holds here may leak in truth.
    pub(super) times_matter: bool,
}

impl Quarters {
    /// The quarters, and the ways to those ways out that are not `open`. `held` is what is reached
    /// where all posts are manned.
    pub(super) fn new(
        scene: &Scene<'_>,
        area: &Area,
        held: &Reach,
        open: &BTreeSet<NodeId>,
    ) -> Self {
        let graph = scene.graph;
        let (mut count, mut times_matter) = (SINK + 1, false);
        let inside = |node: NodeId| area.inside[node as usize];
        let is_free = |arc: ArcId| {
            let (tail, head) = (graph.tail(arc), graph.head(arc));
            inside(tail)
                && inside(head)
                && (!scene.is_special(graph.street(arc))
                    || (!scene.stopped.contains(&graph.street(arc))
                        && posts_on(scene, area, held, arc)
                            .all(|(_, does)| does == Gate::LetsPass)))
        };
        let part = graph.parts(is_free);
        let mut number = vec![0u32; part.iter().max().map_or(0, |last| *last as usize + 1)];
        let mut quarter = |node: NodeId| {
            let slot = &mut number[part[node as usize] as usize];
            if *slot == 0 {
                *slot = count;
                count += 1;
            }
            *slot
        };
        let mut ways = BTreeSet::new();
        for start in &scene.starts {
            let head = graph.head(start.arc);
            let passed = scene.passed(start.arc, Some(start.offset_m), 0);
            let stops =
                passed.filter(|(post, time)| *time >= scene.posts[usize::from(*post)].in_place);
            let posts: Vec<Post> = stops.map(|(post, _)| post).collect();
            let to = if inside(head) { quarter(head) } else { SINK };
            if inside(head) || !open.contains(&scene.spot(head)) {
                ways.insert(Way { from: SOURCE, to, posts });
            }
        }
        for (node, spot) in area.exit_nodes(scene) {
            if !open.contains(&spot) {
                ways.insert(Way { from: quarter(node), to: SINK, posts: Vec::new() });
            }
        }
        for node in (0..graph.nodes() as NodeId).filter(|node| inside(*node)) {
            for arc in graph.arcs_from(node) {
                let (street, head) = (graph.street(arc), graph.head(arc));
                let same = inside(head) && part[node as usize] == part[head as usize];
                if same || scene.stopped.contains(&street) {
                    continue;
                }
                if !inside(head) && open.contains(&scene.spot(head)) {
                    continue;
                }
                let mut posts = Vec::new();
                for (post, does) in posts_on(scene, area, held, arc) {
                    times_matter |= does == Gate::MayStop;
                    if does != Gate::LetsPass {
                        posts.push(post);
                    }
                }
                let to = if inside(head) { quarter(head) } else { SINK };
                ways.insert(Way { from: quarter(node), to, posts });
            }
        }
        let ways: Vec<Way> = ways.into_iter().collect();
        let mut leaving = vec![Vec::new(); count as usize];
        for (number, way) in (0..).zip(&ways) {
            leaving[way.from as usize].push(number);
        }
        Self { count, ways, leaving, times_matter }
    }

    /// Ways out past posts that are not manned: for each last way the posts on it, of which one at
    /// least must be manned. Those with few posts are found. Empty where nothing gets out.
    pub(super) fn leaks(&self, mans: &[bool]) -> Vec<Vec<Post>> {
        let mut passed = vec![u32::MAX; self.count as usize];
        let mut by = vec![u32::MAX; self.count as usize];
        let mut heap = BinaryHeap::from([Reverse((0, SOURCE))]);
        passed[SOURCE as usize] = 0;
        let mut last = Vec::new();
        while let Some(Reverse((posts, quarter))) = heap.pop() {
            if posts > passed[quarter as usize] {
                continue;
            }
            for number in &self.leaving[quarter as usize] {
                let way = &self.ways[*number as usize];
                if way.posts.iter().any(|post| mans[usize::from(*post)]) {
                    continue;
                }
                if way.to == SINK {
                    last.push(*number);
                    continue;
                }
                let posts = posts + way.posts.len() as u32;
                if posts < passed[way.to as usize] {
                    (passed[way.to as usize], by[way.to as usize]) = (posts, *number);
                    heap.push(Reverse((posts, way.to)));
                }
            }
        }
        let mut leaks: BTreeSet<Vec<Post>> = BTreeSet::new();
        for number in last {
            let mut posts: BTreeSet<Post> = BTreeSet::new();
            let mut at = number;
            while let Some(way) = self.ways.get(at as usize) {
                posts.extend(&way.posts);
                at = by[way.from as usize];
            }
            leaks.insert(posts.into_iter().collect());
        }
        leaks.into_iter().collect()
    }
}

/// The posts that are passed on an arc, and what each does.
fn posts_on<'b>(
    scene: &'b Scene<'_>,
    area: &'b Area,
    held: &'b Reach,
    arc: ArcId,
) -> impl Iterator<Item = (Post, Gate)> + 'b {
    let tail = scene.graph.tail(arc) as usize;
    let soonest = scene.passed(arc, None, area.free.time[tail]);
    let latest = scene.passed(arc, None, held.time[tail]);
    soonest.zip(latest).map(move |((post, soonest), (_, latest))| {
        let in_place: Millis = scene.posts[usize::from(post)].in_place;
        let does = if soonest >= in_place {
            Gate::Stops
        } else if held.time[tail] != FAR && latest < in_place {
            Gate::LetsPass
        } else {
            Gate::MayStop
        };
        (post, does)
    })
}
