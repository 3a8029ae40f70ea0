//! The vehicle's own data, all without a position. Bits of the selector in the order of their
//! fields:
//!
//! | letter | bits and bytes |
//! |---|---|
//! | `E` | 3 event of the tachograph (2); 2 time (4); 4 its clock (8); always what the vehicle and both drivers do (1 each); 5 its state (1); 6 km/h · 256 (2); 7, 8 odometer and trip in 5 m (4 each); 15 pulses a kilometre (2); 9 rpm · 8 (2); 10 more (2); 11 VIN (18); 13, 14 cards: kind, country (1 each), number (20) |
//! | `F` | 2 time (4); always validity (1); 3 rpm, 4 engine's °C (2 each: now, highest, lowest); 5 hours (4), metres to service (4), driver (1), throttle and fuel in % (1 each); 6 fuel used (4); 7 odometer in metres (4); 8 km/h (1 each: now, highest, lowest), hard brakings (1) |
//! | `H` | 2 time (4); then histograms, which are not read |

use super::Message;
use crate::field::{Reader, text};
use crate::{AlarmSet, Attributes, Out, Reject, Time};

fn begun(message: &Message<'_>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.set("event", message.event);
    attributes.set("event_information", message.information);
    attributes
}

fn time(reader: &mut Reader<'_>) -> Result<Time, Reject> {
    Ok(Time::from_seconds(i64::from(reader.be_u32()?)))
}

pub(super) fn tachograph(message: &mut Message<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = begun(message);
    let selector = message.selector;
    let has = |bit: u32| selector & bit != 0;
    let reader = &mut message.fields;
    if has(0x0008) {
        attributes.set("tachograph_event", reader.be_u16()?);
    }
    let at = if has(0x0004) { Some(time(reader)?) } else { None };
    let result = recorded(reader, selector, &mut attributes);
    out.report(at, AlarmSet::EMPTY, attributes);
    result
}

fn recorded(
    reader: &mut Reader<'_>,
    selector: u32,
    attributes: &mut Attributes,
) -> Result<(), Reject> {
    let has = |bit: u32| selector & bit != 0;
    if has(0x0010) {
        reader.skip(8)?;
    }
    for name in ["work_state", "driver_1_state", "driver_2_state"] {
        attributes.set(name, reader.u8()?);
    }
    if has(0x0020) {
        attributes.set("tachograph_state", reader.u8()?);
    }
    if has(0x0040) {
        attributes.set("vehicle_speed_kmh", f64::from(reader.be_u16()?) / 256.0);
    }
    for (bit, name) in [(0x0080, "odometer_m"), (0x0100, "trip_odometer_m")] {
        if has(bit) {
            let count = reader.be_u32()?;
            // All ones where it is not known.
            let metres = Some(count).filter(|count| *count != u32::MAX);
            attributes.set_some(name, metres.map(|count| i64::from(count).saturating_mul(5)));
        }
    }
    if has(0x8000) {
        attributes.set("pulses_per_km", reader.be_u16()?);
    }
    if has(0x0200) {
        let rpm = Some(reader.be_u16()?).filter(|rpm| *rpm != u16::MAX);
        attributes.set_some("rpm", rpm.map(|rpm| f64::from(rpm) / 8.0));
    }
    if has(0x0400) {
        reader.skip(2)?;
    }
    if has(0x0800) {
        let vin = text::ascii(reader.take(18)?);
        attributes.set_some("vin", Some(vin).filter(|vin| !vin.is_empty()));
    }
    for (bit, name) in [(0x2000, "driver_id"), (0x4000, "co_driver_id")] {
        if has(bit) {
            reader.skip(2)?;
            let card = text::ascii(reader.take(20)?);
            attributes.set_some(name, Some(card).filter(|card| !card.is_empty()));
        }
    }
    Ok(())
}

pub(super) fn bus(message: &mut Message<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = begun(message);
    let has_time = message.has(0x0004);
    let reader = &mut message.fields;
    let at = if has_time { Some(time(reader)?) } else { None };
    let result = driven(reader, message.selector, &mut attributes);
    out.report(at, AlarmSet::EMPTY, attributes);
    result
}

fn driven(
    reader: &mut Reader<'_>,
    selector: u32,
    attributes: &mut Attributes,
) -> Result<(), Reject> {
    let has = |bit: u32| selector & bit != 0;
    reader.skip(1)?;
    if has(0x0008) {
        for name in ["rpm", "highest_rpm", "lowest_rpm"] {
            attributes.set(name, reader.be_u16()?);
        }
    }
    if has(0x0010) {
        for name in ["coolant_c", "highest_coolant_c", "lowest_coolant_c"] {
            attributes.set(name, reader.be_i16()?);
        }
    }
    if has(0x0020) {
        attributes.set("engine_hours", reader.be_u32()?);
        attributes.set("service_distance_m", reader.be_i32()?);
        for name in ["driver_1_state", "throttle_percent", "fuel_percent"] {
            attributes.set(name, reader.u8()?);
        }
    }
    if has(0x0040) {
        attributes.set("fuel_used", reader.be_u32()?);
    }
    if has(0x0080) {
        attributes.set("odometer_m", reader.be_u32()?);
    }
    if has(0x0100) {
        for name in ["vehicle_speed_kmh", "highest_speed_kmh", "lowest_speed_kmh", "hard_brakings"]
        {
            attributes.set(name, reader.u8()?);
        }
    }
    Ok(())
}

pub(super) fn histograms(message: &mut Message<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let attributes = begun(message);
    let at = if message.has(0x0004) { Some(time(&mut message.fields)?) } else { None };
    out.report(at, AlarmSet::EMPTY, attributes);
    Ok(())
}
