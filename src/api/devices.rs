//! `/v1/devices`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{Engine, Input, UnitId, Vehicle, VehicleId};
use interdict_protocols::{DeviceId, Time};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment, Text};
use super::page::{self, Page};
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::config::read_fleet;
use crate::devices::{Change, Enrol, Enrolment, Refused, Report, Swap};

/// Vehicles told to the engine at a time: others get in between.
const TOLD: usize = 1_000;

/// Lists enrolled devices and how they are heard, in order of identity.
#[utoipa::path(
    get,
    path = "/devices",
    tag = "devices",
    params(Page),
    responses((status = 200, body = Devices)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Devices>, Problem> {
    caller.may(Action::ReadDevices)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let scope = caller.scope(&state);
    let mut devices = state.registry.list();
    devices.retain(|enrolment| scope.holds(enrolment.vehicle.unit.as_ref()));
    let (devices, next) = page.cut(devices, |enrolment| enrolment.device.to_string());
    let devices = views(&state, devices).await?;
    Ok(Json(Devices { devices, next }))
}

/// Lists devices that wanted to be heard and are not enrolled, the latest first.
#[utoipa::path(
    get,
    path = "/devices/refused",
    tag = "devices",
    params(Page),
    responses((status = 200, body = RefusedDevices)),
)]
pub(super) async fn refused(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<RefusedDevices>, Problem> {
    caller.may(Action::ReadRefusedDevices)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    // They belong to nobody.
    caller.scope(&state).check(None)?;
    let key = |refused: &Refused| format!("{} {}", page::at(refused.last_seen), refused.device);
    let (refused, next) = page.cut_falling(state.registry.refused(), key);
    Ok(Json(RefusedDevices { refused, next }))
}

/// Tells how a device is enrolled and how it is heard.
#[utoipa::path(
    get,
    path = "/devices/{id}",
    tag = "devices",
    params(("id" = DeviceId, Path)),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ReadDevices)?;
    let found = state.registry.find(&device.as_str().into());
    let found = found.ok_or_else(|| not_enrolled(&device))?;
    caller.scope(&state).check(found.vehicle.unit.as_ref())?;
    let view = views(&state, vec![found]).await?.pop();
    view.map(Json).ok_or_else(|| not_enrolled(&device))
}

/// Enrols a device, or changes what is known of it and its vehicle.
#[utoipa::path(
    post,
    path = "/devices",
    tag = "devices",
    params(Why),
    request_body = Enrol,
    responses((status = 200, body = Enrolled), (status = 201, body = Enrolled)),
)]
pub(super) async fn enrol(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(enrol): Body<Enrol>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ManageDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    check(&state, &caller.scope(&state), &enrol)?;
    let registry = state.registry.clone();
    let enrolled = blocking(move || registry.enrol(enrol, &by)).await?;
    tell(&state, vec![enrolled.enrolment.vehicle.clone()]).await?;
    let status = match enrolled.change {
        Change::Added => StatusCode::CREATED,
        Change::Changed | Change::Unchanged => StatusCode::OK,
    };
    Ok((status, Json(Enrolled { change: enrolled.change, device: enrolled.enrolment })))
}

