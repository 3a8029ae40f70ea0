//! Everything that sled hands out.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Batch, Db, Transactional, Tree};

use super::{StoreError, Table};

/// Pages kept in memory. Reading is rare, and the newest events are kept apart.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

pub(super) struct Handles {
    /// Records, events, the index of event ids, the flags and the audit log: one tree, so that one
    /// batch is one atomic commit. Keys in `journal`.
    pub(super) journal: Tree,
    /// The latest snapshots, in pieces.
    pub(super) snapshots: Tree,
    /// The tables, in the order of [`Table::ALL`].
    tables: Vec<Tree>,
    /// sled's log once more. sled itself waits until written pages have left for the disk
    /// (`sync_file_range`), which neither makes a grown file's length durable nor empties the
    /// disk's own cache.
    file: File,
    /// Last: the trees are let go before it.
    _db: Db,
}

/// sled lets go of its own lock some moments after its last handle went. The folder's lock says
/// that nobody else holds it, so waiting ends.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

fn open_database(path: &Path) -> Result<Db, sled::Error> {
    let config = sled::Config::default().path(path).cache_capacity(CACHE_BYTES);
    for _ in 0..LOCK_TRIES {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("acquire lock") => {
                std::thread::sleep(LOCK_PAUSE);
            }
            result => return result,
        }
    }
    config.open()
}

/// The first thing written into a new database.
const MARK: &[u8] = b"made";

impl Handles {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // sled panics on some damage that it meets while opening.
        catch_unwind(AssertUnwindSafe(|| Self::try_open(path))).unwrap_or_else(|_| {
            Err(StoreError::Corrupt(format!("{} cannot be read", path.display())))
        })
    }

    fn try_open(path: &Path) -> Result<Self, StoreError> {
        let db = open_database(path)?;
        let tables = Table::ALL
            .iter()
            .map(|table| db.open_tree(table.name()))
            .collect::<Result<_, sled::Error>>()?;
        let log = path.join("db");
        let file =
            File::options().read(true).write(true).open(&log).map_err(|error| {
                StoreError::Folder { path: log.clone(), reason: error.to_string() }
            })?;
        Ok(Self {
            journal: db.open_tree("journal")?,
            snapshots: db.open_tree("snapshots")?,
            tables,
            file,
            _db: db,
        })
    }

    pub(super) fn table(&self, table: Table) -> &Tree {
        #[expect(clippy::indexing_slicing, reason = "one tree was opened for each table")]
        &self.tables[table as usize]
    }

    pub(super) fn mark(&self) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.insert(MARK, b"true");
        self.write(self.table(Table::Installation), batch)
    }

    /// sled takes a log whose beginning is damaged for an empty one.
    pub(super) fn check_mark(&self) -> Result<(), StoreError> {
        if self.table(Table::Installation).contains_key(MARK)? {
            return Ok(());
        }
        Err(StoreError::Corrupt("the database is empty, and was not".to_owned()))
    }

    /// Applies a batch and waits until it is durable.
    pub(super) fn write(&self, tree: &Tree, batch: Batch) -> Result<(), StoreError> {
        tree.apply_batch(batch)?;
        self.settle(tree)
    }

    /// As [`Self::write`], of two trees at once: both batches become durable or neither.
    pub(super) fn write_both(
        &self,
        (one, batch): (&Tree, &Batch),
        (other, other_batch): (&Tree, &Batch),
    ) -> Result<(), StoreError> {
        let applied = (one, other).transaction(|(one, other)| {
            one.apply_batch(batch)?;
            other.apply_batch(other_batch)?;
            Ok::<_, ConflictableTransactionError<std::convert::Infallible>>(())
        });
        match applied {
            Ok(()) => self.settle(one),
            Err(TransactionError::Storage(error)) => Err(error.into()),
            Err(TransactionError::Abort(never)) => match never {},
        }
    }

    /// Waits until what was applied is durable.
    fn settle(&self, tree: &Tree) -> Result<(), StoreError> {
        tree.flush()?;
        self.file.sync_data().map_err(|error| StoreError::Io(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn damage_is_said_and_not_taken_for_an_empty_folder() {
        let damages: [fn(&mut Vec<u8>); 2] = [Vec::clear, |log| log.fill(7)];
        for damage in damages {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), "urn:test").unwrap();
            for number in 0..300_u64 {
                let change = (&number.to_be_bytes()[..], Some("x".repeat(5_000)));
                store.write(Table::Tokens, [change]).unwrap();
            }
            drop(store);
            let log = folder.path().join("sled/db");
            let mut bytes = std::fs::read(&log).unwrap();
            damage(&mut bytes);
            std::fs::write(&log, bytes).unwrap();
            let error = Store::open(folder.path(), "urn:test").err();
            assert!(matches!(error, Some(StoreError::Corrupt(_))), "{error:?}");
        }
    }
}
