//! `/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::UnitId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, Segment};
use super::page::{self, Page};
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::{Action, Kind, Role, Token};
use super::{ApiState, blocking};

/// The longest name, bytes.
const LONGEST: usize = 128;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct Asked {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// Whose it is to be; a person, or a service, of the token's name where nothing is said.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    person: Option<String>,
    #[serde(default)]
    kind: Kind,
    role: Role,
    #[serde(default)]
    unit: Option<String>,
}

/// Tokens without their secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct TokenList {
    tokens: Vec<Arc<Token>>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A token just made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
struct Made {
    #[serde(flatten)]
    made: Token,
    /// The secret, which is nowhere else.
    token: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

/// Lists tokens, also those that were revoked, without their secrets.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    params(Page),
    responses((status = 200, body = TokenList)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<TokenList>, Problem> {
    caller.may(Action::ManageTokens)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let scope = caller.scope(&state);
    let mut tokens: Vec<Arc<Token>> = state.tokens.list();
    tokens.retain(|token| covers(&scope, token));
    // A revoked token's name may be given again.
    let key = |token: &Arc<Token>| format!("{} {}", token.name, page::at(token.created_at));
    let (tokens, next) = page.cut(tokens, key);
    Ok(Json(TokenList { tokens, next }))
}

/// Makes a token; its secret is shown this once.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    params(Why),
    request_body = Asked,
    responses((status = 201, body = Made), (status = 409)),
)]
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
    if let Some(unit) = unit.as_deref() {
        check_unit(&state, asked.role, unit)?;
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
    let scope = caller.scope(&state);
    check(&scope, &token)?;
    // Whoever is known elsewhere is not theirs to speak for.
    if let Some(known) = state.tokens.list().iter().find(|known| known.person == token.person) {
        check(&scope, known)?;
    }
    let warning = "a fleet's token without a unit sees no device";
    let warnings = (token.role == Role::Fleet && token.unit.is_none()).then_some(warning);
    let made = token.clone();
    let secret = blocking(move || state.tokens.add(token, &by)).await?;
    let made = Made { made, token: secret, warnings: warnings.into_iter().collect() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// A unit of the command tree; a fleet's may be the company that its vehicles belong to.
fn check_unit(state: &ApiState, role: Role, unit: &str) -> Result<(), Problem> {
    let is_company = || {
        let vehicles = state.registry.vehicles();
        vehicles.iter().any(|vehicle| vehicle.unit.as_ref().is_some_and(|own| own.as_str() == unit))
    };
    if state.setup.units.iter().any(|known| known.id.as_str() == unit)
        || (role == Role::Fleet && is_company())
    {
        return Ok(());
    }
    let also = if role == Role::Fleet { ", and no enrolled vehicle is of it" } else { "" };
    Err(Problem::bad_request(format!("there is no unit `{unit}`{also}")))
}

fn covers(scope: &Scope, token: &Token) -> bool {
    scope.covers(token.unit.as_deref().map(UnitId::from).as_ref())
}

/// Goes on only where a token reaches no further than the caller.
fn check(scope: &Scope, token: &Token) -> Result<(), Problem> {
    if covers(scope, token) {
        return Ok(());
    }
    let own = scope.unit().map_or("no unit", UnitId::as_str);
    let detail = match &token.unit {
        Some(unit) => format!(
            "you make and revoke tokens for {own} and what is under it; `{}` belongs to {unit}",
            token.person
        ),
        None => format!(
            "you make and revoke tokens for {own} and what is under it: state one of these units; \
             without one, `{}` would reach further than you",
            token.person
        ),
    };
    Err(Problem::new(StatusCode::FORBIDDEN, "other-unit", detail))
}

fn named(what: &str, given: &str) -> Result<String, Problem> {
    let given = given.trim();
    if given.is_empty() || given.len() > LONGEST || given.chars().any(char::is_control) {
        let detail = format!("`{what}` must have 1 to {LONGEST} bytes and no control characters");
        return Err(Problem::bad_request(detail));
    }
    Ok(given.to_owned())
}

/// Revokes a token, and closes the streams that it opened.
#[utoipa::path(
    delete,
    path = "/tokens/{name}",
    tag = "tokens",
    params(("name" = String, Path), Why),
    responses((status = 200, body = Token), (status = 404), (status = 409)),
)]
pub(super) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(name): Segment,
    pairs: Pairs,
) -> Result<Json<Token>, Problem> {
    caller.may(Action::ManageTokens)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    if let Some(token) = state.tokens.in_force(&name) {
        check(&caller.scope(&state), &token)?;
    }
    let now = state.shards.clock().now();
    blocking(move || state.tokens.revoke(&name, now, &by)).await.map(Json)
}
