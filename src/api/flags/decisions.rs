//! What somebody other than its applicant decides about a flag.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use interdict_engine::{Decided, Decision, Flag, FlagId, FlagRefusal, Input, Level};
use interdict_protocols::Time;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::auth::Caller;
use super::super::document::Why;
use super::super::extract::{Body, Pairs, Segment, text};
use super::super::problem::Problem;
use super::super::tokens::Action;
use super::super::{ApiState, blocking};
use super::asked::{expiry, optional};
use super::{View, approver, find, noted};
use crate::audit::{By, acts};
use crate::config::LONGEST_FLAG_S;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Approval {
    #[serde(default)]
    note: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Rejection {
    #[schema(min_length = 1, max_length = 1_000)]
    note: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Renewal {
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    expires_s: Option<f64>,
    #[serde(default)]
    expires_at: Option<Time>,
    #[serde(default)]
    note: Option<String>,
}

/// Approves a flag that somebody else asked for.
#[utoipa::path(
    post,
    path = "/flags/{id}/approve",
    tag = "flags",
    params(("id" = FlagId, Path), Why),
    request_body = Approval,
    responses((status = 200, body = View), (status = 404), (status = 409)),
)]
pub(in super::super) async fn approve(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<Approval>,
) -> Result<Json<View>, Problem> {
    let note = optional("note", body.note.as_deref())?;
    decide(&state, &caller, (id, pairs, note), |_, _| Ok(Decision::Approve)).await
}

/// Rejects a flag that somebody else asked for: it ends.
#[utoipa::path(
    post,
    path = "/flags/{id}/reject",
    tag = "flags",
    params(("id" = FlagId, Path), Why),
    request_body = Rejection,
    responses((status = 200, body = View), (status = 404), (status = 409)),
)]
pub(in super::super) async fn reject(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<Rejection>,
) -> Result<Json<View>, Problem> {
    let note = text("note", &body.note)?;
    decide(&state, &caller, (id, pairs, Some(note)), |_, _| Ok(Decision::Reject)).await
}

/// Lets a flag last longer: a new decision, by somebody who may approve it.
#[utoipa::path(
    post,
    path = "/flags/{id}/renew",
    tag = "flags",
    params(("id" = FlagId, Path), Why),
    request_body = Renewal,
    responses((status = 200, body = View), (status = 404), (status = 409)),
)]
pub(in super::super) async fn renew(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(body): Body<Renewal>,
) -> Result<Json<View>, Problem> {
    let note = optional("note", body.note.as_deref())?;
    let reasons = state.flag_reasons.clone();
    let until = move |flag: &Flag, now| {
        let longest_s =
            reasons.find(&flag.reason).map_or(LONGEST_FLAG_S, |reason| reason.longest_s);
        let expires_at = expiry((body.expires_s, body.expires_at), now, longest_s)?;
        Ok(Decision::Renew { expires_at })
    };
    decide(&state, &caller, (id, pairs, note), until).await
}

async fn decide(
    state: &ApiState,
    caller: &Caller,
    (id, pairs, note): (String, Pairs, Option<String>),
    decision: impl FnOnce(&Flag, Time) -> Result<Decision, Problem>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ApproveFlags)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let found = find(state, caller, id.clone()).await?;
    let flag = &found.flag;
    let now = state.shards.clock().now();
    caller.may_approve(state, flag.applicant.as_deref().unwrap_or_default(), now)?;
    check_level(state, caller, flag)?;
    let decided = Decided {
        flag: flag.id.clone(),
        vehicle: flag.vehicle.clone(),
        by: caller.person().to_owned(),
        note: note.clone(),
        decision: decision(flag, now)?,
    };
    let asked = decided.clone();
    let vehicle = flag.vehicle.clone();
    state
        .shards
        .ask(&vehicle, move |engine| engine.check_decided(&asked))
        .await?
        .map_err(refused)?;
    let act = match decided.decision {
        Decision::Approve => acts::FLAG_APPROVE,
        Decision::Reject => acts::FLAG_REJECT,
        Decision::Renew { .. } => acts::FLAG_RENEW,
    };
    let until = match decided.decision {
        Decision::Renew { expires_at } => Some(json!(expires_at)),
        _ => None,
    };
    let by = By { why: note.or_else(|| by.why.clone()), ..by };
    let act = noted(state, act, flag, &by).with_some("expires_at", until);
    state.shards.tell_noted(vec![Input::Decide(decided)], vec![act]).await?;
    let store = state.store.clone();
    // What is rejected holds no more.
    let report = blocking(move || store.flag(&id)).await?.unwrap_or(found);
    Ok(Json(View::new(state, report)))
}

/// Whether the caller's unit is high enough, and over the flag's. Who belongs to none is the
/// installation's own command.
fn check_level(state: &ApiState, caller: &Caller, flag: &Flag) -> Result<(), Problem> {
    let Some(own) = caller.unit() else { return Ok(()) };
    let refused = |detail: String| Err(Problem::new(StatusCode::FORBIDDEN, "level", detail));
    let needed = approver(state, flag);
    let level = state.setup.units.iter().find(|unit| unit.id == own).map(|unit| unit.level);
    if level.is_none_or(|level| level < needed) {
        return refused(format!("a flag like this is approved by a {}'s people", word(needed)));
    }
    match &flag.unit {
        Some(unit) => caller.scope(state).check(Some(unit)),
        None => Ok(()),
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Station => "station",
        Level::District => "district",
        Level::City => "city",
    }
}

fn refused(refusal: FlagRefusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        FlagRefusal::Unknown => Problem::not_found(detail),
        FlagRefusal::OwnFlag => Problem::new(StatusCode::FORBIDDEN, "own", detail),
        FlagRefusal::Approved | FlagRefusal::NotApproved => Problem::conflict("not-now", detail),
        FlagRefusal::Past => Problem::bad_request(detail),
    }
}
