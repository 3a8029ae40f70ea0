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
    /// Metres to go, by road.
    pub distance_m: f32,
    /// Roads on the way, by name, in order.
    pub route: Vec<String>,
    /// What this leans on.
    pub evidence: Evidence,
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
        let zones = self.likely_zones();
        let each = roads.places.iter().filter_map(|(id, place)| {
            let (destination, units) = self.destinations.checkpoint(id)?;
            let map_s = seconds(units);
            let eta_s = map_s * pace;
            if eta_s > horizon_s {
                return None;
            }
            let probability = passing(model, &zones, (destination, map_s), place);
            (probability >= least).then(|| {
                let (distance_m, route) = self.way(roads, place);
                Outlook {
                    checkpoint: id.clone(),
                    probability,
                    eta_s,
                    eta_early_s: (eta_s * model.early - model.early_s).max(0.0),
                    eta_late_s: eta_s * model.late + model.late_s,
                    distance_m,
                    route,
                    evidence: Evidence { destination, pace, standing_s: self.standing_s() },
                }
            })
        });
        each.collect()
    }

    /// The zones that count: the likelihood of each as the destination, and the seconds to it.
    pub(super) fn likely_zones(&self) -> Vec<(f32, f32, usize)> {
        self.destinations
            .zones()
            .enumerate()
            .filter(|(_, (weight, units))| *weight > LEAST && *units != BEYOND)
            .map(|(zone, (weight, units))| (weight, seconds(units), zone))
            .collect()
    }

    /// Metres to a checkpoint, and the names of the roads that lead there.
    fn way(&self, roads: &Roads, place: &Place) -> (f32, Vec<String>) {
        let graph = &roads.graph;
        let Some(stand) = self.matcher.best() else { return (0.0, Vec::new()) };
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
            return (gate.offset_m - stand.offset_m, names);
        }
        let mut metres = graph.length_m(stand.arc) - stand.offset_m;
        for arc in roads.way_to(stand.arc, place, LONGEST_WAY) {
            let street = graph.street(arc);
            note(graph.name(street));
            let gate = place.gates.iter().find(|gate| gate.street == street);
            metres += gate.map_or_else(|| graph.length_m(arc), |gate| gate.offset_m);
        }
        (metres.max(0.0), names)
    }
}

/// The probability that a checkpoint is passed, where it is so likely the destination and so many
/// seconds away.
pub(super) fn passing(
    model: &Model,
    zones: &[(f32, f32, usize)],
    (destination, map_s): (f32, f32),
    place: &Place,
) -> f32 {
    let through: f32 = zones.iter().map(|zone| through(model, *zone, map_s, place)).sum();
    (destination + through).min(SUREST)
}

/// The likelihood that a zone is the destination and the checkpoint is passed on the way there.
fn through(
    model: &Model,
    (weight, direct_s, zone): (f32, f32, usize),
    map_s: f32,
    place: &Place,
) -> f32 {
    let onward = place.onward.get(zone).copied().unwrap_or(BEYOND);
    let off_s = (map_s + f32::from(onward) * UNIT_S - direct_s).max(0.0);
    weight * (1.0 - off_s / (model.off_way_s + model.off_way_share * direct_s)).max(0.0)
}
