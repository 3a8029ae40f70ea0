//! [`RoadGraph`]: the roads as arrays.

use super::RoadClass;

/// The number of a node: a junction, an end, or one of the copies of a junction that turn
/// restrictions make.
pub type NodeId = u32;
/// The number of an arc: one way to leave a node.
pub type ArcId = u32;
/// A street in one direction: twice the number of the piece of road, plus one against the order of
/// its points. Several arcs share one where its ends were split for turn restrictions.
pub type StreetId = u32;

/// Degrees in one unit of the stored coordinates.
pub(super) const UNIT_DEG: f64 = 1e-7;
/// Metres in a degree of latitude, on a sphere of the mean radius 6 371 008.8 m (IUGG).
pub(super) const DEGREE_M: f64 = 111_195.08;
/// What passing a junction of three or more streets costs on average, seconds: part of the vehicles
/// stop there for tens of seconds, most roll through.
const JUNCTION_S: f32 = 3.0;
/// Who draws roads roughly draws the main ones. On these, a street that is not drawn comes in once in
/// so many metres: between a city's blocks and a country road's villages.
const UNDRAWN_JUNCTION_M: f32 = 400.0;

/// A place where vehicles leave the roads otherwise than by road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The node where it begins.
    pub node: NodeId,
    /// Its name, such as the ferry line's.
    pub name: String,
}

/// Roads as compressed sparse rows. Every node can be reached from every other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoadGraph {
    /// Latitude of each node in units of 1e-7 degrees.
    pub(super) node_latitude: Vec<i32>,
    pub(super) node_longitude: Vec<i32>,
    /// The first arc out of each node, and the number of arcs at the end.
    pub(super) first_arc: Vec<u32>,
    pub(super) arc_head: Vec<NodeId>,
    pub(super) arc_street: Vec<StreetId>,
    pub(super) piece_class: Vec<u8>,
    pub(super) piece_name: Vec<u32>,
    /// km/h along the points and against them, 0 where it may not be driven so.
    pub(super) piece_speed_kmh: Vec<[u8; 2]>,
    /// How far the road itself may lie from its points, metres.
    pub(super) piece_accuracy_m: Vec<u16>,
    /// The first point of each piece, and the number of points at the end.
    pub(super) first_point: Vec<u32>,
    pub(super) point_latitude: Vec<i32>,
    pub(super) point_longitude: Vec<i32>,
    /// Names; the first is empty.
    pub(super) names: Vec<String>,
    pub(super) exits: Vec<Exit>,

    // What follows is derived from the above.
    pub(super) arc_tail: Vec<NodeId>,
    pub(super) arc_time_s: Vec<f32>,
    pub(super) first_in: Vec<u32>,
    pub(super) in_arc: Vec<ArcId>,
    pub(super) piece_length_m: Vec<f32>,
    /// The largest of the pieces' accuracies, metres.
    pub(super) roughest_m: u16,
    /// The first arc of each street, in `street_arc`.
    pub(super) first_street_arc: Vec<u32>,
    pub(super) street_arc: Vec<ArcId>,
}

