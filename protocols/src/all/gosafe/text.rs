//! Frames of text.
//!
//! Versions but the second: records parted by `$`, each `hhmmssddmmyy` `,` event (hexadecimal) and
//! then parts parted by `,`; or the answer to a command.
//!
//! | part | values, parted by `;` |
//! |---|---|
//! | `SYS:` | model, firmware, hardware |
//! | `GPS:` | `A`, satellites, latitude behind `N`, longitude behind `E`, km/h, course, metres, HDOP, VDOP |
//! | `GSM:` | registration, signal, then of each cell: country, network, area, cell (hexadecimal), dBm |
//! | `COT:` | mileage (m), engine's time as `hours-minutes-seconds` or hours |
//! | `ADC:` | main power, battery, inputs (V) |
//! | `DTT:` | state (hexadecimal), lines (hexadecimal), two of fences, event's state, kind of packet |
//! | `IWD:` | of each device on the wire: number, 0 and the driver's key, or 1, serial number and °C |
//! | `ETD:`, `OBD:`, `TAG:`, `FUL:` | what belongs to the event, OBD, tags, fuel |
//!
//! The lines are the ignition, inputs 1 to 4, outputs 1 to 3.
//!
//! Version 2 (`GS02`, `GS22`): `GPS:` `hhmmss`, (kind of fix,) `A`, places as above, km/h, course,
//! (HDOP,) `ddmmyy`; `STT:` state and alarms (hexadecimal); `MGR:` mileage (m); `ADC:` of each input
//! number and value.

use crate::field::{Fields, nmea};
use crate::{AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time, When};

pub(super) fn decode(
    context: &Context<'_>,
    frame: &[u8],
    out: &mut Out<'_>,
) -> Result<When, Reject> {
    let fields = Fields::split(frame, b',');
    let version = fields.text(0).strip_prefix("*GS").unwrap_or_default();
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::at(0, Reason::Malformed));
    }
    super::identify(fields.text(1), fields.offset(1), out)?;
    if fields.count() == 2 {
        return Ok(super::when(false));
    }
    if version.ends_with('2') {
        second(context, &fields, out)?;
        return Ok(super::when(true));
    }
    let data_at = fields.offset(2);
    let data = frame.get(data_at..).unwrap_or_default();
    let records = Fields::split(data, b'$');
    let mut any_good = false;
    let mut wrong = None;
    for index in 0..records.count() {
        let at = data_at.saturating_add(records.offset(index));
        let Err(mut reject) = record(context, records.bytes(index), out) else {
            any_good = true;
            continue;
        };
        reject.offset = reject.offset.saturating_add(at);
        if let Some(earlier) = wrong.replace(reject) {
            out.reject(earlier);
        }
    }
    match wrong {
        Some(reject) if !any_good => return Err(reject),
        // What is not answered would be sent again, with the good ones, for ever.
        Some(reject) => out.reject(reject),
        None => {}
    }
    Ok(super::when(true))
}

/// One part's values.
struct Part<'a> {
    name: &'a str,
    values: Fields<'a>,
    at: usize,
}

impl<'a> Part<'a> {
    /// `None` where there is no name.
    fn read(fields: &Fields<'a>, index: usize) -> Option<Self> {
        let bytes = fields.bytes(index);
        let colon = memchr::memchr(b':', bytes)?;
        let (name, values) = bytes.split_at_checked(colon)?;
        let values = Fields::split(values.get(1..)?, b';');
        let at = fields.offset(index).saturating_add(colon).saturating_add(1);
        Some(Self { name: std::str::from_utf8(name).ok()?, values, at })
    }

    fn reject(&self, index: usize, reason: Reason) -> Reject {
        Reject::at(self.at.saturating_add(self.values.offset(index)), reason)
    }

    fn hex(&self, index: usize) -> Option<u32> {
        u32::from_str_radix(self.values.text(index), 16).ok()
    }

