//! The fewest posts that close what can be closed.
//!
//! A least cut of the quarters, each post one thing to cut however many gates it has, gives posts
//! that close the ways out, and the fewest where each post lies between two quarters and times do
//! not matter. Otherwise sets of posts of which one must be manned are collected, one for each leak
//! that is found, until the cheapest posts that hit them all leak no more (implicit hitting sets:
//! Moreno-Centeno and Karp 2013): fewer cannot do, since they would leave one of the sets unhit.

use std::collections::{BTreeMap, BTreeSet};

use super::area::Area;
use super::flow::{Network, UNCUTTABLE};
use super::hitting::Hitting;
use super::quarters::{Quarters, SINK, SOURCE};
use super::reach::{Bounds, Reach};
use super::scene::{Candidate, Post, Scene};
use crate::State;
use crate::roads::NodeId;

/// What one post costs: more than all that tells posts apart that are as few.
const POST: u64 = 1 << 45;
/// What it costs more where it must be set up first: more than all slack that may be short.
const SET_UP: u64 = 1 << 28;
/// From this slack on more of it makes no difference, seconds.
const AMPLE_S: u64 = 3_600;
/// A node of the roads that is searched costs as much as so many steps among the quarters.
const NODE_STEPS: u64 = 8;

/// The work that may still be done, in steps of some ten nanoseconds: a limit that falls the same
/// way on every machine.
pub(super) struct Budget(u64);

/// How much work may be done.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Steps to look for the fewest...
    pub(super) look: u64,
    /// ...and to make the best of what was found by then.
    pub(super) finish: u64,
}

impl Effort {
    /// Half a second or so.
    pub(super) const FULL: Self = Self { look: 24_000_000, finish: 12_000_000 };
}

impl Budget {
    pub(super) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// Takes steps off; false where there are none left.
    pub(super) const fn spend(&mut self, steps: u64) -> bool {
        self.0 = self.0.saturating_sub(steps);
        self.0 > 0
    }
}

/// Posts that close what can be closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Solution {
    pub(super) posts: Vec<Post>,
    /// There are certainly no fewer.
    pub(super) proven: bool,
}

/// The fewest posts that close the ways out that are not `open`; of as few, those that are manned
/// already, then those with more time to spare. `held` is what is reached where all are manned.
pub(super) fn solve(
    scene: &Scene<'_>,
    area: &Area,
    held: &Reach,
    open: &BTreeSet<NodeId>,
    effort: Effort,
) -> Solution {
    let quarters = Quarters::new(scene, area, held, open);
    let costs = costs(scene, area);
    let budget = Budget::new(effort.look);
    let mut solver = Solver { scene, area, open, quarters, costs, budget };
    let (mut latest, is_least) = solver.cut();
    let mut at_least = if is_least { solver.cost(&latest) } else { 0 };
    let mut leaks = solver.leaks(&latest);
    let mut best = leaks.is_empty().then(|| latest.clone());
    let costs = solver.costs.clone();
    let mut hitting = Hitting::new(&costs);
    while best.as_ref().is_none_or(|best| solver.cost(best) > at_least) {
        solver.collect(&latest, leaks, &mut hitting);
        let hit = hitting.cheapest(&mut solver.budget);
        at_least = at_least.max(hit.at_least);
        if best.as_ref().is_some_and(|best| solver.cost(best) <= hit.cost) {
            break;
        }
        latest = hit.posts;
        leaks = solver.leaks(&latest);
        if leaks.is_empty() {
            best = Some(latest.clone());
        }
        if leaks.is_empty() || !solver.budget.spend(1) {
            break;
        }
    }
    solver.budget = Budget::new(effort.finish);
    let best = best.unwrap_or_else(|| solver.grow(latest));
    let proven = solver.cost(&best) / POST <= at_least / POST;
    Solution { posts: if proven { best } else { solver.shrink(best) }, proven }
}

/// What each post costs.
fn costs(scene: &Scene<'_>, area: &Area) -> Vec<u64> {
    let cost = |(number, post): (Post, &Candidate<'_>)| {
        let passes = area.passes(scene, number);
        let slack = passes.filter_map(|time| time.checked_sub(post.in_place)).min();
        let short_s = AMPLE_S.saturating_sub(u64::from(slack.unwrap_or(0)) / 1_000);
        let set_up = if post.checkpoint.state == State::Manned { 0 } else { SET_UP };
        POST + short_s + set_up
    };
    (0..).zip(&scene.posts).map(cost).collect()
}

struct Solver<'a, 'b> {
    scene: &'a Scene<'b>,
    area: &'a Area,
    open: &'a BTreeSet<NodeId>,
    quarters: Quarters,
    costs: Vec<u64>,
    budget: Budget,
}

impl Solver<'_, '_> {
    fn cost(&self, posts: &[Post]) -> u64 {
        posts.iter().map(|post| self.costs[usize::from(*post)]).sum()
    }

