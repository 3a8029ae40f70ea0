//! What Jointech's sealing locks speak beside the standard: messages 0x5501 and 0x5502, which have
//! a serial number of one byte, and text in parentheses.

use super::location::{Findings, fix};
use crate::field::{Reader, bcd, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, When};

/// Kilometres per hour in a knot.
const KMH_PER_KNOT: f64 = 1.852;

/// A position: date and time of day in UTC as `DDMMYYhhmmss`, latitude `DDMM.mmmm` and longitude
/// `DDDMM.mmmm` in decimal digits, flags in the last half byte, speed in knots, course in steps of
/// two degrees; signal, satellites, odometer, battery, cell, state; items.
pub(super) fn location(
    reader: &mut Reader<'_>,
    is_stored: bool,
) -> Result<(Fix, Findings), Reject> {
    let mut findings = Findings::default();
    let time_at = reader.offset();
    let [day, month, year, hour, minute, second] = reader.array()?;
    let time = bcd::date_time([year, month, day, hour, minute, second], 0, time_at)?;
    let at = reader.offset();
    let latitude = degrees(&bcd::digits(reader.take(4)?), 2);
    let longitude_and_flags: [u8; 5] = reader.array()?;
    let [.., flags] = longitude_and_flags;
    let longitude = degrees(bcd::digits(&longitude_and_flags).get(..9).unwrap_or_default(), 3);
    let (latitude, longitude) =
        latitude.zip(longitude).ok_or_else(|| Reject::at(at, Reason::OutOfRange))?;
    let fix = fix(
        time,
        if flags & 2 == 0 { -latitude } else { latitude },
        if flags & 4 == 0 { -longitude } else { longitude },
        at,
    )?;
    let speed_knots = bcd::byte(reader.u8()?);
    let course_deg = f64::from(reader.u8()?) * 2.0;
    let mut fix = Fix {
        valid: flags & 1 == 1 && !is_stored,
        backfill: is_stored,
        speed_kmh: speed_knots.map(|knots| f64::from(knots) * KMH_PER_KNOT),
        course_deg: (course_deg <= 360.0).then_some(course_deg),
        ..fix
    };
    if let Err(reject) = state(reader, &mut fix, &mut findings) {
        findings.rejects.push(reject);
    }
    fix.alarms = findings.alarms;
    fix.alarm_states = findings.states;
    Ok((fix, findings))
}

/// Degrees from digits: `whole` of degrees, two of minutes, the rest of fractions of a minute.
fn degrees(digits: &str, whole: usize) -> Option<f64> {
    let (degrees, minutes) = digits.split_at_checked(whole)?;
    let (whole_minutes, fraction) = minutes.split_at_checked(2)?;
    let minutes: f64 = format!("{whole_minutes}.{fraction}").parse().ok()?;
    let degrees: f64 = degrees.parse().ok()?;
    Some(degrees + minutes / 60.0).filter(|_| fraction.len() == 4)
}

fn state(reader: &mut Reader<'_>, fix: &mut Fix, findings: &mut Findings) -> Result<(), Reject> {
    const LOCK: [(u16, Alarm); 6] = [
        (0x01, Alarm::Overspeed),
        (0x02, Alarm::LowPower),
        (0x04, Alarm::Vibration),
        (0x08, Alarm::LowBattery),
        (0x20, Alarm::GeofenceEnter),
        (0x40, Alarm::GeofenceExit),
    ];
    findings.attributes.set("rssi", reader.u8()?);
    findings.attributes.set("satellites", reader.u8()?);
    let odometer_km = reader.be_u32()?;
    findings.attributes.set("odometer_m", i64::from(odometer_km).saturating_mul(1000));
    match reader.u8()? {
        level @ ..=100 => findings.attributes.set("battery_percent", level),
        0xaa | 0xab => findings.attributes.set("charging", true),
        _ => {}
    }
    // A cell.
    reader.skip(6)?;
    let product = reader.u8()?;
    let status = reader.be_u16()?;
    let alarms = reader.be_u16()?;
    findings.attributes.set("status", status);
    match product {
        1 | 2 => findings.state(Alarm::LowPower, alarms & 1 != 0),
        3 => {
            findings.attributes.set("blocked", status & 0x20 != 0);
            for (bit, alarm) in LOCK {
                findings.state(alarm, alarms & bit != 0);
            }
        }
        _ => {}
    }
    while !reader.is_empty() {
        let number = reader.u8()?;
        let length = reader.u8()?;
        let mut item = reader.part(usize::from(length))?;
        match (number, length) {
            (0x02, 2) => fix.altitude_m = Some(f64::from(item.be_i16()?)),
            (0x0b, _) => findings.attributes.set("lock_command", item.u8()?),
            (0x10, _) => findings.attributes.set("wake_source", item.u8()?),
            (0xfc, _) => findings.attributes.set("geofence", item.u8()?),
            _ => {}
        }
    }
    Ok(())
}

/// Text: the lock's number, then fields. `BASE,2,TIME` asks for the time, anything else answers
/// something.
pub(super) fn text_message(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) {
    let text = text::ascii(frame.get(1..).unwrap_or_default());
    let number = text.split(',').next().unwrap_or_default();
    let digits = number.trim_start_matches('0');
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        out.identify(if digits.is_empty() { "0" } else { digits });
    }
    if text.contains(",BASE,2") {
        let ((year, month, day), (hour, minute, second)) = context.received_at.to_civil(0);
        let now = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
        out.reply_text(format_args!("({})", text.replace("TIME", &now)), When::Now);
        return;
    }
    let mut attributes = Attributes::new();
    attributes.set("result", format!("({text})"));
    out.report(None, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_degrees_and_minutes() {
        assert_eq!(degrees("38553000", 2), Some(38.0 + 55.3 / 60.0));
        assert_eq!(degrees("121383000", 3), Some(121.0 + 38.3 / 60.0));
        assert_eq!(degrees("3855", 2), None);
        assert_eq!(degrees("", 2), None);
    }
}
