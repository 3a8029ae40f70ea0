//! Records of positions.
//!
//! | binary | text | meaning |
//! |---|---|---|
//! | 4 × 3, or 7 × 3 | 3 fields | time of the position, of the record, of sending: seconds since 1970, or a date |
//! | 4 + 4 | 2 | longitude, latitude, degrees × 10⁶ |
//! | 2 | 1 | course |
//! | 1 | 1 | report id, as configured |
//! | 4 | 1 | odometer, 0.1 km |
//! | 2 | 1 | HDOP, 0.1 |
//! | 1 | 1 | inputs |
//! | 2 | 1 | km/h |
//! | 1 + 2 | 2 | outputs, voltage in mV |
//! | text, NUL | 1 | driver |
//! | 2 + 2 | 2 | temperatures, 0.1 °C (2 000: none) |
//! | text, NUL | 1 | text, such as that of a fuel sensor |
//! | … | … | `%CI%…` and what it names: see `custom` |

use super::custom;
use crate::field::{Fields, Reader, nmea, text as texts};
use crate::{Attributes, Fix, Out, Reason, Reject, Time};

/// What a record has at least.
const SHORTEST: usize = 40;
/// Stands for no sensor.
const NO_TEMPERATURE: i16 = 2000;

pub(super) fn binary(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    while reader.remaining() >= SHORTEST {
        record(reader, out)?;
    }
    Ok(())
}

/// Up to a NUL byte, which it passes over.
pub(super) fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Reject> {
    let truncated = reader.reject(Reason::Truncated);
    let length = memchr::memchr(0, reader.rest()).ok_or(truncated)?;
    let bytes = reader.take(length)?;
    reader.skip(1)?;
    Ok(bytes)
}

fn instant(reader: &mut Reader<'_>) -> Result<Time, Reject> {
    let wrong = reader.reject(Reason::OutOfRange);
    // Seconds since 1970 that begin like a year of this century would be of 1974.
    let mut ahead = reader.clone();
    let year = ahead.be_u16()?;
    if (2000..2100).contains(&year) {
        reader.skip(2)?;
        let small = |value: u8| i8::try_from(value).ok();
        let [month, day, hour, minute, second] = reader.array()?.map(small);
        reader.skip(14)?;
        let time = || {
            let year = i16::try_from(year).ok()?;
            Time::from_civil((year, month?, day?), (hour?, minute?, second?), 0)
        };
        return time().ok_or(wrong);
    }
    let seconds = reader.be_u32()?;
    reader.skip(8)?;
    Ok(Time::from_seconds(i64::from(seconds)))
}

fn record(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = instant(reader)?;
    let nowhere = reader.reject(Reason::OutOfRange);
    let longitude = f64::from(reader.be_i32()?) / 1e6;
    let latitude = f64::from(reader.be_i32()?) / 1e6;
    let course = f64::from(reader.be_u16()?);
    let mut attributes = Attributes::new();
    attributes.set("event", reader.u8()?);
    attributes.set("odometer_m", i64::from(reader.be_u32()?).saturating_mul(100));
    attributes.set("hdop", f64::from(reader.be_u16()?) / 10.0);
    attributes.set("inputs", reader.u8()?);
    let speed = f64::from(reader.be_u16()?);
    attributes.set("outputs", reader.u8()?);
    attributes.set("adc_1_v", f64::from(reader.be_u16()?) / 1000.0);
    let driver = texts::ascii(string(reader)?);
    attributes.set_some("driver_id", (!driver.is_empty()).then_some(driver));
    for name in ["temperature_1_c", "temperature_2_c"] {
        let tenths = Some(reader.be_i16()?).filter(|tenths| *tenths != NO_TEMPERATURE);
        attributes.set_some(name, tenths.map(|tenths| f64::from(tenths) / 10.0));
    }
    message(&texts::ascii(string(reader)?), &mut attributes);
    let mut found = custom::Found::default();
    if reader.rest().starts_with(b"%CI") {
        let form = texts::ascii(string(reader)?);
        found = custom::binary(reader, &form, &mut attributes)?;
    }
    let Some(mut fix) = Fix::new(time, latitude, longitude) else {
        out.reject(nowhere);
        return Ok(());
    };
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    fix.speed_kmh = Some(speed);
    found.put(fix, attributes, out);
    Ok(())
}

/// Of a fuel sensor: `FULS:F=… t=… N=…`, N being 0.1 %.
fn message(text: &str, attributes: &mut Attributes) {
    if text.is_empty() {
        return;
    }
    let level = text.strip_prefix("FULS:").and_then(|text| text.split("N=").nth(1));
    match level.and_then(|level| u16::from_str_radix(level.trim(), 16).ok()) {
        Some(level) => attributes.set("fuel", f64::from(level) / 10.0),
        None => attributes.set("text", text.to_owned()),
    }
}

pub(super) fn text(line: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(line, b',');
    if fields.count() < 16 {
        return Err(fields.reject(0, Reason::Truncated));
    }
    let stamp = fields.text(0);
    let wrong = || fields.reject(0, Reason::OutOfRange);
    let time = if stamp.len() == 14 {
        let midnight = stamp.get(2..8).and_then(nmea::date_ymd).ok_or_else(wrong)?;
        let of_day = stamp.get(8..).and_then(nmea::time_of_day_ms).ok_or_else(wrong)?;
        midnight.plus_millis(of_day)
    } else {
        Time::from_seconds(fields.parse::<u32>(0).map(i64::from).ok_or_else(wrong)?)
    };
    let millionths = |index: usize| {
        let value = fields.parse::<i32>(index).map(|value| f64::from(value) / 1e6);
        value.ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let (longitude, latitude) = (millionths(3)?, millionths(4)?);
    let mut fix =
        Fix::new(time, latitude, longitude).ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
    fix.course_deg = nmea::course(&fields, 5);
    fix.speed_kmh = fields.number(10).filter(|speed| *speed >= 0.0);
    let mut attributes = Attributes::new();
    attributes.set_some("event", fields.parse::<u16>(6));
    attributes.set_some("odometer_m", fields.number(7).map(|value| value * 100.0));
    attributes.set_some("hdop", fields.number(8).map(|value| value / 10.0));
    attributes.set_some("inputs", fields.parse::<u8>(9));
    attributes.set_some("outputs", fields.parse::<u8>(11));
    attributes.set_some("adc_1_v", fields.number(12).map(|value| value / 1000.0));
    let driver = fields.text(13);
    attributes.set_some("driver_id", (!driver.is_empty()).then(|| driver.to_owned()));
    for (index, name) in [(14, "temperature_1_c"), (15, "temperature_2_c")] {
        let tenths = fields.parse::<i16>(index).filter(|tenths| *tenths != NO_TEMPERATURE);
        attributes.set_some(name, tenths.map(|tenths| f64::from(tenths) / 10.0));
    }
    let mut found = custom::Found::default();
    let form = fields.text(17);
    if form.starts_with("%CI") {
        found = custom::text(&fields, 18, form, &mut attributes);
    }
    found.put(fix, attributes, out);
    Ok(())
}
