//! Which conflicts are told: enough for people to act, too few to fill the disk.
//!
//! Whoever knows a device's number can bring about a conflict with every connection, and each one
//! told is durable. One that lasts is therefore told more and more seldom, and all together have a
//! limit.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use interdict_protocols::DeviceId;

/// How soon a conflict is told again while it lasts; twice as long each time, up to the second.
const AGAIN: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3_600);

/// Conflicts told in a minute, of all devices together: more than people can look into. With some
/// 2 KB each they take 200 MB a day, where somebody knows the numbers of a whole fleet.
const A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Devices of which it is remembered when theirs was told.
const REMEMBERED: usize = 10_000;

struct Told {
    at: Instant,
    /// Not again so long.
    quiet: Duration,
}

/// When conflicts were told.
pub(super) struct Conflicts {
    devices: HashMap<DeviceId, Told>,
    minute: Instant,
    told: u32,
}

impl Conflicts {
    pub(super) fn new(now: Instant) -> Self {
        Self { devices: HashMap::new(), minute: now, told: 0 }
    }

    /// Whether the conflict over `device`, which shows itself `now`, is to be told.
    pub(super) fn tell(&mut self, device: &DeviceId, now: Instant) -> bool {
        if now - self.minute >= MINUTE {
            (self.minute, self.told) = (now, 0);
        }
        if self.told >= A_MINUTE {
            return false;
        }
        let quiet = match self.devices.get(device) {
            Some(told) if now - told.at < told.quiet => return false,
            Some(told) if now - told.at < 2 * told.quiet => (2 * told.quiet).min(LONGEST),
            // It was over meanwhile.
            _ => AGAIN,
        };
        if self.devices.len() >= REMEMBERED && !self.devices.contains_key(device) {
            self.devices.retain(|_, told| now - told.at < 2 * told.quiet);
            if self.devices.len() >= REMEMBERED {
                return false;
            }
        }
        self.told += 1;
        self.devices.insert(device.clone(), Told { at: now, quiet });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_conflict_that_lasts_is_told_more_and_more_seldom() {
        let began = Instant::now();
        let mut conflicts = Conflicts::new(began);
        let device = DeviceId::from("1");
        // It shows itself every second for a day.
        let told: Vec<u64> = (0..86_400)
            .filter(|second| conflicts.tell(&device, began + seconds(*second)))
            .collect();
        assert_eq!(told[..6], [0, 60, 180, 420, 900, 1_860]);
        assert!(told.len() < 32, "{}", told.len());
        // Another one, and the same once it was over.
        assert!(conflicts.tell(&"2".into(), began + seconds(86_400)));
        assert!(conflicts.tell(&device, began + seconds(100_000)));
        assert!(conflicts.tell(&device, began + seconds(100_060)));
    }

    #[test]
    fn all_conflicts_together_have_a_limit() {
        let began = Instant::now();
        let mut conflicts = Conflicts::new(began);
        let tell = |conflicts: &mut Conflicts, number: u64, second: u64| {
            conflicts.tell(&number.to_string().as_str().into(), began + seconds(second))
        };
        let in_a_minute = (0..100_000).filter(|number| tell(&mut conflicts, *number, 1)).count();
        assert_eq!(in_a_minute, 60);
        assert!(tell(&mut conflicts, 99_999, 61));
        assert!(conflicts.devices.len() <= REMEMBERED);
    }
}
