//! `interdict replay`: recorded tracks through the engine, or to a running gateway.

mod compare;
mod drive;
mod fleet;
mod measures;
mod print;
mod send;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use interdict_protocols::Time;
use jiff::tz::TimeZone;

use super::remote::{Format, zone};
use super::terminal::escape;
use crate::config::Configuration;
use crate::text::seconds;
use crate::tracks::{Complaints, Row, Rows, Times, Tracks};
use compare::Tally;
use drive::{Drive, Listener};
use fleet::Fleet;
use measures::Judge;
use print::Printer;
pub(super) use send::Target;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// GPX, NMEA, CSV, GeoJSON, JSON lines of fixes or recorded frames, each plain or gzip; folders
    /// of such; or - for standard input
    #[arg(required = true, value_name = "TRACK")]
    tracks: Vec<PathBuf>,
    /// The configuration; the Dalian default that is built in if not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Flag the vehicles of this file: CSV vehicle,reason[,case,authority,priority,instruction,
    /// cautions,contact,starts,expires,id]
    #[arg(long, value_name = "FILE")]
    watchlist: Vec<PathBuf>,
    /// Flag this vehicle, by identity or plate
    #[arg(long, value_name = "ID")]
    flag: Vec<String>,
    /// Flag every vehicle at its first row
    #[arg(long)]
    flag_all: bool,
    /// Checkpoints in place of the configuration's: GeoJSON
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Roads to judge approaches by, in place of the configuration's: OpenStreetMap (.osm, .osm.gz,
    /// .osm.pbf), GeoJSON, or what `roads import` made. With other --checkpoints and without this,
    /// by geometry
    #[arg(long, value_name = "FILE")]
    roads: Option<PathBuf>,
    /// The fleet in place of the configuration's: CSV
    /// device,vehicle,plate,class,unit[,model,datum,make,colour]
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// The lead of every checkpoint, such as 4m
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    lead: Option<f64>,
    /// Raise an alert at this probability or more
    #[arg(long, value_name = "P", value_parser = probability)]
    raise_at: Option<f64>,
    /// How many times as fast as it happened, or max
    #[arg(long, value_name = "max|N", default_value = "max", value_parser = speed)]
    speed: Speed,
    /// Leave out what was before this time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Leave out what was after this time
    #[arg(long, value_name = "TIME")]
    to_time: Option<String>,
    /// Only this vehicle, by identity or plate; repeats
    #[arg(long, value_name = "ID")]
    vehicle: Vec<String>,
    /// The zone of times that state none, such as Asia/Shanghai
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    zone: Option<TimeZone>,
    /// How to print events; with json, standard output holds nothing else
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What really happened, CSV device,checkpoint,time,start_time: print how good the alerts were
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Run the tracks by the rules of two configurations and list what they do differently; give it
    /// twice
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "to"])]
    compare: Vec<PathBuf>,
    /// Send the tracks to a running gateway as devices would, shifted so that the first fix is now;
    /// with --speed 1 each fix when it is due
    #[arg(long, value_name = "tcp://HOST:PORT", requires = "protocol")]
    to: Option<String>,
    /// The protocol to send in
    #[arg(long, value_name = "PROTOCOL", requires = "to")]
    protocol: Option<String>,
}

/// How fast to replay.
#[derive(Clone, Copy, PartialEq)]
enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times as fast as it happened.
    Times(f64),
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.strip_suffix('x').unwrap_or(text).parse().ok();
    times
        .filter(|times: &f64| times.is_finite() && *times > 0.0)
        .map(Speed::Times)
        .ok_or_else(|| "expected max, or a number above 0 such as 10".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &f64| *number > 0.0 && *number <= 1.0)
        .ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}

