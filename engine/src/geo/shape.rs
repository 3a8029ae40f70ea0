//! [`Site`]: a checkpoint's place, ready to measure against.

use super::{Offset, Plane, angle_between_deg, distance_m};
use crate::{Checkpoint, Position, Shape, State};

/// A place known only roughly is passed within its accuracy, but within no more than this: half a
/// kilometre holds several roads already.
const ROUGHEST_M: f64 = 500.0;

/// Traffic counts within this angle of a checkpoint's direction: a quarter turn would be across it.
const SAME_WAY_DEG: f64 = 60.0;

/// A checkpoint and what is computed from it once.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) checkpoint: Checkpoint,
    /// How near a vehicle passes a point.
    pub(crate) radius_m: f64,
    centre: Position,
    /// No part of the shape is further from the centre.
    reach_m: f64,
}

impl Site {
    pub(crate) fn new(checkpoint: Checkpoint) -> Self {
        let positions = positions(&checkpoint.shape);
        let centre = middle(positions);
        let reach_m = positions.iter().map(|&p| distance_m(centre, p)).fold(0.0, f64::max);
        let radius_m = match checkpoint.accuracy_m {
            Some(accuracy_m) if checkpoint.approximate => {
                checkpoint.radius_m.max(accuracy_m.min(ROUGHEST_M))
            }
            _ => checkpoint.radius_m,
        };
        Self { checkpoint, radius_m, centre, reach_m }
    }

    pub(crate) const fn centre(&self) -> Position {
        self.centre
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.checkpoint.state == State::Closed
    }

    /// No part of the shape is nearer to the plane's origin than this.
    pub(crate) fn at_least_m(&self, plane: &Plane) -> f64 {
        (plane.place(self.centre).length_m() - self.reach_m).max(0.0)
    }

    /// The way from `from` to the nearest part of the shape; of no length inside an area.
    pub(crate) fn way_from(&self, plane: &Plane, from: Offset) -> Offset {
        match &self.checkpoint.shape {
            Shape::Point(position) => plane.place(*position).minus(from),
            Shape::Line(line) => nearest(plane, line, from),
            Shape::Polygon(outline) => {
                if inside(plane, outline, from) {
                    Offset::ORIGIN
                } else {
                    nearest(plane, outline, from)
                }
            }
        }
    }

    /// Whether the place is inside the area; nothing is inside a point or a line.
    pub(crate) fn holds(&self, plane: &Plane, place: Offset) -> bool {
        match &self.checkpoint.shape {
            Shape::Polygon(outline) => inside(plane, outline, place),
            _ => false,
        }
    }

    /// The share of the way from `start` to `end` at which it first crosses the line or outline.
    pub(crate) fn first_crossing(&self, plane: &Plane, start: Offset, end: Offset) -> Option<f64> {
        let (Shape::Line(line) | Shape::Polygon(line)) = &self.checkpoint.shape else {
            return None;
        };
        let mut first: Option<f64> = None;
        for (one, other) in edges(plane, line) {
            if let Some(share) = crossing(start, end, one, other) {
                first = Some(first.map_or(share, |known| known.min(share)));
            }
        }
        first
    }

    /// Whether traffic in this direction counts; where the direction is not known, it does.
    pub(crate) fn counts(&self, course_deg: Option<f64>) -> bool {
        match (self.checkpoint.bearing_deg, course_deg) {
            (Some(bearing), Some(course)) => angle_between_deg(bearing, course) <= SAME_WAY_DEG,
            _ => true,
        }
    }
}

fn positions(shape: &Shape) -> &[Position] {
    match shape {
        Shape::Point(position) => std::slice::from_ref(position),
        Shape::Line(positions) | Shape::Polygon(positions) => positions,
    }
}

/// The middle of the positions' bounds, longitudes counted from the first one.
fn middle(positions: &[Position]) -> Position {
    let Some(&first) = positions.first() else {
        return Position { latitude: 0.0, longitude: 0.0 };
    };
    let plane = Plane::at(first);
    let (mut low, mut high) = (Offset::ORIGIN, Offset::ORIGIN);
    for &position in positions {
        let place = plane.place(position);
        low.east_m = low.east_m.min(place.east_m);
        low.north_m = low.north_m.min(place.north_m);
        high.east_m = high.east_m.max(place.east_m);
        high.north_m = high.north_m.max(place.north_m);
    }
    plane.position(low.towards(high, 0.5))
}

fn edges<'a>(
    plane: &'a Plane,
    line: &'a [Position],
) -> impl Iterator<Item = (Offset, Offset)> + 'a {
    line.windows(2).filter_map(|pair| match pair {
        [one, other] => Some((plane.place(*one), plane.place(*other))),
        _ => None,
    })
}

fn nearest(plane: &Plane, line: &[Position], from: Offset) -> Offset {
    let mut best: Option<(f64, Offset)> = None;
    for (one, other) in edges(plane, line) {
        let (share, distance_m) = from.nearest_on(one, other);
        if best.is_none_or(|(known, _)| distance_m < known) {
            best = Some((distance_m, one.towards(other, share).minus(from)));
        }
    }
    let lone = || line.first().map_or(from, |&position| plane.place(position)).minus(from);
    best.map_or_else(lone, |(_, way)| way)
}

