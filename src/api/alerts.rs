//! `/v1/alerts`: those that are open, and what people do about them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use interdict_engine::{
    Act, AlertReport, EventId, Handled, Input, Outcome, Refusal, SilenceReport, UnitId,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment, text};
use super::problem::Problem;
use super::tokens::Action;
use crate::audit::{self, By, acts};

/// Lists what is open.
///
/// The caller's open alerts, the one that is due first first, those that are over and want their outcome, the
/// vehicles that are silent, and the cursor from which the stream goes on after this list.
#[utoipa::path(
    get,
    path = "/alerts",
    tag = "alerts",
    params(Why),
    responses((status = 200, body = Alerts)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Alerts>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    // Read before the list: an event that comes in between is in both, never in neither.
    let cursor = state.store.latest_sequence();
    let now = state.shards.clock().now();
    let ask = move |engine: &interdict_engine::Engine| {
        (engine.alerts(now), engine.alerts_to_dispose(), engine.silences(now))
    };
    let (mut alerts, mut to_dispose, mut silences) = (Vec::new(), Vec::new(), Vec::new());
    for (open, over, silent) in state.shards.ask_all(ask).await? {
        alerts.extend(open);
        to_dispose.extend(over);
        silences.extend(silent);
    }
    let scope = caller.scope(&state);
    silences.retain(|silence: &SilenceReport| {
        caller.is_let_in(&silence.flag.covert) && scope.holds(silence.unit.as_ref())
    });
    silences.sort_by(|one: &SilenceReport, other| {
        (one.earliest_at, &one.vehicle.id).cmp(&(other.earliest_at, &other.vehicle.id))
    });
    for list in [&mut alerts, &mut to_dispose] {
        list.retain(|alert| caller.is_let_in(&alert.flag.covert));
        list.retain(|alert| scope.sees_alert(alert));
        list.sort_by(|one: &AlertReport, other| {
            (one.eta_at, &one.alert).cmp(&(other.eta_at, &other.alert))
        });
    }
    // An alert says where its vehicle is, and so does a silence.
    let all = alerts.iter().chain(&to_dispose).map(|alert| &alert.vehicle.id);
    let all = all.chain(silences.iter().map(|silence| &silence.vehicle.id));
    let vehicles: BTreeSet<&str> = all.map(|vehicle| vehicle.as_str()).collect();
    if !vehicles.is_empty() {
        state.note(state.act(acts::ALERTS_READ, &by).naming("vehicles", vehicles)).await?;
    }
    Ok(Json(Alerts { alerts, to_dispose, silences, cursor }))
}

/// What is open.
#[derive(Serialize, ToSchema)]
pub(super) struct Alerts {
    alerts: Vec<AlertReport>,
    /// Alerts that are over, and want their outcome.
    to_dispose: Vec<AlertReport>,
    silences: Vec<SilenceReport>,
    /// From which the stream goes on after this list.
    cursor: u64,
}

/// How an alert stands after a step; one that has its outcome is on no desk any more.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = HandledAlert)]
pub(super) enum Handling {
    Open(Box<AlertReport>),
    Over { alert: EventId, handling: Over },
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AlertOver)]
pub(super) enum Over {
    Disposed,
}

/// For which unit somebody acts; their own where they say nothing.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForUnit)]
pub(super) struct For {
    #[serde(default)]
    unit: Option<UnitId>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Instruction {
    #[schema(min_length = 1, max_length = 1_000)]
    text: String,
    #[serde(default)]
    unit: Option<UnitId>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Disposition {
    outcome: Outcome,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1_000)]
    reason: Option<String>,
    #[serde(default)]
    unit: Option<UnitId>,
}

/// Says that a person's client shows an alert.
#[utoipa::path(
    post,
    path = "/alerts/{id}/deliver",
    tag = "alerts",
    params(("id" = EventId, Path), Why),
    request_body = For,
    responses((status = 200, body = Handling), (status = 404), (status = 409)),
)]
pub(super) async fn deliver(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<For>,
) -> Result<Json<Handling>, Problem> {
    handle(&state, caller, (id, pairs), body.unit, Act::Deliver).await
}

/// Signs an alert off.
#[utoipa::path(
    post,
    path = "/alerts/{id}/acknowledge",
    tag = "alerts",
    params(("id" = EventId, Path), Why),
    request_body = For,
    responses((status = 200, body = Handling), (status = 404), (status = 409)),
)]
pub(super) async fn acknowledge(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<For>,
) -> Result<Json<Handling>, Problem> {
    handle(&state, caller, (id, pairs), body.unit, Act::Acknowledge).await
}

