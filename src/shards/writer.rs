//! The one writer: makes each tick's records and events durable, then lets the answers go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use interdict_engine::RecordId;
use tokio::sync::watch;

use super::condition::Condition;
use super::pending::Pending;
use super::recovery::ShardSnapshot;
use super::{Answer, Common, Refused};
use crate::store::{Healed, Room, Store, StoreError};

/// Ticks that may wait for the disk before the shards wait too.
const TICKS_WAITING: usize = 16;

/// How often a store that cannot write is tried again at first, and at the least. Each attempt may
/// open the database anew.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(8);

/// Records that may wait for room: some 50 MB of memory, hours of a hundred flagged vehicles. When
/// there are more nothing is accepted any more.
const WAITING_RECORDS: usize = 50_000;

/// One shard's tick.
pub(super) struct Batch {
    pub(super) done: Pending,
    pub(super) answers: Vec<Waiting>,
    pub(super) answer_at: Instant,
    pub(super) snapshot: Option<ShardSnapshot>,
}

/// Somebody who waits for an answer.
pub(super) struct Waiting {
    pub(super) answer: Answer,
    /// Whether a device reports, and no person commands.
    pub(super) is_report: bool,
}

pub(super) fn start(
    store: Store,
    common: Arc<Common>,
    latest: watch::Sender<u64>,
    pending: Pending,
) -> (SyncSender<Batch>, JoinHandle<()>) {
    let (sender, batches) = sync_channel(TICKS_WAITING);
    let mut writer = Writer {
        store,
        common,
        latest,
        pending,
        attempt: Pending::default(),
        snapshots: BTreeMap::new(),
        retry: RETRY,
        retry_at: None,
        leaves_out: false,
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
    pending: Pending,
    /// What is being made durable. Where that failed, the disk may have it or not.
    attempt: Pending,
    /// The latest snapshot of each shard; saved once every shard has one.
    snapshots: BTreeMap<usize, ShardSnapshot>,
    retry: Duration,
    /// Not before then.
    retry_at: Option<Instant>,
    /// Whether fixes that were to be kept are left out, for want of room.
    leaves_out: bool,
}

impl Writer {
    fn run(&mut self, batches: &Receiver<Batch>) {
        loop {
            let first = match batches.recv_timeout(RETRY) {
                Ok(batch) => Some(batch),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let is_idle = first.is_none();
            let mut answers = Vec::new();
            let mut answer_at = Instant::now();
            for batch in first.into_iter().chain(batches.try_iter()) {
                self.pending.extend(batch.done);
                answers.extend(batch.answers);
                answer_at = answer_at.max(batch.answer_at);
                if let Some(snapshot) = batch.snapshot {
                    self.snapshots.insert(snapshot.shard, snapshot);
                }
            }
            self.leave_out();
            self.commit();
            std::thread::sleep(answer_at.saturating_duration_since(Instant::now()));
            self.answer(answers);
            if self.common.gauge.is_durable() {
                self.save_snapshots();
                if is_idle {
                    // What fails here is said when the next tick cannot be written.
                    let _ = self.store.tidy();
                }
            }
        }
        self.retry_at = None;
        self.commit();
        if self.common.gauge.is_durable() {
            self.save_snapshots();
        }
        if !(self.pending.is_empty() && self.attempt.is_empty()) {
            tracing::error!(
                records = self.pending.records.len() + self.attempt.records.len(),
                events = self.pending.events.len() + self.attempt.events.len(),
                "not everything could be written before the end; devices will send unanswered fixes again"
            );
        }
    }

    /// Leaves out what is only kept for later where it would take the room of what matters more: then a
    /// position is answered all the same.
    fn leave_out(&mut self) {
        if self.pending.kept.is_empty() {
            return;
        }
        let leaves_out = !self.store.has_room_to_spare();
        if leaves_out {
            let count = std::mem::take(&mut self.pending.kept).len() as u64;
            self.common.not_kept.fetch_add(count, Ordering::Relaxed);
        }
        match (std::mem::replace(&mut self.leaves_out, leaves_out), leaves_out) {
            (false, true) => {
                tracing::error!("there is little room on the disk: no tracks are kept")
            }
            (true, false) => tracing::warn!("there is room on the disk: tracks are kept again"),
            _ => {}
        }
    }

    /// Makes durable what there is room for, and says how the store is.
    fn commit(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        let gauge = &self.common.gauge;
        match gauge.during(|| Self::try_commit(&self.store, &mut self.pending, &mut self.attempt)) {
            Ok((healed, room)) => {
                if healed != Healed::Well {
                    gauge.count_reopening();
                }
                let too_many = self.pending.records.len() > WAITING_RECORDS;
                gauge.set(match room {
                    Room::Ample => Condition::Durable,
                    _ if too_many => {
                        Condition::Failing { reason: "too much waits for room".to_owned() }
                    }
                    _ => Condition::Scarce,
                });
                (self.retry, self.retry_at) = (RETRY, None);
                self.latest.send_if_modified(|latest| {
                    let before = std::mem::replace(latest, self.store.latest_sequence());
                    before != *latest
                });
            }
            Err(error) => {
                gauge.set(Condition::Failing { reason: error.to_string() });
                self.retry_at = Some(Instant::now() + self.retry);
                self.retry = (self.retry * 2).min(LONGEST_RETRY);
            }
        }
    }

    fn try_commit(
        store: &Store,
        pending: &mut Pending,
        attempt: &mut Pending,
    ) -> Result<(Healed, Room), StoreError> {
        let healed = store.heal()?;
        if healed == Healed::With {
            // Records and events would be passed over if they came again; acts would be noted twice.
            *attempt = Pending::default();
        }
        let commit = |attempt: &mut Pending| -> Result<(), StoreError> {
            if !attempt.is_empty() {
                // Several shards' records come in tick by tick; recovery reads them by number.
                let Pending { records, events, acts, kept } = &*attempt;
                store.commit_all(records, events, acts, kept)?;
                *attempt = Pending::default();
            }
            Ok(())
        };
        commit(attempt)?;
        let room = store.room();
        *attempt = match room {
            Room::Ample => std::mem::take(pending),
            Room::Scarce => pending.take_urgent(),
            // Says that it is full.
            Room::None => return store.check_room().map(|()| (healed, Room::Scarce)),
        };
        commit(attempt)?;
        Ok((healed, room))
    }

    /// What was told is durable, or is not. No position is answered unless all are: an answer to
    /// those alone that had to be made durable would tell whose they are.
    fn answer(&self, answers: Vec<Waiting>) {
        let gauge = &self.common.gauge;
        for Waiting { answer, is_report } in answers {
            let good = gauge.is_durable() || !(is_report || gauge.is_failing());
            // A connection that has gone needs no answer.
            let _ = answer.send(if good { Ok(()) } else { Err(Refused::NotDurable) });
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
