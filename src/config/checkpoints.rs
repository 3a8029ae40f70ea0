//! Checkpoints, from GeoJSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use interdict_engine::{Checkpoint, CheckpointId, Kind, Shape, State, UnitId};
use serde_json::Value;

use super::features::{self, Feature, Geometry};
use super::files;
use super::problem::{Problems, Report, Warning};

/// What a feature may state.
const PROPERTIES: &[&str] = &[
    "id",
    "name",
    "name_zh",
    "kind",
    "unit",
    "ring",
    "bearing_deg",
    "lead_s",
    "ready_s",
    "radius_m",
    "state",
    "approximate",
    "accuracy_m",
];

const KINDS: &[(&str, Kind)] = &[
    ("throat-road", Kind::ThroatRoad),
    ("port", Kind::Port),
    ("airport", Kind::Airport),
    ("parking", Kind::Parking),
    ("post", Kind::Post),
];

const STATES: &[(&str, State)] =
    &[("manned", State::Manned), ("unmanned", State::Unmanned), ("closed", State::Closed)];

/// Worse than this, an alert's minutes at a checkpoint mean little: at 60 km/h, half a minute.
const ROUGH_M: f64 = 500.0;

/// A day: nobody needs longer.
pub(super) const LONGEST_S: f64 = 86_400.0;

/// The checkpoints of a file that no configuration names. Units are taken as they are; a checkpoint
/// without one belongs to the unit `city`.
pub(super) fn read_file(path: &Path, report: &mut Report) -> Vec<Checkpoint> {
    let file = path.display().to_string();
    match files::read(path) {
        Ok(text) => read(&file, &text, None, report),
        Err(error) => {
            report.problem(&file, None, error);
            Vec::new()
        }
    }
}

