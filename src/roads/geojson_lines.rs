//! Roads drawn as GeoJSON lines, joined where end points coincide.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use geojson::{Feature, GeometryValue};
use interdict_engine::roads::{RoadBuilder, RoadClass, Way};
use serde_json::Value;

use super::tags::speed_kmh;

/// Drawn worse than this, a road cannot be told from the next one.
const ROUGHEST_M: f64 = 2_000.0;

/// The roads, and what is wrong with the features that were left out.
pub(super) fn read(bytes: &[u8]) -> Result<(RoadBuilder, Vec<String>)> {
    let collection: Value =
        serde_json::from_slice(bytes).context("the GeoJSON roads are damaged or cut short")?;
    let Value::Object(mut collection) = collection else {
        bail!("the GeoJSON roads are no object")
    };
    let Some(Value::Array(features)) = collection.remove("features") else {
        bail!("the GeoJSON roads are no FeatureCollection: they have no \"features\"");
    };
    let mut builder = RoadBuilder::new();
    let (mut places, mut warnings) = (Places::default(), Vec::new());
    // What the whole collection says holds for features that say nothing.
    let accuracy = collection.remove("accuracy_m").unwrap_or(Value::Null);
    let accuracy_m = accuracy_m(&accuracy).unwrap_or_else(|error| {
        warnings.push(format!("{error}; the roads are taken to be where they are drawn"));
        0
    });
    for (index, value) in features.into_iter().enumerate() {
        if let Err(error) = add(&mut builder, &mut places, (index, accuracy_m), value) {
            warnings.push(format!("feature {}{error:#}; it is left out", index + 1));
        }
    }
    for (index, (latitude, longitude)) in places.all.iter().enumerate() {
        builder.place(index as i64, *latitude, *longitude);
    }
    Ok((builder, warnings))
}

fn add(
    builder: &mut RoadBuilder,
    places: &mut Places,
    (index, accuracy_m): (usize, u16),
    value: Value,
) -> Result<()> {
    let feature = serde_json::from_value::<Feature>(value).context(" cannot be read")?;
    let Some(geometry) = &feature.geometry else { return Ok(()) };
    let lines: Vec<Vec<(f64, f64)>> = match &geometry.value {
        GeometryValue::LineString { coordinates } => {
            vec![coordinates.iter().filter_map(|at| place(at.as_slice())).collect()]
        }
        GeometryValue::MultiLineString { coordinates } => coordinates
            .iter()
            .map(|line| line.iter().filter_map(|at| place(at.as_slice())).collect())
            .collect(),
        // Points and areas may stand beside the roads in one file.
        _ => return Ok(()),
    };
    let road = road(&feature, accuracy_m)
        .with_context(|| format!(" ({})", text(&feature, "name").unwrap_or_default()))?;
    for line in lines {
        let points = places.line(&line);
        if is_ferry(&feature) {
            builder.ferry(points, road.name.clone());
        } else {
            builder.way(Way { points, id: index as i64, ..road.clone() });
        }
    }
    Ok(())
}

/// A line that ships go along: the roads end where it begins.
fn is_ferry(feature: &Feature) -> bool {
    let says = |key| text(feature, key).as_deref() == Some("ferry");
    says("route") || says("class")
}

/// A feature's road, still without points; `accuracy_m` where it states none of its own.
fn road(feature: &Feature, accuracy_m: u16) -> Result<Way> {
    let class = match text(feature, "class").as_deref() {
        _ if is_ferry(feature) => RoadClass::Road,
        None => RoadClass::Road,
        Some(name) => RoadClass::from_name(name)
            .with_context(|| format!("class {name:?} is no road class, such as \"primary\""))?,
    };
    let speed = match feature.property("maxspeed_kmh") {
        None | Some(Value::Null) => class.default_speed_kmh(),
        Some(value) => value
            .as_f64()
            .map(|number| number.to_string())
            .or_else(|| value.as_str().map(str::to_owned))
            .and_then(|text| speed_kmh(&text))
            .with_context(|| format!("maxspeed_kmh {value} is no speed from 5 to 200"))?,
    };
    let speed_kmh = match feature.property("oneway") {
        None | Some(Value::Null | Value::Bool(false)) => [speed, speed],
        Some(Value::Bool(true)) => [speed, 0],
        Some(Value::String(text)) if text == "no" => [speed, speed],
        Some(Value::String(text)) if text == "yes" => [speed, 0],
        Some(Value::String(text)) if text == "-1" => [0, speed],
        Some(other) => bail!("oneway {other} is none of true, false, \"yes\", \"no\", \"-1\""),
    };
    let name = text(feature, "name").unwrap_or_default();
    let accuracy_m = match feature.property("accuracy_m") {
        None | Some(Value::Null) => accuracy_m,
        Some(own) => self::accuracy_m(own)?,
    };
    Ok(Way { id: 0, points: Vec::new(), class, speed_kmh, name, accuracy_m })
}

/// Metres to which a road is drawn, 0 where nothing is said.
fn accuracy_m(value: &Value) -> Result<u16> {
    let number = if value.is_null() { Some(0.0) } else { value.as_f64() };
    number
        .filter(|metres| (0.0..=ROUGHEST_M).contains(metres))
        .map(|metres| metres.round() as u16)
        .with_context(|| format!("accuracy_m {value} is no number from 0 to {ROUGHEST_M}"))
}

fn text(feature: &Feature, key: &str) -> Option<String> {
    feature.property(key)?.as_str().map(str::to_owned)
}

fn place(position: &[f64]) -> Option<(f64, f64)> {
    match position {
        [longitude, latitude, ..] => Some((*latitude, *longitude)),
        _ => None,
    }
}

/// Numbers for places. Only ends join: two lines that cross elsewhere are a bridge.
#[derive(Default)]
struct Places {
    all: Vec<(f64, f64)>,
    ends: BTreeMap<(i64, i64), i64>,
}

impl Places {
    fn line(&mut self, line: &[(f64, f64)]) -> Vec<i64> {
        let last = line.len().saturating_sub(1);
        line.iter()
            .enumerate()
            .map(|(i, at)| if i == 0 || i == last { self.end(*at) } else { self.add(*at) })
            .collect()
    }

    fn add(&mut self, at: (f64, f64)) -> i64 {
        self.all.push(at);
        self.all.len() as i64 - 1
    }

    fn end(&mut self, at: (f64, f64)) -> i64 {
        // A ten-millionth of a degree, a centimetre: what the compact file can tell apart.
        let key = ((at.0 * 1e7).round() as i64, (at.1 * 1e7).round() as i64);
        if let Some(number) = self.ends.get(&key) {
            return *number;
        }
        let number = self.add(at);
        self.ends.insert(key, number);
        number
    }
}
