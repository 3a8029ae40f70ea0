//! [`Track`]: a flagged vehicle's way of the last minutes.

use std::collections::VecDeque;

use interdict_protocols::{Fix, Time};
use serde::{Deserialize, Serialize};

use crate::Position;
use crate::geo::{Plane, distance_m};
use crate::judge::{Sight, position};

/// How far back a track goes, counted from the last movement.
const LENGTH_S: f64 = 900.0;
/// How many fixes it holds.
const FIXES: usize = 256;
/// Fixes closer together than this are thinned out, so that a fix a second makes ten minutes.
const SPACING_S: f64 = 4.0;
/// A receiver at rest wanders about within this; a vehicle that moved has left it.
const WANDER_M: f64 = 25.0;
/// A vehicle that came no further than at this pace has stood for the rest of the time.
const PACE_M_S: f64 = 8.0;
/// Between two movements this far apart nothing need have stopped.
const PAUSE_S: f64 = 20.0;
/// Until intervals are known: what most fleets set.
const USUAL_INTERVAL_S: f64 = 30.0;
/// An interval beyond this says that the vehicle sleeps, not when it will be heard again.
const LONGEST_INTERVAL_S: f64 = 120.0;
/// Intervals that the usual one is the middle of.
const INTERVALS: usize = 8;

/// One fix of a track.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) sight: Sight,
    pub(crate) speed_kmh: Option<f64>,
    pub(crate) course_deg: Option<f64>,
    /// Metres driven since the track began.
    pub(crate) driven_m: f64,
    /// Seconds stood since the track began.
    pub(crate) stood_s: f64,
}

/// A flagged vehicle's live fixes of the last minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Track {
    steps: VecDeque<Step>,
    /// Where it last moved to.
    moved: Option<Sight>,
    /// Seconds stood until then.
    stood_s: f64,
    intervals_s: VecDeque<f64>,
}

impl Track {
    /// Adds a live fix; one that is not later than the newest one is passed over.
    pub(crate) fn push(&mut self, time: Time, fix: &Fix) {
        let here = Sight { time, position: position(fix) };
        let (mut driven_m, mut stood_s) = (0.0, 0.0);
        if let (Some(last), Some(moved)) = (self.steps.back(), self.moved) {
            let interval_s = time.seconds_since(last.sight.time);
            if interval_s <= 0.0 {
                return;
            }
            if self.intervals_s.len() == INTERVALS {
                self.intervals_s.pop_front();
            }
            self.intervals_s.push_back(interval_s);
            (driven_m, stood_s) = (last.driven_m, self.stood_s);
            let metres = distance_m(moved.position, here.position);
            let seconds = time.seconds_since(moved.time);
            let moving_s = if metres >= WANDER_M { metres / PACE_M_S } else { 0.0 };
            if seconds > PAUSE_S {
                stood_s += (seconds - moving_s).max(0.0);
            }
            if metres >= WANDER_M {
                driven_m += metres;
                self.moved = Some(here);
                self.stood_s = stood_s;
            }
        } else {
            self.moved = Some(here);
            self.stood_s = 0.0;
        }
        let step = Step {
            sight: here,
            speed_kmh: fix.speed_kmh,
            course_deg: fix.course_deg,
            driven_m,
            stood_s,
        };
        self.thin(here.time);
        self.steps.push_back(step);
        self.prune();
    }

    /// Makes room for a fix at `time`: the newest goes where the one before it is near enough, or
    /// where the vehicle has not moved since.
    fn thin(&mut self, time: Time) {
        let Some(before) = self.steps.len().checked_sub(2).and_then(|index| self.steps.get(index))
        else {
            return;
        };
        let at_rest = self.moved.is_some_and(|moved| before.sight.time >= moved.time);
        if at_rest || time.seconds_since(before.sight.time) < SPACING_S {
            self.steps.pop_back();
        }
    }

    fn prune(&mut self) {
        let Some(moved) = self.moved else { return };
        while self.steps.len() > FIXES
            || (self.steps.len() > 1
                && self
                    .steps
                    .front()
                    .is_some_and(|first| moved.time.seconds_since(first.sight.time) > LENGTH_S))
        {
            self.steps.pop_front();
        }
    }

    /// Forgets the way, but not how often the vehicle is heard.
    pub(crate) fn restart(&mut self) {
        self.steps.clear();
        self.moved = None;
    }

