//! [`Snapshot`]: the durable part of an engine's state.

use std::collections::{BTreeMap, BTreeSet};

use interdict_protocols::{DeviceId, Time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::alarms::Memory;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::geo::Site;
use crate::handling::Desk;
use crate::judge::Sight;
use crate::voices::Voice;
use crate::watched::Watched;
use crate::{Checkpoint, CheckpointId, Class, Judged, Lane, RecordId, Setup, UnitId, VehicleId};

/// The form of snapshots that this engine writes and reads.
const FORMAT: u32 = 1;

/// What must survive a restart: flags, the ways and approaches of flagged vehicles, alarms that
/// last, checkpoints changed at run time. Nothing of a vehicle without a flag or an alarm.
///
/// Serialize it in a form that keeps numbers to the last bit (`serde_json` with `float_roundtrip`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(deserialize_with = "known_format")]
    format: u32,
    pub(crate) now: Time,
    pub(crate) watched: Vec<Watched>,
    pub(crate) alarms: Vec<(DeviceId, Memory)>,
    /// Of flagged vehicles: else an offset would have to be learned anew, which takes minutes.
    pub(crate) clocks: Vec<(DeviceId, Clock)>,
    pub(crate) suspects: Vec<(VehicleId, Sight)>,
    /// Of flagged vehicles, too.
    #[serde(default)]
    pub(crate) voices: Vec<(VehicleId, Voice)>,
    pub(crate) changes: Vec<(CheckpointId, Change)>,
    #[serde(default)]
    pub(crate) desks: Vec<(VehicleId, Desk)>,
    #[serde(default)]
    pub(crate) live: BTreeSet<UnitId>,
    #[serde(default)]
    pub(crate) held_until: BTreeMap<Class, Time>,
}

/// A checkpoint changed at run time; `None` where it was taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) by: RecordId,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Its driving times were not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) off_road: bool,
}

impl Snapshot {
    pub(crate) const fn at(now: Time) -> Self {
        Self {
            format: FORMAT,
            now,
            watched: Vec::new(),
            alarms: Vec::new(),
            clocks: Vec::new(),
            suspects: Vec::new(),
            voices: Vec::new(),
            changes: Vec::new(),
            desks: Vec::new(),
            live: BTreeSet::new(),
            held_until: BTreeMap::new(),
        }
    }
}

fn known_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let format = u32::deserialize(deserializer)?;
    if format == FORMAT {
        return Ok(format);
    }
    Err(D::Error::custom(format!(
        "the snapshot is of form {format}, and this version reads form {FORMAT}"
    )))
}

/// What survives a restart.
impl Engine {
    /// The durable part of the state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::at(self.now);
        for watched in self.in_order() {
            let suspect = self.judge.suspect(watched.id());
            snapshot.suspects.extend(suspect.map(|suspect| (watched.id().clone(), suspect)));
            let voice = self.judge.voices.voice(watched.id());
            snapshot.voices.extend(voice.map(|voice| (watched.id().clone(), voice)));
            snapshot.watched.push(watched.clone());
        }
        let flagged = |vehicle: &VehicleId| self.watched.contains_key(vehicle);
        let clocks = self.judge.clocks.iter().filter(|(_, clock)| flagged(&clock.vehicle));
        snapshot.clocks = clocks.map(|(device, clock)| (device.clone(), clock.clone())).collect();
        let alarms = self.alarms.iter();
        snapshot.alarms = alarms.map(|(device, memory)| (device.clone(), memory.clone())).collect();
        let changes = self.changes.iter();
        let on_road = |checkpoint: &Checkpoint| {
            self.roads.as_ref().is_some_and(|roads| roads.has_placed(checkpoint))
        };
        snapshot.changes = changes
            .map(|(id, change)| {
                let off_road = change.checkpoint.as_ref().is_some_and(|new| !on_road(new));
                (id.clone(), Change { off_road, ..change.clone() })
            })
            .collect();
        let desks = self.desks.iter();
        snapshot.desks = desks.map(|(vehicle, desk)| (vehicle.clone(), desk.clone())).collect();
        snapshot.desks.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        snapshot.live.clone_from(&self.live);
        snapshot.held_until.clone_from(&self.held_until);
        snapshot
    }

    /// An engine as it was when the snapshots were taken, one a shard, however many shards there
    /// were: it keeps the vehicles that it `holds`. Apply the records after the snapshots to
    /// it, then tell it of every enrolled vehicle and, as devices log in again, of every login.
    #[must_use]
    pub fn restore(
        setup: Setup,
        snapshots: Vec<Snapshot>,
        holds: impl Fn(&VehicleId) -> bool,
    ) -> Self {
        let mut engine = Self::new(setup);
        // The shards were not saved at one moment: what was due between the first and the last must
        // still fire at its own time.
        engine.now = snapshots.iter().map(|snapshot| snapshot.now).min().unwrap_or_default();
        for snapshot in snapshots {
            for (id, change) in snapshot.changes {
                if engine.changes.get(&id).is_none_or(|known| known.by <= change.by) {
                    engine.changes.insert(id, change);
                }
            }
            for watched in snapshot.watched {
                if holds(watched.id()) {
                    engine.watched.insert(watched.id().clone(), watched);
                }
            }
            for (device, memory) in snapshot.alarms {
                if holds(&memory.vehicle) {
                    engine.alarms.restore(device, memory);
                }
            }
            for (device, clock) in snapshot.clocks {
                if holds(&clock.vehicle) {
                    engine.judge.clocks.restore(device, clock);
                }
            }
            engine.live.extend(snapshot.live);
            for (class, until) in snapshot.held_until {
                let known = engine.held_until.entry(class).or_insert(until);
                *known = until.max(*known);
            }
            for (vehicle, desk) in snapshot.desks {
                if holds(&vehicle) {
                    engine.desks.insert(vehicle, desk);
                }
            }
            for (vehicle, voice) in snapshot.voices {
                if holds(&vehicle) {
                    engine.judge.voices.restore(vehicle, voice);
                }
            }
            for (vehicle, suspect) in snapshot.suspects {
                if holds(&vehicle) {
                    engine.judge.restore_suspect(vehicle, suspect);
                }
            }
        }
        engine.revive();
        engine
    }

    /// Makes what follows from what was restored.
    fn revive(&mut self) {
        for (id, change) in &self.changes {
            match &change.checkpoint {
                Some(checkpoint) => {
                    match &mut self.roads {
                        Some(roads) if change.off_road => roads.remove(id),
                        Some(roads) => {
                            roads.place(checkpoint);
                        }
                        None => {}
                    }
                    self.sites.insert(id.clone(), Site::new(checkpoint.clone()));
                }
                None => {
                    if let Some(roads) = &mut self.roads {
                        roads.remove(id);
                    }
                    self.sites.remove(id);
                }
            }
        }
        for (vehicle, watched) in &mut self.watched {
            watched.forget_unknown(&self.sites);
            if let Some(newest) = watched.subject.newest.filter(|newest| newest.sighted.is_none()) {
                let judged = Judged { lane: Lane::Live, fix_time: newest.time };
                self.fleet.observe(vehicle, newest.time, &newest.fix, judged);
            }
        }
        let vehicles = self.watched.keys().chain(self.desks.keys());
        for vehicle in vehicles.cloned().collect::<BTreeSet<VehicleId>>() {
            self.set_timer(&vehicle);
        }
        if !self.watched.is_empty() {
            self.remember_to_forget();
        }
    }
}
