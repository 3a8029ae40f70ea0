//! The positions of TAIP and its makers, digit behind digit.

use crate::field::{Fields, Reader, nmea};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time};

/// 1980-01-06T00:00:00Z, from which GPS weeks are counted.
const GPS_EPOCH_S: i64 = 315_964_800;

/// Reads text without separators.
struct Digits<'a>(Reader<'a>);

impl<'a> Digits<'a> {
    /// `frame` includes the `>`, so that offsets are the frame's.
    fn text(&mut self, length: usize) -> Result<&'a str, Reject> {
        let wrong = self.0.reject(Reason::Malformed);
        std::str::from_utf8(self.0.take(length)?).map_err(|_| wrong)
    }

    fn number(&mut self, length: usize) -> Result<i64, Reject> {
        let wrong = self.0.reject(Reason::Malformed);
        let text = self.text(length)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong);
        }
        text.parse().map_err(|_| wrong)
    }

    /// Two hexadecimal digits, where they are there.
    fn hex(&mut self) -> Option<u8> {
        u8::from_str_radix(self.text(2).ok()?, 16).ok()
    }

    /// How many digits stand here.
    fn run(&self) -> usize {
        self.0.rest().iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// A sign, whole degrees of `width` digits, and five decimals or minutes.
    fn coordinate(&mut self, width: usize) -> Result<f64, Reject> {
        let wrong = self.0.reject(Reason::OutOfRange);
        let sign = match self.text(1)? {
            "+" => 1.0,
            "-" => -1.0,
            _ => return Err(wrong),
        };
        let has_minutes = self.0.rest().get(width.saturating_add(2)) == Some(&b'.');
        let size = if has_minutes {
            nmea::degrees(self.text(width.saturating_add(7))?).ok_or(wrong)?
        } else {
            let digits = self.text(width.saturating_add(5))?;
            let digits: u32 = digits.parse().map_err(|_| wrong)?;
            f64::from(digits) / 1e5
        };
        Ok(sign * size)
    }

    /// Latitude, longitude, speed, course, source.
    fn place(&mut self, time: Time, to_kmh: fn(f64) -> f64) -> Result<Fix, Reject> {
        let nowhere = self.0.reject(Reason::OutOfRange);
        let latitude = self.coordinate(2)?;
        let longitude = self.coordinate(3)?;
        let mut fix = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
        let speed = self.number(3)?;
        let course = self.number(3)?;
        fix.speed_kmh = i16::try_from(speed).ok().map(|speed| to_kmh(f64::from(speed)));
        let course = i16::try_from(course).ok().map(f64::from);
        fix.course_deg = course.filter(|course| *course <= 360.0);
        // Source 9 is none; a dated position without one has a fix.
        fix.valid = !self.text(1).is_ok_and(|source| source == "9");
        Ok(fix)
    }

    /// `ddmmyyhhmmss`; all zeros where there is no clock yet.
    fn date_time(&mut self, context_time: Time) -> Result<Time, Reject> {
        let wrong = self.0.reject(Reason::OutOfRange);
        let (date, time) = (self.text(6)?, self.text(6)?);
        if date == "000000" {
            return Ok(context_time);
        }
        let midnight = nmea::date(date).ok_or(wrong)?;
        Ok(midnight.plus_millis(nmea::time_of_day_ms(time).ok_or(wrong)?))
    }
}

pub(super) fn position(
    context: &Context<'_>,
    marked: &str,
    mut attributes: Attributes,
) -> Result<(Fix, Attributes), Reject> {
    let mut digits = Digits(Reader::new(marked.as_bytes()));
    let kind = digits.text(4)?;
    let mut event = None;
    let time = match kind {
        ">RPV" => {
            let seconds = digits.number(5)?;
            nmea::nearest(seconds.saturating_mul(1000), context.received_at)
        }
        ">REV" => {
            event = Some(digits.number(2)?);
            let days = digits.number(4)?.saturating_mul(7).saturating_add(digits.number(1)?);
            let seconds = days.saturating_mul(86_400).saturating_add(digits.number(5)?);
            Time::from_seconds(GPS_EPOCH_S.saturating_add(seconds))
        }
        _ => {
            if kind == ">RUS" {
                digits.text(3)?;
            } else if digits.run() >= 14 {
                event = Some(digits.number(2)?);
            }
            digits.date_time(context.received_at)?
        }
    };
    let mut fix = digits.place(time, nmea::kmh_of_miles)?;
    if !matches!(kind, ">RPV" | ">REV") {
        digits.hex();
        let inputs = digits.hex();
        attributes.set_some("ignition", inputs.map(|inputs| inputs & 0x80 != 0));
        attributes.set_some("inputs", inputs);
        if kind == ">RCQ" {
            attributes.set_some("battery", digits.number(3).ok());
            let odometer = digits.text(8).ok().and_then(|text| u32::from_str_radix(text, 16).ok());
            attributes.set_some("odometer_m", odometer);
        } else if digits.run() >= 4 {
            event = digits.number(2).ok();
            attributes.set_some("hdop", digits.number(2).ok());
        }
    }
    let fields = Fields::split(marked.as_bytes(), b',');
    if kind == ">RUS" && fields.count() > 6 {
        event = status(&fields, &mut attributes).or(event);
        fix.alarms.extend(event.and_then(driving_alarm));
    } else if !matches!(kind, ">REV" | ">RUS") {
        fix.alarms.extend(event.and_then(alarm));
    }
    attributes.set_some("event", event);
    Ok((fix, attributes))
}

