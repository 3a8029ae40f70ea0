//! `/v1/flags`.

mod asked;
pub(super) mod decisions;
mod found;
pub(super) mod holds;
pub(super) mod table;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{
    Flag, FlagEnd, FlagId, FlagReport, FlagState, Input, Level, Scope, VehicleView,
};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment, object, text};
use super::page::Page;
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::audit::{Act, By, acts};
use crate::config::{AskedFlag, FlagReason};
use asked::Applicant;
use found::{Found, Match, Near, Tracker};

pub(super) use found::plate_id;

/// A flag, and which vehicle it found.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagAsMatched)]
pub(super) struct View {
    #[serde(flatten)]
    flag: Flag,
    /// When it ends unless somebody decides.
    ends_at: Time,
    /// The lowest level whose people approve it, where it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    approver: Option<Level>,
    matched: VehicleView,
}

impl View {
    fn new(state: &ApiState, report: FlagReport) -> Self {
        let FlagReport { flag, vehicle: matched, .. } = report;
        let approver = (flag.state != FlagState::Approved).then(|| approver(state, &flag));
        Self { ends_at: flag.ends_at(), approver, flag, matched }
    }
}

/// A flag just added, and what is known of its vehicle.
#[derive(Serialize, ToSchema)]
#[schema(as = AddedFlag)]
struct Added {
    #[serde(flatten)]
    view: View,
    /// How the vehicle was found.
    #[serde(rename = "match")]
    by: Match,
    tracker: Tracker,
    last_heard_at: Option<Time>,
    /// Others that may be meant.
    near: Vec<Near>,
}

/// Some flags.
#[derive(Serialize, ToSchema)]
pub(super) struct Flags {
    flags: Vec<View>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlagReasons)]
pub(super) struct Reasons {
    reasons: Vec<FlagReason>,
}

/// The lowest level whose people approve a flag. What has no reason any more is the city's.
fn approver(state: &ApiState, flag: &Flag) -> Level {
    let by_reason = state.flag_reasons.find(&flag.reason).map(|reason| reason.approver);
    match flag.scope {
        Scope::Linked => Level::City,
        Scope::Unit => by_reason.unwrap_or(Level::City),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// Lists the flags that hold and that the caller may know of.
#[utoipa::path(
    get,
    path = "/flags",
    tag = "flags",
    params(("state" = Option<FlagState>, Query, description = "Only those, such as `applied`."), Page),
    responses((status = 200, body = Flags)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Flags>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["state", "after", "limit"])?;
    let page = Page::asked(&pairs)?;
    let wanted = pairs.get("state").map(|text| {
        serde_json::from_value::<FlagState>(text.into()).map_err(|_| {
            let known = "applied, emergency, approved or provisional";
            Problem::bad_request(format!("`state` is `{text}`, not {known}"))
        })
    });
    let wanted = wanted.transpose()?;
    let mut flags = seen(&state, &caller).await?;
    flags.retain(|report| wanted.is_none_or(|wanted| report.flag.state == wanted));
    let (flags, next) = page.cut(flags, |report| report.flag.id.to_string());
    let flags = flags.into_iter().map(|report| View::new(&state, report)).collect();
    Ok(Json(Flags { flags, next }))
}

/// The flags that hold and that the caller may know of.
async fn seen(state: &ApiState, caller: &Caller) -> Result<Vec<FlagReport>, Problem> {
    let store = state.store.clone();
    let mut flags = blocking(move || store.flags()).await?;
    flags.retain(|report| caller.sees(state, &report.flag));
    Ok(flags)
}

/// Lists the reasons for which a vehicle may be flagged.
#[utoipa::path(
    get,
    path = "/flags/reasons",
    tag = "flags",
    responses((status = 200, body = Reasons)),
)]
pub(super) async fn reasons(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Reasons>, Problem> {
    caller.may(Action::ReadAlerts)?;
    Ok(Json(Reasons { reasons: state.flag_reasons.iter().cloned().collect() }))
}

/// Tells of a flag that holds.
#[utoipa::path(
    get,
    path = "/flags/{id}",
    tag = "flags",
    params(("id" = FlagId, Path)),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let found = find(&state, &caller, id).await?;
    Ok(Json(View::new(&state, found)))
}

/// Flags a vehicle, or asks that it be flagged.
#[utoipa::path(
    post,
    path = "/flags",
    tag = "flags",
    params(Why),
    request_body = AskedFlag,
    responses((status = 201, body = Added), (status = 409)),
)]
pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(asked): Body<AskedFlag>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Flag)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let now = state.shards.clock().now();
    let (flag, found) = made(&state, &caller, &asked, now).await?;
    let act = noted(&state, acts::FLAG_ADD, &flag, &by);
    let Found { vehicle, by, tracker, last_heard_at, near } = found;
    let matched = VehicleView::from(&vehicle);
    let report =
        FlagReport { flag: flag.clone(), vehicle: matched, reason: None, by: None, note: None };
    let view = View::new(&state, report);
    // The vehicle first: it may never have been heard, and the flag's event shows its plate.
    let inputs = vec![Input::Vehicle(vehicle), Input::Flag(flag)];
    state.shards.tell_noted(inputs, vec![act]).await?;
    Ok((StatusCode::CREATED, Json(Added { view, by, tracker, last_heard_at, near })))
}

