//! [`Store::purge`]: makes unreadable what is not to be kept any longer, by destroying its key.
//!
//! In order: the journal says, in one commit with the audit log's entries on it, that the keys are
//! purged; then their files are destroyed. A purge that was broken off in between is finished by the
//! next start or the next purge: nobody reads by those keys from the commit on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use interdict_engine::{Class, Data, Event, EventId, FlagId, RecallReport, Type, UnitId};
use interdict_protocols::Time;
use serde_json::json;
use sled::Batch;

use super::audit::pack;
use super::concern::Sealing;
use super::handles::Handles;
use super::journal::{COMMIT, encode, event_key, events, id_key, number, purged_key};
use super::keys::{DayOf, KeyId, KeyName, Keyring, Purpose};
use super::{Life, Store, StoreError, StoredEvent, lives};
use crate::audit::{Act, By, Purge, acts};

/// Ranges of entries that one act lists: what an entry holds must lie in one piece on the disk.
const RANGES: usize = 400;

/// After so many snapshots since the engine let go of a flag none holds it any more: the first of them
/// may have been taken before.
const SNAPSHOTS_AFTER: u64 = 2;

/// Something that is sealed under a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// What is kept of a flag for one purpose.
    Flag {
        /// Which flag.
        flag: FlagId,
        /// Which part of it.
        purpose: Purpose,
        /// Whether whoever received it is told to forget it, too: it should never have been.
        recall: bool,
    },
    /// Alarms of one day, of vehicles that were not flagged.
    Day {
        /// When the day ended.
        ended_at: Time,
    },
    /// What the audit log says of one day about no flag.
    AuditDay {
        /// When the day ended.
        ended_at: Time,
    },
    /// Tracks of one day, of a class that has a period of its own.
    ClassDay {
        /// Whose.
        class: Class,
        /// When the day ended.
        ended_at: Time,
    },
}

impl Target {
    fn key(&self) -> KeyName {
        // A day's last millisecond is of it; its end is not.
        match self {
            Self::Flag { flag, purpose, .. } => KeyName::of_flag(*purpose, flag.as_str()),
            Self::Day { ended_at } => KeyName::of_day(ended_at.plus_millis(-1)),
            Self::AuditDay { ended_at } => KeyName::of_audit_day(ended_at.plus_millis(-1)),
            Self::ClassDay { class, ended_at } => {
                KeyName::of_class_day(*class, ended_at.plus_millis(-1))
            }
        }
    }

    const fn is_of_audit(&self) -> bool {
        matches!(self, Self::AuditDay { .. } | Self::Flag { purpose: Purpose::Audit, .. })
    }

    /// Whether no snapshot holds it any more.
    fn has_left_the_snapshots(&self, lives: &BTreeMap<FlagId, Life>, saves: u64) -> bool {
        let Self::Flag { flag, purpose, .. } = self else { return true };
        let ended = lives.get(flag).and_then(|life| life.ended.as_ref());
        *purpose == Purpose::Audit
            || ended
                .and_then(|ended| ended.forgotten)
                .is_some_and(|forgotten| saves >= forgotten.saturating_add(SNAPSHOTS_AFTER))
    }
}

/// What came of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// What is gone.
    pub gone: Vec<Target>,
    /// What waits until further snapshots are saved: the last ones may hold something of it.
    pub waiting: Vec<Target>,
    /// Flags of which something waits, and that the engine has yet to let go of:
    /// [`Input::Forget`](interdict_engine::Input::Forget).
    pub unforgotten: BTreeSet<FlagId>,
}

impl Store {
    /// What could be purged though no flag says so: ended days.
    #[must_use]
    pub fn days(&self) -> Vec<Target> {
        let days = self.0.keys.names().into_iter().filter_map(|name| name.day());
        let target = |(of, ended_at)| match of {
            DayOf::Alarms => Target::Day { ended_at },
            DayOf::Audit => Target::AuditDay { ended_at },
            DayOf::Class(class) => Target::ClassDay { class, ended_at },
        };
        days.map(target).collect()
    }

    /// Whether anything is kept under that key.
    #[must_use]
    pub fn keeps(&self, target: &Target) -> bool {
        self.0.keys.has(&target.key())
    }

