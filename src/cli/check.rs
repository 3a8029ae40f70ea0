//! `interdict check`: a configuration and every file that it names, before anything starts.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use interdict_engine::{Kind, Level};

use crate::config::Configuration;
use crate::text::escape;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration; the Dalian default that is built in if not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (mut configuration, warnings) = match Configuration::load(arguments.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in &problems.0 {
                eprintln!("error: {}", escape(&problem.to_string()));
            }
            let count = problems.0.len();
            eprintln!("interdict: the configuration has {}", counted(count, "error", "errors"));
            return Ok(ExitCode::FAILURE);
        }
    };
    for warning in &warnings {
        eprintln!("warning: {}", escape(&warning.to_string()));
    }
    super::roads::lend(None, &mut configuration)?;
    let mut out = io::stdout().lock();
    summary(&configuration, &mut out)?;
    let told = counted(warnings.len(), "warning", "warnings");
    writeln!(out, "no errors, {told}")?;
    Ok(ExitCode::SUCCESS)
}

fn summary(configuration: &Configuration, out: &mut impl Write) -> io::Result<()> {
    let setup = &configuration.setup;
    let source = &configuration.source;
    let zone = configuration.zone.iana_name().unwrap_or("UTC");
    writeln!(out, "source       {}, clocks of {zone}", escape(source))?;
    writeln!(out, "data         {}", escape(&configuration.data.display().to_string()))?;
    writeln!(out, "http         {}", configuration.http)?;
    for (name, address) in &configuration.ports {
        writeln!(out, "port         {name} {address}")?;
    }
    let units = |level| setup.units.iter().filter(|unit| unit.level == level).count();
    writeln!(
        out,
        "units        {}, {}, {}",
        counted(units(Level::City), "city", "cities"),
        counted(units(Level::District), "district", "districts"),
        counted(units(Level::Station), "station", "stations"),
    )?;
    writeln!(out, "regions      {}", setup.regions.len())?;
    let of = |kind| setup.checkpoints.iter().filter(|point| point.kind == kind).count();
    writeln!(
        out,
        "checkpoints  {}: {}, {}, {}, {}, {}",
        setup.checkpoints.len(),
        counted(of(Kind::ThroatRoad), "throat road", "throat roads"),
        counted(of(Kind::Port), "port", "ports"),
        counted(of(Kind::Airport), "airport", "airports"),
        counted(of(Kind::Parking), "parking lot", "parking lots"),
        counted(of(Kind::Post), "other post", "other posts"),
    )?;
    match configuration.roads.as_ref().zip(setup.roads.as_ref()) {
        Some((file, roads)) => {
            let crossings = counted(roads.graph().nodes(), "crossing", "crossings");
            let drawn = match roads.graph().roughest_m() {
                0 => String::new(),
                metres => format!(", drawn roughly: to {metres} m at worst"),
            };
            writeln!(out, "roads        {}: {crossings}{drawn}", escape(&file.name()))?;
        }
        None => writeln!(out, "roads        none: approaches are judged by geometry")?,
    }
    writeln!(out, "fleet        {}", counted(configuration.fleet.len(), "device", "devices"))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
