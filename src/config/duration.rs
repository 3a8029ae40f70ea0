//! Durations of a configuration, as people write them.

use serde::{Deserialize, Deserializer};

use crate::text;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a duration such as \"24h\", or seconds")]
enum Given {
    Seconds(f64),
    Text(String),
}

/// A duration such as `24h`; a bare number is seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Given::deserialize(deserializer)? {
        Given::Seconds(length_s) => Ok(length_s),
        Given::Text(text) => text::seconds(&text).map_err(serde::de::Error::custom),
    }
}

/// The same, or `all`: `None`.
pub(super) fn seconds_or_all<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    match Given::deserialize(deserializer)? {
        Given::Seconds(length_s) => Ok(Some(length_s)),
        Given::Text(text) if text.trim() == "all" => Ok(None),
        Given::Text(text) => text::seconds(&text)
            .map(Some)
            .map_err(|what| serde::de::Error::custom(format!("{what}, or `all`"))),
    }
}
