//! The fleet: which device is in which vehicle, from CSV.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use interdict_engine::{Class, UnitId, Vehicle, VehicleId};
use interdict_protocols::{Datum, DeviceId};

use super::Problem;
use crate::text::{Columns, LONGEST, Line, Lines};

/// One device's place in the fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolment {
    /// The device.
    pub device: DeviceId,
    /// What carries it.
    pub vehicle: Vehicle,
    /// The device's model, where its fields depend on it.
    pub model: Option<String>,
    /// The datum that it reports in, where that is not its model's.
    pub datum: Option<Datum>,
}

const COLUMNS: &[&str] =
    &["device", "vehicle", "plate", "class", "unit", "model", "datum", "make", "colour"];

const CLASSES: &[(&str, Class)] = &[
    ("armoured", Class::Armoured),
    ("taxi", Class::Taxi),
    ("corporate", Class::Corporate),
    ("patrol", Class::Patrol),
    ("other", Class::Other),
];

const DATUMS: &[(&str, Datum)] =
    &[("wgs84", Datum::Wgs84), ("gcj02", Datum::Gcj02), ("bd09", Datum::Bd09)];

/// Reads `device,vehicle,plate,class,unit[,model,datum,make,colour]`, header first, columns in any
/// order. A bad line is a problem and costs only itself. A vehicle left empty is named after its
/// device, and a class left empty is `other`.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_fleet(file: &str, input: impl BufRead) -> io::Result<(Vec<Enrolment>, Vec<Problem>)> {
    let mut lines = Lines::new(input);
    let mut reading = Reading { file, ..Reading::default() };
    let mut columns: Option<Columns> = None;
    while let Some((number, line)) = lines.next()? {
        let text = match line {
            Line::Text(text) if text.trim().is_empty() => continue,
            Line::Text(text) => text,
            Line::TooLong => {
                reading.problem(number, format!("is longer than {LONGEST} bytes"));
                continue;
            }
            Line::NotText => {
                reading.problem(number, "is not UTF-8; save the file as UTF-8".to_owned());
                continue;
            }
        };
        match &columns {
            Some(columns) => reading.row(number, columns, &text),
            None => match header(&text) {
                Ok(header) => columns = Some(header),
                Err(what) => {
                    reading.problem(number, what);
                    return Ok((Vec::new(), reading.problems));
                }
            },
        }
    }
    if columns.is_none() {
        reading.problem(1, format!("is empty; expected the header {}", COLUMNS.join(",")));
    }
    Ok((reading.enrolments, reading.problems))
}

fn header(text: &str) -> Result<Columns, String> {
    let columns = Columns::from_header(text)?;
    let strange: Vec<_> = columns.beside(COLUMNS).collect();
    if columns.find(&["device"]).is_none() || !strange.is_empty() {
        let expected = COLUMNS.join(",");
        return Err(match strange.first() {
            Some(strange) => format!("column {strange:?} is not known; expected {expected}"),
            None => format!("no column named device; expected the header {expected}"),
        });
    }
    Ok(columns)
}

#[derive(Default)]
struct Reading<'a> {
    file: &'a str,
    enrolments: Vec<Enrolment>,
    problems: Vec<Problem>,
    devices: BTreeMap<DeviceId, usize>,
    vehicles: BTreeMap<VehicleId, (usize, Vehicle)>,
}

impl Reading<'_> {
    fn problem(&mut self, line: usize, what: String) {
        self.problems.push(Problem { file: self.file.to_owned(), line: Some(line), what });
    }

    fn row(&mut self, number: usize, columns: &Columns, text: &str) {
        match enrolment(columns, text).and_then(|enrolment| self.admit(number, enrolment)) {
            Ok(enrolment) => self.enrolments.push(enrolment),
            Err(what) => self.problem(number, what),
        }
    }

    /// A device is in one vehicle, and a vehicle is the same on every line.
    fn admit(&mut self, number: usize, enrolment: Enrolment) -> Result<Enrolment, String> {
        if let Some(first) = self.devices.get(&enrolment.device) {
            return Err(format!(
                "device {:?} is on line {first} already",
                enrolment.device.as_str()
            ));
        }
        let vehicle = &enrolment.vehicle;
        if let Some((first, known)) = self.vehicles.get(&vehicle.id)
            && known != vehicle
        {
            let id = vehicle.id.as_str();
            return Err(format!("vehicle {id:?} is not the same as on line {first}"));
        }
        self.devices.insert(enrolment.device.clone(), number);
        self.vehicles.entry(vehicle.id.clone()).or_insert_with(|| (number, vehicle.clone()));
        Ok(enrolment)
    }
}

fn enrolment(columns: &Columns, text: &str) -> Result<Enrolment, String> {
    let fields = columns.split(text)?;
    let field = |name: &str| {
        let text = fields.get(columns.find(&[name])?)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let device = DeviceId::from(field("device").ok_or("the device is missing")?);
    let vehicle = field("vehicle").unwrap_or_else(|| device.as_str().to_owned());
    Ok(Enrolment {
        vehicle: Vehicle {
            id: VehicleId::from(vehicle),
            plate: field("plate"),
            class: word("class", field("class"), CLASSES)?.unwrap_or_default(),
            unit: field("unit").map(UnitId::from),
            make: field("make"),
            colour: field("colour"),
        },
        model: field("model"),
        datum: word("datum", field("datum"), DATUMS)?,
        device,
    })
}

fn word<T: Copy>(
    column: &str,
    text: Option<String>,
    words: &[(&str, T)],
) -> Result<Option<T>, String> {
    let Some(text) = text else { return Ok(None) };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    found.map(Some).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("{column}: found {text:?}, expected one of {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_costs_only_itself() {
        let text = "\
device,vehicle,plate,class,unit,datum
13800000001,v1,辽B·T1001,taxi,,gcj02
13800000002,v2,辽B·T1002,tank,,
13800000001,v3,,,,
,v4,,,,
13800000005,v1,辽B·X9999,taxi,,
13800000006,,\"辽B,6\",,fleet-6,
";
        let (fleet, problems) = read_fleet("fleet.csv", text.as_bytes()).unwrap();
        let devices: Vec<_> = fleet.iter().map(|enrolment| enrolment.device.as_str()).collect();
        assert_eq!(devices, ["13800000001", "13800000006"]);
        assert_eq!(fleet[0].datum, Some(Datum::Gcj02));
        assert_eq!(fleet[1].vehicle.id.as_str(), "13800000006");
        assert_eq!(fleet[1].vehicle.plate.as_deref(), Some("辽B,6"));
        let lines: Vec<_> = problems.iter().filter_map(|problem| problem.line).collect();
        assert_eq!(lines, [3, 4, 5, 6], "{problems:#?}");
    }

    #[test]
    fn a_file_without_its_header_is_refused() {
        let (fleet, problems) = read_fleet("fleet.csv", &b"138,v1,B1,taxi,u\n"[..]).unwrap();
        assert!(fleet.is_empty());
        assert_eq!(problems.len(), 1);
    }
}
