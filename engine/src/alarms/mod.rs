//! [`Alarms`]: which of a device's alarms are news.
//!
//! A tracker repeats an alarm in every frame while its bit is set. What it clears on our answer (a
//! *momentary* alarm) is told at each rising edge of a login; what lasts until its cause ends is
//! told at its rising and at its falling edge; what a frame reports without a state (an
//! *occurrence*) is told each time. JT/T 808-2019, table 24, says which bits are which.

mod mass;
mod memory;
mod provisional;

pub use mass::MassAlarm;

use std::collections::BTreeMap;

use interdict_protocols::{Alarm, AlarmSet, DeviceId, Fix, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EventId, Lane, VehicleId};
pub(crate) use memory::Memory;
use memory::{On, TOLD_S};

/// What devices clear on our answer.
const MOMENTARY: [Alarm; 9] = [
    Alarm::Sos,
    Alarm::Danger,
    Alarm::GeofenceEnter,
    Alarm::GeofenceExit,
    Alarm::Geofence,
    Alarm::RouteTime,
    Alarm::IllegalIgnition,
    Alarm::IllegalMovement,
    Alarm::IllegalDoor,
];

/// What a frame says of alarms.
#[derive(Clone, Copy)]
pub(crate) struct Reported {
    pub(crate) on: AlarmSet,
    /// The alarms whose absence from `on` means that they are off.
    pub(crate) states: AlarmSet,
    /// When the device says that it was.
    pub(crate) stated: Time,
    /// The same, repaired.
    pub(crate) meant: Time,
    pub(crate) is_late: bool,
}

impl Reported {
    pub(crate) fn by(fix: &Fix, judged: crate::Judged) -> Self {
        Self {
            on: fix.alarms,
            states: fix.alarm_states,
            stated: fix.fix_time,
            meant: judged.fix_time,
            is_late: judged.lane == Lane::Late,
        }
    }
}

/// The alarms that began and ended with a frame: each makes an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Edges {
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) began: AlarmSet,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) ended: AlarmSet,
}

const fn is_empty(set: &AlarmSet) -> bool {
    set.is_empty()
}

impl Edges {
    pub(crate) const fn is_empty(self) -> bool {
        self.began.is_empty() && self.ended.is_empty()
    }

    /// Each alarm, and whether it is on.
    pub(crate) fn iter(self) -> impl Iterator<Item = (Alarm, bool)> {
        let began = self.began.iter().map(|alarm| (alarm, true));
        began.chain(self.ended.iter().map(|alarm| (alarm, false)))
    }
}

/// Every device's alarms.
#[derive(Default)]
pub(crate) struct Alarms {
    /// Of devices with a lasting alarm on, or an alarm told within the last day.
    devices: BTreeMap<DeviceId, Memory>,
    /// The momentary alarms that are on, of this login: in memory only.
    momentary: BTreeMap<DeviceId, On>,
}

impl Alarms {
    /// What of a frame is news.
    pub(crate) fn edges(&self, device: &DeviceId, reported: Reported, at: Time) -> Edges {
        if reported.on.is_empty() && self.devices.is_empty() {
            return Edges::default();
        }
        let memory = self.devices.get(device);
        if reported.on.is_empty() && memory.is_none() {
            return Edges::default();
        }
        let momentary = self.momentary.get(device).copied().unwrap_or_default();
        let lasting = memory.map(|memory| memory.lasting).unwrap_or_default();
        let Reported { on, states, meant, is_late, .. } = reported;
        let (was, mut ended);
        if is_late {
            let known = lasting.late_then(meant);
            was = momentary.late_then(meant).union(lasting.live).union(known);
            ended = known;
        } else {
            ended = lasting.live.union(lasting.late);
            was = momentary.live.union(ended);
        }
        ended = ended.intersection(states).difference(on);
        // An occurrence has no state to be on already.
        let began = on.difference(was.intersection(states));
        let told = memory.map_or_else(Edges::default, |memory| memory.told(reported.stated, at));
        Edges { began: began.difference(told.began), ended: ended.difference(told.ended) }
    }

