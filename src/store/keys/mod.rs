//! The keys that everything of vehicles is sealed with, kept outside sled: what is purged is made
//! unreadable by destroying its key, since sled leaves old values in its files.
//!
//! Each key is a file of the folder `keys`: 32 random bytes that only their owner reads, durable before
//! the first commit that uses them. Its name says what it is for ([`KeyName`]).

mod files;
mod seal;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use interdict_engine::Class;
use interdict_protocols::Time;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::StoreError;

pub(super) use seal::{Opened, Sealer, is_sealed};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What stands for a name in the database.
pub(super) type Hidden = [u8; 16];

/// A key in the head of what is sealed under it.
pub(super) type KeyId = [u8; 8];

/// What of a flag a key is for: each has its own period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// What its vehicle's devices reported while it stood: records and tracks.
    Tracks,
    /// The flag itself, its alerts and its vehicle's alarms: events.
    Alerts,
    /// What the audit log says of it.
    Audit,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tracks, Self::Alerts, Self::Audit];

    /// The word for it, in names of files and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Alerts => "alerts",
            Self::Audit => "audit",
        }
    }
}

const GENERAL: &str = "general";
const DAY: &str = "day-";
const AUDIT_DAY: &str = "auditday-";
const CLASS: &str = "class-";
const SNAPSHOT: &str = "snapshot-";

/// What a key is for, as its file is called:
///
/// | name | of |
/// |---|---|
/// | `tracks-`, `alerts-`, `audit-` and a hash of the flag's id | a flag |
/// | `day-` and a date in UTC | alarms of vehicles that are not flagged, and events of no flag |
/// | `auditday-` and a date in UTC | what the audit log says of no flag |
/// | `class-`, a class and a date in UTC | tracks of a class that has a period of its own |
/// | `snapshot-` and random digits | one snapshot |
/// | `general` | all else: enrolments, tokens, what concerns no vehicle |
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyName(String);

impl KeyName {
    pub(super) fn general() -> Self {
        Self(GENERAL.to_owned())
    }

    pub(super) fn of_flag(purpose: Purpose, flag: &str) -> Self {
        // Ids of flags come from outside and may be anything.
        Self(format!("{}-{}", purpose.name(), hex(&short_hash(flag.as_bytes()))))
    }

    pub(super) fn of_day(time: Time) -> Self {
        Self(format!("{DAY}{}", date(time)))
    }

    pub(super) fn of_audit_day(time: Time) -> Self {
        Self(format!("{AUDIT_DAY}{}", date(time)))
    }

    /// One for all vehicles of the class: one for each would be as many files a day as there are
    /// vehicles, each waited for before its first fix is durable, and all of them go at the same time.
    pub(super) fn of_class_day(class: Class, time: Time) -> Self {
        let name = serde_json::to_value(class).unwrap_or_default();
        Self(format!("{CLASS}{}-{}", name.as_str().unwrap_or_default(), date(time)))
    }

    pub(super) fn of_new_snapshot() -> Result<Self, StoreError> {
        let mut bits = [0; 8];
        random(&mut bits)?;
        Ok(Self(format!("{SNAPSHOT}{}", hex(&bits))))
    }

    pub(super) fn is_of_snapshot(&self) -> bool {
        self.0.starts_with(SNAPSHOT)
    }

    /// Whose day it is of, where it is of one, and when that has ended.
    pub(super) fn day(&self) -> Option<(DayOf, Time)> {
        let (of, date) = if let Some(date) = self.0.strip_prefix(DAY) {
            (DayOf::Alarms, date)
        } else if let Some(date) = self.0.strip_prefix(AUDIT_DAY) {
            (DayOf::Audit, date)
        } else {
            let (class, date) = self.0.strip_prefix(CLASS)?.split_once('-')?;
            let class = serde_json::from_value(Value::String(class.to_owned())).ok()?;
            (DayOf::Class(class), date)
        };
        let began = Time::parse(&format!("{date}T00:00:00Z"))?;
        Some((of, began.plus_seconds(DAY_S)))
    }

    /// Whether it is of what a flagged vehicle's devices reported.
    pub(super) fn is_of_flags_tracks(&self) -> bool {
        self.0.strip_prefix(Purpose::Tracks.name()).is_some_and(|rest| rest.starts_with('-'))
    }

    pub(super) fn id(&self) -> KeyId {
        short_hash(self.0.as_bytes())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a file, where it can be one of a key.
    pub(super) fn read(text: &str) -> Option<Self> {
        let is_good = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_good.then(|| Self(text.to_owned()))
    }
}

/// What a key of a day is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DayOf {
    /// Alarms of vehicles that are not flagged.
    Alarms,
    /// The audit log.
    Audit,
    /// Tracks of a class.
    Class(Class),
}

const DAY_S: f64 = 86_400.0;

/// The date in UTC: the first ten letters of RFC 3339.
fn date(time: Time) -> String {
    time.to_string().chars().take(10).collect()
}

