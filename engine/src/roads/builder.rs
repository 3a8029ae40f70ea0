//! [`RoadBuilder`]: from ways and turn restrictions to a [`RoadGraph`].

use std::collections::BTreeMap;

use super::components::largest_component;
use super::graph::{Exit, RoadGraph, UNIT_DEG, metres_between};
use super::{RoadClass, RoadError};

/// A way as a map has it, ready to be driven.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The map's own number, for turn restrictions.
    pub id: i64,
    /// The map's numbers of its points; ways join where they share one.
    pub points: Vec<i64>,
    /// Its class.
    pub class: RoadClass,
    /// km/h along its points and against them; 0 where it may not be driven so.
    pub speed_kmh: [u8; 2],
    /// Its name, or empty.
    pub name: String,
    /// How far the road itself may lie from its points, metres; 0 where they are on it.
    pub accuracy_m: u16,
}

/// A turn that is forbidden, or the only one allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The way that it begins on.
    pub from: i64,
    /// The point that it is about.
    pub via: i64,
    /// The way that it ends on.
    pub to: i64,
    /// Whether it is the only turn allowed; else it is forbidden.
    pub only: bool,
}

/// What was found while building.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildReport {
    /// Ways that refer to points that the file does not hold, by the map's number; the rest of each
    /// is kept.
    pub broken_ways: Vec<i64>,
    /// Ways of which something was left out because one cannot get there and back, the longest
    /// first.
    pub cut_off: Vec<CutOff>,
    /// Turn restrictions kept.
    pub restrictions: usize,
}

/// A way, or a part of it, from which one cannot get to all others and back: in a part of the
/// network of its own, or at the end of a one-way street.
#[derive(Clone, Debug, PartialEq)]
pub struct CutOff {
    /// The map's number of the way.
    pub way: i64,
    /// Its name, or empty.
    pub name: String,
    /// Metres left out.
    pub length_m: f64,
}

/// Collects ways and makes a graph of them.
#[derive(Debug, Default)]
pub struct RoadBuilder {
    ways: Vec<Way>,
    ferries: Vec<(Vec<i64>, String)>,
    restrictions: Vec<Restriction>,
    places: Vec<(i64, i32, i32)>,
}

struct Piece {
    way: usize,
    ends: [u32; 2],
    points: Vec<(i32, i32)>,
}

impl Piece {
    fn length_m(&self) -> f64 {
        let degrees =
            |point: (i32, i32)| (f64::from(point.0) * UNIT_DEG, f64::from(point.1) * UNIT_DEG);
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        pairs.map(|(from, to)| metres_between(degrees(*from), degrees(*to))).sum()
    }
}

