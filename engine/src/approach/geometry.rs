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
//! No weight is fitted to a city.

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

    /// Metres to the nearest part of a checkpoint, straight.
    pub(crate) fn straight_m(&self, site: &Site) -> f64 {
        site.way_from(&self.plane, Offset::ORIGIN).length_m()
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
        let odds = BIAS
            + PER_EFFICIENCY * efficiency.unwrap_or(UNKNOWN_EFFICIENCY)
            + PER_COURSE * course
            + PER_MINUTE * (eta_s / 60.0 - USUAL_ETA_MIN)
            + PER_MINUTE_STANDING * standing_min
            + WRONG_WAY * contrary;
        let probability = 1.0 / (1.0 + libm::exp(-odds));
        Outlook {
            probability: probability.clamp(0.0, SUREST),
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
                road: None,
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
        let seconds = last.sight.time.seconds_since(start.sight.time) - track.standing_s();
        let driven_m = last.driven_m - start.driven_m;
        if seconds < SHORTEST_MEASURE_S || driven_m < SHORTEST_WAY_M {
            return None;
        }
        let stood_s = (last.stood_s - start.stood_s).clamp(0.0, seconds);
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
