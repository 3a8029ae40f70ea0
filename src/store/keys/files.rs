//! The files of the keys.
//!
//! Destroying one overwrites it, waits for the disk, and takes it away. That reaches what the file system
//! shows. A file system that copies on writing or keeps snapshots, one that journals contents, and a
//! flash disk that writes elsewhere may still hold the old bytes until they reuse them: where that
//! matters the folder belongs on an encrypted volume.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::Path;

use super::super::StoreError;
use super::{KEY_BYTES, KeyName};

const EXTENSION: &str = ".key";

/// From so many changed files on the whole file system is waited for once, which is sooner done than
/// waiting for each file.
const MANY: usize = 8;

pub(super) fn read_all(folder: &Path) -> Result<Vec<(KeyName, [u8; KEY_BYTES])>, StoreError> {
    let refused = |error: io::Error| StoreError::folder(folder, &error);
    if !folder.exists() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(refused)?;
        if let Some(parent) = folder.parent() {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(refused)?;
        }
    }
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(EXTENSION).and_then(KeyName::read) else { continue };
        let bits = fs::read(&path).map_err(|error| StoreError::folder(&path, &error))?;
        match bits.try_into() {
            Ok(bits) => keys.push((name, bits)),
            // One that was being written, which nothing can have been sealed with yet; or damage, which
            // whoever reads what was sealed with it says.
            Err(_) => tracing::warn!(file = %path.display(), "a key's file is not whole"),
        }
    }
    Ok(keys)
}

pub(super) fn write(folder: &Path, keys: &[(KeyName, [u8; KEY_BYTES])]) -> Result<(), StoreError> {
    let wait = Wait::of(keys.len());
    for (name, bits) in keys {
        let path = folder.join(format!("{}{EXTENSION}", name.as_str()));
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| {
            file.write_all(bits)?;
            wait.after(&file)
        });
        written.map_err(|error| StoreError::folder(&path, &error))?;
    }
    wait.for_all(folder)?;
    sync(folder)
}

/// Those that are gone already are passed over.
pub(super) fn destroy(folder: &Path, names: &[KeyName]) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let wait = Wait::of(names.len());
    let path = |name: &KeyName| folder.join(format!("{}{EXTENSION}", name.as_str()));
    let unless_gone = |path: &Path, done: io::Result<()>| match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|error| StoreError::folder(path, &error)),
    };
    for path in names.iter().map(path) {
        let overwritten = File::options().write(true).open(&path).and_then(|mut file| {
            file.write_all(&[0; KEY_BYTES])?;
            wait.after(&file)
        });
        unless_gone(&path, overwritten)?;
    }
    wait.for_all(folder)?;
    for path in names.iter().map(path) {
        unless_gone(&path, fs::remove_file(&path))?;
    }
    sync(folder)
}

/// Waits until it is durable which files the folder has.
fn sync(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| StoreError::folder(folder, &error))
}

/// How files that were written are waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Each,
    Once,
}

impl Wait {
    const fn of(files: usize) -> Self {
        if files >= MANY && cfg!(target_os = "linux") { Self::Once } else { Self::Each }
    }

    fn after(self, file: &File) -> io::Result<()> {
        if self == Self::Each { file.sync_all() } else { Ok(()) }
    }

    fn for_all(self, folder: &Path) -> Result<(), StoreError> {
        #[cfg(target_os = "linux")]
        if self == Self::Once {
            let synced = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
            return synced.map_err(|error| StoreError::folder(folder, &error));
        }
        Ok(())
    }
}
