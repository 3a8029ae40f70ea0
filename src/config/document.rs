//! `interdict.toml` itself, key by key, so that every wrong one is told and not only the first.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use interdict_engine::{AlarmRule, Deadlines, Rules};
use interdict_protocols::{Datum, Time};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Report, line_at};
use super::{Audit, Downlink, FlagReason, History, Limits, Persons, Retention, Web, Webhooks};

/// What the file may hold; every key has a default.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    /// What CloudEvents bear as `source`.
    pub(super) source: Option<String>,
    /// The zone of people's clocks.
    pub(super) zone: Option<String>,
    /// The data folder.
    pub(super) data: Option<PathBuf>,
    /// Where the HTTP interface listens.
    pub(super) http: Option<SocketAddr>,
    /// What HTTPS is spoken with.
    pub(super) tls: TlsEntry,
    /// Plain HTTP may be spoken where others hear it.
    pub(super) allow_plain_http: bool,
    /// The address that trackers' ports are bound to.
    pub(super) bind: Option<IpAddr>,
    /// Ports by protocol.
    pub(super) ports: BTreeMap<String, Port>,
    /// Files that it names.
    pub(super) files: Named,
    /// Until when an enrolled terminal's first token of another platform is believed.
    pub(super) token_window_until: Option<Time>,
    /// Datums by device model.
    pub(super) datums: BTreeMap<String, Datum>,
    /// Limits of the gateway.
    pub(super) limits: Limits,
    /// The audit log.
    pub(super) audit: Audit,
    /// How long what is kept is kept.
    pub(super) retention: Retention,
    /// The people who use it.
    pub(super) persons: Persons,
    /// How far back they read.
    pub(super) history: History,
    /// What devices may be asked for.
    pub(super) downlink: Downlink,
    /// What browsers are told.
    pub(super) web: Web,
    /// Rules of the engine.
    pub(super) rules: Rules,
    /// How long people have for their part.
    pub(super) deadlines: Deadlines,
    /// Other platforms.
    pub(super) jt809: Jt809,
    /// Events to other systems.
    pub(super) webhooks: Webhooks,
    /// Platforms that post positions.
    pub(super) sources: Vec<SourceEntry>,
    /// What follows from devices' alarms.
    pub(super) alarms: Vec<AlarmRule>,
    /// The reasons for which vehicles are flagged.
    pub(super) reasons: Option<Vec<FlagReason>>,
}

/// A platform that posts positions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    pub(super) name: String,
    #[serde(default)]
    pub(super) token: Option<String>,
    #[serde(default)]
    pub(super) vehicles: Vec<String>,
    #[serde(default)]
    pub(super) units: Vec<String>,
    #[serde(default)]
    pub(super) datum: Option<Datum>,
}

/// The files that HTTPS is spoken with.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsEntry {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// What JT/T 809 needs.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Jt809 {
    /// The platforms that hand us their vehicles.
    pub(super) peers: Vec<PeerEntry>,
}

/// One such platform.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeerEntry {
    pub(super) platform_code: u32,
    pub(super) user_id: u32,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) networks: Vec<IpNet>,
    pub(super) sub_link: Option<String>,
    pub(super) m1: Option<u32>,
    pub(super) ia1: Option<u32>,
    pub(super) ic1: Option<u32>,
}

/// The files that the document names.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Named {
    pub(super) checkpoints: Option<PathBuf>,
    pub(super) regions: Option<PathBuf>,
    pub(super) units: Option<PathBuf>,
    pub(super) fleet: Option<PathBuf>,
    pub(super) roads: Option<PathBuf>,
}

/// Where a protocol listens.
#[derive(Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected an address such as \"127.0.0.1:5015\", a port number, or false"
)]
pub(super) enum Port {
    Address(SocketAddr),
    Number(u16),
    Wanted(bool),
}

/// Where keys stand, by their names with dots.
#[derive(Default)]
pub(super) struct Places(BTreeMap<String, usize>);