fn short_hash(bytes: &[u8]) -> [u8; 8] {
    let hash = Sha256::digest(bytes);
    let mut short = [0; 8];
    short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    short
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn hidden(bits: &[u8], table: &str, text: &[u8]) -> Hidden {
    let hash = Sha256::new_with_prefix(b"interdict table key\n").chain_update(bits);
    let hash = hash.chain_update(table).chain_update(b"\n").chain_update(text).finalize();
    let mut hidden = [0; 16];
    hidden.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    hidden
}

fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::Io(format!("no random numbers: {error}")))
}

/// A key, and what it is for.
struct Key {
    name: KeyName,
    bits: [u8; KEY_BYTES],
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn new(name: KeyName, bits: [u8; KEY_BYTES]) -> Self {
        Self { name, cipher: XChaCha20Poly1305::new(&bits.into()), bits }
    }
}

#[derive(Default)]
struct Held {
    keys: HashMap<KeyId, Key>,
    /// Those that were purged. They are never made anew.
    purged: BTreeSet<KeyId>,
}

/// All keys that there are, in memory.
pub(super) struct Keyring {
    folder: PathBuf,
    held: RwLock<Held>,
}

impl Keyring {
    /// Reads the keys of `folder`, made where there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let keys = files::read_all(folder)?;
        let keys = keys.into_iter().map(|(name, bits)| (name.id(), Key::new(name, bits)));
        let held = Held { keys: keys.collect(), purged: BTreeSet::new() };
        Ok(Self { folder: folder.to_owned(), held: RwLock::new(held) })
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// These were purged, says the journal.
    pub(super) fn learn_purged(&self, purged: BTreeSet<KeyId>) {
        self.write().purged = purged;
    }

    /// Whether that key was purged.
    pub(super) fn is_purged(&self, name: &KeyName) -> bool {
        self.has_purged(&name.id())
    }

    /// Whether there is a key of that name.
    pub(super) fn has(&self, name: &KeyName) -> bool {
        self.read().keys.contains_key(&name.id())
    }

    pub(super) fn has_purged(&self, id: &KeyId) -> bool {
        self.read().purged.contains(id)
    }

    /// The names of all keys, in order.
    pub(super) fn names(&self) -> Vec<KeyName> {
        let mut names: Vec<_> = self.read().keys.values().map(|key| key.name.clone()).collect();
        names.sort();
        names
    }

    /// Names and bits of all keys, in order, but of those that were purged: for a backup.
    pub(super) fn all(&self) -> Vec<(KeyName, [u8; KEY_BYTES])> {
        let held = self.read();
        let kept = held.keys.iter().filter(|(id, _)| !held.purged.contains(*id));
        let mut all: Vec<_> = kept.map(|(_, key)| (key.name.clone(), key.bits)).collect();
        all.sort();
        all
    }

    /// Makes keys durable, then known.
    pub(super) fn add(&self, keys: Vec<(KeyName, [u8; KEY_BYTES])>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        files::write(&self.folder, &keys)?;
        let mut held = self.write();
        for (name, bits) in keys {
            held.keys.insert(name.id(), Key::new(name, bits));
        }
        Ok(())
    }

    /// These are not to be used any more, by anybody: the journal says so.
    pub(super) fn forget(&self, ids: impl IntoIterator<Item = KeyId>) {
        let mut held = self.write();
        held.purged.extend(ids);
    }

    /// Destroys the files of the keys that were purged. A destruction that was broken off is finished by
    /// the next call.
    pub(super) fn destroy_purged(&self) -> Result<(), StoreError> {
        let names = {
            let held = self.read();
            let due = held.keys.iter().filter(|(id, _)| held.purged.contains(*id));
            due.map(|(_, key)| key.name.clone()).collect::<Vec<_>>()
        };
        self.destroy(&names)
    }

    /// Destroys the keys of all snapshots but the one under `kept`.
    pub(super) fn destroy_snapshots_but(&self, kept: Option<KeyId>) -> Result<(), StoreError> {
        let names = self.names().into_iter();
        let names = names.filter(|name| name.is_of_snapshot() && Some(name.id()) != kept);
        self.destroy(&names.collect::<Vec<_>>())
    }

    fn destroy(&self, names: &[KeyName]) -> Result<(), StoreError> {
        files::destroy(&self.folder, names)?;
        let mut held = self.write();
        for name in names {
            held.keys.remove(&name.id());
        }
        Ok(())
    }

    /// What stands for a table's key in the database, where that can be a device's or a vehicle's.
    pub(super) fn hide(&self, table: &str, key: &[u8]) -> Result<Hidden, StoreError> {
        let name = KeyName::general();
        if !self.read().keys.contains_key(&name.id()) {
            let mut bits = [0; KEY_BYTES];
            random(&mut bits)?;
            self.add(vec![(name.clone(), bits)])?;
        }
        let held = self.read();
        let bits = held.keys.get(&name.id()).map_or(&[][..], |key| &key.bits[..]);
        Ok(hidden(bits, table, key))
    }

    /// What stands for `text` among what is sealed under that key: nobody tells it without the key.
    /// `None` where there is none.
    pub(super) fn hide_under(&self, name: &KeyName, table: &str, text: &[u8]) -> Option<Hidden> {
        let held = self.read();
        held.keys.get(&name.id()).map(|key| hidden(&key.bits, table, text))
    }
}
