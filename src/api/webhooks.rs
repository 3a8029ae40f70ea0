//! `/v1/webhooks`: other systems that events are sent to.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::UnitId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment, inner, text};
use super::page::{self, Limit, Page};
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::dispatch::Wanted;
use crate::dispatch::webhook::{Dead, New, Secret, View, WebhookError};

/// Dead letters sent again by one request.
const RESENT: usize = 1_000;
/// Seconds that the secret before a new one is signed with, where it is not said: a day to tell every
/// receiver.
const OVERLAP_S: f64 = 86_400.0;
/// A month at the most: a secret that leaked must go.
const LONGEST_OVERLAP_S: f64 = 30.0 * 86_400.0;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(super) struct Asked {
    #[schema(pattern = "^https?://")]
    url: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1_000)]
    name: Option<String>,
    #[serde(default, deserialize_with = "inner")]
    filter: Wanted,
    #[serde(default)]
    #[schema(min_items = 1)]
    fields: Option<Vec<String>>,
    #[serde(default)]
    #[schema(pattern = "^whsec_")]
    secret: Option<String>,
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rotation {
    #[schema(pattern = "^whsec_")]
    secret: Option<String>,
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_s: Option<f64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayFrom)]
pub(super) struct Place {
    after: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetters)]
pub(super) struct Letters {
    #[schema(min_items = 1, max_items = 1_000)]
    sequences: Vec<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(super) struct WebhookList {
    webhooks: Vec<View>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A webhook and its secret, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    view: View,
    secret: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RemovedWebhook)]
pub(super) struct Removed {
    id: String,
}

/// Events that could not be delivered.
#[derive(Serialize, ToSchema)]
pub(super) struct DeadPage {
    dead: Vec<Dead>,
    /// The event that the next page begins after; `null` on the last.
    next: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Resending {
    /// How many events are sent again.
    resending: usize,
}

/// Lists webhooks, without their secrets.
#[utoipa::path(
    get,
    path = "/webhooks",
    tag = "webhooks",
    params(Page),
    responses((status = 200, body = WebhookList)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<WebhookList>, Problem> {
    caller.may(Action::ManageWebhooks)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let scope = caller.scope(&state);
    let mut webhooks = state.webhooks.list().await?;
    webhooks.retain(|webhook| is_theirs(&scope, webhook));
    let key = |webhook: &View| format!("{} {}", page::at(webhook.created_at), webhook.id);
    let (webhooks, next) = page.cut(webhooks, key);
    Ok(Json(WebhookList { webhooks, next }))
}

/// Tells of a webhook, and how far behind it is.
#[utoipa::path(
    get,
    path = "/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path)),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Json<View>, Problem> {
    own(&state, &caller, &id).await.map(Json)
}

/// Makes a webhook; its secret is shown this once.
#[utoipa::path(
    post,
    path = "/webhooks",
    tag = "webhooks",
    params(Why),
    request_body = Asked,
    responses((status = 201, body = WithSecret), (status = 409), (status = 410)),
)]
pub(super) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(asked): Body<Asked>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ManageWebhooks)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let scope = caller.scope(&state);
    let mut filter = asked.filter;
    if filter.units.is_empty() {
        filter.units.extend(scope.unit().map(ToString::to_string));
    }
    // What there is not would be waited for in vain.
    state.filter(&filter, &scope).await?;
    if let Some(after) = asked.after {
        check_age(&state, &scope, after).await?;
    }
    if asked.fields.as_ref().is_some_and(Vec::is_empty) {
        let detail = "`fields` is empty: nothing of an event's data would go out; leave it away for all fields";
        return Err(Problem::bad_request(detail));
    }
    let fields = asked.fields.map(|fields| {
        fields.iter().map(|field| text("fields", field)).collect::<Result<Vec<_>, _>>()
    });
    let new = New {
        name: asked.name.map(|name| text("name", &name)).transpose()?,
        url: asked.url.trim().to_owned(),
        filter,
        fields: fields.transpose()?,
        secret: asked.secret.as_deref().map(secret).transpose()?,
        after: asked.after,
    };
    let made = state.webhooks.create(new, &state.setup, &by).await?;
    Ok((StatusCode::CREATED, Json(with_secret(made))))
}

/// Removes a webhook.
#[utoipa::path(
    delete,
    path = "/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    responses((status = 200, body = Removed), (status = 404)),
)]
pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
) -> Result<Json<Removed>, Problem> {
    own(&state, &caller, &id).await?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    state.webhooks.remove(&id, &by).await?;
    Ok(Json(Removed { id }))
}

/// Gives a webhook another secret; the one before is signed with, too, for a while.
#[utoipa::path(
    post,
    path = "/webhooks/{id}/rotate",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    request_body = Rotation,
    responses((status = 200, body = WithSecret), (status = 404)),
)]
pub(super) async fn rotate(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(asked): Body<Rotation>,
) -> Result<Json<WithSecret>, Problem> {
    own(&state, &caller, &id).await?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let next = asked.secret.as_deref().map(secret).transpose()?;
    let overlap_s = asked.overlap_s.unwrap_or(OVERLAP_S);
    if !(0.0..=LONGEST_OVERLAP_S).contains(&overlap_s) {
        let detail = format!("`overlap_s` must be 0 to {LONGEST_OVERLAP_S}");
        return Err(Problem::bad_request(detail));
    }
    Ok(Json(with_secret(state.webhooks.rotate(&id, next, overlap_s, &by).await?)))
}

