//! [`MassAlarm`]: so many alarms of a class of vehicles at once that flagging each would help nobody.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::{Class, Data, Event, EventId, Record, Type, VehicleId};

/// More vehicles of a class raised an alarm within a minute than are flagged by themselves: a jammer, a
/// broadcast gone wrong, a drill. Each alarm is still an event of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MassAlarm {
    /// The class.
    pub class: Class,
    /// The vehicle whose alarm was one too many.
    pub vehicle: VehicleId,
    /// How many alarms there had been.
    pub alarms: u32,
    /// When the first of them was.
    pub since: Time,
    /// Until then no vehicle of the class is flagged by its alarm.
    pub until: Time,
}

impl Engine {
    /// Holds provisional flags back. Every shard is told and says it, under one identity.
    pub(crate) fn hold_flags(
        &mut self,
        record: &Record,
        mass: &MassAlarm,
        events: &mut Vec<Event>,
    ) {
        self.held_until.insert(mass.class, mass.until);
        events.push(Event {
            id: EventId(format!("{}.0", record.id.0)),
            time: self.now,
            kind: Type::MassAlarm,
            data: Data::Mass(mass.clone()),
        });
    }

    /// Whether an alarm of that class flags nothing at present.
    pub(crate) fn holds_flags_of(&self, class: Class) -> bool {
        self.held_until.get(&class).is_some_and(|until| *until > self.now)
    }
}
