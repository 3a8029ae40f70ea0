//! `/v1/containment`: which checkpoints hold a vehicle.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use interdict_engine::{
    Checkpoint, ContainError, Containment, Position, Question, Vehicle, contain,
};
use interdict_protocols::Time;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking, vehicles};

/// A ring that is further away than this is none, seconds.
const LONGEST_S: f64 = 86_400.0;
/// Nobody who flees is slower than this.
const SLOWEST: f64 = 10.0;

/// Which checkpoints hold it.
#[derive(Serialize, ToSchema)]
#[schema(as = ContainmentAnswer)]
pub(super) struct Answer {
    /// The vehicle that was asked for, if it was not asked for a place.
    vehicle: Option<Vehicle>,
    #[serde(flatten)]
    containment: Containment,
}

impl From<ContainError> for Problem {
    fn from(error: ContainError) -> Self {
        let code = match error {
            ContainError::OffRoad { .. } => "off-road",
            ContainError::Later { .. } => "invalid",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
    }
}

/// Tells which checkpoints hold a vehicle.
///
/// `?vehicle=` takes a reason, `?at=LAT,LON&since=TIME` tells of no vehicle and takes none.
#[utoipa::path(
    get,
    path = "/containment",
    tag = "containment",
    params(
        ("vehicle" = Option<String>, Query, description = "Its identity or plate."),
        Why,
        (
            "at" = Option<String>, Query,
            description = "Where it was, in place of `vehicle`: degrees north,east.",
            pattern = r"^-?[0-8]?[0-9](\.[0-9]+)?,-?1?[0-7]?[0-9](\.[0-9]+)?$",
        ),
        ("since" = Option<Time>, Query, description = "When it was there."),
        (
            "within_s" = Option<f64>, Query,
            description = "Within what it could reach in so many seconds it is to be held.",
            exclusive_minimum = 0, maximum = 86_400,
        ),
        (
            "pace" = Option<f64>, Query,
            description = "The share of the map's driving times that it takes.",
            exclusive_minimum = 0, maximum = 10,
        ),
    ),
    responses((status = 200, body = Answer), (status = 404), (status = 409), (status = 422)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Answer>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["vehicle", "reason", "at", "since", "within_s", "pace"])?;
    let now = state.shards.clock().now();
    let (vehicle, place, since) = match (pairs.get("vehicle"), pairs.get("at")) {
        (Some(named), None) => {
            let (vehicle, last) = vehicles::read(&state, &caller, named, &pairs).await?;
            let (fix, _) = last.ok_or_else(|| unheard(named))?;
            let place = Position { latitude: fix.latitude, longitude: fix.longitude };
            (Some(vehicle), place, fix.fix_time.min(now))
        }
        (None, Some(at)) => {
            let detail = || format!("`at` is `{at}`, expected degrees north,east: 38.914,121.6147");
            let place = Position::parse(at).ok_or_else(|| Problem::bad_request(detail()))?;
            (None, place, since(&pairs)?)
        }
        _ => {
            let detail = "ask for one: `?vehicle=ID&reason=TEXT` or `?at=LAT,LON&since=TIME`";
            return Err(Problem::bad_request(detail));
        }
    };
    let mut question = Question::new(place, since, now);
    if let Some(within_s) = between(&pairs, "within_s", LONGEST_S)? {
        question.within_s = within_s;
    }
    if let Some(pace) = between(&pairs, "pace", SLOWEST)? {
        question.pace = pace;
    }
    let ground = state.shards.ask_any(|engine| {
        let checkpoints: Vec<Checkpoint> = engine.checkpoints().cloned().collect();
        Some((engine.roads()?.shared(), checkpoints))
    });
    let Some(((graph, index), checkpoints)) = ground.await? else {
        let detail = "containment needs roads: start the server with --roads FILE, or name a road \
                      file as files.roads in its configuration";
        return Err(Problem::conflict("no-roads", detail));
    };
    let turn = state.containing.acquire().await;
    let containment = blocking(move || contain(&graph, &index, &checkpoints, &question)).await?;
    drop(turn);
    Ok(Json(Answer { vehicle, containment }))
}

fn unheard(named: &str) -> Problem {
    let detail = format!(
        "`{named}` has not been heard for a day; say where it was, and when, with \
         `?at=LAT,LON&since=TIME`"
    );
    Problem::conflict("unheard", detail)
}

fn since(pairs: &Pairs) -> Result<Time, Problem> {
    let since = pairs.get("since").unwrap_or_default();
    Time::parse(since).ok_or_else(|| {
        let detail = format!("`since` is `{since}`, expected a time such as 2026-06-15T02:01:15Z");
        Problem::bad_request(detail)
    })
}

/// A number above 0, `most` at the most.
fn between(pairs: &Pairs, name: &str, most: f64) -> Result<Option<f64>, Problem> {
    let Some(text) = pairs.get(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && *number <= most);
    let detail = || {
        Problem::bad_request(format!(
            "`{name}` is `{text}`, expected a number above 0 up to {most}"
        ))
    };
    number.map(Some).ok_or_else(detail)
}
