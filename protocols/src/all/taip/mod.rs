//! TAIP: Trimble's ASCII Interface Protocol, and the makers that widened it (Virtualtec Virloc,
//! Sanav, Antares, Enfora, RedGPS, Maxtrack).
//!
//! TCP and UDP on port 5026. Source: Trimble's TAIP reference (Placer and Lassen manuals), the
//! makers' sheets of `RUS`, `RCQ` and `RUV`.
//!
//! A frame is `>` kind and data `;ID=` device `;#` number `;*` checksum `<`. The checksum is the
//! exclusive or of all from `>` on, up to the `*` and with it; some makers leave the `*` out.
//!
//! | kind | data before the position | time |
//! |---|---|---|
//! | `RPV` | | seconds of the day |
//! | `REV` | event (2) | GPS week (4), day (1), seconds (5) |
//! | `RGP`, `RPI`, `RTT`, `RCQ`, `RCV`, `RBR` | event (2) of some | `ddmmyyhhmmss` |
//! | `RUS`*nn*`,` | | the same; then fields |
//! | `RUV`*nn*event`,`name`,` | | the same; then fields; or no position |
//! | `RLN`, `RCP`, `RAL`, others | | told beside `RPV`: passed over |
//!
//! The position is latitude `±DDddddd`, longitude `±DDDddddd` (or `±DDMM.mmmm`, `±DDDMM.mmmm`),
//! mph (3; km/h in `RUV`), course (3), source (1; 9 is none), and of the dated ones age, inputs,
//! event and HDOP, two digits each; `RCQ` has its battery and odometer behind the inputs.
//!
//! Answered are positions: with `>ACK` and what names the frame, with `>SAK` where its number is
//! `#IP`, or with the device's name alone where it has no number.

mod kinds;

use kinds::{named_event, position};

use std::fmt::Write as _;

use crate::field::{checksum, text};
use crate::framing::{window, without_end};
use crate::{Alarm, Attributes, Context, Framer, Out, Protocol, Reason, Reject};
use crate::{Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "taip",
    title: "TAIP (Trimble) and its makers' kinds",
    port: 5026,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Accident,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// The longest of the makers' frames have some 250 bytes.
const MAX_FRAME: usize = 1024;
fn find(bytes: &[u8], last: bool) -> Step {
    let is_mark = |byte: &u8| matches!(byte, b'<' | b'>');
    match bytes.first() {
        Some(b'>') => {
            let window = window(bytes, MAX_FRAME);
            let next = window.iter().skip(1).position(is_mark).map(|at| at.saturating_add(1));
            match next {
                Some(at) if bytes.get(at) == Some(&b'<') => {
                    Step::Frame { body: 0..at, end: at.saturating_add(1) }
                }
                Some(at) => Step::Skip(at, Reason::Truncated),
                None => without_end(bytes, 0, MAX_FRAME, last),
            }
        }
        Some(byte) if byte.is_ascii_whitespace() => Step::Frame { body: 0..0, end: 1 },
        _ => {
            let may_begin = |byte: &u8| *byte == b'>' || byte.is_ascii_whitespace();
            Step::Skip(bytes.iter().position(may_begin).unwrap_or(bytes.len()), Reason::Unframed)
        }
    }
}

/// What follows the data.
#[derive(Default)]
struct Names<'a> {
    device: Option<&'a str>,
    number: Option<&'a str>,
    number_is_first: bool,
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    verify(frame)?;
    let text = std::str::from_utf8(frame).map_err(|_| Reject::at(0, Reason::Malformed))?;
    let mut parts = text.get(1..).unwrap_or_default().split(';');
    let data = parts.next().unwrap_or_default();
    // With the `>`, which offsets count.
    let marked = text.get(..data.len().saturating_add(1)).unwrap_or_default();
    let mut names = Names::default();
    let mut attributes = Attributes::new();
    for part in parts {
        if part.starts_with('#') {
            names.number = Some(part);
            names.number_is_first = names.device.is_none();
        } else if let Some((key, value)) = part.split_once('=') {
            match text::lower_case(key).as_str() {
                "id" => names.device = Some(value),
                key => attribute(key, value, &mut attributes),
            }
        }
    }
    if let Some(device) = names.device {
        let fits =
            (1..=24).contains(&device.len()) && device.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(Reject::at(0, Reason::Malformed));
        }
        out.identify(device);
    }
    if data.starts_with("RUV") {
        named_event(context, marked, attributes, out)?;
    } else {
        match data.get(..3).unwrap_or_default() {
            "RPV" | "REV" | "RGP" | "RPI" | "RTT" | "RCQ" | "RCV" | "RBR" | "RUS" => {
                let (fix, attributes) = position(context, marked, attributes)?;
                out.fix(fix, attributes);
            }
            "RLN" | "RCP" | "RAL" | "RTM" | "RVR" | "RST" | "RID" | "RIP" => return Ok(()),
            _ => return Err(Reject::at(1, Reason::Unsupported)),
        }
    }
    if let Some(answer) = answer(&names) {
        out.reply(answer, When::Accepted);
    }
    Ok(())
}

