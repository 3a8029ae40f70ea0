//! Which checkpoints hold a vehicle that was somewhere some time ago ("close the ring").
//!
//! [`contain`] searches the roads for what the vehicle can reach ([`reach`]), says what counts as
//! out ([`area`]), takes all in one that is driven freely ([`quarters`]) and looks for the fewest
//! checkpoints that leave no way out ([`solve`]). Where checkpoints alone cannot do it, it looks for
//! the roads that are to be stopped besides ([`ring`]).

mod area;
mod flow;
mod hitting;
mod quarters;
mod reach;
mod report;
mod ring;
mod scene;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use interdict_protocols::Time;
use thiserror::Error;

pub use report::{Closing, Containment, LeftOut, Question, Ring, WayOut, WayOutKind, WhyLeftOut};

use self::area::Area;
use self::reach::{Bounds, FAR, Millis, Reach};
use self::ring::STOP_S;
use self::scene::{Post, Scene};
use self::solve::{Effort, Solution, solve};
use crate::roads::{NodeId, RoadGraph, RoadIndex, metres_between};
use crate::{Checkpoint, Position};

/// Why there is no answer. All are the asker's.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ContainError {
    /// The place is not on the map.
    #[error(
        "there is no road within {within_m:.0} m of {}, {}: is it on the map, and is latitude first?",
        place.latitude, place.longitude
    )]
    OffRoad {
        /// The place.
        place: Position,
        /// How far away a road was looked for.
        within_m: f64,
    },
    /// The vehicle is said to have been there later than now.
    #[error("the vehicle is said to have been there at {since}, which is later than now, {now}")]
    Later {
        /// When it was there.
        since: Time,
        /// Now.
        now: Time,
    },
}

/// The fewest checkpoints that hold a vehicle, in order of urgency, and the ways out that no
/// checkpoint covers.
///
/// A manned checkpoint is in place at once, an unmanned one after its `ready_s`, a closed one never;
/// each stops what comes by its gates ([`crate::roads::gates`]) from then on. The answer takes one
/// to two seconds at most on a network of a large region, and is the same on every machine.
///
/// # Errors
/// The place is on no road, or in the future.
pub fn contain(
    graph: &RoadGraph,
    index: &RoadIndex,
    checkpoints: &[Checkpoint],
    question: &Question,
) -> Result<Containment, ContainError> {
    contain_within(graph, index, checkpoints, question, Effort::FULL)
}

fn contain_within(
    graph: &RoadGraph,
    index: &RoadIndex,
    checkpoints: &[Checkpoint],
    question: &Question,
    effort: Effort,
) -> Result<Containment, ContainError> {
    let (mut scene, mut left_out) = Scene::new(graph, index, checkpoints, question)?;
    let until = scene.now.saturating_add((question.within_s * 1_000.0) as Millis);
    let area = Area::new(&scene, until);
    let held = Reach::search(&scene, &vec![true; scene.posts.len()], Bounds::Inside(&area.inside));
    let open = ways_out(&scene, &area, &held);
    let solution = solve(&scene, &area, &held, &open, effort);
    let (reach, checkpoints) = close(&scene, &area, &solution);
    for (number, post) in (0..).zip(&scene.posts) {
        let is_late = area.passes(&scene, number).min().is_some_and(|time| time < post.in_place);
        if is_late && !solution.posts.contains(&number) {
            let (checkpoint, why) = (post.checkpoint.into(), WhyLeftOut::TooLate);
            left_out.push(LeftOut { checkpoint, why });
        }
    }
    let mut uncovered: Vec<WayOut> =
        open.iter().flat_map(|spot| area.describe(&scene, *spot, &reach)).collect();
    sort(&mut uncovered);
    let now_m = |node: usize| {
        let place = (question.place.latitude, question.place.longitude);
        metres_between(place, graph.place(node as NodeId))
    };
    let by_now = area.free.time.iter().enumerate().filter(|(_, time)| **time <= scene.now);
    let may_be_within_m = by_now.map(|(node, _)| now_m(node)).fold(0.0, f64::max).round();
    let ways_out = area.count_ways_out(&scene);
    let ring = if open.is_empty() { None } else { ring(&mut scene, &area, &held, &open, effort) };
    Ok(Containment {
        place: question.place,
        since: question.since,
        now: question.now,
        may_be_within_m,
        outside_after_s: f64::from(area.until.saturating_sub(scene.now) / 1_000),
        no_road_out: area.drawn_in,
        ways_out,
        closed: open.is_empty(),
        checkpoints,
        proven: solution.proven,
        uncovered,
        ring,
        left_out,
    })
}

/// The spots of the ways out that were reached.
fn ways_out(scene: &Scene<'_>, area: &Area, reach: &Reach) -> BTreeSet<NodeId> {
    area.reached(scene, reach).map(|(_, spot)| spot).collect()
}

/// What is reached where these posts are manned, and what people are told of each.
fn close(scene: &Scene<'_>, area: &Area, solution: &Solution) -> (Reach, Vec<Closing>) {
    let mut mans = vec![false; scene.posts.len()];
    for post in &solution.posts {
        mans[usize::from(*post)] = true;
    }
    let reach = Reach::search(scene, &mans, Bounds::Inside(&area.inside));
    let closing = |post: &Post| {
        let (stopped_at, post) =
            (reach.stopped_at[usize::from(*post)], &scene.posts[usize::from(*post)]);
        (stopped_at != FAR).then(|| Closing::new(scene, post, stopped_at))
    };
    let mut closing: Vec<Closing> = solution.posts.iter().filter_map(closing).collect();
    closing.sort_by(|a, b| {
        a.slack_s.total_cmp(&b.slack_s).then_with(|| a.checkpoint.id.cmp(&b.checkpoint.id))
    });
    (reach, closing)
}

/// The roads that close ways out together with checkpoints, where they are fewer than the ways out
/// that they close.
fn ring(
    scene: &mut Scene<'_>,
    area: &Area,
    held: &Reach,
    open: &BTreeSet<NodeId>,
    effort: Effort,
) -> Option<Ring> {
    let stops = ring::stops(scene, area, held, open)?;
    if !(1..stops.closes).contains(&stops.count()) {
        return None;
    }
    let mut roads: Vec<WayOut> =
        stops.exits.iter().flat_map(|spot| area.describe(scene, *spot, &area.free)).collect();
    roads.extend(stops.streets.iter().map(|street| WayOut::through(scene, area, *street)));
    sort(&mut roads);
    scene.stop(stops.streets);
    let held = Reach::search(scene, &vec![true; scene.posts.len()], Bounds::Inside(&area.inside));
    let mut open = ways_out(scene, area, &held);
    open.extend(stops.exits);
    let solution = solve(scene, area, &held, &open, effort);
    let (_, checkpoints) = close(scene, area, &solution);
    let stopped_after_s = f64::from(STOP_S);
    Some(Ring { stopped_after_s, roads, checkpoints, proven: solution.proven })
}

fn sort(ways_out: &mut [WayOut]) {
    ways_out
        .sort_by(|a, b| (a.earliest_at, a.kind, &a.name).cmp(&(b.earliest_at, b.kind, &b.name)));
}
