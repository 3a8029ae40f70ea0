//! `interdict roads`: road files, and what `--roads` does with one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use interdict_engine::CheckpointId;
use interdict_engine::roads::{CutOff, RoadGraph};

use super::terminal::escape;
use crate::config::{Configuration, RoadFile, embedded};
use crate::roads::{Imported, from_bytes, read};

/// Ways that a warning names.
const NAMED: usize = 5;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make the compact file, which loads at once, of OpenStreetMap or GeoJSON roads
    Import {
        /// .osm, .osm.gz, .osm.pbf or GeoJSON lines with class, name, maxspeed_kmh, oneway and, where
        /// they are drawn roughly, accuracy_m; with route "ferry" a line is a ferry's
        #[arg(value_name = "IN")]
        from: PathBuf,
        /// The compact file
        #[arg(value_name = "OUT")]
        to: PathBuf,
    },
    /// Say what a road file holds
    Info {
        /// A road file of any kind that is read; the built-in roads of Dalian if not given
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Import { from, to } => import(from, to)?,
        Command::Info { file } => {
            let file = file.clone().map_or(RoadFile::BuiltIn, RoadFile::Path);
            let imported = import_from(&file)?;
            warn(&imported);
            info(&imported.graph, &mut io::stdout().lock())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn import_from(file: &RoadFile) -> anyhow::Result<Imported> {
    match file {
        RoadFile::Path(path) => read(path),
        RoadFile::BuiltIn => from_bytes(embedded::ROADS.as_bytes()),
    }
}

fn import(from: &Path, to: &Path) -> anyhow::Result<()> {
    let imported = read(from)?;
    warn(&imported);
    let graph = imported.graph;
    // Whole or not at all: a server may be reading the old one.
    let written = || -> io::Result<()> {
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        file.write_all(&graph.to_bytes())?;
        file.as_file().sync_all()?;
        file.persist(to)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", to.display()))?;
    info(&graph, &mut io::stdout().lock())?;
    Ok(())
}

/// What was left out of the roads while they were read.
fn warn(imported: &Imported) {
    for warning in &imported.warnings {
        eprintln!("warning: {}", escape(warning));
    }
    let Some(report) = &imported.report else { return };
    if !report.broken_ways.is_empty() {
        let ways = report.broken_ways.iter().map(|way| format!("way {way}"));
        eprintln!(
            "warning: {} ways refer to points that the file does not hold, as at an extract's edge: {}",
            report.broken_ways.len(),
            some(ways)
        );
    }
    if !report.cut_off.is_empty() {
        let total_m: f64 = report.cut_off.iter().map(|one| one.length_m).sum();
        let ways = report.cut_off.iter().map(|CutOff { way, name, length_m }| {
            let name = if name.is_empty() { String::new() } else { format!(" {name:?}") };
            format!("way {way}{name} {:.1} km", length_m / 1_000.0)
        });
        eprintln!(
            "warning: {:.1} km of road were left out, since one cannot get there and back: {}",
            total_m / 1_000.0,
            escape(&some(ways))
        );
    }
}

/// The first few, and how many more there are.
fn some(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let mut text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn info(graph: &RoadGraph, out: &mut impl Write) -> io::Result<()> {
    let (mut total_m, mut names) = (0.0, BTreeSet::new());
    let mut by_class: BTreeMap<_, f64> = BTreeMap::new();
    let mut by_accuracy: BTreeMap<_, f64> = BTreeMap::new();
    let pieces = u32::try_from(graph.pieces()).unwrap_or(u32::MAX);
    for piece in 0..pieces {
        // A piece's two directions are streets of one length, class and name.
        let street = piece << 1;
        let metres = f64::from(graph.street_length_m(street));
        total_m += metres;
        *by_class.entry(graph.class(street)).or_default() += metres;
        *by_accuracy.entry(graph.accuracy_m(street)).or_default() += metres;
        names.insert(graph.name(street));
    }
    names.remove("");
    writeln!(out, "length     {:.1} km", total_m / 1_000.0)?;
    for (class, metres) in by_class {
        writeln!(out, "  {:<15} {:.1} km", class.name(), metres / 1_000.0)?;
    }
    if graph.roughest_m() > 0 {
        writeln!(out, "drawn to")?;
        for (accuracy_m, metres) in by_accuracy {
            writeln!(out, "  {:<15} {:.1} km", format!("{accuracy_m} m"), metres / 1_000.0)?;
        }
    }
    writeln!(out, "names      {}", names.len())?;
    writeln!(out, "crossings  {}", graph.nodes())?;
    writeln!(out, "ferries    {}", graph.exits().len())?;
    writeln!(out, "checksum   {:016x}", graph.checksum())
}

/// The roads of `file`, else those that the configuration names.
pub(super) fn find(
    file: Option<&Path>,
    configuration: &Configuration,
) -> anyhow::Result<Option<RoadGraph>> {
    let given = file.map(|path| RoadFile::Path(path.to_owned()));
    let Some(file) = given.or_else(|| configuration.roads.clone()) else { return Ok(None) };
    let imported = import_from(&file)?;
    warn(&imported);
    Ok(Some(imported.graph))
}

/// Lends what [`find`] finds to the engine, with the configuration's checkpoints on it.
pub(super) fn lend(file: Option<&Path>, configuration: &mut Configuration) -> anyhow::Result<()> {
    if let Some(graph) = find(file, configuration)? {
        for checkpoint in crate::roads::lend(graph, &mut configuration.setup, None) {
            warn_off_road(&checkpoint);
        }
    }
    Ok(())
}

fn warn_off_road(checkpoint: &CheckpointId) {
    let what = format!("checkpoint {checkpoint} is on no road: it is judged by geometry");
    eprintln!("warning: {}", escape(&what));
}
