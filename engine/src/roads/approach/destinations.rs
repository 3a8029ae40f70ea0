//! [`Destinations`]: how likely a drive ends in each zone or at each checkpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::CheckpointId;
use crate::roads::Model;
use crate::roads::graph::ArcId;
use crate::roads::network::Roads;
use crate::roads::tables::{BEYOND, UNIT_S};

/// A checkpoint as a destination.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    weight: f32,
    /// Units to it at the last fix.
    units: u16,
}

/// The likelihood of each destination; together one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Destinations {
    zones: Vec<f32>,
    /// Units to each zone at the last fix.
    units: Vec<u16>,
    checkpoints: BTreeMap<CheckpointId, Target>,
}

impl Destinations {
    /// What is left of them after a silence: no fix to measure the next step from.
    pub(super) fn after_gap(mut self, roads: &Roads) -> Self {
        if self.zones.len() != roads.zones.count() {
            return Self::default();
        }
        self.units.clear();
        self
    }

    /// Takes a step into account. `driven_s` are the seconds driven at the map's speeds, `None`
    /// where the way is not known.
    pub(super) fn follow(
        &mut self,
        roads: &Roads,
        arc: ArcId,
        offset_m: f32,
        driven_s: Option<f32>,
        elapsed_s: f32,
        standing_s: f32,
    ) {
        let zones = roads.to_zones(arc, offset_m);
        let checkpoints = roads.to_checkpoints(arc, offset_m);
        let prior = checkpoint_prior(roads);
        let is_new = self.zones.len() != zones.len();
        if is_new {
            let rest = 1.0 - prior * roads.places.len() as f32;
            self.zones = roads.zone_prior.iter().map(|share| share * rest).collect();
            self.checkpoints.clear();
        }
        let can_compare = !is_new && self.units.len() == zones.len();
        self.meet_checkpoints(roads, &checkpoints, prior);
        if can_compare {
            let gains = Gains { before: &self.units, now: &zones };
            let targets = || {
                let place = |(id, target): (&CheckpointId, &Target)| {
                    let place = roads.places.get(id)?;
                    Some(gain_s(target.units, *checkpoints.get(place.target)?))
                };
                self.checkpoints.iter().map(move |entry| place(entry).unwrap_or(0.0))
            };
            // Where the way is not known, the best of all destinations shows how far it was.
            let driven_s =
                driven_s.unwrap_or_else(|| gains.each().chain(targets()).fold(0.0, f32::max));
            let model = &roads.model;
            let target_gains: Vec<f32> = targets().collect();
            for (weight, gain) in self.zones.iter_mut().zip(gains.each()) {
                *weight *= factor(model, driven_s - gain);
            }
            for (target, gain) in self.checkpoints.values_mut().zip(target_gains) {
                target.weight *= factor(model, driven_s - gain);
            }
            self.change(roads, prior, elapsed_s, standing_s);
        }
        self.units = zones;
        for (id, target) in &mut self.checkpoints {
            let now = roads.places.get(id).and_then(|place| checkpoints.get(place.target));
            target.units = now.copied().unwrap_or(BEYOND);
        }
    }

    /// Takes into account in which direction a vehicle drives that has not been followed to here:
    /// who could turn round and does not is hardly on the way to what lies behind.
    pub(super) fn set_out(&mut self, roads: &Roads, arc: ArcId, offset_m: f32) {
        let [zones, checkpoints] = roads.lost_by_going_on(arc, offset_m);
        let factor = |lost_s: f32| libm::expf(-roads.model.per_detour_s * lost_s);
        for (weight, lost_s) in self.zones.iter_mut().zip(zones) {
            *weight *= factor(lost_s);
        }
        for (id, target) in &mut self.checkpoints {
            let place = roads.places.get(id);
            let lost_s = place.and_then(|place| checkpoints.get(place.target));
            target.weight *= factor(lost_s.copied().unwrap_or(0.0));
        }
        self.change(roads, checkpoint_prior(roads), 0.0, 0.0);
    }

    /// Begins with checkpoints that are new, forgets those that are gone.
    fn meet_checkpoints(&mut self, roads: &Roads, units: &[u16], prior: f32) {
        self.checkpoints.retain(|id, _| roads.places.contains_key(id));
        if self.checkpoints.len() == roads.places.len() {
            return;
        }
        for (id, place) in &roads.places {
            let units = units.get(place.target).copied().unwrap_or(BEYOND);
            let target = Target { weight: prior, units };
            self.checkpoints.entry(id.clone()).or_insert(target);
        }
    }

    /// Lets some of the likelihood flow back to what was likely at first, and makes the sum one.
    fn change(&mut self, roads: &Roads, prior: f32, elapsed_s: f32, standing_s: f32) {
        let weights = self.zones.iter().chain(self.checkpoints.values().map(|t| &t.weight));
        let sum: f32 = weights.sum::<f32>().max(f32::MIN_POSITIVE);
        let stopped_s = (standing_s - roads.model.stop_from_s).clamp(0.0, elapsed_s);
        let stay = libm::expf(-elapsed_s / roads.model.change_s - stopped_s / roads.model.stop_s);
        let rest = 1.0 - prior * roads.places.len() as f32;
        for (weight, share) in self.zones.iter_mut().zip(&roads.zone_prior) {
            *weight = *weight / sum * stay + share * rest * (1.0 - stay);
        }
        for target in self.checkpoints.values_mut() {
            target.weight = target.weight / sum * stay + prior * (1.0 - stay);
        }
    }

    /// The likelihood of each zone, with the units to it.
    pub(super) fn zones(&self) -> impl Iterator<Item = (f32, u16)> + '_ {
        self.zones.iter().copied().zip(self.units.iter().copied())
    }

    /// Likelihood of a checkpoint as the destination, and the units to it.
    pub(super) fn checkpoint(&self, id: &CheckpointId) -> Option<(f32, u16)> {
        self.checkpoints.get(id).map(|target| (target.weight, target.units))
    }
}

struct Gains<'a> {
    before: &'a [u16],
    now: &'a [u16],
}

impl Gains<'_> {
    fn each(&self) -> impl Iterator<Item = f32> + '_ {
        self.before.iter().zip(self.now).map(|(before, now)| gain_s(*before, *now))
    }
}

/// Seconds by which a destination came nearer.
fn gain_s(before: u16, now: u16) -> f32 {
    (f32::from(before) - f32::from(now)) * UNIT_S
}

/// What a step that lost so many seconds leaves of a destination's likelihood.
fn factor(model: &Model, detour_s: f32) -> f32 {
    libm::expf(-model.per_detour_s * detour_s.clamp(0.0, model.most_detour_s))
}

fn checkpoint_prior(roads: &Roads) -> f32 {
    roads.model.to_checkpoint / roads.places.len().max(1) as f32
}
