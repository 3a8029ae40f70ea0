//! `interdict sighting`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::remote::{Reason, ServerArguments, local, text, zone};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Report that a vehicle was seen
    Add(Box<Add>),
}

#[derive(clap::Args)]
struct Add {
    #[command(flatten)]
    server: ServerArguments,
    /// The vehicle, by its identity or its plate
    #[arg(long, value_name = "ID|PLATE")]
    vehicle: String,
    /// Where, in degrees of WGS-84, such as 38.9140,121.6147; or a checkpoint's id
    #[arg(long, value_name = "LAT,LON|CHECKPOINT", allow_hyphen_values = true)]
    at: String,
    /// When, such as 2026-06-15T02:00:00Z; now if not given
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Who or what saw it: caller, officer or camera
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// low, medium, high or a number from 0 to 1; if not given low for a caller, medium for an
    /// officer, high for a camera
    #[arg(long, value_name = "TRUST")]
    trust: Option<String>,
    /// How fast it went, km/h
    #[arg(long, value_name = "KM/H")]
    speed: Option<f64>,
    /// Where it headed, degrees from north
    #[arg(long, value_name = "DEGREES")]
    course: Option<f64>,
    /// What was said
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Who says so, such as a camera's number
    #[arg(long, value_name = "TEXT")]
    reporter: Option<String>,
    #[command(flatten)]
    reason: Reason,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Command::Add(add) = arguments.command;
    let taken = add.server.client()?.post(&add.reason.on("/v1/sightings"), &add.body())?;
    let said = |pointer: &str| text(&taken, pointer);
    let time = local(taken.pointer("/sighting/time").unwrap_or(&Value::Null), &add.zone);
    writeln!(
        std::io::stdout(),
        "{} seen by a {} at {}, {} on {time}, trust {}; it counts while the vehicle is looked for",
        if said("/vehicle/plate") == "-" { said("/vehicle/id") } else { said("/vehicle/plate") },
        said("/sighting/source"),
        said("/sighting/latitude"),
        said("/sighting/longitude"),
        said("/sighting/trust")
    )?;
    Ok(ExitCode::SUCCESS)
}

impl Add {
    fn body(&self) -> Value {
        let mut body = json!({ "vehicle": self.vehicle, "source": self.source });
        let trust = self
            .trust
            .as_deref()
            .map(|given| given.parse::<f64>().map_or_else(|_| Value::from(given), Value::from));
        let texts = [("time", &self.time), ("text", &self.text), ("reporter", &self.reporter)];
        let texts = texts.into_iter().map(|(name, given)| (name, given.clone().map(Value::from)));
        let (speed, course) = (self.speed.map(Value::from), self.course.map(Value::from));
        let optional =
            texts.chain([("trust", trust), ("speed_kmh", speed), ("course_deg", course)]);
        let optional = optional.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        if let Some(body) = body.as_object_mut() {
            body.extend(optional);
            match coordinates(&self.at) {
                Some((latitude, longitude)) => {
                    body.insert("latitude".to_owned(), json!(latitude));
                    body.insert("longitude".to_owned(), json!(longitude));
                }
                None => {
                    body.insert("checkpoint".to_owned(), json!(self.at));
                }
            }
        }
        body
    }
}

fn coordinates(at: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = at.split_once(',')?;
    Some((latitude.trim().parse().ok()?, longitude.trim().parse().ok()?))
}
