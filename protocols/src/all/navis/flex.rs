//! FLEX: records of the fields that were agreed on.
//!
//! | field | bytes | meaning |
//! |---|---|---|
//! | 1, 2, 3 | 4, 2, 4 | index, event, its time |
//! | 4 to 7 | 1 each | arming (1 alarm), two of states, signal |
//! | 8 | 1 | receiver: bit 1 valid, from 2 on satellites |
//! | 9 | 4 | seconds since 1970 |
//! | 10, 11, 12 | 4 each | latitude, longitude (1/10 000 minutes), altitude (0.1 m) |
//! | 13, 14 | 4, 2 | km/h (IEEE 754), course |
//! | 15, 16 | 4, 4 | kilometres in all, and on this segment (IEEE 754) |
//! | 19, 20 | 2, 2 | main and own voltage, mV |
//! | 21 to 28 | 2 each | analogue inputs, mV |
//! | 29, 30; 31, 32 | 1 each | inputs; outputs |
//! | 37 | 4 | seconds of the engine |
//! | 45 to 52 | 1 each | temperatures |
//! | 71 | 2 | HDOP, PDOP in tenths |
//!
//! Records of `~E` and `~X` have a length (2), their kind (0A) and that of their fixed part, then
//! fields 1 to 3 and 8 to 15.

use crate::field::{Reader, checksum};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Step, Time, When};

use super::MAX_FRAME;
use super::records::{float, minutes};

/// The bytes of the fields of FLEX 1.0 (69) and 2.0 (122).
static LENGTHS: &[u8] = &[
    4, 2, 4, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 2, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1,
    4, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1, 4, 2, 2, 2, 2, 2, 1, 1,
    1, 2, 4, 2, 1, // FLEX 2.0
    8, 2, 1, 16, 4, 2, 4, 37, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 12, 24, 48, 1, 1,
    1, 1, 4, 4, 1, 4, 2, 6, 2, 6, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1,
];
/// A record with fields 1 to 15.
const SHORTEST: usize = 42;
/// Longer than all fields together that are known.
const LONGEST: usize = 640;

/// What a record has.
#[derive(Clone)]
pub(super) struct Fields {
    mask: [u8; 32],
    count: usize,
}

/// Without an agreement: fields 1 to 15, which every device sends.
impl Default for Fields {
    fn default() -> Self {
        let mut mask = [0; 32];
        let [first, second, ..] = &mut mask;
        (*first, *second) = (0xff, 0xfe);
        Self { mask, count: 15 }
    }
}

impl Fields {
    /// `*>FLEX`, B0, the protocol's and the structure's version, the number of fields and a bit
    /// for each.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data.strip_prefix(b"*>FLEX")?);
        let [protocol, version, structure, count] = reader.array().ok()?;
        let is_known = |version: u8| matches!(version, 0x0a | 0x14 | 0x1e);
        if protocol != 0xb0 || !is_known(version) || !is_known(structure) {
            return None;
        }
        let count = usize::from(count);
        let mut mask = [0; 32];
        let bytes = reader.take(count.div_ceil(8)).ok()?;
        mask.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { mask, count })
    }

    /// The fields that are on.
    fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|field| {
            self.mask.get(field / 8).is_some_and(|byte| byte & (0x80 >> (field % 8)) != 0)
        })
    }

    /// The bytes of a record; 0 where a field's size is not known.
    pub(super) fn record_length(&self) -> u64 {
        let mut length = 0_u64;
        for field in self.iter() {
            match LENGTHS.get(field) {
                Some(bytes) => length = length.saturating_add(u64::from(*bytes)),
                None => return 0,
            }
        }
        length
    }
}

/// `memory` is the length of a record, or 0.
pub(super) fn find(bytes: &[u8], memory: &mut u64) -> Step {
    let Some(kind) = bytes.get(1) else { return Step::Need(2) };
    let (head, count) = match kind {
        b'A' => match bytes.get(2) {
            Some(count) => (3_usize, usize::from(*count)),
            None => return Step::Need(3),
        },
        b'T' => (6, 1),
        b'C' => (2, 1),
        b'E' => return find_lengths(bytes, 3),
        b'X' => return find_lengths(bytes, 6),
        _ => return Step::Skip(1, Reason::Unframed),
    };
    let known = usize::try_from(*memory).unwrap_or_default();
    if count > 0 && known == 0 {
        return search(bytes, head, count, memory);
    }
    let total = head.saturating_add(count.saturating_mul(known)).saturating_add(1);
    if total > MAX_FRAME {
        return Step::Skip(1, Reason::TooLong);
    }
    whole(bytes, total)
}

