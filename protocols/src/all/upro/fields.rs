//! The fields of a frame: `&`, a letter, and a value up to the next `&`.
//!
//! | field | value |
//! |---|---|
//! | `A` | `hhmmss`, latitude `DDMMmmmm`, longitude `DDDMMmmmm`, flags 1, speed 2 (two knots), course 2 (ten degrees), `ddmmyy` |
//! | `B` | ten digits of bits: five of state, five of alarms, see [`state`] |
//! | `C` | mileage in two knots times a second |
//! | `D` | one digit of how it was read (2 and 3: well), one more, VIN |
//! | `E` | `yymmddhhmmss` of a report without a position |
//! | `F`, `G` | tenths of a knot; tenths of a metre of altitude |
//! | `I`, `Y` of 6 + 14 n | cells: count 1, country 3, network 2, then area 4, cell 4 (8) and signal 2 |
//! | `J` | thermometer 1, sign 1, tenths of a degree 4 |
//! | `M` | tenths of a percent of battery, 3; or hygrometer 1, state 1, percent 2 |
//! | `N`, `O` | signal; satellites, and two digits more |
//! | `P` | country 4, network 4, area 4, cell 4 (hexadecimal) |
//! | `Q` of HQ / of others | not known / pairs of an OBD parameter and its value |
//! | `R` of HQ | signal 2, satellites 2 |
//! | `T`, `V`, `Y` of 5 | percent of battery; tenths of a volt; millivolts of the vehicle |
//! | `W` | more alarms, two digits of bits; bit 2: the device is opened |
//! | `X` | country, network, then area, cell, signal `;` …; or `(`, letter, value, `)`: `k` ICCID, `J` zone |
//! | `b`, `d`, `l` | tag behind three characters; hundredths of a volt; lock of a container |

use memchr::memchr;

use crate::field::{Reader, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

use super::{fixed_length, is_binary};

/// What is known of one report.
#[derive(Default)]
struct Record {
    fix: Option<Fix>,
    time: Option<Time>,
    speed_kmh: Option<f64>,
    altitude_m: Option<f64>,
    alarms: AlarmSet,
    alarm_states: AlarmSet,
    attributes: Attributes,
}

impl Record {
    fn put(self, out: &mut Out<'_>) {
        if let Some(mut fix) = self.fix {
            fix.speed_kmh = self.speed_kmh.or(fix.speed_kmh);
            fix.altitude_m = self.altitude_m;
            fix.alarms = self.alarms;
            fix.alarm_states = self.alarm_states;
            out.fix(fix, self.attributes);
        } else if self.time.is_some() || !self.alarms.is_empty() || !self.attributes.is_empty() {
            out.report_states(self.time, self.alarms, self.alarm_states, self.attributes);
        }
    }
}

/// The fields that follow as one report, or as one for each pair of round brackets; answers whether
/// there are any.
pub(super) fn reports(reader: &mut Reader<'_>, bracketed: bool, out: &mut Out<'_>) -> bool {
    let mut record = Record::default();
    let mut is_data = false;
    while let Some((letter, value, at)) = field(reader) {
        is_data = true;
        let end = if bracketed { closing(value) } else { None };
        let value = end.and_then(|end| value.get(..end)).unwrap_or(value);
        read(letter, value, at, reader.frame(), &mut record, out);
        if end.is_some() {
            std::mem::take(&mut record).put(out);
        }
    }
    record.put(out);
    is_data
}

/// The next field's letter, its value, and where that stands.
fn field<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8], usize)> {
    let mark = memchr(b'&', reader.rest())?;
    reader.skip(mark.saturating_add(1)).ok()?;
    let letter = *reader.rest().first()?;
    let fixed = fixed_length(letter, is_binary(reader.frame()));
    let tail = reader.rest().get(fixed..).unwrap_or_default();
    let length = match memchr(b'&', tail) {
        Some(at) => fixed.saturating_add(at),
        None => reader.remaining(),
    };
    let at = reader.offset().saturating_add(1);
    let value = reader.take(length).ok()?.get(1..).unwrap_or_default();
    Some((letter, value, at))
}

