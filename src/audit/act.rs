//! [`Act`]: something to be noted.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Hash, Octets};

/// What people and the server do; events of the engine are noted by their types.
pub mod acts {
    /// A request was refused to a token that may not do that.
    pub const ACCESS_DENIED: &str = "access.denied";
    /// An alert is shown to somebody.
    pub const ALERT_DELIVER: &str = "alert.deliver";
    /// An alert was signed off.
    pub const ALERT_ACKNOWLEDGE: &str = "alert.acknowledge";
    /// A unit was told what to do about an alert.
    pub const ALERT_INSTRUCT: &str = "alert.instruct";
    /// Somebody said how an alert ended.
    pub const ALERT_DISPOSE: &str = "alert.dispose";
    /// Open alerts, with their vehicles' positions, were read.
    pub const ALERTS_READ: &str = "alerts.read";
    /// The log's signing key was made, or is another one than before.
    pub const AUDIT_KEY: &str = "audit.key";
    /// Contents of entries were purged: see [`super::Purge`].
    pub const AUDIT_PURGE: &str = "audit.purge";
    /// Entries of this log were read.
    pub const AUDIT_READ: &str = "audit.read";
    /// A checkpoint was added, or something of it changed.
    pub const CHECKPOINT_CHANGE: &str = "checkpoint.change";
    /// A checkpoint was taken away.
    pub const CHECKPOINT_REMOVE: &str = "checkpoint.remove";
    /// The configuration is another one than at the last start.
    pub const CONFIGURATION_CHANGE: &str = "configuration.change";
    /// A device was asked for its position.
    pub const DEVICE_ASK: &str = "device.ask";
    /// A device was enrolled, or what is known of it and its vehicle changed.
    pub const DEVICE_ENROL: &str = "device.enrol";
    /// A device is asked to report faster from now on, since its vehicle is flagged.
    pub const DEVICE_FASTER: &str = "device.faster";
    /// Devices were enrolled or changed together.
    pub const DEVICE_IMPORT: &str = "device.import";
    /// A device was revoked.
    pub const DEVICE_REVOKE: &str = "device.revoke";
    /// A device came in the place of another.
    pub const DEVICE_SWAP: &str = "device.swap";
    /// A device was asked to show a text to its driver.
    pub const DEVICE_TEXT: &str = "device.text";
    /// A device's first token of another platform was believed.
    pub const DEVICE_TOKEN: &str = "device.token";
    /// A device is asked to report faster no more.
    pub const DEVICE_USUAL: &str = "device.usual";
    /// The stream of events, with flagged vehicles' positions, was opened.
    pub const EVENTS_FOLLOW: &str = "events.follow";
    /// A flag was added, or applied for.
    pub const FLAG_ADD: &str = "flag.add";
    /// A flag was approved.
    pub const FLAG_APPROVE: &str = "flag.approve";
    /// Flags were written out as CSV.
    pub const FLAG_EXPORT: &str = "flag.export";
    /// A flag on a plate goes on on the vehicle that was enrolled with it.
    pub const FLAG_MOVE: &str = "flag.move";
    /// A flag was rejected.
    pub const FLAG_REJECT: &str = "flag.reject";
    /// A flag was renewed.
    pub const FLAG_RENEW: &str = "flag.renew";
    /// A flag was withdrawn.
    pub const FLAG_WITHDRAW: &str = "flag.withdraw";
    /// What is kept of a flag is held: nothing of it is purged.
    pub const FLAG_HOLD: &str = "flag.hold";
    /// A flag is held no longer.
    pub const FLAG_RELEASE: &str = "flag.release";
    /// Something was purged by destroying its key.
    pub const RETENTION_PURGE: &str = "retention.purge";
    /// All that is held on a vehicle was read.
    pub const SUBJECT_REPORT: &str = "subject.report";
    /// A browser's session was closed by its holder.
    pub const SESSION_CLOSE: &str = "session.close";
    /// A token was exchanged for a browser's session.
    pub const SESSION_OPEN: &str = "session.open";
    /// Somebody reported where a vehicle was seen.
    pub const SIGHTING_ADD: &str = "sighting.add";
    /// The server started.
    pub const SERVER_START: &str = "server.start";
    /// The server ended in order.
    pub const SERVER_STOP: &str = "server.stop";
    /// A copy of all that is kept was made.
    pub const STORE_BACKUP: &str = "store.backup";
    /// The data folder was made of such a copy: what was noted after that was made is lost.
    pub const STORE_RESTORE: &str = "store.restore";
    /// A token was made.
    pub const TOKEN_ADD: &str = "token.add";
    /// A token was revoked.
    pub const TOKEN_REVOKE: &str = "token.revoke";
    /// A vehicle's position was read.
    pub const VEHICLE_READ: &str = "vehicle.read";
    /// Part of a vehicle's track was read.
    pub const VEHICLE_TRACK: &str = "vehicle.track";
    /// A webhook was made: events, with flagged vehicles' positions, go there from now on.
    pub const WEBHOOK_ADD: &str = "webhook.add";
    /// A webhook was held, or goes on.
    pub const WEBHOOK_CHANGE: &str = "webhook.change";
    /// A webhook was taken away.
    pub const WEBHOOK_REMOVE: &str = "webhook.remove";
    /// A webhook's events are sent again from a cursor, or dead letters of it.
    pub const WEBHOOK_REPLAY: &str = "webhook.replay";
    /// A webhook was given another secret.
    pub const WEBHOOK_ROTATE: &str = "webhook.rotate";
}

