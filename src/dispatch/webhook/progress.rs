//! [`Progress`]: how far an endpoint has come, and what stands in its way. Durable, and pure: time is
//! an argument, and nothing here sends.
//!
//! Events are taken in order of sequence. `cursor` is the place up to which nothing is left to look at:
//! each event before it was delivered, given up, not wanted, or waits behind one of its vehicle's that
//! the endpoint rejected (`held`). What was settled after it is in `done`: vehicles do not wait for each
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interdict_engine::{EventId, Type, VehicleId};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config;
use crate::store::StoredEvent;

/// Times that one event may be answered with a failure of the endpoint's before that counts as the
/// event's own fault: an endpoint that stumbles over one event must get the others.
const STUMBLES: u32 = 5;

/// Something that failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookTrouble)]
pub struct Trouble {
    /// Since when.
    pub since: Time,
    /// How often in a row it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Time,
    /// What went wrong last.
    pub error: String,
    /// The event that was tried last.
    pub sequence: u64,
}

impl Trouble {
    /// The same once more.
    fn again(before: Option<&Self>, failure: Failure<'_>, settings: &config::Webhooks) -> Self {
        let Failure { sequence, error, retry_after, now } = failure;
        let attempts = before.map_or(0, |before| before.attempts).saturating_add(1);
        let pause_s = settings.retry_after_s(attempts).max(retry_after.as_secs_f64());
        Self {
            since: before.map_or(now, |before| before.since),
            attempts,
            next_at: now.plus_seconds(pause_s),
            error: error.to_owned(),
            sequence,
        }
    }
}

/// What went wrong with which event.
#[derive(Clone, Copy)]
struct Failure<'a> {
    sequence: u64,
    error: &'a str,
    retry_after: Duration,
    now: Time,
}

/// A vehicle whose events wait because the endpoint rejects one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookHeld)]
pub struct Held {
    /// The next sequence to look at; the rejected event itself at first.
    pub from: u64,
    /// Events known to wait.
    pub waiting: u64,
    /// What is wrong.
    pub trouble: Trouble,
}

/// An event that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct Dead {
    /// Its place in the order of all events: what it is asked for by.
    pub sequence: u64,
    /// Its identity.
    pub event: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The vehicle concerned, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleId>,
    /// When it happened.
    pub time: Time,
    /// When it was given up.
    pub given_up_at: Time,
    /// Why.
    pub error: String,
}

/// Whose order an event keeps: its vehicle's, and what concerns no vehicle is an order of its own.
pub(super) fn lane(event: &StoredEvent) -> VehicleId {
    event.vehicle.clone().unwrap_or_else(|| VehicleId::from(""))
}

impl Dead {
    fn of(event: &StoredEvent, error: &str, now: Time) -> Self {
        Self {
            sequence: event.sequence,
            event: event.id.clone(),
            kind: event.kind,
            vehicle: event.vehicle.clone(),
            time: event.time,
            given_up_at: now,
            error: error.to_owned(),
        }
    }
}

/// How far an endpoint has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// See the module.
    pub cursor: u64,
    /// Settled after the cursor.
    #[serde(default)]
    pub done: BTreeSet<u64>,
    /// Vehicles whose events wait behind one of them.
    #[serde(default)]
    pub held: BTreeMap<VehicleId, Held>,
    /// Dead letters to be sent again.
    #[serde(default)]
    pub again: BTreeSet<u64>,
    /// The endpoint itself takes nothing.
    #[serde(default)]
    pub down: Option<Trouble>,
    /// No event's patience runs from before: when the endpoint was made, resumed or set back.
    pub since: Time,
    /// Events delivered so far.
    #[serde(default)]
    pub delivered: u64,
    /// Events that were purged before they could be sent.
    #[serde(default)]
    pub lost: u64,
    /// When something was delivered last.
    #[serde(default)]
    pub delivered_at: Option<Time>,
}

impl Progress {
    /// Begins after `cursor`.
    #[must_use]
    pub const fn new(cursor: u64, now: Time) -> Self {
        Self {
            cursor,
            done: BTreeSet::new(),
            held: BTreeMap::new(),
            again: BTreeSet::new(),
            down: None,
            since: now,
            delivered: 0,
            lost: 0,
            delivered_at: None,
        }
    }

    /// Begins anew after `cursor`; what waits is looked at again on the way, or is before it.
    pub fn replay(&mut self, cursor: u64, now: Time) {
        let Self { delivered, lost, delivered_at, .. } = *self;
        let again = std::mem::take(&mut self.again);
        *self = Self { delivered, lost, delivered_at, again, ..Self::new(cursor, now) };
    }

    /// Goes on after a pause: at once, and with everything's patience new.
    pub fn resume(&mut self, now: Time) {
        self.since = now;
        self.down = None;
        for held in self.held.values_mut() {
            held.trouble.next_at = now;
        }
    }

    /// Whether an event after the cursor is still to be sent now.
    #[must_use]
    pub fn is_due(&self, event: &StoredEvent) -> bool {
        !self.done.contains(&event.sequence) && !self.held.contains_key(&lane(event))
    }

