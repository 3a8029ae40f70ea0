//! [`Patrols`]: patrol vehicles' last places, of which only identity, unit and ETA ever leave.

use std::collections::BTreeMap;

use interdict_protocols::Time;

use crate::geo::Plane;
use crate::judge::{Sight, position};
use crate::{Class, Judged, NearestUnit, Observation, Position, UnitId, Vehicle, VehicleId};

/// How many are named.
const NAMED: usize = 3;
/// Roads between two places of a town are this much longer than the straight line.
const DETOUR: f64 = 1.3;
/// A patrol car on its way to a call through a town's traffic.
const SPEED_KMH: f64 = 50.0;
/// A place older than this says little of where the car is.
const STALE_S: f64 = 900.0;

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

    pub(crate) fn sight(&self, vehicle: &VehicleId) -> Option<Sight> {
        self.vehicles.get(vehicle)?.last
    }

    pub(crate) fn observe(&mut self, observation: &Observation, judged: Judged) {
        if let Some(patrol) = self.vehicles.get_mut(&observation.vehicle) {
            let position = position(&observation.fix);
            patrol.last = Some(Sight { time: judged.fix_time, position });
        }
    }

    /// The nearest to a place, without `but`, by how soon each could be there.
    pub(crate) fn nearest(&self, place: Position, but: &VehicleId, now: Time) -> Vec<NearestUnit> {
        let plane = Plane::at(place);
        let mut nearest: Vec<(f64, &VehicleId, &Patrol)> = Vec::with_capacity(NAMED + 1);
        for (id, patrol) in &self.vehicles {
            let Some(last) = patrol.last.filter(|last| now.seconds_since(last.time) <= STALE_S)
            else {
                continue;
            };
            let metres = plane.place(last.position).length_m();
            if id == but || nearest.get(NAMED - 1).is_some_and(|(known, ..)| metres >= *known) {
                continue;
            }
            let index = nearest.partition_point(|(known, ..)| *known <= metres);
            nearest.insert(index, (metres, id, patrol));
            nearest.truncate(NAMED);
        }
        let named = nearest.into_iter().map(|(metres, id, patrol)| NearestUnit {
            vehicle: id.clone(),
            unit: patrol.unit.clone(),
            eta_s: (metres * DETOUR / (SPEED_KMH / 3.6)).round(),
        });
        named.collect()
    }

    /// Forgets places that came before `before`.
    pub(crate) fn forget(&mut self, before: Time) {
        for patrol in self.vehicles.values_mut() {
            patrol.last = patrol.last.filter(|last| last.time >= before);
        }
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::{DeviceId, Fix};

    use super::*;
    use crate::Lane;

    #[test]
    fn the_three_nearest_are_named_and_the_stale_are_not() {
        let mut patrols = Patrols::default();
        for (id, seconds, east) in [
            ("e", 1_000, 0.05),
            ("d", 1_000, -0.01),
            ("c", 0, 0.001),
            ("b", 1_000, 0.01),
            ("a", 900, 0.02),
        ] {
            let mut vehicle = Vehicle::unknown(VehicleId::from(id));
            vehicle.class = Class::Patrol;
            vehicle.unit = Some(UnitId::from("station"));
            patrols.enrol(&vehicle);
            let time = Time::from_seconds(seconds);
            let observation = Observation {
                device: DeviceId::from(id),
                vehicle: vehicle.id,
                fix: Fix::new(time, 0.0, east).unwrap(),
            };
            patrols.observe(&observation, Judged { lane: Lane::Live, fix_time: time });
        }
        let place = Position { latitude: 0.0, longitude: 0.0 };
        let named = |but: &str| {
            let but = VehicleId::from(but);
            let nearest = patrols.nearest(place, &but, Time::from_seconds(1_000));
            nearest.iter().map(|unit| unit.vehicle.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(named("x"), ["b", "d", "a"]);
        assert_eq!(named("b"), ["d", "a", "e"]);
        let first = &patrols.nearest(place, &VehicleId::from("x"), Time::from_seconds(1_000))[0];
        // 1 112 m straight, 1 446 m by road, at 50 km/h.
        assert_eq!(
            (first.eta_s, first.unit.as_ref().map(UnitId::as_str)),
            (104.0, Some("station"))
        );
    }
}
