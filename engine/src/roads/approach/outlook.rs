//! [`Outlook`]: whether, when and by which way a vehicle passes a checkpoint.

use serde::{Deserialize, Serialize};

use super::RoadApproach;
use crate::CheckpointId;
use crate::roads::Model;
use crate::roads::network::{Place, Roads};
use crate::roads::tables::{BEYOND, UNIT_S, seconds};

/// Zones less likely than this do not count.
const LEAST: f32 = 1e-5;
/// Nobody is ever entirely sure.
const SUREST: f32 = 0.99;
/// Arcs of a way that are looked at for its length and its names.
const LONGEST_WAY: usize = 600;
/// Names that are told.
const NAMES: usize = 6;

/// One checkpoint as things stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// That it will be passed, 0 to 1.
    pub probability: f32,
    /// Seconds from the fix until then, if so.
    pub eta_s: f32,
    /// One in ten comes sooner...
    pub eta_early_s: f32,
    /// ...and one in ten later.
    pub eta_late_s: f32,
    /// What this leans on.
    pub evidence: Evidence,
}

/// The quickest way to a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Metres to go, by road.
    pub distance_m: f32,
    /// Roads on the way, by name, in order.
    pub names: Vec<String>,
}

/// The figures behind an outlook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The probability that the checkpoint itself is the destination.
    pub destination: f32,
    /// Seconds by the clock for each by the map.
    pub pace: f32,
    /// Seconds that the vehicle has been standing.
    pub standing_s: f32,
}

impl RoadApproach {
    /// The checkpoints that can be reached within `horizon_s` and are at least so likely, by
    /// identity; none where the vehicle is on no road.
    #[must_use]
    pub fn outlooks(&self, roads: &Roads, horizon_s: f32, least: f32) -> Vec<Outlook> {
        if self.roads != roads.checksum || !self.is_on_road() {
            return Vec::new();
        }
        let model = &roads.model;
        let pace = self.pace.ratio(model);
        let through = Through::new(model, self.destinations.zones());
        let each = roads.places.iter().filter_map(|(id, place)| {
            let (destination, units) = self.destinations.checkpoint(id)?;
            let map_s = seconds(units);
            let eta_s = map_s * pace;
            if eta_s > horizon_s {
                return None;
            }
            let probability = through.passing(destination, map_s, place);
            (probability >= least).then(|| Outlook {
                checkpoint: id.clone(),
                probability,
                eta_s,
                eta_early_s: (eta_s * model.early - model.early_s).max(0.0),
                eta_late_s: eta_s * model.late + model.late_s,
                evidence: Evidence { destination, pace, standing_s: self.standing_s() },
            })
        });
        each.collect()
    }

    /// The way to a checkpoint; `None` where one of the two is on no road. It takes far longer to
    /// find than an outlook, so ask where it is to be told.
    #[must_use]
    pub fn route(&self, roads: &Roads, checkpoint: &CheckpointId) -> Option<Route> {
        let graph = &roads.graph;
        let place = roads.places.get(checkpoint)?;
        let stand = self.matcher.best().filter(|_| self.roads == roads.checksum)?;
        let mut names: Vec<String> = Vec::new();
        let mut note = |name: &str| {
            let known = name.is_empty() || names.iter().any(|n| n == name);
            if !known && names.len() < NAMES {
                names.push(name.to_owned());
            }
        };
        let street = graph.street(stand.arc);
        note(graph.name(street));
        let here = place.gates.iter().find(|g| g.street == street && g.offset_m >= stand.offset_m);
        if let Some(gate) = here {
            return Some(Route { distance_m: gate.offset_m - stand.offset_m, names });
        }
        let (first, offset_m) = roads.first_to(stand.arc, stand.offset_m, place);
        let mut metres = graph.length_m(first) - offset_m;
        for arc in roads.way_to(first, place, LONGEST_WAY) {
            let street = graph.street(arc);
            note(graph.name(street));
            let gate = place.gates.iter().find(|gate| gate.street == street);
            metres += gate.map_or_else(|| graph.length_m(arc), |gate| gate.offset_m);
        }
        Some(Route { distance_m: metres.max(0.0), names })
    }
}

/// Zones side by side: a processor takes so many at a time.
const LANES: usize = 8;

/// How likely it is that a checkpoint is passed on the way to somewhere else.
pub(super) struct Through {
    /// Of each zone: how likely the drive ends there...
    weights: Vec<f32>,
    /// ...the seconds to it...
    direct_s: Vec<f32>,
    /// ...and the share of certainty that each second off that way costs.
    per_off_s: Vec<f32>,
}

impl Through {
    pub(super) fn new(model: &Model, zones: impl Iterator<Item = (f32, u16)>) -> Self {
        let (mut weights, mut direct_s, mut per_off_s) = (Vec::new(), Vec::new(), Vec::new());
        for (weight, units) in zones {
            let counts = weight > LEAST && units != BEYOND;
            let seconds = f32::from(units) * UNIT_S;
            weights.push(if counts { weight } else { 0.0 });
            direct_s.push(seconds);
            per_off_s.push(1.0 / (model.off_way_s + model.off_way_share * seconds));
        }
        Self { weights, direct_s, per_off_s }
    }

    /// The probability that a checkpoint is passed, where it is so likely the destination and
    /// `map_s` ahead.
    pub(super) fn passing(&self, destination: f32, map_s: f32, place: &Place) -> f32 {
        (destination + self.likelihood(map_s, place)).min(SUREST)
    }

    /// The zones that count, by number: how likely the drive ends there, and the seconds to it.
    pub(super) fn zones(&self) -> impl Iterator<Item = (usize, f32, f32)> + '_ {
        let each = self.weights.iter().copied().zip(self.direct_s.iter().copied()).enumerate();
        each.map(|(zone, (weight, direct_s))| (zone, weight, direct_s))
            .filter(|(_, weight, _)| *weight > 0.0)
    }

    /// The sum over all zones, for a checkpoint `map_s` ahead.
    fn likelihood(&self, map_s: f32, place: &Place) -> f32 {
        let one = |(((weight, direct_s), per_off_s), onward): (((&f32, &f32), &f32), &u16)| {
            let off_s = (map_s + f32::from(*onward) * UNIT_S - direct_s).max(0.0);
            weight * (1.0 - off_s * per_off_s).max(0.0)
        };
        // The order of a sum of fractions matters to the last bit: always by lanes, then the rest.
        let (weights, weights_left) = self.weights.as_chunks::<LANES>();
        let (direct_s, direct_left) = self.direct_s.as_chunks::<LANES>();
        let (per_off_s, per_off_left) = self.per_off_s.as_chunks::<LANES>();
        let (onward, onward_left) = place.onward.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for (((weight, direct), per_off), onward) in
            weights.iter().zip(direct_s).zip(per_off_s).zip(onward)
        {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += one((((&weight[lane], &direct[lane]), &per_off[lane]), &onward[lane]));
            }
        }
        let left = weights_left.iter().zip(direct_left).zip(per_off_left).zip(onward_left);
        sums.iter().sum::<f32>() + left.map(one).sum::<f32>()
    }
}
