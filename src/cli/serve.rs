//! `interdict serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use interdict_protocols::Protocol;

use crate::clock::Clock;
use crate::config::{Configuration, RoadFile, port_argument};
use crate::server::{Options, Server};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration; without one, the built-in Dalian default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where records, events, enrolments and tokens lie
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where HTTP is answered
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Listen for this protocol there; repeats, and then only these listen
    #[arg(long = "port", value_name = "PROTOCOL=ADDR", value_parser = port_argument)]
    ports: Vec<(&'static Protocol, SocketAddr)>,
    /// Checkpoints, in place of the configuration's
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Roads to judge approaches by, in place of the configuration's: OpenStreetMap (.osm, .osm.gz,
    /// .osm.pbf), GeoJSON, or what `roads import` made. With other --checkpoints and without this,
    /// by geometry
    #[arg(long, value_name = "FILE")]
    roads: Option<PathBuf>,
    /// Any device that logs in becomes a vehicle of its own id: for trials only
    #[arg(long)]
    enrol_all: bool,
    /// Allow --enrol-all where trackers' ports are bound to an address that others reach
    #[arg(long, requires = "enrol_all")]
    allow_enrol_all: bool,
    /// Speak plain HTTP although others reach the address: something before this speaks HTTPS
    #[arg(long)]
    allow_plain_http: bool,
    /// Write every read of every tracker to a new file, for replay
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    super::start_log();
    // Each connection is an open file, and many systems allow 1,024 until they are asked for more.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let mut configuration =
        super::load(arguments.config.as_deref(), arguments.checkpoints.as_deref())?;
    if let Some(roads) = arguments.roads {
        configuration.roads = Some(RoadFile::Path(roads));
    }
    let roads = super::roads::find(None, &configuration)?;
    if let Some(http) = arguments.http {
        configuration.http = http;
    }
    if !arguments.ports.is_empty() {
        configuration.ports =
            arguments.ports.iter().map(|(protocol, address)| (protocol.name, *address)).collect();
    }
    let enrol_all = Exposed { asked: arguments.enrol_all, allowed: arguments.allow_enrol_all };
    refuse_exposure(&configuration, enrol_all, arguments.allow_plain_http)?;
    let options = Options {
        data: arguments.data.unwrap_or_else(|| configuration.data.clone()),
        clock: Clock::wall(),
        roads,
        record: arguments.record,
        enrol_all: arguments.enrol_all,
        admin_token: std::env::var("INTERDICT_ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
    };
    tokio::runtime::Runtime::new()?.block_on(serve(&configuration, options))
}

/// A danger, and whether it is wanted.
struct Exposed {
    asked: bool,
    allowed: bool,
}

/// Tokens and positions in the clear, and devices that nobody enrolled, only where they cannot leave
/// the machine or somebody says so.
fn refuse_exposure(
    configuration: &Configuration,
    enrol_all: Exposed,
    allow_plain_http: bool,
) -> anyhow::Result<()> {
    let http = configuration.http;
    let plain = configuration.tls.is_none() && !http.ip().to_canonical().is_loopback();
    if plain && !allow_plain_http && !configuration.allow_plain_http {
        bail!(
            "HTTP on {http} would carry tokens and positions in the clear; name a certificate under \
             [tls] in the configuration, listen on 127.0.0.1, or say --allow-plain-http where \
             something before this speaks HTTPS"
        );
    }
    let open = configuration.ports.iter().find(|(_, at)| !at.ip().to_canonical().is_loopback());
    if let Some((protocol, address)) = open
        && enrol_all.asked
        && !enrol_all.allowed
    {
        bail!(
            "--enrol-all on {address} ({protocol}) would let anybody's tracker in; bind the ports to \
             127.0.0.1, or say --allow-enrol-all too"
        );
    }
    Ok(())
}

async fn serve(configuration: &Configuration, options: Options) -> anyhow::Result<ExitCode> {
    let (enrol_all, record) = (options.enrol_all, options.record.clone());
    // Before anything listens, so that no signal is missed once it says so.
    let stop = Stop::new()?;
    let server = Server::start(configuration, options).await?;
    if enrol_all {
        eprintln!("WARNING: --enrol-all: any device that logs in is heard. For trials only.");
    }
    if let Some(file) = record {
        eprintln!(
            "WARNING: --record: every position of every vehicle is written to {}",
            file.display()
        );
    }
    if let Some(token) = server.new_admin_token() {
        eprintln!("admin token, shown this once: {token}");
    }
    for (protocol, address) in server.listening() {
        eprintln!("listening {protocol} {address}");
    }
    let scheme = if configuration.tls.is_some() { "https" } else { "http" };
    eprintln!("listening {scheme} {}", server.http());
    stop.wait().await;
    eprintln!("stopping; once more ends at once");
    tokio::select! {
        () = server.close() => Ok(ExitCode::SUCCESS),
        () = stop.wait() => {
            eprintln!("ended at once; devices will send unanswered fixes again");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The signals that end a server.
pub(super) struct Stop {
    interrupt: tokio::sync::Mutex<tokio::signal::unix::Signal>,
    terminate: tokio::sync::Mutex<tokio::signal::unix::Signal>,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: tokio::sync::Mutex::new(signal(SignalKind::interrupt())?),
            terminate: tokio::sync::Mutex::new(signal(SignalKind::terminate())?),
        })
    }

    pub(super) async fn wait(&self) {
        let (mut interrupt, mut terminate) =
            (self.interrupt.lock().await, self.terminate.lock().await);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
