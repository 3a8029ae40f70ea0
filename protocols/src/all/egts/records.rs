//! The parts of a record, each behind its kind (1) and length (2).
//!
//! Service 1, authorization: part 1 is a terminal, its number (4) and flags, then as they say
//! dispatcher (2, bit 0), IMEI (15, bit 1), IMSI (16, bit 2), language (3, bit 3), network (3, bit
//! 5), buffer (2, bit 6), telephone (15, bit 7); part 5 is another platform.
//!
//! Service 2, telematic data:
//!
//! | part | bytes |
//! |---|---|
//! | 16 | time since 2010 (4), latitude and longitude as shares of 90 and 180° (4, 4); flags: valid 0, stored 3, moving 4, south 5, west 6, altitude 7; 1/10 km/h in bits 0 to 13, below sea level 14, course's highest bit 15 (2); course (1), 100 m (3), inputs (1), what caused it (1), metres (3) |
//! | 17 | flags, then VDOP, HDOP, PDOP · 100 (2 each), satellites (1), systems (2) |
//! | 18 | which eights of inputs (1), outputs (1), which analogs (1), inputs (1 each), analogs (3 each) |
//! | 19 | which counters (1), counters (3 each) |
//! | 20, 21 | state, main, reserve and own voltage in 1/10 V, flags |
//! | 24, 25 | number of an analog or a counter (1), its value (3) |
//! | 27 | number 0 to 2, unread 3, unit 4 to 5, error 6 (1), address (2), level (4) |
//! | 28 | which doors, pairs of passengers in and out |
//!
//! Service 10, emergency calls: part 50 is the minimum set of data, big-endian: version, message,
//! by itself 0 and test 1 (1), VIN (17), drive (1), time since 1970 (4), latitude and longitude in
//! 1/3 600 000° (4, 4), half the course (1); part 40 is the same, encoded otherwise and not read.

use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// 2010-01-01T00:00:00Z.
const EPOCH_S: i64 = 1_262_304_000;
const TELEDATA: u8 = 2;
const EMERGENCY: u8 = 10;

pub(super) fn time(seconds: u32) -> Time {
    Time::from_seconds(EPOCH_S.saturating_add(i64::from(seconds)))
}

/// Who speaks.
pub(super) enum Identity {
    Terminal(String),
    Platform,
}

fn part<'a>(reader: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Reject> {
    let kind = reader.u8()?;
    let length = usize::from(reader.le_u16()?);
    Ok((kind, reader.part(length)?))
}

pub(super) fn identity(parts: &mut Reader<'_>) -> Result<Option<Identity>, Reject> {
    let mut identity = None;
    while !parts.is_empty() {
        let (kind, mut part) = part(parts)?;
        match kind {
            1 => identity = Some(Identity::Terminal(terminal(&mut part)?)),
            5 => identity = Some(Identity::Platform),
            _ => {}
        }
    }
    Ok(identity)
}

/// The IMEI, else the IMSI, the telephone or the number.
fn terminal(part: &mut Reader<'_>) -> Result<String, Reject> {
    let malformed = part.reject(Reason::Malformed);
    let number = part.le_u32()?;
    let flags = part.u8()?;
    let mut named = None;
    for (bit, length) in [(0, 2), (1, 15), (2, 16), (3, 3), (5, 3), (6, 2), (7, 15)] {
        if (flags >> bit) & 1 == 0 {
            continue;
        }
        let field = part.take(length)?;
        let name = text::ascii(field);
        let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if matches!(bit, 1 | 2 | 7) && fits && named.is_none() {
            named = Some(name);
        }
    }
    match named {
        Some(name) => Ok(name.into_owned()),
        None if number != 0 => Ok(number.to_string()),
        None => Err(malformed),
    }
}

/// What a record has told.
#[derive(Default)]
struct Found {
    fix: Option<Fix>,
    alarms: AlarmSet,
    attributes: Attributes,
}

impl Found {
    fn put(&mut self, time: Option<Time>, out: &mut Out<'_>) {
        let Self { fix, alarms, attributes } = std::mem::take(self);
        match fix {
            Some(mut fix) => {
                fix.alarms = alarms;
                out.fix(fix, attributes);
            }
            None if alarms.is_empty() && attributes.is_empty() => {}
            None => out.report(time, alarms, attributes),
        }
    }
}

