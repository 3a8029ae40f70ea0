//! The location body (0x0200 and the messages that hold one): alarm word, status word, position,
//! time, additional items.

use super::{alarms, items};
use crate::field::date::CHINA_S;
use crate::field::{Reader, bcd};
use crate::{Alarm, AlarmSet, Attributes, Datum, Fix, Out, Reason, Reject, Time};

/// What the meaning of a field depends on.
#[derive(Clone, Copy)]
pub(in super::super) struct Form<'a> {
    /// Whether the frame has the form of 2019.
    pub(in super::super) is_2019: bool,
    /// The device's model, where known.
    pub(in super::super) model: Option<&'a str>,
}

/// What a location states beside its position.
#[derive(Default)]
pub(in super::super) struct Findings {
    /// The alarms that are on.
    pub(in super::super) alarms: AlarmSet,
    /// The alarms whose absence from `alarms` means that they are off.
    pub(in super::super) states: AlarmSet,
    /// Everything else.
    pub(in super::super) attributes: Attributes,
    /// The items that cost only themselves.
    pub(in super::super) rejects: Vec<Reject>,
}

impl Findings {
    /// An alarm that is on or off until told otherwise.
    pub(super) fn state(&mut self, alarm: Alarm, is_on: bool) {
        self.states.insert(alarm);
        if is_on {
            self.alarms.insert(alarm);
        }
    }

    /// An alarm for something that just happened, or none.
    pub(super) fn event(&mut self, alarm: Option<Alarm>) {
        if let Some(alarm) = alarm {
            self.alarms.insert(alarm);
        }
    }

    /// The flag that a status bit sets: stated only where it is set.
    fn flag(&mut self, name: &'static str, is_set: bool) {
        if is_set {
            self.attributes.set(name, true);
        }
    }
}

/// A location as it was found.
pub(in super::super) struct Location {
    /// The position; `None` where its date or its coordinates cannot be.
    pub(in super::super) fix: Option<Fix>,
    /// The rest, which stands without it.
    pub(in super::super) findings: Findings,
}

/// What the status word says of the position.
pub(in super::super) struct Status {
    pub(in super::super) valid: bool,
    south: bool,
    west: bool,
    pub(in super::super) datum: Datum,
}

impl Status {
    /// Latitude and longitude from millionths of a degree, with the signs that the word gives.
    #[inline]
    pub(in super::super) fn degrees(&self, latitude: u32, longitude: u32) -> (f64, f64) {
        let signed = |millionths: u32, is_negative: bool| {
            let degrees = f64::from(millionths) / 1e6;
            if is_negative { -degrees } else { degrees }
        };
        (signed(latitude, self.south), signed(longitude, self.west))
    }
}

impl Location {
    /// Puts out what was found; `place` says where an offset lies in the frame.
    // Without it a call across modules costs each location a tenth of its decoding.
    #[inline]
    pub(in super::super) fn give(
        self,
        is_stored: bool,
        place: &dyn Fn(Reject) -> Reject,
        out: &mut Out<'_>,
    ) {
        let Findings { alarms, states, attributes, rejects } = self.findings;
        match self.fix {
            Some(fix) => out.fix(Fix { backfill: is_stored, ..fix }, attributes),
            // Without a time, stored states would be taken for today's.
            None if is_stored && !alarms.is_empty() => out.report(None, alarms, attributes),
            None if !alarms.is_empty() => out.report_states(None, alarms, states, attributes),
            None => {}
        }
        for reject in rejects {
            out.reject(place(reject));
        }
    }
}

/// Reads a location up to the end of `reader`.
pub(in super::super) fn read(reader: &mut Reader<'_>, form: Form<'_>) -> Result<Location, Reject> {
    let mut findings = Findings::default();
    (findings.alarms, findings.states) = alarms::read(reader.be_u32()?, form.is_2019, form.model);
    let mut fix = position(reader, form, &mut findings)?;
    items::read(reader, form, &mut findings);
    if let Some(fix) = &mut fix {
        fix.alarms = findings.alarms;
        fix.alarm_states = findings.states;
    }
    Ok(Location { fix, findings })
}

/// Reads the status word, the position and its time; what else they state goes to `findings`.
pub(super) fn position(
    reader: &mut Reader<'_>,
    form: Form<'_>,
    findings: &mut Findings,
) -> Result<Option<Fix>, Reject> {
    let status = status(reader.be_u32()?, form, findings);
    let at = reader.offset();
    let (latitude, longitude) = coordinates(reader, &status)?;
    let altitude = reader.be_i16()?;
    let speed = reader.be_u16()?;
    let course = reader.be_u16()?;
    let time_at = reader.offset();
    let time = bcd::date_time(reader.array()?, CHINA_S, time_at);
    let fix = time.and_then(|time| {
        let fix = fix(time, latitude, longitude, at)?;
        Ok(Fix {
            valid: status.valid,
            altitude_m: Some(f64::from(altitude)),
            speed_kmh: Some(f64::from(speed) / 10.0),
            course_deg: (course <= 360).then_some(f64::from(course)),
            datum: status.datum,
            alarms: findings.alarms,
            alarm_states: findings.states,
            ..fix
        })
    });
    // An alarm counts even where the terminal's clock has never been set.
    Ok(fix.map_err(|reject| findings.rejects.push(reject)).ok())
}

/// A fix, or a refusal at the coordinates.
pub(in super::super) fn fix(
    time: Time,
    latitude: f64,
    longitude: f64,
    at: usize,
) -> Result<Fix, Reject> {
    Fix::new(time, latitude, longitude).ok_or_else(|| Reject::at(at, Reason::OutOfRange))
}

/// Latitude and longitude, millionths of a degree each.
pub(super) fn coordinates(reader: &mut Reader<'_>, status: &Status) -> Result<(f64, f64), Reject> {
    Ok(status.degrees(reader.be_u32()?, reader.be_u32()?))
}

/// The status word (2013 table 25): bits 22 on as 2019 and some makers use them.
pub(in super::super) fn status(word: u32, form: Form<'_>, findings: &mut Findings) -> Status {
    let bit = |number: u32| word >> number & 1 == 1;
    findings.attributes.set("ignition", bit(0));
    findings.flag("out_of_service", bit(4));
    match word >> 8 & 3 {
        1 => findings.attributes.set("load", "half"),
        3 => findings.attributes.set("load", "full"),
        _ => {}
    }
    findings.flag("fuel_cut", bit(10));
    findings.flag("circuit_cut", bit(11));
    findings.flag("locked", bit(12));
    findings.flag("door", (13..=17).any(bit));
    match form.model {
        Some("G1C Pro") => findings.attributes.set("motion", bit(4)),
        Some("MV810G" | "MV710G") => findings.attributes.set("door", bit(16)),
        _ => {}
    }
    if form.is_2019 {
        findings.flag("forward_collision_warning", bit(6));
        findings.flag("lane_departure_warning", bit(7));
        findings.flag("motion", bit(22));
    } else {
        findings.flag("charging", bit(26));
    }
    Status {
        valid: bit(1),
        south: bit(2),
        west: bit(3),
        datum: if bit(5) { Datum::Gcj02 } else { Datum::Wgs84 },
    }
}
