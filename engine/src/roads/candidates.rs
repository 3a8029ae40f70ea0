//! The streets that a fix may belong to, and how well it fits each.
//!
//! Of a road that was drawn roughly, to so many metres, it is not the distance that tells whether a
//! vehicle is on it: its course must agree, too. Who drives across a drawn road is on a street that
//! nobody drew, and is on none of these.

use super::gate::{bearing_deg, turn_deg};
use super::graph::RoadGraph;
use super::index::Snap;
use super::matching::Sight;
use super::network::Roads;

/// Streets considered for a fix.
const CONSIDERED: usize = 12;
/// A satellite receiver's error in a street with the map's own, metres (one standard deviation).
pub(super) const SIGMA_M: f32 = 10.0;
/// Further from every street than this is not explained by error.
const SEARCH_M: f64 = 60.0;
/// One standard deviation of a reported course at town speed, degrees.
const COURSE_SIGMA_DEG: f32 = 25.0;
/// Below this a receiver's course means little, km/h.
pub(super) const COURSE_FROM_KMH: f32 = 6.0;
/// How far a course may differ from a road's that is drawn roughly, its bends straightened: who
/// drives further across is turning off.
const ALONG_DEG: f32 = 60.0;
/// Two fixes this far apart show a course, metres.
const MOVED_M: f64 = 30.0;

/// The streets that explain a fix by an error of the receiver or the map, the nearest first.
pub(super) fn candidates(roads: &Roads, sight: &Sight) -> Vec<Snap> {
    let graph = &roads.graph;
    let roughest_m = f64::from(graph.roughest_m());
    let mut snaps = roads.index.near(graph, sight.place, SEARCH_M.max(roughest_m));
    if roughest_m > 0.0 {
        let course = sight.course_deg();
        snaps.retain(|snap| {
            let accuracy_m = f32::from(graph.accuracy_m(snap.street));
            let along = |course| turn_deg(course, snap.bearing_deg) <= ALONG_DEG;
            snap.distance_m <= accuracy_m.max(SEARCH_M as f32)
                && (accuracy_m == 0.0 || course.is_none_or(along))
        });
    }
    snaps.truncate(CONSIDERED);
    snaps
}

/// Logarithm of how likely a fix is where the vehicle is there.
pub(super) fn emission(graph: &RoadGraph, snap: &Snap, sight: &Sight) -> f32 {
    // Nearly all of a road lies within its accuracy.
    let sigma_m = SIGMA_M.max(f32::from(graph.accuracy_m(snap.street)) / 2.0);
    let off = snap.distance_m / sigma_m;
    let mut log = -0.5 * off * off - libm::logf(sigma_m / SIGMA_M);
    if let Some(course) = sight.course_deg() {
        let turn = turn_deg(course, snap.bearing_deg) / COURSE_SIGMA_DEG;
        // In a bend, or at a crossing, a course is simply wrong: its say is limited.
        log -= (0.5 * turn * turn).min(8.0);
    }
    log
}

/// A fix that states no course, with the one from the place before it.
pub(super) fn with_course(sight: Sight, before: Option<(f64, f64)>) -> Sight {
    let Some(before) = before.filter(|_| sight.course_deg.is_none()) else { return sight };
    if super::metres_between(before, sight.place) < MOVED_M {
        return sight;
    }
    Sight {
        course_deg: Some(bearing_deg(before, sight.place)),
        speed_kmh: sight.speed_kmh.or(Some(COURSE_FROM_KMH)),
        ..sight
    }
}
