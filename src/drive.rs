//! [`drive`]: a track sent to a gateway as its device would, over a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use interdict_protocols::tracker::{Progress, Tracker, tracker};
use interdict_protocols::{Command, DeviceId, Fix, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::clock::Clock;

/// How long a tracker waits for the answer to its greeting, or to a report.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Connections tried, one after another, before a drive is given up.
const TRIES: u32 = 5;

/// Why a track could not be driven to its end.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The caller: nothing here speaks the protocol.
    #[error("no tracker can be played in the protocol {0}")]
    Protocol(String),
    /// The server: it does not want the device.
    #[error("{0} is refused: is it enrolled?")]
    Refused(DeviceId),
    /// The network or the server.
    #[error("{device} lost {address} {TRIES} times: {cause}")]
    Lost {
        /// The device.
        device: DeviceId,
        /// The server.
        address: SocketAddr,
        /// The last failure.
        cause: std::io::Error,
    },
}

/// What came of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Driven {
    /// Reports sent.
    pub sent: usize,
    /// Reports that the server said it has; fewer where the protocol has no answer.
    pub accepted: usize,
}

/// Sends each fix when `clock` shows its time; those of the past at once. A lost connection is made
/// anew, and what was not answered is sent again.
///
/// # Errors
/// [`DriveError`]: the rest was not sent.
pub async fn drive(
    address: SocketAddr,
    protocol: &str,
    device: &DeviceId,
    fixes: impl IntoIterator<Item = Fix>,
    clock: Clock,
) -> Result<Driven, DriveError> {
    let mut driver = Driver::new(address, None, protocol, device.clone());
    for fix in fixes {
        tokio::time::sleep_until(clock.instant(fix.fix_time).into()).await;
        driver.send(&fix).await?;
    }
    Ok(driver.driven)
}

/// One device on its way: sends fix by fix.
pub struct Driver {
    address: SocketAddr,
    transport: Option<Transport>,
    protocol: String,
    device: DeviceId,
    line: Option<Line>,
    driven: Driven,
}

impl Driver {
    /// A device that has not connected yet; `transport` where it is not to be its protocol's usual.
    #[must_use]
    pub fn new(
        address: SocketAddr,
        transport: Option<Transport>,
        protocol: &str,
        device: DeviceId,
    ) -> Self {
        let protocol = protocol.to_owned();
        Self { address, transport, protocol, device, line: None, driven: Driven::default() }
    }

    /// What has come of it so far.
    #[must_use]
    pub const fn driven(&self) -> Driven {
        self.driven
    }

    /// Sends one fix. A lost connection is made anew, and what was not answered is sent again.
    ///
    /// # Errors
    /// [`DriveError`]: it was not sent, and the device is best given up.
    pub async fn send(&mut self, fix: &Fix) -> Result<(), DriveError> {
        let mut failures = 0;
        loop {
            match self.attempt(fix).await {
                Ok(accepted) => {
                    self.driven.sent += 1;
                    self.driven.accepted += accepted;
                    return Ok(());
                }
                Err(DriveError::Lost { .. }) if failures + 1 < TRIES => {
                    self.line = None;
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(200 << failures)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Hangs up; the next fix makes a new connection.
    pub fn hang_up(&mut self) {
        self.line = None;
    }

    /// Hears what the server asks for between two reports; never returns where it asks for nothing.
    /// Where the connection is lost meanwhile, the next report makes a new one.
    pub async fn listen(&mut self) -> Vec<Command> {
        loop {
            let Some(line) = &mut self.line else { return std::future::pending().await };
            if !line.asked.is_empty() {
                return std::mem::take(&mut line.asked);
            }
            if line.hear(None).await.is_err() {
                self.line = None;
            }
        }
    }

    async fn attempt(&mut self, fix: &Fix) -> Result<usize, DriveError> {
        let line = match &mut self.line {
            Some(line) => line,
            empty => {
                let line =
                    Line::open(self.address, self.transport, &self.protocol, &self.device).await?;
                empty.insert(line)
            }
        };
        let (device, address) = (&self.device, self.address);
        let lost = |cause| DriveError::Lost { device: device.clone(), address, cause };
        line.report(fix).await.map_err(lost)
    }
}

enum Socket {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

/// A tracker with its socket.
struct Line {
    socket: Socket,
    tracker: Box<dyn Tracker>,
    accepted: usize,
    /// What the server has asked for.
    asked: Vec<Command>,
}

impl Line {
    async fn open(
        address: SocketAddr,
        transport: Option<Transport>,
        protocol: &str,
        device: &DeviceId,
    ) -> Result<Self, DriveError> {
        let lost = |cause| DriveError::Lost { device: device.clone(), address, cause };
        let (usual, tracker) =
            tracker(protocol, device).ok_or_else(|| DriveError::Protocol(protocol.to_owned()))?;
        let socket = match transport.unwrap_or(usual) {
            Transport::Tcp => Socket::Tcp(TcpStream::connect(address).await.map_err(lost)?),
            Transport::Udp => {
                let any: SocketAddr =
                    if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
                let socket = UdpSocket::bind(any).await.map_err(lost)?;
                socket.connect(address).await.map_err(lost)?;
                Socket::Udp(socket)
            }
        };
        let mut line = Self { socket, tracker, accepted: 0, asked: Vec::new() };
        let hello = line.tracker.hello();
        line.send(&hello).await.map_err(lost)?;
        while line.tracker.progress() == Progress::Waiting {
            line.hear(Some(ANSWER_LIMIT)).await.map_err(lost)?;
        }
        match line.tracker.progress() {
            Progress::Refused => Err(DriveError::Refused(device.clone())),
            _ => Ok(line),
        }
    }

    /// Sends a report and, where the protocol answers, waits for that; gives how many were accepted.
    async fn report(&mut self, fix: &Fix) -> std::io::Result<usize> {
        self.accepted = 0;
        let report = self.tracker.report(fix);
        self.send(&report).await?;
        while self.tracker.is_answered() && self.accepted == 0 {
            self.hear(Some(ANSWER_LIMIT)).await?;
        }
        Ok(self.accepted)
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes).await,
            Socket::Udp(socket) => socket.send(bytes).await.map(|_| ()),
        }
    }

    /// Takes what the server says, within `limit`.
    async fn hear(&mut self, limit: Option<Duration>) -> std::io::Result<()> {
        let mut buffer = [0; 2048];
        let read = async {
            match &mut self.socket {
                Socket::Tcp(stream) => stream.read(&mut buffer).await,
                Socket::Udp(socket) => socket.recv(&mut buffer).await,
            }
        };
        let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer");
        let length = match limit {
            Some(limit) => timeout(limit, read).await.map_err(late)??,
            None => read.await?,
        };
        if length == 0 && matches!(self.socket, Socket::Tcp(_)) {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "the server hung up",
            ));
        }
        let heard = self.tracker.hear(&buffer[..length]);
        self.accepted += heard.accepted;
        self.asked.extend(heard.asked);
        self.send(&heard.say).await
    }
}
