//! Enrolling and revoking.

use std::collections::BTreeMap;
use std::sync::Arc;

use interdict_engine::{Vehicle, VehicleId};
use interdict_protocols::DeviceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Core, Enrol, Enrolment, Registry};
use crate::audit::{Act, By, acts};
use crate::config::device_key;
use crate::store::{StoreError, Table};

/// Devices that enrol themselves under `enrol_all`: far more than any trial has, few enough to
/// keep.
const SELF_ENROLLED: usize = 200_000;

/// Why a device was not enrolled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// What was said cannot be.
    #[error("{0}")]
    Invalid(String),
    /// That device is enrolled already.
    #[error("the device `{device}` is enrolled already, in vehicle `{vehicle}`; revoke it first")]
    Taken {
        /// Which.
        device: String,
        /// What carries it.
        vehicle: String,
    },
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an enrolment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EnrolmentChange)]
pub enum Change {
    /// The device was not enrolled before.
    Added,
    /// It was, and something of it is different now.
    Changed,
    /// It was, just so.
    Unchanged,
}

/// A device as it is now enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// What came of it.
    pub change: Change,
    /// The enrolment as it stands.
    pub enrolment: Arc<Enrolment>,
}

impl Registry {
    /// Enrols a device, or changes what is known of it and its vehicle. Durable when it returns;
    /// blocks on the disk; noted in the audit log as done by `by`. Tell the engine the vehicle
    /// afterwards.
    ///
    /// # Errors
    /// [`EnrolError`]; then nothing has changed.
    pub fn enrol(&self, enrol: Enrol, by: &By) -> Result<Enrolled, EnrolError> {
        let enrol = enrol.check().map_err(EnrolError::Invalid)?;
        let core = &self.0.core;
        let _changing = core.changing();
        let change = core.plan(std::slice::from_ref(&enrol));
        let known = change.devices.first().copied().unwrap_or(Change::Unchanged);
        let mut acts = Vec::new();
        if known != Change::Unchanged {
            acts.extend(change.enrolments.get(device_key(&enrol.device)).map(|now| {
                let token = enrol.token.as_ref().map(|_| true);
                core.noted(acts::DEVICE_ENROL, now, by).with_some("token", token)
            }));
        }
        core.carry_out(&change, std::slice::from_ref(&enrol), &acts)?;
        let device = DeviceId::from(enrol.device);
        let enrolment = core.fleet().find(&device);
        let missing = || EnrolError::Invalid("was revoked at the same moment".to_owned());
        Ok(Enrolled { change: known, enrolment: enrolment.ok_or_else(missing)? })
    }

    /// Revokes a device: its sessions end at their next frame. Durable when it returns; blocks on
    /// the disk; noted in the audit log as done by `by`. `None` where it was not enrolled.
    ///
    /// # Errors
    /// What the store says; then it is still enrolled.
    pub fn revoke(&self, device: &DeviceId, by: &By) -> Result<Option<Arc<Enrolment>>, StoreError> {
        let core = &self.0.core;
        let _changing = core.changing();
        let Some(known) = core.fleet().find(device) else { return Ok(None) };
        let key = device_key(device.as_str());
        let act = core.noted(acts::DEVICE_REVOKE, &known, by);
        let change = (key.as_bytes(), None::<&Enrolment>);
        core.store.write_noted(Table::Enrolments, [change], &[act])?;
        core.tokens.forget(&core.store, key)?;
        let removed = core.fleet_mut().remove(device);
        core.say_changed();
        Ok(removed)
    }

