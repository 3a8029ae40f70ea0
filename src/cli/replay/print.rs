//! Events on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};

use interdict_engine::{Cloud, Event};

use super::Format;
use crate::cli::narrate::Narrator;
use crate::config::Configuration;

pub(super) struct Printer<'a> {
    out: BufWriter<StdoutLock<'static>>,
    configuration: &'a Configuration,
    narrator: Narrator<'a>,
    format: Format,
    sequence: u64,
}

impl<'a> Printer<'a> {
    pub(super) fn new(configuration: &'a Configuration, format: Format) -> Self {
        Self {
            out: BufWriter::new(io::stdout().lock()),
            configuration,
            narrator: Narrator::new(configuration),
            format,
            sequence: 0,
        }
    }

    pub(super) fn print(&mut self, event: &Event) -> io::Result<()> {
        self.sequence += 1;
        match self.format {
            Format::Human => writeln!(self.out, "{}", self.narrator.line(event)),
            Format::Json => {
                let source = &self.configuration.source;
                let cloud = Cloud { event, source, sequence: self.sequence };
                serde_json::to_writer(&mut self.out, &cloud)?;
                self.out.write_all(b"\n")
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
