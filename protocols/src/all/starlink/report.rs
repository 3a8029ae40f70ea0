//! An event report.

use super::DATA;
use super::layout::{self, Tag};
use crate::field::{Fields, nmea};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// A driver's key was read; the fields behind the others name it.
const DRIVER: u16 = 20;

#[derive(Default)]
struct Found {
    event_time: Option<Time>,
    position_time: Option<Time>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    altitude_m: Option<f64>,
    event: Option<u16>,
    alarms: AlarmSet,
    attributes: Attributes,
}

/// Takes a report apart in the order `named`, or in one that it fits.
pub(super) fn decode(
    fields: &Fields<'_>,
    named: Option<&str>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut found = Found::default();
    match (named, layout::usual(fields, DATA)) {
        (Some(order), _) => found.ordered(order.split(',').map(layout::tag), fields)?,
        (None, Some(order)) => found.ordered(order.iter().copied(), fields)?,
        (None, None) => {
            for (tag, index) in layout::by_form(fields, DATA) {
                found.read(tag, fields, index)?;
            }
        }
    }
    found.put(fields, out)
}

impl Found {
    /// The fields in an order, and what stands behind them.
    fn ordered(
        &mut self,
        order: impl Iterator<Item = Tag>,
        fields: &Fields<'_>,
    ) -> Result<(), Reject> {
        let mut rest = DATA;
        for (tag, index) in order.zip(DATA..fields.count()) {
            self.read(tag, fields, index)?;
            rest = index.saturating_add(1);
        }
        self.behind(fields, rest);
        Ok(())
    }

    fn read(&mut self, tag: Tag, fields: &Fields<'_>, index: usize) -> Result<(), Reject> {
        let text = fields.text(index);
        if text.is_empty() {
            return Ok(());
        }
        let wrong = || fields.reject(index, Reason::OutOfRange);
        match tag {
            Tag::EventTime => {
                self.event_time = Some(nmea::instant_ymd(text).ok_or_else(wrong)?);
            }
            Tag::PositionTime => {
                self.position_time = Some(nmea::instant_ymd(text).ok_or_else(wrong)?);
            }
            Tag::Latitude => self.latitude = Some(degrees(text).ok_or_else(wrong)?),
            Tag::Longitude => self.longitude = Some(degrees(text).ok_or_else(wrong)?),
            Tag::LatitudeDegrees => {
                self.latitude = Some(fields.number(index).ok_or_else(wrong)?);
            }
            Tag::LongitudeDegrees => {
                self.longitude = Some(fields.number(index).ok_or_else(wrong)?);
            }
            Tag::SpeedKnots => self.speed_kmh = nmea::speed(fields, index),
            Tag::SpeedKmh => self.speed_kmh = fields.number(index).filter(|speed| *speed >= 0.0),
            Tag::Course => self.course_deg = nmea::course(fields, index),
            Tag::Altitude => self.altitude_m = fields.number(index),
            Tag::Odometer => {
                let metres = fields.number(index).map(|km| km * 1000.0);
                self.attributes.set_some("odometer_m", metres);
            }
            Tag::Event => self.event(fields.parse(index)),
            Tag::Jamming => {
                if fields.parse::<u8>(index).is_some_and(|state| state > 0) {
                    self.alarms.insert(Alarm::Jamming);
                }
            }
            Tag::Ignition => self.flag("ignition", fields, index),
            Tag::Flag(name) => self.flag(name, fields, index),
            Tag::Number(name) => self.attributes.set_some(name, fields.number(index)),
            Tag::Whole(name) => self.attributes.set_some(name, fields.parse::<i64>(index)),
            Tag::Text(name) => self.attributes.set(name, text.to_owned()),
            Tag::Imei | Tag::Unknown => {}
        }
        Ok(())
    }

    fn flag(&mut self, name: &'static str, fields: &Fields<'_>, index: usize) {
        self.attributes.set_some(name, fields.parse::<u8>(index).map(|state| state > 0));
    }

    fn event(&mut self, event: Option<u16>) {
        self.event = event;
        self.attributes.set_some("event", event);
        self.alarms.extend(event.and_then(alarm));
        match event {
            Some(4) => self.attributes.set("ignition", true),
            Some(5) => self.attributes.set("ignition", false),
            Some(24) => self.attributes.set("engine", true),
            Some(25) => self.attributes.set("engine", false),
            _ => {}
        }
    }

    /// What some events put behind the fields of their order.
    fn behind(&mut self, fields: &Fields<'_>, from: usize) {
        let data = fields.joined(from, fields.count());
        if data.is_empty() {
            return;
        }
        if self.event == Some(DRIVER) {
            let is_key = |index: &usize| {
                let text = fields.text(*index);
                text.len() >= 8
                    && text.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && !text.bytes().all(|byte| byte == b'0')
            };
            let key = (from..fields.count()).rev().find(is_key);
            let key = key.map(|index| fields.text(index).to_owned());
            self.attributes.set_some("driver_id", key);
        }
        self.attributes.set("event_data", data.into_owned());
    }

    fn put(self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) else {
            out.report(self.event_time, self.alarms, self.attributes);
            return Ok(());
        };
        let wrong = fields.reject(DATA, Reason::OutOfRange);
        let time = self.position_time.or(self.event_time).ok_or(wrong)?;
        let mut fix = Fix::new(time, latitude, longitude).ok_or(wrong)?;
        fix.speed_kmh = self.speed_kmh;
        fix.course_deg = self.course_deg;
        fix.altitude_m = self.altitude_m;
        fix.alarms = self.alarms;
        out.fix(fix, self.attributes);
        Ok(())
    }
}

/// Degrees and minutes behind their sign, such as `+12136.8820`.
fn degrees(text: &str) -> Option<f64> {
    match text.strip_prefix('-') {
        Some(text) => nmea::degrees(text).map(|value| -value),
        None => nmea::degrees(text.strip_prefix('+').unwrap_or(text)),
    }
}

const fn alarm(event: u16) -> Option<Alarm> {
    match event {
        6 => Some(Alarm::Overspeed),
        7 => Some(Alarm::GeofenceEnter),
        8 => Some(Alarm::GeofenceExit),
        9 => Some(Alarm::PowerCut),
        11 => Some(Alarm::LowBattery),
        26 => Some(Alarm::Tow),
        36 => Some(Alarm::Sos),
        41 => Some(Alarm::Accident),
        42 => Some(Alarm::Jamming),
        _ => None,
    }
}
