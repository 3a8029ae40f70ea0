//! Which devices are heard, what carries them, what terminals register with, and which other
//! platforms are let in.
//!
//! [`Registry`] answers from memory, on every frame of every tracker; a change is durable before
//! it is visible, and visible to every session at its next frame.

mod change;
mod fleet;
mod import;
mod plates;
mod platforms;
mod refused;
mod saver;
mod swap;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use interdict_engine::{Vehicle, VehicleId};
use interdict_protocols::{Datum, DeviceId, HmacTokens, Time};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Platform;
use crate::store::{Store, StoreError, Table};
use fleet::Fleet;
use refused::RefusedList;
use saver::Saver;
use tokens::DeviceTokens;

pub use crate::config::{BadLine, Enrol, Enrolment};
pub use change::{Change, EnrolError, Enrolled};
pub use import::Report;
pub use plates::{Alike, plate_key};
pub use refused::Refused;
pub use swap::Swap;

/// What an operator sets for devices.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Refused devices remembered for enrolment.
    pub refused_devices: usize,
    /// Any device that logs in becomes a vehicle of its own identity: for trials.
    pub enrol_all: bool,
    /// Until then an enrolled device's first token is believed, and only that one from then on: for
    /// a fleet that moves here with the tokens of another platform.
    pub token_window_until: Option<Time>,
    /// The datum that a model's devices report in.
    pub datum_of_model: HashMap<String, Datum>,
    /// Other platforms that hand us their vehicles.
    pub platforms: Vec<Platform>,
}

/// The devices. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    saver: Saver,
}

struct Core {
    store: Store,
    clock: Clock,
    options: Options,
    fleet: RwLock<Fleet>,
    tokens: DeviceTokens,
    refused: Mutex<RefusedList>,
    /// Counts changes of enrolments by people.
    changes: watch::Sender<u64>,
    /// Held from looking at the fleet to changing it, so that the store and the memory agree.
    changing: Mutex<()>,
}

impl Registry {
    /// The devices that the store holds.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(store: &Store, clock: Clock, options: Options) -> Result<Self, StoreError> {
        let mut fleet = Fleet::default();
        for (_, enrolment) in store.read::<Enrolment>(Table::Enrolments)? {
            fleet.insert(Arc::new(enrolment));
        }
        let tokens = DeviceTokens::load(store, HmacTokens::new(store.secret()?))?;
        let core = Arc::new(Core {
            store: store.clone(),
            clock,
            refused: Mutex::new(RefusedList::new(options.refused_devices)),
            options,
            fleet: RwLock::new(fleet),
            tokens,
            changes: watch::Sender::default(),
            changing: Mutex::new(()),
        });
        let saver = Saver::start(Arc::clone(&core));
        Ok(Self(Arc::new(Inner { core, saver })))
    }

    /// Changes when somebody enrols, swaps or revokes devices.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.core.changes.subscribe()
    }

    /// The enrolment of a device; `None` where it is not enrolled. Numbers that differ only in
    /// leading zeros are one device.
    #[must_use]
    pub fn find(&self, device: &DeviceId) -> Option<Arc<Enrolment>> {
        self.0.core.fleet().find(device)
    }

    /// Every enrolment, in order of the devices' identities.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Enrolment>> {
        let mut all: Vec<_> = self.0.core.fleet().all().cloned().collect();
        all.sort_by(|one, other| one.device.cmp(&other.device));
        all
    }

    /// How many devices are enrolled.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.core.fleet().len()
    }

    /// The enrolled vehicles that `text` names: the one of that identity, or those of that plate,
    /// where spaces, dots and case do not matter.
    #[must_use]
    pub fn vehicles_named(&self, text: &str) -> Vec<Vehicle> {
        self.0.core.fleet().named(text)
    }

    /// Enrolled vehicles whose plates may be taken for `plate`, the likeliest first: with a letter
    /// that looks alike, or that is another one, missing or too many.
    #[must_use]
    pub fn vehicles_alike(&self, plate: &str) -> Vec<(Alike, Vehicle)> {
        self.0.core.fleet().alike(plate)
    }

    /// The enrolled vehicle of that identity.
    #[must_use]
    pub fn vehicle(&self, id: &VehicleId) -> Option<Vehicle> {
        self.0.core.fleet().vehicle(id).cloned()
    }

    /// The devices that a vehicle carries.
    #[must_use]
    pub fn devices_of(&self, vehicle: &VehicleId) -> Vec<DeviceId> {
        let fleet = self.0.core.fleet();
        fleet.of_vehicle(vehicle).map(|enrolment| enrolment.device.clone()).collect()
    }

    /// Every enrolled vehicle once, in order of identity.
    #[must_use]
    pub fn vehicles(&self) -> Vec<Vehicle> {
        self.0.core.fleet().vehicles()
    }

    /// The datum that a device reports in, where its frames do not say.
    #[must_use]
    pub fn datum(&self, enrolment: &Enrolment) -> Datum {
        let of_model = |model: &Arc<str>| self.0.core.options.datum_of_model.get(&**model).copied();
        enrolment.datum.or_else(|| of_model(enrolment.model.as_ref()?)).unwrap_or_default()
    }

    /// Remembers a device that wanted to be heard and is not enrolled.
    pub fn refuse(&self, device: &DeviceId, protocol: &'static str, peer: &str) {
        self.0.core.refused().count(device, protocol, peer, self.0.core.clock.now());
    }

    /// The devices refused, the latest first.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        self.0.core.refused().list()
    }
}

impl Core {
    fn fleet(&self) -> RwLockReadGuard<'_, Fleet> {
        self.fleet.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fleet_mut(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.fleet.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, RefusedList> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::audit::By;

    pub(super) fn registry(folder: &std::path::Path, options: Options) -> Registry {
        let store = Store::open(folder, "urn:test").unwrap();
        Registry::load(&store, Clock::new(Time::from_seconds(1_000), 1.0), options).unwrap()
    }

    pub(super) fn options() -> Options {
        Options { refused_devices: 3, ..Options::default() }
    }

    pub(super) fn by() -> By {
        By::named("wang")
    }

    pub(super) fn enrol(device: &str, vehicle: &str) -> Enrol {
        Enrol { device: device.into(), vehicle: vehicle.into(), ..Enrol::default() }
    }
}
