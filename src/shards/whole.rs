//! [`Part`]: what several shards are told together is durable together, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One shard's part of what several are told. Whoever holds the last one has the whole.
pub(super) struct Part(Arc<AtomicUsize>);

/// What is left of a whole, for whoever has some of its parts.
pub(super) struct Rest(Arc<AtomicUsize>);

impl Part {
    /// The parts of a whole for so many shards.
    pub(super) fn of(shards: usize) -> Vec<Self> {
        let rest = Arc::new(AtomicUsize::new(shards));
        std::iter::repeat_n(rest, shards).map(Self).collect()
    }

    /// Takes the part; answers what is left of its whole.
    pub(super) fn take(self) -> Rest {
        Rest(Arc::clone(&self.0))
    }
}

/// A part that is lost, since its shard ends, is waited for no longer.
impl Drop for Part {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Rest {
    /// Whether a part is still to come.
    pub(super) fn is_missing(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}