    /// Degrees behind the letter of their hemisphere.
    fn degrees(&self, index: usize) -> Result<f64, Reject> {
        let text = self.values.text(index);
        text.split_at_checked(1)
            .and_then(|(letter, degrees)| {
                let degrees = degrees.parse().ok().filter(|degrees: &f64| *degrees >= 0.0)?;
                nmea::signed(degrees, letter)
            })
            .ok_or_else(|| self.reject(index, Reason::OutOfRange))
    }

    /// Latitude, longitude, km/h and course from `first` on.
    fn place(&self, first: usize, time: Time) -> Result<Fix, Reject> {
        let at = |places: usize| first.saturating_add(places);
        let mut fix = Fix::new(time, self.degrees(first)?, self.degrees(at(1))?)
            .ok_or_else(|| self.reject(first, Reason::OutOfRange))?;
        fix.speed_kmh = self.values.number(at(2)).filter(|speed| *speed >= 0.0);
        fix.course_deg = nmea::course(&self.values, at(3));
        Ok(fix)
    }
}

/// `hhmmssddmmyy`.
fn instant(text: &str) -> Option<Time> {
    let (of_day, date) = text.split_at_checked(6)?;
    Some(nmea::date(date)?.plus_millis(nmea::time_of_day_ms(of_day)?))
}

fn record(context: &Context<'_>, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(bytes, b',');
    let first = fields.text(0);
    let mut attributes = Attributes::new();
    let is_time = first.len() == 12 && first.bytes().all(|byte| byte.is_ascii_digit());
    let time = match is_time {
        true => Some(instant(first).ok_or_else(|| fields.reject(0, Reason::OutOfRange))?),
        false => None,
    };
    if !is_time && !first.is_empty() {
        attributes.set("result", first.to_owned());
    }
    let mut fix = None;
    for index in 1..fields.count() {
        let Some(part) = Part::read(&fields, index) else {
            attributes.set_some("event", u32::from_str_radix(fields.text(index), 16).ok());
            continue;
        };
        if part.name == "GPS" {
            let mut found = part.place(2, time.unwrap_or(context.received_at))?;
            found.valid = part.values.text(0) == "A";
            found.altitude_m = part.values.number(6);
            attributes.set_some("satellites", part.values.parse::<u8>(1));
            attributes.set_some("hdop", part.values.number(7));
            attributes.set_some("vdop", part.values.number(8));
            fix = Some(found);
        } else {
            attribute(&part, &mut attributes);
        }
    }
    match fix {
        Some(fix) => out.fix(fix, attributes),
        None => out.report(time, AlarmSet::EMPTY, attributes),
    }
    Ok(())
}

