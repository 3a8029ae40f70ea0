//! A town for tests: a grid of streets 200 m apart with avenues every fourth, and a river with two
//! bridges.

use std::sync::Arc;

use interdict_protocols::{Fix, Time};

use super::{RoadBuilder, RoadClass, RoadGraph, Roads, Way, metres_between};
use crate::Checkpoint;

/// Streets each way.
pub(super) const SIDE: i64 = 21;
/// Degrees between streets, north and east: 200 m at 38.9° north.
const NORTH_DEG: f64 = 0.001_799;
const EAST_DEG: f64 = 0.002_311;
const CORNER: (f64, f64) = (38.9, 121.5);

/// The point at a crossing, counted from the south-west corner.
pub(super) fn point(east: i64, north: i64) -> i64 {
    north * SIDE + east
}

/// Where that is, or any place between.
pub(super) fn at(east: f64, north: f64) -> (f64, f64) {
    (CORNER.0 + north * NORTH_DEG, CORNER.1 + east * EAST_DEG)
}

/// A two-way street of one piece.
pub(super) fn street(id: i64, points: &[i64], speed_kmh: [u8; 2]) -> Way {
    let class = RoadClass::Residential;
    let (points, name) = (points.to_vec(), format!("street {id}"));
    Way { id, points, class, speed_kmh, name, accuracy_m: 0 }
}

/// A builder that knows where the crossings are.
pub(super) fn builder() -> RoadBuilder {
    let mut builder = RoadBuilder::new();
    for north in 0..SIDE {
        for east in 0..SIDE {
            let (latitude, longitude) = at(east as f64, north as f64);
            builder.place(point(east, north), latitude, longitude);
        }
    }
    builder
}

/// The town. The river runs between the rows 10 and 11; bridges cross it at columns 4 and 16.
pub(super) fn town() -> RoadGraph {
    let mut builder = builder();
    for line in 0..SIDE {
        let avenue = line % 4 == 0;
        let (class, speed) =
            if avenue { (RoadClass::Secondary, 50) } else { (RoadClass::Residential, 30) };
        let mut way = |id: i64, points: Vec<i64>, name: String| {
            let speed_kmh = [speed, speed];
            builder.way(Way { id, points, class, speed_kmh, name, accuracy_m: 0 });
        };
        let row = (0..SIDE).map(|east| point(east, line)).collect();
        way(line, row, format!("row {line}"));
        let column: Vec<i64> = (0..SIDE).map(|north| point(line, north)).collect();
        if line == 4 || line == 16 {
            way(100 + line, column, format!("column {line}"));
        } else {
            let (south, north) = column.split_at(11);
            way(100 + line, south.to_vec(), format!("column {line} south"));
            way(200 + line, north.to_vec(), format!("column {line} north"));
        }
    }
    builder.build().unwrap().0
}

/// What somebody would draw of a town by hand: every tenth street, to so many metres.
pub(super) fn sketch(accuracy_m: u16) -> RoadGraph {
    let mut builder = builder();
    for line in [0, 10, 20] {
        let mut way = |id: i64, points: [(i64, i64); 3], name: String| {
            let points = points.map(|(east, north)| point(east, north)).to_vec();
            let (class, speed_kmh) = (RoadClass::Primary, [60, 60]);
            builder.way(Way { id, points, class, speed_kmh, name, accuracy_m });
        };
        way(line, [(0, line), (10, line), (20, line)], format!("row {line}"));
        way(100 + line, [(line, 0), (line, 10), (line, 20)], format!("column {line}"));
    }
    builder.build().unwrap().0
}

/// The town with checkpoints, as `(name, east, north)`.
pub(crate) fn roads(checkpoints: &[(&str, f64, f64)]) -> Roads {
    with_checkpoints(town(), checkpoints)
}

/// Roads with checkpoints, as `(name, east, north)`.
pub(super) fn with_checkpoints(graph: RoadGraph, checkpoints: &[(&str, f64, f64)]) -> Roads {
    let mut roads = Roads::with_zones(Arc::new(graph), 200, None, 1);
    let checkpoints: Vec<Checkpoint> =
        checkpoints.iter().map(|(name, east, north)| checkpoint(name, *east, *north)).collect();
    assert!(roads.place_all(&checkpoints, None, 1).is_empty());
    roads
}

/// A checkpoint at a place.
pub(crate) fn checkpoint(name: &str, east: f64, north: f64) -> Checkpoint {
    let (latitude, longitude) = at(east, north);
    let json = serde_json::json!({
        "id": name, "name": name, "kind": "throat-road", "unit": "u",
        "shape": {"point": {"latitude": latitude, "longitude": longitude}},
    });
    serde_json::from_value(json).unwrap()
}

/// The instant so many seconds after the tests' beginning.
pub(crate) fn time(seconds: f64) -> Time {
    Time::from_seconds(1_780_000_000).plus_seconds(seconds)
}

/// A fix at a place.
pub(crate) fn fix(seconds: f64, east: f64, north: f64) -> Fix {
    let (latitude, longitude) = at(east, north);
    Fix::new(time(seconds), latitude, longitude).unwrap()
}

/// Fixes of a drive along corners at a speed, every so many seconds, with a receiver's error of some
/// metres that alternates.
pub(super) fn drive(corners: &[(f64, f64)], speed_kmh: f64, every_s: f64) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let (mut next_m, mut begun_m, mut side) = (0.0, 0.0, 1.0);
    for (from, to) in corners.iter().zip(corners.iter().skip(1)) {
        let length_m = metres_between(at(from.0, from.1), at(to.0, to.1));
        let course = libm::atan2(to.0 - from.0, to.1 - from.1).to_degrees().rem_euclid(360.0);
        while next_m <= begun_m + length_m {
            let share = (next_m - begun_m) / length_m;
            let error = side * 0.03;
            let (east, north) = (
                from.0 + (to.0 - from.0) * share + error,
                from.1 + (to.1 - from.1) * share + error,
            );
            let mut fix = fix(next_m / (speed_kmh / 3.6), east, north);
            (fix.speed_kmh, fix.course_deg) = (Some(speed_kmh), Some(course));
            fixes.push(fix);
            side = -side;
            next_m += speed_kmh / 3.6 * every_s;
        }
        begun_m += length_m;
    }
    fixes
}
