//! `/v1/ways` and `/v1/reach`: for a map, the way that is the quickest to a checkpoint and how far
//! somebody can have come. Both are asked of a place, and tell of no vehicle.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use interdict_engine::roads::{Place, RoadGraph, RoadIndex, Spread, gates};
use interdict_engine::{Checkpoint, CheckpointId, Position, Question};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};

/// Longer drives are drawn nowhere, seconds.
const LONGEST_S: f64 = 7_200.0;

/// A GeoJSON feature (RFC 7946).
#[derive(Serialize, ToSchema)]
#[schema(as = LineFeature)]
pub(super) struct Way {
    #[schema(pattern = "^Feature$")]
    r#type: &'static str,
    properties: Drive,
    geometry: Line,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LineString)]
struct Line {
    #[schema(pattern = "^LineString$")]
    r#type: &'static str,
    /// Degrees east and north.
    coordinates: Vec<[f64; 2]>,
}

#[derive(Default, Serialize, ToSchema)]
struct Drive {
    /// Seconds that it takes; not said of the single roads that can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    drive_s: Option<f64>,
}

/// A GeoJSON FeatureCollection (RFC 7946).
#[derive(Serialize, ToSchema)]
pub(super) struct Reach {
    #[schema(pattern = "^FeatureCollection$")]
    r#type: &'static str,
    features: Vec<Way>,
}

/// Finds the quickest way to a checkpoint.
#[utoipa::path(
    get,
    path = "/ways",
    tag = "roads",
    params(
        (
            "from" = String, Query, description = "Degrees north,east.",
            pattern = r"^-?[0-8]?[0-9](\.[0-9]+)?,-?1?[0-7]?[0-9](\.[0-9]+)?$",
        ),
        ("to" = CheckpointId, Query, description = "The checkpoint."),
        (
            "course_deg" = Option<f64>, Query,
            description = "Where the vehicle heads, degrees from north.", minimum = 0,
            maximum = 360,
        ),
    ),
    responses((status = 200, body = Way), (status = 404), (status = 409), (status = 422)),
)]
pub(super) async fn way(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Way>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["from", "to", "course_deg"])?;
    let (from, course_deg) = (place(&pairs)?, number(&pairs, "course_deg", 360.0)?);
    let to = pairs.get("to").unwrap_or_default().to_owned();
    let (roads, checkpoint) = ground(&state, Some(to.clone())).await?;
    let checkpoint =
        checkpoint.ok_or_else(|| Problem::not_found(format!("there is no checkpoint `{to}`")))?;
    let find = move || {
        let (graph, index) = (roads.0.as_ref(), roads.1.as_ref());
        let spread = Spread::new(graph, index, from, course_deg, LONGEST_S).ok_or_else(off_road)?;
        let drive = spread.drive_to(&gates(graph, index, &checkpoint)).ok_or_else(no_way)?;
        let properties = Drive { drive_s: Some(drive.drive_s.round()) };
        Ok::<_, Problem>(feature(properties, &drive.line))
    };
    blocking(find).await.map(Json)
}

/// Draws the roads that can be reached, by who drives as fast as those who flee.
#[utoipa::path(
    get,
    path = "/reach",
    tag = "roads",
    params(
        (
            "from" = String, Query, description = "Degrees north,east.",
            pattern = r"^-?[0-8]?[0-9](\.[0-9]+)?,-?1?[0-7]?[0-9](\.[0-9]+)?$",
        ),
        (
            "within_s" = f64, Query, description = "In so many seconds.", minimum = 0,
            maximum = 7_200,
        ),
    ),
    responses((status = 200, body = Reach), (status = 409), (status = 422)),
)]
pub(super) async fn reach(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Reach>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["from", "within_s"])?;
    let from = place(&pairs)?;
    let within_s = number(&pairs, "within_s", LONGEST_S)?
        .ok_or_else(|| Problem::bad_request("`within_s` is missing"))?;
    let (roads, _) = ground(&state, None).await?;
    let find = move || {
        let (graph, index) = (roads.0.as_ref(), roads.1.as_ref());
        let spread = Spread::new(graph, index, from, None, within_s / Question::PACE);
        let lines = spread.ok_or_else(off_road)?.lines();
        let features = lines.iter().map(|line| feature(Drive::default(), line)).collect();
        Ok::<_, Problem>(Reach { r#type: "FeatureCollection", features })
    };
    blocking(find).await.map(Json)
}

type Roads = (std::sync::Arc<RoadGraph>, std::sync::Arc<RoadIndex>);

/// The roads, and the checkpoint of that name if there is one.
async fn ground(
    state: &ApiState,
    checkpoint: Option<String>,
) -> Result<(Roads, Option<Checkpoint>), Problem> {
    let ask = move |engine: &interdict_engine::Engine| {
        let is_meant = |known: &&Checkpoint| Some(known.id.as_str()) == checkpoint.as_deref();
        Some((engine.roads()?.shared(), engine.checkpoints().find(is_meant).cloned()))
    };
    state.shards.ask_any(ask).await?.ok_or_else(|| {
        let detail = "there are no roads: start the server with --roads FILE, or name a road file \
                      as files.roads in its configuration";
        Problem::conflict("no-roads", detail)
    })
}

fn feature(properties: Drive, line: &[Place]) -> Way {
    let geometry = Line { r#type: "LineString", coordinates: coordinates(line) };
    Way { r#type: "Feature", properties, geometry }
}

fn coordinates(line: &[Place]) -> Vec<[f64; 2]> {
    // 1e-5 degrees are a metre.
    let rounded = |degrees: f64| (degrees * 1e5).round() / 1e5;
    line.iter().map(|(latitude, longitude)| [rounded(*longitude), rounded(*latitude)]).collect()
}

fn place(pairs: &Pairs) -> Result<Place, Problem> {
    let text = pairs.get("from").unwrap_or_default();
    let place = Position::parse(text).map(|place| (place.latitude, place.longitude));
    place.ok_or_else(|| {
        let detail = format!("`from` is `{text}`, expected degrees north,east: 38.914,121.6147");
        Problem::bad_request(detail)
    })
}

/// A number from 0 to `most`.
fn number(pairs: &Pairs, name: &str, most: f64) -> Result<Option<f64>, Problem> {
    let Some(text) = pairs.get(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| (0.0..=most).contains(number));
    let detail = || format!("`{name}` is `{text}`, expected a number from 0 to {most}");
    number.map(Some).ok_or_else(|| Problem::bad_request(detail()))
}

fn off_road() -> Problem {
    let detail = "no road is near that place";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "off-road", detail)
}

fn no_way() -> Problem {
    let detail = "no road leads from there to that checkpoint within two hours";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-way", detail)
}
