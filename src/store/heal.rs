//! Going on after the disk failed: every handle is let go, the database is opened again as the last
//! flush left it, and what follows from it is made anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sled::{Batch, Tree};

use super::audit::Log;
use super::handles::Handles;
use super::{Room, Store, StoreError, Table, Writer};
use crate::audit::Frontier;

/// How long readers of the old handles are waited for in one attempt. They read a page of events or
/// a table.
const READERS: Duration = Duration::from_secs(2);
const READERS_PAUSE: Duration = Duration::from_millis(5);

/// How long sled is waited for in one attempt to let go of its files.
const BURIAL: Duration = Duration::from_secs(5);

/// Handles that must not be used any more.
#[derive(Default)]
pub(super) struct Dead {
    handles: Option<Arc<Handles>>,
    /// Ends when sled has let go of its files.
    burial: Option<Receiver<()>>,
    /// What a failed change of a table has to be set back to: its caller was told that nothing has
    /// changed.
    before: Option<(Table, Batch)>,
}

/// What came of opening the database again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healed {
    /// There was nothing to do.
    Well,
    /// It is open again, and holds nothing of the commit that failed.
    Without,
    /// It is open again, and holds the commit that failed after all.
    With,
}

impl Store {
    /// Applies a batch and waits until it is durable. Where that fails the handles are given up, and
    /// everything fails until [`Self::heal`] has opened others.
    pub(super) fn apply(
        &self,
        handles: &Arc<Handles>,
        tree: &Tree,
        batch: Batch,
    ) -> Result<(), StoreError> {
        handles.write(tree, batch).inspect_err(|_| self.give_up(handles, None))
    }

    /// As [`Self::apply`] to a table, and of what is noted of it to the journal, both or neither. The
    /// table is set back to `before` where that fails.
    pub(super) fn apply_to(
        &self,
        handles: &Arc<Handles>,
        table: Table,
        (batch, before): (&Batch, Batch),
        noted: &Batch,
    ) -> Result<(), StoreError> {
        handles
            .write_both((handles.table(table), batch), (&handles.journal, noted))
            .inspect_err(|_| self.give_up(handles, Some((table, before))))
    }

    fn give_up(&self, handles: &Arc<Handles>, before: Option<(Table, Batch)>) {
        let mut dead = self.dead();
        // Whoever writes holds the writer, and nobody writes after a failure: it is the only one.
        dead.before = dead.before.take().or(before);
        let current = self.0.handles.compare_and_swap(handles, None);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, handles)) {
            dead.handles = Some(Arc::clone(handles));
        }
    }

    fn dead(&self) -> std::sync::MutexGuard<'_, Dead> {
        self.0.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the database again where a failure has closed it. Nothing that was acknowledged is
    /// lost by that. Blocks on the disk, a few seconds at the most where nothing moves; whoever
    /// commits calls it before, and again after a while where it fails.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`], [`StoreError::Folder`]: not yet.
    /// [`StoreError::Corrupt`]: what is found is not all that was acknowledged.
    pub fn heal(&self) -> Result<Healed, StoreError> {
        if self.0.handles.load().is_some() {
            return Ok(Healed::Well);
        }
        let mut writer = self.writer();
        let mut dead = self.dead();
        dead.bury()?;
        self.check_room()?;
        Handles::distrust(self.0.folder.database());
        let handles = Arc::new(Handles::open(self.0.folder.database())?);
        let found = self.look_over(&handles, &writer, dead.before.as_ref());
        let (found, log) = found.inspect_err(|_| dead.handles = Some(Arc::clone(&handles)))?;
        let healed = match found.commit > writer.commit {
            true => Healed::With,
            false => Healed::Without,
        };
        *writer = found;
        self.0.log.settle(log);
        self.0.tail.begin_at(writer.next_sequence);
        self.0.latest.store(writer.next_sequence - 1, Ordering::Release);
        self.0.handles.store(Some(handles));
        dead.before = None;
        Ok(healed)
    }

    /// Sets back what was not a commit, and finds where the writer and the audit log go on.
    fn look_over(
        &self,
        handles: &Handles,
        writer: &Writer,
        before: Option<&(Table, Batch)>,
    ) -> Result<(Writer, Frontier), StoreError> {
        handles.check_mark()?;
        let mut unnoted = Batch::default();
        if !writer.unsure {
            self.0.log.take_back(handles, &mut unnoted)?;
        }
        match before {
            Some((table, before)) => {
                handles
                    .write_both((handles.table(*table), before), (&handles.journal, &unnoted))?;
            }
            None => handles.write(&handles.journal, unnoted)?,
        }
        let found = Writer::find(handles, &self.0.restored)?;
        let log = Log::find(handles)?;
        let last = writer.commit + u64::from(writer.unsure);
        if (writer.commit..=last).contains(&found.commit)
            && found.next_sequence >= writer.next_sequence
            && log.size() >= self.audit_frontier().size()
        {
            return Ok((found, log));
        }
        Err(StoreError::Corrupt(format!(
            "commit {} was durable, and the latest is now {}",
            writer.commit, found.commit
        )))
    }

    /// Fails where there is no room to write: sled must not be the one to find that out, since its
    /// handles are dead then, and opening it again takes room, too.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn check_room(&self) -> Result<(), StoreError> {
        if self.room() != Room::None {
            return Ok(());
        }
        let free = self.0.disk.free().unwrap_or(0) / (1024 * 1024);
        Err(StoreError::Full(format!("{free} MiB are free")))
    }
}