    /// Enrols a device that nobody enrolled as a vehicle of its own identity, where `enrol_all`
    /// says so. At once in memory, soon after on the disk.
    #[must_use]
    pub fn enrol_unknown(&self, device: &DeviceId) -> Option<Arc<Enrolment>> {
        let core = &self.0.core;
        if !core.options.enrol_all {
            return None;
        }
        let name = device.as_str().to_owned();
        let enrol = Enrol { device: name.clone(), vehicle: name, ..Enrol::default() };
        let enrol = enrol.check().ok()?;
        let vehicle = enrol.vehicle(None);
        let enrolment =
            Arc::new(Enrolment { device: device.clone(), vehicle, model: None, datum: None });
        {
            let mut fleet = core.fleet_mut();
            if let Some(known) = fleet.find(device) {
                return Some(known);
            }
            if fleet.len() >= SELF_ENROLLED {
                return None;
            }
            fleet.insert(Arc::clone(&enrolment));
        }
        self.0.saver.save_enrolment(device_key(device.as_str()));
        Some(enrolment)
    }
}

/// What several enrolments come to.
pub(super) struct Plan {
    /// Of each device said, in the same order.
    pub(super) devices: Vec<Change>,
    /// Every enrolment that is different afterwards, by key: also those of a changed vehicle's
    /// other devices.
    enrolments: BTreeMap<String, Arc<Enrolment>>,
}

impl Plan {
    /// Each vehicle concerned once, as it will be.
    pub(super) fn vehicles(&self) -> Vec<Vehicle> {
        let vehicles = self.enrolments.values().map(|enrolment| &enrolment.vehicle);
        let by_id: BTreeMap<_, _> = vehicles.map(|vehicle| (&vehicle.id, vehicle)).collect();
        by_id.into_values().cloned().collect()
    }
}

impl Core {
    /// What `enrols` would change. The fleet must not change until [`Self::carry_out`].
    pub(super) fn plan(&self, enrols: &[Enrol]) -> Plan {
        let fleet = self.fleet();
        let mut vehicles: BTreeMap<VehicleId, Vehicle> = BTreeMap::new();
        let mut plan = Plan { devices: Vec::new(), enrolments: BTreeMap::new() };
        for enrol in enrols {
            let id = VehicleId::from(enrol.vehicle.as_str());
            let known = vehicles.get(&id).or_else(|| fleet.vehicle(&id));
            let vehicle = enrol.vehicle(known);
            vehicles.insert(id, vehicle);
        }
        for enrol in enrols {
            let device = DeviceId::from(enrol.device.as_str());
            let Some(vehicle) = vehicles.get(enrol.vehicle.as_str()) else { continue };
            let known = fleet.find(&device);
            let enrolment = Enrolment {
                vehicle: vehicle.clone(),
                model: enrol
                    .model
                    .as_deref()
                    .map(Arc::from)
                    .or_else(|| known.as_ref().and_then(|known| known.model.clone())),
                datum: enrol.datum.or_else(|| known.as_ref().and_then(|known| known.datum)),
                device,
            };
            plan.devices.push(match known {
                None => Change::Added,
                Some(known) if *known == enrolment && enrol.token.is_none() => Change::Unchanged,
                Some(_) => Change::Changed,
            });
            plan.enrolments.insert(device_key(&enrol.device).to_owned(), Arc::new(enrolment));
        }
        for (id, vehicle) in &vehicles {
            for other in fleet.of_vehicle(id).filter(|other| other.vehicle != *vehicle) {
                plan.enrolments.entry(device_key(other.device.as_str()).to_owned()).or_insert_with(
                    || Arc::new(Enrolment { vehicle: vehicle.clone(), ..Enrolment::clone(other) }),
                );
            }
        }
        plan
    }

    /// What is noted of an enrolment: whose it is, and a commitment to the whole of it.
    pub(super) fn noted(&self, act: &'static str, enrolment: &Enrolment, by: &By) -> Act {
        let vehicle = &enrolment.vehicle;
        Act::new(self.clock.now(), act, by)
            .with("device", device_key(enrolment.device.as_str()))
            .with("vehicle", vehicle.id.as_str())
            .with_some("plate", vehicle.plate.as_deref())
            .of(&serde_json::to_vec(enrolment).unwrap_or_default())
    }

