//! Blocks of records: what is committed together lies together, so that a commit is a few entries
//! of the journal and a restart reads a few.
//!
//! A block's key says the first and the last number in it; its value is the records in order, each
//! JSON on a line of its own. In format 1 each record was an entry, with its number alone as the
//! key: a block of one.

use interdict_engine::Record;
use sled::Batch;

use super::StoreError;
use super::journal::{RECORDS, decode, encode, number};

/// sled keeps what is larger than some hundred KB apart, in files that it does not sync.
const BLOCK_BYTES: usize = 32 * 1024;

/// Puts records into `batch`; answers in how many blocks.
pub(super) fn put(records: &[Record], batch: &mut Batch) -> Result<usize, StoreError> {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_key(|record| record.id);
    let (mut block, mut from, mut last, mut count) = (Vec::new(), 0, 0, 0);
    for record in sorted {
        let line = encode(record)?;
        if !block.is_empty() && block.len() + line.len() >= BLOCK_BYTES {
            batch.insert(&key(from, last), std::mem::take(&mut block));
            count += 1;
        }
        if block.is_empty() {
            from = record.id.0;
        } else {
            block.push(b'\n');
        }
        block.extend_from_slice(&line);
        last = record.id.0;
    }
    if !block.is_empty() {
        batch.insert(&key(from, last), block);
        count += 1;
    }
    Ok(count)
}

fn key(first: u64, last: u64) -> [u8; 17] {
    let mut key = [RECORDS; 17];
    key[1..9].copy_from_slice(&first.to_be_bytes());
    key[9..].copy_from_slice(&last.to_be_bytes());
    key
}

/// The first and the last number in a block, by its key.
pub(super) fn numbers(key: &[u8]) -> Result<(u64, u64), StoreError> {
    Ok((number(key.get(..9).unwrap_or(key))?, number(key)?))
}

/// The records of a block.
pub(super) fn records(value: &[u8]) -> Result<Vec<Record>, StoreError> {
    value.split(|byte| *byte == b'\n').map(|line| decode("a record", line)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::testing::record;
    use super::*;

    fn read(store: &Store) -> Vec<u64> {
        store.load().unwrap().records.map(|record| record.unwrap().id.0).collect()
    }

    #[test]
    fn records_are_read_in_order_however_they_were_committed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        // As of several shards, of which each hands over what it has done in its own time.
        for ids in [&[3, 1, 7][..], &[2, 4], &[6, 9, 5], &[8], &[12, 10], &[11]] {
            store.commit(&ids.iter().map(|id| record(*id)).collect::<Vec<_>>(), &[]).unwrap();
        }
        assert_eq!(read(&store), (1..=12).collect::<Vec<_>>());
        // Many more than lie in a block, and than are read at a time.
        store.commit(&(13..=60_000).map(record).collect::<Vec<_>>(), &[]).unwrap();
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!(read(&store), (1..=60_000).collect::<Vec<_>>());
        assert_eq!(store.load().unwrap().next_record.0, 60_001);
    }

    #[test]
    fn records_of_format_1_are_blocks_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let journal = &store.handles().unwrap().journal;
        for id in 1..=3_u64 {
            let key = [&[RECORDS], &id.to_be_bytes()[..]].concat();
            journal.insert(key, encode(&record(id)).unwrap()).unwrap();
        }
        store.commit(&[record(4), record(5)], &[]).unwrap();
        assert_eq!(read(&store), [1, 2, 3, 4, 5]);
        store.save_snapshot(interdict_engine::RecordId(2), &[]).unwrap();
        store.tidy().unwrap();
        assert_eq!((read(&store), journal.scan_prefix([RECORDS]).count()), (vec![3, 4, 5], 2));
    }
}
