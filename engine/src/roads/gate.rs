//! [`Gate`]: where a checkpoint stands on the roads.

use super::graph::{RoadGraph, StreetId, longitude_step};
use super::index::RoadIndex;
use crate::{Checkpoint, Shape};

/// How far a point may lie from the road that it is on, metres: beyond, it is on none.
const NEAREST_ROAD_M: f64 = 500.0;
/// A road within this of the nearest one is as near, for all that a map knows: of two carriageways
/// that a point lies between, the bearing decides.
const SAME_ROAD_M: f32 = 25.0;
/// How far a road may bend from the stated bearing, degrees.
const BEARING_WITHIN_DEG: f32 = 60.0;

/// One street, in one direction, on which a vehicle passes a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The street in the direction of travel.
    pub street: StreetId,
    /// Where on it, metres from its beginning.
    pub offset_m: f32,
}

/// The streets on which vehicles pass a checkpoint: of a point those of the nearest road, of a line
/// all that it crosses, of an area all that lead into it. Empty where there is no road.
#[must_use]
pub fn gates(graph: &RoadGraph, index: &RoadIndex, checkpoint: &Checkpoint) -> Vec<Gate> {
    match &checkpoint.shape {
        Shape::Point(at) => {
            let place = (at.latitude, at.longitude);
            point_gates(graph, index, place, checkpoint.bearing_deg)
        }
        Shape::Line(line) => {
            let places: Vec<_> = line.iter().map(|at| (at.latitude, at.longitude)).collect();
            let mut gates = crossings(graph, index, &places, |_| true);
            if let Some(bearing) = checkpoint.bearing_deg {
                gates.retain(|(_, along)| turn_deg(*along, bearing as f32) <= 90.0);
            }
            gates.into_iter().map(|(gate, _)| gate).collect()
        }
        Shape::Polygon(outline) => {
            let mut places: Vec<_> = outline.iter().map(|at| (at.latitude, at.longitude)).collect();
            if places.first() != places.last() {
                places.extend(places.first().copied());
            }
            let outside = |place| !is_inside(&places, place);
            let gates = crossings(graph, index, &places, outside);
            gates.into_iter().map(|(gate, _)| gate).collect()
        }
    }
}

fn point_gates(
    graph: &RoadGraph,
    index: &RoadIndex,
    place: (f64, f64),
    bearing_deg: Option<f64>,
) -> Vec<Gate> {
    let fits = |along: f32| {
        bearing_deg.is_none_or(|bearing| turn_deg(along, bearing as f32) <= BEARING_WITHIN_DEG)
    };
    let snaps = index.near(graph, place, NEAREST_ROAD_M);
    let Some(nearest) = snaps.first() else { return Vec::new() };
    // The bearing chooses between carriageways side by side; where it fits none, it is wrong and
    // the nearest road counts.
    let fitting = snaps
        .iter()
        .filter(|snap| snap.distance_m <= nearest.distance_m + SAME_ROAD_M)
        .find(|snap| fits(snap.bearing_deg));
    let (road, narrowed) = match fitting {
        Some(snap) => (snap, bearing_deg.is_some()),
        None => (nearest, false),
    };
    snaps
        .iter()
        .filter(|snap| snap.street >> 1 == road.street >> 1)
        .filter(|snap| !narrowed || fits(snap.bearing_deg))
        .map(|snap| Gate { street: snap.street, offset_m: snap.offset_m })
        .collect()
}

/// Streets that cross a line, coming from a place that `from_here` accepts, with their bearings.
fn crossings(
    graph: &RoadGraph,
    index: &RoadIndex,
    line: &[(f64, f64)],
    from_here: impl Fn((f64, f64)) -> bool,
) -> Vec<(Gate, f32)> {
    let mut found: Vec<(Gate, f32)> = Vec::new();
    for (a, b) in line.iter().zip(line.iter().skip(1)) {
        for piece in index.pieces_across(*a, *b) {
            let mut along_m = 0.0;
            let mut last: Option<(f64, f64)> = None;
            for point in graph.points(piece) {
                let Some(from) = last.replace(point) else { continue };
                let step_m = super::metres_between(from, point);
                if let Some(share) = cross(from, point, *a, *b) {
                    let bearing = bearing_deg(from, point);
                    for direction in 0..2 {
                        let street = piece << 1 | direction;
                        let offset_m = (along_m + step_m * share) as f32;
                        let length_m = graph.street_length_m(street);
                        let (start, offset_m, bearing) = if direction == 0 {
                            (from, offset_m, bearing)
                        } else {
                            (point, (length_m - offset_m).max(0.0), (bearing + 180.0) % 360.0)
                        };
                        if graph.speed_kmh(street) > 0 && from_here(start) {
                            found.push((Gate { street, offset_m }, bearing));
                        }
                    }
                }
                along_m += step_m;
            }
        }
    }
    // A street may cross more than once; the first time is when it passes.
    found.sort_by(|(a, _), (b, _)| a.street.cmp(&b.street).then(a.offset_m.total_cmp(&b.offset_m)));
    found.dedup_by_key(|(gate, _)| gate.street);
    found
}

