//! Wialon IPS 1.1: logs in by `L`, reports by `D`.

use super::plain::{Meant, Ways, message};
use super::write::{Civil, degrees_minutes};
use crate::{Alarm, Command, DeviceId, Fix};

pub(super) static WAYS: Ways = Ways { hello, is_greeted: true, report, is_answered: true, hear };

fn hello(device: &DeviceId) -> Vec<u8> {
    format!("#L#{device};NA\r\n").into_bytes()
}

fn report(_: &DeviceId, fix: &Fix) -> Vec<u8> {
    let Civil { date, time, .. } = Civil::of(fix.fix_time, 0);
    let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
    let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
    // Without satellites a position is not valid.
    let satellites = if fix.valid { 9 } else { 0 };
    let sos = if fix.alarms.contains(Alarm::Sos) { "SOS:1:1" } else { "NA" };
    format!(
        "#D#{date};{time};{latitude};{north_south};{longitude};{east_west};{:.0};{:.0};{:.0};\
         {satellites};0.9;0;0;;NA;{sos}\r\n",
        fix.speed_kmh.unwrap_or_default(),
        fix.course_deg.unwrap_or_default(),
        fix.altitude_m.unwrap_or_default(),
    )
    .into_bytes()
}

fn hear(_: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"\n")?;
    let meant = match text {
        "#AL#1" => Meant::Welcome,
        "#AD#1" => Meant::Accepted(1),
        _ if text.starts_with("#AL#") => Meant::Refused,
        _ => match text.strip_prefix("#M#") {
            Some(text) => Meant::Asked(Command::Text(text.to_owned())),
            None => Meant::Nothing,
        },
    };
    Some((length, meant))
}
