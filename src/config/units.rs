//! The command tree, from TOML or JSON: a list `units`, each with its `parent` or inside it.

use std::collections::BTreeMap;

use interdict_engine::{Level, Unit, UnitId};
use serde::Deserialize;
use serde::de::{IgnoredAny, IntoDeserializer};
use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Report, line_at};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    name_zh: Option<String>,
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    /// Units inside this one are read on their own.
    #[serde(default, rename = "units")]
    _units: Option<IgnoredAny>,
}

struct Found {
    line: usize,
    entry: Entry,
}

/// Reads the tree; it is JSON where it begins as JSON does.
pub(super) fn read(file: &str, text: &str, report: &mut Report) -> Vec<Unit> {
    let mut found = Vec::new();
    if text.trim_start().starts_with('{') {
        match serde_json::from_str(text) {
            Ok(Nested { units }) => json(file, text, &units, None, &mut found, report),
            Err(error) => report.problem(file, Some(error.line()), error.to_string()),
        }
    } else {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map(|span| line_at(text, span.start));
            report.problem(file, line, error.message());
        }
        toml(file, text, table.into_inner(), None, &mut found, report);
    }
    assemble(file, &found, report)
}

#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(borrow, default)]
    units: Vec<&'a RawValue>,
}

fn json(
    file: &str,
    text: &str,
    list: &[&RawValue],
    parent: Option<&str>,
    found: &mut Vec<Found>,
    report: &mut Report,
) {
    for raw in list {
        // The raw text is a part of `text`.
        let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let line = line_at(text, offset);
        let entry: Entry = match serde_json::from_str(raw.get()) {
            Ok(entry) => entry,
            Err(error) => {
                report.problem(file, Some(line), format!("a unit: {error}"));
                continue;
            }
        };
        let id = entry.id.clone();
        push(file, line, entry, parent, found, report);
        if let Ok(Nested { units }) = serde_json::from_str(raw.get()) {
            json(file, text, &units, Some(&id), found, report);
        }
    }
}

fn toml(
    file: &str,
    text: &str,
    mut table: DeTable<'_>,
    parent: Option<&str>,
    found: &mut Vec<Found>,
    report: &mut Report,
) {
    let units = table.remove("units");
    if parent.is_none() {
        for key in table.keys() {
            let line = line_at(text, key.span().start);
            let what = format!("found {:?}, expected units only", key.get_ref());
            report.problem(file, Some(line), what);
        }
    }
    let Some(units) = units else { return };
    let line = line_at(text, units.span().start);
    let DeValue::Array(units) = units.into_inner() else {
        report.problem(file, Some(line), "units: expected a list of tables, as [[units]] makes it");
        return;
    };
    for unit in units {
        let line = line_at(text, unit.span().start);
        let inner = match unit.get_ref() {
            DeValue::Table(inner) => inner.clone(),
            _ => DeTable::new(),
        };
        match Entry::deserialize(Spanned::into_deserializer(unit)) {
            Ok(entry) => {
                let id = entry.id.clone();
                push(file, line, entry, parent, found, report);
                toml(file, text, inner, Some(&id), found, report);
            }
            Err(error) => {
                report.problem(file, Some(line), format!("a unit: {}", error.message()));
            }
        }
    }
}

fn push(
    file: &str,
    line: usize,
    mut entry: Entry,
    enclosing: Option<&str>,
    found: &mut Vec<Found>,
    report: &mut Report,
) {
    if let Some(enclosing) = enclosing {
        let stated = entry.parent.replace(enclosing.to_owned());
        if stated.is_some_and(|stated| stated != enclosing) {
            let what =
                format!("unit {:?} lies inside {enclosing:?} but has another parent", entry.id);
            report.problem(file, Some(line), what);
        }
    }
    found.push(Found { line, entry });
}

fn assemble(file: &str, found: &[Found], report: &mut Report) -> Vec<Unit> {
    let mut by_id: BTreeMap<&str, &Found> = BTreeMap::new();
    for one in found {
        if let Some(first) = by_id.insert(&one.entry.id, one) {
            let what = format!("unit {:?} is also on line {}", one.entry.id, first.line);
            report.problem(file, Some(one.line), what);
        }
    }
    let mut units = Vec::new();
    for Found { line, entry } in found {
        let mut wrong = |what: String| {
            report.problem(file, Some(*line), format!("unit {:?}: {what}", entry.id));
        };
        if entry.id.trim().is_empty() {
            wrong("has no id".to_owned());
        }
        let level = match depth(&by_id, entry) {
            Ok(0) => Level::City,
            Ok(1) => Level::District,
            Ok(2) => Level::Station,
            Ok(_) => {
                wrong("lies below a station; the levels are city, district, station".to_owned());
                Level::Station
            }
            Err(what) => {
                wrong(what);
                continue;
            }
        };
        if let Some(stated) = entry.level.filter(|stated| *stated != level) {
            wrong(format!(
                "is said to be a {stated:?}, but its parent makes it a {level:?}; the levels are \
                 city, district, station"
            ));
        }
        if let Some(zone) = &entry.zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            wrong(format!("there is no time zone {zone:?}; expected one such as Asia/Shanghai"));
        }
        units.push(Unit {
            id: UnitId::from(entry.id.as_str()),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            name_zh: entry.name_zh.clone(),
            level,
            parent: entry.parent.as_deref().map(UnitId::from),
            zone: entry.zone.clone(),
        });
    }
    if units.is_empty() && report.problems.is_empty() {
        report.problem(file, None, "names no unit; expected a list of them, as [[units]] makes it");
    }
    units
}

/// How many units stand above this one.
fn depth(by_id: &BTreeMap<&str, &Found>, entry: &Entry) -> Result<usize, String> {
    let (mut depth, mut at) = (0, entry);
    while let Some(parent) = &at.parent {
        let above = by_id
            .get(parent.as_str())
            .ok_or_else(|| format!("there is no unit {parent:?} that could be its parent"))?;
        at = &above.entry;
        depth += 1;
        // As many steps as there are units: somewhere the way goes round.
        if depth > by_id.len() {
            return Err("its parents go round in a circle".to_owned());
        }
    }
    Ok(depth)
}
