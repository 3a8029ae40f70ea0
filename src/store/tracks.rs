//! Tracks: fixes that are kept, of vehicles with a flag in force and of classes with a period of their
//! own.
//!
//! A fix is a row of the journal for each key that it is kept under: its class's of that day, and that of
//! each flag that follows its vehicle. Each row is sealed under that key alone, so that what a class keeps
//! goes with its day whatever flags say, and what a flag keeps stays as long as the flag's.
//!
//! | bytes of its key | what |
//! |---|---|
//! | 1 | `t` |
//! | 8 | the id of the key that it is sealed under |
//! | 16 | what stands for the vehicle among what that key seals |
//! | 8 | when it was received, ms since 1970, the sign turned so that they lie in order, big-endian |
//! | 8, 4 | its commit and its place in that, big-endian |

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use interdict_engine::{Class, UnitId, VehicleId};
use interdict_protocols::{DeviceId, Fix, Time};
use serde::{Deserialize, Serialize};
use sled::Batch;
use utoipa::ToSchema;

use super::concern::Sealing;
use super::handles::Handles;
use super::journal::{PURGE_CHUNK, TRACKS, decode, encode};
use super::keys::{DayOf, Hidden, KeyId, KeyName, Opened};
use super::{Store, StoreError};

/// What the vehicles' stand-ins are of.
const TABLE: &str = "tracks";

/// A fix as it was received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrackFix {
    /// When it was received.
    pub at: Time,
    /// From which device.
    pub device: DeviceId,
    /// What that said.
    #[serde(flatten)]
    pub fix: Fix,
}

/// A fix that is to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Whose it is.
    pub vehicle: VehicleId,
    /// The vehicle's class, where that has a period.
    pub class: Option<Class>,
    /// Whether a flag in force follows the vehicle.
    pub is_followed: bool,
    /// The fix.
    pub fix: TrackFix,
}

/// Part of a vehicle's track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// In the order in which they were received.
    pub fixes: Vec<TrackFix>,
    /// When the next one was received, where there is more.
    pub next: Option<Time>,
}

/// How much is kept of a vehicle's track under one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// The class for whose sake it is kept, and the day in UTC; `None`: for a flag's.
    pub class_day: Option<(Class, String)>,
    /// How many fixes.
    pub count: u64,
    /// When the first was received.
    pub first_at: Time,
    /// When the last was.
    pub last_at: Time,
}

/// What a row holds.
#[derive(Serialize, Deserialize)]
struct Row<F> {
    /// The units that alone may know of it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    covert: Vec<UnitId>,
    #[serde(flatten)]
    fix: F,
}

/// Where a fix stands among all.
type Place = (Time, u64, u32);

const KEY_BYTES: usize = 45;

/// Puts fixes into `batch`; answers as how many rows.
pub(super) fn put(
    kept: &[Kept],
    commit: u64,
    sealing: &mut Sealing<'_>,
    batch: &mut Batch,
) -> Result<usize, StoreError> {
    let mut rows = 0;
    for (number, kept) in (0..).zip(kept) {
        for (name, covert) in sealing.keys_of_fix(kept) {
            let row = encode(&Row { covert, fix: &kept.fix })?;
            let sealed = sealing.seal(std::slice::from_ref(&name), &row)?;
            // What was just sealed under it has made it.
            let vehicle = sealing.hide_under(&name, TABLE, kept.vehicle.as_str().as_bytes());
            let missing = || StoreError::Encode("its key was not made".to_owned());
            let vehicle = vehicle.ok_or_else(missing)?;
            let place = (kept.fix.at, commit, number);
            batch.insert(&row_key(name.id(), vehicle, place)[..], sealed);
            rows += 1;
        }
    }
    Ok(rows)
}

fn row_key(under: KeyId, vehicle: Hidden, (at, commit, number): Place) -> [u8; KEY_BYTES] {
    let mut key = [TRACKS; KEY_BYTES];
    let parts = [&under[..], &vehicle, &in_order(at), &commit.to_be_bytes(), &number.to_be_bytes()];
    key.iter_mut().skip(1).zip(parts.concat()).for_each(|(to, from)| *to = from);
    key
}

fn in_order(time: Time) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

/// Where the fix of a row stands, by the row's key.
fn place(key: &[u8]) -> Result<Place, StoreError> {
    let read = || {
        let (at, rest) = key.get(25..)?.split_first_chunk::<8>()?;
        let (commit, rest) = rest.split_first_chunk::<8>()?;
        let at = Time::from_millis(i64::from_be_bytes(*at) ^ i64::MIN);
        Some((at, u64::from_be_bytes(*commit), u32::from_be_bytes(rest.try_into().ok()?)))
    };
    read().ok_or_else(|| StoreError::Corrupt("the key of a track is too short".to_owned()))
}

/// Whether a row is of a later commit than that: then it is none of a backup's of that moment.
pub(super) fn is_later(key: &[u8], commit: u64) -> Result<bool, StoreError> {
    Ok(place(key)?.1 > commit)
}

/// What lies under one key of one vehicle, received from the first time on and before the second.
fn rows(
    handles: &Handles,
    name: &KeyName,
    vehicle: &VehicleId,
    span: &Range<Time>,
) -> Option<sled::Iter> {
    if span.start >= span.end || handles.keys.is_purged(name) {
        return None;
    }
    let vehicle = handles.keys.hide_under(name, TABLE, vehicle.as_str().as_bytes())?;
    let [from, to] = [span.start, span.end].map(|at| row_key(name.id(), vehicle, (at, 0, 0)));
    Some(handles.journal.range(from..to))
}

