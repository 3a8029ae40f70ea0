//! [`drive`]: a track sent to a gateway as its device would, over a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use interdict_protocols::tracker::{Progress, Tracker, tracker};
use interdict_protocols::{DeviceId, Fix, Transport};
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
    let lost = |cause| DriveError::Lost { device: device.clone(), address, cause };
    let mut driven = Driven::default();
    let (mut line, mut failures) = (None, 0);
    for fix in fixes {
        tokio::time::sleep_until(clock.instant(fix.fix_time).into()).await;
        loop {
            let attempt = async {
                let line = match &mut line {
                    Some(line) => line,
                    empty => empty.insert(Line::open(address, protocol, device).await?),
                };
                line.report(&fix).await.map_err(lost)
            };
            match attempt.await {
                Ok(accepted) => {
                    driven.sent += 1;
                    driven.accepted += accepted;
                    failures = 0;
                    break;
                }
                Err(DriveError::Lost { .. }) if failures + 1 < TRIES => {
                    line = None;
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(200 << failures)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(driven)
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
}

impl Line {
    async fn open(
        address: SocketAddr,
        protocol: &str,
        device: &DeviceId,
    ) -> Result<Self, DriveError> {
        let lost = |cause| DriveError::Lost { device: device.clone(), address, cause };
        let (transport, tracker) =
            tracker(protocol, device).ok_or_else(|| DriveError::Protocol(protocol.to_owned()))?;
        let socket = match transport {
            Transport::Tcp => Socket::Tcp(TcpStream::connect(address).await.map_err(lost)?),
            Transport::Udp => {
                let any: SocketAddr =
                    if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
                let socket = UdpSocket::bind(any).await.map_err(lost)?;
                socket.connect(address).await.map_err(lost)?;
                Socket::Udp(socket)
            }
        };
        let mut line = Self { socket, tracker, accepted: 0 };
        let hello = line.tracker.hello();
        line.send(&hello).await.map_err(lost)?;
        while line.tracker.progress() == Progress::Waiting {
            line.hear().await.map_err(lost)?;
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
            self.hear().await?;
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

    async fn hear(&mut self) -> std::io::Result<()> {
        let mut buffer = [0; 2048];
        let read = async {
            match &mut self.socket {
                Socket::Tcp(stream) => stream.read(&mut buffer).await,
                Socket::Udp(socket) => socket.recv(&mut buffer).await,
            }
        };
        let length = timeout(ANSWER_LIMIT, read)
            .await
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"))??;
        if length == 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "the server hung up",
            ));
        }
        let heard = self.tracker.hear(&buffer[..length]);
        self.accepted += heard.accepted;
        self.send(&heard.say).await
    }
}