/// Holds what a webhook sends; it waits.
#[utoipa::path(
    post,
    path = "/webhooks/{id}/pause",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn pause(
    state: State<ApiState>,
    caller: Caller,
    id: Segment,
    pairs: Pairs,
) -> Result<Json<View>, Problem> {
    set_paused(state, caller, id, pairs, true).await
}

/// Lets a webhook send again.
#[utoipa::path(
    post,
    path = "/webhooks/{id}/resume",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn resume(
    state: State<ApiState>,
    caller: Caller,
    id: Segment,
    pairs: Pairs,
) -> Result<Json<View>, Problem> {
    set_paused(state, caller, id, pairs, false).await
}

async fn set_paused(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    paused: bool,
) -> Result<Json<View>, Problem> {
    own(&state, &caller, &id).await?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    Ok(Json(state.webhooks.set_paused(&id, paused, &by).await?))
}

/// Sends once more what came after an event.
#[utoipa::path(
    post,
    path = "/webhooks/{id}/replay",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    request_body = Place,
    responses((status = 200, body = View), (status = 404), (status = 410)),
)]
pub(super) async fn replay(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(Place { after }): Body<Place>,
) -> Result<Json<View>, Problem> {
    own(&state, &caller, &id).await?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    check_age(&state, &caller.scope(&state), after).await?;
    Ok(Json(state.webhooks.replay(&id, after, &by).await?))
}

/// Lists the events that a webhook could not deliver.
#[utoipa::path(
    get,
    path = "/webhooks/{id}/dead",
    tag = "webhooks",
    params(
        ("id" = String, Path),
        ("after" = Option<u64>, Query, description = "The event after which the page begins."),
        Limit,
    ),
    responses((status = 200, body = DeadPage), (status = 404)),
)]
pub(super) async fn dead(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
) -> Result<Json<DeadPage>, Problem> {
    own(&state, &caller, &id).await?;
    let pairs = pairs.only(&["after", "limit"])?;
    let (after, limit) = (pairs.number("after")?, Page::asked(&pairs)?.limit());
    let mut dead = state.webhooks.dead(&id, after, limit + 1).await?;
    let more = dead.len() > limit;
    dead.truncate(limit);
    let next = dead.last().filter(|_| more).map(|last| last.sequence);
    Ok(Json(DeadPage { dead, next }))
}

/// Sends events again that could not be delivered.
#[utoipa::path(
    post,
    path = "/webhooks/{id}/dead/resend",
    tag = "webhooks",
    params(("id" = String, Path), Why),
    request_body = Letters,
    responses((status = 200, body = Resending), (status = 404)),
)]
pub(super) async fn resend(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(Letters { sequences }): Body<Letters>,
) -> Result<Json<Resending>, Problem> {
    own(&state, &caller, &id).await?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    if sequences.is_empty() || sequences.len() > RESENT {
        let detail = format!("`sequences` must name 1 to {RESENT} dead letters");
        return Err(Problem::bad_request(detail));
    }
    let count = state.webhooks.resend(&id, sequences, &by).await?;
    Ok(Json(Resending { resending: count }))
}

/// The webhook, for an admin who may read all that it sends.
async fn own(state: &ApiState, caller: &Caller, id: &str) -> Result<View, Problem> {
    caller.may(Action::ManageWebhooks)?;
    let webhook = state.webhooks.show(id).await?;
    let scope = caller.scope(state);
    if is_theirs(&scope, &webhook) {
        return Ok(webhook);
    }
    let own = scope.unit().map_or("no unit", UnitId::as_str);
    let detail =
        format!("you act for {own} and what is under it; the webhook `{id}` sends others' events");
    Err(Problem::new(StatusCode::FORBIDDEN, "other-unit", detail))
}

/// Whether all that a webhook sends is of a scope.
fn is_theirs(scope: &Scope, webhook: &View) -> bool {
    let units = &webhook.filter.units;
    let is_held = |unit: &String| scope.holds(Some(&unit.as_str().into()));
    if units.is_empty() { scope.covers(None) } else { units.iter().all(is_held) }
}

/// Goes on only where nothing after that event is older than what the caller reads.
async fn check_age(state: &ApiState, scope: &Scope, after: u64) -> Result<(), Problem> {
    let Some(since) = scope.since(state.shards.clock().now()) else { return Ok(()) };
    let store = state.store.clone();
    let page = blocking(move || store.events_after(after, 1, |_| true)).await?;
    match page.events.first() {
        Some(event) if event.time < since => {
            let detail = format!("you read events since {since}; begin after a later one");
            Err(Problem::new(StatusCode::FORBIDDEN, "history", detail))
        }
        _ => Ok(()),
    }
}

fn secret(text: &str) -> Result<Secret, Problem> {
    Secret::parse(text).ok_or_else(|| {
        Problem::bad_request("`secret` must be `whsec_` and the base64 of 24 to 64 random bytes")
    })
}

fn with_secret((view, secret): (View, Secret)) -> WithSecret {
    WithSecret { view, secret: secret.reveal() }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::Url(_) | WebhookError::Unreachable(_) => Self::bad_request(detail),
            WebhookError::TooMany => Self::conflict("too-many", detail),
            WebhookError::Missing(_) | WebhookError::NoDeadLetter(_) => Self::not_found(detail),
            WebhookError::Random(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", detail)
            }
            WebhookError::Store(error) => error.into(),
        }
    }
}
