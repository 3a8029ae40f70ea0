//! `/v1/session`: a browser logs in, asks who it is, and logs out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use interdict_engine::{Level, Unit, UnitId};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth;
use super::extract::Body;
use super::problem::Problem;
use super::sessions::{Session, set_cookie};
use super::tokens::{Action, Role, Token};
use super::{ApiState, blocking};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    #[schema(min_length = 1)]
    token: String,
}

/// All that a page must know before it shows anything.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct View<'a> {
    name: &'a str,
    /// Whose token it is.
    person: &'a str,
    role: Role,
    unit: Option<&'a str>,
    /// What the page may offer.
    may: Vec<&'static str>,
    /// What requests that change something repeat in `Interdict-CSRF`.
    csrf: &'a str,
    /// Seconds until the session ends by itself.
    ends_in_s: f64,
    /// The engine's time, and how many times as fast as the wall's clock it runs.
    now: Time,
    clock_speed: f64,
    /// The address of map tiles, with `{z}`, `{x}` and `{y}`.
    tiles: Option<&'a str>,
    units: Vec<UnitView<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionUnit)]
struct UnitView<'a> {
    id: &'a UnitId,
    name: &'a str,
    name_zh: Option<&'a str>,
    level: Level,
    parent: Option<&'a UnitId>,
    zone: Option<&'a str>,
}

impl<'a> From<&'a Unit> for UnitView<'a> {
    fn from(unit: &'a Unit) -> Self {
        Self {
            id: &unit.id,
            name: &unit.name,
            name_zh: unit.name_zh.as_deref(),
            level: unit.level,
            parent: unit.parent.as_ref(),
            zone: unit.zone.as_deref(),
        }
    }
}

/// What a page offers depends on.
const OFFERED: &[(Action, &str)] = &[
    (Action::ApproveFlags, "approve_flags"),
    (Action::Flag, "flag"),
    (Action::HandleAlerts, "handle_alerts"),
    (Action::ManageCheckpoints, "manage_checkpoints"),
    (Action::ReadAlerts, "read_alerts"),
    (Action::ReadPosition, "read_position"),
];

/// Logs in: takes a token, which is then in no page and no address, and sets the session's cookie.
#[utoipa::path(
    post,
    path = "/v1/session",
    tag = "sessions",
    security(()),
    request_body = Login,
    responses(
        (status = 201, body = View<'_>),
        (status = 401),
        (status = 421),
        (status = 429),
        (status = 503),
    ),
)]
pub(super) async fn open(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    let token: Arc<Token> = state.tokens.find(login.token.trim()).ok_or_else(auth::unauthorized)?;
    let (opening, before) = (state.clone(), headers.clone());
    let (id, session) = blocking(move || opening.sessions.open(token, &before)).await?;
    let view = Json(view(&state, &session)).into_response();
    let cookie = cookie(&state, &headers, Some(&id));
    Ok((StatusCode::CREATED, cookie, view).into_response())
}

/// Tells who the session is.
#[utoipa::path(
    get,
    path = "/v1/session",
    tag = "sessions",
    responses(
        (status = 200, body = View<'_>),
        (status = 404, description = "The request bears a token and no session."),
    ),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    session: Option<Extension<Session>>,
) -> Result<Response, Problem> {
    let Some(Extension(session)) = session else {
        let detail = "this request bears a token; only a browser's login has a session";
        return Err(Problem::not_found(detail));
    };
    Ok(Json(view(&state, &session)).into_response())
}

/// Logs out: the cookie is good for nothing from then on, and streams that it opened end.
#[utoipa::path(
    delete,
    path = "/v1/session",
    tag = "sessions",
    responses((status = 204)),
)]
pub(super) async fn close(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (closing, shown) = (state.clone(), headers.clone());
    blocking(move || closing.sessions.close(&shown)).await?;
    Ok((StatusCode::NO_CONTENT, cookie(&state, &headers, None)).into_response())
}

fn view<'a>(state: &'a ApiState, session: &'a Session) -> View<'a> {
    let token = &session.token;
    let clock = state.shards.clock();
    let offered = OFFERED.iter().filter(|(action, _)| token.role.may(*action));
    View {
        name: &token.name,
        person: &token.person,
        role: token.role,
        unit: token.unit.as_deref(),
        may: offered.map(|(_, name)| *name).collect(),
        csrf: &session.csrf,
        ends_in_s: state.sessions.left_s(session).round(),
        now: clock.now(),
        clock_speed: clock.speed(),
        tiles: state.web.tiles.as_deref(),
        units: state.setup.units.iter().map(UnitView::from).collect(),
    }
}

/// Something before this that speaks HTTPS says so; whoever lies about it only keeps their own
/// browser from sending the cookie.
fn cookie(state: &ApiState, headers: &HeaderMap, id: Option<&str>) -> HeaderMap {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let secure =
        state.https || forwarded.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    let cookie = set_cookie(id, secure);
    cookie.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect()
}
