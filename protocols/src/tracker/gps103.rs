//! GPS-103: logs in by `##,imei:…,A;`, reports by `tracker` and by `help me`.

use super::plain::{Meant, Ways, message, position_if};
use super::write::{Civil, degrees_minutes, knots, validity};
use crate::field::date::CHINA_S;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways = Ways { hello, is_greeted: true, report, is_answered: false, hear };

fn hello(device: &DeviceId) -> Vec<u8> {
    format!("##,imei:{device},A;").into_bytes()
}

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let keyword = if fix.alarms.contains(Alarm::Sos) { "help me" } else { "tracker" };
    let Civil { ymd, time: local, .. } = Civil::of(fix.fix_time, CHINA_S);
    let Civil { time, .. } = Civil::of(fix.fix_time, 0);
    let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
    let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
    let valid = validity(fix);
    let course = fix.course_deg.unwrap_or_default();
    format!(
        "imei:{device},{keyword},{ymd}{local},,F,{time}.000,{valid},{latitude},{north_south},\
         {longitude},{east_west},{:.3},{course:.1};",
        knots(fix)
    )
    .into_bytes()
}

/// `LOAD` and `ON`, which nothing ends; `**,imei:` IMEI `,` letter `;`.
fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    match bytes {
        [b'L', b'O', b'A', b'D', ..] => return Some((4, Meant::Welcome)),
        [b'O', b'N', ..] => return Some((2, Meant::Nothing)),
        [b'L' | b'O', ..] if bytes.len() < 4 => return None,
        _ => {}
    }
    let (text, length) = message(bytes, b";")?;
    let letter = text.strip_prefix("**,imei:").and_then(|rest| rest.split_once(','));
    Some((length, position_if(letter == Some((device.as_str(), "B")))))
}