/// The flag that somebody asks for, and its vehicle.
async fn made(
    state: &ApiState,
    caller: &Caller,
    asked: &AskedFlag,
    now: Time,
) -> Result<(Flag, Found), Problem> {
    let applicant = Applicant::of(state, caller, asked, now)?;
    let reason = asked.reason(&state.flag_reasons)?;
    let covert = asked.covert(state, &applicant)?;
    let found = found::find(state, asked).await?;
    let flag = Flag { covert, ..asked.flag(&found.vehicle, reason, &applicant)? };
    Ok((flag, found))
}

/// Withdraws a flag.
///
/// The reason is a code: `handled`, `invalid`, `wrong` or `other`, in the body or as `?reason=`.
#[utoipa::path(
    post,
    path = "/flags/{id}/withdraw",
    tag = "flags",
    params(
        ("id" = FlagId, Path),
        ("reason" = Option<String>, Query, description = "The code, in place of a body."),
    ),
    request_body = Option<Withdrawal>,
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn withdraw(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    body: Bytes,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Flag)?;
    let pairs = pairs.only(&["reason"])?;
    let body: Option<Withdrawal> =
        Some(&*body).filter(|body| !body.is_empty()).map(object).transpose()?;
    let (stated, note) = body.map_or((None, None), |body| (body.reason, body.note));
    let reason = pairs.get("reason").map(str::to_owned).or(stated).ok_or_else(|| {
        Problem::bad_request("a reason is needed, such as {\"reason\":\"handled\"}")
    })?;
    let reason = ending(&reason)?;
    let note = note.map(|note| text("note", &note)).transpose()?;
    let found = find(&state, &caller, id).await?;
    let (flag, vehicle) = (found.flag.id.clone(), found.flag.vehicle.clone());
    let why = Some(note.clone().unwrap_or_else(|| reason.to_string()));
    let by = By { why, ..caller.by(&pairs)? };
    let act = noted(&state, acts::FLAG_WITHDRAW, &found.flag, &by).with("ended", reason.code());
    let by = Some(by.who);
    let withdraw = Input::Withdraw { flag, vehicle, reason, note, by };
    state.shards.tell_noted(vec![withdraw], vec![act]).await?;
    Ok(Json(View::new(&state, found)))
}

/// Withdraws a flag, as `POST /v1/flags/{id}/withdraw` does.
#[utoipa::path(
    delete,
    path = "/flags/{id}",
    tag = "flags",
    params(
        ("id" = FlagId, Path),
        (
            "reason" = FlagEnd, Query,
            description = "The code: `handled`, `invalid`, `wrong` or `other`.",
        ),
    ),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn end(
    state: State<ApiState>,
    caller: Caller,
    id: Segment,
    pairs: Pairs,
    body: Bytes,
) -> Result<Json<View>, Problem> {
    withdraw(state, caller, id, pairs, body).await
}

/// The code that somebody withdraws a flag with.
fn ending(code: &str) -> Result<FlagEnd, Problem> {
    let code = code.trim();
    let found = FlagEnd::BY_PERSONS.into_iter().find(|end| end.code() == code);
    found.ok_or_else(|| {
        let codes = FlagEnd::BY_PERSONS.map(FlagEnd::code).join("`, `");
        let detail = format!("`{code}` is no reason to withdraw a flag; known are `{codes}`");
        Problem::bad_request(detail)
    })
}

/// What is noted of a flag: on what, why and by whose order, and a commitment to the whole of it.
fn noted(state: &ApiState, act: &'static str, flag: &Flag, by: &By) -> Act {
    state
        .act(act, by)
        .with("flag", flag.id.as_str())
        .with("vehicle", flag.vehicle.as_str())
        .with("case", flag.case.as_str())
        .with("reason", flag.reason.as_str())
        .with("authority", flag.authority.as_str())
        .with_some("drill", flag.drill.then_some(true))
        .of(&serde_json::to_vec(flag).unwrap_or_default())
}

/// A flag that holds and that the caller may know of.
async fn find(state: &ApiState, caller: &Caller, id: String) -> Result<FlagReport, Problem> {
    let (store, wanted) = (state.store.clone(), id.clone());
    let found = blocking(move || store.flag(&wanted)).await?;
    let found = found.filter(|found| caller.sees(state, &found.flag));
    found.ok_or_else(|| Problem::not_found(format!("no flag `{id}` holds")))
}

fn random_id() -> Result<String, Problem> {
    let number = getrandom::u64().map_err(|_| {
        let detail = "the system has no random numbers at present";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "random", detail)
    })?;
    Ok(format!("{number:016x}"))
}
