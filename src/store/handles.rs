//! Everything that sled hands out.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Batch, Db, Transactional, Tree};

use super::nudge::Nudge;
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
    nudge: Nudge,
    #[cfg(test)]
    pub(super) injected: std::sync::Mutex<Option<super::testing::Failure>>,
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

/// Takes away what sled was writing when it was stopped while it opened: it would take the half of a
/// page table for the newest, and refuse to open. The whole one before it is still there.
fn remove_unfinished(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

pub(super) const JOURNAL: &str = "journal";
pub(super) const SNAPSHOTS: &str = "snapshots";

/// The first thing written into a new database.
const MARK: &[u8] = b"made";

impl Handles {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        remove_unfinished(path).map_err(|error| StoreError::folder(path, &error))?;
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
            .collect::<Result<Vec<_>, sled::Error>>()?;
        let log = path.join("db");
        let file = File::options().read(true).write(true).open(&log);
        let file = file.map_err(|error| StoreError::folder(&log, &error))?;
        Ok(Self {
            nudge: Nudge::start(&tables[Table::Installation as usize]),
            journal: db.open_tree(JOURNAL)?,
            snapshots: db.open_tree(SNAPSHOTS)?,
            tables,
            file,
            #[cfg(test)]
            injected: std::sync::Mutex::default(),
            _db: db,
        })
    }

    pub(super) fn table(&self, table: Table) -> &Tree {
        #[expect(clippy::indexing_slicing, reason = "one tree was opened for each table")]
        &self.tables[table as usize]
    }

    /// The tree of that name.
    pub(super) fn tree(&self, name: &str) -> Option<&Tree> {
        match name {
            JOURNAL => Some(&self.journal),
            SNAPSHOTS => Some(&self.snapshots),
            name => {
                let table = Table::ALL.into_iter().find(|table| table.name() == name)?;
                Some(self.table(table))
            }
        }
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

    /// Applies a batch and waits until it is durable. After an error these handles are dead: what
    /// they read may hold a part of the batch, and the disk all of it or nothing.
    pub(super) fn write(&self, tree: &Tree, batch: Batch) -> Result<(), StoreError> {
        self.make_durable(tree, || tree.apply_batch(batch))
    }

    /// As [`Self::write`], of two trees at once: both batches become durable or neither.
    pub(super) fn write_both(
        &self,
        (one, batch): (&Tree, &Batch),
        (other, other_batch): (&Tree, &Batch),
    ) -> Result<(), StoreError> {
        self.make_durable(one, || {
            let applied = (one, other).transaction(|(one, other)| {
                one.apply_batch(batch)?;
                other.apply_batch(other_batch)?;
                Ok::<_, ConflictableTransactionError<std::convert::Infallible>>(())
            });
            match applied {
                Ok(()) => Ok(()),
                Err(TransactionError::Storage(error)) => Err(error),
                Err(TransactionError::Abort(never)) => match never {},
            }
        })
    }

    /// Has something applied, and waits until it and all before it are durable.
    fn make_durable(
        &self,
        tree: &Tree,
        apply: impl FnOnce() -> Result<(), sled::Error>,
    ) -> Result<(), StoreError> {
        // sled panics where a failure before left it as it did not expect to be.
        let written = catch_unwind(AssertUnwindSafe(|| {
            let _waiting = self.nudge.wait();
            #[cfg(test)]
            let injected = self.injected.lock().unwrap().take();
            #[cfg(test)]
            super::testing::fail(injected, super::testing::Failure::Before)?;
            apply()?;
            tree.flush()?;
            #[cfg(test)]
            super::testing::fail(injected, super::testing::Failure::After)?;
            Ok(self.file.sync_data()?)
        }));
        written.unwrap_or_else(|_| Err(StoreError::Io("sled has panicked".to_owned())))
    }

    /// Makes the system forget what it holds of the log in memory. After a failed write it may hold
    /// pages that it takes for written and that the disk has never seen.
    pub(super) fn distrust(path: &Path) {
        #[cfg(target_os = "linux")]
        if let Ok(file) = File::open(path.join("db")) {
            // Where it does not do so, what is read is what it would have been.
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        }
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
            let mut bytes = fs::read(&log).unwrap();
            damage(&mut bytes);
            fs::write(&log, bytes).unwrap();
            let error = Store::open(folder.path(), "urn:test").err();
            assert!(matches!(error, Some(StoreError::Corrupt(_))), "{error:?}");
        }
    }

    #[test]
    fn an_opening_that_was_broken_off_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.write(Table::Tokens, [(&b"a"[..], Some("kept"))]).unwrap();
        drop(store);
        // As sled leaves it when it is stopped while it writes its page table, which it does only
        // while it opens.
        let half = folder.path().join("sled/snap.00000000FFFFFFFF.generating");
        fs::write(&half, [7; 100]).unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let found: Vec<(Vec<u8>, String)> = store.read(Table::Tokens).unwrap();
        assert_eq!(found, [(b"a".to_vec(), "kept".into())]);
    }
}
