//! The devices that wanted to be heard and are not enrolled: what an operator enrols from.

use std::collections::{BTreeMap, HashMap};

use interdict_protocols::{DeviceId, Time};
use serde::Serialize;
use utoipa::ToSchema;

/// Longer identities are nobody's: they are not kept.
const LONGEST: usize = 128;

/// A device that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RefusedDevice)]
pub struct Refused {
    /// Its identity, as it says.
    pub device: DeviceId,
    /// The protocol that it spoke last.
    pub protocol: &'static str,
    /// The address that it came from last.
    pub peer: String,
    /// How often it was refused.
    pub count: u64,
    /// When first.
    pub first_seen: Time,
    /// When last.
    pub last_seen: Time,
}

/// At most so many devices: a new one takes the place of the one that was silent longest.
pub(super) struct RefusedList {
    limit: usize,
    /// Counts refusals: orders those of one millisecond.
    turn: u64,
    devices: HashMap<DeviceId, (u64, Refused)>,
    /// Devices by the turn of their last refusal.
    by_turn: BTreeMap<u64, DeviceId>,
}

impl RefusedList {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, turn: 0, devices: HashMap::new(), by_turn: BTreeMap::new() }
    }

    pub(super) fn count(
        &mut self,
        device: &DeviceId,
        protocol: &'static str,
        peer: &str,
        now: Time,
    ) {
        if device.as_str().len() > LONGEST || self.limit == 0 {
            return;
        }
        self.turn += 1;
        if let Some((turn, refused)) = self.devices.get_mut(device) {
            self.by_turn.remove(turn);
            *turn = self.turn;
            refused.count += 1;
            refused.protocol = protocol;
            peer.clone_into(&mut refused.peer);
            refused.last_seen = now;
        } else {
            if self.devices.len() >= self.limit
                && let Some((_, oldest)) = self.by_turn.pop_first()
            {
                self.devices.remove(&oldest);
            }
            let refused = Refused {
                device: device.clone(),
                protocol,
                peer: peer.to_owned(),
                count: 1,
                first_seen: now,
                last_seen: now,
            };
            self.devices.insert(device.clone(), (self.turn, refused));
        }
        self.by_turn.insert(self.turn, device.clone());
    }

    pub(super) fn forget(&mut self, device: &str) {
        if let Some((turn, _)) = self.devices.remove(device) {
            self.by_turn.remove(&turn);
        }
    }

    pub(super) fn list(&self) -> Vec<Refused> {
        let devices = self.by_turn.values().rev();
        devices
            .filter_map(|device| self.devices.get(device))
            .map(|(_, refused)| refused.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silent_gives_way() {
        let mut list = RefusedList::new(2);
        for (second, device) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            list.count(&device.into(), "gt06", "192.0.2.1:1", Time::from_seconds(second));
        }
        let found: Vec<_> = list
            .list()
            .iter()
            .map(|one| {
                (
                    one.device.to_string(),
                    one.count,
                    one.first_seen.seconds(),
                    one.last_seen.seconds(),
                )
            })
            .collect();
        assert_eq!(found, [("c".to_owned(), 1, 4, 4), ("a".to_owned(), 2, 1, 3)]);
        assert_eq!((list.devices.len(), list.by_turn.len()), (2, 2));
        list.forget("a");
        list.count(&"x".repeat(129).as_str().into(), "gt06", "", Time::from_seconds(5));
        assert_eq!((list.devices.len(), list.by_turn.len()), (1, 1));
    }
}