fn whole(bytes: &[u8], total: usize) -> Step {
    if bytes.len() < total { Step::Need(total) } else { Step::Frame { body: 0..total, end: total } }
}

/// Records that each say their length.
fn find_lengths(bytes: &[u8], head: usize) -> Step {
    let count = match (head, bytes.get(2)) {
        (3, Some(count)) => *count,
        (3, None) => return Step::Need(3),
        _ => 1,
    };
    let mut end = head;
    for _ in 0..count {
        let body = end.saturating_add(2);
        let Some(&[low, high]) = bytes.get(end..body) else { return Step::Need(body) };
        end = body.saturating_add(usize::from(u16::from_le_bytes([low, high])));
        if end >= MAX_FRAME {
            return Step::Skip(1, Reason::TooLong);
        }
    }
    whole(bytes, end.saturating_add(1))
}

/// The first length for which all is right.
fn search(bytes: &[u8], head: usize, count: usize, memory: &mut u64) -> Step {
    for length in SHORTEST..=LONGEST {
        let at = head.saturating_add(count.saturating_mul(length));
        if at >= MAX_FRAME {
            break;
        }
        let Some((frame, rest)) = bytes.split_at_checked(at) else {
            return Step::Need(at.saturating_add(1));
        };
        let Some(sum) = rest.first() else { return Step::Need(at.saturating_add(1)) };
        let records = frame.get(head..).unwrap_or_default();
        if records.chunks_exact(length).all(is_plausible) && *sum == checksum::crc8_nrsc5(frame) {
            *memory = u64::try_from(length).unwrap_or_default();
            return whole(bytes, at.saturating_add(1));
        }
    }
    Step::Skip(1, Reason::Unframed)
}

/// A time of this century or none, and a place on the globe.
fn is_plausible(record: &[u8]) -> bool {
    let mut reader = Reader::new(record);
    let mut read = || -> Result<bool, Reject> {
        reader.skip(15)?;
        let time = reader.le_u32()?;
        let (latitude, longitude) = (minutes(&mut reader)?, minutes(&mut reader)?);
        Ok((time == 0 || time >= 946_684_800)
            && (-90.0..=90.0).contains(&latitude)
            && (-180.0..=180.0).contains(&longitude))
    };
    read().unwrap_or(false)
}

