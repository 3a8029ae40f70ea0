//! The audit log on the disk. Entries lie in the journal, so that they become durable in one batch with
//! what they note; of the tree only the hashes of larger subtrees are kept, since smaller ones
//! are soon made of leaves.

mod pack;
use std::sync::Arc;

use interdict_engine::{Data, Event};
use serde::Serialize;
use serde_json::json;
use sled::Batch;
use tokio::sync::watch;

use super::handles::Handles;
use super::journal::{audit_entries, audit_key, audit_node_key, encode};
use super::{Store, StoreError, StoredEvent, Table};
use crate::audit::{
    Act, By, Entry, Frontier, Hash, Nodes, Octets, Proof, Signer, Subtree, inclusion_path,
};
use pack::Pack;

/// Subtrees of 2 to the power of this many leaves and more are kept: some 1 hash to 128 entries, and
/// 256 entries to read where a smaller one is asked for.
const KEPT_LEVEL: u32 = 8;

/// The log as it is durable.
pub(super) struct Log {
    frontier: arc_swap::ArcSwap<Frontier>,
    size: watch::Sender<u64>,
}

impl Log {
    /// What the disk says of it.
    pub(super) fn find(handles: &Handles) -> Result<Frontier, StoreError> {
        Frontier::load(pack::size(handles)?, handles)
    }

    pub(super) fn load(handles: &Handles) -> Result<Self, StoreError> {
        let frontier = Self::find(handles)?;
        let size = frontier.size();
        Ok(Self {
            frontier: arc_swap::ArcSwap::from_pointee(frontier),
            size: watch::Sender::new(size),
        })
    }

    /// Begins to note; whoever does holds the writer.
    pub(super) fn note(&self) -> Noting {
        let frontier = Frontier::clone(&self.frontier.load());
        Noting { first: frontier.size() + 1, frontier, pack: Pack::default() }
    }

    /// Puts into `batch` the removal of what was noted and is not settled. Nobody was told of it, and
    /// no head signed with it.
    pub(super) fn take_back(&self, handles: &Handles, batch: &mut Batch) -> Result<(), StoreError> {
        let size = self.frontier.load().size();
        for key in handles.journal.range(audit_entries(size + 1, u64::MAX)).keys() {
            batch.remove(key?);
        }
        for level in KEPT_LEVEL..u64::BITS {
            let nodes = audit_node_key(level, size >> level)..=audit_node_key(level, u64::MAX);
            for key in handles.journal.range(nodes).keys() {
                batch.remove(key?);
            }
        }
        Ok(())
    }

    /// What was noted is durable.
    pub(super) fn settle(&self, noted: Frontier) {
        let size = noted.size();
        if size != self.frontier.load().size() {
            self.frontier.store(Arc::new(noted));
            self.size.send_replace(size);
        }
    }
}

/// The log with entries that are not durable yet.
pub(super) struct Noting {
    frontier: Frontier,
    /// The last entries, from the one of number `first` on.
    pack: Pack,
    first: u64,
}

impl Noting {
    pub(super) fn acts(&mut self, acts: &[Act], batch: &mut Batch) -> Result<(), StoreError> {
        acts.iter().try_for_each(|act| self.act(act, batch))
    }

    pub(super) fn act(&mut self, act: &Act, batch: &mut Batch) -> Result<(), StoreError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)
            .map_err(|error| StoreError::Io(format!("no random numbers: {error}")))?;
        let entry = Entry::new(self.frontier.size() + 1, act, Octets(salt))
            .map_err(|error| StoreError::Encode(error.to_string()))?;
        self.pack.push(&entry);
        self.frontier.push(entry.leaf, |subtree, hash| {
            if subtree.level >= KEPT_LEVEL {
                batch.insert(audit_node_key(subtree.level, subtree.index), &hash.0);
            }
        });
        if self.pack.is_full() {
            self.put(batch);
        }
        Ok(())
    }

    fn put(&mut self, batch: &mut Batch) {
        let pack = std::mem::take(&mut self.pack);
        if !pack.is_empty() {
            batch.insert(&audit_key(self.first), pack.into_bytes());
            self.first = self.frontier.size() + 1;
        }
    }

    /// All is noted: `batch` holds it whole. Answers what the log is once that is durable.
    pub(super) fn finish(mut self, batch: &mut Batch) -> Frontier {
        self.put(batch);
        self.frontier
    }

    /// Notes an event of the engine: who it is about, and a commitment to all that it says.
    pub(super) fn event(
        &mut self,
        event: &Event,
        stored: &StoredEvent,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let by = By::named("engine");
        let act = Act::new(event.time, event.kind.name(), &by)
            .with("event", event.id.0.as_str())
            .with("sequence", stored.sequence)
            .with("vehicle", event.vehicle().as_str())
            .with_some("checkpoint", event.checkpoint().map(|id| id.as_str()))
            .with_some("unit", event.unit().map(|id| id.as_str()))
            .of(stored.json.as_bytes());
        let act = match &event.data {
            Data::Alert(report) => act
                .with("alert", report.alert.0.as_str())
                .with("flag", report.flag.id.as_str())
                .with("stage", json!(report.stage))
                .with("told", json!(report.progress.told))
                .with_some("by", report.progress.by.as_deref())
                .with_some("by_unit", report.progress.by_unit.as_ref().map(|unit| unit.as_str())),
            Data::Silence(report) => act.with("flag", report.flag.id.as_str()),
            Data::Heard(report) => act.with("flag", report.flag.id.as_str()),
            Data::Alarm(report) => {
                act.with("device", report.device.as_str()).with("alarm", json!(report.alarm))
            }
            Data::Sighting(report) => act
                .with("flag", report.flag.id.as_str())
                .with("source", report.sighting.source.name())
                .with("standing", json!(report.standing))
                .with_some("by", report.sighting.by.as_deref()),
            Data::Mass(mass) => act.with("class", json!(mass.class)).with("alarms", mass.alarms),
            Data::Conflict(report) => act.with("device", report.device.as_str()),
            Data::Flag(report) => act.with("flag", report.flag.id.as_str()),
        };
        self.act(&act, batch)
    }
}