/// Where a bracket closes that the value has not opened.
fn closing(value: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    value.iter().position(|byte| match byte {
        b'(' => {
            depth = depth.saturating_add(1);
            false
        }
        b')' if depth == 0 => true,
        b')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => false,
    })
}

fn read(letter: u8, bytes: &[u8], at: usize, frame: &[u8], record: &mut Record, out: &mut Out<'_>) {
    let is_hq = !is_binary(frame);
    let attributes = &mut record.attributes;
    if letter == b'Q' && !is_hq {
        engine(bytes, attributes);
        return;
    }
    let value = std::str::from_utf8(bytes).unwrap_or_default();
    let number = |from: usize, until: usize| number(value, from, until);
    match letter {
        b'A' => match position(value, at) {
            Ok(fix) => record.fix = Some(fix),
            Err(reject) => out.reject(reject),
        },
        b'B' => state(value, is_hq, record),
        b'C' => attributes.set_some("odometer_m", mileage(value)),
        b'D' if matches!(bytes.first(), Some(b'2' | b'3')) => {
            let vin = value.get(2..).filter(|vin| !vin.is_empty());
            attributes.set_some("vin", vin.map(str::to_owned));
        }
        b'E' => {
            let parts = value.split_at_checked(6);
            let midnight = parts.and_then(|(date, _)| nmea::date_ymd(date));
            let of_day = parts.and_then(|(_, time)| nmea::time_of_day_ms(time));
            record.time = midnight.zip(of_day).map(|(day, ms)| day.plus_millis(ms));
        }
        b'F' => record.speed_kmh = number(0, 4).map(|tenths| nmea::kmh(f64::from(tenths) / 10.0)),
        b'G' => {
            let tenths = value.get(..6).and_then(|text| text.parse::<i32>().ok());
            record.altitude_m = tenths.map(|tenths| f64::from(tenths) / 10.0);
        }
        b'I' => cells(value, 4, attributes),
        b'J' if value.len() == 6 => {
            let is_negative = bits(value, 1) & 1 != 0;
            let tenths = number(2, 6).map(|tenths| f64::from(tenths) / 10.0);
            let celsius = tenths.map(|value| if is_negative { -value } else { value });
            if let Some(index) = value.get(..1) {
                attributes.set_some(format!("temperature_{index}_c"), celsius);
            }
        }
        b'K' => attributes.set_some("status_2", (!value.is_empty()).then(|| value.to_owned())),
        b'M' if value.len() == 3 => {
            let percent = number(0, 3).map(|tenths| f64::from(tenths) / 10.0);
            attributes.set_some("battery_percent", percent);
        }
        b'M' if value.len() == 4 => attributes.set_some("humidity_percent", number(2, 4)),
        b'N' => attributes.set_some("rssi", number(0, 2)),
        b'O' => attributes.set_some("satellites", number(0, 2)),
        b'P' => {
            attributes.set_some("mcc", number(0, 4));
            attributes.set_some("mnc", number(4, 8));
            attributes.set_some("lac", hexadecimal(value, 8, 12));
            attributes.set_some("cell_id", hexadecimal(value, 12, 16));
        }
        b'R' if is_hq => {
            attributes.set_some("rssi", number(0, 2));
            attributes.set_some("satellites", number(2, 4));
        }
        b'T' if value.len() == 2 => attributes.set_some("battery_percent", number(0, 2)),
        b'V' => {
            attributes.set_some("power_v", number(0, 4).map(|tenths| f64::from(tenths) / 10.0));
        }
        b'W' => {
            record.alarms.extend((bits(value, 1) & 4 != 0).then_some(Alarm::Tampering));
            record.alarm_states.insert(Alarm::Tampering);
        }
        b'X' => extensions(value, attributes),
        b'Y' if value.len() == 5 => {
            let volts = number(0, 5).map(|millivolts| f64::from(millivolts) / 1000.0);
            attributes.set_some("power_v", volts);
        }
        b'Y' => cells(value, 8, attributes),
        b'b' => {
            let tag = value.get(3..).filter(|tag| !tag.is_empty());
            attributes.set_some("tag_id", tag.map(str::to_owned));
        }
        b'd' => {
            let volts = number(0, value.len()).map(|hundredths| f64::from(hundredths) / 100.0);
            attributes.set_some("adc_1_v", volts);
        }
        b'l' => attributes.set("lock_state", bits(value, 0) & 7),
        _ => {}
    }
}

