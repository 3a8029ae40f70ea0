//! The configuration: `interdict.toml` and the files that it names, checked whole before anything
//! starts.
//!
//! Start at [`Configuration::load`].

mod audit;
mod checkpoint_schema;
mod checkpoints;
mod datum;
mod digest;
mod document;
mod downlink;
mod duration;
mod enrolment;
mod features;
mod files;
mod flag_reasons;
mod flag_table;
mod fleet;
mod history;
mod limits;
mod persons;
mod platforms;
mod ports;
mod problem;
mod ranges;
mod regions;
mod retention;
mod sources;
mod tls;
mod units;
mod watchlist;
mod web;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use interdict_engine::Setup;
use interdict_protocols::{Datum, Time};
use jiff::tz::TimeZone;

pub use audit::{Audit, Reasons};
pub use checkpoint_schema::CheckpointFeature;
pub use checkpoints::read_checkpoint;
pub use datum::to_wgs84;
pub use downlink::Downlink;
pub(crate) use enrolment::device_key;
pub use enrolment::{Enrol, Enrolment};
pub use files::{RoadFile, embedded};
pub use flag_reasons::{FlagReason, FlagReasons, LONGEST_FLAG_S};
pub use flag_table::{AskedFlag, read_flags, write_flags};
pub use fleet::{BadLine, read_fleet};
pub use history::{Depth, History};
pub use limits::{Limits, Network, PeerLimits};
pub use persons::Persons;
pub use platforms::{HostPort, Password, Platform};
pub use ports::{Ports, port_argument};
pub use problem::{Problem, Problems, Warning};
pub use retention::Retention;
pub use sources::{EVERY_VEHICLE, Source};
pub use tls::Tls;
pub use watchlist::{Entry, Expiry, UNSTATED_EXPIRY_S, read_watchlist};
pub use web::Web;
pub use webhooks::Webhooks;

use files::Files;
use problem::Report;

/// All that an installation is told.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The installation's name, a URI: what its events bear as `source`.
    pub source: String,
    /// The zone of its people's clocks, where a unit has none of its own.
    pub zone: TimeZone,
    /// Where it keeps what must last.
    pub data: PathBuf,
    /// Where the HTTP interface listens.
    pub http: SocketAddr,
    /// What HTTPS is spoken with; plain HTTP without.
    pub tls: Option<Tls>,
    /// Plain HTTP on an address that others reach is wanted: something before it speaks HTTPS.
    pub allow_plain_http: bool,
    /// Where each protocol listens, by its name; those that are not here do not.
    pub ports: Ports,
    /// Limits of the gateway.
    pub limits: Limits,
    /// The audit log.
    pub audit: Audit,
    /// How long what is kept is kept.
    pub retention: Retention,
    /// The people who use it.
    pub persons: Persons,
    /// The reasons for which vehicles are flagged.
    pub flag_reasons: FlagReasons,
    /// How far back they read.
    pub history: History,
    /// What devices may be asked for.
    pub downlink: Downlink,
    /// What browsers are told.
    pub web: Web,
    /// The SHA-256 of each file that was read for it, by what the configuration calls the file.
    digests: BTreeMap<String, String>,
    /// Rules, checkpoints, units and regions.
    pub setup: Setup,
    /// The road file; none where another file's checkpoints are in place of the configuration's own.
    pub roads: Option<RoadFile>,
    /// The fleet file's devices.
    pub fleet: Vec<Enrol>,
    /// Until then an enrolled terminal's first token is believed, and only that one from then on:
    /// for a fleet that moves here with the tokens of another platform.
    pub token_window_until: Option<Time>,
    /// Datums by device model.
    pub datums: BTreeMap<String, Datum>,
    /// Other platforms that hand us their vehicles.
    pub platforms: Vec<Platform>,
    /// Where events may be sent, and how patiently.
    pub webhooks: Webhooks,
    /// Platforms that post positions.
    pub sources: Vec<Source>,
}

