//! [`Memory`]: what is remembered of a device's alarms.

use std::collections::VecDeque;

use interdict_protocols::{Alarm, AlarmSet, Time};
use serde::{Deserialize, Serialize};

use super::{Edges, Reported, is_empty};
use crate::VehicleId;

/// Late fixes further apart than this with the same alarm tell of two alarms.
const EPISODE_S: f64 = 600.0;
/// What has been told of a device is remembered for a day...
pub(super) const TOLD_S: f64 = 86_400.0;
/// ...but no more frames than this: a device that had more to tell does not send so old ones again.
pub(super) const TOLD: usize = 64;

/// Alarms that are on, in the two lanes: a late frame says nothing of the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct On {
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(super) live: AlarmSet,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(super) late: AlarmSet,
    /// When the newest late frame with an alarm was.
    pub(super) late_at: Time,
}

/// What is durable of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) vehicle: VehicleId,
    pub(super) lasting: On,
    pub(super) told: VecDeque<Told>,
}

/// What has been told of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    stated: Time,
    at: Time,
    edges: Edges,
}

impl Memory {
    pub(super) fn of(vehicle: &VehicleId) -> Self {
        Self { vehicle: vehicle.clone(), lasting: On::default(), told: VecDeque::new() }
    }

    pub(super) fn tell(&mut self, stated: Time, edges: Edges, at: Time) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        self.told.push_back(Told { stated, at, edges });
    }

    /// When an alarm was on last: now, or when it was told of without its end.
    pub(super) fn last(&self, alarm: Alarm, now: Time) -> Option<Time> {
        if self.lasting.live.contains(alarm) {
            return Some(now);
        }
        let told =
            self.told.iter().rev().find(|told| {
                told.edges.began.contains(alarm) || told.edges.ended.contains(alarm)
            })?;
        told.edges.began.contains(alarm).then_some(told.at)
    }

    /// Forgets what was told too long ago; whether there is anything left to know.
    pub(super) fn forget(&mut self, now: Time) -> bool {
        self.told.retain(|told| now.seconds_since(told.at) <= TOLD_S);
        !(self.lasting.live.is_empty() && self.lasting.late.is_empty() && self.told.is_empty())
    }

    /// What has been told of the frames of one time.
    pub(super) fn told(&self, stated: Time, at: Time) -> Edges {
        let mut edges = Edges::default();
        for told in &self.told {
            // Forgetting may come late, so age decides and not presence.
            if told.stated == stated && at.seconds_since(told.at) <= TOLD_S {
                edges.began = edges.began.union(told.edges.began);
                edges.ended = edges.ended.union(told.edges.ended);
            }
        }
        edges
    }
}

impl On {
    /// The late alarms that were on about `time`.
    pub(super) fn late_then(&self, time: Time) -> AlarmSet {
        let same = time.seconds_since(self.late_at).abs() <= EPISODE_S;
        if same { self.late } else { AlarmSet::EMPTY }
    }

    /// Takes over which of the alarms that `states` speaks of are on.
    pub(super) fn observe(&mut self, reported: Reported, on: AlarmSet, states: AlarmSet) {
        if reported.is_late {
            self.late = self.late_then(reported.meant).difference(states).union(on);
            if !on.is_empty() {
                self.late_at = reported.meant;
            }
        } else {
            self.live = self.live.difference(states).union(on);
        }
    }
}