/// Reads one checkpoint: a GeoJSON feature as in a file of them. Its unit must be among `units` where
/// those are given.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_checkpoint(
    feature: &str,
    units: Option<&BTreeSet<UnitId>>,
) -> Result<(Checkpoint, Vec<Warning>), Problems> {
    let mut report = Report::default();
    let (called, collection) =
        ("the checkpoint", format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#));
    let read = read(called, &collection, units, &mut report);
    if read.is_empty() && report.problems.is_empty() {
        report.problem(called, None, "expected a GeoJSON Feature");
    }
    let (mut read, warnings) = report.finish(read)?;
    Ok((read.remove(0), warnings))
}

/// Reads checkpoints, whose units must be among `units` where those are given.
pub(super) fn read(
    file: &str,
    text: &str,
    units: Option<&BTreeSet<UnitId>>,
    report: &mut Report,
) -> Vec<Checkpoint> {
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut strange: BTreeSet<String> = BTreeSet::new();
    for (index, feature) in features::read(file, text, report).iter().enumerate() {
        if let Some(id) = &feature.id
            && let Some(first) = seen.insert(id.clone(), index + 1)
        {
            let what = format!("the id {id:?} is that of feature {first} already");
            feature.problem(report, &what);
        }
        for key in feature.properties.keys() {
            if !PROPERTIES.contains(&key.as_str()) && strange.insert(key.clone()) {
                let known = PROPERTIES.join(", ");
                let what = format!("{key:?} is not used; what is used is {known}");
                feature.warning(report, &what);
            }
        }
        checkpoints.extend(checkpoint(feature, units, report));
    }
    checkpoints
}

fn checkpoint(
    feature: &Feature<'_>,
    units: Option<&BTreeSet<UnitId>>,
    report: &mut Report,
) -> Option<Checkpoint> {
    let before = report.problems.len();
    if feature.id.is_none() {
        feature.problem(report, "has no id");
    }
    let id = feature.id.clone().unwrap_or_default();
    let shape = shape(feature, report);
    let unit = unit(feature, units, report);
    let seconds = (0.0, LONGEST_S);
    let accuracy_m = feature.number("accuracy_m", (0.0, 100_000.0), report);
    if let Some(accuracy_m) = accuracy_m.filter(|accuracy_m| *accuracy_m > ROUGH_M) {
        let what = format!(
            "its place is known to {accuracy_m} m only: alerts there come early or late, and some \
             not at all; have it measured"
        );
        feature.warning(report, &what);
    }
    let ready_s = feature.number("ready_s", seconds, report).unwrap_or(0.0);
    // What takes time until it is in place is not there yet, unless the file says so.
    let unstated = if ready_s > 0.0 { State::Unmanned } else { State::Manned };
    let checkpoint = Checkpoint {
        name: feature.text("name", report).unwrap_or_else(|| id.clone()),
        id: CheckpointId::from(id),
        name_zh: feature.text("name_zh", report),
        kind: word(feature, "kind", KINDS, report).unwrap_or(Kind::Post),
        unit: unit?,
        ring: ring(feature, report),
        shape: shape?,
        bearing_deg: feature.number("bearing_deg", (0.0, 360.0), report),
        lead_s: feature.number("lead_s", seconds, report).unwrap_or_else(default_lead_s),
        ready_s,
        radius_m: feature.number("radius_m", (1.0, 50_000.0), report).unwrap_or(DEFAULT_RADIUS_M),
        state: word(feature, "state", STATES, report).unwrap_or(unstated),
        approximate: feature.truth("approximate", report),
        accuracy_m,
    };
    (report.problems.len() == before).then_some(checkpoint)
}

/// As the engine's own default: four minutes.
const fn default_lead_s() -> f64 {
    240.0
}

/// As the engine's own default.
const DEFAULT_RADIUS_M: f64 = 100.0;

fn shape(feature: &Feature<'_>, report: &mut Report) -> Option<Shape> {
    match feature.geometry(report)? {
        Geometry::Point(position) => Some(Shape::Point(position)),
        Geometry::Line(line) => Some(Shape::Line(line)),
        Geometry::Polygons(polygons) => {
            let [rings] = <[_; 1]>::try_from(polygons)
                .map_err(|polygons| {
                    let count = polygons.len();
                    let what = format!(
                        "a MultiPolygon of {count}: a checkpoint is one place; make each a feature \
                         with an id of its own"
                    );
                    feature.problem(report, &what);
                })
                .ok()?;
            if rings.len() > 1 {
                feature.warning(report, "holes in a polygon are not regarded");
            }
            rings.into_iter().next().map(Shape::Polygon)
        }
    }
}

fn unit(
    feature: &Feature<'_>,
    units: Option<&BTreeSet<UnitId>>,
    report: &mut Report,
) -> Option<UnitId> {
    let unit = feature.text("unit", report).map(UnitId::from);
    let Some(units) = units else {
        return Some(unit.unwrap_or_else(|| UnitId::from("city")));
    };
    let Some(unit) = unit else {
        feature.problem(report, "has no unit; an alert must belong to somebody");
        return None;
    };
    if !units.contains(&unit) {
        let known: Vec<_> = units.iter().map(UnitId::as_str).collect();
        let what =
            format!("there is no unit {:?}; expected one of {}", unit.as_str(), known.join(", "));
        feature.problem(report, &what);
        return None;
    }
    Some(unit)
}

fn ring(feature: &Feature<'_>, report: &mut Report) -> Option<u8> {
    let value = feature.properties.get("ring").filter(|value| !value.is_null())?;
    let ring = value.as_u64().and_then(|ring| u8::try_from(ring).ok()).filter(|ring| *ring > 0);
    if ring.is_none() {
        let what = format!("ring: found {value}, expected a whole number, 1 for the innermost");
        feature.problem(report, &what);
    }
    ring
}

fn word<T: Copy>(
    feature: &Feature<'_>,
    key: &str,
    words: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let value = feature.properties.get(key).filter(|value| !value.is_null())?;
    let found = words
        .iter()
        .find(|(word, _)| matches!(value, Value::String(text) if text == word))
        .map(|(_, meaning)| *meaning);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let what = format!("{key}: found {value}, expected one of {}", known.join(", "));
        feature.problem(report, &what);
    }
    found
}
