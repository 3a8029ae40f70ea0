//! Text messages: `+RESP:GT` and three letters, version, device, name, fields, time of sending,
//! count; separated by commas.
//!
//! A position: accuracy (HDOP), km/h, course, altitude, longitude, latitude, time, then country,
//! network, area and cell (the last two in hexadecimal). `+BUFF` is a stored `+RESP`.
//!
//! | message | what it tells |
//! |---|---|
//! | `FRI`, `ERI`, `RTL`, `DOG`, `LBC`, `NMR`, `PNL`, … | positions |
//! | `SOS`, `SPD`, `TOW`, `IDL`, `HBM`, `CRA`, `DAR` | SOS, speed, tow, idling, hard driving, crash, fatigue |
//! | `PNA`, `PFA`, `EPN`, `EPF`, `MPN`, `MPF`, `BPL` | switched on, off; power back, cut; battery low |
//! | `GEO`, `GIN`, `GOT`, `SWG` | areas |
//! | `STT`, `IGN`, `IGF`, `VGN`, `VGF`, `IGL` | motion and ignition |
//! | `TEM`, `TMP`, `JDR`, `JDS` | temperature, jamming |
//! | `IDA` | a driver's tag |
//! | `INF`, `CAN`, `OBD` | the device, the vehicle: see `vehicle` |

use smallvec::SmallVec;

use super::vehicle;
use crate::field::Fields;
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time, When};

/// Head, version, device, name.
const FIRST_FIELD: usize = 4;

/// What a message says of itself.
pub(super) struct Message<'a> {
    pub(super) fields: Fields<'a>,
    /// The three letters.
    pub(super) kind: &'a str,
    /// The first digits of the version, which stand for the model.
    version: &'a str,
}

/// The models with a battery of their own that they tell the percentage of: versions beginning so.
static PORTABLE: &[&str] = &[
    "02", "11", "12", "1A", "21", "28", "2C", "2E", "30", "40", "42", "44", "45", "52", "55", "66",
    "C3", "DE", "F5",
];

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let (form, name) = fields.text(0).split_once(':').unwrap_or_default();
    let kind = name
        .strip_prefix("GT")
        .filter(|kind| kind.len() == 3)
        .ok_or_else(|| fields.reject(0, Reason::Malformed))?;
    // The oldest messages have no version before the device.
    let device_at = if fields.text(1).len() > 10 { 1 } else { 2 };
    let device = fields.text(device_at);
    let plausible = (10..=20).contains(&device.len())
        && device.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plausible {
        return Err(fields.reject(device_at, Reason::Malformed));
    }
    out.identify(device);
    let version = if device_at == 2 { fields.text(1) } else { "" };
    // A time of sending and a count end even the shortest message.
    if fields.count() < device_at.saturating_add(3) {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    let count = fields.text(fields.count().saturating_sub(1));
    let is_count =
        (1..=8).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_hexdigit());
    if form == "+ACK" {
        if kind == "HBD" && is_count {
            out.reply_text(format_args!("+SACK:GTHBD,{version},{count}$"), When::Now);
        } else if kind != "HBD" {
            let mut attributes = Attributes::new();
            attributes.set("result", kind.to_owned());
            out.report(sent_at(&fields), AlarmSet::EMPTY, attributes);
        }
        return Ok(());
    }
    let backfill = form == "+BUFF";
    let message = Message { fields, kind, version };
    message.items(backfill, out)?;
    // Without its count there is nothing to answer with: what is told counts all the same.
    if is_count {
        out.reply_text(format_args!("+SACK:{count}$"), When::Accepted);
    }
    Ok(())
}

/// The time of sending, the last field but one.
fn sent_at(fields: &Fields<'_>) -> Option<Time> {
    time(fields.text(fields.count().checked_sub(2)?))
}

