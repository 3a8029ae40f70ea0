//! One shard: a thread that owns an engine and works by ticks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Instant;

use interdict_engine::{Class, Engine, Input, Observation, Prepared, Record, RecordId};
use interdict_protocols::Time;
use tokio::sync::mpsc;

use super::condition::Condition;
use super::meeting::Meeting;
use super::pending::{Pending, is_report};
use super::writer::{Batch, Waiting};
use super::{Common, Message, Refused, SNAPSHOT_EVERY};
use crate::store::{Kept, TrackFix};

/// Inputs taken in one tick at the most, so that a flood does not keep answers waiting.
const INPUTS_A_TICK: usize = 65_536;

/// Which of how many shards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) count: usize,
}

pub(super) fn start(
    place: Place,
    engine: Engine,
    through: RecordId,
    queue: mpsc::Receiver<Message>,
    batches: &SyncSender<Batch>,
    common: &Arc<Common>,
) -> JoinHandle<()> {
    let shard = Shard {
        place,
        engine,
        batches: batches.clone(),
        common: Arc::clone(common),
        done: Pending::default(),
        last_record: through,
        since_snapshot: 0,
    };
    std::thread::Builder::new()
        .name(format!("shard-{}", place.number))
        .spawn(move || shard.run(queue))
        .expect("the system has room for a thread at start")
}

struct Shard {
    place: Place,
    engine: Engine,
    batches: SyncSender<Batch>,
    common: Arc<Common>,
    /// What was done in this tick.
    done: Pending,
    /// The latest record that the engine includes.
    last_record: RecordId,
    since_snapshot: u64,
}

impl Shard {
    fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a timer needs nothing of the system");
        runtime.block_on(async {
            loop {
                let first = match self.next_timer() {
                    Some(due) => tokio::time::timeout_at(due.into(), queue.recv()).await,
                    None => Ok(queue.recv().await),
                };
                let first = match first {
                    Ok(Some(message)) => Some(message),
                    Ok(None) => break,
                    Err(_) => None,
                };
                let tick = self.common.tick_after(Instant::now());
                tokio::time::sleep_until(tick.into()).await;
                if !self.tick(first, &mut queue) {
                    break;
                }
            }
        });
    }

    fn next_timer(&self) -> Option<Instant> {
        self.engine.next_due().map(|due| self.common.clock.instant(due))
    }

    /// Takes what has come in since the last tick; false once the shard is to end.
    fn tick(&mut self, first: Option<Message>, queue: &mut mpsc::Receiver<Message>) -> bool {
        let (mut answers, mut taken, mut open) = (Vec::new(), 0, true);
        let mut next = first;
        while let Some(message) = next {
            match message {
                Message::Tell { inputs, acts, read_at, answer } => {
                    self.done.acts.extend(acts);
                    taken += inputs.len();
                    let is_report = inputs.iter().any(is_report);
                    let before = self.done.events.len();
                    for input in inputs {
                        self.take(input);
                    }
                    let events = self.done.events.get(before..).unwrap_or_default();
                    self.common.heard.note(events, read_at);
                    answers.push(Waiting { answer, is_report });
                }
                Message::TellAll { input, roads, acts, meeting, answer } => {
                    self.done.acts.extend(acts);
                    if let Some(roads) = roads {
                        self.engine.prepare_roads(roads);
                    }
                    self.take_with_all(input, &meeting);
                    answers.push(Waiting { answer, is_report: false });
                }
                Message::Overhear(input) => self.engine.overhear(self.common.clock.now(), &input),
                Message::Ask(question) => question(&self.engine),
                Message::Snapshot => self.since_snapshot = SNAPSHOT_EVERY,
                Message::Close => {
                    open = false;
                    break;
                }
            }
            next = if taken < INPUTS_A_TICK { queue.try_recv().ok() } else { None };
        }
        self.engine.advance(self.common.clock.now(), &mut self.done.events);
        let snapshot = !open || self.since_snapshot >= SNAPSHOT_EVERY;
        self.hand_over(answers, snapshot);
        open
    }

    fn take(&mut self, input: Input) {
        let mut prepared = self.engine.prepare(self.common.clock.now(), input);
        self.done.kept.extend(self.to_be_kept(&prepared));
        if prepared.durable {
            self.last_record = RecordId(self.common.next_record.fetch_add(1, Ordering::Relaxed));
            prepared.record.id = self.last_record;
            self.since_snapshot += 1;
        }
        self.engine.apply(&prepared.record, &mut self.done.events);
        if prepared.durable {
            self.done.records.push(prepared.record);
        }
    }

    /// The fix, where a flag follows its vehicle or its class is one that is kept.
    fn to_be_kept(&self, prepared: &Prepared) -> Option<Kept> {
        let classes = &self.common.kept_classes;
        // What follows a flag is durable: of all others nothing more is asked.
        if !prepared.durable && classes.is_empty() {
            return None;
        }
        let Record { input: Input::Fix(observation), at, .. } = &prepared.record else {
            return None;
        };
        let Observation { device, vehicle, fix } = observation;
        let known = || self.engine.vehicle(vehicle).map_or(Class::Other, |known| known.class);
        let class = if classes.is_empty() { None } else { Some(known()) };
        let class = class.filter(|class| classes.contains(class));
        let is_followed = prepared.durable && self.engine.is_followed(vehicle, *at);
        (class.is_some() || is_followed).then(|| Kept {
            vehicle: vehicle.clone(),
            class,
            is_followed,
            fix: TrackFix { at: *at, device: device.clone(), fix: *fix },
        })
    }

    /// Takes what every shard takes. It is one record, which the first shard keeps.
    fn take_with_all(&mut self, input: Input, meeting: &Meeting) {
        if self.place.number > 0 {
            meeting.follow(|id, at| {
                self.apply_numbered(input, id, at);
            });
            return;
        }
        let common = Arc::clone(&self.common);
        let number = || {
            let id = RecordId(common.next_record.fetch_add(1, Ordering::Relaxed));
            (id, common.clock.now())
        };
        meeting.lead(number, |id, at| {
            let record = self.apply_numbered(input, id, at);
            self.done.records.push(record);
            self.hand_over(Vec::new(), false);
        });
    }

    fn apply_numbered(&mut self, input: Input, id: RecordId, at: Time) -> Record {
        let mut record = self.engine.prepare(at, input).record;
        record.id = id;
        self.engine.apply(&record, &mut self.done.events);
        self.last_record = id;
        self.since_snapshot += 1;
        record
    }

    fn hand_over(&mut self, answers: Vec<Waiting>, snapshot: bool) {
        let snapshot = snapshot.then(|| {
            self.since_snapshot = 0;
            super::recovery::snapshot(self.place, self.last_record, &self.engine)
        });
        if answers.is_empty() && self.done.is_empty() && snapshot.is_none() {
            return;
        }
        let batch = Batch {
            done: std::mem::take(&mut self.done),
            answers,
            answer_at: self.common.tick_after(Instant::now()),
            snapshot,
        };
        // The writer ends after the shards; if it has panicked, nothing is durable any more.
        if let Err(failed) = self.batches.send(batch) {
            let reason = "the writer has ended; restart the server".to_owned();
            self.common.gauge.set(Condition::Failing { reason });
            for waiting in failed.0.answers {
                let _ = waiting.answer.send(Err(Refused::NotDurable));
            }
        }
    }
}
