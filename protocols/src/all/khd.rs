//! KHD KG100, KG200, KG300, KC200 and kin.
//!
//! TCP on port 5058. Source: KHD, "GPRS Communication Standard Protocol" 2.02, as far as it is public,
//! and frames of devices, of which only some ten are known.
//!
//! A frame, big-endian: `29 29`, kind 1, length of what follows 2, device 4, content, all before it
//! combined by exclusive or 1, `0d`. The device is told in hexadecimal, as it stands.
//!
//! | kind | content | answer |
//! |---|---|---|
//! | `b1` | login | `21` |
//! | `80`, `81` | position: at intervals, when asked for | |
//! | `8e` | position that was stored | `21` |
//! | `82` | position with alarms | |
//! | `85` | position, when something was asked for | |
//! | `a3` | position, length of what follows 2, then parts: kind 1, length 1, value | |
//! | `83`, `84`, `86` | done: the owner's number, a text, which alarms are told | `21` |
//!
//! | bytes of a position | meaning |
//! |---|---|
//! | 6 | date and time, `yymmddhhmmss` |
//! | 4, 4 | latitude, longitude, `DDDMMmmm`; the first bit: south, west |
//! | 2, 2 | km/h, course |
//! | 1 | bit 7: located |
//! | 1, 2 | fuel, mileage; units not known |
//! | 4 | state; bit 7 of the first byte: ignition off |
//! | 8 | settings |
//!
//! All but the last four are in BCD. Instead of the last four, `82` has overload 1, log 1, alarms 8:
//!
//! | byte of the alarms | bits |
//! |---|---|
//! | 0 | 4 vehicle's power low, 6 left the fence, 7 entered it |
//! | 1 | 0 emergency, 1 too fast, 3 power cut, 6 towed, 7 door |
//! | 2 | 2 temperature, 4 opened, 6 fatigue, 7 idle |
//! | 6 | 3 shaken, 4 braked, 5 accelerated, 6 cornered hard, 7 collision |
//!
//! | part | value |
//! |---|---|
//! | 01, 02 | fuel, temperature: a number of hundreds 1 and its rest 1; units not known |
//! | 18 | shares of four tanks in 65 534ths (2 each); 0 and all bits set: none |
//! | 20 | percent of the battery 1 |
//! | 23 | count 1, then cells: country 2, network 1, area 2, cell 2, signal 1; the first is told |
//!
//! An answer `21` has the frame's checksum, its kind and its tenth byte.
//!
//! Quirk: whether the clock is UTC is not known; it is taken for that.