/// The keys that something of `span` may lie under: those of flags, and those of classes' days with
/// their ends, in order of these.
fn keys(handles: &Handles, span: &Range<Time>) -> (Vec<KeyName>, Vec<(Time, Class, KeyName)>) {
    let (mut flags, mut days) = (Vec::new(), Vec::new());
    for name in handles.keys.names() {
        match name.day() {
            Some((DayOf::Class(class), ended_at)) if ended_at > span.start => {
                days.push((ended_at, class, name));
            }
            None if name.is_of_flags_tracks() => flags.push(name),
            _ => {}
        }
    }
    days.sort();
    (flags, days)
}

impl Store {
    /// What is kept of a vehicle's track in `span`, by when it was received: the first `limit` fixes,
    /// and further ones of the same instant as the last. Of those of a covert flag what `is_let_in`
    /// says of its units.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn track(
        &self,
        vehicle: &VehicleId,
        span: Range<Time>,
        limit: usize,
        is_let_in: impl Fn(&[UnitId]) -> bool,
    ) -> Result<Track, StoreError> {
        let handles = self.handles()?;
        let mut found: BTreeMap<Place, TrackFix> = BTreeMap::new();
        // The first of each key are enough: of all together no others can be the first.
        let mut read = |name: &KeyName| -> Result<usize, StoreError> {
            let (mut count, mut last) = (0, None);
            for entry in rows(&handles, name, vehicle, &span).into_iter().flatten() {
                let (key, row) = entry?;
                let Opened::Plain(row) = handles.keys.unseal("a track", &row)? else { continue };
                let Row { covert, fix } = decode::<Row<TrackFix>>("a track", &row)?;
                if !is_let_in(&covert) {
                    continue;
                }
                let is_enough = count >= limit && last != Some(fix.at);
                last = Some(fix.at);
                found.insert(place(&key)?, fix);
                count += 1;
                if is_enough {
                    break;
                }
            }
            Ok(count)
        };
        let (flags, days) = keys(&handles, &span);
        for name in flags {
            read(&name)?;
        }
        let (mut of_days, mut day) = (0, None);
        for (ended_at, _, name) in days {
            if of_days > limit && day != Some(ended_at) {
                break;
            }
            day = Some(ended_at);
            of_days += read(&name)?;
        }
        let mut fixes: Vec<TrackFix> = found.into_values().collect();
        let last = limit.checked_sub(1).and_then(|last| fixes.get(last)).map(|fix| fix.at);
        let end = last.map_or(fixes.len(), |last| fixes.partition_point(|fix| fix.at <= last));
        let next = fixes.get(end).map(|fix| fix.at);
        fixes.truncate(end);
        Ok(Track { fixes, next })
    }

    /// How much is kept of a vehicle's track, by what it is kept for: days first, in order.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn stretches(&self, vehicle: &VehicleId) -> Result<Vec<Stretch>, StoreError> {
        let handles = self.handles()?;
        let always = Time::from_millis(i64::MIN)..Time::from_millis(i64::MAX);
        let (flags, days) = keys(&handles, &always);
        let days = days.into_iter().map(|(ended_at, class, name)| {
            let day = ended_at.plus_millis(-1).to_string().chars().take(10).collect();
            (Some((class, day)), name)
        });
        let mut stretches = Vec::new();
        for (class_day, name) in days.chain(flags.into_iter().map(|name| (None, name))) {
            let mut stretch: Option<Stretch> = None;
            for entry in rows(&handles, &name, vehicle, &always).into_iter().flatten() {
                let (at, ..) = place(&entry?.0)?;
                let stretch = stretch.get_or_insert_with(|| Stretch {
                    class_day: class_day.clone(),
                    count: 0,
                    first_at: at,
                    last_at: at,
                });
                stretch.count += 1;
                stretch.last_at = at;
            }
            stretches.extend(stretch);
        }
        Ok(stretches)
    }

    /// Takes away the rows whose keys were purged, which nobody can read: some at a time, others write
    /// in between. While a backup is made nothing is taken away, and the next call does it.
    ///
    /// # Errors
    /// As [`Self::commit`]: some may be there still.
    pub fn clear_purged_tracks(&self) -> Result<(), StoreError> {
        let mut from = Some(KeyId::default());
        while let Some(id) = from {
            let handles = self.handles()?;
            let first = [&[TRACKS], &id[..]].concat();
            let Some(key) = handles.journal.range(first..).keys().next().transpose()? else {
                break;
            };
            let Some((&TRACKS, rest)) = key.split_first() else { break };
            let Some(id) = rest.first_chunk::<8>().copied() else { break };
            if handles.keys.has_purged(&id) {
                drop(handles);
                self.clear_tracks(id)?;
            }
            from = u64::from_be_bytes(id).checked_add(1).map(u64::to_be_bytes);
        }
        Ok(())
    }

    fn clear_tracks(&self, under: KeyId) -> Result<(), StoreError> {
        while !self.is_pinned() {
            let _writer = self.writer();
            let handles = self.handles()?;
            let prefix = [&[TRACKS], &under[..]].concat();
            let (mut batch, mut count) = (Batch::default(), 0);
            for key in handles.journal.scan_prefix(prefix).keys().take(PURGE_CHUNK) {
                batch.remove(key?);
                count += 1;
            }
            if count == 0 {
                break;
            }
            self.check_room()?;
            self.apply(&handles, &handles.journal, batch)?;
        }
        Ok(())
    }
}
