//! [`Outlook`]: whether and when a vehicle will be at a checkpoint, however that was estimated.

use serde::{Deserialize, Serialize};

/// An estimate, from the newest fix. What decides on alerts knows nothing else of how a vehicle
/// moves, so that an estimate by roads can stand beside the one by geometry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outlook {
    /// That it will pass, 0 to 1.
    pub(crate) probability: f64,
    /// Seconds from the fix until it is there.
    pub(crate) eta_s: f64,
    /// The same if it goes well...
    pub(crate) eta_early_s: f64,
    /// ...and if it does not.
    pub(crate) eta_late_s: f64,
    /// Metres to go; straight, where the way by road has not been looked for.
    pub(crate) distance_m: f64,
    /// Roads on the way, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) route: Vec<String>,
    /// What the estimate leans on.
    pub(crate) evidence: Evidence,
}

/// The figures behind an estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// The speed that is expected for the rest of the way.
    pub(crate) speed_kmh: f64,
    /// Metres nearer for each metre driven of late, -1 to 1; `None` without enough of a way.
    pub(crate) efficiency: Option<f64>,
    /// The angle between the course and the way to the checkpoint.
    pub(crate) off_course_deg: Option<f64>,
    /// Seconds that it has been standing.
    pub(crate) standing_s: f64,
    /// It comes from the side whose traffic does not count.
    pub(crate) wrong_way: bool,
    /// Where the estimate is one by roads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) road: Option<ByRoad>,
}

/// What an estimate by roads leans on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ByRoad {
    /// The probability that the checkpoint itself is the destination.
    pub(crate) destination: f64,
    /// Seconds by the clock for each by the map.
    pub(crate) pace: f64,
}

impl Outlook {
    /// Whether it is an estimate by roads.
    pub(crate) const fn is_by_road(&self) -> bool {
        self.evidence.road.is_some()
    }
}
