//! TK-103, TK-06, GT-series and the many clones in round brackets; the comma-separated form of
//! CCTR and Megatech trackers and of locks for bicycles.
//!
//! TCP and UDP on port 5002. Source: Shenzhen Xexun and Megatech, "GPRS Data Protocol" (TK-103),
//! "CCTR-620+ GPRS Communication Protocol".
//!
//! A frame: `(` device of 12 characters, command of 4, data `)`, or the same three separated by
//! commas. Free text in it stands between two `$` and may hold brackets.
//!
//! | command | data | answer |
//! |---|---|---|
//! | `BP00` | login: IMEI, `HSO` | `AP01HSO` |
//! | `BP05` | IMEI, position or cells | `AP05`, not where separated by commas |
//! | `BR00`, `BP02`, `BP04`, … | position | none |
//! | `BO01` | alarm 1, position | none |
//! | `BQ81` | `,ALARM,` alarm, ?, position | none |
//! | `BZ00`, `DW5…` | cells | none |
//! | `BV00` | VIN | none |
//! | `ZC…`, `DW3…` | position, separated by commas; the command tells what happened | none |
//! | `ZC20` | date, time, steps of battery, battery in 0.01 V, power in 0.1 V, installed | none |
//! | `ZC03` | date, time, `$` answer to a command `$` | none |
//!
//! A position: date, `A`, latitude, `N`, longitude, `E`, km/h (5 characters), `hhmmss` (UTC), course
//! (6), power cut, ignition, lines (3), fuel (3, hexadecimal), `L` mileage (hexadecimal, m). The date
//! is `yymmdd`, but `ddmmyy` where it is separated by a comma.

mod command;
mod position;

use position::{Dated, alarms, by_command, position};

use crate::field::{Fields, nmea};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step,
    Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "tk103",
    title: "TK-103 in round brackets, and comma-separated kin",
    port: 5002,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::Removing,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowSpeed,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::Temperature,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Positions have some 90 bytes, lists of settings and of cells several hundred.
const MAX_FRAME: usize = 2048;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'(', ..] => {}
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        _ => return Step::Skip(1, Reason::Unframed),
    }
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let mut is_free_text = false;
    for at in memchr::memchr2_iter(b'$', b')', window) {
        if window.get(at) == Some(&b'$') {
            is_free_text = !is_free_text;
        } else if !is_free_text {
            return Step::Frame { body: 1..at, end: at.saturating_add(1) };
        }
    }
    if bytes.len() >= MAX_FRAME {
        Step::Skip(1, Reason::TooLong)
    } else if last {
        Step::Frame { body: 1..bytes.len(), end: bytes.len() }
    } else {
        Step::Need(bytes.len().saturating_add(1))
    }
}

/// A frame's parts as text: device, command, and where the data begins.
struct Parts<'a> {
    device: &'a str,
    command: &'a str,
    data: usize,
    has_commas: bool,
}

fn is_command(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() == 4
        && bytes.by_ref().take(2).all(|byte| byte.is_ascii_uppercase())
        && bytes.all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn parts(text: &str) -> Option<Parts<'_>> {
    if let Some((device, rest)) = text.split_once(',') {
        let command = rest.get(..4).filter(|command| is_command(command));
        // A device of 12 characters and its command may stand before the first comma, too.
        let is_device =
            (4..=20).contains(&device.len()) && device.bytes().all(|b| b.is_ascii_digit());
        if let (true, Some(command)) = (is_device, command) {
            let data = device.len().saturating_add(5);
            return Some(Parts { device, command, data, has_commas: true });
        }
    }
    [12, 15, 11, 10].into_iter().find_map(|length: usize| {
        let data = length.checked_add(4)?;
        let (device, command) = (text.get(..length)?, text.get(length..data)?);
        let plausible = device.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plausible && is_command(command)).then_some(Parts {
            device,
            command,
            data,
            has_commas: false,
        })
    })
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let text = std::str::from_utf8(frame).map_err(|_| Reject::at(0, Reason::Malformed))?;
    let Parts { device, command, data, has_commas } =
        parts(text).ok_or_else(|| Reject::at(0, Reason::Malformed))?;
    if command == "BP00" {
        out.login(device, Standing::Claimed, Vec::new());
        out.reply_text(format_args!("({device}AP01HSO)"), When::Now);
        return Ok(());
    }
    out.identify(device);
    out.manner(command::manner(has_commas));
    let fields = Fields::split(frame, b',');
    match command {
        "ZC20" => battery(&fields, out),
        "ZC03" => result(text, &fields, out),
        "BV00" => {
            let mut attributes = Attributes::new();
            let vin = text.get(data..).unwrap_or_default().trim();
            attributes.set_some("vin", (vin.len() == 17).then(|| vin.to_owned()));
            out.report(None, AlarmSet::EMPTY, attributes);
        }
        _ => {
            let rest = text.get(data..).unwrap_or_default();
            let mut attributes = Attributes::new();
            match Dated::find(rest) {
                Some(dated) => {
                    let alarms = alarms(command, rest, &dated, &mut attributes);
                    let mut fix =
                        position(rest, &dated, &mut attributes).map_err(|mut reject| {
                            reject.offset = reject.offset.saturating_add(data);
                            reject
                        })?;
                    fix.alarms = alarms;
                    out.fix(fix, attributes);
                }
                None => without_position(command, rest, &fields, attributes, out),
            }
        }
    }
    if command == "BP05" && !has_commas {
        out.reply_text(format_args!("({device}AP05)"), When::Accepted);
    }
    Ok(())
}

