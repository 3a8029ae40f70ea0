//! [`Patrols`]: patrol vehicles' last places, of which only identity, unit and ETA ever leave.

use std::collections::BTreeMap;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::geo::{Offset, Plane, Site};
use crate::judge::{Sight, position};
use crate::roads::Roads;
use crate::{Class, Judged, NearestUnit, Observation, Position, UnitId, Vehicle, VehicleId};

/// How many are named.
const NAMED: usize = 3;
/// How many are looked at about a place: the nearest by road need not be the nearest straight.
const CONSIDERED: usize = 5;
/// Roads between two places of a town are this much longer than the straight line.
const DETOUR: f64 = 1.3;
/// A patrol car on its way to a call through a town's traffic, where no roads tell more.
const SPEED_KMH: f64 = 50.0;
/// By road, seconds by the clock for each by the map: with lights and siren a patrol car keeps to
/// the map's times, which others exceed by a third.
const PACE: f64 = 1.0;
/// A place older than this says little of where the car is.
const STALE_S: f64 = 900.0;

/// Where a patrol vehicle was. Kept with what a flagged vehicle's fix used, and told to nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatrolPlace {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Where it was.
    pub place: Position,
}

/// The patrol vehicles of the whole fleet, whichever shard holds them.
#[derive(Default)]
pub(crate) struct Patrols {
    vehicles: BTreeMap<VehicleId, Patrol>,
}

#[derive(Default)]
struct Patrol {
    unit: Option<UnitId>,
    last: Option<Sight>,
}

