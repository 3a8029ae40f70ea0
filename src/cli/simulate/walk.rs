//! [`Walk`]: where a simulated vehicle goes: at random about a place, or along a recorded track.

use std::sync::Arc;

use interdict_protocols::{Fix, Time};

/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_195.0;
/// How fast vehicles go in a town, km/h.
const SPEEDS_KMH: (f64, f64) = (15.0, 80.0);
/// How far a course turns from one fix to the next, degrees at most.
const TURN_DEG: f64 = 30.0;

/// Numbers that are the same for the same seed (Knuth's MMIX generator).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }
}

/// A vehicle's way.
pub(super) enum Walk {
    /// At random.
    Random {
        /// The middle, degrees.
        middle: (f64, f64),
        /// How far from it, metres.
        radius_m: f64,
        place: (f64, f64),
        course_deg: f64,
        speed_kmh: f64,
    },
    /// Along fixes, over and over.
    Track {
        fixes: Arc<[Fix]>,
        /// Where it begins, seconds.
        offset_s: f64,
    },
}

impl Walk {
    pub(super) fn random(middle: (f64, f64), radius_m: f64, dice: &mut Dice) -> Self {
        let mut near = |degrees: f64, scale: f64| {
            degrees + dice.between(-0.7, 0.7) * radius_m / (DEGREE_M * scale)
        };
        let place = (near(middle.0, 1.0), near(middle.1, middle.0.to_radians().cos().max(0.01)));
        let course_deg = dice.between(0.0, 360.0);
        let speed_kmh = dice.between(SPEEDS_KMH.0, SPEEDS_KMH.1);
        Self::Random { middle, radius_m, place, course_deg, speed_kmh }
    }

    /// Where the vehicle is at `now`, `elapsed_s` after it was last asked and `since_s` after the
    /// beginning.
    pub(super) fn fix(
        &mut self,
        now: Time,
        elapsed_s: f64,
        since_s: f64,
        dice: &mut Dice,
    ) -> Option<Fix> {
        match self {
            Self::Random { middle, radius_m, place, course_deg, speed_kmh } => {
                let east = place.0.to_radians().cos().max(0.01);
                let (north_m, east_m) =
                    ((middle.0 - place.0) * DEGREE_M, (middle.1 - place.1) * DEGREE_M * east);
                // Whoever has gone too far turns back.
                if north_m.hypot(east_m) > *radius_m {
                    *course_deg = east_m.atan2(north_m).to_degrees();
                } else {
                    *course_deg += dice.between(-TURN_DEG, TURN_DEG);
                }
                *course_deg = course_deg.rem_euclid(360.0);
                *speed_kmh =
                    (*speed_kmh + dice.between(-8.0, 8.0)).clamp(SPEEDS_KMH.0, SPEEDS_KMH.1);
                let step_m = *speed_kmh / 3.6 * elapsed_s;
                let (sin, cos) = course_deg.to_radians().sin_cos();
                place.0 += step_m * cos / DEGREE_M;
                place.1 += step_m * sin / (DEGREE_M * east);
                let mut fix = Fix::new(now, place.0, place.1)?;
                (fix.speed_kmh, fix.course_deg) = (Some(*speed_kmh), Some(*course_deg));
                Some(fix)
            }
            Self::Track { fixes, offset_s } => {
                let (first, last) = (fixes.first()?, fixes.last()?);
                let length_s = last.fix_time.seconds_since(first.fix_time).max(1.0);
                let at = first.fix_time.plus_seconds((since_s + *offset_s) % length_s);
                let next = fixes.partition_point(|fix| fix.fix_time <= at);
                let mut fix = *fixes.get(next.saturating_sub(1))?;
                fix.fix_time = now;
                Some(fix)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_walk_stays_about_its_middle_and_says_how_it_goes() {
        let mut dice = Dice::new(7);
        let mut walk = Walk::random((38.95, 121.6), 5_000.0, &mut dice);
        let mut last: Option<Fix> = None;
        for step in 0..2_000_u32 {
            let now = Time::from_seconds(1_800_000_000 + i64::from(step) * 10);
            let fix = walk.fix(now, 10.0, f64::from(step) * 10.0, &mut dice).unwrap();
            let metres = |to: &Fix, lat: f64, lon: f64| {
                let north = (to.latitude - lat) * DEGREE_M;
                north.hypot((to.longitude - lon) * DEGREE_M * lat.to_radians().cos())
            };
            assert!(metres(&fix, 38.95, 121.6) < 5_600.0);
            if let Some(last) = last {
                let driven_m = metres(&fix, last.latitude, last.longitude);
                let said_m = fix.speed_kmh.unwrap() / 3.6 * 10.0;
                assert!((driven_m / said_m - 1.0).abs() < 0.01, "{driven_m} {said_m}");
            }
            last = Some(fix);
        }
    }

    #[test]
    fn a_track_is_driven_over_and_over() {
        let at = |second: i64| Time::from_seconds(1_700_000_000 + second);
        let fixes: Vec<Fix> = (0..10_i32)
            .map(|n| Fix::new(at(i64::from(n) * 10), 38.0 + f64::from(n), 121.0).unwrap())
            .collect();
        let mut walk = Walk::Track { fixes: fixes.into(), offset_s: 0.0 };
        let mut latitude =
            |since_s: f64| walk.fix(at(5_000), 10.0, since_s, &mut Dice::new(1)).unwrap().latitude;
        assert_eq!(
            [0.0, 15.0, 89.0, 90.0, 105.0].map(&mut latitude),
            [38.0, 39.0, 46.0, 38.0, 39.0]
        );
    }
}
