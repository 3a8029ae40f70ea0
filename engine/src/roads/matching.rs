//! [`Matcher`]: which street a vehicle drives, from its fixes so far (after Newson and Krumm 2009,
//! "Hidden Markov map matching through noise and sparseness", kept online: the likeliest of a few
//! hypotheses is always at hand).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::candidates::{COURSE_FROM_KMH, SIGMA_M, candidates, emission, with_course};
use super::graph::{ArcId, NodeId, RoadGraph};
use super::index::Snap;
use super::network::Roads;
use crate::CheckpointId;

/// Hypotheses kept.
const KEPT: usize = 6;
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
/// What errors of two fixes may add to a distance, metres.
const SLACK_M: f32 = 100.0;
/// Errors of two fixes may make a vehicle seem to roll back so far.
const BACK_M: f32 = 3.0 * SIGMA_M;
/// Fixes in a row without explanation after which the way begins anew.
const UNEXPLAINED: u8 = 3;
/// Passages are remembered for so long, until the hypotheses agree on them, seconds.
const REMEMBERED_S: f64 = 180.0;
/// Two passages of one checkpoint within this are one: nobody turns round and back so soon.
const ONE_PASSAGE_S: f64 = 90.0;
/// Nodes visited at most when ways are looked for, so that a fix never costs more than this.
const VISITED: usize = 600;

/// A checkpoint that was passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// When.
    pub time: Time,
}

/// A hypothesis: where the vehicle is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stand {
    /// The arc that it drives.
    pub(super) arc: ArcId,
    /// Metres from the arc's beginning.
    pub(super) offset_m: f32,
    /// Natural logarithm of its likelihood against the best hypothesis.
    log_weight: f32,
    /// The checkpoints that it passed of late, if so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<Passage>,
}

/// What one fix did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Step {
    /// The vehicle was followed from the last fix; else the way begins here.
    pub(super) followed: bool,
    /// The arcs driven since the last fix, from the one that it was on to the one that it is on.
    pub(super) way: Vec<ArcId>,
    /// Where on the first of these it was, metres from its beginning.
    pub(super) from_m: f32,
    /// Metres driven.
    pub(super) driven_m: f32,
}

/// Follows one vehicle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Matcher {
    stands: Vec<Stand>,
    place: (f64, f64),
    time: Time,
    /// Where the newest fix was, explained or not; kept where roads are drawn roughly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<(f64, f64)>,
    /// Fixes in a row that nothing explained.
    unexplained: u8,
    /// What was told of passages of late.
    told: Vec<Passage>,
}

/// A place with what a receiver says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) place: (f64, f64),
    pub(super) time: Time,
    pub(super) speed_kmh: Option<f32>,
    pub(super) course_deg: Option<f32>,
}

impl Sight {
    /// The course of a vehicle that moves fast enough for a receiver to know it.
    pub(super) fn course_deg(&self) -> Option<f32> {
        self.course_deg.filter(|_| self.speed_kmh.is_some_and(|speed| speed >= COURSE_FROM_KMH))
    }
}

/// A hypothesis that follows from one of the last fix.
struct Offer {
    log_weight: f32,
    from: usize,
    arc: ArcId,
    driven_m: f32,
    way: Vec<ArcId>,
}

impl Matcher {
    /// The likeliest hypothesis; `None` where the vehicle is on no road.
    pub(super) fn best(&self) -> Option<&Stand> {
        self.stands.first()
    }

    /// Every hypothesis, the likeliest first.
    pub(super) fn stands(&self) -> &[Stand] {
        &self.stands
    }

