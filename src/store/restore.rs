//! [`restore`]: a data folder from a backup.

use std::io::Read;
use std::path::Path;

use interdict_protocols::Time;
use serde_json::json;
use sled::Batch;

use super::archive::{ArchiveError, ArchiveReader, Entry, Header};
use super::audit::Log;
use super::folder::{FORMAT, Folder};
use super::handles::{Handles, JOURNAL};
use super::journal::{event_key, id_key, number};
use super::{Restored, StoreError, StoredEvent, restored, upgrade};
use crate::audit::{Act, By, acts};

/// Entries are written in batches of at least so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Reads a backup to its end; answers what it is of and how many entries it has.
///
/// # Errors
/// [`ArchiveError`]: it is not to be restored.
pub fn check_backup(archive: impl Read) -> Result<(Header, u64), ArchiveError> {
    let mut archive = ArchiveReader::begin(archive)?;
    let mut entries = 0;
    while archive.next()?.is_some() {
        entries += 1;
    }
    Ok((archive.header().clone(), entries))
}

/// Makes a data folder of a backup, whole or not at all. Numbers of events and records go on far
/// behind those of the backup: see [`Restored`]. That it was done, and by whom, is noted in the audit
/// log: who verifies it by heads that left the machine after the backup was made finds it cut short.
///
/// # Errors
/// [`RestoreError`]: the folder is as empty as it was.
pub fn restore(
    archive: impl Read,
    path: &Path,
    at: Time,
    by: &By,
) -> Result<Restored, RestoreError> {
    let mut archive = ArchiveReader::begin(archive)?;
    let folder = Folder::restore_into(path)?;
    match fill(&mut archive, &folder, at, by) {
        Ok(restored) => Ok(restored),
        Err(error) => {
            folder.abandon()?;
            Err(error)
        }
    }
}

fn fill(
    archive: &mut ArchiveReader<impl Read>,
    folder: &Folder,
    at: Time,
    by: &By,
) -> Result<Restored, RestoreError> {
    let handles = Handles::open(folder.database())?;
    let mut batch = Filling::default();
    while let Some(entry) = archive.next()? {
        batch.add(&handles, entry)?;
    }
    batch.write(&handles)?;
    handles.check_mark()?;
    upgrade::from(archive.header().folder_format, &handles, |_| Ok(()))?;
    let Header { made_at, last_sequence, last_record, .. } = *archive.header();
    let mut all = restored::load(&handles)?;
    let restored = Restored::new(at, made_at, last_sequence, last_record);
    all.push(restored.clone());
    let mut last = Batch::default();
    restored::save(&all, &mut last)?;
    let act = Act::new(at, acts::STORE_RESTORE, by)
        .with("made_at", json!(made_at))
        .with("last_event", last_sequence)
        .with("next_event", restored.next_sequence);
    let mut noting = Log::load(&handles)?.note();
    noting.acts(&[act], &mut last)?;
    noting.finish(&mut last);
    // Waits for the disk, and with it for all that was written before.
    handles.write(&handles.journal, last)?;
    drop(handles);
    folder.finish(FORMAT)?;
    Ok(restored)
}

/// Entries of one tree that are not written yet.
#[derive(Default)]
struct Filling {
    tree: String,
    batch: Batch,
    bytes: usize,
}

impl Filling {
    fn add(&mut self, handles: &Handles, entry: Entry) -> Result<(), RestoreError> {
        if entry.tree != self.tree || self.bytes >= BATCH_BYTES {
            self.write(handles)?;
            self.tree.clone_from(&entry.tree);
        }
        self.bytes += entry.key.len() + entry.value.len();
        if entry.tree == JOURNAL
            && let Ok(sequence) = number(&entry.key)
            && entry.key == event_key(sequence)
        {
            let event = StoredEvent::decode(sequence, &entry.value)?;
            self.batch.insert(id_key(&event.id.0), &sequence.to_be_bytes());
        }
        self.batch.insert(entry.key, entry.value);
        Ok(())
    }

