//! I/O elements: numbers and what they mean.
//!
//! Names and multipliers are those of Teltonika's "AVL ID" lists (FMB, FMC, FMM; TMT250 for 236
//! and 242; GH3000). An element that is not here keeps its number: `io_<id>`.

use crate::item::hex;
use crate::{Alarm, AlarmSet, Attributes};

/// How an element's value is written.
#[derive(Clone, Copy)]
enum Form {
    /// 0 is false.
    Flag,
    /// As it is.
    Whole,
    /// As it is, with its sign.
    Signed,
    /// Divided.
    Part(f64),
    /// Divided, with its sign.
    SignedPart(f64),
    /// An identity in hexadecimal, nothing where it is 0.
    Identity,
}
use Form::{Flag, Identity, Part, Signed, SignedPart, Whole};

/// Sorted by number.
const NAMES: &[(u16, &str, Form)] = &[
    (1, "input_1", Flag),
    (2, "input_2", Flag),
    (3, "input_3", Flag),
    (4, "input_4", Flag),
    (6, "adc_2_v", Part(1000.0)),
    (9, "adc_1_v", Part(1000.0)),
    (11, "iccid_1", Whole),
    (12, "fuel_used_l", Part(1000.0)),
    (13, "fuel_rate_l_per_100km", Part(100.0)),
    (14, "iccid_2", Whole),
    (15, "eco_score", Part(100.0)),
    (16, "odometer_m", Whole),
    (17, "axis_x_mg", Signed),
    (18, "axis_y_mg", Signed),
    (19, "axis_z_mg", Signed),
    (21, "rssi", Whole),
    (25, "ble_temperature_1_c", SignedPart(100.0)),
    (26, "ble_temperature_2_c", SignedPart(100.0)),
    (27, "ble_temperature_3_c", SignedPart(100.0)),
    (28, "ble_temperature_4_c", SignedPart(100.0)),
    (30, "fault_codes", Whole),
    (31, "engine_load_percent", Whole),
    (32, "coolant_temperature_c", Signed),
    (36, "rpm", Whole),
    (37, "vehicle_speed_kmh", Whole),
    (39, "intake_temperature_c", Signed),
    (41, "throttle_percent", Whole),
    (48, "fuel_percent", Whole),
    (53, "ambient_temperature_c", Signed),
    (58, "oil_temperature_c", Signed),
    (66, "power_v", Part(1000.0)),
    (67, "battery_v", Part(1000.0)),
    (68, "battery_a", Part(1000.0)),
    (69, "gnss_status", Whole),
    (72, "temperature_1_c", SignedPart(10.0)),
    (73, "temperature_2_c", SignedPart(10.0)),
    (74, "temperature_3_c", SignedPart(10.0)),
    (75, "temperature_4_c", SignedPart(10.0)),
    (78, "driver_id", Identity),
    (80, "data_mode", Whole),
    (81, "vehicle_speed_kmh", Whole),
    (82, "accelerator_percent", Whole),
    (83, "fuel_used_l", Part(10.0)),
    (84, "fuel_l", Part(10.0)),
    (85, "rpm", Whole),
    (87, "vehicle_odometer_m", Whole),
    (89, "fuel_percent", Whole),
    (90, "doors", Whole),
    (113, "battery_percent", Whole),
    (115, "coolant_temperature_c", SignedPart(10.0)),
    (179, "output_1", Flag),
    (180, "output_2", Flag),
    (181, "pdop", Part(10.0)),
    (182, "hdop", Part(10.0)),
    (199, "trip_odometer_m", Whole),
    (200, "sleep_mode", Whole),
    (205, "cell_id", Whole),
    (206, "lac", Whole),
    (207, "driver_id", Identity),
    (239, "ignition", Flag),
    (240, "motion", Flag),
    (241, "operator", Whole),
    (243, "green_driving_ms", Whole),
    (247, "crash", Whole),
    (248, "immobilizer", Whole),
    (250, "trip", Flag),
    (254, "green_driving_value", Whole),
    (255, "overspeed_kmh", Whole),
    (303, "instant_motion", Flag),
    (318, "gnss_jamming", Whole),
    (380, "output_3", Flag),
    (389, "vehicle_odometer_km", Whole),
    (390, "fuel_l", Part(10.0)),
    (391, "private_mode", Flag),
    (411, "traction_battery_percent", Whole),
    (636, "cell_id", Whole),
];

