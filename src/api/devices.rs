//! `/v1/devices`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{Input, Vehicle};
use serde_json::{Value, json};

use super::auth::Caller;
use super::extract::{Body, Pairs, Segment, Text};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::devices::{Change, Enrol, Enrolment};

/// Devices on one page, unless fewer or more are asked for.
const PAGE: usize = 1_000;
const LARGEST_PAGE: usize = 10_000;
/// Vehicles told to the engine at a time: others get in between.
const TOLD: usize = 1_000;

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadDevices)?;
    let pairs = pairs.only(&["after", "limit"])?;
    let limit = pairs.number("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let (devices, more) = state.registry.page(pairs.get("after"), limit);
    let next = devices.last().filter(|_| more).map(|last| last.device.clone());
    Ok(Json(json!({ "devices": devices, "next": next })))
}

pub(super) async fn refused(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadDevices)?;
    Ok(Json(json!({ "refused": state.registry.refused() })))
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
) -> Result<Json<Enrolment>, Problem> {
    caller.may(Action::ReadDevices)?;
    let found = state.registry.find(&device.as_str().into());
    found.map(|found| Json(Enrolment::clone(&found))).ok_or_else(|| not_enrolled(&device))
}

pub(super) async fn enrol(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(enrol): Body<Enrol>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ManageDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let registry = state.registry.clone();
    let enrolled = blocking(move || registry.enrol(enrol, &by)).await?;
    tell(&state, vec![enrolled.enrolment.vehicle.clone()]).await?;
    let status = match enrolled.change {
        Change::Added => StatusCode::CREATED,
        Change::Changed | Change::Unchanged => StatusCode::OK,
    };
    Ok((status, Json(json!({ "change": enrolled.change, "device": *enrolled.enrolment }))))
}

pub(super) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
    pairs: Pairs,
) -> Result<Json<Enrolment>, Problem> {
    caller.may(Action::ManageDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let (registry, id) = (state.registry.clone(), device.as_str().into());
    let revoked = blocking(move || registry.revoke(&id, &by)).await?;
    revoked.map(|revoked| Json(Enrolment::clone(&revoked))).ok_or_else(|| not_enrolled(&device))
}

pub(super) async fn import(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Text(text): Text,
) -> Result<Json<Value>, Problem> {
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
    Ok(Json(json!(report)))
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
