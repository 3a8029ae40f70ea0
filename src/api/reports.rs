//! `/v1/reports`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use interdict_engine::UnitId;
use interdict_protocols::Time;

use super::auth::Caller;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::dispatch::with_those_under;
use crate::report::{self, Report};

/// A report covers so many seconds before now where nothing else is asked: a day.
const USUAL_S: f64 = 86_400.0;

/// Counts how the caller's alerts were handled, no further back than the caller's history.
#[utoipa::path(
    get,
    path = "/reports/alerts",
    tag = "reports",
    params(
        (
            "from" = Option<Time>, Query,
            description = "From when on alerts were raised that count; a day before the end unless said.",
        ),
        ("to" = Option<Time>, Query, description = "Until when; now unless said."),
        ("unit" = Option<UnitId>, Query, description = "Whose, with those under it."),
    ),
    responses((status = 200, body = Report)),
)]
pub(super) async fn alerts(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Report>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["from", "to", "unit"])?;
    let now = state.shards.clock().now();
    let to = pairs.time("to")?.unwrap_or(now);
    let from = pairs.time("from")?.unwrap_or_else(|| to.plus_seconds(-USUAL_S));
    let scope = caller.scope(&state);
    let from = scope.since(now).map_or(from, |since| from.max(since));
    let units: Option<BTreeSet<UnitId>> = match pairs.get("unit").map(UnitId::from) {
        Some(unit) => {
            scope.check(Some(&unit))?;
            Some(with_those_under(unit, &state.setup))
        }
        None => None,
    };
    let wanted = move |unit: &UnitId| {
        scope.holds(Some(unit)) && units.as_ref().is_none_or(|units| units.contains(unit))
    };
    let store = state.store.clone();
    Ok(Json(blocking(move || report::count(&store, (from, to), now, wanted)).await?))
}
