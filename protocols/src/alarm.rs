//! What a device itself reports: [`Alarm`] and a set of them.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares the alarms once: variant, name on the wire of our own interfaces, meaning.
macro_rules! alarms {
    ($($variant:ident $name:literal $meaning:literal,)+) => {
        /// An alarm that a device reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Alarm {
            $(#[doc = $meaning] $variant,)+
        }

        impl Alarm {
            /// Every alarm there is, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in events and in `interdict protocols`, in camelCase.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means, in a few words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

alarms! {
    Sos "sos" "the driver's emergency button",
    Stolen "stolen" "the vehicle is stolen",
    Tow "tow" "the vehicle is moved with its ignition off",
    PowerCut "powerCut" "main power is cut",
    Jamming "jamming" "a radio or satellite jammer is at work",
    Tampering "tampering" "the device or the vehicle is being opened",
    Removing "removing" "the device is taken off the vehicle",
    GpsAntennaCut "gpsAntennaCut" "the satellite antenna is cut or missing",
    GpsAntennaShort "gpsAntennaShort" "the satellite antenna is short-circuited",
    GpsFault "gpsFault" "the satellite receiver has failed",
    IllegalIgnition "illegalIgnition" "the ignition was turned on without authority",
    IllegalMovement "illegalMovement" "the vehicle moves without authority",
    IllegalDoor "illegalDoor" "a door was opened without authority",
    AntiTheft "antiTheft" "the vehicle's own anti-theft device has fired or failed",
    Danger "danger" "the driver reports danger ahead",
    Accident "accident" "a collision",
    Rollover "rollover" "the vehicle has rolled over, or is about to",
    Fall "fall" "the device or its bearer fell",
    Movement "movement" "the device began to move",
    Vibration "vibration" "the device was shaken",
    Door "door" "a door is open",
    Bonnet "bonnet" "the bonnet is open",
    Lock "lock" "the vehicle was locked",
    Unlock "unlock" "the vehicle was unlocked",
    GeofenceEnter "geofenceEnter" "entered an area held by the device",
    GeofenceExit "geofenceExit" "left an area held by the device",
    Geofence "geofence" "crossed the edge of an area held by the device",
    RouteDeviation "routeDeviation" "left the route held by the device",
    RouteTime "routeTime" "too long or too short on a section of the route",
    Overspeed "overspeed" "faster than allowed",
    OverspeedWarning "overspeedWarning" "nearly faster than allowed",
    LowSpeed "lowSpeed" "slower than allowed",
    Fatigue "fatigueDriving" "the driver has driven too long",
    FatigueWarning "fatigueWarning" "the driver has nearly driven too long",
    DayDriving "dayDriving" "driven longer than a day allows",
    OvertimeParking "overtimeParking" "parked longer than allowed",
    Idle "idle" "the engine idles",
    HardAcceleration "hardAcceleration" "accelerated hard",
    HardBraking "hardBraking" "braked hard",
    HardCornering "hardCornering" "cornered hard",
    LaneChange "laneChange" "changed lanes sharply",
    HighRpm "highRpm" "the engine turns too fast",
    LowPower "lowPower" "main power is low",
    LowBattery "lowBattery" "the device's own battery is low",
    PowerOff "powerOff" "main power is off, or the device is shutting down",
    PowerOn "powerOn" "the device was switched on",
    PowerRestored "powerRestored" "main power is back",
    Fault "fault" "a part of the device has failed",
    FuelLeak "fuelLeak" "fuel is lost",
    Fuel "fuel" "the amount of fuel is out of the ordinary",
    Temperature "temperature" "a temperature is out of range",
    TirePressure "tirePressure" "a tire has the wrong pressure",
    Vss "vss" "the vehicle speed sensor has failed",
    Camera "camera" "the camera has failed",
    Display "display" "the driver's display has failed",
    Voice "voice" "the voice module has failed",
    CardReader "cardReader" "the driver card reader has failed",
    General "general" "an alarm whose kind the device does not tell",
}

impl Alarm {
    /// The alarm of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|alarm| alarm.name() == name)
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Alarm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Alarm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("there is no alarm named {name:?}")))
    }
}

/// A set of [`Alarm`]s; serialized as a list of their names in the order of [`Alarm::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmSet(u64);

// A set is one machine word: a sixty-fifth alarm would need another representation.
const _: () = assert!(Alarm::ALL.len() <= 64);

impl AlarmSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of one alarm.
    #[must_use]
    pub const fn only(alarm: Alarm) -> Self {
        Self(1 << alarm as u8)
    }

    /// Adds an alarm.
    pub const fn insert(&mut self, alarm: Alarm) {
        self.0 |= Self::only(alarm).0;
    }

    /// Takes an alarm out.
    pub const fn remove(&mut self, alarm: Alarm) {
        self.0 &= !Self::only(alarm).0;
    }

    /// Whether the alarm is in the set.
    #[must_use]
    pub const fn contains(self, alarm: Alarm) -> bool {
        self.0 & Self::only(alarm).0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What either set has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What this set has and the other has not.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The alarms in the order of [`Alarm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Alarm> {
        Alarm::ALL.iter().copied().filter(move |alarm| self.contains(*alarm))
    }
}

impl Extend<Alarm> for AlarmSet {
    fn extend<I: IntoIterator<Item = Alarm>>(&mut self, alarms: I) {
        for alarm in alarms {
            self.insert(alarm);
        }
    }
}

impl FromIterator<Alarm> for AlarmSet {
    fn from_iter<I: IntoIterator<Item = Alarm>>(alarms: I) -> Self {
        let mut set = Self::EMPTY;
        set.extend(alarms);
        set
    }
}

impl Serialize for AlarmSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for AlarmSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Alarm>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_has_a_name_of_its_own_and_is_found_by_it() {
        for (number, alarm) in Alarm::ALL.iter().enumerate() {
            assert_eq!(*alarm as usize, number);
            assert_eq!(Alarm::from_name(alarm.name()), Some(*alarm));
        }
    }

    #[test]
    fn a_set_lists_its_alarms_by_name() {
        let set: AlarmSet = [Alarm::PowerCut, Alarm::Sos].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["sos","powerCut"]"#);
        assert_eq!(serde_json::from_str::<AlarmSet>(r#"["powerCut","sos"]"#).unwrap(), set);
        assert_eq!(set.difference(AlarmSet::only(Alarm::Sos)), AlarmSet::only(Alarm::PowerCut));
    }
}
