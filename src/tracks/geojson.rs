//! GeoJSON (RFC 7946): Points with a time, LineStrings with a list of times, one feature at a time.

use std::fmt;
use std::io::BufRead;

use interdict_protocols::{DeviceId, Fix};
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::watched::{Place, Watched};
use super::{Reading, fix_at, listed};

pub(super) fn read(reading: &mut Reading<'_, '_>, source: &mut dyn BufRead) -> Result<(), String> {
    let (watched, place) = Watched::new(source);
    let mut json = serde_json::Deserializer::from_reader(watched);
    let root = Root { reading, place: &place };
    let result = json.deserialize_map(root).and_then(|()| json.end());
    result.map_err(|error| format!("cannot be read beyond line {}: {error}", place.line()))
}

/// The outermost object: a collection or a single feature.
struct Root<'a, 'b, 'c> {
    reading: &'a mut Reading<'b, 'c>,
    place: &'a Place,
}

impl<'de> Visitor<'de> for Root<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a GeoJSON FeatureCollection or Feature")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut single = serde_json::Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "features" => map
                    .next_value_seed(Features { reading: &mut *self.reading, place: self.place })?,
                "geometry" | "properties" | "id" => {
                    single.insert(key, map.next_value()?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if single.contains_key("geometry") {
            feature(self.reading, self.place.line(), &Value::Object(single));
        }
        Ok(())
    }
}

struct Features<'a, 'b, 'c> {
    reading: &'a mut Reading<'b, 'c>,
    place: &'a Place,
}

impl<'de> DeserializeSeed<'de> for Features<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut features: A) -> Result<(), A::Error> {
        while let Some(value) = features.next_element::<Value>()? {
            self.place.part_done();
            feature(self.reading, self.place.line(), &value);
            if self.reading.is_over() {
                return Err(serde::de::Error::custom("given up"));
            }
        }
        Ok(())
    }
}

fn feature(reading: &mut Reading<'_, '_>, line: usize, feature: &Value) {
    let properties = feature.get("properties").unwrap_or(&Value::Null);
    let device = ["device", "vehicle", "name"]
        .iter()
        .filter_map(|key| properties.get(key))
        .chain(feature.get("id"))
        .find_map(|value| match value {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .map(DeviceId::from);
    let geometry = feature.get("geometry").unwrap_or(&Value::Null);
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    match geometry.get("type").and_then(Value::as_str) {
        Some("Point") => {
            let time = TIMES.iter().find_map(|key| properties.get(key)).unwrap_or(&Value::Null);
            match fix(reading, coordinates, time, |key| properties.get(key)) {
                Ok(fix) => reading.fix(device, fix),
                Err(what) => reading.bad(line, &what),
            }
        }
        Some("LineString") => {
            let times = times(properties).unwrap_or(&Value::Null);
            run(reading, line, device.as_ref(), coordinates, times, properties);
        }
        Some("MultiLineString") => {
            let times = times(properties).and_then(Value::as_array);
            let parts = coordinates.as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, part) in parts.iter().enumerate() {
                let times = times.and_then(|times| times.get(index)).unwrap_or(&Value::Null);
                run(reading, line, device.as_ref(), part, times, &Value::Null);
            }
        }
        other => {
            let found = other.unwrap_or("no geometry");
            let what = format!("found {found}, expected a Point or a LineString with times");
            reading.bad(line, &what);
        }
    }
}

/// A point's time by its usual names.
const TIMES: &[&str] = &["time", "fix_time", "timestamp", "at"];

/// A line's times by their usual names.
fn times(properties: &Value) -> Option<&Value> {
    ["times", "coordTimes", "time"]
        .iter()
        .find_map(|key| properties.get(key))
        .or_else(|| properties.get("coordinateProperties").and_then(|inner| inner.get("times")))
}

fn run(
    reading: &mut Reading<'_, '_>,
    line: usize,
    device: Option<&DeviceId>,
    coordinates: &Value,
    times: &Value,
    properties: &Value,
) {
    let positions = coordinates.as_array().map(Vec::as_slice).unwrap_or_default();
    let times = times.as_array().map(Vec::as_slice).unwrap_or_default();
    if positions.len() != times.len() {
        let what = format!(
            "a line of {} positions with {} times: expected a time for each in \"times\"",
            positions.len(),
            times.len()
        );
        reading.bad(line, &what);
        return;
    }
    for (index, (position, time)) in positions.iter().zip(times).enumerate() {
        let value = |key: &str| properties.get(key).and_then(|list| list.get(index));
        match fix(reading, position, time, value) {
            Ok(fix) => reading.fix(device.cloned(), fix),
            Err(what) => reading.bad(line, &what),
        }
    }
}

fn fix<'v>(
    reading: &mut Reading<'_, '_>,
    position: &Value,
    time: &Value,
    value: impl Fn(&str) -> Option<&'v Value>,
) -> Result<Fix, String> {
    let time = match time {
        Value::String(text) => reading.time(text)?,
        Value::Number(number) => reading.time(&number.to_string())?,
        _ => return Err("a position without a time".to_owned()),
    };
    let number = |index: usize| position.get(index).and_then(Value::as_f64);
    let (Some(longitude), Some(latitude)) = (number(0), number(1)) else {
        return Err("expected a position [longitude, latitude]".to_owned());
    };
    let mut fix = fix_at(time, latitude, longitude)?;
    fix.altitude_m = number(2);
    fix.speed_kmh = value("speed_kmh").and_then(Value::as_f64);
    fix.course_deg = value("course_deg").and_then(Value::as_f64);
    if let Some(Value::Bool(valid)) = value("valid") {
        fix.valid = *valid;
    }
    if let Some(alarms) = value("alarms").filter(|alarms| alarms.is_array()) {
        let alarms = serde_json::from_value(alarms.clone()).map_err(|error| error.to_string())?;
        listed(alarms, &mut fix);
    }
    Ok(fix)
}
