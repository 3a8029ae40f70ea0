//! Suntech ST200, ST300, ST400, ST500, ST600, ST900 and the universal ST4000 series.
//!
//! TCP and UDP on port 5011. Source: Suntech, "Air Interface Protocol" of ST200, ST300, ST600R,
//! ST410, ST910 and "ST4000 series universal protocol".
//!
//! | frame | form |
//! |---|---|
//! | `ST300STT;…`, `SA200EMG;…`, `ST910;Location;…` | text up to a carriage return: see `text` |
//! | `STT;…`, `ALT;…`, `BLE;…`, `RES;…` | the same, universal: see `universal` |
//! | `CRR;…` | a crash, in parts: see `crash` |
//! | `81`, `82`, length 2, … | universal, binary: see `universal` |
//!
//! Nothing is answered, and there is no checksum over a message.
//!
//! Quirks: a report of the serial port (`UEX`) holds whatever was read there, and one of a crash
//! (`CRR`) samples, line ends included; the length stands before them.

mod command;
mod crash;
mod text;
mod universal;

use crate::field::{Fields, Reader};
use crate::{Alarm, Context, Decoder, Framer, Out, Protocol, Reason, Reject, Step, Transports};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "suntech",
    title: "Suntech ST200 to ST900 and universal ST4000",
    port: 5011,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::GpsAntennaCut,
        Alarm::GpsAntennaShort,
        Alarm::IllegalMovement,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Door,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::RouteDeviation,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowBattery,
        Alarm::PowerRestored,
        Alarm::General,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(Suntech::default()),
};

/// The settings that a device lists have some 1 000 bytes, the serial port's data up to 512.
const MAX_FRAME: usize = 4096;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => Step::Frame { body: 0..0, end: 1 },
        [0x80..=0x8f, ..] => {
            let mut reader = Reader::new(bytes);
            let length = reader.u8().and_then(|_| reader.be_u16());
            let Ok(length) = length.map(usize::from) else { return Step::Need(3) };
            let end = length.saturating_add(3);
            if end > MAX_FRAME || length < 8 {
                return Step::Skip(1, Reason::Malformed);
            }
            if bytes.len() < end { Step::Need(end) } else { Step::Frame { body: 0..end, end } }
        }
        [b'A'..=b'Z' | b'-', ..] => find_text(bytes, last),
        _ => Step::Skip(1, Reason::Unframed),
    }
}

/// A carriage return ends a message, but not within the data of a serial port or of a crash.
fn find_text(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    for at in memchr::memchr_iter(b'\r', window) {
        let message = window.get(..at).unwrap_or_default();
        match text::binary_data(message) {
            Some(data) if at < data.end => {}
            _ => return Step::Frame { body: 0..at, end: at.saturating_add(1) },
        }
    }
    if bytes.len() >= MAX_FRAME {
        Step::Skip(MAX_FRAME, Reason::TooLong)
    } else if last {
        Step::Frame { body: 0..bytes.len(), end: bytes.len() }
    } else {
        Step::Need(bytes.len().saturating_add(1))
    }
}

/// What is remembered of a connection: the parts of a crash that have come.
#[derive(Default)]
struct Suntech {
    crash: crash::Parts,
}

impl Decoder for Suntech {
    fn decode(&mut self, _: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        if frame.first().is_some_and(|first| *first >= 0x80) {
            return universal::decode_binary(frame, out);
        }
        let fields = Fields::split(frame, b';');
        out.manner(command::manner(fields.bytes(0)));
        match fields.text(0) {
            "STT" | "ALT" | "BLE" | "UEX" | "TRV" => universal::decode(&fields, out),
            "CRR" => self.crash.decode(&fields, frame, out),
            _ => text::decode(&fields, frame, out),
        }
    }
}

/// A device: digits, rarely letters.
fn identify(fields: &Fields<'_>, index: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let device = fields.text(index);
    let plausible =
        (3..=20).contains(&device.len()) && device.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plausible {
        return Err(fields.reject(index, Reason::Malformed));
    }
    out.identify(device);
    Ok(())
}

/// What an alert's number means; the numbers are the same in all series.
const fn alert(number: u8) -> Option<Alarm> {
    match number {
        1 => Some(Alarm::Overspeed),
        3 => Some(Alarm::GpsAntennaCut),
        5 => Some(Alarm::GeofenceExit),
        6 => Some(Alarm::GeofenceEnter),
        8 => Some(Alarm::GpsAntennaShort),
        14 => Some(Alarm::LowBattery),
        15 => Some(Alarm::Vibration),
        16 => Some(Alarm::Accident),
        18 => Some(Alarm::RouteDeviation),
        40 => Some(Alarm::PowerRestored),
        41 => Some(Alarm::PowerCut),
        42 => Some(Alarm::Sos),
        46 => Some(Alarm::HardAcceleration),
        47 => Some(Alarm::HardBraking),
        48 => Some(Alarm::HardCornering),
        50 => Some(Alarm::Jamming),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_in_serial_data_ends_no_message() {
        let message = b"ST300UEX;1234;45;311;20260615;01:59:55;14c943;+38.914000;+121.614700;0;0;\
            9;1;0;12.1;100000;5;ab\r\nc;3E\r";
        let end = message.len();
        assert_eq!(find(message, false), Step::Frame { body: 0..end - 1, end });
        assert_eq!(find(b"SA200ALV;1\r\n", false), Step::Frame { body: 0..10, end: 11 });
        assert_eq!(find(b"\x81\x00", false), Step::Need(3));
        assert_eq!(find(b"\x81\x00\x08", false), Step::Need(11));
        assert_eq!(find(b"\x81\x00\x02", false), Step::Skip(1, Reason::Malformed));
    }
}
