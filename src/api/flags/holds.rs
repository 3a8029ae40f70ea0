//! Legal holds: nothing of a flag is purged while one lasts.

use axum::Json;
use axum::extract::State;
use interdict_engine::FlagId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::auth::Caller;
use super::super::extract::{Body, Pairs, Segment, text};
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::tokens::Action;
use super::super::{ApiState, blocking};
use crate::audit::{By, acts};
use crate::store::{Hold, Life};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Because {
    #[schema(min_length = 1, max_length = 1_000)]
    reason: String,
}

/// The flags of which nothing is purged.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Holds {
    holds: Vec<Held>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HeldFlag)]
struct Held {
    flag: FlagId,
    hold: Hold,
}

/// A flag that is held, or was until now.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct HeldLife {
    flag: FlagId,
    life: Life,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
}

/// Lists the flags that are held, also those that have ended.
#[utoipa::path(
    get,
    path = "/holds",
    tag = "flags",
    params(Page),
    responses((status = 200, body = Holds)),
)]
pub(in super::super) async fn holds(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Holds>, Problem> {
    caller.may(Action::HoldFlags)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    caller.scope(&state).check(None)?;
    let store = state.store.clone();
    let held = blocking(move || store.holds()).await?;
    let held = held.into_iter().map(|(flag, hold)| Held { flag, hold }).collect();
    let (holds, next) = page.cut(held, |held| held.flag.to_string());
    Ok(Json(Holds { holds, next }))
}

/// Keeps what there is of a flag, standing or ended, from being purged.
#[utoipa::path(
    post,
    path = "/flags/{id}/hold",
    tag = "flags",
    params(("id" = FlagId, Path)),
    request_body = Because,
    responses((status = 200, body = HeldLife), (status = 404)),
)]
pub(in super::super) async fn hold(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(because): Body<Because>,
) -> Result<Json<HeldLife>, Problem> {
    let (life, by) = known(&state, &caller, &id, &because).await?;
    let reason = by.why.clone().unwrap_or_default();
    let hold = Hold { at: state.shards.clock().now(), by: by.who.clone(), reason };
    let act = state.act(acts::FLAG_HOLD, &by).with("flag", id.as_str());
    let (store, flag, held) = (state.store.clone(), FlagId::from(id.as_str()), hold.clone());
    blocking(move || store.hold(&flag, Some(&held), act)).await?;
    Ok(Json(HeldLife { flag: id.into(), life, hold: Some(hold) }))
}

/// Lets go of a flag that is held: what is due is purged within the hour.
#[utoipa::path(
    post,
    path = "/flags/{id}/release",
    tag = "flags",
    params(("id" = FlagId, Path)),
    request_body = Because,
    responses((status = 200, body = HeldLife), (status = 404)),
)]
pub(in super::super) async fn release(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    Body(because): Body<Because>,
) -> Result<Json<HeldLife>, Problem> {
    let (life, by) = known(&state, &caller, &id, &because).await?;
    let act = state.act(acts::FLAG_RELEASE, &by).with("flag", id.as_str());
    let (store, flag) = (state.store.clone(), FlagId::from(id.as_str()));
    let was_held = blocking(move || {
        let was_held = store.holds()?.contains_key(&flag);
        if was_held {
            store.hold(&flag, None, act)?;
        }
        Ok::<_, crate::store::StoreError>(was_held)
    });
    if !was_held.await? {
        return Err(Problem::not_found(format!("the flag `{id}` is not held")));
    }
    Ok(Json(HeldLife { flag: id.into(), life, hold: None }))
}

async fn known(
    state: &ApiState,
    caller: &Caller,
    id: &str,
    because: &Because,
) -> Result<(Life, By), Problem> {
    caller.may(Action::HoldFlags)?;
    caller.scope(state).check(None)?;
    let why = Some(text("reason", &because.reason)?);
    let by = By { why, ..caller.by(&Pairs(Vec::new()))? };
    let (store, flag) = (state.store.clone(), id.to_owned());
    let life = blocking(move || Ok::<_, crate::store::StoreError>(store.lives()?.remove(&*flag)));
    let life = life.await?;
    Ok((life.ok_or_else(|| Problem::not_found(format!("there was never a flag `{id}`")))?, by))
}
