//! What is asked, and the answer.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::area::Area;
use super::reach::Millis;
use super::scene::{Candidate, Scene};
use crate::roads::StreetId;
use crate::{CheckpointView, Position, State};

/// Where a vehicle was, and what is to be known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// Where it was...
    pub place: Position,
    /// ...and when.
    pub since: Time,
    /// When checkpoints are told.
    pub now: Time,
    /// It is to be held within what it could reach in so many seconds from `now`; beyond that it
    /// is out.
    pub within_s: f64,
    /// The share of the map's driving times that it takes at the fastest.
    pub pace: f64,
}

impl Question {
    /// An hour: further away another ring is closed.
    pub const WITHIN_S: f64 = 3_600.0;
    /// Who flees drives a quarter faster than the map's speeds, which are limits or what width and
    /// parked cars allow, and stands at no light.
    pub const PACE: f64 = 0.8;

    /// The question as it is usually asked.
    #[must_use]
    pub const fn new(place: Position, since: Time, now: Time) -> Self {
        Self { place, since, now, within_s: Self::WITHIN_S, pace: Self::PACE }
    }
}

/// Which checkpoints hold a vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Containment {
    /// Where it was...
    pub place: Position,
    /// ...and when.
    pub since: Time,
    /// When the checkpoints are told.
    pub now: Time,
    /// How far away from there it may be by now, metres, straight.
    pub may_be_within_m: f64,
    /// Seconds from `now` in which it reaches, if nobody stops it, what counts as outside.
    pub outside_after_s: f64,
    /// The map shows no road that leads out of it in that time, so that the places furthest away
    /// in it count as outside.
    pub no_road_out: bool,
    /// How many ways out there are that it may reach: exits of the map, and roads to what counts as
    /// outside.
    pub ways_out: usize,
    /// Whether the checkpoints close every way out.
    pub closed: bool,
    /// The fewest checkpoints that close every way out that checkpoints can close, the most urgent
    /// first.
    pub checkpoints: Vec<Closing>,
    /// Whether there are certainly no fewer; else the search was cut short.
    pub proven: bool,
    /// The ways out that stay open whichever checkpoints are manned, the one reached first first.
    pub uncovered: Vec<WayOut>,
    /// What would close the ways out that are open all the same, where fewer roads than there are
    /// ways out do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<Ring>,
    /// Checkpoints that cannot be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Roads to be stopped otherwise, and the checkpoints that close the ways out together with them:
/// all but those that the vehicle may reach before anybody can stop it there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ContainmentRing))]
pub struct Ring {
    /// Seconds from `now` after which a road can be stopped where no checkpoint is.
    pub stopped_after_s: f64,
    /// The fewest roads and exits.
    pub roads: Vec<WayOut>,
    /// The fewest checkpoints beside them, the most urgent first.
    pub checkpoints: Vec<Closing>,
    /// Whether there are certainly no fewer.
    pub proven: bool,
}

/// A checkpoint that closes roads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ClosingCheckpoint))]
pub struct Closing {
    /// Which.
    pub checkpoint: CheckpointView,
    /// Its state now.
    pub state: State,
    /// Where it is.
    pub place: Position,
    /// The roads that it closes, by name.
    pub roads: Vec<String>,
    /// When it is in place, if it is told now.
    pub in_place_at: Time,
    /// When the vehicle can be there at the earliest: it must be in place by then.
    pub earliest_at: Time,
    /// Seconds between the two.
    pub slack_s: f64,
}

/// How the vehicle gets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WayOutKind {
    /// By a road that goes on where the map ends.
    Road,
    /// On a ferry.
    Ferry,
    /// By a road to what counts as outside.
    Beyond,
    /// By a road that can be stopped.
    Through,
}

/// A way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WayOut {
    /// How.
    pub kind: WayOutKind,
    /// The road's or the ferry's name, empty where it has none.
    pub name: String,
    /// Where.
    pub place: Position,
    /// When the vehicle can be there at the earliest.
    pub earliest_at: Time,
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LeftOutCheckpoint))]
pub struct LeftOut {
    /// Which.
    pub checkpoint: CheckpointView,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why a checkpoint cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhyLeftOut {
    /// Its state says so.
    Closed,
    /// It is on no road of the map.
    OffRoad,
    /// The vehicle can have passed before it is in place, if nobody holds it up.
    TooLate,
    /// There are more checkpoints than can be reckoned with.
    TooMany,
}

impl Closing {
    pub(super) fn new(scene: &Scene<'_>, post: &Candidate<'_>, earliest: Millis) -> Self {
        let mut roads: Vec<String> = Vec::new();
        for gate in &post.gates {
            let name = scene.graph.name(gate.street);
            if !name.is_empty() && !roads.iter().any(|known| known == name) {
                roads.push(name.to_owned());
            }
        }
        let gate = post.gates.first();
        let place = gate.map(|gate| scene.graph.place_along(gate.street, gate.offset_m));
        let (in_place_at, earliest_at) = (scene.at(post.in_place), scene.at(earliest));
        Self {
            checkpoint: post.checkpoint.into(),
            state: post.checkpoint.state,
            place: position(place.unwrap_or_default()),
            roads,
            in_place_at,
            earliest_at,
            slack_s: earliest_at.seconds_since(in_place_at),
        }
    }
}

impl WayOut {
    pub(super) fn new(
        scene: &Scene<'_>,
        kind: WayOutKind,
        name: &str,
        place: (f64, f64),
        earliest: Millis,
    ) -> Self {
        let (name, place, earliest_at) = (name.to_owned(), position(place), scene.at(earliest));
        Self { kind, name, place, earliest_at }
    }

    /// A street inside, to be stopped where it begins.
    pub(super) fn through(scene: &Scene<'_>, area: &Area, street: StreetId) -> Self {
        let graph = scene.graph;
        let begun = graph.arcs_along(street).iter().map(|arc| graph.tail(*arc) as usize);
        let earliest = begun.map(|tail| area.free.time[tail]).min().unwrap_or_default();
        let place = graph.place_along(street, 0.0);
        Self::new(scene, WayOutKind::Through, graph.name(street), place, earliest)
    }
}

const fn position((latitude, longitude): (f64, f64)) -> Position {
    Position { latitude, longitude }
}