/// `YYYYMMDDhhmmss`, UTC.
fn time(text: &str) -> Option<Time> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let pair = |from: usize| text.get(from..from.saturating_add(2))?.parse().ok();
    let year = text.get(..4)?.parse().ok()?;
    Time::from_civil((year, pair(4)?, pair(6)?), (pair(8)?, pair(10)?, pair(12)?), 0)
}

/// `-DDD.dddddd`; six decimals nearly always.
fn is_coordinate(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.split_once('.').is_some_and(|(whole, decimals)| {
        (1..=3).contains(&whole.len())
            && (4..=8).contains(&decimals.len())
            && whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit())
    })
}

impl Message<'_> {
    /// Where longitudes stand that a latitude and a time follow.
    fn positions(&self) -> SmallVec<[usize; 8]> {
        let is_position = |at: &usize| {
            let text = |places: usize| self.fields.text(at.saturating_add(places));
            is_coordinate(text(0))
                && is_coordinate(text(1))
                && text(2).len() == 14
                && text(2).bytes().all(|byte| byte.is_ascii_digit())
        };
        (FIRST_FIELD.saturating_add(4)..self.fields.count()).filter(is_position).collect()
    }

    fn items(&self, backfill: bool, out: &mut Out<'_>) -> Result<(), Reject> {
        let positions = self.positions();
        let first = positions.first().copied();
        let last = positions.last().copied();
        let mut attributes = Attributes::new();
        let alarms = self.alarms(first);
        match self.kind {
            "INF" => vehicle::information(self, &mut attributes),
            "CAN" => vehicle::can(self, &mut attributes),
            "OBD" => vehicle::obd(self, &mut attributes),
            _ => self.head(first, &mut attributes),
        }
        let Some(last) = last else {
            // The state stands among the last fields; what is before may look like it.
            self.tail(self.fields.count().saturating_sub(8).max(FIRST_FIELD), &mut attributes);
            out.report(sent_at(&self.fields), alarms, attributes);
            return Ok(());
        };
        for at in &positions {
            let mut fix = self.fix(*at)?;
            fix.backfill = backfill;
            fix.alarms = alarms;
            // What the message says once is of its end.
            let mut attributes =
                if *at == last { std::mem::take(&mut attributes) } else { Attributes::new() };
            let accuracy = self.fields.number(at.saturating_sub(4));
            attributes.set_some("hdop", accuracy);
            self.cell(at.saturating_add(3), &mut attributes);
            if *at == last && !matches!(self.kind, "CAN" | "OBD") {
                self.tail(at.saturating_add(7), &mut attributes);
            }
            out.fix(fix, attributes);
        }
        Ok(())
    }

    fn fix(&self, at: usize) -> Result<Fix, Reject> {
        let before = |places: usize| self.fields.number(at.saturating_sub(places));
        let after = |places: usize| at.saturating_add(places);
        let fix_time = time(self.fields.text(after(2)))
            .ok_or_else(|| self.fields.reject(after(2), Reason::OutOfRange))?;
        let nowhere = || self.fields.reject(at, Reason::OutOfRange);
        let longitude = self.fields.number(at).ok_or_else(nowhere)?;
        let latitude = self.fields.number(after(1)).ok_or_else(nowhere)?;
        let mut fix = Fix::new(fix_time, latitude, longitude).ok_or_else(nowhere)?;
        // Only the vehicle's report repeats a position that was not renewed.
        fix.valid = self.kind != "CAN" || before(4).is_some_and(|accuracy| accuracy > 0.0);
        fix.speed_kmh = before(3).filter(|speed| *speed >= 0.0);
        fix.course_deg = before(2).filter(|course| (0.0..=360.0).contains(course));
        fix.altitude_m = before(1);
        Ok(fix)
    }

    /// Country, network, area and cell.
    fn cell(&self, at: usize, attributes: &mut Attributes) {
        let hex = |places: usize| {
            let text = self.fields.text(at.saturating_add(places));
            u32::from_str_radix(text, 16).ok().filter(|_| (2..=8).contains(&text.len()))
        };
        let number = |places: usize| self.fields.parse::<u16>(at.saturating_add(places));
        if let (Some(mcc), Some(mnc), Some(lac), Some(cell)) =
            (number(0), number(1), hex(2), hex(3))
        {
            attributes.set("mcc", mcc);
            attributes.set("mnc", mnc);
            attributes.set("lac", lac);
            attributes.set("cell_id", cell);
        }
    }

    /// The field with the kind of report (two digits of hexadecimal): before the number of
    /// positions in some messages, before the first position's accuracy in others.
    fn report_type(&self, first: Option<usize>) -> Option<u8> {
        let places: &[usize] = match self.kind {
            "STT" | "IGL" | "NMR" | "DIS" | "HBM" | "GEO" => &[6, 5],
            _ => &[5],
        };
        let first = first?;
        places.iter().find_map(|back| {
            let text = self.fields.text(first.checked_sub(*back).filter(|at| *at >= FIRST_FIELD)?);
            (1..=2).contains(&text.len()).then(|| u8::from_str_radix(text, 16).ok()).flatten()
        })
    }

    /// What stands before the first position.
    fn head(&self, first: Option<usize>, attributes: &mut Attributes) {
        let report = self.report_type(first);
        match self.kind {
            "IGN" | "VGN" => attributes.set("ignition", true),
            "IGF" | "VGF" => attributes.set("ignition", false),
            "IGL" => attributes.set_some("ignition", report.map(|kind| kind & 1 == 1)),
            "NMR" => attributes.set_some("motion", report.map(|kind| kind == 1)),
            "STT" => state(report, attributes),
            "IDA" => {
                let tag = (FIRST_FIELD..FIRST_FIELD.saturating_add(2))
                    .map(|at| self.fields.text(at))
                    .find(|text| text.len() > 2);
                attributes.set_some("driver_id", tag.map(str::to_owned));
            }
            "LSW" | "TSW" => {
                let name = if self.kind == "LSW" { "input_1" } else { "input_2" };
                let on = first.and_then(|at| self.fields.parse::<u8>(at.checked_sub(5)?));
                attributes.set_some(name, on.map(|on| on == 1));
            }
            "DTT" => {
                let data = self.fields.text(self.fields.count().saturating_sub(3));
                attributes.set("result", data.to_owned());
            }
            "FRI" | "ERI" => {
                let power = first
                    .and_then(|at| self.fields.parse::<u32>(at.checked_sub(7)?))
                    .filter(|millivolts| (1_000..=60_000).contains(millivolts));
                attributes.set_some("power_v", power.map(|power| f64::from(power) / 1000.0));
            }
            "VER" => {
                attributes.set("model", self.fields.text(FIRST_FIELD).to_owned());
            }
            _ => {}
        }
    }

    fn alarms(&self, first: Option<usize>) -> AlarmSet {
        let report = self.report_type(first);
        let alarm = match self.kind {
            "SOS" => Some(Alarm::Sos),
            "SPD" => Some(Alarm::Overspeed),
            "TOW" => Some(Alarm::Tow),
            "IDL" => Some(Alarm::Idle),
            "CRA" => Some(Alarm::Accident),
            "PNA" => Some(Alarm::PowerOn),
            "PFA" => Some(Alarm::PowerOff),
            "EPN" | "MPN" => Some(Alarm::PowerRestored),
            "EPF" | "MPF" => Some(Alarm::PowerCut),
            "BPL" => Some(Alarm::LowBattery),
            "SWG" => Some(Alarm::Geofence),
            "GIN" => Some(Alarm::GeofenceEnter),
            "GOT" => Some(Alarm::GeofenceExit),
            "TEM" | "TMP" => Some(Alarm::Temperature),
            "JDR" | "JDS" => Some(Alarm::Jamming),
            "GEO" => match report.map(|kind| kind & 0x0f) {
                Some(0) => Some(Alarm::GeofenceExit),
                Some(1) => Some(Alarm::GeofenceEnter),
                _ => Some(Alarm::Geofence),
            },
            "STT" => match report {
                Some(0x16 | 0x1a) => Some(Alarm::Tow),
                Some(0x12 | 0x22 | 0x42) => Some(Alarm::Movement),
                _ => None,
            },
            "HBM" => match report.map(|kind| kind & 0x0f) {
                Some(0 | 3) => Some(Alarm::HardBraking),
                Some(1 | 4) => Some(Alarm::HardAcceleration),
                Some(2) => Some(Alarm::HardCornering),
                _ => None,
            },
            "DAR" if self.fields.text(FIRST_FIELD) == "1" => Some(Alarm::Fatigue),
            _ => None,
        };
        alarm.into_iter().collect()
    }

    /// What stands between the last position's cell and the time of sending: found by its form.
    fn tail(&self, from: usize, attributes: &mut Attributes) {
        let until = self.fields.count().saturating_sub(2);
        let after_position = is_coordinate(self.fields.text(from.saturating_sub(6)));
        let states_mileage =
            after_position && !matches!(self.kind, "LSA" | "TEM" | "TMP" | "BAA" | "BID" | "INF");
        if states_mileage {
            let mileage = (from..from.saturating_add(4).min(until)).find_map(|at| {
                let decimals = self.fields.text(at).contains('.');
                self.fields.number(at).filter(|km| decimals && *km >= 0.0)
            });
            attributes.set_some("odometer_m", mileage.map(|km| km * 1000.0));
        }
        let reports_status = after_position || matches!(self.kind, "FRI" | "ERI");
        let status =
            (from..until).filter(|_| reports_status).find(|at| is_status(self.fields.text(*at)));
        let percent = |at: usize| self.fields.parse::<u8>(at).filter(|percent| *percent <= 100);
        if let Some(at) = status {
            attributes.set_some("battery_percent", at.checked_sub(1).and_then(percent));
            let status = u32::from_str_radix(self.fields.text(at), 16).unwrap_or_default();
            let [_, motion, inputs, outputs] = status.to_be_bytes();
            state(Some(motion), attributes);
            attributes.set("inputs", inputs);
            attributes.set("outputs", outputs);
        } else if matches!(self.kind, "FRI" | "RTL" | "NMR" | "WIF" | "SOS" | "GEO" | "PNL" | "LBC")
            && PORTABLE.iter().any(|prefix| self.version.starts_with(prefix))
        {
            // Models from the GL500 on tell a mode, motion and temperature behind it.
            let last = until.saturating_sub(1);
            let places = if self.version.starts_with("DE") { 4 } else { 1 };
            let at = until.saturating_sub(places).min(last);
            attributes.set_some("battery_percent", percent(at));
        }
    }
}

/// A state of motion and two bytes of inputs and outputs.
fn is_status(text: &str) -> bool {
    text.len() == 6
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && matches!(text.get(..2), Some("11" | "12" | "16" | "1A" | "21" | "22" | "41" | "42"))
}

/// 1 at the first digit: ignition off, 2: on, 4: no ignition line. 1 at the second: at rest, 2: in
/// motion, 6 and A: towed.
pub(super) fn state(state: Option<u8>, attributes: &mut Attributes) {
    let (ignition, motion) = match state {
        Some(0x11) => (Some(false), Some(false)),
        Some(0x12 | 0x16 | 0x1a) => (Some(false), Some(true)),
        Some(0x21) => (Some(true), Some(false)),
        Some(0x22) => (Some(true), Some(true)),
        Some(0x41) => (None, Some(false)),
        Some(0x42) => (None, Some(true)),
        _ => (None, None),
    };
    attributes.set_some("ignition", ignition);
    attributes.set_some("motion", motion);
}
