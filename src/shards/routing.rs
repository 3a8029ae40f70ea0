//! Which shard is told what.

use std::hash::{Hash, Hasher};

use interdict_engine::{Class, Input, VehicleId};
use tokio::sync::mpsc;

use super::{Message, Shards};

impl Shards {
    /// Each input goes to the shard that holds its vehicle.
    pub(super) fn route(&self, inputs: Vec<Input>) -> Vec<(&mpsc::Sender<Message>, Vec<Input>)> {
        if let [queue] = &*self.queues {
            return vec![(queue, inputs)];
        }
        let mut routed: Vec<Vec<Input>> = vec![Vec::new(); self.queues.len()];
        for input in inputs {
            let Some(vehicle) = input.vehicle() else {
                debug_assert!(false, "what concerns every shard is told by `tell_all`");
                continue;
            };
            let home = shard_of(vehicle, routed.len());
            if self.is_overheard(&input) {
                for (number, queue) in self.queues.iter().enumerate() {
                    if number != home {
                        // A shard too busy to hear where patrols are shows older places.
                        let _ = queue.try_send(Message::Overhear(input.clone()));
                    }
                }
            }
            routed[home].push(input);
        }
        self.queues.iter().zip(routed).filter(|(_, inputs)| !inputs.is_empty()).collect()
    }

    fn is_overheard(&self, input: &Input) -> bool {
        let patrols = || self.patrols.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        match input {
            Input::Vehicle(vehicle) => {
                let is_patrol = vehicle.class == Class::Patrol;
                if is_patrol != patrols().contains(&vehicle.id) {
                    let mut patrols =
                        self.patrols.write().unwrap_or_else(|poisoned| poisoned.into_inner());
                    if is_patrol {
                        patrols.insert(vehicle.id.clone());
                    } else {
                        patrols.remove(&vehicle.id);
                    }
                }
                is_patrol
            }
            Input::Fix(observation) => patrols().contains(&observation.vehicle),
            _ => false,
        }
    }
}

/// The shard that holds a vehicle: by a hash that is the same in every build, since a snapshot
/// remembers it.
pub(super) fn shard_of(vehicle: &VehicleId, count: usize) -> usize {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    vehicle.as_str().hash(&mut hasher);
    usize::try_from(hasher.finish() % count.max(1) as u64).unwrap_or(0)
}
