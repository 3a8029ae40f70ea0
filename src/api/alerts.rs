//! `/v1/alerts`: those that are open, and what people do about them.

use axum::Json;
use axum::extract::State;
use interdict_engine::{Act, AlertReport, EventId, Handled, Outcome, Refusal, UnitId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiState;
use super::auth::Caller;
use super::extract::{Body, Segment};
use super::flags::text;
use super::problem::Problem;
use super::tokens::Action;

/// The open alerts, the one that is due first first, those that are over and want their outcome, and
/// the cursor from which the stream goes on
/// after this list.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    // Read before the list: an event that comes in between is in both, never in neither.
    let cursor = state.store.latest_sequence();
    let now = state.shards.clock().now();
    let ask =
        move |engine: &interdict_engine::Engine| (engine.alerts(now), engine.alerts_to_dispose());
    let (mut alerts, mut to_dispose) = (Vec::new(), Vec::new());
    for (open, over) in state.shards.ask_all(ask).await? {
        alerts.extend(open);
        to_dispose.extend(over);
    }
    for list in [&mut alerts, &mut to_dispose] {
        list.sort_by(|one: &AlertReport, other| {
            (one.eta_at, &one.alert).cmp(&(other.eta_at, &other.alert))
        });
    }
    Ok(Json(json!({ "alerts": alerts, "to_dispose": to_dispose, "cursor": cursor })))
}

/// For which unit somebody acts; their own where they say nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    #[serde(default)]
    unit: Option<UnitId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instruction {
    text: String,
    #[serde(default)]
    unit: Option<UnitId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Disposition {
    outcome: Outcome,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    unit: Option<UnitId>,
}

/// A person's client shows it.
pub(super) async fn deliver(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(body): Body<For>,
) -> Result<Json<Value>, Problem> {
    handle(&state, caller, id, body.unit, Act::Deliver).await
}

pub(super) async fn acknowledge(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(body): Body<For>,
) -> Result<Json<Value>, Problem> {
    handle(&state, caller, id, body.unit, Act::Acknowledge).await
}

pub(super) async fn instruct(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(body): Body<Instruction>,
) -> Result<Json<Value>, Problem> {
    let text = text("text", &body.text)?;
    handle(&state, caller, id, body.unit, Act::Instruct { text }).await
}

pub(super) async fn dispose(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(body): Body<Disposition>,
) -> Result<Json<Value>, Problem> {
    let reason = body.reason.map(|reason| text("reason", &reason)).transpose()?;
    let act = Act::Dispose { outcome: body.outcome, reason };
    handle(&state, caller, id, body.unit, act).await
}

async fn handle(
    state: &ApiState,
    caller: Caller,
    id: String,
    unit: Option<UnitId>,
    act: Act,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::HandleAlerts)?;
    let alert = EventId(id);
    let found = find(state, &alert).await?.ok_or_else(|| refused(Refusal::Unknown))?;
    let unit = acts_for(state, &caller, unit, &found)?;
    let (by, vehicle) = (caller.0.name.clone(), found.vehicle.id.clone());
    let handled = Handled { alert: alert.clone(), vehicle: vehicle.clone(), by, unit, act };
    let asked = handled.clone();
    state
        .shards
        .ask(&vehicle, move |engine| engine.check_handled(&asked))
        .await?
        .map_err(refused)?;
    state.shards.tell(vec![interdict_engine::Input::Handle(handled)]).await?;
    // An alert that has its outcome is on no desk any more.
    let report = find(state, &alert).await?;
    Ok(Json(
        report.map_or_else(
            || json!({ "alert": alert, "handling": "disposed" }),
            |report| json!(report),
        ),
    ))
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
    let own = caller.0.unit.as_deref().map(UnitId::from);
    let unit = asked.or_else(|| own.clone()).unwrap_or_else(|| alert.checkpoint.unit.clone());
    let parent = |unit: &UnitId| {
        state
            .setup
            .units
            .iter()
            .find(|known| known.id == *unit)
            .and_then(|unit| unit.parent.clone())
    };
    let mut at = Some(unit.clone());
    while let (Some(here), Some(own)) = (&at, &own) {
        if here == own {
            return Ok(unit);
        }
        at = parent(here);
    }
    match own {
        None => Ok(unit),
        Some(own) => {
            let detail = format!("you act for {own} and what is under it, not for {unit}");
            Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "other-unit", detail))
        }
    }
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
