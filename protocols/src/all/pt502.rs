//! Bofan PT502, PT510, PT600 and kin.
//!
//! TCP on port 5017. Source: Bofan, "Protocol and command list" 1.2, as far as it is public, the
//! PT502's manual and frames of devices.
//!
//! A frame: a line that begins with `$`; a `#` may end it, and five bytes of which the first is `bf`
//! may come before it. No checksum.
//!
//! | frame | answer |
//! |---|---|
//! | `$` kind `,` position | |
//! | `$PHO` bytes `-` number `,` position: there is a photograph, or none of 0 bytes | `#PHD0,` how many, at most 960 |
//! | `$PHD` from `,` how many `,` bytes: a part of it, which is not kept | the same of the next, up to the last |
//! | `$FUS` IMEI `,` firmware | |
//! | others: what a command has done | |
//!
//! | field of a position | meaning |
//! |---|---|
//! | 1 | device, in digits |
//! | 2 to 10 | as in RMC: time, `A` or `V`, latitude, `N`, longitude, `E`, knots, course, date |
//!
//! Two or three commas behind it come fields parted by `/`, of which the last may be missing:
//!
//! | field | meaning |
//! |---|---|
//! | 0 | `A`: a fix of now |
//! | 1 | inputs, outputs: a digit each; the first input is the emergency button, the fourth the ignition |
//! | 2 | analogue inputs (hexadecimal); unit not known |
//! | 3, 4 | metres travelled, driver's card |
//! | 5 | a hexadecimal digit each: battery, signal, satellites (15: or more) |
//!
//! | kind | alarm |
//! |---|---|
//! | `IN1` | emergency |
//! | `GOF`, `GEO` | fence |
//! | `TOW`, `PMA`, `SKA` | towed, moved, shaken |
//! | `HDA`, `HDB`, `FDA`, `SPD` | accelerated, braked hard, fatigue, too fast |
//! | `CPA`, `LPA` | power cut, battery low |

use memchr::memchr2;

use crate::attributes::numbered;
use crate::field::{Fields, nmea};
use crate::framing::{window, without_end};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Decoder, Framer, Out, Protocol, Reason, Reject, Step,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "pt502",
    title: "Bofan PT502, PT510, PT600",
    port: 5017,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::Fatigue,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowBattery,
    ],
    commands: None,
    decoder: || Box::new(Pt502::default()),
};

/// Positions have some 120 bytes; a part of a photograph has what was asked for and its head.
const MAX_FRAME: usize = 2048;
/// So much of a photograph devices send at once.
const PART: u32 = 960;
/// What stands before some frames.
const PREFIX: (u8, usize) = (0xbf, 5);
const PHOTOGRAPH: &[u8] = b"$PHD";
/// The longest head of such a part: two numbers of ten digits.
const MAX_HEAD: usize = 26;

/// What the head of a part of a photograph says, as far as it is there.
enum Head {
    Part { from: u32, count: u32, length: usize },
    Cut,
    Other,
}

fn head(bytes: &[u8]) -> Head {
    let window = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    let Some(rest) = window.strip_prefix(PHOTOGRAPH) else {
        return if PHOTOGRAPH.starts_with(window) { Head::Cut } else { Head::Other };
    };
    let mut numbers = [0_u32; 2];
    let mut behind = rest;
    for number in &mut numbers {
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = behind.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(&mark) = behind.get(digits) else {
            return if window.len() < MAX_HEAD { Head::Cut } else { Head::Other };
        };
        let Some(read) = text.and_then(|text| text.parse().ok()).filter(|_| mark == b',') else {
            return Head::Other;
        };
        *number = read;
        behind = behind.get(digits.saturating_add(1)..).unwrap_or_default();
    }
    let [from, count] = numbers;
    Head::Part { from, count, length: window.len().saturating_sub(behind.len()) }
}

