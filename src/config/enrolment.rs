//! [`Enrolment`], and [`Enrol`], what somebody says for one.

use std::sync::Arc;

use interdict_engine::{Class, UnitId, Vehicle, VehicleId};
use interdict_protocols::{Datum, DeviceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest identity, plate or name that is taken, bytes: a VIN has 17, an IMEI 15 letters.
const LONGEST: usize = 128;

/// A device that is heard, and what carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// The device's identity, as it was enrolled.
    pub device: DeviceId,
    /// What carries it.
    pub vehicle: Vehicle,
    /// Its maker's name for the model: some fields of frames depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub model: Option<Arc<str>>,
    /// The datum that it reports in, where that is known of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<Datum>,
}

/// What somebody says of a device to enrol. What is not said of a vehicle or device that is known
/// stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEnrolment)]
pub struct Enrol {
    /// The device's identity: IMEI or terminal number.
    #[schema(min_length = 1, max_length = 128)]
    pub device: String,
    /// The vehicle's identity.
    #[schema(min_length = 1, max_length = 128)]
    pub vehicle: String,
    /// The vehicle's plate.
    #[serde(default)]
    pub plate: Option<String>,
    /// The vehicle's class.
    #[serde(default)]
    pub class: Option<Class>,
    /// The unit or company it belongs to.
    #[serde(default)]
    pub unit: Option<String>,
    /// Its make and model.
    #[serde(default)]
    pub make: Option<String>,
    /// Colour of its paint.
    #[serde(default)]
    pub colour: Option<String>,
    /// Colour of its plate.
    #[serde(default)]
    pub plate_colour: Option<String>,
    /// Its vehicle identification number.
    #[serde(default)]
    pub vin: Option<String>,
    /// The device's model.
    #[serde(default)]
    pub model: Option<String>,
    /// The datum that the device reports in.
    #[serde(default)]
    pub datum: Option<Datum>,
    /// The registration token that another platform gave the device.
    #[serde(default)]
    pub token: Option<String>,
}

impl Enrol {
    /// Trims every text and checks that it can be one; what is empty counts as not said.
    pub(crate) fn check(mut self) -> Result<Self, String> {
        let said = [
            ("plate", &mut self.plate),
            ("unit", &mut self.unit),
            ("make", &mut self.make),
            ("colour", &mut self.colour),
            ("plate_colour", &mut self.plate_colour),
            ("vin", &mut self.vin),
            ("model", &mut self.model),
            ("token", &mut self.token),
        ];
        for (name, text) in said {
            *text = match text.take() {
                Some(text) => Some(checked(name, &text)?).filter(|text| !text.is_empty()),
                None => None,
            };
        }
        for (name, text) in [("device", &mut self.device), ("vehicle", &mut self.vehicle)] {
            *text = checked(name, text)?;
            if text.is_empty() {
                return Err(format!("`{name}` is empty"));
            }
        }
        Ok(self)
    }

    /// The enrolment of a device of which nothing else is known.
    pub(crate) fn enrolment(&self) -> Enrolment {
        Enrolment {
            device: DeviceId::from(self.device.as_str()),
            vehicle: self.vehicle(None),
            model: self.model.as_deref().map(Arc::from),
            datum: self.datum,
        }
    }

    /// The vehicle as it will be, `known` being what is known of it.
    pub(crate) fn vehicle(&self, known: Option<&Vehicle>) -> Vehicle {
        let id = VehicleId::from(self.vehicle.as_str());
        let known = known.cloned().unwrap_or_else(|| Vehicle::unknown(id));
        Vehicle {
            plate: self.plate.clone().or(known.plate),
            class: self.class.unwrap_or(known.class),
            unit: self.unit.as_deref().map(UnitId::from).or(known.unit),
            make: self.make.clone().or(known.make),
            colour: self.colour.clone().or(known.colour),
            plate_colour: self.plate_colour.clone().or(known.plate_colour),
            vin: self.vin.clone().or(known.vin),
            id: known.id,
        }
    }
}

fn checked(name: &str, text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("`{name}` is longer than {LONGEST} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("`{name}` holds a control character"));
    }
    Ok(text.to_owned())
}

/// A device's identity as it is looked up: terminal numbers are padded by some and stripped by
/// others.
pub(crate) fn device_key(device: &str) -> &str {
    if !device.starts_with('0') || device.bytes().any(|byte| !byte.is_ascii_digit()) {
        return device;
    }
    let stripped = device.trim_start_matches('0');
    if stripped.is_empty() { "0" } else { stripped }
}
