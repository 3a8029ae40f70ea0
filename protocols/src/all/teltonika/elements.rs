//! I/O elements: numbers and what they mean.
//!
//! Names and multipliers are those of Teltonika's "AVL ID" lists (FMB, FMC, FMM; TMT250 for 236
//! and 242; GH3000). An element that is not here keeps its number: `io_<id>`.

use crate::item::hex;
use crate::{Alarm, AlarmSet, Attributes, Known, Value};

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

/// An element's number, its name, and how its value is written.
struct Named(u16, Known, Form);

const fn named(number: u16, name: &'static str, form: Form) -> Named {
    Named(number, Known::new(name), form)
}

/// Sorted by number.
static NAMES: [Named; 76] = [
    named(1, "input_1", Flag),
    named(2, "input_2", Flag),
    named(3, "input_3", Flag),
    named(4, "input_4", Flag),
    named(6, "adc_2_v", Part(1000.0)),
    named(9, "adc_1_v", Part(1000.0)),
    named(11, "iccid_1", Whole),
    named(12, "fuel_used_l", Part(1000.0)),
    named(13, "fuel_rate_l_per_100km", Part(100.0)),
    named(14, "iccid_2", Whole),
    named(15, "eco_score", Part(100.0)),
    named(16, "odometer_m", Whole),
    named(17, "axis_x_mg", Signed),
    named(18, "axis_y_mg", Signed),
    named(19, "axis_z_mg", Signed),
    named(21, "rssi", Whole),
    named(25, "ble_temperature_1_c", SignedPart(100.0)),
    named(26, "ble_temperature_2_c", SignedPart(100.0)),
    named(27, "ble_temperature_3_c", SignedPart(100.0)),
    named(28, "ble_temperature_4_c", SignedPart(100.0)),
    named(30, "fault_codes", Whole),
    named(31, "engine_load_percent", Whole),
    named(32, "coolant_temperature_c", Signed),
    named(36, "rpm", Whole),
    named(37, "vehicle_speed_kmh", Whole),
    named(39, "intake_temperature_c", Signed),
    named(41, "throttle_percent", Whole),
    named(48, "fuel_percent", Whole),
    named(53, "ambient_temperature_c", Signed),
    named(58, "oil_temperature_c", Signed),
    named(66, "power_v", Part(1000.0)),
    named(67, "battery_v", Part(1000.0)),
    named(68, "battery_a", Part(1000.0)),
    named(69, "gnss_status", Whole),
    named(72, "temperature_1_c", SignedPart(10.0)),
    named(73, "temperature_2_c", SignedPart(10.0)),
    named(74, "temperature_3_c", SignedPart(10.0)),
    named(75, "temperature_4_c", SignedPart(10.0)),
    named(78, "driver_id", Identity),
    named(80, "data_mode", Whole),
    named(81, "vehicle_speed_kmh", Whole),
    named(82, "accelerator_percent", Whole),
    named(83, "fuel_used_l", Part(10.0)),
    named(84, "fuel_l", Part(10.0)),
    named(85, "rpm", Whole),
    named(87, "vehicle_odometer_m", Whole),
    named(89, "fuel_percent", Whole),
    named(90, "doors", Whole),
    named(113, "battery_percent", Whole),
    named(115, "coolant_temperature_c", SignedPart(10.0)),
    named(179, "output_1", Flag),
    named(180, "output_2", Flag),
    named(181, "pdop", Part(10.0)),
    named(182, "hdop", Part(10.0)),
    named(199, "trip_odometer_m", Whole),
    named(200, "sleep_mode", Whole),
    named(205, "cell_id", Whole),
    named(206, "lac", Whole),
    named(207, "driver_id", Identity),
    named(239, "ignition", Flag),
    named(240, "motion", Flag),
    named(241, "operator", Whole),
    named(243, "green_driving_ms", Whole),
    named(247, "crash", Whole),
    named(248, "immobilizer", Whole),
    named(250, "trip", Flag),
    named(254, "green_driving_value", Whole),
    named(255, "overspeed_kmh", Whole),
    named(303, "instant_motion", Flag),
    named(318, "gnss_jamming", Whole),
    named(380, "output_3", Flag),
    named(389, "vehicle_odometer_km", Whole),
    named(390, "fuel_l", Part(10.0)),
    named(391, "private_mode", Flag),
    named(411, "traction_battery_percent", Whole),
    named(636, "cell_id", Whole),
];

