//! The estimate by geometry alone: how well the way of the last minutes led to a checkpoint.
//!
//! A vehicle that is going somewhere spends its driving on getting nearer to it. How well it does so
//! (*efficiency*: metres nearer for each metre driven) over the last one, two and a half and five
//! minutes is the best witness; its course is a second one, quicker and less reliable; and the more
//! time is left, the more turnings. These go into one logistic. Its weights are round numbers, chosen
//! so that
//!
//! - a vehicle that drives straight at a checkpoint four minutes away is nearly sure to pass (0.87),
//! - one whose driving is half spent on getting nearer is as likely as not to (0.46),
//! - one that drives past at right angles is not likely to (0.1), one that drives away is not at all,
//! - each further minute takes off an eighth of the odds.
//!
//! No weight is fitted to a city. It follows that the figure is right for a road that everybody must
//! take who goes that way; among the streets of a town, many of which lead past a checkpoint and not
//! to it, it is far too sure, since geometry cannot tell them apart. Roads can.

use super::outlook::{Evidence, Outlook};
use super::track::{Step, Track};
use crate::Position;
use crate::geo::{Offset, Plane, Site, angle_between_deg};

const BIAS: f64 = -2.2;
const PER_EFFICIENCY: f64 = 3.2;
const PER_COURSE: f64 = 0.9;
const PER_MINUTE: f64 = -0.12;
/// The ETA at which the bias is right.
const USUAL_ETA_MIN: f64 = 4.0;
/// A vehicle that stands has perhaps arrived elsewhere; the first minute is a red light.
const PER_MINUTE_STANDING: f64 = -0.1;
const RED_LIGHT_S: f64 = 60.0;
/// Coming from the side whose traffic does not count: it would have to turn round first.
const WRONG_WAY: f64 = -5.0;
/// So near, a receiver's error decides in which direction a checkpoint lies.
const AT_HAND_M: f64 = 50.0;
/// Nobody is ever entirely sure.
const SUREST: f64 = 0.99;

/// The times over which efficiency is measured.
const WINDOWS_S: [f64; 3] = [60.0, 150.0, 300.0];
/// A shorter way than this shows no efficiency.
const SHORTEST_WAY_M: f64 = 150.0;
/// What is taken for it where nothing is known yet: half of what a purposeful drive shows.
const UNKNOWN_EFFICIENCY: f64 = 0.4;

/// Roads are longer than the straight line by this much on the whole.
const DETOUR: f64 = 1.3;
/// A speed measured over less than this is guesswork.
const SHORTEST_MEASURE_S: f64 = 60.0;
/// What a vehicle in a town does where nothing else is known.
const USUAL_KMH: f64 = 40.0;
/// A jam is not for ever: the slowest that is expected of a vehicle on its way.
const SLOWEST_KMH: f64 = 22.0;
/// No vehicle goes faster than this for long, whatever its tracker says.
const FASTEST_KMH: f64 = 200.0;
/// How much sooner and later than expected it may well be there.
const EARLY: f64 = 0.78;
const LATE: f64 = 1.5;
const LATE_S: f64 = 30.0;

/// What is the same for every checkpoint.
pub(crate) struct Motion<'a> {
    track: &'a Track,
    plane: Plane,
    speed_m_s: f64,
    course_deg: Option<f64>,
    standing_s: f64,
    windows: [Option<Window>; WINDOWS_S.len()],
}

/// Where the vehicle was at the beginning of a window, and how far it has driven since.
#[derive(Clone, Copy)]
struct Window {
    start: Offset,
    driven_m: f64,
}

impl<'a> Motion<'a> {
    /// `None` without a fix.
    pub(crate) fn of(track: &'a Track) -> Option<Self> {
        let last = track.last()?;
        let plane = Plane::at(last.position());
        let window = |seconds: f64| {
            let start = track.before(seconds)?;
            let driven_m = last.driven_m - start.driven_m;
            let start = plane.place(start.position());
            (driven_m >= SHORTEST_WAY_M).then_some(Window { start, driven_m })
        };
        Some(Self {
            track,
            plane,
            speed_m_s: speed_kmh(track, last) / 3.6,
            course_deg: track.course_deg(),
            standing_s: track.standing_s(),
            windows: WINDOWS_S.map(window),
        })
    }

