//! The terminal's state and its alarms.

use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Reject};

/// Every alarm that a message can report.
pub(super) const ALARMS: &[Alarm] = &[
    Alarm::Sos,
    Alarm::Tow,
    Alarm::PowerCut,
    Alarm::Jamming,
    Alarm::Tampering,
    Alarm::Removing,
    Alarm::Accident,
    Alarm::Fall,
    Alarm::Vibration,
    Alarm::Door,
    Alarm::GeofenceEnter,
    Alarm::GeofenceExit,
    Alarm::Geofence,
    Alarm::Overspeed,
    Alarm::HardAcceleration,
    Alarm::HardBraking,
    Alarm::HardCornering,
    Alarm::LowPower,
    Alarm::LowBattery,
    Alarm::PowerOff,
    Alarm::PowerOn,
    Alarm::Temperature,
    Alarm::General,
];

/// The makers whose alarm numbers differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Maker {
    /// Concox and Jimi, whose protocol it is, and all who copy it faithfully.
    #[default]
    Concox,
    /// Jimi's VL and LL lines of LTE trackers.
    Vl,
    /// LW lines of LTE trackers.
    Lw,
    /// Seeworld.
    Seeworld,
    /// Trackers whose location begins with their IMEI (NT, XT40, VL100).
    Nt,
    /// R11, whose heartbeat has the voltage in place of a level.
    R11,
}

impl Maker {
    /// The maker by the device's model.
    pub(super) fn of(model: Option<&str>) -> Self {
        let Some(model) = model else { return Self::Concox };
        let model = text::upper_case(model);
        match model.as_str() {
            "VL103" | "LL303" | "VL512" | "G18" => Self::Vl,
            "NT11" | "NT20" | "NT26" | "NT40" | "NT46" | "VL100" | "XT40" => Self::Nt,
            "SEEWORLD" => Self::Seeworld,
            "R11" => Self::R11,
            _ if model.starts_with("LW") => Self::Lw,
            _ => Self::Concox,
        }
    }
}

/// The alarm of a number in an alarm message.
pub(super) fn alarm(number: u8, maker: Maker) -> Option<Alarm> {
    Some(match (number, maker) {
        (0x01, _) => Alarm::Sos,
        (0x02, _) => Alarm::PowerCut,
        (0x03, _) => Alarm::Vibration,
        (0x04, _) => Alarm::GeofenceEnter,
        (0x05, _) => Alarm::GeofenceExit,
        (0x06, _) => Alarm::Overspeed,
        (0x09, Maker::Vl) => Alarm::Tow,
        (0x09, _) => Alarm::Vibration,
        (0x0c, _) => Alarm::PowerOn,
        // External power, and the protection against its end.
        (0x0e | 0x0f, _) => Alarm::LowPower,
        // The SIM card was changed; the device was opened or taken apart.
        (0x10 | 0x13 | 0x25, _) => Alarm::Tampering,
        // Switched off: by hand, to flight mode, by an empty battery.
        (0x11 | 0x12 | 0x15, _) => Alarm::PowerOff,
        (0x14, _) => Alarm::Door,
        // A base station that is none.
        (0x17, _) => Alarm::Jamming,
        (0x18, Maker::Lw) => Alarm::Accident,
        (0x18, _) => Alarm::Removing,
        (0x19, Maker::Lw) => Alarm::HardAcceleration,
        (0x19, _) => Alarm::LowBattery,
        (0x1a | 0x27, _) => Alarm::HardBraking,
        (0x1b | 0x2a | 0x2b | 0x2e, _) => Alarm::HardCornering,
        (0x23, _) => Alarm::Fall,
        (0x26, _) => Alarm::HardAcceleration,
        (0x28, Maker::Seeworld) => Alarm::HardCornering,
        (0x28, _) => Alarm::HardBraking,
        (0x29, Maker::Seeworld) => Alarm::Accident,
        (0x29, _) => Alarm::HardAcceleration,
        (0x2c, _) => Alarm::Accident,
        (0x30, Maker::Vl) => Alarm::HardBraking,
        (0x30, _) => Alarm::Jamming,
        _ => return None,
    })
}

/// What a terminal says of itself beside its position.
#[derive(Default)]
pub(super) struct Status {
    /// The alarms that are on.
    pub(super) alarms: AlarmSet,
    /// The alarms whose absence from `alarms` means that they are off.
    pub(super) states: AlarmSet,
    /// Everything else.
    pub(super) attributes: Attributes,
}

/// Whether a message reports an alarm, or says regularly how things are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// An alarm message.
    Alarm,
    /// A heartbeat.
    Regular,
}

