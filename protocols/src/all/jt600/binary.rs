//! Packed decimals.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 + 5 | `$`, device |
//! | (1) | protocol version, of locks: their numbers begin with 7 or more |
//! | 1 | kind of records (high half), kind of message |
//! | 2 | length of what follows, of vehicles without the last byte |
//! | … | records: a place, then what the kind says |
//! | 1 | index |
//!
//! | place | bytes | meaning |
//! |---|---|---|
//! | | 3 + 3 | date `ddmmyy`, time `hhmmss` |
//! | | 4 | latitude `DDMMmmmm` |
//! | | 5 | longitude `DDDMMmmmm` and flags: 1 valid, 2 north, 4 east |
//! | | 1 + 1 | knots, course in steps of 2° |

use crate::field::{Reader, bcd, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, When};

/// A place alone.
const PLACE: usize = 17;
/// A place and the ten bytes of any kind.
const RECORD: usize = 27;
/// What a sensor's message has at least: a place.
pub(super) const SENSOR: usize = PLACE;

pub(super) struct Header {
    is_lock: bool,
    pub(super) total: usize,
}

impl Header {
    /// As many bytes as it takes to know the length.
    pub(super) const LENGTH: usize = 10;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(..Self::LENGTH)?);
        reader.skip(1).ok()?;
        let is_lock = reader.u8().ok()? >> 4 >= 7;
        reader.skip(if is_lock { 6 } else { 5 }).ok()?;
        let length = usize::from(reader.be_u16().ok()?);
        // The header but one byte of it, which locks have more, and the index.
        Some(Self { is_lock, total: length.saturating_add(10) })
    }
}

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let header = Header::read(frame).ok_or_else(|| Reject::at(0, Reason::Truncated))?;
    let mut reader = Reader::new(frame);
    reader.skip(1)?;
    let digits = bcd::number(reader.take(5)?);
    if digits.len() != 10 {
        return Err(Reject::at(1, Reason::Malformed));
    }
    super::identify(digits.trim_start_matches('0'), out)?;
    let version = if header.is_lock { reader.u8()? } else { 0 };
    let kind_at = reader.offset();
    let kind = reader.u8()? >> 4;
    reader.skip(2)?;
    if header.is_lock {
        return lock(&mut reader, version, out);
    }
    if !(1..=3).contains(&kind) {
        return Err(Reject::at(kind_at, Reason::Unsupported));
    }
    while reader.remaining() > 1 {
        let mut record = reader.part(RECORD)?;
        let place = place(&mut record);
        let mut attributes = Attributes::new();
        let mut states = (AlarmSet::EMPTY, AlarmSet::EMPTY);
        let mut altitude = None;
        match kind {
            1 => altitude = Some(radio(&mut record, &mut attributes)?),
            2 => states = vehicle(&mut record, &mut attributes)?,
            _ => tanks(&mut record, &mut attributes)?,
        }
        match place {
            Ok(mut fix) => {
                (fix.alarms, fix.alarm_states) = states;
                fix.altitude_m = altitude;
                out.fix(fix, attributes);
            }
            // The other records of the frame are good still.
            Err(reject) => out.reject(reject),
        }
    }
    Ok(())
}

fn place(reader: &mut Reader<'_>) -> Result<Fix, Reject> {
    let at = reader.offset();
    let [day, month, year, hour, minute, second] = reader.array()?;
    let time = bcd::date_time([year, month, day, hour, minute, second], 0, at);
    let nowhere = reader.reject(Reason::OutOfRange);
    let [a, b, c, d] = reader.array()?;
    let nowhere_east = reader.reject(Reason::OutOfRange);
    let east: [u8; 5] = reader.array()?;
    let knots = reader.u8()?;
    let course = f64::from(reader.u8()?) * 2.0;

    let [_, _, _, _, last] = east;
    let latitude =
        bcd::byte(a).and_then(|whole| bcd::degrees(u16::from(whole), [b, c, d])).ok_or(nowhere)?;
    let (whole, minutes) = bcd::shifted(east).ok_or(nowhere_east)?;
    let longitude = bcd::degrees(whole, minutes).ok_or(nowhere_east)?;
    let signed = |value: f64, flag: u8| if last & flag == 0 { -value } else { value };
    let mut fix = Fix::new(time?, signed(latitude, 2), signed(longitude, 4)).ok_or(nowhere)?;
    fix.valid = last & 1 != 0;
    // A vehicle may be faster than two digits: the tens then run on past 9.
    let knots = f64::from(knots >> 4) * 10.0 + f64::from(knots & 0x0f);
    fix.speed_kmh = Some(nmea::kmh(knots));
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    Ok(fix)
}