    pub(crate) const fn track(&self) -> &'a Track {
        self.track
    }

    pub(crate) const fn course_deg(&self) -> Option<f64> {
        self.course_deg
    }

    /// The plane whose origin is the newest fix.
    pub(crate) const fn plane(&self) -> &Plane {
        &self.plane
    }

    pub(crate) fn distance_m(&self, position: Position) -> f64 {
        self.plane.place(position).length_m()
    }

    /// How far it may come within `seconds`.
    pub(crate) fn reach_m(&self, seconds: f64) -> f64 {
        self.speed_m_s * seconds
    }

    /// The estimate for one checkpoint.
    pub(crate) fn outlook(&self, site: &Site) -> Outlook {
        let way = site.way_from(&self.plane, Offset::ORIGIN);
        let distance_m = way.length_m();
        let efficiency = self.efficiency(site, distance_m);
        let off_course_deg =
            self.course_deg.and_then(|course| Some(angle_between_deg(course, way.bearing_deg()?)));

        // Half of what it showed of late, half of what roads usually are.
        let straightness =
            f64::midpoint(efficiency.unwrap_or(1.0 / DETOUR).clamp(0.2, 1.0), 1.0 / DETOUR);
        let eta_s = distance_m / (self.speed_m_s * straightness);

        let course = off_course_deg.map_or(0.0, |degrees| libm::cos(degrees.to_radians()));
        let contrary = contrary(site, way, self.course_deg);
        let standing_min = (self.standing_s - RED_LIGHT_S).max(0.0) / 60.0;
        let log_odds = log_odds(efficiency.unwrap_or(UNKNOWN_EFFICIENCY), course, eta_s)
            + PER_MINUTE_STANDING * standing_min
            + WRONG_WAY * contrary;
        Outlook {
            probability: probability(log_odds).min(SUREST),
            eta_s,
            eta_early_s: eta_s * EARLY,
            eta_late_s: eta_s * LATE + LATE_S,
            distance_m,
            route: Vec::new(),
            evidence: Evidence {
                speed_kmh: self.speed_m_s * 3.6,
                efficiency,
                off_course_deg,
                standing_s: self.standing_s,
                wrong_way: contrary >= 1.0,
            },
        }
    }

    fn efficiency(&self, site: &Site, distance_m: f64) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for window in self.windows.iter().flatten() {
            let gained_m = site.way_from(&self.plane, window.start).length_m() - distance_m;
            sum += (gained_m / window.driven_m).clamp(-1.0, 1.0);
            count += 1.0;
        }
        (count > 0.0).then(|| sum / count)
    }
}

