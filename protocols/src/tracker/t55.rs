//! T55: NMEA 0183 sentences behind a line that names the device.

use super::plain::{Ways, deaf};
use super::write::rmc;
use crate::field::checksum::xor;
use crate::{DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello, is_greeted: false, report, is_answered: false, hear: deaf };

fn sentence(body: &str) -> Vec<u8> {
    format!("${body}*{:02X}\r\n", xor(body.as_bytes())).into_bytes()
}

fn hello(device: &DeviceId) -> Vec<u8> {
    sentence(&format!("PGID,{device}"))
}

fn report(_: &DeviceId, fix: &Fix) -> Vec<u8> {
    sentence(&format!("GPRMC,{},,", rmc(fix)))
}