/// Revokes a device: it is not heard any more.
#[utoipa::path(
    delete,
    path = "/devices/{id}",
    tag = "devices",
    params(("id" = DeviceId, Path), Why),
    responses((status = 200, body = Enrolment), (status = 404)),
)]
pub(super) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
    pairs: Pairs,
) -> Result<Json<Enrolment>, Problem> {
    caller.may(Action::ManageDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let (registry, id) = (state.registry.clone(), device.as_str().into());
    if let Some(known) = registry.find(&id) {
        caller.scope(&state).check(known.vehicle.unit.as_ref())?;
    }
    let revoked = blocking(move || registry.revoke(&id, &by)).await?;
    revoked.map(|revoked| Json(Enrolment::clone(&revoked))).ok_or_else(|| not_enrolled(&device))
}

/// Puts another device in the place of one, in its vehicle and as it was enrolled.
#[utoipa::path(
    post,
    path = "/devices/{id}/swap",
    tag = "devices",
    params(("id" = DeviceId, Path), Why),
    request_body = Swap,
    responses((status = 200, body = Enrolment), (status = 404), (status = 409)),
)]
pub(super) async fn swap(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
    pairs: Pairs,
    Body(swap): Body<Swap>,
) -> Result<Json<Enrolment>, Problem> {
    caller.may(Action::ManageDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let old = DeviceId::from(device.as_str());
    let known = state.registry.find(&old).ok_or_else(|| not_enrolled(&device))?;
    caller.scope(&state).check(known.vehicle.unit.as_ref())?;
    let registry = state.registry.clone();
    let swapped = blocking(move || registry.swap(&old, swap, &by)).await?;
    swapped.map(|now| Json(Enrolment::clone(&now))).ok_or_else(|| not_enrolled(&device))
}

/// Enrols the devices of a CSV: all of them, or none where a line is bad.
#[utoipa::path(
    post,
    path = "/devices/import",
    tag = "devices",
    params(
        ("skip_bad" = Option<bool>, Query, description = "Whether bad lines are left out."),
        Why,
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Report), (status = 422)),
)]
pub(super) async fn import(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Text(text): Text,
) -> Result<Json<Report>, Problem> {
    caller.may(Action::ManageDevices)?;
    let pairs = pairs.only(&["skip_bad", "reason"])?;
    let by = caller.by(&pairs)?;
    let skip_bad = match pairs.get("skip_bad") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            return Err(Problem::bad_request(format!(
                "`skip_bad` is `{other}`, not true or false"
            )));
        }
    };
    let scope = caller.scope(&state);
    if !scope.is_whole() {
        let (lines, _) = read_fleet(&text);
        lines.iter().try_for_each(|line| check(&state, &scope, line))?;
    }
    let registry = state.registry.clone();
    let (report, vehicles) = blocking(move || registry.import_csv(&text, skip_bad, &by)).await?;
    if !report.done {
        let detail = format!(
            "{} lines are bad, so nothing was enrolled; mend them, or skip them with `skip_bad=true`",
            report.bad
        );
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-lines", detail);
        return Err(problem.with("report", json!(report)));
    }
    tell(&state, vehicles).await?;
    Ok(Json(report))
}

/// Some devices.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    devices: Vec<View>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// Devices that wanted to be heard.
#[derive(Serialize, ToSchema)]
pub(super) struct RefusedDevices {
    refused: Vec<Refused>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A device as it is now enrolled.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrolledDevice)]
struct Enrolled {
    /// What came of it.
    change: Change,
    device: Arc<Enrolment>,
}

/// A device, and how it fares.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(super) struct View {
    #[serde(flatten)]
    enrolment: Arc<Enrolment>,
    health: Health,
}

/// How a device's vehicle is heard; nothing of where it is.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = DeviceHealth)]
pub(super) struct Health {
    /// When its last position came; `null` where none did for a day.
    heard_at: Option<Time>,
    /// How old that position is, seconds.
    fix_age_s: Option<f64>,
}

async fn views(state: &ApiState, devices: Vec<Arc<Enrolment>>) -> Result<Vec<View>, Problem> {
    let ids: BTreeSet<VehicleId> = devices.iter().map(|device| device.vehicle.id.clone()).collect();
    let (ids, now) = (Arc::new(ids), state.shards.clock().now());
    let heard = move |engine: &Engine| {
        let heard = ids.iter().filter_map(|id| {
            let (fix, received_at) = engine.last_fix(id)?;
            let fix_age_s = Some(now.seconds_since(fix.fix_time));
            Some((id.clone(), Health { heard_at: Some(received_at), fix_age_s }))
        });
        heard.collect::<BTreeMap<_, _>>()
    };
    let mut heard_of = BTreeMap::new();
    for heard in state.shards.ask_all(heard).await? {
        heard_of.extend(heard);
    }
    let view = |enrolment: Arc<Enrolment>| {
        let health = heard_of.get(&enrolment.vehicle.id).copied().unwrap_or_default();
        View { enrolment, health }
    };
    Ok(devices.into_iter().map(view).collect())
}

/// Goes on only where the device, its vehicle, and what they are to be, are the caller's.
fn check(state: &ApiState, scope: &Scope, enrol: &Enrol) -> Result<(), Problem> {
    let device = state.registry.find(&enrol.device.trim().into());
    if let Some(device) = device {
        scope.check(device.vehicle.unit.as_ref())?;
    }
    let known = state.registry.vehicle(&enrol.vehicle.trim().into());
    if let Some(vehicle) = &known {
        scope.check(vehicle.unit.as_ref())?;
    }
    let stated = enrol.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty());
    let unit = stated.map(UnitId::from).or_else(|| known?.unit);
    scope.check(unit.as_ref())
}

/// Tells the engine what vehicles are now.
async fn tell(state: &ApiState, vehicles: Vec<Vehicle>) -> Result<(), Problem> {
    let mut vehicles = vehicles.into_iter();
    loop {
        let inputs: Vec<Input> = vehicles.by_ref().take(TOLD).map(Input::Vehicle).collect();
        if inputs.is_empty() {
            return Ok(());
        }
        state.shards.tell(inputs).await?;
    }
}

pub(super) fn not_enrolled(device: &str) -> Problem {
    Problem::not_found(format!("no device `{device}` is enrolled"))
}
