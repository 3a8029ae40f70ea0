//! [`Flags`]: what one vehicle is looked for.

use std::collections::BTreeMap;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::{Flag, FlagId};

/// A vehicle's flags, those included that have not begun yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Flags(BTreeMap<FlagId, Entry>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    flag: Flag,
    /// Whether it has begun.
    begun: bool,
    /// Its vehicle was stopped: nothing more is raised for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    suspended: bool,
}

impl Flags {
    /// Adds a flag, or replaces the one of the same identity.
    pub(crate) fn add(&mut self, flag: Flag, now: Time) {
        let begun = flag.starts_at <= now;
        self.0.insert(flag.id.clone(), Entry { flag, begun, suspended: false });
    }

    pub(crate) fn remove(&mut self, id: &FlagId) -> Option<Flag> {
        self.0.remove(id).map(|entry| entry.flag)
    }

    /// Nothing more is raised for a flag, until it is added anew.
    pub(crate) fn suspend(&mut self, id: &FlagId) {
        if let Some(entry) = self.0.get_mut(id) {
            entry.suspended = true;
        }
    }

    pub(crate) fn get(&self, id: &FlagId) -> Option<&Flag> {
        self.0.get(id).map(|entry| &entry.flag)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.0.values().map(|entry| &entry.flag)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The flag that matters most of those that have begun: it gives an alert its instruction.
    pub(crate) fn foremost(&self) -> Option<&Flag> {
        let begun = self.0.values().filter(|entry| entry.begun && !entry.suspended);
        begun.map(|entry| &entry.flag).min_by_key(|flag| flag.priority)
    }

    /// Whether one of them still stands at `at`, though its timer may not have been noticed yet.
    pub(crate) fn stand_at(&self, at: Time) -> bool {
        self.iter().any(|flag| flag.expires_at > at)
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        let due = |entry: &Entry| {
            if entry.begun {
                entry.flag.expires_at
            } else {
                entry.flag.starts_at.min(entry.flag.expires_at)
            }
        };
        self.0.values().map(due).min()
    }

    /// One that has expired by `due`.
    pub(crate) fn expired(&self, due: Time) -> Option<FlagId> {
        self.iter().find(|flag| flag.expires_at <= due).map(|flag| flag.id.clone())
    }

    /// Lets those begin whose time has come; whether there were any.
    pub(crate) fn begin(&mut self, due: Time) -> bool {
        let mut any = false;
        for entry in self.0.values_mut() {
            if !entry.begun && entry.flag.starts_at <= due {
                entry.begun = true;
                any = true;
            }
        }
        any
    }
}
