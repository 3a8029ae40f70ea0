//! Snapshots, and the records after them: what a restart begins with.

use std::sync::Arc;

use interdict_engine::{Record, RecordId};
use sled::Batch;

use super::handles::Handles;
use super::journal::{decode, number, records};
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

impl Store {
    /// The latest snapshots, and every committed record after them.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let handles = self.handles()?;
        let through = match handles.snapshots.get(THROUGH)? {
            Some(value) => number(&value)?,
            None => 0,
        };
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

    /// Replaces the snapshots by these, which hold what the records up to `through` did, then
    /// takes those records away.
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
        self.remove_records(through.0)
    }
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
    fn a_record_comes_back_as_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.commit(&[record(1)], &[]).unwrap();
        let found: Vec<_> = store.load().unwrap().records.collect::<Result<_, _>>().unwrap();
        assert_eq!(found, [record(1)]);
    }
}
