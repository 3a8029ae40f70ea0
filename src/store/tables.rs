//! Small tables beside the journal, and the installation's secret.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::Batch;

use super::handles::Handles;
use super::journal::{decode, encode};
use super::keys::{KeyName, Keyring, Opened, Sealer, is_sealed};
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
    /// Browsers' sessions, by the SHA-256 of their cookie.
    Sessions,
    /// What belongs to the installation as a whole.
    Installation,
    /// Webhooks by identity.
    Webhooks,
    /// How far each webhook has come, and its dead letters.
    Deliveries,
}

impl Table {
    pub(super) const ALL: [Self; 7] = [
        Self::Enrolments,
        Self::DeviceTokens,
        Self::Tokens,
        Self::Sessions,
        Self::Installation,
        Self::Webhooks,
        Self::Deliveries,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Enrolments => "enrolments",
            Self::DeviceTokens => "device_tokens",
            Self::Tokens => "tokens",
            Self::Sessions => "sessions",
            Self::Installation => "installation",
            Self::Webhooks => "webhooks",
            Self::Deliveries => "deliveries",
        }
    }
}

/// Key and value.
type Row = (Vec<u8>, Vec<u8>);

impl Table {
    /// Whether its rows are sealed: all but the installation's own, which tell of no vehicle. The keys
    /// of sealed rows are hidden: they can be a device's identity.
    const fn is_sealed(self) -> bool {
        !matches!(self, Self::Installation)
    }

    /// Where the row of that key lies.
    pub(super) fn place(self, key: &[u8], keys: &Keyring) -> Result<Vec<u8>, StoreError> {
        if self.is_sealed() { Ok(keys.hide(self.name(), key)?.to_vec()) } else { Ok(key.to_vec()) }
    }

    /// What lies there: in a sealed row the length of the key, big-endian in 4 bytes, the key, the value.
    pub(super) fn row(
        self,
        key: &[u8],
        value: Vec<u8>,
        seal: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        if !self.is_sealed() {
            return Ok(value);
        }
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes();
        seal([&length, key, &value].concat())
    }

    /// Key and value of a row; `None` where its key was purged.
    fn read(self, place: &[u8], row: &[u8], keys: &Keyring) -> Result<Option<Row>, StoreError> {
        if !is_sealed(row) {
            return Ok(Some((place.to_vec(), row.to_vec())));
        }
        let Opened::Plain(plain) = keys.unseal(self.name(), row)? else { return Ok(None) };
        let parts = plain.split_first_chunk::<4>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
        });
        let damaged = || StoreError::Corrupt(format!("a row of {} cannot be read", self.name()));
        let (key, value) = parts.ok_or_else(damaged)?;
        Ok(Some((key.to_vec(), value.to_vec())))
    }
}

/// Seals the rows that a folder before format 3 holds as they are.
pub(super) fn seal_all(handles: &Handles) -> Result<(), StoreError> {
    for table in Table::ALL.into_iter().filter(|table| table.is_sealed()) {
        let (mut batch, mut sealer) = (Batch::default(), Sealer::new(&handles.keys));
        for entry in handles.table(table).iter() {
            let (key, value) = entry?;
            if is_sealed(&value) {
                continue;
            }
            let row =
                table.row(&key, value.to_vec(), |row| sealer.seal(&[KeyName::general()], &row))?;
            batch.remove(&key);
            batch.insert(table.place(&key, &handles.keys)?, row);
        }
        sealer.finish()?;
        handles.write(handles.table(table), batch)?;
    }
    Ok(())
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
        self.read_where(table, |_| true, usize::MAX)
    }

    /// The first `limit` entries whose keys are `wanted`, in order of the keys.
    fn read_where<T: DeserializeOwned>(
        &self,
        table: Table,
        wanted: impl Fn(&[u8]) -> bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let handles = self.handles()?;
        let mut rows = Vec::new();
        for entry in handles.table(table).iter() {
            let (place, row) = entry?;
            let read = table.read(&place, &row, &handles.keys)?;
            rows.extend(read.filter(|(key, _)| wanted(key)));
        }
        // They lie in the order of what stands for their keys, so that all are looked at.
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.truncate(limit);
        let decoded = |(key, value): (Vec<u8>, Vec<u8>)| Ok((key, decode(table.name(), &value)?));
        rows.into_iter().map(decoded).collect()
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
        let wanted = |key: &[u8]| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        self.read_where(table, wanted, limit)
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
        let handles = self.handles()?;
        let place = table.place(key, &handles.keys)?;
        let Some(row) = handles.table(table).get(&place)? else { return Ok(None) };
        let found = table.read(&place, &row, &handles.keys)?;
        found.map(|(_, value)| decode(table.name(), &value)).transpose()
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
