//! What a restoration from a backup leaves behind: numbers that are not given again.
//!
//! What happened after a backup was made is lost with the folder that it is restored in place of,
//! but not from the memory of whoever followed the events. Numbers of events and of records (of which
//! the events' identities are made) therefore go on far behind any that can have been given.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use sled::Batch;

use super::StoreError;
use super::handles::Handles;
use super::journal::{decode, encode};

pub(super) const KEY: &[u8] = b"g";

/// Numbers go on at least so much later, whatever the clock says: more than are given in a day at
/// 10,000 a second.
const LEAST_GAP: u64 = 1_000_000_000;

/// A restoration of a data folder from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When.
    pub at: Time,
    /// When the backup was made.
    pub made_at: Time,
    /// The latest event that the backup holds.
    pub last_sequence: u64,
    /// The number of the first event after the restoration.
    pub next_sequence: u64,
    /// The number of the first record after it.
    pub next_record: u64,
}

impl Restored {
    /// Restored at `at`, from a backup made then that holds so much.
    pub(super) fn new(at: Time, made_at: Time, last_sequence: u64, last_record: u64) -> Self {
        // Microseconds of the clock: they run faster than any store numbers its events, so that also
        // what was given between two restorations of one backup is left behind. Below 2^53, as far as
        // numbers of JSON go everywhere, until the year 2255.
        let clock = u64::try_from(at.millis()).unwrap_or(0).saturating_mul(1_000);
        let after = |last: u64| clock.max(last.saturating_add(LEAST_GAP));
        let (next_sequence, next_record) = (after(last_sequence), after(last_record));
        Self { at, made_at, last_sequence, next_sequence, next_record }
    }

    /// Whether `cursor` is of an event that was lost with the restoration.
    pub(super) const fn lost(&self, cursor: u64) -> bool {
        self.last_sequence < cursor && cursor + 1 < self.next_sequence
    }
}

pub(super) fn load(handles: &Handles) -> Result<Vec<Restored>, StoreError> {
    let found = handles.journal.get(KEY)?;
    found.map_or_else(|| Ok(Vec::new()), |value| decode("a restoration", &value))
}

pub(super) fn save(restored: &[Restored], batch: &mut Batch) -> Result<(), StoreError> {
    batch.insert(KEY, encode(restored)?);
    Ok(())
}
