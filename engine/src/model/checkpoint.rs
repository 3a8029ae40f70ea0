//! [`Checkpoint`]: where a vehicle can be stopped.

use serde::{Deserialize, Serialize};

use super::{CheckpointId, UnitId};

/// A place, WGS-84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Position {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Position {
    /// Reads `LATITUDE,LONGITUDE`, degrees north and east. `None` where it is no place on the globe.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (latitude, longitude) = text.split_once(',')?;
        let degrees = |text: &str, most: f64| {
            text.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= most)
        };
        let (latitude, longitude) = (degrees(latitude, 90.0)?, degrees(longitude, 180.0)?);
        Some(Self { latitude, longitude })
    }
}

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CheckpointKind))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A road that everybody who leaves must take.
    ThroatRoad,
    /// A port.
    Port,
    /// An airport.
    Airport,
    /// A guarded parking lot.
    Parking,
    /// Any other post.
    Post,
}

/// Whether somebody stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CheckpointState))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// People are there.
    #[default]
    Manned,
    /// Must be set up first, which takes `ready_s`.
    Unmanned,
    /// Nobody will stop anything here.
    Closed,
}

/// What a vehicle passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CheckpointShape))]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A place on a road: passed within `radius_m` of it.
    Point(Position),
    /// A line across roads: passed where the way crosses it.
    Line(Vec<Position>),
    /// An area, by its closed outline: entered, stayed in, left.
    Polygon(Vec<Position>),
}

/// Where a vehicle can be stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Checkpoint {
    /// Its identity.
    pub id: CheckpointId,
    /// Its name, for people.
    pub name: String,
    /// Its name in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Whose people stand there.
    pub unit: UnitId,
    /// Its ring: 1 is the innermost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<u8>,
    /// Where it is.
    pub shape: Shape,
    /// The only direction of travel that counts, degrees from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearing_deg: Option<f64>,
    /// The time that its people need, seconds.
    #[serde(default = "default_lead_s")]
    #[cfg_attr(feature = "schema", schema(required))]
    pub lead_s: f64,
    /// The time to set it up, seconds.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub ready_s: f64,
    /// How near a vehicle passes a point, metres.
    #[serde(default = "default_radius_m")]
    #[cfg_attr(feature = "schema", schema(required))]
    pub radius_m: f64,
    /// Whether somebody stands there.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub state: State,
    /// Its place is known only roughly.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub approximate: bool,
    /// How roughly, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// Four minutes: two for the sign-off, two to step into the road.
const fn default_lead_s() -> f64 {
    240.0
}

/// A road with its verges, and a receiver's error on either side.
const fn default_radius_m() -> f64 {
    100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_people_write_it() {
        let expected = Some(Position { latitude: -20.5, longitude: 121.61 });
        assert_eq!(Position::parse("-20.5,121.61"), expected);
        assert_eq!(Position::parse(" -20.5 , 121.61 "), expected);
        for bad in ["", "38.9", "121.6,38.9", "38.9,181", "38.9,121.6,5", "NaN,1", "38,9;121,6"] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
    }
}
