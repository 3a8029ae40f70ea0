//! The enrolments in memory, found by device, by vehicle and by plate.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use interdict_engine::{Vehicle, VehicleId};
use interdict_protocols::DeviceId;

use super::Enrolment;
use super::plates::{Alike, alike, plate_key};
use crate::config::device_key;

#[derive(Default)]
pub(super) struct Fleet {
    devices: HashMap<Box<str>, Arc<Enrolment>>,
    /// The keys of each vehicle's devices.
    vehicles: BTreeMap<VehicleId, BTreeSet<Box<str>>>,
    plates: HashMap<String, BTreeSet<VehicleId>>,
}

impl Fleet {
    pub(super) fn find(&self, device: &DeviceId) -> Option<Arc<Enrolment>> {
        self.devices.get(device_key(device.as_str())).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Enrolment>> {
        self.devices.values()
    }

    /// The enrolments of one vehicle.
    pub(super) fn of_vehicle(&self, vehicle: &VehicleId) -> impl Iterator<Item = &Arc<Enrolment>> {
        let devices = self.vehicles.get(vehicle).into_iter().flatten();
        devices.filter_map(|device| self.devices.get(device))
    }

    pub(super) fn vehicle(&self, vehicle: &VehicleId) -> Option<&Vehicle> {
        self.of_vehicle(vehicle).next().map(|enrolment| &enrolment.vehicle)
    }

    pub(super) fn vehicles(&self) -> Vec<Vehicle> {
        self.vehicles.keys().filter_map(|id| self.vehicle(id).cloned()).collect()
    }

    pub(super) fn named(&self, text: &str) -> Vec<Vehicle> {
        let text = text.trim();
        if let Some(vehicle) = self.vehicle(&VehicleId::from(text)) {
            return vec![vehicle.clone()];
        }
        let ids = self.plates.get(&plate_key(text)).into_iter().flatten();
        ids.filter_map(|id| self.vehicle(id).cloned()).collect()
    }

    /// Vehicles whose plates may be taken for `plate`, the likeliest first.
    pub(super) fn alike(&self, plate: &str) -> Vec<(Alike, Vehicle)> {
        let key = plate_key(plate);
        let plates = self.plates.iter().filter_map(|(other, ids)| Some((alike(&key, other)?, ids)));
        let of_plate = plates.flat_map(|(how, ids)| ids.iter().map(move |id| (how, id)));
        let mut found: Vec<(Alike, &VehicleId)> = of_plate.collect();
        found.sort_unstable();
        let known =
            found.into_iter().filter_map(|(how, id)| Some((how, self.vehicle(id)?.clone())));
        known.collect()
    }

    pub(super) fn insert(&mut self, enrolment: Arc<Enrolment>) {
        self.remove(&enrolment.device);
        let device = Box::<str>::from(device_key(enrolment.device.as_str()));
        let vehicle = &enrolment.vehicle;
        self.vehicles.entry(vehicle.id.clone()).or_default().insert(device.clone());
        if let Some(plate) = &vehicle.plate {
            self.plates.entry(plate_key(plate)).or_default().insert(vehicle.id.clone());
        }
        self.devices.insert(device, enrolment);
    }

    pub(super) fn remove(&mut self, device: &DeviceId) -> Option<Arc<Enrolment>> {
        let removed = self.devices.remove(device_key(device.as_str()))?;
        let vehicle = &removed.vehicle;
        let others = self.vehicles.get_mut(&vehicle.id).is_some_and(|devices| {
            devices.remove(device_key(device.as_str()));
            !devices.is_empty()
        });
        if !others {
            self.vehicles.remove(&vehicle.id);
        }
        // Another device of the vehicle may name the plate still.
        let plate_of = |vehicle: &Vehicle| vehicle.plate.as_deref().map(plate_key);
        if let Some(plate) = plate_of(vehicle)
            && !self
                .of_vehicle(&vehicle.id)
                .any(|other| plate_of(&other.vehicle).as_ref() == Some(&plate))
            && let Some(ids) = self.plates.get_mut(&plate)
        {
            ids.remove(&vehicle.id);
            if ids.is_empty() {
                self.plates.remove(&plate);
            }
        }
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment(device: &str, vehicle: &str, plate: &str) -> Arc<Enrolment> {
        let mut vehicle = Vehicle::unknown(vehicle.into());
        vehicle.plate = Some(plate.to_owned());
        Arc::new(Enrolment { device: device.into(), vehicle, model: None, datum: None })
    }

    fn named(fleet: &Fleet, text: &str) -> Vec<String> {
        fleet.named(text).iter().map(|vehicle| vehicle.id.to_string()).collect()
    }

    #[test]
    fn leading_zeros_of_a_number_do_not_matter() {
        assert_eq!(
            (device_key("013800000001"), device_key("000"), device_key("0x1"), device_key("7")),
            ("13800000001", "0", "0x1", "7")
        );
        let mut fleet = Fleet::default();
        fleet.insert(enrolment("0138", "a", "p"));
        assert_eq!(fleet.find(&"138".into()).unwrap().device.as_str(), "0138");
        assert_eq!(fleet.find(&"000138".into()).unwrap().device.as_str(), "0138");
    }

    #[test]
    fn a_plate_is_found_however_it_is_written() {
        let mut fleet = Fleet::default();
        fleet.insert(enrolment("1", "taxi-1", "辽B·8K521"));
        fleet.insert(enrolment("2", "taxi-2", "辽B 9M001"));
        assert_eq!(named(&fleet, " 辽b8k 521"), ["taxi-1"]);
        assert_eq!(named(&fleet, "taxi-2"), ["taxi-2"]);
        assert_eq!(named(&fleet, "辽B"), Vec::<String>::new());
        fleet.insert(enrolment("3", "taxi-3", "辽B8K521"));
        assert_eq!(named(&fleet, "辽B8K521"), ["taxi-1", "taxi-3"]);
        fleet.remove(&"1".into());
        assert_eq!(named(&fleet, "辽B8K521"), ["taxi-3"]);
    }

    #[test]
    fn a_vehicle_with_two_devices_stays_until_both_are_gone() {
        let mut fleet = Fleet::default();
        fleet.insert(enrolment("1", "v", "P1"));
        fleet.insert(enrolment("2", "v", "P1"));
        fleet.remove(&"1".into());
        assert_eq!(named(&fleet, "p1"), ["v"]);
        fleet.remove(&"2".into());
        assert_eq!((fleet.vehicles().len(), fleet.plates.len(), fleet.vehicles.len()), (0, 0, 0));
    }

    #[test]
    fn a_new_plate_takes_the_place_of_the_old_one() {
        let mut fleet = Fleet::default();
        fleet.insert(enrolment("1", "v", "OLD"));
        fleet.insert(enrolment("1", "v", "NEW"));
        assert_eq!((named(&fleet, "old"), named(&fleet, "new")), (vec![], vec!["v".to_owned()]));
    }
}
