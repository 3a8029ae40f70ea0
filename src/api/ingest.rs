//! `POST /v1/ingest`: positions that other platforms post, one or many, in our own JSON or as
//! Traccar forwards them.
//!
//! They go the way of trackers' positions. A platform may speak for the vehicles that the
//! configuration lists; its devices are `ingest:SOURCE:ID`, so that every fix names its source.

mod item;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use interdict_engine::{Input, Observation, Position, SOURCE_DEVICE, Setup, UnitId, Vehicle};
use interdict_protocols::{Datum, DeviceId, Fix};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::extract::{Pairs, Whole};
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::Action;
use crate::config::{EVERY_VEHICLE, Source, to_wgs84};
use crate::devices::Enrolment;
use crate::dispatch::with_those_under;
use item::{Posted, Report, Subject, read};

/// A source, and the units whose vehicles it may speak for.
pub(super) struct Speaker {
    source: Source,
    units: BTreeSet<UnitId>,
}

impl Speaker {
    /// Those that the configuration names.
    pub(super) fn all(sources: Vec<Source>, setup: &Setup) -> Vec<Self> {
        let speaker = |source: Source| {
            let units = source.units.iter().cloned();
            let units = units.flat_map(|unit| with_those_under(unit, setup)).collect();
            Self { source, units }
        };
        sources.into_iter().map(speaker).collect()
    }

    fn may_speak_for(&self, vehicle: &Vehicle) -> bool {
        let vehicles = &self.source.vehicles;
        vehicles.contains(vehicle.id.as_str())
            || vehicles.contains(EVERY_VEHICLE)
            || vehicle.unit.as_ref().is_some_and(|unit| self.units.contains(unit))
    }

    fn device(&self, id: &str) -> DeviceId {
        DeviceId::from(format!("{SOURCE_DEVICE}{}:{id}", self.source.name))
    }
}

/// An item that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedPosition)]
pub(super) struct Refused {
    /// Its place among those posted, from 0.
    index: usize,
    /// For programs.
    reason: &'static str,
    /// For people.
    detail: String,
}

/// What came of what was posted.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenPositions)]
pub(super) struct Taken {
    accepted: usize,
    refused: Vec<Refused>,
}

/// Why an item was not taken.
pub(super) struct Refusal {
    reason: &'static str,
    detail: String,
}

impl Refusal {
    fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Takes positions, one or many, in our own form or as Traccar forwards them.
#[utoipa::path(
    post,
    path = "/ingest",
    tag = "ingest",
    request_body = Posted,
    responses(
        (status = 200, body = Taken),
        (status = 422, description = "None of them can be taken; `refused` says why."),
    ),
)]
pub(super) async fn take(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Whole(body): Whole<Value>,
) -> Result<Json<Taken>, Problem> {
    caller.may(Action::Ingest)?;
    pairs.only(&[])?;
    let name = &caller.0.name;
    let speaker = state.speakers.iter().find(|speaker| speaker.source.token == *name);
    let speaker = speaker.ok_or_else(|| {
        let detail = format!(
            "no source of the configuration has the token `{name}`; name it in `[[sources]]`"
        );
        Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
    })?;
    let scope = caller.scope(&state);
    let items = match body {
        Value::Array(items) => items,
        item => vec![item],
    };
    // What will never be taken must not be sent again and again: forwarders repeat whatever is
    // answered by an error.
    let is_forwarded = items.iter().any(item::is_forwarded);
    let (mut inputs, mut refused) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match read(item).and_then(|report| state.observe((speaker, &scope), report)) {
            Ok(observation) => inputs.push(Input::Fix(observation)),
            Err(Refusal { reason, detail }) => refused.push(Refused { index, reason, detail }),
        }
    }
    let accepted = inputs.len();
    state.shards.tell(inputs).await?;
    state.metrics.ingested(accepted, refused.len());
    if accepted == 0 && !refused.is_empty() && !is_forwarded {
        let detail = match refused.as_slice() {
            [only] => only.detail.clone(),
            all => format!("none of {} positions can be taken; `refused` says why", all.len()),
        };
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-taken", detail);
        return Err(problem.with("refused", json!(refused)));
    }
    Ok(Json(Taken { accepted, refused }))
}

impl ApiState {
    /// What is told to the engine of a report.
    fn observe(
        &self,
        (speaker, scope): (&Speaker, &Scope),
        report: Report,
    ) -> Result<Observation, Refusal> {
        let Report { subject, fix } = report;
        let (device, vehicle, datum) = self.find(speaker, &subject)?;
        // Whoever made the token can let it speak for no more than what is theirs.
        if !speaker.may_speak_for(&vehicle) || !scope.holds(vehicle.unit.as_ref()) {
            let (name, vehicle) = (&speaker.source.name, vehicle.id.as_str());
            let detail = format!("the source `{name}` may not speak for the vehicle `{vehicle}`");
            return Err(Refusal::new("not-its-vehicle", detail));
        }
        let datum = if fix.datum == Datum::Wgs84 { datum } else { fix.datum };
        let stated = Position { latitude: fix.latitude, longitude: fix.longitude };
        let Position { latitude, longitude } = to_wgs84(datum, stated);
        let fix = Fix { latitude, longitude, datum: Datum::Wgs84, ..fix };
        Ok(Observation { device, vehicle: vehicle.id, fix })
    }

    /// The source's device, what carries it, and the datum that it reports in.
    ///
    /// A device is one that was enrolled for the source, or a tracker that was enrolled by the
    /// number under which the platform knows it; else the platform may call the vehicle by its
    /// identity or its plate.
    fn find(
        &self,
        speaker: &Speaker,
        subject: &Subject,
    ) -> Result<(DeviceId, Vehicle, Datum), Refusal> {
        let of_source = speaker.source.datum;
        if let Some(id) = &subject.device {
            let device = speaker.device(id);
            if let Some(enrolment) = self.registry.find(&device) {
                let datum = match self.registry.datum(&enrolment) {
                    Datum::Wgs84 => of_source,
                    own => own,
                };
                return Ok((device, enrolment.vehicle.clone(), datum));
            }
            if let Some(tracker) = self.registry.find(&DeviceId::from(id.as_str())) {
                return Ok((device, Enrolment::clone(&tracker).vehicle, of_source));
            }
        }
        for named in &subject.vehicle {
            let mut found = self.registry.vehicles_named(named);
            if found.len() > 1 {
                let detail = format!("{} vehicles have the plate `{named}`", found.len());
                return Err(Refusal::new("ambiguous", detail));
            }
            if let Some(vehicle) = found.pop() {
                let id = subject.device.as_deref().unwrap_or(vehicle.id.as_str());
                return Ok((speaker.device(id), vehicle, of_source));
            }
        }
        let name = subject.device.as_ref().or_else(|| subject.vehicle.first());
        let name = name.map_or("", String::as_str);
        let device = speaker.device(name);
        if let Some(enrolment) = self.registry.enrol_unknown(&device) {
            return Ok((device, enrolment.vehicle.clone(), of_source));
        }
        self.registry.refuse(&device, "ingest", &speaker.source.name);
        let detail = format!(
            "`{name}` is not enrolled: enrol the tracker `{name}`, or `{device}` for this source alone"
        );
        Err(Refusal::new("not-enrolled", detail))
    }
}
