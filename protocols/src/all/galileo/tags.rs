//! Tags: a number 1 and a value whose length the number tells; a tag that comes again begins the
//! next record.
//!
//! | tag | value |
//! |---|---|
//! | 03 | IMEI, 15 characters |
//! | 20, 21 | seconds since 1970, milliseconds |
//! | 30 | satellites (bits 0 to 3), correctness (4 to 7: 0 by satellites, 2 by cells), latitude 4, longitude 4 in millionths of a degree |
//! | 33, 34 | tenths of km/h 2, tenths of a degree 2; metres of altitude |
//! | 35, 36 | HDOP, of cells tens of metres; PDOP |
//! | 40 | state: bits 0 moving, 5 battery low, 6 antenna off, 9 ignition, 10 struck, 14 armed, 15 alarm |
//! | 41, 42, 43 | millivolts of the vehicle, of the battery; degrees in the device |
//! | 45, 46 | outputs, inputs |
//! | 48 | state: bits 2, 4 jamming of GSM, of satellites |
//! | 50 to 57, 78 to 7d | voltages 0 to 13 |
//! | 60 to 6f | tanks, from 63 on with degrees |
//! | 70 to 77, 80 to 87 | thermometers: number 1, degrees 1; and humidity 1 |
//! | 90, d3 | keys of drivers |
//! | a0 to af, b0 to b9, c4 to d2, d6 to df, f0 to f9 | registers of the vehicle's bus, as the owner has set them |
//! | c0, c1, c2 | half litres used; tank, coolant, turns; 5 m travelled, as the vehicle says |
//! | d4 | metres travelled |
//! | e0, e1 | number of a command; its answer, behind its length |
//! | e2 to e9, ea | the owner's data; more of them, behind their length |
//! | fe | more tags: length 2, then for each number 2 and value |
//!
//! | tag in `fe` | value |
//! |---|---|
//! | 81 to 85 | cell, area, country, network, signal |
//! | fc | why the record was made: 12 alarm of the guard, 13 emergency |
//! | fd | key of the driver, 8 bytes |
//!
//! Quirk: a place by cells is off by up to kilometres, so it is not valid.

use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

use super::measures::measure;

/// What is known of one record.
#[derive(Default)]
pub(super) struct Record {
    pub(super) time: Option<Time>,
    pub(super) place: Option<(f64, f64)>,
    pub(super) valid: bool,
    pub(super) alarms: AlarmSet,
    milliseconds: i64,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    altitude_m: Option<f64>,
    alarm_states: AlarmSet,
    pub(super) by_cells: bool,
    pub(super) attributes: Attributes,
}

impl Record {
    /// What has neither place nor anything else to say is passed over.
    pub(super) fn put(self, at: usize, out: &mut Out<'_>) {
        let time = self.time.map(|time| time.plus_millis(self.milliseconds));
        let fix =
            time.zip(self.place).and_then(|(time, (north, east))| Fix::new(time, north, east));
        if let Some(mut fix) = fix {
            fix.valid = self.valid;
            fix.speed_kmh = self.speed_kmh;
            fix.course_deg = self.course_deg;
            fix.altitude_m = self.altitude_m;
            fix.alarms = self.alarms;
            fix.alarm_states = self.alarm_states;
            out.fix(fix, self.attributes);
            return;
        }
        if time.is_some() && self.place.is_some() {
            out.reject(Reject::at(at, Reason::OutOfRange));
        }
        if !self.alarms.is_empty() || !self.attributes.is_empty() {
            out.report_states(time, self.alarms, self.alarm_states, self.attributes);
        }
    }

    fn state(&mut self, alarm: Alarm, is_on: bool) {
        self.alarm_states.insert(alarm);
        if is_on {
            self.alarms.insert(alarm);
        }
    }
}

/// Which tags a record has.
#[derive(Default)]
struct Seen([u128; 2]);

impl Seen {
    /// Answers whether it was there before.
    const fn insert(&mut self, tag: u8) -> bool {
        let [low, high] = &mut self.0;
        let bit = 1 << (tag & 0x7f);
        let half = if tag & 0x80 == 0 { low } else { high };
        let was_there = *half & bit != 0;
        *half |= bit;
        was_there
    }
}

pub(super) fn records(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut record = Record::default();
    let mut seen = Seen::default();
    let mut begun_at = reader.offset();
    while !reader.is_empty() {
        let at = reader.offset();
        let tag = reader.u8()?;
        if seen.insert(tag) {
            std::mem::take(&mut record).put(begun_at, out);
            seen = Seen::default();
            seen.insert(tag);
            begun_at = at;
        }
        let result =
            if tag == 0x03 { identify(reader, out) } else { read(tag, reader, &mut record) };
        if let Err(reject) = result {
            // What was read of the record counts.
            record.put(begun_at, out);
            return Err(reject);
        }
    }
    record.put(begun_at, out);
    Ok(())
}

