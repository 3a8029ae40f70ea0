//! [`Roads`]: the roads with all that is computed from them once.

use std::sync::Arc;

use super::gate::{Gate, gates};
use super::graph::{ArcId, NodeId, RoadGraph};
use super::index::RoadIndex;
use super::tables::{BEYOND, TableMaker, TimeMatrix, TimeTable, UNIT_S};
use crate::Checkpoint;

/// Zones at most: each is a place where a drive may end. More tell near destinations apart better
/// and cost two bytes a node each.
const ZONES: usize = 600;

/// A gate with the time to it from everywhere, and from it to every zone.
#[derive(Clone, Debug)]
pub(super) struct GateTimes {
    pub(super) gate: Gate,
    pub(super) arcs: Vec<ArcId>,
    pub(super) table: TimeTable,
    /// Units to each zone after the gate.
    pub(super) onward: Vec<u16>,
}

/// One checkpoint on the roads; without gates where it is on none.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) gates: Vec<GateTimes>,
}

/// Roads, zones and checkpoints, with driving times between them.
#[derive(Clone)]
pub struct Roads {
    pub(super) graph: Arc<RoadGraph>,
    pub(super) index: Arc<RoadIndex>,
    pub(super) zones: Arc<Zones>,
    pub(super) places: Vec<Place>,
    /// How likely a drive ends in each zone, then at each checkpoint; all together one.
    pub(super) prior: Vec<f32>,
}

/// Places where drives may end.
pub struct Zones {
    pub(super) nodes: Vec<NodeId>,
    /// How far out each lies: the share of zones that lie further in.
    pub(super) outward: Vec<f32>,
    pub(super) matrix: TimeMatrix,
}

impl Zones {
    /// Spreads zones over the roads and computes the times to them.
    #[must_use]
    pub fn new(graph: &RoadGraph, most: usize, threads: usize) -> Self {
        // Nodes are numbered along a space-filling curve, so that every n-th of them is an even
        // spread: dense where streets are.
        let count = most.min(graph.nodes());
        let nodes: Vec<NodeId> = (0..count)
            .map(|i| ((2 * i + 1) * graph.nodes() / (2 * count.max(1))) as NodeId)
            .collect();
        let matrix = TimeMatrix::new(graph, &nodes, threads);
        let outward = outwardness(graph, &nodes);
        Self { nodes, outward, matrix }
    }
}

/// How far out each node lies among them, 0 to 1: by its distance from the middle of all, in each
/// direction against the furthest.
fn outwardness(graph: &RoadGraph, nodes: &[NodeId]) -> Vec<f32> {
    let places: Vec<(f64, f64)> = nodes.iter().map(|node| graph.place(*node)).collect();
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        let low = places.iter().map(pick).fold(f64::INFINITY, f64::min);
        let high = places.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
        ((low + high) / 2.0, ((high - low) / 2.0).max(1e-9))
    };
    let (north, east) = (bounds(|place| place.0), bounds(|place| place.1));
    let out: Vec<f64> = places
        .iter()
        .map(|p| ((p.0 - north.0) / north.1).abs().max(((p.1 - east.0) / east.1).abs()))
        .collect();
    let mut order: Vec<usize> = (0..out.len()).collect();
    order.sort_by(|a, b| out[*a].total_cmp(&out[*b]).then(a.cmp(b)));
    let mut rank = vec![0.0; out.len()];
    for (position, zone) in order.into_iter().enumerate() {
        rank[zone] = position as f32 / out.len() as f32;
    }
    rank
}

impl Roads {
    /// Prepares roads; checkpoints are placed later.
    #[must_use]
    pub fn new(graph: Arc<RoadGraph>, threads: usize) -> Self {
        Self::with_zones(graph, ZONES, threads)
    }

    pub fn with_zones(graph: Arc<RoadGraph>, zones: usize, threads: usize) -> Self {
        let index = Arc::new(RoadIndex::new(&graph));
        let zones = Arc::new(Zones::new(&graph, zones, threads));
        Self { graph, index, zones, places: Vec::new(), prior: Vec::new() }
    }

