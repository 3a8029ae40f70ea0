//! The estimate by roads, where the vehicle is on one and the checkpoint stands on one.

use std::iter::Peekable;
use std::slice;

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
    /// The checkpoints that stand on a road, by identity; of others only geometry can tell.
    on_road: Vec<&'a CheckpointId>,
    /// By identity of their checkpoints.
    outlooks: Vec<roads::Outlook>,
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
        Some(Self {
            roads,
            vehicle,
            on_road: roads.placed().collect(),
            outlooks: vehicle.outlooks(roads, horizon_s as f32, LEAST),
            passages: if anew { &[] } else { vehicle.passages() },
            stale_s: newest.seconds_since(as_of).max(0.0),
        })
    }

    /// Goes through the checkpoints in order of identity, so that none must be searched for.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk {
            look: self,
            on_road: self.on_road.iter().peekable(),
            outlooks: self.outlooks.iter().peekable(),
        }
    }
}

/// A walk through what the roads tell.
pub(crate) struct Walk<'a> {
    look: &'a RoadLook<'a>,
    on_road: Peekable<slice::Iter<'a, &'a CheckpointId>>,
    outlooks: Peekable<slice::Iter<'a, roads::Outlook>>,
}

impl<'a> Walk<'a> {
    /// What is told of a checkpoint, which comes after those asked for before; `None` where it
    /// stands on no road.
    pub(crate) fn to(&mut self, checkpoint: &'a CheckpointId) -> Option<Ahead<'a>> {
        while self.on_road.next_if(|id| **id < checkpoint).is_some() {}
        while self.outlooks.next_if(|told| told.checkpoint < *checkpoint).is_some() {}
        self.on_road.next_if(|id| **id == checkpoint)?;
        let passed = self.look.passages.iter().find(|passage| passage.checkpoint == *checkpoint);
        Some(Ahead {
            look: self.look,
            checkpoint,
            told: self.outlooks.next_if(|told| told.checkpoint == *checkpoint),
            passed: passed.map(|passage| passage.time),
        })
    }
}

/// What the roads tell of one checkpoint.
#[derive(Clone, Copy)]
pub(crate) struct Ahead<'a> {
    look: &'a RoadLook<'a>,
    checkpoint: &'a CheckpointId,
    told: Option<&'a roads::Outlook>,
    /// When the newest fix shows that it was passed.
    pub(crate) passed: Option<Time>,
}

impl Ahead<'_> {
    /// Whether there is anything to tell.
    pub(crate) const fn tells(&self) -> bool {
        self.told.is_some() || self.passed.is_some()
    }

    /// The estimate by roads in place of the one by geometry, the way itself left out. Of a
    /// checkpoint that is out of reach, or next to impossible, only that.
    pub(crate) fn outlook(&self, straight: Outlook) -> Outlook {
        let standing_s = straight.evidence.standing_s;
        let Some(told) = self.told else {
            let road = Some(ByRoad { destination: 0.0, pace: 1.0 });
            let evidence = Evidence { road, wrong_way: false, ..straight.evidence };
            return Outlook { probability: 0.0, evidence, ..straight };
        };
        let after = |seconds: f32| (f64::from(seconds) - self.look.stale_s).max(0.0);
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
    pub(crate) fn fill_in_way(&self, outlook: &mut Outlook) {
        let Some(told) = self.told else { return };
        let Some(route) = self.look.vehicle.route(self.look.roads, self.checkpoint) else { return };
        outlook.distance_m = f64::from(route.distance_m);
        outlook.route = route.names;
        let eta_s = f64::from(told.eta_s);
        outlook.evidence.speed_kmh = outlook.distance_m / eta_s.max(SHORTEST_S) * 3.6;
    }
}
