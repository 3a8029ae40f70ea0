//! Watch: no greeting, reports by `UD`, by `AL` with an alarm; all in square brackets.

use super::plain::{Meant, Ways, message, silence};
use super::write::{Civil, validity};
use crate::{Alarm, Command, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: false, hear };

/// The upper half of the status tells what has just happened: bit 16, the SOS button.
const STATUS_SOS: u32 = 0x0001_0000;

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let is_sos = fix.alarms.contains(Alarm::Sos);
    let (command, status) = if is_sos { ("AL", STATUS_SOS) } else { ("UD", 0) };
    let Civil { date, time, .. } = Civil::of(fix.fix_time, 0);
    let north_south = if fix.latitude < 0.0 { 'S' } else { 'N' };
    let east_west = if fix.longitude < 0.0 { 'W' } else { 'E' };
    let content = format!(
        "{command},{date},{time},{},{:.6},{north_south},{:.6},{east_west},{:.2},{:.0},{:.0},9,100,\
         80,0,0,{status:08X},0",
        validity(fix),
        fix.latitude.abs(),
        fix.longitude.abs(),
        fix.speed_kmh.unwrap_or_default(),
        fix.course_deg.unwrap_or_default(),
        fix.altitude_m.unwrap_or_default(),
    );
    format!("[3G*{device}*{:04x}*{content}]", content.len()).into_bytes()
}

/// `[3G*` device `*` length `*` content.
fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"]")?;
    let parts: Vec<&str> = text.splitn(4, '*').collect();
    let meant = match parts.as_slice() {
        ["[3G", id, size, content] if *id == device.as_str() => {
            let is_whole = usize::from_str_radix(size, 16).ok() == Some(content.len());
            match (is_whole, *content, content.strip_prefix("MESSAGE,")) {
                (true, "CR", _) => Meant::Asked(Command::Position),
                (true, _, Some(hex)) => text_of(hex).map_or(Meant::Nothing, Meant::Asked),
                _ => Meant::Nothing,
            }
        }
        _ => Meant::Nothing,
    };
    Some((length, meant))
}

/// UTF-16 as hexadecimal.
fn text_of(hex: &str) -> Option<Command> {
    let units: Option<Vec<u16>> = hex
        .as_bytes()
        .chunks(4)
        .map(|digits| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .collect();
    String::from_utf16(&units?).ok().map(Command::Text)
}
