//! Queclink GL200: no greeting, reports by `+RESP:GTFRI`, by `GTSOS` where the button is pressed.

use super::plain::{Meant, Ways, message, position_if, silence};
use super::write::Civil;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: true, hear };

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let kind = if fix.alarms.contains(Alarm::Sos) { "SOS" } else { "FRI" };
    let Civil { year, month, day, time, .. } = Civil::of(fix.fix_time, 0);
    let instant = format!("20{year:02}{month:02}{day:02}{time}");
    // An accuracy of 0 says that there is no fix.
    let accuracy = u8::from(fix.valid);
    format!(
        "+RESP:GT{kind},02010C,{device},,0,0,1,{accuracy},{:.1},{:.0},{:.1},{:.6},{:.6},{instant},\
         0460,0000,0000,0000,,80,{instant},0001$",
        fix.speed_kmh.unwrap_or_default(),
        fix.course_deg.unwrap_or_default(),
        fix.altitude_m.unwrap_or_default(),
        fix.longitude,
        fix.latitude,
    )
    .into_bytes()
}

/// `+SACK:` count; `AT+GTRTO=` password `,1,,,,,,` count.
fn hear(_: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let (text, length) = message(bytes, b"$")?;
    let fields: Vec<&str> = text.split(',').collect();
    let meant = match fields.as_slice() {
        ["+SACK:0001"] => Meant::Accepted(1),
        ["AT+GTRTO=gl200", "1", "", "", "", "", "", count] => position_if(count.len() == 4),
        _ => Meant::Nothing,
    };
    Some((length, meant))
}
