//! The keys of the journal.
//!
//! | key | value |
//! |---|---|
//! | `r` first and last record id, big-endian | records, sealed, see `blocks` |
//! | `e` sequence, big-endian | the event, sealed, see [`super::StoredEvent`] |
//! | `i` event id | sequence, big-endian |
//! | `f` flag id | the flag as its latest event says it, sealed JSON |
//! | `l` flag id | when it began and how it ended, JSON, see [`super::Life`] |
//! | `h` flag id | who holds it and why, sealed JSON, see [`super::Hold`] |
//! | `k` id of a key | that it was purged, and when, JSON |
//! | `t` and more, see `tracks` | a fix that is kept, sealed JSON |
//! | `p` | the last sequence purged, big-endian |
//! | `a` entry of the audit log, big-endian | a pack of entries from that one on, see [`super::audit`] |
//! | `n` level, index, big-endian | the hash of a subtree of the audit log |
//! | `c` | the number of the latest commit, big-endian |
//! | `g` | the restorations from backups, JSON, see [`super::Restored`] |

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use sled::Tree;

use super::handles::Handles;
use super::keys::KeyId;
use super::{Restored, StoreError};

pub(super) const RECORDS: u8 = b'r';
pub(super) const PURGED: &[u8] = b"p";
pub(super) const FLAGS: &[u8] = b"f";
pub(super) const LIVES: &[u8] = b"l";
pub(super) const HOLDS: &[u8] = b"h";
pub(super) const TRACKS: u8 = b't';
const PURGED_KEYS: &[u8] = b"k";
pub(super) const COMMIT: &[u8] = b"c";

/// Kinds of which entries are only added, each behind those before, and later taken away from the
/// first on. All others but [`TRACKS`] may change; a backup reads them while nobody writes.
pub(super) const GROWING: &[u8] = b"rea";
/// Kinds that follow from others.
pub(super) const DERIVED: &[u8] = b"i";

/// How many entries a purge takes away at a time: others write in between.
pub(super) const PURGE_CHUNK: usize = 1_000;

pub(super) const fn event_key(sequence: u64) -> [u8; 9] {
    numbered(b'e', sequence)
}

pub(super) fn id_key(id: &str) -> Vec<u8> {
    [b"i", id.as_bytes()].concat()
}

pub(super) fn flag_key(id: &str) -> Vec<u8> {
    [FLAGS, id.as_bytes()].concat()
}

pub(super) fn life_key(id: &str) -> Vec<u8> {
    [LIVES, id.as_bytes()].concat()
}

pub(super) fn hold_key(id: &str) -> Vec<u8> {
    [HOLDS, id.as_bytes()].concat()
}

pub(super) fn purged_key(id: KeyId) -> Vec<u8> {
    [PURGED_KEYS, &id].concat()
}

/// The ids of the keys that were purged.
pub(super) fn purged_keys(journal: &Tree) -> Result<BTreeSet<KeyId>, StoreError> {
    let keys = journal.scan_prefix(PURGED_KEYS).keys();
    keys.map(|key| {
        let short = || StoreError::Corrupt("the id of a purged key is too short".to_owned());
        key?.last_chunk::<8>().copied().ok_or_else(short)
    })
    .collect()
}

/// The identity in a key such as [`life_key`].
pub(super) fn identity(key: &[u8]) -> String {
    String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned()
}

pub(super) const fn events(from: u64, through: u64) -> RangeInclusive<[u8; 9]> {
    event_key(from)..=event_key(through)
}

pub(super) const fn audit_key(entry: u64) -> [u8; 9] {
    numbered(b'a', entry)
}

pub(super) const fn audit_entries(from: u64, through: u64) -> RangeInclusive<[u8; 9]> {
    audit_key(from)..=audit_key(through)
}

pub(super) fn audit_node_key(level: u32, index: u64) -> Vec<u8> {
    [&b"n"[..], &level.to_be_bytes(), &index.to_be_bytes()].concat()
}

const fn numbered(kind: u8, number: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [kind, a, b, c, d, e, f, g, h]
}

/// The number in a key such as [`event_key`] or in a value that is a number.
pub(super) fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes
        .last_chunk::<8>()
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or_else(|| StoreError::Corrupt("a number of the journal is too short".to_owned()))
}

pub(super) fn purged(handles: &Handles) -> Result<u64, StoreError> {
    handles.journal.get(PURGED)?.map_or(Ok(0), |value| number(&value))
}

pub(super) fn commit(handles: &Handles) -> Result<u64, StoreError> {
    handles.journal.get(COMMIT)?.map_or(Ok(0), |value| number(&value))
}

pub(super) fn next_sequence(handles: &Handles, restored: &[Restored]) -> Result<u64, StoreError> {
    let last = match handles.journal.range(events(0, u64::MAX)).next_back() {
        Some(entry) => number(&entry?.0)?,
        None => 0,
    };
    let begun = restored.last().map_or(1, |restored| restored.next_sequence);
    Ok((last.max(purged(handles)?) + 1).max(begun))
}

pub(super) fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Encode(error.to_string()))
}

pub(super) fn decode<'a, T: serde::Deserialize<'a>>(
    what: &str,
    bytes: &'a [u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Corrupt(format!("{what} cannot be read: {error}")))
}