/// Even-odd rule: a ray to the east crosses the outline an odd number of times.
fn inside(plane: &Plane, outline: &[Position], place: Offset) -> bool {
    let mut odd = false;
    for (one, other) in edges(plane, outline) {
        if (one.north_m > place.north_m) != (other.north_m > place.north_m) {
            let share = (place.north_m - one.north_m) / (other.north_m - one.north_m);
            if place.east_m < one.towards(other, share).east_m {
                odd = !odd;
            }
        }
    }
    odd
}

/// Whether the closed outline holds the position.
pub(crate) fn contains(outline: &[Position], position: Position) -> bool {
    inside(&Plane::at(position), outline, Offset::ORIGIN)
}

/// The share of the way from `start` to `end` at which it crosses from one side of the line
/// `one`–`other` to the other. A place on the line counts as on its left, so that a vehicle that
/// stops on it crosses it once.
fn crossing(start: Offset, end: Offset, one: Offset, other: Offset) -> Option<f64> {
    let line = other.minus(one);
    let (before, after) = (line.cross(start.minus(one)), line.cross(end.minus(one)));
    if (before >= 0.0) == (after >= 0.0) {
        return None;
    }
    let way = end.minus(start);
    let (left, right) = (way.cross(one.minus(start)), way.cross(other.minus(start)));
    if (left >= 0.0) == (right >= 0.0) {
        return None;
    }
    Some((before / (before - after)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckpointId, Kind, UnitId};

    const HERE: Position = Position { latitude: 39.0, longitude: 121.6 };

    fn site(shape: Shape) -> Site {
        Site::new(Checkpoint {
            id: CheckpointId::from("c"),
            name: "C".to_owned(),
            name_zh: None,
            kind: Kind::Port,
            unit: UnitId::from("u"),
            ring: None,
            shape,
            bearing_deg: Some(350.0),
            lead_s: 240.0,
            ready_s: 0.0,
            radius_m: 100.0,
            state: State::Manned,
            approximate: false,
            accuracy_m: None,
        })
    }

    fn offset(east_m: f64, north_m: f64) -> Offset {
        Offset { east_m, north_m }
    }

    fn square(half_m: f64) -> Vec<Position> {
        let plane = Plane::at(HERE);
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)]
            .map(|(east, north)| plane.position(offset(east * half_m, north * half_m)))
            .to_vec()
    }

    #[test]
    fn an_area_is_entered_at_its_edge() {
        let (plane, port) = (Plane::at(HERE), site(Shape::Polygon(square(500.0))));
        assert!(port.holds(&plane, Offset::ORIGIN));
        let (outside, within) = (offset(-1_000.0, 0.0), offset(0.0, 0.0));
        assert!(!port.holds(&plane, outside));
        let share = port.first_crossing(&plane, outside, within).unwrap();
        assert!((share - 0.5).abs() < 1e-6);
        let way = port.way_from(&plane, outside);
        assert!((way.east_m - 500.0).abs() < 0.01 && way.north_m.abs() < 0.01);
        assert!((port.at_least_m(&Plane::at(plane.position(outside))) - 292.9).abs() < 1.0);
    }

    #[test]
    fn a_line_is_crossed_only_between_its_ends_and_once() {
        let plane = Plane::at(HERE);
        let ends = [offset(-50.0, 0.0), offset(50.0, 0.0)].map(|end| plane.position(end));
        let line = site(Shape::Line(ends.to_vec()));
        let across = |start, end| {
            line.first_crossing(&plane, start, end).map(|share| (share * 100.0).round())
        };
        assert_eq!(across(offset(0.0, -30.0), offset(0.0, 10.0)), Some(75.0));
        assert_eq!(across(offset(60.0, -30.0), offset(60.0, 10.0)), None);
        let on = offset(0.0, 0.0);
        let crossings = [across(offset(0.0, -9.0), on), across(on, offset(0.0, 9.0))];
        assert_eq!(crossings.iter().flatten().count(), 1);
    }

    #[test]
    fn a_direction_counts_within_sixty_degrees() {
        let point = site(Shape::Point(HERE));
        assert!(point.counts(Some(50.0)) && point.counts(Some(290.0)) && point.counts(None));
        assert!(!point.counts(Some(51.0)) && !point.counts(Some(170.0)));
    }

    #[test]
    fn a_rough_place_is_passed_within_its_accuracy_up_to_half_a_kilometre() {
        let mut checkpoint = site(Shape::Point(HERE)).checkpoint;
        checkpoint.accuracy_m = Some(3_000.0);
        assert_eq!(Site::new(checkpoint.clone()).radius_m, 100.0);
        checkpoint.approximate = true;
        assert_eq!(Site::new(checkpoint.clone()).radius_m, 500.0);
        checkpoint.accuracy_m = Some(300.0);
        assert_eq!(Site::new(checkpoint).radius_m, 300.0);
    }
}
