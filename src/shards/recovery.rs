//! Brings the engine to where it was: snapshots, then the records after them.

use interdict_engine::{CheckpointId, Engine, Event, Input, Record, RecordId, Setup, Snapshot};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::pending::Pending;
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
    /// Events that there was no room for.
    pub(super) pending: Pending,
}

/// The engines of `count` shards, however many there were before.
pub(super) fn recover(
    store: &Store,
    setup: &Setup,
    count: usize,
    now: Time,
) -> Result<Recovered, StoreError> {
    let loaded = store.load()?;
    let mut before = Vec::new();
    for bytes in &loaded.snapshots {
        let snapshot: ShardSnapshot = serde_json::from_slice(bytes).map_err(StoreError::corrupt)?;
        before.push(snapshot);
    }
    let through: Vec<(usize, RecordId)> =
        before.iter().map(|snapshot| (snapshot.shard, snapshot.through)).collect();
    let shards_before = before.first().map_or(1, |snapshot| snapshot.of);
    // The shards were not saved at one moment: as long as there are as many, each goes on from its
    // own.
    let same = shards_before == count;
    let mut engines: Vec<Engine> = (0..count)
        .map(|number| {
            let of_it = before.iter().filter(|snapshot| !same || snapshot.shard == number);
            let snapshots: Vec<Snapshot> = of_it.map(|snapshot| snapshot.engine.clone()).collect();
            Engine::restore(setup.clone(), snapshots, |vehicle| shard_of(vehicle, count) == number)
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
            None => {
                for (number, engine) in engines.iter_mut().enumerate() {
                    if !included(if same { number } else { 0 }) {
                        engine.apply(&record, &mut events);
                    }
                }
            }
        }
        if events.len() >= EVENTS_A_COMMIT {
            store.commit(&[], &std::mem::take(&mut events))?;
        }
    }
    // Timers that had fired just before the end may not have been told: their events are committed
    // now. What was committed before bears the same identity and is passed over.
    let mut pending = Pending { events, ..Pending::default() };
    let mut next_record = loaded.next_record.0;
    place_left(&mut engines, &mut next_record, now, &mut pending);
    if let Some((first, others)) = engines.split_first_mut()
        && let Some(roads) = first.roads()
    {
        others.iter_mut().for_each(|engine| engine.share_roads(roads));
    }
    match store.commit(&pending.records, &pending.events) {
        // The server comes up on a full disk, too, to say that it is.
        Err(StoreError::Full(_)) => {}
        done => {
            done?;
            pending = Pending::default();
        }
    }
    Ok(Recovered { engines, next_record, pending })
}

/// Puts the checkpoints on the roads whose driving times were not there at the end, or for which
/// there were no roads then.
fn place_left(engines: &mut [Engine], next_record: &mut u64, now: Time, pending: &mut Pending) {
    let Some(first) = engines.first() else { return };
    let Some(roads) = first.roads() else { return };
    let left: Vec<CheckpointId> = first
        .checkpoints()
        .filter(|checkpoint| !roads.has_placed(checkpoint))
        .map(|checkpoint| checkpoint.id.clone())
        .collect();
    for checkpoint in left {
        let id = RecordId(*next_record);
        let input = Input::Placed(checkpoint);
        let record = Record { id, at: now, input, used: Default::default() };
        *next_record += 1;
        engines.iter_mut().for_each(|engine| engine.apply(&record, &mut pending.events));
        pending.records.push(record);
    }
}
