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

/// How alerts were handled: `?from=`, `?to=`, `?unit=` with those under it.
pub(super) async fn alerts(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Report>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["from", "to", "unit"])?;
    let now = state.shards.clock().now();
    let time = |name: &str| match pairs.get(name) {
        None => Ok(None),
        Some(text) => Time::parse(text).map(Some).ok_or_else(|| {
            Problem::bad_request(format!("`{name}` is no time such as 2026-06-15T02:01:15Z"))
        }),
    };
    let to = time("to")?.unwrap_or(now);
    let from = time("from")?.unwrap_or_else(|| to.plus_seconds(-USUAL_S));
    let units: Option<BTreeSet<UnitId>> =
        pairs.get("unit").map(|unit| with_those_under(unit.into(), &state.setup));
    let wanted = move |unit: &UnitId| units.as_ref().is_none_or(|units| units.contains(unit));
    let store = state.store.clone();
    Ok(Json(blocking(move || report::count(&store, (from, to), now, wanted)).await?))
}
