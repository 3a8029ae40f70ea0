//! [`Condition`]: how far the store can be relied on at present.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A commit that has taken so long is no longer on its way: disks answer in milliseconds.
const STALLED: Duration = Duration::from_secs(5);

/// How far the store can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All that must be durable is made so, and answered.
    Durable,
    /// There is little room: what people are told and what they command is made durable; no position
    /// is answered, so that trackers keep theirs and send them again.
    Scarce,
    /// Nothing can be made durable, and nothing is accepted.
    Failing {
        /// Why, for an operator.
        reason: String,
    },
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Durable => f.write_str("the store can write"),
            Self::Scarce => f.write_str(
                "the disk is nearly full: alerts, alarms and flags are stored still, no position is \
                 answered; free some space",
            ),
            Self::Failing { reason } => {
                write!(f, "the store cannot write: {reason}; nothing is accepted until it can")
            }
        }
    }
}

/// The condition, told by the writer and read on every frame.
pub(super) struct Gauge {
    started: Instant,
    /// 0 durable, 1 scarce, 2 failing.
    level: AtomicU8,
    /// When the commit that is under way began, in milliseconds since `started`, and 1; 0 where none
    /// is.
    commit_ms: AtomicU64,
    condition: watch::Sender<Condition>,
    reopened: AtomicU64,
}

impl Gauge {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            level: AtomicU8::new(0),
            commit_ms: AtomicU64::new(0),
            condition: watch::Sender::new(Condition::Durable),
            reopened: AtomicU64::new(0),
        }
    }

    /// Whether positions are answered.
    pub(super) fn is_durable(&self) -> bool {
        self.level.load(Ordering::Relaxed) == 0
    }

    /// Whether nothing is accepted.
    pub(super) fn is_failing(&self) -> bool {
        self.level.load(Ordering::Relaxed) == 2
    }

    /// Says each change once.
    pub(super) fn set(&self, condition: Condition) {
        let level = match &condition {
            Condition::Durable => 0,
            Condition::Scarce => 1,
            Condition::Failing { .. } => 2,
        };
        let changed = self.condition.send_if_modified(|known| {
            // The first reason is the telling one: later ones say that it is closed still.
            let same = std::mem::discriminant(known) == std::mem::discriminant(&condition);
            if !same {
                known.clone_from(&condition);
                // Whoever hears of the change finds it in force.
                self.level.store(level, Ordering::Relaxed);
            }
            !same
        });
        if !changed {
            return;
        }
        match condition {
            Condition::Durable => tracing::warn!("{condition} again"),
            _ => tracing::error!("{condition}"),
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// The condition, also where the writer itself waits for the disk.
    pub(super) fn now(&self) -> Condition {
        let began_ms = self.commit_ms.load(Ordering::Relaxed);
        let waited = Duration::from_millis(self.elapsed_ms().saturating_sub(began_ms));
        if began_ms > 0 && waited >= STALLED {
            let reason = format!("the disk has not answered for {} s", waited.as_secs());
            return Condition::Failing { reason };
        }
        self.condition.borrow().clone()
    }

    /// Notes that a commit is under way until `work` is done.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.commit_ms.store(self.elapsed_ms(), Ordering::Relaxed);
        let done = work();
        self.commit_ms.store(0, Ordering::Relaxed);
        done
    }

    pub(super) fn count_reopening(&self) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the database was opened again after a failure.
    pub(super) fn reopened(&self) -> u64 {
        self.reopened.load(Ordering::Relaxed)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }
}
