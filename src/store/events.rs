//! Reading events by cursor, and purging old ones.

use std::sync::Arc;

use interdict_protocols::Time;
use sled::Batch;

use super::journal::{PURGE_CHUNK, PURGED, event_key, events, id_key, number, purged};
use super::{Store, StoreError, StoredEvent};

/// Events looked at in one call, however few of them pass the filter: bounds the time that it
/// takes.
const LOOKED_AT: usize = 4_096;

/// Some events, and where to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Those that pass the filter, in order of sequence.
    pub events: Vec<Arc<StoredEvent>>,
    /// The cursor to go on from: everything up to it was looked at.
    pub cursor: u64,
    /// Whether there was nothing after `cursor`.
    pub complete: bool,
}

impl Page {
    const fn new(cursor: u64) -> Self {
        Self { events: Vec::new(), cursor, complete: false }
    }

    /// Looks at the next event; false where the page ends before it.
    fn take(
        &mut self,
        event: Arc<StoredEvent>,
        latest: u64,
        limit: usize,
        passes: impl Fn(&StoredEvent) -> bool,
    ) -> bool {
        if event.sequence > latest || self.events.len() >= limit {
            return false;
        }
        self.cursor = event.sequence;
        if passes(&event) {
            self.events.push(event);
        }
        true
    }
}

