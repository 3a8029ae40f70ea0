//! Transparent data (0x0900): a byte that says whose, then what makers put there.

use super::extensions::live_data;
use super::location::{Findings, Form, Location, coordinates, fix, position, status};
use crate::field::date::CHINA_S;
use crate::field::{Reader, bcd, text};
use crate::{Alarm, Fix, Reject, Time};

/// The longest data of an unknown kind that is passed on.
const DATA_MAX: usize = 256;

/// What such a message holds.
pub(super) enum Found {
    /// A position.
    Location(Location),
    /// Something else, and when.
    Report(Option<Time>, Findings),
}

/// Reads one message.
pub(super) fn read(reader: &mut Reader<'_>, form: Form<'_>) -> Result<Found, Reject> {
    let kind = reader.u8()?;
    let mut findings = Findings::default();
    match kind {
        // Container trackers: the state of the beacons around them, and where.
        0x53 if reader.remaining() >= 24 => {
            let fix = position(reader, form, &mut findings)?;
            return Ok(Found::Location(Location { fix, findings }));
        }
        0xf0 => return on_board(reader, form),
        0xff if reader.remaining() >= 20 => return Ok(Found::Location(plain(reader)?)),
        0x40 if reader.rest().contains(&b'|') => {
            // The text's length.
            reader.skip(2)?;
            let text = text::ascii(reader.rest());
            match text.strip_prefix("GTSL").and_then(|fields| fields.split('|').nth(4)) {
                Some(driver) => findings.attributes.set("driver_id", driver.to_owned()),
                None => findings.attributes.set("data", text),
            }
        }
        _ if reader.rest().starts_with(b"$OBD-RT") => {
            live_data(&text::ascii(reader.rest()), &mut findings);
        }
        _ => {
            findings.attributes.set("transparent_kind", kind);
            let data = reader.rest();
            if text::is_printable(data) && data.len() <= DATA_MAX {
                findings.attributes.set("data", text::ascii(data));
            } else if data.len() <= DATA_MAX {
                findings.attributes.set("data", text::hex(data));
            }
        }
    }
    Ok(Found::Report(None, findings))
}

/// Kind 0xff: a position with signed coordinates and no status.
fn plain(reader: &mut Reader<'_>) -> Result<Location, Reject> {
    let time_at = reader.offset();
    let time = bcd::date_time(reader.array()?, CHINA_S, time_at)?;
    let at = reader.offset();
    let latitude = f64::from(reader.be_i32()?) / 1e6;
    let longitude = f64::from(reader.be_i32()?) / 1e6;
    let fix = Fix {
        altitude_m: Some(f64::from(reader.be_i16()?)),
        speed_kmh: Some(f64::from(reader.be_u16()?) / 10.0),
        course_deg: Some(f64::from(reader.be_u16()?)).filter(|course| *course <= 360.0),
        ..fix(time, latitude, longitude, at)?
    };
    Ok(Location { fix: Some(fix), findings: Findings::default() })
}

/// Kind 0xf0: what an adapter on the vehicle's bus has read. Where the vehicle was then is no
/// position of its own: it has no course, speed or time.
fn on_board(reader: &mut Reader<'_>, form: Form<'_>) -> Result<Found, Reject> {
    let mut findings = Findings::default();
    let time_at = reader.offset();
    let time = bcd::date_time(reader.array()?, CHINA_S, time_at)?;
    if reader.u8()? > 0 {
        findings.attributes.set("archive", true);
    }
    // The kind of vehicle.
    reader.skip(1)?;
    let kind = reader.u8()?;
    match kind {
        0x01 => readings(reader, &mut findings)?,
        0x02 => trouble_codes(reader, &mut findings)?,
        0x03 => events(reader, &mut findings)?,
        0x0b => {
            if reader.u8()? > 0 {
                findings.attributes.set("vin", text::ascii(reader.take(17)?));
            }
        }
        0x15 => {
            let event = reader.be_u32()?;
            findings.attributes.set("event", event);
            findings.event(match event {
                51 => Some(Alarm::HardAcceleration),
                52 => Some(Alarm::HardBraking),
                53 => Some(Alarm::HardCornering),
                54 => Some(Alarm::LaneChange),
                56 => Some(Alarm::Accident),
                _ => None,
            });
        }
        _ => findings.attributes.set("transparent_kind", kind),
    }
    if matches!(kind, 0x01..=0x03) && reader.remaining() >= 12 {
        let status = status(reader.be_u32()?, form, &mut findings);
        let (latitude, longitude) = coordinates(reader, &status)?;
        findings.attributes.set("latitude", latitude);
        findings.attributes.set("longitude", longitude);
    }
    Ok(Found::Report(Some(time), findings))
}

