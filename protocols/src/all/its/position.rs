//! What stands round the IMEI of a position or an emergency.
//!
//! | field | meaning |
//! |---|---|
//! | before | kind of packet (two letters), of some number of the alert, `L` or `H` (stored); or `EMR` |
//! | 1 | registration; of an emergency `NM` or `SP` (stored), of others a kind of packet |
//! | | 1 a fix, 0 none; here or behind the time |
//! | | date `ddmmyyyy` or `ddmmyy`, time `hhmmss`; of some in three fields each, or both in one |
//! | | of some: 1 or `A` a fix, 0 or `V` none |
//! | then 0 to 3 | latitude, `N`, longitude, `E` (degrees) |
//! | 4, 5, 6 | km/h, course, satellites; of an emergency, or without those, metres of altitude, km/h |
//! | 7 to 10 | metres of altitude, PDOP, HDOP, operator |
//! | 11 to 14 | ignition, mains, volts of the mains, of the battery |
//! | 15, 16 | emergency, `O` the box is open |
//! | 17 to 21 | signal, country, network, area, cell (hexadecimal); then up to four other cells |
//! | last | inputs (four digits), outputs (two), number of the frame, and what makers add |

use crate::field::{Fields, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// A cursor over fields that may be missing.
struct Cursor<'a, 'f> {
    fields: &'a Fields<'f>,
    index: usize,
}

impl<'f> Cursor<'_, 'f> {
    fn peek(&self) -> &'f str {
        self.fields.text(self.index)
    }

    fn next(&mut self) -> &'f str {
        let text = self.peek();
        self.index = self.index.saturating_add(1);
        text
    }

    /// The next field where it is one of these letters and digits.
    fn next_if(&mut self, letters: &[&str]) -> Option<&'f str> {
        letters.contains(&self.peek()).then(|| self.next())
    }

    fn digits(&mut self) -> Result<&'f str, Reject> {
        let text = self.peek();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.fields.reject(self.index, Reason::OutOfRange));
        }
        Ok(self.next())
    }

    /// Date and time of day in one to six fields.
    fn instant(&mut self) -> Result<Time, Reject> {
        let wrong = self.fields.reject(self.index, Reason::OutOfRange);
        let date = self.digits()?;
        let part = |text: &'f str, from: usize, until: usize| text.get(from..until).ok_or(wrong);
        let (day, month, year, behind) = match date.len() {
            2 => (date, self.digits()?, self.digits()?, ""),
            length @ (6 | 8 | 12 | 14) => {
                let end = if matches!(length, 6 | 12) { 6 } else { 8 };
                (
                    part(date, 0, 2)?,
                    part(date, 2, 4)?,
                    part(date, 4, end)?,
                    part(date, end, length)?,
                )
            }
            _ => return Err(wrong),
        };
        let of_day = if behind.is_empty() { self.digits()? } else { behind };
        let (hour, minute, second) = match of_day.len() {
            2 => (of_day, self.digits()?, self.digits()?),
            _ => (part(of_day, 0, 2)?, part(of_day, 2, 4)?, part(of_day, 4, 6)?),
        };
        let pair = |text: &str| text.parse::<i8>().map_err(|_| wrong);
        let number = year.parse::<i16>().map_err(|_| wrong)?;
        let year = if year.len() == 2 { number.saturating_add(2000) } else { number };
        let date = (year, pair(month)?, pair(day)?);
        Time::from_civil(date, (pair(hour)?, pair(minute)?, pair(second)?), 0).ok_or(wrong)
    }
}

/// Whether the fields behind the IMEI are those of a position.
pub(super) fn is_dated(fields: &Fields<'_>, imei: usize) -> bool {
    let mut cursor = Cursor { fields, index: imei.saturating_add(2) };
    cursor.next_if(&["0", "1"]);
    let is_dated = cursor.instant().is_ok();
    cursor.next_if(&["0", "1", "A", "V"]);
    is_dated && matches!(fields.text(cursor.index.saturating_add(1)), "N" | "S")
}

pub(super) fn position(
    fields: &Fields<'_>,
    imei: usize,
    before: &str,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let mut cursor = Cursor { fields, index: imei.saturating_add(1) };
    let first = cursor.next();
    let is_emergency = before == "EMR";
    let backfill = before == "H" || (is_emergency && first == "SP");
    let mut alarms = AlarmSet::EMPTY;
    match before {
        "EMR" => alarms.insert(Alarm::Sos),
        "L" | "H" => {
            // Without a number the kind stands in its place.
            let number = fields.parse::<u8>(imei.saturating_sub(2));
            let kind = imei.saturating_sub(if number.is_some() { 3 } else { 2 });
            alarms.extend(packet(fields.text(kind), number, &mut attributes));
        }
        _ => alarms.extend(packet(first, None, &mut attributes)),
    }
    let mut validity = cursor.next_if(&["0", "1"]);
    let result = cursor.instant().and_then(|time| {
        if let Some(letter) = cursor.next_if(&["0", "1", "A", "V"]) {
            validity = Some(letter);
        }
        let at = cursor.index;
        let degrees = |index: usize| {
            let value = fields.number(index).filter(|value| *value >= 0.0)?;
            nmea::signed(value, fields.text(index.saturating_add(1)))
        };
        let place = degrees(at).zip(degrees(at.saturating_add(2)));
        place
            .and_then(|(latitude, longitude)| Fix::new(time, latitude, longitude))
            .ok_or_else(|| fields.reject(at, Reason::OutOfRange))
    });
    let mut fix = match result {
        Ok(fix) => fix,
        // The alarm counts wherever and whenever it was.
        Err(reject) => {
            out.reject(reject);
            out.report(None, alarms, attributes);
            return Ok(());
        }
    };
    fix.valid = matches!(validity, Some("1" | "A"));
    let rest = |by: usize| cursor.index.saturating_add(by);
    let speed = |index: usize| fields.number(index).filter(|speed| *speed >= 0.0);
    let counts_satellites = fields.parse::<u8>(rest(6)).is_some();
    if is_emergency || !counts_satellites {
        fix.altitude_m = fields.number(rest(4));
        fix.speed_kmh = speed(rest(5));
    } else {
        fix.speed_kmh = speed(rest(4));
        fix.course_deg = nmea::course(fields, rest(5));
        attributes.set_some("satellites", fields.parse::<u8>(rest(6)));
        fix.altitude_m = fields.number(rest(7));
        let is_calling = details(fields, rest(8), &mut attributes);
        if let Some(is_calling) = is_calling {
            fix.alarm_states.insert(Alarm::Sos);
            if is_calling {
                alarms.insert(Alarm::Sos);
            }
        }
    }
    fix.alarms = alarms;
    fix.backfill = backfill;
    out.fix(fix, attributes);
    Ok(())
}