pub(super) fn decode(fields: &Fields, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let (content, sum) = frame.split_at(frame.len().saturating_sub(1));
    let sum_at = content.len();
    if sum != [checksum::crc8_nrsc5(content)] {
        return Err(Reject::at(sum_at, Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    let mut answer = reader.take(2)?.to_vec();
    let kind = answer.last().copied().unwrap_or_default();
    let count = match kind {
        b'A' | b'E' => usize::from(reader.u8()?),
        _ => 1,
    };
    if let b'T' | b'X' = kind {
        reader.skip(4)?;
    }
    answer.extend(content.get(2..reader.offset()).unwrap_or_default());
    let length = reader.remaining().checked_div(count).unwrap_or_default();
    for _ in 0..count {
        if let b'E' | b'X' = kind {
            let length = usize::from(reader.le_u16()?);
            extra(reader.part(length)?, out)?;
        } else {
            record(fields, reader.part(length)?, out)?;
        }
    }
    answer.push(checksum::crc8_nrsc5(&answer));
    out.reply(answer, When::Accepted);
    Ok(())
}

/// What a record says, until it is put out.
#[derive(Default)]
struct Found {
    time: Option<Time>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
    speed: Option<f64>,
    course: Option<f64>,
    is_valid: bool,
    alarms: AlarmSet,
    attributes: Attributes,
}

impl Found {
    fn put(self, nowhere: Reject, out: &mut Out<'_>) {
        let states = AlarmSet::only(Alarm::General);
        let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) else {
            out.report_states(self.time, self.alarms, states, self.attributes);
            return;
        };
        let fix = self.time.and_then(|time| Fix::new(time, latitude, longitude));
        let Some(mut fix) = fix else {
            out.reject(nowhere);
            return;
        };
        fix.valid = self.is_valid;
        fix.altitude_m = self.altitude;
        fix.speed_kmh = self.speed.filter(|speed| speed.is_finite() && *speed >= 0.0);
        fix.course_deg = self.course.filter(|course| *course <= 360.0);
        (fix.alarms, fix.alarm_states) = (self.alarms, states);
        out.fix(fix, self.attributes);
    }

    /// Fields 8 to 15 (counted from 1), as both kinds of records have them.
    fn common(&mut self, field: usize, reader: &mut Reader<'_>) -> Result<(), Reject> {
        match field {
            7 => {
                let state = reader.u8()?;
                self.is_valid = state & 0x02 != 0;
                self.attributes.set("satellites", state >> 2);
            }
            8 => self.time = Some(Time::from_seconds(i64::from(reader.le_u32()?))),
            9 => self.latitude = Some(minutes(reader)?),
            10 => self.longitude = Some(minutes(reader)?),
            11 => self.altitude = Some(f64::from(reader.le_i32()?) / 10.0),
            12 => self.speed = Some(float(reader)?),
            13 => self.course = Some(f64::from(reader.le_u16()?)),
            _ => {
                let name = if field == 14 { "odometer_m" } else { "trip_odometer_m" };
                let metres = Some(float(reader)? * 1000.0).filter(|metres| metres.is_finite());
                self.attributes.set_some(name, metres);
            }
        }
        Ok(())
    }
}

fn record(fields: &Fields, mut reader: Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let mut found = Found::default();
    for field in fields.iter() {
        // What lies behind a field of unknown size cannot be told apart.
        let Some(length) = LENGTHS.get(field) else { break };
        let set = &mut found.attributes;
        match field {
            1 => set.set("event", reader.le_u16()?),
            3 => {
                let arming = reader.u8()?;
                set.set("armed", arming & 1 != 0);
                if arming & 2 != 0 {
                    found.alarms.insert(Alarm::General);
                }
            }
            4 => set.set("status", reader.u8()?),
            5 => set.set("status_2", reader.u8()?),
            6 => set.set("rssi", reader.u8()?),
            7..=15 => found.common(field, &mut reader)?,
            18 => set.set("power_v", f64::from(reader.le_u16()?) / 1000.0),
            19 => set.set("battery_v", f64::from(reader.le_u16()?) / 1000.0),
            20..=27 => {
                let number = field.saturating_sub(19);
                set.set(format!("adc_{number}_v"), f64::from(reader.le_u16()?) / 1000.0);
            }
            28 => set.set("inputs", reader.u8()?),
            29 => set.set("inputs_2", reader.u8()?),
            30 => set.set("outputs", reader.u8()?),
            31 => set.set("outputs_2", reader.u8()?),
            36 => set.set("engine_s", reader.le_u32()?),
            44..=51 => {
                let number = field.saturating_sub(43);
                let degrees = Some(reader.i8()?).filter(|degrees| *degrees != i8::MIN);
                set.set_some(format!("temperature_{number}_c"), degrees);
            }
            70 => {
                set.set("hdop", f64::from(reader.u8()?) / 10.0);
                set.set("pdop", f64::from(reader.u8()?) / 10.0);
            }
            _ => reader.skip(usize::from(*length))?,
        }
    }
    found.put(nowhere, out);
    Ok(())
}

fn extra(mut reader: Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let unknown = reader.reject(Reason::Unsupported);
    if reader.u8()? != 0x0a {
        out.reject(unknown);
        return Ok(());
    }
    let nowhere = reader.reject(Reason::OutOfRange);
    // The length of the fixed part, and the index.
    reader.skip(5)?;
    let mut found = Found::default();
    found.attributes.set("event", reader.le_u16()?);
    reader.skip(4)?;
    for field in 7..=14 {
        found.common(field, &mut reader)?;
    }
    found.put(nowhere, out);
    Ok(())
}
