//! Positions of China's shifted datums brought to WGS-84.
//!
//! GCJ-02 (GB 20263) shifts WGS-84 by a smooth function of the place that was never published; the
//! function here is the one that public map libraries agree on, good to a metre or two. BD-09 is
//! Baidu's further shift of it. Both are undone by iteration, since only the forward way is known.

use std::f64::consts::PI;

use interdict_engine::Position;
use interdict_protocols::Datum;

/// The Krasovsky 1940 ellipsoid, on which the shift is computed: semi-major axis in metres and
/// eccentricity squared.
const SEMI_MAJOR_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// `position`, given in `datum`, in WGS-84.
#[must_use]
pub fn to_wgs84(datum: Datum, position: Position) -> Position {
    match datum {
        Datum::Wgs84 => position,
        Datum::Gcj02 => gcj02_to_wgs84(position),
        Datum::Bd09 => gcj02_to_wgs84(bd09_to_gcj02(position)),
    }
}

/// Where the shift applies; elsewhere GCJ-02 is WGS-84.
fn is_shifted(position: Position) -> bool {
    (0.8293..=55.8271).contains(&position.latitude)
        && (72.004..=137.8347).contains(&position.longitude)
}

fn gcj02_to_wgs84(position: Position) -> Position {
    if !is_shifted(position) {
        return position;
    }
    let mut guess = position;
    // Each round leaves about a thousandth of the error; the shift itself is below a kilometre.
    for _ in 0..4 {
        let shifted = wgs84_to_gcj02(guess);
        guess.latitude += position.latitude - shifted.latitude;
        guess.longitude += position.longitude - shifted.longitude;
    }
    guess
}

fn wgs84_to_gcj02(position: Position) -> Position {
    let (east, north) = (position.longitude - 105.0, position.latitude - 35.0);
    let root = east.abs().sqrt();
    let waves = |unit: f64| (20.0 * (6.0 * PI * unit).sin() + 20.0 * (2.0 * PI * unit).sin()) / 1.5;
    let north_m = -100.0
        + 2.0 * east
        + 3.0 * north
        + 0.2 * north * north
        + 0.1 * east * north
        + 0.2 * root
        + waves(east)
        + (20.0 * (PI * north).sin() + 40.0 * (PI * north / 3.0).sin()) / 1.5
        + (160.0 * (PI * north / 12.0).sin() + 320.0 * (PI * north / 30.0).sin()) / 1.5;
    let east_m = 300.0
        + east
        + 2.0 * north
        + 0.1 * east * east
        + 0.1 * east * north
        + 0.1 * root
        + waves(east)
        + (20.0 * (PI * east).sin() + 40.0 * (PI * east / 3.0).sin()) / 1.5
        + (150.0 * (PI * east / 12.0).sin() + 300.0 * (PI * east / 30.0).sin()) / 1.5;
    let latitude = position.latitude.to_radians();
    let bulge = 1.0 - ECCENTRICITY_SQUARED * latitude.sin() * latitude.sin();
    let meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / (bulge * bulge.sqrt());
    let parallel_m = SEMI_MAJOR_M / bulge.sqrt() * latitude.cos();
    Position {
        latitude: position.latitude + (north_m / meridian_m).to_degrees(),
        longitude: position.longitude + (east_m / parallel_m).to_degrees(),
    }
}

fn bd09_to_gcj02(position: Position) -> Position {
    const WAVE: f64 = PI * 3000.0 / 180.0;
    let (east, north) = (position.longitude - 0.0065, position.latitude - 0.006);
    let radius = east.hypot(north) - 0.000_02 * (north * WAVE).sin();
    let angle = north.atan2(east) - 0.000_003 * (east * WAVE).cos();
    Position { latitude: radius * angle.sin(), longitude: radius * angle.cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metres(left: Position, right: Position) -> (f64, f64) {
        let north = (left.latitude - right.latitude) * 111_320.0;
        let east =
            (left.longitude - right.longitude) * 111_320.0 * left.latitude.to_radians().cos();
        (north, east)
    }

    #[test]
    fn dalian_is_shifted_by_half_a_kilometre_and_back() {
        let port = Position { latitude: 38.9289, longitude: 121.6547 };
        let shifted = wgs84_to_gcj02(port);
        let (north, east) = metres(shifted, port);
        // Map services draw the city some 400 to 550 m too far east and 90 m too far north.
        assert!((400.0..600.0).contains(&east) && (50.0..130.0).contains(&north), "{north} {east}");
        let (north, east) = metres(to_wgs84(Datum::Gcj02, shifted), port);
        assert!(north.hypot(east) < 0.01, "{north} {east}");
    }

    #[test]
    fn the_houyan_toll_is_where_two_datums_say() {
        // The same post in BD-09 and, independently, in WGS-84.
        let post = Position { latitude: 39.0374, longitude: 121.642 };
        let expected = Position { latitude: 39.0308, longitude: 121.6304 };
        let (north, east) = metres(to_wgs84(Datum::Bd09, post), expected);
        assert!(north.hypot(east) < 50.0, "{north} {east}");
    }

    #[test]
    fn nothing_is_shifted_outside_china() {
        let place = Position { latitude: -30.0, longitude: -51.2 };
        assert_eq!(to_wgs84(Datum::Gcj02, place), place);
    }
}
