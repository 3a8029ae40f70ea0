//! Events and records to store, and disks that fail.

use interdict_engine::{
    AlertReport, CaseView, CheckpointView, Data, Event, EventId, Flag, FlagReport, Handling,
    HeardReport, Input, Kind, Record, RecordId, SilenceReport, Stage, Type, Vehicle, VehicleId,
    VehicleView, Why,
};
use interdict_protocols::{Fix, Time};

use super::{Store, StoreError};

/// When the disk is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Before it has taken anything.
    Before,
    /// When it has taken everything.
    After,
}

pub(super) fn fail(injected: Option<Failure>, now: Failure) -> Result<(), StoreError> {
    if injected == Some(now) {
        return Err(StoreError::Io("injected".to_owned()));
    }
    Ok(())
}

impl Store {
    /// Makes the next write fail.
    pub(crate) fn inject(&self, failure: Failure) {
        *self.handles().unwrap().injected.lock().unwrap() = Some(failure);
    }
}

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
    let times = (Time::from_seconds(0), Time::from_seconds(86_400));
    Flag {
        case: "C-1".into(),
        authority: "duty officer".into(),
        ..Flag::new(id.into(), vehicle.into(), "stolen", times)
    }
}

/// An event about a flag.
pub(crate) fn event(id: &str, kind: Type, flag: Flag) -> Event {
    let vehicle = VehicleView::from(&Vehicle::unknown(flag.vehicle.clone()));
    let data =
        Data::Flag(Box::new(FlagReport { flag, vehicle, reason: None, by: None, note: None }));
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
        fix: Fix::new(time, 38.9, 121.6).unwrap().into(),
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
        fix: Fix::new(time, 38.9, 121.6).unwrap().into(),
        device: None,
        fix_age_s: 1.0,
        fix_every_s: None,
        why: why("closing", "closing"),
        route: Vec::new(),
        nearest_units: Vec::new(),
    };
    Event { id: EventId(id.into()), time, kind, data: Data::Alert(Box::new(report)) }
}
