//! Totem AT07, AT09 and kin.
//!
//! TCP and UDP on port 5044. Source: Totem Technology's "AT07 communication protocol" and "AT09
//! GPRS protocol", of which there are four forms.
//!
//! | form | frame | answer |
//! |---|---|---|
//! | 1 | `$$` length (2 hex) IMEI `\|` alarm `$GPRMC,…*CS\|` fields `\|` CRC | `ACK OK` |
//! | 2 | … IMEI `\|` alarm, date, time `\|` validity `\|` place and fields `\|` CRC | `ACK OK` |
//! | 3 | … IMEI `\|` alarm and fields without separators, CRC | `ACK OK` |
//! | 4 | `$$` length (4 decimals, the first 0) type IMEI `\|` fields without separators, index, sum | `$$0014AA` index sum |
//! | 4, OBD | … IMEI `\|` fields parted by `,` `\|` sum | the same |
//!
//! The length is the frame's, checksum included. The CRC of forms 1 to 3 is CRC-16/MODBUS, the sum
//! of form 4 the exclusive or, each of all that stands before it.
//!
//! Quirks: some firmware counts the line end behind the frame with it.

mod early;
mod fourth;

use crate::field::{Fields, checksum};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "totem",
    title: "Totem AT07, AT09 and kin",
    port: 5044,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::GpsAntennaCut,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::OvertimeParking,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerRestored,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Four digits that begin with a 0.
const MAX_FRAME: usize = 1000;
/// `$$` and the length.
const HEADER: usize = 6;

fn find(bytes: &[u8], last: bool) -> Step {
    match *bytes {
        [b'$'] | [b'$', b'$'] if !last => Step::Need(HEADER),
        [b'$', b'$', ..] => {
            let Some(digits) = bytes.get(2..HEADER) else { return Step::Need(HEADER) };
            let Some(length) = length(digits) else { return Step::Skip(1, Reason::Unframed) };
            match bytes.len() {
                held if held >= length => Step::Frame { body: 0..length, end: length },
                // It may have been miscounted.
                held if last => Step::Frame { body: 0..held, end: held },
                _ => Step::Need(length),
            }
        }
        [first, ..] if first.is_ascii_whitespace() => Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin = |byte: &u8| *byte == b'$' || byte.is_ascii_whitespace();
            let next = bytes.iter().skip(1).position(may_begin);
            let count = next.map_or(bytes.len(), |at| at.saturating_add(1));
            Step::Skip(count, Reason::Unframed)
        }
    }
}

fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    let length = if text.starts_with('0') {
        text.parse().ok()?
    } else {
        usize::from_str_radix(text.get(..2)?, 16).ok()?
    };
    (length > HEADER).then_some(length)
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let frame = frame.trim_ascii_end();
    if frame.get(2) == Some(&b'0') {
        return fourth::decode(frame, out);
    }
    let sum_at = frame.len().saturating_sub(4);
    let (content, sum) = frame.split_at_checked(sum_at).unwrap_or((frame, &[]));
    let stated = std::str::from_utf8(sum).ok().and_then(|sum| u16::from_str_radix(sum, 16).ok());
    match stated {
        Some(stated) if stated == checksum::crc16_modbus(content) => {}
        Some(_) => return Err(Reject::at(sum_at, Reason::Checksum)),
        None => return Err(Reject::at(sum_at, Reason::Malformed)),
    }
    early::decode(content, out)?;
    out.reply("ACK OK\r\n", When::Accepted);
    Ok(())
}

/// What stands before the first `|`.
fn identify(fields: &Fields<'_>, from: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let device = fields.text(0).get(from..).unwrap_or_default();
    let fits = (1..=20).contains(&device.len()) && device.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        return Err(Reject::at(from, Reason::Malformed));
    }
    out.identify(device);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_its_length_in_either_way() {
        assert_eq!(length(b"0108"), Some(108));
        assert_eq!(length(b"AE35"), Some(174));
        assert_eq!(length(b"0006"), None);
        assert_eq!(length(b"xx00"), None);
        assert_eq!(find(b"$$0108", false), Step::Need(108));
        assert_eq!(find(b"$", false), Step::Need(6));
        assert_eq!(find(b"a$$", false), Step::Skip(1, Reason::Unframed));
    }
}