    pub(crate) fn last(&self) -> Option<&Step> {
        self.steps.back()
    }

    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter()
    }

    /// The earliest fix not more than `seconds` before the last movement.
    pub(crate) fn before(&self, seconds: f64) -> Option<&Step> {
        let moved = self.moved?;
        let index =
            self.steps.partition_point(|step| moved.time.seconds_since(step.sight.time) > seconds);
        self.steps.get(index)
    }

    /// Seconds since the vehicle last moved, at the newest fix.
    pub(crate) fn standing_s(&self) -> f64 {
        match (self.last(), self.moved) {
            (Some(last), Some(moved)) => last.sight.time.seconds_since(moved.time),
            _ => 0.0,
        }
    }

    /// Metres driven, seconds taken and seconds stood from a fix until the last movement.
    pub(crate) fn since(&self, start: &Step) -> Option<(f64, f64, f64)> {
        let driven_m = self.last()?.driven_m - start.driven_m;
        let seconds = self.moved?.time.seconds_since(start.sight.time);
        Some((driven_m, seconds, (self.stood_s - start.stood_s).clamp(0.0, seconds.max(0.0))))
    }

    /// The direction of travel: as the receiver says, else as the last two places say.
    pub(crate) fn course_deg(&self) -> Option<f64> {
        let last = self.last()?;
        // A receiver at rest has no course, whatever it says.
        if last.course_deg.is_some() && last.speed_kmh.is_none_or(|speed| speed >= 5.0) {
            return last.course_deg;
        }
        let from = self
            .steps
            .iter()
            .rev()
            .find(|step| distance_m(step.sight.position, last.sight.position) >= WANDER_M)?;
        Plane::at(from.sight.position).place(last.sight.position).bearing_deg()
    }

    /// The usual time from one fix to the next.
    pub(crate) fn interval_s(&self) -> f64 {
        let mut intervals: Vec<f64> = self.intervals_s.iter().copied().collect();
        intervals.sort_unstable_by(f64::total_cmp);
        let usual = intervals.get(intervals.len() / 2).copied().unwrap_or(USUAL_INTERVAL_S);
        usual.clamp(1.0, LONGEST_INTERVAL_S)
    }
}

/// Where a step was.
impl Step {
    pub(crate) const fn position(&self) -> Position {
        self.sight.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A track of places metres north, each at a time in seconds.
    fn track(places: &[(i64, f64)]) -> Track {
        let mut track = Track::default();
        for &(seconds, north_m) in places {
            let time = Time::from_seconds(seconds);
            let fix = Fix::new(time, 38.9 + north_m / 111_195.08, 121.6).unwrap();
            track.push(time, &fix);
        }
        track
    }

    #[test]
    fn a_receiver_at_rest_drives_nowhere() {
        let wander: Vec<(i64, f64)> = (0..100).map(|n| (n * 10, (n * 7 % 20) as f64)).collect();
        let track = track(&wander);
        assert_eq!(track.last().unwrap().driven_m, 0.0);
        assert_eq!(track.standing_s(), 990.0);
        let start = track.before(300.0).unwrap();
        assert_eq!(track.since(start), Some((0.0, 0.0, 0.0)));
        assert!(track.last().unwrap().stood_s > 900.0);
        assert!(track.steps.len() <= 3, "{}", track.steps.len());
    }

    #[test]
    fn the_way_and_the_standing_of_a_drive_with_a_red_light_are_told_apart() {
        let mut places: Vec<(i64, f64)> = (0..=10).map(|n| (n * 10, n as f64 * 150.0)).collect();
        places.extend((11..=16).map(|n| (n * 10, 1_500.0)));
        places.extend((17..=26).map(|n| (n * 10, (n - 6) as f64 * 150.0)));
        let track = track(&places);
        let last = track.last().unwrap();
        assert!((last.driven_m - 3_000.0).abs() < 1.0, "{}", last.driven_m);
        assert!((last.stood_s - 60.0).abs() < 15.0, "{}", last.stood_s);
        assert_eq!(track.standing_s(), 0.0);
        assert_eq!(track.course_deg(), Some(0.0));
        assert_eq!(track.interval_s(), 10.0);
    }

    #[test]
    fn a_track_is_bounded_in_time_and_number() {
        let fast: Vec<(i64, f64)> = (0..3_000).map(|n| (n, n as f64 * 15.0)).collect();
        let track = track(&fast);
        assert!(track.steps.len() <= FIXES);
        let first = track.steps.front().unwrap().sight.time;
        assert!((500.0..=900.0).contains(&Time::from_seconds(2_999).seconds_since(first)));
        // Thinning loses no metre of the way.
        let way_m = track.last().unwrap().driven_m - track.steps.front().unwrap().driven_m;
        let seconds = Time::from_seconds(2_999).seconds_since(first);
        assert!((way_m - seconds * 15.0).abs() < 60.0);
    }
}
