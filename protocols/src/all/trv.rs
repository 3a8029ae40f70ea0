//! TRV and IW: ThinkRace and Wonlex trackers and watches (TR02, GF-07, GF-21, PT and kin).
//!
//! TCP and UDP on port 5031. Source: ThinkRace's "TR02 protocol", the "Protocol for GPS Watch" of
//! IW devices.
//!
//! A frame is a maker (`TRV`, `IW`), a message of four characters, then what follows, up to `#`.
//! The answer has the next letter for its first: `AP01` is answered `BP01`, `YP14` is `ZP14`.
//!
//! | message | what follows |
//! |---|---|
//! | `AP00` | IMEI (`,` ICCID `,` IMSI) |
//! | `AP01`, `AP10`, `YP03`, `YP14` | a position: see [`position`]; `AP10` with `,` alarm behind the cell |
//! | `AP02` | `,` language, answer, count, country, network, cells `area\|cell\|signal`, access points |
//! | `AP03` | `,` state `,` steps `,` turns |
//! | `CP01`, `YP16` | `,` state |
//! | `AP49`, `APHT`, `APHP`, `AP50` | `,` pulse; pressures; oxygen, sugar, temperature; battery |
//! | `APFD`, `APWR` | fallen; worn or not |
//! | `AP07` | `,` time, packets, packet, length, then so many bytes of speech |
//! | `AP…,080835,…` | an answer to a command of that number |
//!
//! The state: signal, satellites, battery (three digits each), ignition (1), arming (2), mode (2).
//!
//! Quirks: speech may hold a `#`, so its length counts. Frames may be parted by line ends.

use memchr::{memchr, memchr_iter};

use crate::field::{Fields, nmea};
use crate::framing::{between, window, without_end};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject};
use crate::{Standing, Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "trv",
    title: "TRV and IW trackers and watches (ThinkRace, Wonlex)",
    port: 5031,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[Alarm::Sos, Alarm::LowBattery, Alarm::Fall, Alarm::Removing, Alarm::General],
    commands: None,
    decoder: || Box::new(decode),
};

/// Speech comes in packets of 1 024 bytes; lists of cells and access points are shorter.
const MAX_FRAME: usize = 2048;
const SPEECH: &[u8] = b"IWAP07,";
/// Commas of a packet of speech before its data.
const SPEECH_COMMAS: usize = 5;

fn find(bytes: &[u8], last: bool) -> Step {
    if let Some(step) = between(bytes, |_| true) {
        return step;
    }
    let window = window(bytes, MAX_FRAME);
    if let Some(length) = speech_length(window) {
        if length > MAX_FRAME {
            return Step::Skip(1, Reason::TooLong);
        }
        if bytes.len() < length {
            return Step::Need(length);
        }
        return Step::Frame { body: 0..length.saturating_sub(1), end: length };
    }
    match memchr(b'#', window) {
        Some(at) => Step::Frame { body: 0..at, end: at.saturating_add(1) },
        None => without_end(bytes, 0, MAX_FRAME, last),
    }
}

