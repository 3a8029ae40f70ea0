//! Where the checkpoints alone do not close the ways out: the fewest roads that, stopped otherwise,
//! close them together with the checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use super::area::Area;
use super::reach::{FAR, Millis, Reach};
use super::scene::{Post, Scene};
use crate::roads::{ArcId, NodeId, StreetId};

/// More roads than this nobody stops besides.
const MOST: usize = 12;
/// A patrol car stops a road where no checkpoint is planned after so long, seconds: it has to be
/// called, and to come. Where the vehicle can be earlier, nothing is stopped.
pub(super) const STOP_S: u32 = 600;

/// What is to be stopped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stops {
    pub(super) streets: BTreeSet<StreetId>,
    /// Exits themselves, by their spots.
    pub(super) exits: BTreeSet<NodeId>,
    /// How many ways out that closes.
    pub(super) closes: usize,
}

impl Stops {
    pub(super) fn count(&self) -> usize {
        self.streets.len() + self.exits.len()
    }
}

/// A least cut of the roads that are left where every post is manned, one unit a road or exit
/// (Ford and Fulkerson 1956): of several the one furthest out, which leaves the most time.
struct Flow<'a, 'b> {
    scene: &'a Scene<'b>,
    area: &'a Area,
    held: &'a Reach,
    /// From here on roads can be stopped.
    from: Millis,
    /// The exits to be closed that are nodes inside.
    exits: BTreeMap<NodeId, NodeId>,
    /// Their spots that something flows out by.
    out_by: BTreeSet<NodeId>,
    /// The arcs that something flows along.
    used: BTreeSet<ArcId>,
}

/// How a node was come to.
#[derive(Clone, Copy)]
enum Step {
    Start,
    Along(ArcId),
    /// Something does not flow along this arc after all.
    Back(ArcId),
}

/// The fewest roads to be stopped so that none of the `open` ways out remains, but for those that
/// the vehicle may have reached before anybody can stop it. `None` where they are too many.
pub(super) fn stops(
    scene: &Scene<'_>,
    area: &Area,
    held: &Reach,
    open: &BTreeSet<NodeId>,
) -> Option<Stops> {
    let from = scene.now.saturating_add(STOP_S * 1_000);
    let (mut exits, mut early) = (BTreeMap::new(), BTreeSet::new());
    for (node, spot) in area.exit_nodes(scene).filter(|(_, spot)| open.contains(spot)) {
        if area.free.time[node as usize] < from {
            early.insert(spot);
        }
        exits.insert(node, spot);
    }
    exits.retain(|_, spot| !early.contains(spot));
    let closes = open.len() - early.len();
    let mut flow =
        Flow { scene, area, held, from, exits, out_by: BTreeSet::new(), used: BTreeSet::new() };
    for _ in 0..=MOST {
        if !flow.augment() {
            return Some(Stops { closes, ..flow.cut() });
        }
    }
    None
}

impl Flow<'_, '_> {
    /// Whether everything that comes by here can be stopped no more.
    fn is_early(&self, node: NodeId) -> bool {
        self.held.time[node as usize] != FAR && self.area.free.time[node as usize] < self.from
    }

    /// Whether the posts let a vehicle pass along an arc.
    fn is_open(&self, arc: ArcId) -> bool {
        let tail = self.scene.graph.tail(arc) as usize;
        let begun = self.held.time[tail];
        self.area.inside[tail]
            && begun != FAR
            && !(self.scene.is_special(self.scene.graph.street(arc))
                && self.is_stopped(self.scene.passed(arc, None, begun)))
    }

    fn is_stopped(&self, mut passed: impl Iterator<Item = (Post, Millis)>) -> bool {
        passed.any(|(post, time)| time >= self.scene.posts[usize::from(post)].in_place)
    }

    /// The nodes that the vehicle reaches, or is on the way to, before anybody can stop it.
    fn sources(&self) -> Vec<NodeId> {
        let graph = self.scene.graph;
        let started = self.scene.starts.iter().filter(|start| {
            !self.is_stopped(self.scene.passed(start.arc, Some(start.offset_m), 0))
        });
        let mut nodes: Vec<NodeId> = started.map(|start| graph.head(start.arc)).collect();
        for node in (0..graph.nodes() as NodeId).filter(|node| self.is_early(*node)) {
            nodes.push(node);
            let leaving = graph.arcs_from(node).filter(|arc| self.is_open(*arc));
            nodes.extend(leaving.map(|arc| graph.head(arc)));
        }
        nodes
    }

    fn leads_out(&self, node: NodeId) -> bool {
        !self.area.inside[node as usize]
            || self.exits.get(&node).is_some_and(|spot| !self.out_by.contains(spot))
    }

    /// Finds one more way out that shares no road with the others.
    fn augment(&mut self) -> bool {
        let graph = self.scene.graph;
        let mut came: Vec<Option<Step>> = vec![None; graph.nodes()];
        let mut open = self.sources();
        for node in &open {
            came[*node as usize] = Some(Step::Start);
        }
        let mut at = 0;
        let found = loop {
            let Some(node) = open.get(at).copied() else { break None };
            at += 1;
            if self.leads_out(node) {
                break Some(node);
            }
            for arc in graph.arcs_from(node) {
                let head = graph.head(arc);
                if came[head as usize].is_none() && !self.used.contains(&arc) && self.is_open(arc) {
                    came[head as usize] = Some(Step::Along(arc));
                    open.push(head);
                }
            }
            for arc in graph.arcs_into(node) {
                let tail = graph.tail(*arc);
                if came[tail as usize].is_none() && self.used.contains(arc) {
                    came[tail as usize] = Some(Step::Back(*arc));
                    open.push(tail);
                }
            }
        };
        let Some(mut node) = found else { return false };
        self.out_by.extend(self.exits.get(&node));
        while let Some(step) = came[node as usize] {
            node = match step {
                Step::Start => break,
                Step::Along(arc) => {
                    self.used.insert(arc);
                    graph.tail(arc)
                }
                Step::Back(arc) => {
                    self.used.remove(&arc);
                    graph.head(arc)
                }
            };
        }
        true
    }

    /// What is full between the nodes from which one more way out could be had, and the others.
    fn cut(&self) -> Stops {
        let graph = self.scene.graph;
        let mut gets_out = vec![false; graph.nodes()];
        let mut open: Vec<NodeId> =
            (0..graph.nodes() as NodeId).filter(|node| self.leads_out(*node)).collect();
        for node in &open {
            gets_out[*node as usize] = true;
        }
        while let Some(node) = open.pop() {
            let into = graph.arcs_into(node).iter().copied();
            let into = into.filter(|arc| !self.used.contains(arc) && self.is_open(*arc));
            let undone = graph.arcs_from(node).filter(|arc| self.used.contains(arc));
            let before = into.map(|arc| graph.tail(arc)).chain(undone.map(|arc| graph.head(arc)));
            for node in before {
                if !gets_out[node as usize] {
                    gets_out[node as usize] = true;
                    open.push(node);
                }
            }
        }
        let full = self.used.iter().filter(|arc| {
            !gets_out[graph.tail(**arc) as usize] && gets_out[graph.head(**arc) as usize]
        });
        let exits = self
            .exits
            .iter()
            .filter(|(node, spot)| self.out_by.contains(spot) && !gets_out[**node as usize]);
        Stops {
            streets: full.map(|arc| graph.street(*arc)).collect(),
            exits: exits.map(|(_, spot)| *spot).collect(),
            closes: 0,
        }
    }
}
