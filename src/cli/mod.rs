//! The command line: one file a command.

mod alert;
mod audit;
mod backup;
mod check;
mod checkpoint;
mod contain;
mod decode;
mod demo;
mod device;
mod event_line;
mod flag;
mod protocols;
mod remote;
mod replay;
mod restore;
mod roads;
mod serve;
mod sighting;
mod simulate;
mod subject;
mod subscribe;
mod token;
mod vehicle;
mod webhook;

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Configuration;

/// Vehicle GPS tracking and checkpoint interception.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Listen to trackers, raise alerts, tell the people at the checkpoints
    Serve(serve::Arguments),
    /// Run a server and a made-up night in Dalian on this machine, and show the alerts
    Demo(demo::Arguments),
    /// Run recorded tracks through the engine
    Replay(Box<replay::Arguments>),
    /// Send the reports of many simulated trackers to a server
    Simulate(Box<simulate::Arguments>),
    /// Take a tracker's bytes apart
    Decode(decode::Arguments),
    /// Follow a server's events
    Subscribe(subscribe::Arguments),
    /// Add, list and withdraw flags
    Flag(flag::Arguments),
    /// List alerts, sign them off, instruct, say how they ended; reports
    Alert(alert::Arguments),
    /// Report that somebody or a camera saw a vehicle
    Sighting(sighting::Arguments),
    /// Say what is held on a vehicle, who read it, and to whom it went
    Subject(subject::Arguments),
    /// Show where a vehicle is
    Vehicle(vehicle::Arguments),
    /// List, place, close, reopen and remove checkpoints of a running server
    Checkpoint(checkpoint::Arguments),
    /// Say which checkpoints hold a vehicle: the fewest that close every way out in time
    Contain(contain::Arguments),
    /// Enrol, revoke, list and import devices
    Device(device::Arguments),
    /// Add, list and revoke tokens
    Token(token::Arguments),
    /// Send events to other systems
    Webhook(webhook::Arguments),
    /// Read, verify and prove the audit log
    Audit(audit::Arguments),
    /// Copy all that a server keeps into one file, while it runs
    ///
    /// The file holds everything but `audit.key`, the key that signs the audit log: whoever had both
    /// could forge a history and sign it. Keep that one apart.
    ///
    /// It holds the keys of all that it holds, too: what is purged later stays readable in it until the
    /// file is deleted. Keep backups no longer than you may keep what is in them.
    Backup(backup::Arguments),
    /// Make a data folder of such a file
    ///
    /// Copy the old folder's `audit.key` into the new one before the server starts; without it a new
    /// key is made, and verifiers have to be told. The restoration is noted in the audit log: to who
    /// holds that to later heads it is a rollback, and the entry says whose.
    Restore(restore::Arguments),
    /// Check a configuration and the files that it names
    Check(check::Arguments),
    /// Make and look into road files
    Roads(roads::Arguments),
    /// List the protocols that are spoken
    Protocols(protocols::Arguments),
}

/// Runs the command that the arguments ask for: 0 done, 1 failed, 2 wrong use.
#[must_use]
pub fn main() -> ExitCode {
    // Wrong use ends here: clap explains and exits with 2.
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Simulate(arguments) => simulate::run(*arguments),
        Command::Decode(arguments) => decode::run(arguments),
        Command::Subscribe(arguments) => subscribe::run(arguments),
        Command::Flag(arguments) => flag::run(arguments),
        Command::Alert(arguments) => alert::run(arguments),
        Command::Sighting(arguments) => sighting::run(arguments),
        Command::Subject(arguments) => subject::run(arguments),
        Command::Vehicle(arguments) => vehicle::run(&arguments),
        Command::Checkpoint(arguments) => checkpoint::run(arguments),
        Command::Contain(arguments) => contain::run(&arguments),
        Command::Device(arguments) => device::run(arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Webhook(arguments) => webhook::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Roads(arguments) => roads::run(&arguments),
        Command::Protocols(arguments) => protocols::run(arguments),
    };
    match result {
        Ok(code) => code,
        // A reader that has gone, such as `| head`, is no failure of ours.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interdict: {}", terminal::escape(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// This machine's clock: the command line may read it, the crates below may not.
fn now() -> interdict_protocols::Time {
    interdict_protocols::Time::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// Wrong use that only shows once the arguments are looked at together.
fn wrong_use(what: &str) -> ExitCode {
    eprintln!("interdict: {}", terminal::escape(what));
    ExitCode::from(2)
}

/// The configuration, with `checkpoints` in place of its own; warnings go to standard error.
fn load(config: Option<&Path>, checkpoints: Option<&Path>) -> anyhow::Result<Configuration> {
    let (configuration, warnings) = Configuration::load_with(config, checkpoints)?;
    for warning in &warnings {
        eprintln!("warning: {}", terminal::escape(&warning.to_string()));
    }
    Ok(configuration)
}

/// Log lines go to standard error, from `warn` on unless RUST_LOG says otherwise; without those of sled,
/// which says each failure of the disk many times over: the store says it once. INTERDICT_LOG=json makes
/// each a JSON document.
fn start_log() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::WARN.into())
        .parse_lossy(wanted.as_deref().unwrap_or("warn,sled=off"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process keeps the first one's log.
    let _ = match std::env::var("INTERDICT_LOG") {
        Ok(format) if format == "json" => lines.json().flatten_event(true).try_init(),
        _ => lines.try_init(),
    };
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

pub(crate) mod terminal {
    //! What reaches a terminal.

    pub(crate) use crate::text::escape;
}
