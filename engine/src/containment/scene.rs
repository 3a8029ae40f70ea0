//! [`Scene`]: the roads, the checkpoints on them, and where the vehicle starts.

use std::collections::{BTreeMap, BTreeSet};

use interdict_protocols::Time;

use super::reach::Millis;
use super::{ContainError, LeftOut, Question, WhyLeftOut};
use crate::roads::{ArcId, Gate, NodeId, RoadGraph, RoadIndex, StreetId, gates};
use crate::{Checkpoint, State};

/// A receiver's error in a street: the vehicle may be on any of those within this, metres.
const NEAR_M: f64 = 60.0;
/// A car that is on no street stands beside one, metres: in a lot, a yard, at a field's edge.
const OFF_ROAD_M: f64 = 500.0;
/// Since longer ago than this it may be anywhere, seconds.
const LONGEST_S: f64 = 7.0 * 86_400.0;

/// The number of a checkpoint that can be used.
pub(super) type Post = u16;

/// A checkpoint that can be used.
pub(super) struct Candidate<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) gates: Vec<Gate>,
    /// When it is in place.
    pub(super) in_place: Millis,
}

/// Where the vehicle may have been.
pub(super) struct Start {
    pub(super) arc: ArcId,
    pub(super) offset_m: f32,
}

/// All that a search goes by. Times are milliseconds since the vehicle was last known.
pub(super) struct Scene<'a> {
    pub(super) graph: &'a RoadGraph,
    pub(super) posts: Vec<Candidate<'a>>,
    pub(super) starts: Vec<Start>,
    pub(super) now: Millis,
    /// The instant from which milliseconds are counted.
    begun_at: Time,
    /// Streets that are stopped otherwise than by a checkpoint.
    pub(super) stopped: BTreeSet<StreetId>,
    /// Milliseconds by the clock for each second by the map.
    ms_per_s: f32,
    /// Whether a street is more than a way from one end to the other.
    is_special: Vec<bool>,
    /// The posts along each street that has some, by metres from its beginning.
    on_street: BTreeMap<StreetId, Vec<(f32, Post)>>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        graph: &'a RoadGraph,
        index: &RoadIndex,
        checkpoints: &'a [Checkpoint],
        question: &Question,
    ) -> Result<(Self, Vec<LeftOut>), ContainError> {
        let elapsed_s = question.now.seconds_since(question.since);
        if elapsed_s < 0.0 {
            return Err(ContainError::Later { since: question.since, now: question.now });
        }
        let now = (elapsed_s.min(LONGEST_S) * 1_000.0) as Millis;
        let mut scene = Self {
            graph,
            posts: Vec::new(),
            starts: starts(graph, index, question)?,
            now,
            begun_at: question.now.plus_millis(-i64::from(now)),
            stopped: BTreeSet::new(),
            ms_per_s: question.pace as f32 * 1_000.0,
            is_special: vec![false; graph.pieces() * 2],
            on_street: BTreeMap::new(),
        };
        let mut left_out = Vec::new();
        for checkpoint in checkpoints {
            if let Err(why) = scene.place(index, checkpoint) {
                left_out.push(LeftOut { checkpoint: checkpoint.into(), why });
            }
        }
        for posts in scene.on_street.values_mut() {
            posts.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        Ok((scene, left_out))
    }

    fn place(&mut self, index: &RoadIndex, checkpoint: &'a Checkpoint) -> Result<(), WhyLeftOut> {
        let ready_s = match checkpoint.state {
            State::Manned => 0.0,
            State::Unmanned => checkpoint.ready_s,
            State::Closed => return Err(WhyLeftOut::Closed),
        };
        let gates = gates(self.graph, index, checkpoint);
        let Ok(post) = Post::try_from(self.posts.len()) else { return Err(WhyLeftOut::TooMany) };
        if gates.is_empty() {
            return Err(WhyLeftOut::OffRoad);
        }
        for gate in &gates {
            self.is_special[gate.street as usize] = true;
            self.on_street.entry(gate.street).or_default().push((gate.offset_m, post));
        }
        let in_place = self.now.saturating_add((ready_s * 1_000.0) as Millis);
        self.posts.push(Candidate { checkpoint, gates, in_place });
        Ok(())
    }

    /// Stops streets otherwise than by checkpoints.
    pub(super) fn stop(&mut self, streets: impl IntoIterator<Item = StreetId>) {
        for street in streets {
            self.is_special[street as usize] = true;
            self.stopped.insert(street);
        }
    }

    /// The instant of a number of milliseconds.
    pub(super) fn at(&self, time: Millis) -> Time {
        self.begun_at.plus_millis(i64::from(time))
    }

    /// Milliseconds that an arc takes.
    pub(super) fn takes(&self, arc: ArcId) -> Millis {
        (self.graph.time_s(arc) * self.ms_per_s) as Millis
    }

    /// Whether there is a post on a street, or it is stopped.
    pub(super) fn is_special(&self, street: StreetId) -> bool {
        self.is_special[street as usize]
    }

    /// The posts that are passed on an arc from so many metres along it on, in order, each with the
    /// time at which, where the arc is begun, or its `from_m` left, at `begun`.
    pub(super) fn passed(
        &self,
        arc: ArcId,
        from_m: Option<f32>,
        begun: Millis,
    ) -> impl Iterator<Item = (Post, Millis)> + '_ {
        let (length_m, takes) = (self.graph.length_m(arc), self.takes(arc) as f32);
        let posts = self.on_street.get(&self.graph.street(arc)).into_iter().flatten();
        // Who stands right at a post has passed it; who comes by the street has not.
        let ahead = move |(at_m, _): &&(f32, Post)| from_m.is_none_or(|from_m| *at_m > from_m);
        posts.filter(ahead).map(move |(at_m, post)| {
            let along_m = at_m - from_m.unwrap_or(0.0);
            (*post, begun.saturating_add((takes * along_m / length_m) as Millis))
        })
    }

    /// When the head of an arc is reached by who starts on it.
    pub(super) fn started(&self, start: &Start) -> Millis {
        let left_m = (self.graph.length_m(start.arc) - start.offset_m).max(0.0);
        (self.takes(start.arc) as f32 * left_m / self.graph.length_m(start.arc)) as Millis
    }

    /// The first of the nodes at the place of a node: turn restrictions make several of one
    /// junction, side by side, and what can be done at one can be done at all.
    pub(super) fn spot(&self, node: NodeId) -> NodeId {
        let place = self.graph.place(node);
        let mut first = node;
        while first > 0 && self.graph.place(first - 1) == place {
            first -= 1;
        }
        first
    }
}

/// All streets near the place, in both directions: which one the vehicle is on, and whether it turns
/// round, nobody knows.
fn starts(
    graph: &RoadGraph,
    index: &RoadIndex,
    question: &Question,
) -> Result<Vec<Start>, ContainError> {
    let place = (question.place.latitude, question.place.longitude);
    let mut snaps = index.near(graph, place, OFF_ROAD_M);
    let Some(nearest_m) = snaps.first().map(|snap| f64::from(snap.distance_m)) else {
        return Err(ContainError::OffRoad { place: question.place, within_m: OFF_ROAD_M });
    };
    // Who is beside the roads may have come from any that is nearly as near as the nearest.
    let beside_m = if nearest_m > NEAR_M { nearest_m + NEAR_M } else { NEAR_M };
    snaps.retain(|snap| {
        f64::from(snap.distance_m) <= beside_m.max(f64::from(graph.accuracy_m(snap.street)))
    });
    let starts = snaps.iter().flat_map(|snap| {
        let arcs = graph.arcs_along(snap.street).iter();
        arcs.map(|arc| Start { arc: *arc, offset_m: snap.offset_m })
    });
    Ok(starts.collect())
}
