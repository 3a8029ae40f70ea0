//! `/v1/vehicles`: which there are, and where one is, for a reason.

use axum::Json;
use axum::extract::State;
use interdict_engine::{Engine, Vehicle, VehicleId, VehicleView};
use interdict_protocols::{DeviceId, Fix, Time};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::extract::{Pairs, Segment};
use super::page::Page;
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::Action;
use crate::audit::acts;

/// A vehicle and its last fix.
#[derive(Serialize, ToSchema)]
#[schema(as = VehiclePosition)]
pub(super) struct Position {
    vehicle: Vehicle,
    /// `null` where it was not heard for a day.
    fix: Option<Fix>,
    /// How old the fix is, seconds.
    fix_age_s: Option<f64>,
    received_at: Option<Time>,
    /// The platform's device that it is from; `null` where the vehicle's own tracker gave it.
    platform: Option<DeviceId>,
}

/// Vehicles that are enrolled.
#[derive(Serialize, ToSchema)]
pub(super) struct Vehicles {
    vehicles: Vec<Carrier>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A vehicle and what it carries.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrolledVehicle)]
struct Carrier {
    #[serde(flatten)]
    vehicle: Vehicle,
    devices: Vec<DeviceId>,
}

/// Lists the enrolled vehicles, without where they are.
#[utoipa::path(
    get,
    path = "/vehicles",
    tag = "vehicles",
    params(("plate" = Option<String>, Query, description = "Only those of that plate or identity; blanks, dots and case do not matter."), Page),
    responses((status = 200, body = Vehicles)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Vehicles>, Problem> {
    caller.may(Action::ReadDevices)?;
    let pairs = pairs.only(&["plate", "after", "limit"])?;
    let page = Page::asked(&pairs)?;
    let scope = caller.scope(&state);
    let mut vehicles = match pairs.get("plate") {
        Some(plate) => state.registry.vehicles_named(plate),
        None => state.registry.vehicles(),
    };
    vehicles.retain(|vehicle| scope.holds(vehicle.unit.as_ref()));
    let (vehicles, next) = page.cut(vehicles, |vehicle| vehicle.id.to_string());
    let carrier = |vehicle: Vehicle| {
        let devices = state.registry.devices_of(&vehicle.id);
        Carrier { vehicle, devices }
    };
    Ok(Json(Vehicles { vehicles: vehicles.into_iter().map(carrier).collect(), next }))
}

/// Tells where a vehicle is, for a reason.
#[utoipa::path(
    get,
    path = "/vehicles/{id}",
    tag = "vehicles",
    params(
        ("id" = String, Path, description = "The vehicle's identity or plate."),
        (
            "reason" = Option<String>, Query,
            description = "Why; needed unless the configuration does not ask for one.",
        ),
    ),
    responses((status = 200, body = Position), (status = 404), (status = 409)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(named): Segment,
    pairs: Pairs,
) -> Result<Json<Position>, Problem> {
    let pairs = pairs.only(&["reason"])?;
    let (vehicle, last) = read(&state, &caller, &named, &pairs).await?;
    let now = state.shards.clock().now();
    let id = vehicle.id.clone();
    let platform = move |engine: &Engine| engine.platform_of(&id).cloned();
    let platform = state.shards.ask(&vehicle.id, platform).await?;
    Ok(Json(Position {
        platform: platform.filter(|_| last.is_some()),
        vehicle,
        fix: last.as_ref().map(|(fix, _)| *fix),
        fix_age_s: last.as_ref().map(|(fix, _)| now.seconds_since(fix.fix_time)),
        received_at: last.map(|(_, received_at)| received_at),
    }))
}

/// A vehicle, its last fix and when that came: for who may read it and states a reason.
pub(super) async fn read(
    state: &ApiState,
    caller: &Caller,
    named: &str,
    pairs: &Pairs,
) -> Result<(Vehicle, Option<(Fix, Time)>), Problem> {
    caller.may(Action::ReadPosition)?;
    let by = caller.by_reason(state, pairs)?;
    let vehicle = find(state, named).await?.ok_or_else(|| {
        Problem::not_found(format!("no vehicle has the identity or plate `{named}`"))
    })?;
    check(state, &caller.scope(state), &vehicle).await?;
    let act = state.act(acts::VEHICLE_READ, &by);
    state.note(act.naming("vehicles", [vehicle.id.as_str()])).await?;
    let id = vehicle.id.clone();
    let last = state.shards.ask(&vehicle.id, move |engine| engine.last_fix(&id)).await?;
    Ok((vehicle, last))
}

/// Goes on only where a vehicle is the caller's unit's, or on its way to a checkpoint of that.
pub(super) async fn check(
    state: &ApiState,
    scope: &Scope,
    vehicle: &Vehicle,
) -> Result<(), Problem> {
    let Err(refused) = scope.check(vehicle.unit.as_ref()) else { return Ok(()) };
    let (id, now) = (vehicle.id.clone(), state.shards.clock().now());
    let alerts = move |engine: &Engine| {
        let mut all = engine.alerts(now);
        all.extend(engine.alerts_to_dispose());
        all.retain(|alert| alert.vehicle.id == id);
        all
    };
    let alerts = state.shards.ask(&vehicle.id, alerts).await?;
    if alerts.iter().any(|alert| scope.sees_alert(alert)) { Ok(()) } else { Err(refused) }
}

/// The vehicle that is named by identity or plate: an enrolled one, or one that the engine has
/// heard of.
///
/// # Errors
/// Several have the plate.
pub(super) async fn find(state: &ApiState, named: &str) -> Result<Option<Vehicle>, Problem> {
    let mut found = state.registry.vehicles_named(named);
    match found.len() {
        0 => {
            let id = VehicleId::from(named.trim());
            let asked = id.clone();
            Ok(state.shards.ask(&id, move |engine| engine.vehicle(&asked).cloned()).await?)
        }
        1 => Ok(found.pop()),
        count => {
            let matches: Vec<VehicleView> = found.iter().map(VehicleView::from).collect();
            let detail =
                format!("{count} vehicles have the plate `{named}`; name one by its identity");
            Err(Problem::conflict("ambiguous", detail).with("matches", json!(matches)))
        }
    }
}
