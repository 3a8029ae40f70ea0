//! Protocol 1: a position, then what the kind adds.
//!
//! | bytes | meaning |
//! |---|---|
//! | 4 | seconds since 1970 |
//! | 4, 4 | latitude and longitude in 1 800 000ths of a degree |
//! | 1, 2 | km/h, course |
//! | 2, 2, 2, 3 | country, network, area, cell |
//! | 1 | bit 0: a fix |
//!
//! | kind | adds |
//! |---|---|
//! | 02 | status 2; of some also battery (mV) 2, signal 2, two voltages of 2 |
//! | 04 | warning 1, of some status 2 |
//! | 05 | event 1 (1, 2: ignition on, off; 3: inputs), of those three time 4 and status 2 |
//! | 06 | a telephone number 21, a text |

use crate::field::{Reader, text};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

use super::{status, warning};

/// Bytes of the telephone number before a text.
const NUMBER: usize = 21;

pub(super) fn report(kind: u8, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let time = Time::from_seconds(i64::from(reader.be_u32()?));
    let nowhere = reader.reject(Reason::OutOfRange);
    let latitude = f64::from(reader.be_i32()?) / 1_800_000.0;
    let longitude = f64::from(reader.be_i32()?) / 1_800_000.0;
    let speed = f64::from(reader.u8()?);
    let course = f64::from(reader.be_u16()?);
    attributes.set("mcc", reader.be_u16()?);
    attributes.set("mnc", reader.be_u16()?);
    attributes.set("lac", reader.be_u16()?);
    attributes.set("cell_id", reader.be_u24()?);
    let is_fix = reader.u8()? & 1 != 0;
    let alarms = match kind {
        0x04 => {
            let code = reader.u8()?;
            attributes.set("event", code);
            warning(code).into_iter().collect()
        }
        _ => AlarmSet::EMPTY,
    };
    // What is cut short there costs only itself.
    if let Err(reject) = details(kind, reader, &mut attributes) {
        out.reject(reject);
    }
    let Some(mut fix) = Fix::new(time, latitude, longitude) else {
        out.reject(nowhere);
        out.report(Some(time), alarms, attributes);
        return Ok(());
    };
    fix.valid = is_fix;
    fix.speed_kmh = Some(speed);
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    fix.alarms = alarms;
    out.fix(fix, attributes);
    Ok(())
}

fn details(kind: u8, reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    match kind {
        0x02 | 0x04 => {
            if reader.remaining() >= 2 {
                status(reader, attributes)?;
            }
            if reader.remaining() >= 8 {
                attributes.set("battery_v", f64::from(reader.be_u16()?) / 1000.0);
                attributes.set("rssi", reader.be_u16()?);
                attributes.set("adc_1", reader.be_u16()?);
                attributes.set("adc_2", reader.be_u16()?);
            }
        }
        0x05 => {
            let event = reader.u8()?;
            attributes.set("event", event);
            if matches!(event, 1..=3) && reader.remaining() >= 6 {
                reader.skip(4)?;
                status(reader, attributes)?;
            }
        }
        _ => {
            if reader.remaining() > NUMBER {
                reader.skip(NUMBER)?;
                attributes.set("text", text::gbk(reader.rest()));
            }
        }
    }
    Ok(())
}

/// A time, then pairs of a parameter and its value in four bytes. Values of SAE J1979 stand first
/// in theirs, filled up with 55.
pub(super) fn engine(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = Time::from_seconds(i64::from(reader.be_u32()?));
    let mut attributes = Attributes::new();
    while !reader.is_empty() {
        let parameter = reader.u8()?;
        let value: [u8; 4] = reader.array()?;
        let number = u32::from_be_bytes(value);
        match (parameter, value) {
            (_, [0x55, 0x55, 0x55, 0x55]) => {}
            (0x04, [load, 0x55, 0x55, 0x55]) => {
                attributes.set("engine_load_percent", f64::from(load) * 100.0 / 255.0);
            }
            (0x05, [value, 0x55, 0x55, 0x55]) => {
                attributes.set("coolant_temperature_c", i16::from(value).saturating_sub(40));
            }
            (0x0c, [high, low, 0x55, 0x55]) => {
                attributes.set("rpm", f64::from(u16::from_be_bytes([high, low])) / 4.0);
            }
            (0x0d, [kmh, 0x55, 0x55, 0x55]) => attributes.set("obd_speed_kmh", kmh),
            (0x89, _) => attributes.set("fuel_consumption", number),
            (0x8a, _) => attributes.set("odometer_m", f64::from(number) * 1000.0),
            (0x8b, _) => attributes.set("fuel", f64::from(number) / 10.0),
            _ => {}
        }
    }
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}
