//! The data folder: who may use it, and which format it has.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The format that this version writes.
///
/// 1: the first. 2: records lie together in blocks, and numbers go on from where the restorations in
/// the journal say.
pub(super) const FORMAT: u32 = 2;
const FORMAT_FILE: &str = "format";
/// There until the database has been made: a first start that was broken off is begun anew, since it
/// can have acknowledged nothing.
const NEW_FORMAT_FILE: &str = "format.new";
/// Becomes [`FORMAT_FILE`].
const NEXT_FORMAT_FILE: &str = "format.next";
/// There while a backup is restored into the folder.
const RESTORING_FILE: &str = "restoring";
const DATABASE: &str = "sled";
const LOCK_FILE: &str = "lock";

/// A data folder that is this process's alone as long as the value lives.
pub(super) struct Folder {
    path: PathBuf,
    database: PathBuf,
    /// `None` where its database has yet to be made.
    format: Option<u32>,
    /// Locked until dropped; the system lets go of it however the process ends.
    _lock: File,
}

impl Folder {
    /// Whether there is a data folder already.
    pub(super) fn check_is_there(path: &Path) -> Result<(), StoreError> {
        if path.join(FORMAT_FILE).exists() {
            return Ok(());
        }
        let reason = "there is no Interdict data in it".to_owned();
        Err(StoreError::Folder { path: path.to_owned(), reason })
    }

    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: io::Error| StoreError::folder(path, &error);
        let lock = lock(path)?;
        if path.join(RESTORING_FILE).exists() {
            return Err(StoreError::Unfinished { path: path.to_owned() });
        }
        let format = match fs::read_to_string(path.join(FORMAT_FILE)) {
            Ok(text) => Some(known_format(path, &text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !is_unused(path).map_err(refused)? {
                    return Err(StoreError::Foreign { path: path.to_owned() });
                }
                write_format(&path.join(NEW_FORMAT_FILE), FORMAT).map_err(refused)?;
                None
            }
            Err(error) => return Err(refused(error)),
        };
        Ok(Self { path: path.to_owned(), database: path.join(DATABASE), format, _lock: lock })
    }

    /// Takes an empty folder, or one in which this was broken off, to restore a backup into. It
    /// cannot be opened before [`Self::finish`].
    pub(super) fn restore_into(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: io::Error| StoreError::folder(path, &error);
        let lock = lock(path)?;
        if path.join(RESTORING_FILE).exists() {
            Self::empty(path).map_err(refused)?;
        } else if path.join(NEW_FORMAT_FILE).exists() || !is_unused(path).map_err(refused)? {
            return Err(StoreError::NotEmpty { path: path.to_owned() });
        }
        File::create(path.join(RESTORING_FILE))
            .and_then(|file| file.sync_all())
            .and_then(|()| File::open(path)?.sync_all())
            .map_err(refused)?;
        Ok(Self { path: path.to_owned(), database: path.join(DATABASE), format: None, _lock: lock })
    }

    /// Gives up what [`Self::restore_into`] began, and leaves the folder as empty as it was.
    pub(super) fn abandon(self) -> Result<(), StoreError> {
        let refused = |error: io::Error| StoreError::folder(&self.path, &error);
        Self::empty(&self.path).and_then(|()| remove(&self.path.join(LOCK_FILE))).map_err(refused)
    }

    fn empty(path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path.join(DATABASE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The mark last: until then nobody takes the rest for a data folder.
        for name in [FORMAT_FILE, NEXT_FORMAT_FILE, RESTORING_FILE] {
            remove(&path.join(name))?;
        }
        Ok(())
    }

    /// Its format when it was opened; `None` where its database had yet to be made.
    pub(super) const fn format(&self) -> Option<u32> {
        self.format
    }

    /// Its database is there, in this format.
    pub(super) fn finish(&self, format: u32) -> Result<(), StoreError> {
        let next = self.path.join(NEXT_FORMAT_FILE);
        write_format(&next, format)
            .and_then(|()| fs::rename(&next, self.path.join(FORMAT_FILE)))
            .and_then(|()| File::open(&self.path)?.sync_all())
            .and_then(|()| remove(&self.path.join(NEW_FORMAT_FILE)))
            .and_then(|()| remove(&self.path.join(RESTORING_FILE)))
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|error| StoreError::folder(&self.path, &error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Makes the folder where there is none, and locks it.
fn lock(path: &Path) -> Result<File, StoreError> {
    let refused = |error: io::Error| StoreError::folder(path, &error);
    make(path).map_err(refused)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(refused)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

/// Nobody else on the machine reads where vehicles were.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether there is nothing but what a new file system or a broken first start leaves.
fn is_unused(path: &Path) -> io::Result<bool> {
    if path.join(NEW_FORMAT_FILE).exists() {
        return Ok(true);
    }
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != LOCK_FILE && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

fn known_format(path: &Path, text: &str) -> Result<u32, StoreError> {
    let found = text
        .trim()
        .strip_prefix("interdict data folder, format ")
        .and_then(|number| number.parse().ok())
        .filter(|format| *format > 0)
        .ok_or_else(|| StoreError::Corrupt(format!("{FORMAT_FILE:?} does not name a format")))?;
    if found > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(found)
}

fn write_format(path: &Path, format: u32) -> io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "interdict data folder, format {format}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let held = Folder::open(&path).unwrap();
        assert_eq!(Folder::open(&path).err(), Some(StoreError::Locked { path: path.clone() }));
        drop(held);
        assert!(Folder::open(&path).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let _held = Folder::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_newer_format_is_refused_in_clear_words() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("format"), "interdict data folder, format 3\n").unwrap();
        let error = Folder::open(folder.path()).err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }));
        assert!(error.to_string().contains("has format 3"), "{error}");
    }

    #[test]
    fn somebody_else_s_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("letters.txt"), "dear").unwrap();
        assert!(matches!(Folder::open(folder.path()), Err(StoreError::Foreign { .. })));
        assert!(!folder.path().join("format").exists());
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Folder::open(file.path()), Err(StoreError::Folder { .. })));
    }
}
