//! [`Reach`]: how long a vehicle that is not heard any more drives to each checkpoint.

use super::RoadApproach;
use super::outlook::Through;
use crate::CheckpointId;
use crate::roads::graph::ArcId;
use crate::roads::network::{Place, Roads};
use crate::roads::tables::{BEYOND, seconds};

/// Of the places where a vehicle seems to be going, by likelihood, so many are no longer a way round.
const WAYS_ROUND: f32 = 0.75;

/// The drives from where a vehicle was last.
pub(crate) struct Reach {
    /// Seconds by the clock for each by the map, as it drove of late.
    pub(crate) pace: f64,
    /// To each checkpoint that stands on a road and can be reached, by identity.
    pub(crate) drives: Vec<(CheckpointId, Drive)>,
}

/// A drive to a checkpoint, seconds at the map's speeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drive {
    /// From the best for it of all the places where the vehicle may have been, turned round there
    /// if that is nearer.
    pub(crate) least_s: f64,
    /// From the likeliest place, without turning round.
    pub(crate) onward_s: f64,
    /// By way of another place where the vehicle seems to be going.
    pub(crate) round_s: f64,
    /// That the checkpoint is passed, 0 to 1, by the way until then.
    pub(crate) probability: f64,
}

impl RoadApproach {
    /// The drives from where the vehicle was last; `None` where it was on no road.
    pub(crate) fn reach(&self, roads: &Roads) -> Option<Reach> {
        self.on_road_at(roads)?;
        let graph = &roads.graph;
        let onward =
            self.matcher.best().map(|best| roads.to_checkpoints(best.arc, best.offset_m))?;
        let mut least = onward.clone();
        let mut lower = |arc: ArcId, offset_m: f32| {
            for (value, units) in least.iter_mut().zip(roads.to_checkpoints(arc, offset_m)) {
                *value = (*value).min(units);
            }
        };
        for stand in self.matcher.stands() {
            lower(stand.arc, stand.offset_m);
            let back_m = (graph.length_m(stand.arc) - stand.offset_m).max(0.0);
            for arc in graph.arcs_along(graph.street(stand.arc) ^ 1) {
                lower(*arc, back_m);
            }
        }
        let through = Through::new(&roads.model, self.destinations.zones());
        let drive = |(id, place): (&CheckpointId, &Place)| {
            let units = |of: &[u16]| of.get(place.target).copied().filter(|units| *units != BEYOND);
            let least_units = units(&least)?;
            let onward_units = units(&onward).unwrap_or(least_units);
            let onward_s = seconds(onward_units);
            let destination = self.destinations.checkpoint(id).map_or(0.0, |(weight, _)| weight);
            let probability = through.passing(destination, onward_s, place);
            let drive = Drive {
                least_s: f64::from(seconds(least_units)),
                onward_s: f64::from(onward_s),
                round_s: f64::from(round_s(&through, place).max(onward_s)),
                probability: f64::from(probability),
            };
            Some((id.clone(), drive))
        };
        let drives = roads.places.iter().filter_map(drive).collect();
        Some(Reach { pace: f64::from(self.pace.ratio(&roads.model)), drives })
    }
}

/// Seconds to a checkpoint by way of a zone. That from the zone back takes as long as to it is
/// nearly so, and near enough.
fn round_s(through: &Through, place: &Place) -> f32 {
    let by = |(zone, weight, there_s): (usize, f32, f32)| {
        let onward = place.onward.get(zone).copied().filter(|units| *units != BEYOND)?;
        Some((there_s + seconds(onward), weight))
    };
    let mut ways: Vec<(f32, f32)> = through.zones().filter_map(by).collect();
    ways.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut left = ways.iter().map(|(_, weight)| weight).sum::<f32>() * WAYS_ROUND;
    for (round_s, weight) in &ways {
        left -= weight;
        if left <= 0.0 {
            return *round_s;
        }
    }
    ways.last().map_or(0.0, |(round_s, _)| *round_s)
}
