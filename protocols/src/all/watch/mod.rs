//! Watches and pendants of 3G Electronics (SeTracker) and kin.
//!
//! TCP and UDP on port 5093. Source: 3G Electronics, "GPS tracker watch communication protocol".
//!
//! A frame: `[` maker (two letters) `*` device `*`, on some a number `*`, length of the content in
//! four hexadecimal digits `*` content `]`. An answer has the same form.
//!
//! | content | meaning | answer |
//! |---|---|---|
//! | `INIT,…` | login | `INIT,1` |
//! | `LK` or `LK,`steps`,`turns`,`percent | alive | `LK` |
//! | `UD…`, `WT…` | position | none |
//! | `AL…` | position with an alarm | `AL` |
//! | `TKQ`, `TKQ2` | are there messages of voice | the same |
//! | `JXTK,…` | a part of such a message | `JXTKR,1` |
//! | `TK,…`, `img,…` | voice, photograph: not kept | none |
//! | `PULSE`, `HEART`, `BLOOD`, `BPHRT`, `OXYGEN`, `TEMP`, `BTEMP2` | health | none |
//! | others | the device's answer to a command | none |
//!
//! A position: `ddmmyy`, `hhmmss` (UTC), `A`, latitude, `N`, longitude, `E`, km/h, course, metres,
//! satellites, signal, percent, steps, turns, status, cells, access points.
//!
//! Quirks: the length is often wrong, and needed only where the content is binary. Coordinates may
//! have a sign beside their letter.

mod command;
mod framing;
mod position;

use framing::{MAX_FRAME, find, head};
use position::position;

use std::fmt::Write as _;

use crate::field::{Fields, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Standing,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "watch",
    title: "Watches of 3G Electronics (SeTracker) and kin",
    port: 5093,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Removing,
        Alarm::Fall,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::LowBattery,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let malformed = Reject::at(0, Reason::Malformed);
    let head = head(frame).ok().flatten().ok_or(malformed)?;
    let part = |(from, until): (usize, usize)| {
        frame.get(from..until).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    };
    let maker = part((1, 3));
    let device = part(head.device);
    let plausible = (4..=20).contains(&device.len())
        && device.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && maker.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plausible {
        return Err(Reject::at(4, Reason::Malformed));
    }
    if let [first, second] = *maker.as_bytes() {
        out.manner(command::manner([first, second], head.number.is_some()));
    }
    let answer = |content: &str| {
        let (number, mark) = head.number.map_or(("", ""), |number| (part(number), "*"));
        let mut answer = String::with_capacity(64);
        // A string takes all that is written.
        let length = content.len();
        let _ = write!(answer, "[{maker}*{device}*{number}{mark}{length:04x}*{content}]");
        answer
    };
    let until = frame.len().saturating_sub(1);
    let content = frame.get(head.content..until).ok_or(malformed)?;
    // Offsets count from the frame's first byte: what stands before the content is a field too.
    let before = frame.get(..until).unwrap_or_default();
    let fields = Fields::split(before, b',');
    let command = content.split(|byte| *byte == b',').next().unwrap_or_default();
    let command = std::str::from_utf8(command).unwrap_or_default();
    if command == "INIT" {
        out.login(device, Standing::Claimed, Vec::new());
        out.reply(answer("INIT,1"), When::Now);
        return Ok(());
    }
    out.identify(device);
    match text::upper_case(command).as_str() {
        "" => Err(Reject::at(head.content, Reason::Malformed)),
        "LK" => {
            if fields.count() > 3 {
                let mut attributes = Attributes::new();
                attributes.set_some("steps", fields.parse::<u32>(1));
                attributes.set_some("battery_percent", percent(&fields, 3));
                out.report(None, AlarmSet::EMPTY, attributes);
            }
            out.reply(answer("LK"), When::Now);
            Ok(())
        }
        "TKQ" | "TKQ2" => {
            out.reply(answer(command), When::Now);
            Ok(())
        }
        "JXTK" => {
            out.reply(answer("JXTKR,1"), When::Now);
            Ok(())
        }
        "TK" | "IMG" => Ok(()),
        name if ["UD", "AL", "WT"].iter().any(|prefix| name.starts_with(prefix)) => {
            position(&fields, out)?;
            if name.starts_with("AL") {
                out.reply(answer("AL"), When::Accepted);
            }
            Ok(())
        }
        name => {
            other(name, &fields, content, out);
            Ok(())
        }
    }
}

fn percent(fields: &Fields<'_>, index: usize) -> Option<u8> {
    fields.parse::<u8>(index).filter(|percent| *percent <= 100)
}

/// Health, or an answer to a command.
fn other(name: &str, fields: &Fields<'_>, content: &[u8], out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let number = |index: usize| fields.parse::<u16>(index).filter(|value| *value > 0);
    match name {
        "PULSE" | "HEART" => attributes.set_some("heart_rate", number(1)),
        "BLOOD" | "BPHRT" => {
            attributes.set_some("blood_pressure_high", number(1));
            attributes.set_some("blood_pressure_low", number(2));
            attributes.set_some("heart_rate", number(3));
        }
        "OXYGEN" => attributes.set_some("oxygen_percent", percent(fields, 2)),
        "TEMP" => attributes.set_some("body_temperature_c", fields.number(1)),
        "BTEMP2" if number(1).is_some() => {
            attributes.set_some("body_temperature_c", fields.number(2));
        }
        "BTEMP2" => {}
        _ if text::is_printable(content) => attributes.set("result", text::ascii(content)),
        _ => {}
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}
