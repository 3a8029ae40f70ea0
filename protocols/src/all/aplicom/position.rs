//! Positions (`D`), by the selector's bits in the order of their fields:
//!
//! | bit | bytes |
//! |---|---|
//! | 3 | state, 40 being valid (1) |
//! | 2 | time since 1970 (4) |
//! | 3 | time of the place (4), latitude and longitude · 10⁶ (4, 4), satellites (1) |
//! | 4 | km/h, highest, half the course (1 each) |
//! | 6, 5 | inputs (1); analogs (2 each of 4) |
//! | 15 | power, battery (mV, 2 each) |
//! | 16, 17 | pulses (6 each) |
//! | 7, 8 | trips in metres (4 each) |
//! | 6 | outputs (1) |
//! | 9, 10 | driver's key (6), keypad (1) |
//! | 11 | metres above the sea (2) |
//! | 13, 14, 19 | count of snapshots (2), states (8), cell (11) |
//! | 12 | what belongs to the event; of event 188 the trailer's EBS: `EB`, version (1), event (2), validity, trailers (1 each), length (2), then parts: trailer, kind, length (1 each) |

use super::Message;
use crate::field::{Reader, text};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// Data from outside were received.
const DATA: u8 = 119;
/// The trailer's brakes have reported.
const EBS: u8 = 188;
/// As much of an event's data is told.
const MAX_DATA: usize = 256;
/// Bits of which no field is known: what stands behind them cannot be found.
const UNKNOWN: u32 = 0xf4_0000;

pub(super) fn decode(message: &mut Message<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    attributes.set("event", message.event);
    attributes.set("event_information", message.information);
    let has_place = message.has(0x0008);
    let reader = &mut message.fields;
    let state = if has_place { reader.u8()? } else { 0 };
    let mut time = None;
    if message.selector & 0x0004 != 0 {
        time = Some(Time::from_seconds(i64::from(reader.be_u32()?)));
    }
    let mut fix = None;
    if has_place {
        let place_time = Time::from_seconds(i64::from(reader.be_u32()?));
        let at = reader.reject(Reason::OutOfRange);
        let latitude = f64::from(reader.be_i32()?) / 1e6;
        let longitude = f64::from(reader.be_i32()?) / 1e6;
        let mut found = Fix::new(place_time, latitude, longitude).ok_or(at)?;
        found.valid = state & 0x40 != 0;
        attributes.set("satellites_visible", reader.u8()?);
        fix = Some(found);
    }
    // The place is good, even where the rest is not.
    let result = rest(message, &mut fix, &mut attributes);
    match fix {
        Some(fix) => out.fix(fix, attributes),
        None => out.report(time, AlarmSet::EMPTY, attributes),
    }
    result
}

fn rest(
    message: &mut Message<'_>,
    fix: &mut Option<Fix>,
    attributes: &mut Attributes,
) -> Result<(), Reject> {
    static ANALOGS: [&str; 4] = ["adc_1", "adc_2", "adc_3", "adc_4"];
    let selector = message.selector;
    let has = |bit: u32| selector & bit != 0;
    let reader = &mut message.fields;
    if has(0x0010) {
        let [speed, highest, half_course] = reader.array()?;
        if let Some(fix) = fix {
            fix.speed_kmh = Some(f64::from(speed));
            fix.course_deg = Some(f64::from(half_course) * 2.0).filter(|course| *course <= 360.0);
        }
        attributes.set("highest_speed_kmh", highest);
    }
    if has(0x0040) {
        attributes.set("inputs", reader.u8()?);
    }
    if has(0x0020) {
        for name in ANALOGS {
            attributes.set(name, reader.be_u16()?);
        }
    }
    if has(0x8000) {
        attributes.set("power_v", f64::from(reader.be_u16()?) / 1000.0);
        attributes.set("battery_v", f64::from(reader.be_u16()?) / 1000.0);
    }
    for (bit, name) in [(0x1_0000, "pulses_1"), (0x2_0000, "pulses_2")] {
        if has(bit) {
            reader.skip(2)?;
            attributes.set(name, reader.be_u32()?);
        }
    }
    for (bit, name) in [(0x0080, "trip_1_m"), (0x0100, "trip_2_m")] {
        if has(bit) {
            attributes.set(name, reader.be_u32()?);
        }
    }
    if has(0x0040) {
        attributes.set("outputs", reader.u8()?);
    }
    if has(0x0200) {
        let key = reader.take(6)?;
        if key.iter().any(|byte| *byte != 0) {
            attributes.set("driver_id", text::hex(key));
        }
    }
    if has(0x0400) {
        attributes.set("keypad", reader.u8()?);
    }
    if has(0x0800) {
        let metres = f64::from(reader.be_i16()?);
        if let Some(fix) = fix {
            fix.altitude_m = Some(metres);
        }
    }
    if has(0x2000) {
        reader.skip(2)?;
    }
    if has(0x4000) {
        reader.skip(8)?;
    }
    if has(0x8_0000) {
        reader.skip(11)?;
    }
    if has(0x1000) && !has(UNKNOWN) {
        match message.event {
            DATA if !reader.is_empty() => {
                let data = reader.rest();
                let data = data.get(..MAX_DATA).unwrap_or(data);
                let is_text = text::is_printable(data);
                attributes.set(
                    "event_data",
                    if is_text { text::ascii(data).into_owned() } else { text::hex(data) },
                );
            }
            EBS => brakes(reader, attributes)?,
            _ => {}
        }
    }
    Ok(())
}

fn brakes(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    if reader.remaining() < 9 || reader.array()? != *b"EB" {
        return Ok(());
    }
    reader.skip(7)?;
    while !reader.is_empty() {
        let [_, kind, length] = reader.array()?;
        let mut part = reader.part(usize::from(length))?;
        match kind {
            0x02 => {
                part.skip(5)?;
                attributes.set("vehicle_speed_kmh", f64::from(part.be_u16()?) / 256.0);
            }
            0x03 => attributes.set("axle_weight_kg", u32::from(part.be_u16()?).saturating_mul(2)),
            0x06 => {
                // In units of 5 m.
                for name in ["odometer_m", "trip_odometer_m"] {
                    attributes.set(name, i64::from(part.be_u32()?).saturating_mul(5));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
