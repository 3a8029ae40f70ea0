//! [`Heard`]: when what the latest alerts follow from was read, for the figure of how soon people know.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use interdict_engine::{Event, EventId, Type};

/// Alerts remembered: those of a bad minute. One that is read later is caught up on.
const REMEMBERED: usize = 1_024;

/// The latest alerts, and when the bytes were read that they follow from.
#[derive(Default)]
pub(super) struct Heard(Mutex<VecDeque<(EventId, Instant)>>);

impl Heard {
    /// Remembers the alerts among `events`.
    pub(super) fn note(&self, events: &[Event], read_at: Instant) {
        for event in events.iter().filter(|event| event.kind == Type::Raised) {
            let mut alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if alerts.len() >= REMEMBERED {
                alerts.pop_front();
            }
            alerts.push_back((event.id.clone(), read_at));
        }
    }

    pub(super) fn read_at(&self, alert: &EventId) -> Option<Instant> {
        let alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alerts.iter().rev().find(|(id, _)| id == alert).map(|(_, read_at)| *read_at)
    }
}
