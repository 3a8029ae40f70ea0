//! `/v1/devices/{id}/ask` and `…/text`: what a device is asked for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use interdict_protocols::{Ability, Command, DeviceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::devices::not_enrolled;
use super::document::Why;
use super::extract::{Body, Pairs, Segment, text as checked};
use super::problem::Problem;
use super::tokens::Action;
use super::vehicles;
use crate::audit::{Act, acts};

/// What a device was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = AskedDevice)]
pub(super) struct Said {
    device: DeviceId,
    asked: Ability,
    /// The protocol that said it.
    protocol: &'static str,
}

/// A text for a driver.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DriverMessage)]
pub(super) struct Message {
    #[schema(min_length = 1, max_length = 1_000)]
    text: String,
}

/// Asks a device for its position.
#[utoipa::path(
    post,
    path = "/devices/{id}/ask",
    tag = "devices",
    params(("id" = DeviceId, Path), Why),
    responses((status = 202, body = Said), (status = 404), (status = 409), (status = 422)),
)]
pub(super) async fn ask(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
    pairs: Pairs,
) -> Result<(StatusCode, Json<Said>), Problem> {
    caller.may(Action::AskDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let act = state.act(acts::DEVICE_ASK, &by);
    say(&state, &caller, &device, Command::Position, act).await
}

/// Shows a text to the driver.
#[utoipa::path(
    post,
    path = "/devices/{id}/text",
    tag = "devices",
    params(("id" = DeviceId, Path), Why),
    request_body = Message,
    responses((status = 202, body = Said), (status = 404), (status = 409), (status = 422)),
)]
pub(super) async fn text(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(device): Segment,
    pairs: Pairs,
    Body(Message { text }): Body<Message>,
) -> Result<(StatusCode, Json<Said>), Problem> {
    caller.may(Action::AskDevices)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let text = checked("text", &text)?;
    let act = state.act(acts::DEVICE_TEXT, &by).with("text", text.as_str());
    say(&state, &caller, &device, Command::Text(text), act).await
}

/// Notes that a device is asked for something, and asks it. Whether it obeys, its reports tell.
async fn say(
    state: &ApiState,
    caller: &Caller,
    device: &str,
    command: Command,
    act: Act,
) -> Result<(StatusCode, Json<Said>), Problem> {
    let enrolment = state.registry.find(&device.into()).ok_or_else(|| not_enrolled(device))?;
    vehicles::check(state, &caller.scope(state), &enrolment.vehicle).await?;
    let asked = command.ability();
    let act = act
        .with("device", enrolment.device.as_str())
        .with("vehicle", enrolment.vehicle.id.as_str());
    state.note(vec![act]).await?;
    let protocol = state.downlink.ask(enrolment.device.clone(), command).await?;
    let said = Said { device: enrolment.device.clone(), asked, protocol };
    Ok((StatusCode::ACCEPTED, Json(said)))
}
