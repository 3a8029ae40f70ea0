//! [`Meeting`]: where all shards apply one input as one record.

use std::sync::{Barrier, OnceLock};

use interdict_engine::RecordId;
use interdict_protocols::Time;

/// Something that every shard is told must stand at one place in the order of all records: those
/// numbered before it are applied before it by every shard, and those after it after it. So the
/// shards wait for each other, and the first one numbers it.
pub(super) struct Meeting {
    everybody: Barrier,
    agreed: OnceLock<(RecordId, Time)>,
}

impl Meeting {
    pub(super) fn of(shards: usize) -> Self {
        Self { everybody: Barrier::new(shards), agreed: OnceLock::new() }
    }

    /// The first shard's part: numbers the record once all have come, applies it and hands it to
    /// the writer, by `work`; only then do the others go on, so that what they say of it is never
    /// durable before it.
    pub(super) fn lead(
        &self,
        number: impl FnOnce() -> (RecordId, Time),
        work: impl FnOnce(RecordId, Time),
    ) {
        self.everybody.wait();
        let (id, at) = *self.agreed.get_or_init(number);
        work(id, at);
        self.everybody.wait();
    }

    /// Any other shard's part.
    pub(super) fn follow(&self, work: impl FnOnce(RecordId, Time)) {
        self.everybody.wait();
        self.everybody.wait();
        if let Some((id, at)) = self.agreed.get() {
            work(*id, *at);
        }
    }
}
