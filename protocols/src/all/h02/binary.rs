//! Binary messages: `$`, then packed decimals.
//!
//! | bytes | meaning |
//! |---|---|
//! | 5 (or 8) | number of the device (15 digits of IMEI and a filler) |
//! | 3 + 3 | time `hhmmss`, date `ddmmyy`, UTC |
//! | 4 | latitude `DDMM.mmmm` |
//! | 1 | battery: 1 to 6 steps, or percent |
//! | 5 | longitude `DDDMM.mmmm`, and four flags: 2 valid, 4 north, 8 east |
//! | 3 | speed in knots and course in degrees, three digits each |
//! | 4 | vehicle status |
//! | 1 + 2 | user alarm, unused, number of the record (longer forms: signal, cells, mileage) |

use super::status::Status;
use crate::field::{Reader, bcd, nmea};
use crate::{Attributes, Fix, Out, Reason, Reject};

/// As many bytes as it takes to know that a message begins.
pub(super) const HEADER: usize = 15;

/// What the first bytes tell.
pub(super) struct Header {
    /// Bytes of the device's number.
    identity: usize,
    /// Bytes of the message up to the record's number.
    pub(super) length: usize,
}

const SHORT: Header = Header { identity: 5, length: 32 };
/// Three bytes more of number; seven more of cells stand before the end.
const LONG: Header = Header { identity: 8, length: 42 };

/// Which form begins here, if any: digits, and a date after the number.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    if is_dated(bytes, &SHORT) {
        Some(SHORT)
    } else if is_dated(bytes, &LONG) {
        Some(LONG)
    } else {
        None
    }
}

fn is_dated(bytes: &[u8], form: &Header) -> bool {
    let mut reader = Reader::new(bytes);
    let mut read = || -> Result<bool, Reject> {
        reader.skip(1)?;
        let identity = reader.take(form.identity)?;
        // The last half byte of an IMEI is a filler.
        let (last, digits) =
            identity.split_last().ok_or_else(|| reader.reject(Reason::Truncated))?;
        let numbered = digits.iter().all(|byte| bcd::byte(*byte).is_some()) && last >> 4 < 10;
        let [hour, minute, second, day, month, year] = reader.array::<6>()?.map(bcd::byte);
        Ok(numbered
            && matches!(
                (hour, minute, second, day, month, year),
                (Some(0..24), Some(0..60), Some(0..60), Some(1..=31), Some(1..=12), Some(_))
            ))
    };
    read().unwrap_or(false)
}

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(1)?;
    let form = header(frame).ok_or_else(|| reader.reject(Reason::Malformed))?;
    let digits = bcd::number(reader.take(form.identity)?);
    let identity = digits.get(..15).unwrap_or(&digits);

    let at = reader.offset();
    let [hour, minute, second, day, month, year] = reader.array()?;
    let time = bcd::date_time([year, month, day, hour, minute, second], 0, at)?;

    let nowhere = reader.reject(Reason::OutOfRange);
    let [a, b, c, d] = reader.array()?;
    let north = two(a).and_then(|whole| bcd::degrees(whole, [b, c, d])).ok_or(nowhere)?;
    let battery = reader.u8()?;
    let nowhere_east = reader.reject(Reason::OutOfRange);
    let east: [u8; 5] = reader.array()?;
    let flags = east.last().map_or(0, |last| last & 0x0f);
    let (whole, minutes) = bcd::shifted(east).ok_or(nowhere_east)?;
    let east = bcd::degrees(whole, minutes).ok_or(nowhere_east)?;
    let [speed_high, middle, course_low] = reader.array()?;
    let status = Status(reader.be_u32()?);

    let latitude = if flags & 4 == 0 { -north } else { north };
    let longitude = if flags & 8 == 0 { -east } else { east };
    let mut fix = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
    fix.valid = flags & 2 != 0;
    fix.speed_kmh = three(two(speed_high), digit(middle >> 4)).map(nmea::kmh);
    fix.course_deg = match (digit(middle & 0x0f), two(course_low)) {
        (Some(hundreds), Some(rest)) => {
            Some(f64::from(hundreds) * 100.0 + f64::from(rest)).filter(|course| *course <= 360.0)
        }
        _ => None,
    };
    fix.alarms = status.alarms();
    fix.alarm_states = Status::alarm_states();
    let mut attributes = Attributes::new();
    attributes.set_some("battery_percent", battery_percent(battery));
    status.set(&mut attributes);
    out.identify(identity);
    out.fix(fix, attributes);
    Ok(())
}

/// Six steps (the makers' tables put them at 0, 10, 20, 60, 80 and 100), or percent.
const fn battery_percent(value: u8) -> Option<u8> {
    match value {
        1 => Some(0),
        2 => Some(10),
        3 => Some(20),
        4 => Some(60),
        5 => Some(80),
        6 => Some(100),
        7..=100 => Some(value),
        _ => None,
    }
}

fn two(byte: u8) -> Option<u16> {
    bcd::byte(byte).map(u16::from)
}

fn digit(half: u8) -> Option<u16> {
    (half < 10).then_some(u16::from(half))
}

fn three(high: Option<u16>, low: Option<u16>) -> Option<f64> {
    Some(f64::from(high?) * 10.0 + f64::from(low?))
}
