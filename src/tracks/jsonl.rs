//! JSON lines: items as `interdict decode` prints them, its batches, and recorded frames.

use std::io::BufRead;

use interdict_protocols::{AlarmSet, Datum, DeviceId, Fix, Time};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::recording::Recording;
use super::{Reading, Said, fix_at, listed};

pub(super) fn read(reading: &mut Reading<'_, '_>, source: &mut dyn BufRead) -> Result<(), String> {
    let mut waiting = Waiting::default();
    let mut recording = Recording::default();
    reading.lines(source, |reading, number, text| {
        let result = match serde_json::from_str::<Item>(text) {
            Err(error) => Err(error.to_string()),
            Ok(Item { wire: Some(_), .. }) => recording.read(reading, number, text),
            Ok(Item { items: Some(items), .. }) => {
                items.into_iter().try_for_each(|item| waiting.item(reading, item))
            }
            Ok(item) => waiting.item(reading, item),
        };
        if let Err(what) = result {
            reading.bad(number, &what);
        }
        Ok(())
    })?;
    recording.close(reading);
    Ok(())
}

/// What a line may state: an item's fields, a batch's list of items, or a recorded read.
#[derive(Deserialize)]
struct Item {
    wire: Option<IgnoredAny>,
    items: Option<Vec<Self>>,
    kind: Option<String>,
    device: Option<String>,
    /// When it was received, where the line says that.
    at: Option<Value>,
    fix_time: Option<Value>,
    time: Option<Value>,
    valid: Option<bool>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude_m: Option<f64>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    #[serde(default)]
    datum: Datum,
    #[serde(default)]
    backfill: bool,
    alarms: Option<AlarmSet>,
    alarm_states: Option<AlarmSet>,
}

/// Logins and reports state no time of their own: they go with the next fix, since a device logs in
/// before it reports.
#[derive(Default)]
struct Waiting {
    rows: Vec<(Option<DeviceId>, Said)>,
}

/// So many untimed rows wait for a fix; more come from no tracker.
const MOST_WAITING: usize = 1024;

impl Waiting {
    fn item(&mut self, reading: &mut Reading<'_, '_>, item: Item) -> Result<(), String> {
        let at = item.at.as_ref().map(|at| time(reading, at)).transpose()?;
        match item.kind.as_deref() {
            Some("fix") | None => {
                let fix = fix(reading, &item)?;
                let at = at.unwrap_or(fix.fix_time);
                self.release(reading, at);
                reading.row(at, item.device.map(DeviceId::from), Said::Fix(fix));
            }
            Some("login") => {
                self.hold(reading, at, item.device.map(DeviceId::from), Said::Login)?
            }
            Some("report") => {
                let said_at = item.time.as_ref().map(|at| time(reading, at)).transpose()?;
                let said = Said::Report {
                    time: said_at,
                    alarms: item.alarms.unwrap_or_default(),
                    alarm_states: item.alarm_states.unwrap_or_default(),
                };
                self.hold(reading, at.or(said_at), item.device.map(DeviceId::from), said)?;
            }
            Some("reply" | "reject" | "fatal") => {}
            Some(other) => return Err(format!("kind: found {other:?}, expected fix")),
        }
        Ok(())
    }

    fn hold(
        &mut self,
        reading: &mut Reading<'_, '_>,
        at: Option<Time>,
        device: Option<DeviceId>,
        said: Said,
    ) -> Result<(), String> {
        if let Some(at) = at {
            self.release(reading, at);
            reading.row(at, device, said);
        } else if self.rows.len() < MOST_WAITING {
            self.rows.push((device, said));
        } else {
            return Err("has no time, as have too many lines before it".to_owned());
        }
        Ok(())
    }

    fn release(&mut self, reading: &mut Reading<'_, '_>, at: Time) {
        for (device, said) in self.rows.drain(..) {
            reading.row(at, device, said);
        }
    }
}

fn time(reading: &mut Reading<'_, '_>, value: &Value) -> Result<Time, String> {
    match value {
        Value::String(text) => reading.time(text),
        other => reading.time(&other.to_string()),
    }
}

fn fix(reading: &mut Reading<'_, '_>, item: &Item) -> Result<Fix, String> {
    let stated = item.fix_time.as_ref().or(item.time.as_ref()).ok_or("has no fix_time")?;
    let time = time(reading, stated)?;
    let latitude = item.latitude.ok_or("has no latitude")?;
    let longitude = item.longitude.ok_or("has no longitude")?;
    let mut fix = fix_at(time, latitude, longitude)?;
    fix.valid = item.valid.unwrap_or(true);
    fix.altitude_m = item.altitude_m;
    fix.speed_kmh = item.speed_kmh;
    fix.course_deg = item.course_deg;
    fix.datum = item.datum;
    fix.backfill = item.backfill;
    if let Some(alarms) = item.alarms {
        listed(alarms, &mut fix);
    }
    if let Some(states) = item.alarm_states {
        fix.alarm_states = states;
    }
    Ok(fix)
}