/// The logarithm of the odds of a vehicle under way; `course` is the cosine of the angle between
/// its course and the way.
fn log_odds(efficiency: f64, course: f64, eta_s: f64) -> f64 {
    BIAS + PER_EFFICIENCY * efficiency
        + PER_COURSE * course
        + PER_MINUTE * (eta_s / 60.0 - USUAL_ETA_MIN)
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

/// How far the way to a checkpoint lies across (0) or against (1) its direction.
fn contrary(site: &Site, way: Offset, course_deg: Option<f64>) -> f64 {
    let way_deg = if way.length_m() < AT_HAND_M { course_deg } else { way.bearing_deg() };
    match (site.checkpoint.bearing_deg, way_deg) {
        (Some(bearing), Some(way)) => {
            ((angle_between_deg(bearing, way) - 60.0) / 60.0).clamp(0.0, 1.0)
        }
        _ => 0.0,
    }
}

/// The speed expected for the rest of the way: mostly that of the last five minutes, in which
/// standing counts half, so that a red light makes no difference and a jam makes some; partly that
/// of the moment, which says whether the road is a fast one.
fn speed_kmh(track: &Track, last: &Step) -> f64 {
    let [.., longest_s] = WINDOWS_S;
    let now_kmh = last.speed_kmh.filter(|speed| *speed >= 5.0);
    let measured_kmh = track.before(longest_s).and_then(|start| {
        let (driven_m, seconds, stood_s) = track.since(start)?;
        if seconds < SHORTEST_MEASURE_S || driven_m < SHORTEST_WAY_M {
            return None;
        }
        Some(driven_m / (seconds - stood_s / 2.0) * 3.6)
    });
    let expected_kmh = match (measured_kmh, now_kmh) {
        (Some(measured), Some(now)) => measured * 0.7 + now * 0.3,
        (Some(measured), None) => measured,
        (None, Some(now)) => f64::midpoint(now, USUAL_KMH),
        (None, None) => USUAL_KMH,
    };
    expected_kmh.clamp(SLOWEST_KMH, FASTEST_KMH)
}

#[cfg(test)]
mod tests {
    use interdict_protocols::{Fix, Time};

    use super::*;
    use crate::{Checkpoint, Kind, Position, Shape, State};

    const MIDDLE: Position = Position { latitude: 38.95, longitude: 121.6 };

    fn place(east_m: f64, north_m: f64) -> Position {
        Plane::at(MIDDLE).position(Offset { east_m, north_m })
    }

    fn site(east_m: f64, north_m: f64) -> Site {
        Site::new(Checkpoint {
            id: "c".into(),
            name: "C".to_owned(),
            name_zh: None,
            kind: Kind::ThroatRoad,
            unit: "u".into(),
            ring: None,
            shape: Shape::Point(place(east_m, north_m)),
            bearing_deg: None,
            lead_s: 240.0,
            ready_s: 0.0,
            radius_m: 100.0,
            state: State::Manned,
            approximate: false,
            accuracy_m: None,
        })
    }

    /// Six minutes north at 60 km/h that end in the middle, then so many minutes of standing there.
    fn driven_north(standing_min: u32) -> Track {
        let mut track = Track::default();
        let mut push = |seconds: f64, north_m, speed_kmh| {
            let Position { latitude, longitude } = place(0.0, north_m);
            let time = Time::from_seconds(1_000_000).plus_seconds(seconds);
            let mut fix = Fix::new(time, latitude, longitude).unwrap();
            (fix.speed_kmh, fix.course_deg) = (Some(speed_kmh), Some(0.0));
            track.push(time, &fix);
        };
        for step in 0..=36_u32 {
            let seconds = f64::from(step) * 10.0;
            push(seconds, (seconds - 360.0) * 60.0 / 3.6, 60.0);
        }
        for step in 1..=standing_min * 6 {
            push(360.0 + f64::from(step) * 10.0, 0.0, 0.0);
        }
        track
    }

    fn outlook(track: &Track, east_m: f64, north_m: f64) -> Outlook {
        Motion::of(track).unwrap().outlook(&site(east_m, north_m))
    }

    #[test]
    fn the_weights_mean_what_they_are_said_to_mean() {
        let rounded = |efficiency, course, eta_s| {
            (probability(log_odds(efficiency, course, eta_s)) * 100.0).round() / 100.0
        };
        assert_eq!(rounded(1.0, 1.0, 240.0), 0.87);
        assert_eq!(rounded(0.5, 0.5, 240.0), 0.46);
        assert_eq!(rounded(0.0, 0.0, 240.0), 0.1);
        assert_eq!(rounded(-1.0, -1.0, 240.0), 0.0);
        let minute = log_odds(1.0, 1.0, 300.0) - log_odds(1.0, 1.0, 240.0);
        assert!((libm::exp(minute) - 0.88).abs() < 0.01);
    }

    #[test]
    fn the_further_off_the_way_the_less_likely() {
        let track = driven_north(0);
        let places = [(0.0, 3_000.0), (1_500.0, 2_600.0), (3_000.0, 0.0), (0.0, -3_000.0)];
        let likely = places.map(|(east_m, north_m)| outlook(&track, east_m, north_m).probability);
        assert!(likely.is_sorted_by(|one, other| one > other), "{likely:?}");
        assert!(likely[0] > 0.85 && likely[2] < 0.4 && likely[3] < 0.01, "{likely:?}");
    }

    #[test]
    fn a_straight_drive_arrives_between_the_early_and_the_expected_time() {
        let outlook = outlook(&driven_north(0), 0.0, 4_000.0);
        assert!((outlook.evidence.speed_kmh - 60.0).abs() < 0.5);
        assert_eq!(outlook.evidence.efficiency.map(|efficiency| efficiency.round()), Some(1.0));
        assert!((outlook.eta_early_s..outlook.eta_s).contains(&240.0), "{outlook:?}");
    }

    #[test]
    fn standing_changes_the_speed_expected_little_and_the_probability_slowly() {
        let at_minutes = |minutes| outlook(&driven_north(minutes), 0.0, 4_000.0);
        let (moving, light, parked) = (at_minutes(0), at_minutes(1), at_minutes(20));
        assert!((light.probability - moving.probability).abs() < 0.01);
        assert!((light.evidence.speed_kmh - 60.0).abs() < 1.0, "{light:?}");
        assert!((parked.evidence.speed_kmh - 60.0).abs() < 1.0, "{parked:?}");
        assert!(parked.probability < 0.6 && parked.probability > 0.3, "{parked:?}");
    }
}
