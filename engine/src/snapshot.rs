//! [`Snapshot`]: the durable part of an engine's state.

use interdict_protocols::{DeviceId, Time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::alarms::Memory;
use crate::clock::Clock;
use crate::judge::Sight;
use crate::watched::Watched;
use crate::{Checkpoint, CheckpointId, RecordId, VehicleId};

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
    pub(crate) changes: Vec<(CheckpointId, Change)>,
}

/// A checkpoint changed at run time; `None` where it was taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) by: RecordId,
    pub(crate) checkpoint: Option<Checkpoint>,
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
            changes: Vec::new(),
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
