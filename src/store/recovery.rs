//! Snapshots, and the records after them: what a restart begins with.

use std::sync::Arc;

use interdict_engine::{Record, RecordId};
use sled::Batch;

use super::handles::Handles;
use super::journal::{PURGE_CHUNK, decode, number, record_key, records};
use super::{Store, StoreError};

/// The last record that the snapshots hold.
const THROUGH: &[u8] = b"through";
/// A snapshot lies in pieces: sled keeps what is larger apart, in files that it does not sync.
const PIECE_BYTES: usize = 32 * 1024;

/// What a restart begins with.
pub struct Loaded {
    /// The latest snapshots, as they were saved; empty before the first.
    pub snapshots: Vec<Vec<u8>>,
    /// The records after them, in order, read as they are asked for.
    pub records: Records,
    /// The number of the next record.
    pub next_record: RecordId,
}

/// Records, read from the disk one by one.
pub struct Records {
    entries: sled::Iter,
    /// The handles outlive the reading.
    _handles: Arc<Handles>,
}

impl Iterator for Records {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.map_err(StoreError::from).and_then(|(_, value)| decode("a record", &value)))
    }
}

/// Records that the snapshots hold: they are taken away in passing, two with each new one, so that
/// no commit waits for a hundred thousand of them to go.
#[derive(Clone, Copy)]
pub(super) struct Needless {
    next: u64,
    through: u64,
}

impl Needless {
    pub(super) fn find(handles: &Handles) -> Result<Self, StoreError> {
        let through = through(handles)?;
        let next = match handles.journal.range(records(0, u64::MAX)).next() {
            Some(entry) => number(&entry?.0)?,
            None => through + 1,
        };
        Ok(Self { next, through })
    }

    /// Puts the removal of up to `count` of them into `batch`; answers what is left.
    pub(super) fn remove(self, count: usize, batch: &mut Batch) -> Self {
        let mut next = self.next;
        for _ in 0..count {
            if next > self.through {
                break;
            }
            batch.remove(&record_key(next));
            next += 1;
        }
        Self { next, ..self }
    }

    const fn is_empty(self) -> bool {
        self.next > self.through
    }
}

impl Store {
    /// Takes some of the records away that no restart needs, for when there is nothing else to
    /// write. Not waited for: what a crash brings back goes the next time.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn tidy(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if !writer.needless.is_empty() {
            let mut batch = Batch::default();
            let left = writer.needless.remove(PURGE_CHUNK, &mut batch);
            self.handles()?.journal.apply_batch(batch)?;
            writer.needless = left;
        }
        Ok(())
    }

    /// The latest snapshots, and every committed record after them.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let handles = self.handles()?;
        let through = through(&handles)?;
        let last = match handles.journal.range(records(0, u64::MAX)).next_back() {
            Some(entry) => number(&entry?.0)?,
            None => 0,
        };
        Ok(Loaded {
            snapshots: snapshots(&handles)?,
            records: Records {
                entries: handles.journal.range(records(through + 1, u64::MAX)),
                _handles: handles.clone(),
            },
            next_record: RecordId(last.max(through) + 1),
        })
    }

    /// Replaces the snapshots by these, which hold what the records up to `through` did. Those
    /// records are taken away in the course of the next commits, and by [`Self::tidy`].
    ///
    /// # Errors
    /// [`StoreError::Io`]: the earlier snapshots and their records may still be what counts.
    pub fn save_snapshot(
        &self,
        through: RecordId,
        snapshots: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let handles = self.handles()?;
        let mut batch = Batch::default();
        for key in handles.snapshots.iter().keys() {
            batch.remove(key?);
        }
        batch.insert(THROUGH, &through.0.to_be_bytes());
        for (shard, snapshot) in (0_u32..).zip(snapshots) {
            // The first piece is there also where a snapshot is empty.
            batch.insert(&piece_key(shard, 0), snapshot.chunks(PIECE_BYTES).next().unwrap_or(&[]));
            for (piece, bytes) in (0_u32..).zip(snapshot.chunks(PIECE_BYTES)).skip(1) {
                batch.insert(&piece_key(shard, piece), bytes);
            }
        }
        handles.write(&handles.snapshots, batch)?;
        self.writer().needless.through = through.0;
        Ok(())
    }
}

fn through(handles: &Handles) -> Result<u64, StoreError> {
    handles.snapshots.get(THROUGH)?.map_or(Ok(0), |value| number(&value))
}

fn snapshots(handles: &Handles) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut snapshots: Vec<Vec<u8>> = Vec::new();
    for entry in handles.snapshots.scan_prefix(b"s") {
        let (key, piece) = entry?;
        // The low half of the key is the piece, the high half the shard.
        if number(&key)? & u64::from(u32::MAX) == 0 {
            snapshots.push(piece.to_vec());
        } else if let Some(last) = snapshots.last_mut() {
            last.extend_from_slice(&piece);
        }
    }
    Ok(snapshots)
}

fn piece_key(shard: u32, piece: u32) -> [u8; 9] {
    let mut key = [b's'; 9];
    let number = u64::from(shard) << 32 | u64::from(piece);
    if let Some(end) = key.last_chunk_mut::<8>() {
        *end = number.to_be_bytes();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    fn ids(loaded: Loaded) -> Vec<u64> {
        loaded.records.map(|record| record.unwrap().id.0).collect()
    }

    #[test]
    fn a_restart_finds_the_snapshots_and_the_records_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let loaded = store.load().unwrap();
        assert_eq!((loaded.snapshots.len(), loaded.next_record), (0, RecordId(1)));
        drop(loaded);

        store.commit(&(1..=5).map(record).collect::<Vec<_>>(), &[]).unwrap();
        let first = vec![b"first".to_vec(), Vec::new(), vec![7; 3 * PIECE_BYTES + 1]];
        store.save_snapshot(RecordId(3), &first).unwrap();
        store.commit(&[record(6)], &[]).unwrap();
        drop(store);

        let store = Store::open(folder.path(), "urn:test").unwrap();
        let loaded = store.load().unwrap();
        assert_eq!((&loaded.snapshots, loaded.next_record), (&first, RecordId(7)));
        assert_eq!(ids(loaded), [4, 5, 6]);

        let second = vec![b"second".to_vec()];
        store.save_snapshot(RecordId(6), &second).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!((&loaded.snapshots, loaded.next_record), (&second, RecordId(7)));
        assert_eq!(ids(loaded), Vec::<u64>::new());
    }

    #[test]
    fn records_that_no_restart_needs_go_in_passing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let left = |store: &Store| {
            let handles = store.handles().unwrap();
            handles.journal.range(records(0, u64::MAX)).count()
        };
        store.commit(&(1..=3_000).map(record).collect::<Vec<_>>(), &[]).unwrap();
        store.save_snapshot(RecordId(2_990), &[b"s".to_vec()]).unwrap();
        store.commit(&(3_001..=3_010).map(record).collect::<Vec<_>>(), &[]).unwrap();
        assert_eq!(left(&store), 3_010 - 20);
        store.tidy().unwrap();
        assert_eq!(left(&store), 3_010 - 1_020);
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        for _ in 0..3 {
            store.tidy().unwrap();
        }
        assert_eq!(left(&store), 20);
        assert_eq!(ids(store.load().unwrap()), (2_991..=3_010).collect::<Vec<_>>());
    }

    #[test]
    fn a_record_comes_back_as_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.commit(&[record(1)], &[]).unwrap();
        let found: Vec<_> = store.load().unwrap().records.collect::<Result<_, _>>().unwrap();
        assert_eq!(found, [record(1)]);
    }
}
