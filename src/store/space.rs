//! [`Disk`]: how much room there is, and the file that keeps some for alerts.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};

/// What the data folder leaves to others on its disk, and what it holds for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes free on the disk below which only what matters most is stored.
    pub free_bytes: u64,
    /// Bytes that the file `reserve` holds for that.
    pub reserve_bytes: u64,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    Ample,
    /// Little: enough for alerts, alarms and commands.
    Scarce,
    /// None: nothing may be written.
    None,
}

/// What must be free for sled to be written to at all, and, which needs more, to be opened again: a
/// segment's rest is zeroed (512 KiB), a table of all pages is written beside the one before, and
/// pages are moved before the room that they had can be used again.
const LEAST_BYTES: u64 = 16 * 1024 * 1024;
/// sled's table of pages is some hundred and fiftieth of its log, and is there twice for a moment.
const TABLE_SHARE: u64 = 64;

/// The reserve is given back in such steps: a few hundred alerts each.
const STEP_BYTES: u64 = 4 * 1024 * 1024;

const RESERVE_FILE: &str = "reserve";
const CHUNK: usize = 1024 * 1024;

/// Bytes that may be written on the disk of a folder.
pub(super) type Measure = fn(&Path) -> io::Result<u64>;

pub(super) fn available(folder: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The disk that a data folder lies on.
pub(super) struct Disk {
    folder: PathBuf,
    log: PathBuf,
    space: Space,
    measure: Measure,
    held: Mutex<Held>,
}

struct Held {
    /// The length of the reserve.
    bytes: u64,
    room: Room,
}

impl Disk {
    /// Takes stock of `folder`, whose database lies at `database`.
    pub(super) fn new(folder: &Path, database: &Path, space: Space, measure: Measure) -> Self {
        let bytes = fs::metadata(folder.join(RESERVE_FILE)).map_or(0, |found| found.len());
        Self {
            folder: folder.to_owned(),
            log: database.join("db"),
            space,
            measure,
            held: Mutex::new(Held { bytes, room: Room::Ample }),
        }
    }

    /// How much room there is now. Gives the reserve back step by step where that is needed, and
    /// takes it again where there is enough.
    pub(super) fn room(&self) -> Room {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut free) = self.free() else { return Room::Ample };
        let least = self.least();
        if free < least && held.bytes > 0 {
            let step = (least - free).max(STEP_BYTES).min(held.bytes);
            self.set_reserve(&mut held, |bytes| bytes - step);
            free = self.free().unwrap_or(free);
        }
        let missing = self.space.reserve_bytes.saturating_sub(held.bytes);
        let mut enough = self.space.free_bytes.max(least).saturating_add(missing);
        if held.room != Room::Ample {
            // A little more than where it began, so that it does not go to and fro.
            enough = enough.saturating_add(enough / 8);
        }
        held.room = match free {
            free if free >= enough => Room::Ample,
            free if free >= least => Room::Scarce,
            _ => Room::None,
        };
        if held.room == Room::Ample && held.bytes != self.space.reserve_bytes {
            self.set_reserve(&mut held, |_| self.space.reserve_bytes);
        }
        held.room
    }

    /// Whether twice as much is free as there must be for all to be stored: what can be done without
    /// stops before it brings that about.
    pub(super) fn has_room_to_spare(&self) -> bool {
        let enough = self.space.free_bytes.max(self.least());
        self.free().is_none_or(|free| free >= enough.saturating_mul(2))
    }

    /// Bytes that may be written; `None` where the system does not say.
    pub(super) fn free(&self) -> Option<u64> {
        (self.measure)(&self.folder).ok()
    }

    /// Bytes of the reserve that are left.
    pub(super) fn reserve(&self) -> u64 {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    fn least(&self) -> u64 {
        LEAST_BYTES + fs::metadata(&self.log).map_or(0, |log| log.len()) / TABLE_SHARE
    }

    fn set_reserve(&self, held: &mut Held, to: impl FnOnce(u64) -> u64) {
        let (before, wanted) = (held.bytes, to(held.bytes));
        let path = self.folder.join(RESERVE_FILE);
        let set = || -> io::Result<()> {
            if wanted == 0 {
                return fs::remove_file(&path);
            }
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            if wanted < before {
                return file.set_len(wanted);
            }
            occupy(file, wanted)
        };
        match set() {
            Ok(()) => held.bytes = wanted,
            Err(error) => {
                held.bytes = fs::metadata(&path).map_or(0, |found| found.len());
                tracing::debug!(%error, "the reserve of the data folder stays as it is");
            }
        }
    }
}

/// Makes the system set blocks aside for the whole of a file.
fn occupy(mut file: File, bytes: u64) -> io::Result<()> {
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => {}
        done => return Ok(done?),
    }
    // Where the file system sets nothing aside for a file, what is written takes room.
    let (chunk, mut left) = (vec![0x5a; CHUNK], bytes);
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        file.write_all(chunk.get(..some).unwrap_or(&chunk))?;
        left -= u64::try_from(some).unwrap_or(left);
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// What `free` in the folder says is free, in MiB, with what the reserve has not taken.
    fn pretended(folder: &Path) -> io::Result<u64> {
        let text = fs::read_to_string(folder.join("free"))?;
        let reserve = fs::metadata(folder.join(RESERVE_FILE)).map_or(0, |found| found.len());
        let total: u64 = text.parse().map_err(io::Error::other)?;
        Ok((total * MIB).saturating_sub(reserve))
    }

    #[test]
    fn the_reserve_is_given_back_when_the_disk_fills_and_taken_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mib: u64| fs::write(folder.path().join("free"), mib.to_string()).unwrap();
        let space = Space { free_bytes: 32 * MIB, reserve_bytes: 8 * MIB };
        let disk = || Disk::new(folder.path(), &folder.path().join("sled"), space, pretended);
        let disk_now = disk();
        let look = |mib| {
            set(mib);
            (disk_now.room(), disk_now.reserve() / MIB)
        };
        assert_eq!(look(100), (Room::Ample, 8));
        // 40 of which the reserve has 8: just enough.
        assert_eq!(look(40), (Room::Ample, 8));
        assert_eq!(look(39), (Room::Scarce, 8));
        assert_eq!(look(24), (Room::Scarce, 8));
        // 16 must be free: the reserve gives way.
        assert_eq!(look(23), (Room::Scarce, 4));
        assert_eq!(look(16), (Room::Scarce, 0));
        assert_eq!(look(15), (Room::None, 0));
        let spares = |mib| (set(mib), disk_now.has_room_to_spare()).1;
        assert_eq!((spares(64), spares(63)), (true, false));
        assert_eq!(look(44), (Room::Scarce, 0), "room for the reserve, and an eighth more");
        assert_eq!(look(45), (Room::Ample, 8));
        // Another start finds it as it was.
        assert_eq!(disk().reserve(), 8 * MIB);
    }

    #[test]
    fn what_cannot_be_measured_is_taken_for_ample() {
        let folder = tempfile::tempdir().unwrap();
        let space = Space { free_bytes: u64::MAX, reserve_bytes: 0 };
        let disk = Disk::new(folder.path(), folder.path(), space, pretended);
        assert_eq!(disk.room(), Room::Ample);
    }
}
