//! Watches and pendants of 3G Electronics (SeTracker) and kin.
//!
//! TCP on port 5093. Source: 3G Electronics, "GPS tracker watch communication protocol".
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

use crate::field::{Fields, nmea, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Step, Transports, When,
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
    decoder: || Box::new(decode),
};

/// The length has four digits.
const MAX_FRAME: usize = 0x1_0000 + 64;
/// Where a frame's parts stand.
struct Head {
    device: (usize, usize),
    number: Option<(usize, usize)>,
    content: usize,
    length: usize,
}

/// Where the run of letters and digits from `from` on ends with a star. `Ok(None)` where more bytes
/// are needed.
fn star(bytes: &[u8], from: usize, longest: usize) -> Result<Option<usize>, Reason> {
    let run = bytes.get(from..).unwrap_or_default();
    let length = run.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    match run.get(length) {
        _ if length > longest => Err(Reason::Malformed),
        None => Ok(None),
        Some(b'*') if length > 0 => Ok(Some(from.saturating_add(length))),
        Some(_) => Err(Reason::Malformed),
    }
}

/// `Ok(None)` where more bytes are needed. Every decision is made by the first bytes that allow it.
fn head(bytes: &[u8]) -> Result<Option<Head>, Reason> {
    if bytes.iter().skip(1).take(2).any(|byte| !byte.is_ascii_alphanumeric()) {
        return Err(Reason::Malformed);
    }
    match bytes.get(3) {
        None => return Ok(None),
        Some(b'*') => {}
        Some(_) => return Err(Reason::Malformed),
    }
    let Some(first) = star(bytes, 4, 20)? else { return Ok(None) };
    let from = first.saturating_add(1);
    let Some(second) = star(bytes, from, 8)? else { return Ok(None) };
    let next = second.saturating_add(1);
    // With a number, four digits of length and a star follow.
    let digits = bytes.get(next..).unwrap_or_default();
    let run = digits.iter().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    match digits.get(run) {
        None if run <= 4 => Ok(None),
        Some(b'*') if run == 4 => {
            let until = next.saturating_add(run);
            let length = hex_length(bytes.get(next..until));
            let number = Some((from, second));
            let content = until.saturating_add(1);
            Ok(Some(Head { device: (4, first), number, content, length }))
        }
        _ if second.saturating_sub(from) == 4
            && bytes.get(from..second).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) =>
        {
            let length = hex_length(bytes.get(from..second));
            Ok(Some(Head { device: (4, first), number: None, content: next, length }))
        }
        _ => Err(Reason::Malformed),
    }
}

fn hex_length(digits: Option<&[u8]>) -> usize {
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    usize::from_str_radix(digits, 16).unwrap_or_default()
}