pub(super) fn data(
    parts: &mut Reader<'_>,
    service: u8,
    time: Option<Time>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut found = Found::default();
    let mut result = Ok(());
    while !parts.is_empty() && result.is_ok() {
        result = part(parts).and_then(|(kind, mut part)| match (service, kind) {
            (TELEDATA, 16) => {
                if found.fix.is_some() {
                    found.put(time, out);
                }
                found.place(&mut part)
            }
            (TELEDATA, _) => found.attribute(kind, &mut part),
            (EMERGENCY, 50) => found.emergency(&mut part),
            (EMERGENCY, 40) => {
                found.alarms.insert(Alarm::Sos);
                Ok(())
            }
            _ => Ok(()),
        });
    }
    found.put(time, out);
    result
}

fn le_u24(reader: &mut Reader<'_>) -> Result<u32, Reject> {
    let [low, middle, high] = reader.array()?;
    Ok(u32::from_le_bytes([low, middle, high, 0]))
}

impl Found {
    fn place(&mut self, part: &mut Reader<'_>) -> Result<(), Reject> {
        let at = part.reject(Reason::OutOfRange);
        let when = time(part.le_u32()?);
        let share = |value: u32| f64::from(value) / f64::from(u32::MAX);
        let latitude = share(part.le_u32()?) * 90.0;
        let longitude = share(part.le_u32()?) * 180.0;
        let flags = part.u8()?;
        let latitude = if flags & 0x20 == 0 { latitude } else { -latitude };
        let longitude = if flags & 0x40 == 0 { longitude } else { -longitude };
        let mut fix = Fix::new(when, latitude, longitude).ok_or(at)?;
        fix.valid = flags & 0x01 != 0;
        fix.backfill = flags & 0x08 != 0;
        let speed = part.le_u16()?;
        fix.speed_kmh = Some(f64::from(speed & 0x3fff) / 10.0);
        let course = u16::from(part.u8()?) | ((speed & 0x8000) >> 7);
        fix.course_deg = (course <= 360).then(|| f64::from(course));
        self.attributes.set("odometer_m", le_u24(part)?.saturating_mul(100));
        self.attributes.set("inputs", part.u8()?);
        let source = part.u8()?;
        self.attributes.set("event", source);
        self.alarms = alarm(source).into_iter().collect();
        self.attributes.set("motion", flags & 0x10 != 0);
        if flags & 0x80 != 0 {
            let metres = f64::from(le_u24(part)?);
            fix.altitude_m = Some(if speed & 0x4000 == 0 { metres } else { -metres });
        }
        self.fix = Some(fix);
        Ok(())
    }

    fn attribute(&mut self, kind: u8, part: &mut Reader<'_>) -> Result<(), Reject> {
        match kind {
            17 => {
                let flags = part.u8()?;
                for (bit, name) in [(0, "vdop"), (1, "hdop"), (2, "pdop")] {
                    if (flags >> bit) & 1 != 0 {
                        self.attributes.set(name, f64::from(part.le_u16()?) / 100.0);
                    }
                }
                if flags & 0x08 != 0 {
                    self.attributes.set("satellites", part.u8()?);
                }
            }
            18 => self.sensors(part)?,
            19 => {
                let which = part.u8()?;
                for name in bits(which, &COUNTERS) {
                    self.attributes.set(name, le_u24(part)?);
                }
            }
            // 20 is the profile of an acceleration, too, which is longer.
            20 | 21 if part.remaining() == 5 => {
                self.attributes.set("state", part.u8()?);
                for name in ["power_v", "reserve_battery_v", "battery_v"] {
                    self.attributes.set(name, f64::from(part.u8()?) / 10.0);
                }
            }
            24 | 25 => {
                let name = if kind == 24 { "adc" } else { "counter" };
                let index = part.u8()?;
                self.attributes.set(format!("{name}_{index}"), le_u24(part)?);
            }
            27 => self.level(part)?,
            28 => {
                part.skip(1)?;
                let doors = part.u8()?;
                part.skip(3)?;
                let (mut on, mut off) = (0_u32, 0_u32);
                for _ in 0..doors.count_ones() {
                    let [came, left] = part.array()?;
                    on = on.saturating_add(u32::from(came));
                    off = off.saturating_add(u32::from(left));
                }
                self.attributes.set("passengers_on", on);
                self.attributes.set("passengers_off", off);
            }
            _ => {}
        }
        Ok(())
    }

