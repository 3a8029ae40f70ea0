//! Another device in the place of one.

use std::sync::Arc;

use interdict_protocols::{Datum, DeviceId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Enrol, EnrolError, Enrolment, Registry};
use crate::audit::{By, acts};
use crate::config::device_key;
use crate::store::Table;

/// What somebody says of the device that comes. What is not said stays as it was of the one that goes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// Its identity: IMEI or terminal number.
    pub device: String,
    /// Its model.
    #[serde(default)]
    pub model: Option<String>,
    /// The datum that it reports in.
    #[serde(default)]
    pub datum: Option<Datum>,
    /// The registration token that another platform gave it.
    #[serde(default)]
    pub token: Option<String>,
}

impl Registry {
    /// Enrols a device in the vehicle of another, which is revoked: both or neither, so that at no
    /// moment nobody speaks for the vehicle, nor two. Durable when it returns; blocks on the disk;
    /// noted in the audit log as done by `by`. `None` where the old one is not enrolled.
    ///
    /// # Errors
    /// [`EnrolError`]; then nothing has changed.
    pub fn swap(
        &self,
        old: &DeviceId,
        new: Swap,
        by: &By,
    ) -> Result<Option<Arc<Enrolment>>, EnrolError> {
        let core = &self.0.core;
        let _changing = core.changing();
        let Some(known) = core.fleet().find(old) else { return Ok(None) };
        let Swap { device, model, datum, token } = new;
        let vehicle = known.vehicle.id.to_string();
        let enrol = Enrol { device, vehicle, model, datum, token, ..Enrol::default() };
        let enrol = enrol.check().map_err(EnrolError::Invalid)?;
        let (old_key, new_key) = (device_key(old.as_str()), device_key(&enrol.device));
        if new_key == old_key {
            return Err(EnrolError::Invalid("`device` is the one that is to go".to_owned()));
        }
        let id = DeviceId::from(enrol.device.as_str());
        if let Some(other) = core.fleet().find(&id) {
            let vehicle = other.vehicle.id.to_string();
            return Err(EnrolError::Taken { device: enrol.device, vehicle });
        }
        let enrolment = Arc::new(Enrolment {
            device: id,
            vehicle: known.vehicle.clone(),
            model: enrol.model.as_deref().map(Arc::from).or_else(|| known.model.clone()),
            datum: enrol.datum.or(known.datum),
        });
        let stated = enrol.token.as_ref().map(|_| true);
        let act = core.noted(acts::DEVICE_SWAP, &enrolment, by);
        let act = act.with("was", old_key).with_some("token", stated);
        core.tokens.import(&core.store, std::slice::from_ref(&enrol))?;
        let changes =
            [(old_key.as_bytes(), None), (new_key.as_bytes(), Some(Enrolment::clone(&enrolment)))];
        core.store.write_noted(Table::Enrolments, changes, &[act])?;
        core.tokens.forget(&core.store, old_key)?;
        let mut fleet = core.fleet_mut();
        fleet.remove(old);
        fleet.insert(Arc::clone(&enrolment));
        drop(fleet);
        core.say_changed();
        core.refused().forget(&enrol.device);
        Ok(Some(enrolment))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{by, enrol, options, registry};
    use super::*;

    fn swap(device: &str) -> Swap {
        Swap { device: device.to_owned(), ..Swap::default() }
    }

    #[test]
    fn another_device_takes_the_place_of_one_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let first = Enrol { plate: Some("A1".into()), model: Some("m".into()), ..enrol("1", "v") };
        devices.enrol(first, &by()).unwrap();
        devices.enrol(enrol("9", "w"), &by()).unwrap();

        let taken = EnrolError::Taken { device: "9".into(), vehicle: "w".into() };
        assert_eq!(devices.swap(&"1".into(), swap("9"), &by()), Err(taken));
        for bad in ["01", " ", "a\u{7}"] {
            let refused = devices.swap(&"1".into(), swap(bad), &by());
            assert!(matches!(refused, Err(EnrolError::Invalid(_))), "{bad:?}");
        }
        assert_eq!(devices.swap(&"2".into(), swap("3"), &by()), Ok(None));
        assert!(devices.find(&"1".into()).is_some());

        let swapped = devices.swap(&"01".into(), swap("2"), &by()).unwrap().unwrap();
        assert_eq!(swapped.model.as_deref(), Some("m"));
        drop(devices);
        let devices = registry(folder.path(), options());
        assert!(devices.find(&"1".into()).is_none());
        assert_eq!(devices.find(&"2".into()).unwrap(), swapped);
        assert_eq!(devices.vehicles_named("A1").len(), 1);
    }
}
