//! [`Store::backup`]: a copy as of one moment, made while others write.
//!
//! What may change, and how far what only grows has grown, is noted while nobody writes, in one
//! moment; what grows is then read in peace, since nothing of it changes any more.

use std::io::Write;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};

use interdict_protocols::Time;
use sled::IVec;

use super::archive::{ArchiveError, ArchiveWriter, Header};
use super::handles::{JOURNAL, SNAPSHOTS};
use super::journal::{DERIVED, GROWING, TRACKS};
use super::keys::KeyName;
use super::{Store, StoreError, Table, tracks};

/// Entries read at a time: between them the handles may be given up and opened again.
const CHUNK: usize = 1_000;

/// What the archive calls the keys, where it names the tree of an entry.
pub(super) const KEYS: &str = "keys";

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be read at present.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be written to where it is to go.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl From<std::io::Error> for BackupError {
    fn from(error: std::io::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// Keeps what is to be read from being taken away.
struct Pinned<'a>(&'a AtomicUsize);

impl<'a> Pinned<'a> {
    fn new(pins: &'a AtomicUsize) -> Self {
        pins.fetch_add(1, Ordering::Relaxed);
        Self(pins)
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The store at one moment.
struct Moment {
    header: Header,
    /// Tree, key and value of all that may change.
    changing: Vec<(&'static str, IVec, IVec)>,
    /// What all of it is sealed with.
    keys: Vec<(KeyName, [u8; 32])>,
    /// First and last key of each kind that only grows.
    growing: Vec<(IVec, IVec)>,
    /// The latest commit: tracks of later ones are left out.
    commit: u64,
}

impl Store {
    /// Writes all that is durable now to `out`, for [`super::restore`]; others go on writing. Blocks
    /// on the disk and on `out`. Nothing is purged meanwhile.
    ///
    /// # Errors
    /// [`BackupError`]: what was written is no backup.
    pub fn backup<W: Write>(&self, made_at: Time, out: W) -> Result<W, BackupError> {
        let _pinned = Pinned::new(&self.0.pins);
        let moment = self.moment(made_at)?;
        let mut archive = ArchiveWriter::begin(out, &moment.header)?;
        // Before all that they open.
        for (name, bits) in &moment.keys {
            archive.entry(KEYS, name.as_str().as_bytes(), bits)?;
        }
        for (tree, key, value) in &moment.changing {
            archive.entry(tree, key, value)?;
        }
        // New ones come in anywhere among those before, and none ever changes.
        let all_tracks = (IVec::from(&[TRACKS]), IVec::from(&[TRACKS + 1]));
        for (first, last) in moment.growing.into_iter().chain([all_tracks]) {
            let mut from = Bound::Included(first);
            loop {
                // Nothing is held while `out` is waited for: the disk may fail meanwhile.
                let chunk = self.chunk((from.clone(), Bound::Included(last.clone())))?;
                for (key, value) in &chunk {
                    if key.first() == Some(&TRACKS) && tracks::is_later(key, moment.commit)? {
                        continue;
                    }
                    archive.entry(JOURNAL, key, value)?;
                }
                match chunk.into_iter().last() {
                    Some((key, _)) => from = Bound::Excluded(key),
                    None => break,
                }
            }
        }
        Ok(archive.finish()?)
    }

    fn chunk(&self, range: (Bound<IVec>, Bound<IVec>)) -> Result<Vec<(IVec, IVec)>, StoreError> {
        let entries = self.handles()?.journal.range(range);
        entries.take(CHUNK).map(|entry| Ok(entry?)).collect()
    }

    fn moment(&self, made_at: Time) -> Result<Moment, StoreError> {
        let writer = self.writer();
        let handles = self.handles()?;
        let last_record = self.next_record(&handles)?.0 - 1;
        let header = Header::new(made_at, self.source(), writer.next_sequence - 1, last_record);
        let keys = handles.keys.all();
        let commit = writer.commit;
        let mut moment = Moment { header, changing: Vec::new(), keys, growing: Vec::new(), commit };
        let tables = Table::ALL.map(|table| (table.name(), handles.table(table)));
        for (name, tree) in tables.into_iter().chain([(SNAPSHOTS, &handles.snapshots)]) {
            for entry in tree.iter() {
                let (key, value) = entry?;
                moment.changing.push((name, key, value));
            }
        }
        for kind in 0..=u8::MAX {
            let mut entries = handles.journal.scan_prefix([kind]);
            if GROWING.contains(&kind) {
                let Some(first) = entries.next() else { continue };
                let (first, _) = first?;
                let last =
                    entries.next_back().transpose()?.map_or_else(|| first.clone(), |last| last.0);
                moment.growing.push((first, last));
            } else if !DERIVED.contains(&kind) && kind != TRACKS {
                for entry in entries {
                    let (key, value) = entry?;
                    moment.changing.push((JOURNAL, key, value));
                }
            }
        }
        Ok(moment)
    }
}