impl Store {
    /// Up to `limit` durable events after `cursor` that `passes`; 0 begins at the oldest kept.
    /// May block on the disk.
    ///
    /// # Errors
    /// [`StoreError::Purged`] where events after `cursor` are no longer kept,
    /// [`StoreError::Ahead`] where it is later than the latest; [`StoreError::Io`],
    /// [`StoreError::Corrupt`].
    pub fn events_after(
        &self,
        cursor: u64,
        limit: usize,
        passes: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Page, StoreError> {
        if let Some(page) = self.newest_events_after(cursor, limit, &passes)? {
            return Ok(page);
        }
        let latest = self.latest_sequence();
        if let Some(lost) = self.restored().iter().find(|restored| restored.lost(cursor)) {
            return Err(StoreError::Purged { oldest: lost.next_sequence });
        }
        let mut page = Page::new(cursor);
        let handles = self.handles()?;
        let range = events(cursor.saturating_add(1), latest);
        let mut looked_at = 0;
        for entry in handles.journal.range(range).take(LOOKED_AT) {
            let (key, value) = entry?;
            let sequence = number(&key)?;
            if looked_at == 0 && cursor != 0 && sequence != self.following(cursor) {
                return Err(StoreError::Purged { oldest: sequence });
            }
            looked_at += 1;
            let event = Arc::new(StoredEvent::decode(sequence, &value)?);
            if !page.take(event, latest, limit, &passes) {
                // Whatever there is after it is looked at the next time.
                looked_at = LOOKED_AT;
                break;
            }
        }
        // Read after the events, so that a purge in between is noticed.
        let last_purged = purged(&handles)?;
        if page.cursor < last_purged {
            if cursor != 0 {
                return Err(StoreError::Purged { oldest: last_purged + 1 });
            }
            page.cursor = last_purged;
        }
        if looked_at < LOOKED_AT {
            // Behind the last event there may be numbers that a restoration has left out.
            page.cursor = latest;
        }
        page.complete = page.cursor == latest;
        Ok(page)
    }

    /// The number that comes after `sequence`.
    fn following(&self, sequence: u64) -> u64 {
        let mut last = sequence;
        for restored in self.restored() {
            if restored.last_sequence == last {
                last = restored.next_sequence - 1;
            }
        }
        last + 1
    }

    /// As [`Self::events_after`], from memory alone, so that it never blocks; `None` where that
    /// does not reach back to `cursor`.
    ///
    /// # Errors
    /// [`StoreError::Ahead`] where `cursor` is later than the latest event.
    pub fn newest_events_after(
        &self,
        cursor: u64,
        limit: usize,
        passes: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Option<Page>, StoreError> {
        let latest = self.latest_sequence();
        if cursor > latest {
            return Err(StoreError::Ahead { latest });
        }
        let mut page = Page::new(cursor);
        let Some(newest) = self.0.tail.after(cursor, LOOKED_AT) else { return Ok(None) };
        for event in newest {
            if !page.take(event, latest, limit, &passes) {
                break;
            }
        }
        page.complete = page.cursor == latest;
        Ok(Some(page))
    }

    /// Takes away the events before `time`, from the oldest on, up to the first that is not.
    /// Answers how many went; none do while a backup is made.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn purge_events_before(&self, time: Time) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            // Nobody numbers a new event while the mark of what was purged is set.
            let _writer = self.writer();
            if self.is_pinned() {
                return Ok(gone);
            }
            let handles = self.handles()?;
            let (mut batch, mut through, mut count) = (Batch::default(), 0, 0);
            for entry in handles.journal.range(events(0, self.latest_sequence())).take(PURGE_CHUNK)
            {
                let (key, value) = entry?;
                let event = StoredEvent::decode(number(&key)?, &value)?;
                if event.time >= time {
                    break;
                }
                batch.remove(&event_key(event.sequence));
                batch.remove(id_key(&event.id.0));
                through = event.sequence;
                count += 1;
            }
            if count == 0 {
                return Ok(gone);
            }
            batch.insert(PURGED, &through.to_be_bytes());
            self.check_room()?;
            self.apply(&handles, &handles.journal, batch)?;
            self.0.tail.purge(through);
            gone += u64::try_from(count).unwrap_or(u64::MAX);
            if count < PURGE_CHUNK {
                return Ok(gone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::Type;

    use super::super::testing::{event, flag};
    use super::*;

    fn filled(folder: &std::path::Path, count: u64) -> Store {
        let store = Store::open(folder, "urn:test").unwrap();
        let events: Vec<_> = (1..=count)
            .map(|number| {
                let mut event = event(&format!("e{number}"), Type::FlagAdded, flag("f", "v"));
                event.time = Time::from_seconds(number.cast_signed());
                event
            })
            .collect();
        store.commit(&[], &events).unwrap();
        store
    }

    fn sequences(page: &Page) -> Vec<u64> {
        page.events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn pages_are_the_same_from_memory_and_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path(), 10);
        let odd = |event: &StoredEvent| event.sequence % 2 == 1;
        let from_memory = store.events_after(2, 3, odd).unwrap();
        assert_eq!(sequences(&from_memory), [3, 5, 7]);
        assert_eq!((from_memory.cursor, from_memory.complete), (7, false));
        let rest = store.events_after(7, 3, odd).unwrap();
        assert_eq!((sequences(&rest), rest.cursor, rest.complete), (vec![9], 10, true));
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!(store.events_after(2, 3, odd).unwrap(), from_memory);
        assert_eq!(store.events_after(7, 3, odd).unwrap(), rest);
        assert_eq!(store.events_after(11, 3, odd), Err(StoreError::Ahead { latest: 10 }));
    }

    #[test]
    fn more_than_memory_holds_is_read_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path(), 10_000);
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            let page = store.events_after(cursor, 1_000, |_| true).unwrap();
            seen.extend(sequences(&page));
            cursor = page.cursor;
            if page.complete {
                break;
            }
        }
        assert_eq!(seen, (1..=10_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_purged_cursor_is_told_the_oldest_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path(), 10);
        assert_eq!(store.purge_events_before(Time::from_seconds(5)).unwrap(), 4);
        let look = |store: &Store| {
            let all = |_: &StoredEvent| true;
            assert_eq!(store.events_after(3, 9, all), Err(StoreError::Purged { oldest: 5 }));
            assert_eq!(sequences(&store.events_after(4, 9, all).unwrap()), [5, 6, 7, 8, 9, 10]);
            assert_eq!(sequences(&store.events_after(0, 2, all).unwrap()), [5, 6]);
        };
        look(&store);
        drop(store);
        look(&Store::open(folder.path(), "urn:test").unwrap());
    }

    #[test]
    fn numbers_go_on_after_everything_was_purged() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path(), 3);
        store.purge_events_before(Time::from_seconds(100)).unwrap();
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let page = store.events_after(0, 9, |_| true).unwrap();
        assert_eq!((page.events.len(), page.cursor, page.complete), (0, 3, true));
        assert_eq!(store.events_after(1, 9, |_| true), Err(StoreError::Purged { oldest: 4 }));
        let next = store.commit(&[], &[event("n", Type::FlagAdded, flag("f", "v"))]).unwrap();
        assert_eq!(next.latest, 4);
    }
}