    /// Purges what is given, as far as it is there, and notes it; that is durable and the keys are
    /// destroyed when it returns. Those who received what is recalled get an event that says so. Reads
    /// all events and the whole audit log.
    ///
    /// # Errors
    /// As [`Store::commit`], where nothing is gone; [`StoreError::Folder`] where a key's file cannot be
    /// destroyed: nobody reads by it any more, and the next purge tries again.
    pub fn purge(&self, targets: &[Target], at: Time, by: &By) -> Result<Purged, StoreError> {
        let handles = self.handles()?;
        let lives = lives::all(&handles)?;
        let due = targets.iter().filter(|target| self.keeps(target)).cloned();
        let saves = self.writer().saves;
        let (gone, waiting): (Vec<_>, Vec<_>) =
            due.partition(|target| target.has_left_the_snapshots(&lives, saves));
        let unforgotten = waiting.iter().filter_map(|target| match target {
            Target::Flag { flag, .. } => {
                let ended = lives.get(flag)?.ended.as_ref()?;
                ended.forgotten.is_none().then(|| flag.clone())
            }
            Target::Day { .. } | Target::AuditDay { .. } | Target::ClassDay { .. } => None,
        });
        let unforgotten = unforgotten.collect();
        // What an earlier one left undone.
        handles.keys.destroy_purged()?;
        if gone.is_empty() {
            return Ok(Purged { gone, waiting, unforgotten });
        }
        let ids: BTreeSet<KeyId> = gone.iter().map(|target| target.key().id()).collect();
        let told = told(&handles, &gone, self.latest_sequence())?;
        let mut closing = Closing::new(&gone, &handles.keys);
        let seen = self.audit_frontier().size();
        closing.read(&handles, 0, seen)?;

        let mut writer = self.writer();
        // The disk may have failed meanwhile, and these be dead.
        let handles = self.handles()?;
        closing.read(&handles, seen, self.audit_frontier().size())?;
        let recalls: Vec<Event> =
            gone.iter().filter_map(|target| recall(target, &told, at)).collect();
        let mut sealing = Sealing::new(&writer.standing, &recalls, &handles.keys);
        let (mut noting, mut batch) = (self.0.log.note(), Batch::default());
        noting.acts(&noted(&gone, &closing.ranges(), at, by), &mut sealing, &mut batch)?;
        let mut next = writer.next_sequence;
        let mut stored = Vec::new();
        for event in &recalls {
            let event_stored = StoredEvent::new(event, &self.0.source, next)?;
            let keys = sealing.keys_of_event(event);
            batch.insert(&event_key(next), sealing.seal(&keys, &event_stored.encode()?)?);
            batch.insert(id_key(&event.id.0), &next.to_be_bytes());
            noting.event(event, &event_stored, &mut sealing, &mut batch)?;
            stored.push(Arc::new(event_stored));
            next += 1;
        }
        for target in &gone {
            let key = target.key();
            let why = json!({ "key": key.as_str(), "at": at });
            batch.insert(purged_key(key.id()), encode(&why)?);
        }
        self.check_room()?;
        let commit = writer.commit + 1;
        batch.insert(COMMIT, &commit.to_be_bytes());
        let noted = noting.finish(&mut batch);
        sealing.finish()?;
        writer.unsure = true;
        self.apply(&handles, &handles.journal, batch)?;
        (writer.commit, writer.unsure) = (commit, false);
        handles.keys.forget(ids);
        self.0.log.settle(noted);
        writer.next_sequence = next;
        // What it holds of others is read from the disk again.
        self.0.tail.begin_at(next - stored.len() as u64);
        self.0.tail.push(&stored);
        self.0.latest.store(next - 1, std::sync::atomic::Ordering::Release);
        // Nobody reads by them any more: what comes in need not wait for the files.
        drop(writer);
        handles.keys.destroy_purged()?;
        Ok(Purged { gone, waiting, unforgotten })
    }
}

