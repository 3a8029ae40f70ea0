//! `interdict token`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

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
    /// Make a token for a person or a service; it is printed this once
    Add {
        #[command(flatten)]
        server: ServerArguments,
        /// What it is called
        #[arg(long)]
        name: String,
        /// Whose it is; the name itself where nothing is said. Several tokens may be one person's:
        /// audit and approval go by person
        #[arg(long)]
        person: Option<String>,
        /// It is a program's, which approves nothing
        #[arg(long)]
        service: bool,
        /// What they are there for
        #[arg(long, value_parser = ["admin", "dispatcher", "operator", "analyst", "auditor", "fleet", "source"])]
        role: String,
        /// The unit that they belong to; they see it and what is under it
        #[arg(long)]
        unit: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// List the tokens, without their secrets
    List {
        #[command(flatten)]
        server: ServerArguments,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
    /// Revoke a token; its open streams end
    Revoke {
        #[command(flatten)]
        server: ServerArguments,
        /// The token, as `token list` names it
        name: String,
        #[command(flatten)]
        reason: Reason,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let out = &mut std::io::stdout();
    match arguments.command {
        Command::Add { server, name, person, service, role, unit, reason } => {
            let kind = if service { "service" } else { "person" };
            let body = json!({
                "name": name, "person": person, "kind": kind, "role": role, "unit": unit,
            });
            let made = server.client()?.post(&reason.on("/v1/tokens"), &body)?;
            eprintln!(
                "token of {} ({}), shown this once:",
                text(&made, "/person"),
                text(&made, "/role")
            );
            for warning in members(&made, "warnings") {
                eprintln!("warning: {}", warning.as_str().unwrap_or_default());
            }
            writeln!(out, "{}", text(&made, "/token"))?;
        }
        Command::List { server, format, zone } => {
            let tokens = server.client()?.list("/v1/tokens", "tokens")?;
            match format {
                Format::Json => json_lines(&tokens)?,
                Format::Human => list(&tokens, &zone)?,
            }
        }
        Command::Revoke { server, name, reason } => {
            let path = reason.on(&format!("/v1/tokens/{}", segment(&name)));
            let revoked = server.client()?.delete(&path)?;
            writeln!(out, "revoked: {}", text(&revoked, "/name"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(tokens: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    let heading = ["name", "person", "kind", "role", "unit", "made", "revoked"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(tokens.iter().map(|token| {
        let time = |name: &str| local(token.get(name).unwrap_or(&Value::Null), zone);
        let mut row: Vec<_> = ["/name", "/person", "/kind", "/role", "/unit"]
            .map(|pointer| text(token, pointer))
            .to_vec();
        row.extend([time("created_at"), time("revoked_at")]);
        row
    }));
    table(&rows)
}
