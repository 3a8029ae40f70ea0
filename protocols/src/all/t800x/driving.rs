//! How the vehicle is driven.
//!
//! Message 05 is a kind and two records, where it began and where it ended: time, place, engine
//! speed. Messages 06 and 07 are a kind and records of time, status, acceleration (5 bytes),
//! place, and engine speed where there is an engine to ask; 07 has many of them, around a
//! collision.

use super::location::{Place, Status};
use super::{Family, time};
use crate::field::Reader;
use crate::{Alarm, Attributes, Out, Reject};

/// Time, place, engine speed.
const RECORD: usize = 24;
/// Time, status, acceleration, place.
const ACCELERATION_RECORD: usize = 28;

/// 0, 2, 4: braked at high, medium, low speed; 1, 3, 5: accelerated likewise.
pub(super) fn by_position(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let alarm = match reader.u8()? {
        0 | 2 | 4 => Some(Alarm::HardBraking),
        1 | 3 | 5 => Some(Alarm::HardAcceleration),
        _ => None,
    };
    while reader.remaining() >= RECORD {
        let time = time(reader)?;
        let mut place = Place::coordinates(reader, time)?;
        let mut attributes = Attributes::new();
        engine_speed(reader, &mut attributes)?;
        // What happened is known at its end.
        if reader.remaining() < RECORD {
            place.alarms.extend(alarm);
        }
        place.put(attributes, out);
    }
    Ok(())
}

/// 0 braked, 1 accelerated, 2 cornered.
pub(super) fn by_acceleration(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let alarm = match reader.u8()? {
        0 => Some(Alarm::HardBraking),
        1 => Some(Alarm::HardAcceleration),
        2 => Some(Alarm::HardCornering),
        _ => None,
    };
    record(reader, alarm, reader.remaining() > ACCELERATION_RECORD, out)
}

pub(super) fn accident(
    reader: &mut Reader<'_>,
    family: Family,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    reader.skip(1)?;
    let mut alarm = Some(Alarm::Accident);
    while reader.remaining() >= ACCELERATION_RECORD {
        record(reader, alarm.take(), family == Family::Obd, out)?;
    }
    Ok(())
}

fn record(
    reader: &mut Reader<'_>,
    alarm: Option<Alarm>,
    has_engine: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let time = time(reader)?;
    let status = Status(reader.u8()?);
    let mut attributes = Attributes::new();
    status.set(&mut attributes);
    reader.skip(5)?;
    let mut place = Place::read(reader, status, time)?;
    place.alarms.extend(alarm);
    if has_engine {
        engine_speed(reader, &mut attributes)?;
    }
    place.put(attributes, out);
    Ok(())
}

fn engine_speed(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let rpm = reader.be_u16()?;
    attributes.set_some("rpm", Some(rpm).filter(|rpm| *rpm != u16::MAX));
    Ok(())
}
