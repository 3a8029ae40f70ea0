//! The key that signs the audit log's heads: a file of the data folder that only its owner reads.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use interdict_protocols::Time;

use super::{Store, StoreError, Table};
use crate::audit::{Act, By, Signer, acts};

/// The key, in the folder.
pub(super) const KEY_FILE: &str = "audit.key";
/// Becomes [`KEY_FILE`] once it is whole.
const NEW_KEY_FILE: &str = "audit.key.new";
/// The public half that the log was last signed with, in the installation's table.
const KNOWN: &[u8] = b"audit_key";

impl Store {
    /// The key, made where the folder has none. That one was made, or that it is another one than
    /// before, is noted.
    ///
    /// # Errors
    /// [`StoreError::Folder`] where the file cannot be used; [`StoreError::Io`].
    pub fn audit_signer(&self, now: Time) -> Result<Arc<Signer>, StoreError> {
        // Two who ask at once get the same one.
        let mut held = self.0.signer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(signer) = &*held {
            return Ok(Arc::clone(signer));
        }
        let signer = match self.read_audit_key()? {
            Some(signer) => signer,
            None => self.make_audit_key()?,
        };
        let public = signer.public().to_string();
        let known: Option<String> = self.get(Table::Installation, KNOWN)?;
        if known.as_deref() != Some(&*public) {
            if let Some(known) = &known {
                tracing::error!(
                    before = known,
                    now = public,
                    "the audit log is signed with another key from now on: {KEY_FILE} was lost or replaced"
                );
            }
            let act = Act::new(now, acts::AUDIT_KEY, &By::server())
                .with("key", public.as_str())
                .with_some("before", known);
            self.write_noted(Table::Installation, [(KNOWN, Some(&public))], &[act])?;
        }
        Ok(Arc::clone(held.insert(Arc::new(signer))))
    }

    /// The key of the folder, where there is one.
    ///
    /// # Errors
    /// [`StoreError::Folder`] where the file cannot be read or holds no key.
    pub fn read_audit_key(&self) -> Result<Option<Signer>, StoreError> {
        let path = self.path().join(KEY_FILE);
        let failed = |reason: String| StoreError::Folder { path: path.clone(), reason };
        match std::fs::read_to_string(&path) {
            Ok(text) => Signer::read(&text).map(Some).map_err(|error| failed(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn make_audit_key(&self) -> Result<Signer, StoreError> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits)
            .map_err(|error| StoreError::Io(format!("no random numbers: {error}")))?;
        let signer = Signer::new(self.source(), bits);
        let path = self.path().join(KEY_FILE);
        write(self.path(), &signer.secret())
            .map_err(|error| StoreError::Folder { path, reason: error.to_string() })?;
        Ok(signer)
    }
}

/// Whole or not at all, and for its owner alone from the first byte on.
fn write(folder: &Path, secret: &str) -> io::Result<()> {
    let new = folder.join(NEW_KEY_FILE);
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    std::fs::rename(&new, folder.join(KEY_FILE))?;
    File::open(folder)?.sync_all()
}
