//! `interdict subject`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use super::remote::{
    Format, Reason, ServerArguments, json_lines, local, members, table, text, zone,
};
use crate::client::segment;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say all that is held on a vehicle, who read it, and to whom it went
    Report {
        #[command(flatten)]
        server: ServerArguments,
        /// The vehicle, by its identity or its plate
        #[arg(long, value_name = "ID|PLATE")]
        vehicle: String,
        /// Why: it is noted in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How it is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Command::Report { server, vehicle, reason, format, zone } = arguments.command;
    let reason = Reason { reason: Some(reason) };
    let path = reason.on(&format!("/v1/subjects/{}/report", segment(&vehicle)));
    let found = server.client()?.get(&path)?;
    match format {
        Format::Json => json_lines([&found])?,
        Format::Human => print(&found, &zone)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(found: &Value, zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    let out = &mut std::io::stdout();
    let said = |pointer: &str| text(found, pointer);
    let time = |value: &Value, name: &str| local(value.get(name).unwrap_or(&Value::Null), zone);
    writeln!(
        out,
        "{}, {}, plate {}",
        said("/vehicle/id"),
        said("/vehicle/class"),
        said("/vehicle/plate")
    )?;
    match found.get("fix_received_at").is_none_or(Value::is_null) {
        true => writeln!(out, "no position of it is held in memory")?,
        false => writeln!(
            out,
            "its last position is held in memory, from {}",
            time(found, "fix_received_at")
        )?,
    }
    let devices: Vec<_> =
        members(found, "devices").iter().map(|one| text(one, "/device")).collect();
    writeln!(
        out,
        "devices enrolled: {}",
        if devices.is_empty() { "none".to_owned() } else { devices.join(", ") }
    )?;

    writeln!(out, "\nHELD")?;
    let mut rows = vec![row(["what", "count", "first", "last"])];
    let span = |what: &str, span: &Value| {
        row([what, &text(span, "/count"), &time(span, "first_at"), &time(span, "last_at")])
    };
    let events = found.get("events").and_then(Value::as_object).into_iter().flatten();
    rows.extend(events.map(|(kind, events)| span(kind, events)));
    if let Some(records) = found.get("records").filter(|records| !records.is_null()) {
        rows.push(span("records", records));
    }
    rows.extend(members(found, "tracks").iter().map(|track| {
        let kept_for = match text(track, "/class").as_str() {
            "-" => "a flag".to_owned(),
            class => format!("class {class}, {} UTC", text(track, "/day")),
        };
        span(&format!("track, for {kept_for}"), track)
    }));
    table_or(&rows, "nothing")?;
    for flag in members(found, "flags") {
        let kept: Vec<_> = members(flag, "kept").iter().filter_map(Value::as_str).collect();
        let ended = flag.pointer("/ended/at").map_or_else(
            || "stands".to_owned(),
            |at| format!("ended {} ({})", local(at, zone), text(flag, "/ended/how")),
        );
        let hold = match text(flag, "/hold/reason").as_str() {
            "-" => String::new(),
            reason => format!("; held by {}: {reason}", text(flag, "/hold/by")),
        };
        writeln!(out, "flag {}: {ended}; kept: {}{hold}", text(flag, "/flag"), kept.join(", "))?;
    }

    writeln!(out, "\nWHO READ OR DECIDED")?;
    acts(members(found, "acts"), zone)?;
    writeln!(out, "\nTO WHOM IT WENT")?;
    let mut rows = vec![row(["unit", "events", "first", "last"])];
    let units = found.get("units").and_then(Value::as_object).into_iter().flatten();
    rows.extend(units.map(|(unit, told)| span(unit, told)));
    table_or(&rows, "no unit was told of it")?;
    writeln!(out, "streams and backups that hold it or may:")?;
    acts(members(found, "copies"), zone)?;
    let purged = said("/purged_entries");
    if purged != "0" {
        writeln!(out, "\n{purged} entries of the audit log are purged: they may have named it")?;
    }
    Ok(())
}

fn row(cells: [&str; 4]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn table_or(rows: &[Vec<String>], nothing: &str) -> std::io::Result<()> {
    if rows.len() > 1 { table(rows) } else { writeln!(std::io::stdout(), "{nothing}") }
}

fn acts(acts: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    let mut rows = vec![row(["when", "who", "what", "why"])];
    rows.extend(acts.iter().map(|act| {
        let at = local(act.get("time").unwrap_or(&Value::Null), zone);
        row([&at, &text(act, "/who"), &text(act, "/act"), &text(act, "/why")])
    }));
    table_or(&rows, "nobody")
}