impl Patrols {
    /// Takes a vehicle in, or out where it is no patrol vehicle any more.
    pub(crate) fn enrol(&mut self, vehicle: &Vehicle) {
        if vehicle.class == Class::Patrol {
            let patrol = self.vehicles.entry(vehicle.id.clone()).or_default();
            patrol.unit.clone_from(&vehicle.unit);
        } else {
            self.vehicles.remove(&vehicle.id);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.vehicles.is_empty()
    }

    pub(crate) fn sight(&self, vehicle: &VehicleId) -> Option<Sight> {
        self.vehicles.get(vehicle)?.last
    }

    pub(crate) fn observe(&mut self, observation: &Observation, judged: Judged) {
        if let Some(patrol) = self.vehicles.get_mut(&observation.vehicle) {
            let position = position(&observation.fix);
            patrol.last = Some(Sight { time: judged.fix_time, position });
        }
    }

    /// The nearest to any of some places, without `but`, by identity.
    pub(crate) fn about(
        &self,
        places: impl IntoIterator<Item = Position>,
        but: &VehicleId,
        now: Time,
    ) -> Vec<PatrolPlace> {
        let mut about: BTreeMap<&VehicleId, (&Patrol, Position)> = BTreeMap::new();
        for place in places {
            let plane = Plane::at(place);
            let mut nearest = Nearest::default();
            for (id, patrol) in &self.vehicles {
                let last = patrol.last.filter(|last| now.seconds_since(last.time) <= STALE_S);
                if let Some(last) = last.filter(|_| id != but) {
                    let metres = plane.place(last.position).length_m();
                    nearest.offer(metres, (id, patrol, last.position));
                }
            }
            about.extend(nearest.0.into_iter().map(|(_, (id, patrol, at))| (id, (patrol, at))));
        }
        let place = |(id, (patrol, place)): (&VehicleId, (&Patrol, Position))| PatrolPlace {
            vehicle: id.clone(),
            unit: patrol.unit.clone(),
            place,
        };
        about.into_iter().map(place).collect()
    }

    /// Forgets places that came before `before`.
    pub(crate) fn forget(&mut self, before: Time) {
        for patrol in self.vehicles.values_mut() {
            patrol.last = patrol.last.filter(|last| last.time >= before);
        }
    }
}

/// The patrol vehicles that can be at a checkpoint soonest: by road where it and they are on roads,
/// else by the distance.
pub(crate) fn nearest_to(
    site: &Site,
    patrols: &[PatrolPlace],
    roads: Option<&Roads>,
) -> Vec<NearestUnit> {
    let mut nearest = Nearest::default();
    for patrol in patrols {
        let away = site.way_from(&Plane::at(patrol.place), Offset::ORIGIN);
        nearest.offer(away.length_m(), patrol);
    }
    let eta = |(metres, patrol): (f64, &PatrolPlace)| {
        let by_road = || roads?.drive_s(patrol.place, &site.checkpoint.id);
        let eta_s = if metres <= site.radius_m {
            0.0
        } else if let Some(drive_s) = by_road() {
            drive_s * PACE
        } else {
            metres * DETOUR / (SPEED_KMH / 3.6)
        };
        let (vehicle, unit) = (patrol.vehicle.clone(), patrol.unit.clone());
        NearestUnit { vehicle, unit, eta_s: eta_s.round() }
    };
    let mut units: Vec<NearestUnit> = nearest.0.into_iter().map(eta).collect();
    units.sort_by(|one, other| one.eta_s.total_cmp(&other.eta_s));
    units.truncate(NAMED);
    units
}

/// The nearest few of those that were offered, nearest first; of as near ones the first.
struct Nearest<T>(Vec<(f64, T)>);

impl<T> Default for Nearest<T> {
    fn default() -> Self {
        Self(Vec::with_capacity(CONSIDERED + 1))
    }
}

impl<T> Nearest<T> {
    fn offer(&mut self, metres: f64, what: T) {
        if self.0.get(CONSIDERED - 1).is_some_and(|(known, _)| metres >= *known) {
            return;
        }
        let index = self.0.partition_point(|(known, _)| *known <= metres);
        self.0.insert(index, (metres, what));
        self.0.truncate(CONSIDERED);
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::{DeviceId, Fix};

    use super::*;
    use crate::roads::testing::{at, checkpoint, roads};
    use crate::{Lane, Shape};

    const NOW: Time = Time::from_seconds(1_000);

    /// Patrol vehicles of a station as `(name, seconds, (latitude, longitude))`.
    fn patrols(of: &[(&str, i64, (f64, f64))]) -> Patrols {
        let mut patrols = Patrols::default();
        for (id, seconds, (latitude, longitude)) in of {
            let mut vehicle = Vehicle::unknown(VehicleId::from(*id));
            vehicle.class = Class::Patrol;
            vehicle.unit = Some(UnitId::from("station"));
            patrols.enrol(&vehicle);
            let time = Time::from_seconds(*seconds);
            let observation = Observation {
                device: DeviceId::from(*id),
                vehicle: vehicle.id,
                fix: Fix::new(time, *latitude, *longitude).unwrap(),
            };
            patrols.observe(&observation, Judged { lane: Lane::Live, fix_time: time });
        }
        patrols
    }

    fn names(units: &[NearestUnit]) -> Vec<&str> {
        units.iter().map(|unit| unit.vehicle.as_str()).collect()
    }

    #[test]
    fn the_three_nearest_are_named_and_the_stale_are_not() {
        let patrols = patrols(&[
            ("e", 1_000, (0.0, 0.05)),
            ("d", 1_000, (0.0, -0.01)),
            ("c", 0, (0.0, 0.001)),
            ("b", 1_000, (0.0, 0.01)),
            ("a", 900, (0.0, 0.02)),
        ]);
        let place = Position { latitude: 0.0, longitude: 0.0 };
        let mut post = checkpoint("post", 0.0, 0.0);
        post.shape = Shape::Point(place);
        let site = Site::new(post);
        let nearest = |but: &str| {
            let about = patrols.about([place], &VehicleId::from(but), NOW);
            nearest_to(&site, &about, None)
        };
        assert_eq!(names(&nearest("x")), ["b", "d", "a"]);
        assert_eq!(names(&nearest("b")), ["d", "a", "e"]);
        let first = &nearest("x")[0];
        // 1 112 m straight, 1 446 m by road, at 50 km/h.
        assert_eq!(
            (first.eta_s, first.unit.as_ref().map(UnitId::as_str)),
            (104.0, Some("station"))
        );
    }

    #[test]
    fn those_about_each_place_are_kept_once() {
        let patrols = patrols(&[
            ("here", 1_000, (0.0, 0.0)),
            ("there", 1_000, (0.0, 1.0)),
            ("between", 1_000, (0.0, 0.5)),
        ]);
        let places =
            [(0.0, 0.0), (0.0, 1.0)].map(|(latitude, longitude)| Position { latitude, longitude });
        let about = patrols.about(places, &VehicleId::from("x"), NOW);
        let names: Vec<&str> = about.iter().map(|patrol| patrol.vehicle.as_str()).collect();
        assert_eq!(names, ["between", "here", "there"]);
    }

    #[test]
    fn by_road_who_must_cross_the_river_comes_later() {
        // The checkpoint stands south of the river, with bridges at columns 4 and 16.
        let roads = roads(&[("post", 10.5, 8.0)]);
        let site = Site::new(checkpoint("post", 10.5, 8.0));
        let patrols = patrols(&[
            ("across", 1_000, at(10.5, 11.0)),
            ("south", 1_000, at(10.5, 2.0)),
            ("there", 1_000, at(10.52, 8.02)),
            ("at sea", 1_000, at(30.0, 8.0)),
        ]);
        let (latitude, longitude) = at(10.5, 8.0);
        let place = Position { latitude, longitude };
        let about = patrols.about([place], &VehicleId::from("x"), NOW);
        assert_eq!(names(&nearest_to(&site, &about, None)), ["there", "across", "south"]);
        let by_road = nearest_to(&site, &about, Some(&roads));
        assert_eq!(names(&by_road), ["there", "south", "across"]);
        assert_eq!(by_road[0].eta_s, 0.0);
        // 1.4 km of streets of 30 and 50 km/h with seven crossings; 3.4 km more by the bridge.
        assert!((120.0..170.0).contains(&by_road[1].eta_s), "{by_road:?}");
        assert!((250.0..400.0).contains(&by_road[2].eta_s), "{by_road:?}");
    }
}
