//! Where flagged vehicles are heading: deterministic, without I/O and without a clock.
//!
//! Start at [`Engine`]: it is told [`Input`]s one after another, each at an instant, and answers
//! with [`Event`]s. Replay and the live server run the same code. One engine holds one shard of the
//! fleet; what it says of a vehicle does not depend on which other vehicles it holds.

mod engine;
mod event;
mod input;
mod model;
pub mod roads;

pub use engine::{Engine, Prepared};
pub use event::{
    AlarmReport, AlertReport, CaseView, CheckpointView, Cloud, ConflictReport, Data, Event,
    EventId, FlagReport, Handling, NearestUnit, Stage, Type, VehicleView, Why,
};
pub use input::{Input, Judged, Lane, Observation, Record, RecordId, Used};
pub use model::{
    Checkpoint, CheckpointId, Class, Flag, FlagId, Kind, Level, Position, Region, Rules, Setup,
    Shape, State, Unit, UnitId, Vehicle, VehicleId,
};
