//! What the engine knows of the world: vehicles, flags, checkpoints, units, and the rules.

mod alarm_rule;
mod checkpoint;
mod flag;
mod id;
mod rules;
mod sighting;
mod unit;
mod vehicle;

pub use alarm_rule::{ALARM_REASON, AlarmRule, CONFIRMED_S, PROVISIONAL_S};
pub use checkpoint::{Checkpoint, Kind, Position, Shape, State};
pub use flag::{Action, Flag, FlagEnd, FlagState, LAPSE_S, Scope};
pub use id::{CheckpointId, FlagId, UnitId, VehicleId};
pub use rules::{Deadlines, Rules, Setup};
pub use sighting::{DOUBTED_BELOW, Sighted, Sighting, SightingSource, Standing, Trust};
pub use unit::{Level, Region, Unit};
pub use vehicle::{Class, Vehicle};
