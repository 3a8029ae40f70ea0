//! Events, held to what the audit log noted of them.

use sha2::{Digest, Sha256};

use super::journal::{event_key, purged};
use super::{Store, StoreError, StoredEvent};
use crate::audit::Entry;

/// What became of the event that an entry notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotedEvent {
    /// The entry notes none, or its content was purged.
    None,
    /// It is as it was.
    Same,
    /// It was purged in order.
    Purged,
    /// It is another one: its sequence.
    Other(u64),
    /// It is not there: its sequence.
    Gone(u64),
}

impl Store {
    /// Compares the event that `entry` notes with the one that is stored.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn noted_event(&self, entry: &Entry) -> Result<NotedEvent, StoreError> {
        let content = entry.act.starts_with("interdict.").then(|| entry.read_content()).flatten();
        let Some(content) = content else { return Ok(NotedEvent::None) };
        let Some((sequence, hash)) = content.event_sequence().zip(content.sha256) else {
            return Ok(NotedEvent::None);
        };
        let handles = self.handles()?;
        let Some(stored) = handles.journal.get(event_key(sequence))? else {
            let is_purged = sequence <= purged(&handles)?;
            return Ok(if is_purged { NotedEvent::Purged } else { NotedEvent::Gone(sequence) });
        };
        Ok(match StoredEvent::unseal(sequence, &stored, &handles.keys) {
            Ok(None) => NotedEvent::Purged,
            Ok(Some(stored)) if <[u8; 32]>::from(Sha256::digest(&stored.json)) == hash.0 => {
                NotedEvent::Same
            }
            // What cannot be read is another one, too.
            _ => NotedEvent::Other(sequence),
        })
    }
}