impl Configuration {
    /// Reads a configuration and every file that it names, which lie beside it; the Dalian default
    /// that is built in where no path is given.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load(path: Option<&Path>) -> Result<(Self, Vec<Warning>), Problems> {
        Self::load_with(path, None)
    }

    /// As [`Configuration::load`], with another file's `checkpoints` in place of its own; their units
    /// need not be configured.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load_with(
        path: Option<&Path>,
        checkpoints: Option<&Path>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let Some(path) = path else {
            let (file, text) = ("(built in) interdict.toml", embedded::CONFIGURATION);
            return Self::read(file, text, &Files::Embedded, checkpoints);
        };
        let file = path.display().to_string();
        let text = files::read(path)
            .map_err(|what| Problems(vec![Problem { file: file.clone(), line: None, what }]))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Self::read(&file, &text, &Files::Folder(folder), checkpoints)
    }

    fn read(
        file: &str,
        text: &str,
        files: &Files,
        other_checkpoints: Option<&Path>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let checkpoints_are_own = other_checkpoints.is_none();
        let mut report = Report::default();
        let (document, places) = document::read(file, text, &mut report);
        ranges::check(file, &document, &places, &mut report);
        downlink::check(file, &document, &places, &mut report);
        let ports = ports::read(file, &document, &places, &mut report);
        web::check(file, &document.web, &places, &mut report);
        let platforms = platforms::read(file, &document, &places, files, &mut report);
        let sources = sources::read(file, &document, &places, &mut report);
        let tls = tls::read(file, &document.tls, &places, files, &mut report);
        let zone = document.zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(zone).unwrap_or_else(|_| {
            let what =
                format!("zone: there is no time zone {zone:?}; expected one such as Asia/Shanghai");
            report.problem(file, places.line("zone"), what);
            TimeZone::UTC
        });
        let source = document.source.clone().unwrap_or_else(|| "urn:interdict".to_owned());
        if source.is_empty() || source.contains(|letter: char| letter.is_control() || letter == ' ')
        {
            let what =
                format!("source: found {source:?}, expected a URI such as urn:interdict:dalian");
            report.problem(file, places.line("source"), what);
        }

        let mut digests = BTreeMap::from([("interdict.toml".to_owned(), digest::of_text(text))]);
        let mut named = |key: &str, name: &Option<PathBuf>, report: &mut Report| {
            let (called, text) = files.read(name.as_deref()?);
            match text {
                Ok(text) => {
                    digests.insert(key.to_owned(), digest::of_text(&text));
                    Some((called, text))
                }
                Err(what) => {
                    let line = places.line(&format!("files.{key}"));
                    report.problem(file, line, format!("files.{key}: {called} {what}"));
                    None
                }
            }
        };
        let deadlines = Some(document.deadlines.clone());
        let mut setup = Setup { rules: document.rules.clone(), deadlines, ..Setup::default() };
        setup.alarm_rules.clone_from(&document.alarms);
        if let Some((called, text)) = named("units", &document.files.units, &mut report) {
            setup.units = units::read(&called, &text, &mut report);
        }
        // With no command tree, or none that could be read, there is nothing to check units against.
        let known: BTreeSet<_> = setup.units.iter().map(|unit| unit.id.clone()).collect();
        let known = Some(&known).filter(|known| !known.is_empty());
        if let Some((called, text)) = named("regions", &document.files.regions, &mut report) {
            setup.regions = regions::read(&called, &text, known, &mut report);
        }
        if let Some(path) = other_checkpoints {
            setup.checkpoints = checkpoints::read_file(path, &mut report);
        } else if let Some((called, text)) =
            named("checkpoints", &document.files.checkpoints, &mut report)
        {
            setup.checkpoints = checkpoints::read(&called, &text, known, &mut report);
        }
        let mut fleet = Vec::new();
        if let Some((called, text)) = named("fleet", &document.files.fleet, &mut report) {
            let (enrols, bad) = read_fleet(&text);
            fleet = enrols;
            for BadLine { line, reason } in bad {
                report.problem(&called, usize::try_from(line).ok(), reason);
            }
        }
        if document.files.checkpoints.is_none() && other_checkpoints.is_none() {
            report.warning(file, None, "files.checkpoints names no file: nothing will be alerted");
        }
        if document.files.units.is_none() {
            report.warning(
                file,
                None,
                "files.units names no file: checkpoints' units are not checked",
            );
        }

        let flag_reasons = flag_reasons::read(file, document.reasons, &places, &mut report);
        let audit = document.audit;
        let configuration = Self {
            source,
            zone,
            data: files
                .beside(document.data.as_deref().unwrap_or_else(|| Path::new("interdict-data"))),
            http: document.http.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            tls,
            allow_plain_http: document.allow_plain_http,
            ports,
            limits: document.limits,
            retention: document.retention,
            audit: Audit {
                heads_file: audit.heads_file.as_deref().map(|path| files.beside(path)),
                ..audit
            },
            persons: document.persons,
            flag_reasons,
            history: document.history,
            downlink: document.downlink,
            web: document.web,
            digests,
            setup,
            roads: match (&document.files.roads, checkpoints_are_own) {
                (Some(roads), true) => Some(files.roads(roads)),
                _ => None,
            },
            fleet,
            token_window_until: document.token_window_until,
            datums: document.datums,
            platforms,
            webhooks: document.webhooks,
            sources,
        };
        let (mut configuration, warnings) = report.finish(configuration)?;
        if let Some(path) = other_checkpoints {
            // It was read a moment ago.
            let digest =
                digest::of_file(path).ok().map(|digest| ("checkpoints".to_owned(), digest));
            configuration.digests.extend(digest);
        }
        Ok((configuration, warnings))
    }

    /// The SHA-256 of each file of the configuration, its roads' included, by what the configuration
    /// calls the file. Reads the roads' file.
    ///
    /// # Errors
    /// That cannot be read.
    pub fn all_digests(&self) -> std::io::Result<BTreeMap<String, String>> {
        let mut digests = self.digests.clone();
        let roads = match &self.roads {
            Some(RoadFile::Path(path)) => Some(digest::of_file(path)?),
            Some(RoadFile::BuiltIn) => Some(digest::of_text(embedded::ROADS)),
            None => None,
        };
        digests.extend(roads.map(|roads| ("roads".to_owned(), roads)));
        Ok(digests)
    }

    /// The datum that a device of this model reports in.
    #[must_use]
    pub fn datum(&self, model: Option<&str>) -> Datum {
        model.and_then(|model| self.datums.get(model)).copied().unwrap_or_default()
    }

    /// The zone of a unit's clocks: its own, else that of the nearest unit above it that has one,
    /// else the installation's.
    #[must_use]
    pub fn zone_of(&self, unit: &interdict_engine::UnitId) -> TimeZone {
        let mut at = Some(unit);
        while let Some(id) = at {
            let Some(unit) = self.setup.units.iter().find(|unit| unit.id == *id) else { break };
            if let Some(zone) = unit.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok()) {
                return zone;
            }
            at = unit.parent.as_ref();
        }
        self.zone.clone()
    }
}
