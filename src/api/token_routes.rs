//! `/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::extract::{Body, Pairs, Segment};
use super::problem::Problem;
use super::tokens::{Action, Role, Token};
use super::{ApiState, blocking};

/// The longest name, bytes.
const LONGEST: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    name: String,
    role: Role,
    #[serde(default)]
    unit: Option<String>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ManageTokens)?;
    let tokens: Vec<Arc<Token>> = state.tokens.list();
    Ok(Json(json!({ "tokens": tokens })))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(asked): Body<Asked>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ManageTokens)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let name = asked.name.trim().to_owned();
    if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
        let detail = format!("`name` must have 1 to {LONGEST} bytes and no control characters");
        return Err(Problem::bad_request(detail));
    }
    let unit = asked.unit.filter(|unit| !unit.trim().is_empty());
    if let Some(unit) = unit.as_deref()
        && !state.setup.units.iter().any(|known| known.id.as_str() == unit)
    {
        return Err(Problem::bad_request(format!("there is no unit `{unit}`")));
    }
    let created_at = state.shards.clock().now();
    let token = Token { name, role: asked.role, unit, created_at, revoked_at: None };
    let made = token.clone();
    let secret = blocking(move || state.tokens.add(token, &by)).await?;
    let mut answer = json!(made);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("token".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(name): Segment,
    pairs: Pairs,
) -> Result<Json<Token>, Problem> {
    caller.may(Action::ManageTokens)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let now = state.shards.clock().now();
    blocking(move || state.tokens.revoke(&name, now, &by)).await.map(Json)
}
