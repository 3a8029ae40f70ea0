//! Records: left 1, count 1, each: time 4, its extension 1, (extended: part 1,) priority 1,
//! longitude 4, latitude 4 (ten-millionths of a degree), altitude 2 (tenths), course 2
//! (hundredths), satellites 1, km/h 2, HDOP 1 (tenths), event 1 (extended: 2), then four lists of
//! parameters with values of 1, 2, 4 and 8 bytes, each with its count 1; a parameter's number has
//! 1 byte (extended: 2).
//!
//! Extended records that do not fit are sent in parts: the upper half of `part` is the number of
//! the last one, the lower half its own. All parts are one record.

use smallvec::SmallVec;

use crate::field::{Reader, text};
use crate::item::hex;
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// What stands for a coordinate where there is none.
const NOWHERE: i32 = i32::MIN;
/// As many parameters that have no name are kept of a record.
const UNNAMED_AT_MOST: usize = 64;

/// How a parameter's value is written.
#[derive(Clone, Copy)]
enum Form {
    Flag,
    Whole,
    Signed,
    /// Multiplied, then divided.
    Part(f64, f64),
    /// As a part, with its sign.
    SignedPart(f64),
}
use Form::{Flag, Part, Signed, SignedPart, Whole};

/// Sorted by number.
static NAMES: &[(u16, &str, Form)] = &[
    (2, "input_1", Flag),
    (3, "input_2", Flag),
    (4, "input_3", Flag),
    (5, "input_4", Flag),
    (13, "motion", Flag),
    (20, "adc_3_v", Part(1.0, 1000.0)),
    (21, "adc_4_v", Part(1.0, 1000.0)),
    (22, "adc_1_v", Part(1.0, 1000.0)),
    (23, "adc_2_v", Part(1.0, 1000.0)),
    (27, "rssi", Whole),
    (29, "power_v", Part(1.0, 1000.0)),
    (30, "battery_v", Part(1.0, 1000.0)),
    (32, "device_temperature_c", Signed),
    (39, "engine_load_percent", Whole),
    (65, "odometer_m", Whole),
    (74, "temperature_3_c", SignedPart(10.0)),
    (78, "temperature_0_c", SignedPart(10.0)),
    (79, "temperature_1_c", SignedPart(10.0)),
    (80, "temperature_2_c", SignedPart(10.0)),
    (94, "rpm", Part(1.0, 4.0)),
    (95, "vehicle_speed_kmh", Whole),
    (96, "coolant_temperature_c", Signed),
    (98, "fuel_percent", Part(100.0, 255.0)),
    (150, "operator", Whole),
    (163, "vehicle_odometer_m", Part(5.0, 1.0)),
    (164, "trip_odometer_m", Part(5.0, 1.0)),
    (165, "vehicle_speed_kmh", Part(1.0, 256.0)),
    (166, "rpm", Part(1.0, 8.0)),
    (170, "charging", Flag),
    (173, "motion", Flag),
    (197, "rpm", Part(1.0, 8.0)),
    (205, "fuel_l", Part(1.0, 10.0)),
    (207, "fuel_percent", Part(2.0, 5.0)),
    (208, "fuel_used_l", Part(1.0, 2.0)),
    (251, "ignition", Flag),
    (409, "ignition", Flag),
    (645, "vehicle_odometer_m", Part(1000.0, 1.0)),
];

/// Number, alarm, and whether it is on where the value is 0.
static ALARMS: &[(u16, Alarm, bool)] = &[
    (88, Alarm::Jamming, false),
    (134, Alarm::HardBraking, false),
    (136, Alarm::HardAcceleration, false),
    (410, Alarm::Tow, false),
    (411, Alarm::Accident, false),
    (415, Alarm::GpsAntennaCut, true),
    (758, Alarm::Tampering, false),
];
/// The ones that are states.
const STATES: [Alarm; 2] = [Alarm::Jamming, Alarm::GpsAntennaCut];

/// An iButton.
const TAG: u16 = 34;
/// Two halves of a driver's number as text: of the CAN bus, of the tachograph's first slot.
const DRIVERS: [(u16, u16); 2] = [(126, 127), (155, 156)];

/// What is known of one record, or of its parts so far.
#[derive(Default)]
struct Record {
    fix: Option<Fix>,
    nowhere: Option<Reject>,
    time: Time,
    alarms: AlarmSet,
    alarm_states: AlarmSet,
    attributes: Attributes,
    unnamed: usize,
    halves: [Option<[u8; 8]>; 4],
}

impl Record {
    fn put(mut self, out: &mut Out<'_>) {
        if let Some(reject) = self.nowhere {
            out.reject(reject);
            return;
        }
        let [a, b, c, d] = self.halves;
        for (first, second) in [(a, b), (c, d)] {
            if let (Some(first), Some(second)) = (first, second) {
                let both = [first, second];
                let driver = text::ascii(both.as_flattened());
                self.attributes
                    .set_some("driver_id", Some(driver).filter(|driver| !driver.is_empty()));
            }
        }
        match self.fix {
            Some(mut fix) => {
                fix.alarms = self.alarms;
                fix.alarm_states = self.alarm_states;
                out.fix(fix, self.attributes);
            }
            None => {
                out.report_states(Some(self.time), self.alarms, self.alarm_states, self.attributes)
            }
        }
    }

