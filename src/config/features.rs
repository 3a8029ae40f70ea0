//! GeoJSON (RFC 7946) feature collections, each feature with its place in the file.

use interdict_engine::Position;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::problem::{Report, line_at};

/// One feature, and how to speak of it.
pub(super) struct Feature<'a> {
    file: &'a str,
    line: usize,
    name: String,
    /// Its identity: the property `id`, else the feature's own.
    pub(super) id: Option<String>,
    /// Its properties.
    pub(super) properties: Map<String, Value>,
    geometry: Value,
}

/// What a feature's geometry is.
pub(super) enum Geometry {
    Point(Position),
    Line(Vec<Position>),
    /// Of each polygon its rings: the outline, then holes.
    Polygons(Vec<Vec<Vec<Position>>>),
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    features: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawFeature {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
    #[serde(default)]
    geometry: Value,
}

/// The features of a file; those that are none are reported.
pub(super) fn read<'a>(file: &'a str, text: &str, report: &mut Report) -> Vec<Feature<'a>> {
    let collection: Collection<'_> = match serde_json::from_str(text) {
        Ok(collection) => collection,
        Err(error) => {
            let line = Some(error.line()).filter(|line| *line > 0);
            let what = format!("expected a GeoJSON FeatureCollection: {error}");
            report.problem(file, line, what);
            return Vec::new();
        }
    };
    if collection.kind != "FeatureCollection" {
        let what = format!("found a {:?}, expected a FeatureCollection", collection.kind);
        report.problem(file, None, what);
        return Vec::new();
    }
    let mut features = Vec::new();
    for (index, raw) in collection.features.iter().enumerate() {
        // The raw text is a part of `text`.
        let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let line = line_at(text, offset);
        let number = index + 1;
        let raw: RawFeature = match serde_json::from_str(raw.get()) {
            Ok(raw) => raw,
            Err(error) => {
                report.problem(file, Some(line), format!("feature {number}: {error}"));
                continue;
            }
        };
        if raw.kind != "Feature" {
            let what = format!("feature {number}: found a {:?}, expected a Feature", raw.kind);
            report.problem(file, Some(line), what);
            continue;
        }
        let properties = raw.properties.unwrap_or_default();
        let id =
            [properties.get("id"), Some(&raw.id)].into_iter().flatten().find_map(|id| match id {
                Value::String(id) if !id.trim().is_empty() => Some(id.trim().to_owned()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            });
        let name = match &id {
            Some(id) => format!("feature {number} ({id:?})"),
            None => format!("feature {number}"),
        };
        features.push(Feature { file, line, name, id, properties, geometry: raw.geometry });
    }
    features
}

impl Feature<'_> {
    /// Reports something wrong with it.
    pub(super) fn problem(&self, report: &mut Report, what: &str) {
        report.problem(self.file, Some(self.line), format!("{}: {what}", self.name));
    }

    /// Reports something that is probably not meant.
    pub(super) fn warning(&self, report: &mut Report, what: &str) {
        report.warning(self.file, Some(self.line), format!("{}: {what}", self.name));
    }

    /// A property that is text, where it is there and not empty.
    pub(super) fn text(&self, key: &str, report: &mut Report) -> Option<String> {
        match self.properties.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(other) => {
                self.problem(report, &format!("{key}: found {other}, expected text"));
                None
            }
        }
    }

    /// A property that is a number of `least` to `most`.
    pub(super) fn number(
        &self,
        key: &str,
        (least, most): (f64, f64),
        report: &mut Report,
    ) -> Option<f64> {
        let value = self.properties.get(key).filter(|value| !value.is_null())?;
        let number = value.as_f64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let what = format!("{key}: found {value}, expected a number from {least} to {most}");
            self.problem(report, &what);
        }
        number
    }

    /// A property that is yes or no.
    pub(super) fn truth(&self, key: &str, report: &mut Report) -> bool {
        match self.properties.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(truth)) => *truth,
            Some(other) => {
                self.problem(report, &format!("{key}: found {other}, expected true or false"));
                false
            }
        }
    }

    /// Its geometry, every coordinate of which is on the globe and every ring of which is closed.
    pub(super) fn geometry(&self, report: &mut Report) -> Option<Geometry> {
        match geometry(&self.geometry) {
            Ok(geometry) => Some(geometry),
            Err(what) => {
                self.problem(report, &what);
                None
            }
        }
    }
}

fn geometry(value: &Value) -> Result<Geometry, String> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("null");
    let coordinates = value.get("coordinates").unwrap_or(&Value::Null);
    match kind {
        "Point" => Ok(Geometry::Point(position(coordinates)?)),
        "LineString" => {
            let line = positions(coordinates)?;
            if line.len() < 2 {
                return Err(format!(
                    "a LineString of {}: expected 2 positions or more",
                    line.len()
                ));
            }
            Ok(Geometry::Line(line))
        }
        "Polygon" => Ok(Geometry::Polygons(vec![polygon(coordinates)?])),
        "MultiPolygon" => {
            let polygons = list(coordinates)?;
            Ok(Geometry::Polygons(polygons.iter().map(polygon).collect::<Result<_, _>>()?))
        }
        other => Err(format!("geometry {other}: expected a Point, a LineString or a Polygon")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("coordinates: found {}, expected a list", short(value)))
}

fn polygon(value: &Value) -> Result<Vec<Vec<Position>>, String> {
    let rings = list(value)?;
    if rings.is_empty() {
        return Err("a Polygon without an outline".to_owned());
    }
    rings.iter().map(ring).collect()
}

fn ring(value: &Value) -> Result<Vec<Position>, String> {
    let ring = positions(value)?;
    if ring.len() < 4 {
        return Err(format!("a ring of {}: expected 4 positions or more", ring.len()));
    }
    if ring.first() != ring.last() {
        return Err("a ring that is not closed: its last position must equal its first".to_owned());
    }
    Ok(ring)
}

fn positions(value: &Value) -> Result<Vec<Position>, String> {
    list(value)?.iter().map(position).collect()
}

fn position(value: &Value) -> Result<Position, String> {
    let numbers: Option<Vec<f64>> =
        value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    let Some([longitude, latitude, ..]) = numbers.as_deref() else {
        return Err(format!("found {}, expected a position [longitude, latitude]", short(value)));
    };
    let (longitude, latitude) = (*longitude, *latitude);
    if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
        return Ok(Position { latitude, longitude });
    }
    let swapped = (-90.0..=90.0).contains(&longitude) && (-180.0..=180.0).contains(&latitude);
    let hint = if swapped {
        "; latitude and longitude are swapped: GeoJSON has longitude first"
    } else {
        ""
    };
    Err(format!("position [{longitude}, {latitude}] is not on the globe{hint}"))
}

/// A value that fits on a line.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
