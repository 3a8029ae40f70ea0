//! Coordinates of other datums to WGS-84.
//!
//! China's maps are shifted by GCJ-02 (GB 20263-2006), Baidu's once more. The shift's polynomial is
//! public only by reverse engineering; its constants are those that all public converters share. It
//! moves Dalian some 550 m east, so that a device that reports shifted places would pass its
//! checkpoint on the next street.

use std::f64::consts::PI;

use interdict_protocols::{Datum, Fix};

/// Semi-major axis of the Krasovsky 1940 ellipsoid, metres, on which the shift is defined.
const AXIS_M: f64 = 6_378_245.0;
/// Its first eccentricity, squared.
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;
/// Baidu's second shift turns by this angle's multiples.
const BAIDU_PI: f64 = PI * 3_000.0 / 180.0;
/// Rounds of undoing the shift: each takes a hundredth of the error before it.
const ROUNDS: usize = 5;

/// Moves a fix from `datum` to WGS-84.
pub(super) fn to_wgs84(fix: &mut Fix, datum: Datum) {
    let place = (fix.latitude, fix.longitude);
    let place = match datum {
        Datum::Wgs84 => place,
        Datum::Gcj02 => from_gcj02(place),
        Datum::Bd09 => from_gcj02(from_bd09(place)),
    };
    (fix.latitude, fix.longitude) = place;
    fix.datum = Datum::Wgs84;
}

/// Outside this box the shift is nothing.
fn is_shifted((latitude, longitude): (f64, f64)) -> bool {
    (0.8293..=55.8271).contains(&latitude) && (72.004..=137.8347).contains(&longitude)
}

fn from_gcj02(shifted: (f64, f64)) -> (f64, f64) {
    if !is_shifted(shifted) {
        return shifted;
    }
    let mut place = shifted;
    for _ in 0..ROUNDS {
        let (north, east) = shift(place);
        place = (shifted.0 - north, shifted.1 - east);
    }
    place
}

/// How far GCJ-02 moves a WGS-84 place, degrees north and east.
fn shift((latitude, longitude): (f64, f64)) -> (f64, f64) {
    let (x, y) = (longitude - 105.0, latitude - 35.0);
    let wave = |value: f64, amplitudes: [f64; 2]| {
        (amplitudes[0] * (value * PI).sin() + amplitudes[1] * (value / 3.0 * PI).sin()) * 2.0 / 3.0
    };
    let ripple = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * x.abs().sqrt()
        + ripple
        + wave(y, [20.0, 40.0])
        + (160.0 * (y / 12.0 * PI).sin() + 320.0 * (y * PI / 30.0).sin()) * 2.0 / 3.0;
    let east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * x.abs().sqrt()
        + ripple
        + wave(x, [20.0, 40.0])
        + (150.0 * (x / 12.0 * PI).sin() + 300.0 * (x / 30.0 * PI).sin()) * 2.0 / 3.0;
    let radians = latitude.to_radians();
    let curvature = 1.0 - ECCENTRICITY_SQUARED * radians.sin().powi(2);
    let meridian = AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (curvature * curvature.sqrt());
    let parallel = AXIS_M / curvature.sqrt() * radians.cos();
    ((north / meridian).to_degrees(), (east / parallel).to_degrees())
}

fn from_bd09((latitude, longitude): (f64, f64)) -> (f64, f64) {
    let (x, y) = (longitude - 0.0065, latitude - 0.006);
    let radius = x.hypot(y) - 0.000_02 * (y * BAIDU_PI).sin();
    let angle = y.atan2(x) - 0.000_003 * (x * BAIDU_PI).cos();
    (radius * angle.sin(), radius * angle.cos())
}

#[cfg(test)]
mod tests {
    use interdict_protocols::Time;

    use super::*;

    fn moved(latitude: f64, longitude: f64, datum: Datum) -> (f64, f64) {
        let mut fix = Fix::new(Time::from_seconds(0), latitude, longitude).unwrap();
        to_wgs84(&mut fix, datum);
        (fix.latitude, fix.longitude)
    }

    fn metres((a, b): (f64, f64), (c, d): (f64, f64)) -> f64 {
        let north = (a - c) * 111_320.0;
        let east = (b - d) * 111_320.0 * a.to_radians().cos();
        north.hypot(east)
    }

    #[test]
    fn houyan_moves_some_550_metres() {
        let shifted = (39.0308, 121.6304);
        let place = moved(shifted.0, shifted.1, Datum::Gcj02);
        let distance = metres(place, shifted);
        assert!((450.0..650.0).contains(&distance), "{distance} m");
        // Shifting the result again leads back to within a centimetre.
        let (north, east) = shift(place);
        assert!(metres((place.0 + north, place.1 + east), shifted) < 0.01);
    }

    #[test]
    fn baidu_agrees_with_the_survey_of_houyan() {
        // The toll gate in BD-09, and the same in WGS-84, from two sources.
        let place = moved(39.0374, 121.642, Datum::Bd09);
        assert!(metres(place, (39.0308, 121.6304)) < 60.0, "{place:?}");
    }

    #[test]
    fn nothing_moves_outside_china() {
        assert_eq!(moved(52.5, 13.4, Datum::Gcj02), (52.5, 13.4));
        assert_eq!(moved(39.0, 121.6, Datum::Wgs84), (39.0, 121.6));
    }
}