fn find(bytes: &[u8], is_last: bool) -> Step {
    let (prefix, length) = PREFIX;
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'#';
    match bytes.first() {
        Some(first) if *first == prefix => {
            return match bytes.len() {
                0..5 => Step::Need(length),
                _ => Step::Frame { body: 0..0, end: length },
            };
        }
        Some(b'$') => {}
        Some(first) if is_between(first) => {
            let count = bytes.iter().take_while(|byte| is_between(byte)).count();
            return Step::Frame { body: 0..0, end: count };
        }
        _ => {
            let begins = |byte: &u8| *byte == prefix || *byte == b'$' || is_between(byte);
            let next = bytes.iter().position(begins).unwrap_or(bytes.len());
            return Step::Skip(next.max(1), Reason::Unframed);
        }
    }
    match head(bytes) {
        Head::Part { count, length, .. } => {
            let end = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(length);
            return match end {
                _ if end > MAX_FRAME => Step::Skip(1, Reason::TooLong),
                _ if bytes.len() < end => Step::Need(end),
                _ => Step::Frame { body: 0..end, end },
            };
        }
        Head::Cut if !is_last => return Step::Need(bytes.len().saturating_add(1)),
        Head::Cut | Head::Other => {}
    }
    match memchr2(b'\r', b'\n', window(bytes, MAX_FRAME)) {
        Some(until) => Step::Frame { body: 0..until, end: until.saturating_add(1) },
        None => without_end(bytes, 0, MAX_FRAME, is_last),
    }
}

/// One connection.
#[derive(Default)]
struct Pt502 {
    /// How many bytes the photograph has that is being sent.
    photograph: u32,
}

impl Decoder for Pt502 {
    fn decode(&mut self, _: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        if let Head::Part { from, count, .. } = head(frame) {
            // A device that sends nothing would be asked for it for ever.
            if count > 0 {
                self.ask(from.saturating_add(count), out);
            }
            return Ok(());
        }
        let frame = frame.trim_ascii_end();
        let fields = Fields::split(frame.strip_suffix(b"#").unwrap_or(frame), b',');
        let Some((kind, rest)) = fields.text(0).split_at_checked(4) else {
            return Err(Reject::at(0, Reason::Malformed));
        };
        let kind = kind.strip_prefix('$').unwrap_or_default();
        match kind {
            "FUS" => {
                let mut attributes = Attributes::new();
                attributes.set("imei", rest.to_owned());
                attributes.set("firmware", fields.joined(1, fields.count()));
                out.report(None, AlarmSet::EMPTY, attributes);
                Ok(())
            }
            "POS" | "PHO" => {
                let read = position(kind, &fields, out);
                let bytes = rest.split('-').next().and_then(|bytes| bytes.parse().ok());
                if let Some(bytes) = bytes.filter(|_| kind == "PHO") {
                    self.photograph = bytes;
                    self.ask(0, out);
                }
                read
            }
            _ if alarm(kind).is_some() || matches!(fields.text(3), "A" | "V") => {
                position(kind, &fields, out)
            }
            _ => {
                let mut attributes = Attributes::new();
                attributes.set("result", fields.joined(0, fields.count()));
                out.report(None, AlarmSet::EMPTY, attributes);
                Ok(())
            }
        }
    }
}

impl Pt502 {
    /// For what comes `from` there on of the photograph, where there is more.
    fn ask(&mut self, from: u32, out: &mut Out<'_>) {
        match self.photograph.checked_sub(from) {
            None | Some(0) => self.photograph = 0,
            Some(left) => {
                let count = left.min(PART);
                out.reply_text(format_args!("#PHD{from},{count}\r\n"), When::Now);
            }
        }
    }
}

fn alarm(kind: &str) -> Option<Alarm> {
    Some(match kind {
        "IN1" => Alarm::Sos,
        "GOF" | "GEO" => Alarm::Geofence,
        "TOW" => Alarm::Tow,
        "PMA" => Alarm::Movement,
        "SKA" => Alarm::Vibration,
        "HDA" => Alarm::HardAcceleration,
        "HDB" => Alarm::HardBraking,
        "FDA" => Alarm::Fatigue,
        "SPD" => Alarm::Overspeed,
        "CPA" => Alarm::PowerCut,
        "LPA" => Alarm::LowBattery,
        _ => return None,
    })
}

