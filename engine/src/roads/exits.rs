//! Where roads lead out of the map: found while the graph is made, since the graph keeps only what
//! one gets back from, and the carriageway out of the map is not part of that.

use std::collections::{BTreeMap, BTreeSet};

use super::RoadClass;
use super::builder::{Piece, Split, Way};
use super::graph::longitude_step;
use super::outside::{Outside, degrees};

/// A street leads back where it turns by more than this, degrees: the other carriageway.
const BACK_DEG: f64 = 135.0;
/// Where the map just ends, roads from this class on lead on somewhere; lanes often end.
const LEAST_THROUGH: RoadClass = RoadClass::TertiaryLink;
/// From this class on a road leads on somewhere, too, if the map shows it to go on...
const LEAST_PUBLIC: RoadClass = RoadClass::Road;
/// ...or if it has come so far without a crossing, metres: farther than lanes that end.
const LONG_M: f64 = 500.0;

/// The roads before what cannot be left is dropped.
pub(super) struct Map<'a> {
    pub(super) ways: &'a [Way],
    pub(super) pieces: &'a [Piece],
    /// The junctions at which a way goes on to points that the map does not hold, with the way.
    pub(super) broken: &'a [(u32, usize)],
    pub(super) split: &'a Split,
    /// Which nodes of `split` are kept.
    pub(super) kept: &'a [bool],
}

/// A junction at which the map shows no way on for who comes by a way.
struct End {
    junction: u32,
    way: usize,
    class: RoadClass,
    /// Metres since the last junction.
    length_m: f64,
    place: (f64, f64),
    /// Where the road would go on, degrees north and east, of a length of one.
    heading: (f64, f64),
}

/// The junctions that are kept and from which roads lead out of the map, each with the way that
/// leads out. A road leads out where its way goes on to points that are missing, and where it ends at the map's edge: seen
/// from outside, no road lies before it.
pub(super) fn ways_out(map: &Map<'_>) -> BTreeSet<(u32, usize)> {
    let broken = map.broken.iter().filter(|(_, way)| map.ways[*way].class <= LEAST_PUBLIC).copied();
    let mut out: BTreeSet<(u32, usize)> = broken.collect();
    let mut ends = ends(map);
    let outside = Outside::new(map.pieces);
    ends.retain(|end| outside.is_ahead(end.place, end.heading));
    let leads_on = |end: &End| {
        end.class <= LEAST_THROUGH || (end.class <= LEAST_PUBLIC && end.length_m >= LONG_M)
    };
    // A map that shows no such road may tell no classes at all.
    if !out.is_empty() || ends.iter().any(leads_on) {
        ends.retain(leads_on);
    }
    out.extend(ends.iter().map(|end| (end.junction, end.way)));
    lead_back(map, &out)
}

/// Where one can go no further, but back.
fn ends(map: &Map<'_>) -> Vec<End> {
    let junctions = map.split.junction_of.last().map_or(0, |last| *last as usize + 1);
    let mut touching = vec![0u32; junctions];
    for piece in map.pieces {
        for end in piece.ends {
            touching[end as usize] += 1;
        }
    }
    let mut ends = Vec::new();
    let mut leaving: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
    for piece in map.pieces {
        let Some(way) = map.ways.get(piece.way) else { continue };
        for direction in 0..2 {
            let junction = piece.ends[1 - direction];
            // A third piece would lead on; two are the carriageways of one road at most.
            if touching[junction as usize] > 2 {
                continue;
            }
            let mut points = piece.points.iter().map(|(lat, lon)| degrees(*lat, *lon));
            let last = if direction == 0 {
                points.next_back().zip(points.next_back())
            } else {
                points.next().zip(points.next())
            };
            let Some((place, before)) = last else { continue };
            let Some(heading) = heading(before, place) else { continue };
            if way.speed_kmh[direction] > 0 {
                let (class, length_m) = (way.class, piece.length_m());
                ends.push(End { junction, way: piece.way, class, length_m, place, heading });
            }
            if way.speed_kmh[1 - direction] > 0 {
                leaving.entry(junction).or_default().push((-heading.0, -heading.1));
            }
        }
    }
    let back = libm::cos(BACK_DEG.to_radians());
    let leads_back =
        |end: &End, out: &(f64, f64)| end.heading.0 * out.0 + end.heading.1 * out.1 < back;
    ends.retain(|end| {
        let out = leaving.get(&end.junction).map_or(&[][..], Vec::as_slice);
        out.iter().all(|out| leads_back(end, out))
    });
    ends
}

