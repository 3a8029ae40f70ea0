//! [`RoadApproach`]: how likely a vehicle passes each checkpoint, by which way and when.
//!
//! Where a drive will end is not known, but each fix tells something of it: who is on the way to a
//! place comes nearer to it, in time by road, by as much as he drives; who is not loses time. So a
//! likelihood is kept for each of some hundred zones and for each checkpoint as the destination
//! ([`Destinations`]). A checkpoint is passed by those who are on the way to it, and by those whose
//! way leads by it: to whom passing it costs hardly more time than the shortest way does
//! ([`outlook`]). After Krumm and Horvitz 2006, "Predestination": efficient driving tells the
//! destination.

mod destinations;
mod outlook;
mod pace;
#[cfg(test)]
mod quality;
mod reach;
#[cfg(test)]
mod sketch;
#[cfg(test)]
mod tests;

use interdict_protocols::{Fix, Time};
use serde::{Deserialize, Serialize};

use self::destinations::Destinations;
pub use self::outlook::{Evidence, Outlook, Route};
use self::pace::Pace;
pub(crate) use self::reach::{Drive, Reach};
use super::matching::{Matcher, Passage, Sight, Step};
use super::network::Roads;

/// After such a silence nobody knows which way it drove, seconds.
const GAP_S: f64 = 600.0;
/// A vehicle that covers less than this between two fixes stands, metres a second: a receiver's
/// error of some metres moves it as fast.
const STANDING_M_S: f32 = 0.7;

/// What is known of one vehicle's way. Bounded: some kilobytes, whatever comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoadApproach {
    /// The roads that this is about, by their checksum.
    roads: u64,
    matcher: Matcher,
    destinations: Destinations,
    pace: Pace,
    /// The newest fix that the roads explain.
    time: Option<Time>,
    /// Since when it stands.
    standing_since: Option<Time>,
    /// What the last fix brought to light.
    passages: Vec<Passage>,
}

impl RoadApproach {
    /// Takes the next live fix of the vehicle.
    pub fn observe(&mut self, roads: &Roads, time: Time, fix: &Fix) {
        self.passages.clear();
        let elapsed_s = self.time.map(|last| time.seconds_since(last));
        if self.roads != roads.checksum || elapsed_s.is_some_and(|s| s > GAP_S) {
            let destinations = std::mem::take(&mut self.destinations);
            *self = Self { roads: roads.checksum, ..Self::default() };
            if elapsed_s.is_some() {
                self.destinations = destinations.after_gap(roads);
            }
        } else if elapsed_s.is_some_and(|s| s <= 0.0) {
            return;
        }
        let sight = Sight {
            place: (fix.latitude, fix.longitude),
            time,
            speed_kmh: fix.speed_kmh.map(|speed| speed as f32),
            course_deg: fix.course_deg.map(|course| course as f32),
        };
        let Some(step) = self.matcher.observe(roads, sight) else { return };
        let Some(stand) = self.matcher.best() else { return };
        let elapsed_s = self.time.map_or(0.0, |last| time.seconds_since(last)) as f32;
        self.time = Some(time);
        if !step.followed || step.driven_m > STANDING_M_S * elapsed_s {
            self.standing_since = None;
        } else if self.standing_since.is_none() {
            self.standing_since = Some(time.plus_seconds(-f64::from(elapsed_s)));
        }
        let driven_s = step.followed.then(|| driven_s(roads, &step, stand.offset_m));
        if let Some(driven_s) = driven_s {
            self.pace.learn(&roads.model, driven_s, elapsed_s);
        }
        let standing_s = self.standing_s();
        self.destinations.follow(roads, stand.arc, stand.offset_m, driven_s, elapsed_s, standing_s);
        // On a map that is exact nobody turns round, and the times to what lies behind say it all.
        if !step.followed
            && roads.graph.has_undrawn(roads.graph.street(stand.arc))
            && sight.course_deg().is_some()
        {
            self.destinations.set_out(roads, stand.arc, stand.offset_m);
        }
        self.passages = self.matcher.passages(time);
    }

    /// The checkpoints that the newest fix shows to be passed, with the time of each: where two
    /// fixes lie on either side, in proportion to the way between them.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// Whether the vehicle is on a road, so that outlooks can be had.
    #[must_use]
    pub fn is_on_road(&self) -> bool {
        self.matcher.best().is_some()
    }

    /// The newest fix that these roads explain, where the vehicle is on one of them.
    #[must_use]
    pub fn on_road_at(&self, roads: &Roads) -> Option<Time> {
        self.time.filter(|_| self.roads == roads.checksum && self.is_on_road())
    }

    fn standing_s(&self) -> f32 {
        match (self.standing_since, self.time) {
            (Some(since), Some(time)) => time.seconds_since(since) as f32,
            _ => 0.0,
        }
    }
}

/// Seconds that a step takes at the map's speeds, up to `to_m` on its last arc.
fn driven_s(roads: &Roads, step: &Step, to_m: f32) -> f32 {
    let graph = &roads.graph;
    let last = step.way.len().saturating_sub(1);
    step.way.iter().enumerate().fold(0.0, |sum, (i, arc)| {
        let length_m = graph.length_m(*arc);
        let from_m = if i == 0 { step.from_m } else { 0.0 };
        let to_m = if i == last { to_m } else { length_m };
        sum + graph.time_s(*arc) * ((to_m - from_m) / length_m).max(0.0)
    })
}
