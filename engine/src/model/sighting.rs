//! [`Sighting`]: where somebody or something other than its tracker saw a vehicle.

use interdict_protocols::{Fix, Time};
use serde::{Deserialize, Serialize};

use super::{Position, VehicleId};

/// Below this trust a sighting is doubted: it may raise an alert, but neither ends one nor passes a
/// checkpoint. Evens, as for an alert.
pub const DOUBTED_BELOW: f64 = 0.5;

/// Who or what saw the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SightingSource {
    /// Somebody who rang 110.
    Caller,
    /// An officer.
    Officer,
    /// A camera that reads plates.
    Camera,
}

impl SightingSource {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Officer => "officer",
            Self::Camera => "camera",
        }
    }

    /// The trust where nobody states one: a plate that was read is seldom wrong, a voice on the
    /// telephone often.
    #[must_use]
    pub const fn usual_trust(self) -> f64 {
        match self {
            Self::Caller => Trust::LOW,
            Self::Officer => Trust::MEDIUM,
            Self::Camera => Trust::HIGH,
        }
    }

    /// How far off the place may be, metres: a camera stands where it stands, an officer names a
    /// crossing, a caller a street.
    const fn accuracy_m(self) -> f64 {
        match self {
            Self::Caller => 500.0,
            Self::Officer => 150.0,
            Self::Camera => 50.0,
        }
    }
}

/// The shares that words stand for. Two low ones that agree come to more than evens, one does not.
#[derive(Clone, Copy, Debug)]
pub struct Trust;

impl Trust {
    /// "Low".
    pub const LOW: f64 = 0.4;
    /// "Medium".
    pub const MEDIUM: f64 = 0.7;
    /// "High".
    pub const HIGH: f64 = 0.95;

    /// What a word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<f64> {
        match word {
            "low" => Some(Self::LOW),
            "medium" => Some(Self::MEDIUM),
            "high" => Some(Self::HIGH),
            _ => None,
        }
    }
}

/// A vehicle was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sighting {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When.
    pub time: Time,
    /// Degrees, WGS-84.
    pub latitude: f64,
    /// Degrees, WGS-84.
    pub longitude: f64,
    /// Who or what saw it.
    pub source: SightingSource,
    /// That it was this vehicle and there, 0 to 1.
    pub trust: f64,
    /// How fast it went, km/h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f64>,
    /// Where it headed, degrees from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_deg: Option<f64>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who says so, such as a camera's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// Who entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Sighting {
    /// Where.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { latitude: self.latitude, longitude: self.longitude }
    }

    /// How much to rely on it.
    pub(crate) fn sighted(&self) -> Sighted {
        let trust = self.trust.clamp(0.0, 1.0);
        // A person who is not sure of the car is not sure of the street either.
        Sighted { source: self.source, trust, accuracy_m: self.source.accuracy_m() * (2.0 - trust) }
    }

    /// The place as a fix; `None` where it is none on earth.
    pub(crate) fn fix(&self, time: Time) -> Option<Fix> {
        let mut fix = Fix::new(time, self.latitude, self.longitude)?;
        fix.speed_kmh = self.speed_kmh.filter(|speed| speed.is_finite() && *speed >= 0.0);
        fix.course_deg = self.course_deg.filter(|course| (0.0..=360.0).contains(course));
        Some(fix)
    }
}

/// How much to rely on a place that was not its tracker's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighted {
    /// Who or what saw it.
    pub source: SightingSource,
    /// That it was there, 0 to 1; more than each one's where sightings agree.
    pub trust: f64,
    /// How far off the place may be, metres.
    pub accuracy_m: f64,
}

impl Sighted {
    /// Whether it could as well be wrong.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.trust < DOUBTED_BELOW
    }
}

/// What was made of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SightingStanding))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the newest that is known of the vehicle.
    Followed,
    /// Older than what is known.
    Late,
    /// From the future.
    Quarantine,
    /// The vehicle's tracker speaks, and is believed.
    Outranked,
    /// Too far from where the vehicle was to be driven, and trusted less.
    Disputed,
}
