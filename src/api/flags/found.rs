//! Which vehicle a flag means: one with a tracker, or one that is known by its plate alone.

use axum::http::StatusCode;
use interdict_engine::{Vehicle, VehicleId, VehicleView};
use interdict_protocols::Time;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::ApiState;
use super::super::extract::text;
use super::super::problem::Problem;
use super::asked::optional;
use crate::config::AskedFlag;
use crate::devices::{Alike, plate_key};

/// So many vehicles at most are named that another may be meant for.
const NEAR: usize = 10;

/// How a vehicle was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = VehicleMatch)]
pub(super) enum Match {
    /// By its identity.
    Identity,
    /// By its plate.
    Plate,
    /// It was not: nobody has enrolled such a vehicle.
    None,
}

/// Whether a vehicle has a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TrackerKnown)]
pub(super) enum Tracker {
    /// It has, or had one that was heard.
    Enrolled,
    /// It is seen where people and cameras see it.
    None,
}

/// The vehicle of a flag.
pub(super) struct Found {
    pub(super) vehicle: Vehicle,
    pub(super) by: Match,
    pub(super) tracker: Tracker,
    /// `None` where it was not heard for a day.
    pub(super) last_heard_at: Option<Time>,
    pub(super) near: Vec<Near>,
}

/// Another vehicle that may be meant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NearVehicle)]
pub(super) struct Near {
    #[serde(flatten)]
    vehicle: VehicleView,
    alike: Alike,
}

/// The vehicle that is asked for.
///
/// # Errors
/// Several have the plate; or what is said of it cannot be.
pub(super) async fn find(state: &ApiState, asked: &AskedFlag) -> Result<Found, Problem> {
    let named = text("vehicle", &asked.vehicle)?;
    let plate_colour = optional("plate_colour", asked.plate_colour.as_deref())?;
    let vin = vin(asked.vin.as_deref())?;
    let differs = |vehicle: &Vehicle| match (&plate_colour, &vehicle.plate_colour) {
        (Some(asked), Some(known)) => !asked.eq_ignore_ascii_case(known),
        _ => false,
    };
    let named_so = state.registry.vehicles_named(&named);
    let (other_colour, mut found): (Vec<Vehicle>, Vec<Vehicle>) =
        named_so.into_iter().partition(|vehicle| vehicle.id.as_str() != named && differs(vehicle));
    if found.len() > 1 {
        let count = found.len();
        let matches: Vec<VehicleView> = found.iter().map(VehicleView::from).collect();
        let detail = format!("{count} vehicles have the plate `{named}`; name one by its identity");
        return Err(Problem::conflict("ambiguous", detail).with("matches", json!(matches)));
    }
    if let Some(vehicle) = found.pop() {
        let by = if vehicle.id.as_str() == named { Match::Identity } else { Match::Plate };
        let last_heard_at = heard(state, &vehicle.id).await?;
        return Ok(Found {
            vehicle,
            by,
            tracker: Tracker::Enrolled,
            last_heard_at,
            near: Vec::new(),
        });
    }
    let near = near(state, &named, other_colour);
    let id = VehicleId::from(named.as_str());
    if let Some(vehicle) = known(state, &id).await? {
        let last_heard_at = heard(state, &id).await?;
        let tracker = if last_heard_at.is_some() { Tracker::Enrolled } else { Tracker::None };
        return Ok(Found { vehicle, by: Match::Identity, tracker, last_heard_at, near });
    }
    let id = VehicleId::from(plate_id(&named, plate_colour.as_deref()));
    // A flag of before may have said more of it.
    let before = known(state, &id).await?.unwrap_or_else(|| Vehicle::unknown(id));
    let vehicle = Vehicle {
        plate: Some(named),
        class: asked.class.unwrap_or(before.class),
        make: optional("make", asked.make.as_deref())?.or(before.make),
        colour: optional("colour", asked.colour.as_deref())?.or(before.colour),
        vin: vin.or(before.vin),
        plate_colour,
        ..before
    };
    Ok(Found { vehicle, by: Match::None, tracker: Tracker::None, last_heard_at: None, near })
}

async fn known(state: &ApiState, vehicle: &VehicleId) -> Result<Option<Vehicle>, Problem> {
    let asked = vehicle.clone();
    Ok(state.shards.ask(vehicle, move |engine| engine.vehicle(&asked).cloned()).await?)
}

/// The identity of a vehicle that is known by its plate alone.
pub(in super::super) fn plate_id(plate: &str, colour: Option<&str>) -> String {
    let key = plate_key(plate);
    match colour {
        Some(colour) => format!("plate:{key}:{}", colour.to_lowercase()),
        None => format!("plate:{key}"),
    }
}

fn near(state: &ApiState, named: &str, other_colour: Vec<Vehicle>) -> Vec<Near> {
    let other_colour = other_colour.into_iter().map(|vehicle| (Alike::OtherColour, vehicle));
    let alike = other_colour.chain(state.registry.vehicles_alike(named));
    let near = alike.map(|(alike, vehicle)| Near { vehicle: VehicleView::from(&vehicle), alike });
    near.take(NEAR).collect()
}

async fn heard(state: &ApiState, vehicle: &VehicleId) -> Result<Option<Time>, Problem> {
    let asked = vehicle.clone();
    let last = state.shards.ask(vehicle, move |engine| engine.last_fix(&asked)).await?;
    Ok(last.map(|(_, received_at)| received_at))
}

/// A vehicle identification number: 17 letters and digits without I, O and Q (ISO 3779).
fn vin(given: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(vin) = optional("vin", given)?.map(|vin| vin.to_uppercase()) else { return Ok(None) };
    let is_vin = vin.len() == 17
        && vin.bytes().all(|byte| byte.is_ascii_alphanumeric() && !b"IOQ".contains(&byte));
    if is_vin {
        return Ok(Some(vin));
    }
    let detail = "`vin` must have 17 letters and digits, none of them I, O or Q";
    Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vin_is_checked() {
        assert_eq!(vin(Some("lsvau2180n2183294")).unwrap().as_deref(), Some("LSVAU2180N2183294"));
        assert_eq!(vin(Some(" ")).unwrap(), None);
        for bad in ["LSVAU2180N218329", "LSVAU2180N218329O", "LSVAU2180N2183 94"] {
            assert!(vin(Some(bad)).is_err(), "{bad}");
        }
    }
}
