//! What is held on one vehicle, who read it, and to whom it went: what its keeper may ask, and whoever
//! answers for the installation.

use std::collections::{BTreeMap, BTreeSet};

use interdict_engine::{Class, FlagId, UnitId, VehicleId};
use interdict_protocols::Time;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audit::{Content, acts};
use crate::store::{Ended, Hold, Purpose, Store, StoreError, StoredEvent, Stretch, Target};

/// Events and entries of the audit log read at a time.
const PAGE: usize = 4_096;

/// How often, and between when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Span {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Time,
    /// The last time.
    pub last_at: Time,
}

impl Span {
    fn extend(span: Option<Self>, at: Time) -> Self {
        span.map_or(Self { count: 1, first_at: at, last_at: at }, |span| Self {
            count: span.count + 1,
            first_at: span.first_at.min(at),
            last_at: span.last_at.max(at),
        })
    }
}

/// A flag that there is or was on the vehicle, as far as it can still be read.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FlagHeld {
    /// The flag.
    pub flag: FlagId,
    /// When it began.
    pub began_at: Time,
    /// How it ended.
    pub ended: Option<Ended>,
    /// What of it is still readable.
    pub kept: Vec<&'static str>,
    /// Who holds it, so that nothing of it is purged.
    pub hold: Option<Hold>,
}

/// Fixes of it that are kept and can be read.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrackHeld {
    /// For which class's sake; `None`: for a flag's, as long as that's tracks.
    pub class: Option<Class>,
    /// Of which day in UTC, where it is for a class's.
    pub day: Option<String>,
    /// How many, and received when.
    #[serde(flatten)]
    pub span: Span,
}

/// Something that somebody did with it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = NotedAct)]
pub struct Noted {
    /// The entry of the audit log.
    pub entry: u64,
    /// When.
    pub time: Time,
    /// What.
    pub act: String,
    /// Who.
    pub who: String,
    /// Why, as they said.
    pub why: Option<String>,
    /// The particulars.
    pub what: Map<String, Value>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Subject {
    /// Its flags.
    pub flags: Vec<FlagHeld>,
    /// Its events, by type.
    pub events: BTreeMap<String, Span>,
    /// Reports of its devices and commands about it that a restart would read.
    pub records: Option<Span>,
    /// What is kept of its track, day by day.
    pub tracks: Vec<TrackHeld>,
    /// What people did with what is held on it: reads, decisions, sign-offs.
    pub acts: Vec<Noted>,
    /// The units that its events were told to.
    pub units: BTreeMap<UnitId, Span>,
    /// Streams of events opened before its last event, and backups made since its first: they had
    /// or may have had it, too.
    pub copies: Vec<Noted>,
    /// Entries of the audit log whose contents were purged: nobody can say whether they named it.
    pub purged_entries: u64,
}

/// Looks it all up. Reads all events and the whole audit log.
///
/// # Errors
/// What the store says.
pub fn report(store: &Store, vehicle: &VehicleId) -> Result<Subject, StoreError> {
    let mut subject = Subject::default();
    let mut named = BTreeSet::from([vehicle.as_str().to_owned()]);
    let (mut first, mut last) = (None, None);
    let mut flags = BTreeSet::new();
    each_event(store, vehicle, |event| {
        let span = subject.events.remove(event.kind.name());
        subject.events.insert(event.kind.name().to_owned(), Span::extend(span, event.time));
        for unit in event.unit.iter().chain(&event.told_units).collect::<BTreeSet<_>>() {
            let span = subject.units.remove(unit);
            subject.units.insert(unit.clone(), Span::extend(span, event.time));
        }
        first = first.or(Some(event.time));
        last = last.max(Some(event.time));
        let (flag, alert) = names(&event.json);
        flags.extend(flag.clone().map(FlagId::from));
        named.extend(flag.into_iter().chain(alert));
    })?;
    let (lives, holds) = (store.lives()?, store.holds()?);
    for (flag, life) in lives.into_iter().filter(|(flag, _)| flags.contains(flag)) {
        let of = |purpose| Target::Flag { flag: flag.clone(), purpose, recall: false };
        let kept = Purpose::ALL.into_iter().filter(|purpose| store.keeps(&of(*purpose)));
        subject.flags.push(FlagHeld {
            kept: kept.map(Purpose::name).collect(),
            hold: holds.get(&flag).cloned(),
            began_at: life.began_at,
            ended: life.ended,
            flag,
        });
    }
    for record in store.load()?.records {
        let record = record?;
        if record.input.vehicle() == Some(vehicle) {
            subject.records = Some(Span::extend(subject.records, record.at));
        }
    }
    for Stretch { class_day, count, first_at, last_at } in store.stretches(vehicle)? {
        let (class, day) = class_day.unzip();
        subject.tracks.push(TrackHeld { class, day, span: Span { count, first_at, last_at } });
    }
    read_log(store, &named, (first, last), &mut subject)?;
    Ok(subject)
}

/// Hands over the vehicle's events, the oldest first.
fn each_event(
    store: &Store,
    vehicle: &VehicleId,
    mut take: impl FnMut(&StoredEvent),
) -> Result<(), StoreError> {
    let mut cursor = 0;
    loop {
        let of_it = |event: &StoredEvent| event.vehicle.as_ref() == Some(vehicle);
        let page = store.events_after(cursor, PAGE, of_it)?;
        page.events.iter().for_each(|event| take(event));
        cursor = page.cursor;
        if page.complete {
            return Ok(());
        }
    }
}

/// The flag and the alert that an event names.
fn names(json: &str) -> (Option<String>, Option<String>) {
    let event: Value = serde_json::from_str(json).unwrap_or_default();
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    (text("/data/flag/id"), text("/data/alert"))
}

fn read_log(
    store: &Store,
    named: &BTreeSet<String>,
    (first, last): (Option<Time>, Option<Time>),
    subject: &mut Subject,
) -> Result<(), StoreError> {
    let (mut after, size) = (0, store.audit_frontier().size());
    loop {
        let entries = store.audit_entries(after, size, PAGE)?;
        let Some(end) = entries.last() else { return Ok(()) };
        after = end.number;
        for entry in entries {
            let Some(content) = entry.read_content() else {
                subject.purged_entries += u64::from(entry.is_purged());
                continue;
            };
            // What the engine says is counted by the events.
            if entry.act.starts_with("interdict.") {
                continue;
            }
            let may_hold = match entry.act.as_str() {
                acts::EVENTS_FOLLOW => last.is_some_and(|last| entry.time <= last),
                acts::STORE_BACKUP => first.is_some_and(|first| entry.time >= first),
                _ => false,
            };
            let is_named = content.names(named);
            if !(may_hold || is_named) {
                continue;
            }
            let Content { who, why, mut what, .. } = content;
            // Which other vehicles were read with it is nobody's business here.
            what.retain(|_, value| !value.is_array());
            let noted =
                Noted { entry: entry.number, time: entry.time, act: entry.act, who, why, what };
            if is_named { subject.acts.push(noted) } else { subject.copies.push(noted) }
        }
    }
}
