//! `interdict flag`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::remote::{Format, ServerArguments, json_lines, local, members, table, text, zone};
use crate::client::{Client, segment};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Put a vehicle on the watchlist
    Add(Add),
    /// List the flags that hold
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
    /// Take a flag off the watchlist before it ends by itself
    Withdraw {
        #[command(flatten)]
        server: ServerArguments,
        /// The flag, as `flag list` names it
        id: String,
        /// Why it is withdrawn
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(clap::Args)]
struct Add {
    #[command(flatten)]
    server: ServerArguments,
    /// The vehicle, by its identity or its plate
    #[arg(long, value_name = "ID|PLATE")]
    vehicle: String,
    /// Why, by code, such as `stolen`
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// The case that it serves
    #[arg(long, value_name = "TEXT")]
    case: String,
    /// Who orders it
    #[arg(long, value_name = "TEXT")]
    authority: String,
    /// 1 (most urgent) to 4
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    priority: Option<u8>,
    /// What officers are to do
    #[arg(long, value_name = "TEXT")]
    instruction: Option<String>,
    /// What officers must beware of; repeats
    #[arg(long = "caution", value_name = "TEXT")]
    cautions: Vec<String>,
    /// Whom to call
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// When it ends by itself, 30 days at the latest
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = crate::text::seconds)]
    expires: f64,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Add(arguments) => add(&arguments.server.client()?, &arguments)?,
        Command::List { server, format, zone } => {
            let answer = server.client()?.get("/v1/flags")?;
            let flags = members(&answer, "flags");
            match format {
                Format::Json => json_lines(flags)?,
                Format::Human => list(flags, &zone)?,
            }
        }
        Command::Withdraw { server, id, reason } => {
            let path = format!("/v1/flags/{}/withdraw", segment(&id));
            let flag = server.client()?.post(&path, &json!({ "reason": reason }))?;
            let out = &mut std::io::stdout();
            writeln!(out, "flag {} on {} withdrawn", text(&flag, "/id"), named(&flag))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn add(client: &Client, arguments: &Add) -> anyhow::Result<()> {
    let mut body = json!({
        "vehicle": arguments.vehicle,
        "reason": arguments.reason,
        "case": arguments.case,
        "authority": arguments.authority,
        "cautions": arguments.cautions,
        "expires_s": arguments.expires,
    });
    let optional = [
        ("priority", arguments.priority.map(Value::from)),
        ("instruction", arguments.instruction.clone().map(Value::from)),
        ("contact", arguments.contact.clone().map(Value::from)),
    ];
    if let Some(body) = body.as_object_mut() {
        let given = optional.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
        body.extend(given);
    }
    let flag = client.post("/v1/flags", &body)?;
    let until = local(flag.get("expires_at").unwrap_or(&Value::Null), &arguments.zone);
    let out = &mut std::io::stdout();
    writeln!(out, "flag {} on {} holds until {until}", text(&flag, "/id"), named(&flag))?;
    Ok(())
}

/// The plate, the class and the identity of the flagged vehicle.
fn named(flag: &Value) -> String {
    let (id, class) = (text(flag, "/matched/id"), text(flag, "/matched/class"));
    match text(flag, "/matched/plate").as_str() {
        "-" => format!("{id} ({class})"),
        plate => format!("{plate} ({class}, {id})"),
    }
}

fn list(flags: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    if flags.is_empty() {
        return writeln!(std::io::stdout(), "no flag holds");
    }
    let heading = ["flag", "vehicle", "reason", "case", "priority", "authority", "until"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(flags.iter().map(|flag| {
        vec![
            text(flag, "/id"),
            named(flag),
            text(flag, "/reason"),
            text(flag, "/case"),
            text(flag, "/priority"),
            text(flag, "/authority"),
            local(flag.get("expires_at").unwrap_or(&Value::Null), zone),
        ]
    }));
    table(&rows)
}