/// With the star or without it.
fn verify(frame: &[u8]) -> Result<(), Reject> {
    let Some(star) = frame.iter().rposition(|byte| *byte == b'*') else { return Ok(()) };
    let digits_at = star.saturating_add(1);
    let (summed, digits) = frame.split_at_checked(digits_at).unwrap_or((frame, &[]));
    let stated =
        std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
    let sum = checksum::xor(summed);
    match stated {
        Some(stated) if stated == sum || stated == sum ^ b'*' => Ok(()),
        Some(_) => Err(Reject::at(digits_at, Reason::Checksum)),
        None => Err(Reject::at(digits_at, Reason::Malformed)),
    }
}

fn answer(names: &Names<'_>) -> Option<String> {
    let device = names.device?;
    let mut answer = String::with_capacity(64);
    // A string takes all that is written.
    let _ = match names.number {
        None => write!(answer, "{device}"),
        Some(number) if number.starts_with("#IP") => {
            write!(answer, ">SAK;ID={device};{number}<")
        }
        Some(number) => {
            let _ = if names.number_is_first {
                write!(answer, ">ACK;{number};ID={device};*")
            } else {
                write!(answer, ">ACK;ID={device};{number};*")
            };
            let sum = checksum::xor(answer.as_bytes());
            write!(answer, "{sum:02X}<")
        }
    };
    Some(answer)
}

/// `;KEY=value`, of Sanav and Enfora.
fn attribute(key: &str, value: &str, attributes: &mut Attributes) {
    let digit = |place: usize| {
        value.get(place..place.saturating_add(1)).and_then(|digit| digit.parse::<u8>().ok())
    };
    match key {
        "io" => {
            attributes.set_some("ignition", digit(0).map(|bits| bits & 1 != 0));
            attributes.set_some("charging", digit(0).map(|bits| bits & 2 != 0));
            attributes.set_some("outputs", digit(1));
            attributes.set_some("inputs", digit(2));
        }
        "ad" => attributes.set_some("adc_1", value.parse::<i32>().ok()),
        "sv" => attributes.set_some("satellites", value.parse::<u8>().ok()),
        "bl" => {
            let millivolts = value.parse::<u16>().ok();
            attributes.set_some("battery_v", millivolts.map(|value| f64::from(value) / 1000.0));
        }
        "vo" => attributes.set_some("odometer_m", value.parse::<u32>().ok()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_its_end_costs_only_itself() {
        assert_eq!(find(b">RPV<", false), Step::Frame { body: 0..4, end: 5 });
        assert_eq!(find(b">RP>RPV<", false), Step::Skip(3, Reason::Truncated));
        assert_eq!(find(b"ab\n>", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b">RPV", true), Step::Frame { body: 0..4, end: 4 });
    }
}
