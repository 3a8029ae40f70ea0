//! Topflytech: T8603, T8806+ and TLW (vehicles), OBD dongles, TLP and Solarguard (assets).
//!
//! TCP and UDP on port 5050. Source: Topflytech's "Protocol of 880X", "880X Plus", "880XD" and
//! "Personal and asset tracker" and the codec that the maker publishes for integrators.
//!
//! | bytes | meaning |
//! |---|---|
//! | 2 | family: `##` 880X, `%%` 880X Plus and TLW, `&&` OBD, `''` personal and asset |
//! | 1 | message |
//! | 2 | length of all, big-endian |
//! | 2 | serial number, repeated in the answer |
//! | 8 | IMEI in BCD after a 0 |
//!
//! | message | meaning | part |
//! |---|---|---|
//! | 01, 03 | login, heartbeat | here |
//! | 02, 04, 13, 14 | position, alarm, the two with more inputs | `location` |
//! | 05 to 07 | driving: by position, by acceleration, an accident | `driving` |
//! | 05 of assets, 11 | network | `sensors` |
//! | 08, 09, 10, 12, 15 | Bluetooth, serial port or OBD, tags, tags with a position, Wi-Fi | `sensors` |
//! | 81 | answer to a command | `sensors` |
//!
//! Every message is answered with its own header, an alarm also with its code; the device keeps
//! what is not. Quirks: floating-point numbers and cells are little-endian amid big-endian ones;
//! a battery of 100 % is written 00; fields without a value are all ones.

mod driving;
mod location;
mod sensors;

use crate::field::{Reader, bcd};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step, Time};
use crate::{Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "t800x",
    title: "Topflytech 880X, TLW, OBD and asset trackers",
    port: 5050,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Tampering,
        Alarm::Removing,
        Alarm::AntiTheft,
        Alarm::Accident,
        Alarm::Rollover,
        Alarm::Fall,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerOn,
        Alarm::PowerRestored,
        Alarm::FuelLeak,
        Alarm::Temperature,
        Alarm::General,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// An accident is the longest: some hundred records of 30 bytes.
const MAX_FRAME: usize = 8192;
/// Up to the IMEI.
const HEADER: usize = 15;

/// Which of the maker's four protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Vehicle,
    VehiclePlus,
    Obd,
    Asset,
}

impl Family {
    const fn of(mark: u8) -> Option<Self> {
        match mark {
            b'#' => Some(Self::Vehicle),
            b'%' => Some(Self::VehiclePlus),
            b'&' => Some(Self::Obd),
            b'\'' => Some(Self::Asset),
            _ => None,
        }
    }
}

fn find(bytes: &[u8], _: bool) -> Step {
    match *bytes {
        [mark] if Family::of(mark).is_some() => Step::Need(HEADER),
        [first, second, ..] if first == second && Family::of(first).is_some() => {
            let Some(&[high, low]) = bytes.get(3..5) else { return Step::Need(HEADER) };
            match usize::from(u16::from_be_bytes([high, low])) {
                length @ HEADER..=MAX_FRAME if bytes.len() < length => Step::Need(length),
                length @ HEADER..=MAX_FRAME => Step::Frame { body: 0..length, end: length },
                _ => Step::Skip(1, Reason::Unframed),
            }
        }
        _ => {
            let next = bytes.iter().skip(1).position(|byte| Family::of(*byte).is_some());
            Step::Skip(next.map_or(bytes.len(), |at| at.saturating_add(1)), Reason::Unframed)
        }
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    let [mark, _] = reader.array()?;
    let family = Family::of(mark).ok_or(Reject::at(0, Reason::Malformed))?;
    let message = reader.u8()?;
    reader.skip(2)?;
    let serial = reader.array()?;
    let wrong_imei = reader.reject(Reason::Malformed);
    let imei = reader.array()?;
    let device = || bcd::imei(imei).ok_or(wrong_imei);
    let answer = Answer { mark, message, serial, imei };

    if message == 0x01 {
        out.login(device()?.as_str(), Standing::Claimed, Vec::new());
        out.reply(answer.bytes(0), When::Now);
        return Ok(());
    }
    out.identify_by(&imei, device)?;
    let mut alarm = 0;
    let result = match (message, family) {
        (0x03, _) => {
            out.reply(answer.bytes(0), When::Now);
            return Ok(());
        }
        (0x02 | 0x04 | 0x13 | 0x14, _) => {
            location::location(&mut reader, family, message, out).map(|code| alarm = code)
        }
        (0x05, Family::Asset) | (0x11, _) => sensors::network(&mut reader, out),
        (0x05, _) => driving::by_position(&mut reader, out),
        (0x06, _) => driving::by_acceleration(&mut reader, out),
        (0x07, _) => driving::accident(&mut reader, family, out),
        (0x08, _) => Ok(()),
        (0x09, Family::Obd) => sensors::diagnosis(&mut reader, out),
        (0x09, _) => sensors::serial_port(&mut reader, out),
        (0x10, _) => sensors::tags(&mut reader, out),
        (0x12, _) => sensors::tags_with_position(&mut reader, out),
        (0x15, Family::Asset) => sensors::access_points(&mut reader, out),
        (0x81, _) => sensors::command_answer(&mut reader, out),
        _ => Err(Reject::at(2, Reason::Unsupported)),
    };
    let is_answered = result.is_ok() || message_is_unknown(&result);
    if is_answered {
        out.reply(answer.bytes(alarm), When::Accepted);
    }
    result
}

/// The device would send for ever what we do not understand.
fn message_is_unknown(result: &Result<(), Reject>) -> bool {
    matches!(result, Err(Reject { reason: Reason::Unsupported, .. }))
}

struct Answer {
    mark: u8,
    message: u8,
    serial: [u8; 2],
    imei: [u8; 8],
}

impl Answer {
    /// The header again, and the code of the alarm where there is one.
    fn bytes(&self, alarm: u8) -> Vec<u8> {
        let length = if alarm == 0 { 15 } else { 16 };
        let mut bytes = Vec::with_capacity(usize::from(length));
        bytes.extend([self.mark, self.mark, self.message, 0, length]);
        bytes.extend(self.serial);
        bytes.extend(self.imei);
        bytes.extend((alarm != 0).then_some(alarm));
        bytes
    }
}

/// A date and time of day in UTC.
fn time(reader: &mut Reader<'_>) -> Result<Time, Reject> {
    let at = reader.offset();
    bcd::date_time(reader.array()?, 0, at)
}

/// Four digits; `None` where the field has no value.
fn four_digits(reader: &mut Reader<'_>) -> Result<Option<f64>, Reject> {
    let [high, low] = reader.array()?.map(bcd::byte);
    Ok(high.zip(low).map(|(high, low)| f64::from(high) * 100.0 + f64::from(low)))
}

/// Two digits; `None` where the field has no value.
fn two_digits(reader: &mut Reader<'_>) -> Result<Option<u8>, Reject> {
    Ok(bcd::byte(reader.u8()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_behind_garbage_and_its_length_believed() {
        assert_eq!(find(b"x%y%%", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"%y%%", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b"%", false), Step::Need(15));
        assert_eq!(find(b"%%\x03\0\x0f", false), Step::Need(15));
        assert_eq!(find(b"%%\x03\0\x0e", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"%%\x03\xff\xff", false), Step::Skip(1, Reason::Unframed));
    }
}