    fn write(&mut self, handles: &Handles) -> Result<(), RestoreError> {
        if self.bytes > 0 {
            self.bytes = 0;
            let unknown = ArchiveError::Damaged("it holds a tree that this version does not know");
            let tree = handles.tree(&self.tree).ok_or(unknown)?;
            tree.apply_batch(std::mem::take(&mut self.batch)).map_err(StoreError::from)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write};

    use interdict_engine::{RecordId, Type};

    use super::super::testing::{event, flag, record};
    use super::super::{BackupError, Store, Table};
    use super::*;

    const MADE_AT: Time = Time::from_seconds(1_800_000_000);
    const RESTORED_AT: Time = Time::from_seconds(1_800_000_100);

    fn added(id: &str) -> interdict_engine::Event {
        event(id, Type::FlagAdded, flag(id, "v1"))
    }

    /// A store with something of everything.
    fn filled(folder: &Path) -> Store {
        let store = Store::open(folder, "urn:test").unwrap();
        store.commit(&[record(1), record(2)], &[added("old"), added("a")]).unwrap();
        store.save_snapshot(RecordId(1), &[b"one".to_vec(), vec![7; 100_000]]).unwrap();
        for number in (3..2_500).step_by(100) {
            let records: Vec<_> = (number..number + 100).map(record).collect();
            let events: Vec<_> =
                records.iter().map(|record| added(&record.id.0.to_string())).collect();
            store.commit(&records, &events).unwrap();
        }
        store.commit(&[], &[event("b", Type::FlagWithdrawn, flag("old", "v1"))]).unwrap();
        store.write(Table::Tokens, [(&b"t"[..], Some("token"))]).unwrap();
        store.secret().unwrap();
        store
    }

    /// All that a restart or a reader finds: snapshots, records, events, flags, tokens, the secret.
    type Contents =
        (Vec<Vec<u8>>, Vec<u64>, Vec<(u64, String)>, Vec<String>, Vec<(Vec<u8>, String)>, [u8; 32]);

    fn contents(store: &Store) -> Contents {
        let loaded = store.load().unwrap();
        let records = loaded.records.map(|record| record.unwrap().id.0).collect();
        let mut events = Vec::new();
        let mut cursor = 0;
        loop {
            let page = store.events_after(cursor, 1_000, |_| true).unwrap();
            events.extend(page.events.iter().map(|event| (event.sequence, event.json.clone())));
            cursor = page.cursor;
            if page.complete {
                break;
            }
        }
        let flags = store.flags().unwrap().into_iter().map(|report| report.flag.id.to_string());
        let tokens = store.read(Table::Tokens).unwrap();
        (loaded.snapshots, records, events, flags.collect(), tokens, store.secret().unwrap())
    }

    /// Passes bytes on, and does something once in between.
    struct Meanwhile<F: FnOnce()>(Vec<u8>, Option<F>);

    impl<F: FnOnce()> Write for Meanwhile<F> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(act) = self.1.take() {
                act();
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_backup_is_of_one_moment_whatever_happens_meanwhile() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = filled(folder.path());
        let before = contents(&store);
        let act = || {
            store.commit(&[record(3_000)], &[added("later")]).unwrap();
            let withdrawn = event("late", Type::FlagWithdrawn, flag("a", "v1"));
            store.commit(&[record(3_001)], &[withdrawn]).unwrap();
            store.save_snapshot(RecordId(3_001), &[b"later".to_vec()]).unwrap();
            store.tidy().unwrap();
            store.write(Table::Tokens, [(&b"t"[..], None), (b"u", Some("later"))]).unwrap();
            assert_eq!(store.purge_events_before(Time::from_seconds(1_000_000)).unwrap(), 0);
        };
        let archive = store.backup(MADE_AT, Meanwhile(Vec::new(), Some(act))).unwrap().0;
        assert_ne!(contents(&store), before);
        // Once it is made things are taken away again.
        assert!(store.purge_events_before(Time::from_seconds(1_000_000)).unwrap() > 0);
        let (header, entries) = check_backup(&archive[..]).unwrap();
        assert_eq!((header.made_at, header.last_sequence), (MADE_AT, before.2.len() as u64));
        assert!(entries > 5_000);

        let path = other.path().join("data");
        restore(&archive[..], &path, RESTORED_AT, &By::server()).unwrap();
        let store = Store::open(&path, "urn:test").unwrap();
        assert_eq!(contents(&store), before);
        // An event is known by its identity still.
        store.commit(&[], &[added("a")]).unwrap();
        assert_eq!(contents(&store), before);
    }

    #[test]
    fn numbers_go_on_behind_all_that_anybody_may_have_seen() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = filled(folder.path());
        let last = store.latest_sequence();
        let archive = store.backup(MADE_AT, Vec::new()).unwrap();
        // What a subscriber sees after the backup, and what is lost with the folder.
        store.commit(&[record(2_900)], &[added("lost")]).unwrap();
        let seen = store.latest_sequence();
        drop(store);

        let path = other.path().join("data");
        let restored = restore(&archive[..], &path, RESTORED_AT, &By::server()).unwrap();
        assert_eq!(restored.next_sequence, 1_800_000_100_000_000);
        let store = Store::open(&path, "urn:test").unwrap();
        assert_eq!(store.restored(), std::slice::from_ref(&restored));
        assert_eq!(store.load().unwrap().next_record, RecordId(1_800_000_100_000_000));
        let first = restored.next_sequence;
        let look = |store: &Store, cursor| {
            let page = store.events_after(cursor, 10, |_| true)?;
            let sequences: Vec<_> = page.events.iter().map(|event| event.sequence).collect();
            Ok((sequences, page.cursor, page.complete))
        };
        let lost = Err(StoreError::Purged { oldest: first });
        // There is nothing yet; who had seen all of the backup goes on, who had seen more is told.
        assert_eq!(look(&store, last), Ok((vec![], first - 1, true)));
        assert_eq!(look(&store, last - 1), Ok((vec![last], first - 1, true)));
        assert_eq!(look(&store, first - 1), Ok((vec![], first - 1, true)));
        assert_eq!(look(&store, seen), lost);
        assert_eq!(store.commit(&[], &[added("new")]).unwrap().latest, first);
        for _ in 0..2 {
            assert_eq!(look(&store, last), Ok((vec![first], first, true)));
            assert_eq!(look(&store, last - 1), Ok((vec![last, first], first, true)));
            assert_eq!(look(&store, first - 1), Ok((vec![first], first, true)));
            assert_eq!(look(&store, seen), lost);
        }

        // The same backup once more, a second later; and a backup of what was restored.
        let again = tempfile::tempdir().unwrap();
        let twice =
            restore(&archive[..], again.path(), RESTORED_AT.plus_seconds(1.0), &By::server())
                .unwrap();
        assert!(twice.next_sequence > first + 100_000);
        let archive = store.backup(MADE_AT, Vec::new()).unwrap();
        drop(store);
        let third = tempfile::tempdir().unwrap();
        restore(&archive[..], third.path(), MADE_AT, &By::server()).unwrap();
        let store = Store::open(third.path(), "urn:test").unwrap();
        assert_eq!(store.restored().len(), 2);
        let next = store.restored()[1].next_sequence;
        assert!(next > first, "also where the clock has gone back");
        assert_eq!(look(&store, last), Ok((vec![first], next - 1, true)));
        assert_eq!(look(&store, seen), lost);
        assert_eq!(look(&store, first + 1), Err(StoreError::Purged { oldest: next }));
    }