impl RoadGraph {
    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.node_latitude.len()
    }

    /// Number of arcs.
    #[must_use]
    pub fn arcs(&self) -> usize {
        self.arc_head.len()
    }

    /// Number of pieces of road between two nodes, both directions counted once.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.piece_class.len()
    }

    /// Where vehicles leave otherwise than by road.
    #[must_use]
    pub fn exits(&self) -> &[Exit] {
        &self.exits
    }

    /// The arcs out of a node.
    pub fn arcs_from(&self, node: NodeId) -> std::ops::Range<ArcId> {
        let node = node as usize;
        self.first_arc[node]..self.first_arc[node + 1]
    }

    /// The arcs into a node.
    pub fn arcs_into(&self, node: NodeId) -> &[ArcId] {
        let node = node as usize;
        &self.in_arc[self.first_in[node] as usize..self.first_in[node + 1] as usize]
    }

    /// The node that an arc leaves.
    #[must_use]
    pub fn tail(&self, arc: ArcId) -> NodeId {
        self.arc_tail[arc as usize]
    }

    /// The node that an arc reaches.
    #[must_use]
    pub fn head(&self, arc: ArcId) -> NodeId {
        self.arc_head[arc as usize]
    }

    /// The street that an arc drives along.
    #[must_use]
    pub fn street(&self, arc: ArcId) -> StreetId {
        self.arc_street[arc as usize]
    }

    /// Seconds that an arc takes at the map's speeds, the junction at its end included.
    #[must_use]
    pub fn time_s(&self, arc: ArcId) -> f32 {
        self.arc_time_s[arc as usize]
    }

    /// Metres that an arc is long.
    #[must_use]
    pub fn length_m(&self, arc: ArcId) -> f32 {
        self.piece_length_m[(self.street(arc) >> 1) as usize]
    }

    /// The arcs that drive along a street.
    #[must_use]
    pub fn arcs_along(&self, street: StreetId) -> &[ArcId] {
        let street = street as usize;
        let range = self.first_street_arc[street]..self.first_street_arc[street + 1];
        &self.street_arc[range.start as usize..range.end as usize]
    }

    /// Metres that a street is long.
    #[must_use]
    pub fn street_length_m(&self, street: StreetId) -> f32 {
        self.piece_length_m[(street >> 1) as usize]
    }

    /// The class of a street.
    #[must_use]
    pub fn class(&self, street: StreetId) -> RoadClass {
        RoadClass::from_code(self.piece_class[(street >> 1) as usize]).unwrap_or(RoadClass::Road)
    }

    /// The map's speed along a street, km/h; 0 where it may not be driven.
    #[must_use]
    pub fn speed_kmh(&self, street: StreetId) -> u8 {
        self.piece_speed_kmh[(street >> 1) as usize][(street & 1) as usize]
    }

    /// The name of a street, empty where it has none.
    #[must_use]
    pub fn name(&self, street: StreetId) -> &str {
        self.names.get(self.piece_name[(street >> 1) as usize] as usize).map_or("", String::as_str)
    }

    /// How far the road itself may lie from where it is drawn, metres; 0 for a map that was surveyed.
    #[must_use]
    pub fn accuracy_m(&self, street: StreetId) -> u16 {
        self.piece_accuracy_m[(street >> 1) as usize]
    }

    /// The same of the street that is known worst.
    #[must_use]
    pub const fn roughest_m(&self) -> u16 {
        self.roughest_m
    }

    /// Whether streets that are not drawn come into this one: it is drawn roughly, and is no
    /// expressway.
    pub(super) fn has_undrawn(&self, street: StreetId) -> bool {
        self.accuracy_m(street) > 0 && self.class(street) >= RoadClass::Primary
    }

    /// Whether the street can also be driven the other way.
    #[must_use]
    pub fn two_way(&self, street: StreetId) -> bool {
        self.piece_speed_kmh[(street >> 1) as usize].iter().all(|speed| *speed > 0)
    }

    /// A node's latitude and longitude, degrees.
    #[must_use]
    pub fn place(&self, node: NodeId) -> (f64, f64) {
        let node = node as usize;
        (
            f64::from(self.node_latitude[node]) * UNIT_DEG,
            f64::from(self.node_longitude[node]) * UNIT_DEG,
        )
    }

    /// The points of a piece in the order in which it is stored, degrees north and east.
    pub fn points(&self, piece: u32) -> impl DoubleEndedIterator<Item = (f64, f64)> + '_ {
        let piece = piece as usize;
        let range = self.first_point[piece] as usize..self.first_point[piece + 1] as usize;
        range.map(|i| {
            let (lat, lon) = (self.point_latitude[i], self.point_longitude[i]);
            (f64::from(lat) * UNIT_DEG, f64::from(lon) * UNIT_DEG)
        })
    }

    /// The place so many metres along a street, degrees north and east.
    #[must_use]
    pub fn place_along(&self, street: StreetId, offset_m: f32) -> (f64, f64) {
        let length_m = self.street_length_m(street);
        let mut left_m =
            f64::from(if street & 1 == 0 { offset_m } else { length_m - offset_m }).max(0.0);
        let mut last = None;
        for point in self.points(street >> 1) {
            if let Some(from) = last {
                let step_m = metres_between(from, point);
                if left_m <= step_m && step_m > 0.0 {
                    let share = left_m / step_m;
                    return (
                        from.0 + (point.0 - from.0) * share,
                        from.1 + (point.1 - from.1) * share,
                    );
                }
                left_m -= step_m;
            }
            last = Some(point);
        }
        last.unwrap_or_default()
    }

    /// Fills in what is derived: tails, rows backwards, lengths and times.
    pub(super) fn derive(&mut self) {
        let (nodes, arcs, pieces) = (self.nodes(), self.arcs(), self.pieces());
        self.arc_tail = vec![0; arcs];
        for node in 0..nodes as u32 {
            for arc in self.arcs_from(node) {
                self.arc_tail[arc as usize] = node;
            }
        }
        (self.first_in, self.in_arc) = rows(nodes, &self.arc_head);
        (self.first_street_arc, self.street_arc) = rows(pieces * 2, &self.arc_street);
        self.piece_length_m = (0..pieces as u32).map(|piece| self.measure(piece)).collect();
        self.roughest_m = self.piece_accuracy_m.iter().copied().max().unwrap_or(0);
        self.arc_time_s = (0..arcs as u32)
            .map(|arc| {
                let speed_ms = f32::from(self.speed_kmh(self.street(arc)).max(1)) / 3.6;
                let head = self.head(arc);
                let junction = self.arcs_from(head).len().max(self.arcs_into(head).len()) > 2;
                let rolling_s = self.length_m(arc) / speed_ms + self.undrawn_s(arc);
                rolling_s + if junction { JUNCTION_S } else { 0.0 }
            })
            .collect();
    }

    /// Seconds that an arc's junctions with streets that are not drawn take.
    fn undrawn_s(&self, arc: ArcId) -> f32 {
        if !self.has_undrawn(self.street(arc)) {
            return 0.0;
        }
        self.length_m(arc) / UNDRAWN_JUNCTION_M * JUNCTION_S
    }

    fn measure(&self, piece: u32) -> f32 {
        let mut points = self.points(piece);
        let Some(mut last) = points.next() else { return 0.0 };
        let mut length_m = 0.0;
        for point in points {
            length_m += metres_between(last, point);
            last = point;
        }
        // A piece of no length would make its offsets divide by nothing.
        (length_m as f32).max(0.1)
    }
}