    fn sensors(&mut self, part: &mut Reader<'_>) -> Result<(), Reject> {
        let which_inputs = part.u8()?;
        self.attributes.set("outputs", part.u8()?);
        let which_analogs = part.u8()?;
        for name in bits(which_inputs, &INPUTS) {
            self.attributes.set(name, part.u8()?);
        }
        for name in bits(which_analogs, &ANALOGS) {
            self.attributes.set(name, le_u24(part)?);
        }
        Ok(())
    }

    fn level(&mut self, part: &mut Reader<'_>) -> Result<(), Reject> {
        let flags = part.u8()?;
        part.skip(2)?;
        // Unread data, or a sensor that has failed.
        if flags & 0x48 != 0 {
            return Ok(());
        }
        let level = f64::from(part.le_u32()?);
        let (names, value) = match (flags >> 4) & 3 {
            0 => (&LEVELS, level),
            1 => (&LEVELS_PERCENT, level),
            2 => (&LEVELS_L, level / 10.0),
            _ => return Ok(()),
        };
        if let Some(name) = names.get(usize::from(flags & 0x07)) {
            self.attributes.set(*name, value);
        }
        Ok(())
    }

    fn emergency(&mut self, part: &mut Reader<'_>) -> Result<(), Reject> {
        part.skip(2)?;
        let flags = part.u8()?;
        // A test is told, too: a person decides.
        self.alarms.insert(if flags & 1 == 0 { Alarm::Sos } else { Alarm::Accident });
        self.attributes.set("emergency_test", flags & 2 != 0);
        let vin = text::ascii(part.take(17)?);
        self.attributes.set_some("vin", Some(vin).filter(|vin| !vin.is_empty()));
        part.skip(1)?;
        let when = Time::from_seconds(i64::from(part.be_u32()?));
        let at = part.reject(Reason::OutOfRange);
        let latitude = f64::from(part.be_i32()?) / 3_600_000.0;
        let longitude = f64::from(part.be_i32()?) / 3_600_000.0;
        let mut fix = Fix::new(when, latitude, longitude).ok_or(at)?;
        fix.course_deg = Some(f64::from(part.u8()?) * 2.0).filter(|course| *course <= 360.0);
        self.fix = Some(fix);
        Ok(())
    }
}

static INPUTS: [&str; 8] = [
    "inputs_1", "inputs_2", "inputs_3", "inputs_4", "inputs_5", "inputs_6", "inputs_7", "inputs_8",
];
static ANALOGS: [&str; 8] =
    ["adc_1", "adc_2", "adc_3", "adc_4", "adc_5", "adc_6", "adc_7", "adc_8"];
static COUNTERS: [&str; 8] = [
    "counter_1",
    "counter_2",
    "counter_3",
    "counter_4",
    "counter_5",
    "counter_6",
    "counter_7",
    "counter_8",
];
static LEVELS: [&str; 8] = [
    "fuel_0_raw",
    "fuel_1_raw",
    "fuel_2_raw",
    "fuel_3_raw",
    "fuel_4_raw",
    "fuel_5_raw",
    "fuel_6_raw",
    "fuel_7_raw",
];
static LEVELS_PERCENT: [&str; 8] = [
    "fuel_0_percent",
    "fuel_1_percent",
    "fuel_2_percent",
    "fuel_3_percent",
    "fuel_4_percent",
    "fuel_5_percent",
    "fuel_6_percent",
    "fuel_7_percent",
];
static LEVELS_L: [&str; 8] = [
    "fuel_0_l", "fuel_1_l", "fuel_2_l", "fuel_3_l", "fuel_4_l", "fuel_5_l", "fuel_6_l", "fuel_7_l",
];

/// The names of the bits that are set.
fn bits(flags: u8, names: &'static [&'static str; 8]) -> impl Iterator<Item = &'static str> {
    names.iter().enumerate().filter(move |(bit, _)| (flags >> bit) & 1 != 0).map(|(_, name)| *name)
}

/// What has caused a position to be sent.
const fn alarm(source: u8) -> Option<Alarm> {
    match source {
        7 => Some(Alarm::Overspeed),
        10 => Some(Alarm::Tampering),
        11 => Some(Alarm::PowerCut),
        12 => Some(Alarm::LowBattery),
        13 | 15 => Some(Alarm::Sos),
        // The reserve battery, the sensor of accidents, the radio's antenna.
        19 | 23 | 24 => Some(Alarm::Fault),
        20 => Some(Alarm::HardAcceleration),
        21 => Some(Alarm::HardBraking),
        22 => Some(Alarm::GpsFault),
        25 => Some(Alarm::GpsAntennaCut),
        28 => Some(Alarm::Tow),
        _ => None,
    }
}
