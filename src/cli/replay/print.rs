//! Events on standard output.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, StdoutLock, Write};

use interdict_engine::{Cloud, Event, Type, UnitId};
use jiff::tz::TimeZone;

use super::Format;
use super::drive::Listener;
use crate::cli::event_line::event_line;
use crate::config::Configuration;

pub(super) struct Printer<'a> {
    out: BufWriter<StdoutLock<'static>>,
    configuration: &'a Configuration,
    zones: BTreeMap<UnitId, TimeZone>,
    format: Format,
    sequence: u64,
}

impl<'a> Printer<'a> {
    pub(super) fn new(configuration: &'a Configuration, format: Format) -> Self {
        let units = &configuration.setup.units;
        let zones =
            units.iter().map(|unit| (unit.id.clone(), configuration.zone_of(&unit.id))).collect();
        Self { out: BufWriter::new(io::stdout().lock()), configuration, zones, format, sequence: 0 }
    }
}

impl Listener for Printer<'_> {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self.sequence += 1;
        // What people read begins with an alert, as the stream does where nobody asks for more.
        if self.format == Format::Human && event.kind == Type::Watch {
            return Ok(());
        }
        let source = &self.configuration.source;
        let cloud = Cloud { event, source, sequence: self.sequence };
        match self.format {
            Format::Human => {
                let zone = event.unit().and_then(|unit| self.zones.get(unit));
                let zone = zone.unwrap_or(&self.configuration.zone);
                writeln!(self.out, "{}", event_line(&serde_json::to_value(&cloud)?, zone))
            }
            Format::Json => {
                serde_json::to_writer(&mut self.out, &cloud)?;
                self.out.write_all(b"\n")
            }
        }
    }

    fn pause(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
