//! The estimate by roads, where the vehicle is on one and the checkpoint stands on one.

use std::collections::BTreeMap;

use interdict_protocols::Time;

use super::outlook::{ByRoad, Evidence, Outlook};
use crate::CheckpointId;
use crate::roads::{self, Passage, RoadApproach, Roads};

/// Whoever is less likely than this to come by is not: no way there is looked for.
const LEAST: f32 = 0.002;
/// A step shorter than this gives no speed.
const SHORTEST_S: f64 = 1.0;

/// What the roads tell of a vehicle at its newest fix.
pub(crate) struct RoadLook<'a> {
    roads: &'a Roads,
    vehicle: &'a RoadApproach,
    outlooks: BTreeMap<CheckpointId, roads::Outlook>,
    passages: &'a [Passage],
    /// Seconds from the last fix that the roads explain to the newest one.
    stale_s: f64,
}

impl<'a> RoadLook<'a> {
    /// `None` where the vehicle is on no road. With `anew`, what the newest fix brought to light
    /// has been told already.
    pub(crate) fn of(
        roads: &'a Roads,
        vehicle: &'a RoadApproach,
        newest: Time,
        horizon_s: f64,
        anew: bool,
    ) -> Option<Self> {
        let as_of = vehicle.on_road_at(roads)?;
        let outlooks = vehicle.outlooks(roads, horizon_s as f32, LEAST).into_iter();
        Some(Self {
            roads,
            vehicle,
            outlooks: outlooks.map(|outlook| (outlook.checkpoint.clone(), outlook)).collect(),
            passages: if anew { &[] } else { vehicle.passages() },
            stale_s: newest.seconds_since(as_of).max(0.0),
        })
    }

    /// Whether a checkpoint stands on a road; of others only geometry can tell.
    pub(crate) fn knows(&self, checkpoint: &CheckpointId) -> bool {
        !self.roads.gates(checkpoint).is_empty()
    }

    /// When the newest fix shows that it was passed.
    pub(crate) fn passed(&self, checkpoint: &CheckpointId) -> Option<Time> {
        self.passages
            .iter()
            .find(|passage| passage.checkpoint == *checkpoint)
            .map(|passage| passage.time)
    }

    /// Whether there is anything to tell of a checkpoint.
    pub(crate) fn tells_of(&self, checkpoint: &CheckpointId) -> bool {
        self.outlooks.contains_key(checkpoint) || self.passed(checkpoint).is_some()
    }

    /// The estimate by roads in place of the one by geometry, the way itself left out. Of a
    /// checkpoint that is out of reach, or next to impossible, only that.
    pub(crate) fn outlook(&self, checkpoint: &CheckpointId, straight: Outlook) -> Outlook {
        let standing_s = straight.evidence.standing_s;
        let Some(told) = self.outlooks.get(checkpoint) else {
            let road = Some(ByRoad { destination: 0.0, pace: 1.0 });
            let evidence = Evidence { road, wrong_way: false, ..straight.evidence };
            return Outlook { probability: 0.0, evidence, ..straight };
        };
        let after = |seconds: f32| (f64::from(seconds) - self.stale_s).max(0.0);
        let pace = f64::from(told.evidence.pace);
        Outlook {
            probability: f64::from(told.probability),
            eta_s: after(told.eta_s),
            eta_early_s: after(told.eta_early_s),
            eta_late_s: after(told.eta_late_s),
            evidence: Evidence {
                standing_s: standing_s.max(f64::from(told.evidence.standing_s)),
                wrong_way: false,
                road: Some(ByRoad { destination: f64::from(told.evidence.destination), pace }),
                ..straight.evidence
            },
            ..straight
        }
    }

    /// Fills in the way of an estimate by roads: its length, its names, its speed. Only what is told
    /// needs them, and finding a way takes longer than all else that a fix costs.
    pub(crate) fn fill_in_way(&self, checkpoint: &CheckpointId, outlook: &mut Outlook) {
        let Some(told) = self.outlooks.get(checkpoint) else { return };
        let Some(route) = self.vehicle.route(self.roads, checkpoint) else { return };
        outlook.distance_m = f64::from(route.distance_m);
        outlook.route = route.names;
        let eta_s = f64::from(told.eta_s);
        outlook.evidence.speed_kmh = outlook.distance_m / eta_s.max(SHORTEST_S) * 3.6;
    }
}
