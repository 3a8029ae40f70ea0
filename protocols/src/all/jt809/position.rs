//! Positions: 0x1202 and 0x1203.
//!
//! | 2011, 36 bytes | 2019 |
//! |---|---|
//! | shifted 1 | shifted 1 |
//! | day, month, year 2, hour, minute, second | length 4 |
//! | longitude 4, latitude 4, in millionths of a degree | a location of JT/T 808-2019 |
//! | km/h 2, by the recorder 2, odometer 4 (km), course 2, altitude 2 (m) | three platforms' own: code 11, alarm word 4 |
//! | status word 4, alarm word 4 of JT/T 808-2011 | |
//!
//! `Shifted` says that the coordinates went through the secrecy plug-in: GCJ-02. 0x1203 is a count
//! and so many of these.

use super::frame::Form;
use crate::all::jt808::alarms;
use crate::all::jt808::location::{self, Findings, Location};
use crate::field::Reader;
use crate::field::date::{self, CHINA_S};
use crate::{Datum, Fix, Out, Reason, Reject};

/// A position of 2011.
const LENGTH: usize = 36;
/// What a position of 2019 has beside the location.
const AROUND: usize = 1 + 4 + 3 * (11 + 4);

/// The position of 0x1202, to the end of `reader`.
pub(super) fn live(reader: &mut Reader<'_>) -> Result<Location, Reject> {
    if reader.remaining() == LENGTH { of_2011(reader) } else { of_2019(reader) }
}

/// The positions of 0x1203, to the end of `reader`: a wrong one costs only itself.
pub(super) fn stored(
    reader: &mut Reader<'_>,
    form: Form,
    place: &dyn Fn(Reject) -> Reject,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let count = usize::from(reader.u8()?);
    let is_2011 = reader.remaining() == count.saturating_mul(LENGTH);
    let is_2019 = are_of_2019(reader.clone(), count);
    let read = match form {
        Form::Of2011 if is_2011 => of_2011,
        Form::Of2019 if is_2019 => of_2019,
        Form::Of2019 if is_2011 => of_2011,
        Form::Of2011 if is_2019 => of_2019,
        _ => return Err(reader.reject(Reason::Malformed)),
    };
    for _ in 0..count {
        read(reader)?.give(true, place, out);
    }
    Ok(())
}

fn are_of_2019(mut reader: Reader<'_>, count: usize) -> bool {
    let skipped = (0..count).try_for_each(|_| {
        reader.skip(1)?;
        let length = usize::try_from(reader.be_u32()?).unwrap_or(usize::MAX);
        reader.skip(length.saturating_add(AROUND - 5))
    });
    skipped.is_ok() && reader.is_empty()
}

fn of_2011(reader: &mut Reader<'_>) -> Result<Location, Reject> {
    let is_shifted = reader.u8()? == 1;
    let nowhen = reader.reject(Reason::OutOfRange);
    let [day, month, high, low, hour, minute, second] = reader.array()?;
    let year = i16::from_be_bytes([high, low]);
    let time = date::of_year(year, [month, day, hour, minute, second], CHINA_S);
    let at = reader.offset();
    let (longitude, latitude) = (reader.be_u32()?, reader.be_u32()?);
    let speed = reader.be_u16()?;
    let recorder_speed = reader.be_u16()?;
    let odometer_km = reader.be_u32()?;
    let course = reader.be_u16()?;
    let altitude = reader.be_u16()?;
    let form = location::Form { is_2019: false, model: None };
    let mut findings = Findings::default();
    let status = location::status(reader.be_u32()?, form, &mut findings);
    (findings.alarms, findings.states) = alarms::read(reader.be_u32()?, false, None);
    if recorder_speed > 0 {
        findings.attributes.set("recorder_speed_kmh", f64::from(recorder_speed));
    }
    if odometer_km > 0 {
        findings.attributes.set("odometer_m", i64::from(odometer_km).saturating_mul(1000));
    }
    let (latitude, longitude) = status.degrees(latitude, longitude);
    let fix = time
        .ok_or(nowhen)
        .and_then(|time| location::fix(time, latitude, longitude, at))
        .map(|fix| Fix {
            valid: status.valid,
            altitude_m: Some(f64::from(altitude)),
            speed_kmh: Some(f64::from(speed)),
            course_deg: (course <= 360).then_some(f64::from(course)),
            datum: if is_shifted { Datum::Gcj02 } else { status.datum },
            alarms: findings.alarms,
            alarm_states: findings.states,
            ..fix
        })
        .map_err(|reject| findings.rejects.push(reject))
        .ok();
    Ok(Location { fix, findings })
}

fn of_2019(reader: &mut Reader<'_>) -> Result<Location, Reject> {
    let is_shifted = reader.u8()? == 1;
    let length = reader.be_u32()?;
    let mut body = reader.part(usize::try_from(length).unwrap_or(usize::MAX))?;
    let form = location::Form { is_2019: true, model: None };
    let mut location = location::read(&mut body, form)?;
    // What the company's, the city's and the province's platform saw, by the same table.
    for name in ["platform", "city_platform", "province_platform"] {
        let platform = reader.take(11)?;
        let (on, states) = alarms::read(reader.be_u32()?, true, None);
        let findings = &mut location.findings;
        findings.alarms = findings.alarms.union(on);
        findings.states = findings.states.union(states);
        let platform = crate::field::text::ascii(platform);
        if !on.is_empty() && !platform.is_empty() {
            findings.attributes.set(name, platform);
        }
    }
    if let Some(fix) = &mut location.fix {
        (fix.alarms, fix.alarm_states) = (location.findings.alarms, location.findings.states);
        if is_shifted {
            fix.datum = Datum::Gcj02;
        }
    }
    Ok(location)
}
