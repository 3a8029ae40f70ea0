//! UDP: one port's datagrams.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use interdict_protocols::{Protocol, Transport};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use super::Shared;
use super::record::Read;
use super::session::{Session, Work};
use crate::shards::Refused;

/// The largest datagram there is.
const DATAGRAM: usize = 65_535;

/// Datagrams of one port that wait for their answers at the most: two ticks of a full fleet.
const WAITING: usize = 8_192;

/// Takes datagrams until the shutdown begins.
pub(super) async fn listen(shared: Arc<Shared>, protocol: &'static Protocol, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let waiting = Arc::new(Semaphore::new(WAITING));
    let mut peers = Peers::new(shared.limits.udp_peers);
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let received = tokio::select! {
            biased;
            () = shared.closing.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, peer) = match received {
            Ok(received) => received,
            // An answer of ours that could not be delivered is reported here.
            Err(error) => {
                tracing::debug!(protocol = protocol.name, %error, "datagram not received");
                continue;
            }
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        shared.record(|| Read {
            protocol: protocol.name,
            transport: Transport::Udp,
            peer,
            connection: 0,
            bytes,
        });
        let session = peers.session(peer, || {
            let limits = shared.limits.of(peer.ip());
            Session::new(&shared, protocol, Transport::Udp, peer, limits)
        });
        let work = session.datagram(bytes);
        if session.is_refused() {
            // A refusal over UDP would make us an amplifier for whoever forges addresses.
            peers.forget(peer);
            continue;
        }
        deliver(&shared, protocol, &socket, &waiting, peer, work);
    }
}

/// Tells the engine where it has room, and answers once that is accepted.
fn deliver(
    shared: &Arc<Shared>,
    protocol: &'static Protocol,
    socket: &Arc<UdpSocket>,
    waiting: &Arc<Semaphore>,
    peer: SocketAddr,
    mut work: Work,
) {
    let Ok(place) = Arc::clone(waiting).try_acquire_owned() else {
        shared.metrics.dropped(protocol.name);
        return;
    };
    let told = match std::mem::take(&mut work.inputs) {
        inputs if inputs.is_empty() => None,
        inputs => match shared.shards.try_tell(inputs) {
            Ok(told) => Some(Ok(told)),
            // What is not an answer to a position leaves nevertheless.
            Err(Refused::NotDurable) => Some(Err(())),
            Err(_) => {
                shared.metrics.dropped(protocol.name);
                return;
            }
        },
    };
    let socket = Arc::clone(socket);
    shared.tasks.spawn(async move {
        let accepted = match told {
            Some(Ok(told)) => told.await.is_ok(),
            Some(Err(())) => false,
            None => true,
        };
        for reply in work.due(accepted) {
            // The peer sends its fix again if this is lost.
            let _ = socket.send_to(reply, peer).await;
        }
        drop(place);
    });
}

/// Sessions by peer; the one silent longest is forgotten first.
struct Peers {
    limit: usize,
    clock: u64,
    sessions: HashMap<SocketAddr, (u64, Session)>,
    by_age: BTreeMap<u64, SocketAddr>,
}

impl Peers {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), clock: 0, sessions: HashMap::new(), by_age: BTreeMap::new() }
    }

    fn session(&mut self, peer: SocketAddr, make: impl FnOnce() -> Session) -> &mut Session {
        self.clock += 1;
        if !self.sessions.contains_key(&peer)
            && self.sessions.len() >= self.limit
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.sessions.remove(&oldest);
        }
        let (age, session) = self.sessions.entry(peer).or_insert_with(|| (0, make()));
        self.by_age.remove(age);
        *age = self.clock;
        self.by_age.insert(self.clock, peer);
        session
    }

    fn forget(&mut self, peer: SocketAddr) {
        if let Some((age, _)) = self.sessions.remove(&peer) {
            self.by_age.remove(&age);
        }
    }
}