/// How far along `a`–`b` it meets `c`–`d`, 0 to 1.
fn cross(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> Option<f64> {
    let step = |from: (f64, f64), to: (f64, f64)| (to.0 - from.0, longitude_step(from.1, to.1));
    let (r, s, q) = (step(a, b), step(c, d), step(a, c));
    let area = r.0 * s.1 - r.1 * s.0;
    if area == 0.0 {
        return None;
    }
    let along = (q.0 * s.1 - q.1 * s.0) / area;
    let across = (q.0 * r.1 - q.1 * r.0) / area;
    ((0.0..=1.0).contains(&along) && (0.0..=1.0).contains(&across)).then_some(along)
}

/// Whether a place is inside a closed outline (even-odd rule).
fn is_inside(outline: &[(f64, f64)], place: (f64, f64)) -> bool {
    let mut inside = false;
    for (a, b) in outline.iter().zip(outline.iter().skip(1)) {
        if (a.0 > place.0) != (b.0 > place.0) {
            let share = (place.0 - a.0) / (b.0 - a.0);
            if place.1 < a.1 + share * (b.1 - a.1) {
                inside = !inside;
            }
        }
    }
    inside
}

pub(super) fn bearing_deg(from: (f64, f64), to: (f64, f64)) -> f32 {
    let east = longitude_step(from.1, to.1) * libm::cos(from.0.to_radians());
    let bearing = libm::atan2(east, to.0 - from.0).to_degrees();
    (if bearing < 0.0 { bearing + 360.0 } else { bearing }) as f32
}

/// Degrees between two directions, 0 to 180.
pub(super) fn turn_deg(a: f32, b: f32) -> f32 {
    let turn = (a - b).abs() % 360.0;
    if turn > 180.0 { 360.0 - turn } else { turn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use crate::roads::testing::{at, builder, street, town};

    fn checkpoint(shape: &Shape, bearing_deg: Option<f64>) -> Checkpoint {
        let json = serde_json::json!({
            "id": "c", "name": "c", "kind": "throat-road", "unit": "u",
            "shape": shape, "bearing_deg": bearing_deg,
        });
        serde_json::from_value(json).unwrap()
    }

    fn position((latitude, longitude): (f64, f64)) -> Position {
        Position { latitude, longitude }
    }

    fn stand(graph: &RoadGraph, shape: &Shape, bearing_deg: Option<f64>) -> Vec<Gate> {
        gates(graph, &RoadIndex::new(graph), &checkpoint(shape, bearing_deg))
    }

    #[test]
    fn a_point_counts_both_directions_of_a_two_way_road() {
        let graph = town();
        let point = Shape::Point(position(at(6.5, 4.02)));
        let both = stand(&graph, &point, None);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].street ^ 1, both[1].street);
        assert!(both.iter().all(|gate| (gate.offset_m - 100.0).abs() < 0.5), "{both:?}");
        let west = stand(&graph, &point, Some(265.0));
        assert_eq!(west.len(), 1);
        assert!((bearing_of(&graph, west[0]) - 270.0).abs() < 1.0);
    }

    fn bearing_of(graph: &RoadGraph, gate: Gate) -> f32 {
        let (from, to) = (gate.offset_m - 5.0, gate.offset_m + 5.0);
        bearing_deg(graph.place_along(gate.street, from), graph.place_along(gate.street, to))
    }

    #[test]
    fn of_two_carriageways_the_nearest_counts_unless_the_bearing_says_otherwise() {
        let mut builder = builder();
        for (id, north) in [(900, 5.0), (901, 5.1)] {
            for east in [3.0, 6.0] {
                let (latitude, longitude) = at(east, north);
                builder.place(id * 10 + i64::from(east > 4.0), latitude, longitude);
            }
        }
        builder.way(street(1, &[9000, 9001], [50, 0]));
        builder.way(street(2, &[9001, 9011], [50, 50]));
        builder.way(street(3, &[9011, 9010], [50, 0]));
        builder.way(street(4, &[9010, 9000], [50, 50]));
        let graph = builder.build().unwrap().0;
        let place = Shape::Point(position(at(4.5, 5.03)));
        let nearest = stand(&graph, &place, None);
        assert_eq!(nearest.len(), 1);
        assert_eq!(graph.name(nearest[0].street), "street 1");
        let westward = stand(&graph, &place, Some(270.0));
        assert_eq!(westward.len(), 1);
        assert_eq!(graph.name(westward[0].street), "street 3");
    }

    #[test]
    fn a_line_counts_every_road_that_it_crosses() {
        let graph = town();
        // Along the river: both bridges, both directions.
        let river = Shape::Line(vec![position(at(-1.0, 10.5)), position(at(21.0, 10.5))]);
        assert_eq!(stand(&graph, &river, None).len(), 4);
        let north = stand(&graph, &river, Some(0.0));
        assert_eq!(north.len(), 2);
        assert!(north.iter().all(|gate| bearing_of(&graph, *gate).min(1.0) < 2.0));
    }

    #[test]
    fn an_area_is_entered_only() {
        let graph = town();
        let corners = [(5.5, 5.5), (7.5, 5.5), (7.5, 7.5), (5.5, 7.5)];
        let area = Shape::Polygon(corners.map(|(e, n)| position(at(e, n))).to_vec());
        let gates = stand(&graph, &area, None);
        assert_eq!(gates.len(), 8, "two streets in on each side");
    }

    #[test]
    fn far_from_any_road_there_is_no_gate() {
        let graph = town();
        assert!(stand(&graph, &Shape::Point(position(at(-30.0, 4.0))), None).is_empty());
    }
}
