//! The one writer: makes each tick's records and events durable, then lets the answers go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use interdict_engine::{Event, Record, RecordId};
use tokio::sync::watch;

use super::recovery::ShardSnapshot;
use super::{Answer, Common, Refused};
use crate::audit::Act;
use crate::store::Store;

/// Ticks that may wait for the disk before the shards wait too.
const TICKS_WAITING: usize = 16;

/// How often a store that cannot write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// One shard's tick.
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    pub(super) acts: Vec<Act>,
    pub(super) answers: Vec<Answer>,
    pub(super) answer_at: Instant,
    pub(super) snapshot: Option<ShardSnapshot>,
}

pub(super) fn start(
    store: Store,
    common: Arc<Common>,
    latest: watch::Sender<u64>,
) -> (SyncSender<Batch>, JoinHandle<()>) {
    let (sender, batches) = sync_channel(TICKS_WAITING);
    let mut writer = Writer {
        store,
        common,
        latest,
        records: Vec::new(),
        events: Vec::new(),
        acts: Vec::new(),
        snapshots: BTreeMap::new(),
    };
    let thread = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.run(&batches))
        .expect("the system has room for a thread at start");
    (sender, thread)
}

struct Writer {
    store: Store,
    common: Arc<Common>,
    latest: watch::Sender<u64>,
    /// What is not durable yet.
    records: Vec<Record>,
    events: Vec<Event>,
    acts: Vec<Act>,
    /// The latest snapshot of each shard; saved once every shard has one.
    snapshots: BTreeMap<usize, ShardSnapshot>,
}

impl Writer {
    fn run(&mut self, batches: &Receiver<Batch>) {
        loop {
            let first = match batches.recv_timeout(RETRY) {
                Ok(batch) => Some(batch),
                Err(RecvTimeoutError::Timeout) if self.is_clean() => {
                    // What fails here is said when the next tick cannot be written.
                    let _ = self.store.tidy();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut answers = Vec::new();
            let mut answer_at = Instant::now();
            for batch in first.into_iter().chain(batches.try_iter()) {
                self.records.extend(batch.records);
                self.events.extend(batch.events);
                self.acts.extend(batch.acts);
                answers.extend(batch.answers);
                answer_at = answer_at.max(batch.answer_at);
                if let Some(snapshot) = batch.snapshot {
                    self.snapshots.insert(snapshot.shard, snapshot);
                }
            }
            let outcome = self.commit();
            std::thread::sleep(answer_at.saturating_duration_since(Instant::now()));
            for answer in answers {
                // A connection that has gone needs no answer.
                let _ = answer.send(outcome);
            }
            if outcome.is_ok() {
                self.save_snapshots();
            }
        }
        if self.commit().is_err() {
            tracing::error!(
                records = self.records.len(),
                events = self.events.len(),
                "the store could not write before the end; devices will send unanswered fixes again"
            );
        }
        self.save_snapshots();
    }

    const fn is_clean(&self) -> bool {
        self.records.is_empty() && self.events.is_empty() && self.acts.is_empty()
    }

    fn commit(&mut self) -> Result<(), Refused> {
        if self.is_clean() {
            return Ok(());
        }
        // Several shards' records come in tick by tick; recovery reads them by number.
        match self.store.commit_noted(&self.records, &self.events, &self.acts) {
            Ok(_) => {
                self.records.clear();
                self.events.clear();
                self.acts.clear();
                if !self.common.durable.swap(true, Ordering::Relaxed) {
                    tracing::warn!("the store can write again");
                }
                self.latest.send_replace(self.store.latest_sequence());
                Ok(())
            }
            Err(error) => {
                if self.common.durable.swap(false, Ordering::Relaxed) {
                    tracing::error!(%error, "the store cannot write: no position is answered until it can");
                }
                Err(Refused::NotDurable)
            }
        }
    }

    fn save_snapshots(&mut self) {
        let Some(newest) = self.snapshots.values().next() else { return };
        if self.snapshots.len() < newest.of {
            return;
        }
        let through =
            self.snapshots.values().map(|snapshot| snapshot.through).min().unwrap_or(RecordId(0));
        let bytes: Vec<Vec<u8>> = self
            .snapshots
            .values()
            .filter_map(|snapshot| serde_json::to_vec(snapshot).ok())
            .collect();
        if let Err(error) = self.store.save_snapshot(through, &bytes) {
            tracing::error!(%error, "no snapshot was saved; the next start takes longer");
        }
        self.snapshots.clear();
    }
}
