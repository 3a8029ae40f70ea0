//! `/v1/sightings`: where somebody or something other than its tracker saw a vehicle.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{
    CheckpointId, Input, Position, Sighting, SightingSource, Trust, Vehicle, VehicleId, VehicleView,
};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::document::Why;
use super::extract::{Body, Pairs, text};
use super::flags::plate_id;
use super::problem::Problem;
use super::tokens::Action;
use super::vehicles::find;
use crate::audit::acts;

/// What somebody reports.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSighting)]
pub(super) struct Reported {
    /// By identity or plate.
    #[schema(min_length = 1, max_length = 1_000)]
    vehicle: String,
    /// Now, if it does not say.
    #[serde(default)]
    time: Option<Time>,
    #[serde(default)]
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    #[serde(default)]
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
    /// In place of coordinates.
    #[serde(default)]
    checkpoint: Option<CheckpointId>,
    source: SightingSource,
    /// The source's usual one, if it does not say.
    #[serde(default)]
    trust: Option<Trusted>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 500)]
    speed_kmh: Option<f64>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 360)]
    course_deg: Option<f64>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1_000)]
    text: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1_000)]
    reporter: Option<String>,
}

/// A sighting as it was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenSighting)]
struct Taken {
    sighting: Sighting,
    vehicle: VehicleView,
}

/// A share, or a word for one.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected `low`, `medium`, `high` or a number from 0 to 1")]
#[schema(as = StatedTrust)]
enum Trusted {
    Share(f64),
    Word(String),
}

impl Trusted {
    fn share(&self) -> Option<f64> {
        match self {
            Self::Share(share) => Some(*share).filter(|share| (0.0..=1.0).contains(share)),
            Self::Word(word) => Trust::of_word(word),
        }
    }
}

/// Takes a sighting of a vehicle that is looked for.
///
/// Of others nothing but the act is kept: where the innocent are is nobody's business.
#[utoipa::path(
    post,
    path = "/sightings",
    tag = "sightings",
    params(Why),
    request_body = Reported,
    responses((status = 201, body = Taken), (status = 409)),
)]
pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(reported): Body<Reported>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::HandleAlerts)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let vehicle = seen(&state, &reported.vehicle).await?;
    let Position { latitude, longitude } = place(&state, &reported).await?;
    let detail = "`trust` must be low, medium, high or a number from 0 to 1";
    let trust = match &reported.trust {
        Some(trust) => trust.share().ok_or_else(|| Problem::bad_request(detail))?,
        None => reported.source.usual_trust(),
    };
    let sighting = Sighting {
        vehicle: vehicle.id.clone(),
        time: reported.time.unwrap_or_else(|| state.shards.clock().now()),
        latitude,
        longitude,
        source: reported.source,
        trust,
        speed_kmh: within("speed_kmh", reported.speed_kmh, 500.0)?,
        course_deg: within("course_deg", reported.course_deg, 360.0)?,
        text: reported.text.as_deref().map(|given| text("text", given)).transpose()?,
        reporter: reported.reporter.as_deref().map(|given| text("reporter", given)).transpose()?,
        by: Some(caller.person().to_owned()),
    };
    let act = state
        .act(acts::SIGHTING_ADD, &by)
        .with("vehicle", vehicle.id.as_str())
        .with("source", sighting.source.name())
        .with("trust", trust)
        .of(&serde_json::to_vec(&sighting).unwrap_or_default());
    let answer = Taken { sighting: sighting.clone(), vehicle: VehicleView::from(&vehicle) };
    state.shards.tell_noted(vec![Input::Sighting(sighting)], vec![act]).await?;
    // The same answer whether or not it is looked for: a covert flag does not show by it.
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The vehicle of that name; one without a tracker where a flag told of it.
async fn seen(state: &ApiState, named: &str) -> Result<Vehicle, Problem> {
    let named = text("vehicle", named)?;
    if let Some(found) = find(state, &named).await? {
        return Ok(found);
    }
    let id = VehicleId::from(plate_id(&named, None));
    let asked = id.clone();
    let known = state.shards.ask(&id, move |engine| engine.vehicle(&asked).cloned()).await?;
    Ok(known.unwrap_or_else(|| Vehicle { plate: Some(named), ..Vehicle::unknown(id) }))
}

async fn place(state: &ApiState, reported: &Reported) -> Result<Position, Problem> {
    match (reported.latitude, reported.longitude, &reported.checkpoint) {
        (Some(latitude), Some(longitude), None) => {
            let on_earth =
                (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
            let detail = "`latitude` must be -90 to 90 degrees, `longitude` -180 to 180";
            on_earth
                .then_some(Position { latitude, longitude })
                .ok_or_else(|| Problem::bad_request(detail))
        }
        (None, None, Some(id)) => {
            let asked = id.clone();
            let place = state.shards.ask_any(move |engine| engine.place_of(&asked)).await?;
            place.ok_or_else(|| Problem::bad_request(format!("there is no checkpoint `{id}`")))
        }
        _ => Err(Problem::bad_request(
            "say where: `latitude` and `longitude`, or the id of a `checkpoint`",
        )),
    }
}

fn within(name: &str, given: Option<f64>, most: f64) -> Result<Option<f64>, Problem> {
    let fits = given.is_none_or(|value| (0.0..=most).contains(&value));
    let detail = || Problem::bad_request(format!("`{name}` must be 0 to {most}"));
    fits.then_some(given).ok_or_else(detail)
}