/// The digits from one character up to another as a number.
fn number(value: &str, from: usize, until: usize) -> Option<u32> {
    let digits = value.get(from..until)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn hexadecimal(value: &str, from: usize, until: usize) -> Option<u32> {
    u32::from_str_radix(value.get(from..until)?, 16).ok()
}

/// Four bits: `0` to `?`, or hexadecimal.
const fn four_bits(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'?' => Some(digit & 0x0f),
        // The letters' low halves run from 1.
        b'A'..=b'F' | b'a'..=b'f' => Some((digit & 0x0f).wrapping_add(9)),
        _ => None,
    }
}

/// The bits of one digit; none where there is no such digit.
fn bits(value: &str, index: usize) -> u8 {
    value.as_bytes().get(index).copied().and_then(four_bits).unwrap_or_default()
}

fn position(value: &str, at: usize) -> Result<Fix, Reject> {
    let wrong = |place: usize| Reject::at(at.saturating_add(place), Reason::OutOfRange);
    if value.len() != 34 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::at(at, Reason::Malformed));
    }
    let part = |from: usize, until: usize| value.get(from..until).unwrap_or_default();
    let of_day = nmea::time_of_day_ms(part(0, 6)).ok_or_else(|| wrong(0))?;
    let midnight = nmea::date(part(28, 34)).ok_or_else(|| wrong(28))?;
    let degrees = |from: usize, minutes: usize| {
        let whole = number(value, from, minutes)?;
        let minutes = number(value, minutes, minutes.saturating_add(6))?;
        let minutes = f64::from(minutes) / 10_000.0;
        (minutes < 60.0).then(|| f64::from(whole) + minutes / 60.0)
    };
    let latitude = degrees(6, 8).ok_or_else(|| wrong(6))?;
    let longitude = degrees(14, 17).ok_or_else(|| wrong(14))?;
    // Bit 0: no fix, bit 1: north, bit 2: east.
    let flags = bits(value, 23);
    let north = if flags & 2 == 0 { -latitude } else { latitude };
    let east = if flags & 4 == 0 { -longitude } else { longitude };
    let time = midnight.plus_millis(of_day);
    let mut fix = Fix::new(time, north, east).ok_or_else(|| wrong(6))?;
    fix.valid = flags & 1 == 0;
    fix.speed_kmh = number(value, 24, 26).map(|knots| nmea::kmh(f64::from(knots) * 2.0));
    let course = number(value, 26, 28).map(|tens| f64::from(tens) * 10.0);
    fix.course_deg = course.filter(|course| *course <= 360.0);
    Ok(fix)
}

/// Digit, bit, alarm: as Maigu's platform names them.
static ALARMS: &[(usize, u8, Alarm)] = &[
    (5, 0, Alarm::Sos),
    (5, 1, Alarm::AntiTheft),
    (5, 2, Alarm::Vibration),
    (6, 2, Alarm::Overspeed),
    (8, 0, Alarm::AntiTheft),
    // The power is cut, or a wire.
    (8, 1, Alarm::PowerCut),
    (8, 1, Alarm::Tampering),
    (8, 2, Alarm::LowPower),
    (8, 3, Alarm::Tow),
];

