//! [`Plane`]: metres east and north of a place.

use crate::Position;

/// Metres in a degree of a great circle of the mean earth (IUGG mean radius 6 371 008.8 m).
const METRES_PER_DEGREE: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// A place in a [`Plane`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offset {
    pub(crate) east_m: f64,
    pub(crate) north_m: f64,
}

impl Offset {
    pub(crate) const ORIGIN: Self = Self { east_m: 0.0, north_m: 0.0 };

    pub(crate) fn minus(self, other: Self) -> Self {
        Self { east_m: self.east_m - other.east_m, north_m: self.north_m - other.north_m }
    }

    /// The place `share` of the way from here to `other`.
    pub(crate) fn towards(self, other: Self, share: f64) -> Self {
        let way = other.minus(self);
        Self {
            east_m: self.east_m + way.east_m * share,
            north_m: self.north_m + way.north_m * share,
        }
    }

    pub(crate) fn dot(self, other: Self) -> f64 {
        self.east_m * other.east_m + self.north_m * other.north_m
    }

    pub(crate) fn cross(self, other: Self) -> f64 {
        self.east_m * other.north_m - self.north_m * other.east_m
    }

    pub(crate) fn length_m(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The direction of this way, degrees from north; `None` where it has no length.
    pub(crate) fn bearing_deg(self) -> Option<f64> {
        if self.east_m == 0.0 && self.north_m == 0.0 {
            return None;
        }
        let degrees = libm::atan2(self.east_m, self.north_m).to_degrees();
        Some(if degrees < 0.0 { degrees + 360.0 } else { degrees })
    }

    /// The share of the way from `start` to `end` at which it is nearest to here, and how near.
    pub(crate) fn nearest_on(self, start: Self, end: Self) -> (f64, f64) {
        let way = end.minus(start);
        let squared = way.dot(way);
        let share = if squared > 0.0 {
            (self.minus(start).dot(way) / squared).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (share, self.minus(start.towards(end, share)).length_m())
    }
}

/// The plane that touches the earth at its origin. Within the 30 km that matter here it is wrong by
/// less than half a percent, much less than a guess at the detour that roads make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    origin: Position,
    metres_per_degree_east: f64,
}

impl Plane {
    pub(crate) fn at(origin: Position) -> Self {
        let metres_per_degree_east = METRES_PER_DEGREE * libm::cos(origin.latitude.to_radians());
        Self { origin, metres_per_degree_east }
    }

    pub(crate) fn place(&self, position: Position) -> Offset {
        let east_deg = wrapped(position.longitude - self.origin.longitude);
        Offset {
            east_m: east_deg * self.metres_per_degree_east,
            north_m: (position.latitude - self.origin.latitude) * METRES_PER_DEGREE,
        }
    }

    pub(crate) fn position(&self, place: Offset) -> Position {
        // Near a pole an east is hardly any; a metre will do instead of a division by nought.
        let east_deg = place.east_m / self.metres_per_degree_east.max(1.0);
        Position {
            latitude: self.origin.latitude + place.north_m / METRES_PER_DEGREE,
            longitude: self.origin.longitude + east_deg,
        }
    }
}

/// A difference of longitudes the short way round.
fn wrapped(degrees: f64) -> f64 {
    if degrees > 180.0 {
        degrees - 360.0
    } else if degrees < -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

/// Metres between two places; rough beyond some hundred kilometres.
pub(crate) fn distance_m(one: Position, other: Position) -> f64 {
    let latitude = f64::midpoint(one.latitude, other.latitude);
    let east_deg = wrapped(other.longitude - one.longitude) * libm::cos(latitude.to_radians());
    let north_deg = other.latitude - one.latitude;
    (east_deg * east_deg + north_deg * north_deg).sqrt() * METRES_PER_DEGREE
}

/// The angle between two directions, 0 to 180 degrees.
pub(crate) fn angle_between_deg(one: f64, other: f64) -> f64 {
    let turn = (one - other).rem_euclid(360.0);
    turn.min(360.0 - turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARBOUR: Position = Position { latitude: 38.9289, longitude: 121.6547 };

    #[test]
    fn a_minute_of_latitude_is_a_nautical_mile() {
        let north = Position { latitude: HARBOUR.latitude + 1.0 / 60.0, ..HARBOUR };
        assert!((distance_m(HARBOUR, north) - 1_853.0).abs() < 2.0);
        assert_eq!(Plane::at(HARBOUR).place(north).bearing_deg(), Some(0.0));
    }

    #[test]
    fn the_plane_agrees_with_the_distance() {
        let west = Position { latitude: 38.96, longitude: 121.54 };
        let offset = Plane::at(HARBOUR).place(west);
        assert!((offset.length_m() / distance_m(HARBOUR, west) - 1.0).abs() < 0.001);
        assert!((offset.bearing_deg().unwrap() - 289.1).abs() < 0.5);
    }

    #[test]
    fn the_date_line_is_no_wall() {
        let east = Position { latitude: 0.0, longitude: 179.999 };
        let west = Position { latitude: 0.0, longitude: -179.999 };
        assert!((distance_m(east, west) - 222.4).abs() < 0.1);
        assert!((Plane::at(east).place(west).east_m - 222.4).abs() < 0.1);
    }

    #[test]
    fn angles_go_the_short_way() {
        assert_eq!(angle_between_deg(350.0, 20.0), 30.0);
        assert_eq!(angle_between_deg(10.0, 190.0), 180.0);
    }

    #[test]
    fn the_nearest_place_on_a_way_may_be_its_end() {
        let end = Offset { east_m: 100.0, north_m: 0.0 };
        let beside = Offset { east_m: 40.0, north_m: 30.0 };
        assert_eq!(beside.nearest_on(Offset::ORIGIN, end), (0.4, 30.0));
        let beyond = Offset { east_m: 130.0, north_m: 40.0 };
        assert_eq!(beyond.nearest_on(Offset::ORIGIN, end), (1.0, 50.0));
    }
}
