//! The vehicle status: four bytes in negative logic, a bit of 0 being what its name says.
//!
//! | bit | byte 1 (bits 24–31) | byte 2 (16–23) | byte 3 (8–15) | byte 4 (0–7) |
//! |---|---|---|---|---|
//! | 0 | temperature | receiver failed | door open | theft |
//! | 1 | wrong password thrice | analogue limit | armed | robbery |
//! | 2 | GPRS blocked | SOS | ignition off | overspeed |
//! | 3 | oil and engine cut | on backup battery | | illegal ignition |
//! | 4 | battery removed | main battery removed | engine | no-entry zone entered |
//! | 5 | high sensor 1 | antenna open | | antenna open |
//! | 6 | high sensor 2 | antenna short | | antenna short |
//! | 7 | low sensor 1 | low sensor 2 | | no-exit zone left |

use crate::{Alarm, AlarmSet, Attributes};

static ALARMS: &[(u8, Alarm)] = &[
    (0, Alarm::AntiTheft),
    (1, Alarm::Sos),
    (2, Alarm::Overspeed),
    (3, Alarm::IllegalIgnition),
    (4, Alarm::GeofenceEnter),
    (5, Alarm::GpsAntennaCut),
    (6, Alarm::GpsAntennaShort),
    (7, Alarm::GeofenceExit),
    (16, Alarm::GpsFault),
    (18, Alarm::Sos),
    (19, Alarm::PowerCut),
    (20, Alarm::PowerCut),
    (21, Alarm::GpsAntennaCut),
    (22, Alarm::GpsAntennaShort),
    (24, Alarm::Temperature),
    (25, Alarm::Tampering),
];

/// What a status says.
#[derive(Clone, Copy)]
pub(super) struct Status(pub(super) u32);

impl Status {
    /// The alarms that are on.
    pub(super) fn alarms(self) -> AlarmSet {
        ALARMS.iter().filter(|(bit, _)| self.is_low(*bit)).map(|(_, alarm)| *alarm).collect()
    }

    /// The alarms that a status speaks of at all.
    pub(super) fn alarm_states() -> AlarmSet {
        ALARMS.iter().map(|(_, alarm)| *alarm).collect()
    }

    pub(super) fn set(self, attributes: &mut Attributes) {
        attributes.set("ignition", !self.is_low(10));
        if self.is_low(8) {
            attributes.set("door", true);
        }
        if self.is_low(9) {
            attributes.set("armed", true);
        }
        if self.is_low(27) {
            attributes.set("engine_cut", true);
        }
        attributes.set("status", self.0);
    }

    const fn is_low(self, bit: u8) -> bool {
        self.0 & (1 << bit) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_bit_is_an_alarm() {
        assert!(Status(0xffff_ffff).alarms().is_empty());
        assert_eq!(Status(0xfffb_ffff).alarms(), AlarmSet::only(Alarm::Sos));
        assert_eq!(Status(0xffe7_fbff).alarms(), AlarmSet::only(Alarm::PowerCut));
        assert_eq!(Status(0xffff_fffe).alarms(), AlarmSet::only(Alarm::AntiTheft));
    }
}
