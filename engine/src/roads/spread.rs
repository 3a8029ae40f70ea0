//! [`Spread`]: how far a vehicle can have come from a place, and which way it is the quickest to go
//! on, for maps that people look at. What is decided is decided elsewhere.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::gate::Gate;
use super::graph::{ArcId, NodeId, RoadGraph, StreetId, metres_between};
use super::index::{RoadIndex, Snap};

/// A receiver's error, and a lane beside the road; how far a road may lie from where it is drawn
/// comes to it.
const NEAR_M: f64 = 150.0;
/// Roads that lie as near as the nearest one, for all that a fix tells.
const SAME_M: f32 = 40.0;
/// A street that bends so far from the course is driven the other way, degrees.
const AHEAD_DEG: f32 = 90.0;

/// Degrees north and east.
pub type Place = (f64, f64);

/// An arc by which a node is reached, and whether the way began on it.
type By = (ArcId, bool);

/// The quickest drive from a place to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct QuickestWay {
    /// Seconds, at the map's speeds.
    pub drive_s: f64,
    /// The way, from where the place is on the road.
    pub line: Vec<Place>,
}

/// Everything that is reached from a place within a time.
pub struct Spread<'a> {
    graph: &'a RoadGraph,
    starts: Vec<Snap>,
    within_s: f32,
    /// Seconds to each node; infinite where it is not reached.
    node_s: Vec<f32>,
    /// By what each node is reached.
    by: Vec<By>,
}

impl<'a> Spread<'a> {
    /// Goes out from a place until `within_s` seconds are over, at the map's speeds; with a course,
    /// degrees from north, ahead only. `None` where no road is near.
    #[must_use]
    pub fn new(
        graph: &'a RoadGraph,
        index: &RoadIndex,
        place: Place,
        course_deg: Option<f64>,
        within_s: f64,
    ) -> Option<Self> {
        let mut starts = index.near(graph, place, NEAR_M + f64::from(graph.roughest_m()));
        let nearest_m = starts.first()?.distance_m;
        starts.retain(|snap| snap.distance_m <= nearest_m + SAME_M);
        if let Some(course_deg) = course_deg {
            let ahead = |snap: &Snap| {
                let turn = (snap.bearing_deg - course_deg as f32).rem_euclid(360.0);
                turn.min(360.0 - turn) <= AHEAD_DEG
            };
            // A course that no street fits is wrong.
            if starts.iter().any(ahead) {
                starts.retain(ahead);
            }
        }
        let mut spread = Self {
            graph,
            starts,
            within_s: within_s as f32,
            node_s: vec![f32::INFINITY; graph.nodes()],
            by: vec![(ArcId::MAX, false); graph.nodes()],
        };
        spread.search();
        Some(spread)
    }

    fn search(&mut self) {
        let graph = self.graph;
        // Milliseconds: whole numbers have an order.
        let mut waiting: BinaryHeap<Reverse<(u32, NodeId, ArcId, bool)>> = BinaryHeap::new();
        let until_ms = milliseconds(self.within_s);
        for snap in &self.starts {
            let left = 1.0 - share(snap.offset_m, graph.street_length_m(snap.street));
            for arc in graph.arcs_along(snap.street) {
                let at_ms = milliseconds(graph.time_s(*arc) * left);
                waiting.push(Reverse((at_ms, graph.head(*arc), *arc, true)));
            }
        }
        while let Some(Reverse((at_ms, node, arc, begun))) = waiting.pop() {
            if at_ms > until_ms || self.node_s[node as usize].is_finite() {
                continue;
            }
            self.node_s[node as usize] = at_ms as f32 / 1_000.0;
            self.by[node as usize] = (arc, begun);
            for next in graph.arcs_from(node) {
                let then_ms = at_ms.saturating_add(milliseconds(graph.time_s(next)));
                waiting.push(Reverse((then_ms, graph.head(next), next, false)));
            }
        }
    }