/// Metres between two places a few kilometres apart at most, on the sphere's tangent plane.
#[must_use]
pub fn metres_between(from: (f64, f64), to: (f64, f64)) -> f64 {
    let north = (to.0 - from.0) * DEGREE_M;
    let middle = ((from.0 + to.0) / 2.0).to_radians();
    let east = longitude_step(from.1, to.1) * DEGREE_M * libm::cos(middle);
    libm::sqrt(north * north + east * east)
}

/// Degrees east from one longitude to another, the short way round.
pub(super) fn longitude_step(from: f64, to: f64) -> f64 {
    let step = to - from;
    if step > 180.0 {
        step - 360.0
    } else if step < -180.0 {
        step + 360.0
    } else {
        step
    }
}

/// Which items have each key, as the first of each row and the items.
fn rows(keys: usize, key_of: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut first = vec![0u32; keys + 1];
    for key in key_of {
        first[*key as usize + 1] += 1;
    }
    for i in 0..keys {
        first[i + 1] += first[i];
    }
    let mut next = first.clone();
    let mut items = vec![0u32; key_of.len()];
    for (item, key) in key_of.iter().enumerate() {
        let at = &mut next[*key as usize];
        items[*at as usize] = item as u32;
        *at += 1;
    }
    (first, items)
}