impl RoadBuilder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a way.
    pub fn way(&mut self, way: Way) {
        self.ways.push(way);
    }

    /// Adds a ferry line for motor vehicles: the roads end where it begins.
    pub fn ferry(&mut self, points: Vec<i64>, name: String) {
        self.ferries.push((points, name));
    }

    /// Adds a turn restriction.
    pub fn restriction(&mut self, restriction: Restriction) {
        self.restrictions.push(restriction);
    }

    /// The points that ways use, sorted: which places must be given.
    #[must_use]
    pub fn points(&self) -> Vec<i64> {
        let ferries = self.ferries.iter().flat_map(|(points, _)| points);
        let mut points: Vec<i64> =
            self.ways.iter().flat_map(|way| &way.points).chain(ferries).copied().collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    /// Says where a point is, degrees. What is no place on the globe is left out.
    pub fn place(&mut self, point: i64, latitude: f64, longitude: f64) {
        if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
            let unit = |degrees: f64| libm::round(degrees / UNIT_DEG) as i32;
            self.places.push((point, unit(latitude), unit(longitude)));
        }
    }

    /// Makes the graph.
    ///
    /// # Errors
    /// Where no two streets remain that lead to each other.
    pub fn build(mut self) -> Result<(RoadGraph, BuildReport), RoadError> {
        let mut report = BuildReport::default();
        self.places.sort_unstable();
        self.places.dedup_by_key(|place| place.0);
        let (pieces, junctions) = self.cut(&mut report);
        if pieces.is_empty() {
            return Err(RoadError::NoRoads);
        }
        let forbidden = self.forbidden(&pieces, &junctions, &mut report);
        let split = Split::new(&self.ways, &pieces, junctions.len(), &forbidden);
        let kept = largest_component(&split.first_arc, &split.arc_head);
        let graph = self.assemble(&pieces, &junctions, &split, &kept, &mut report);
        if graph.arcs() == 0 {
            return Err(RoadError::NoRoads);
        }
        Ok((graph, report))
    }

    fn find(&self, point: i64) -> Option<(i32, i32)> {
        let at = self.places.binary_search_by_key(&point, |place| place.0).ok()?;
        self.places.get(at).map(|place| (place.1, place.2))
    }

    /// Cuts ways into pieces between junctions; also returns the junctions' points, in an order
    /// that keeps neighbours together.
    fn cut(&self, report: &mut BuildReport) -> (Vec<Piece>, Vec<i64>) {
        let mut uses: Vec<i64> = Vec::new();
        for way in &self.ways {
            uses.extend(&way.points);
            // Ends count twice, so that they are junctions.
            uses.extend(way.points.first());
            uses.extend(way.points.last());
        }
        uses.extend(self.restrictions.iter().flat_map(|r| [r.via, r.via]));
        uses.extend(self.ferries.iter().flat_map(|(points, _)| points));
        uses.sort_unstable();
        let mut junctions: Vec<i64> = uses
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() > 1)
            .filter_map(|same| same.first().copied())
            .filter(|point| self.find(*point).is_some())
            .collect();
        junctions.sort_by_cached_key(|point| {
            (self.find(*point).map_or(0, |(lat, lon)| interleave(lat, lon)), *point)
        });
        let mut number: Vec<(i64, u32)> =
            junctions.iter().enumerate().map(|(i, point)| (*point, i as u32)).collect();
        number.sort_unstable();
        let junction = |point: i64| {
            let at = number.binary_search_by_key(&point, |entry| entry.0).ok()?;
            number.get(at).map(|entry| entry.1)
        };

        let mut pieces = Vec::new();
        for (index, way) in self.ways.iter().enumerate() {
            let mut from: Option<u32> = None;
            let mut points: Vec<(i32, i32)> = Vec::new();
            let mut broken = false;
            for point in &way.points {
                let Some(place) = self.find(*point) else {
                    broken = true;
                    (from, points) = (None, Vec::new());
                    continue;
                };
                points.push(place);
                if let Some(here) = junction(*point) {
                    if let Some(start) = from
                        && points.len() > 1
                        && (start != here || points.len() > 2)
                    {
                        pieces.push(Piece { way: index, ends: [start, here], points });
                    }
                    from = Some(here);
                    points = vec![place];
                } else if from.is_none() {
                    points.clear();
                }
            }
            if broken {
                report.broken_ways.push(way.id);
            }
        }
        (pieces, junctions)
    }

    /// For each street that something may not follow, the streets that may not.
    fn forbidden(
        &self,
        pieces: &[Piece],
        junctions: &[i64],
        report: &mut BuildReport,
    ) -> BTreeMap<u32, Vec<u32>> {
        let mut at_junction: BTreeMap<i64, Vec<(u32, u32)>> = BTreeMap::new();
        for restriction in &self.restrictions {
            at_junction.entry(restriction.via).or_default();
        }
        for (index, piece) in pieces.iter().enumerate() {
            let Some(way) = self.ways.get(piece.way) else { continue };
            for direction in 0..2u32 {
                if way.speed_kmh[direction as usize] == 0 {
                    continue;
                }
                let street = (index as u32) << 1 | direction;
                let [tail, head] =
                    if direction == 0 { piece.ends } else { [piece.ends[1], piece.ends[0]] };
                for (node, side) in [(tail, 0), (head, 1)] {
                    if let Some(point) = junctions.get(node as usize)
                        && let Some(list) = at_junction.get_mut(point)
                    {
                        list.push((street, side));
                    }
                }
            }
        }
        let way_of = |street: u32| {
            let piece = pieces.get((street >> 1) as usize)?;
            self.ways.get(piece.way).map(|way| way.id)
        };
        let mut forbidden: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for restriction in &self.restrictions {
            let Some(list) = at_junction.get(&restriction.via) else { continue };
            let into =
                list.iter().filter(|(s, side)| *side == 1 && way_of(*s) == Some(restriction.from));
            let mut applied = false;
            for (incoming, _) in into {
                let out = list.iter().filter(|(_, side)| *side == 0).map(|(street, _)| *street);
                let is_target = |s: &u32| {
                    // A no-U-turn names one way twice; a plain turn onto one's own way is none.
                    way_of(*s) == Some(restriction.to)
                        && (restriction.from != restriction.to || *s == incoming ^ 1)
                };
                let targets: Vec<u32> = out.clone().filter(is_target).collect();
                if targets.is_empty() {
                    continue;
                }
                applied = true;
                let banned = forbidden.entry(*incoming).or_default();
                if restriction.only {
                    banned.extend(out.filter(|street| !targets.contains(street)));
                } else {
                    banned.extend(targets);
                }
            }
            report.restrictions += usize::from(applied);
        }
        for banned in forbidden.values_mut() {
            banned.sort_unstable();
            banned.dedup();
        }
        forbidden
    }

    fn assemble(
        &self,
        pieces: &[Piece],
        junctions: &[i64],
        split: &Split,
        kept: &[bool],
        report: &mut BuildReport,
    ) -> RoadGraph {
        let keep = |node: u32| kept.get(node as usize).copied().unwrap_or(false);
        let arcs = || {
            (0..kept.len() as u32).filter(|node| keep(*node)).flat_map(|node| {
                split.arcs_from(node).map(move |arc| (node, arc)).filter(|(_, arc)| {
                    split.arc_head.get(*arc as usize).is_some_and(|head| keep(*head))
                })
            })
        };
        let mut direction_used = vec![[false; 2]; pieces.len()];
        for (_, arc) in arcs() {
            let street = split.arc_street[arc as usize];
            direction_used[(street >> 1) as usize][(street & 1) as usize] = true;
        }
        let mut graph = RoadGraph { names: vec![String::new()], ..RoadGraph::default() };
        let mut name_number: BTreeMap<&str, u32> = BTreeMap::from([("", 0)]);
        let mut piece_number = vec![u32::MAX; pieces.len()];
        let mut cut_off: BTreeMap<usize, f64> = BTreeMap::new();
        graph.first_point.push(0);
        for (index, piece) in pieces.iter().enumerate() {
            let (used, Some(way)) = (direction_used[index], self.ways.get(piece.way)) else {
                continue;
            };
            if used == [false, false] {
                *cut_off.entry(piece.way).or_default() += piece.length_m();
                continue;
            }
            piece_number[index] = graph.piece_class.len() as u32;
            graph.piece_class.push(way.class.code());
            let speed = |i: usize| if used[i] { way.speed_kmh[i] } else { 0 };
            graph.piece_speed_kmh.push([speed(0), speed(1)]);
            let next = name_number.len() as u32;
            let number = *name_number.entry(&way.name).or_insert(next);
            if number == next {
                graph.names.push(way.name.clone());
            }
            graph.piece_name.push(number);
            graph.piece_accuracy_m.push(way.accuracy_m);
            graph.point_latitude.extend(piece.points.iter().map(|point| point.0));
            graph.point_longitude.extend(piece.points.iter().map(|point| point.1));
            graph.first_point.push(graph.point_latitude.len() as u32);
        }

        let named = |(way, length_m): (usize, f64)| {
            let way = self.ways.get(way)?;
            Some(CutOff { way: way.id, name: way.name.clone(), length_m })
        };
        report.cut_off = cut_off.into_iter().filter_map(named).collect();
        report.cut_off.sort_by(|one, other| other.length_m.total_cmp(&one.length_m));

        let mut node_number = vec![u32::MAX; kept.len()];
        for node in (0..kept.len() as u32).filter(|node| keep(*node)) {
            node_number[node as usize] = graph.node_latitude.len() as u32;
            let point = junctions[split.junction_of[node as usize] as usize];
            let (latitude, longitude) = self.find(point).unwrap_or_default();
            graph.node_latitude.push(latitude);
            graph.node_longitude.push(longitude);
        }
        let mut last = u32::MAX;
        for (node, arc) in arcs() {
            let node = node_number[node as usize];
            while last != node {
                graph.first_arc.push(graph.arc_head.len() as u32);
                last = last.wrapping_add(1);
            }
            let street = split.arc_street[arc as usize];
            graph.arc_head.push(node_number[split.arc_head[arc as usize] as usize]);
            graph.arc_street.push(piece_number[(street >> 1) as usize] << 1 | street & 1);
        }
        while graph.first_arc.len() <= graph.nodes() {
            graph.first_arc.push(graph.arc_head.len() as u32);
        }
        self.find_exits(&mut graph);
        graph.derive();
        graph
    }

    fn find_exits(&self, graph: &mut RoadGraph) {
        let mut at: BTreeMap<(i32, i32), u32> = BTreeMap::new();
        for (node, place) in graph
            .node_latitude
            .iter()
            .copied()
            .zip(graph.node_longitude.iter().copied())
            .enumerate()
        {
            at.entry(place).or_insert(node as u32);
        }
        let mut exits: Vec<Exit> = Vec::new();
        for (points, name) in &self.ferries {
            for place in points.iter().filter_map(|point| self.find(*point)) {
                if let Some(node) = at.get(&place)
                    && !exits.iter().any(|exit| exit.node == *node && exit.name == *name)
                {
                    exits.push(Exit { node: *node, name: name.clone() });
                }
            }
        }
        graph.exits = exits;
    }
}

