//! `/v1/alerts` and `/v1/checkpoints`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use interdict_engine::{AlertReport, Checkpoint};
use serde_json::{Value, json};

use super::ApiState;
use super::auth::Caller;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::Action;
use crate::audit::acts;

/// The open alerts, the one that is due first first, and the cursor from which the stream goes on
/// after this list.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    // Read before the list: an event that comes in between is in both, never in neither.
    let cursor = state.store.latest_sequence();
    let now = state.shards.clock().now();
    let shards = state.shards.ask_all(move |engine| engine.alerts(now)).await?;
    let mut alerts: Vec<AlertReport> = shards.into_iter().flatten().collect();
    alerts.sort_by(|one, other| (one.eta_at, &one.alert).cmp(&(other.eta_at, &other.alert)));
    // An alert says where its vehicle is.
    let vehicles: BTreeSet<&str> = alerts.iter().map(|alert| alert.vehicle.id.as_str()).collect();
    if !vehicles.is_empty() {
        state.note(state.act(acts::ALERTS_READ, &by).naming("vehicles", vehicles)).await?;
    }
    Ok(Json(json!({ "alerts": alerts, "cursor": cursor })))
}

pub(super) async fn checkpoints(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    // Every shard knows all of them.
    let shards = state
        .shards
        .ask_all(|engine| engine.checkpoints().cloned().collect::<Vec<Checkpoint>>())
        .await?;
    let checkpoints = shards.into_iter().next().unwrap_or_default();
    Ok(Json(json!({ "checkpoints": checkpoints })))
}
