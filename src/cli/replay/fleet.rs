//! Which vehicle a device is in, and which vehicles are flagged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use interdict_engine::{Position, Vehicle, VehicleId};
use interdict_protocols::{Datum, DeviceId, Fix};

use crate::config::{
    BadLine, Configuration, Enrol, Enrolment, Entry, read_fleet, read_watchlist, to_wgs84,
};

/// The fleet of a replay. A device that nothing enrols is a vehicle of its own identity.
pub(super) struct Fleet {
    devices: BTreeMap<DeviceId, Enrolment>,
    plates: BTreeMap<String, VehicleId>,
    datums: BTreeMap<String, Datum>,
}

impl Fleet {
    pub(super) fn new(
        configuration: &Configuration,
        file: Option<&Path>,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<Self> {
        let enrols = match file {
            None => configuration.fleet.clone(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                let (enrols, bad) = read_fleet(&text);
                for BadLine { line, reason } in bad {
                    tell(&format!("{}:{line}: {reason}", path.display()));
                }
                enrols
            }
        };
        let enrolments: Vec<Enrolment> = enrols.iter().map(Enrol::enrolment).collect();
        let mut plates = BTreeMap::new();
        for enrolment in &enrolments {
            if let Some(plate) = &enrolment.vehicle.plate {
                plates.insert(plate.clone(), enrolment.vehicle.id.clone());
            }
        }
        let devices =
            enrolments.into_iter().map(|enrolment| (enrolment.device.clone(), enrolment)).collect();
        Ok(Self { devices, plates, datums: configuration.datums.clone() })
    }

    /// Every vehicle that is enrolled, once.
    pub(super) fn vehicles(&self) -> impl Iterator<Item = &Vehicle> {
        let vehicles: BTreeMap<_, _> = self
            .devices
            .values()
            .map(|enrolment| (&enrolment.vehicle.id, &enrolment.vehicle))
            .collect();
        vehicles.into_values()
    }

    /// What carries a device.
    pub(super) fn vehicle_of(&self, device: &DeviceId) -> VehicleId {
        match self.devices.get(device) {
            Some(enrolment) => enrolment.vehicle.id.clone(),
            None => VehicleId::from(device.as_str()),
        }
    }

    /// The vehicle that people call so, by plate or identity.
    pub(super) fn named(&self, name: &str) -> VehicleId {
        self.plates.get(name).cloned().unwrap_or_else(|| VehicleId::from(name))
    }

    /// Whether a device's vehicle is among those named.
    pub(super) fn is_among(&self, device: &DeviceId, names: &[String]) -> bool {
        let vehicle = self.vehicle_of(device);
        names.iter().any(|name| self.named(name) == vehicle)
    }

    /// The fix in WGS-84: the frame's word on its datum counts, then the device's, then its model's.
    pub(super) fn in_wgs84(&self, device: &DeviceId, mut fix: Fix) -> Fix {
        let enrolment = self.devices.get(device);
        let of_device = || {
            let enrolment = enrolment?;
            let of_model = || self.datums.get(enrolment.model.as_deref()?).copied();
            enrolment.datum.or_else(of_model)
        };
        let datum = match fix.datum {
            Datum::Wgs84 => of_device().unwrap_or_default(),
            stated => stated,
        };
        if datum != Datum::Wgs84 {
            let shifted = Position { latitude: fix.latitude, longitude: fix.longitude };
            let position = to_wgs84(datum, shifted);
            (fix.latitude, fix.longitude) = (position.latitude, position.longitude);
            fix.datum = Datum::Wgs84;
        }
        fix
    }
}

/// The flags of watchlist files and of `--flag`.
pub(super) fn watchlist(
    files: &[PathBuf],
    flagged: &[String],
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (number, path) in files.iter().enumerate() {
        let (mut read, problems) = read_watchlist(&path.display().to_string(), open(path)?)?;
        problems.iter().for_each(|problem| tell(&problem.to_string()));
        if number > 0 {
            // Lines of two files must not share an identity.
            for entry in &mut read {
                entry.id = format!("{}-{}", entry.id, number + 1);
            }
        }
        entries.append(&mut read);
    }
    for vehicle in flagged {
        entries.push(Entry::bare(format!("flag-{vehicle}"), vehicle.clone(), "flagged"));
    }
    Ok(entries)
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(BufReader::new(file))
}
