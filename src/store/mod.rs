//! What must outlive the process: records, snapshots, events, tracks, the audit log, enrolments, tokens.
//! The only module that knows sled.
//!
//! [`Store::commit`] is the heart: one batch of records, of the events that they gave and of the audit
//! log's entries on them becomes durable at once or not at all, and nobody reads an event before
//! that. Every call blocks on the disk; those who may not block call from a thread that may.

mod archive;
mod audit;
mod audit_events;
mod audit_key;
mod backup;
mod blocks;
mod commit;
mod concern;
mod error;
mod event;
mod events;
mod flags;
mod folder;
mod handles;
mod heal;
mod holds;
mod journal;
mod keys;
mod lives;
mod nudge;
mod purge;
mod records;
mod recovery;
mod restore;
mod restored;
mod space;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
mod tracks;
mod upgrade;

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use concern::Standing;
use event::Tail;
use folder::Folder;
use handles::Handles;
use heal::Dead;
use keys::Keyring;
use recovery::Needless;
use space::Disk;

pub use archive::{ArchiveError, Header};
pub use audit_events::NotedEvent;
pub use backup::BackupError;
pub use commit::Committed;
pub use error::StoreError;
pub use event::StoredEvent;
pub use events::Page;
pub use heal::Healed;
pub use holds::Hold;
pub use keys::Purpose;
pub use lives::{Ended, Life};
pub use purge::{Purged, Target};
pub use records::Records;
pub use recovery::Loaded;
pub use restore::{RestoreError, check_backup, restore};
pub use restored::Restored;
pub use space::{Room, Space};
pub use tables::Table;
pub use tracks::{Kept, Stretch, Track, TrackFix};

/// The data folder, opened. Cheap to clone; the folder is let go when the last clone is.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    folder: Folder,
    source: String,
    /// Every handle that sled gave, in one place: an I/O error kills them together, and together
    /// they are let go and opened again.
    handles: ArcSwapOption<Handles>,
    keys: Arc<Keyring>,
    /// Those that are dead and not let go of yet.
    dead: Mutex<Dead>,
    disk: Disk,
    /// The restorations from backups that this folder has seen, the earliest first.
    restored: Vec<Restored>,
    /// Held by whoever writes. Readers never wait for it.
    writer: Mutex<Writer>,
    /// How many backups are made: nothing is taken away meanwhile.
    pins: AtomicUsize,
    /// The latest event that is durable: the last one that readers may see.
    latest: AtomicU64,
    /// The newest events, decoded: every subscriber who keeps up reads them from here.
    tail: Tail,
    log: audit::Log,
    /// The audit log's key, once it was asked for.
    signer: Mutex<Option<Arc<crate::audit::Signer>>>,
}

struct Writer {
    next_sequence: u64,
    /// The flags that stand, by vehicle.
    standing: Arc<Standing>,
    /// How many snapshots have been saved, ever.
    saves: u64,
    /// Records that a snapshot has made needless.
    needless: Needless,
    /// The number of the latest commit that is durable.
    commit: u64,
    /// Whether the one after it failed, so that only the disk knows whether it is durable too.
    unsure: bool,
}

impl Writer {
    fn find(handles: &Handles, restored: &[Restored]) -> Result<Self, StoreError> {
        Ok(Self {
            next_sequence: journal::next_sequence(handles, restored)?,
            standing: Arc::new(Standing::find(handles)?),
            saves: recovery::saves(handles)?,
            needless: Needless::find(handles)?,
            commit: journal::commit(handles)?,
            unsure: false,
        })
    }
}

impl Store {
    /// Opens the data folder `folder`, made where there is none. `source` names the installation
    /// in every event. An older format is brought up to this version's.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::Locked`], [`StoreError::Newer`],
    /// [`StoreError::Foreign`], [`StoreError::Corrupt`], [`StoreError::Full`], each a sentence for the
    /// operator.
    pub fn open(folder: &Path, source: &str) -> Result<Self, StoreError> {
        Self::open_with(folder, source, Space::default())
    }

    /// As [`Self::open`], on a disk of which so much is to stay free.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(folder: &Path, source: &str, space: Space) -> Result<Self, StoreError> {
        Self::open_on(folder, source, |folder, database| {
            Disk::new(folder, database, space, space::available)
        })
    }

    fn open_on(
        folder: &Path,
        source: &str,
        disk: impl FnOnce(&Path, &Path) -> Disk,
    ) -> Result<Self, StoreError> {
        let folder = Folder::open(folder)?;
        let disk = disk(folder.path(), folder.database());
        // Opening takes room, too; the reserve gives way to it.
        disk.room();
        let keys = Arc::new(Keyring::open(&folder.keys())?);
        let handles = Handles::open(folder.database(), &keys)?;
        match folder.format() {
            None => handles.mark()?,
            Some(_) => handles.check_mark()?,
        }
        upgrade::carry_out(&folder, &handles)?;
        // What was broken off when the process ended.
        keys.destroy_purged()?;
        keys.destroy_snapshots_but(recovery::key_of_snapshots(&handles)?)?;
        let restored = restored::load(&handles)?;
        let writer = Writer::find(&handles, &restored)?;
        let log = audit::Log::load(&handles)?;
        Ok(Self(Arc::new(Shared {
            folder,
            source: source.to_owned(),
            dead: Mutex::default(),
            disk,
            latest: AtomicU64::new(writer.next_sequence - 1),
            tail: Tail::new(writer.next_sequence),
            keys,
            handles: ArcSwapOption::from_pointee(handles),
            writer: Mutex::new(writer),
            pins: AtomicUsize::new(0),
            restored,
            log,
            signer: Mutex::new(None),
        })))
    }

    /// Opens a data folder to look into it: one that is there already. Without a name, it must not be
    /// given events.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::Folder`] also where there is no data folder.
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        Folder::check_is_there(folder)?;
        Self::open(folder, "")
    }

    /// The sequence of the latest durable event; 0 before the first.
    #[must_use]
    pub fn latest_sequence(&self) -> u64 {
        self.0.latest.load(Ordering::Acquire)
    }

    /// The installation's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The data folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    /// How much room there is on the disk. Below [`Room::Ample`], write only what matters most; where
    /// there is none, nothing is written any more.
    #[must_use]
    pub fn room(&self) -> Room {
        self.0.disk.room()
    }

    /// Whether there is so much room that what is kept for later takes none of what matters more.
    #[must_use]
    pub fn has_room_to_spare(&self) -> bool {
        self.0.disk.has_room_to_spare()
    }

    /// Bytes that may be written on the disk, where the system says, and bytes that the reserve
    /// still holds.
    #[must_use]
    pub fn space_left(&self) -> (Option<u64>, u64) {
        (self.0.disk.free(), self.0.disk.reserve())
    }

    /// The restorations from backups that this folder has seen, the earliest first.
    #[must_use]
    pub fn restored(&self) -> &[Restored] {
        &self.0.restored
    }

    fn is_pinned(&self) -> bool {
        self.0.pins.load(Ordering::Relaxed) > 0
    }

    fn handles(&self) -> Result<Arc<Handles>, StoreError> {
        self.0.handles.load_full().ok_or(StoreError::Closed)
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        // Whatever panicked has left the handles dead, and the writer is made anew with them.
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
