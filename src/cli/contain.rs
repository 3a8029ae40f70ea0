//! `interdict contain`: which checkpoints hold a vehicle ("close the ring").

mod print;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use interdict_engine::roads::RoadIndex;
use interdict_engine::{Containment, Position, Question, Vehicle, contain};
use interdict_protocols::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::remote::{Format, SERVER, client, instant, zone};
use super::wrong_use;
use crate::client::segment;
use crate::text::seconds;
use crate::tracks::Times;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true).args(["vehicle", "at"])))]
pub(super) struct Arguments {
    /// A vehicle with a tracker, by identity or plate: the server says where it was last
    #[arg(long, value_name = "ID|PLATE")]
    vehicle: Option<String>,
    /// Why the vehicle's place is read
    #[arg(long, value_name = "TEXT", default_value = "containment", conflicts_with = "at")]
    reason: String,
    /// Where a vehicle without a tracker was, degrees north and east, such as 38.914,121.6147
    #[arg(
        long,
        value_name = "LAT,LON",
        value_parser = position,
        allow_hyphen_values = true,
        requires = "since"
    )]
    at: Option<Position>,
    /// When it was there: a time such as 2026-06-15T02:01:15Z, or how long ago, such as 20m
    #[arg(long, value_name = "TIME", requires = "at")]
    since: Option<String>,
    /// When the checkpoints are told, if not now
    #[arg(long, value_name = "TIME", conflicts_with_all = ["vehicle", "server"])]
    now: Option<String>,
    /// What it reaches in this time from now counts as inside, further away it is out
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = length)]
    within: f64,
    /// The share of the map's driving times that it takes at the fastest
    #[arg(long, value_name = "SHARE", default_value_t = Question::PACE, value_parser = share)]
    pace: f64,
    /// The server to ask; its roads and its checkpoints as they are now count. The token is taken
    /// from INTERDICT_TOKEN. With --vehicle http://127.0.0.1:8080 if not given; with --at this
    /// machine reckons if not given
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The configuration; the Dalian default that is built in if not given
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vehicle", "server"])]
    config: Option<PathBuf>,
    /// Checkpoints in place of the configuration's: GeoJSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vehicle", "server"])]
    checkpoints: Option<PathBuf>,
    /// Roads in place of the configuration's: OpenStreetMap (.osm, .osm.gz, .osm.pbf), GeoJSON, or
    /// what `roads import` made
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vehicle", "server"])]
    roads: Option<PathBuf>,
    /// The zone of the times shown, and of those given that state none; the configuration's if not
    /// given, Asia/Shanghai where a server is asked
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    zone: Option<TimeZone>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What is written, as a server answers it.
#[derive(Serialize, Deserialize)]
struct Answer {
    vehicle: Option<Vehicle>,
    #[serde(flatten)]
    containment: Containment,
}

fn position(text: &str) -> Result<Position, String> {
    let wrong = || format!("`{text}` is no place: degrees north,east, such as 38.914,121.6147");
    Position::parse(text).ok_or_else(wrong)
}

fn length(text: &str) -> Result<f64, String> {
    let length_s = seconds(text)?;
    if length_s > 0.0 { Ok(length_s) } else { Err("it must be longer than nothing".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && *number <= 10.0);
    number.ok_or_else(|| "expected a number above 0, such as 0.8".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (answer, zone) = match (&arguments.at, &arguments.server) {
        (Some(place), None) => {
            let configuration =
                super::load(arguments.config.as_deref(), arguments.checkpoints.as_deref())?;
            let zone = arguments.zone.clone().unwrap_or_else(|| configuration.zone.clone());
            let (since, now) = match times(arguments, &zone) {
                Ok(times) => times,
                Err(what) => return Ok(wrong_use(&what)),
            };
            let graph = super::roads::find(arguments.roads.as_deref(), &configuration)?;
            let Some(graph) = graph else {
                bail!(
                    "containment needs roads: give a road file with --roads FILE, or name one as \
                     files.roads in the configuration"
                );
            };
            let (within_s, pace) = (arguments.within, arguments.pace);
            let question = Question { place: *place, since, now, within_s, pace };
            let checkpoints = &configuration.setup.checkpoints;
            let index = RoadIndex::new(&graph);
            let containment = contain(&graph, &index, checkpoints, &question)?;
            (Answer { vehicle: None, containment }, zone)
        }
        _ => {
            let zone = arguments.zone.clone().map_or_else(|| zone("Asia/Shanghai"), Ok);
            let zone = zone.map_err(anyhow::Error::msg)?;
            let query = match query(arguments, &zone) {
                Ok(query) => query,
                Err(what) => return Ok(wrong_use(&what)),
            };
            let server = client(arguments.server.as_deref().unwrap_or(SERVER))?;
            let answer = server.get(&format!("/v1/containment?{query}"))?;
            let what = "the server's answer is none that this program reads; is it of one version?";
            (serde_json::from_value(answer).context(what)?, zone)
        }
    };
    match arguments.format {
        Format::Json => writeln!(std::io::stdout(), "{}", serde_json::to_string(&answer)?)?,
        Format::Human => print::human(&answer, &zone)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// When the vehicle was there, and when the checkpoints are told.
fn times(arguments: &Arguments, zone: &TimeZone) -> Result<(Time, Time), String> {
    let times = Times { zone: Some(zone.clone()) };
    let now = match &arguments.now {
        Some(now) => times.parse(now).map_err(|what| format!("--now: {what}"))?,
        None => super::now(),
    };
    let since = arguments.since.as_deref().unwrap_or_default();
    let since = instant(since, now, zone).map_err(|what| format!("--since: {what}"))?;
    Ok((since, now))
}

/// What a server is asked.
fn query(arguments: &Arguments, zone: &TimeZone) -> Result<String, String> {
    let whom = match (&arguments.vehicle, arguments.at) {
        (Some(vehicle), _) => {
            format!("vehicle={}&reason={}", segment(vehicle), segment(&arguments.reason))
        }
        (None, Some(place)) => {
            let (since, _) = times(arguments, zone)?;
            let since = segment(&since.to_string());
            format!("at={},{}&since={since}", place.latitude, place.longitude)
        }
        (None, None) => String::new(),
    };
    Ok(format!("{whom}&within_s={}&pace={}", arguments.within, arguments.pace))
}