/// Voice and photographs hold any byte.
fn is_binary(content: &[u8]) -> bool {
    [&b"TK,"[..], b"JXTK,", b"img,"].iter().any(|command| content.starts_with(command))
}

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        [b'[', ..] => {}
        _ => return Step::Skip(1, Reason::Unframed),
    }
    let head = match head(bytes) {
        Ok(Some(head)) => head,
        Ok(None) if last => return Step::Skip(bytes.len(), Reason::Truncated),
        Ok(None) => return Step::Need(bytes.len().saturating_add(1)),
        Err(reason) => return Step::Skip(1, reason),
    };
    let content = bytes.get(head.content..).unwrap_or_default();
    // As many bytes as it takes to know whether it is binary.
    let Some(bracket) = memchr::memchr(b']', bytes.get(..MAX_FRAME).unwrap_or(bytes)) else {
        if bytes.len() >= MAX_FRAME {
            return Step::Skip(1, Reason::TooLong);
        }
        return if last {
            Step::Skip(bytes.len(), Reason::Truncated)
        } else {
            Step::Need(bytes.len().saturating_add(1))
        };
    };
    let mut end = bracket.saturating_add(1);
    if is_binary(content) {
        let stated = head.content.saturating_add(head.length);
        match bytes.get(stated) {
            Some(b']') => end = stated.saturating_add(1),
            Some(_) => {}
            None if last => return Step::Skip(bytes.len(), Reason::Truncated),
            None => return Step::Need(stated.saturating_add(1)),
        }
    }
    Step::Frame { body: 0..end, end }
}

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
    let answer = |content: &str| {
        let number = head.number.map(part).map(|number| format!("{number}*")).unwrap_or_default();
        format!("[{maker}*{device}*{number}{:04x}*{content}]", content.len())
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
    match command.to_ascii_uppercase().as_str() {
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

static ALARMS: &[(u8, Alarm)] = &[
    (0, Alarm::LowBattery),
    (1, Alarm::GeofenceExit),
    (2, Alarm::GeofenceEnter),
    (14, Alarm::PowerCut),
    (16, Alarm::Sos),
    (17, Alarm::LowBattery),
    (18, Alarm::GeofenceExit),
    (19, Alarm::GeofenceEnter),
    (20, Alarm::Removing),
    (21, Alarm::Fall),
    (22, Alarm::Fall),
];

/// The lower half of the status tells states, the upper one what has just happened.
fn states() -> AlarmSet {
    ALARMS.iter().filter(|(bit, _)| *bit < 16).map(|(_, alarm)| *alarm).collect()
}

fn position(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let date = nmea::date(fields.text(1)).ok_or_else(|| fields.reject(1, Reason::OutOfRange))?;
    let of_day =
        nmea::time_of_day_ms(fields.text(2)).ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
    let coordinate = |index: usize| {
        let value = fields.number(index)?;
        match fields.text(index.saturating_add(1)) {
            "S" | "W" => Some(-value.abs()),
            "N" | "E" | "" => Some(value),
            _ => None,
        }
    };
    let nowhere = || fields.reject(4, Reason::OutOfRange);
    let latitude = coordinate(4).ok_or_else(nowhere)?;
    let longitude = coordinate(6).ok_or_else(|| fields.reject(6, Reason::OutOfRange))?;
    let time = date.plus_millis(of_day);
    let mut fix = Fix::new(time, latitude, longitude).ok_or_else(nowhere)?;
    fill(&mut fix, fields);
    let mut attributes = Attributes::new();
    attributes.set_some("satellites", fields.parse::<u8>(11));
    attributes.set_some("rssi", fields.parse::<u8>(12));
    attributes.set_some("battery_percent", percent(fields, 13));
    attributes.set_some("steps", fields.parse::<u32>(14));
    if let Ok(status) = u32::from_str_radix(fields.text(16), 16) {
        let on = |bit: u8| status & (1 << bit) != 0;
        fix.alarms = ALARMS.iter().filter(|(bit, _)| on(*bit)).map(|(_, alarm)| *alarm).collect();
        fix.alarm_states = states();
        attributes.set("status", status);
    }
    if fields.parse::<u8>(17).is_some_and(|cells| cells > 0) {
        attributes.set_some("mcc", fields.parse::<u16>(19));
        attributes.set_some("mnc", fields.parse::<u16>(20));
        attributes.set_some("lac", fields.parse::<u32>(21));
        attributes.set_some("cell_id", fields.parse::<u32>(22));
    }
    out.fix(fix, attributes);
    Ok(())
}

fn fill(fix: &mut Fix, fields: &Fields<'_>) {
    fix.valid = fields.text(3) == "A";
    fix.speed_kmh = fields.number(8).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(9).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_number_or_has_none() {
        let plain = b"[3G*8800000015*0002*LK]";
        assert_eq!(find(plain, false), Step::Frame { body: 0..23, end: 23 });
        let numbered = b"[ZJ*8800000015*0034*0002*LK]";
        assert_eq!(find(numbered, false), Step::Frame { body: 0..28, end: 28 });
        assert_eq!(head(numbered).unwrap().unwrap().length, 2);
        assert_eq!(find(b"[3G", false), Step::Need(4));
        assert_eq!(find(b"[3G?", false), Step::Skip(1, Reason::Malformed));
    }

    #[test]
    fn a_bracket_within_voice_ends_nothing() {
        let voice = b"[CS*1234567890*0007*TK,#]!A]";
        assert_eq!(find(voice, false), Step::Frame { body: 0..28, end: 28 });
        assert_eq!(find(&voice[..26], false), Step::Need(28));
    }
}