impl Places {
    /// The line of a key, where the file has it.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.0.get(key).copied()
    }
}

/// Reads the document; what is wrong is reported and left at its default.
pub(super) fn read(file: &str, text: &str, report: &mut Report) -> (Document, Places) {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map(|span| line_at(text, span.start));
        report.problem(file, line, error.message());
    }
    let mut reading = Reading { file, text, report, places: Places::default() };
    let mut good = DeTable::new();
    for (key, value) in table.into_inner() {
        let (span, name) = (value.span(), key.get_ref().to_string());
        match value.into_inner() {
            DeValue::Table(table) => {
                // An unknown table is one problem, not one for each of its keys.
                let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
                if !reading.try_out(&name, &key, single(key.clone(), empty)) {
                    continue;
                }
                let mut kept = DeTable::new();
                for (inner_key, inner) in table {
                    let path = format!("{name}.{}", inner_key.get_ref());
                    let inside = DeValue::Table(single(inner_key.clone(), inner.clone()));
                    let outside = single(key.clone(), Spanned::new(span.clone(), inside));
                    if reading.try_out(&path, &inner_key, outside) {
                        kept.insert(inner_key, inner);
                    }
                }
                good.insert(key, Spanned::new(span, DeValue::Table(kept)));
            }
            value => {
                let value = Spanned::new(span, value);
                if reading.try_out(&name, &key, single(key.clone(), value.clone())) {
                    good.insert(key, value);
                }
            }
        }
    }
    // Each part was tried alone; together they cannot fail.
    (deserialize(good).unwrap_or_default(), reading.places)
}

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    report: &'a mut Report,
    places: Places,
}

impl Reading<'_> {
    /// Whether a document of this one key would do; reports why not.
    fn try_out(&mut self, path: &str, key: &Spanned<DeString<'_>>, table: DeTable<'_>) -> bool {
        let line = line_at(self.text, key.span().start);
        self.places.0.insert(path.to_owned(), line);
        match deserialize(table) {
            Ok(_) => true,
            Err(error) => {
                let what = format!("{path}: {}", plain(error.message()));
                self.report.problem(self.file, Some(line), what);
                false
            }
        }
    }
}

fn single<'a>(key: Spanned<DeString<'a>>, value: Spanned<DeValue<'a>>) -> DeTable<'a> {
    let mut table = DeTable::new();
    table.insert(key, value);
    table
}

fn deserialize(table: DeTable<'_>) -> Result<Document, toml::de::Error> {
    let value = Spanned::new(0..0, DeValue::Table(table));
    Document::deserialize(value.into_deserializer())
}

/// A deserializer's words for a person who does not program.
pub(super) fn plain(message: &str) -> String {
    message
        .replace("expected usize", "expected a whole number, 0 or more")
        .replace("expected u64", "expected a whole number, 0 or more")
        .replace("expected u32", "expected a whole number, 0 or more")
        .replace("expected u8", "expected a whole number from 0 to 255")
        .replace("expected f64", "expected a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_key_is_told_with_its_line() {
        let text = "\
colour = 'red'
http = '127.0.0.1'
[limits]
connections = -1
idle_s = 'long'
login_s = 20
[rules]
raise_probabilty = 0.5
[walls]
height = 3
";
        let mut report = Report::default();
        let (document, places) = read("interdict.toml", text, &mut report);
        let lines: Vec<_> = report.problems.iter().filter_map(|problem| problem.line).collect();
        let mut sorted = lines.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 4, 5, 8, 9], "{:#?}", report.problems);
        let told = |key: &str| report.problems.iter().any(|problem| problem.what.contains(key));
        for key in ["colour", "http", "limits.connections", "limits.idle_s", "raise_probabilty"] {
            assert!(told(key), "{key} is not named in {:#?}", report.problems);
        }
        assert_eq!(document.limits.login_s, 20.0);
        assert_eq!(document.limits.connections, Limits::default().connections);
        assert_eq!(places.line("limits.login_s"), Some(6));
    }
}
