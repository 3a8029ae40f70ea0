//! `interdict vehicle`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use super::remote::{
    Format, Reason, ServerArguments, instant, json_lines, local, members, text, zone,
};
use super::wrong_use;
use crate::client::{Client, segment};

/// Fixes asked for at a time.
const PAGE: usize = 5_000;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// The vehicle, by its identity or its plate
    vehicle: String,
    /// Where it was, as far as that is kept, by when it was received; as json, what `replay` reads
    #[arg(long)]
    track: bool,
    /// The track's beginning: a time such as 2026-06-15T02:01:15Z, or how long ago, such as 20m; an
    /// hour before its end if not given
    #[arg(long, value_name = "TIME", requires = "track")]
    from: Option<String>,
    /// The track's end; now if not given
    #[arg(long, value_name = "TIME", requires = "track")]
    to: Option<String>,
    #[command(flatten)]
    reason: Reason,
    /// How it is written
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The zone of the times shown, and of those given that state none
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/vehicles/{}", segment(&arguments.vehicle));
    if arguments.track {
        return match query(arguments) {
            Ok(query) => track(arguments, &format!("{path}/track?limit={PAGE}"), query),
            Err(what) => Ok(wrong_use(&what)),
        };
    }
    let found = arguments.server.client()?.get(&arguments.reason.on(&path))?;
    if arguments.format == Format::Json {
        json_lines([&found])?;
        return Ok(ExitCode::SUCCESS);
    }
    let said = |pointer: &str| text(&found, pointer);
    let out = &mut std::io::stdout();
    writeln!(
        out,
        "{}, {}, plate {}, unit {}",
        said("/vehicle/id"),
        said("/vehicle/class"),
        said("/vehicle/plate"),
        said("/vehicle/unit")
    )?;
    if found.get("fix").is_none_or(Value::is_null) {
        writeln!(out, "not heard for a day")?;
        return Ok(ExitCode::SUCCESS);
    }
    let at = found.pointer("/fix/fix_time").unwrap_or(&Value::Null);
    let age_s = found.get("fix_age_s").and_then(Value::as_f64).unwrap_or_default();
    writeln!(
        out,
        "{}, {} at {}, {age_s:.0} s ago: {} km/h, course {}\u{b0}",
        said("/fix/latitude"),
        said("/fix/longitude"),
        local(at, &arguments.zone),
        said("/fix/speed_kmh"),
        said("/fix/course_deg")
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The beginning and the end that are asked for.
fn query(arguments: &Arguments) -> Result<[Option<String>; 2], String> {
    let now = super::now();
    let read = |name: &str, text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let time = instant(text, now, &arguments.zone);
        time.map(|time| Some(time.to_string())).map_err(|what| format!("--{name}: {what}"))
    };
    Ok([read("from", &arguments.from)?, read("to", &arguments.to)?])
}

/// Writes a track page by page.
fn track(
    arguments: &Arguments,
    path: &str,
    [mut from, mut to]: [Option<String>; 2],
) -> anyhow::Result<ExitCode> {
    let client = arguments.server.client()?;
    let mut count = 0;
    loop {
        let page = page(arguments, &client, path, (&from, &to))?;
        let fixes = members(&page, "fixes");
        count += fixes.len();
        match arguments.format {
            Format::Json => json_lines(fixes)?,
            Format::Human => {
                fixes.iter().try_for_each(|fix| write_fix(fix, &arguments.zone))?;
            }
        }
        let said = |name: &str| page.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(next) = said("next") else { break };
        // What comes in meanwhile is another track's.
        (from, to) = (Some(next), said("to"));
    }
    if count == 0 {
        eprintln!("nothing is kept of it from that time, or nothing that you may read");
    }
    Ok(ExitCode::SUCCESS)
}

fn page(
    arguments: &Arguments,
    client: &Client,
    path: &str,
    (from, to): (&Option<String>, &Option<String>),
) -> anyhow::Result<Value> {
    let mut path = path.to_owned();
    for (name, time) in [("from", from), ("to", to)] {
        if let Some(time) = time {
            path.push_str(&format!("&{name}={}", segment(time)));
        }
    }
    Ok(client.get(&arguments.reason.on(&path))?)
}

fn write_fix(fix: &Value, zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    let said = |pointer: &str| text(fix, pointer);
    writeln!(
        std::io::stdout(),
        "{}  {}, {}  {} km/h, course {}\u{b0}  device {}",
        local(fix.get("fix_time").unwrap_or(&Value::Null), zone),
        said("/latitude"),
        said("/longitude"),
        said("/speed_kmh"),
        said("/course_deg"),
        said("/device")
    )
}
