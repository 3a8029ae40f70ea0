//! `/v1/checkpoints`: where they are, and those that come, move, close and go while the server runs.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{Checkpoint, CheckpointId, State as Manning};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment};
use super::page::Page;
use super::problem::Problem;
use super::tokens::Action;
use crate::audit::{Act, By, acts};
use crate::config::{CheckpointFeature, read_checkpoint};

/// More than a city can man; each costs memory for every crossing of the roads.
const MOST: usize = 2_000;

/// A checkpoint, and how approaches to it are judged at present.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckpointAsJudged)]
pub(super) struct View {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    /// By road, else by geometry.
    by_road: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Checkpoints {
    checkpoints: Vec<View>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A checkpoint as it was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = PutCheckpoint)]
struct Put {
    #[serde(flatten)]
    view: View,
    /// What may be wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What may be changed without stating the whole checkpoint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckpointChange)]
pub(super) struct Change {
    #[serde(default)]
    state: Option<Manning>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400)]
    lead_s: Option<f64>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400)]
    ready_s: Option<f64>,
}

/// Lists the checkpoints.
#[utoipa::path(
    get,
    path = "/checkpoints",
    tag = "checkpoints",
    params(Page),
    responses((status = 200, body = Checkpoints)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Checkpoints>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let (checkpoints, next) = page.cut(all(&state).await?, |view| view.checkpoint.id.to_string());
    Ok(Json(Checkpoints { checkpoints, next }))
}

/// Tells of a checkpoint.
#[utoipa::path(
    get,
    path = "/checkpoints/{id}",
    tag = "checkpoints",
    params(("id" = CheckpointId, Path)),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ReadAlerts)?;
    Ok(Json(find(&state, &id).await?))
}

/// Adds a checkpoint, or replaces it: a GeoJSON feature as in the checkpoints' file.
#[utoipa::path(
    put,
    path = "/checkpoints/{id}",
    tag = "checkpoints",
    params(("id" = CheckpointId, Path), Why),
    request_body = CheckpointFeature,
    responses((status = 200, body = Put), (status = 201, body = Put), (status = 409)),
)]
pub(super) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(mut feature): Body<Value>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ManageCheckpoints)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let detail = "a GeoJSON Feature with its `properties` is expected";
    let properties = feature.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.ok_or_else(|| Problem::bad_request(detail))?;
    let stated = properties.insert("id".to_owned(), json!(id));
    if let Some(stated) = stated.filter(|stated| *stated != json!(id)) {
        let detail = format!("the feature's `id` is {stated}, the address says `{id}`");
        return Err(Problem::bad_request(detail));
    }
    let units: BTreeSet<_> = state.setup.units.iter().map(|unit| unit.id.clone()).collect();
    let in_tree = Some(&units).filter(|units| !units.is_empty());
    let (checkpoint, warnings) = read_checkpoint(&feature.to_string(), in_tree)
        .map_err(|problems| Problem::bad_request(problems.to_string()))?;
    let scope = caller.scope(&state);
    scope.check(Some(&checkpoint.unit))?;
    let before = all(&state).await?;
    let known = before.iter().find(|view| view.checkpoint.id == checkpoint.id);
    if let Some(known) = known {
        scope.check(Some(&known.checkpoint.unit))?;
    }
    let is_new = known.is_none();
    if is_new && before.len() >= MOST {
        let detail = format!("there are {MOST} checkpoints already; remove one first");
        return Err(Problem::conflict("too-many", detail));
    }
    let act = noted(&state, acts::CHECKPOINT_CHANGE, &checkpoint, &by);
    state.shards.change_checkpoint(checkpoint.clone(), act).await?;
    let view = find(&state, checkpoint.id.as_str()).await?;
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    warnings.extend(off_road(&state, checkpoint).await?);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Put { view, warnings })))
}

/// Closes and reopens a checkpoint, or changes the times that its people need.
#[utoipa::path(
    patch,
    path = "/checkpoints/{id}",
    tag = "checkpoints",
    params(("id" = CheckpointId, Path), Why),
    request_body = Change,
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    Body(change): Body<Change>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ManageCheckpoints)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let mut checkpoint = find(&state, &id).await?.checkpoint;
    caller.scope(&state).check(Some(&checkpoint.unit))?;
    checkpoint.state = change.state.unwrap_or(checkpoint.state);
    checkpoint.lead_s = seconds("lead_s", change.lead_s)?.unwrap_or(checkpoint.lead_s);
    checkpoint.ready_s = seconds("ready_s", change.ready_s)?.unwrap_or(checkpoint.ready_s);
    let act = noted(&state, acts::CHECKPOINT_CHANGE, &checkpoint, &by);
    state.shards.change_checkpoint(checkpoint, act).await?;
    Ok(Json(find(&state, &id).await?))
}

/// Removes a checkpoint.
#[utoipa::path(
    delete,
    path = "/checkpoints/{id}",
    tag = "checkpoints",
    params(("id" = CheckpointId, Path), Why),
    responses((status = 200, body = View), (status = 404)),
)]
pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
) -> Result<Json<View>, Problem> {
    caller.may(Action::ManageCheckpoints)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let found = find(&state, &id).await?;
    caller.scope(&state).check(Some(&found.checkpoint.unit))?;
    let act = noted(&state, acts::CHECKPOINT_REMOVE, &found.checkpoint, &by);
    state.shards.remove_checkpoint(found.checkpoint.id.clone(), act).await?;
    Ok(Json(found))
}

/// What is noted of a checkpoint: whose it is, its state, and a commitment to the whole of it.
fn noted(state: &ApiState, act: &'static str, checkpoint: &Checkpoint, by: &By) -> Act {
    state
        .act(act, by)
        .with("checkpoint", checkpoint.id.as_str())
        .with("unit", checkpoint.unit.as_str())
        .with("state", json!(checkpoint.state))
        .of(&serde_json::to_vec(checkpoint).unwrap_or_default())
}

async fn all(state: &ApiState) -> Result<Vec<View>, Problem> {
    let views = |engine: &interdict_engine::Engine| {
        let by_road =
            |id: &CheckpointId| engine.roads().is_some_and(|roads| !roads.gates(id).is_empty());
        let view = |checkpoint: &Checkpoint| View {
            checkpoint: checkpoint.clone(),
            by_road: by_road(&checkpoint.id),
        };
        engine.checkpoints().map(view).collect::<Vec<View>>()
    };
    Ok(state.shards.ask_any(views).await?)
}

async fn find(state: &ApiState, id: &str) -> Result<View, Problem> {
    let found = all(state).await?.into_iter().find(|view| view.checkpoint.id.as_str() == id);
    found.ok_or_else(|| Problem::not_found(format!("there is no checkpoint `{id}`")))
}

/// Says so where there are roads and the checkpoint is on none of them.
async fn off_road(state: &ApiState, checkpoint: Checkpoint) -> Result<Option<String>, Problem> {
    let is_off = move |engine: &interdict_engine::Engine| {
        engine.roads().is_some_and(|roads| roads.gates_of(&checkpoint).is_empty())
    };
    let warning = "it is on no road: approaches to it are judged by geometry";
    Ok(state.shards.ask_any(is_off).await?.then(|| warning.to_owned()))
}

fn seconds(name: &str, given: Option<f64>) -> Result<Option<f64>, Problem> {
    let fits = given.is_none_or(|seconds| (0.0..=86_400.0).contains(&seconds));
    let detail = || Problem::bad_request(format!("`{name}` must be 0 to 86400 seconds"));
    fits.then_some(given).ok_or_else(detail)
}
