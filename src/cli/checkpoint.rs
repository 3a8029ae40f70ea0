//! `interdict checkpoint`: checkpoints that change while a server runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::remote::{Format, Reason, ServerArguments, json_lines, members, table, text};
use super::terminal::escape;
use crate::client::{Client, segment};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the checkpoints, and how approaches to each are judged
    List {
        #[command(flatten)]
        server: ServerArguments,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
    /// Add checkpoints, or replace those of the same id: a mobile post, say
    Put {
        #[command(flatten)]
        server: ServerArguments,
        /// A GeoJSON Feature or FeatureCollection as in the checkpoints' file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        reason: Reason,
    },
    /// Nobody will stop anything there: its alerts end, and none are raised
    Close {
        #[command(flatten)]
        server: ServerArguments,
        /// The checkpoint's id
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// It is in use again
    Reopen {
        #[command(flatten)]
        server: ServerArguments,
        /// The checkpoint's id
        id: String,
        #[command(flatten)]
        reason: Reason,
        /// It must be set up first, which takes its `ready_s`
        #[arg(long)]
        unmanned: bool,
    },
    /// Take a checkpoint away
    Remove {
        #[command(flatten)]
        server: ServerArguments,
        /// The checkpoint's id
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::List { server, format } => {
            let checkpoints = server.client()?.list("/v1/checkpoints", "checkpoints")?;
            match format {
                Format::Json => json_lines(&checkpoints)?,
                Format::Human => list(&checkpoints)?,
            }
        }
        Command::Put { server, file, reason } => put(&server.client()?, &file, &reason)?,
        Command::Close { server, id, reason } => {
            set(&server.client()?, &reason.on(&path(&id)), "closed")?;
        }
        Command::Reopen { server, id, reason, unmanned } => {
            let state = if unmanned { "unmanned" } else { "manned" };
            set(&server.client()?, &reason.on(&path(&id)), state)?;
        }
        Command::Remove { server, id, reason } => {
            let removed = server.client()?.delete(&reason.on(&path(&id)))?;
            writeln!(std::io::stdout(), "removed: {}", text(&removed, "/name"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(id: &str) -> String {
    format!("/v1/checkpoints/{}", segment(id))
}

fn set(client: &Client, path: &str, state: &str) -> anyhow::Result<()> {
    let changed = client.patch(path, &json!({ "state": state }))?;
    let out = &mut std::io::stdout();
    writeln!(out, "{} is {}", text(&changed, "/name"), text(&changed, "/state"))?;
    Ok(())
}

/// Each feature by itself: a wrong one does not keep the others out.
fn put(client: &Client, file: &Path, reason: &Reason) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let content = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let document: Value =
        serde_json::from_str(&content).with_context(|| format!("{name} is not GeoJSON"))?;
    let features = match document.get("features").and_then(Value::as_array) {
        Some(features) => features.clone(),
        None => vec![document],
    };
    let count = features.len();
    let mut refused = 0;
    for (number, feature) in (1..).zip(features) {
        let outcome = match id(&feature) {
            Some(id) => {
                let placed = client.put(&reason.on(&path(&id)), &feature);
                placed.map_err(|error| error.to_string())
            }
            None => Err("it has no id".to_owned()),
        };
        match outcome {
            Ok(placed) => {
                writeln!(std::io::stdout(), "placed: {}", text(&placed, "/name"))?;
                for warning in members(&placed, "warnings") {
                    let warning = escape(warning.as_str().unwrap_or_default());
                    eprintln!("warning: {}: {warning}", text(&placed, "/id"));
                }
            }
            Err(why) => {
                refused += 1;
                eprintln!("interdict: {}: feature {number}: {}", escape(&name), escape(&why));
            }
        }
    }
    if refused > 0 {
        bail!("{refused} of {count} checkpoints were refused");
    }
    Ok(())
}

fn id(feature: &Value) -> Option<String> {
    let stated = feature.pointer("/properties/id").or_else(|| feature.get("id"))?;
    match stated {
        Value::String(id) if !id.trim().is_empty() => Some(id.trim().to_owned()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn list(checkpoints: &[Value]) -> std::io::Result<()> {
    let heading = ["id", "name", "kind", "unit", "ring", "state", "lead s", "judged by"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(checkpoints.iter().map(|checkpoint| {
        let columns = ["/id", "/name", "/kind", "/unit", "/ring", "/state", "/lead_s"];
        let mut row = columns.map(|pointer| text(checkpoint, pointer)).to_vec();
        let by_road = checkpoint.get("by_road") == Some(&json!(true));
        row.push(if by_road { "road" } else { "geometry" }.to_owned());
        row
    }));
    table(&rows)
}
