//! The flags that hold, as the events say. Kept in the same commit as the events, so that neither is
//! ever ahead of the other.

use interdict_engine::{Data, Event, FlagReport, Type};
use sled::Batch;

use super::concern::Sealing;
use super::handles::Handles;
use super::journal::{FLAGS, decode, encode, flag_key};
use super::keys::{Keyring, Opened};
use super::{Store, StoreError, lives};

/// Whether a flag does not stand any more after such an event about it.
pub(super) const fn is_end(kind: Type) -> bool {
    matches!(kind, Type::FlagWithdrawn | Type::FlagExpired | Type::FlagRejected)
}

/// Puts into `batch` what `event` does to the flags.
pub(super) fn note(
    event: &Event,
    sealing: &mut Sealing<'_>,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Data::Flag(report) = &event.data else { return Ok(()) };
    let key = flag_key(report.flag.id.as_str());
    if is_end(event.kind) {
        batch.remove(key);
    } else {
        let keys = sealing.keys_of_event(event);
        batch.insert(key, sealing.seal(&keys, &encode(report)?)?);
    }
    lives::note(event, report, batch)
}

/// The flags that hold, in order of their identities.
pub(super) fn all(handles: &Handles) -> Result<Vec<FlagReport>, StoreError> {
    let flags = handles.journal.scan_prefix(FLAGS);
    let flags = flags.map(|entry| read(&entry?.1, &handles.keys));
    flags.filter_map(Result::transpose).collect()
}

fn read(flag: &[u8], keys: &Keyring) -> Result<Option<FlagReport>, StoreError> {
    match keys.unseal("a flag", flag)? {
        Opened::Plain(plain) => decode("a flag", &plain).map(Some),
        Opened::Gone => Ok(None),
    }
}

impl Store {
    /// The flags that hold, in order of their identities.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn flags(&self) -> Result<Vec<FlagReport>, StoreError> {
        all(&*self.handles()?)
    }

    /// The flag of that identity, if it holds.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn flag(&self, id: &str) -> Result<Option<FlagReport>, StoreError> {
        let handles = self.handles()?;
        let found = handles.journal.get(flag_key(id))?;
        found.map_or(Ok(None), |flag| read(&flag, &handles.keys))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, flag};
    use super::*;

    #[test]
    fn a_flag_is_listed_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let add = |id: &str| event(&format!("add {id}"), Type::FlagAdded, flag(id, "v1"));
        store.commit(&[], &[add("x"), add("y"), add("z")]).unwrap();
        let withdrawn = event("2", Type::FlagWithdrawn, flag("x", "v1"));
        let expired = event("3", Type::FlagExpired, flag("z", "v1"));
        // An event that is passed over as known changes nothing.
        store.commit(&[], &[withdrawn, expired, add("x")]).unwrap();
        let flags = store.flags().unwrap();
        assert_eq!(flags.iter().map(|report| report.flag.id.as_str()).collect::<Vec<_>>(), ["y"]);
        assert_eq!(store.flag("y").unwrap().as_ref(), flags.first());
        assert_eq!(store.flag("x").unwrap(), None);
    }
}