/// For junctions that are not kept, the kept ones from which one gets there.
fn lead_back(map: &Map<'_>, ends: &BTreeSet<(u32, usize)>) -> BTreeSet<(u32, usize)> {
    let kept = |node: u32| map.kept.get(node as usize).copied().unwrap_or(false);
    let mut into: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut nodes_at: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for node in 0..map.kept.len() as u32 {
        nodes_at.entry(map.split.junction_of[node as usize]).or_default().push(node);
        for arc in map.split.arcs_from(node) {
            let head = map.split.arc_head[arc as usize];
            if !kept(head) {
                into.entry(head).or_default().push(node);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (junction, way) in ends {
        let mut seen: BTreeSet<u32> =
            nodes_at.get(junction).into_iter().flatten().copied().collect();
        let mut open: Vec<u32> = seen.iter().copied().collect();
        while let Some(node) = open.pop() {
            if kept(node) {
                found.insert((map.split.junction_of[node as usize], *way));
                continue;
            }
            let tails = into.get(&node).into_iter().flatten().copied();
            open.extend(tails.filter(|tail| seen.insert(*tail)));
        }
    }
    found
}

/// The direction from one place to another, north and east, of a length of one.
fn heading(from: (f64, f64), to: (f64, f64)) -> Option<(f64, f64)> {
    let north = to.0 - from.0;
    let east = longitude_step(from.1, to.1) * libm::cos(from.0.to_radians());
    let length = libm::sqrt(north * north + east * east);
    (length > 0.0).then(|| (north / length, east / length))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, builder, point, street};
    use super::super::{ExitKind, RoadBuilder, RoadGraph, Way};
    use super::*;

    /// Names of the ways out by road.
    fn out(graph: &RoadGraph) -> Vec<&str> {
        let roads = graph.exits().iter().filter(|exit| exit.kind == ExitKind::Road);
        roads.map(|exit| exit.name.as_str()).collect()
    }

    fn way(id: i64, class: RoadClass, points: &[i64], speed_kmh: [u8; 2]) -> Way {
        Way { class, ..street(id, points, speed_kmh) }
    }

    /// A block of streets round (5, 5) to (7, 7), and what `more` adds.
    fn block(more: impl IntoIterator<Item = Way>) -> RoadBuilder {
        let mut builder = builder();
        let ring = [(5, 5), (6, 5), (7, 5), (7, 6), (7, 7), (6, 7), (5, 7), (5, 6), (5, 5)];
        let ring = ring.map(|(east, north)| point(east, north));
        builder.way(street(1, &ring, [30, 30]));
        for way in more {
            builder.way(way);
        }
        builder
    }

    #[test]
    fn a_road_that_ends_at_the_edge_leads_out_and_a_lane_just_ends() {
        let (north, south) = ([point(6, 7), point(6, 9)], [point(6, 5), point(6, 1)]);
        let (graph, _) = block([
            way(2, RoadClass::Primary, &north, [60, 60]),
            way(3, RoadClass::Residential, &south, [30, 30]),
            way(4, RoadClass::Residential, &[point(7, 6), point(9, 6)], [30, 30]),
            way(5, RoadClass::Track, &[point(5, 6), point(1, 6)], [15, 15]),
        ])
        .build()
        .unwrap();
        assert_eq!(out(&graph), ["street 3", "street 2"]);
        let place = graph.place(graph.exits()[1].node);
        assert!((place.0 - at(6.0, 9.0).0).abs() < 1e-6, "{place:?}");
    }

    #[test]
    fn where_no_class_tells_every_end_at_the_edge_leads_out() {
        let (graph, _) = block([street(2, &[point(6, 7), point(6, 9)], [30, 30])]).build().unwrap();
        assert_eq!(out(&graph), ["street 2"]);
    }

    #[test]
    fn an_end_with_streets_all_round_leads_nowhere() {
        let mut town = block([]);
        town.way(way(2, RoadClass::Primary, &[point(6, 7), point(6, 9)], [60, 60]));
        let ring = [(3, 3), (9, 3), (9, 15), (3, 15), (3, 3)].map(|(e, n)| point(e, n));
        town.way(street(3, &ring, [30, 30]));
        town.way(street(4, &[point(5, 5), point(3, 3)], [30, 30]));
        assert!(out(&town.build().unwrap().0).is_empty());
    }

    #[test]
    fn a_carriageway_that_nobody_comes_back_from_leads_out_where_it_is_left() {
        // Out by (6, 12) and in by (7, 12): neither can be driven there and back.
        let (out_of, into) = ([point(6, 7), point(6, 12)], [point(7, 12), point(7, 7)]);
        let (graph, _) = block([
            way(2, RoadClass::Motorway, &out_of, [100, 0]),
            way(3, RoadClass::Motorway, &into, [100, 0]),
        ])
        .build()
        .unwrap();
        assert_eq!(out(&graph), ["street 2"]);
        let place = graph.place(graph.exits()[0].node);
        assert!((place.0 - at(6.0, 7.0).0).abs() < 1e-6, "{place:?}");
    }

    #[test]
    fn two_carriageways_that_meet_at_the_end_lead_out() {
        let (graph, _) = block([
            way(2, RoadClass::Trunk, &[point(6, 7), point(6, 12)], [80, 0]),
            way(3, RoadClass::Trunk, &[point(6, 12), point(7, 7)], [80, 0]),
        ])
        .build()
        .unwrap();
        assert_eq!(out(&graph), ["street 2"]);
    }

    #[test]
    fn a_way_whose_points_are_missing_leads_out_in_the_direction_in_which_it_is_driven() {
        let beyond = 999_999;
        let (graph, _) = block([
            street(2, &[point(6, 7), beyond], [30, 30]),
            street(3, &[beyond, point(7, 6)], [30, 0]),
            way(4, RoadClass::Track, &[point(5, 6), beyond], [15, 15]),
        ])
        .build()
        .unwrap();
        assert_eq!(out(&graph), ["street 2"]);
    }
}