    /// Puts a checkpoint on the roads as the next one, and says on how many streets it stands.
    pub fn add(&mut self, checkpoint: &Checkpoint) -> usize {
        let mut maker = TableMaker::default();
        let place = self.place(checkpoint, &mut maker);
        let gates = place.gates.len();
        self.places.push(place);
        gates
    }

    pub fn set_prior(&mut self, gate_mass: f32, outer: f32) {
        let mut prior: Vec<f32> =
            self.zones.outward.iter().map(|out| libm::expf(out * outer)).collect();
        let sum: f32 = prior.iter().sum();
        for p in &mut prior {
            *p *= (1.0 - gate_mass) / sum;
        }
        let n = self.places.len();
        prior.extend((0..n).map(|_| gate_mass / n as f32));
        self.prior = prior;
    }

    fn place(&self, checkpoint: &Checkpoint, maker: &mut TableMaker) -> Place {
        let graph = &self.graph;
        let gates = gates(graph, &self.index, checkpoint)
            .into_iter()
            .map(|gate| {
                let length_m = graph.street_length_m(gate.street);
                let share = gate.offset_m / length_m;
                let arcs = graph.arcs_along(gate.street).to_vec();
                let ends: Vec<(NodeId, f32)> = arcs
                    .iter()
                    .map(|arc| (graph.tail(*arc), graph.time_s(*arc) * share))
                    .collect();
                let table = maker.table(graph, &ends);
                let mut onward = vec![BEYOND; self.zones.nodes.len()];
                for arc in &arcs {
                    let rest_s = graph.time_s(*arc) * (1.0 - share);
                    self.from_head(*arc, rest_s, &mut onward);
                }
                GateTimes { gate, arcs, table, onward }
            })
            .collect();
        Place { gates }
    }

    /// Lowers `units` to the times to every zone from the end of an arc, `rest_s` before it,
    /// without turning round there unless the road ends.
    pub(super) fn from_head(&self, arc: ArcId, rest_s: f32, units: &mut [u16]) {
        let graph = &self.graph;
        let back = graph.street(arc) ^ 1;
        let head = graph.head(arc);
        let only_back = graph.arcs_from(head).all(|next| graph.street(next) == back);
        for next in graph.arcs_from(head) {
            if graph.street(next) == back && !only_back {
                continue;
            }
            let add = ((rest_s + graph.time_s(next)) / UNIT_S) as u16;
            for (best, row) in units.iter_mut().zip(self.zones.matrix.row(graph.head(next))) {
                *best = (*best).min(row.saturating_add(add));
            }
        }
        // The zone at this very node is reached without leaving it.
        for (zone, node) in self.zones.nodes.iter().enumerate() {
            if *node == head {
                units[zone] = units[zone].min((rest_s / UNIT_S) as u16);
            }
        }
    }

    /// Seconds from a place on an arc to a gate.
    pub(super) fn to_gate(&self, arc: ArcId, offset_m: f32, gate: &GateTimes) -> f32 {
        let graph = &self.graph;
        let length_m = graph.length_m(arc);
        let time_s = graph.time_s(arc);
        if graph.street(arc) == gate.gate.street && offset_m <= gate.gate.offset_m {
            return time_s * (gate.gate.offset_m - offset_m) / length_m;
        }
        let rest_s = time_s * (1.0 - offset_m / length_m);
        let back = graph.street(arc) ^ 1;
        let head = graph.head(arc);
        let mut best = f32::INFINITY;
        let mut onward = false;
        for next in graph.arcs_from(head) {
            if graph.street(next) == back {
                continue;
            }
            onward = true;
            let through = if graph.street(next) == gate.gate.street {
                graph.time_s(next) * gate.gate.offset_m / graph.length_m(next)
            } else {
                graph.time_s(next) + gate.table.seconds(graph.head(next))
            };
            best = best.min(through);
        }
        if !onward {
            best = gate.table.seconds(head);
        }
        rest_s + best
    }

    /// The roads themselves.
    #[must_use]
    pub fn graph(&self) -> &RoadGraph {
        &self.graph
    }
}
