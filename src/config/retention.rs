//! How long what is kept of vehicles is kept.

use std::collections::BTreeMap;

use interdict_engine::Class;
use serde::Deserialize;

/// Periods, each counted from the end of a flag, or of the day where no flag is concerned. Of a vehicle
/// that nobody flagged, whose device reported no alarm and whose class is not in `unflagged_s`
/// nothing is kept at all but its last fix, in memory.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// What came of a flag that was withdrawn as wrong, was not approved or has lapsed, seconds: a week
    /// is time to object to the withdrawal, and no longer is there ground to keep anything.
    pub wrong_s: f64,
    /// What a flagged vehicle's devices reported, seconds: a month of it lets a disputed decision be
    /// looked into.
    pub tracks_s: f64,
    /// Alerts, alarms and flags, seconds: a year, within which most cases come to court; one that takes
    /// longer holds its flag.
    pub alerts_s: f64,
    /// What the audit log says, seconds: three years, well after the alerts, since whoever misused what
    /// was kept is found out late. How a flag ended changes nothing: who flagged wrongly answers for it.
    pub audit_s: f64,
    /// Tracks of vehicles that are not flagged, by class, seconds; of a class that is not here none is
    /// kept. A force that must account for its own cars, or a carrier of money, asks for it.
    pub unflagged_s: BTreeMap<Class, f64>,
}

const DAY_S: f64 = 86_400.0;

impl Default for Retention {
    fn default() -> Self {
        Self {
            wrong_s: 7.0 * DAY_S,
            tracks_s: 30.0 * DAY_S,
            alerts_s: 365.0 * DAY_S,
            audit_s: 3.0 * 365.0 * DAY_S,
            unflagged_s: BTreeMap::new(),
        }
    }
}