fn attribute(part: &Part<'_>, attributes: &mut Attributes) {
    static LINES: [&str; 8] = [
        "ignition", "input_1", "input_2", "input_3", "input_4", "output_1", "output_2", "output_3",
    ];
    static TEMPERATURES: [&str; 8] = [
        "temperature_0_c",
        "temperature_1_c",
        "temperature_2_c",
        "temperature_3_c",
        "temperature_4_c",
        "temperature_5_c",
        "temperature_6_c",
        "temperature_7_c",
    ];
    let values = &part.values;
    let all = || values.joined(0, values.count()).into_owned();
    match part.name {
        "SYS" if !values.text(0).is_empty() => attributes.set("model", values.text(0).to_owned()),
        "GSM" => {
            attributes.set_some("rssi", values.parse::<i16>(1));
            attributes.set_some("mcc", values.parse::<u16>(2));
            attributes.set_some("mnc", values.parse::<u16>(3));
            attributes.set_some("lac", part.hex(4));
            attributes.set_some("cell_id", part.hex(5));
        }
        "COT" => {
            attributes.set_some("odometer_m", values.parse::<u32>(0));
            let mut seconds = None;
            for (text, unit_s) in values.text(1).split('-').zip([3600, 60, 1]) {
                let part = text.parse().ok().map(|count: u32| count.saturating_mul(unit_s));
                seconds =
                    part.map(|part| seconds.map_or(part, |sum: u32| sum.saturating_add(part)));
            }
            attributes.set_some("engine_time_s", seconds);
        }
        "ADC" => {
            for (index, name) in ["power_v", "battery_v", "adc_1_v", "adc_2_v"].iter().enumerate() {
                attributes.set_some(*name, values.number(index));
            }
        }
        "DTT" => {
            attributes.set_some("status", part.hex(0));
            if let Some(lines) = part.hex(1) {
                for (bit, name) in (0_u32..).zip(LINES) {
                    attributes.set(name, (lines >> bit) & 1 != 0);
                }
            }
            let fences = [part.hex(2), part.hex(3)];
            if fences.iter().any(|fences| fences.is_some_and(|fences| fences != 0)) {
                attributes.set("geofence", values.joined(2, 4).into_owned());
            }
            attributes.set_some("event_status", part.hex(4));
        }
        "IWD" => {
            let mut index = 0_usize;
            while index < values.count() {
                let at = |places: usize| index.saturating_add(places);
                if values.text(at(1)) == "1" {
                    let name = values.parse(index).and_then(|index: usize| TEMPERATURES.get(index));
                    if let Some(name) = name {
                        attributes.set_some(*name, values.number(at(3)));
                    }
                    index = at(4);
                    continue;
                }
                let key = values.text(at(2));
                if key.bytes().any(|byte| byte != b'0') {
                    attributes.set("driver_id", key.to_owned());
                }
                index = at(3);
            }
        }
        "ETD" => attributes.set("event_data", all()),
        "OBD" => attributes.set("obd", all()),
        "TAG" => attributes.set("tags", all()),
        "FUL" => attributes.set("fuel_raw", all()),
        _ => {}
    }
}

fn second(context: &Context<'_>, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let mut fixes = Vec::new();
    for index in 2..fields.count() {
        let Some(part) = Part::read(fields, index) else {
            attributes.set("result", fields.text(index).to_owned());
            continue;
        };
        match part.name {
            "GPS" => fixes.push(second_place(context, &part)?),
            "STT" => {
                attributes.set_some("status", part.hex(0));
                attributes.set_some("alarms_raw", part.hex(1));
            }
            "MGR" => attributes.set_some("odometer_m", part.values.parse::<u32>(0)),
            "ADC" => {
                for input in (0..part.values.count()).step_by(2) {
                    let name = match part.values.text(input) {
                        "0" => "power_v",
                        "1" => "device_temperature_c",
                        "2" => "battery_v",
                        "3" => "adc_1_v",
                        _ => continue,
                    };
                    attributes.set_some(name, part.values.number(input.saturating_add(1)));
                }
            }
            _ => {}
        }
    }
    if fixes.is_empty() {
        out.report(None, AlarmSet::EMPTY, attributes);
        return Ok(());
    }
    for fix in fixes {
        out.fix(fix, std::mem::take(&mut attributes));
    }
    Ok(())
}

fn second_place(context: &Context<'_>, part: &Part<'_>) -> Result<Fix, Reject> {
    let values = &part.values;
    // The kind of fix may stand before it.
    let validity = if matches!(values.text(1), "A" | "V") { 1 } else { 2_usize };
    let of_day =
        nmea::time_of_day_ms(values.text(0)).ok_or_else(|| part.reject(0, Reason::OutOfRange))?;
    let date_at = (validity.saturating_add(5)..values.count())
        .find(|index| values.text(*index).len() == 6 && !values.text(*index).contains('.'));
    let time = match date_at {
        Some(at) => nmea::date(values.text(at))
            .map(|date| date.plus_millis(of_day))
            .ok_or_else(|| part.reject(at, Reason::OutOfRange))?,
        None => nmea::nearest(of_day, context.received_at),
    };
    let mut fix = part.place(validity.saturating_add(1), time)?;
    fix.valid = values.text(validity) == "A";
    Ok(fix)
}
