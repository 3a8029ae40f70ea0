//! Small tables beside the journal, and the installation's secret.

use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::Batch;

use super::journal::{decode, encode};
use super::{Store, StoreError};

/// A table of JSON values by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Enrolments by device.
    Enrolments,
    /// Registration tokens of other platforms by device.
    DeviceTokens,
    /// Tokens of people and services, by their SHA-256.
    Tokens,
    /// What belongs to the installation as a whole.
    Installation,
    /// Webhooks by identity.
    Webhooks,
    /// How far each webhook has come, and its dead letters.
    Deliveries,
}

impl Table {
    pub(super) const ALL: [Self; 6] = [
        Self::Enrolments,
        Self::DeviceTokens,
        Self::Tokens,
        Self::Installation,
        Self::Webhooks,
        Self::Deliveries,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Enrolments => "enrolments",
            Self::DeviceTokens => "device_tokens",
            Self::Tokens => "tokens",
            Self::Installation => "installation",
            Self::Webhooks => "webhooks",
            Self::Deliveries => "deliveries",
        }
    }
}

/// The key of the installation's secret.
const SECRET: &[u8] = b"secret";
const SECRET_BYTES: usize = 32;

impl Store {
    /// Everything in a table, in order of the keys.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn read<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let handles = self.handles()?;
        handles
            .table(table)
            .iter()
            .map(|entry| {
                let (key, value) = entry?;
                Ok((key.to_vec(), decode(table.name(), &value)?))
            })
            .collect()
    }

    /// Up to `limit` entries of a table whose keys begin with `prefix`, those after `after`, in
    /// order of the keys.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn read_under<T: DeserializeOwned>(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let handles = self.handles()?;
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let entries = handles.table(table).range::<&[u8], _>((from, Bound::Unbounded));
        let mut found = Vec::new();
        for entry in entries.take(limit) {
            let (key, value) = entry?;
            if !key.starts_with(prefix) {
                break;
            }
            found.push((key.to_vec(), decode(table.name(), &value)?));
        }
        Ok(found)
    }

    /// What a table holds under that key.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn get<T: DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let found = self.handles()?.table(table).get(key)?;
        found.map(|value| decode(table.name(), &value)).transpose()
    }

    /// Sets (`Some`) and removes (`None`) entries of a table, all of them at once or none, and
    /// answers when that is durable.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`], [`StoreError::Closed`], [`StoreError::Encode`]:
    /// nothing has changed, or will once [`Self::heal`] is done.
    pub fn write<'a, T: Serialize + 'a>(
        &self,
        table: Table,
        changes: impl IntoIterator<Item = (&'a [u8], Option<T>)>,
    ) -> Result<(), StoreError> {
        self.write_noted(table, changes, &[])
    }

    /// The installation's secret: 256 random bits, made when first asked for.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Corrupt`] where it is not what was written.
    pub fn secret(&self) -> Result<[u8; SECRET_BYTES], StoreError> {
        // Two who ask at once get the same one.
        let _writer = self.writer();
        let handles = self.handles()?;
        let tree = handles.table(Table::Installation);
        if let Some(secret) = tree.get(SECRET)? {
            return decode(Table::Installation.name(), &secret);
        }
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)
            .map_err(|error| StoreError::Io(format!("no random numbers: {error}")))?;
        let mut batch = Batch::default();
        batch.insert(SECRET, encode(&secret)?);
        self.apply(&handles, tree, batch)?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let changes = [(&b"b"[..], Some("two")), (b"a", Some("one")), (b"c", Some("three"))];
        store.write(Table::Enrolments, changes).unwrap();
        store.write(Table::Enrolments, [(&b"b"[..], None::<&str>)]).unwrap();
        drop(store);
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let found: Vec<(Vec<u8>, String)> = store.read(Table::Enrolments).unwrap();
        assert_eq!(found, [(b"a".to_vec(), "one".into()), (b"c".to_vec(), "three".into())]);
        assert!(store.read::<String>(Table::Tokens).unwrap().is_empty());
    }

    #[test]
    fn the_secret_is_one_installation_s_for_good() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(one.path(), "urn:test").unwrap();
        let secret = store.secret().unwrap();
        assert_eq!(store.secret().unwrap(), secret);
        drop(store);
        assert_eq!(Store::open(one.path(), "urn:test").unwrap().secret().unwrap(), secret);
        assert_ne!(Store::open(other.path(), "urn:test").unwrap().secret().unwrap(), secret);
    }
}
