//! [`Life`]: when a flag began and how it ended. Outlives what is known of it otherwise, and tells
//! nothing of anybody.

use std::collections::BTreeMap;

use interdict_engine::{Event, FlagId, FlagReport, Input, Record};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use sled::Batch;
use utoipa::ToSchema;

use super::flags::is_end;
use super::handles::Handles;
use super::journal::{LIVES, decode, encode, identity, life_key};
use super::{Store, StoreError};

/// When a flag began and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FlagLife)]
pub struct Life {
    /// When it began.
    pub began_at: Time,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// A flag's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FlagEnded)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// The code that it ended with, where one was given: `wrong`, `not_approved`, `lapsed`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// How many snapshots had been saved when the engine let go of it, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) forgotten: Option<u64>,
}

/// Puts into `batch` what `event` says of the life of its flag.
pub(super) fn note(
    event: &Event,
    report: &FlagReport,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let how = report.reason.map(|end| end.code().to_owned());
    let ended = is_end(event.kind).then_some(Ended { at: event.time, how, forgotten: None });
    let life = Life { began_at: report.flag.starts_at, ended };
    batch.insert(life_key(report.flag.id.as_str()), encode(&life)?);
    Ok(())
}

/// Puts into `batch` that the engine lets go of a flag with this commit.
pub(super) fn note_forgotten(
    record: &Record,
    saves: u64,
    handles: &Handles,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Input::Forget(flag) = &record.input else { return Ok(()) };
    let key = life_key(flag.as_str());
    let Some(life) = handles.journal.get(&key)? else { return Ok(()) };
    let mut life: Life = decode("the life of a flag", &life)?;
    if let Some(ended) = &mut life.ended {
        ended.forgotten = Some(saves);
        batch.insert(key, encode(&life)?);
    }
    Ok(())
}

pub(super) fn all(handles: &Handles) -> Result<BTreeMap<FlagId, Life>, StoreError> {
    let lives = handles.journal.scan_prefix(LIVES).map(|entry| {
        let (key, life) = entry?;
        Ok((FlagId::from(identity(&key)), decode("the life of a flag", &life)?))
    });
    lives.collect()
}

impl Store {
    /// Every flag that there has been, also those of which all else was purged.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn lives(&self) -> Result<BTreeMap<FlagId, Life>, StoreError> {
        all(&*self.handles()?)
    }
}
