//! The data folder: who may use it, and which format it has.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The format that this version writes.
///
/// 1: the first.
const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "format";
/// Becomes [`FORMAT_FILE`] once the database has been made: a first start that was broken off is
/// begun anew, since it can have acknowledged nothing.
const NEW_FORMAT_FILE: &str = "format.new";
const DATABASE: &str = "sled";
const LOCK_FILE: &str = "lock";

/// A data folder that is this process's alone as long as the value lives.
pub(super) struct Folder {
    path: PathBuf,
    database: PathBuf,
    is_new: bool,
    /// Locked until dropped; the system lets go of it however the process ends.
    _lock: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: io::Error| StoreError::Folder {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        make(path).map_err(refused)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE))
            .map_err(refused)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: path.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        let is_new = match fs::read_to_string(path.join(FORMAT_FILE)) {
            Ok(text) => {
                check_format(path, &text)?;
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !is_unused(path).map_err(refused)? {
                    return Err(StoreError::Foreign { path: path.to_owned() });
                }
                write_format(path).map_err(refused)?;
                true
            }
            Err(error) => return Err(refused(error)),
        };
        Ok(Self { path: path.to_owned(), database: path.join(DATABASE), is_new, _lock: lock })
    }

    /// Whether there is a data folder already.
    pub(super) fn check_is_there(path: &Path) -> Result<(), StoreError> {
        if path.join(FORMAT_FILE).exists() {
            return Ok(());
        }
        let reason = "there is no data in it".to_owned();
        Err(StoreError::Folder { path: path.to_owned(), reason })
    }

    /// Whether its database has yet to be made.
    pub(super) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Its database has been made.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        fs::rename(self.path.join(NEW_FORMAT_FILE), self.path.join(FORMAT_FILE))
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|error| StoreError::Folder {
                path: self.path.clone(),
                reason: error.to_string(),
            })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
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

fn check_format(path: &Path, text: &str) -> Result<(), StoreError> {
    let found = text
        .trim()
        .strip_prefix("interdict data folder, format ")
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| StoreError::Corrupt(format!("{FORMAT_FILE:?} does not name a format")))?;
    if found > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

fn write_format(path: &Path) -> io::Result<()> {
    let mut file = File::create(path.join(NEW_FORMAT_FILE))?;
    writeln!(file, "interdict data folder, format {FORMAT}")?;
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
        fs::write(folder.path().join("format"), "interdict data folder, format 2\n").unwrap();
        let error = Folder::open(folder.path()).err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }));
        assert!(error.to_string().contains("has format 2"), "{error}");
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
