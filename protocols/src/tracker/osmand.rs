//! OsmAnd: one HTTP request a position.

use super::plain::{Meant, Ways, silence};
use super::write::knots;
use crate::{Alarm, DeviceId, Fix};

pub(super) static WAYS: Ways =
    Ways { hello: silence, is_greeted: false, report, is_answered: true, hear };

fn report(device: &DeviceId, fix: &Fix) -> Vec<u8> {
    let alarm = if fix.alarms.contains(Alarm::Sos) { "&alarm=sos" } else { "" };
    // Identities are letters and digits on every tracker; others would need escapes in a URL.
    let id: String = device.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    format!(
        "GET /?id={id}&timestamp={}&lat={:.6}&lon={:.6}&speed={:.3}&bearing={:.1}\
         &valid={}{alarm} HTTP/1.1\r\nHost: tracker\r\n\r\n",
        fix.fix_time.seconds(),
        fix.latitude,
        fix.longitude,
        knots(fix),
        fix.course_deg.unwrap_or_default(),
        fix.valid,
    )
    .into_bytes()
}

/// One answer a request, without a body.
fn hear(_: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let accepted = usize::from(bytes.starts_with(b"HTTP/1.1 200"));
    Some((end.saturating_add(4), Meant::Accepted(accepted)))
}
