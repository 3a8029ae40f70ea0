//! Eelink: TK115 to TK419, GPT, GOT, K20 and kin, protocols 1.8 and 2.
//!
//! TCP and UDP on port 5064. Source: Eelink, "Terminal Communication Protocol" 1.8 and "Device
//! Protocol" 2.0 to 2.2.
//!
//! A package, big-endian: `67 67`, kind 1, length 2 (of what follows), number 2, content. One or
//! more may travel in an envelope: `EL`, length 2 (of what follows), sum 2 (each byte added to the
//! sum turned left by one bit), IMEI 8 (a 0 and 15 digits), packages. Datagrams always do.
//!
//! | kind | content | part |
//! |---|---|---|
//! | 01 | login: IMEI 8, language 1, zone 1; of protocol 2 also versions and parameters | here |
//! | 03 | heartbeat: status 2 | here |
//! | 02, 04, 05, 06 | position, alarm, event, text, of protocol 1 | `first` |
//! | 07 | engine: time 4, parameters; or a status | `first` |
//! | 12, 14, 15, 16 to 1a | position, warning, event, text and others, of protocol 2 | `second` |
//! | 1b | parameters | here |
//! | 80 | answer to a command: kind 1, number 4, text | here |
//!
//! Every package but 02 and 81 is answered with its kind and number, 02 too in an envelope; the
//! login of protocol 2 also with the time 4, `00 01` and 00.
//!
//! Status: bits 1, 3, 5, 7 say that the device has ignition, a motion sensor, a relay and a
//! charger; 2, 4, 6, 8 that it is on, armed, triggered, charging; 9 in motion; 12 to 15 inputs.

mod first;
mod second;

