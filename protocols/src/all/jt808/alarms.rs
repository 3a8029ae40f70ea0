//! The alarm word of a location (2011 table 18, 2013 table 24, 2019 table 24).
//!
//! A terminal holds a bit until its condition ends, but for bits 0, 3, 20–22, 27, 28 and 31, which
//! it clears once the location is answered. Either way the word states every alarm anew with every
//! location: absence means off.

use crate::{Alarm, AlarmSet};

/// What a word's bits report, made at compile time: every location has such a word, and most of its
/// bits are off.
struct Word {
    /// The alarm of each bit.
    alarms: [AlarmSet; 32],
    /// The bits that report one.
    bits: u32,
    /// The alarms that they report.
    states: AlarmSet,
}

impl Word {
    #[expect(clippy::indexing_slicing, reason = "a wrong bit is a build error")]
    const fn new(mut alarms: &[(usize, Alarm)]) -> Self {
        let mut word = Self { alarms: [AlarmSet::EMPTY; 32], bits: 0, states: AlarmSet::EMPTY };
        while let [(bit, alarm), rest @ ..] = alarms {
            word.alarms[*bit] = AlarmSet::only(*alarm);
            word.bits |= 1 << *bit;
            word.states.insert(*alarm);
            alarms = rest;
        }
        word
    }

    fn of(&self, bit: u32) -> AlarmSet {
        let bit = usize::try_from(bit).unwrap_or_default();
        self.alarms.get(bit).copied().unwrap_or_default()
    }
}

static NOTHING: Word = Word::new(&[]);

/// What all versions agree on. The oldest has fewer, and keeps the rest at 0.
static STANDARD: Word = Word::new(&[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (2, Alarm::Fatigue),
    (3, Alarm::Danger),
    (4, Alarm::GpsFault),
    (5, Alarm::GpsAntennaCut),
    (6, Alarm::GpsAntennaShort),
    (7, Alarm::LowPower),
    (8, Alarm::PowerOff),
    (9, Alarm::Display),
    (10, Alarm::Voice),
    (11, Alarm::Camera),
    (12, Alarm::CardReader),
    (13, Alarm::OverspeedWarning),
    (14, Alarm::FatigueWarning),
    (18, Alarm::DayDriving),
    (19, Alarm::OvertimeParking),
    // An area, and a route.
    (20, Alarm::Geofence),
    (21, Alarm::Geofence),
    (22, Alarm::RouteTime),
    (23, Alarm::RouteDeviation),
    (24, Alarm::Vss),
    (25, Alarm::Fuel),
    (26, Alarm::Stolen),
    (27, Alarm::IllegalIgnition),
    (28, Alarm::IllegalMovement),
    (29, Alarm::Accident),
    (30, Alarm::Rollover),
    (31, Alarm::IllegalDoor),
]);

/// Bits that the standard reserved until 2019, and what makers of trackers use them for.
static BEFORE_2019: Word =
    Word::new(&[(15, Alarm::Vibration), (16, Alarm::Tampering), (17, Alarm::Tampering)]);

/// Illegal driving, tire pressure, and the system that watches the blind spot to the right.
static SINCE_2019: Word =
    Word::new(&[(15, Alarm::General), (16, Alarm::TirePressure), (17, Alarm::Fault)]);

/// Sealing locks with a word of their own.
static LOCK_G360: Word =
    Word::new(&[(0, Alarm::Removing), (1, Alarm::Tampering), (4, Alarm::Removing)]);

/// Container trackers with a word of their own.
static TRACKER_AOVX: Word = Word::new(&[(16, Alarm::Movement)]);

