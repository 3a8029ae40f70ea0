//! TCP: one port's connections.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interdict_engine::Input;
use interdict_protocols::{Protocol, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::mailbox::Mailbox;
use super::record::Read;
use super::session::{Session, Work};
use crate::config::PeerLimits;

/// The most that is read at once: a thread's buffer, so that an idle connection holds none.
const READ: usize = 64 * 1024;

/// How long a peer may take to read an answer.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// Commands that wait for one connection: a person's, and the follower's.
const MAIL: usize = 8;

/// How long accepting pauses when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Accepts connections until the shutdown begins.
pub(super) async fn listen(
    shared: Arc<Shared>,
    protocol: &'static Protocol,
    listener: TcpListener,
) {
    loop {
        // A place first, then the connection: those that wait, wait in the system's queue.
        let accepted = tokio::select! {
            biased;
            () = shared.closing.cancelled() => return,
            accepted = async {
                let place = Arc::clone(&shared.places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        let (Ok(place), accepted) = accepted else { return };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(protocol = protocol.name, %error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let limits = shared.limits.of(peer.ip());
        let Some(seat) = shared.addresses.take(peer.ip(), &limits) else {
            shared.metrics.turned_away(protocol.name);
            continue;
        };
        let connection = serve(Arc::clone(&shared), protocol, stream, peer, limits);
        shared.tasks.spawn(async move {
            connection.await;
            drop((place, seat));
        });
    }
}

async fn serve(
    shared: Arc<Shared>,
    protocol: &'static Protocol,
    mut stream: TcpStream,
    peer: SocketAddr,
    limits: PeerLimits,
) {
    // Without it answers of a few bytes wait for more.
    let _ = stream.set_nodelay(true);
    let opened = Instant::now();
    let _open = shared.metrics.open(protocol.name);
    let mailbox = Arc::new(Mailbox::new(MAIL));
    let mut session = Session::new(&shared, protocol, Transport::Tcp, peer, limits, mailbox);
    let number = shared.next_connection();
    let reason = converse(&shared, &mut stream, &mut session, number, peer).await;
    let device = session.device().map(|device| crate::text::escape(device.as_str()));
    tracing::debug!(
        protocol = protocol.name, %peer, device, reason,
        seconds = opened.elapsed().as_secs(), "connection closed"
    );
    // The peer may be gone already.
    let _ = stream.shutdown().await;
}

/// Reads, tells, answers; until the end, whose reason it gives.
async fn converse(
    shared: &Shared,
    stream: &mut TcpStream,
    session: &mut Session,
    number: u64,
    peer: SocketAddr,
) -> &'static str {
    let limits = *session.limits();
    let superseded = session.superseded();
    let login_by = Instant::now() + Duration::from_secs_f64(limits.login_s);
    let mut heard = Instant::now();
    loop {
        let deadline =
            if session.is_identified() { heard + session.idle_limit() } else { login_by };
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => {
                if let Some(farewell) = session.farewell() {
                    write(stream, &farewell).await;
                }
                return "shutdown";
            }
            () = superseded.cancelled() => return "superseded by a newer session",
            notice = session.notice() => {
                if write(stream, &notice).await {
                    continue;
                }
                return "connection lost";
            }
            readable = tokio::time::timeout_at(deadline.into(), stream.readable()) => match readable {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return "connection lost",
                Err(_) if session.is_identified() => return "idle",
                Err(_) => return "no login in time",
            },
        }
        let read = BUFFER.with_borrow_mut(|buffer| {
            let length = stream.try_read(buffer)?;
            let bytes = &buffer[..length];
            if length == 0 {
                return Ok((session.end(), true));
            }
            shared.record(|| Read {
                protocol: session.protocol(),
                transport: Transport::Tcp,
                peer,
                connection: number,
                bytes,
            });
            Ok((session.receive(bytes), false))
        });
        let (mut work, ended) = match read {
            Ok(read) => read,
            Err(error) if is_passing(&error) => continue,
            Err(_) => return "connection lost",
        };
        heard = Instant::now();
        let Some(positions) = deliver(shared, stream, &mut work).await else {
            return "connection lost";
        };
        session.answered(positions);
        match work.close {
            Some(reason) => return reason,
            None if session.pending() > limits.frame_bytes => return "frame too long",
            None if ended => return "closed by the peer",
            None => {}
        }
    }
}

/// Tells the engine, then sends the answers that are due; how many positions were accepted, `None`
/// where the peer does not take the answers.
async fn deliver(shared: &Shared, stream: &mut TcpStream, work: &mut Work) -> Option<u32> {
    let inputs = std::mem::take(&mut work.inputs);
    let positions = inputs.iter().filter(|input| matches!(input, Input::Fix(_))).count();
    let accepted = inputs.is_empty() || shared.shards.tell(inputs).await.is_ok();
    let answer: Vec<u8> = work.due(accepted).flatten().copied().collect();
    if !answer.is_empty() && !write(stream, &answer).await {
        return None;
    }
    Some(if accepted { u32::try_from(positions).unwrap_or(u32::MAX) } else { 0 })
}

/// Whether the peer has taken `bytes` in time.
pub(super) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let written = tokio::time::timeout(WRITE_LIMIT, stream.write_all(bytes)).await;
    matches!(written, Ok(Ok(())))
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
