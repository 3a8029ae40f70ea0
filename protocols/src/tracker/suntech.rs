//! Suntech ST300: no greeting, reports by `STT`, by `EMG` where the button is pressed.

use super::plain::{Meant, Ways, message, position_if, silence};
use super::write::Civil;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: false, hear };

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    // Inputs with ignition, then mode 2: driving; or kind 1 of an emergency: the button.
    let (kind, mode) = if fix.alarms.contains(Alarm::Sos) { ("EMG", 1) } else { ("STT", 2) };
    let Civil { year, month, day, hour, minute, second, .. } = Civil::of(fix.fix_time, 0);
    format!(
        "ST300{kind};{device};45;311;20{year:02}{month:02}{day:02};{hour:02}:{minute:02}:\
         {second:02};14c943;{:+010.6};{:+011.6};{:07.3};{:06.2};9;{};0;12.10;100000;{mode};0001\r",
        fix.latitude,
        fix.longitude,
        fix.speed_kmh.unwrap_or_default(),
        fix.course_deg.unwrap_or_default(),
        u8::from(fix.valid),
    )
    .into_bytes()
}

fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"\r")?;
    Some((length, position_if(text == format!("ST300CMD;{device};02;StatusReq"))))
}
