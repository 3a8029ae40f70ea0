//! [`Fix`]: one position as a device reports it.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::field::text::Short;
use crate::{AlarmSet, Time};

/// A device's own identity: its IMEI, terminal number or whatever its protocol names it by.
/// Text from outside: escape it before it reaches a terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Arc<str>);

impl DeviceId {
    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DeviceId {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<Cow<'_, str>> for DeviceId {
    fn from(text: Cow<'_, str>) -> Self {
        Self(Arc::from(&*text))
    }
}

impl From<Short> for DeviceId {
    fn from(text: Short) -> Self {
        Self(Arc::from(text.as_str()))
    }
}

impl From<String> for DeviceId {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl Borrow<str> for DeviceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The ellipsoid and shift that coordinates are given in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// What satellites speak and what everything inside Interdict uses.
    #[default]
    Wgs84,
    /// China's shifted datum, GB 20263: some 550 m off in Dalian.
    Gcj02,
    /// Baidu's, shifted once more.
    Bd09,
}

/// One reported position.
///
/// Coordinates are what the frame states, also at 0/0 or where `valid` is false; they are always
/// within ±90 and ±180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fix {
    /// When the device says that it was there.
    pub fix_time: Time,
    /// Whether the device itself trusts the position.
    pub valid: bool,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above sea level.
    pub altitude_m: Option<f64>,
    /// Speed over ground.
    pub speed_kmh: Option<f64>,
    /// Direction of travel, degrees from north, clockwise, 0 to 360.
    pub course_deg: Option<f64>,
    /// The datum that the frame itself says its coordinates are in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub datum: Datum,
    /// The device says that this was stored and is sent late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backfill: bool,
    /// The alarms that the frame reports.
    pub alarms: AlarmSet,
    /// The alarms whose absence from `alarms` means that they are off: state bits. An alarm
    /// outside this set is an occurrence, reported once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub alarm_states: AlarmSet,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Fix {
    /// A valid position with nothing else known of it.
    ///
    /// `None` where a coordinate is no number or out of range.
    #[must_use]
    pub fn new(fix_time: Time, latitude: f64, longitude: f64) -> Option<Self> {
        // `contains` is false for NaN.
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return None;
        }
        Some(Self {
            fix_time,
            valid: true,
            latitude,
            longitude,
            altitude_m: None,
            speed_kmh: None,
            course_deg: None,
            datum: Datum::Wgs84,
            backfill: false,
            alarms: AlarmSet::EMPTY,
            alarm_states: AlarmSet::EMPTY,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_is_on_the_globe() {
        let time = Time::from_seconds(0);
        assert!(Fix::new(time, 90.0, -180.0).is_some());
        assert!(Fix::new(time, 90.001, 0.0).is_none());
        assert!(Fix::new(time, 0.0, f64::NAN).is_none());
    }
}
