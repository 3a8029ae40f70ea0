//! `interdict roads`: road files, and what `--roads` does with one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use interdict_engine::roads::{RoadGraph, Roads};

use super::terminal::escape;
use crate::config::Configuration;
use crate::roads::{Imported, read};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make the compact file, which loads at once, of OpenStreetMap or GeoJSON roads
    Import {
        /// .osm, .osm.gz, .osm.pbf or GeoJSON lines with class, name, maxspeed_kmh, oneway
        #[arg(value_name = "IN")]
        from: PathBuf,
        /// The compact file
        #[arg(value_name = "OUT")]
        to: PathBuf,
    },
    /// Say what a road file holds
    Info {
        /// A road file of any kind that is read
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Import { from, to } => import(from, to)?,
        Command::Info { file } => {
            let imported = read(file)?;
            warn(&imported);
            info(&imported.graph, &mut io::stdout().lock())?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
    if report.broken_ways > 0 {
        eprintln!(
            "warning: {} ways refer to points that the file does not hold, as at an extract's edge",
            report.broken_ways
        );
    }
    if report.dropped_pieces > 0 {
        eprintln!(
            "warning: {} pieces of road were left out: one cannot get there and back",
            report.dropped_pieces
        );
    }
}

fn info(graph: &RoadGraph, out: &mut impl Write) -> io::Result<()> {
    let (mut total_m, mut names) = (0.0, BTreeSet::new());
    let mut by_class: BTreeMap<_, f64> = BTreeMap::new();
    let pieces = u32::try_from(graph.pieces()).unwrap_or(u32::MAX);
    for piece in 0..pieces {
        // A piece's two directions are streets of one length, class and name.
        let street = piece << 1;
        let metres = f64::from(graph.street_length_m(street));
        total_m += metres;
        *by_class.entry(graph.class(street)).or_default() += metres;
        names.insert(graph.name(street));
    }
    names.remove("");
    writeln!(out, "length     {:.1} km", total_m / 1_000.0)?;
    for (class, metres) in by_class {
        writeln!(out, "  {:<15} {:.1} km", class.name(), metres / 1_000.0)?;
    }
    writeln!(out, "names      {}", names.len())?;
    writeln!(out, "crossings  {}", graph.nodes())?;
    writeln!(out, "checksum   {:016x}", graph.checksum())
}

/// Lends roads to the engine, with the checkpoints on them: those of `file`, else those that the
/// configuration names.
pub(super) fn lend(file: Option<&Path>, configuration: &mut Configuration) -> anyhow::Result<()> {
    let Some(file) = file.map(Path::to_owned).or_else(|| configuration.roads.clone()) else {
        return Ok(());
    };
    let imported = read(&file)?;
    warn(&imported);
    let graph = imported.graph;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut roads = Roads::new(Arc::new(graph), None, threads);
    for checkpoint in roads.place_all(&configuration.setup.checkpoints, None, threads) {
        let what = format!("checkpoint {checkpoint} is on no road: it is judged by geometry");
        eprintln!("warning: {}", escape(&what));
    }
    configuration.setup.roads = Some(Arc::new(roads));
    configuration
        .add_digest("roads", &file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(())
}
