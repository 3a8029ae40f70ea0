//! [`Area`]: where the vehicle is to be held, and the ways out of it.

use std::collections::{BTreeMap, BTreeSet};

use super::reach::{Bounds, FAR, Millis, Reach};
use super::report::{WayOut, WayOutKind};
use super::scene::{Post, Scene};
use crate::roads::{ArcId, Exit, ExitKind, NodeId};

/// In a map from which no road leads out, as large a share of what can be reached is inside: the
/// rest, furthest away, stands for the world.
const INSIDE: (usize, usize) = (9, 10);

/// What can be reached in time if nobody stops the vehicle. Ways out are the exits of the map in
/// it, and the nodes just beyond it; each is known by its spot.
pub(super) struct Area {
    pub(super) inside: Vec<bool>,
    /// When the nodes inside are reached at the earliest if nobody stops the vehicle.
    pub(super) free: Reach,
    /// What was reached by this time is inside.
    pub(super) until: Millis,
    /// The map shows no road out, so that the area is smaller than was asked for.
    pub(super) drawn_in: bool,
    exits: BTreeMap<NodeId, Vec<Exit>>,
}

impl Area {
    pub(super) fn new(scene: &Scene<'_>, until: Millis) -> Self {
        let nobody = vec![false; scene.posts.len()];
        let free = Reach::search(scene, &nobody, Bounds::Until(until));
        let inside: Vec<bool> = free.time.iter().map(|time| *time != FAR).collect();
        let mut exits: BTreeMap<NodeId, Vec<Exit>> = BTreeMap::new();
        for exit in scene.graph.exits() {
            exits.entry(scene.spot(exit.node)).or_default().push(exit.clone());
        }
        let mut area = Self { inside, free, until, drawn_in: false, exits };
        let by_road = |(_, spot): (NodeId, NodeId)| {
            let exits = area.exits.get(&spot).into_iter().flatten();
            exits.into_iter().any(|exit| exit.kind == ExitKind::Road)
        };
        let leads_out = area.inside.contains(&false) || area.exit_nodes(scene).any(by_road);
        if !leads_out {
            area.draw_in();
        }
        area
    }

    fn draw_in(&mut self) {
        let mut times: Vec<Millis> = self.free.time.clone();
        times.sort_unstable();
        let Some(outside) = times.get(times.len() * INSIDE.0 / INSIDE.1) else { return };
        (self.until, self.drawn_in) = (outside.saturating_sub(1), true);
        for (inside, time) in self.inside.iter_mut().zip(&self.free.time) {
            *inside = time < outside;
        }
    }

    /// The ways out that were reached: nodes, and their spots.
    pub(super) fn reached<'b>(
        &'b self,
        scene: &'b Scene<'_>,
        reach: &'b Reach,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + 'b {
        let reached = |node: NodeId| reach.time[node as usize] != FAR;
        let exits = self.exit_nodes(scene).filter(move |(node, _)| reached(*node));
        let beyond = (0..self.inside.len() as NodeId)
            .filter(move |node| !self.inside[*node as usize] && reached(*node))
            .map(|node| (node, scene.spot(node)));
        exits.chain(beyond)
    }

    /// The nodes inside that are exits of the map, with their spots.
    pub(super) fn exit_nodes<'b>(
        &'b self,
        scene: &'b Scene<'_>,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + 'b {
        let nodes = self
            .exits
            .keys()
            .flat_map(move |spot| copies(scene, *spot).map(move |node| (node, *spot)));
        nodes.filter(|(node, _)| self.inside[*node as usize])
    }

    /// When the vehicle passes each gate of a post at the earliest if nobody stops it.
    pub(super) fn passes<'b>(
        &'b self,
        scene: &'b Scene<'_>,
        post: Post,
    ) -> impl Iterator<Item = Millis> + 'b {
        let gates = scene.posts[usize::from(post)].gates.iter();
        let arcs = gates.flat_map(|gate| scene.graph.arcs_along(gate.street));
        let begun = arcs.map(|arc| (*arc, self.free.time[scene.graph.tail(*arc) as usize]));
        let passed = begun
            .filter(|(_, begun)| *begun != FAR)
            .flat_map(|(arc, begun)| scene.passed(arc, None, begun));
        passed.filter(move |(other, _)| *other == post).map(|(_, time)| time)
    }

    /// How many ways out there are.
    pub(super) fn count_ways_out(&self, scene: &Scene<'_>) -> usize {
        let graph = scene.graph;
        let mut spots: BTreeSet<NodeId> = self.exit_nodes(scene).map(|(_, spot)| spot).collect();
        for node in (0..self.inside.len() as NodeId).filter(|node| self.inside[*node as usize]) {
            let heads = graph.arcs_from(node).map(|arc| graph.head(arc));
            let outside = heads.filter(|head| !self.inside[*head as usize]);
            spots.extend(outside.map(|head| scene.spot(head)));
        }
        spots.len()
    }

    /// A way out as people are told of it.
    pub(super) fn describe(&self, scene: &Scene<'_>, spot: NodeId, reach: &Reach) -> Vec<WayOut> {
        let nodes = copies(scene, spot).filter(|node| reach.time[*node as usize] != FAR);
        let Some(node) = nodes.min_by_key(|node| (reach.time[*node as usize], *node)) else {
            return Vec::new();
        };
        let time = reach.time[node as usize];
        let way_out =
            |kind, name: &str| WayOut::new(scene, kind, name, scene.graph.place(node), time);
        let Some(exits) = self.exits.get(&spot) else {
            let name = arrives_by(scene, node, reach)
                .map_or("", |arc| scene.graph.name(scene.graph.street(arc)));
            return vec![way_out(WayOutKind::Beyond, name)];
        };
        let exits = exits.iter().map(|exit| match exit.kind {
            ExitKind::Ferry => way_out(WayOutKind::Ferry, &exit.name),
            ExitKind::Road => way_out(WayOutKind::Road, &exit.name),
        });
        exits.collect()
    }
}

/// The nodes at a spot.
fn copies<'b>(scene: &'b Scene<'_>, spot: NodeId) -> impl Iterator<Item = NodeId> + 'b {
    let place = scene.graph.place(spot);
    let nodes = spot..scene.graph.nodes() as NodeId;
    nodes.take_while(move |node| scene.graph.place(*node) == place)
}

/// The arc by which a node is reached at the earliest.
fn arrives_by(scene: &Scene<'_>, node: NodeId, reach: &Reach) -> Option<ArcId> {
    let by = |arc: &ArcId| {
        let tail = reach.time[scene.graph.tail(*arc) as usize];
        tail.saturating_add(scene.takes(*arc))
    };
    scene.graph.arcs_into(node).iter().copied().min_by_key(|arc| (by(arc), *arc))
}