/// What the GH3000 numbers otherwise. Sorted.
static GH3000_NAMES: [Named; 10] = [
    named(1, "battery_percent", Whole),
    named(2, "usb_connected", Flag),
    named(5, "uptime_s", Whole),
    named(20, "hdop", Part(10.0)),
    named(21, "vdop", Part(10.0)),
    named(22, "pdop", Part(10.0)),
    named(67, "battery_v", Part(1000.0)),
    named(221, "button", Whole),
    named(240, "motion", Flag),
    named(244, "roaming", Flag),
];

/// What is known of each number: where it stands in a table of names, counted from 1, and whether it
/// may be more than what its name says. A look instead of a search for each of a record's many
/// elements.
struct Places<const N: usize>([u8; N]);

/// The bit of those that may be more.
const MORE: u8 = 0x80;

static PLACES: Places<637> = Places::of(&NAMES, &MEANINGFUL);
static GH3000_PLACES: Places<245> = Places::of(&GH3000_NAMES, &[GH3000_SOS]);

impl<const N: usize> Places<N> {
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "evaluated at compile time, where a wrong index is a build error"
    )]
    const fn of(names: &[Named], meaningful: &[u16]) -> Self {
        assert!(names.len() < MORE as usize);
        let mut places = [0; N];
        let mut place = 0;
        while place < names.len() {
            places[names[place].0 as usize] = place as u8 + 1;
            place += 1;
        }
        let mut number = 0;
        while number < meaningful.len() {
            places[meaningful[number] as usize] |= MORE;
            number += 1;
        }
        Self(places)
    }

    /// Its name where it has one, and whether it may be more.
    #[inline]
    fn find<'a>(&self, names: &'a [Named], id: u16) -> (Option<&'a Named>, bool) {
        let place = self.0.get(usize::from(id)).copied().unwrap_or_default();
        let named = usize::from(place & !MORE).checked_sub(1).and_then(|at| names.get(at));
        (named, place & MORE != 0)
    }
}

/// Elements that alarm, and the speed over ground.
static MEANINGFUL: [u16; 24] = [
    SPEED, 61, 62, 63, 64, 65, 70, 88, 155, 156, 157, 158, 159, 175, 236, 242, 246, 247, 249, 251,
    252, 253, 255, 318,
];
const SPEED: u16 = 24;
/// The GH3000's button.
const GH3000_SOS: u16 = 222;

impl Form {
    /// Sets `name` to the value of `width` bytes; an identity that is 0 sets nothing.
    // Each form by itself: a value that may be of any kind would be made twice.
    #[inline]
    fn set(self, name: Known, value: u64, width: usize, attributes: &mut Attributes) {
        let signed = sign_extended(value, width);
        match self {
            Flag => attributes.set(name, value != 0),
            Whole => match i64::try_from(value) {
                Ok(value) => attributes.set(name, value),
                Err(_) => attributes.set(name, digits(value, width)),
            },
            Signed => attributes.set(name, signed),
            Part(unit) => attributes.set(name, value as f64 / unit),
            SignedPart(unit) => attributes.set(name, signed as f64 / unit),
            Identity if value == 0 => {}
            Identity => attributes.set(name, digits(value, width)),
        }
    }
}

/// A number; what has no sign and all of its 64 bits, in hexadecimal.
fn whole(value: u64, width: usize) -> Value {
    i64::try_from(value).map_or_else(|_| digits(value, width).into(), Value::Integer)
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

/// An element of codec 8 Extended that tells its length.
pub(super) fn variable(id: u16, bytes: &[u8], attributes: &mut Attributes) {
    if bytes.is_empty() {
        return;
    }
    match TEXTS.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => {
            let text = String::from_utf8_lossy(bytes);
            attributes.set(*name, text.trim_matches(['\0', ' ']).to_owned());
        }
        None => attributes.set(format!("io_{id}"), hex(bytes)),
    }
}