/// Bytes of names in one act: what an entry holds must lie in one piece on the disk.
const NAMES_BYTES: usize = 8 * 1024;

/// Who does something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The person or service that their token belongs to; or `engine`, `server`, `configuration`.
    pub who: String,
    /// Which of their tokens they used, where they came with one.
    pub token: Option<String>,
    /// Their reason, where they gave one.
    pub why: Option<String>,
}

impl By {
    /// Who comes without a token.
    #[must_use]
    pub fn named(who: impl Into<String>) -> Self {
        Self { who: who.into(), token: None, why: None }
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self::named("server")
    }

    /// The same, for that reason.
    #[must_use]
    pub fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }
}

/// What an entry commits to and keeps apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditContent)]
pub struct Content {
    /// See [`By::who`].
    pub who: String,
    /// See [`By::token`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What it is about, by identity.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub what: Map<String, Value>,
    /// See [`By::why`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of the whole of it, where it lies elsewhere: an event's JSON, a flag's, an imported file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hash>,
}

impl Content {
    /// Whether it names, as its flag, alert or vehicle, one of these.
    #[must_use]
    pub fn names(&self, any: &BTreeSet<String>) -> bool {
        let is_any = |value: &Value| value.as_str().is_some_and(|text| any.contains(text));
        ["flag", "alert", "vehicle", "vehicles"].iter().any(|name| match self.what.get(*name) {
            Some(Value::Array(all)) => all.iter().any(is_any),
            Some(value) => is_any(value),
            None => false,
        })
    }

    /// The event that it notes.
    #[must_use]
    pub fn event_sequence(&self) -> Option<u64> {
        self.what.get("sequence")?.as_u64()
    }
}

/// Something to be noted.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// When it was done.
    pub at: Time,
    /// What was done: one of [`acts`], or an event's type.
    pub act: &'static str,
    /// The particulars.
    pub content: Content,
}

impl Act {
    /// `by` did `act`.
    #[must_use]
    pub fn new(at: Time, act: &'static str, by: &By) -> Self {
        let By { who, token, why } = by.clone();
        Self { at, act, content: Content { who, token, why, ..Content::default() } }
    }

    /// Names something that it is about.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.content.what.insert(name.to_owned(), value.into());
        self
    }

    /// Names it where there is one.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Commits to the whole of what it is about.
    #[must_use]
    pub fn of(mut self, whole: &[u8]) -> Self {
        self.content.sha256 = Some(Octets(Sha256::digest(whole).into()));
        self
    }

    /// Lists, as `name`, all that it is about: in several acts where they are too many for one.
    #[must_use]
    pub fn naming<'a>(self, name: &str, all: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut parts: Vec<Vec<Value>> = Vec::new();
        let mut bytes = NAMES_BYTES;
        for one in all {
            // In quotes, and with a comma.
            let length = one.len() + 3;
            if bytes + length > NAMES_BYTES {
                parts.push(Vec::new());
                bytes = 0;
            }
            bytes += length;
            if let Some(part) = parts.last_mut() {
                part.push(one.into());
            }
        }
        let count = parts.len();
        if count == 0 {
            return vec![self.with(name, Value::Array(Vec::new()))];
        }
        let parts = (1..).zip(parts).map(|(number, part)| {
            let act = self.clone().with(name, part);
            if count == 1 { act } else { act.with("part", format!("{number} of {count}")) }
        });
        parts.collect()
    }
}

/// What an [`acts::AUDIT_PURGE`] says of itself: the entries whose contents are gone by it. It is
/// noted in the same commit that takes them away, and its own content stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// First and last entry of each range.
    entries: Vec<(u64, u64)>,
}

impl Purge {
    /// A purge of the contents of these entries.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        let entries = entries.into_iter().map(|range| (*range.start(), *range.end()));
        Self { entries: entries.collect() }
    }

    /// The act that says so.
    #[must_use]
    pub fn act(&self, at: Time, by: &By) -> Act {
        Act::new(at, acts::AUDIT_PURGE, by).with("entries", serde_json::json!(self.entries))
    }

    /// What such an act's content says.
    pub(super) fn read(content: &Content) -> Option<Self> {
        Self::deserialize(Value::Object(content.what.clone())).ok()
    }

    pub(super) fn holds(&self, entry: u64) -> bool {
        self.entries.iter().any(|(first, last)| (*first..=*last).contains(&entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_parted_and_nobody_is_lost() {
        let ids: Vec<String> = (0..5_000).map(|number| format!("vehicle-{number}")).collect();
        let act = Act::new(Time::from_seconds(0), acts::VEHICLE_READ, &By::server());
        let parted = act.clone().naming("vehicles", ids.iter().map(String::as_str));
        assert!(parted.len() > 1);
        let count = parted.len();
        assert_eq!(parted[0].content.what["part"], format!("1 of {count}"));
        let named = parted.iter().flat_map(|act| act.content.what["vehicles"].as_array().unwrap());
        assert!(named.eq(ids.iter().map(String::as_str)));
        let largest = parted.iter().map(|act| serde_json::to_vec(&act.content).unwrap().len());
        assert!(largest.max().unwrap() < 32 * 1024);
        assert_eq!(act.clone().naming("vehicles", ["a"])[0].content.what.len(), 1);
        assert_eq!(act.naming("vehicles", []).len(), 1);
    }
}
