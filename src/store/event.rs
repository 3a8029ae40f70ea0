//! [`StoredEvent`], and the newest of them in memory.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use interdict_engine::{CheckpointId, Cloud, Data, Event, EventId, Type, UnitId, VehicleId};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::journal::{decode, encode};
use super::keys::{Keyring, Opened};

/// Events kept in memory for those who keep up: some seconds of the busiest night, a few
/// megabytes.
const TAIL_EVENTS: usize = 4_096;

/// An event as it was made durable: what filters ask for, and its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its place in the order of all events, from 1 without a gap: the cursor.
    #[serde(skip)]
    pub sequence: u64,
    /// Its identity.
    pub id: EventId,
    /// What happened.
    pub kind: Type,
    /// The engine's time.
    pub time: Time,
    /// The vehicle concerned; none where it must not be named any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleId>,
    /// The unit that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// The checkpoint concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointId>,
    /// Further units concerned: those told of an alert, or of a silence that this ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_units: Vec<UnitId>,
    /// Further checkpoints concerned, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_checkpoints: Vec<CheckpointId>,
    /// Whether it is said for a flag that concerns the neighbours, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
    /// The CloudEvent, JSON on one line.
    #[serde(skip)]
    pub json: String,
}

/// What is read of an event's text to know whose it is.
#[derive(Deserialize)]
struct Told {
    data: Of,
}

#[derive(Deserialize)]
struct Of {
    flag: Covert,
}

#[derive(Deserialize)]
struct Covert {
    #[serde(default)]
    covert: Vec<UnitId>,
}

impl StoredEvent {
    pub(super) fn new(event: &Event, source: &str, sequence: u64) -> Result<Self, StoreError> {
        let json = serde_json::to_string(&Cloud { event, source, sequence })
            .map_err(|error| StoreError::Encode(error.to_string()))?;
        let (told_checkpoints, mut told_units) = event.told_before();
        if let Data::Alert(alert) = &event.data {
            told_units
                .extend(alert.progress.told.iter().filter(|told| Some(*told) != event.unit()));
        }
        Ok(Self {
            sequence,
            id: event.id.clone(),
            kind: event.kind,
            time: event.time,
            vehicle: event.vehicle().cloned(),
            unit: event.unit().cloned(),
            checkpoint: event.checkpoint().cloned(),
            told_units: told_units.into_iter().cloned().collect(),
            told_checkpoints: told_checkpoints.into_iter().cloned().collect(),
            linked: event.is_linked(),
            json,
        })
    }

    /// The units that alone may know of the flag that this is said for; everybody where there are
    /// none.
    ///
    /// # Errors
    /// The text is not that of an event of a flag: whose it is is not known.
    pub fn covert(&self) -> Result<Vec<UnitId>, serde_json::Error> {
        // Most events are not: they are not taken apart.
        if !self.json.contains("\"covert\":[") {
            return Ok(Vec::new());
        }
        Ok(serde_json::from_str::<Told>(&self.json)?.data.flag.covert)
    }

    /// Two lines: what filters ask for, and the CloudEvent. JSON on one line holds no line feed.
    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = encode(self)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(self.json.as_bytes());
        Ok(bytes)
    }

    /// The event under that sequence; `None` where its keys were purged.
    pub(super) fn unseal(
        sequence: u64,
        bytes: &[u8],
        keys: &Keyring,
    ) -> Result<Option<Self>, StoreError> {
        match keys.unseal(&format!("event {sequence}"), bytes)? {
            Opened::Plain(plain) => Self::decode(sequence, &plain).map(Some),
            Opened::Gone => Ok(None),
        }
    }

    fn decode(sequence: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Corrupt(format!("event {sequence} cannot be read"));
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let (head, json) = text.split_once('\n').ok_or_else(damaged)?;
        let head: Self = decode("an event", head.as_bytes())?;
        Ok(Self { sequence, json: json.to_owned(), ..head })
    }
}

/// The newest events, without a gap.
pub(super) struct Tail(RwLock<Newest>);

struct Newest {
    /// The sequence of the first one held; of the next one to come where none is.
    first: u64,
    events: VecDeque<Arc<StoredEvent>>,
}

impl Tail {
    pub(super) const fn new(next_sequence: u64) -> Self {
        Self(RwLock::new(Newest { first: next_sequence, events: VecDeque::new() }))
    }

    pub(super) fn push(&self, events: &[Arc<StoredEvent>]) {
        let mut newest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        newest.events.extend(events.iter().cloned());
        while newest.events.len() > TAIL_EVENTS {
            newest.events.pop_front();
            newest.first += 1;
        }
    }

    /// Forgets all; the next one to come is of that sequence.
    pub(super) fn begin_at(&self, next_sequence: u64) {
        let mut newest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *newest = Newest { first: next_sequence, events: VecDeque::new() };
    }

    /// Up to `count` events after `cursor`; `None` where the first of them is not held.
    pub(super) fn after(&self, cursor: u64, count: usize) -> Option<Vec<Arc<StoredEvent>>> {
        let newest = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from((cursor + 1).checked_sub(newest.first)?).ok()?;
        Some(newest.events.iter().skip(skip).take(count).cloned().collect())
    }

    /// Forgets those up to `through`.
    pub(super) fn purge(&self, through: u64) {
        let mut newest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        while newest.first <= through && newest.events.pop_front().is_some() {
            newest.first += 1;
        }
    }
}
