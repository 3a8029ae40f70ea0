//! `interdict flag`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::remote::{
    Format, Reason, ServerArguments, json_lines, local, members, table, text, zone,
};
use crate::client::{Client, ClientError, segment};

mod add;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Ask for a vehicle to be put on the watchlist; in an emergency it is at once
    Add(Box<add::Arguments>),
    /// List the flags that hold or wait for approval
    List {
        #[command(flatten)]
        server: ServerArguments,
        /// Only those: applied, emergency, approved or provisional
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
    /// List the reasons for which a vehicle may be flagged
    Reasons {
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Approve a flag that somebody else asked for
    Approve {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Reject a flag that somebody else asked for: it ends
    Reject {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// Let a flag last longer: a new decision, by somebody who may approve it
    Renew {
        #[command(flatten)]
        which: Which,
        /// For how long from now, 30 days at the most
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = crate::text::seconds)]
        expires: f64,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Take a flag off the watchlist before it ends by itself: its alerts are recalled
    Withdraw {
        #[command(flatten)]
        which: Which,
        /// Why, by code: handled, invalid, wrong or other
        #[arg(long, value_name = "CODE")]
        reason: String,
        /// Why, in more words
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Keep what there is of a flag, also of one that has ended, from being purged
    Hold {
        #[command(flatten)]
        which: Which,
        /// Why: the procedure that needs it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let go of a flag that is held: what is due of it is purged within the hour
    Release {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the flags that are held
    Holds {
        #[command(flatten)]
        server: ServerArguments,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
    /// Add the flags of a CSV file, all or none: vehicle,reason,case,authority[,priority,expires,…]
    Import {
        #[command(flatten)]
        server: ServerArguments,
        #[command(flatten)]
        reason: Reason,
        /// The file; `-` is standard input
        file: PathBuf,
    },
    /// Write the flags that hold as CSV
    Export {
        #[command(flatten)]
        server: ServerArguments,
        #[command(flatten)]
        reason: Reason,
    },
}

#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    server: ServerArguments,
    /// The flag, as `flag list` names it
    id: String,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

impl Which {
    fn post(&self, step: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("/v1/flags/{}/{step}", segment(&self.id));
        Ok(self.server.client()?.post(&path, body)?)
    }

    fn until(&self, flag: &Value) -> String {
        local(flag.get("ends_at").unwrap_or(&Value::Null), &self.zone)
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let out = &mut std::io::stdout();
    match arguments.command {
        Command::Add(arguments) => add::run(&arguments)?,
        Command::List { server, state, format, zone } => {
            let query = state.map(|state| format!("?state={}", segment(&state)));
            let path = format!("/v1/flags{}", query.unwrap_or_default());
            let flags = server.client()?.list(&path, "flags")?;
            match format {
                Format::Json => json_lines(&flags)?,
                Format::Human => list(&flags, &zone)?,
            }
        }
        Command::Reasons { server } => {
            reasons(members(&server.client()?.get("/v1/flags/reasons")?, "reasons"))?;
        }
        Command::Approve { which, note } => {
            let flag = which.post("approve", &json!({ "note": note }))?;
            let (id, until) = (text(&flag, "/id"), which.until(&flag));
            writeln!(out, "flag {id} on {} approved, holds until {until}", named(&flag))?;
        }
        Command::Reject { which, note } => {
            let flag = which.post("reject", &json!({ "note": note }))?;
            writeln!(out, "flag {} on {} rejected", text(&flag, "/id"), named(&flag))?;
        }
        Command::Hold { which, reason } => {
            let held = which.post("hold", &json!({ "reason": reason }))?;
            writeln!(out, "flag {} is held: nothing of it is purged", text(&held, "/flag"))?;
        }
        Command::Release { which, reason } => {
            let released = which.post("release", &json!({ "reason": reason }))?;
            writeln!(out, "flag {} is held no longer", text(&released, "/flag"))?;
        }
        Command::Holds { server, zone } => {
            let holds = server.client()?.list("/v1/holds", "holds")?;
            let mut rows = vec![["flag", "since", "by", "reason"].map(str::to_owned).to_vec()];
            rows.extend(holds.iter().map(|held| {
                let since = local(held.pointer("/hold/at").unwrap_or(&Value::Null), &zone);
                vec![text(held, "/flag"), since, text(held, "/hold/by"), text(held, "/hold/reason")]
            }));
            if rows.len() > 1 { table(&rows)? } else { writeln!(out, "no flag is held")? }
        }
        Command::Renew { which, expires, note } => {
            let flag = which.post("renew", &json!({ "expires_s": expires, "note": note }))?;
            let (id, until) = (text(&flag, "/id"), which.until(&flag));
            writeln!(out, "flag {id} on {} renewed, holds until {until}", named(&flag))?;
        }
        Command::Withdraw { which, reason, note } => {
            let flag = which.post("withdraw", &json!({ "reason": reason, "note": note }))?;
            writeln!(out, "flag {} on {} withdrawn", text(&flag, "/id"), named(&flag))?;
        }
        Command::Import { server, reason, file } => {
            import(&server.client()?, &reason.on("/v1/flags/import"), &file)?;
        }
        Command::Export { server, reason } => {
            let csv = server.client()?.get_text(&reason.on("/v1/flags/export"))?;
            out.write_all(csv.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The plate, the class and the identity of the flagged vehicle.
fn named(flag: &Value) -> String {
    let (id, class) = (text(flag, "/matched/id"), text(flag, "/matched/class"));
    let drill = flag.get("drill").and_then(Value::as_bool) == Some(true);
    let drill = if drill { "DRILL " } else { "" };
    match text(flag, "/matched/plate").as_str() {
        "-" => format!("{drill}{id} ({class})"),
        plate => format!("{drill}{plate} ({class}, {id})"),
    }
}

fn list(flags: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    if flags.is_empty() {
        return writeln!(std::io::stdout(), "no flag holds");
    }
    let heading =
        ["flag", "vehicle", "reason", "action", "case", "priority", "authority", "state", "until"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(flags.iter().map(|flag| {
        vec![
            text(flag, "/id"),
            named(flag),
            text(flag, "/reason"),
            text(flag, "/action"),
            text(flag, "/case"),
            text(flag, "/priority"),
            text(flag, "/authority"),
            text(flag, "/state"),
            local(flag.get("ends_at").unwrap_or(&Value::Null), zone),
        ]
    }));
    table(&rows)
}

fn reasons(reasons: &[Value]) -> std::io::Result<()> {
    let heading = ["code", "name", "action", "days", "scope", "approver", "legal basis"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(reasons.iter().map(|reason| {
        let longest_s = reason.get("longest_s").and_then(Value::as_f64).unwrap_or_default();
        vec![
            text(reason, "/code"),
            text(reason, "/name"),
            text(reason, "/action"),
            format!("{:.1}", longest_s / 86_400.0),
            text(reason, "/scope"),
            text(reason, "/approver"),
            text(reason, "/legal_basis"),
        ]
    }));
    table(&rows)
}

fn import(client: &Client, path: &str, file: &Path) -> anyhow::Result<()> {
    let answer = client.post_csv(path, super::device::read(file)?);
    let report = match answer {
        Ok(report) => report,
        Err(ClientError::Refused { detail, problem, .. }) => {
            let report = problem.get("report").unwrap_or(&Value::Null);
            let lines = members(report, "bad_lines");
            let name = super::terminal::escape(&file.display().to_string());
            for bad in lines {
                eprintln!("{name}:{}: {}", text(bad, "/line"), text(bad, "/reason"));
            }
            let count = report.get("bad").and_then(Value::as_u64).unwrap_or_default();
            if count > lines.len() as u64 {
                eprintln!("and {} more bad lines", count - lines.len() as u64);
            }
            return Err(anyhow::anyhow!(detail)).context("the file was not taken");
        }
        Err(error) => return Err(error.into()),
    };
    let out = &mut std::io::stdout();
    writeln!(
        out,
        "{} added, {} as before, {} of them on vehicles without a tracker",
        text(&report, "/added"),
        text(&report, "/unchanged"),
        text(&report, "/without_tracker")
    )?;
    Ok(())
}
