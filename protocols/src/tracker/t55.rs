//! T55: NMEA 0183 sentences behind a line that names the device.

use super::write::{date_time, degrees_minutes};
use super::{Heard, Progress, Tracker};
use crate::field::checksum::xor;
use crate::{DeviceId, Fix};

pub(super) struct T55 {
    device: DeviceId,
}

impl T55 {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self { device: device.clone() }
    }
}

fn sentence(body: &str) -> Vec<u8> {
    format!("${body}*{:02X}\r\n", xor(body.as_bytes())).into_bytes()
}

impl Tracker for T55 {
    fn hello(&mut self) -> Vec<u8> {
        sentence(&format!("PGID,{}", self.device))
    }

    fn hear(&mut self, _: &[u8]) -> Heard {
        Heard::default()
    }

    fn progress(&self) -> Progress {
        Progress::Ready
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        let [year, month, day, hour, minute, second] = date_time(fix.fix_time, 0);
        let (latitude, north_south) = degrees_minutes(fix.latitude, 2, ['N', 'S']);
        let (longitude, east_west) = degrees_minutes(fix.longitude, 3, ['E', 'W']);
        let valid = if fix.valid { 'A' } else { 'V' };
        let knots = fix.speed_kmh.unwrap_or_default() / 1.852;
        let course = fix.course_deg.unwrap_or_default();
        sentence(&format!(
            "GPRMC,{hour:02}{minute:02}{second:02}.000,{valid},{latitude},{north_south},\
             {longitude},{east_west},{knots:.2},{course:.1},{day:02}{month:02}{year:02},,"
        ))
    }

    fn is_answered(&self) -> bool {
        false
    }
}