/// The length of a packet of speech, its `#` included, once its header is whole.
fn speech_length(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(SPEECH) {
        return None;
    }
    let head = bytes.get(..memchr(b'#', bytes).unwrap_or(bytes.len())).unwrap_or(bytes);
    let mut commas = memchr_iter(b',', head).skip(SPEECH_COMMAS.saturating_sub(2));
    let (before, after) = (commas.next()?, commas.next()?);
    let length = bytes.get(before.saturating_add(1)..after)?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    after.checked_add(2)?.checked_add(length)
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let malformed = Reject::at(0, Reason::Malformed);
    let (maker_length, head_length) = if frame.starts_with(b"TRV") { (3, 7) } else { (2, 6) };
    let (head, body) = frame.split_at_checked(head_length).ok_or(malformed)?;
    let head = std::str::from_utf8(head).map_err(|_| malformed)?;
    let (maker, message) = head.split_at_checked(maker_length).ok_or(malformed)?;
    let is_named = maker.bytes().all(|byte| byte.is_ascii_uppercase())
        && message.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_named {
        return Err(malformed);
    }
    let fields = Fields::split(frame, b',');
    let answer = |tail: &str| -> String {
        let mut letters = message.bytes();
        let first = letters.next().map_or('?', |letter| char::from(letter.saturating_add(1)));
        format!("{maker}{first}{}{tail}#", message.get(1..).unwrap_or_default())
    };
    match message {
        "AP00" => {
            let imei = body.split(|byte| *byte == b',').next().unwrap_or_default();
            let imei = std::str::from_utf8(imei).unwrap_or_default().trim();
            let fits = (1..=20).contains(&imei.len())
                && imei.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !fits {
                return Err(Reject::at(head.len(), Reason::Malformed));
            }
            out.login(imei, Standing::Claimed, Vec::new());
            // Watches set their clocks by it.
            let time = if maker == "IW" { clock(context) } else { String::new() };
            out.reply(answer(&time), When::Now);
        }
        "AP01" | "AP10" | "YP03" | "YP14" => {
            position(&fields, head.len(), message == "AP10", out)?;
            out.reply(answer(""), When::Accepted);
        }
        "AP02" => {
            cells(&fields, out);
            out.reply(answer(""), When::Now);
        }
        "AP03" | "CP01" | "YP16" => {
            let mut attributes = Attributes::new();
            state(fields.text(1), &mut attributes);
            if message == "AP03" {
                attributes.set_some("steps", fields.parse::<u32>(2));
                attributes.set_some("turns", fields.parse::<u32>(3));
            }
            out.report(None, AlarmSet::EMPTY, attributes);
            out.reply(answer(""), When::Now);
        }
        "AP07" => {
            let tail = format!(",{},1", fields.joined(1, 4));
            out.reply(answer(&tail), When::Now);
        }
        "AP49" | "APHT" | "APHP" | "AP50" | "APFD" | "APWR" => {
            health(&fields, message, out);
            out.reply(answer(""), When::Accepted);
        }
        "YP02" | "APWT" | "APTQ" | "APVR" | "AP89" | "APHD" | "APJK" | "APST" | "APUB" => {
            out.reply(answer(""), When::Now);
        }
        _ if is_command_number(fields.text(1)) => {
            let mut attributes = Attributes::new();
            let text = String::from_utf8_lossy(frame.get(maker_length..).unwrap_or_default());
            attributes.set("result", text.into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
        }
        _ => {
            // A device would repeat what is not answered.
            out.reply(answer(""), When::Now);
            if !(message.starts_with("YP1") || message == "AP14") {
                return Err(Reject::at(maker_length, Reason::Unsupported));
            }
        }
    }
    Ok(())
}

fn clock(context: &Context<'_>) -> String {
    let now = context.received_at.to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    format!(",{digits},0")
}

fn is_command_number(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Without separators: date `yymmdd`, `A` or `V`, latitude, `N`, longitude, `E`, speed in km/h (5
/// characters), time `hhmmss`, course (6), the state; then `,` country, network, area, cell, and
/// alarm or access points.
fn position(
    fields: &Fields<'_>,
    head: usize,
    has_alarm: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let text = fields.text(0).get(head..).unwrap_or_default();
    let wrong = |place: usize| Reject::at(head.saturating_add(place), Reason::OutOfRange);
    let malformed = Reject::at(head, Reason::Malformed);
    let (date, rest) = text.split_at_checked(6).ok_or(malformed)?;
    let (validity, rest) = rest.split_at_checked(1).ok_or(malformed)?;
    let north = rest.find(['N', 'S']).ok_or(malformed)?;
    let (latitude, rest) = rest.split_at_checked(north).ok_or(malformed)?;
    let (north, rest) = rest.split_at_checked(1).ok_or(malformed)?;
    let east = rest.find(['E', 'W']).ok_or(malformed)?;
    let (longitude, rest) = rest.split_at_checked(east).ok_or(malformed)?;
    let (east, rest) = rest.split_at_checked(1).ok_or(malformed)?;
    let (speed, rest) = rest.split_at_checked(5).ok_or(malformed)?;
    let (time, rest) = rest.split_at_checked(6).ok_or(malformed)?;
    let (course, rest) = rest.split_at_checked(6).ok_or(malformed)?;

    let midnight = nmea::date_ymd(date).ok_or_else(|| wrong(0))?;
    let of_day = nmea::time_of_day_ms(time).ok_or_else(|| wrong(text.len()))?;
    let degrees = |value: &str, letter: &str| nmea::signed(nmea::degrees(value)?, letter);
    let latitude = degrees(latitude, north).ok_or_else(|| wrong(7))?;
    let longitude = degrees(longitude, east).ok_or_else(|| wrong(8))?;
    let mut fix =
        Fix::new(midnight.plus_millis(of_day), latitude, longitude).ok_or_else(|| wrong(7))?;
    fix.valid = validity == "A";
    fix.speed_kmh = speed.parse().ok().filter(|speed: &f64| *speed >= 0.0);
    fix.course_deg = course.parse().ok().filter(|course| (0.0..=360.0).contains(course));
    let mut attributes = Attributes::new();
    state(rest, &mut attributes);
    cell(fields, 1, &mut attributes);
    if has_alarm {
        let code = fields.text(5);
        fix.alarms.extend(alarm(code));
        attributes.set_some("event", (!matches!(code, "" | "00")).then(|| code.to_owned()));
    }
    out.fix(fix, attributes);
    Ok(())
}

/// The makers agree on the first two only.
fn alarm(code: &str) -> Option<Alarm> {
    match code {
        "" | "00" => None,
        "01" => Some(Alarm::Sos),
        "02" => Some(Alarm::LowBattery),
        "06" => Some(Alarm::Fall),
        _ => Some(Alarm::General),
    }
}

fn state(text: &str, attributes: &mut Attributes) {
    let number = |from: usize, until: usize| -> Option<u16> { text.get(from..until)?.parse().ok() };
    attributes.set_some("rssi", number(0, 3));
    attributes.set_some("satellites", number(3, 6));
    attributes.set_some("battery_percent", number(6, 9));
    // 0 says nothing.
    let two_state = |value: Option<u16>| value.filter(|value| *value != 0).map(|value| value == 1);
    attributes.set_some("ignition", two_state(number(9, 10)));
    attributes.set_some("armed", two_state(number(10, 12)));
    attributes.set_some("mode", number(12, 14).filter(|mode| *mode != 0));
}

fn cell(fields: &Fields<'_>, from: usize, attributes: &mut Attributes) {
    for (index, name) in (from..).zip(["mcc", "mnc", "lac", "cell_id"]) {
        attributes.set_some(name, fields.parse::<u32>(index));
    }
}

/// The cell that serves stands first.
fn cells(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    attributes.set_some("mcc", fields.parse::<u16>(4));
    attributes.set_some("mnc", fields.parse::<u16>(5));
    let mut parts = fields.text(6).split('|').map(str::parse::<u32>);
    for name in ["lac", "cell_id", "rssi"] {
        attributes.set_some(name, parts.next().and_then(Result::ok));
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

fn health(fields: &Fields<'_>, message: &str, out: &mut Out<'_>) {
    let names: &[&'static str] = match message {
        "AP49" => &["heart_rate"],
        "APHT" => &["heart_rate", "pressure_systolic", "pressure_diastolic"],
        "APHP" => &[
            "heart_rate",
            "pressure_systolic",
            "pressure_diastolic",
            "blood_oxygen_percent",
            "blood_sugar",
            "temperature_c",
        ],
        "AP50" => &["temperature_c", "battery_percent"],
        _ => &[],
    };
    let mut attributes = Attributes::new();
    for (index, name) in (1..).zip(names) {
        attributes.set_some(*name, fields.number(index));
    }
    let mut alarms = AlarmSet::EMPTY;
    match message {
        "APFD" => alarms.insert(Alarm::Fall),
        "APWR" => {
            let is_worn = fields.text(2) == "1";
            attributes.set("worn", is_worn);
            if !is_worn {
                alarms.insert(Alarm::Removing);
            }
        }
        _ => {}
    }
    out.report(None, alarms, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_as_long_as_it_says() {
        let packet = b"IWAP07,20260615015955,6,1,5,a#b#c#IWAP03#";
        assert_eq!(find(packet, false), Step::Frame { body: 0..33, end: 34 });
        assert_eq!(find(&packet[..32], false), Step::Need(34));
        assert_eq!(find(&packet[..10], false), Step::Need(11));
        assert_eq!(find(b"\r\nIW", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"IWAP07,1,6,1,5000,a", false), Step::Skip(1, Reason::TooLong));
    }
}