    #[test]
    fn it_is_restored_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        let archive = store.backup(MADE_AT, Vec::new()).unwrap();
        drop(store);
        let other = tempfile::tempdir().unwrap();
        let half = restore(&archive[..archive.len() / 2], other.path(), RESTORED_AT, &By::server());
        assert!(matches!(half, Err(RestoreError::Archive(ArchiveError::Damaged(_)))));
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "as empty as it was");
        // Killed in the middle.
        let begun = Folder::restore_into(other.path()).unwrap();
        drop((Handles::open(begun.database()).unwrap(), begun));
        let unfinished = Store::open(other.path(), "urn:test").err();
        assert!(matches!(unfinished, Some(StoreError::Unfinished { .. })));
        restore(&archive[..], other.path(), RESTORED_AT, &By::server()).unwrap();
        assert!(Store::open(other.path(), "urn:test").is_ok());
        let refused = restore(&archive[..], other.path(), RESTORED_AT, &By::server());
        assert!(matches!(refused, Err(RestoreError::Store(StoreError::NotEmpty { .. }))));
        assert!(Store::open(other.path(), "urn:test").is_ok());
    }

    #[test]
    fn who_cannot_take_it_gets_no_backup() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        let failed = store.backup(MADE_AT, Broken).err();
        assert!(matches!(failed, Some(BackupError::Archive(ArchiveError::Io(_)))));
        assert!(!store.is_pinned());
    }
}
