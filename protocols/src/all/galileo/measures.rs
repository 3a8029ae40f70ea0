//! Tags whose values are attributes, and how long those are that are not read.

use crate::field::Reader;
use crate::{Attributes, Reason, Reject};

use super::tags::Record;

static VOLTAGES: [&str; 14] = [
    "adc_0", "adc_1", "adc_2", "adc_3", "adc_4", "adc_5", "adc_6", "adc_7", "adc_8", "adc_9",
    "adc_10", "adc_11", "adc_12", "adc_13",
];
static THERMOMETERS: [&str; 8] = [
    "temperature_0_c",
    "temperature_1_c",
    "temperature_2_c",
    "temperature_3_c",
    "temperature_4_c",
    "temperature_5_c",
    "temperature_6_c",
    "temperature_7_c",
];
static HYGROMETERS: [&str; 8] = [
    "humidity_0_percent",
    "humidity_1_percent",
    "humidity_2_percent",
    "humidity_3_percent",
    "humidity_4_percent",
    "humidity_5_percent",
    "humidity_6_percent",
    "humidity_7_percent",
];
static TANKS: [&str; 16] = [
    "fuel_0", "fuel_1", "fuel_2", "fuel_3", "fuel_4", "fuel_5", "fuel_6", "fuel_7", "fuel_8",
    "fuel_9", "fuel_10", "fuel_11", "fuel_12", "fuel_13", "fuel_14", "fuel_15",
];

/// The name of the tag that is `from` further on than the first of its kind.
fn name(names: &'static [&'static str], tag: u8, from: u8) -> Option<&'static str> {
    names.get(usize::from(tag.wrapping_sub(from))).copied()
}

/// Values that are attributes.
pub(super) fn measure(tag: u8, reader: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    // The tag stands before the value.
    let at = reader.offset().saturating_sub(1);
    let by_cells = record.by_cells;
    let attributes = &mut record.attributes;
    match tag {
        0x35 if by_cells => attributes.set("accuracy_m", f64::from(reader.u8()?) * 10.0),
        0x35 => attributes.set("hdop", f64::from(reader.u8()?) / 10.0),
        0x36 => attributes.set("pdop", f64::from(reader.u8()?) / 10.0),
        0x41 => attributes.set("power_v", f64::from(reader.le_u16()?) / 1000.0),
        0x42 => attributes.set("battery_v", f64::from(reader.le_u16()?) / 1000.0),
        0x43 => attributes.set("temperature_c", reader.i8()?),
        0x45 => attributes.set("outputs", reader.le_u16()?),
        0x46 => attributes.set("inputs", reader.le_u16()?),
        0x50..=0x57 => {
            let value = reader.le_u16()?;
            if let Some(name) = name(&VOLTAGES, tag, 0x50) {
                attributes.set(name, value);
            }
        }
        0x78..=0x7d => {
            let value = reader.le_u16()?;
            if let Some(name) = name(&VOLTAGES, tag, 0x70) {
                attributes.set(name, value);
            }
        }
        0x60..=0x6f => {
            let level = reader.le_u16()?;
            if tag >= 0x63 {
                reader.skip(1)?;
            }
            if let Some(name) = name(&TANKS, tag, 0x60) {
                attributes.set(name, level);
            }
        }
        0x70..=0x77 | 0x80..=0x87 => {
            reader.skip(1)?;
            let degrees = reader.i8()?;
            // Of a thermometer that is not there.
            if degrees != i8::MIN
                && let Some(name) = name(&THERMOMETERS, tag & 0x0f, 0)
            {
                attributes.set(name, degrees);
            }
            if tag >= 0x80 {
                let humidity = f64::from(reader.u8()?) * 100.0 / 255.0;
                if let Some(name) = name(&HYGROMETERS, tag, 0x80) {
                    attributes.set(name, humidity);
                }
            }
        }
        0x90 => {
            let key = reader.le_u32()?;
            attributes.set_some("driver_id", (key != 0).then(|| format!("{key}")));
        }
        0xc0 => attributes.set("fuel_used_l", f64::from(reader.le_u32()?) / 2.0),
        0xc1 => {
            let [fuel, coolant, low, high] = reader.array()?;
            let turns = f64::from(u16::from_le_bytes([low, high])) / 8.0;
            attributes.set("fuel_percent", f64::from(fuel) * 2.0 / 5.0);
            attributes.set("coolant_temperature_c", i16::from(coolant).saturating_sub(40));
            attributes.set("rpm", turns);
        }
        0xc2 => attributes.set("vehicle_odometer_m", f64::from(reader.le_u32()?) * 5.0),
        0xd4 => attributes.set("odometer_m", reader.le_u32()?),
        0xe0 => attributes.set("command", reader.le_u32()?),
        0xa0..=0xaf | 0xc4..=0xd2 => {
            let value = reader.u8()?;
            register("can_8", tag, u32::from(value), attributes);
        }
        0xb0..=0xb9 | 0xd6..=0xda => {
            let value = reader.le_u16()?;
            register("can_16", tag, u32::from(value), attributes);
        }
        0xdb..=0xdf | 0xf0..=0xf9 => {
            let value = reader.le_u32()?;
            register("can_32", tag, value, attributes);
        }
        0xe2..=0xe9 => {
            let value = reader.le_u32()?;
            register("user", tag, value, attributes);
        }
        _ => match length(tag) {
            Some(length) => reader.skip(length)?,
            None => return Err(Reject::at(at, Reason::Unsupported)),
        },
    }
    Ok(())
}

/// Of what the owner has set up only what is not 0: most are always.
fn register(kind: &str, tag: u8, value: u32, attributes: &mut Attributes) {
    if value != 0 {
        attributes.set(format!("{kind}_{tag:02x}"), value);
    }
}

/// How long the values are that are not read.
const fn length(tag: u8) -> Option<usize> {
    Some(match tag {
        0x01 | 0x02 | 0x49 | 0x88..=0x8c | 0xd5 => 1,
        0x04 | 0x10 | 0x58 | 0x59 => 2,
        0x5d | 0xfa => 3,
        0x11 | 0x44 | 0x47 | 0x5a | 0xc3 | 0xd3 => 4,
        0x5b => 7,
        0xfd => 8,
        0x5c => 68,
        _ => return None,
    })
}
