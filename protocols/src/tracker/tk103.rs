//! TK-103: logs in by `BP05` and reports by `BR00`, by `BO01` with an alarm; all in round brackets.

use super::plain::{Meant, Ways, message, position_if};
use super::write::{Civil, degrees_minutes, validity};
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways = Ways { hello, is_greeted: true, report, is_answered: false, hear };

/// Twelve digits: a longer identity is named by its last ones.
fn name(device: &DeviceId) -> String {
    let digits = format!("{:0>12}", device.as_str());
    digits.chars().skip(digits.chars().count().saturating_sub(12)).collect()
}

fn hello(device: &DeviceId) -> Vec<u8> {
    format!("({}BP00HSO)", name(device)).into_bytes()
}

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let Civil { ymd, time, .. } = Civil::of(fix.fix_time, 0);
    let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
    let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
    let valid = validity(fix);
    let speed = fix.speed_kmh.unwrap_or_default();
    let course = fix.course_deg.unwrap_or_default();
    let command = if fix.alarms.contains(Alarm::Sos) { "BO012" } else { "BR00" };
    format!(
        "({}{command}{ymd}{valid}{latitude}{north_south}{longitude}{east_west}{speed:05.1}{time}\
         {course:06.2}00000000L00000000)",
        name(device)
    )
    .into_bytes()
}

fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b")")?;
    let command = text.strip_prefix('(').and_then(|rest| rest.strip_prefix(name(device).as_str()));
    let meant = match command {
        Some("AP01HSO") => Meant::Welcome,
        command => position_if(command == Some("AP00")),
    };
    Some((length, meant))
}