fn readings(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    for _ in 0..reader.u8()? {
        let number = reader.be_u16()?;
        let length = reader.u8()?;
        let mut value = reader.part(usize::from(length))?;
        let attributes = &mut findings.attributes;
        match (number, length) {
            (0x0102 | 0x0528 | 0x0546, 4) => {
                attributes.set("odometer_m", i64::from(value.be_u32()?).saturating_mul(100));
            }
            (0x0103, 4) => attributes.set("fuel_l", f64::from(value.be_u32()?) / 100.0),
            (0x0105 | 0x052c, 4) => {
                attributes.set("fuel_used_l", f64::from(value.be_u32()?) / 100.0);
            }
            (0x0111, 1) => attributes.set("fuel_c", i16::from(value.u8()?).saturating_sub(40)),
            (0x012e, 2) => attributes.set("oil_percent", f64::from(value.be_u16()?) / 10.0),
            (0x014a | 0x0537..=0x0539, 2) => {
                attributes.set("fuel_consumption", f64::from(value.be_u16()?) / 100.0);
            }
            (0x052a, 2) => attributes.set("fuel_l", f64::from(value.be_u16()?) / 100.0),
            (0x052b, 1) => attributes.set("fuel_percent", value.u8()?),
            (0x052d, 1) => attributes.set("coolant_c", i16::from(value.u8()?).saturating_sub(40)),
            (0x052e, 1) => attributes.set("intake_c", i16::from(value.u8()?).saturating_sub(40)),
            (0x0530, 2) => attributes.set("power_v", f64::from(value.be_u16()?) / 1000.0),
            (0x0535, 2) => attributes.set("obd_speed_kmh", f64::from(value.be_u16()?) / 10.0),
            (0x0536, 2) => attributes.set("rpm", value.be_u16()?),
            (0x0547 | 0x0548, 1) => attributes.set("throttle_percent", value.u8()?),
            (_, 1) => attributes.set(format!("io_{number}"), value.u8()?),
            (_, 2) => attributes.set(format!("io_{number}"), value.be_u16()?),
            (_, 4) => attributes.set(format!("io_{number}"), value.be_u32()?),
            _ => {}
        }
    }
    Ok(())
}

fn trouble_codes(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    let mut codes = Vec::new();
    for _ in 0..reader.be_u16()? {
        // Which system.
        reader.skip(4)?;
        for _ in 0..reader.be_u16()? {
            // The code as a number, and its state.
            reader.skip(8)?;
            let length = reader.be_u16()?;
            codes.push(text::ascii(reader.take(usize::from(length))?));
        }
    }
    findings.attributes.set("trouble_codes", codes.join(" "));
    Ok(())
}

fn events(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<(), Reject> {
    for _ in 0..reader.u8()? {
        let number = reader.u8()?;
        let length = reader.u8()?;
        reader.skip(usize::from(length))?;
        findings.attributes.set("event", number);
        findings.event(match number {
            0x01 => Some(Alarm::PowerRestored),
            0x02 => Some(Alarm::PowerCut),
            0x1a => Some(Alarm::HardAcceleration),
            0x1b => Some(Alarm::HardBraking),
            0x1c => Some(Alarm::HardCornering),
            0x1d..=0x1f => Some(Alarm::LaneChange),
            0x23 => Some(Alarm::Fatigue),
            0x26..=0x28 => Some(Alarm::Accident),
            0x31 | 0x32 => Some(Alarm::Door),
            _ => None,
        });
    }
    Ok(())
}
