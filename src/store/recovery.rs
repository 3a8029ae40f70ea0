//! Snapshots, and the records after them: what a restart begins with.

use interdict_engine::RecordId;
use sled::Batch;

use super::blocks::numbers;
use super::handles::Handles;
use super::journal::{PURGE_CHUNK, RECORDS, number};
use super::{Records, Store, StoreError};

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

/// Blocks of records that the snapshots hold: they are taken away in passing, two with each new one, so
/// that no commit waits for thousands of them to go.
#[derive(Clone, Copy)]
pub(super) struct Needless {
    /// There is none before it.
    from: u64,
    through: u64,
}

impl Needless {
    pub(super) fn find(handles: &Handles) -> Result<Self, StoreError> {
        Ok(Self { from: 0, through: through(handles)? })
    }

    /// Puts the removal of up to `count` of them into `batch`; answers what is left.
    pub(super) fn remove(
        self,
        count: usize,
        handles: &Handles,
        batch: &mut Batch,
    ) -> Result<Self, StoreError> {
        if self.is_empty() || count == 0 {
            return Ok(self);
        }
        let mut removed = 0;
        let from = [&[RECORDS], &self.from.to_be_bytes()[..]].concat();
        for key in handles.journal.range(from..).keys() {
            let key = key?;
            if key.first() != Some(&RECORDS) {
                break;
            }
            let (first, last) = numbers(&key)?;
            if first > self.through {
                break;
            }
            if removed == count {
                return Ok(Self { from: first, ..self });
            }
            // One that holds others, too, waits for the next snapshot.
            if last <= self.through {
                batch.remove(key);
                removed += 1;
            }
        }
        Ok(Self { from: self.through + 1, ..self })
    }

    const fn is_empty(self) -> bool {
        self.from > self.through
    }
}

impl Store {
    /// Takes some of the records away that no restart needs, for when there is nothing else to
    /// write.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn tidy(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if !writer.needless.is_empty() && !self.is_pinned() {
            let handles = self.handles()?;
            self.check_room()?;
            let mut batch = Batch::default();
            let left = writer.needless.remove(PURGE_CHUNK, &handles, &mut batch)?;
            self.apply(&handles, &handles.journal, batch)?;
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
        Ok(Loaded {
            snapshots: snapshots(&handles)?,
            next_record: self.next_record(&handles)?,
            records: Records::read(handles, through)?,
        })
    }

    /// The number of the next record.
    pub(super) fn next_record(&self, handles: &Handles) -> Result<RecordId, StoreError> {
        let mut last = through(handles)?;
        for key in handles.journal.scan_prefix([RECORDS]).keys() {
            last = last.max(numbers(&key?)?.1);
        }
        let begun = self.restored().last().map_or(1, |restored| restored.next_record);
        Ok(RecordId((last + 1).max(begun)))
    }

    /// Replaces the snapshots by these, which hold what the records up to `through` did. Those
    /// records are taken away in the course of the next commits, and by [`Self::tidy`].
    ///
    /// # Errors
    /// As [`Self::commit`]: the earlier snapshots and their records may still be what counts.
    pub fn save_snapshot(
        &self,
        through: RecordId,
        snapshots: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let handles = self.handles()?;
        self.check_room()?;
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
        self.apply(&handles, &handles.snapshots, batch)?;
        writer.needless = Needless { from: 0, through: through.0 };
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
        let blocks =
            |store: &Store| store.handles().unwrap().journal.scan_prefix([RECORDS]).count();
        let commit = |from: u64, through: u64| {
            store.commit(&(from..=through).map(record).collect::<Vec<_>>(), &[]).unwrap();
        };
        for first in (1..=3_000).step_by(2) {
            commit(first, first + 1);
        }
        assert_eq!(blocks(&store), 1_500);
        // A block is there until all of it is needless.
        store.save_snapshot(RecordId(2_991), &[b"s".to_vec()]).unwrap();
        (3_001..=3_010).for_each(|id| commit(id, id));
        assert_eq!(blocks(&store), 1_500 + 10 - 20);
        store.tidy().unwrap();
        assert_eq!(blocks(&store), 1_500 + 10 - 20 - 1_000);
        assert_eq!(ids(store.load().unwrap()), (2_992..=3_010).collect::<Vec<_>>());
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        for _ in 0..3 {
            store.tidy().unwrap();
        }
        assert_eq!(blocks(&store), 5 + 10);
        store.save_snapshot(RecordId(3_000), &[b"s".to_vec()]).unwrap();
        store.tidy().unwrap();
        assert_eq!((blocks(&store), ids(store.load().unwrap()).len()), (10, 10));
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
