//! The fleet: which device is in which vehicle, from CSV.

use std::collections::HashMap;

use interdict_engine::Class;
use interdict_protocols::Datum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enrolment::{Enrol, device_key};

/// The columns that there may be; the first two must be.
const COLUMNS: &[&str] = &[
    "device",
    "vehicle",
    "plate",
    "class",
    "unit",
    "make",
    "colour",
    "plate_colour",
    "vin",
    "model",
    "datum",
    "token",
];

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a fleet: CSV with the header `device,vehicle,plate,class,unit`, in any order and with further
/// columns `make`, `colour`, `plate_colour`, `vin`, `model`, `datum`, `token`; all but the first two may
/// be missing. A bad line costs only itself; a vehicle left empty is named after its device.
#[must_use]
pub fn read_fleet(text: &str) -> (Vec<Enrol>, Vec<BadLine>) {
    let mut bad = Vec::new();
    let lines = read(text, &mut bad);
    (lines, bad)
}

fn read(text: &str, bad: &mut Vec<BadLine>) -> Vec<Enrol> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = match reader.headers().map_err(|error| error.to_string()).and_then(columns) {
        Ok(columns) => columns,
        Err(reason) => {
            bad.push(BadLine { line: 1, reason });
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
                bad.push(BadLine { line, reason: error.to_string() });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match enrol(&columns, &record).and_then(|enrol| seen.add(line, enrol)) {
            Ok(enrol) => lines.push(enrol),
            Err(reason) => bad.push(BadLine { line, reason }),
        }
    }
    lines
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
            "plate_colour" => enrol.plate_colour = owned(),
            "vin" => enrol.vin = owned(),
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
    if enrol.vehicle.is_empty() {
        enrol.vehicle.clone_from(&enrol.device);
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
        if let Some(earlier) = self.devices.get(device_key(&enrol.device)) {
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
        self.devices.insert(device_key(&enrol.device).to_owned(), line);
        Ok(enrol)
    }
}
