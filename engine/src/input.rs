//! What the engine is told: [`Input`], and the [`Record`] that makes it durable.

use interdict_protocols::{AlarmSet, DeviceId, Fix, Time};
use serde::{Deserialize, Serialize};

use crate::{
    Checkpoint, CheckpointId, ConflictReport, Decided, Disagreement, Flag, FlagEnd, FlagId,
    Handled, MassAlarm, PatrolPlace, Sighting, UnitId, Vehicle, VehicleId,
};

/// The number of a durable record, counted from 1 in the order in which inputs came. Inputs that
/// are not durable bear 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct RecordId(pub u64);

/// A device's report, for the vehicle that carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Who reports.
    pub device: DeviceId,
    /// What carries it.
    pub vehicle: VehicleId,
    /// The position, in WGS-84.
    pub fix: Fix,
}

/// Something that the engine is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A vehicle was enrolled, or what is known of it changed.
    Vehicle(Vehicle),
    /// A device logged in: edges of alarms begin anew.
    Login {
        /// Which device.
        device: DeviceId,
        /// What carries it.
        vehicle: VehicleId,
    },
    /// A position came.
    Fix(Observation),
    /// Somebody or something other than its tracker saw a vehicle.
    Sighting(Sighting),
    /// Alarms came without a position.
    Report {
        /// Who reports.
        device: DeviceId,
        /// What carries it.
        vehicle: VehicleId,
        /// When the device says it was.
        time: Option<Time>,
        /// The alarms that are on.
        alarms: AlarmSet,
        /// The alarms whose absence means that they are off.
        alarm_states: AlarmSet,
    },
    /// Two peers speak as one device.
    Conflict(ConflictReport),
    /// A flag was added, or replaced by one of the same identity.
    Flag(Flag),
    /// A flag was withdrawn.
    Withdraw {
        /// Which flag.
        flag: FlagId,
        /// Of which vehicle.
        vehicle: VehicleId,
        /// Why.
        reason: FlagEnd,
        /// Why, in more words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Who withdraws it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A flag was approved, rejected or renewed.
    Decide(Decided),
    /// Nothing of an ended flag is kept any longer: alerts of it that still wait for somebody go.
    Forget(FlagId),
    /// A checkpoint was added or changed. Where that puts it elsewhere on the roads, approaches to
    /// it are judged by geometry until it is [`Self::Placed`].
    Checkpoint(Checkpoint),
    /// The driving times to a checkpoint that was added or moved are there: approaches to it are
    /// judged by road from here on.
    Placed(CheckpointId),
    /// A checkpoint was taken away.
    RemoveCheckpoint(CheckpointId),
    /// Somebody does something about an alert.
    Handle(Handled),
    /// Too many vehicles of a class raised alarms to flag each.
    MassAlarm(MassAlarm),
    /// A unit's people have a client open, or none any more.
    Live {
        /// Which unit.
        unit: UnitId,
        /// Whether one is open.
        live: bool,
    },
}

impl Input {
    /// The vehicle concerned, whose shard is to be told; `None` where every shard is.
    #[must_use]
    pub const fn vehicle(&self) -> Option<&VehicleId> {
        match self {
            Self::Vehicle(vehicle) => Some(&vehicle.id),
            Self::Login { vehicle, .. }
            | Self::Report { vehicle, .. }
            | Self::Withdraw { vehicle, .. } => Some(vehicle),
            Self::Fix(observation) => Some(&observation.vehicle),
            Self::Sighting(sighting) => Some(&sighting.vehicle),
            Self::Conflict(conflict) => Some(&conflict.vehicle),
            Self::Flag(flag) => Some(&flag.vehicle),
            Self::Decide(decided) => Some(&decided.vehicle),
            Self::Handle(handled) => Some(&handled.vehicle),
            Self::Forget(_)
            | Self::Checkpoint(_)
            | Self::Placed(_)
            | Self::RemoveCheckpoint(_)
            | Self::MassAlarm(_)
            | Self::Live { .. } => None,
        }
    }
}

/// Which lane a fix goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The newest of its vehicle: moves it.
    Live,
    /// Older than the newest, or declared a backfill: moves nothing, its alarms count.
    Late,
    /// Not a place: the device itself does not trust it, or it is at 0/0. Moves nothing, its alarms
    /// count.
    Unplaced,
    /// A platform's, of a vehicle whose own tracker is heard: moves nothing, its alarms count.
    Outranked,
    /// From the future, or impossibly far away, until others confirm it: moves nothing, its alarms
    /// count.
    Quarantine,
}

/// What was made of a fix's time and place, from what the engine knew when it came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The lane.
    pub lane: Lane,
    /// The fix time after repair of a steady offset of the device's clock; the fix keeps the one
    /// that the device stated.
    pub fix_time: Time,
}

/// What an input uses of vehicles that are not flagged. Their positions are nowhere durable, so a
/// record keeps what its decisions leaned on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// What was made of the fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// The vehicle's last live fix, with its repaired time, where a flag is added or an alarm comes
    /// without a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Fix>,
    /// What is known of the vehicle, where a flag is added or an alarm is told, and where
    /// it has changed since a flagged vehicle's record before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<Vehicle>,
    /// The alarms that began with it: each makes an event.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub began: AlarmSet,
    /// The lasting alarms that ended with it.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub ended: AlarmSet,
    /// How the fix contradicts the newest one, where that came from another side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
    /// The patrol vehicles about the vehicle and the checkpoints that it comes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patrols: Vec<PatrolPlace>,
}

const fn is_empty(set: &AlarmSet) -> bool {
    set.is_empty()
}

/// An input with all that its decisions need: applied again, it gives the same events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub id: RecordId,
    /// The engine's time.
    pub at: Time,
    /// What was told.
    pub input: Input,
    /// What it used.
    #[serde(default)]
    pub used: Used,
}