impl Dead {
    /// Lets go of the handles, once nobody reads by them any more.
    fn bury(&mut self) -> Result<(), StoreError> {
        if let Some(handles) = self.handles.take() {
            let mut waited = Duration::ZERO;
            while Arc::strong_count(&handles) > 1 {
                if waited >= READERS {
                    self.handles = Some(handles);
                    return Err(StoreError::Io("somebody is still reading".to_owned()));
                }
                std::thread::sleep(READERS_PAUSE);
                waited += READERS_PAUSE;
            }
            let (buried, burial) = sync_channel(1);
            let burying =
                std::thread::Builder::new().name("sled-burial".to_owned()).spawn(move || {
                    // sled panics where it cannot even flush what it has flushed. Its files are closed
                    // nevertheless.
                    let _ = catch_unwind(AssertUnwindSafe(move || drop(handles)));
                    // Whoever waited may have gone.
                    let _ = buried.send(());
                });
            burying.map_err(|error| StoreError::Io(error.to_string()))?;
            self.burial = Some(burial);
        }
        if let Some(burial) = &self.burial {
            if burial.recv_timeout(BURIAL) == Err(RecvTimeoutError::Timeout) {
                return Err(StoreError::Io("sled does not let go of its files".to_owned()));
            }
            self.burial = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::path::Path;

    use interdict_engine::Type;

    use super::super::space::{Disk, Space};
    use super::super::testing::{Failure, event, flag, record};
    use super::*;

    fn added(id: &str) -> interdict_engine::Event {
        event(id, Type::FlagAdded, flag(id, "v1"))
    }

    fn ids(store: &Store) -> Vec<(u64, String)> {
        let page = store.events_after(0, 100, |_| true).unwrap();
        assert!(page.complete);
        page.events.iter().map(|event| (event.sequence, event.id.0.clone())).collect()
    }

    fn numbers(store: &Store) -> Vec<u64> {
        store.load().unwrap().records.map(|record| record.unwrap().id.0).collect()
    }

    #[test]
    fn a_commit_that_failed_can_be_made_again() {
        for (failure, healed) in
            [(Failure::Before, Healed::Without), (Failure::After, Healed::With)]
        {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), "urn:test").unwrap();
            store.commit(&[record(1)], &[added("a")]).unwrap();
            store.inject(failure);
            let failed = ([record(2)], [added("b"), added("c")]);
            assert!(matches!(store.commit(&failed.0, &failed.1), Err(StoreError::Io(_))));
            // Nobody sees anything of it, and nothing else is written meanwhile.
            assert_eq!(store.latest_sequence(), 1);
            assert_eq!(store.commit(&[record(3)], &[]).err(), Some(StoreError::Closed));
            assert_eq!(store.flags().err(), Some(StoreError::Closed));

            assert_eq!(store.heal(), Ok(healed));
            assert_eq!(store.heal(), Ok(Healed::Well));
            let committed = store.commit(&failed.0, &failed.1).unwrap();
            assert_eq!(committed.latest, 3);
            store.commit(&[record(3)], &[added("d")]).unwrap();
            let found = [(1, "a"), (2, "b"), (3, "c"), (4, "d")];
            let found = found.map(|(sequence, id)| (sequence, id.to_owned()));
            assert_eq!((ids(&store), numbers(&store)), (found.to_vec(), vec![1, 2, 3]));
            drop(store);
            let store = Store::open(folder.path(), "urn:test").unwrap();
            assert_eq!((ids(&store), numbers(&store)), (found.to_vec(), vec![1, 2, 3]));
        }
    }

