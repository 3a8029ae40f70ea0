//! [`Engine`]: one shard of the fleet.

use interdict_protocols::Time;

use crate::{Event, Input, Record, Setup};

/// One shard of the fleet and all that is known of it.
#[derive(Default)]
pub struct Engine {
    setup: Setup,
}

/// A record still without a number, and whether it must be durable before anyone is told.
pub struct Prepared {
    /// The record; number it with the next [`crate::RecordId`] if it is durable.
    pub record: Record,
    /// Whether it must be durable.
    pub durable: bool,
}
impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// Judges an input and fills in what its decisions will use.
    pub fn prepare(&mut self, at: Time, input: Input) -> Prepared {
        let _ = &self.setup;
        Prepared {
            record: Record { id: Default::default(), at, input, used: Default::default() },
            durable: true,
        }
    }

    /// Fires what is due at or before the record's time, then applies the record.
    pub fn apply(&mut self, record: &Record, events: &mut Vec<Event>) {
        let _ = (record, events);
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        None
    }

    /// Fires what is due at or before `now`.
    pub fn advance(&mut self, now: Time, events: &mut Vec<Event>) {
        let _ = (now, events);
    }
}