use crate::attributes::numbered;
use crate::field::{Reader, bcd, checksum, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "khd",
    title: "KHD KG100, KG200, KG300, KC200",
    port: 5058,
    transports: Transports::Tcp,
    framer: Framer::LengthField { start: START, offset: 3, width: 2, extra: 5, max: MAX_FRAME },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::Accident,
        Alarm::Vibration,
        Alarm::Door,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Positions have some 70 bytes; several parts may follow.
const MAX_FRAME: usize = 1024;
const START: &[u8] = &[0x29, 0x29];
const END: u8 = 0x0d;
const LOCATED: u8 = 1 << 7;
const IGNITION_OFF: u32 = 1 << 31;

/// By byte and bit of the alarms.
static ALARMS: [(usize, u8, Alarm); 17] = [
    (0, 4, Alarm::LowPower),
    (0, 6, Alarm::GeofenceExit),
    (0, 7, Alarm::GeofenceEnter),
    (1, 0, Alarm::Sos),
    (1, 1, Alarm::Overspeed),
    (1, 3, Alarm::PowerCut),
    (1, 6, Alarm::Tow),
    (1, 7, Alarm::Door),
    (2, 2, Alarm::Temperature),
    (2, 4, Alarm::Tampering),
    (2, 6, Alarm::Fatigue),
    (2, 7, Alarm::Idle),
    (6, 3, Alarm::Vibration),
    (6, 4, Alarm::HardBraking),
    (6, 5, Alarm::HardAcceleration),
    (6, 6, Alarm::HardCornering),
    (6, 7, Alarm::Accident),
];

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let Some((content, [sum, end])) = frame.split_last_chunk::<2>() else {
        return Err(Reject::at(0, Reason::Truncated));
    };
    if *end != END {
        return Err(Reject::at(frame.len().saturating_sub(1), Reason::Malformed));
    }
    if checksum::xor(content) != *sum {
        return Err(Reject::at(content.len(), Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    reader.skip(START.len())?;
    let unsupported = reader.reject(Reason::Unsupported);
    let kind = reader.u8()?;
    reader.skip(2)?;
    if !matches!(kind, 0x80..=0x86 | 0x8e | 0xa3 | 0xb1) {
        return Err(unsupported);
    }
    let device = reader.array()?;
    let answer = || answer([*sum, kind, frame.get(9).copied().unwrap_or_default()]);
    match kind {
        0xb1 => {
            out.login(name(device), Standing::Claimed, Vec::new());
            out.reply(answer(), When::Now);
            return Ok(());
        }
        0x83 | 0x84 | 0x86 => {
            out.identify_by(&device, || Ok(name(device)))?;
            out.reply(answer(), When::Now);
            return Ok(());
        }
        _ => out.identify_by(&device, || Ok(name(device)))?,
    }
    let read = position(kind, &mut reader, out);
    // What cannot be read would be sent again for ever.
    if kind == 0x8e {
        out.reply(answer(), When::Accepted);
    }
    read
}

fn name(bytes: [u8; 4]) -> text::Short {
    text::short(format_args!("{:08x}", u32::from_be_bytes(bytes)))
}

fn answer([sum, kind, tenth]: [u8; 3]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(10);
    frame.extend_from_slice(START);
    frame.extend([0x21, 0, 5, sum, kind, tenth]);
    frame.push(checksum::xor(&frame));
    frame.push(END);
    frame
}

fn position(kind: u8, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let of_time = reader.offset();
    let time = bcd::date_time(reader.array()?, 0, of_time);
    let of_place = reader.reject(Reason::OutOfRange);
    let (north, east) = (degrees(reader.array()?), degrees(reader.array()?));
    let (speed, course) = (number(reader.array()?), number(reader.array()?));
    let flags = reader.u8()?;

    let mut attributes = Attributes::new();
    let mut alarms = AlarmSet::EMPTY;
    let mut wrong = None;
    if kind == 0x82 {
        reader.skip(2)?;
        let bytes = reader.array::<8>()?;
        for (byte, bit, alarm) in ALARMS {
            if bytes.get(byte).is_some_and(|byte| byte & (1 << bit) != 0) {
                alarms.insert(alarm);
            }
        }
    } else {
        attributes.set("fuel_raw", reader.u8()?);
        attributes.set("odometer_raw", reader.be_u16()?);
        let state = reader.be_u32()?;
        attributes.set("ignition", state & IGNITION_OFF == 0);
        attributes.set("status", state);
        reader.skip(8)?;
        if kind == 0xa3 {
            // What was read before counts.
            wrong = parts(reader, &mut attributes).err();
        }
    }

    let place = north.zip(east);
    let fix = match (&time, place) {
        (Ok(time), Some((north, east))) => Fix::new(*time, north, east),
        _ => None,
    };
    match fix {
        Some(mut fix) => {
            fix.valid = flags & LOCATED != 0;
            fix.speed_kmh = speed.map(f64::from);
            fix.course_deg = course.map(f64::from).filter(|course| *course <= 360.0);
            fix.backfill = kind == 0x8e;
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        // The alarm counts wherever and whenever it was.
        None => {
            wrong = Some(time.err().unwrap_or(of_place));
            out.report(time.ok(), alarms, attributes);
        }
    }
    wrong.map_or(Ok(()), Err)
}

/// Four digits.
fn number([high, low]: [u8; 2]) -> Option<u16> {
    Some(u16::from(bcd::byte(high)?).saturating_mul(100).saturating_add(bcd::byte(low)?.into()))
}

/// Eight digits `DDDMMmmm`, the first of which has the sign in its highest bit.
fn degrees([first, second, third, fourth]: [u8; 4]) -> Option<f64> {
    let hundreds = bcd::byte(first & 0x7f)?;
    let whole = u16::from(hundreds).saturating_mul(10).saturating_add((second >> 4).into());
    // The digits of the minutes, and a 0 behind them.
    let minutes = [second << 4 | third >> 4, third << 4 | fourth >> 4, fourth << 4];
    let degrees = bcd::degrees(whole, minutes).filter(|_| second >> 4 < 10)?;
    Some(if first & 0x80 == 0 { degrees } else { -degrees })
}

fn parts(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let length = usize::from(reader.be_u16()?).saturating_sub(2);
    let mut parts = reader.part(length)?;
    while !parts.is_empty() {
        let kind = parts.u8()?;
        let length = usize::from(parts.u8()?);
        let mut value = parts.part(length)?;
        match kind {
            0x01 => attributes.set("fuel_1_raw", hundreds(&mut value)?),
            0x02 => attributes.set("temperature_1_raw", hundreds(&mut value)?),
            0x18 => {
                for tank in 1..=4 {
                    let level = value.be_u16()?;
                    if !matches!(level, 0 | u16::MAX) {
                        let percent = f64::from(level) * 100.0 / 65_534.0;
                        attributes.set(numbered!("fuel_", tank, "_percent"), percent);
                    }
                }
            }
            0x20 => attributes.set("battery_percent", value.u8()?),
            0x23 if value.u8()? > 0 => {
                attributes.set("mcc", value.be_u16()?);
                attributes.set("mnc", value.u8()?);
                attributes.set("lac", value.be_u16()?);
                attributes.set("cell_id", value.be_u16()?);
                attributes.set("rssi", value.u8()?);
            }
            _ => {}
        }
    }
    Ok(())
}

fn hundreds(value: &mut Reader<'_>) -> Result<u16, Reject> {
    let [hundreds, rest] = value.array()?;
    Ok(u16::from(hundreds).saturating_mul(100).saturating_add(rest.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_digits_with_a_sign() {
        assert_eq!(degrees([0x03, 0x85, 0x48, 0x40]), Some(38.0 + 54.84 / 60.0));
        assert_eq!(degrees([0x92, 0x13, 0x68, 0x82]), Some(-121.0 - 36.882 / 60.0));
        assert_eq!(degrees([0x03, 0x86, 0x00, 0x00]), None);
        assert_eq!(degrees([0x03, 0xa5, 0x00, 0x00]), None);
        assert_eq!(degrees([0x7a, 0x05, 0x00, 0x00]), None);
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        assert_eq!(
            answer([0x4c, 0xb1, 0x4c]),
            [0x29, 0x29, 0x21, 0, 5, 0x4c, 0xb1, 0x4c, 0x95, 0x0d]
        );
    }
}
