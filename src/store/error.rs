use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what was asked, by who can help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The operator: the folder cannot be made, read or written.
    #[error("cannot use the data folder {}: {reason}", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The operator: another process has the folder.
    #[error(
        "the data folder {} is in use by another process: stop that one, or name another folder",
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The operator: a later version of this program wrote the folder.
    #[error(
        "the data folder {} has format {found}, and this version reads up to {known}: use the \
         version that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The operator: the folder holds something else.
    #[error(
        "{} holds other files and no Interdict data: name an empty or a new folder",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The operator: a backup is to be restored into a folder that holds something.
    #[error("{} is not empty: name an empty or a new folder to restore into", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The operator: a restoration was broken off.
    #[error(
        "a restoration into {} was broken off: restore again, or empty the folder",
        path.display()
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The disk: what it gave back is not what was written.
    #[error("the data is damaged: {0}; restore the folder from a backup")]
    Corrupt(String),
    /// The disk: a read or a write failed. Every handle of the store is dead from here on.
    #[error("the disk failed: {0}")]
    Io(String),
    /// The operator: the disk has no room, or the account has none on it.
    #[error("the disk of the data folder is full ({0}); free some space")]
    Full(String),
    /// Nobody: the store is being opened again after a failure.
    #[error("the store is closed at present")]
    Closed,
    /// Whoever reads events: the cursor is older than the oldest event kept.
    #[error("events up to there are no longer kept; the oldest kept is {oldest}")]
    Purged {
        /// The oldest event kept: resume after the one before it.
        oldest: u64,
    },
    /// Whoever reads events: there has never been such an event.
    #[error("there is no such event yet; the latest is {latest}")]
    Ahead {
        /// The latest event.
        latest: u64,
    },
    /// The programmer: something could not be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Encode(String),
}

impl StoreError {
    /// What was stored cannot be read, by what its reader says.
    pub fn corrupt(why: impl std::fmt::Display) -> Self {
        Self::Corrupt(why.to_string())
    }

    /// The folder, or a file of it, cannot be used, by what the system says.
    pub(super) fn folder(path: &Path, error: &io::Error) -> Self {
        match Self::from(io::Error::from(error.kind())) {
            Self::Full(_) => Self::Full(error.to_string()),
            _ => Self::Folder { path: path.to_owned(), reason: error.to_string() },
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            // What it says where its own threads have died.
            sled::Error::ReportableBug(what) => Self::Io(what),
            sled::Error::Corruption { at, .. } => Self::Corrupt(match at {
                Some(at) => format!("a checksum does not hold at {at:?}"),
                None => "a checksum does not hold".to_owned(),
            }),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
