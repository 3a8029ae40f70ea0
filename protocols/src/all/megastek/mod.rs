//! Megastek (GVT, MT and PT series), and the GPRMC trackers of before that others sold too.
//!
//! TCP and UDP on port 5024. Source: Megastek's "GPRS protocol" of the GVT-900, GVT-430 and MT-90.
//!
//! | frame | see |
//! |---|---|
//! | `$MGV002,…;!`, its length in four digits before it or not | `current` |
//! | `STX` or `LOGSTX`, then a GPRMC sentence and a status, `;` and a checksum | `older` |
//!
//! Devices end a frame with `;!`, with a line end, or with both. The server answers nothing.

mod current;
mod older;

use memchr::memchr;

use crate::field::{search, text};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "megastek",
    title: "Megastek GVT, MT and PT",
    port: 5024,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::GpsAntennaCut,
        Alarm::Vibration,
        Alarm::Lock,
        Alarm::Unlock,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowSpeed,
        Alarm::Fatigue,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::PowerRestored,
        Alarm::Fault,
        Alarm::Tow,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Ten access points make a frame of some 400 bytes.
const MAX_FRAME: usize = 1024;

fn find(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let line = memchr(b'\n', window).map(|at| (at, at.saturating_add(1)));
    let mark = search::find(window, b";!").map(|at| (at.saturating_add(1), at.saturating_add(2)));
    let (until, end) = match (line, mark) {
        (Some(line), Some(mark)) => line.min(mark),
        (Some(found), None) | (None, Some(found)) => found,
        (None, None) if bytes.len() >= MAX_FRAME => return Step::Skip(MAX_FRAME, Reason::TooLong),
        (None, None) if last => (bytes.len(), bytes.len()),
        (None, None) => return Step::Need(bytes.len().saturating_add(1)),
    };
    let body = bytes.get(..until).unwrap_or_default().trim_ascii_end().len();
    Step::Frame { body: 0..body, end }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    if let Some(start) = search::find(frame, b"$MGV") {
        return current::decode(frame, start, out);
    }
    match frame {
        [b'S', b'T', b'X', ..] => older::decode(frame, 0, out),
        [b'L', b'O', b'G', b'S', b'T', b'X', ..] => older::decode(frame, 3, out),
        _ => Err(Reject::at(0, Reason::Unsupported)),
    }
}

/// The alarm that a device names.
fn alarm(name: &str) -> Option<Alarm> {
    let mut letters = text::Short::new();
    for letter in name.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_')) {
        if letters.try_push(letter.to_ascii_lowercase()).is_err() {
            return None;
        }
    }
    let name = letters;
    if name.starts_with("geo") || name.starts_with("move") {
        return match name.as_str() {
            name if name.ends_with("in") => Some(Alarm::GeofenceEnter),
            name if name.ends_with("out") => Some(Alarm::GeofenceExit),
            _ => None,
        };
    }
    Some(match name.as_str() {
        "pwon" | "poweron" => Alarm::PowerOn,
        "pwoff" | "poweroff" => Alarm::PowerOff,
        "sos" | "help" => Alarm::Sos,
        "overspeed" => Alarm::Overspeed,
        "lowspeed" => Alarm::LowSpeed,
        "lowbattery" | "lowbatt" => Alarm::LowBattery,
        "lowexternvoltage" | "lowextvol" => Alarm::LowPower,
        "gpscut" => Alarm::GpsAntennaCut,
        "vib" | "hit" => Alarm::Vibration,
        "corner" => Alarm::HardCornering,
        "fatigue" => Alarm::Fatigue,
        "tow" => Alarm::Tow,
        "psd" => Alarm::PowerCut,
        "psr" => Alarm::PowerRestored,
        "belton" => Alarm::Lock,
        "beltoff" => Alarm::Unlock,
        "error" => Alarm::Fault,
        _ => return None,
    })
}

/// A device's number, or its name.
fn identify(device: &str, at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let device = device.trim();
    if device.is_empty() {
        return Err(Reject::at(at, Reason::Unidentified));
    }
    if device.len() > 20 || !device.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Reject::at(at, Reason::Malformed));
    }
    out.identify(device);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_with_its_mark_or_with_the_line() {
        assert_eq!(find(b"$MGV,a;!\r\n", false), Step::Frame { body: 0..7, end: 8 });
        assert_eq!(find(b"\r\n$MGV", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"STX,a;5E\r\n", false), Step::Frame { body: 0..8, end: 10 });
        assert_eq!(find(b"$MGV,a;", false), Step::Need(8));
        assert_eq!(find(b"$MGV,a;", true), Step::Frame { body: 0..7, end: 7 });
    }

    #[test]
    fn alarms_are_known_however_they_are_spelt() {
        assert_eq!(alarm("Over Speed"), Some(Alarm::Overspeed));
        assert_eq!(alarm("Geo2 Out"), Some(Alarm::GeofenceExit));
        assert_eq!(alarm("Move In"), Some(Alarm::GeofenceEnter));
        assert_eq!(alarm("Timer"), None);
        assert_eq!(alarm("Nil-Alarms"), None);
    }
}