/// States: digit 1 bit 0 is the ignition. Digit 5 bit 3 is a collision; of HQ: movement.
fn state(value: &str, is_hq: bool, record: &mut Record) {
    if value.len() < 10 {
        return;
    }
    let struck = if is_hq { Alarm::Movement } else { Alarm::Accident };
    for (digit, bit, alarm) in ALARMS.iter().chain([&(5, 3, struck)]) {
        record.alarm_states.insert(*alarm);
        if bits(value, *digit) & (1 << bit) != 0 {
            record.alarms.insert(*alarm);
        }
    }
    record.attributes.set("ignition", bits(value, 1) & 1 != 0);
    record.attributes.set("status", value.to_owned());
}

/// Metres of two knots times a second.
fn mileage(value: &str) -> Option<f64> {
    // Eight digits are sent.
    if !(1..=12).contains(&value.len()) {
        return None;
    }
    let count = value
        .bytes()
        .try_fold(0.0, |sum, digit| Some(sum * 16.0 + f64::from(four_bits(digit)?)))?;
    Some(nmea::kmh(count * 2.0) / 3.6)
}

/// The first of the cells: `width` digits of each cell's own number.
fn cells(value: &str, width: usize, attributes: &mut Attributes) {
    let Some(count) = number(value, 0, 1).and_then(|count| usize::try_from(count).ok()) else {
        return;
    };
    let cell = 10_usize;
    let signal = cell.saturating_add(width);
    let each = signal.saturating_sub(4);
    if count == 0 || value.len() != count.saturating_mul(each).saturating_add(6) {
        return;
    }
    attributes.set_some("mcc", number(value, 1, 4));
    attributes.set_some("mnc", number(value, 4, 6));
    attributes.set_some("lac", hexadecimal(value, 6, cell));
    attributes.set_some("cell_id", hexadecimal(value, cell, signal));
}

fn extensions(value: &str, attributes: &mut Attributes) {
    let Some(values) = value.strip_prefix('(') else {
        let first = value.split(';').next().unwrap_or_default();
        for (number, name) in first.split(',').zip(["mcc", "mnc", "lac", "cell_id"]) {
            attributes.set_some(name, number.parse::<u32>().ok());
        }
        return;
    };
    for extension in values.trim_end_matches(')').split(")(") {
        match extension.split_at_checked(1) {
            Some(("k", iccid)) => attributes.set("iccid", iccid.to_owned()),
            Some(("J", zone)) => attributes.set("timezone", zone.to_owned()),
            _ => {}
        }
    }
}

/// Pairs of a parameter of SAE J1979 and its value, up to one whose length is not known.
fn engine(bytes: &[u8], attributes: &mut Attributes) {
    let mut reader = Reader::new(bytes);
    let percent = |value: u8| f64::from(value) * 100.0 / 255.0;
    while let Ok(parameter) = reader.u8() {
        let read = match parameter {
            0x04 => reader.u8().map(|value| attributes.set("engine_load_percent", percent(value))),
            0x05 => reader.u8().map(|value| {
                attributes.set("coolant_temperature_c", i16::from(value).saturating_sub(40));
            }),
            0x0c => reader.be_u16().map(|value| attributes.set("rpm", f64::from(value) / 4.0)),
            0x0d => reader.u8().map(|value| attributes.set("obd_speed_kmh", value)),
            0x2f => reader.u8().map(|value| attributes.set("fuel_percent", percent(value))),
            0x42 => {
                reader.be_u16().map(|value| attributes.set("power_v", f64::from(value) / 1000.0))
            }
            _ => break,
        };
        if read.is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_run_past_nine() {
        assert_eq!(four_bits(b'?'), Some(15));
        assert_eq!(four_bits(b'c'), Some(12));
        assert_eq!(four_bits(b' '), None);
        assert_eq!(mileage("0000000:").map(f64::round), Some(10.0));
        assert_eq!(mileage(""), None);
    }

    #[test]
    fn a_bracket_that_closes_ends_a_report() {
        assert_eq!(closing(b"(k8)(J0)"), None);
        assert_eq!(closing(b"(k8)) ("), Some(4));
        assert_eq!(closing(b"0000000000)("), Some(10));
    }
}
