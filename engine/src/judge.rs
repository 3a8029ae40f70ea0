//! [`Judge`]: which lane a fix goes in, and what time it means.

use std::collections::BTreeMap;

use interdict_protocols::{Fix, Time};
use serde::{Deserialize, Serialize};

use crate::clock::Clocks;
use crate::geo::distance_m;
use crate::voices::{Disagreement, Voices, is_platform};
use crate::{Judged, Lane, Observation, Position, Rules, VehicleId};

/// Two fixes this near each other contradict nothing, however short the time between them: towns
/// throw satellite receivers off by so much.
const NOISE_M: f64 = 300.0;

/// A place that a vehicle was at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sight {
    pub(crate) time: Time,
    pub(crate) position: Position,
}

/// What fixes are judged by, apart from each vehicle's last one.
#[derive(Default)]
pub(crate) struct Judge {
    pub(crate) clocks: Clocks,
    pub(crate) voices: Voices,
    /// The last outlier of vehicles that are in two minds about where they are.
    suspects: BTreeMap<VehicleId, Sight>,
}

impl Judge {
    /// What to make of a fix that came at `at`, where the vehicle's newest live fix was `last`.
    pub(crate) fn judge(
        &self,
        rules: &Rules,
        at: Time,
        observation: &Observation,
        last: Option<Sight>,
    ) -> Judged {
        let fix = &observation.fix;
        let meant = self.clocks.repaired(&observation.device, at, fix.fix_time);
        if meant.seconds_since(at) > rules.future_s {
            return Judged { lane: Lane::Quarantine, fix_time: meant };
        }
        // A clock that is a little fast must not make the next fix of another device look old.
        let fix_time = meant.min(at);
        let late = fix.backfill || last.is_some_and(|last| fix_time < last.time);
        let lane = if late {
            Lane::Late
        } else if !is_placed(fix) {
            Lane::Unplaced
        } else if self.is_outranked(rules, at, observation, last) {
            Lane::Outranked
        } else if self.is_outlier(rules, observation, fix_time, last) {
            Lane::Quarantine
        } else {
            Lane::Live
        };
        Judged { lane, fix_time }
    }

    /// Whether a platform speaks for a vehicle whose own tracker is heard.
    fn is_outranked(
        &self,
        rules: &Rules,
        at: Time,
        observation: &Observation,
        last: Option<Sight>,
    ) -> bool {
        let since = at.plus_seconds(-rules.tracker_outranks_s);
        is_platform(&observation.device)
            && self.voices.has_tracker(&observation.vehicle, last.map(|last| last.time), since)
    }

    /// How a fix and the vehicle's newest one before it contradict each other, where they come from
    /// different sides.
    pub(crate) fn disagreement(
        &self,
        rules: &Rules,
        at: Time,
        observation: &Observation,
        judged: Judged,
        last: Option<Sight>,
    ) -> Option<Disagreement> {
        let Observation { device, vehicle, fix } = observation;
        let last = last?;
        let is_from_future = judged.fix_time.seconds_since(at) > rules.future_s;
        if matches!(judged.lane, Lane::Late | Lane::Unplaced)
            || is_from_future
            || !self.voices.may_disagree(vehicle, device, at)
        {
            return None;
        }
        let here = Sight { time: judged.fix_time, position: position(fix) };
        if is_reachable(rules, last, here) {
            return None;
        }
        let (this, other) = (Some(device.clone()), self.voices.newest(vehicle).cloned());
        let (believed, held) =
            if judged.lane == Lane::Live { (this, other) } else { (other, this) };
        let apart_m = distance_m(last.position, here.position).round();
        Some(Disagreement { believed, held, apart_m })
    }

    fn is_outlier(
        &self,
        rules: &Rules,
        observation: &Observation,
        time: Time,
        last: Option<Sight>,
    ) -> bool {
        let here = Sight { time, position: position(&observation.fix) };
        let Some(last) = last else { return false };
        if is_reachable(rules, last, here) {
            return false;
        }
        // What a platform said is no measure for the vehicle's own tracker.
        let by_platform = self.voices.platform(&observation.vehicle).is_some();
        if by_platform && !is_platform(&observation.device) {
            return false;
        }
        // The same fix sent again confirms nothing.
        let confirms = |suspect: &Sight| time > suspect.time && is_reachable(rules, *suspect, here);
        !self.suspects.get(&observation.vehicle).is_some_and(confirms)
    }

    /// Remembers what the next fixes will be judged by.
    pub(crate) fn observe(
        &mut self,
        rules: &Rules,
        at: Time,
        observation: &Observation,
        judged: Judged,
    ) {
        let Observation { device, vehicle, fix } = observation;
        if !fix.backfill {
            self.clocks.observe((device, vehicle), at, fix.fix_time);
        }
        if is_placed(fix) && !fix.backfill && judged.fix_time.seconds_since(at) <= rules.future_s {
            self.voices.hear(vehicle, device, at, judged.lane == Lane::Live);
        }
        match judged.lane {
            Lane::Live if !self.suspects.is_empty() => {
                self.suspects.remove(vehicle);
            }
            Lane::Quarantine
                if is_placed(fix) && judged.fix_time.seconds_since(at) <= rules.future_s =>
            {
                let suspect = Sight { time: judged.fix_time, position: position(fix) };
                self.suspects.insert(vehicle.clone(), suspect);
            }
            _ => {}
        }
    }

    /// Forgets clocks and outliers of which nothing was heard since `before`.
    pub(crate) fn forget(&mut self, before: Time) {
        self.clocks.forget(before);
        self.voices.forget(before);
        self.suspects.retain(|_, suspect| suspect.time >= before);
    }

    pub(crate) fn suspect(&self, vehicle: &VehicleId) -> Option<Sight> {
        self.suspects.get(vehicle).copied()
    }

    pub(crate) fn restore_suspect(&mut self, vehicle: VehicleId, suspect: Sight) {
        self.suspects.insert(vehicle, suspect);
    }
}

fn is_reachable(rules: &Rules, from: Sight, to: Sight) -> bool {
    let metres = distance_m(from.position, to.position) - NOISE_M;
    let seconds = to.time.seconds_since(from.time).abs();
    metres <= rules.outlier_kmh / 3.6 * seconds
}

/// Where the fix is.
pub(crate) const fn position(fix: &Fix) -> Position {
    Position { latitude: fix.latitude, longitude: fix.longitude }
}

/// Whether the fix says where it is: receivers without one say so, or that they are at 0/0, in the
/// sea off Ghana.
pub(crate) fn is_placed(fix: &Fix) -> bool {
    fix.valid && !(fix.latitude == 0.0 && fix.longitude == 0.0)
}
