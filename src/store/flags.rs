//! The flags that hold, as the events say.

use interdict_engine::{Data, Event, FlagId, FlagReport, Type};

use super::journal::{FLAGS, decode};
use super::{Store, StoreError};

/// What an event does to the list of flags.
pub(super) enum FlagChange<'a> {
    Holds(&'a FlagReport),
    Ended(&'a FlagId),
}

impl<'a> FlagChange<'a> {
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        let Data::Flag(report) = &event.data else { return None };
        Some(match event.kind {
            Type::FlagWithdrawn | Type::FlagExpired => Self::Ended(&report.flag.id),
            _ => Self::Holds(report),
        })
    }
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
    }
}