/// `RUS`: flow, odometer, two voltages, engine speed, (two temperatures,) event.
fn status(fields: &Fields<'_>, attributes: &mut Attributes) -> Option<i64> {
    attributes.set_some("odometer_m", fields.parse::<u32>(3));
    let (power, battery) = voltages(fields.text(4))?;
    attributes.set("power_v", power);
    attributes.set("battery_v", battery);
    attributes.set_some("rpm", fields.parse::<u32>(5));
    if fields.count() > 7 {
        attributes.set_some("temperature_1_c", fields.number(6));
    }
    i64::from_str_radix(fields.text(fields.count().saturating_sub(1)), 16).ok()
}

/// Twice four digits, in hundredths of a volt.
fn voltages(text: &str) -> Option<(f64, f64)> {
    let (first, second) = text.split_at_checked(4).filter(|(_, second)| second.len() == 4)?;
    let volts = |text: &str| text.parse::<u16>().ok().map(|value| f64::from(value) / 100.0);
    Some((volts(first)?, volts(second)?))
}

const fn alarm(event: i64) -> Option<Alarm> {
    match event {
        1 => Some(Alarm::Sos),
        2 => Some(Alarm::PowerCut),
        _ => None,
    }
}

const fn driving_alarm(event: i64) -> Option<Alarm> {
    match event {
        22 => Some(Alarm::HardAcceleration),
        23 => Some(Alarm::HardBraking),
        24 => Some(Alarm::Accident),
        26 | 28 => Some(Alarm::HardCornering),
        _ => None,
    }
}

/// `RUV`: kind (2) and event (3), name, time and position, then by kind: 01 voltages, four
/// counters, odometer, …, driver; 03 two counters, odometer. Kind 00 has no position.
pub(super) fn named_event(
    context: &Context<'_>,
    marked: &str,
    mut attributes: Attributes,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let fields = Fields::split(marked.as_bytes(), b',');
    let head = fields.text(0).get(4..).unwrap_or_default();
    let (kind, event) =
        head.split_at_checked(2).ok_or_else(|| fields.reject(0, Reason::Malformed))?;
    let event = event.parse::<i64>().unwrap_or_default();
    let at = fields.offset(2);
    let mut reader = Reader::new(marked.as_bytes());
    reader.skip(at)?;
    let mut digits = Digits(reader);
    let time = digits.date_time(context.received_at)?;
    attributes.set("event", event);
    if let Some((battery, power)) = voltages(fields.text(3)) {
        attributes.set("battery_v", battery);
        attributes.set("power_v", power);
    }
    if fields.text(2).len() <= 12 {
        out.report(Some(time), AlarmSet::EMPTY, attributes);
        return Ok(());
    }
    let mut fix = digits.place(time, |kmh| kmh)?;
    digits.hex();
    let inputs = digits.hex();
    attributes.set_some("ignition", inputs.map(|inputs| inputs & 0x80 != 0));
    attributes.set_some("charging", inputs.map(|inputs| inputs & 0x40 != 0));
    attributes.set_some("inputs", inputs);
    digits.hex();
    attributes.set_some("hdop", digits.number(2).ok());
    let odometer_at = match kind {
        "01" => Some(8),
        "03" => Some(5),
        _ => None,
    };
    attributes.set_some("odometer_m", odometer_at.and_then(|at| fields.parse::<u32>(at)));
    if kind == "01" {
        let driver = fields.text(fields.count().saturating_sub(1));
        attributes.set_some("driver_id", (!driver.is_empty()).then(|| driver.to_owned()));
    }
    fix.alarms.extend(match event {
        111 => Some(Alarm::Idle),
        120 => Some(Alarm::HardAcceleration),
        _ => None,
    });
    out.fix(fix, attributes);
    Ok(())
}