    /// Takes a fix. `None` where it fits neither the roads nor what came before: an outlier.
    pub(super) fn observe(&mut self, roads: &Roads, sight: Sight) -> Option<Step> {
        let graph = &roads.graph;
        let sight = if graph.roughest_m() > 0 {
            with_course(sight, self.seen.replace(sight.place))
        } else {
            sight
        };
        let snaps = candidates(roads, &sight);
        if self.stands.is_empty() {
            return self.begin(graph, &snaps, sight);
        }
        let elapsed_s = sight.time.seconds_since(self.time).max(0.0) as f32;
        let straight_m = super::metres_between(self.place, sight.place) as f32;
        let mut next: Vec<(Offer, &Snap)> = Vec::new();
        if straight_m < SLACK_M + FASTEST_MS * elapsed_s {
            let offers = self.offers(graph, &snaps, sight, elapsed_s, straight_m);
            next =
                offers.into_iter().zip(&snaps).filter_map(|(o, snap)| Some((o?, snap))).collect();
        }
        if next.is_empty() {
            self.unexplained = self.unexplained.saturating_add(1);
            // One fix out of place is an outlier; three tell of another road.
            if self.unexplained < UNEXPLAINED {
                return None;
            }
            return self.begin(graph, &snaps, sight);
        }
        next.sort_by(|(a, _), (b, _)| {
            b.log_weight.total_cmp(&a.log_weight).then(a.arc.cmp(&b.arc))
        });
        next.truncate(KEPT);
        let best = next.first().map_or(0.0, |(offer, _)| offer.log_weight);
        next.retain(|(offer, _)| offer.log_weight > best - BEAM);
        let mut step = Step { followed: true, ..Step::default() };
        if let Some((offer, _)) = next.first() {
            step.from_m = self.stands.get(offer.from).map_or(0.0, |stand| stand.offset_m);
            step.driven_m = offer.driven_m;
            step.way.clone_from(&offer.way);
        }
        let stands = next
            .into_iter()
            .filter_map(|(offer, snap)| {
                let from = self.stands.get(offer.from)?;
                // Not backwards on one street: what seems so is error.
                let stays = offer.way.len() == 1;
                let offset_m = if stays { snap.offset_m.max(from.offset_m) } else { snap.offset_m };
                let times = (self.time, sight.time);
                let mut passed = from.passed.clone();
                passed.retain(|passage| sight.time.seconds_since(passage.time) < REMEMBERED_S);
                passed.extend(passages(roads, &offer.way, (from.offset_m, offset_m), times));
                let log_weight = offer.log_weight - best;
                Some(Stand { arc: offer.arc, offset_m, log_weight, passed })
            })
            .collect();
        self.stands = stands;
        (self.place, self.time, self.unexplained) = (sight.place, sight.time, 0);
        Some(step)
    }

    /// The passages on the likeliest way that have not been told yet.
    pub(super) fn passages(&mut self, now: Time) -> Vec<Passage> {
        self.told.retain(|told| now.seconds_since(told.time) < REMEMBERED_S);
        let Some(best) = self.stands.first() else { return Vec::new() };
        let is_told = |passage: &&Passage| {
            let same = |told: &Passage| {
                told.checkpoint == passage.checkpoint
                    && passage.time.seconds_since(told.time).abs() < ONE_PASSAGE_S
            };
            !self.told.iter().any(same)
        };
        let new: Vec<Passage> = best.passed.iter().filter(is_told).cloned().collect();
        self.told.extend(new.iter().cloned());
        new
    }

    fn begin(&mut self, graph: &RoadGraph, snaps: &[Snap], sight: Sight) -> Option<Step> {
        let stand = |snap: &Snap| {
            let arc = *graph.arcs_along(snap.street).first()?;
            let log_weight = emission(graph, snap, &sight);
            Some(Stand { arc, offset_m: snap.offset_m, log_weight, passed: Vec::new() })
        };
        self.stands = snaps.iter().filter_map(stand).collect();
        self.stands.sort_by(|a, b| b.log_weight.total_cmp(&a.log_weight).then(a.arc.cmp(&b.arc)));
        self.stands.truncate(KEPT);
        let best = self.stands.first()?.log_weight;
        for stand in &mut self.stands {
            stand.log_weight -= best;
        }
        (self.place, self.time, self.unexplained) = (sight.place, sight.time, 0);
        Some(Step::default())
    }

