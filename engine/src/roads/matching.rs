//! [`Matcher`]: which street a vehicle drives, from its fixes so far (after Newson and Krumm 2009,
//! "Hidden Markov map matching through noise and sparseness", kept online: the likeliest of a few
//! hypotheses is always at hand).

use serde::{Deserialize, Serialize};

use super::graph::{ArcId, RoadGraph, StreetId};
use super::index::{RoadIndex, Snap};
use super::gate::turn_deg;

/// Hypotheses kept.
const KEPT: usize = 6;
/// Streets considered for a fix.
const CONSIDERED: usize = 12;
/// A satellite receiver's error in a street with the map's own, metres (one standard deviation).
const SIGMA_M: f32 = 10.0;
/// Further from every street than this is not explained by error.
const SEARCH_M: f64 = 60.0;
/// One standard deviation of a reported course at town speed, degrees.
const COURSE_SIGMA_DEG: f32 = 25.0;
/// Below this a receiver's course means little, km/h.
const COURSE_FROM_KMH: f32 = 6.0;
/// A way longer than the straight line by this many metres for each second between fixes is e
/// times less likely.
const LONGER_M_PER_S: f32 = 1.0;
const LONGER_M: f32 = 12.0;
/// Turning round in the road is as unlikely as so many metres of detour.
const TURN_ROUND_M: f32 = 80.0;
/// Hypotheses less likely than the best by more than this exponent are dropped.
const BEAM: f32 = 12.0;
/// No road vehicle covers ground faster than this, metres a second.
const FASTEST_MS: f32 = 60.0;
/// Nodes visited at most when ways are looked for, so that a fix never costs more than this.
const VISITED: usize = 600;

/// A hypothesis: where the vehicle is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stand {
    /// The arc that it drives.
    pub arc: ArcId,
    /// Metres from the arc's beginning.
    pub offset_m: f32,
    /// Natural logarithm of its likelihood against the best hypothesis.
    pub log_weight: f32,
}

/// What one fix did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The vehicle was followed from the last fix; else the way begins here.
    pub followed: bool,
    /// The arcs driven since the last fix, from the one that it was on to the one that it is on.
    pub way: Vec<ArcId>,
    /// Where on the first of these it was, metres from its beginning.
    pub from_m: f32,
    /// Metres driven.
    pub driven_m: f32,
}

/// Follows one vehicle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matcher {
    stands: Vec<Stand>,
    place: (f64, f64),
    time_s: f64,
    /// Fixes in a row that nothing explained.
    unexplained: u8,
}

/// A place with what a receiver says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) place: (f64, f64),
    pub(super) time_s: f64,
    pub(super) speed_kmh: Option<f32>,
    pub(super) course_deg: Option<f32>,
}

/// Memory for looking for ways, lent so that it need not grow each time.
#[derive(Debug, Default)]
pub struct Scratch {
    heap: std::collections::BinaryHeap<std::cmp::Reverse<(u32, u32)>>,
    reached: std::collections::BTreeMap<u32, (u32, ArcId)>,
}

