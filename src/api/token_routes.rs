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
use super::tokens::{Action, Kind, Role, Token};
use super::{ApiState, blocking};

/// The longest name, bytes.
const LONGEST: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    name: String,
    /// Whose it is to be; a person, or a service, of the token's name where nothing is said.
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    kind: Kind,
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
    let name = named("name", &asked.name)?;
    let person = asked.person.as_deref().map(|person| named("person", person)).transpose()?;
    let unit = asked.unit.filter(|unit| !unit.trim().is_empty());
    if let Some(unit) = unit.as_deref()
        && !state.setup.units.iter().any(|known| known.id.as_str() == unit)
    {
        return Err(Problem::bad_request(format!("there is no unit `{unit}`")));
    }
    let created_at = state.shards.clock().now();
    let token = Token {
        person: person.unwrap_or_else(|| name.clone()),
        name,
        kind: asked.kind,
        role: asked.role,
        unit,
        created_at,
        revoked_at: None,
    };
    let made = token.clone();
    let secret = blocking(move || state.tokens.add(token, &by)).await?;
    let mut answer = json!(made);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("token".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, Json(answer)))
}

fn named(what: &str, given: &str) -> Result<String, Problem> {
    let given = given.trim();
    if given.is_empty() || given.len() > LONGEST || given.chars().any(char::is_control) {
        let detail = format!("`{what}` must have 1 to {LONGEST} bytes and no control characters");
        return Err(Problem::bad_request(detail));
    }
    Ok(given.to_owned())
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
