//! Meitrack: no greeting, reports by `AAA` with event 35, or 1 where the SOS button is pressed.

use super::plain::{Meant, Ways, message, position_if, silence};
use super::write::{Civil, validity};
use crate::field::checksum::sum8;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: false, hear };

const BUTTON: u8 = 1;
const BY_INTERVAL: u8 = 35;

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let event = if fix.alarms.contains(Alarm::Sos) { BUTTON } else { BY_INTERVAL };
    let Civil { ymd, time, .. } = Civil::of(fix.fix_time, 0);
    let content = format!(
        ",{device},AAA,{event},{:.6},{:.6},{ymd}{time},{},9,20,{:.0},{:.0},0.9,{:.0},0,0,\
         460|0|0000|0000,0000,0|0|0|019A|04C0,*",
        fix.latitude,
        fix.longitude,
        validity(fix),
        fix.speed_kmh.unwrap_or_default(),
        fix.course_deg.unwrap_or_default(),
        fix.altitude_m.unwrap_or_default(),
    );
    // From the first comma to the line's end.
    let line = format!("$$A{}{content}", content.len().saturating_add(4));
    format!("{line}{:02X}\r\n", sum8(line.as_bytes())).into_bytes()
}

/// `@@`, flag, length, `,`, IMEI, `,`, command, `*`, checksum.
fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"\n")?;
    let (content, _) = text.split_once('*').unwrap_or_default();
    let fields: Vec<&str> = content.split(',').collect();
    let is_asked = matches!(fields.as_slice(), [head, id, "A10"]
        if head.starts_with("@@") && *id == device.as_str());
    Some((length, position_if(is_asked)))
}
