//! [`Voices`]: who speaks for a vehicle, its own trackers or platforms that pass on what they know.
//! A tracker outranks a platform: while it is heard, no platform moves its vehicle.

use std::collections::BTreeMap;

use interdict_protocols::{DeviceId, PLATFORM_VEHICLE, Time};
use serde::{Deserialize, Serialize};

use crate::VehicleId;

/// How the identities of devices begin that a source of positions speaks for, followed by its name
/// and a colon: no tracker can log in as one.
pub const SOURCE_DEVICE: &str = "ingest:";

/// How often one disagreement is told again while it lasts.
const TOLD_EVERY_S: f64 = 600.0;

/// Whether a platform speaks for the device.
pub(crate) fn is_platform(device: &DeviceId) -> bool {
    let device = device.as_str();
    device.starts_with(SOURCE_DEVICE) || device.starts_with(PLATFORM_VEHICLE)
}

/// Two that speak for one vehicle, and cannot both be right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Whose word counts; `None` where it is a tracker that spoke before the other one did.
    pub believed: Option<DeviceId>,
    /// Whose does not, likewise.
    pub held: Option<DeviceId>,
    /// How far their places are apart, metres.
    pub apart_m: f64,
}

/// Who speaks for one vehicle. Nothing is kept of those for which no platform does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Voice {
    /// The platform's device whose fix is the newest; `None` where it is a tracker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<DeviceId>,
    /// The tracker that was heard last, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracker: Option<(DeviceId, Time)>,
    /// When a platform was heard last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform_at: Option<Time>,
    /// When a disagreement was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_at: Option<Time>,
}

/// Who speaks for the vehicles that platforms speak for.
#[derive(Default)]
pub(crate) struct Voices(BTreeMap<VehicleId, Voice>);

impl Voices {
    fn of(&self, vehicle: &VehicleId) -> Option<&Voice> {
        // Asked with every fix, and mostly there is none.
        if self.0.is_empty() { None } else { self.0.get(vehicle) }
    }

    /// The platform's device whose fix is the vehicle's newest.
    pub(crate) fn platform(&self, vehicle: &VehicleId) -> Option<&DeviceId> {
        self.of(vehicle)?.platform.as_ref()
    }

    /// Whether a tracker of the vehicle was heard at `since` or later, where its newest live fix is of
    /// `last`.
    pub(crate) fn has_tracker(&self, vehicle: &VehicleId, last: Option<Time>, since: Time) -> bool {
        let voice = self.of(vehicle);
        let by_tracker = last.filter(|_| voice.is_none_or(|voice| voice.platform.is_none()));
        let heard = voice.and_then(|voice| voice.tracker.as_ref()).map(|(_, heard)| *heard);
        by_tracker.max(heard).is_some_and(|heard| heard >= since)
    }

    /// Takes in who spoke; `moves` where the fix is the vehicle's newest.
    pub(crate) fn hear(&mut self, vehicle: &VehicleId, device: &DeviceId, at: Time, moves: bool) {
        if is_platform(device) {
            let voice = self.0.entry(vehicle.clone()).or_default();
            voice.platform_at = Some(at);
            if moves {
                voice.platform = Some(device.clone());
            }
        } else if !self.0.is_empty()
            && let Some(voice) = self.0.get_mut(vehicle)
        {
            match &mut voice.tracker {
                Some((known, heard)) if known == device => *heard = at,
                tracker => *tracker = Some((device.clone(), at)),
            }
            if moves {
                voice.platform = None;
            }
        }
    }

    /// Whether `device` and whoever gave the newest fix are of different ranks or platforms, and
    /// that was not told a moment ago.
    pub(crate) fn may_disagree(&self, vehicle: &VehicleId, device: &DeviceId, at: Time) -> bool {
        let voice = self.of(vehicle);
        let told = voice.and_then(|voice| voice.told_at);
        if told.is_some_and(|told| at.seconds_since(told) < TOLD_EVERY_S) {
            return false;
        }
        match voice.and_then(|voice| voice.platform.as_ref()) {
            Some(platform) => platform != device,
            None => is_platform(device),
        }
    }

    /// Who gave the newest fix, as far as that is known.
    pub(crate) fn newest(&self, vehicle: &VehicleId) -> Option<&DeviceId> {
        let voice = self.of(vehicle)?;
        voice.platform.as_ref().or_else(|| voice.tracker.as_ref().map(|(device, _)| device))
    }

    /// A disagreement was told.
    pub(crate) fn told(&mut self, vehicle: &VehicleId, at: Time) {
        self.0.entry(vehicle.clone()).or_default().told_at = Some(at);
    }

    /// Forgets the vehicles for which no platform has spoken since `before`.
    pub(crate) fn forget(&mut self, before: Time) {
        self.0.retain(|_, voice| voice.platform_at.is_some_and(|heard| heard >= before));
    }

    pub(crate) fn voice(&self, vehicle: &VehicleId) -> Option<Voice> {
        self.of(vehicle).cloned()
    }

    pub(crate) fn restore(&mut self, vehicle: VehicleId, voice: Voice) {
        self.0.insert(vehicle, voice);
    }
}