/// The graph in which each junction has one node for each set of turns that is forbidden there.
struct Split {
    junction_of: Vec<u32>,
    first_arc: Vec<u32>,
    arc_head: Vec<u32>,
    arc_street: Vec<u32>,
}

impl Split {
    fn new(
        ways: &[Way],
        pieces: &[Piece],
        junctions: usize,
        forbidden: &BTreeMap<u32, Vec<u32>>,
    ) -> Self {
        let streets: Vec<(u32, u32, u32)> = pieces
            .iter()
            .enumerate()
            .flat_map(|(index, piece)| {
                let speed = ways.get(piece.way).map_or([0; 2], |way| way.speed_kmh);
                let [a, b] = piece.ends;
                let street = (index as u32) << 1;
                let forward = (speed[0] > 0).then_some((a, b, street));
                let backward = (speed[1] > 0).then_some((b, a, street | 1));
                forward.into_iter().chain(backward)
            })
            .collect();
        let mut out: Vec<Vec<(u32, u32)>> = vec![Vec::new(); junctions];
        for (tail, head, street) in &streets {
            out[*tail as usize].push((*street, *head));
        }
        // Copies stand next to their junction, so that what is near in the town is near in memory.
        let mut copies: BTreeMap<(u32, &[u32]), u32> = BTreeMap::new();
        for (_, head, street) in &streets {
            if let Some(banned) = forbidden.get(street) {
                copies.insert((*head, banned), 0);
            }
        }
        let mut junction_of = Vec::with_capacity(junctions);
        let mut first_node = Vec::with_capacity(junctions);
        let mut bans: Vec<&[u32]> = Vec::new();
        let mut pending = copies.iter_mut().peekable();
        for junction in 0..junctions as u32 {
            first_node.push(junction_of.len() as u32);
            junction_of.push(junction);
            bans.push(&[]);
            while let Some(((_, banned), node)) = pending.next_if(|((at, _), _)| *at == junction) {
                *node = junction_of.len() as u32;
                junction_of.push(junction);
                bans.push(banned);
            }
        }
        let head_node = |street: u32, head: u32| match forbidden.get(&street) {
            Some(banned) => copies.get(&(head, banned.as_slice())).copied(),
            None => first_node.get(head as usize).copied(),
        };
        let (mut first_arc, mut arc_head, mut arc_street) = (vec![0], Vec::new(), Vec::new());
        for (junction, banned) in junction_of.iter().zip(&bans) {
            for (street, head) in &out[*junction as usize] {
                if banned.binary_search(street).is_err()
                    && let Some(node) = head_node(*street, *head)
                {
                    arc_head.push(node);
                    arc_street.push(*street);
                }
            }
            first_arc.push(arc_head.len() as u32);
        }
        Self { junction_of, first_arc, arc_head, arc_street }
    }

