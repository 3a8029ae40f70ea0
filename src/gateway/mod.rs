//! The trackers' side: sockets, sessions, limits. The only place that knows tracker connections.

mod addresses;
mod conflicts;
mod record;
mod session;
mod sessions;
mod sub_link;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use interdict_protocols::{DeviceId, Protocol, Transport};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::addresses::Addresses;
use self::conflicts::Conflicts;
use self::record::{Read, Recorder};
use self::sessions::Sessions;
use crate::config::Limits;
use crate::devices::Registry;
use crate::metrics::Metrics;
use crate::shards::Shards;

/// Connections that the system may hold for us before they are accepted: a fleet that comes back
/// after a restart.
const BACKLOG: i32 = 4_096;

/// A datagram socket's buffer, bytes: two ticks of 100,000 datagrams a second.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen for {protocol} on {address} ({}): {cause}; choose another with --port {protocol}=ADDRESS:PORT",
    transport.name()
)]
pub struct CannotListen {
    protocol: &'static str,
    address: SocketAddr,
    transport: Transport,
    cause: io::Error,
}

/// What all connections share.
struct Shared {
    shards: Shards,
    registry: Registry,
    metrics: Arc<Metrics>,
    limits: Limits,
    sessions: Sessions,
    conflicts: Mutex<Conflicts>,
    addresses: Arc<Addresses>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    closing: CancellationToken,
    connections: AtomicU64,
    recorder: Option<Recorder>,
}

impl Shared {
    fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether the conflict over a device is to be told.
    fn tell_conflict(&self, device: &DeviceId) -> bool {
        let mut conflicts = self.conflicts.lock().unwrap_or_else(PoisonError::into_inner);
        conflicts.tell(device, Instant::now())
    }

    /// Keeps a read where a recording runs.
    fn record<'a>(&self, read: impl FnOnce() -> Read<'a>) {
        if let Some(recorder) = &self.recorder {
            recorder.take(self.shards.clock().now(), &read());
        }
    }
}

/// The gateway, before and while it listens.
pub struct Gateway {
    shared: Arc<Shared>,
    listening: Vec<(&'static Protocol, SocketAddr)>,
}

impl Gateway {
    /// A gateway that listens nowhere yet. With `record`, every read is written there.
    ///
    /// # Errors
    /// The recording's file exists already or cannot be made.
    pub fn new(
        shards: Shards,
        registry: Registry,
        metrics: Arc<Metrics>,
        limits: Limits,
        record: Option<&Path>,
    ) -> io::Result<Self> {
        let shared = Shared {
            shards,
            registry,
            metrics,
            sessions: Sessions::new(Duration::from_secs_f64(limits.session_quiet_s)),
            conflicts: Mutex::new(Conflicts::new(Instant::now())),
            addresses: Arc::default(),
            places: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            connections: AtomicU64::new(0),
            recorder: record.map(Recorder::start).transpose()?,
            limits,
        };
        Ok(Self { shared: Arc::new(shared), listening: Vec::new() })
    }

    /// Listens for `protocol` on `address`, on every transport that it is spoken over. Port 0 takes
    /// a free one, the same for TCP and UDP.
    ///
    /// # Errors
    /// The address is taken, or is not this machine's.
    pub fn listen(
        &mut self,
        protocol: &'static Protocol,
        address: SocketAddr,
    ) -> Result<SocketAddr, CannotListen> {
        let fail = |transport, address| {
            move |cause| CannotListen { protocol: protocol.name, address, transport, cause }
        };
        let mut bound = address;
        if protocol.transports.include(Transport::Tcp) {
            let listener = tcp_listener(address).map_err(fail(Transport::Tcp, address))?;
            bound = listener.local_addr().map_err(fail(Transport::Tcp, address))?;
            self.shared.tasks.spawn(tcp::listen(Arc::clone(&self.shared), protocol, listener));
        }
        if protocol.transports.include(Transport::Udp) {
            let socket = udp_socket(bound).map_err(fail(Transport::Udp, bound))?;
            bound = socket.local_addr().map_err(fail(Transport::Udp, bound))?;
            self.shared.tasks.spawn(udp::listen(Arc::clone(&self.shared), protocol, socket));
        }
        self.listening.push((protocol, bound));
        Ok(bound)
    }

    /// What is listened on.
    #[must_use]
    pub fn listening(&self) -> &[(&'static Protocol, SocketAddr)] {
        &self.listening
    }

    /// Stops accepting, lets every connection finish what it has read and answer it, and ends them.
    pub async fn close(self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not wait for the old connections' last packets.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    // The system may grant less; datagrams are then lost earlier under load, and sent again.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
