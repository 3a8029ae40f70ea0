//! [`Flags`]: what one vehicle is looked for.

use std::collections::BTreeMap;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::{Flag, FlagId, FlagState};

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

    /// The flag that matters most of those that have begun and are in force: it gives an alert its
    /// instruction. One to stop the vehicle comes before one to observe it.
    pub(crate) fn foremost(&self) -> Option<&Flag> {
        let begun = self.0.values().filter(|entry| entry.begun && !entry.suspended);
        let at_work = begun.map(|entry| &entry.flag).filter(|flag| flag.is_in_force());
        at_work.min_by_key(|flag| (flag.action, flag.priority))
    }

    /// Whether one of them still lets the vehicle be followed at `at`, though a timer may not have
    /// been noticed yet.
    pub(crate) fn stand_at(&self, at: Time) -> bool {
        self.iter().any(|flag| flag.is_in_force() && flag.ends_at() > at)
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        let due = |entry: &Entry| {
            if entry.begun {
                entry.flag.ends_at()
            } else {
                entry.flag.starts_at.min(entry.flag.ends_at())
            }
        };
        self.0.values().map(due).min()
    }

    /// One that has ended by `due`, and whether it was approved while it stood.
    pub(crate) fn expired(&self, due: Time) -> Option<(FlagId, bool)> {
        let ended = self.iter().find(|flag| flag.ends_at() <= due)?;
        let approved = matches!(ended.state, FlagState::Approved | FlagState::Provisional);
        Some((ended.id.clone(), approved))
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
