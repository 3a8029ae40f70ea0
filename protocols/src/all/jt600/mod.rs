//! Jointech: JT600 and JT603 vehicle trackers, JT701 and JT707 container locks.
//!
//! TCP and UDP on port 5014. Source: Jointech's protocols of the JT600, JT603 and JT701.
//!
//! | frame | see |
//! |---|---|
//! | `$`, packed decimals | `binary` |
//! | `(` device `,` message `,` fields `)` | `text` |
//! | `(` device `,` … `,WLNET,` two fields `,` bytes of a wireless sensor's message `)` | `binary` |
//!
//! Quirks: the bytes in a `WLNET` frame may hold a `)`, so its end is sought behind the place that
//! stands there first.

mod binary;
mod text;

use memchr::memchr;

use crate::field::search;
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "jt600",
    title: "Jointech JT600, JT603 and JT701 locks",
    port: 5014,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::Tampering,
        Alarm::GpsAntennaCut,
        Alarm::IllegalDoor,
        Alarm::Vibration,
        Alarm::Unlock,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::LowBattery,
        Alarm::Fault,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Some seventy records.
const MAX_FRAME: usize = 2048;
const WIRELESS: &[u8] = b",WLNET,";
/// Where `,WLNET,` may stand.
const HEAD: usize = 48;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes.first() {
        Some(b'$') => {
            let Some(header) = binary::Header::read(bytes) else {
                return Step::Need(binary::Header::LENGTH);
            };
            if header.total > MAX_FRAME {
                return Step::Skip(1, Reason::TooLong);
            }
            if bytes.len() < header.total {
                return Step::Need(header.total);
            }
            Step::Frame { body: 0..header.total, end: header.total }
        }
        Some(b'(') => {
            let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
            let from = sensor_data(window).map_or(0, |at| at.saturating_add(binary::SENSOR));
            match memchr(b')', window.get(from..).unwrap_or_default()) {
                Some(length) => {
                    let at = from.saturating_add(length);
                    Step::Frame { body: 1..at, end: at.saturating_add(1) }
                }
                None if bytes.len() >= MAX_FRAME => Step::Skip(1, Reason::TooLong),
                None if last && from == 0 => Step::Frame { body: 1..bytes.len(), end: bytes.len() },
                None => Step::Need(bytes.len().saturating_add(1)),
            }
        }
        Some(byte) if byte.is_ascii_whitespace() => Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin = |byte: &u8| matches!(byte, b'$' | b'(') || byte.is_ascii_whitespace();
            Step::Skip(bytes.iter().position(may_begin).unwrap_or(bytes.len()), Reason::Unframed)
        }
    }
}

/// Where the bytes of a sensor's message begin, in a frame that has them.
fn sensor_data(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let head = head.get(..memchr(b')', head).unwrap_or(head.len())).unwrap_or(head);
    let fields = search::find(head, WIRELESS)?.checked_add(WIRELESS.len())?;
    let mut commas = memchr::memchr_iter(b',', head.get(fields..)?).skip(1);
    fields.checked_add(commas.next()?)?.checked_add(1)
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    if frame.first() == Some(&b'$') {
        return binary::decode(frame, out);
    }
    match sensor_data(frame) {
        Some(at) => {
            let device = frame.split(|byte| *byte == b',').next().unwrap_or_default();
            identify(std::str::from_utf8(device).unwrap_or_default(), out)?;
            binary::sensor(frame, at, out)
        }
        None => text::decode(frame, out),
    }
}

fn identify(device: &str, out: &mut Out<'_>) -> Result<(), Reject> {
    let fits = (1..=20).contains(&device.len()) && device.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        return Err(Reject::at(0, Reason::Malformed));
    }
    out.identify(device);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_sensor_may_hold_the_end_mark() {
        let frame = b"(7500000001,1,2,WLNET,5,2,)))))))))))))))))_____)(";
        assert_eq!(find(frame, false), Step::Frame { body: 1..48, end: 49 });
        assert_eq!(sensor_data(frame), Some(26));
        assert_eq!(find(&frame[..48], false), Step::Need(49));
        assert_eq!(find(b"(1,U01)", false), Step::Frame { body: 1..6, end: 7 });
        assert_eq!(find(b"\r\n(1", false), Step::Frame { body: 0..0, end: 1 });
        assert_eq!(find(b"ab(1", false), Step::Skip(2, Reason::Unframed));
    }
}
