//! [`Zones`]: places where a drive may end.

use super::Model;
use super::graph::{NodeId, RoadGraph};
use super::kept::{kept_or_made, key};
use super::tables::TimeTables;

/// Zones at most. More tell near destinations apart better, and cost two bytes a node each.
pub(super) const ZONES: usize = 600;
/// Places where a drive may end, spread as the streets are.
pub(super) struct Zones {
    /// How far out each lies: the share of zones that lie further in.
    outward: Vec<f32>,
    pub(super) tables: TimeTables,
    key: u64,
}

impl Zones {
    /// Spreads so many zones at most over roads of a checksum. `kept` are tables that
    /// [`Self::to_bytes`] gave; they are used if they are of the same.
    pub(super) fn new(
        graph: &RoadGraph,
        graph_checksum: u64,
        most: usize,
        kept: Option<&[u8]>,
        threads: usize,
    ) -> Self {
        // Nodes are numbered along a space-filling curve, so that every n-th of them is an even
        // spread: dense where streets are.
        let count = most.min(graph.nodes());
        let nodes: Vec<NodeId> = (0..count)
            .map(|i| ((2 * i + 1) * graph.nodes() / (2 * count.max(1))) as NodeId)
            .collect();
        let ends: Vec<_> = nodes.iter().map(|node| vec![(*node, 0.0)]).collect();
        let key = key(graph_checksum, &ends);
        let tables = kept_or_made(graph, key, &ends, kept, threads);
        let outward = outwardness(graph, &nodes);
        Self { outward, tables, key }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.tables.to_bytes(self.key)
    }

    pub(super) fn count(&self) -> usize {
        self.outward.len()
    }

    /// How likely a drive ends in each before anything is known of it; together one.
    pub(super) fn prior(&self, model: &Model) -> Vec<f32> {
        let share = |out: &f32| libm::expf(out * model.outward);
        let mut prior: Vec<f32> = self.outward.iter().map(share).collect();
        let sum: f32 = prior.iter().sum();
        for value in &mut prior {
            *value /= sum;
        }
        prior
    }
}

/// The share of nodes that lie further in than each: by the distance from the middle of all, north
/// and east each against the furthest.
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