/// Says what is to be done about an alert.
#[utoipa::path(
    post,
    path = "/alerts/{id}/instruct",
    tag = "alerts",
    params(("id" = EventId, Path), Why),
    request_body = Instruction,
    responses((status = 200, body = Handling), (status = 404), (status = 409)),
)]
pub(super) async fn instruct(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<Instruction>,
) -> Result<Json<Handling>, Problem> {
    let text = text("text", &body.text)?;
    handle(&state, caller, (id, pairs), body.unit, Act::Instruct { text }).await
}

/// Says how an alert ended.
#[utoipa::path(
    post,
    path = "/alerts/{id}/dispose",
    tag = "alerts",
    params(("id" = EventId, Path), Why),
    request_body = Disposition,
    responses((status = 200, body = Handling), (status = 404), (status = 409)),
)]
pub(super) async fn dispose(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<Disposition>,
) -> Result<Json<Handling>, Problem> {
    let reason = body.reason.map(|reason| text("reason", &reason)).transpose()?;
    let act = Act::Dispose { outcome: body.outcome, reason };
    handle(&state, caller, (id, pairs), body.unit, act).await
}

async fn handle(
    state: &ApiState,
    caller: Caller,
    (id, pairs): (String, Pairs),
    unit: Option<UnitId>,
    act: Act,
) -> Result<Json<Handling>, Problem> {
    caller.may(Action::HandleAlerts)?;
    let mut by = caller.by(&pairs.only(&["reason"])?)?;
    let alert = EventId(id);
    let found = find(state, &alert).await?;
    let found = found.filter(|found| caller.is_let_in(&found.flag.covert));
    let found = found.ok_or_else(|| refused(Refusal::Unknown))?;
    let unit = acts_for(state, &caller, unit, &found)?;
    let vehicle = found.vehicle.id.clone();
    let who = by.who.clone();
    let handled = Handled { alert: alert.clone(), vehicle: vehicle.clone(), by: who, unit, act };
    if let Act::Dispose { reason: Some(reason), .. } = &handled.act {
        by.why = Some(reason.clone());
    }
    let noted = noted(state, &handled, &found, &by);
    let asked = handled.clone();
    state
        .shards
        .ask(&vehicle, move |engine| engine.check_handled(&asked))
        .await?
        .map_err(refused)?;
    state.shards.tell_noted(vec![Input::Handle(handled)], vec![noted]).await?;
    // An alert that has its outcome is on no desk any more.
    let report = find(state, &alert).await?;
    Ok(Json(match report {
        Some(report) => Handling::Open(Box::new(report)),
        None => Handling::Over { alert, handling: Over::Disposed },
    }))
}

/// What is noted of it: for whom, and a commitment to the whole of what was said.
fn noted(state: &ApiState, handled: &Handled, alert: &AlertReport, by: &By) -> audit::Act {
    let act = match handled.act {
        Act::Deliver => acts::ALERT_DELIVER,
        Act::Acknowledge => acts::ALERT_ACKNOWLEDGE,
        Act::Instruct { .. } => acts::ALERT_INSTRUCT,
        Act::Dispose { .. } => acts::ALERT_DISPOSE,
    };
    let outcome = match &handled.act {
        Act::Dispose { outcome, .. } => Some(json!(outcome)),
        _ => None,
    };
    state
        .act(act, by)
        .with("alert", handled.alert.0.as_str())
        .with("vehicle", handled.vehicle.as_str())
        .with("checkpoint", alert.checkpoint.id.as_str())
        .with("unit", handled.unit.as_str())
        .with_some("outcome", outcome)
        .of(&serde_json::to_vec(handled).unwrap_or_default())
}

async fn find(state: &ApiState, alert: &EventId) -> Result<Option<AlertReport>, Problem> {
    let alert = alert.clone();
    let shards = state.shards.ask_all(move |engine| engine.alert(&alert).cloned()).await?;
    Ok(shards.into_iter().flatten().next())
}

/// The unit for which somebody acts: their own or one under it. Who belongs to none acts for the
/// checkpoint's.
fn acts_for(
    state: &ApiState,
    caller: &Caller,
    asked: Option<UnitId>,
    alert: &AlertReport,
) -> Result<UnitId, Problem> {
    let scope = caller.scope(state);
    let unit = asked.or_else(|| scope.unit().cloned());
    let unit = unit.unwrap_or_else(|| alert.checkpoint.unit.clone());
    scope.check(Some(&unit))?;
    Ok(unit)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found(refusal.to_string()),
        Refusal::NoReason => Problem::bad_request(refusal.to_string()),
        Refusal::NotTold => {
            Problem::new(axum::http::StatusCode::FORBIDDEN, "not-told", refusal.to_string())
        }
        Refusal::Disposed | Refusal::Acknowledged | Refusal::NotAcknowledged => {
            Problem::conflict("not-now", refusal.to_string())
        }
    }
}
