//! `[downlink]`: what devices may be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use interdict_protocols::{Ability, find};
use serde::Deserialize;

use super::document::{Document, Places};
use super::problem::Report;

/// The longest interval that still is one to follow a vehicle by, seconds.
const LONGEST_INTERVAL_S: u16 = 600;

/// What devices may be asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Downlink {
    /// Whether anything is said to a device that is no answer to it.
    pub enabled: bool,
    /// Seconds between two reports of a device whose vehicle has a flag in force.
    pub interval_s: u16,
    /// The protocols whose devices a flag makes report faster; all that can where none are named.
    pub protocols: BTreeSet<String>,
    /// Models that a flag does not make report faster: their battery, or their display, forbids it.
    pub except_models: BTreeSet<String>,
    /// Devices' passwords, by model or by protocol: what their makers set where none is named.
    pub passwords: BTreeMap<String, DevicePassword>,
}

impl Default for Downlink {
    fn default() -> Self {
        Self {
            enabled: true,
            // What a checkpoint's people need to see a turn in time; terminals' shortest is 1 s.
            interval_s: 5,
            protocols: BTreeSet::new(),
            except_models: BTreeSet::new(),
            passwords: BTreeMap::new(),
        }
    }
}

/// A password that devices want before they obey. It is sent to them as it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DevicePassword(String);

impl fmt::Debug for DevicePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevicePassword(…)")
    }
}

impl Downlink {
    /// The password of devices of this model, which speak this protocol.
    #[must_use]
    pub fn password(&self, model: Option<&str>, protocol: &str) -> Option<&str> {
        let of_model = model.and_then(|model| self.passwords.get(model));
        of_model.or_else(|| self.passwords.get(protocol)).map(|password| password.0.as_str())
    }

    /// Whether a flag makes devices of this model, which speak this protocol, report faster.
    #[must_use]
    pub fn follows(&self, model: Option<&str>, protocol: &str) -> bool {
        self.enabled
            && (self.protocols.is_empty() || self.protocols.contains(protocol))
            && !model.is_some_and(|model| self.except_models.contains(model))
    }
}

/// Checks what the document says.
pub(super) fn check(file: &str, document: &Document, places: &Places, report: &mut Report) {
    let downlink = &document.downlink;
    let mut problem = |key: &str, what: String| {
        report.problem(file, places.line(key), format!("{key}: {what}"));
    };
    if !(1..=LONGEST_INTERVAL_S).contains(&downlink.interval_s) {
        let found = downlink.interval_s;
        let what =
            format!("found {found}, expected a number of seconds from 1 to {LONGEST_INTERVAL_S}");
        problem("downlink.interval_s", what);
    }
    for name in &downlink.protocols {
        let abilities = find(name).map(|protocol| protocol.commands.map(|can| can.abilities));
        let what = match abilities {
            None => format!("there is no protocol {name:?}"),
            Some(Some(can)) if can.iter().any(|ability| *ability != Ability::Text) => continue,
            Some(_) => format!("devices of {name} cannot be asked for positions"),
        };
        problem("downlink.protocols", what);
    }
    for (of, DevicePassword(password)) in &downlink.passwords {
        let fits = (1..=20).contains(&password.len())
            && password.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            // What it is stays out of messages.
            let what = format!("the password of {of:?} is to have 1 to 20 letters and digits");
            problem("downlink.passwords", what);
        }
    }
}