    /// Makes a plan and what is noted of it durable, then visible.
    pub(super) fn carry_out(
        &self,
        plan: &Plan,
        enrols: &[Enrol],
        acts: &[Act],
    ) -> Result<(), StoreError> {
        self.tokens.import(&self.store, enrols)?;
        let changes = plan.enrolments.iter();
        let changes = changes.map(|(key, enrolment)| (key.as_bytes(), Some(&**enrolment)));
        self.store.write_noted(Table::Enrolments, changes, acts)?;
        let mut fleet = self.fleet_mut();
        for enrolment in plan.enrolments.values() {
            fleet.insert(Arc::clone(enrolment));
        }
        drop(fleet);
        self.say_changed();
        let mut refused = self.refused();
        for enrol in enrols {
            refused.forget(&enrol.device);
        }
        drop(refused);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::Class;

    use super::super::Options;
    use super::super::testing::{by, enrol, options, registry};
    use super::*;

    #[test]
    fn an_enrolment_lasts_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let said =
            Enrol { plate: Some(" 辽B·1 ".into()), class: Some(Class::Taxi), ..enrol("1", "v") };
        assert_eq!(devices.enrol(said.clone(), &by()).unwrap().change, Change::Added);
        assert_eq!(devices.enrol(said, &by()).unwrap().change, Change::Unchanged);
        drop(devices);

        let devices = registry(folder.path(), options());
        let found = devices.find(&"1".into()).unwrap();
        assert_eq!(
            (found.vehicle.plate.as_deref(), found.vehicle.class),
            (Some("辽B·1"), Class::Taxi)
        );
        assert!(devices.revoke(&"1".into(), &by()).unwrap().is_some());
        assert!(devices.revoke(&"1".into(), &by()).unwrap().is_none());
        assert!(devices.find(&"1".into()).is_none());
        drop(devices);
        assert!(registry(folder.path(), options()).list().is_empty());
    }

    #[test]
    fn what_is_not_said_stays_and_a_vehicle_is_one_for_all_its_devices() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let first = Enrol { plate: Some("A1".into()), model: Some("m".into()), ..enrol("1", "v") };
        devices.enrol(first, &by()).unwrap();
        devices.enrol(enrol("2", "v"), &by()).unwrap();
        assert_eq!(devices.find(&"2".into()).unwrap().vehicle.plate.as_deref(), Some("A1"));
        let second = Enrol { plate: Some("A2".into()), ..enrol("2", "v") };
        assert_eq!(devices.enrol(second, &by()).unwrap().change, Change::Changed);
        let other = devices.find(&"1".into()).unwrap();
        assert_eq!(
            (other.vehicle.plate.as_deref(), other.model.as_deref()),
            (Some("A2"), Some("m"))
        );
        assert_eq!(devices.vehicles().len(), 1);
        drop((devices, other));
        let devices = registry(folder.path(), options());
        assert_eq!(devices.find(&"1".into()).unwrap().vehicle.plate.as_deref(), Some("A2"));
    }

    #[test]
    fn nonsense_is_not_enrolled() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        for bad in
            [enrol(" ", "v"), enrol("1", ""), enrol("1\u{1b}", "v"), enrol(&"1".repeat(129), "v")]
        {
            assert!(matches!(devices.enrol(bad, &by()), Err(EnrolError::Invalid(_))));
        }
        assert!(devices.list().is_empty());
    }

    #[test]
    fn unknown_devices_enrol_themselves_only_where_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        assert!(devices.enrol_unknown(&"7".into()).is_none());
        drop(devices);
        let trial = Options { enrol_all: true, ..options() };
        let devices = registry(folder.path(), trial.clone());
        assert_eq!(devices.enrol_unknown(&"7".into()).unwrap().vehicle.id.as_str(), "7");
        drop(devices);
        let devices = registry(folder.path(), options());
        assert_eq!(devices.find(&"7".into()).unwrap().vehicle.id.as_str(), "7");
    }
}
