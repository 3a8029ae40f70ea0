//! `interdict simulate`: many trackers against a server, to see how it bears them.

mod walk;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use interdict_protocols::tracker::identity;
use interdict_protocols::{Command, DeviceId, Fix, Transport};

use super::replay::Target;
use super::terminal::escape;
use crate::drive::{DriveError, Driver};
use crate::text::seconds;
use crate::tracks::{Complaints, Said, Times, Tracks};
use walk::{Dice, Walk};

/// More connections than one machine's ports to one address.
const MOST_DEVICES: u32 = 60_000;
/// Failures that are told one by one.
const TOLD: u64 = 10;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Tracks to drive over and over, each device along another; at random where none are given
    #[arg(value_name = "TRACK")]
    tracks: Vec<PathBuf>,
    /// The server
    #[arg(long, value_name = "tcp://HOST:PORT")]
    to: String,
    /// What the devices speak; a wrong one is answered with those that they can
    #[arg(long, value_name = "PROTOCOL")]
    protocol: String,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DEVICES)))]
    devices: u32,
    /// How often each reports
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = seconds)]
    every: f64,
    /// How much sooner or later, at random
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = seconds)]
    jitter: f64,
    /// The share of reports that are lost on the way
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    loss: f64,
    /// Each device hangs up and comes back about so often; never where nothing is said
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    reconnect: Option<f64>,
    /// For how long; until Ctrl-C where nothing is said
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    length: Option<f64>,
    /// The middle of random ways
    #[arg(long, value_name = "LAT,LON", default_value = "38.95,121.60", value_parser = place)]
    around: (f64, f64),
    /// How far from it they lead
    #[arg(long, value_name = "KM", default_value_t = 15.0, value_parser = kilometres)]
    radius: f64,
    /// Another number gives other ways
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the devices there as `device import` takes them, and send nothing
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// The zone of times that state none, such as Asia/Shanghai
    #[arg(long, value_name = "ZONE", value_parser = super::remote::zone)]
    zone: Option<jiff::tz::TimeZone>,
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..1.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to below 1".to_owned())
}

fn kilometres(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.1..=500.0).contains(number));
    number.ok_or_else(|| "expected a number from 0.1 to 500".to_owned())
}

fn place(text: &str) -> Result<(f64, f64), String> {
    let (latitude, longitude) = text.split_once(',').ok_or("expected LAT,LON in degrees")?;
    let degrees = |text: &str, most: f64| {
        let number = text.trim().parse().ok().filter(|number: &f64| number.abs() <= most);
        number.ok_or_else(|| format!("{text:?} is not within {most} degrees"))
    };
    Ok((degrees(latitude, 85.0)?, degrees(longitude, 180.0)?))
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let target = match Target::new(&arguments.to, &arguments.protocol) {
        Ok(target) => target,
        Err(code) => return Ok(code),
    };
    if let Some(file) = &arguments.fleet {
        write_fleet(file, &arguments.protocol, arguments.devices)?;
        eprintln!("interdict: {} devices written to {}", arguments.devices, file.display());
        return Ok(ExitCode::SUCCESS);
    }
    // Each connection is an open file.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let tracks = read_tracks(&arguments)?;
    tokio::runtime::Runtime::new()?.block_on(simulate(arguments, target, tracks))
}