    /// For each street near the fix the likeliest way there.
    fn offers(
        &self,
        graph: &RoadGraph,
        snaps: &[Snap],
        sight: Sight,
        elapsed_s: f32,
        straight_m: f32,
    ) -> Vec<Option<Offer>> {
        let scale_m = LONGER_M + LONGER_M_PER_S * elapsed_s;
        let roughest_m = f32::from(graph.roughest_m());
        let limit_m = (straight_m + 6.0 * (scale_m + roughest_m / 2.0))
            .min(SLACK_M + roughest_m + FASTEST_MS * elapsed_s);
        let mut best: Vec<Option<Offer>> = snaps.iter().map(|_| None).collect();
        let mut reach = Reach::default();
        for (from, stand) in self.stands.iter().enumerate() {
            let length_m = graph.length_m(stand.arc);
            let (street, head) = (graph.street(stand.arc), graph.head(stand.arc));
            reach.search(graph, stand.arc, length_m - stand.offset_m, limit_m);
            for (snap, best) in snaps.iter().zip(&mut best) {
                let cost = stand.log_weight + emission(graph, snap, &sight);
                // Round a corner that is drawn too far out, a way seems that much longer.
                let rough_m = f32::from(graph.accuracy_m(snap.street)) / 2.0;
                let counts = scale_m / (scale_m + rough_m);
                let mut offer = |driven_m: f32, extra_m: f32, arc, way: &dyn Fn() -> Vec<ArcId>| {
                    let longer_m = (driven_m - straight_m).abs() * counts + extra_m;
                    let log_weight = cost - longer_m / scale_m;
                    if best.as_ref().is_none_or(|offer| log_weight > offer.log_weight) {
                        *best = Some(Offer { log_weight, from, arc, driven_m, way: way() });
                    }
                };
                if snap.street == street && snap.offset_m >= stand.offset_m - BACK_M {
                    let driven_m = (snap.offset_m - stand.offset_m).max(0.0);
                    offer(driven_m, 0.0, stand.arc, &|| vec![stand.arc]);
                }
                for arc in graph.arcs_along(snap.street) {
                    if snap.street == street ^ 1 {
                        // Turned round in the road.
                        let driven_m = (length_m - snap.offset_m - stand.offset_m).abs();
                        offer(driven_m, TURN_ROUND_M, *arc, &|| vec![stand.arc, *arc]);
                    }
                    let tail = graph.tail(*arc);
                    if let Some(to_tail_m) = reach.metres(tail) {
                        let round = tail == head && snap.street == street ^ 1;
                        let extra_m = if round { TURN_ROUND_M } else { 0.0 };
                        let way = || reach.way(graph, stand.arc, *arc);
                        offer(to_tail_m + snap.offset_m, extra_m, *arc, &way);
                    }
                }
            }
        }
        best
    }
}

/// The checkpoints passed on a way, each at the time in proportion to the seconds that the map says.
fn passages(
    roads: &Roads,
    way: &[ArcId],
    (from_m, to_m): (f32, f32),
    (since, now): (Time, Time),
) -> Vec<Passage> {
    let graph = &roads.graph;
    let last = way.len().saturating_sub(1);
    let mut passed: Vec<(f32, &CheckpointId)> = Vec::new();
    let mut total_s = 0.0;
    for (i, arc) in way.iter().enumerate() {
        let length_m = graph.length_m(*arc);
        let start_m = if i == 0 { from_m } else { 0.0 };
        let end_m = if i == last { to_m } else { length_m };
        let s_per_m = graph.time_s(*arc) / length_m;
        for (gate_m, id) in roads.on_street.get(&graph.street(*arc)).into_iter().flatten() {
            // The beginning is not part of it, else a vehicle that stands there passes again.
            let after = if i == 0 { *gate_m > start_m } else { *gate_m >= start_m };
            if after && *gate_m <= end_m {
                passed.push((total_s + (gate_m - start_m) * s_per_m, id));
            }
        }
        total_s += (end_m - start_m).max(0.0) * s_per_m;
    }
    let elapsed_s = now.seconds_since(since);
    let passage = |(after_s, id): (f32, &CheckpointId)| {
        let share = if total_s > 0.0 { f64::from(after_s / total_s) } else { 1.0 };
        Passage { checkpoint: id.clone(), time: since.plus_seconds(elapsed_s * share.min(1.0)) }
    };
    passed.into_iter().map(passage).collect()
}

/// The nodes within reach of an arc, by length.
#[derive(Default)]
struct Reach {
    heap: BinaryHeap<Reverse<(u32, NodeId)>>,
    /// Decimetres to each, and the arc that leads there.
    reached: BTreeMap<NodeId, (u32, ArcId)>,
}

impl Reach {
    /// Looks for the nodes ahead of an arc, `to_head_m` before its end, within a length.
    fn search(&mut self, graph: &RoadGraph, from: ArcId, to_head_m: f32, limit_m: f32) {
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
                let there = graph.head(arc);
                if next <= limit && self.reached.get(&there).is_none_or(|(best, _)| next < *best) {
                    self.reached.insert(there, (next, arc));
                    self.heap.push(Reverse((next, there)));
                }
            }
        }
    }

    fn metres(&self, node: NodeId) -> Option<f32> {
        self.reached.get(&node).map(|(decimetres, _)| *decimetres as f32 / 10.0)
    }

    /// The arcs from one to another, both included.
    fn way(&self, graph: &RoadGraph, from: ArcId, to: ArcId) -> Vec<ArcId> {
        let mut way = vec![to];
        let mut node = graph.tail(to);
        while let Some((_, arc)) = self.reached.get(&node) {
            way.push(*arc);
            if (*arc == from && node == graph.head(from)) || way.len() > VISITED {
                break;
            }
            node = graph.tail(*arc);
        }
        way.reverse();
        way
    }
}
