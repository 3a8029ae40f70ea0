//! [`Unit`]: a node of the command tree, and the [`Region`] that it answers for.

use serde::{Deserialize, Serialize};

use super::{Position, UnitId};

/// The three levels of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = UnitLevel))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Stands at checkpoints.
    Station,
    /// Commands stations.
    District,
    /// Commands districts.
    City,
}

/// A node of the command tree: city, district or station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unit {
    /// Its identity.
    pub id: UnitId,
    /// Its name, for people.
    pub name: String,
    /// Its name in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// Its level.
    pub level: Level,
    /// The unit above it; `None` for the city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<UnitId>,
    /// The zone that its people's clocks show, by IANA name, such as `Asia/Shanghai`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The area that a unit answers for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Region {
    /// Whose it is.
    pub unit: UnitId,
    /// Rings of positions: of each polygon its outline; holes are not known.
    pub outlines: Vec<Vec<Position>>,
}