/// What the GH3000 numbers otherwise. Sorted.
const GH3000_NAMES: &[(u16, &str, Form)] = &[
    (1, "battery_percent", Whole),
    (2, "usb_connected", Flag),
    (5, "uptime_s", Whole),
    (20, "hdop", Part(10.0)),
    (21, "vdop", Part(10.0)),
    (22, "pdop", Part(10.0)),
    (67, "battery_v", Part(1000.0)),
    (221, "button", Whole),
    (240, "motion", Flag),
    (244, "roaming", Flag),
];

/// Where each number stands in a table of names, counted from 1: a look instead of a search for each
/// of a record's many elements.
struct Places<const N: usize>([u8; N]);

static PLACES: Places<637> = Places::of(NAMES);
static GH3000_PLACES: Places<245> = Places::of(GH3000_NAMES);

impl<const N: usize> Places<N> {
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "evaluated at compile time, where a wrong index is a build error"
    )]
    const fn of(names: &[(u16, &str, Form)]) -> Self {
        assert!(names.len() < u8::MAX as usize);
        let mut places = [0; N];
        let mut place = 0;
        while place < names.len() {
            places[names[place].0 as usize] = place as u8 + 1;
            place += 1;
        }
        Self(places)
    }

    fn find(&self, id: u16) -> Option<usize> {
        let place = self.0.get(usize::from(id)).copied()?;
        usize::from(place).checked_sub(1)
    }
}

/// Elements of any length that are text.
static TEXTS: &[(u16, &str)] = &[
    (256, "vin"),
    (281, "fault_codes"),
    (325, "vin"),
    (387, "iso6709"),
    (403, "driver_name"),
    (406, "driver_id"),
];

/// The elements of one record as they are read.
pub(super) struct Elements {
    /// The element that caused the record.
    event: u16,
    is_gh3000: bool,
    /// The speed over ground as an element.
    pub(super) speed_kmh: Option<f64>,
    pub(super) attributes: Attributes,
    pub(super) alarms: AlarmSet,
    pub(super) alarm_states: AlarmSet,
}

impl Elements {
    pub(super) const fn new(event: u16, attributes: Attributes) -> Self {
        Self {
            event,
            is_gh3000: false,
            speed_kmh: None,
            attributes,
            alarms: AlarmSet::EMPTY,
            alarm_states: AlarmSet::EMPTY,
        }
    }

    pub(super) const fn gh3000(attributes: Attributes) -> Self {
        let mut elements = Self::new(0, attributes);
        elements.is_gh3000 = true;
        elements
    }

    /// An element of 1, 2, 4 or 8 bytes.
    #[inline]
    pub(super) fn number(&mut self, id: u16, value: u64, width: usize) {
        let alarm = if self.is_gh3000 {
            self.gh3000_alarm(id, value)
        } else {
            self.alarm(id, value, width)
        };
        if id == 24 && !self.is_gh3000 {
            self.speed_kmh = u16::try_from(value).ok().map(f64::from);
            return;
        }
        let named = if self.is_gh3000 {
            GH3000_PLACES.find(id).and_then(|place| GH3000_NAMES.get(place))
        } else {
            PLACES.find(id).and_then(|place| NAMES.get(place))
        };
        match named {
            Some((_, name, form)) => self.set(name, *form, value, width),
            None if alarm => {}
            None => match i64::try_from(value) {
                Ok(value) => self.attributes.set(format!("io_{id}"), value),
                Err(_) => self.attributes.set(format!("io_{id}"), digits(value, width)),
            },
        }
    }

    fn set(&mut self, name: &'static str, form: Form, value: u64, width: usize) {
        let signed = sign_extended(value, width);
        match form {
            Flag => self.attributes.set(name, value != 0),
            Whole => match i64::try_from(value) {
                Ok(value) => self.attributes.set(name, value),
                Err(_) => self.attributes.set(name, digits(value, width)),
            },
            Signed => self.attributes.set(name, signed),
            Part(unit) => self.attributes.set(name, value as f64 / unit),
            SignedPart(unit) => self.attributes.set(name, signed as f64 / unit),
            Identity if value == 0 => {}
            Identity => self.attributes.set(name, digits(value, width)),
        }
    }

    /// An element of codec 8 Extended that tells its length.
    pub(super) fn variable(&mut self, id: u16, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match TEXTS.iter().find(|(known, _)| *known == id) {
            Some((_, name)) => {
                let text = String::from_utf8_lossy(bytes);
                self.attributes.set(*name, text.trim_matches(['\0', ' ']).to_owned());
            }
            None => self.attributes.set(format!("io_{id}"), hex(bytes)),
        }
    }