    fn mans(&self, posts: &[Post]) -> Vec<bool> {
        let mut mans = vec![false; self.costs.len()];
        for post in posts {
            mans[usize::from(*post)] = true;
        }
        mans
    }

    /// Posts that close the quarters, whichever gates of one are passed one after another, and
    /// whether none cheaper do.
    fn cut(&self) -> (Vec<Post>, bool) {
        let posts = self.costs.len() as u32;
        // A way with several posts leads through places between them, each a node of its own.
        let between: usize = self.quarters.ways.iter().map(|way| way.posts.len()).sum();
        let (first, mut next) = (self.quarters.count, self.quarters.count + 2 * posts);
        let mut network = Network::new(next as usize + between);
        let mut gates: BTreeMap<Post, BTreeSet<(u32, u32)>> = BTreeMap::new();
        for way in &self.quarters.ways {
            let mut from = way.from;
            for (i, post) in way.posts.iter().enumerate() {
                let to = if i + 1 == way.posts.len() {
                    way.to
                } else {
                    next += 1;
                    next - 1
                };
                gates.entry(*post).or_default().insert((from, to));
                from = to;
            }
            if way.posts.is_empty() {
                network.edge(way.from, way.to, UNCUTTABLE);
            }
        }
        let mut is_least = true;
        for (post, ways) in &gates {
            let (enter, leave) = (first + 2 * u32::from(*post), first + 2 * u32::from(*post) + 1);
            network.edge(enter, leave, self.costs[usize::from(*post)]);
            let from: BTreeSet<u32> = ways.iter().map(|(from, _)| *from).collect();
            let to: BTreeSet<u32> = ways.iter().map(|(_, to)| *to).collect();
            for node in &from {
                network.edge(*node, enter, UNCUTTABLE);
                // A way in by one gate and out by another may be none in truth.
                is_least &= to.iter().all(|to| to == node || ways.contains(&(*node, *to)));
            }
            for node in &to {
                network.edge(leave, *node, UNCUTTABLE);
            }
        }
        let stays = network.cut(SOURCE, SINK);
        let is_cut = |post: &Post| {
            let enter = (first + 2 * u32::from(*post)) as usize;
            stays[enter] && !stays[enter + 1]
        };
        (gates.keys().copied().filter(is_cut).collect(), is_least)
    }

    /// Sets of posts of which one each must be manned beside these. Empty where they hold.
    fn leaks(&mut self, posts: &[Post]) -> Vec<Vec<Post>> {
        let mans = self.mans(posts);
        self.budget.spend(self.quarters.ways.len() as u64);
        let leaks = self.quarters.leaks(&mans);
        if !leaks.is_empty() || !self.quarters.times_matter {
            return leaks;
        }
        self.budget.spend(self.area.inside.len() as u64 * NODE_STEPS);
        let reach = Reach::search(self.scene, &mans, Bounds::Inside(&self.area.inside));
        let leaks: BTreeSet<Vec<Post>> = self
            .area
            .reached(self.scene, &reach)
            .filter(|(_, spot)| !self.open.contains(spot))
            .map(|(node, _)| reach.passed(node))
            .collect();
        leaks.into_iter().collect()
    }

    /// Adds leaks to the sets, and further leaks that have nothing in common with those before.
    fn collect(&mut self, posts: &[Post], mut leaks: Vec<Vec<Post>>, hitting: &mut Hitting<'_>) {
        let mut mans = self.mans(posts);
        while let Some(first) = leaks.first() {
            for post in first {
                mans[usize::from(*post)] = true;
            }
            for leak in &leaks {
                hitting.add(leak);
            }
            if !self.budget.spend(self.quarters.ways.len() as u64) {
                break;
            }
            leaks = self.quarters.leaks(&mans);
        }
    }

    /// Adds posts until nothing leaks: where that takes too long, all.
    fn grow(&mut self, mut posts: Vec<Post>) -> Vec<Post> {
        loop {
            let leaks = self.leaks(&posts);
            if !self.budget.spend(1) {
                return (0..self.costs.len() as Post).collect();
            }
            let cheapest = |leak: &Vec<Post>| {
                leak.iter().copied().min_by_key(|post| self.costs[usize::from(*post)])
            };
            let more: BTreeSet<Post> = leaks.iter().filter_map(cheapest).collect();
            if more.is_empty() {
                posts.sort_unstable();
                return posts;
            }
            posts.extend(more);
        }
    }

    /// Leaves out what is not needed, the costliest first, as far as the budget allows.
    fn shrink(&mut self, mut posts: Vec<Post>) -> Vec<Post> {
        let mut order = posts.clone();
        order.sort_by_key(|post| (u64::MAX - self.costs[usize::from(*post)], *post));
        for post in order {
            if !self.budget.spend(1) {
                break;
            }
            let rest: Vec<Post> = posts.iter().copied().filter(|other| *other != post).collect();
            if self.leaks(&rest).is_empty() {
                posts = rest;
            }
        }
        posts
    }
}