fn write_fleet(file: &std::path::Path, protocol: &str, devices: u32) -> anyhow::Result<()> {
    let mut text = "device,vehicle,plate,class,unit\n".to_owned();
    for number in 0..devices {
        let device = identity(protocol, number);
        text.push_str(&format!("{device},sim-{number:05},辽B·S{number:05},taxi,\n"));
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// The tracks, one a vehicle.
fn read_tracks(arguments: &Arguments) -> anyhow::Result<Vec<Arc<[Fix]>>> {
    if arguments.tracks.is_empty() {
        return Ok(Vec::new());
    }
    let times = Times { zone: arguments.zone.clone() };
    let tracks = Tracks { paths: arguments.tracks.clone(), times, wanted: Box::new(|_| true) };
    let mut complaints = Complaints::new(|what| eprintln!("interdict: {}", escape(what)));
    let mut found: std::collections::BTreeMap<DeviceId, Vec<Fix>> = Default::default();
    for row in tracks.read(&mut complaints)? {
        let row = row?;
        if let Said::Fix(fix) = row.said {
            found.entry(row.device).or_default().push(fix);
        }
    }
    if found.is_empty() {
        bail!("the tracks hold nothing to drive");
    }
    Ok(found.into_values().map(Into::into).collect())
}

/// What all devices count together.
#[derive(Default)]
struct Sum {
    sent: AtomicU64,
    accepted: AtomicU64,
    lost: AtomicU64,
    reconnects: AtomicU64,
    failed: AtomicU64,
    asked: AtomicU64,
}

async fn simulate(
    arguments: Arguments,
    target: Target,
    tracks: Vec<Arc<[Fix]>>,
) -> anyhow::Result<ExitCode> {
    let address = target.resolve().await?;
    let begun = Instant::now();
    let until = arguments.length.map(|length_s| begun + Duration::from_secs_f64(length_s));
    let (sum, devices) = (Arc::new(Sum::default()), arguments.devices);
    let arguments = Arc::new(arguments);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..devices {
        let track = tracks.get(number as usize % tracks.len().max(1)).cloned();
        let (arguments, sum) = (Arc::clone(&arguments), Arc::clone(&sum));
        let place = Place { address, transport: target.transport() };
        tasks.spawn(
            async move { drive(number, place, &arguments, track, begun, until, &sum).await },
        );
    }
    let everybody = async {
        while let Some(done) = tasks.join_next().await {
            if let Ok(Err(error)) = done
                && sum.failed.fetch_add(1, Ordering::Relaxed) < TOLD
            {
                eprintln!("interdict: {}", escape(&error.to_string()));
            }
        }
    };
    let stop = super::serve::Stop::new()?;
    tokio::select! {
        () = everybody => {}
        () = stop.wait() => {}
        () = show(&sum, begun) => {}
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (sent, seconds) = (count(&sum.sent), begun.elapsed().as_secs_f64());
    writeln!(
        std::io::stdout(),
        "{devices} devices sent {sent} reports in {seconds:.0} s ({:.0} a second), {} acknowledged, {} lost on purpose, {} reconnects, {} devices given up, asked {} times",
        sent as f64 / seconds,
        count(&sum.accepted),
        count(&sum.lost),
        count(&sum.reconnects),
        count(&sum.failed),
        count(&sum.asked)
    )?;
    let failed = count(&sum.failed) > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A line that counts along, on a terminal.
async fn show(sum: &Sum, begun: Instant) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let bar = indicatif::ProgressBar::new_spinner();
    loop {
        let sent = sum.sent.load(Ordering::Relaxed);
        let seconds = begun.elapsed().as_secs_f64().max(0.1);
        bar.set_message(format!("{sent} reports, {:.0} a second", sent as f64 / seconds));
        bar.tick();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[derive(Clone, Copy)]
struct Place {
    address: SocketAddr,
    transport: Transport,
}

/// One device from its first report to its last.
async fn drive(
    number: u32,
    place: Place,
    arguments: &Arguments,
    track: Option<Arc<[Fix]>>,
    begun: Instant,
    until: Option<Instant>,
    sum: &Sum,
) -> Result<(), DriveError> {
    let mut dice =
        Dice::new(arguments.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(number));
    let mut walk = match track {
        Some(fixes) => Walk::Track { fixes, offset_s: dice.between(0.0, 3_600.0) },
        None => Walk::random(arguments.around, arguments.radius * 1_000.0, &mut dice),
    };
    let device = identity(&arguments.protocol, number);
    let mut driver = Driver::new(place.address, Some(place.transport), &arguments.protocol, device);
    let mut rate = Rate { usual_s: arguments.every, faster: None };
    // Not all at once.
    let mut due = begun + Duration::from_secs_f64(dice.between(0.0, arguments.every));
    let mut last = due;
    loop {
        if until.is_some_and(|until| due >= until) {
            return Ok(());
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => break,
                commands = driver.listen() => {
                    sum.asked.fetch_add(commands.len() as u64, Ordering::Relaxed);
                    due = commands.iter().fold(due, |due, command| rate.obey(command, due));
                }
            }
        }
        let elapsed_s = due.duration_since(last).as_secs_f64();
        let since_s = due.duration_since(begun).as_secs_f64();
        last = due;
        if let Some(fix) = walk.fix(super::now(), elapsed_s, since_s, &mut dice) {
            if dice.share() < arguments.loss {
                sum.lost.fetch_add(1, Ordering::Relaxed);
            } else {
                let before = driver.driven().accepted;
                driver.send(&fix).await?;
                sum.sent.fetch_add(1, Ordering::Relaxed);
                let accepted = driver.driven().accepted - before;
                sum.accepted.fetch_add(accepted as u64, Ordering::Relaxed);
            }
        }
        if arguments.reconnect.is_some_and(|every_s| dice.share() < elapsed_s / every_s) {
            driver.hang_up();
            sum.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        let jitter_s = dice.between(-arguments.jitter, arguments.jitter);
        due += Duration::from_secs_f64((rate.every_s() + jitter_s).max(0.001));
    }
}

/// How often a device reports: as it is told, for as long as it is told so.
struct Rate {
    usual_s: f64,
    faster: Option<(f64, Instant)>,
}

impl Rate {
    fn every_s(&mut self) -> f64 {
        self.faster = self.faster.filter(|(_, until)| Instant::now() < *until);
        self.faster.map_or(self.usual_s, |(every_s, _)| every_s)
    }

    /// Does what the server asks for; when the next report is due then.
    fn obey(&mut self, command: &Command, due: Instant) -> Instant {
        let now = Instant::now();
        match command {
            Command::Position => now,
            Command::ReportEvery { interval_s, for_s } => {
                let until = now + Duration::from_secs(u64::from(*for_s));
                self.faster = Some((f64::from(*interval_s), until));
                due.min(now + Duration::from_secs(u64::from(*interval_s)))
            }
            Command::ReportAsUsual => {
                self.faster = None;
                due
            }
            Command::Text(_) => due,
        }
    }
}
