//! Meiligao: logs in by 5000, reports by 9955, by 9999 with an alarm.

use super::plain::{Meant, Ways, position_if};
use super::write::rmc;
use crate::field::checksum::crc16_ccitt_false;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways = Ways { hello, is_greeted: true, report, is_answered: false, hear };

/// Fourteen half bytes: digits, filled with F. A longer identity is named by its last ones.
fn number(device: &DeviceId) -> [u8; 7] {
    let digits: Vec<u8> = device.as_str().bytes().filter(u8::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(14);
    let mut halves = digits.iter().skip(from).map(|digit| digit & 15);
    std::array::from_fn(|_| {
        let mut half = || halves.next().unwrap_or(0x0f);
        (half() << 4) | half()
    })
}

fn frame(device: &DeviceId, message: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len().saturating_add(17)).unwrap_or_default();
    let mut frame = b"$$".to_vec();
    frame.extend(length.to_be_bytes());
    frame.extend(number(device));
    frame.extend(message.to_be_bytes());
    frame.extend(data);
    frame.extend(crc16_ccitt_false(&frame).to_be_bytes());
    frame.extend(b"\r\n");
    frame
}

fn hello(device: &DeviceId) -> Vec<u8> {
    frame(device, 0x5000, &[])
}

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let altitude = fix.altitude_m.unwrap_or_default();
    let position = format!("{}|0.9|{altitude:.0}|0000|0000,0000", rmc(fix));
    if fix.alarms.contains(Alarm::Sos) {
        return frame(device, 0x9999, &[&[1], position.as_bytes()].concat());
    }
    frame(device, 0x9955, position.as_bytes())
}

/// `@@`, length 2, number 7, message 2, data, sum 2, line end.
fn hear(device: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let [b'@', b'@', high, low, ..] = *bytes else {
        return if bytes.len() < 4 { None } else { Some((1, Meant::Nothing)) };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let whole = bytes.get(..length)?;
    let is_ours = whole.get(4..11) == Some(&number(device)[..]);
    let meant = match whole.get(11..).unwrap_or_default() {
        [0x40, 0x00, answer, ..] if is_ours => {
            if *answer == 1 {
                Meant::Welcome
            } else {
                Meant::Refused
            }
        }
        [0x41, 0x01, ..] => position_if(is_ours),
        _ => Meant::Nothing,
    };
    Some((length, meant))
}