    /// Remembers a frame of which `edges` were told.
    pub(crate) fn observe(
        &mut self,
        (device, vehicle): (&DeviceId, &VehicleId),
        reported: Reported,
        edges: Edges,
        at: Time,
    ) {
        let Reported { on, states, .. } = reported;
        if on.is_empty() && self.devices.is_empty() && self.momentary.is_empty() {
            return;
        }
        let momentary: AlarmSet = MOMENTARY.into_iter().collect();
        let pressed = on.intersection(momentary).intersection(states);
        if !pressed.is_empty() || self.momentary.contains_key(device) {
            let known = self.momentary.entry(device.clone()).or_default();
            known.observe(reported, pressed, momentary.intersection(states));
            if known.live.is_empty() && known.late.is_empty() {
                self.momentary.remove(device);
            }
        }
        let lasting = on.intersection(states).difference(momentary);
        if lasting.is_empty() && edges.is_empty() && !self.devices.contains_key(device) {
            return;
        }
        let memory = self.devices.entry(device.clone()).or_insert_with(|| Memory::of(vehicle));
        // What is on now has been told already: a late frame adds nothing to it.
        let lasting =
            if reported.is_late { lasting.difference(memory.lasting.live) } else { lasting };
        memory.lasting.observe(reported, lasting, states.difference(momentary));
        if !reported.is_late {
            // Their end has been told with this frame, or they are known to last.
            memory.lasting.late = memory.lasting.late.difference(states);
        }
        if !edges.is_empty() {
            memory.tell(reported.stated, edges, at);
        }
    }

    /// Which of some alarms a vehicle's devices had on, or told of in the last `seconds`, and when
    /// last.
    pub(crate) fn told_of(
        &self,
        vehicle: &VehicleId,
        alarms: &[Alarm],
        now: Time,
        seconds: f64,
    ) -> Vec<(Alarm, Time)> {
        let of = self.devices.values().filter(|memory| memory.vehicle == *vehicle);
        let each = of.flat_map(|memory| alarms.iter().map(move |alarm| (memory, *alarm)));
        let last = each.filter_map(|(memory, alarm)| Some((alarm, memory.last(alarm, now)?)));
        last.filter(|(_, at)| now.seconds_since(*at) <= seconds).collect()
    }

    /// Begins the momentary edges of a device anew.
    pub(crate) fn login(&mut self, device: &DeviceId) {
        self.momentary.remove(device);
    }

    /// Forgets devices of which there is nothing left to know.
    pub(crate) fn forget(&mut self, now: Time) {
        self.devices.retain(|_, memory| memory.forget(now));
        self.momentary
            .retain(|_, on| !on.live.is_empty() || now.seconds_since(on.late_at) <= TOLD_S);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&DeviceId, &Memory)> {
        self.devices.iter()
    }

    pub(crate) fn restore(&mut self, device: DeviceId, memory: Memory) {
        self.devices.insert(device, memory);
    }
}

