//! [`Store::commit`]: records and events, all or none.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use interdict_engine::{Data, Event, Record};
use sled::Batch;

use super::concern::Sealing;
use super::flags::note;
use super::journal::{COMMIT, event_key, id_key};
use super::{Kept, Store, StoreError, StoredEvent, blocks, lives, tracks};
use crate::audit::Act;

/// What a commit made durable.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The events in order of sequence, without those that were there before.
    pub events: Vec<Arc<StoredEvent>>,
    /// The sequence of the latest event of all.
    pub latest: u64,
}

impl Store {
    /// Makes records and events durable, all of them at once or none. Events get their sequences and
    /// their entries in the audit log in the order given; one whose id is known from before is passed
    /// over. What is committed together costs one wait for the disk, so commit in groups.
    ///
    /// # Errors
    /// [`StoreError::Full`] where there is no room: nothing was written. [`StoreError::Io`], and
    /// [`StoreError::Full`] where the disk said so: nothing of it counts as durable, and no later
    /// commit succeeds before [`Self::heal`], which says what became of this one.
    /// [`StoreError::Closed`] before that; [`StoreError::Encode`]: nothing was written.
    pub fn commit(&self, records: &[Record], events: &[Event]) -> Result<Committed, StoreError> {
        self.commit_noted(records, events, &[])
    }

    /// As [`Store::commit`], with what people did: noted in the audit log before the events.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_noted(
        &self,
        records: &[Record],
        events: &[Event],
        acts: &[Act],
    ) -> Result<Committed, StoreError> {
        self.commit_all(records, events, acts, &[])
    }

    /// As [`Store::commit_noted`], with fixes that are kept.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_all(
        &self,
        records: &[Record],
        events: &[Event],
        acts: &[Act],
        kept: &[Kept],
    ) -> Result<Committed, StoreError> {
        // Sequences are given and become visible in one order, so the lock is held to the end.
        let mut writer = self.writer();
        let handles = self.handles()?;
        let mut batch = Batch::default();
        let mut sealing = Sealing::new(&writer.standing, events, &handles.keys);
        let blocks = blocks::put(records, &mut sealing, &mut batch)?;
        let rows = tracks::put(kept, writer.commit + 1, &mut sealing, &mut batch)?;
        for record in records {
            lives::note_forgotten(record, writer.saves, &handles, &mut batch)?;
        }
        let mut stored = Vec::with_capacity(events.len());
        let mut new = Vec::with_capacity(events.len());
        let mut here = HashSet::with_capacity(events.len());
        let mut next = writer.next_sequence;
        let mut noting = self.0.log.note();
        noting.acts(acts, &mut sealing, &mut batch)?;
        for event in events {
            let id_key = id_key(&event.id.0);
            if !here.insert(event.id.0.as_str()) || handles.journal.contains_key(&id_key)? {
                continue;
            }
            let event_stored = StoredEvent::new(event, &self.0.source, next)?;
            let keys = sealing.keys_of_event(event);
            batch.insert(&event_key(next), sealing.seal(&keys, &event_stored.encode()?)?);
            batch.insert(id_key, &next.to_be_bytes());
            note(event, &mut sealing, &mut batch)?;
            noting.event(event, &event_stored, &mut sealing, &mut batch)?;
            stored.push(Arc::new(event_stored));
            new.push(event);
            next += 1;
        }
        if !(records.is_empty() && stored.is_empty() && acts.is_empty() && rows == 0) {
            self.check_room()?;
            let passing = if self.is_pinned() { 0 } else { 2 * blocks };
            let needless = writer.needless.remove(passing, &handles, &mut batch)?;
            let commit = writer.commit + 1;
            batch.insert(COMMIT, &commit.to_be_bytes());
            let noted = noting.finish(&mut batch);
            sealing.finish()?;
            writer.unsure = true;
            self.apply(&handles, &handles.journal, batch)?;
            (writer.commit, writer.unsure) = (commit, false);
            writer.needless = needless;
            if new.iter().any(|event| matches!(event.data, Data::Flag(_))) {
                let standing = Arc::make_mut(&mut writer.standing);
                new.iter().for_each(|event| standing.take(event));
            }
            self.0.log.settle(noted);
        }
        writer.next_sequence = next;
        self.0.tail.push(&stored);
        self.0.latest.store(next - 1, Ordering::Release);
        Ok(Committed { events: stored, latest: next - 1 })
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::Type;

    use super::super::testing::{event, flag, record};
    use super::*;

    #[test]
    fn events_are_numbered_in_order_and_kept_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let events = ["a", "b"].map(|id| event(id, Type::FlagAdded, flag(id, "v1")));
        let committed = store.commit(&[record(1)], &events).unwrap();
        assert_eq!(committed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
        let json: serde_json::Value = serde_json::from_str(&committed.events[1].json).unwrap();
        assert_eq!((&json["id"], &json["sequence"]), (&"b".into(), &"2".into()));
        assert_eq!(json["source"], "urn:test");
        drop(store);

        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!(store.latest_sequence(), 2);
        let again = store.commit(&[], &[event("c", Type::FlagAdded, flag("c", "v1"))]).unwrap();
        assert_eq!(again.events[0].sequence, 3);
        let page = store.events_after(0, 10, |_| true).unwrap();
        assert_eq!(*page.events[0], *committed.events[0]);
        assert_eq!(page.events.len(), 3);
    }

    #[test]
    fn a_repeated_event_is_passed_over_and_leaves_no_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let make = |id: &str| event(id, Type::FlagAdded, flag(id, "v1"));
        store.commit(&[], &[make("a"), make("a"), make("b")]).unwrap();
        let committed = store.commit(&[], &[make("b"), make("c"), make("a")]).unwrap();
        assert_eq!(committed.events.len(), 1);
        assert_eq!((committed.events[0].sequence, committed.latest), (3, 3));
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!(store.commit(&[], &[make("c")]).unwrap().latest, 3);
    }
}
