//! Runs the engine's shards and the one writer that makes their work durable.
//!
//! What the rest of the server sees is [`Shards`]: tell it something and be answered once that is
//! durable; ask it something; be told of the latest event.
//!
//! Answers leave by ticks. What comes in is taken at one tick and answered at the next, durable or
//! not, so that nobody learns from the time an answer takes whether a vehicle is flagged; and a
//! tick's records are flushed to the disk together.

mod condition;
mod heard;
mod meeting;
mod pending;
mod placing;
mod recovery;
mod routing;
mod shard;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use interdict_engine::roads::Roads;
use interdict_engine::{
    Class, Engine, EventId, FlagId, Input, MassAlarm, RecordId, Setup, UnitId, VehicleId,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::audit::Act;
use crate::clock::Clock;
use crate::store::{Store, StoreError};
use condition::Gauge;
use heard::Heard;
use meeting::Meeting;
use placing::Placing;
use routing::shard_of;

pub use condition::Condition;

/// How often answers leave. Long enough that a flush of an ordinary disk hides in it, short enough
/// that nobody at a checkpoint notices.
const TICK: Duration = Duration::from_millis(10);

/// Durable records after which a snapshot is taken: some ten seconds of replay at a restart.
const SNAPSHOT_EVERY: u64 = 100_000;

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing can be made durable at present.
    #[error("the store cannot write at present; what was sent was not accepted")]
    NotDurable,
    /// The queue of a shard is full; only [`Shards::try_tell`] says so.
    #[error("the engine has more to do than it can; what was sent was not accepted")]
    Full,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

type Answer = oneshot::Sender<Result<(), Refused>>;

enum Message {
    /// Inputs and what is noted of them, when they were read, and whom to answer once they are
    /// durable.
    Tell { inputs: Vec<Input>, acts: Vec<Act>, read_at: Instant, answer: Answer },
    /// An input that concerns every shard, with the roads that it needs and what is noted of it, which
    /// one of them is told, and whom to answer.
    TellAll {
        input: Input,
        roads: Option<Arc<Roads>>,
        acts: Vec<Act>,
        meeting: Arc<Meeting>,
        answer: Answer,
    },
    /// A patrol vehicle's fix that another shard holds: for this one's nearest units only.
    Overhear(Input),
    /// A question to the engine.
    Ask(Box<dyn FnOnce(&Engine) + Send>),
    /// Take a snapshot with this tick.
    Snapshot,
    /// Finish what came before and end.
    Close,
}

/// What all shards and the writer share.
struct Common {
    clock: Clock,
    /// When ticks are counted from.
    started: Instant,
    next_record: AtomicU64,
    gauge: Gauge,
    heard: Heard,
    /// Classes whose fixes are kept, also of vehicles that are not flagged.
    kept_classes: BTreeSet<Class>,
    /// Fixes that were to be kept and were not, for want of room.
    not_kept: AtomicU64,
}

impl Common {
    /// The first tick after `instant`.
    fn tick_after(&self, instant: Instant) -> Instant {
        let ticks = instant.duration_since(self.started).as_nanos() / TICK.as_nanos() + 1;
        self.started + TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

/// The engine's shards, from outside. Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    queues: Arc<[mpsc::Sender<Message>]>,
    common: Arc<Common>,
    latest: watch::Receiver<u64>,
    placing: Arc<Placing>,
    /// Held while something is put into every queue: all of them have it in the same order.
    telling_all: Arc<tokio::sync::Mutex<()>>,
    /// Vehicles whose fixes every shard overhears.
    patrols: Arc<RwLock<std::collections::HashSet<VehicleId>>>,
    threads: Arc<std::sync::Mutex<Vec<std::thread::JoinHandle<()>>>>,
}

impl Shards {
    /// Brings the engine to where the store left it, and starts `count` shards and the writer.
    ///
    /// # Errors
    /// What the store says.
    pub fn start(
        store: &Store,
        setup: &Setup,
        clock: Clock,
        count: usize,
        queue: usize,
    ) -> Result<Self, StoreError> {
        Self::start_keeping(store, setup, clock, (count, queue), BTreeSet::new())
    }

    /// As [`Self::start`], so many shards with queues so long. Fixes of `kept_classes` are kept also of
    /// vehicles that are not flagged.
    ///
    /// # Errors
    /// What the store says.
    pub fn start_keeping(
        store: &Store,
        setup: &Setup,
        clock: Clock,
        (count, queue): (usize, usize),
        kept_classes: BTreeSet<Class>,
    ) -> Result<Self, StoreError> {
        let recovered = recovery::recover(store, setup, count.max(1), clock.now())?;
        let placing = Placing::new(recovered.engines.first().and_then(Engine::roads));
        let common = Arc::new(Common {
            clock,
            started: Instant::now(),
            next_record: AtomicU64::new(recovered.next_record),
            gauge: Gauge::new(),
            heard: Heard::default(),
            kept_classes,
            not_kept: AtomicU64::new(0),
        });
        let (latest_sender, latest) = watch::channel(store.latest_sequence());
        let (batches, writer) =
            writer::start(store.clone(), Arc::clone(&common), latest_sender, recovered.pending);
        let mut threads = vec![writer];
        let mut queues = Vec::new();
        for (number, engine) in recovered.engines.into_iter().enumerate() {
            let (sender, receiver) = mpsc::channel(queue);
            queues.push(sender);
            let place = shard::Place { number, count: count.max(1) };
            let through = RecordId(recovered.next_record.saturating_sub(1));
            threads.push(shard::start(place, engine, through, receiver, &batches, &common));
        }
        Ok(Self {
            queues: queues.into(),
            common,
            latest,
            placing: Arc::new(placing),
            telling_all: Arc::default(),
            patrols: Arc::default(),
            threads: Arc::new(std::sync::Mutex::new(threads)),
        })
    }

    /// Tells the engine of vehicles, in order. Answers once all of it is applied and what must be durable is.
    ///
    /// # Errors
    /// [`Refused`]: nothing of it may be taken for accepted.
    pub async fn tell(&self, inputs: Vec<Input>) -> Result<(), Refused> {
        self.tell_noted(inputs, Vec::new()).await
    }

    /// As [`Self::tell`], with what the audit log is to say of it: durable together with the inputs,
    /// where they are of one vehicle. There may be no inputs.
    ///
    /// # Errors
    /// [`Refused`]: nothing of it may be taken for accepted.
    pub async fn tell_noted(&self, inputs: Vec<Input>, acts: Vec<Act>) -> Result<(), Refused> {
        let read_at = Instant::now();
        let inputs = self.admit(inputs)?;
        let mut waiting = Vec::new();
        let mut routed = self.route(inputs);
        if routed.is_empty() && !acts.is_empty() {
            routed.extend(self.queues.first().map(|queue| (queue, Vec::new())));
        }
        let mut acts = Some(acts);
        for (queue, inputs) in routed {
            let (answer, answered) = oneshot::channel();
            let acts = acts.take().unwrap_or_default();
            let message = Message::Tell { inputs, acts, read_at, answer };
            queue.send(message).await.map_err(|_| Refused::Closing)?;
            waiting.push(answered);
        }
        settled(waiting).await
    }

    /// As [`Self::tell`], but where a queue is full it says so at once.
    ///
    /// # Errors
    /// [`Refused`]: nothing of it may be taken for accepted.
    pub fn try_tell(
        &self,
        inputs: Vec<Input>,
    ) -> Result<impl Future<Output = Result<(), Refused>> + Send + use<>, Refused> {
        let read_at = Instant::now();
        let inputs = self.admit(inputs)?;
        let mut waiting = Vec::new();
        for (queue, inputs) in self.route(inputs) {
            let (answer, answered) = oneshot::channel();
            let message = Message::Tell { inputs, acts: Vec::new(), read_at, answer };
            queue.try_send(message).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refused::Full,
                mpsc::error::TrySendError::Closed(_) => Refused::Closing,
            })?;
            waiting.push(answered);
        }
        Ok(settled(waiting))
    }

    /// Tells whether the people of a unit have a client open.
    ///
    /// # Errors
    /// [`Refused`]: it may not be taken for accepted.
    pub async fn set_live(&self, unit: UnitId, live: bool) -> Result<(), Refused> {
        self.tell_all(Input::Live { unit, live }, None, Vec::new()).await
    }

    /// Lets go of what still waits for somebody about an ended flag; answers when that is durable.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn forget(&self, flag: FlagId) -> Result<(), Refused> {
        self.tell_all(Input::Forget(flag), None, Vec::new()).await
    }

    /// Tells that too many vehicles of a class raised alarms to flag each.
    ///
    /// # Errors
    /// [`Refused`]: it may not be taken for accepted.
    pub async fn hold_flags(&self, mass: MassAlarm) -> Result<(), Refused> {
        self.tell_all(Input::MassAlarm(mass), None, Vec::new()).await
    }

    /// Tells every shard, as one record, with what the audit log is to say of it. Answers as
    /// [`Self::tell`] does.
    async fn tell_all(
        &self,
        input: Input,
        roads: Option<Arc<Roads>>,
        acts: Vec<Act>,
    ) -> Result<(), Refused> {
        if self.common.gauge.is_failing() {
            return Err(Refused::NotDurable);
        }
        let telling = self.telling_all.lock().await;
        // A place in every queue first: a shard must not wait for one that never hears of it.
        let mut places = Vec::new();
        for queue in self.queues.iter() {
            places.push(queue.reserve().await.map_err(|_| Refused::Closing)?);
        }
        let meeting = Arc::new(Meeting::of(places.len()));
        let mut waiting = Vec::new();
        // The first shard keeps the record: it is noted with that.
        let mut acts = Some(acts);
        for place in places {
            let (answer, answered) = oneshot::channel();
            let (input, roads, meeting) = (input.clone(), roads.clone(), Arc::clone(&meeting));
            let acts = acts.take().unwrap_or_default();
            place.send(Message::TellAll { input, roads, acts, meeting, answer });
            waiting.push(answered);
        }
        drop(telling);
        settled(waiting).await
    }

    /// Asks the shard that holds `vehicle`.
    ///
    /// # Errors
    /// [`Refused::Closing`] when the server is shutting down.
    pub async fn ask<T: Send + 'static>(
        &self,
        vehicle: &VehicleId,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let queue = &self.queues[shard_of(vehicle, self.queues.len())];
        Self::ask_queue(queue, question).await
    }

    /// Asks any shard, about what all of them know.
    ///
    /// # Errors
    /// [`Refused::Closing`] when the server is shutting down.
    pub async fn ask_any<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        Self::ask_queue(self.queues.first().ok_or(Refused::Closing)?, question).await
    }

    /// Asks every shard.
    ///
    /// # Errors
    /// [`Refused::Closing`] when the server is shutting down.
    pub async fn ask_all<T: Send + 'static>(
        &self,
        question: impl Fn(&Engine) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, Refused> {
        let mut answers = Vec::new();
        for queue in self.queues.iter() {
            answers.push(Self::ask_queue(queue, question.clone()).await?);
        }
        Ok(answers)
    }

    async fn ask_queue<T: Send + 'static>(
        queue: &mpsc::Sender<Message>,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (sender, answer) = oneshot::channel();
        let question = move |engine: &Engine| {
            // Nobody waits any more: the answer is of no use.
            let _ = sender.send(question(engine));
        };
        queue.send(Message::Ask(Box::new(question))).await.map_err(|_| Refused::Closing)?;
        answer.await.map_err(|_| Refused::Closing)
    }

    /// The sequence of the latest event; changes when one is durable.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.clone()
    }

    /// Whether all that is told can be made durable at present.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.condition() == Condition::Durable
    }

    /// How far the store can be relied on at present.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.common.gauge.now()
    }

    /// How far the store can be relied on; changes with it.
    #[must_use]
    pub fn conditions(&self) -> watch::Receiver<Condition> {
        self.common.gauge.watch()
    }

    /// Messages that wait for the shards, and for how many there is room.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let of = |queue: &mpsc::Sender<Message>| {
            let room = queue.max_capacity();
            (room - queue.capacity(), room)
        };
        self.queues.iter().map(of).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// How often the database was opened again after a failure.
    #[must_use]
    pub fn reopened(&self) -> u64 {
        self.common.gauge.reopened()
    }

    /// Fixes that were to be kept and were not, for want of room on the disk.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.common.not_kept.load(Ordering::Relaxed)
    }

    /// When the fix was read that an alert was raised by; `None` where that was long ago, or no fix
    /// raised it.
    #[must_use]
    pub fn read_at(&self, alert: &EventId) -> Option<Instant> {
        self.common.heard.read_at(alert)
    }

    /// The engine's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.common.clock
    }

    /// Has a snapshot taken of every shard, to be saved soon.
    pub async fn save_snapshots(&self) {
        for queue in self.queues.iter() {
            // One that has ended has taken its last.
            let _ = queue.send(Message::Snapshot).await;
        }
    }

    /// Finishes all that was told, takes a snapshot and ends the threads. Blocks until then.
    pub fn close(&self) {
        let telling = self.telling_all.blocking_lock();
        for queue in self.queues.iter() {
            // Closed before: nothing to do.
            let _ = queue.blocking_send(Message::Close);
        }
        drop(telling);
        let threads: Vec<_> = self
            .threads
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .drain(..)
            .collect();
        // Shards end first and hang up on the writer, which then ends.
        for thread in threads.into_iter().rev() {
            if thread.join().is_err() {
                tracing::error!("an engine thread panicked; its last batch may not be durable");
            }
        }
    }

    /// Lets inputs in while anything can be made durable. Where nothing can, the engine still hears of
    /// who has logged in and with which vehicle, which need not be: the session says it only once.
    fn admit(&self, inputs: Vec<Input>) -> Result<Vec<Input>, Refused> {
        if !self.common.gauge.is_failing() {
            return Ok(inputs);
        }
        let mut inputs = inputs;
        inputs.retain(|input| matches!(input, Input::Vehicle(_) | Input::Login { .. }));
        for (queue, inputs) in self.route(inputs) {
            // Nobody waits for the answer; a queue that is full has hung up on nobody.
            let (answer, _) = oneshot::channel();
            let message =
                Message::Tell { inputs, acts: Vec::new(), read_at: Instant::now(), answer };
            let _ = queue.try_send(message);
        }
        Err(Refused::NotDurable)
    }
}

/// Waits until every shard has answered.
async fn settled(waiting: Vec<oneshot::Receiver<Result<(), Refused>>>) -> Result<(), Refused> {
    for answered in waiting {
        answered.await.map_err(|_| Refused::Closing)??;
    }
    Ok(())
}
