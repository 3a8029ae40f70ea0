//! What the messages carry.
//!
//! A position is what GPRMC has from the time on, without its checksum or with it, then parted by
//! `|`: HDOP, altitude, states (4 hex: inputs and outputs), voltages (4 hex each, by `,`), and
//! either cell (16 to 20 hex), signal (2), odometer (8 hex), satellites (2), licence; or odometer
//! (decimal) and card.

use crate::attributes::numbered;
use crate::field::{Fields, Reader, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// More voltages than any device has.
const MAX_VOLTAGES: usize = 8;

const fn alarm(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::Sos,
        0x10 => Alarm::LowBattery,
        0x11 => Alarm::Overspeed,
        0x12 => Alarm::Movement,
        0x13 => Alarm::GeofenceEnter,
        0x14 => Alarm::Accident,
        0x50 => Alarm::PowerOff,
        0x53 => Alarm::GpsAntennaCut,
        0x72 => Alarm::HardBraking,
        0x73 => Alarm::HardAcceleration,
        _ => return None,
    })
}

pub(super) fn position(
    data: &[u8],
    at: usize,
    code: Option<u8>,
    is_stored: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let moved = |mut reject: Reject| {
        reject.offset = reject.offset.saturating_add(at);
        reject
    };
    let parts = Fields::split(data, b'|');
    let fields = Fields::split(parts.bytes(0), b',');
    let alarms: AlarmSet = code.and_then(alarm).into_iter().collect();
    let mut attributes = Attributes::new();
    attributes.set_some("event", code);
    let altitude = extras(&parts, &mut attributes);
    match rmc(&fields).map_err(moved)? {
        Some(mut fix) => {
            // The fraction is the same in every fix of a device: its receiver's phase.
            fix.fix_time = Time::from_seconds(fix.fix_time.seconds());
            fix.alarms = alarms;
            fix.altitude_m = altitude;
            fix.backfill = is_stored;
            out.fix(fix, attributes);
        }
        None => out.report(None, alarms, attributes),
    }
    Ok(())
}

/// The last of the nine fields may have a checksum behind it at once.
fn rmc(fields: &Fields<'_>) -> Result<Option<Fix>, Reject> {
    if fields.count() < 9 {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    nmea::rmc(fields, 0)
}

/// Answers the altitude.
fn extras(parts: &Fields<'_>, attributes: &mut Attributes) -> Option<f64> {
    attributes.set_some("hdop", parts.number(1));
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    let states = Some(parts.text(3)).filter(|text| text.len() == 4).and_then(hex);
    attributes.set_some("outputs", states.map(|states| states & 0xff));
    attributes.set_some("inputs", states.map(|states| states >> 8));
    for (number, text) in (1..=MAX_VOLTAGES).zip(parts.text(4).split(',')) {
        let raw = Some(text).filter(|text| text.len() == 4).and_then(hex);
        attributes.set_some(numbered!("adc_", number, ""), raw);
    }
    let is_cell = (16..=20).contains(&parts.text(5).len());
    let text = |index: usize| Some(parts.text(index)).filter(|text| !text.is_empty());
    if is_cell {
        let cell = parts.text(5);
        let part = |from: usize, until: usize| cell.get(from..until);
        attributes.set_some("mcc", part(0, 4).and_then(|text| text.parse::<u16>().ok()));
        attributes.set_some("mnc", part(4, 8).and_then(|text| text.parse::<u16>().ok()));
        attributes.set_some("lac", part(8, 12).and_then(hex));
        attributes.set_some("cell_id", part(12, cell.len()).and_then(hex));
        attributes.set_some("rssi", text(6).and_then(hex));
        attributes.set_some("odometer_m", text(7).and_then(hex));
        attributes.set_some("satellites", text(8).and_then(hex));
        attributes.set_some("driver_licence", text(9).map(str::to_owned));
    } else {
        attributes.set_some("odometer_m", parts.parse::<u32>(5));
        attributes.set_some("driver_id", text(6).map(str::to_owned));
    }
    parts.number(2)
}

pub(super) fn stored(data: &[u8], at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(data);
    let truncated = Reject::at(at, Reason::Truncated);
    let count = reader.u8().map_err(|_| truncated)?;
    let records = Fields::split(reader.rest(), b'\\');
    for index in 0..usize::from(count).min(records.count()) {
        let record = records.bytes(index);
        let Some((code, text)) = record.split_first() else { continue };
        let place = at.saturating_add(records.offset(index)).saturating_add(2);
        // The others are good still.
        if let Err(reject) = position(text, place, Some(*code), true, out) {
            out.reject(reject);
        }
    }
    Ok(())
}

/// Card, then `|` and `hhmmss`, `ddmmyy`, latitude, `N`, longitude, `E`.
pub(super) fn card(data: &[u8], at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let moved = |mut reject: Reject| {
        reject.offset = reject.offset.saturating_add(at);
        reject
    };
    let parts = Fields::split(data, b'|');
    let mut attributes = Attributes::new();
    let card = parts.text(0);
    attributes.set_some("driver_id", (!card.is_empty()).then(|| card.to_owned()));
    let first = parts.offset(1);
    let fields = Fields::split(data.get(first..).unwrap_or_default(), b',');
    let moved_twice = |mut reject: Reject| {
        reject.offset = reject.offset.saturating_add(first);
        moved(reject)
    };
    let time = nmea::instant(&fields, 1, 0).map_err(moved_twice)?;
    match nmea::place(&fields, 2).map_err(moved_twice)? {
        Some((latitude, longitude)) => {
            let fix = Fix::new(time, latitude, longitude)
                .ok_or_else(|| moved_twice(fields.reject(2, Reason::OutOfRange)))?;
            out.fix(fix, attributes);
        }
        None => out.report(Some(time), AlarmSet::EMPTY, attributes),
    }
    Ok(())
}

fn numbers(data: &[u8], names: &[&'static str], out: &mut Out<'_>) {
    let fields = Fields::split(data, b',');
    let mut attributes = Attributes::new();
    for (index, name) in names.iter().enumerate() {
        attributes.set_some(*name, fields.number(index));
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

pub(super) fn engine(data: &[u8], out: &mut Out<'_>) {
    let names = [
        "power_v",
        "rpm",
        "obd_speed_kmh",
        "throttle_percent",
        "engine_load_percent",
        "coolant_temperature_c",
        "fuel_consumption_l_100km",
        "fuel_consumption_average_l_100km",
        "range_km",
        "odometer_km",
        "trip_fuel_l",
        "fuel_used_l",
        "error_codes",
        "hard_accelerations",
        "hard_brakes",
    ];
    numbers(data, &names, out);
}

pub(super) fn totals(data: &[u8], out: &mut Out<'_>) {
    let names = [
        "ignitions",
        "driving_h",
        "idling_h",
        "hot_start_s",
        "average_speed_kmh",
        "highest_speed_kmh",
        "highest_rpm",
        "hard_accelerations",
        "hard_brakes",
    ];
    numbers(data, &names, out);
}

pub(super) fn error_codes(data: &[u8], out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    attributes.set("dtcs", crate::field::text::ascii(data));
    out.report(None, AlarmSet::EMPTY, attributes);
}

/// A position behind bytes of another kind: what begins with six digits of time.
pub(super) fn behind_others(data: &[u8], at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let begins = |window: &[u8]| matches!(window, [digits @ .., b'.' | b','] if digits.iter().all(u8::is_ascii_digit));
    let start =
        data.windows(7).position(begins).ok_or_else(|| Reject::at(at, Reason::Malformed))?;
    position(data.get(start..).unwrap_or_default(), at.saturating_add(start), None, false, out)
}
