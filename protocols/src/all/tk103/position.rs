//! Positions, and what their commands say beside them.

use smallvec::SmallVec;

use super::civil;
use crate::field::{nmea, number};
use crate::{Alarm, AlarmSet, Attributes, Fix, Reason, Reject};

/// Where a date stands before an `A` or a `V`.
pub(super) struct Dated<'a> {
    date: &'a str,
    is_day_first: bool,
    is_valid: bool,
    /// Where the date and what follows the letter begin.
    at: usize,
    after: usize,
}

impl<'a> Dated<'a> {
    pub(super) fn find(text: &'a str) -> Option<Self> {
        text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'A' | b'V')).find_map(
            |(letter, byte)| {
                let before = text.get(..letter)?;
                let trimmed = before.strip_suffix(',').unwrap_or(before);
                let at = trimmed.len().checked_sub(6)?;
                let date = trimmed.get(at..)?;
                let after = letter.saturating_add(1);
                let next = text.get(after..)?.trim_start_matches([',', ' ']);
                // A number and its hemisphere: in a block of hexadecimal digits an `A` is a digit.
                let number = next.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
                let is_position = date.bytes().all(|byte| byte.is_ascii_digit())
                    && number.len() < next.len()
                    && number.trim_start_matches(',').starts_with(['N', 'S']);
                is_position.then_some(Self {
                    date,
                    is_day_first: trimmed.len() < before.len(),
                    is_valid: byte == b'A',
                    at,
                    after,
                })
            },
        )
    }
}

/// What happened, by the command or by the digit before the date.
pub(super) fn alarms(
    command: &str,
    text: &str,
    dated: &Dated<'_>,
    attributes: &mut Attributes,
) -> AlarmSet {
    let alarm = match command {
        "BO01" => match text.get(..dated.at).and_then(|before| before.bytes().next()) {
            Some(b'1') => Some(Alarm::Accident),
            Some(b'2') => Some(Alarm::Sos),
            Some(b'3') => Some(Alarm::Vibration),
            Some(b'4') => Some(Alarm::LowSpeed),
            Some(b'5') => Some(Alarm::Overspeed),
            Some(b'6') => Some(Alarm::GeofenceExit),
            _ => None,
        },
        "BQ81" => match text.strip_prefix(",ALARM,").and_then(|rest| rest.split(',').next()) {
            Some("0") => Some(Alarm::LowBattery),
            Some("1") => Some(Alarm::Overspeed),
            Some("2") => Some(Alarm::Idle),
            Some("3") => Some(Alarm::HardAcceleration),
            Some("4") => Some(Alarm::HardBraking),
            Some("5") => Some(Alarm::Temperature),
            _ => None,
        },
        _ => by_command(command, attributes),
    };
    alarm.into_iter().collect()
}

pub(super) fn by_command(command: &str, attributes: &mut Attributes) -> Option<Alarm> {
    match command {
        "ZC11" | "DW31" | "DW51" => Some(Alarm::Movement),
        "ZC12" | "DW32" | "DW52" => Some(Alarm::LowBattery),
        "ZC13" | "DW33" | "DW53" => Some(Alarm::PowerCut),
        "ZC17" | "DW37" | "DW57" => Some(Alarm::Removing),
        "ZC25" | "DW3E" | "DW5E" => Some(Alarm::Sos),
        "ZC26" | "DW3F" | "DW5F" => Some(Alarm::Tampering),
        "ZC27" | "DW40" | "DW60" => Some(Alarm::LowPower),
        "ZC15" | "DW35" | "DW55" | "ZC29" | "DW42" | "DW62" => {
            attributes.set("ignition", true);
            None
        }
        "ZC16" | "DW36" | "DW56" => {
            attributes.set("ignition", false);
            None
        }
        _ => None,
    }
}

/// Takes a number up to its letter, commas and spaces around it being passed over.
fn coordinate<'a>(rest: &mut &'a str, letters: [char; 2]) -> Option<f64> {
    let text: &'a str = rest.trim_start_matches([',', ' ']);
    let at = text.find(letters)?;
    let (number, after) = text.split_at_checked(at)?;
    let (letter, after) = after.split_at_checked(1)?;
    *rest = after;
    nmea::signed(nmea::degrees(number.trim_end_matches(','))?, letter)
}

pub(super) fn position(
    text: &str,
    dated: &Dated<'_>,
    attributes: &mut Attributes,
) -> Result<Fix, Reject> {
    let mut rest = text.get(dated.after..).unwrap_or_default();
    let nowhere = Reject::at(dated.after, Reason::OutOfRange);
    let latitude = coordinate(&mut rest, ['N', 'S']).ok_or(nowhere)?;
    let longitude = coordinate(&mut rest, ['E', 'W']).ok_or(nowhere)?;
    rest = rest.trim_start_matches(',');
    // Five characters, or as many as there are before a comma.
    let width = rest.find(',').filter(|comma| *comma <= 8).unwrap_or(5);
    let (speed, after) = rest.split_at_checked(width).unwrap_or((rest, ""));
    let after = after.trim_start_matches(',');
    let (time, after) = after.split_at_checked(6).unwrap_or((after, ""));
    let time = civil(dated.date, dated.is_day_first, time)
        .ok_or_else(|| Reject::at(dated.at, Reason::OutOfRange))?;
    let mut fix = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
    let number = |text: &str| number::decimal(text.trim());
    fix.valid = dated.is_valid;
    fix.speed_kmh = number(speed).filter(|speed| *speed >= 0.0);
    let after = after.trim_start_matches(',');
    let course = match after.split_once('L') {
        Some((before, mileage)) => {
            let digits: SmallVec<[u8; 64]> = before.bytes().filter(|byte| *byte != b',').collect();
            let before = std::str::from_utf8(&digits).unwrap_or_default();
            let flags_at = before.len().saturating_sub(8);
            if let Some(flags) = before.get(flags_at..).filter(|flags| flags.len() == 8) {
                lines(flags, attributes);
            }
            tail(mileage, attributes);
            number(before.get(..flags_at).unwrap_or_default())
        }
        None => number(
            after
                .split(',')
                .next()
                .unwrap_or_default()
                .get(..6)
                .unwrap_or_else(|| after.split(',').next().unwrap_or_default()),
        ),
    };
    fix.course_deg = course.filter(|course| (0.0..=360.0).contains(course));
    Ok(fix)
}

/// Power cut, ignition, three lines, three digits of fuel.
fn lines(flags: &str, attributes: &mut Attributes) {
    let flag = |at: usize| match flags.as_bytes().get(at) {
        Some(b'0') => Some(false),
        Some(b'1') => Some(true),
        _ => None,
    };
    attributes.set_some("charging", flag(0).map(|is_cut| !is_cut));
    attributes.set_some("ignition", flag(1));
    let hex = |from: usize, until: usize| {
        flags.get(from..until).and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    attributes.set_some("inputs", hex(2, 5));
    attributes.set_some("fuel_raw", hex(5, 8));
}

/// Mileage, then on some a temperature with its sign.
fn tail(text: &str, attributes: &mut Attributes) {
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (mileage, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    attributes.set_some("odometer_m", u32::from_str_radix(mileage, 16).ok());
    let temperature = rest.get(..6).filter(|rest| rest.starts_with(['+', '-']));
    let temperature = temperature.and_then(|text| text.parse::<f64>().ok());
    attributes.set_some("temperature_1_c", temperature);
}
