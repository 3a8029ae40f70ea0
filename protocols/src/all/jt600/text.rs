//! `(` device `,` message `,` fields `)`.
//!
//! | message | fields | answer |
//! |---|---|---|
//! | `U01`, `U02`, `U03` | date, time, `T` or `F`, latitude, `N`, longitude, `E`, mph, course, satellites, battery, states, cell, area, signal, kilometres, index, (checksum) | `(S39)` |
//! | `U06` | an alarm's code, then as `U01` but without a checksum | `(S20)` |
//! | `W01` | longitude, `E`, latitude, `N`, `A`, date, time, km/h, course, power, satellites, signal, kind of alert | |
//! | `P45` | date, time, latitude, `N`, longitude, `E`, `A`, km/h, course, source, unlocked by, card, password, wrong ones, index | `(P69,0,index)` |
//! | `U04`, `@JT` | heartbeats | |
//! | others, `U09` among them | passed on | |
//!
//! Coordinates are degrees, but degrees and minutes in `W01`. The checksum is the exclusive or of
//! all that stands before it.

use super::identify;
use crate::field::{Fields, checksum, nmea};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, When};

/// `U01` without its checksum.
const FIELDS_OF_U01: usize = 19;

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let message = fields.text(1);
    match message {
        "U01" | "U02" | "U03" => {
            verify(frame, &fields)?;
            identify(fields.text(0), out)?;
            vehicle(&fields, 2, out)?;
            out.reply("(S39)", When::Accepted);
        }
        "U06" => {
            identify(fields.text(0), out)?;
            vehicle(&fields, 3, out)?;
            out.reply("(S20)", When::Accepted);
        }
        "W01" => {
            identify(fields.text(0), out)?;
            watch(&fields, out)?;
        }
        "P45" => {
            identify(fields.text(0), out)?;
            lock(&fields, out)?;
            out.reply_text(format_args!("(P69,0,{})", fields.text(16)), When::Accepted);
        }
        "" => return Err(fields.reject(1, Reason::Malformed)),
        "U04" | "@JT" => identify(fields.text(0), out)?,
        _ => {
            identify(fields.text(0), out)?;
            let mut attributes = Attributes::new();
            attributes.set("result", fields.joined(1, fields.count()).into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
        }
    }
    Ok(())
}

fn verify(frame: &[u8], fields: &Fields<'_>) -> Result<(), Reject> {
    let stated = fields.text(FIELDS_OF_U01);
    if stated.len() != 2 {
        return Ok(());
    }
    let summed = frame.get(..fields.offset(FIELDS_OF_U01)).unwrap_or_default();
    if u8::from_str_radix(stated, 16) == Ok(checksum::xor(summed)) {
        Ok(())
    } else {
        Err(fields.reject(FIELDS_OF_U01, Reason::Checksum))
    }
}

/// Degrees, and the letter behind them.
fn degrees(fields: &Fields<'_>, index: usize) -> Result<f64, Reject> {
    fields
        .number(index)
        .filter(|degrees| *degrees >= 0.0)
        .and_then(|degrees| nmea::signed(degrees, fields.text(index.saturating_add(1))))
        .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
}

fn fix(fields: &Fields<'_>, date: usize, latitude_at: usize) -> Result<Fix, Reject> {
    let time = nmea::instant(fields, date, date.saturating_add(1))?;
    let latitude = degrees(fields, latitude_at)?;
    let longitude = degrees(fields, latitude_at.saturating_add(2))?;
    Fix::new(time, latitude, longitude)
        .ok_or_else(|| fields.reject(latitude_at, Reason::OutOfRange))
}

fn vehicle(fields: &Fields<'_>, from: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let at = |places: usize| from.saturating_add(places);
    let mut fix = fix(fields, from, at(3))?;
    fix.valid = fields.text(at(2)) == "T";
    let miles = fields.number(at(7)).filter(|miles| *miles >= 0.0);
    fix.speed_kmh = miles.map(nmea::kmh_of_miles);
    fix.course_deg = nmea::course(fields, at(8));
    let mut attributes = Attributes::new();
    attributes.set_some("satellites", fields.parse::<u8>(at(9)));
    let battery = fields.text(at(10)).trim_end_matches('%');
    attributes.set_some("battery_percent", battery.parse::<u8>().ok());
    let status = fields.text(at(11));
    attributes.set_some("status", (!status.is_empty()).then(|| status.to_owned()));
    attributes.set_some("cell_id", fields.parse::<u32>(at(12)));
    attributes.set_some("lac", fields.parse::<u32>(at(13)));
    attributes.set_some("rssi", fields.parse::<u8>(at(14)));
    let kilometres = fields.parse::<u32>(at(15)).map(i64::from);
    attributes.set_some("odometer_m", kilometres.map(|kilometres| kilometres.saturating_mul(1000)));
    if from > 2 {
        attributes.set_some("event", fields.parse::<u16>(2));
    }
    out.fix(fix, attributes);
    Ok(())
}

fn watch(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let read = |index: usize| {
        nmea::degrees(fields.text(index))
            .and_then(|value| nmea::signed(value, fields.text(index.saturating_add(1))))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let (longitude, latitude) = (read(2)?, read(4)?);
    let time = nmea::instant(fields, 7, 8)?;
    let mut fix =
        Fix::new(time, latitude, longitude).ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
    fix.valid = fields.text(6) == "A";
    fix.speed_kmh = fields.number(9).filter(|speed| *speed >= 0.0);
    fix.course_deg = nmea::course(fields, 10);
    let mut attributes = Attributes::new();
    attributes.set_some("power_percent", fields.parse::<u8>(11));
    attributes.set_some("satellites", fields.parse::<u8>(12));
    attributes.set_some("rssi", fields.parse::<u8>(13));
    attributes.set_some("event", fields.parse::<u16>(14));
    out.fix(fix, attributes);
    Ok(())
}

fn lock(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut fix = fix(fields, 2, 4)?;
    fix.valid = fields.text(8) == "A";
    fix.speed_kmh = fields.number(9).filter(|speed| *speed >= 0.0);
    fix.course_deg = nmea::course(fields, 10);
    let mut attributes = Attributes::new();
    attributes.set_some("event", fields.parse::<u16>(11));
    attributes.set_some("unlocked_by", fields.parse::<u16>(12).filter(|by| *by != 0));
    let card = fields.text(13);
    let is_card = card.bytes().any(|digit| digit != b'0');
    attributes.set_some("driver_id", is_card.then(|| card.to_owned()));
    attributes.set_some("wrong_passwords", fields.parse::<u16>(15));
    out.fix(fix, attributes);
    Ok(())
}
