//! [`Clocks`]: devices whose clocks are steadily wrong, and by how much.
//!
//! A clock set to the wrong zone, or a satellite receiver whose count of weeks has run over (it has
//! ten bits: IS-GPS-200, 20.3.3.3.1.1), is off by the same amount in every frame, while a frame that
//! was merely stored and sent late is off by another amount than the next. So an offset is believed
//! once several frames in a row, some time apart, agree on it. A fix dated about now makes an end
//! of all suspicion.

use std::collections::{BTreeMap, VecDeque};

use interdict_protocols::{DeviceId, Time};
use serde::{Deserialize, Serialize};

use crate::VehicleId;

/// What a mobile network may hold a frame back without anything being wrong.
const NEAR_MS: i64 = 60_000;
/// How far two frames' offsets may differ by the network's delay alone.
const JITTER_MS: i64 = 20_000;
/// Frames that must agree: fewer where the offset is one of which the cause is known.
const NEEDED: usize = 5;
const NEEDED_IF_EXPLAINED: usize = 3;
/// ...received over no less than this: a backlog comes in one burst.
const NEEDED_MS: i64 = 30_000;
/// Offsets remembered, of which the middle one is taken.
const REMEMBERED: usize = 9;
/// Zones are whole quarters of an hour, and no two are further apart than 26 h.
const ZONE_STEP_MS: i64 = 900_000;
const FARTHEST_ZONES_MS: i64 = 26 * 3_600_000;
/// 1024 weeks.
const ROLLOVER_MS: i64 = 1024 * 7 * 86_400_000;

/// Devices whose clocks are not right; those that are right leave no trace.
#[derive(Default)]
pub(crate) struct Clocks {
    devices: BTreeMap<DeviceId, Clock>,
}

/// What is known of one device's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// Whose device it is.
    pub(crate) vehicle: VehicleId,
    /// What is added to its times, once it is believed.
    offset_ms: Option<i64>,
    /// When frames came, and how much later than they say; these agree with each other.
    agreeing: VecDeque<(Time, i64)>,
}

impl Clocks {
    /// The instant that the device means.
    pub(crate) fn repaired(&self, device: &DeviceId, at: Time, stated: Time) -> Time {
        if is_near(at.millis_since(stated)) {
            return stated;
        }
        let offset = self.devices.get(device).and_then(|clock| clock.offset_ms);
        offset.map_or(stated, |offset_ms| stated.plus_millis(offset_ms))
    }

    /// Learns from a frame that was not declared to be stored.
    pub(crate) fn observe(
        &mut self,
        (device, vehicle): (&DeviceId, &VehicleId),
        at: Time,
        stated: Time,
    ) {
        let offset_ms = at.millis_since(stated);
        if is_near(offset_ms) {
            if !self.devices.is_empty() {
                self.devices.remove(device);
            }
            return;
        }
        match self.devices.get_mut(device) {
            Some(clock) => clock.observe(at, offset_ms),
            None => {
                let agreeing = VecDeque::from([(at, offset_ms)]);
                let clock = Clock { vehicle: vehicle.clone(), offset_ms: None, agreeing };
                self.devices.insert(device.clone(), clock);
            }
        }
    }

    /// Forgets clocks of which nothing was heard since `before`.
    pub(crate) fn forget(&mut self, before: Time) {
        self.devices.retain(|_, clock| clock.agreeing.back().is_some_and(|(at, _)| *at >= before));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&DeviceId, &Clock)> {
        self.devices.iter()
    }

    pub(crate) fn restore(&mut self, device: DeviceId, clock: Clock) {
        self.devices.insert(device, clock);
    }
}

impl Clock {
    fn observe(&mut self, at: Time, offset_ms: i64) {
        // A stored frame among the others says nothing against an offset that is believed already.
        if self.median().is_some_and(|known| (offset_ms - known).abs() > JITTER_MS) {
            self.agreeing.clear();
        }
        if self.agreeing.len() == REMEMBERED {
            self.agreeing.pop_front();
        }
        self.agreeing.push_back((at, offset_ms));
        if self.is_believable() {
            self.offset_ms = self.median();
        }
    }

    fn is_believable(&self) -> bool {
        let (Some((first, _)), Some((last, _))) = (self.agreeing.front(), self.agreeing.back())
        else {
            return false;
        };
        let explained = self.median().is_some_and(is_explained);
        let needed = if explained { NEEDED_IF_EXPLAINED } else { NEEDED };
        self.agreeing.len() >= needed && last.millis_since(*first) >= NEEDED_MS
    }

