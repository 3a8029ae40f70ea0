//! Enrolling a fleet from CSV.

use std::collections::HashMap;

use interdict_engine::{Class, Vehicle};
use interdict_protocols::Datum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Change, Enrol, Registry, key};
use crate::store::StoreError;

/// Bad lines named one by one; the rest are counted.
const NAMED: usize = 1_000;
/// The columns that there may be; the first two must be.
const COLUMNS: &[&str] =
    &["device", "vehicle", "plate", "class", "unit", "make", "colour", "model", "datum", "token"];

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether anything was carried out: nothing is where a line is bad, unless bad lines were to
    /// be skipped.
    pub done: bool,
    /// Devices that were not enrolled before.
    pub added: usize,
    /// Devices of which something is different now.
    pub changed: usize,
    /// Devices that were enrolled just so.
    pub unchanged: usize,
    /// How many lines are bad.
    pub bad: usize,
    /// The first of them.
    pub bad_lines: Vec<BadLine>,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Registry {
    /// Enrols the devices of a CSV with the header `device,vehicle,plate,class,unit`, in any order
    /// and with further columns `make`, `colour`, `model`, `datum`, `token`; all but the first two
    /// may be missing. Where a line is bad nothing is done, unless `skip_bad`. Durable when it
    /// returns; blocks on the disk. Answers the vehicles concerned too: tell the engine.
    ///
    /// # Errors
    /// What the store says; then nothing has changed.
    pub fn import_csv(
        &self,
        text: &str,
        skip_bad: bool,
    ) -> Result<(Report, Vec<Vehicle>), StoreError> {
        let mut report = Report::default();
        let lines = read(text, &mut report);
        let core = &self.0.core;
        let _changing = core.changing();
        let plan = core.plan(&lines);
        for change in &plan.devices {
            *match change {
                Change::Added => &mut report.added,
                Change::Changed => &mut report.changed,
                Change::Unchanged => &mut report.unchanged,
            } += 1;
        }
        report.done = report.bad == 0 || (skip_bad && !lines.is_empty());
        if !report.done {
            return Ok((report, Vec::new()));
        }
        core.carry_out(&plan, &lines)?;
        Ok((report, plan.vehicles()))
    }
}

fn read(text: &str, report: &mut Report) -> Vec<Enrol> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = match reader.headers().map_err(|error| error.to_string()).and_then(columns) {
        Ok(columns) => columns,
        Err(reason) => {
            report.bad(1, reason);
            return Vec::new();
        }
    };
    let mut lines = Vec::new();
    let mut seen = Seen::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                report.bad(line, error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match enrol(&columns, &record).and_then(|enrol| seen.add(line, enrol)) {
            Ok(enrol) => lines.push(enrol),
            Err(reason) => report.bad(line, reason),
        }
    }
    lines
}

impl Report {
    fn bad(&mut self, line: u64, reason: String) {
        self.bad += 1;
        if self.bad_lines.len() < NAMED {
            self.bad_lines.push(BadLine { line, reason });
        }
    }
}

/// Which column each field of the header is.
fn columns(header: &csv::StringRecord) -> Result<Vec<&'static str>, String> {
    let mut columns = Vec::new();
    for name in header {
        let column = COLUMNS
            .iter()
            .find(|column| column.eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("unknown column `{name}`; known are {}", COLUMNS.join(", ")))?;
        if columns.contains(column) {
            return Err(format!("column `{column}` is there twice"));
        }
        columns.push(*column);
    }
    match ["device", "vehicle"].into_iter().find(|column| !columns.contains(column)) {
        Some(missing) => {
            Err(format!("no column `{missing}`; the first line must name the columns"))
        }
        None => Ok(columns),
    }
}

fn enrol(columns: &[&str], record: &csv::StringRecord) -> Result<Enrol, String> {
    if record.len() != columns.len() {
        let (found, expected) = (record.len(), columns.len());
        return Err(format!("{found} fields where the header has {expected}"));
    }
    let mut enrol = Enrol::default();
    for (column, text) in columns.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        let owned = || Some(text.to_owned());
        match *column {
            "device" => text.clone_into(&mut enrol.device),
            "vehicle" => text.clone_into(&mut enrol.vehicle),
            "plate" => enrol.plate = owned(),
            "unit" => enrol.unit = owned(),
            "make" => enrol.make = owned(),
            "colour" => enrol.colour = owned(),
            "model" => enrol.model = owned(),
            "token" => enrol.token = owned(),
            "class" => {
                let known = "armoured, taxi, corporate, patrol or other";
                enrol.class = Some(
                    word::<Class>(text).ok_or_else(|| format!("class `{text}` is not {known}"))?,
                );
            }
            _ => {
                let known = "wgs84, gcj02 or bd09";
                enrol.datum = Some(
                    word::<Datum>(text).ok_or_else(|| format!("datum `{text}` is not {known}"))?,
                );
            }
        }
    }
    enrol.check()
}

fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.to_lowercase().into()).ok()
}

/// What earlier lines said.
#[derive(Default)]
struct Seen {
    devices: HashMap<String, u64>,
    vehicles: HashMap<String, (u64, Enrol)>,
}

impl Seen {
    fn add(&mut self, line: u64, enrol: Enrol) -> Result<Enrol, String> {
        if let Some(earlier) = self.devices.get(key(&enrol.device)) {
            return Err(format!("device `{}` is on line {earlier} already", enrol.device));
        }
        if let Some((earlier, other)) = self.vehicles.get(&enrol.vehicle) {
            let differ = |one: &Option<String>, other: &Option<String>| matches!((one, other), (Some(one), Some(other)) if one != other);
            let classes = (enrol.class, other.class);
            if differ(&enrol.plate, &other.plate)
                || differ(&enrol.unit, &other.unit)
                || matches!(classes, (Some(one), Some(other)) if one != other)
            {
                let vehicle = &enrol.vehicle;
                return Err(format!("vehicle `{vehicle}` is another one on line {earlier}"));
            }
        } else {
            self.vehicles.insert(enrol.vehicle.clone(), (line, enrol.clone()));
        }
        self.devices.insert(key(&enrol.device).to_owned(), line);
        Ok(enrol)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{options, registry};
    use super::*;

    fn import(devices: &Registry, text: &str, skip_bad: bool) -> Report {
        devices.import_csv(text, skip_bad).unwrap().0
    }

    #[test]
    fn a_fleet_is_enrolled_and_a_second_time_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let text = "\u{feff}device,vehicle,plate,class,unit\r\n\
                    13800000001,taxi-1,辽B·T0001,taxi,dalian-taxi\r\n\
                    13800000002,van-1,辽B·A0001,Armoured,\r\n";
        let report = import(&devices, text, false);
        assert_eq!((report.done, report.added, report.bad), (true, 2, 0));
        let found = devices.find(&"13800000002".into()).unwrap();
        assert_eq!((found.vehicle.class, &found.vehicle.unit), (Class::Armoured, &None));
        let (again, vehicles) = devices.import_csv(text, false).unwrap();
        assert_eq!(
            vehicles.iter().map(|vehicle| vehicle.id.as_str()).collect::<Vec<_>>(),
            ["taxi-1", "van-1"]
        );
        assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 2));
        let swapped = "vehicle,device,model\ntaxi-1,13800000002,G19\n";
        assert_eq!(import(&devices, swapped, false).changed, 1);
        let found = devices.find(&"13800000002".into()).unwrap();
        assert_eq!(
            (found.vehicle.plate.as_deref(), found.model.as_deref()),
            (Some("辽B·T0001"), Some("G19"))
        );
    }

    #[test]
    fn bad_lines_are_named_and_nothing_is_half_done() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let text = "device,vehicle,plate,class,unit\n\
                    1,v1,P1,taxi,u\n\
                    ,v2,P2,taxi,u\n\
                    3,v3,P3,tank,u\n\
                    4,v4\n\
                    01,v5,P5,taxi,u\n\
                    6,v1,P6,taxi,u\n\
                    7,v1,P1,,\n";
        let report = import(&devices, text, false);
        assert_eq!((report.done, report.bad), (false, 5));
        let lines: Vec<_> =
            report.bad_lines.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(
            lines,
            [
                (3, "`device` is empty"),
                (4, "class `tank` is not armoured, taxi, corporate, patrol or other"),
                (5, "2 fields where the header has 5"),
                (6, "device `01` is on line 2 already"),
                (7, "vehicle `v1` is another one on line 2"),
            ]
        );
        assert!(devices.list().is_empty());
        let report = import(&devices, text, true);
        assert_eq!((report.done, report.added, report.bad), (true, 2, 5));
        assert_eq!(devices.list().len(), 2);
    }

    #[test]
    fn a_header_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        for text in ["", "1,v1\n", "device,plate\n1,P\n", "device,vehicle,device\n1,v,2\n"] {
            let report = import(&devices, text, true);
            assert_eq!(
                (report.done, report.bad, report.bad_lines[0].line),
                (false, 1, 1),
                "{text}"
            );
        }
    }
}
