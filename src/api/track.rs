//! `/v1/vehicles/{id}/track`: where a vehicle was, as far as that is kept, for a reason.

use axum::Json;
use axum::extract::State;
use interdict_engine::{Vehicle, VehicleId};
use interdict_protocols::Time;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::auth::Caller;
use super::extract::{Pairs, Segment};
use super::page::{Limit, Page};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking, vehicles};
use crate::audit::acts;
use crate::store::{Track, TrackFix};

/// A track covers so many seconds before its end where nothing else is asked: an hour.
const USUAL_S: f64 = 3_600.0;

/// Part of a vehicle's track.
#[derive(Serialize, ToSchema)]
#[schema(as = VehicleTrack)]
pub(super) struct View {
    vehicle: Vehicle,
    /// No earlier than the caller's history.
    from: Time,
    to: Time,
    /// In the order in which they were received, from `from` on and before `to`.
    fixes: Vec<TrackFix>,
    /// The `from` of the next page; `null` on the last.
    next: Option<Time>,
}

/// Tells where a vehicle was, as far as that is kept, for a reason.
#[utoipa::path(
    get,
    path = "/vehicles/{id}/track",
    tag = "vehicles",
    params(
        ("id" = String, Path, description = "The vehicle's identity or plate."),
        (
            "from" = Option<Time>, Query,
            description = "From when on positions were received; an hour before the end unless said.",
        ),
        ("to" = Option<Time>, Query, description = "Until when; now unless said."),
        Limit,
        (
            "reason" = Option<String>, Query,
            description = "Why; needed unless the configuration does not ask for one.",
        ),
    ),
    responses((status = 200, body = View), (status = 404), (status = 409)),
)]
pub(super) async fn track(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(named): Segment,
    pairs: Pairs,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ReadPosition)?;
    let pairs = pairs.only(&["from", "to", "limit", "reason"])?;
    let by = caller.by_reason(&state, &pairs)?;
    let now = state.shards.clock().now();
    let to = pairs.time("to")?.unwrap_or(now);
    let from = pairs.time("from")?.unwrap_or_else(|| to.plus_seconds(-USUAL_S));
    if from >= to {
        return Err(Problem::bad_request("`from` must be earlier than `to`, and not now"));
    }
    let limit = Page::asked(&pairs)?.limit();
    // Also of a vehicle that is enrolled no more: what is kept of it was kept before.
    let found = vehicles::find(&state, &named).await?;
    let is_known = found.is_some();
    let vehicle = found.unwrap_or_else(|| Vehicle::unknown(VehicleId::from(named.trim())));
    let scope = caller.scope(&state);
    // An alert on its way lets others see where it is, and not where it has been.
    scope.check(vehicle.unit.as_ref())?;
    let from = scope.since(now).map_or(from, |since| from.max(since));
    let act = state.act(acts::VEHICLE_TRACK, &by);
    let act = act.with("from", json!(from)).with("to", json!(to));
    state.note(act.naming("vehicles", [vehicle.id.as_str()])).await?;
    let (store, id) = (state.store.clone(), vehicle.id.clone());
    let is_let_in = move |covert: &[_]| caller.is_let_in(covert);
    let read = move || store.track(&id, from..to, limit, is_let_in);
    let Track { fixes, next } = blocking(read).await?;
    if !is_known && fixes.is_empty() {
        let detail = format!("no vehicle has the identity or plate `{named}`");
        return Err(Problem::not_found(detail));
    }
    Ok(Json(View { vehicle, from, to, fixes, next }))
}
