//! What must outlive the process: records, snapshots, events, the audit log, enrolments, tokens. The
//! only module that knows sled.
//!
//! [`Store::commit`] is the heart: one batch of records, of the events that they gave and of the audit
//! log's entries on them becomes durable at once or not at all, and nobody reads an event before that. Every call blocks on the
//! disk; those who may not block call from a thread that may.

mod audit;
mod audit_events;
mod audit_key;
mod commit;
mod error;
mod event;
mod events;
mod flags;
mod folder;
mod handles;
mod journal;
mod recovery;
mod tables;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use event::Tail;
use folder::Folder;
use handles::Handles;
use recovery::Needless;

pub use audit_events::NotedEvent;
pub use commit::Committed;
pub use error::StoreError;
pub use event::StoredEvent;
pub use events::Page;
pub use recovery::{Loaded, Records};
pub use tables::Table;

/// The data folder, opened. Cheap to clone; the folder is let go when the last clone is.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    folder: Folder,
    source: String,
    /// Every handle that sled gave, in one place: an I/O error kills them together, and together
    /// they are let go and opened again.
    handles: ArcSwapOption<Handles>,
    /// Held by whoever commits. Readers never wait for it.
    writer: Mutex<Writer>,
    /// The latest event that is durable: the last one that readers may see.
    latest: AtomicU64,
    /// The newest events, decoded: every subscriber who keeps up reads them from here.
    tail: Tail,
    log: audit::Log,
    /// The audit log's key, once it was asked for.
    signer: Mutex<Option<Arc<crate::audit::Signer>>>,
}

struct Writer {
    next_sequence: u64,
    /// Records that a snapshot has made needless.
    needless: Needless,
}

impl Store {
    /// Opens the data folder `folder`, made where there is none. `source` names the installation
    /// in every event.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::Locked`], [`StoreError::Newer`],
    /// [`StoreError::Foreign`], [`StoreError::Corrupt`], each a sentence for the operator.
    pub fn open(folder: &Path, source: &str) -> Result<Self, StoreError> {
        let folder = Folder::open(folder)?;
        let handles = Handles::open(folder.database())?;
        if folder.is_new() {
            handles.mark()?;
            folder.finish()?;
        } else {
            handles.check_mark()?;
        }
        let next_sequence = journal::next_sequence(&handles)?;
        let needless = Needless::find(&handles)?;
        let log = audit::Log::load(&handles)?;
        Ok(Self(Arc::new(Shared {
            folder,
            source: source.to_owned(),
            handles: ArcSwapOption::from_pointee(handles),
            writer: Mutex::new(Writer { next_sequence, needless }),
            latest: AtomicU64::new(next_sequence - 1),
            tail: Tail::new(next_sequence),
            log,
            signer: Mutex::new(None),
        })))
    }

