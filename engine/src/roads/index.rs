//! [`RoadIndex`]: from a place to the streets near it.

use rstar::{AABB, RTree, RTreeObject};

use super::graph::{DEGREE_M, RoadGraph, StreetId, UNIT_DEG, longitude_step};

/// How many segments share one entry of the tree: fewer entries load faster, and a run of eight is
/// still short.
const RUN: u32 = 8;
/// What rounding degrees to f32 may cost, metres, at the far side of a continent.
const ROUNDING_M: f64 = 2.0;

struct Entry {
    piece: u32,
    first: u32,
    last: u32,
    bounds: AABB<[f32; 2]>,
}

impl RTreeObject for Entry {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.bounds
    }
}

/// A place on a street, seen from some place beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snap {
    /// The street, in the direction of travel.
    pub street: StreetId,
    /// Metres from its beginning.
    pub offset_m: f32,
    /// Metres to it.
    pub distance_m: f32,
    /// Its direction there, degrees from north.
    pub bearing_deg: f32,
}

/// An R-tree of segments.
pub struct RoadIndex {
    tree: RTree<Entry>,
    /// Degrees are kept relative to this, so that f32 holds them to less than a metre.
    origin: (f64, f64),
}

impl RoadIndex {
    /// Indexes every segment.
    #[must_use]
    pub fn new(graph: &RoadGraph) -> Self {
        let origin = if graph.nodes() > 0 { graph.place(0) } else { (0.0, 0.0) };
        let mut entries = Vec::new();
        for piece in 0..graph.pieces() as u32 {
            let (start, end) =
                (graph.first_point[piece as usize], graph.first_point[piece as usize + 1] - 1);
            let mut first = start;
            while first < end {
                let last = (first + RUN).min(end);
                let corner = |i: u32| relative(origin, point(graph, i));
                let bounds = AABB::from_points(&(first..=last).map(corner).collect::<Vec<_>>());
                entries.push(Entry { piece, first, last, bounds });
                first = last;
            }
        }
        Self { tree: RTree::bulk_load(entries), origin }
    }

    /// The streets within `radius_m` of a place, each direction that may be driven once, at its
    /// nearest point; the nearest first.
    #[must_use]
    pub fn near(&self, graph: &RoadGraph, place: (f64, f64), radius_m: f64) -> Vec<Snap> {
        let mut pieces: Vec<(u32, Foot)> = Vec::new();
        let scale = (DEGREE_M, DEGREE_M * libm::cos(place.0.to_radians()).max(1e-6));
        self.visit(place, radius_m, |entry| {
            let mut best: Option<Foot> = None;
            for first in entry.first..entry.last {
                let foot =
                    Foot::on(place, scale, point(graph, first), point(graph, first + 1), first);
                if best.is_none_or(|b| foot.distance_m < b.distance_m) {
                    best = Some(foot);
                }
            }
            if let Some(foot) = best.filter(|foot| foot.distance_m <= radius_m) {
                pieces.push((entry.piece, foot));
            }
        });
        pieces.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.distance_m.total_cmp(&b.1.distance_m)));
        pieces.dedup_by_key(|entry| entry.0);
        let mut snaps: Vec<Snap> = Vec::with_capacity(pieces.len() * 2);
        for (piece, foot) in pieces {
            let start = graph.first_point[piece as usize];
            let mut along_m = foot.along_m;
            for i in start..foot.segment {
                along_m += super::metres_between(point(graph, i), point(graph, i + 1));
            }
            let length_m = f64::from(graph.piece_length_m[piece as usize]);
            for direction in 0..2 {
                let street = piece << 1 | direction;
                if graph.speed_kmh(street) == 0 {
                    continue;
                }
                let (offset, turn) =
                    if direction == 0 { (along_m, 0.0) } else { (length_m - along_m, 180.0) };
                snaps.push(Snap {
                    street,
                    offset_m: offset.clamp(0.0, length_m) as f32,
                    distance_m: foot.distance_m as f32,
                    bearing_deg: ((foot.bearing_deg + turn) % 360.0) as f32,
                });
            }
        }
        snaps.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.street.cmp(&b.street)));
        snaps
    }

    /// The pieces that come near the box round two places, by number.
    pub(super) fn pieces_across(&self, from: (f64, f64), to: (f64, f64)) -> Vec<u32> {
        let corners = [relative(self.origin, from), relative(self.origin, to)];
        let mut pieces: Vec<u32> = self
            .tree
            .locate_in_envelope_intersecting(AABB::from_points(&corners))
            .map(|entry| entry.piece)
            .collect();
        pieces.sort_unstable();
        pieces.dedup();
        pieces
    }

    fn visit(&self, place: (f64, f64), radius_m: f64, mut each: impl FnMut(&Entry)) {
        let north = (radius_m + ROUNDING_M) / DEGREE_M;
        let east = north / libm::cos(place.0.to_radians()).max(1e-6);
        let [y, x] = [place.0 - self.origin.0, longitude_step(self.origin.1, place.1)];
        let bounds = AABB::from_corners(
            [(y - north) as f32, (x - east) as f32],
            [(y + north) as f32, (x + east) as f32],
        );
        for entry in self.tree.locate_in_envelope_intersecting(bounds) {
            each(entry);
        }
    }
}

