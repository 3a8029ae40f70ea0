//! Meitrack MVT, MT, T and TC trackers.
//!
//! TCP and UDP on port 5020. Source: Meitrack, "GPRS Protocol" (MVT380, MT90, T1, T333, T366).
//!
//! A frame: `$$`, a flag, the length from the first comma to the end, `,`, IMEI, `,`, command, `,`,
//! data, `*`, checksum (two digits of hexadecimal: the sum of all bytes through the `*`), `\r\n`.
//! An answer begins with `@@` and has the same form.
//!
//! | command | data | answer |
//! |---|---|---|
//! | `AAA` and others with a position | see `text` | none |
//! | `AAC` | the device asks whether it is heard | the same |
//! | `CCC`, `CCE` | binary positions: see `binary` | how many |
//! | `D00` to `D03` | photographs: not asked for | none |
//! | others | the device's answer to a command | none |
//!
//! Quirks: some firmware states a length that is one or two off; the line's end decides then.

mod binary;
mod command;
mod text;

use crate::field::{Fields, checksum};
use crate::framing::counted_line;
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports,
    When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "meitrack",
    title: "Meitrack MVT, MT, T, TC: text and binary",
    port: 5020,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::GpsAntennaCut,
        Alarm::Accident,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerRestored,
        Alarm::FuelLeak,
        Alarm::Fuel,
        Alarm::Temperature,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Photographs come in parts of 1 KiB, positions of a cache in some 1.5 KiB.
const MAX_FRAME: usize = 4096;
/// How far a stated length may be off.
const SLACK: usize = 16;
/// `*`, two digits, `\r\n`.
const TRAILER: usize = 5;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        [b'$', b'$', ..] => {}
        [b'$'] if !last => return Step::Need(2),
        _ => return Step::Skip(1, Reason::Unframed),
    }
    // `$$`, a flag that may be any character, up to four digits, a comma.
    let head = bytes.get(..8).unwrap_or(bytes);
    let Some(comma) = head.iter().skip(3).position(|byte| *byte == b',') else {
        if head.len() == 8 || last || !head.iter().skip(3).all(u8::is_ascii_digit) {
            return Step::Skip(2, Reason::Malformed);
        }
        return Step::Need(head.len().saturating_add(1));
    };
    let comma = comma.saturating_add(3);
    let digits = std::str::from_utf8(head.get(3..comma).unwrap_or_default()).unwrap_or_default();
    let Some(length) = digits.parse::<usize>().ok().filter(|length| *length <= MAX_FRAME) else {
        return Step::Skip(2, Reason::Malformed);
    };
    counted_line(bytes, comma.saturating_add(length), SLACK, last)
}

/// What lies before the `*`, where the checksum behind it is right.
fn verified(frame: &[u8]) -> Result<&[u8], Reject> {
    let frame = frame.strip_suffix(b"\r\n").unwrap_or(frame);
    let malformed = Reject::at(frame.len(), Reason::Malformed);
    let (summed, digits) = frame.split_last_chunk::<2>().ok_or(malformed)?;
    let content = summed.strip_suffix(b"*").ok_or(malformed)?;
    let stated =
        std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
    if stated == Some(checksum::sum8(summed)) {
        Ok(content)
    } else {
        Err(Reject::at(summed.len(), Reason::Checksum))
    }
}

/// An answer to the frame with this flag.
fn answer(flag: u8, device: &str, content: &str) -> Vec<u8> {
    let length = device.len().saturating_add(content.len()).saturating_add(2 + TRAILER);
    let mut bytes = vec![b'@', b'@', flag];
    bytes.extend(format!("{length},{device},{content}*").into_bytes());
    let sum = checksum::sum8(&bytes);
    bytes.extend(format!("{sum:02X}\r\n").into_bytes());
    bytes
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let content = verified(frame)?;
    let fields = Fields::split(content, b',');
    let device = fields.text(1);
    if !(10..=20).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    out.identify(device);
    let flag = content.get(2).copied().unwrap_or_default();
    match fields.text(2) {
        command @ ("CCC" | "CCE") => {
            let data = fields.offset(3);
            let count = if command == "CCC" {
                binary::fixed(content, data, out)?
            } else {
                binary::tagged(content, data, out)?
            };
            out.reply(answer(flag, device, &format!("{command},{count}")), When::Accepted);
            Ok(())
        }
        "AAC" => {
            out.reply(answer(flag, device, "AAC,1"), When::Now);
            Ok(())
        }
        "D00" | "D01" | "D02" | "D03" => Ok(()),
        command => {
            // A number may stand between the command and the event.
            let latitude = [4, 5].into_iter().find(|at| {
                fields.text(*at).contains('.')
                    && fields.text(at.saturating_add(1)).contains('.')
                    && fields.text(at.saturating_add(2)).len() == 12
            });
            if let Some(latitude) = latitude {
                return text::position(context, &fields, latitude, out);
            }
            if command.len() != 3 || command == "AAA" {
                return Err(fields.reject(2, Reason::Malformed));
            }
            let mut attributes = Attributes::new();
            let answer = fields.joined(2, fields.count());
            attributes.set("result", answer.into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
    }
}

/// The alarm of an event's number. 1 is the first input, where the SOS button is.
const fn alarm(event: u16) -> Option<Alarm> {
    match event {
        1 => Some(Alarm::Sos),
        17 => Some(Alarm::LowBattery),
        18 => Some(Alarm::LowPower),
        19 => Some(Alarm::Overspeed),
        20 => Some(Alarm::GeofenceEnter),
        21 => Some(Alarm::GeofenceExit),
        22 => Some(Alarm::PowerRestored),
        23 => Some(Alarm::PowerCut),
        28 => Some(Alarm::GpsAntennaCut),
        36 => Some(Alarm::Tow),
        44 => Some(Alarm::Jamming),
        50 | 51 => Some(Alarm::Temperature),
        53 => Some(Alarm::Fuel),
        54 => Some(Alarm::FuelLeak),
        78 => Some(Alarm::Accident),
        90 | 91 => Some(Alarm::HardCornering),
        129 => Some(Alarm::HardBraking),
        130 => Some(Alarm::HardAcceleration),
        135 => Some(Alarm::Fatigue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_off_is_mended_by_the_lines_end() {
        let good = b"$$z27,861451040910625,AAC,1*D3\r\n";
        let end = good.len();
        assert_eq!(find(good, false), Step::Frame { body: 0..end, end });
        let long = b"$$z28,861451040910625,AAC,1*D3\r\n$";
        assert_eq!(find(long, false), Step::Frame { body: 0..end, end });
        let short = b"$$z25,861451040910625,AAC,1*D3\r\n";
        assert_eq!(find(short, false), Step::Frame { body: 0..end, end });
        assert_eq!(find(b"$$z2", false), Step::Need(5));
        assert_eq!(find(b"$$z12345", false), Step::Skip(2, Reason::Malformed));
    }

    #[test]
    fn an_answer_has_the_form_of_a_frame() {
        let answer = answer(b'z', "861451040910625", "AAC,1");
        assert_eq!(answer, b"@@z27,861451040910625,AAC,1*0B\r\n");
    }
}
