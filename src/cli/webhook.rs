//! `interdict webhook`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::remote::{Format, Reason, ServerArguments, json_lines, local, table, text, zone};
use crate::client::segment;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Send events to an endpoint; the secret to verify them with is printed this once. What is said for
    /// covert flags is not sent
    Add {
        #[command(flatten)]
        server: ServerArguments,
        /// Where events go, such as https://receiver.example/interdict
        url: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Only events of this unit and those under it; repeats
        #[arg(long = "unit", value_name = "ID")]
        units: Vec<String>,
        /// Only events of this checkpoint; repeats
        #[arg(long = "checkpoint", value_name = "ID")]
        checkpoints: Vec<String>,
        /// Only events of this type, such as interdict.alert.raised; repeats
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// Only what is said for flags of scope `linked`: for a neighbour
        #[arg(long)]
        linked: bool,
        /// Only this field of events' data; repeats. `*` stands for all but nearest_units, which goes
        /// out only where it is named
        #[arg(long = "field", value_name = "NAME")]
        fields: Vec<String>,
        /// Begin after this event, 0 with the oldest; without it with those to come
        #[arg(long, value_name = "SEQUENCE")]
        after: Option<u64>,
        #[command(flatten)]
        reason: Reason,
    },
    /// List the webhooks and how far behind they are
    List {
        #[command(flatten)]
        server: ServerArguments,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
    /// Take a webhook away, with what waits for it
    Remove(One),
    /// Hold a webhook's events
    Pause(One),
    /// Let a webhook's events go on
    Resume(One),
    /// Make a new secret; for a while requests are signed with the one before, too
    Rotate {
        #[command(flatten)]
        one: One,
        /// For how long, seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400.0)]
        overlap_s: f64,
    },
    /// Send everything after an event again, and go on from there
    Replay {
        #[command(flatten)]
        one: One,
        /// The event's sequence; 0 begins with the oldest
        #[arg(long, value_name = "SEQUENCE")]
        after: u64,
    },
    /// List the events that could not be delivered, or send them again
    Dead {
        #[command(flatten)]
        one: One,
        /// Send this one again; repeats
        #[arg(long, value_name = "SEQUENCE")]
        resend: Vec<u64>,
        /// Send all of them again
        #[arg(long, conflicts_with = "resend")]
        resend_all: bool,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
}

/// A webhook of a server.
#[derive(clap::Args)]
struct One {
    #[command(flatten)]
    server: ServerArguments,
    /// Its identity, as `list` tells it
    id: String,
    #[command(flatten)]
    reason: Reason,
}

impl One {
    fn path(&self, what: &str) -> String {
        self.reason.on(&format!("/v1/webhooks/{}{what}", segment(&self.id)))
    }

    fn post(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(self.server.client()?.post(&self.path(what), body)?)
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let out = &mut std::io::stdout();
    match arguments.command {
        Command::Add {
            server,
            url,
            name,
            units,
            checkpoints,
            types,
            linked,
            fields,
            after,
            reason,
        } => {
            let body = json!({
                "url": url,
                "name": name,
                "filter": { "units": units, "checkpoints": checkpoints, "types": types,
                    "linked": linked },
                "fields": Some(fields).filter(|fields| !fields.is_empty()),
                "after": after,
            });
            let made = server.client()?.post(&reason.on("/v1/webhooks"), &body)?;
            secret(out, &made)?;
        }
        Command::List { server, format } => {
            let webhooks = server.client()?.list("/v1/webhooks", "webhooks")?;
            match format {
                Format::Json => json_lines(&webhooks)?,
                Format::Human => list(&webhooks)?,
            }
        }
        Command::Remove(one) => {
            one.server.client()?.delete(&one.path(""))?;
            writeln!(out, "removed: {}", super::terminal::escape(&one.id))?;
        }
        Command::Pause(one) => state(out, &one.post("/pause", &json!({}))?)?,
        Command::Resume(one) => state(out, &one.post("/resume", &json!({}))?)?,
        Command::Rotate { one, overlap_s } => {
            secret(out, &one.post("/rotate", &json!({ "overlap_s": overlap_s }))?)?;
        }
        Command::Replay { one, after } => {
            state(out, &one.post("/replay", &json!({ "after": after }))?)?;
        }
        Command::Dead { one, resend, resend_all, format, zone } => {
            let letters = if resend.is_empty() { letters(&one)? } else { Vec::new() };
            let sequences: Vec<u64> = match resend_all {
                true => letters.iter().filter_map(|letter| letter["sequence"].as_u64()).collect(),
                false => resend,
            };
            if sequences.is_empty() && !resend_all {
                match format {
                    Format::Json => json_lines(&letters)?,
                    Format::Human => dead(&letters, &zone)?,
                }
            }
            for some in sequences.chunks(RESENT_AT_ONCE) {
                one.post("/dead/resend", &json!({ "sequences": some }))?;
            }
            if resend_all || !sequences.is_empty() {
                writeln!(out, "sending again: {}", sequences.len())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the server takes in one request.
const RESENT_AT_ONCE: usize = 1_000;

fn letters(one: &One) -> anyhow::Result<Vec<Value>> {
    let path = format!("/v1/webhooks/{}/dead", segment(&one.id));
    Ok(one.server.client()?.list(&path, "dead")?)
}

fn secret(out: &mut impl Write, made: &Value) -> std::io::Result<()> {
    let (id, url) = (text(made, "/id"), text(made, "/url"));
    eprintln!("secret of {id} ({url}), shown this once:");
    writeln!(out, "{}", text(made, "/secret"))
}

fn state(out: &mut impl Write, webhook: &Value) -> std::io::Result<()> {
    writeln!(
        out,
        "{}: {}, {} events behind",
        text(webhook, "/id"),
        text(webhook, "/state"),
        text(webhook, "/lag/events")
    )
}

fn list(webhooks: &[Value]) -> std::io::Result<()> {
    let heading =
        ["id", "name", "url", "state", "delivered", "events behind", "seconds", "trouble"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(webhooks.iter().map(|webhook| {
        let pointers =
            ["/id", "/name", "/url", "/state", "/delivered", "/lag/events", "/lag/seconds"];
        let mut row: Vec<_> = pointers.map(|pointer| text(webhook, pointer)).to_vec();
        let held = webhook["held"].as_object().map_or(0, serde_json::Map::len);
        row.push(match held {
            0 => text(webhook, "/down/error"),
            _ => format!("{held} vehicles wait behind a rejected event"),
        });
        row
    }));
    table(&rows)
}

fn dead(letters: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    let heading = ["sequence", "event", "type", "vehicle", "happened", "given up", "why"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(letters.iter().map(|letter| {
        let mut row: Vec<_> =
            ["/sequence", "/event", "/type", "/vehicle"].map(|at| text(letter, at)).to_vec();
        row.extend(["time", "given_up_at"].map(|name| local(&letter[name], zone)));
        row.push(text(letter, "/error"));
        row
    }));
    table(&rows)
}