    /// The quickest drive to one of the gates of a checkpoint.
    #[must_use]
    pub fn drive_to(&self, gates: &[Gate]) -> Option<QuickestWay> {
        let graph = self.graph;
        let mut best: Option<(f32, Option<By>, Gate)> = None;
        let mut offer = |drive_s: f32, by: Option<By>, gate: Gate| {
            if best.is_none_or(|(best_s, _, _)| drive_s < best_s) {
                best = Some((drive_s, by, gate));
            }
        };
        for gate in gates {
            let length_m = graph.street_length_m(gate.street);
            let Some(street_s) = graph.arcs_along(gate.street).first().map(|a| graph.time_s(*a))
            else {
                continue;
            };
            for arc in graph.arcs_along(gate.street) {
                let tail = graph.tail(*arc) as usize;
                let drive_s = self.node_s[tail] + street_s * share(gate.offset_m, length_m);
                if drive_s.is_finite() {
                    offer(drive_s, Some(self.by[tail]), *gate);
                }
            }
            // On its own street already, and not past it.
            let here = |snap: &&Snap| snap.street == gate.street && snap.offset_m <= gate.offset_m;
            if let Some(snap) = self.starts.iter().find(here) {
                offer(street_s * share(gate.offset_m - snap.offset_m, length_m), None, *gate);
            }
        }
        let (drive_s, by, gate) = best?;
        Some(QuickestWay { drive_s: f64::from(drive_s), line: self.line(by, gate) })
    }

    /// The way by which the last arc before a gate's street is reached, and on to the gate.
    fn line(&self, by: Option<By>, gate: Gate) -> Vec<Place> {
        let start_of = |street| self.starts.iter().find(|snap| snap.street == street);
        let Some((mut arc, mut begun)) = by else {
            let from_m = start_of(gate.street).map_or(0.0, |snap| snap.offset_m);
            return part(self.graph, gate.street, from_m, gate.offset_m);
        };
        let mut streets = vec![self.graph.street(arc)];
        while !begun {
            (arc, begun) = self.by[self.graph.tail(arc) as usize];
            streets.push(self.graph.street(arc));
        }
        let first_m = start_of(self.graph.street(arc)).map_or(0.0, |snap| snap.offset_m);
        let mut line = Vec::new();
        for (number, street) in streets.iter().rev().enumerate() {
            let from_m = if number == 0 { first_m } else { 0.0 };
            line.extend(part(self.graph, *street, from_m, self.graph.street_length_m(*street)));
        }
        line.extend(part(self.graph, gate.street, 0.0, gate.offset_m));
        line.dedup();
        line
    }

    /// The roads that are reached, as lines; of a road that is reached in part, that part.
    #[must_use]
    pub fn lines(&self) -> Vec<Vec<Place>> {
        let mut lines = Vec::new();
        for piece in 0..self.graph.pieces() as u32 {
            let length_m = self.graph.street_length_m(piece << 1);
            let parts = [piece << 1, piece << 1 | 1].map(|street| self.reached_m(street));
            let covered = |(from_m, to_m): &(f32, f32)| *from_m <= 0.0 && *to_m >= length_m;
            if parts.iter().flatten().any(covered) {
                lines.push(self.graph.points(piece).collect());
                continue;
            }
            for (direction, reached) in (0..2).zip(parts) {
                if let Some((from_m, to_m)) = reached {
                    lines.push(part(self.graph, piece << 1 | direction, from_m, to_m));
                }
            }
        }
        lines
    }

    /// From where to where a street is reached, metres from its beginning.
    fn reached_m(&self, street: StreetId) -> Option<(f32, f32)> {
        let length_m = self.graph.street_length_m(street);
        let arcs = self.graph.arcs_along(street);
        let street_s = arcs.first().map(|arc| self.graph.time_s(*arc)).filter(|s| *s > 0.0)?;
        let tails = arcs.iter().map(|arc| self.node_s[self.graph.tail(*arc) as usize]);
        let tail_s = tails.fold(f32::INFINITY, f32::min);
        let on_m = |from_m: f32, at_s: f32| {
            (from_m + (self.within_s - at_s) / street_s * length_m).min(length_m)
        };
        if tail_s < self.within_s {
            return Some((0.0, on_m(0.0, tail_s)));
        }
        let start = self.starts.iter().find(|snap| snap.street == street)?;
        Some((start.offset_m, on_m(start.offset_m, 0.0)))
    }
}

fn milliseconds(seconds: f32) -> u32 {
    (seconds * 1_000.0) as u32
}

