//! [`Fleet`]: every vehicle's enrolment and last fix, in memory only.

mod grid;
mod last;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use interdict_protocols::{Fix, Time};

use crate::geo::distance_m;
use crate::judge::Sight;
use crate::{Class, Judged, Position, Vehicle, VehicleId};
use grid::{Cell, Grid, Place};
use last::Last;

/// A fix of an unflagged vehicle is kept for a day at most.
const KEPT_MS: i64 = 86_400_000;

/// `DefaultHasher` has fixed keys: no map here behaves differently from one run to the next.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The vehicles that an engine holds.
#[derive(Default)]
pub(crate) struct Fleet {
    numbers: Map<VehicleId, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    grid: Grid,
}

#[derive(Default)]
struct Slot {
    /// Whose it is; `None` while it is free.
    id: Option<VehicleId>,
    vehicle: Option<Box<Vehicle>>,
    /// Known here so that a fix need not look there.
    is_patrol: bool,
    last: Option<Last>,
    /// Where the grid keeps it, while it has a last fix.
    place: Option<Place>,
}

impl Fleet {
    fn slot(&self, id: &VehicleId) -> Option<&Slot> {
        self.slots.get(*self.numbers.get(id)? as usize)
    }

    /// The last live fix not older than a day, with its repaired time and when it came.
    pub(crate) fn last(&self, id: &VehicleId, now: Time) -> Option<(Fix, Time)> {
        let last = self.fresh(id, now)?;
        Some((last.fix(), last.received()))
    }

    /// When and where a vehicle was seen last.
    pub(crate) fn sight(&self, id: &VehicleId, now: Time) -> Option<Sight> {
        self.fresh(id, now).map(Last::sight)
    }

    fn fresh(&self, id: &VehicleId, now: Time) -> Option<&Last> {
        self.slot(id)?.last.as_ref().filter(|last| !is_stale(last, now))
    }

    pub(crate) fn vehicle(&self, id: &VehicleId) -> Option<&Vehicle> {
        self.slot(id)?.vehicle.as_deref()
    }

    pub(crate) fn enrol(&mut self, mut vehicle: Vehicle) {
        let number = self.number(&vehicle.id);
        if let Some(slot) = self.slots.get_mut(number as usize) {
            // One copy of the name, not two.
            if let Some(id) = &slot.id {
                vehicle.id.clone_from(id);
            }
            slot.is_patrol = vehicle.class == Class::Patrol;
            slot.vehicle = Some(Box::new(vehicle));
        }
    }

    /// Moves a vehicle; whether it is a patrol vehicle.
    pub(crate) fn observe(
        &mut self,
        id: &VehicleId,
        received: Time,
        fix: &Fix,
        judged: Judged,
    ) -> bool {
        let number = self.number(id);
        let last = Last::new(received, fix, judged);
        let cell = Cell::of(last.position());
        let Some(slot) = self.slots.get_mut(number as usize) else { return false };
        slot.last = Some(last);
        let is_patrol = slot.is_patrol;
        let before = slot.place;
        if before.is_some_and(|place| place.cell() == cell) {
            return is_patrol;
        }
        if let Some(place) = before {
            self.leave(place);
        }
        let place = self.grid.insert(number, cell);
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.place = Some(place);
        }
        is_patrol
    }

    fn leave(&mut self, place: Place) {
        if let Some(shifted) = self.grid.remove(place)
            && let Some(slot) = self.slots.get_mut(shifted.number as usize)
        {
            slot.place = Some(shifted.place);
        }
    }

    /// The slot of a vehicle, made where it has none.
    fn number(&mut self, id: &VehicleId) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.id = Some(id.clone());
        }
        self.numbers.insert(id.clone(), number);
        number
    }

    /// Forgets fixes older than a day, and vehicles of which nothing else is known.
    pub(crate) fn forget(&mut self, now: Time) {
        let stale: Vec<u32> = (0_u32..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.last.as_ref().is_some_and(|last| is_stale(last, now)))
            .map(|(number, _)| number)
            .collect();
        for &number in &stale {
            let Some(slot) = self.slots.get_mut(number as usize) else { continue };
            slot.last = None;
            if let Some(place) = slot.place.take() {
                self.leave(place);
            }
        }
        for number in stale {
            let Some(slot) = self.slots.get_mut(number as usize) else { continue };
            if slot.vehicle.is_none()
                && let Some(id) = slot.id.take()
            {
                self.numbers.remove(&id);
                self.free.push(number);
            }
        }
    }

    /// Vehicles whose last fix lies within `radius_m` of `centre`, nearest first.
    pub(crate) fn near(&self, centre: Position, radius_m: f64, now: Time) -> Vec<(VehicleId, f64)> {
        let measured = |slot: &Slot| {
            let last = slot.last.as_ref().filter(|last| !is_stale(last, now))?;
            let metres = distance_m(centre, last.position());
            (metres <= radius_m).then_some((slot.id.clone()?, metres))
        };
        let mut found: Vec<(VehicleId, f64)> =
            match self.grid.near(centre, bounds(centre, radius_m)) {
                Some(numbers) => numbers
                    .filter_map(|number| measured(self.slots.get(number as usize)?))
                    .collect(),
                None => self.slots.iter().filter_map(measured).collect(),
            };
        found.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        found
    }
}

