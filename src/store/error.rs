use std::path::PathBuf;

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
    /// The disk: what it gave back is not what was written.
    #[error("the data is damaged: {0}; restore the folder from a backup")]
    Corrupt(String),
    /// The disk: a read or a write failed. Every handle of the store is dead from here on.
    #[error("the disk failed: {0}")]
    Io(String),
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
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::Io(error.to_string()),
            sled::Error::Corruption { at, .. } => Self::Corrupt(match at {
                Some(at) => format!("a checksum does not hold at {at:?}"),
                None => "a checksum does not hold".to_owned(),
            }),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
