//! `interdict demo`: the real server on its built-in defaults, and a made-up night in Dalian that
//! devices drive at it, through its own ports and all on one clock.

mod devices;
mod night;
mod show;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use interdict_engine::Event;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::serve::Stop;
use super::terminal::escape;
use crate::client::Client;
use crate::clock::Clock;
use crate::config::{Configuration, embedded};
use crate::server::{Options, Server};
use devices::Devices;
use night::Night;
use show::Show;

/// Half an hour in a minute and a half, and little more than a minute of it until the first alert.
const SPEED: f64 = 20.0;
/// Beyond this a device's answer takes longer than its next fix, and the night falls behind.
const FASTEST: f64 = 200.0;
/// Before the first fix, for the server to start: seconds of the wall's clock.
const HEAD_START_S: f64 = 1.5;
/// After the last answer, for the last events to come round.
const SETTLE: Duration = Duration::from_secs(1);
/// Events between the stream and the terminal.
const WAITING: usize = 256;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How many times as fast as the wall's clock the night goes by
    #[arg(long, value_name = "N", default_value_t = SPEED, value_parser = speed)]
    speed: f64,
    /// Leave the server running when the night is over
    #[arg(long)]
    keep: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (1.0..=FASTEST).contains(speed));
    speed.ok_or_else(|| format!("expected a number from 1 to {FASTEST}"))
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    super::start_log();
    tokio::runtime::Runtime::new()?.block_on(demo(&arguments))
}

async fn demo(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // Before anything is written, so that nothing is left behind by a signal.
    let stop = Stop::new()?;
    // A closed terminal window: nobody is there to press Ctrl-C.
    let mut hangup = signal(SignalKind::hangup())?;
    let folder = tempfile::Builder::new()
        .prefix("interdict-demo-")
        .tempdir()
        .context("the demo needs a folder for its data, and cannot make one")?;
    let (mut configuration, _) = Configuration::load(None)?;
    // Nobody is there to sign.
    configuration.setup.deadlines = None;
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    configuration.http = loopback;
    configuration.ports = night::protocols().map(|name| (name, loopback)).collect();
    let night = Night::read(folder.path())?;
    let speed = arguments.speed;
    let clock = Clock::new(night.begins.plus_seconds(-HEAD_START_S * speed), speed);
    let options = Options {
        data: folder.path().join("data"),
        clock,
        roads: super::roads::find(None, &configuration)?,
        record: None,
        enrol_all: false,
        admin_token: None,
    };
    let server = Server::start(&configuration, options).await?;
    let outcome = tokio::select! {
        outcome = go_by(arguments, &configuration, &server, night, clock, folder.path()) => outcome,
        () = stop.wait() => Ok(ExitCode::SUCCESS),
        _ = hangup.recv() => Ok(ExitCode::SUCCESS),
    };
    tokio::select! {
        () = server.close() => outcome,
        () = stop.wait() => Ok(ExitCode::FAILURE),
    }
}

/// Lets the night go by, and shows what the server says of it.
async fn go_by(
    arguments: &Arguments,
    configuration: &Configuration,
    server: &Server,
    night: Night,
    clock: Clock,
    folder: &Path,
) -> anyhow::Result<ExitCode> {
    let admin = server.new_admin_token().context("the server made no token")?.to_owned();
    let url = format!("http://{}", server.http());
    let client = Arc::new(Client::new(&url, Some(admin.clone()))?);
    let dispatcher = dispatcher(&client).await?;
    welcome(arguments, configuration, server, &night, (&dispatcher, &admin), folder);
    enrol(&client).await?;
    let client = Arc::new(Client::new(&url, Some(dispatcher))?);
    let mut events = follow(&client).await?;
    let ports: BTreeMap<_, _> = server.listening().collect();
    let mut devices = Devices::start(night, &ports, &client, clock).await?;

    let mut show = Show::new(configuration, is_colourful());
    loop {
        tokio::select! {
            event = events.recv() => print(&mut show, event)?,
            () = devices.done() => break,
        }
    }
    let settled = sleep(SETTLE);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            event = events.recv() => print(&mut show, event)?,
            () = &mut settled => break,
        }
    }
    say(&show.summary())?;
    say(&devices.summary())?;
    if arguments.keep {
        eprintln!("still listening; Ctrl-C stops it");
        loop {
            print(&mut show, events.recv().await)?;
        }
    }
    Ok(if devices.have_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where to look and how to stop.
fn welcome(
    arguments: &Arguments,
    configuration: &Configuration,
    server: &Server,
    night: &Night,
    (dispatcher, admin): (&str, &str),
    folder: &Path,
) {
    let http = server.http();
    let ports: Vec<_> =
        server.listening().map(|(name, address)| format!("{name} {}", address.port())).collect();
    eprintln!(
        "A made-up night in Dalian, {}, {} times as fast: {} vehicles, {}.\n\
         \x20 http      http://{http}\n\
         \x20 token     export INTERDICT_TOKEN={dispatcher}\n\
         \x20 admin     export INTERDICT_TOKEN={admin}\n\
         \x20 follow    interdict subscribe --server http://{http} --after 0\n\
         \x20           curl -N -H \"Authorization: Bearer $INTERDICT_TOKEN\" \
         'http://{http}/v1/events?after=0'\n\
         \x20 trackers  {}, on 127.0.0.1\n\
         \x20 data      {}, removed at the end\n\
         \x20 stop      Ctrl-C\n",
        show::evening(night.begins, &configuration.zone),
        arguments.speed,
        night.vehicles,
        show::spoken(night.length_s() / arguments.speed),
        ports.join(", "),
        escape(&folder.display().to_string()),
    );
}

/// A token for whoever commands, as `interdict token add` makes one: an admin flags nothing.
async fn dispatcher(admin: &Arc<Client>) -> anyhow::Result<String> {
    let admin = Arc::clone(admin);
    let asked = json!({ "name": "demo dispatcher", "role": "dispatcher" });
    let made = tokio::task::spawn_blocking(move || admin.post("/v1/tokens", &asked)).await??;
    Ok(made["token"].as_str().context("the server's answer has no token")?.to_owned())
}

/// Makes the fleet known to the server, as `interdict device import` does.
async fn enrol(client: &Arc<Client>) -> anyhow::Result<()> {
    let client = Arc::clone(client);
    let fleet = embedded::FLEET.to_owned();
    let task = tokio::task::spawn_blocking(move || client.post_csv("/v1/devices/import", fleet));
    task.await?.context("the fleet that is built in cannot be enrolled")?;
    Ok(())
}

/// The server's own stream of events, from the oldest on.
async fn follow(client: &Arc<Client>) -> anyhow::Result<mpsc::Receiver<anyhow::Result<Event>>> {
    let client = Arc::clone(client);
    let stream = tokio::task::spawn_blocking(move || client.stream("/v1/events?after=0", None));
    let stream = stream.await??;
    let (sender, receiver) = mpsc::channel(WAITING);
    // A thread of its own: it reads until the server ends the stream.
    std::thread::spawn(move || {
        for message in stream {
            let event = message
                .map_err(anyhow::Error::from)
                .and_then(|message| Ok(serde_json::from_str(&message.data)?))
                .context("the stream of events is broken");
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn print(show: &mut Show, event: Option<anyhow::Result<Event>>) -> anyhow::Result<()> {
    let event = event.context("the server ended the stream of events")??;
    match show.line(&event) {
        Some(line) => say(&line),
        None => Ok(()),
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Colour is for people at a terminal who have not declined it (no-color.org).
fn is_colourful() -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !declined
}
