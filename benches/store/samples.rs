//! Records and events of flagged vehicles.

use interdict_engine::{
    AlertReport, CaseView, CheckpointView, Data, Event, EventId, Flag, Handling, Input, Judged,
    Kind, Lane, Observation, Record, RecordId, Stage, Type, Used, Vehicle, VehicleId, VehicleView,
    Why,
};
use interdict_protocols::{Fix, Time};

pub(super) fn time(id: u64) -> Time {
    Time::from_seconds(1_800_000_000 + id.cast_signed())
}

pub(super) fn vehicle(id: u64) -> VehicleId {
    format!("car-{}", id % 1_000).as_str().into()
}

/// A fix of a flagged vehicle.
pub(super) fn record(id: u64) -> Record {
    let mut fix = Fix::new(time(id), 39.0 + (id % 977) as f64 * 1e-5, 121.6).expect("on the globe");
    (fix.speed_kmh, fix.course_deg) = (Some(41.3), Some((id % 360) as f64));
    let judged = Some(Judged { lane: Lane::Live, fix_time: time(id) });
    let device = format!("1390000{:04}", id % 1_000).as_str().into();
    let input = Input::Fix(Observation { device, vehicle: vehicle(id), fix });
    Record { id: RecordId(id), at: time(id), input, used: Used { judged, ..Used::default() } }
}

/// An alert, as it is told again with another ETA.
pub(super) fn event(id: u64) -> Event {
    let flag = CaseView::from(&flag(&format!("{:016x}", id % 1_000), vehicle(id), time(id)));
    let fix = Fix::new(time(id), 39.0, 121.6).expect("on the globe");
    let report = AlertReport {
        alert: EventId(format!("{}.1", id % 1_000)),
        vehicle: VehicleView::from(&Vehicle::unknown(vehicle(id))),
        flag,
        checkpoint: CheckpointView {
            id: "houyan".into(),
            name: "Houyan".into(),
            kind: Kind::ThroatRoad,
            unit: "ganjingzi-houyan".into(),
        },
        stage: Stage::Approaching,
        handling: Handling::Raised,
        progress: Default::default(),
        eta_s: 412.5,
        eta_at: time(id + 412),
        probability: 0.81,
        distance_m: 5_311.2,
        fix: fix.into(),
        device: None,
        fix_age_s: 1.3,
        fix_every_s: None,
        why: Why {
            code: "closing".into(),
            text: "closing at 54 km/h, heading within 12 degrees of the way there".into(),
            figures: [("speed_kmh".to_owned(), 54.0), ("off_deg".to_owned(), 12.0)].into(),
        },
        route: Vec::new(),
        nearest_units: Vec::new(),
    };
    let data = Data::Alert(Box::new(report));
    Event { id: EventId(format!("{id}.0")), time: time(id), kind: Type::Updated, data }
}

pub(super) fn flag(id: &str, vehicle: VehicleId, now: Time) -> Flag {
    Flag {
        case: "C-2026-000017".into(),
        authority: "duty officer".into(),
        priority: 2,
        instruction: Some("stop and hold; two officers".into()),
        cautions: vec!["may be armed".into()],
        contact: Some("110, desk 4".into()),
        ..Flag::new(id.into(), vehicle, "stolen", (now, now.plus_seconds(86_400.0)))
    }
}
