//! `interdict protocols`: the table of all, printed from the registry.

use std::io::{self, Write};
use std::process::ExitCode;

use interdict_protocols::tracker::tracker_protocols;
use interdict_protocols::{ALL, Ability, Alarm, Protocol};
use serde::Serialize;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Columns
    Human,
    /// One JSON object a line
    Json,
    /// The table of docs/protocols.md
    Markdown,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    transports: Vec<&'static str>,
    port: u16,
    authenticates: bool,
    alarms: &'static [Alarm],
    /// What its devices can be asked for.
    asked_for: &'static [Ability],
    /// Whether `simulate` and `replay --to` speak it.
    simulated: bool,
}

impl From<&'static Protocol> for Row {
    fn from(protocol: &'static Protocol) -> Self {
        use interdict_protocols::Transport::{Tcp, Udp};
        let transports = [("tcp", Tcp), ("udp", Udp)]
            .into_iter()
            .filter(|(_, transport)| protocol.transports.include(*transport))
            .map(|(name, _)| name)
            .collect();
        Self {
            name: protocol.name,
            title: protocol.title,
            transports,
            port: protocol.port,
            authenticates: protocol.authenticates,
            alarms: protocol.alarms,
            asked_for: asked_for(protocol),
            simulated: is_simulated(protocol),
        }
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.format {
        Format::Human => human(&mut out)?,
        Format::Json => {
            for protocol in ALL {
                serde_json::to_writer(&mut out, &Row::from(*protocol)).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
        }
        Format::Markdown => markdown(&mut out)?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn human(out: &mut impl Write) -> io::Result<()> {
    let widest = ALL.iter().map(|protocol| protocol.name.len()).max().unwrap_or_default();
    for protocol in ALL {
        let transports = protocol.transports.to_string();
        let Protocol { name, port, title, .. } = protocol;
        writeln!(out, "{name:widest$}  {port:>5}  {transports:<8}  {title}")?;
        for (what, list) in [("alarms", alarms(protocol)), ("asked for", abilities(protocol))] {
            if !list.is_empty() {
                writeln!(out, "{:widest$}         {what}: {list}", "")?;
            }
        }
    }
    Ok(())
}

/// A table for a page.
fn markdown(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| protocol | port | over | what it is | asked for | simulated | alarms |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for protocol in ALL {
        let Protocol { name, port, transports, title, .. } = protocol;
        let title = title.replace('|', "\\|");
        let (asked_for, alarms) = (abilities(protocol), alarms(protocol));
        let simulated = if is_simulated(protocol) { "yes" } else { "" };
        writeln!(
            out,
            "| `{name}` | {port} | {transports} | {title} | {asked_for} | {simulated} | {alarms} |"
        )?;
    }
    Ok(())
}

fn asked_for(protocol: &Protocol) -> &'static [Ability] {
    protocol.commands.map_or(&[], |commands| commands.abilities)
}

fn is_simulated(protocol: &Protocol) -> bool {
    tracker_protocols().any(|name| name == protocol.name)
}

fn abilities(protocol: &Protocol) -> String {
    asked_for(protocol).iter().map(Ability::to_string).collect::<Vec<_>>().join(", ")
}

fn alarms(protocol: &Protocol) -> String {
    protocol.alarms.iter().map(|alarm| alarm.name()).collect::<Vec<_>>().join(", ")
}
