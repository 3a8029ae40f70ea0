//! `/v1/alerts`.

use axum::Json;
use axum::extract::State;
use interdict_engine::AlertReport;
use serde_json::{Value, json};

use super::ApiState;
use super::auth::Caller;
use super::problem::Problem;
use super::tokens::Action;

/// The open alerts, the one that is due first first, and the cursor from which the stream goes on
/// after this list.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    // Read before the list: an event that comes in between is in both, never in neither.
    let cursor = state.store.latest_sequence();
    let now = state.shards.clock().now();
    let shards = state.shards.ask_all(move |engine| engine.alerts(now)).await?;
    let mut alerts: Vec<AlertReport> = shards.into_iter().flatten().collect();
    alerts.sort_by(|one, other| (one.eta_at, &one.alert).cmp(&(other.eta_at, &other.alert)));
    Ok(Json(json!({ "alerts": alerts, "cursor": cursor })))
}
