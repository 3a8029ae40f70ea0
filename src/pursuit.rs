//! Which devices are to report faster: those of vehicles with a flag in force.
//!
//! A flag that only some may see asks nothing of a tracker, and forbids that to every other flag of
//! its vehicle: whoever sits in it could see that its tracker has begun to hurry.

use std::collections::{BTreeMap, BTreeSet};

use interdict_engine::{Flag, VehicleId};
use interdict_protocols::{DeviceId, Time};
use tokio_util::sync::CancellationToken;

use crate::audit::{Act, By, acts};
use crate::devices::Registry;
use crate::dispatch::FlagChanges;
use crate::downlink::Downlink;
use crate::shards::Shards;
use crate::store::{Store, StoreError};

/// Keeps `downlink` told until `closing`.
pub async fn follow(
    store: Store,
    registry: Registry,
    shards: Shards,
    downlink: Downlink,
    closing: CancellationToken,
) {
    let mut changes = FlagChanges::new(store.clone(), shards.latest());
    let mut enrolments = registry.changes();
    let mut pursuit = Pursuit { followed: BTreeMap::new(), store, registry, shards, downlink };
    loop {
        pursuit.look().await;
        tokio::select! {
            () = closing.cancelled() => return,
            () = changes.next() => {}
            Ok(()) = enrolments.changed() => {}
        }
    }
}

struct Pursuit {
    /// Who has been told to hurry, and what carries them.
    followed: BTreeMap<DeviceId, VehicleId>,
    store: Store,
    registry: Registry,
    shards: Shards,
    downlink: Downlink,
}

impl Pursuit {
    /// Compares who is to hurry with who has been told so; notes the difference, and tells it.
    async fn look(&mut self) {
        let wanted = match self.wanted().await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(%error, "it is not known which devices are to report faster");
                return;
            }
        };
        if wanted == self.followed {
            return;
        }
        let acts = self.difference(&wanted);
        // What cannot be noted is not begun; it is ended all the same.
        if self.shards.tell_noted(Vec::new(), acts).await.is_ok() {
            self.followed = wanted;
        } else {
            self.followed.retain(|device, _| wanted.contains_key(device));
        }
        self.downlink.follow(self.followed.keys().cloned().collect());
    }

    async fn wanted(&self) -> Result<BTreeMap<DeviceId, VehicleId>, StoreError> {
        let store = self.store.clone();
        let flags = tokio::task::spawn_blocking(move || store.flags()).await;
        let flags = flags.map_err(|_| StoreError::Closed)??;
        let flags = flags.iter().map(|report| &report.flag);
        let vehicles = pursued(flags, self.shards.clock().now());
        let mut devices = BTreeMap::new();
        for vehicle in vehicles {
            for device in self.registry.devices_of(vehicle) {
                devices.insert(device, vehicle.clone());
            }
        }
        Ok(devices)
    }

    fn difference(&self, wanted: &BTreeMap<DeviceId, VehicleId>) -> Vec<Act> {
        let now = self.shards.clock().now();
        let act = |act: &'static str, device: &DeviceId, vehicle: &VehicleId| {
            Act::new(now, act, &By::server())
                .with("device", device.as_str())
                .with("vehicle", vehicle.as_str())
        };
        let begun = wanted.iter().filter(|(device, _)| !self.followed.contains_key(*device));
        let ended = self.followed.iter().filter(|(device, _)| !wanted.contains_key(*device));
        let begun = begun.map(|(device, vehicle)| act(acts::DEVICE_FASTER, device, vehicle));
        begun
            .chain(ended.map(|(device, vehicle)| act(acts::DEVICE_USUAL, device, vehicle)))
            .collect()
    }
}

/// The vehicles that are followed openly at `now`.
fn pursued<'a>(flags: impl Iterator<Item = &'a Flag>, now: Time) -> BTreeSet<&'a VehicleId> {
    let holds = |flag: &&Flag| flag.is_in_force() && flag.starts_at <= now && now < flag.ends_at();
    let (open, covert): (Vec<_>, Vec<_>) =
        flags.filter(holds).partition(|flag| flag.covert.is_empty());
    let covert: BTreeSet<_> = covert.into_iter().map(|flag| &flag.vehicle).collect();
    let open = open.into_iter().map(|flag| &flag.vehicle);
    open.filter(|vehicle| !covert.contains(vehicle)).collect()
}

#[cfg(test)]
mod tests {
    use interdict_engine::FlagState;

    use super::*;

    fn flag(vehicle: &str, change: impl FnOnce(&mut Flag)) -> Flag {
        let during = (Time::from_seconds(100), Time::from_seconds(200));
        let mut flag = Flag::new("f".into(), vehicle.into(), "stolen", during);
        change(&mut flag);
        flag
    }

    fn pursued_at(flags: &[Flag], second: i64) -> Vec<String> {
        let found = pursued(flags.iter(), Time::from_seconds(second));
        found.into_iter().map(VehicleId::to_string).collect()
    }

    #[test]
    fn a_vehicle_is_pursued_while_a_flag_of_it_holds() {
        let flags = [flag("a", |_| ()), flag("b", |flag| flag.starts_at = Time::from_seconds(150))];
        assert_eq!(pursued_at(&flags, 99), Vec::<String>::new());
        assert_eq!(pursued_at(&flags, 100), ["a"]);
        assert_eq!(pursued_at(&flags, 150), ["a", "b"]);
        assert_eq!(pursued_at(&flags, 200), Vec::<String>::new());
    }

    #[test]
    fn what_waits_for_approval_pursues_nobody() {
        let flags = [flag("a", |flag| flag.state = FlagState::Applied)];
        assert_eq!(pursued_at(&flags, 150), Vec::<String>::new());
        let flags = [flag("a", |flag| flag.state = FlagState::Emergency)];
        assert_eq!(pursued_at(&flags, 150), ["a"]);
    }

    #[test]
    fn a_covert_flag_outweighs_the_open_ones_of_its_vehicle() {
        let covert = flag("a", |flag| flag.covert = vec!["squad".into()]);
        let flags = [covert, flag("a", |_| ()), flag("b", |_| ())];
        assert_eq!(pursued_at(&flags, 150), ["b"]);
    }
}