use crate::field::{Reader, bcd, date, nmea, number, search, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "eelink",
    title: "Eelink TK, GPT and GOT, protocols 1.8 and 2",
    port: 5064,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Removing,
        Alarm::GpsAntennaCut,
        Alarm::GpsAntennaShort,
        Alarm::Accident,
        Alarm::Rollover,
        Alarm::Fall,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowSpeed,
        Alarm::LowBattery,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// The maker bids packets be shorter than 1 024 bytes.
const MAX_FRAME: usize = 2048;
const MARK: [u8; 2] = [0x67, 0x67];
const ENVELOPE: [u8; 2] = *b"EL";
/// Mark, kind and length of a package.
const HEADER: usize = 5;
/// Mark, length, sum and IMEI of an envelope.
const ENVELOPE_HEADER: usize = 14;
const LOGIN: u8 = 0x01;
const HEARTBEAT: u8 = 0x03;
const ENGINE: u8 = 0x07;
const PARAMETERS: u8 = 0x1b;
const COMMAND_ANSWER: u8 = 0x80;
const BROADCAST: u8 = 0x81;
/// Protocol 1 logs in with 10 bytes, protocol 2 with 22.
const SECOND_LOGIN: usize = 20;

fn find(bytes: &[u8], _: bool) -> Step {
    let (length, least) = match *bytes {
        [0x67] | [b'E'] => return Step::Need(2),
        [0x67, 0x67, ..] => {
            let Some(&[high, low]) = bytes.get(3..HEADER) else { return Step::Need(HEADER) };
            (usize::from(u16::from_be_bytes([high, low])).saturating_add(HEADER), HEADER + 2)
        }
        [b'E', b'L', ..] => {
            let Some(&[high, low]) = bytes.get(2..4) else { return Step::Need(4) };
            (usize::from(u16::from_be_bytes([high, low])).saturating_add(4), ENVELOPE_HEADER)
        }
        _ => {
            let next = bytes.iter().skip(1).position(|byte| matches!(byte, 0x67 | b'E'));
            let length = next.map_or(bytes.len(), |at| at.saturating_add(1));
            return Step::Skip(length, Reason::Unframed);
        }
    };
    if !(least..=MAX_FRAME).contains(&length) {
        return Step::Skip(2, Reason::Malformed);
    }
    if bytes.len() < length {
        return Step::Need(length);
    }
    Step::Frame { body: 0..length, end: length }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    if !frame.starts_with(&ENVELOPE) {
        return package(context, &mut reader, None, out);
    }
    reader.skip(4)?;
    let wrong = reader.reject(Reason::Checksum);
    let stated = reader.be_u16()?;
    if sum(reader.rest()) != stated {
        return Err(wrong);
    }
    let imei = imei(&mut reader, out)?;
    while !reader.is_empty() {
        let begun_at = reader.offset();
        let Step::Frame { end: length, .. } = find(reader.rest(), true) else {
            return Err(Reject::at(begun_at, Reason::Malformed));
        };
        let mut part = reader.part(length)?;
        if let Err(reject) = package(context, &mut part, Some(imei), out) {
            out.reject(reject);
        }
    }
    Ok(())
}

fn sum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

/// Reads and identifies; answers the eight bytes as they stand.
fn imei(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<[u8; 8], Reject> {
    let malformed = reader.reject(Reason::Malformed);
    let imei: [u8; 8] = reader.array()?;
    out.identify_by(&imei, || bcd::imei(imei).ok_or(malformed))?;
    Ok(imei)
}

/// What an answer repeats.
struct Header {
    kind: u8,
    number: [u8; 2],
    envelope: Option<[u8; 8]>,
}

impl Header {
    fn answer(&self, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap_or_default().saturating_add(2);
        let [high, low] = length.to_be_bytes();
        let [first, second] = self.number;
        let mut bytes = Vec::with_capacity(32);
        bytes.extend(self.envelope.iter().flatten());
        bytes.extend(MARK);
        bytes.extend([self.kind, high, low, first, second]);
        bytes.extend_from_slice(content);
        if self.envelope.is_some() {
            let length = u16::try_from(bytes.len()).unwrap_or_default().saturating_add(2);
            let sum = sum(&bytes);
            let head = [ENVELOPE, length.to_be_bytes(), sum.to_be_bytes()];
            bytes.splice(0..0, head.into_iter().flatten());
        }
        bytes
    }
}

fn package(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    envelope: Option<[u8; 8]>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    reader.skip(2)?;
    let unsupported = reader.reject(Reason::Unsupported);
    let kind = reader.u8()?;
    reader.skip(2)?;
    let header = Header { kind, number: reader.array()?, envelope };
    let mut when = When::Accepted;
    match kind {
        LOGIN => {
            return login(context, reader, &header, out);
        }
        HEARTBEAT => {
            when = When::Now;
            if !reader.is_empty() {
                only_status(reader, out)?;
            }
        }
        // Some send their status as this.
        ENGINE if reader.remaining() == 4 => only_status(reader, out)?,
        ENGINE => first::engine(reader, out)?,
        0x02 | 0x04..=0x06 => first::report(kind, reader, out)?,
        0x12 | 0x14..=0x1a => second::report(kind, reader, out)?,
        PARAMETERS => when = When::Now,
        COMMAND_ANSWER => command_answer(reader, out)?,
        BROADCAST => return Ok(()),
        _ => return Err(unsupported),
    }
    if kind != 0x02 || envelope.is_some() {
        out.reply(header.answer(&[]), when);
    }
    Ok(())
}

fn login(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    header: &Header,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let is_second = reader.remaining() >= SECOND_LOGIN;
    let malformed = reader.reject(Reason::Malformed);
    let device = bcd::imei(reader.array()?).ok_or(malformed)?;
    out.login(device.as_str(), Standing::Claimed, Vec::new());
    let now = u32::try_from(context.received_at.seconds()).unwrap_or_default();
    let [a, b, c, d] = now.to_be_bytes();
    let content: &[u8] = if is_second { &[a, b, c, d, 0, 1, 0] } else { &[] };
    out.reply(header.answer(content), When::Now);
    Ok(())
}

fn only_status(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    status(reader, &mut attributes)?;
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}

/// Answers whether the position is a fix.
fn status(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<bool, Reject> {
    let bits = reader.be_u16()?;
    let is_set = |bit: u8| bits & (1 << bit) != 0;
    let mut set_if = |has: u8, name: &'static str, bit: u8| {
        attributes.set_some(name, is_set(has).then(|| is_set(bit)));
    };
    set_if(1, "ignition", 2);
    set_if(3, "armed", 4);
    set_if(3, "motion", 9);
    set_if(5, "relay", 6);
    set_if(7, "charging", 8);
    attributes.set("inputs", bits >> 12);
    attributes.set("status", bits);
    Ok(is_set(0))
}

/// Of both protocols.
fn warning(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::PowerCut,
        0x02 => Alarm::Sos,
        0x03 => Alarm::LowBattery,
        0x04 => Alarm::Vibration,
        0x05 | 0x26 => Alarm::Movement,
        0x08 => Alarm::GpsAntennaCut,
        0x09 => Alarm::GpsAntennaShort,
        // Inside and at the probe; 21 to 23 are humidity, light and carbon dioxide.
        0x20 | 0x24 => Alarm::Temperature,
        // Light falls where the device lay against the vehicle.
        0x25 => Alarm::Removing,
        0x81 => Alarm::LowSpeed,
        0x82 => Alarm::Overspeed,
        0x83 => Alarm::GeofenceEnter,
        0x84 => Alarm::GeofenceExit,
        0x85 => Alarm::Accident,
        0x86 => Alarm::Fall,
        // Tilted.
        0x87 => Alarm::Rollover,
        _ => return None,
    })
}