/// Wrong use that only shows once the arguments are looked at together.
fn wrong_use(what: &str) -> ExitCode {
    eprintln!("interdict: {}", escape(what));
    ExitCode::from(2)
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let times = Times { zone: arguments.zone.clone() };
    let (from, to_time) = match (limit(&times, &arguments.from), limit(&times, &arguments.to_time))
    {
        (Ok(from), Ok(to_time)) => (from, to_time),
        (Err(what), _) => return Ok(wrong_use(&format!("--from: {what}"))),
        (_, Err(what)) => return Ok(wrong_use(&format!("--to-time: {what}"))),
    };
    let target = match (&arguments.to, &arguments.protocol) {
        (Some(to), Some(protocol)) => match Target::new(to, protocol) {
            Ok(target) => Some(target),
            Err(code) => return Ok(code),
        },
        _ => None,
    };
    if arguments.compare.len() == 1 || arguments.compare.len() > 2 {
        return Ok(wrong_use("--compare: give it twice, each with a configuration"));
    }
    let config = arguments.compare.first().or(arguments.config.as_ref());
    let mut configuration =
        super::load(config.map(PathBuf::as_path), arguments.checkpoints.as_deref())?;
    override_rules(arguments, &mut configuration);
    if target.is_none() {
        super::roads::lend(arguments.roads.as_deref(), &mut configuration)?;
    }
    let other = other(arguments, &configuration)?;
    let fleet = Fleet::new(&configuration, arguments.fleet.as_deref(), &tell)?;
    let watchlist = fleet::watchlist(&arguments.watchlist, &arguments.flag, &tell)?;
    let truth = arguments.truth.as_deref().map(|path| measures::read(path, &tell)).transpose()?;

    let wanted = |row: &Row| {
        from.is_none_or(|from| row.at >= from)
            && to_time.is_none_or(|to_time| row.at <= to_time)
            && (arguments.vehicle.is_empty() || fleet.is_among(&row.device, &arguments.vehicle))
    };
    let tracks = Tracks { paths: arguments.tracks.clone(), times, wanted: Box::new(wanted) };
    let mut complaints = Complaints::new(tell);
    let rows = tracks.read(&mut complaints)?;
    if complaints.bad_rows() > 0 {
        tell(&format!("{} bad rows were passed over", complaints.bad_rows()));
    }
    if rows.total() == 0 {
        tell("the tracks hold nothing to replay");
        let code = if complaints.lacks_zone() { ExitCode::from(2) } else { ExitCode::FAILURE };
        return Ok(code);
    }
    let whole = complaints.bad_files() == 0;
    if let Some(target) = target {
        let code = send::run(&target, arguments.speed, rows)?;
        return Ok(if whole { code } else { ExitCode::FAILURE });
    }
    let task = |configuration| drive::Task {
        configuration,
        fleet: &fleet,
        watchlist: &watchlist,
        flag_all: arguments.flag_all,
        speed: arguments.speed,
    };
    let judge = |configuration| truth.clone().map(|truth| Judge::new(truth, configuration, &fleet));
    if let Some(other) = &other {
        let both = [&configuration, other];
        let (mut tallies, mut judges) = ([Tally::default(), Tally::default()], both.map(judge));
        let listeners = tallies.iter_mut().zip(&mut judges).map(|(tally, judge)| {
            let judge = judge.as_mut().map(|judge| judge as &mut dyn Listener);
            judge.into_iter().chain([tally as &mut dyn Listener]).collect()
        });
        let drives = both.into_iter().zip(listeners);
        let mut drives: Vec<Drive<'_>> =
            drives.map(|(one, listeners)| Drive::new(task(one), listeners)).collect();
        drive::run(rows, &mut drives)?;
        drop(drives);
        compare::print(&arguments.compare, tallies, arguments.format, &configuration.zone)?;
        for (name, judge) in arguments.compare.iter().zip(judges) {
            if let Some(judge) = judge {
                let measures = judge.measures();
                say(
                    arguments.format,
                    &format!("{}\n{measures}", escape(&name.display().to_string())),
                )?;
            }
        }
        return Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut printer = Printer::new(&configuration, arguments.format);
    let mut judge = judge(&configuration);
    let mut listeners: Vec<&mut dyn Listener> = vec![&mut printer];
    listeners.extend(judge.as_mut().map(|judge| judge as &mut dyn Listener));
    drive::run(rows, &mut [Drive::new(task(&configuration), listeners)])?;
    if let Some(judge) = judge {
        say(arguments.format, &judge.measures().to_string())?;
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures go where results go, unless those are for a program.
fn say(format: Format, measures: &str) -> std::io::Result<()> {
    match format {
        Format::Json => write!(std::io::stderr(), "{measures}"),
        Format::Human => write!(std::io::stdout(), "{measures}"),
    }
}

/// The second configuration to compare with, on the roads of the first where it may be.
fn other(arguments: &Arguments, first: &Configuration) -> anyhow::Result<Option<Configuration>> {
    let [_, second] = arguments.compare.as_slice() else { return Ok(None) };
    let mut other = super::load(Some(second), arguments.checkpoints.as_deref())?;
    override_rules(arguments, &mut other);
    let same_roads = arguments.roads.is_some() || other.roads == first.roads;
    if same_roads && other.setup.checkpoints == first.setup.checkpoints {
        other.setup.roads.clone_from(&first.setup.roads);
    } else {
        super::roads::lend(arguments.roads.as_deref(), &mut other)?;
    }
    Ok(Some(other))
}

fn tell(what: &str) {
    eprintln!("interdict: {}", escape(what));
}

fn limit(times: &Times, text: &Option<String>) -> Result<Option<Time>, String> {
    text.as_deref().map(|text| times.parse(text)).transpose()
}

fn override_rules(arguments: &Arguments, configuration: &mut Configuration) {
    // Nobody signs what is long past.
    configuration.setup.deadlines = None;
    let rules = &mut configuration.setup.rules;
    if let Some(lead_s) = arguments.lead {
        rules.lead_s = Some(lead_s);
    }
    if let Some(raise_at) = arguments.raise_at {
        // The distance between raising and withdrawing stays what it was, as a share.
        rules.withdraw_probability *= (raise_at / rules.raise_probability).min(1.0);
        rules.sure_probability = rules.sure_probability.max(raise_at);
        rules.raise_probability = raise_at;
        rules.raise_probability_by_road = raise_at;
    }
}

/// A bar on a terminal, unless events are printed to that same terminal.
fn progress(rows: &Rows) -> indicatif::ProgressBar {
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    indicatif::ProgressBar::new(rows.total())
}