    fn median(&self) -> Option<i64> {
        let mut offsets: Vec<i64> = self.agreeing.iter().map(|(_, offset)| *offset).collect();
        offsets.sort_unstable();
        offsets.get(offsets.len() / 2).copied()
    }
}

const fn is_near(offset_ms: i64) -> bool {
    offset_ms.unsigned_abs() <= NEAR_MS.unsigned_abs()
}

/// Whether a wrong zone or a week count run over, or both, makes such an offset.
fn is_explained(offset_ms: i64) -> bool {
    let rollovers = (offset_ms + ROLLOVER_MS / 2).div_euclid(ROLLOVER_MS);
    let rest_ms = offset_ms - rollovers * ROLLOVER_MS;
    let off_zone_ms = (rest_ms + ZONE_STEP_MS / 2).rem_euclid(ZONE_STEP_MS) - ZONE_STEP_MS / 2;
    rest_ms.abs() <= FARTHEST_ZONES_MS + NEAR_MS && off_zone_ms.abs() <= NEAR_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_S: i64 = 3_600;

    /// The time that the clocks make of the last of `frames`, each (received, stated) in seconds.
    fn repaired(frames: &[(i64, i64)]) -> i64 {
        let (device, vehicle) = (DeviceId::from("d"), VehicleId::from("v"));
        let mut clocks = Clocks::default();
        for &(at, stated) in frames {
            let (at, stated) = (Time::from_seconds(at), Time::from_seconds(stated));
            clocks.observe((&device, &vehicle), at, stated);
        }
        let (at, stated) = frames[frames.len() - 1];
        clocks.repaired(&device, Time::from_seconds(at), Time::from_seconds(stated)).seconds()
    }

    #[test]
    fn a_wrong_zone_is_learned_from_three_frames() {
        let zone = 8 * HOUR_S;
        assert_eq!(repaired(&[(0, zone), (20, 18 + zone)]), 18 + zone);
        assert_eq!(repaired(&[(0, zone), (20, 18 + zone), (40, 40 + zone)]), 40);
    }

    #[test]
    fn a_week_count_run_over_is_learned() {
        let weeks = ROLLOVER_MS / 1000;
        let frames: Vec<(i64, i64)> = (0..3).map(|n| (n * 20, n * 20 - weeks)).collect();
        assert_eq!(repaired(&frames), 40);
    }

    #[test]
    fn an_offset_without_a_known_cause_needs_five_frames() {
        let frames: Vec<(i64, i64)> = (0..5).map(|n| (n * 20, n * 20 - 5_000)).collect();
        assert_eq!(repaired(&frames[..4]), 60 - 5_000);
        assert_eq!(repaired(&frames), 80);
    }

    #[test]
    fn a_backlog_is_no_offset() {
        // Ten stored fixes a second, ten seconds apart, from eight hours ago.
        let burst: Vec<(i64, i64)> = (0..500).map(|n| (n / 10, n * 10 - 8 * HOUR_S)).collect();
        assert_eq!(repaired(&burst), burst[499].1);
    }

    #[test]
    fn a_clock_set_right_is_believed_at_once() {
        let mut frames: Vec<(i64, i64)> = (0..5).map(|n| (n * 20, n * 20 + HOUR_S)).collect();
        frames.push((100, 99));
        assert_eq!(repaired(&frames), 99);
        // ...and so is a fix of ten minutes ago that it sends after that.
        frames.push((101, 101 - 600));
        assert_eq!(repaired(&frames), 101 - 600);
    }

    #[test]
    fn a_device_that_is_heard_no_more_is_forgotten() {
        let mut clocks = Clocks::default();
        let names = (&DeviceId::from("d"), &VehicleId::from("v"));
        clocks.observe(names, Time::from_seconds(100_000), Time::from_seconds(0));
        clocks.forget(Time::from_seconds(100_000));
        assert_eq!(clocks.iter().count(), 1);
        clocks.forget(Time::from_seconds(100_001));
        assert_eq!(clocks.iter().count(), 0);
    }

    #[test]
    fn a_stored_frame_does_not_unlearn_an_offset() {
        let mut frames: Vec<(i64, i64)> = (0..5).map(|n| (n * 20, n * 20 - HOUR_S)).collect();
        frames.push((90, 90 - HOUR_S - 700));
        assert_eq!(repaired(&frames), 90 - 700);
        frames.push((100, 100 - HOUR_S));
        assert_eq!(repaired(&frames), 100);
    }
}