fn civil(date: &str, is_day_first: bool, time: &str) -> Option<Time> {
    let midnight = if is_day_first { nmea::date(date)? } else { nmea::date_ymd(date)? };
    Some(midnight.plus_millis(nmea::time_of_day_ms(time)?))
}

fn battery(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let percent = match fields.text(4) {
        "6" => Some(100),
        "5" => Some(80),
        "4" => Some(50),
        "3" => Some(20),
        "2" => Some(10),
        _ => None,
    };
    attributes.set_some("battery_percent", percent);
    // All bits set: not measured.
    let measured = |index: usize| fields.parse::<u16>(index).filter(|raw| *raw != u16::MAX);
    attributes.set_some("battery_v", measured(5).map(|raw| f64::from(raw) / 100.0));
    attributes.set_some("power_v", measured(6).map(|raw| f64::from(raw) / 10.0));
    out.report(civil(fields.text(2), true, fields.text(3)), AlarmSet::EMPTY, attributes);
}

fn result(text: &str, fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let answer = text.split('$').nth(1).map(|answer| answer.trim().to_owned());
    attributes.set_some("result", answer);
    out.report(civil(fields.text(2), true, fields.text(3)), AlarmSet::EMPTY, attributes);
}

fn without_position(
    command: &str,
    text: &str,
    fields: &Fields<'_>,
    mut attributes: Attributes,
    out: &mut Out<'_>,
) {
    let alarms: AlarmSet = by_command(command, &mut attributes).into_iter().collect();
    let mut time = None;
    if let Some((_, cell)) = text.split_once('{') {
        // Cells in decimal, each in braces.
        let cell = Fields::split(cell.split('}').next().unwrap_or_default().as_bytes(), b',');
        cell_of(&cell, 0, 10, &mut attributes);
    } else if command == "BZ00" {
        cell_of(fields, 1, 16, &mut attributes);
    } else if command.starts_with("DW5") || command.starts_with("DW6") {
        cell_of(fields, 2, 10, &mut attributes);
        let last = fields.count().saturating_sub(1);
        time = civil(fields.text(last.saturating_sub(1)), true, fields.text(last));
    }
    out.report(time, alarms, attributes);
}

/// Country, network, area and cell.
fn cell_of(fields: &Fields<'_>, from: usize, radix: u32, attributes: &mut Attributes) {
    let at = |places: usize| from.saturating_add(places);
    attributes.set_some("mcc", fields.parse::<u16>(from));
    attributes.set_some("mnc", fields.parse::<u16>(at(1)));
    attributes.set_some("lac", u32::from_str_radix(fields.text(at(2)), radix).ok());
    attributes.set_some("cell_id", u32::from_str_radix(fields.text(at(3)), radix).ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_free_text_end_nothing() {
        let bytes = b"(8612,ZC03,$240 minute(s)$)(";
        assert_eq!(find(bytes, false), Step::Frame { body: 1..26, end: 27 });
        assert_eq!(find(b"(8612", false), Step::Need(6));
        assert_eq!(find(b"x(", false), Step::Skip(1, Reason::Unframed));
    }

    #[test]
    fn a_device_is_what_stands_before_its_command() {
        let device = |text: &'static str| parts(text).map(|parts| (parts.device, parts.command));
        assert_eq!(device("012345678901BR00130515"), Some(("012345678901", "BR00")));
        assert_eq!(device("357593060760397BP02,G"), Some(("357593060760397", "BP02")));
        assert_eq!(device("01029131573BR00150428"), Some(("01029131573", "BR00")));
        assert_eq!(device("013632651491,ZC20,1"), Some(("013632651491", "ZC20")));
        assert_eq!(device("012345678901"), None);
    }
}
