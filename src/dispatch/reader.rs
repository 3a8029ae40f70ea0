//! [`Reader`]: somebody's place in the order of events.

use crate::store::{Page, Store, StoreError};

use super::Filter;

/// Events read at a time: what one reader holds in memory at the most.
pub const PAGE_EVENTS: usize = 256;

/// Somebody's place in the order of events. Reads the store when asked; holds nothing meanwhile.
pub struct Reader {
    store: Store,
    filter: Filter,
    cursor: u64,
}

impl Reader {
    /// Reads on after `cursor`; 0 begins at the oldest event kept.
    #[must_use]
    pub const fn new(store: Store, filter: Filter, cursor: u64) -> Self {
        Self { store, filter, cursor }
    }

    /// All events up to here were looked at.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The next events that are wanted, possibly none; [`Page::complete`] where all that are
    /// durable were looked at.
    ///
    /// # Errors
    /// [`StoreError::Purged`] where the reader has fallen behind what is kept; the place stays.
    pub async fn next(&mut self) -> Result<Page, StoreError> {
        let (filter, cursor) = (&self.filter, self.cursor);
        let newest =
            self.store.newest_events_after(cursor, PAGE_EVENTS, |event| filter.passes(event))?;
        let page = match newest {
            Some(page) => page,
            None => {
                let (store, filter) = (self.store.clone(), self.filter.clone());
                let read =
                    move || store.events_after(cursor, PAGE_EVENTS, |event| filter.passes(event));
                match tokio::task::spawn_blocking(read).await {
                    Ok(page) => page?,
                    Err(_) => return Err(StoreError::Closed),
                }
            }
        };
        self.cursor = page.cursor;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Setup, Type};

    use super::super::Wanted;
    use super::*;
    use crate::store::testing::alert;

    #[tokio::test]
    async fn a_reader_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let kinds = [Type::Raised, Type::Watch];
        let events: Vec<_> = (0..1_000)
            .map(|number| alert(&number.to_string(), "a", kinds[number % 2], 1))
            .collect();
        store.commit(&[], &events[..900]).unwrap();
        drop(store);
        // From the disk at first, then from memory.
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let filter = Filter::new(&Wanted::default(), &Setup::default()).unwrap();
        let mut reader = Reader::new(store.clone(), filter, 100);
        let mut seen = Vec::new();
        for round in 0..2 {
            loop {
                let page = reader.next().await.unwrap();
                seen.extend(page.events.iter().map(|event| event.sequence));
                if page.complete {
                    break;
                }
            }
            if round == 0 {
                assert_eq!(reader.cursor(), 900);
                store.commit(&[], &events[900..]).unwrap();
            }
        }
        assert_eq!(seen, (101..=1_000).step_by(2).collect::<Vec<_>>());
        assert_eq!(reader.cursor(), 1_000);
    }
}
