//! Whether a vehicle has passed a checkpoint, seen from two fixes in a row.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::geometry::Motion;
use crate::Shape;
use crate::geo::{Offset, Site};
use crate::judge::Sight;

/// Having come this much further from a point again, a vehicle has passed it and does not wander.
const RECEDED_M: f64 = 30.0;
/// A vehicle that stays passes when it leaves: it has not while it is as near as it was.
const AS_NEAR_M: f64 = 10.0;
/// A moving vehicle this near a point is passing it: a lane's width and a receiver's error.
const AT_M: f64 = 25.0;
const MOVING_M_S: f64 = 3.0;
/// A way shorter than this has no direction of its own.
const DIRECTED_M: f64 = 25.0;
/// An area is left where the vehicle is this far outside: receivers put it outside now and then.
const LEFT_M: f64 = 50.0;

/// Where a vehicle stands with a checkpoint's very place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// Within a point's radius: the nearest it came, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nearest: Option<(f64, Time)>,
    /// In an area.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    inside: bool,
}

/// What two fixes in a row show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Passage {
    /// It came by a point or crossed a line.
    Passed(Time),
    /// It went into an area and is there.
    Entered(Time),
    /// It went into an area and out again.
    Through(Time),
    /// It was in an area and is not.
    Left,
    /// It came by or crossed in a direction that does not count.
    Contrary,
}

impl Presence {
    /// Whether it is there.
    pub(crate) const fn is_there(&self) -> bool {
        self.inside || self.nearest.is_some()
    }

    /// Takes the newest fix in. `before` is the fix before it, unless too long ago for a straight
    /// way to be assumed.
    pub(crate) fn follow(
        &mut self,
        site: &Site,
        motion: &Motion<'_>,
        before: Option<Sight>,
        now: Sight,
    ) -> Option<Passage> {
        let plane = motion.plane();
        let step = before.map(|before| {
            let start = plane.place(before.position);
            let way = Offset::ORIGIN.minus(start);
            let directed = way.length_m() >= DIRECTED_M;
            let course_deg = if directed { way.bearing_deg() } else { motion.course_deg() };
            let seconds = now.time.seconds_since(before.time);
            Step { start, since: before.time, seconds, length_m: way.length_m(), course_deg }
        });
        match (&site.checkpoint.shape, step) {
            (Shape::Point(point), step) => {
                let point = plane.place(*point);
                self.follow_point(site, point, motion, step, now.time)
            }
            (Shape::Line(_), Some(step)) => {
                let share = site.first_crossing(plane, step.start, Offset::ORIGIN)?;
                Some(if site.counts(step.course_deg) {
                    Passage::Passed(step.at(share))
                } else {
                    Passage::Contrary
                })
            }
            (Shape::Line(_), None) => None,
            (Shape::Polygon(_), step) => self.follow_area(site, motion, step),
        }
    }

    fn follow_point(
        &mut self,
        site: &Site,
        point: Offset,
        motion: &Motion<'_>,
        step: Option<Step>,
        now: Time,
    ) -> Option<Passage> {
        let (metres, at, course_deg) = step.as_ref().map_or_else(
            || (point.length_m(), now, motion.course_deg()),
            |step| {
                let (share, metres) = point.nearest_on(step.start, Offset::ORIGIN);
                (metres, step.at(share), step.course_deg)
            },
        );
        if step.is_none() {
            self.nearest = None;
        }
        let is_nearest = self.nearest.is_none_or(|(known, _)| metres < known + AS_NEAR_M);
        if metres <= site.radius_m && is_nearest {
            if site.counts(course_deg) {
                let nearest_m = self.nearest.map_or(metres, |(known, _)| known.min(metres));
                self.nearest = Some((nearest_m, at));
            } else if self.nearest.is_none() {
                return Some(Passage::Contrary);
            }
        }
        let (nearest_m, at) = self.nearest?;
        let step = step?;
        let distance_m = point.length_m();
        let receded = distance_m > site.radius_m || distance_m >= nearest_m + RECEDED_M;
        if receded || (nearest_m <= AT_M && step.length_m >= MOVING_M_S * step.seconds) {
            self.nearest = None;
            return Some(Passage::Passed(at));
        }
        None
    }

    fn follow_area(
        &mut self,
        site: &Site,
        motion: &Motion<'_>,
        step: Option<Step>,
    ) -> Option<Passage> {
        let plane = motion.plane();
        let holds = site.holds(plane, Offset::ORIGIN);
        if self.inside {
            let away_m = site.way_from(plane, Offset::ORIGIN).length_m();
            if holds || (away_m <= LEFT_M && step.is_some()) {
                return None;
            }
            self.inside = false;
            return Some(Passage::Left);
        }
        self.inside = holds;
        let step = step?;
        let share = site.first_crossing(plane, step.start, Offset::ORIGIN)?;
        match (site.holds(plane, step.start), holds) {
            (false, true) => Some(Passage::Entered(step.at(share))),
            (false, false) => Some(Passage::Through(step.at(share))),
            (true, _) => None,
        }
    }
}

/// The way from the fix before to the newest one.
struct Step {
    start: Offset,
    since: Time,
    seconds: f64,
    length_m: f64,
    course_deg: Option<f64>,
}

impl Step {
    fn at(&self, share: f64) -> Time {
        self.since.plus_seconds(self.seconds * share)
    }
}
