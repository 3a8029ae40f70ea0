//! `interdict vehicle`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use super::remote::{Format, Reason, ServerArguments, json_lines, local, text, zone};
use crate::client::segment;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// The vehicle, by its identity or its plate
    vehicle: String,
    #[command(flatten)]
    reason: Reason,
    /// How it is written
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.reason.on(&format!("/v1/vehicles/{}", segment(&arguments.vehicle)));
    let found = arguments.server.client()?.get(&path)?;
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