impl Status {
    /// An alarm for something that just happened, or none.
    pub(super) fn event(&mut self, alarm: Option<Alarm>) {
        if let Some(alarm) = alarm {
            self.alarms.insert(alarm);
        }
    }

    /// The alarm that a number reports; the two that report the ignition are none.
    pub(super) fn event_number(&mut self, number: u8, maker: Maker) {
        match number {
            0 => {}
            0xfe | 0xff => self.attributes.set("ignition", number == 0xfe),
            _ => match alarm(number, maker) {
                Some(alarm) => self.alarms.insert(alarm),
                None => self.attributes.set("event", number),
            },
        }
    }

    /// Terminal information: bit 0 armed, 1 ignition, 2 charging, 3–5 one alarm, 6 positioning,
    /// 7 oil and electricity cut.
    ///
    /// Only one alarm fits in, so that one says nothing of the others; but in a heartbeat none
    /// means that all are off. What lasts, and what a heartbeat repeats, is a state; what an alarm
    /// message tells of a moment is an event.
    pub(super) fn information(&mut self, byte: u8, occasion: Occasion) {
        const LASTING: [Alarm; 2] = [Alarm::PowerCut, Alarm::LowBattery];
        const ALL: [Alarm; 6] = [
            Alarm::Vibration,
            Alarm::PowerCut,
            Alarm::LowBattery,
            Alarm::Sos,
            Alarm::Geofence,
            Alarm::Removing,
        ];
        self.attributes.set("armed", byte & 1 != 0);
        self.attributes.set("ignition", byte & 2 != 0);
        self.attributes.set("charging", byte & 4 != 0);
        self.attributes.set("blocked", byte & 0x80 != 0);
        let alarm = match byte >> 3 & 7 {
            0 => None,
            1 => Some(Alarm::Vibration),
            2 => Some(Alarm::PowerCut),
            3 => Some(Alarm::LowBattery),
            4 => Some(Alarm::Sos),
            6 => Some(Alarm::Geofence),
            7 => Some(Alarm::Removing),
            _ => return,
        };
        match alarm {
            Some(alarm) => {
                self.alarms.insert(alarm);
                if occasion == Occasion::Regular || LASTING.contains(&alarm) {
                    self.states.insert(alarm);
                }
            }
            None if occasion == Occasion::Regular => self.states = ALL.into_iter().collect(),
            None => {}
        }
    }

    /// A battery in sixths, or in hundredths where it is more.
    pub(super) fn level(&mut self, level: u8) {
        match level {
            ..=6 => {
                self.attributes.set("battery_percent", u16::from(level).saturating_mul(100) / 6)
            }
            7..=100 => self.attributes.set("battery_percent", level),
            _ => {}
        }
    }

    /// Information, level, signal.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        occasion: Occasion,
    ) -> Result<(), Reject> {
        self.information(reader.u8()?, occasion);
        self.level(reader.u8()?);
        self.attributes.set("rssi", reader.u8()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn information(byte: u8, occasion: Occasion) -> (Vec<&'static str>, Vec<&'static str>) {
        let mut status = Status::default();
        status.information(byte, occasion);
        let names = |set: AlarmSet| set.iter().map(Alarm::name).collect();
        (names(status.alarms), names(status.states))
    }

    #[test]
    fn one_alarm_says_nothing_of_the_others() {
        assert_eq!(information(0x20, Occasion::Alarm), (vec!["sos"], vec![]));
        assert_eq!(information(0x10, Occasion::Alarm), (vec!["powerCut"], vec!["powerCut"]));
        assert_eq!(information(0x20, Occasion::Regular), (vec!["sos"], vec!["sos"]));
        assert_eq!(information(0x00, Occasion::Alarm), (vec![], vec![]));
        assert_eq!(information(0x46, Occasion::Regular).1.len(), 6);
    }

    #[test]
    fn every_alarm_is_listed_and_numbers_depend_on_the_maker() {
        for number in 0..=255 {
            for maker in [Maker::Concox, Maker::Vl, Maker::Lw, Maker::Seeworld] {
                assert!(alarm(number, maker).is_none_or(|alarm| ALARMS.contains(&alarm)));
            }
        }
        assert_eq!(alarm(0x30, Maker::of(None)), Some(Alarm::Jamming));
        assert_eq!(alarm(0x30, Maker::of(Some("vl103"))), Some(Alarm::HardBraking));
        assert_eq!(alarm(0x19, Maker::of(Some("LW4G-4B"))), Some(Alarm::HardAcceleration));
    }
}