    #[test]
    fn a_table_is_as_its_callers_were_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.write(Table::Tokens, [(&b"a"[..], Some("1")), (b"b", Some("2"))]).unwrap();
        store.inject(Failure::After);
        let changes = [(&b"a"[..], None), (b"b", Some("3")), (b"c", Some("4"))];
        assert!(store.write(Table::Tokens, changes).is_err());
        store.heal().unwrap();
        let read = |store: &Store| store.read::<String>(Table::Tokens).unwrap();
        let as_before = [(b"a".to_vec(), "1".to_owned()), (b"b".to_vec(), "2".to_owned())];
        assert_eq!(read(&store), as_before);
        drop(store);
        assert_eq!(read(&Store::open(folder.path(), "urn:test").unwrap()), as_before);
    }

    #[test]
    fn a_reader_is_waited_for_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.commit(&[record(1)], &[]).unwrap();
        let reader = store.handles().unwrap();
        store.inject(Failure::Before);
        store.commit(&[record(2)], &[]).unwrap_err();
        assert!(matches!(store.heal(), Err(StoreError::Io(_))));
        drop(reader);
        assert_eq!(store.heal(), Ok(Healed::Without));
    }

    fn pretended(folder: &Path) -> io::Result<u64> {
        if folder.join("full").exists() { Ok(0) } else { Ok(u64::MAX) }
    }

    #[test]
    fn a_full_disk_is_noticed_before_sled_does_and_what_was_lost_is_never_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_on(folder.path(), "urn:test", |folder, database| {
            Disk::new(folder, database, Space::default(), pretended)
        })
        .unwrap();
        store.commit(&[record(1)], &[added("a")]).unwrap();
        let (database, copy) = (folder.path().join("sled"), tempfile::tempdir().unwrap());
        copy_files(&database, copy.path());
        let full = folder.path().join("full");
        fs::write(&full, "").unwrap();
        assert!(matches!(store.commit(&[record(2)], &[]), Err(StoreError::Full(_))));
        let change = [(&b"a"[..], Some("1"))];
        assert!(matches!(store.write(Table::Tokens, change), Err(StoreError::Full(_))));
        // The handles are as good as before.
        assert_eq!(store.heal(), Ok(Healed::Well));
        fs::remove_file(&full).unwrap();
        store.commit(&[record(2)], &[added("b")]).unwrap();

        // An earlier copy comes back in place of what was acknowledged.
        store.inject(Failure::Before);
        store.commit(&[record(3)], &[]).unwrap_err();
        fs::write(&full, "").unwrap();
        assert!(matches!(store.heal(), Err(StoreError::Full(_))));
        fs::remove_dir_all(&database).unwrap();
        fs::create_dir(&database).unwrap();
        copy_files(copy.path(), &database);
        fs::remove_file(&full).unwrap();
        for _ in 0..2 {
            let error = store.heal().unwrap_err();
            assert_eq!(error, StoreError::corrupt("commit 2 was durable, and the latest is now 1"));
        }
    }

    fn copy_files(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}
