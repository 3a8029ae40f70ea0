//! What is not the tracker's own: tags nearby, the network, the car's own diagnosis, answers.
//!
//! Tags (10, 12): time, ignition, (12: status and place,) kind, then entries of one length each.
//!
//! | kind | entry |
//! |---|---|
//! | 1 | tire: address, voltage, pressure, temperature, status |
//! | 2, 3 | emergency button, driver's tag: address, voltage, alert, (10: status, place) |
//! | 4 | climate: address, voltage, battery, temperature, humidity, light, signal |
//! | 5 | door: address, voltage, battery, temperature, door, signal |
//! | 6 | relay: address, voltage, battery, temperature, state, signal |
//! | 7 | fuel: address, voltage, level, temperature, status, signal |

use super::location::{Place, Status};
use super::{time, two_digits};
use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Out, Reject, Time};

/// As many as one car has wheels and doors, and more.
const MAX_TAGS: usize = 24;
/// Of data that is only passed on.
const MAX_PASSED_ON: usize = 256;

pub(super) fn tags(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = time(reader)?;
    let mut attributes = Attributes::new();
    attributes.set("ignition", reader.u8()? & 1 != 0);
    let kind = reader.be_u16()?;
    if let 2 | 3 = kind {
        let alarm = button_or_driver(reader, kind, &mut attributes)?;
        let status = Status(reader.u8()?);
        let mut place = Place::read(reader, status, time)?;
        place.alarms.extend(alarm);
        place.put(attributes, out);
        return Ok(());
    }
    let alarms = entries(reader, kind, &mut attributes)?;
    out.report(Some(time), alarms, attributes);
    Ok(())
}

pub(super) fn tags_with_position(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = time(reader)?;
    let mut attributes = Attributes::new();
    attributes.set("ignition", reader.u8()? & 1 != 0);
    let status = Status(reader.u8()?);
    let mut place = Place::read(reader, status, time)?;
    place.alarms = match reader.be_u16()? {
        kind @ (2 | 3) => button_or_driver(reader, kind, &mut attributes)?.into_iter().collect(),
        kind => entries(reader, kind, &mut attributes)?,
    };
    place.put(attributes, out);
    Ok(())
}

fn button_or_driver(
    reader: &mut Reader<'_>,
    kind: u16,
    attributes: &mut Attributes,
) -> Result<Option<Alarm>, Reject> {
    let address = text::hex(reader.take(6)?);
    attributes.set(if kind == 3 { "driver_id" } else { "tag_1_id" }, address);
    let tenths = two_digits(reader)?;
    attributes.set_some("tag_1_v", tenths.map(|tenths| f64::from(tenths) / 10.0));
    Ok(match (kind, reader.u8()?) {
        (_, 1) => Some(Alarm::LowBattery),
        (2, 0) => Some(Alarm::Sos),
        _ => None,
    })
}

fn entries(
    reader: &mut Reader<'_>,
    kind: u16,
    attributes: &mut Attributes,
) -> Result<AlarmSet, Reject> {
    let length = match kind {
        1 => 10,
        4 => 15,
        5 | 6 => 12,
        7 => 13,
        _ => return Ok(AlarmSet::EMPTY),
    };
    for number in 1..=MAX_TAGS {
        if reader.remaining() < length {
            break;
        }
        let mut entry = reader.part(length)?;
        let mut set = |name: &str, value: Option<f64>| {
            attributes.set_some(format!("tag_{number}_{name}"), value);
        };
        let address = text::hex(entry.take(6)?);
        let base = if kind == 1 { 1.22 } else { 2.0 };
        set("v", byte(&mut entry)?.map(|value| base + value / 100.0));
        match kind {
            1 => {
                // 2 × 1.572 kPa a step.
                set("pressure_kpa", byte(&mut entry)?.map(|value| value * 3.144));
                set("temperature_c", byte(&mut entry)?.map(|value| value - 55.0));
            }
            7 => set("fuel", short(&mut entry)?),
            _ => set("battery_percent", byte(&mut entry)?),
        }
        if kind != 1 {
            set("temperature_c", temperature(&mut entry)?);
        }
        if kind == 4 {
            set("humidity_percent", short(&mut entry)?.map(|value| value / 100.0));
        }
        let state = if matches!(kind, 5 | 6) { byte(&mut entry)? } else { None };
        attributes.set(format!("tag_{number}_id"), address);
        let name = if kind == 5 { "door" } else { "output" };
        attributes.set_some(format!("tag_{number}_{name}"), state.map(|value| value > 0.0));
    }
    Ok(AlarmSet::EMPTY)
}

fn byte(reader: &mut Reader<'_>) -> Result<Option<f64>, Reject> {
    Ok(Some(reader.u8()?).filter(|value| *value != u8::MAX).map(f64::from))
}

fn short(reader: &mut Reader<'_>) -> Result<Option<f64>, Reject> {
    Ok(Some(reader.be_u16()?).filter(|value| *value != u16::MAX).map(f64::from))
}

/// Hundredths of a degree and a sign.
fn temperature(reader: &mut Reader<'_>) -> Result<Option<f64>, Reject> {
    let bits = Some(reader.be_u16()?).filter(|value| *value != u16::MAX);
    Ok(bits.map(|bits| {
        let size = f64::from(bits & 0x7fff) / 100.0;
        if bits & 0x8000 == 0 { size } else { -size }
    }))
}

/// Time, then texts that each have a length before them.
pub(super) fn network(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = time(reader)?;
    let mut attributes = Attributes::new();
    let length = usize::from(reader.u8()?);
    attributes.set("operator", text::utf16_le(reader.take(length)?));
    for name in ["network_technology", "network_band", "imsi", "iccid"] {
        if reader.is_empty() {
            break;
        }
        let length = usize::from(reader.u8()?);
        attributes.set(name, text::ascii(reader.take(length)?));
    }
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}

/// Time, `55 AA`, length, then an answer of the car; of these the identity is of use.
pub(super) fn diagnosis(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = time(reader)?;
    let mut attributes = Attributes::new();
    if let [0x55, 0xaa, _, _, 0x41, 0x05, identity @ .., _] = reader.rest() {
        let is_known = identity.iter().any(|byte| *byte != u8::MAX);
        attributes.set_some("vin", is_known.then(|| text::ascii(identity)));
    } else {
        pass_on(reader.rest(), &mut attributes);
    }
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}

/// Time, ignition, and what stands at the serial port.
pub(super) fn serial_port(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = time(reader)?;
    let mut attributes = Attributes::new();
    attributes.set("ignition", reader.u8()? & 1 != 0);
    pass_on(reader.rest(), &mut attributes);
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}

fn pass_on(bytes: &[u8], attributes: &mut Attributes) {
    let bytes = bytes.get(..MAX_PASSED_ON).unwrap_or(bytes);
    attributes.set("payload", text::hex(bytes));
}

/// Time, then the addresses of access points, each with its signal.
pub(super) fn access_points(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time: Time = time(reader)?;
    let mut attributes = Attributes::new();
    for number in 1..=3 {
        if reader.remaining() < 7 {
            break;
        }
        attributes.set(format!("wifi_{number}"), text::hex(reader.take(6)?));
        attributes.set(format!("wifi_{number}_dbm"), reader.i8()?);
    }
    out.report(Some(time), AlarmSet::EMPTY, attributes);
    Ok(())
}

/// A number of the kind of answer, then text.
pub(super) fn command_answer(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    reader.skip(1)?;
    let mut attributes = Attributes::new();
    attributes.set("result", text::utf16_le(reader.rest()));
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}