fn identify(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let malformed = reader.reject(Reason::Malformed);
    let imei = reader.ascii(15)?;
    if !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed);
    }
    out.identify(imei);
    Ok(())
}

/// # Errors
/// [`Reason::Unsupported`] where the length of a value is not known.
pub(super) fn read(tag: u8, reader: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    match tag {
        0x20 => record.time = Some(Time::from_seconds(i64::from(reader.le_u32()?))),
        0x21 => record.milliseconds = i64::from(reader.le_u16()?),
        0x30 => {
            let byte = reader.u8()?;
            let latitude = f64::from(reader.le_i32()?) / 1e6;
            let longitude = f64::from(reader.le_i32()?) / 1e6;
            record.place = Some((latitude, longitude));
            record.valid = byte >> 4 == 0;
            record.by_cells = byte >> 4 == 2;
            record.attributes.set("satellites", byte & 0x0f);
        }
        0x33 => {
            record.speed_kmh = Some(f64::from(reader.le_u16()?) / 10.0);
            let course = f64::from(reader.le_u16()?) / 10.0;
            record.course_deg = Some(course).filter(|course| *course <= 360.0);
        }
        0x34 => record.altitude_m = Some(f64::from(reader.le_i16()?)),
        0x40 | 0x48 => states(tag, reader.le_u16()?, record),
        0xe1 => {
            let length = reader.u8()?;
            let answer = reader.take(usize::from(length))?;
            record.attributes.set("result", text::ascii(answer));
        }
        0xea => {
            let length = reader.u8()?;
            let data = reader.take(usize::from(length))?;
            record.attributes.set("data", text::hex(data));
        }
        0xfe => {
            let length = reader.le_u16()?;
            let mut part = reader.part(usize::from(length))?;
            extended(&mut part, record)?;
        }
        _ => measure(tag, reader, record)?,
    }
    Ok(())
}

fn states(tag: u8, bits: u16, record: &mut Record) {
    let is_set = |bit: u8| bits & (1 << bit) != 0;
    if tag == 0x48 {
        record.state(Alarm::Jamming, is_set(2) || is_set(4));
        return;
    }
    record.state(Alarm::LowBattery, is_set(5));
    record.state(Alarm::GpsAntennaCut, is_set(6));
    record.state(Alarm::Accident, is_set(10));
    record.state(Alarm::AntiTheft, is_set(15));
    let attributes = &mut record.attributes;
    attributes.set("motion", is_set(0));
    attributes.set("ignition", is_set(9));
    attributes.set("armed", is_set(14));
    attributes.set("status", bits);
}

/// Up to one whose length is not known.
fn extended(reader: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    while !reader.is_empty() {
        let tag = reader.le_u16()?;
        let attributes = &mut record.attributes;
        match tag {
            0x81 => attributes.set("cell_id", reader.le_u16()?),
            0x82 => attributes.set("lac", reader.le_u16()?),
            0x83 => attributes.set("mcc", reader.le_u16()?),
            0x84 => attributes.set("mnc", reader.le_u16()?),
            0x85 => attributes.set("rssi", reader.u8()?),
            0xfc => match reader.u8()? {
                12 => record.alarms.insert(Alarm::AntiTheft),
                13 => record.alarms.insert(Alarm::Sos),
                _ => {}
            },
            0xfd => {
                let key = text::hex(reader.take(8)?);
                attributes.set("driver_id", key);
            }
            _ => {
                let length = match tag {
                    0x01..=0x80 | 0x86..=0x91 | 0xa9 | 0xac => 4,
                    0x93 | 0xa4..=0xa8 | 0xb0..=0xb2 => 1,
                    0xd9..=0xfa => 3,
                    0xad | 0xae | 0xb4..=0xb6 => 6,
                    0xfe => 8,
                    0xab | 0xb3 => 12,
                    0xaf => 14,
                    0x92 => 15,
                    0x94 => 20,
                    _ => return Ok(()),
                };
                reader.skip(length)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_seen_once() {
        let mut seen = Seen::default();
        assert!(!seen.insert(0x03) && !seen.insert(0x83) && !seen.insert(0xff));
        assert!(seen.insert(0x83) && seen.insert(0xff));
    }

    #[test]
    fn the_tags_of_the_manual_have_a_length() {
        let bytes = [0; 80];
        for tag in 0..=0xff_u8 {
            let is_known = read(tag, &mut Reader::new(&bytes), &mut Record::default()).is_ok();
            let is_not = matches!(tag, 0x00 | 0x03 | 0x05..=0x0f | 0x12..=0x1f | 0x22..=0x2f)
                || matches!(tag, 0x31 | 0x32 | 0x37..=0x3f | 0x4a..=0x4f | 0x5e | 0x5f | 0x7e)
                || matches!(tag, 0x7f | 0x8d..=0x8f | 0x91..=0x9f | 0xba..=0xbf | 0xeb..=0xef)
                || matches!(tag, 0xfb | 0xfc | 0xff);
            assert_eq!(is_known, !is_not, "{tag:02x}");
        }
    }
}