    fn parameter(&mut self, id: u16, value: &[u8]) {
        let raw = value.iter().fold(0_u64, |raw, byte| raw << 8 | u64::from(*byte));
        if let Some((_, alarm, is_on_at_zero)) = ALARMS.iter().find(|(known, ..)| *known == id) {
            if (raw == 0) == *is_on_at_zero {
                self.alarms.insert(*alarm);
            }
            if STATES.contains(alarm) {
                self.alarm_states.insert(*alarm);
            }
            return;
        }
        let halves = DRIVERS.iter().flat_map(|(first, second)| [*first, *second]);
        for (slot, half) in self.halves.iter_mut().zip(halves) {
            if half == id && value.len() == 8 {
                *slot = value.try_into().ok();
                return;
            }
        }
        if id == TAG {
            if raw != 0 {
                self.attributes.set("driver_id", hex(value));
            }
            return;
        }
        let Ok(index) = NAMES.binary_search_by_key(&id, |(known, ..)| *known) else {
            if self.unnamed < UNNAMED_AT_MOST {
                self.unnamed = self.unnamed.saturating_add(1);
                let raw = i64::try_from(raw).unwrap_or(i64::MAX);
                self.attributes.set(format!("io_{id}"), raw);
            }
            return;
        };
        let Some((_, name, form)) = NAMES.get(index) else { return };
        let attributes = &mut self.attributes;
        match form {
            Flag => attributes.set(*name, raw > 0),
            Whole => attributes.set(*name, i64::try_from(raw).unwrap_or(i64::MAX)),
            Signed => attributes.set(*name, signed(value)),
            Part(factor, divisor) => {
                let raw = u32::try_from(raw).unwrap_or(u32::MAX);
                attributes.set(*name, f64::from(raw) * factor / divisor);
            }
            SignedPart(divisor) => {
                let raw = i32::try_from(signed(value)).unwrap_or_default();
                attributes.set(*name, f64::from(raw) / divisor);
            }
        }
    }
}

/// Big-endian with a sign, 1 to 8 bytes.
fn signed(value: &[u8]) -> i64 {
    let is_negative = value.first().is_some_and(|first| *first >= 0x80);
    let start = if is_negative { -1_i64 } else { 0 };
    value.iter().fold(start, |sum, byte| sum << 8 | i64::from(*byte))
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    is_extended: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    reader.skip(1)?;
    let mut pending: Option<Record> = None;
    // Answered in full or not at all: what cannot be read to its end refuses the whole frame.
    let mut whole = SmallVec::<[Record; 2]>::new();
    for _ in 0..reader.u8()? {
        let seconds = reader.be_u32()?;
        reader.skip(1)?;
        let (last, own) = if is_extended {
            let part = reader.u8()?;
            (part >> 4, part & 0x0f)
        } else {
            (0, 0)
        };
        reader.skip(1)?;
        let goes_on = own > 0 && own <= last;
        if !goes_on {
            whole.extend(pending.take());
        }
        let mut record = pending.take().unwrap_or_default();
        one(reader, seconds, is_extended, &mut record)?;
        pending = Some(record);
    }
    whole.extend(pending);
    for record in whole {
        record.put(out);
    }
    Ok(())
}

fn one(
    reader: &mut Reader<'_>,
    seconds: u32,
    is_extended: bool,
    record: &mut Record,
) -> Result<(), Reject> {
    record.time = Time::from_seconds(i64::from(seconds));
    let nowhere = reader.reject(Reason::OutOfRange);
    let (longitude, latitude) = (reader.be_i32()?, reader.be_i32()?);
    let altitude = f64::from(reader.be_i16()?) / 10.0;
    let course = f64::from(reader.be_u16()?) / 100.0;
    let satellites = reader.u8()?;
    let speed = f64::from(reader.be_u16()?);
    let hdop = reader.u8()?;
    if longitude != NOWHERE && latitude != NOWHERE {
        let place = (f64::from(latitude) / 1e7, f64::from(longitude) / 1e7);
        record.fix = Fix::new(record.time, place.0, place.1);
        match record.fix.as_mut() {
            Some(fix) => {
                fix.altitude_m = Some(altitude);
                fix.course_deg = Some(course).filter(|course| *course <= 360.0);
                fix.speed_kmh = Some(speed);
                record.attributes.set("satellites", satellites);
                record.attributes.set("hdop", f64::from(hdop) / 10.0);
            }
            None => record.nowhere = Some(nowhere),
        }
    }
    let number = |reader: &mut Reader<'_>| -> Result<u16, Reject> {
        if is_extended { reader.be_u16() } else { reader.u8().map(u16::from) }
    };
    let event = number(reader)?;
    record.attributes.set("event", event);
    for width in [1_usize, 2, 4, 8] {
        for _ in 0..reader.u8()? {
            let id = number(reader)?;
            record.parameter(id, reader.take(width)?);
        }
    }
    Ok(())
}