/// An alarm event's identity: a frame sent again makes the same one.
pub(crate) fn event_id(device: &DeviceId, alarm: Alarm, active: bool, stated: Time) -> EventId {
    let mut hash = Sha256::new();
    // A length before the only part of free length, so that no two inputs run together.
    hash.update((device.as_str().len() as u64).to_be_bytes());
    hash.update(device.as_str());
    hash.update(stated.millis().to_be_bytes());
    hash.update([u8::from(active)]);
    hash.update(alarm.name());
    // 128 bits of it are enough: no two events in the life of the universe share them by chance.
    EventId(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Device {
        alarms: Alarms,
        id: DeviceId,
        vehicle: VehicleId,
    }

    impl Device {
        fn new() -> Self {
            let (id, vehicle) = (DeviceId::from("d"), VehicleId::from("v"));
            Self { alarms: Alarms::default(), id, vehicle }
        }

        /// What a frame at `seconds`, received at once, makes news; all alarms but `door` are states.
        fn live(&mut self, seconds: i64, on: &[Alarm]) -> Vec<String> {
            self.report(seconds, on, false)
        }

        fn late(&mut self, seconds: i64, on: &[Alarm]) -> Vec<String> {
            self.report(seconds, on, true)
        }

        fn report(&mut self, seconds: i64, on: &[Alarm], is_late: bool) -> Vec<String> {
            let stated = Time::from_seconds(seconds);
            let states = Alarm::ALL.iter().copied().filter(|alarm| *alarm != Alarm::Door);
            let reported = Reported {
                on: on.iter().copied().collect(),
                states: states.collect(),
                stated,
                meant: stated,
                is_late,
            };
            let edges = self.alarms.edges(&self.id, reported, stated);
            self.alarms.observe((&self.id, &self.vehicle), reported, edges, stated);
            let sign = |active| if active { '+' } else { '-' };
            edges.iter().map(|(alarm, active)| format!("{}{alarm}", sign(active))).collect()
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_lasting_alarm_is_told_when_it_begins_and_when_it_ends() {
        let mut device = Device::new();
        assert_eq!(device.live(0, &[Alarm::PowerCut]), ["+powerCut"]);
        assert_eq!(device.live(10, &[Alarm::PowerCut]), NOTHING);
        device.alarms.login(&device.id);
        assert_eq!(device.live(20, &[Alarm::PowerCut]), NOTHING);
        assert_eq!(device.live(30, &[]), ["-powerCut"]);
        assert_eq!(device.live(40, &[]), NOTHING);
        assert_eq!(device.live(50, &[Alarm::PowerCut]), ["+powerCut"]);
    }

    #[test]
    fn a_momentary_alarm_is_told_again_after_it_was_off_and_after_a_login() {
        let mut device = Device::new();
        assert_eq!(device.live(0, &[Alarm::Sos]), ["+sos"]);
        assert_eq!(device.live(10, &[Alarm::Sos]), NOTHING);
        assert_eq!(device.live(20, &[]), NOTHING);
        assert_eq!(device.live(30, &[Alarm::Sos]), ["+sos"]);
        device.alarms.login(&device.id);
        // The same frame sent again is no news, a newer one is.
        assert_eq!(device.live(30, &[Alarm::Sos]), NOTHING);
        device.alarms.login(&device.id);
        assert_eq!(device.live(40, &[Alarm::Sos]), ["+sos"]);
    }

    #[test]
    fn an_occurrence_is_told_each_time_but_not_when_sent_again() {
        let mut device = Device::new();
        assert_eq!(device.live(0, &[Alarm::Door]), ["+door"]);
        assert_eq!(device.live(1, &[Alarm::Door]), ["+door"]);
        assert_eq!(device.live(1, &[Alarm::Door]), NOTHING);
        assert_eq!(device.live(0, &[Alarm::Door]), NOTHING);
    }

    #[test]
    fn late_frames_have_edges_of_their_own() {
        let mut device = Device::new();
        assert_eq!(device.live(1_000, &[]), NOTHING);
        assert_eq!(device.late(100, &[]), NOTHING);
        assert_eq!(device.late(110, &[Alarm::Sos]), ["+sos"]);
        assert_eq!(device.live(1_010, &[]), NOTHING);
        assert_eq!(device.late(120, &[Alarm::Sos]), NOTHING);
        assert_eq!(device.late(130, &[]), NOTHING);
        assert_eq!(device.late(140, &[Alarm::Sos]), ["+sos"]);
        // An hour later it is another emergency, though nothing said that the first one ended.
        assert_eq!(device.late(3_900, &[Alarm::Sos]), ["+sos"]);
    }

    #[test]
    fn a_lasting_alarm_known_from_late_frames_ends_with_the_next_live_one() {
        let mut device = Device::new();
        assert_eq!(device.late(100, &[Alarm::Jamming]), ["+jamming"]);
        assert_eq!(device.late(110, &[Alarm::Jamming]), NOTHING);
        assert_eq!(device.live(500, &[]), ["-jamming"]);
        assert_eq!(device.live(600, &[Alarm::Jamming]), ["+jamming"]);
        assert_eq!(device.late(550, &[Alarm::Jamming]), NOTHING);
        assert_eq!(device.live(610, &[]), ["-jamming"]);
    }

    #[test]
    fn a_device_with_nothing_on_is_forgotten() {
        let mut device = Device::new();
        device.live(0, &[Alarm::PowerCut, Alarm::Sos]);
        device.live(10, &[]);
        device.alarms.forget(Time::from_seconds(86_400));
        assert_eq!(device.alarms.iter().count(), 1);
        device.alarms.forget(Time::from_seconds(86_411));
        assert_eq!(device.alarms.iter().count(), 0);
        assert!(device.alarms.momentary.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut device = Device::new();
        for second in 0..1_000 {
            assert_eq!(device.live(second, &[Alarm::Door]), ["+door"]);
        }
        assert_eq!(device.alarms.iter().next().unwrap().1.told.len(), memory::TOLD);
    }

    #[test]
    fn an_events_identity_is_that_of_what_it_tells() {
        let id = |device: &str, alarm, active, seconds| {
            event_id(&DeviceId::from(device), alarm, active, Time::from_seconds(seconds)).0
        };
        let one = id("1", Alarm::Sos, true, 5);
        assert_eq!(one.len(), 32);
        assert_eq!(one, id("1", Alarm::Sos, true, 5));
        let others = [
            id("2", Alarm::Sos, true, 5),
            id("1", Alarm::Tow, true, 5),
            id("1", Alarm::Sos, false, 5),
            id("1", Alarm::Sos, true, 6),
        ];
        assert!(others.iter().all(|other| *other != one));
    }
}
