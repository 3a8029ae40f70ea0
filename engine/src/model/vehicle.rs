//! [`Vehicle`]: what carries a tracker.

use serde::{Deserialize, Serialize};

use super::{UnitId, VehicleId};

/// What kind of fleet a vehicle belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = VehicleClass))]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Carries money or weapons.
    Armoured,
    /// A taxi.
    Taxi,
    /// A company's car or lorry.
    Corporate,
    /// A police car: the only class whose way to a place is ever computed without a flag.
    Patrol,
    /// Anything else, such as a vehicle of a recording that nothing enrols.
    #[default]
    Other,
}

/// A vehicle of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Vehicle {
    /// Its identity.
    pub id: VehicleId,
    /// Its number plate, as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    /// Its class.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub class: Class,
    /// The unit or company it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Make and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Colour of its paint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Colour of its plate, such as `blue`: two plates of one number may differ in it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_colour: Option<String>,
    /// Its vehicle identification number (ISO 3779).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vin: Option<String>,
}

impl Vehicle {
    /// A vehicle of which only the identity is known.
    #[must_use]
    pub const fn unknown(id: VehicleId) -> Self {
        Self {
            id,
            plate: None,
            class: Class::Other,
            unit: None,
            make: None,
            colour: None,
            plate_colour: None,
            vin: None,
        }
    }
}
