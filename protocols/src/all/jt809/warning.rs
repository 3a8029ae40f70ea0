//! Alarms that a platform tells of by themselves: 0x1402.
//!
//! | 2011 | 2019 |
//! |---|---|
//! | plate 21, colour 1, kind 2, length 4 | kind 2, length 4 |
//! | source 1, alarm 2, time 8, number 4 | platform 11, alarm 2, time 8, begin 8, end 8, plate 21, colour 1, platform concerned 11, route 4 |
//! | length 4, text | length 4, text |

use super::frame::{HEAD, VEHICLE_HEAD, Vehicle};
use crate::field::{Reader, text};
use crate::{Alarm, Attributes, Reason, Reject, Time};

const ALARM: u16 = 0x1402;
/// What stands before the text, its length included.
const BEFORE_TEXT_2019: usize = 11 + 2 + 3 * 8 + 21 + 1 + 11 + 4 + 4;

/// An alarm.
pub(super) struct Warning {
    pub(super) alarm: Alarm,
    pub(super) time: Option<Time>,
    pub(super) attributes: Attributes,
}

/// Reads the body of 0x1400; `None` where it is about something else than a vehicle's alarm.
pub(super) fn read(body: &mut Reader<'_>) -> Result<Option<(Vehicle, Warning)>, Reject> {
    let mut reader = body.clone();
    let mut vehicle = None;
    if counts(body, VEHICLE_HEAD) || !counts(body, HEAD) {
        vehicle = Some(Vehicle::read(&mut reader)?);
    }
    let unsupported = reader.reject(Reason::Unsupported);
    let kind = reader.be_u16()?;
    let length = reader.be_u32()?;
    let mut data = reader.part(usize::try_from(length).unwrap_or(usize::MAX))?;
    match kind {
        ALARM if counts(&data, BEFORE_TEXT_2019) => of_2019(&mut data, vehicle),
        ALARM => {
            let nobody = data.reject(Reason::Unidentified);
            Ok(Some((vehicle.ok_or(nobody)?, of_2011(&mut data)?)))
        }
        // How alarms are dealt with, and hints.
        0x1401..=0x14ff => Ok(None),
        _ => Err(unsupported),
    }
}

/// Whether the last four of the first `head` bytes count the bytes behind them.
fn counts(reader: &Reader<'_>, head: usize) -> bool {
    let mut reader = reader.clone();
    let length = reader.skip(head.saturating_sub(4)).and_then(|()| reader.be_u32());
    length.is_ok_and(|length| usize::try_from(length) == Ok(reader.remaining()))
}

fn of_2011(reader: &mut Reader<'_>) -> Result<Warning, Reject> {
    let source = reader.u8()?;
    let kind = reader.be_u16()?;
    let time = time(reader)?;
    // Its number, which answers would bear.
    reader.skip(4)?;
    let mut attributes = attributes(kind, reader)?;
    attributes.set(
        "source",
        match source {
            1 => "terminal",
            2 => "company",
            3 => "government",
            _ => "other",
        },
    );
    Ok(Warning { alarm: alarm(kind), time, attributes })
}

fn of_2019(
    reader: &mut Reader<'_>,
    vehicle: Option<Vehicle>,
) -> Result<Option<(Vehicle, Warning)>, Reject> {
    let platform = text::ascii(reader.take(11)?);
    let kind = reader.be_u16()?;
    let when = time(reader)?;
    let (begin, _) = (time(reader)?, time(reader)?);
    // An alarm about a platform names no vehicle.
    let Some(vehicle) = Vehicle::read(reader).ok().or(vehicle) else { return Ok(None) };
    reader.skip(11 + 4)?;
    let mut attributes = attributes(kind, reader)?;
    attributes.set("platform", platform);
    Ok(Some((vehicle, Warning { alarm: alarm(kind), time: when.or(begin), attributes })))
}

fn attributes(kind: u16, reader: &mut Reader<'_>) -> Result<Attributes, Reject> {
    let length = reader.be_u32()?;
    let information = text::gbk(reader.take(usize::try_from(length).unwrap_or(usize::MAX))?);
    let mut attributes = Attributes::new();
    attributes.set("warning", kind);
    if !information.is_empty() {
        attributes.set("information", information);
    }
    Ok(attributes)
}

/// Seconds since 1970; 0 says nothing.
fn time(reader: &mut Reader<'_>) -> Result<Option<Time>, Reject> {
    let seconds = i64::try_from(reader.be_u64()?).unwrap_or(i64::MAX);
    Ok((seconds > 0).then(|| Time::from_seconds(seconds)))
}

/// The alarms by number (2011 5.3). One that we have no word for is an alarm all the same.
const fn alarm(kind: u16) -> Alarm {
    match kind {
        0x0001 => Alarm::Overspeed,
        0x0002 => Alarm::Fatigue,
        // The button, and a robbery.
        0x0003 | 0x000a => Alarm::Sos,
        0x0004 => Alarm::GeofenceEnter,
        0x0005 => Alarm::GeofenceExit,
        0x0007 => Alarm::Danger,
        0x0008 => Alarm::Geofence,
        0x0009 => Alarm::Stolen,
        0x000b => Alarm::RouteDeviation,
        0x000c => Alarm::IllegalMovement,
        0x000d => Alarm::DayDriving,
        _ => Alarm::General,
    }
}