/// What the elements of one record mean, as they are read.
pub(super) struct Elements {
    /// The element that caused the record.
    event: u16,
    is_gh3000: bool,
    /// The speed over ground as an element.
    pub(super) speed_kmh: Option<f64>,
    pub(super) alarms: AlarmSet,
    pub(super) alarm_states: AlarmSet,
}

impl Elements {
    pub(super) const fn new(event: u16) -> Self {
        Self {
            event,
            is_gh3000: false,
            speed_kmh: None,
            alarms: AlarmSet::EMPTY,
            alarm_states: AlarmSet::EMPTY,
        }
    }

    pub(super) const fn gh3000() -> Self {
        let mut elements = Self::new(0);
        elements.is_gh3000 = true;
        elements
    }

    /// What an element of 1, 2, 4 or 8 bytes means, without its name.
    #[inline]
    pub(super) fn number(&mut self, id: u16, value: u64, width: usize) {
        if self.find(id).1 {
            self.meaning(id, value, width);
        }
    }

    /// The same, and its name where it says more than an alarm.
    #[inline]
    pub(super) fn named(&mut self, id: u16, value: u64, width: usize, attributes: &mut Attributes) {
        let (named, is_more) = self.find(id);
        // Whether an alarm is all that it says.
        let is_said = is_more && self.meaning(id, value, width);
        match named {
            Some(Named(_, name, form)) => form.set(*name, value, width, attributes),
            None if is_said => {}
            None => attributes.set(format!("io_{id}"), whole(value, width)),
        }
    }

    #[inline]
    fn find(&self, id: u16) -> (Option<&'static Named>, bool) {
        if self.is_gh3000 { GH3000_PLACES.find(&GH3000_NAMES, id) } else { PLACES.find(&NAMES, id) }
    }

    /// What an element says beside its name; answers whether that is all.
    fn meaning(&mut self, id: u16, value: u64, width: usize) -> bool {
        if self.is_gh3000 {
            return self.gh3000_alarm(id, value);
        }
        if id == SPEED {
            self.speed_kmh = u16::try_from(value).ok().map(f64::from);
            return true;
        }
        self.alarm(id, value, width)
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
            (GH3000_SOS, 1) => self.alarms.insert(Alarm::Sos),
            (GH3000_SOS, _) => {}
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
        assert!(NAMES.is_sorted_by_key(|named| named.0));
        assert!(GH3000_NAMES.is_sorted_by_key(|named| named.0));
    }

    #[test]
    fn every_number_is_found_where_it_stands() {
        for id in 0..=u16::MAX {
            let (named, is_more) = PLACES.find(&NAMES, id);
            let number = NAMES.iter().map(|named| named.0).find(|number| *number == id);
            assert_eq!(named.map(|named| named.0), number);
            assert_eq!(is_more, MEANINGFUL.contains(&id));
        }
        let (named, _) = GH3000_PLACES.find(&GH3000_NAMES, 244);
        assert_eq!(named.map(|named| named.0), Some(244));
    }

    #[test]
    fn what_alarms_is_looked_at() {
        for id in 0..=1000 {
            let mut elements = Elements::new(id);
            let said = elements.alarm(id, 1, 1);
            let is_alarm = said || !elements.alarms.is_empty() || !elements.alarm_states.is_empty();
            assert!(!is_alarm || PLACES.find(&NAMES, id).1, "{id}");
        }
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
        let mut elements = Elements::new(249);
        elements.number(249, 0, 1);
        assert!(elements.alarms.is_empty());
        assert!(elements.alarm_states.contains(Alarm::Jamming));
        elements.number(249, 1, 1);
        assert!(elements.alarms.contains(Alarm::Jamming));
    }
}
