//! [`Flags`]: what one vehicle is looked for.

use std::collections::BTreeMap;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::{Action, CONFIRMED_S, Decided, Decision, Flag, FlagId, FlagState, UnitId};

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
    /// The unit of the first alert that was raised for it: it leads the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lead_unit: Option<UnitId>,
}

impl Flags {
    /// Adds a flag, or replaces the one of the same identity.
    pub(crate) fn add(&mut self, flag: Flag, now: Time) {
        let begun = flag.starts_at <= now;
        let lead_unit = self.lead_of(&flag.id).cloned();
        self.0.insert(flag.id.clone(), Entry { flag, begun, suspended: false, lead_unit });
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

    pub(crate) fn is_suspended(&self, id: &FlagId) -> bool {
        self.0.get(id).is_some_and(|entry| entry.suspended)
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
        self.at_work().min_by_key(|flag| (flag.action, flag.priority))
    }

    /// The same, of those that reach a unit, `above` which are others.
    pub(crate) fn foremost_at(&self, unit: &UnitId, above: &[UnitId]) -> Option<&Flag> {
        let reaching = self.at_work().filter(|flag| flag.reaches(unit, above));
        reaching.min_by_key(|flag| (flag.action, flag.priority))
    }

    fn at_work(&self) -> impl Iterator<Item = &Flag> {
        let begun = self.0.values().filter(|entry| entry.begun && !entry.suspended);
        begun.map(|entry| &entry.flag).filter(|flag| flag.is_in_force())
    }

    /// Approves or renews a flag; as it is then.
    pub(crate) fn decide(&mut self, decided: &Decided) -> Option<&Flag> {
        let entry = self.0.get_mut(&decided.flag)?;
        if entry.flag.state == FlagState::Provisional {
            // A person confirms what a device said: now it is a flag like those of persons.
            entry.flag.action = Action::Intercept;
            entry.flag.expires_at = entry.flag.starts_at.plus_seconds(CONFIRMED_S);
        }
        entry.flag.state = FlagState::Approved;
        entry.flag.approved_by = Some(decided.by.clone());
        if let Decision::Renew { expires_at } = decided.decision {
            entry.flag.expires_at = expires_at;
            // Who lets it last longer says that the vehicle is looked for still.
            entry.suspended = false;
        }
        Some(&entry.flag)
    }

    /// The unit that leads a flag's case: that of its first alert, which `unit` has if it is.
    pub(crate) fn lead(&mut self, id: &FlagId, unit: &UnitId) {
        if let Some(entry) = self.0.get_mut(id) {
            entry.lead_unit.get_or_insert_with(|| unit.clone());
        }
    }

    /// The unit that leads a flag's case, once there was an alert.
    pub(crate) fn lead_of(&self, id: &FlagId) -> Option<&UnitId> {
        self.0.get(id)?.lead_unit.as_ref()
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
