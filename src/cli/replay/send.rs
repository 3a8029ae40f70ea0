//! `replay --to`: tracks sent to a running gateway, each device on a connection of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use interdict_protocols::tracker::tracker_protocols;
use interdict_protocols::{DeviceId, Fix, Time, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Speed, progress, tell, wrong_use};
use crate::drive::{DriveError, Driven, Driver};
use crate::tracks::{Rows, Said};

/// Where to send, and how.
pub(in crate::cli) struct Target {
    host: String,
    transport: Transport,
    protocol: String,
}

impl Target {
    /// From `tcp://HOST:PORT` (or `udp://`) and a protocol; else how it must be used.
    pub(in crate::cli) fn new(to: &str, protocol: &str) -> Result<Self, ExitCode> {
        let (scheme, host) = to.split_once("://").unwrap_or(("tcp", to));
        let transport = match scheme {
            "tcp" | "http" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err(wrong_use("--to: expected tcp://HOST:PORT or udp://HOST:PORT")),
        };
        let host = host.trim_end_matches('/').to_owned();
        if host.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(wrong_use(&format!("--to: {to:?} has no port; expected tcp://HOST:PORT")));
        }
        if !tracker_protocols().any(|known| known == protocol) {
            let known: Vec<_> = tracker_protocols().collect();
            let known = known.join(", ");
            return Err(wrong_use(&format!(
                "--protocol: nothing can be sent in {protocol:?}; what can is {known}"
            )));
        }
        Ok(Self { host, transport, protocol: protocol.to_owned() })
    }

    pub(in crate::cli) const fn transport(&self) -> Transport {
        self.transport
    }

    /// The address that its name stands for.
    pub(in crate::cli) async fn resolve(&self) -> anyhow::Result<SocketAddr> {
        tokio::net::lookup_host(&self.host)
            .await
            .with_context(|| format!("--to: {}", self.host))?
            .next()
            .with_context(|| format!("--to: {} has no address", self.host))
    }
}

/// Devices that are connected at a time; the longest silent one hangs up for the next. Half of the
/// files that a process may usually have open.
const CONNECTED: usize = 512;

/// Fixes that wait for one device's connection; then reading waits.
const WAITING: usize = 64;

/// Sends every fix, shifted so that the first is now.
pub(super) fn run(target: &Target, speed: Speed, rows: Rows) -> anyhow::Result<ExitCode> {
    tokio::runtime::Runtime::new()?.block_on(send(target, speed, rows))
}

async fn send(target: &Target, speed: Speed, rows: Rows) -> anyhow::Result<ExitCode> {
    let address = target.resolve().await?;
    let bar = progress(&rows);
    let (started, now) = (Instant::now(), super::super::now());
    let mut sender =
        Sender { target, address, devices: HashMap::new(), turn: 0, sum: Sum::default() };
    let mut first: Option<Time> = None;
    let (mut unsent, mut ahead_s) = (0_u64, 0.0_f64);
    for (number, row) in rows.enumerate() {
        let row = row?;
        let Said::Fix(mut fix) = row.said else {
            unsent += 1;
            continue;
        };
        let since_s = row.at.seconds_since(*first.get_or_insert(row.at));
        if let Speed::Times(times) = speed {
            let due = started + Duration::try_from_secs_f64((since_s / times).max(0.0))?;
            tokio::time::sleep_until(due.into()).await;
        }
        let shift_ms = now.millis_since(first.unwrap_or(row.at));
        fix.fix_time = fix.fix_time.plus_millis(shift_ms);
        ahead_s = ahead_s.max(since_s - started.elapsed().as_secs_f64());
        sender.send(row.device, fix).await;
        if number % 64 == 0 {
            bar.set_position(number as u64);
        }
    }
    let sum = sender.finish().await;
    bar.finish_and_clear();
    if unsent > 0 {
        tell(&format!("{unsent} logins and reports without a position were not sent"));
    }
    // A gateway believes no fix of the future.
    if ahead_s > 60.0 {
        tell(&format!(
            "fixes ran up to {ahead_s:.0} s ahead of the clock; --speed 1 sends them as they happened"
        ));
    }
    let Sum { devices, driven: Driven { sent, accepted }, failed } = sum;
    tell(&format!("sent {sent} fixes of {devices} devices; {accepted} were acknowledged"));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// So many devices that failed are told one by one.
const TOLD: u64 = 10;

#[derive(Default)]
struct Sum {
    devices: u64,
    driven: Driven,
    failed: u64,
}

struct Connected {
    fixes: mpsc::Sender<Fix>,
    task: JoinHandle<(Driven, Option<DriveError>)>,
    /// When it was last sent to, in turns.
    turn: u64,
}

struct Sender<'a> {
    target: &'a Target,
    address: SocketAddr,
    devices: HashMap<DeviceId, Connected>,
    turn: u64,
    sum: Sum,
}

impl Sender<'_> {
    async fn send(&mut self, device: DeviceId, fix: Fix) {
        if !self.devices.contains_key(&device) && self.devices.len() >= CONNECTED {
            let silent = self.devices.iter().min_by_key(|(_, connected)| connected.turn);
            if let Some(silent) = silent.map(|(device, _)| device.clone()) {
                self.hang_up(&silent).await;
            }
        }
        self.turn += 1;
        let connected = self.devices.entry(device).or_insert_with_key(|device| {
            self.sum.devices += 1;
            connect(self.target, self.address, device.clone())
        });
        connected.turn = self.turn;
        // A device that was given up takes no more; why is told when it hangs up.
        let _ = connected.fixes.send(fix).await;
    }

    async fn hang_up(&mut self, device: &DeviceId) {
        let Some(Connected { fixes, task, .. }) = self.devices.remove(device) else { return };
        drop(fixes);
        let (driven, error) = match task.await {
            Ok(done) => done,
            Err(error) => {
                self.sum.failed += 1;
                tell(&format!("{device}: {error}"));
                return;
            }
        };
        self.sum.driven.sent += driven.sent;
        self.sum.driven.accepted += driven.accepted;
        if let Some(error) = error {
            self.sum.failed += 1;
            if self.sum.failed <= TOLD {
                tell(&error.to_string());
            }
        }
    }

    async fn finish(mut self) -> Sum {
        let mut devices: Vec<_> = self.devices.keys().cloned().collect();
        devices.sort();
        for device in &devices {
            self.hang_up(device).await;
        }
        if self.sum.failed > TOLD {
            tell(&format!("{} devices in all could not be sent to the end", self.sum.failed));
        }
        self.sum
    }
}

fn connect(target: &Target, address: SocketAddr, device: DeviceId) -> Connected {
    let (fixes, mut queue) = mpsc::channel::<Fix>(WAITING);
    let mut driver = Driver::new(address, Some(target.transport), &target.protocol, device);
    let task = tokio::spawn(async move {
        while let Some(fix) = queue.recv().await {
            if let Err(error) = driver.send(&fix).await {
                return (driver.driven(), Some(error));
            }
        }
        (driver.driven(), None)
    });
    Connected { fixes, task, turn: 0 }
}
