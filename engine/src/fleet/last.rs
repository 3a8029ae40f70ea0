//! [`Last`]: a vehicle's last fix in 48 bytes.

use interdict_protocols::{AlarmSet, Datum, Fix, Time};

use crate::judge::Sight;
use crate::{Judged, Position};

/// Steps of a degree: 11 mm at the most.
const STEPS_PER_DEGREE: f64 = 1e7;
/// Steps of a kilometre per hour and of a degree of course.
const STEPS_OF_MOTION: f64 = 100.0;
/// Steps of a metre of altitude.
const STEPS_OF_ALTITUDE: f64 = 100.0;

/// A fix, rounded to what trackers can tell, with its repaired time and without its alarms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    fix_time: Time,
    received: Time,
    latitude: i32,
    longitude: i32,
    /// `i32::MIN` where unknown.
    altitude: i32,
    /// `u16::MAX` where unknown.
    speed: u16,
    course: u16,
}

impl Last {
    pub(super) fn new(received: Time, fix: &Fix, judged: Judged) -> Self {
        Self {
            fix_time: judged.fix_time,
            received,
            latitude: (fix.latitude * STEPS_PER_DEGREE).round() as i32,
            longitude: (fix.longitude * STEPS_PER_DEGREE).round() as i32,
            altitude: fix
                .altitude_m
                .map_or(i32::MIN, |metres| (metres * STEPS_OF_ALTITUDE).round() as i32),
            speed: motion(fix.speed_kmh),
            course: motion(fix.course_deg),
        }
    }

    pub(super) const fn received(&self) -> Time {
        self.received
    }

    pub(super) fn position(&self) -> Position {
        Position {
            latitude: f64::from(self.latitude) / STEPS_PER_DEGREE,
            longitude: f64::from(self.longitude) / STEPS_PER_DEGREE,
        }
    }

    pub(super) fn sight(&self) -> Sight {
        Sight { time: self.fix_time, position: self.position() }
    }

    pub(super) fn fix(&self) -> Fix {
        let known = |steps: u16| (steps != u16::MAX).then(|| f64::from(steps) / STEPS_OF_MOTION);
        let Position { latitude, longitude } = self.position();
        Fix {
            fix_time: self.fix_time,
            valid: true,
            latitude,
            longitude,
            altitude_m: (self.altitude != i32::MIN)
                .then(|| f64::from(self.altitude) / STEPS_OF_ALTITUDE),
            speed_kmh: known(self.speed),
            course_deg: known(self.course),
            datum: Datum::Wgs84,
            backfill: false,
            alarms: AlarmSet::EMPTY,
            alarm_states: AlarmSet::EMPTY,
        }
    }
}

/// `as` saturates, and makes nought of what is no number.
fn motion(value: Option<f64>) -> u16 {
    value.map_or(u16::MAX, |value| ((value * STEPS_OF_MOTION).round() as u16).min(u16::MAX - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    #[test]
    fn what_trackers_tell_comes_out_as_it_went_in() {
        let time = Time::from_seconds(1_781_488_875);
        let mut fix = Fix::new(time, 39.0308, -121.630_412).unwrap();
        fix.speed_kmh = Some(58.3);
        fix.course_deg = Some(359.9);
        fix.altitude_m = Some(-12.5);
        let judged = Judged { lane: Lane::Live, fix_time: time };
        assert_eq!(Last::new(time, &fix, judged).fix(), fix);
        let bare = Fix::new(time, -90.0, 180.0).unwrap();
        assert_eq!(Last::new(time, &bare, judged).fix(), bare);
        assert!(size_of::<Option<Last>>() <= 40);
    }
}
