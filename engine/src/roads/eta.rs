//! How long a drive from any place to a checkpoint takes.

use super::network::Roads;
use super::tables::{BEYOND, seconds};
use crate::{CheckpointId, Position};

/// A car within this of a street is on it or beside it, metres.
const BESIDE_M: f64 = 100.0;
/// Directed streets that it may be on: those of a crossing, or of two carriageways.
const CONSIDERED: usize = 8;

impl Roads {
    /// Seconds from a place to a checkpoint at the map's speeds, in whichever direction from the
    /// streets that are nearest. `None` where the place or the checkpoint is on no road.
    pub(crate) fn drive_s(&self, from: Position, to: &CheckpointId) -> Option<f64> {
        let place = self.places.get(to)?;
        let (graph, at) = (&self.graph, (from.latitude, from.longitude));
        let reach_m = BESIDE_M.max(f64::from(graph.roughest_m()));
        let mut snaps = self.index.near(graph, at, reach_m);
        snaps.retain(|snap| {
            f64::from(snap.distance_m) <= BESIDE_M.max(f64::from(graph.accuracy_m(snap.street)))
        });
        let mut least: Option<f32> = None;
        for snap in snaps.iter().take(CONSIDERED) {
            let on_the_way = place
                .gates
                .iter()
                .find(|gate| gate.street == snap.street && gate.offset_m >= snap.offset_m);
            for arc in graph.arcs_along(snap.street) {
                let s_per_m = graph.time_s(*arc) / graph.length_m(*arc);
                let drive_s = match on_the_way {
                    Some(gate) => Some((gate.offset_m - snap.offset_m) * s_per_m),
                    None => {
                        let onward = self.tables.units(graph.head(*arc), place.target);
                        let rest_s = (graph.length_m(*arc) - snap.offset_m).max(0.0) * s_per_m;
                        (onward != BEYOND).then(|| rest_s + seconds(onward))
                    }
                };
                least = least.into_iter().chain(drive_s).reduce(f32::min);
            }
        }
        least.map(f64::from)
    }
}
