//! `/v1/subjects`: what is held on a vehicle, who read it, to whom it went.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use interdict_engine::{Vehicle, VehicleId};
use interdict_protocols::Time;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::extract::{Pairs, Segment};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking, vehicles};
use crate::audit::acts;
use crate::config::Enrolment;
use crate::subject::{self, Subject};

#[derive(Serialize, ToSchema)]
#[schema(as = SubjectReport)]
pub(super) struct View {
    vehicle: Vehicle,
    /// Its devices, as they are enrolled.
    devices: Vec<Arc<Enrolment>>,
    /// When the fix came that is held in memory; where it is is not said here.
    fix_received_at: Option<Time>,
    #[serde(flatten)]
    subject: Subject,
}

/// Reports what is held on a vehicle, who read it, and to whom it went.
#[utoipa::path(
    get,
    path = "/subjects/{vehicle}/report",
    tag = "vehicles",
    params(
        ("vehicle" = String, Path, description = "Its identity or plate."),
        ("reason" = String, Query, description = "Why."),
    ),
    responses((status = 200, body = View), (status = 409)),
)]
pub(super) async fn report(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(named): Segment,
    pairs: Pairs,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ReadSubject)?;
    // It says what any unit was told.
    caller.scope(&state).check(None)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    if by.why.is_none() {
        return Err(Problem::bad_request("a report on a vehicle needs a reason: `?reason=TEXT`"));
    }
    // Also of a vehicle that nobody has enrolled or heard: something may be kept of it.
    let found = vehicles::find(&state, &named).await?;
    let vehicle = found.unwrap_or_else(|| Vehicle::unknown(VehicleId::from(named.trim())));
    let act = state.act(acts::SUBJECT_REPORT, &by).with("vehicle", vehicle.id.as_str());
    state.note(vec![act]).await?;
    let id = vehicle.id.clone();
    let last = state.shards.ask(&vehicle.id, move |engine| engine.last_fix(&id)).await?;
    let (store, id) = (state.store.clone(), vehicle.id.clone());
    let subject = blocking(move || subject::report(&store, &id)).await?;
    let mut devices = state.registry.list();
    devices.retain(|enrolment| enrolment.vehicle.id == vehicle.id);
    let fix_received_at = last.map(|(_, received_at)| received_at);
    Ok(Json(View { vehicle, devices, fix_received_at, subject }))
}
