//! H02 as text: `*HQ,…,V1,…#`, no greeting.

use super::plain::{Meant, Ways, message, silence};
use super::write::{Civil, degrees_minutes, knots, validity};
use crate::{Alarm, Command, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: false, hear };

/// Status bits are active-low; bit 1 of the first byte is the emergency button.
const STATUS_CALM: u32 = 0xffff_ffff;
const STATUS_SOS: u32 = 0xffff_fffd;

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let Civil { date, time, .. } = Civil::of(fix.fix_time, 0);
    let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
    let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
    let valid = validity(fix);
    let course = fix.course_deg.unwrap_or_default();
    let status = if fix.alarms.contains(Alarm::Sos) { STATUS_SOS } else { STATUS_CALM };
    format!(
        "*HQ,{device},V1,{time},{valid},{latitude},{north_south},{longitude},{east_west},{:06.2},\
         {course:03.0},{date},{status:08X}#",
        knots(fix)
    )
    .into_bytes()
}

/// `*HQ,` device `,D1,` time `,` seconds `,` count.
fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"#")?;
    let mut fields = text.split(',');
    let is_ours = fields.next() == Some("*HQ") && fields.next() == Some(device.as_str());
    let command = fields.next();
    let mut numbers = fields.skip(1).map(|field| field.parse::<u32>().ok());
    let meant = match (command, numbers.next().flatten(), numbers.next().flatten()) {
        (Some("D1"), Some(0), Some(_)) if is_ours => Meant::Asked(Command::ReportAsUsual),
        (Some("D1"), Some(1), Some(1)) if is_ours => Meant::Asked(Command::Position),
        (Some("D1"), Some(interval_s), Some(count)) if is_ours => {
            let for_s = interval_s.saturating_mul(count);
            let interval_s = u16::try_from(interval_s).unwrap_or(u16::MAX);
            Meant::Asked(Command::ReportEvery { interval_s, for_s })
        }
        _ => Meant::Nothing,
    };
    Some((length, meant))
}