impl Nodes for Handles {
    type Error = StoreError;

    fn node(&self, subtree: Subtree) -> Result<Hash, StoreError> {
        let lost = || StoreError::Corrupt(format!("the audit log has lost {subtree:?}"));
        if subtree.level >= KEPT_LEVEL {
            let kept = self.journal.get(audit_node_key(subtree.level, subtree.index))?;
            let hash = kept.and_then(|kept| kept.as_ref().try_into().ok());
            return hash.map(Octets).ok_or_else(lost);
        }
        let leaves = subtree.leaves();
        let mut frontier = Frontier::default();
        for entry in pack::entries(self, leaves.start + 1)? {
            let entry = entry?;
            if entry.number > leaves.end {
                break;
            }
            frontier.push(entry.leaf, |_, _| {});
        }
        if frontier.size() == leaves.end - leaves.start { Ok(frontier.root()) } else { Err(lost()) }
    }
}

impl Store {
    /// Notes what people and the server did; durable when it returns. Blocks on the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn note(&self, acts: &[Act]) -> Result<(), StoreError> {
        let _writer = self.writer();
        let handles = self.handles()?;
        let (mut noting, mut entries) = (self.0.log.note(), Batch::default());
        noting.acts(acts, &mut entries)?;
        let noted = noting.finish(&mut entries);
        self.check_room()?;
        self.apply(&handles, &handles.journal, entries)?;
        self.0.log.settle(noted);
        Ok(())
    }

    /// As [`Store::write`], with what is noted of it: both become durable or neither.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_noted<'a, T: Serialize + 'a>(
        &self,
        table: Table,
        changes: impl IntoIterator<Item = (&'a [u8], Option<T>)>,
        acts: &[Act],
    ) -> Result<(), StoreError> {
        let _writer = self.writer();
        let handles = self.handles()?;
        let (mut batch, mut before) = (Batch::default(), Batch::default());
        for (key, value) in changes {
            match handles.table(table).get(key)? {
                Some(value) => before.insert(key, value),
                None => before.remove(key),
            }
            match value {
                Some(value) => batch.insert(key, encode(&value)?),
                None => batch.remove(key),
            }
        }
        let (mut noting, mut entries) = (self.0.log.note(), Batch::default());
        noting.acts(acts, &mut entries)?;
        let noted = noting.finish(&mut entries);
        self.check_room()?;
        self.apply_to(&handles, table, (&batch, before), &entries)?;
        self.0.log.settle(noted);
        Ok(())
    }

    /// The audit log's tree, as far as it is durable.
    #[must_use]
    pub fn audit_frontier(&self) -> Arc<Frontier> {
        self.0.log.frontier.load_full()
    }

    /// How many entries the audit log has; changes when one is durable.
    #[must_use]
    pub fn audit_size(&self) -> watch::Receiver<u64> {
        self.0.log.size.subscribe()
    }

    /// The entry of that number.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn audit_entry(&self, entry: u64) -> Result<Option<Entry>, StoreError> {
        let found = pack::entries(&*self.handles()?, entry)?.next().transpose()?;
        Ok(found.filter(|found| found.number == entry))
    }

    /// Up to `limit` entries after that of number `after`, up to that of number `through`.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn audit_entries(
        &self,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let through = through.min(self.audit_frontier().size());
        if after >= through {
            return Ok(Vec::new());
        }
        let handles = self.handles()?;
        let mut entries = Vec::new();
        for entry in pack::entries(&handles, after + 1)? {
            let entry = entry?;
            if entry.number > through || entries.len() >= limit {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// An entry, and the proof that it is in the log as it is now, under a head by `signer`; `None`
    /// where there is none of that number.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn audit_proof(&self, entry: u64, signer: &Signer) -> Result<Option<Proof>, StoreError> {
        let frontier = self.audit_frontier();
        let path = self.audit_path(entry, frontier.size())?;
        let (Some(entry), Some(path)) = (self.audit_entry(entry)?, path) else { return Ok(None) };
        let head = signer.sign(frontier.size(), frontier.root()).to_string();
        Ok(Some(Proof { entry, path, head }))
    }

    /// The hashes that lead from an entry to the root of the log's first `size` entries; `None` where
    /// it is not among them.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    fn audit_path(&self, entry: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let Some(index) = entry.checked_sub(1) else { return Ok(None) };
        inclusion_path(index, size, &*self.handles()?)
    }
}

#[cfg(test)]
mod tests;
