//! What stands as the events say: the flags that hold, the alerts that are open. Kept in the same
//! commit as the events, so that neither is ever ahead of the other.

use interdict_engine::{AlertReport, Data, Event, FlagReport, Type};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use sled::Batch;

use super::journal::{ALERTS, FLAGS, alert_key, decode, encode, flag_key};
use super::{Store, StoreError};

/// An alert that was raised and has neither been withdrawn nor passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenAlert {
    /// The alert as its latest event says it.
    #[serde(flatten)]
    pub report: AlertReport,
    /// That event's time.
    pub time: Time,
    /// That event's sequence.
    pub sequence: u64,
}

/// Puts into `batch` what `event` does to the flags and the alerts.
pub(super) fn note(event: &Event, sequence: u64, batch: &mut Batch) -> Result<(), StoreError> {
    match (&event.data, event.kind) {
        (Data::Flag(report), Type::FlagWithdrawn | Type::FlagExpired) => {
            batch.remove(flag_key(report.flag.id.as_str()));
        }
        (Data::Flag(report), _) => {
            batch.insert(flag_key(report.flag.id.as_str()), encode(report)?);
        }
        (Data::Alert(report), Type::Raised | Type::Updated) => {
            let report = AlertReport::clone(report);
            let open = OpenAlert { report, time: event.time, sequence };
            batch.insert(alert_key(&open.report.alert.0), encode(&open)?);
        }
        (Data::Alert(report), Type::Withdrawn | Type::Passed) => {
            batch.remove(alert_key(&report.alert.0));
        }
        _ => {}
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

    /// The open alerts, the one that is due first first.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn open_alerts(&self) -> Result<Vec<OpenAlert>, StoreError> {
        let handles = self.handles()?;
        let entries = handles.journal.scan_prefix(ALERTS);
        let mut alerts: Vec<OpenAlert> =
            entries.map(|entry| decode("an alert", &entry?.1)).collect::<Result<_, _>>()?;
        alerts.sort_by_key(|alert| (alert.report.eta_at, alert.sequence));
        Ok(alerts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{alert, event, flag};
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

    #[test]
    fn an_alert_is_open_from_raised_to_passed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let first = [
            alert("w", "seen", Type::Watch, 10),
            alert("a1", "a", Type::Raised, 500),
            alert("b1", "b", Type::Raised, 400),
            alert("c1", "c", Type::Raised, 300),
        ];
        store.commit(&[], &first).unwrap();
        let second = [alert("a2", "a", Type::Updated, 200), alert("b2", "b", Type::Passed, 0)];
        store.commit(&[], &second).unwrap();
        let open = store.open_alerts().unwrap();
        let open: Vec<_> = open
            .iter()
            .map(|alert| (alert.report.alert.0.as_str(), alert.report.eta_s, alert.sequence))
            .collect();
        assert_eq!(open, [("a", 200.0, 5), ("c", 300.0, 4)]);
        store.commit(&[], &[alert("c2", "c", Type::Withdrawn, 0)]).unwrap();
        assert_eq!(store.open_alerts().unwrap().len(), 1);
    }
}