fn share(part_m: f32, length_m: f32) -> f32 {
    if length_m > 0.0 { (part_m / length_m).clamp(0.0, 1.0) } else { 0.0 }
}

/// A street between two places on it, metres from its beginning.
fn part(graph: &RoadGraph, street: StreetId, from_m: f32, to_m: f32) -> Vec<Place> {
    let mut points: Vec<Place> = graph.points(street >> 1).collect();
    if street & 1 == 1 {
        points.reverse();
    }
    let mut line = vec![graph.place_along(street, from_m)];
    let (mut along_m, mut last) = (0.0, None);
    for point in points {
        along_m += last.map_or(0.0, |last| metres_between(last, point));
        last = Some(point);
        if along_m > f64::from(from_m) && along_m < f64::from(to_m) {
            line.push(point);
        }
    }
    line.push(graph.place_along(street, to_m));
    line
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, town};
    use super::*;
    use crate::Checkpoint;
    use crate::roads::gates;

    fn checkpoint((latitude, longitude): Place) -> Checkpoint {
        let point = serde_json::json!({ "latitude": latitude, "longitude": longitude });
        let checkpoint = serde_json::json!({
            "id": "c", "name": "c", "kind": "post", "unit": "u", "shape": { "point": point },
        });
        serde_json::from_value(checkpoint).unwrap()
    }

    fn length_m(line: &[Place]) -> f64 {
        line.windows(2).map(|pair| metres_between(pair[0], pair[1])).sum()
    }

    #[test]
    fn the_way_leads_over_the_bridge_to_the_gate() {
        let graph = town();
        let index = RoadIndex::new(&graph);
        let (from, to) = (at(7.5, 8.0), at(7.5, 12.0));
        let gates = gates(&graph, &index, &checkpoint(to));
        let spread = Spread::new(&graph, &index, from, None, 3_600.0).unwrap();
        let drive = spread.drive_to(&gates).unwrap();
        let ends = [drive.line[0], drive.line[drive.line.len() - 1]];
        assert!(metres_between(ends[0], from) < 2.0 && metres_between(ends[1], to) < 2.0);
        // To column 4 and back: 3.5 squares each way, and 4 across, of 200 m.
        let length_m = length_m(&drive.line);
        assert!((length_m - 2_200.0).abs() < 30.0, "{length_m}");
        let bridge = drive.line.iter().any(|place| metres_between(*place, at(4.0, 10.0)) < 2.0);
        assert!(bridge, "{:?}", drive.line);
        assert!(drive.drive_s > length_m / (50.0 / 3.6));
    }

    #[test]
    fn on_its_own_street_the_way_is_straight_and_ahead_only() {
        let graph = town();
        let index = RoadIndex::new(&graph);
        let to = at(6.7, 8.0);
        let gates = gates(&graph, &index, &checkpoint(to));
        let drive = |course_deg| {
            let spread = Spread::new(&graph, &index, at(6.4, 8.0), course_deg, 3_600.0).unwrap();
            length_m(&spread.drive_to(&gates).unwrap().line)
        };
        assert!((drive(Some(90.0)) - 60.0).abs() < 3.0, "{}", drive(Some(90.0)));
        assert!(drive(Some(270.0)) > 200.0, "{}", drive(Some(270.0)));
    }

    #[test]
    fn the_reach_grows_with_time_and_ends_on_the_street() {
        let graph = town();
        let index = RoadIndex::new(&graph);
        let reached_m = |within_s| {
            let spread = Spread::new(&graph, &index, at(10.3, 4.0), None, within_s).unwrap();
            spread.lines().iter().map(|line| length_m(line)).sum::<f64>()
        };
        // Ten seconds at 50 km/h in both directions are 278 m, less a junction.
        let (soon, later) = (reached_m(10.0), reached_m(60.0));
        assert!((150.0..280.0).contains(&soon), "{soon}");
        assert!(later > soon * 5.0, "{later}");
        let all: f64 = (0..graph.pieces() as u32)
            .map(|piece| f64::from(graph.street_length_m(piece << 1)))
            .sum();
        assert!((reached_m(7_200.0) - all).abs() < 1.0, "{all}");
        assert!(Spread::new(&graph, &index, (0.0, 0.0), None, 60.0).is_none());
    }
}
