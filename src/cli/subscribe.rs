//! `interdict subscribe`: a line an event; on a terminal in colour, with the open alerts counted down
//! below.

mod board;
mod paint;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::event_line::event_line;
use super::remote::{Reason, ServerArguments, zone};
use super::terminal::escape;
use board::Board;
use paint::Paint;

use crate::client::{Client, ClientError, Stream, segment};

/// Waits between attempts to come back: at once almost, then less and less often.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the bell is rung for.
const RINGING: [&str; 2] = ["interdict.alert.raised", "interdict.alert.escalated"];

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Begin after this event; 0 is the oldest kept. Without it, begin now
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Only this unit and those under it; repeats
    #[arg(long = "unit", value_name = "ID")]
    units: Vec<String>,
    /// Only this checkpoint; repeats
    #[arg(long = "checkpoint", value_name = "ID")]
    checkpoints: Vec<String>,
    /// Only this type, such as interdict.alert.raised; repeats
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only what is said for flags of scope `linked`
    #[arg(long)]
    linked: bool,
    #[command(flatten)]
    reason: Reason,
    /// Write each event as it came, JSON on one line
    #[arg(long)]
    json: bool,
    /// Ring the terminal's bell at each alert that is raised or rises
    #[arg(long, conflicts_with = "json")]
    bell: bool,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: TimeZone,
}

impl Arguments {
    fn path(&self) -> String {
        let lists =
            [("unit", &self.units), ("checkpoint", &self.checkpoints), ("type", &self.types)];
        let pairs = lists.into_iter().flat_map(|(name, values)| {
            values.iter().map(move |value| format!("{name}={}", segment(value)))
        });
        let linked = self.linked.then(|| "linked=true".to_owned());
        let query: Vec<_> = pairs.chain(linked).collect();
        self.reason.on(&format!("/v1/events?{}", query.join("&")))
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let client = arguments.server.client()?;
    let path = arguments.path();
    let mut last = arguments.after;
    let is_terminal = std::io::stdout().is_terminal();
    let output = match (arguments.json, is_terminal) {
        (true, _) => Output::Json,
        (false, false) => Output::Lines,
        (false, true) => Output::Terminal(Board::start(Paint::of_terminal()), Paint::of_terminal()),
    };
    // The first attempt says at once what is wrong; later ones wait for the server to come back.
    let mut stream = connect(&client, &path, last)?;
    loop {
        last = last.or(stream.cursor);
        let lost = follow(stream, &arguments, &output, &mut last)?;
        eprintln!("the connection is lost ({lost}); trying again");
        stream = come_back(&client, &path, last)?;
        eprintln!("connected again; going on after {}", last.unwrap_or_default());
    }
}

/// How events are written.
enum Output {
    Json,
    Lines,
    Terminal(Board, Paint),
}

/// Writes what the stream says until it ends; answers why it did.
fn follow(
    stream: Stream,
    arguments: &Arguments,
    output: &Output,
    last: &mut Option<u64>,
) -> anyhow::Result<String> {
    for message in stream {
        let message = match message {
            Ok(message) => message,
            Err(error) => return Ok(escape(&error.to_string())),
        };
        let event: Value = serde_json::from_str(&message.data).unwrap_or_default();
        let mut out = std::io::stdout();
        match output {
            Output::Json => writeln!(out, "{}", message.data)?,
            Output::Lines => writeln!(out, "{}", event_line(&event, &arguments.zone))?,
            Output::Terminal(board, paint) => {
                let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
                let line = paint.event(kind, &event_line(&event, &arguments.zone));
                board.hear(&event, &line)?;
                if arguments.bell && RINGING.contains(&kind) {
                    out.write_all(b"\x07")?;
                }
            }
        }
        out.flush()?;
        // Written first: after a crash in between it comes twice rather than never.
        *last = message.id.or(*last);
    }
    Ok("the server ended it".to_owned())
}

fn come_back(client: &Client, path: &str, last: Option<u64>) -> anyhow::Result<Stream> {
    let mut wait = SHORTEST_WAIT;
    loop {
        std::thread::sleep(wait);
        match connect(client, path, last) {
            Ok(stream) => return Ok(stream),
            Err(error) if is_passing(&error) => wait = (wait * 2).min(LONGEST_WAIT),
            Err(error) => return Err(error.into()),
        }
    }
}

fn connect(client: &Client, path: &str, last: Option<u64>) -> Result<Stream, ClientError> {
    let stream = client.stream(path, last).map_err(|error| match error {
        ClientError::Refused { status: 410, detail, problem } => {
            let oldest = problem.get("oldest").and_then(Value::as_u64).unwrap_or_default();
            let after = oldest.saturating_sub(1);
            let detail =
                format!("{detail}; what lies between is lost; begin again with --after {after}");
            ClientError::Refused { status: 410, detail, problem }
        }
        other => other,
    })?;
    Ok(stream.on_remark(|remark| eprintln!("the server says: {}", escape(remark))))
}

/// Whether it may be otherwise soon: a restart, a full disk.
const fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Refused { status, .. } => *status >= 500,
        _ => false,
    }
}