fn position(kind: &str, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let device = fields.text(1);
    if device.is_empty() || device.len() > 20 || !device.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    if fields.count() <= 10 {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    out.identify(device);
    let alarms: AlarmSet = alarm(kind).into_iter().collect();
    let mut attributes = Attributes::new();
    if kind != "POS" {
        attributes.set("event", kind.to_owned());
    }
    let rest = fields.joined(11, fields.count());
    state(&Fields::split(rest.as_bytes(), b'/'), &mut attributes);
    match nmea::rmc(fields, 2) {
        Ok(Some(mut fix)) => {
            fix.alarms = alarms;
            out.fix(fix, attributes);
            Ok(())
        }
        // The alarm counts wherever and whenever it was.
        read => {
            let time = nmea::instant(fields, 10, 2).ok();
            out.report(time, alarms, attributes);
            read.map(|_| ())
        }
    }
}

fn state(fields: &Fields<'_>, attributes: &mut Attributes) {
    let (inputs, outputs) = fields.text(1).split_once(',').unwrap_or_default();
    attributes.set_some("ignition", inputs.as_bytes().get(3).map(|digit| *digit == b'1'));
    attributes.set_some("inputs", lines(inputs));
    attributes.set_some("outputs", lines(outputs));
    for (number, value) in (1_u8..=8).zip(fields.text(2).split(',')) {
        let value = u16::from_str_radix(value, 16).ok();
        attributes.set_some(numbered!("adc_", number, "_raw"), value);
    }
    attributes.set_some("odometer_m", fields.parse::<u32>(3));
    let card = fields.text(4);
    attributes.set_some("driver_id", (!card.is_empty()).then(|| card.to_owned()));
    if let [battery, signal, satellites] = fields.bytes(5) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        attributes.set_some("battery_raw", digit(battery));
        attributes.set_some("rssi", digit(signal));
        attributes.set_some("satellites", digit(satellites));
    }
}

/// The first of the digits is bit 0.
fn lines(digits: &str) -> Option<u8> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.bytes().rev().try_fold(0_u8, |lines, digit| match digit {
        b'0' => Some(lines << 1),
        b'1' => Some(lines << 1 | 1),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_photograph_is_as_long_as_it_says() {
        assert_eq!(find(b"$PHD0,3,\r\n$\r\n", false), Step::Frame { body: 0..11, end: 11 });
        assert_eq!(find(b"$PHD0,3,\r\n", false), Step::Need(11));
        assert_eq!(find(b"$PHD0,3", false), Step::Need(8));
        assert_eq!(find(b"$PH", false), Step::Need(4));
        assert_eq!(find(b"$PH", true), Step::Frame { body: 0..3, end: 3 });
        assert_eq!(find(b"$PHD0,9999,", false), Step::Skip(1, Reason::TooLong));
        assert_eq!(find(b"$PHDx\r\n", false), Step::Frame { body: 0..5, end: 6 });
    }

    #[test]
    fn a_line_may_have_five_bytes_before_it_and_a_hash_behind() {
        assert_eq!(find(b"\xbf\xfb", false), Step::Need(5));
        assert_eq!(find(b"\xbf\xfb\x01\x70\x00$", false), Step::Frame { body: 0..0, end: 5 });
        assert_eq!(find(b"#\r\n$", false), Step::Frame { body: 0..0, end: 3 });
        assert_eq!(find(b"$POS\r\n", false), Step::Frame { body: 0..4, end: 5 });
        assert_eq!(find(b"xx$POS", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(&[b'$'; MAX_FRAME], false), Step::Skip(MAX_FRAME, Reason::TooLong));
    }

    #[test]
    fn lines_are_digits_from_the_first() {
        assert_eq!(lines("00010"), Some(8));
        assert_eq!(lines("1"), Some(1));
        assert_eq!(lines("2"), None);
        assert_eq!(lines(""), None);
    }
}
