//! The flags that hold, as the events say. Kept in the same commit as the events, so that neither is
//! ever ahead of the other.

use interdict_engine::{Data, Event, FlagReport, Type};
use sled::Batch;

use super::journal::{FLAGS, decode, encode, flag_key};
use super::{Store, StoreError};

/// Puts into `batch` what `event` does to the flags.
pub(super) fn note(event: &Event, batch: &mut Batch) -> Result<(), StoreError> {
    if let Data::Flag(report) = &event.data {
        let key = flag_key(report.flag.id.as_str());
        match event.kind {
            Type::FlagWithdrawn | Type::FlagExpired | Type::FlagRejected => batch.remove(key),
            _ => batch.insert(key, encode(report)?),
        }
    }
    Ok(())
}

impl Store {
    /// The flags that hold, in order of their identities.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn flags(&self) -> Result<Vec<FlagReport>, StoreError> {
        let handles = self.handles()?;
        handles.journal.scan_prefix(FLAGS).map(|entry| decode("a flag", &entry?.1)).collect()
    }

    /// The flag of that identity, if it holds.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn flag(&self, id: &str) -> Result<Option<FlagReport>, StoreError> {
        let found = self.handles()?.journal.get(flag_key(id))?;
        found.map(|flag| decode("a flag", &flag)).transpose()
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