    /// The vehicle whose waiting events may be tried again at `now`.
    #[must_use]
    pub fn held_due(&self, now: Time) -> Option<(VehicleId, Held)> {
        let due = self.held.iter().filter(|(_, held)| held.trouble.next_at <= now);
        let first = due.min_by_key(|(_, held)| held.trouble.next_at);
        first.map(|(vehicle, held)| (vehicle.clone(), held.clone()))
    }

    /// When something is tried again although nothing new has happened.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        match &self.down {
            Some(down) => Some(down.next_at),
            None => self.held.values().map(|held| held.trouble.next_at).min(),
        }
    }

    /// An event was delivered.
    pub fn delivered(&mut self, event: &StoredEvent, now: Time) {
        self.delivered += 1;
        self.delivered_at = Some(now);
        self.down = None;
        self.settle(event);
    }

    /// The endpoint rejected an event; what is given up for it, if that is over.
    pub fn rejected(
        &mut self,
        event: &StoredEvent,
        error: &str,
        now: Time,
        settings: &config::Webhooks,
    ) -> Option<Dead> {
        // It answers: it is not down.
        self.down = None;
        let before = self.held.get(&lane(event));
        let same = before.filter(|held| held.trouble.sequence == event.sequence);
        let failure = Failure { sequence: event.sequence, error, retry_after: Duration::ZERO, now };
        let trouble = Trouble::again(same.map(|held| &held.trouble), failure, settings);
        if now.seconds_since(trouble.since) >= settings.give_up_rejected_s {
            self.settle(event);
            return Some(Dead::of(event, error, now));
        }
        let waiting = before.map_or(0, |held| held.waiting);
        let held = Held { from: event.sequence, waiting, trouble };
        self.held.insert(lane(event), held);
        None
    }

    /// The endpoint takes nothing. Whether that is to be taken for a rejection of the event instead.
    pub fn failed(
        &mut self,
        event: &StoredEvent,
        (error, retry_after, answered): (&str, Option<Duration>, bool),
        now: Time,
        settings: &config::Webhooks,
    ) -> bool {
        let before = self.down.as_ref();
        let stumbles = before.filter(|down| down.sequence == event.sequence);
        if answered && stumbles.is_some_and(|down| down.attempts + 1 >= STUMBLES) {
            return true;
        }
        let failure = Failure {
            sequence: event.sequence,
            error,
            retry_after: retry_after.unwrap_or_default(),
            now,
        };
        self.down = Some(Trouble::again(before, failure, settings));
        false
    }

    /// The events of these that have waited too long for an endpoint that is down; they are settled
    /// with this.
    pub fn give_up<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a StoredEvent>,
        now: Time,
        settings: &config::Webhooks,
    ) -> Vec<Dead> {
        let Some(error) = self.down.as_ref().map(|down| down.error.clone()) else {
            return Vec::new();
        };
        let mut dead = Vec::new();
        for event in events {
            let waited_s = now.seconds_since(event.time.max(self.since));
            if waited_s >= settings.give_up_s && self.is_due(event) {
                self.settle(event);
                dead.push(Dead::of(event, &error, now));
            }
        }
        dead
    }

    /// Every event of a page was looked at.
    pub fn passed<'a>(&mut self, page: impl IntoIterator<Item = &'a StoredEvent>, cursor: u64) {
        for event in page {
            if let Some(held) = self.held.get_mut(&lane(event))
                && event.sequence >= held.from
                && !self.done.contains(&event.sequence)
            {
                held.waiting += 1;
            }
        }
        self.cursor = self.cursor.max(cursor);
        self.done = self.done.split_off(&(cursor + 1));
    }

    /// All of a vehicle's waiting events up to `through` were looked at: it waits no longer where that
    /// is all there are.
    pub fn caught_up(&mut self, vehicle: &VehicleId, through: u64) {
        if through >= self.cursor {
            self.held.remove(vehicle);
        } else if let Some(held) = self.held.get_mut(vehicle) {
            held.from = held.from.max(through + 1);
        }
    }

    /// Events before `oldest` are kept no more.
    pub fn purged(&mut self, oldest: u64) {
        let through = oldest.saturating_sub(1);
        let settled = u64::try_from(self.done.range(..oldest).count()).unwrap_or(u64::MAX);
        self.lost += through.saturating_sub(self.cursor).saturating_sub(settled);
        self.cursor = self.cursor.max(through);
        self.done = self.done.split_off(&oldest);
    }

    /// It is over with an event, one way or the other.
    fn settle(&mut self, event: &StoredEvent) {
        if event.sequence > self.cursor {
            self.done.insert(event.sequence);
        }
        if let Some(held) = self.held.get_mut(&lane(event))
            && event.sequence >= held.from
        {
            held.from = event.sequence + 1;
            held.waiting = held.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Store;
    use crate::store::testing::{event, flag};

    fn settings() -> config::Webhooks {
        config::Webhooks {
            retry_s: vec![1.0, 10.0],
            give_up_s: 1_000.0,
            give_up_rejected_s: 100.0,
            ..config::Webhooks::default()
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    /// Events of these vehicles, numbered from 1; each happened at 7 s.
    fn events(vehicles: &[&str]) -> Vec<Arc<StoredEvent>> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let events: Vec<_> = (0..)
            .zip(vehicles)
            .map(|(number, vehicle)| {
                event(&format!("{number}.0"), Type::FlagAdded, flag("f", vehicle))
            })
            .collect();
        store.commit(&[], &events).unwrap().events
    }

    #[test]
    fn a_rejected_event_keeps_its_own_vehicle_back_and_no_other() {
        let events = events(&["a", "b", "a", "a"]);
        let mut progress = Progress::new(0, at(0));
        assert_eq!(progress.rejected(&events[0], "no", at(10), &settings()), None);
        progress.delivered(&events[1], at(10));
        let due: Vec<_> = events.iter().filter(|event| progress.is_due(event)).collect();
        assert!(due.is_empty());
        progress.passed(events.iter().map(|event| &**event), 4);
        let (vehicle, held) = progress.held_due(at(11)).unwrap();
        assert_eq!((vehicle.as_str(), held.from, held.waiting), ("a", 1, 3));
        assert_eq!((progress.cursor, progress.next_at()), (4, Some(at(11))));
        // The first goes through, and the second is rejected in its turn.
        progress.delivered(&events[0], at(11));
        assert_eq!(progress.rejected(&events[2], "no", at(11), &settings()), None);
        let (_, held) = progress.held_due(at(12)).unwrap();
        assert_eq!((held.from, held.waiting, held.trouble.attempts), (3, 2, 1));
        progress.delivered(&events[2], at(12));
        progress.delivered(&events[3], at(12));
        progress.caught_up(&vehicle, 4);
        assert_eq!(progress.next_at(), None);
        assert_eq!(progress.delivered, 4);
    }

    #[test]
    fn a_rejected_event_is_given_up_and_the_next_has_its_own_patience() {
        let events = events(&["a", "a"]);
        let mut progress = Progress::new(0, at(0));
        assert_eq!(progress.rejected(&events[0], "no", at(10), &settings()), None);
        progress.passed(events.iter().map(|event| &**event), 2);
        assert_eq!(progress.rejected(&events[0], "no", at(11), &settings()), None);
        assert_eq!(progress.next_at(), Some(at(21)));
        let dead = progress.rejected(&events[0], "never", at(110), &settings()).unwrap();
        assert_eq!((dead.sequence, dead.error.as_str()), (1, "never"));
        assert_eq!(progress.rejected(&events[1], "no", at(110), &settings()), None);
        let held = &progress.held[&lane(&events[1])];
        assert_eq!((held.from, held.trouble.since), (2, at(110)));
    }

    #[test]
    fn an_endpoint_that_is_down_is_tried_at_the_pace_of_the_schedule() {
        let events = events(&["a", "b"]);
        let mut progress = Progress::new(0, at(0));
        let mut fail = |event: usize, retry_after, now| {
            let failure = ("refused", retry_after, false);
            assert!(!progress.failed(&events[event], failure, at(now), &settings()));
            progress.next_at().unwrap()
        };
        assert_eq!(fail(0, None, 10), at(11));
        assert_eq!(fail(1, None, 11), at(21));
        assert_eq!(fail(0, Some(Duration::from_secs(60)), 21), at(81));
        progress.delivered(&events[0], at(81));
        assert_eq!((progress.down.as_ref(), progress.next_at()), (None, None));
        assert!(!progress.is_due(&events[0]) && progress.is_due(&events[1]));
    }

    #[test]
    fn what_waited_for_days_is_given_up_and_what_came_later_is_not() {
        let events = events(&["a", "b"]);
        let mut progress = Progress::new(0, at(0));
        let failure = ("refused", None, false);
        progress.failed(&events[0], failure, at(900), &settings());
        let all = || events.iter().map(|event| &**event);
        assert!(progress.give_up(all(), at(900), &settings()).is_empty());
        assert_eq!(progress.give_up(all(), at(1_007), &settings()).len(), 2);
        assert_eq!(progress.done.len(), 2);
        // Set back, their patience is new.
        progress.replay(0, at(1_007));
        progress.failed(&events[0], failure, at(1_100), &settings());
        assert!(progress.give_up(all(), at(1_100), &settings()).is_empty());
    }

    #[test]
    fn an_endpoint_that_stumbles_over_one_event_gets_the_others() {
        let events = events(&["a", "b"]);
        let mut progress = Progress::new(0, at(0));
        let mut stumble = |event: usize| {
            progress.failed(&events[event], ("answered 500", None, true), at(10), &settings())
        };
        let tries: Vec<_> = (0..5).map(|_| stumble(0)).collect();
        assert_eq!(tries, [false, false, false, false, true]);
        assert!(!stumble(1));
    }

    #[test]
    fn purged_events_are_counted_as_lost() {
        let mut progress = Progress::new(3, at(0));
        progress.done.extend([5, 9]);
        progress.purged(8);
        assert_eq!((progress.cursor, progress.lost), (7, 3));
        assert_eq!(progress.done, [9].into());
    }
}