/// Kind 1: satellites, power, flags, altitude, cell, area, signal.
fn radio(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<f64, Reject> {
    attributes.set("satellites", reader.u8()?);
    attributes.set("power_percent", reader.u8()?);
    reader.skip(1)?;
    let altitude = f64::from(reader.be_u16()?);
    attributes.set("cell_id", reader.be_u16()?);
    attributes.set("lac", reader.be_u16()?);
    attributes.set("rssi", reader.u8()?);
    Ok(altitude)
}

/// Kind 2: fuel (high), three bytes of states and one unused, kilometres, fuel (low).
///
/// | byte | bits |
/// |---|---|
/// | 1 | 0 ignition, 6 door |
/// | 2 | 0 main power, 1 fuel cut, 2 SOS, 3 antenna open, 4 antenna and overspeed |
/// | 3 | 2 fatigue, 3 towed |
fn vehicle(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
) -> Result<(AlarmSet, AlarmSet), Reject> {
    let fuel_high = reader.u8()?;
    let [first, second, third, _] = reader.array()?;
    attributes.set("ignition", first & 0x01 != 0);
    attributes.set("door", first & 0x40 != 0);
    attributes.set("charging", second & 0x01 != 0);
    attributes.set("blocked", second & 0x02 != 0);
    attributes.set("odometer_m", metres(reader.be_u32()?));
    attributes.set("fuel", u16::from_be_bytes([fuel_high, reader.u8()?]));
    let table = [
        (second & 0x04, Alarm::Sos),
        (second & 0x18, Alarm::GpsAntennaCut),
        (second & 0x10, Alarm::Overspeed),
        (third & 0x04, Alarm::Fatigue),
        (third & 0x08, Alarm::Tow),
    ];
    let alarms = table.iter().filter(|(bits, _)| *bits != 0).map(|(_, alarm)| *alarm).collect();
    Ok((alarms, table.iter().map(|(_, alarm)| *alarm).collect()))
}

fn metres(kilometres: u32) -> i64 {
    i64::from(kilometres).saturating_mul(1000)
}

/// Kind 3: three tanks of 12 bits, kilometres of 20, states of 24.
fn tanks(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let bits = u64::from(reader.be_u32()?) << 24 | u64::from(reader.be_u24()?);
    let part =
        |shift: u8, mask: u32| u32::try_from((bits >> shift) & u64::from(mask)).unwrap_or_default();
    attributes.set("fuel_1", part(44, 0xfff));
    attributes.set("fuel_2", part(32, 0xfff));
    attributes.set("fuel_3", part(20, 0xfff));
    attributes.set("odometer_m", metres(part(0, 0xf_ffff)));
    let status = reader.be_u24()?;
    attributes.set("ignition", status & 1 != 0);
    attributes.set("status", status);
    Ok(())
}

/// Kilometres (4), satellites, vehicle (4), states (2), battery, cell, area, signal, more.
///
/// States, which the lock reports until they are answered: 1, 2 fence entered and left, 3 rope
/// cut, 4 shaken, 5 wants an answer, 6 rope in, 7 locked, 8 open too long, 9 wrong password, 10
/// wrong card, 11 battery low, 12 opened at the back, 13 back closed, 14 motor stuck.
fn lock(reader: &mut Reader<'_>, version: u8, out: &mut Out<'_>) -> Result<(), Reject> {
    let place = place(reader);
    let mut attributes = Attributes::new();
    attributes.set("odometer_m", metres(reader.be_u32()?));
    attributes.set("satellites", reader.u8()?);
    reader.skip(4)?;
    let states = reader.be_u16()?;
    let bit = |number: u8| states & (1 << number) != 0;
    let table = [
        (1, Alarm::GeofenceEnter),
        (2, Alarm::GeofenceExit),
        (3, Alarm::Tampering),
        (4, Alarm::Vibration),
        (8, Alarm::Unlock),
        (9, Alarm::IllegalDoor),
        (10, Alarm::IllegalDoor),
        (11, Alarm::LowBattery),
        (12, Alarm::Tampering),
        (14, Alarm::Fault),
    ];
    let alarms = table.iter().filter(|(number, _)| bit(*number)).map(|(_, alarm)| *alarm).collect();
    attributes.set("rope_in", bit(6));
    attributes.set("locked", bit(7));
    attributes.set("status", states);
    match reader.u8()? {
        u8::MAX => attributes.set("charging", true),
        percent => attributes.set("battery_percent", percent),
    }
    attributes.set("cell_id", reader.be_u16()?);
    attributes.set("lac", reader.be_u16()?);
    attributes.set("rssi", reader.u8()?);
    let index = reader.frame().last().copied().unwrap_or_default();
    match place {
        Ok(mut fix) => {
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        Err(reject) => {
            out.report(None, alarms, attributes);
            out.reject(reject);
        }
    }
    if bit(5) {
        let answer = if version < 0x19 { "(P35)".to_owned() } else { format!("(P69,0,{index})") };
        out.reply(answer, When::Accepted);
    }
    Ok(())
}

/// A place, then what the sensor says.
pub(super) fn sensor(frame: &[u8], at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(at)?;
    let fix = place(&mut reader)?;
    let mut attributes = Attributes::new();
    attributes.set("payload", crate::field::text::hex(reader.rest()));
    out.fix(fix, attributes);
    Ok(())
}