/// What the kind of a packet and the number of its alert mean.
fn packet(kind: &str, number: Option<u8>, attributes: &mut Attributes) -> Option<Alarm> {
    attributes.set_some("event", number);
    match kind {
        "IN" => attributes.set("ignition", true),
        "IF" => attributes.set("ignition", false),
        _ => {}
    }
    Some(match (kind, number) {
        // WD: the wire of the emergency button is cut.
        ("EA" | "WD", _) => Alarm::Sos,
        ("BD", _) => Alarm::PowerCut,
        ("BR", _) => Alarm::PowerRestored,
        ("BL", _) => Alarm::LowBattery,
        ("TA" | "DT", _) => Alarm::Tampering,
        ("HB", _) => Alarm::HardBraking,
        ("HA", _) => Alarm::HardAcceleration,
        ("RT", _) => Alarm::HardCornering,
        ("OS", _) => Alarm::Overspeed,
        ("NR" | "HP" | "IN" | "IF", _) => return None,
        // Of kinds that makers add, the standard's numbers tell.
        (_, Some(3)) => Alarm::PowerCut,
        (_, Some(4)) => Alarm::LowBattery,
        (_, Some(6)) => Alarm::PowerRestored,
        (_, Some(9 | 16)) => Alarm::Tampering,
        (_, Some(10)) => Alarm::Sos,
        (_, Some(13)) => Alarm::HardBraking,
        (_, Some(14)) => Alarm::HardAcceleration,
        (_, Some(15)) => Alarm::HardCornering,
        _ => return None,
    })
}

/// From PDOP on; answers whether the emergency button is on.
fn details(fields: &Fields<'_>, from: usize, attributes: &mut Attributes) -> Option<bool> {
    let at = |by: usize| from.saturating_add(by);
    let is_on = |by: usize| match fields.text(at(by)) {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    attributes.set_some("pdop", fields.number(at(0)));
    attributes.set_some("hdop", fields.number(at(1)));
    let operator = fields.text(at(2));
    attributes.set_some("operator", (!operator.is_empty()).then(|| operator.to_owned()));
    attributes.set_some("ignition", is_on(3));
    attributes.set_some("power_connected", is_on(4));
    attributes.set_some("power_v", fields.number(at(5)));
    attributes.set_some("battery_v", fields.number(at(6)));
    let is_open = match fields.text(at(8)) {
        "O" => Some(true),
        "C" => Some(false),
        _ => None,
    };
    attributes.set_some("box_open", is_open);
    attributes.set_some("rssi", fields.parse::<u8>(at(9)));
    attributes.set_some("mcc", fields.parse::<u16>(at(10)));
    attributes.set_some("mnc", fields.parse::<u16>(at(11)));
    attributes.set_some("lac", u32::from_str_radix(fields.text(at(12)), 16).ok());
    attributes.set_some("cell_id", u32::from_str_radix(fields.text(at(13)), 16).ok());
    inputs(fields, at(14), attributes);
    is_on(7)
}

/// Behind as many other cells as the maker sends: the last four digits of 0, 1 and 2 before two of
/// 0 and 1.
fn inputs(fields: &Fields<'_>, from: usize, attributes: &mut Attributes) {
    let all = |index: usize, length: usize, highest: u8| {
        let text = fields.bytes(index);
        text.len() == length && text.iter().all(|digit| (b'0'..=highest).contains(digit))
    };
    let is_inputs = |index: &usize| all(*index, 4, b'2') && all(index.saturating_add(1), 2, b'1');
    let Some(index) = (from..fields.count()).rev().find(is_inputs) else { return };
    let at = |by: usize| index.saturating_add(by);
    attributes.set("inputs", fields.text(index).to_owned());
    attributes.set("outputs", fields.text(at(1)).to_owned());
    // Number of the frame, then two voltages, or kilometres and a checksum.
    let decimal = |by: usize| fields.number(at(by)).filter(|_| fields.text(at(by)).contains('.'));
    match (decimal(3), decimal(4)) {
        (Some(first), Some(second)) => {
            attributes.set("adc_1_v", first);
            attributes.set("adc_2_v", second);
        }
        (Some(kilometres), None) => attributes.set("odometer_m", kilometres * 1000.0),
        _ => {}
    }
}
