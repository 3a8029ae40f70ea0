//! [`Roads`]: the roads with all that is computed from them once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Model;
use super::gate::{Gate, gates};
use super::graph::{ArcId, NodeId, RoadGraph, StreetId};
use super::index::RoadIndex;
use super::kept::{kept_or_made, key};
use super::tables::{BEYOND, Ends, TimeTables, UNIT_S, units_of};
use super::zones::{ZONES, Zones};
use crate::{Checkpoint, CheckpointId};

/// Lowers values to the units to every target of tables from an arc, so many seconds before its end.
type Lower = fn(&Roads, ArcId, f32, &TimeTables, &mut [u16]);

/// Turning round by way of streets that are not drawn takes so many seconds.
const TURN_ROUND_S: f32 = 30.0;

/// A checkpoint on the roads.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its number among the tables.
    pub(super) target: usize,
    /// The streets on which it is passed.
    pub(super) gates: Vec<Gate>,
    /// Units from it to each zone.
    pub(super) onward: Arc<Vec<u16>>,
}

/// Roads and the checkpoints on them, with driving times. Clones share the large parts.
#[derive(Clone)]
pub struct Roads {
    pub(super) graph: Arc<RoadGraph>,
    pub(super) index: Arc<RoadIndex>,
    pub(super) zones: Arc<Zones>,
    /// How likely a drive ends in each zone before anything is known of it; together one.
    pub(super) zone_prior: Vec<f32>,
    pub(super) model: Model,
    pub(super) tables: TimeTables,
    pub(super) places: BTreeMap<CheckpointId, Place>,
    /// The checkpoints on each street, by number among the tables.
    pub(super) on_street: BTreeMap<StreetId, Vec<(f32, CheckpointId)>>,
    /// Tells roads apart: what was kept about other roads is void.
    pub(super) checksum: u64,
}

/// The tables would fill a book.
impl std::fmt::Debug for Roads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Roads").field("checksum", &self.checksum).finish_non_exhaustive()
    }
}

/// The same roads by the same numbers with the same checkpoints.
impl PartialEq for Roads {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: (&CheckpointId, &Place), other: (&CheckpointId, &Place)| {
            one.0 == other.0 && one.1.gates == other.1.gates
        };
        self.checksum == other.checksum
            && self.model == other.model
            && self.zones.count() == other.zones.count()
            && self.places.len() == other.places.len()
            && self.places.iter().zip(&other.places).all(|(one, other)| same(one, other))
    }
}

impl Roads {
    /// Prepares roads, searching with so many threads: one search of the whole network for each of
    /// 600 zones, unless `kept` is what [`Self::zone_tables`] gave for the same roads.
    #[must_use]
    pub fn new(graph: Arc<RoadGraph>, kept: Option<&[u8]>, threads: usize) -> Self {
        Self::with_zones(graph, ZONES, kept, threads)
    }

    /// As [`Self::new`], with so many zones at most.
    #[must_use]
    pub fn with_zones(
        graph: Arc<RoadGraph>,
        zones: usize,
        kept: Option<&[u8]>,
        threads: usize,
    ) -> Self {
        let index = Arc::new(RoadIndex::new(&graph));
        let checksum = graph.checksum();
        let zones = Arc::new(Zones::new(&graph, checksum, zones, kept, threads));
        let model = Model::default();
        let zone_prior = zones.prior(&model);
        let (tables, places, on_street) = Default::default();
        Self { graph, index, zones, zone_prior, model, tables, places, on_street, checksum }
    }

    /// The zones' tables as bytes, to be kept beside the roads.
    #[must_use]
    pub fn zone_tables(&self) -> Vec<u8> {
        self.zones.to_bytes()
    }

    /// The checkpoints' tables as bytes, to be kept until checkpoints or roads change.
    #[must_use]
    pub fn checkpoint_tables(&self) -> Vec<u8> {
        let mut targets = vec![Ends::new(); self.tables.targets()];
        for place in self.places.values() {
            if let Some(ends) = targets.get_mut(place.target) {
                *ends = self.ends(&place.gates);
            }
        }
        self.tables.to_bytes(key(self.checksum, &targets))
    }

    /// Goes by other numbers.
    pub fn set_model(&mut self, model: Model) {
        self.zone_prior = self.zones.prior(&model);
        self.model = model;
    }