    /// An alarm that lasts until the element says 0.
    fn state(&mut self, alarm: Alarm, on: bool) {
        self.alarm_states.insert(alarm);
        if on {
            self.alarms.insert(alarm);
        }
    }

    /// Takes note of what an element alarms of; answers whether that is all that it says.
    fn alarm(&mut self, id: u16, value: u64, width: usize) -> bool {
        match (id, value) {
            // TMT250, TST100: the alarm button.
            (236, 1) => self.alarms.insert(Alarm::Sos),
            (236, _) => {}
            (242, _) if width == 1 => self.state(Alarm::Fall, value == 1),
            (246, _) => self.state(Alarm::Tow, value == 1),
            // 2 to 5 tell that a trace of the crash has been recorded.
            (247, 1 | 6) => self.alarms.insert(Alarm::Accident),
            (249, _) => self.state(Alarm::Jamming, value == 1),
            (251, _) => self.state(Alarm::Idle, value == 1),
            (252, _) => self.state(Alarm::PowerCut, value == 1),
            (253, 1) => self.alarms.insert(Alarm::HardAcceleration),
            (253, 2) => self.alarms.insert(Alarm::HardBraking),
            (253, 3) => self.alarms.insert(Alarm::HardCornering),
            (253, _) => {}
            // The speed at the beginning and once more at the end.
            (255, _) => {
                if self.event == id && value > 0 {
                    self.alarms.insert(Alarm::Overspeed);
                }
                return false;
            }
            // 1 a jammer is near, 2 it blinds the receiver.
            (318, _) => {
                self.state(Alarm::Jamming, value > 0);
                return false;
            }
            // Zones 6 to 10, 11, 12 and 1 to 5, and the automatic one.
            (61..=65 | 70 | 88 | 155..=159 | 175, 0..=3) if self.event == id && width == 1 => {
                match value {
                    0 => self.alarms.insert(Alarm::GeofenceExit),
                    1 => self.alarms.insert(Alarm::GeofenceEnter),
                    3 => self.alarms.insert(Alarm::Overspeed),
                    _ => {}
                }
                return false;
            }
            _ => return false,
        }
        true
    }

    fn gh3000_alarm(&mut self, id: u16, value: u64) -> bool {
        match (id, value) {
            (222, 1) => self.alarms.insert(Alarm::Sos),
            (222, _) => {}
            _ => return false,
        }
        true
    }
}

/// `value` of `width` bytes in hexadecimal.
fn digits(value: u64, width: usize) -> String {
    let bytes = value.to_be_bytes();
    hex(bytes.get(bytes.len().saturating_sub(width)..).unwrap_or_default())
}

/// `value` of `width` bytes as a signed number.
const fn sign_extended(value: u64, width: usize) -> i64 {
    let shift = match width {
        1 => 56,
        2 => 48,
        4 => 32,
        _ => 0,
    };
    (value << shift).cast_signed() >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(NAMES.is_sorted_by(|left, right| left.0 < right.0));
        assert!(GH3000_NAMES.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn every_number_is_found_where_it_stands() {
        for id in 0..=u16::MAX {
            let name = PLACES.find(id).and_then(|place| NAMES.get(place));
            assert_eq!(name.map(|named| named.0), NAMES.iter().map(|n| n.0).find(|n| *n == id));
        }
        assert_eq!(GH3000_PLACES.find(244), Some(GH3000_NAMES.len() - 1));
    }

    #[test]
    fn signs_are_extended_from_any_width() {
        assert_eq!(sign_extended(0xff, 1), -1);
        assert_eq!(sign_extended(0x7f, 1), 127);
        assert_eq!(sign_extended(0x8000, 2), -32_768);
        assert_eq!(sign_extended(0xffff_fffe, 4), -2);
        assert_eq!(sign_extended(u64::MAX, 8), -1);
    }

    #[test]
    fn a_state_that_ends_is_known_to_be_off() {
        let mut elements = Elements::new(249, Attributes::new());
        elements.number(249, 0, 1);
        assert!(elements.alarms.is_empty());
        assert!(elements.alarm_states.contains(Alarm::Jamming));
        elements.number(249, 1, 1);
        assert!(elements.alarms.contains(Alarm::Jamming));
    }
}
