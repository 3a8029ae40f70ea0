//! Brings the engine to where it was: snapshots, then the records after them.

use interdict_engine::{Engine, Event, RecordId, Setup, Snapshot};
use serde::{Deserialize, Serialize};

use super::shard::Place;
use super::shard_of;
use crate::store::{Store, StoreError};

/// Regenerated events committed at a time.
const EVENTS_A_COMMIT: usize = 10_000;

/// One shard's snapshot, and which of its records it includes.
#[derive(Serialize, Deserialize)]
pub(super) struct ShardSnapshot {
    pub(super) shard: usize,
    pub(super) of: usize,
    pub(super) through: RecordId,
    engine: Snapshot,
}

pub(super) fn snapshot(place: Place, through: RecordId, engine: &Engine) -> ShardSnapshot {
    ShardSnapshot { shard: place.number, of: place.count, through, engine: engine.snapshot() }
}

pub(super) struct Recovered {
    pub(super) engines: Vec<Engine>,
    pub(super) next_record: u64,
}

/// The engines of `count` shards, however many there were before.
pub(super) fn recover(store: &Store, setup: &Setup, count: usize) -> Result<Recovered, StoreError> {
    let loaded = store.load()?;
    let mut before = Vec::new();
    for bytes in &loaded.snapshots {
        let snapshot: ShardSnapshot = serde_json::from_slice(bytes).map_err(StoreError::corrupt)?;
        before.push(snapshot);
    }
    let through: Vec<(usize, RecordId)> =
        before.iter().map(|snapshot| (snapshot.shard, snapshot.through)).collect();
    let shards_before = before.first().map_or(1, |snapshot| snapshot.of);
    let snapshots: Vec<Snapshot> = before.into_iter().map(|snapshot| snapshot.engine).collect();
    let mut engines: Vec<Engine> = (0..count)
        .map(|number| {
            Engine::restore(setup.clone(), snapshots.clone(), |vehicle| {
                shard_of(vehicle, count) == number
            })
        })
        .collect();

    let mut events: Vec<Event> = Vec::new();
    for record in loaded.records {
        let record = record?;
        let included = |shard: usize| {
            through.iter().any(|(number, through)| *number == shard && record.id <= *through)
        };
        match record.input.vehicle() {
            Some(vehicle) if included(shard_of(vehicle, shards_before)) => {}
            Some(vehicle) => engines[shard_of(vehicle, count)].apply(&record, &mut events),
            None if included(0) => {}
            None => engines.iter_mut().for_each(|engine| engine.apply(&record, &mut events)),
        }
        if events.len() >= EVENTS_A_COMMIT {
            store.commit(&[], &std::mem::take(&mut events))?;
        }
    }
    // Timers that had fired just before the end may not have been told: their events are committed
    // now. What was committed before bears the same identity and is passed over.
    store.commit(&[], &events)?;
    Ok(Recovered { engines, next_record: loaded.next_record.0 })
}