/// Every alarm that a location, or an item in it, can report.
pub(in super::super) const ALL: &[Alarm] = &[
    Alarm::Sos,
    Alarm::Stolen,
    Alarm::PowerCut,
    Alarm::Tampering,
    Alarm::Removing,
    Alarm::GpsAntennaCut,
    Alarm::GpsAntennaShort,
    Alarm::GpsFault,
    Alarm::IllegalIgnition,
    Alarm::IllegalMovement,
    Alarm::IllegalDoor,
    Alarm::Danger,
    Alarm::Accident,
    Alarm::Rollover,
    Alarm::Movement,
    Alarm::Vibration,
    Alarm::Door,
    Alarm::GeofenceEnter,
    Alarm::GeofenceExit,
    Alarm::Geofence,
    Alarm::RouteDeviation,
    Alarm::RouteTime,
    Alarm::Overspeed,
    Alarm::OverspeedWarning,
    Alarm::Fatigue,
    Alarm::FatigueWarning,
    Alarm::DayDriving,
    Alarm::OvertimeParking,
    Alarm::HardAcceleration,
    Alarm::HardBraking,
    Alarm::HardCornering,
    Alarm::LaneChange,
    Alarm::LowPower,
    Alarm::LowBattery,
    Alarm::PowerOff,
    Alarm::PowerRestored,
    Alarm::Fault,
    Alarm::Fuel,
    Alarm::TirePressure,
    Alarm::Vss,
    Alarm::Camera,
    Alarm::Display,
    Alarm::Voice,
    Alarm::CardReader,
    Alarm::General,
];

/// The alarms that `word` reports, and those that it could.
pub(in super::super) fn read(
    word: u32,
    is_2019: bool,
    model: Option<&str>,
) -> (AlarmSet, AlarmSet) {
    let tables: [&Word; 2] = match model {
        Some("G-360P" | "G-508P") => [&LOCK_G360, &NOTHING],
        Some("AL300" | "GL100") => [&TRACKER_AOVX, &NOTHING],
        _ if is_2019 => [&STANDARD, &SINCE_2019],
        _ => [&STANDARD, &BEFORE_2019],
    };
    let (mut on, mut states) = (AlarmSet::EMPTY, AlarmSet::EMPTY);
    for table in tables {
        states = states.union(table.states);
        let mut bits = word & table.bits;
        while bits != 0 {
            on = on.union(table.of(bits.trailing_zeros()));
            bits &= bits.wrapping_sub(1);
        }
    }
    // This camera reports its own shocks with the bits of accidents.
    if model == Some("VL300") {
        let shocks = AlarmSet::only(Alarm::Accident).union(AlarmSet::only(Alarm::Rollover));
        (on, states) = (on.difference(shocks), states.difference(shocks));
    }
    (on, states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_reports_its_alarm() {
        let names = |word: u32, is_2019: bool| -> Vec<&str> {
            read(word, is_2019, None).0.iter().map(Alarm::name).collect()
        };
        assert_eq!(names(1, false), ["sos"]);
        assert_eq!(names(1 << 26, true), ["stolen"]);
        assert_eq!(names(1 << 16, false), ["tampering"]);
        assert_eq!(names(1 << 16, true), ["tirePressure"]);
        for bit in 0..32 {
            assert_eq!(names(1 << bit, false).len(), 1, "bit {bit}");
            assert_eq!(names(1 << bit, true).len(), 1, "bit {bit} of 2019");
        }
    }

    #[test]
    fn what_a_word_does_not_report_is_off() {
        let (on, states) = read(0, false, None);
        assert!(on.is_empty());
        assert!(states.contains(Alarm::Stolen));
        let listed: AlarmSet = ALL.iter().copied().collect();
        assert!(states.union(read(0, true, None).1).difference(listed).is_empty());
    }

    #[test]
    fn a_model_may_have_a_word_of_its_own() {
        assert!(read(1 << 16, false, Some("GL100")).0.contains(Alarm::Movement));
        assert!(read(1, false, Some("GL100")).0.is_empty());
        assert!(read(1, false, Some("G-360P")).0.contains(Alarm::Removing));
        assert!(read(1 << 29, false, Some("VL300")).0.is_empty());
    }
}