    /// Opens a data folder to look into it: one that is there already. Without a name, it must not be
    /// given events.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::Folder`] also where there is no data folder.
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        Folder::check_is_there(folder)?;
        Self::open(folder, "")
    }

    /// The sequence of the latest durable event; 0 before the first.
    #[must_use]
    pub fn latest_sequence(&self) -> u64 {
        self.0.latest.load(Ordering::Acquire)
    }

    /// The installation's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The data folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    fn handles(&self) -> Result<Arc<Handles>, StoreError> {
        self.0.handles.load_full().ok_or(StoreError::Closed)
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        // A commit changes the writer as its last act, so a panic leaves it as it was.
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Events and records to store.

    use interdict_engine::{
        AlertReport, CaseView, CheckpointView, Data, Event, EventId, Flag, FlagReport, Handling,
        HeardReport, Input, Kind, Record, RecordId, SilenceReport, Stage, Type, Vehicle, VehicleId,
        VehicleView, Why,
    };
    use interdict_protocols::{Fix, Time};

    /// A record that enrols vehicle `number`.
    pub(crate) fn record(number: u64) -> Record {
        Record {
            id: RecordId(number),
            at: Time::from_seconds(number.cast_signed()),
            input: Input::Vehicle(Vehicle::unknown(VehicleId::from(format!("v{number}")))),
            used: Default::default(),
        }
    }

    /// A flag of `vehicle`.
    pub(crate) fn flag(id: &str, vehicle: &str) -> Flag {
        Flag {
            id: id.into(),
            vehicle: vehicle.into(),
            reason: "stolen".into(),
            case: "C-1".into(),
            authority: "duty officer".into(),
            priority: 2,
            instruction: None,
            cautions: Vec::new(),
            contact: None,
            starts_at: Time::from_seconds(0),
            expires_at: Time::from_seconds(86_400),
        }
    }

    /// An event about a flag.
    pub(crate) fn event(id: &str, kind: Type, flag: Flag) -> Event {
        let vehicle = VehicleView::from(&Vehicle::unknown(flag.vehicle.clone()));
        let data = Data::Flag(Box::new(FlagReport { flag, vehicle, reason: None }));
        Event { id: EventId(id.into()), time: Time::from_seconds(7), kind, data }
    }
    fn north() -> CheckpointView {
        CheckpointView {
            id: "north".into(),
            name: "North".into(),
            kind: Kind::ThroatRoad,
            unit: "station".into(),
        }
    }

    fn why(code: &str, text: &str) -> Why {
        Why { code: code.into(), text: text.into(), figures: [].into() }
    }

    /// An event of a silence, at checkpoint `north` of unit `station` between two times in seconds
    /// or else in the region of that unit.
    pub(crate) fn silence(id: &str, window_s: Option<(i64, i64)>) -> Event {
        let time = Time::from_seconds(0);
        let report = SilenceReport {
            vehicle: VehicleView::from(&Vehicle::unknown("v1".into())),
            flag: CaseView::from(&flag("f1", "v1")),
            checkpoint: window_s.map(|_| north()),
            unit: Some("station".into()),
            earliest_at: window_s.map(|(earliest_s, _)| Time::from_seconds(earliest_s)),
            latest_at: window_s.map(|(_, latest_s)| Time::from_seconds(latest_s)),
            silent_s: 180.0,
            signs: Vec::new(),
            may_be_aboard_ferry: false,
            fix: Fix::new(time, 38.9, 121.6).unwrap(),
            fix_age_s: 180.0,
            why: why("silent", "not heard"),
        };
        let data = Data::Silence(Box::new(report));
        Event { id: EventId(id.into()), time, kind: Type::Silent, data }
    }

    /// An event of the end of a silence that had been told at checkpoint `north` of unit `station`:
    /// in the region of unit `harbour`, before in that of `city`.
    pub(crate) fn heard(id: &str) -> Event {
        let time = Time::from_seconds(0);
        let report = HeardReport {
            vehicle: VehicleView::from(&Vehicle::unknown("v1".into())),
            flag: CaseView::from(&flag("f1", "v1")),
            unit: Some("harbour".into()),
            unit_before: Some("city".into()),
            silent_s: 600.0,
            checkpoints: vec![north()],
            fix: Fix::new(time, 38.9, 121.6).unwrap(),
            fix_age_s: 0.0,
            why: why("heard", "heard again"),
        };
        let data = Data::Heard(Box::new(report));
        Event { id: EventId(id.into()), time, kind: Type::Heard, data }
    }

    /// An event of an alert at checkpoint `north` of unit `station`.
    pub(crate) fn alert(id: &str, alert: &str, kind: Type, eta_s: u32) -> Event {
        let time = Time::from_seconds(0);
        let report = AlertReport {
            alert: EventId(alert.into()),
            vehicle: VehicleView::from(&Vehicle::unknown("v1".into())),
            flag: CaseView::from(&flag("f1", "v1")),
            checkpoint: north(),
            stage: Stage::Approaching,
            handling: Handling::Raised,
            progress: Default::default(),
            eta_s: eta_s.into(),
            eta_at: Time::from_seconds(eta_s.into()),
            probability: 0.75,
            distance_m: 1_000.0,
            fix: Fix::new(time, 38.9, 121.6).unwrap(),
            device: None,
            fix_age_s: 1.0,
            why: why("closing", "closing"),
            route: Vec::new(),
            nearest_units: Vec::new(),
        };
        Event { id: EventId(id.into()), time, kind, data: Data::Alert(Box::new(report)) }
    }
}
