//! The additional items of a location: number, length, value. A wrong one costs only itself.
//!
//! This file has the standard's own (2013 table 27, 2019 tables 27 to 34) and those of the driver
//! assistance standards T/JSATL 12 and JT/T 883 that use the same numbers everywhere; makers'
//! numbers are in `makers`.

use super::location::{Findings, Form};
use super::makers;
use crate::field::Reader;
use crate::{Alarm, Reason, Reject};

/// The length of the tail that some old terminals send in place of items.
const TAIL_LENGTH: usize = 18;

/// Reads what follows the time.
pub(super) fn read(reader: &mut Reader<'_>, form: Form<'_>, findings: &mut Findings) {
    if reader.remaining() == TAIL_LENGTH && !are_items(reader.rest()) {
        if let Err(reject) = tail(reader, findings) {
            findings.rejects.push(reject);
        }
        return;
    }
    while !reader.is_empty() {
        let at = reader.reject(Reason::Truncated);
        let Ok((number, mut item)) = next(reader) else {
            findings.rejects.push(at);
            return;
        };
        if let Err(reject) = item_of(number, &mut item, form, findings) {
            findings.rejects.push(reject);
        }
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Reject> {
    let number = reader.u8()?;
    let length = reader.u8()?;
    Ok((number, reader.part(usize::from(length))?))
}

/// Whether `bytes` are items from the first to the last.
fn are_items(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        if next(&mut reader).is_err() {
            return false;
        }
    }
    true
}

fn tail(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    reader.skip(4)?;
    let odometer_km = reader.be_u32()?;
    findings.attributes.set("odometer_m", i64::from(odometer_km).saturating_mul(1000));
    findings.attributes.set("battery_v", f64::from(reader.be_u16()?) / 10.0);
    reader.skip(4)?;
    findings.attributes.set("rssi", reader.u8()?);
    reader.skip(3)
}

fn item_of(
    number: u8,
    item: &mut Reader<'_>,
    form: Form<'_>,
    findings: &mut Findings,
) -> Result<(), Reject> {
    let length = item.remaining();
    let attributes = &mut findings.attributes;
    match (number, length) {
        (0x01, _) => {
            attributes.set("odometer_m", i64::from(item.be_u32()?).saturating_mul(100));
        }
        (0x02, _) => match item.be_u16()? {
            // Makers with a percentage instead of litres set the highest bit.
            value if value & 0x8000 != 0 => attributes.set("fuel_percent", value & 0x7fff),
            value => attributes.set("fuel_l", f64::from(value) / 10.0),
        },
        (0x03, _) => attributes.set("recorder_speed_kmh", f64::from(item.be_u16()?) / 10.0),
        (0x04, _) => attributes.set("alarm_event", item.be_u16()?),
        (0x05, 30) => {
            for tire in 1..=30 {
                // 0xff: no value.
                let pressure = Some(item.u8()?).filter(|pressure| *pressure != 0xff);
                attributes.set_some(format!("tire_{tire}_pressure_pa"), pressure);
            }
        }
        (0x06, 1) => attributes.set("battery_percent", item.u8()?),
        (0x06, 2) => attributes.set("cabin_temperature_c", item.be_i16()?),
        (0x11, _) => {
            attributes.set("overspeed_in", place_kind(item.u8()?));
            if length >= 5 {
                attributes.set("geofence", item.be_u32()?);
            }
        }
        (0x12, _) => {
            attributes.set("geofence_kind", place_kind(item.u8()?));
            attributes.set("geofence", item.be_u32()?);
            attributes.set("geofence_left", item.u8()? == 1);
        }
        (0x13, _) => {
            attributes.set("route", item.be_u32()?);
            attributes.set("route_time_s", item.be_u16()?);
            attributes.set("route_time_too_long", item.u8()? == 1);
        }
        // JT/T 1078-2016 table 13.
        (0x14, 4) => attributes.set("video_alarms", item.be_u32()?),
        (0x15, 4) => attributes.set("video_signal_lost", item.be_u32()?),
        (0x16, 4) => attributes.set("video_covered", item.be_u32()?),
        (0x17, 2) => attributes.set("storage_fault", item.be_u16()?),
        (0x18, 2..) => {
            let behaviour = item.be_u16()?;
            attributes.set("driver_behaviour", behaviour);
            findings.event((behaviour & 1 == 1).then_some(Alarm::Fatigue));
        }
        (0x25, 4) => attributes.set("signals", item.be_u32()?),
        (0x2a, 2) => attributes.set("io_status", item.be_u16()?),
        (0x2b, 4) => {
            attributes.set("adc_1", item.be_u16()?);
            attributes.set("adc_2", item.be_u16()?);
        }
        (0x30, _) => attributes.set("rssi", item.u8()?),
        (0x31, _) => attributes.set("satellites", item.u8()?),
        (0x64 | 0x65 | 0x67 | 0x70, 32..) => assistance(number, item, findings)?,
        _ => return makers::item(number, item, form, findings),
    }
    Ok(())
}

/// The kind of place that an area or a route is (2013 table 28).
fn place_kind(kind: u8) -> &'static str {
    match kind {
        1 => "circle",
        2 => "rectangle",
        3 => "polygon",
        4 => "route",
        _ => "none",
    }
}

/// Driver assistance (T/JSATL 12-2017 tables 4-15 to 4-19): what the vehicle's cameras saw.
fn assistance(number: u8, item: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    item.skip(4)?;
    // 0: not used, 1: begins, 2: ends.
    let has_ended = item.u8()? == 2;
    let kind = item.u8()?;
    let (name, alarm) = match number {
        0x64 => ("adas_alarm", (kind == 5).then_some(Alarm::LaneChange)),
        0x65 => ("driver_alarm", (kind == 1).then_some(Alarm::Fatigue)),
        0x70 => (
            "driving_alarm",
            match kind {
                0x01 => Some(Alarm::HardAcceleration),
                0x02 => Some(Alarm::HardBraking),
                0x03 => Some(Alarm::HardCornering),
                0x16 => Some(Alarm::Accident),
                _ => None,
            },
        ),
        _ => ("blind_spot_alarm", None),
    };
    findings.attributes.set(name, kind);
    findings.event(alarm.filter(|_| !has_ended));
    Ok(())
}
