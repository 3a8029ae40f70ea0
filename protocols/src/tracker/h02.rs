//! H02 as text: `*HQ,…,V1,…#`, no greeting.

use super::write::{date_time, degrees_minutes};
use super::{Heard, Progress, Tracker};
use crate::{Alarm, DeviceId, Fix};

/// Status bits are active-low; bit 1 of the first byte is the emergency button.
const STATUS_CALM: u32 = 0xffff_ffff;
const STATUS_SOS: u32 = 0xffff_fffd;

pub(super) struct H02 {
    device: DeviceId,
}

impl H02 {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self { device: device.clone() }
    }
}

impl Tracker for H02 {
    fn hello(&mut self) -> Vec<u8> {
        Vec::new()
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
        let status = if fix.alarms.contains(Alarm::Sos) { STATUS_SOS } else { STATUS_CALM };
        let device = &self.device;
        format!(
            "*HQ,{device},V1,{hour:02}{minute:02}{second:02},{valid},{latitude},{north_south},\
             {longitude},{east_west},{knots:06.2},{course:03.0},{day:02}{month:02}{year:02},\
             {status:08X}#"
        )
        .into_bytes()
    }

    fn is_answered(&self) -> bool {
        false
    }
}
