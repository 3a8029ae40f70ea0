//! Where flagged vehicles are heading: deterministic, without I/O and without a clock.
//!
//! Start at [`Engine`]: it is told [`Input`]s one after another, each at an instant, and answers
//! with [`Event`]s. Replay and the live server run the same code. One engine holds one shard of the
//! fleet; what it says of a vehicle does not depend on which other vehicles it holds.

mod alarms;
mod approach;
mod clock;
mod containment;
mod decision;
mod engine;
mod event;
mod flags;
mod fleet;
mod geo;
mod handling;
mod input;
mod judge;
mod model;
mod observe;
mod patrols;
mod regions;
pub mod roads;
#[cfg(feature = "schema")]
mod schema;
mod sighted;
mod silence;
mod snapshot;
mod subject;
mod timers;
mod voices;
mod watched;

pub use alarms::MassAlarm;
pub use containment::{
    Closing, ContainError, Containment, LeftOut, Question, Ring, WayOut, WayOutKind, WhyLeftOut,
    contain,
};
pub use decision::{Decided, Decision, FlagRefusal};
pub use engine::Engine;
pub use event::{
    AlarmReport, AlertReport, CaseView, CheckpointView, Cloud, ConflictReport, Data, Event,
    EventId, FlagReport, Handling, HeardReport, NearestUnit, RecallReport, Seen, SightingReport,
    SilenceReport, Stage, Type, VehicleView, Why,
};
pub use handling::{Act, Handled, Outcome, Progress, Refusal};
pub use input::{Input, Judged, Lane, Observation, Record, RecordId, Used};
pub use model::{
    ALARM_REASON, Action, AlarmRule, CONFIRMED_S, Checkpoint, CheckpointId, Class, DOUBTED_BELOW,
    Deadlines, Flag, FlagEnd, FlagId, FlagState, Kind, LAPSE_S, Level, PROVISIONAL_S, Position,
    Region, Rules, Scope, Setup, Shape, Sighted, Sighting, SightingSource, Standing, State, Trust,
    Unit, UnitId, Vehicle, VehicleId,
};
pub use observe::Prepared;
pub use patrols::PatrolPlace;
pub use snapshot::Snapshot;
pub use voices::{Disagreement, SOURCE_DEVICE};