/// What the audit log says of it.
fn noted(gone: &[Target], ranges: &[RangeInclusive<u64>], at: Time, by: &By) -> Vec<Act> {
    let acts = gone.iter().map(|target| {
        let act = Act::new(at, acts::RETENTION_PURGE, by).with("key", target.key().as_str());
        match target {
            Target::Flag { flag, purpose, recall } => act
                .with("flag", flag.as_str())
                .with("of", purpose.name())
                .with_some("recalled", recall.then_some(true)),
            Target::Day { ended_at } => act.with("of", "day").with("ended_at", json!(ended_at)),
            Target::AuditDay { ended_at } => {
                act.with("of", "audit day").with("ended_at", json!(ended_at))
            }
            Target::ClassDay { class, ended_at } => act
                .with("of", "class day")
                .with("class", json!(class))
                .with("ended_at", json!(ended_at)),
        }
    });
    let contents = ranges.chunks(RANGES).map(|part| Purge::new(part.iter().cloned()).act(at, by));
    acts.chain(contents).collect()
}

/// To whom what is recalled went.
#[derive(Default)]
struct Told {
    units: BTreeSet<UnitId>,
    linked: bool,
}

/// The event for those who received what is recalled.
fn recall(target: &Target, told: &BTreeMap<KeyId, Told>, at: Time) -> Option<Event> {
    let Target::Flag { flag, purpose: Purpose::Alerts, recall: true } = target else { return None };
    let (units, linked) = match told.get(&target.key().id()) {
        Some(told) => (told.units.iter().cloned().collect(), told.linked),
        None => (Vec::new(), false),
    };
    let report = RecallReport { flag: flag.clone(), units, linked };
    let id = EventId(format!("recall.{flag}"));
    Some(Event { id, time: at, kind: Type::FlagRecalled, data: Data::Recall(report) })
}

/// To whom events under those keys went.
fn told(
    handles: &Handles,
    gone: &[Target],
    latest: u64,
) -> Result<BTreeMap<KeyId, Told>, StoreError> {
    let mut told: BTreeMap<KeyId, Told> = BTreeMap::new();
    let recalled = gone.iter().filter(|target| matches!(target, Target::Flag { recall: true, .. }));
    let ids: BTreeSet<KeyId> = recalled.map(|target| target.key().id()).collect();
    if ids.is_empty() {
        return Ok(told);
    }
    for entry in handles.journal.range(events(0, latest)) {
        let (key, value) = entry?;
        let of: Vec<_> =
            Keyring::keys_of(&value).into_iter().filter(|id| ids.contains(id)).collect();
        if of.is_empty() {
            continue;
        }
        if let Some(event) = StoredEvent::unseal(number(&key)?, &value, &handles.keys)? {
            for id in of {
                let told = told.entry(id).or_default();
                told.units.extend(event.unit.iter().chain(&event.told_units).cloned());
                told.linked |= event.linked;
            }
        }
    }
    Ok(told)
}

/// Entries of the audit log that lose their contents.
struct Closing<'a> {
    ids: BTreeSet<KeyId>,
    keys: &'a Keyring,
    entries: Vec<RangeInclusive<u64>>,
}

impl<'a> Closing<'a> {
    fn new(gone: &[Target], keys: &'a Keyring) -> Self {
        let audit = gone.iter().filter(|target| target.is_of_audit());
        Self { ids: audit.map(|target| target.key().id()).collect(), keys, entries: Vec::new() }
    }

    /// Looks at those after `after`, through `through`.
    fn read(&mut self, handles: &Handles, after: u64, through: u64) -> Result<(), StoreError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        for entry in pack::keys_of_entries(handles, after + 1)? {
            let (entry, ids) = entry?;
            if entry > through {
                break;
            }
            // Another key may still open it.
            let is_closed = |id: &KeyId| self.ids.contains(id) || self.keys.has_purged(id);
            if ids.iter().any(|id| self.ids.contains(id)) && ids.iter().all(is_closed) {
                match self.entries.last_mut() {
                    Some(last) if last.end() + 1 == entry => *last = *last.start()..=entry,
                    _ => self.entries.push(entry..=entry),
                }
            }
        }
        Ok(())
    }

    fn ranges(self) -> Vec<RangeInclusive<u64>> {
        self.entries
    }
}
