//! OsmAnd: one HTTP request a position.

use super::{Heard, Progress, Tracker};
use crate::{Alarm, DeviceId, Fix};

pub(super) struct OsmAnd {
    device: DeviceId,
}

impl OsmAnd {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self { device: device.clone() }
    }
}

impl Tracker for OsmAnd {
    fn hello(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let accepted = usize::from(bytes.starts_with(b"HTTP/1.1 200"));
        Heard { say: Vec::new(), accepted }
    }

    fn progress(&self) -> Progress {
        Progress::Ready
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        let alarm = if fix.alarms.contains(Alarm::Sos) { "&alarm=sos" } else { "" };
        let knots = fix.speed_kmh.unwrap_or_default() / 1.852;
        // Identities are letters and digits on every tracker; others would need escapes in a URL.
        let id: String = self.device.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        format!(
            "GET /?id={id}&timestamp={}&lat={:.6}&lon={:.6}&speed={knots:.3}&bearing={:.1}\
             &valid={}{alarm} HTTP/1.1\r\nHost: tracker\r\n\r\n",
            fix.fix_time.seconds(),
            fix.latitude,
            fix.longitude,
            fix.course_deg.unwrap_or_default(),
            fix.valid,
        )
        .into_bytes()
    }

    fn is_answered(&self) -> bool {
        true
    }
}