/// Half the height and width of a circle, in degrees.
fn bounds(centre: Position, radius_m: f64) -> (f64, f64) {
    let north_deg =
        radius_m / distance_m(centre, Position { latitude: centre.latitude + 1.0, ..centre });
    // The circle is widest in degrees at its end nearer to the pole.
    let widest = (centre.latitude.abs() + north_deg).min(89.9);
    (north_deg, north_deg / libm::cos(widest.to_radians()))
}

fn is_stale(last: &Last, now: Time) -> bool {
    now.millis_since(last.received()) > KEPT_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    const HOUR_MS: i64 = 3_600_000;

    fn observe(fleet: &mut Fleet, id: &str, millis: i64, latitude: f64, longitude: f64) {
        let time = Time::from_millis(millis);
        let fix = Fix::new(time, latitude, longitude).unwrap();
        let judged = Judged { lane: Lane::Live, fix_time: time };
        fleet.observe(&VehicleId::from(id), time, &fix, judged);
    }

    fn near(
        fleet: &Fleet,
        latitude: f64,
        longitude: f64,
        radius_m: f64,
        now_ms: i64,
    ) -> Vec<String> {
        let centre = Position { latitude, longitude };
        let found = fleet.near(centre, radius_m, Time::from_millis(now_ms));
        found.iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn vehicles_are_found_nearest_first_where_they_are_now() {
        let mut fleet = Fleet::default();
        for (id, east) in [("far", 0.05), ("near", 0.001), ("next", 0.011), ("moved", 0.002)] {
            observe(&mut fleet, id, 0, 38.9, 121.6 + east);
        }
        observe(&mut fleet, "moved", 1, 39.5, 121.6);
        assert_eq!(near(&fleet, 38.9, 121.6, 2_000.0, 2), ["near", "next"]);
        assert_eq!(near(&fleet, 38.9, 121.6, 4_000_000.0, 2), ["near", "next", "far", "moved"]);
    }

    #[test]
    fn the_date_line_hides_nobody() {
        let mut fleet = Fleet::default();
        observe(&mut fleet, "west", 0, 0.0, 179.9995);
        observe(&mut fleet, "east", 0, 0.0, -179.9995);
        assert_eq!(near(&fleet, 0.0, 180.0, 100.0, 0).len(), 2);
        assert_eq!(near(&fleet, 0.0, -180.0, 100.0, 0).len(), 2);
    }

    #[test]
    fn a_grid_finds_what_a_scan_finds() {
        let mut fleet = Fleet::default();
        let mut state = 7_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / (1_u64 << 24) as f64
        };
        for step in 0..3_000 {
            let id = format!("v{}", step % 700);
            observe(&mut fleet, &id, step, 38.5 + next(), 121.0 + next());
        }
        for radius_m in [50.0, 900.0, 7_000.0, 40_000.0] {
            let centre = Position { latitude: 38.5 + next(), longitude: 121.0 + next() };
            let found = fleet.near(centre, radius_m, Time::from_millis(3_000));
            let scanned = fleet
                .slots
                .iter()
                .filter_map(|slot| slot.last.as_ref())
                .filter(|last| distance_m(centre, last.position()) <= radius_m);
            assert_eq!(found.len(), scanned.count());
        }
    }

    #[test]
    fn a_fix_is_forgotten_after_a_day_and_its_slot_used_again() {
        let mut fleet = Fleet::default();
        observe(&mut fleet, "old", 0, 38.9, 121.6);
        fleet.enrol(Vehicle::unknown(VehicleId::from("enrolled")));
        observe(&mut fleet, "enrolled", 0, 38.9, 121.6);
        let later = Time::from_millis(25 * HOUR_MS);
        assert!(fleet.last(&VehicleId::from("old"), later).is_none());
        assert!(near(&fleet, 38.9, 121.6, 100.0, later.millis()).is_empty());
        fleet.forget(later);
        assert_eq!(fleet.numbers.len(), 1);
        assert!(fleet.grid.is_empty());
        observe(&mut fleet, "new", later.millis(), 38.9, 121.6);
        assert_eq!(fleet.slots.len(), 2);
        assert_eq!(near(&fleet, 38.9, 121.6, 100.0, later.millis()), ["new"]);
        assert!(fleet.vehicle(&VehicleId::from("enrolled")).is_some());
    }
}
