//! Positions and the status with them.

use super::percent;
use crate::field::{Fields, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject};

static ALARMS: &[(u8, Alarm)] = &[
    (0, Alarm::LowBattery),
    (1, Alarm::GeofenceExit),
    (2, Alarm::GeofenceEnter),
    (14, Alarm::PowerCut),
    (16, Alarm::Sos),
    (17, Alarm::LowBattery),
    (18, Alarm::GeofenceExit),
    (19, Alarm::GeofenceEnter),
    (20, Alarm::Removing),
    (21, Alarm::Fall),
    (22, Alarm::Fall),
];

/// The lower half of the status tells states, the upper one what has just happened.
fn states() -> AlarmSet {
    ALARMS.iter().filter(|(bit, _)| *bit < 16).map(|(_, alarm)| *alarm).collect()
}

pub(super) fn position(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let date = nmea::date(fields.text(1)).ok_or_else(|| fields.reject(1, Reason::OutOfRange))?;
    let of_day =
        nmea::time_of_day_ms(fields.text(2)).ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
    let coordinate = |index: usize| {
        let value = fields.number(index)?;
        match fields.text(index.saturating_add(1)) {
            "S" | "W" => Some(-value.abs()),
            "N" | "E" | "" => Some(value),
            _ => None,
        }
    };
    let nowhere = || fields.reject(4, Reason::OutOfRange);
    let latitude = coordinate(4).ok_or_else(nowhere)?;
    let longitude = coordinate(6).ok_or_else(|| fields.reject(6, Reason::OutOfRange))?;
    let time = date.plus_millis(of_day);
    let mut fix = Fix::new(time, latitude, longitude).ok_or_else(nowhere)?;
    fill(&mut fix, fields);
    let mut attributes = Attributes::new();
    attributes.set_some("satellites", fields.parse::<u8>(11));
    attributes.set_some("rssi", fields.parse::<u8>(12));
    attributes.set_some("battery_percent", percent(fields, 13));
    attributes.set_some("steps", fields.parse::<u32>(14));
    if let Ok(status) = u32::from_str_radix(fields.text(16), 16) {
        let on = |bit: u8| status & (1 << bit) != 0;
        fix.alarms = ALARMS.iter().filter(|(bit, _)| on(*bit)).map(|(_, alarm)| *alarm).collect();
        fix.alarm_states = states();
        attributes.set("status", status);
    }
    if fields.parse::<u8>(17).is_some_and(|cells| cells > 0) {
        attributes.set_some("mcc", fields.parse::<u16>(19));
        attributes.set_some("mnc", fields.parse::<u16>(20));
        attributes.set_some("lac", fields.parse::<u32>(21));
        attributes.set_some("cell_id", fields.parse::<u32>(22));
    }
    out.fix(fix, attributes);
    Ok(())
}

fn fill(fix: &mut Fix, fields: &Fields<'_>) {
    fix.valid = fields.text(3) == "A";
    fix.speed_kmh = fields.number(8).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(9).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(10);
}