fn relative(origin: (f64, f64), place: (f64, f64)) -> [f32; 2] {
    [(place.0 - origin.0) as f32, longitude_step(origin.1, place.1) as f32]
}

fn point(graph: &RoadGraph, i: u32) -> (f64, f64) {
    let (latitude, longitude) =
        (graph.point_latitude[i as usize], graph.point_longitude[i as usize]);
    (f64::from(latitude) * UNIT_DEG, f64::from(longitude) * UNIT_DEG)
}

/// The nearest point of a segment.
#[derive(Clone, Copy)]
struct Foot {
    segment: u32,
    distance_m: f64,
    along_m: f64,
    bearing_deg: f64,
}

impl Foot {
    fn on(
        place: (f64, f64),
        scale: (f64, f64),
        from: (f64, f64),
        to: (f64, f64),
        segment: u32,
    ) -> Self {
        let metres =
            |to: (f64, f64)| ((to.0 - place.0) * scale.0, longitude_step(place.1, to.1) * scale.1);
        let (a, b) = (metres(from), metres(to));
        let (north, east) = (b.0 - a.0, b.1 - a.1);
        let square = north * north + east * east;
        let share =
            if square > 0.0 { (-(a.0 * north + a.1 * east) / square).clamp(0.0, 1.0) } else { 0.0 };
        let (y, x) = (a.0 + north * share, a.1 + east * share);
        let bearing = libm::atan2(east, north).to_degrees();
        Self {
            segment,
            distance_m: libm::sqrt(y * y + x * x),
            along_m: libm::sqrt(square) * share,
            bearing_deg: if bearing < 0.0 { bearing + 360.0 } else { bearing },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::testing::{at, town};

    #[test]
    fn both_directions_of_the_nearest_street_come_first() {
        let graph = town();
        let index = RoadIndex::new(&graph);
        // 10 m north of row 4, a quarter of the way from column 6 to 7.
        let snaps = index.near(&graph, at(6.25, 4.05), 40.0);
        assert_eq!(snaps.len(), 2, "column 6 is 50 m away: {snaps:?}");
        assert_eq!(snaps[0].street >> 1, snaps[1].street >> 1);
        assert_eq!(graph.name(snaps[0].street), "row 4");
        let [east, west] = [snaps[0], snaps[1]];
        assert!((east.distance_m - 10.0).abs() < 0.5, "{east:?}");
        assert!((east.bearing_deg - 90.0).abs() < 0.5 && (west.bearing_deg - 270.0).abs() < 0.5);
        assert!((east.offset_m - 50.0).abs() < 0.5 && (west.offset_m - 150.0).abs() < 0.5);
    }

    #[test]
    fn nothing_is_near_in_the_fields() {
        let graph = town();
        let index = RoadIndex::new(&graph);
        assert!(index.near(&graph, at(-3.0, 4.0), 100.0).is_empty());
        assert!(index.near(&graph, (89.99, 0.0), 100.0).is_empty());
    }
}