    fn arcs_from(&self, node: u32) -> std::ops::Range<u32> {
        self.first_arc[node as usize]..self.first_arc[node as usize + 1]
    }
}

/// Position on a space-filling curve (Morton's): near numbers are near places.
fn interleave(latitude: i32, longitude: i32) -> u64 {
    let spread = |value: i32| {
        let mut bits = u64::from(value.wrapping_sub(i32::MIN) as u32);
        for (shift, mask) in [
            (16, 0x0000_ffff_0000_ffff),
            (8, 0x00ff_00ff_00ff_00ff),
            (4, 0x0f0f_0f0f_0f0f_0f0f),
            (2, 0x3333_3333_3333_3333),
            (1, 0x5555_5555_5555_5555),
        ] {
            bits = (bits | bits << shift) & mask;
        }
        bits
    };
    spread(latitude) << 1 | spread(longitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::testing::{builder, point, street, town};

    fn goes(graph: &RoadGraph, from: &str, to: &str) -> bool {
        (0..graph.arcs() as u32).any(|arc| {
            graph.name(graph.street(arc)) == from
                && graph
                    .arcs_from(graph.head(arc))
                    .any(|next| graph.name(graph.street(next)) == to && next != arc)
        })
    }

    /// A cross of four two-way streets round the crossing (1, 1), closed to a ring outside.
    fn cross() -> RoadBuilder {
        let mut builder = builder();
        let ends = [(1, 2), (2, 1), (1, 0), (0, 1)];
        for (i, (east, north)) in (1..).zip(ends) {
            builder.way(street(i, &[point(east, north), point(1, 1)], [30, 30]));
        }
        let ring: Vec<i64> =
            [(1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0), (0, 1), (0, 2), (1, 2)]
                .map(|(east, north)| point(east, north))
                .to_vec();
        builder.way(street(9, &ring, [30, 30]));
        builder
    }

    #[test]
    fn streets_join_where_they_share_a_point() {
        let (graph, report) = cross().build().unwrap();
        assert_eq!((graph.nodes(), graph.pieces(), graph.arcs()), (5, 8, 16));
        assert_eq!(report, BuildReport::default());
        assert!((graph.street_length_m(0) - 200.0).abs() < 1.0, "{}", graph.street_length_m(0));
    }

    #[test]
    fn a_forbidden_turn_is_impossible_and_others_stay() {
        let mut builder = cross();
        let via = point(1, 1);
        builder.restriction(Restriction { from: 1, via, to: 2, only: false });
        let (graph, report) = builder.build().unwrap();
        assert_eq!(report.restrictions, 1);
        assert_eq!(graph.nodes(), 6);
        assert!(!goes(&graph, "street 1", "street 2"));
        assert!(goes(&graph, "street 1", "street 3"));
        assert!(goes(&graph, "street 3", "street 2"));
    }

    #[test]
    fn the_only_turn_forbids_the_others() {
        let mut builder = cross();
        builder.restriction(Restriction { from: 1, via: point(1, 1), to: 2, only: true });
        let (graph, _) = builder.build().unwrap();
        assert!(goes(&graph, "street 1", "street 2"));
        assert!(!goes(&graph, "street 1", "street 3"));
        assert!(goes(&graph, "street 4", "street 3"));
    }

    #[test]
    fn a_forbidden_turn_round_leaves_the_way_on() {
        let mut builder = cross();
        builder.restriction(Restriction { from: 1, via: point(1, 1), to: 1, only: false });
        let (graph, _) = builder.build().unwrap();
        let into = (0..graph.arcs() as u32)
            .find(|arc| graph.street(*arc) == 0)
            .expect("street 1 towards the crossing");
        let next: Vec<String> = graph
            .arcs_from(graph.head(into))
            .map(|arc| graph.name(graph.street(arc)).to_owned())
            .collect();
        assert_eq!(next.len(), 3, "{next:?}");
        assert!(!next.contains(&"street 1".to_owned()));
    }

    #[test]
    fn what_one_cannot_leave_is_left_out() {
        let mut builder = cross();
        builder.way(street(20, &[point(1, 2), point(1, 5)], [30, 0]));
        builder.way(street(21, &[point(10, 10), point(10, 11)], [30, 30]));
        let (graph, report) = builder.build().unwrap();
        let cut_off: Vec<_> =
            report.cut_off.iter().map(|one| (one.way, one.name.as_str())).collect();
        assert_eq!(cut_off, [(20, "street 20"), (21, "street 21")]);
        assert!((report.cut_off[0].length_m - 600.0).abs() < 2.0, "{report:?}");
        assert_eq!(graph.pieces(), 8);
    }

    #[test]
    fn missing_points_cost_a_piece_and_no_more() {
        let mut builder = cross();
        builder.way(street(30, &[point(1, 2), 999_999, point(2, 2), point(2, 1)], [30, 30]));
        let (graph, report) = builder.build().unwrap();
        assert_eq!(report.broken_ways, [30]);
        assert!((0..graph.pieces() as u32).any(|piece| graph.name(piece << 1) == "street 30"));
    }

    #[test]
    fn a_ferry_makes_an_exit() {
        let mut builder = cross();
        builder.ferry(vec![point(2, 2), point(20, 20)], "to the island".to_owned());
        let (graph, _) = builder.build().unwrap();
        assert_eq!(graph.exits().len(), 1);
        assert_eq!(graph.exits()[0].name, "to the island");
    }

    #[test]
    fn no_roads_are_an_error() {
        assert_eq!(RoadBuilder::new().build().err(), Some(RoadError::NoRoads));
        let mut only_trap = builder();
        only_trap.way(street(1, &[0, 1], [30, 0]));
        assert_eq!(only_trap.build().err(), Some(RoadError::NoRoads));
    }

    #[test]
    fn the_town_is_whole() {
        let graph = town();
        assert_eq!(graph.nodes(), 441);
        // 21 rows of 20; 21 columns of 20, of which 19 lack the piece over the river.
        assert_eq!(graph.pieces(), 420 + 420 - 19);
    }
}
