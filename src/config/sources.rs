//! `[[sources]]`: platforms that post the positions of vehicles.

use std::collections::BTreeSet;

use interdict_engine::UnitId;
use interdict_protocols::Datum;

use super::document::{Document, Places, SourceEntry};
use super::problem::Report;

/// In a list of vehicles: every vehicle.
pub const EVERY_VEHICLE: &str = "*";

/// A platform that posts positions, and the vehicles that it may speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name: its devices are `ingest:NAME:…`.
    pub name: String,
    /// The name of the API token that it bears.
    pub token: String,
    /// The vehicles, by identity.
    pub vehicles: BTreeSet<String>,
    /// The units whose vehicles, and those of the units under them, it may speak for.
    pub units: Vec<UnitId>,
    /// The datum that its positions are in, where the device's own is not known.
    pub datum: Datum,
}

/// Checks the sources that the document names.
pub(super) fn read(
    file: &str,
    document: &Document,
    places: &Places,
    report: &mut Report,
) -> Vec<Source> {
    let line = places.line("sources");
    let mut sources: Vec<Source> = Vec::new();
    for entry in &document.sources {
        let SourceEntry { name, token, vehicles, units, datum } = entry;
        // A list of tables has one line; the name says which of them is meant.
        let mut problem =
            |what: &str| report.problem(file, line, format!("sources of name {name:?}: {what}"));
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_word) {
            problem("name: expected 1 to 64 letters, digits, `-`, `_` and `.`");
        }
        let token = token.as_ref().unwrap_or(name);
        if sources.iter().any(|other| other.name == *name) {
            problem("another source has this name");
        }
        if sources.iter().any(|other| other.token == *token) {
            problem("another source has this token");
        }
        if vehicles.is_empty() && units.is_empty() {
            problem("expected vehicles or units that it may speak for");
        }
        if vehicles.iter().any(|vehicle| vehicle == EVERY_VEHICLE) {
            let what = format!("sources of name {name:?}: it may speak for every vehicle");
            report.warning(file, line, what);
        }
        sources.push(Source {
            name: name.clone(),
            token: token.clone(),
            vehicles: vehicles.iter().cloned().collect(),
            units: units.iter().map(|unit| UnitId::from(unit.as_str())).collect(),
            datum: datum.unwrap_or_default(),
        });
    }
    sources
}
