//! What the diagnostic socket tells, and the positions of a hub for sensors.

use super::{is_digits, position::local};
use crate::field::{Fields, nmea};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject};

pub(super) fn vehicle(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let percent = |index: usize| {
        let text = fields.text(index).strip_suffix('%')?;
        text.parse().ok().filter(|percent: &f64| (0.0..=100.0).contains(percent))
    };
    attributes.set_some("vehicle_odometer_km", fields.parse::<u32>(3));
    attributes.set_some("vehicle_speed_kmh", fields.parse::<u16>(7));
    attributes.set_some("engine_load_percent", percent(8));
    let coolant = fields.text(9);
    let coolant = coolant.strip_prefix('+').unwrap_or(coolant);
    attributes.set_some("coolant_temperature_c", coolant.parse::<i16>().ok());
    attributes.set_some("throttle_percent", percent(10));
    attributes.set_some("rpm", fields.parse::<u16>(11));
    attributes.set_some("power_v", fields.number(12).filter(|volts| *volts > 0.0));
    let codes = fields.joined(13, fields.count()).replace(',', " ");
    let codes = codes.trim();
    attributes.set_some("trouble_codes", (!codes.is_empty()).then(|| codes.to_owned()));
    let time = local(fields.text(2)).map(|local| local.midnight_plus(local.of_day_s));
    out.report(time, AlarmSet::EMPTY, attributes);
}

/// A date in the seventh field and coordinates in degrees.
pub(super) fn is_hub(fields: &Fields<'_>) -> bool {
    let six_digits = |index: usize| fields.text(index).len() == 6 && is_digits(fields.text(index));
    six_digits(5) && six_digits(6) && fields.text(9).contains('.') && fields.text(10).contains('.')
}

pub(super) fn hub(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let midnight =
        nmea::date(fields.text(6)).ok_or_else(|| fields.reject(6, Reason::OutOfRange))?;
    let of_day =
        nmea::time_of_day_ms(fields.text(5)).ok_or_else(|| fields.reject(5, Reason::OutOfRange))?;
    let nowhere = || fields.reject(9, Reason::OutOfRange);
    let latitude = fields.number(9).ok_or_else(nowhere)?;
    let longitude = fields.number(10).ok_or_else(nowhere)?;
    let mut fix =
        Fix::new(midnight.plus_millis(of_day), latitude, longitude).ok_or_else(nowhere)?;
    fix.valid = fields.parse::<u8>(8).is_some_and(|status| status > 0);
    fix.speed_kmh = fields.number(11).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(12).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(13);
    let mut attributes = Attributes::new();
    let event = fields.text(2);
    if !event.bytes().all(|byte| byte == b'-') {
        attributes.set("event", event.to_owned());
    }
    attributes.set_some("rssi", fields.parse::<u8>(7));
    attributes.set_some("hdop", fields.number(14));
    attributes.set_some("satellites", fields.parse::<u8>(15));
    attributes.set_some("ignition", fields.parse::<u8>(16).map(|on| on > 0));
    attributes.set_some("charging", fields.parse::<u8>(17).map(|on| on > 0));
    out.fix(fix, attributes);
    Ok(())
}