    /// The roads themselves.
    #[must_use]
    pub fn graph(&self) -> &RoadGraph {
        &self.graph
    }

    /// Their streets by place.
    #[must_use]
    pub fn index(&self) -> &RoadIndex {
        &self.index
    }

    /// Bytes that the tables take.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.tables.bytes() + self.zones.tables.bytes()
    }

    /// Puts many checkpoints on the roads, in place of all that were there. Returns those that are
    /// on no road. `kept` is what [`Self::checkpoint_tables`] gave; it is used if it is of the same
    /// checkpoints in the same order.
    pub fn place_all<'a>(
        &mut self,
        checkpoints: impl IntoIterator<Item = &'a Checkpoint>,
        kept: Option<&[u8]>,
        threads: usize,
    ) -> Vec<CheckpointId> {
        let (mut ends, mut off) = (Vec::new(), Vec::new());
        self.places.clear();
        for checkpoint in checkpoints {
            let gates = self.gates_of(checkpoint);
            if gates.is_empty() {
                off.push(checkpoint.id.clone());
                continue;
            }
            ends.push(self.ends(&gates));
            let place = self.stand(ends.len() - 1, gates);
            self.places.insert(checkpoint.id.clone(), place);
        }
        let key = key(self.checksum, &ends);
        self.tables = kept_or_made(&self.graph, key, &ends, kept, threads);
        self.note_streets();
        off
    }

    /// Puts one checkpoint on the roads, or moves it. Returns whether it is on a road: else only
    /// geometry can tell of it.
    pub fn place(&mut self, checkpoint: &Checkpoint) -> bool {
        let gates = self.gates_of(checkpoint);
        let stands = |place: &Place| place.gates == gates;
        if self.places.get(&checkpoint.id).is_some_and(stands) {
            return true;
        }
        let before = self.places.remove(&checkpoint.id);
        let on_road = !gates.is_empty();
        if on_road {
            let target = before.map_or_else(|| self.free_target(), |place| place.target);
            self.tables.set(&self.graph, target, &self.ends(&gates));
            let place = self.stand(target, gates);
            self.places.insert(checkpoint.id.clone(), place);
        }
        self.note_streets();
        on_road
    }

    /// Whether a checkpoint stands where it is now, so that placing it would change nothing: also
    /// where neither is on a road.
    #[must_use]
    pub fn has_placed(&self, checkpoint: &Checkpoint) -> bool {
        self.gates(&checkpoint.id) == self.gates_of(checkpoint)
    }

    /// Places a checkpoint as `others`, which are the same roads, have it placed already, sharing
    /// their tables. Returns whether that could be done: they must have all checkpoints that are
    /// here, too.
    pub fn place_as(&mut self, others: &Self, checkpoint: &Checkpoint) -> bool {
        let same_roads = self.checksum == others.checksum
            && self.zones.count() == others.zones.count()
            && others.has_placed(checkpoint);
        let same_places = self
            .places
            .iter()
            .all(|(id, place)| *id == checkpoint.id || others.gates(id) == place.gates);
        if !same_roads || !same_places {
            return false;
        }
        let wanted: Vec<CheckpointId> =
            self.places.keys().chain([&checkpoint.id]).cloned().collect();
        self.tables = others.tables.clone();
        self.places = wanted
            .into_iter()
            .filter_map(|id| others.places.get(&id).map(|place| (id, place.clone())))
            .collect();
        self.note_streets();
        true
    }

    /// Has just these checkpoints on the roads; those that stand there already cost nothing.
    pub fn place_only(&mut self, checkpoints: &[Checkpoint]) {
        let kept: BTreeSet<&CheckpointId> =
            checkpoints.iter().map(|checkpoint| &checkpoint.id).collect();
        self.places.retain(|id, _| kept.contains(id));
        self.note_streets();
        for checkpoint in checkpoints {
            self.place(checkpoint);
        }
    }

    /// Takes a checkpoint away.
    pub fn remove(&mut self, checkpoint: &CheckpointId) {
        self.places.remove(checkpoint);
        self.note_streets();
    }

    /// The checkpoints that stand on a road, by identity.
    pub fn placed(&self) -> impl Iterator<Item = &CheckpointId> {
        self.places.keys()
    }

    /// The streets on which a checkpoint is passed; empty where it is on none.
    #[must_use]
    pub fn gates(&self, checkpoint: &CheckpointId) -> &[Gate] {
        self.places.get(checkpoint).map_or(&[], |place| &place.gates)
    }

    /// The streets on which a checkpoint would be passed, whether or not it is placed.
    #[must_use]
    pub fn gates_of(&self, checkpoint: &Checkpoint) -> Vec<Gate> {
        gates(&self.graph, &self.index, checkpoint)
    }

    /// A number that no checkpoint uses.
    fn free_target(&self) -> usize {
        let mut used: Vec<usize> = self.places.values().map(|place| place.target).collect();
        used.sort_unstable();
        let gap = used.iter().enumerate().find(|(i, target)| i != *target);
        gap.map_or(used.len(), |(i, _)| i)
    }

    fn note_streets(&mut self) {
        self.on_street.clear();
        for (id, place) in &self.places {
            for gate in &place.gates {
                let list = self.on_street.entry(gate.street).or_default();
                list.push((gate.offset_m, id.clone()));
            }
        }
    }

    fn ends(&self, gates: &[Gate]) -> Ends {
        let ends = gates.iter().flat_map(|gate| {
            let share = gate.offset_m / self.graph.street_length_m(gate.street);
            let arcs = self.graph.arcs_along(gate.street).iter();
            arcs.map(move |arc| (self.graph.tail(*arc), self.graph.time_s(*arc) * share))
        });
        ends.collect()
    }

    fn stand(&self, target: usize, gates: Vec<Gate>) -> Place {
        let mut onward = vec![BEYOND; self.zones.count()];
        for gate in &gates {
            let share = gate.offset_m / self.graph.street_length_m(gate.street);
            for arc in self.graph.arcs_along(gate.street) {
                let rest_s = self.graph.time_s(*arc) * (1.0 - share);
                self.lower_from(*arc, rest_s, &self.zones.tables, &mut onward);
            }
        }
        Place { target, gates, onward: Arc::new(onward) }
    }

    /// Lowers values to the units to every target from an arc, `rest_s` before its end: going on, or
    /// turning round where there may be streets that are not drawn.
    fn lower_from(&self, arc: ArcId, rest_s: f32, tables: &TimeTables, values: &mut [u16]) {
        self.lower_ahead(arc, rest_s, tables, values);
        if let Some(back_s) = self.back_s(arc, rest_s) {
            tables.lower(self.graph.tail(arc), units_of(back_s), values);
        }
    }

    /// The same without turning round there unless the road ends.
    fn lower_ahead(&self, arc: ArcId, rest_s: f32, tables: &TimeTables, values: &mut [u16]) {
        let graph = &self.graph;
        let back = graph.street(arc) ^ 1;
        let head = graph.head(arc);
        let mut onward = false;
        for next in graph.arcs_from(head).filter(|next| graph.street(*next) != back) {
            onward = true;
            tables.lower(graph.head(next), units_of(rest_s + graph.time_s(next)), values);
        }
        if !onward {
            tables.lower(head, units_of(rest_s), values);
        }
    }

    /// Seconds back to an arc's beginning from `rest_s` before its end, where one can turn round.
    fn back_s(&self, arc: ArcId, rest_s: f32) -> Option<f32> {
        let street = self.graph.street(arc);
        let turns = self.graph.has_undrawn(street) && self.graph.two_way(street);
        turns.then(|| self.graph.time_s(arc) - rest_s + TURN_ROUND_S)
    }

    /// Units from a place on an arc to each zone.
    pub(super) fn to_zones(&self, arc: ArcId, offset_m: f32) -> Vec<u16> {
        self.zones_by(Self::lower_from, arc, offset_m)
    }

    /// Units from a place on an arc to each checkpoint, by number among the tables.
    pub(super) fn to_checkpoints(&self, arc: ArcId, offset_m: f32) -> Vec<u16> {
        self.checkpoints_by(Self::lower_from, arc, offset_m)
    }

    /// Seconds that who goes on loses, against who turns round here, to each zone and to each
    /// checkpoint by number among the tables.
    pub(super) fn lost_by_going_on(&self, arc: ArcId, offset_m: f32) -> [Vec<f32>; 2] {
        let ways = [Self::lower_ahead, Self::lower_from];
        let zones = ways.map(|way| self.zones_by(way, arc, offset_m));
        let checkpoints = ways.map(|way| self.checkpoints_by(way, arc, offset_m));
        [zones, checkpoints].map(|[on, best]| {
            let lost = |(on, best): (&u16, &u16)| f32::from(on.saturating_sub(*best)) * UNIT_S;
            on.iter().zip(&best).map(lost).collect()
        })
    }

    fn zones_by(&self, way: Lower, arc: ArcId, offset_m: f32) -> Vec<u16> {
        let mut values = vec![BEYOND; self.zones.count()];
        way(self, arc, self.rest_s(arc, offset_m), &self.zones.tables, &mut values);
        values
    }

    fn checkpoints_by(&self, way: Lower, arc: ArcId, offset_m: f32) -> Vec<u16> {
        let graph = &self.graph;
        let mut values = vec![BEYOND; self.tables.targets()];
        let rest_s = self.rest_s(arc, offset_m);
        way(self, arc, rest_s, &self.tables, &mut values);
        let mut lower = |street: StreetId, from_m: f32, before_s: f32, arc: ArcId| {
            for (gate_m, id) in self.on_street.get(&street).into_iter().flatten() {
                if let Some(place) = self.places.get(id).filter(|_| *gate_m >= from_m) {
                    let share = (gate_m - from_m) / graph.length_m(arc);
                    let units = units_of(before_s + graph.time_s(arc) * share);
                    let value = &mut values[place.target];
                    *value = (*value).min(units);
                }
            }
        };
        // Tables speak of nodes: a checkpoint on this arc or the next lies before the next node.
        lower(graph.street(arc), offset_m, 0.0, arc);
        for next in graph.arcs_from(graph.head(arc)) {
            if graph.street(next) != graph.street(arc) ^ 1 {
                lower(graph.street(next), 0.0, rest_s, next);
            }
        }
        values
    }

    fn rest_s(&self, arc: ArcId, offset_m: f32) -> f32 {
        self.graph.time_s(arc) * (1.0 - offset_m / self.graph.length_m(arc)).max(0.0)
    }

    /// The arcs from the end of one arc to a checkpoint, by the shortest time, the one that it
    /// stands on included; cut where it would take more arcs than `most`.
    pub(super) fn way_to(&self, from: ArcId, place: &Place, most: usize) -> Vec<ArcId> {
        let mut way = Vec::new();
        let mut arc = from;
        let is_gate = |street: StreetId| place.gates.iter().any(|gate| gate.street == street);
        while way.len() < most {
            let Some((_, next)) = self.next_to(arc, place) else { break };
            way.push(next);
            if is_gate(self.graph.street(next)) {
                break;
            }
            arc = next;
        }
        way
    }

    /// The arc to take from the end of one to a checkpoint, with the seconds to there.
    fn next_to(&self, arc: ArcId, place: &Place) -> Option<(f32, ArcId)> {
        let graph = &self.graph;
        let node: NodeId = graph.head(arc);
        let back = graph.street(arc) ^ 1;
        let cost = |next: ArcId| {
            let gate = place.gates.iter().find(|gate| gate.street == graph.street(next));
            match gate {
                Some(gate) => graph.time_s(next) * gate.offset_m / graph.length_m(next),
                None => {
                    let onward = self.tables.units(graph.head(next), place.target);
                    let turn_s = if graph.street(next) == back { 1e6 } else { 0.0 };
                    graph.time_s(next) + f32::from(onward) * UNIT_S + turn_s
                }
            }
        };
        let costs = graph.arcs_from(node).map(|next| (cost(next), next));
        costs.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Where the way to a checkpoint begins: on the arc that the vehicle drives, or on the way back
    /// where it is quicker to turn round.
    pub(super) fn first_to(&self, arc: ArcId, offset_m: f32, place: &Place) -> (ArcId, f32) {
        let graph = &self.graph;
        let rest_s = self.rest_s(arc, offset_m);
        let turned =
            self.back_s(arc, rest_s).zip(self.next_to(arc, place)).and_then(|(back, on)| {
                let back_s =
                    back + f32::from(self.tables.units(graph.tail(arc), place.target)) * UNIT_S;
                let turned = graph.arcs_along(graph.street(arc) ^ 1).first()?;
                (back_s < rest_s + on.0).then_some((*turned, graph.length_m(arc) - offset_m))
            });
        turned.unwrap_or((arc, offset_m))
    }
}