/// Where a device answers with its place, that is a position.
fn command_answer(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    reader.skip(5)?;
    let answer = text::utf8(reader.rest());
    if let Some(fix) = stated_place(&answer) {
        out.fix(fix, Attributes::new());
        return Ok(());
    }
    let mut attributes = Attributes::new();
    attributes.set("result", text::ascii(reader.rest()));
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}

/// `Lat:N38.914,Lon:E121.6147,Course:271.00,Speed:45.00km/h,DateTime:2026-06-15 01:59:55`, with
/// commas or line ends.
fn stated_place(answer: &str) -> Option<Fix> {
    let value = |name: &str| {
        let at = search::find(answer.as_bytes(), name.as_bytes())?.checked_add(name.len())?;
        answer.get(at..)?.split([',', '\n', '\r']).next()
    };
    let degrees = |name: &str| {
        let (hemisphere, degrees) = value(name)?.split_at_checked(1)?;
        nmea::signed(number::decimal(degrees)?, hemisphere)
    };
    let (day, of_day) = value("Time:")?.trim().split_once(' ')?;
    let time = date::written(day, of_day, 0)
        .or_else(|| Time::parse(&text::short(format_args!("{day}T{of_day}Z"))))?;
    let mut fix = Fix::new(time, degrees("Lat:")?, degrees("Lon:")?)?;
    let speed = value("Speed:")
        .map(|speed| speed.trim_end_matches(|c: char| c.is_alphabetic() || matches!(c, '/' | ' ')));
    fix.speed_kmh = speed.and_then(number::decimal).filter(|kmh| (0.0..1e4).contains(kmh));
    let course = value("Course:").and_then(|course| number::decimal(course.trim()));
    fix.course_deg = course.filter(|course| (0.0..=360.0).contains(course));
    Some(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_in_the_envelope_that_it_answers() {
        let envelope = Some([0x08, 0x61, 0x23, 0x00, 0x49, 0x17, 0x04, 0x12]);
        let header = Header { kind: 0x12, number: [0, 7], envelope };
        let answer = header.answer(&[]);
        assert_eq!(find(&answer, false), Step::Frame { body: 0..21, end: 21 });
        assert_eq!(answer.get(4..6), Some(&sum(&answer[6..]).to_be_bytes()[..]));
        let header = Header { envelope: None, ..header };
        assert_eq!(header.answer(&[1]), [0x67, 0x67, 0x12, 0, 3, 0, 7, 1]);
    }

    #[test]
    fn frames_are_found_behind_garbage() {
        assert_eq!(find(b"xE", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"Egg", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(b"gg\x03\0\x01", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"EL\xff\xff", false), Step::Skip(2, Reason::Malformed));
    }

    #[test]
    fn a_place_may_be_an_answer() {
        let fix = stated_place(
            "Lat:S38.914\nLon:W121.6147\nSpeed:0.17KM/H\nDate Time:2026-06-15 01:59:55\n",
        );
        let fix = fix.unwrap();
        assert_eq!((fix.latitude, fix.longitude, fix.speed_kmh), (-38.914, -121.6147, Some(0.17)));
        assert_eq!(stated_place("Lat:N0\nLon:E0"), None);
    }
}