impl Matcher {
    /// The hypotheses, the likeliest first; empty where the vehicle is on no road.
    #[must_use]
    pub fn stands(&self) -> &[Stand] {
        &self.stands
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes a place as [`Self::observe`] does.
    pub fn sight(
        &mut self,
        graph: &RoadGraph,
        index: &RoadIndex,
        scratch: &mut Scratch,
        place: (f64, f64),
        time_s: f64,
        speed_kmh: Option<f32>,
        course_deg: Option<f32>,
    ) -> Option<Step> {
        self.observe(graph, index, scratch, Sight { place, time_s, speed_kmh, course_deg })
    }

    /// Takes a fix. `None` where it fits neither the roads nor what came before: an outlier.
    pub(super) fn observe(
        &mut self,
        graph: &RoadGraph,
        index: &RoadIndex,
        scratch: &mut Scratch,
        sight: Sight,
    ) -> Option<Step> {
        let mut snaps = index.near(graph, sight.place, SEARCH_M);
        snaps.truncate(CONSIDERED);
        let elapsed_s = (sight.time_s - self.time_s).max(0.0) as f32;
        let straight_m = super::metres_between(self.place, sight.place) as f32;
        if self.stands.is_empty() {
            return self.begin(graph, &snaps, sight);
        }
        let reachable = straight_m < 100.0 + FASTEST_MS * elapsed_s;
        let mut next: Vec<(Stand, Option<(usize, Vec<ArcId>, f32)>)> = Vec::new();
        if reachable && !snaps.is_empty() {
            self.extend(graph, scratch, &snaps, sight, (elapsed_s, straight_m), &mut next);
        }
        if next.is_empty() {
            self.unexplained += 1;
            // One fix out of place is an outlier; three tell of another road.
            if self.unexplained < 3 {
                return None;
            }
            return self.begin(graph, &snaps, sight);
        }
        self.unexplained = 0;
        next.sort_by(|(a, _), (b, _)| {
            b.log_weight.total_cmp(&a.log_weight).then(a.arc.cmp(&b.arc))
        });
        next.truncate(KEPT);
        let best = next.first().map_or(0.0, |(stand, _)| stand.log_weight);
        let mut step = Step::default();
        if let Some((_, Some((from, way, driven_m)))) = next.first_mut() {
            step = Step {
                followed: true,
                way: std::mem::take(way),
                from_m: self.stands.get(*from).map_or(0.0, |stand| stand.offset_m),
                driven_m: *driven_m,
            };
        }
        self.stands = next
            .into_iter()
            .map(|(stand, _)| Stand { log_weight: stand.log_weight - best, ..stand })
            .filter(|stand| stand.log_weight > -BEAM)
            .collect();
        (self.place, self.time_s) = (sight.place, sight.time_s);
        Some(step)
    }

    fn begin(&mut self, graph: &RoadGraph, snaps: &[Snap], sight: Sight) -> Option<Step> {
        self.stands = snaps
            .iter()
            .filter_map(|snap| {
                let arc = *graph.arcs_along(snap.street).first()?;
                Some(Stand { arc, offset_m: snap.offset_m, log_weight: emission(snap, &sight) })
            })
            .collect();
        self.stands.sort_by(|a, b| b.log_weight.total_cmp(&a.log_weight).then(a.arc.cmp(&b.arc)));
        self.stands.truncate(KEPT);
        let best = self.stands.first()?.log_weight;
        for stand in &mut self.stands {
            stand.log_weight -= best;
        }
        (self.place, self.time_s, self.unexplained) = (sight.place, sight.time_s, 0);
        Some(Step::default())
    }

    #[expect(clippy::type_complexity, reason = "local to the two functions")]
    fn extend(
        &self,
        graph: &RoadGraph,
        scratch: &mut Scratch,
        snaps: &[Snap],
        sight: Sight,
        (elapsed_s, straight_m): (f32, f32),
        next: &mut Vec<(Stand, Option<(usize, Vec<ArcId>, f32)>)>,
    ) {
        let scale_m = LONGER_M + LONGER_M_PER_S * elapsed_s;
        let limit_m = (straight_m + 6.0 * scale_m).min(100.0 + FASTEST_MS * elapsed_s);
        // Errors of two fixes may make it seem to roll back.
        let slack_m = 3.0 * SIGMA_M;
        let mut best: Vec<Option<(f32, usize, ArcId, f32)>> = vec![None; snaps.len()];
        let mut ways: Vec<Vec<ArcId>> = vec![Vec::new(); snaps.len()];
        for (from, stand) in self.stands.iter().enumerate() {
            let length_m = graph.length_m(stand.arc);
            let head = graph.head(stand.arc);
            scratch.search(graph, stand.arc, length_m - stand.offset_m, limit_m);
            for (to, snap) in snaps.iter().enumerate() {
                let cost = stand.log_weight + emission(snap, &sight);
                let mut offer = |driven_m: f32, arc: ArcId, extra_m: f32, way: &mut dyn FnMut() -> Vec<ArcId>| {
                    let longer_m = (driven_m - straight_m).abs() + extra_m;
                    let weight = cost - longer_m / scale_m;
                    if best[to].is_none_or(|(w, ..)| weight > w) {
                        best[to] = Some((weight, from, arc, driven_m));
                        ways[to] = way();
                    }
                };
                let street = graph.street(stand.arc);
                if snap.street == street && snap.offset_m >= stand.offset_m - slack_m {
                    let driven_m = (snap.offset_m - stand.offset_m).max(0.0);
                    offer(driven_m, stand.arc, 0.0, &mut || vec![stand.arc]);
                }
                if snap.street == street ^ 1 {
                    // Turned round on the spot.
                    let back_m = length_m - snap.offset_m;
                    let arc = graph.arcs_along(snap.street).first().copied();
                    if let Some(arc) = arc {
                        let driven_m = (stand.offset_m - back_m).abs();
                        offer(driven_m, arc, TURN_ROUND_M, &mut || vec![stand.arc, arc]);
                    }
                }
                for arc in graph.arcs_along(snap.street) {
                    let tail = graph.tail(*arc);
                    if let Some((decimetres, _)) = scratch.reached.get(&tail) {
                        let driven_m = *decimetres as f32 / 10.0 + snap.offset_m;
                        if driven_m <= limit_m + slack_m {
                            let round = tail == head && snap.street == street ^ 1;
                            let extra_m = if round { TURN_ROUND_M } else { 0.0 };
                            offer(driven_m, *arc, extra_m, &mut || {
                                scratch.way(graph, stand.arc, *arc)
                            });
                        }
                    }
                }
            }
        }
        for (to, snap) in snaps.iter().enumerate() {
            if let Some((log_weight, from, arc, driven_m)) = best[to] {
                let offset_m = if arc == self.stands[from].arc && ways[to].len() == 1 {
                    // Not backwards: what seems so is error.
                    snap.offset_m.max(self.stands[from].offset_m)
                } else {
                    snap.offset_m
                };
                let stand = Stand { arc, offset_m, log_weight };
                next.push((stand, Some((from, std::mem::take(&mut ways[to]), driven_m))));
            }
        }
    }
}

/// Logarithm of how likely a fix is where the vehicle is there.
fn emission(snap: &Snap, sight: &Sight) -> f32 {
    let off = snap.distance_m / SIGMA_M;
    let mut log = -0.5 * off * off;
    if let (Some(course), Some(speed)) = (sight.course_deg, sight.speed_kmh)
        && speed >= COURSE_FROM_KMH
    {
        let turn = turn_deg(course, snap.bearing_deg) / COURSE_SIGMA_DEG;
        // In a bend, or at a crossing, a course is simply wrong: its say is limited.
        log -= (0.5 * turn * turn).min(8.0);
    }
    log
}

impl Scratch {
    /// Nodes reached from the end of an arc within a length.
    fn search(&mut self, graph: &RoadGraph, from: ArcId, to_head_m: f32, limit_m: f32) {
        use std::cmp::Reverse;
        self.heap.clear();
        self.reached.clear();
        let start = (to_head_m.max(0.0) * 10.0) as u32;
        let limit = (limit_m.max(0.0) * 10.0) as u32;
        let head = graph.head(from);
        if start > limit {
            return;
        }
        self.reached.insert(head, (start, from));
        self.heap.push(Reverse((start, head)));
        while let Some(Reverse((length, node))) = self.heap.pop() {
            if self.reached.get(&node).is_some_and(|(best, _)| length > *best) {
                continue;
            }
            if self.reached.len() > VISITED {
                break;
            }
            for arc in graph.arcs_from(node) {
                let next = length.saturating_add((graph.length_m(arc) * 10.0) as u32);
                if next > limit {
                    continue;
                }
                let there = graph.head(arc);
                if self.reached.get(&there).is_none_or(|(best, _)| next < *best) {
                    self.reached.insert(there, (next, arc));
                    self.heap.push(Reverse((next, there)));
                }
            }
        }
    }

    /// The arcs from one to another, both included.
    fn way(&self, graph: &RoadGraph, from: ArcId, to: ArcId) -> Vec<ArcId> {
        let mut way = vec![to];
        let mut node = graph.tail(to);
        while let Some((_, arc)) = self.reached.get(&node) {
            way.push(*arc);
            if *arc == from && node == graph.head(from) || way.len() > VISITED {
                break;
            }
            node = graph.tail(*arc);
        }
        way.reverse();
        way
    }
}

/// A street's other direction.
pub(super) const fn opposite(street: StreetId) -> StreetId {
    street ^ 1
}
