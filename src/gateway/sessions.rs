//! One live session a device.
//!
//! A tracker that lost its network connects anew while its old connection still seems open; a
//! stranger who knows a device's number does the same. They are told apart by whether the older one
//! still talks: once it has been quiet, the newer one is believed; while it is not, the newer one is
//! held apart.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use interdict_protocols::{DeviceId, Protocol, Transport};
use tokio_util::sync::CancellationToken;

use super::mailbox::Mailbox;
use crate::config::device_key;

/// The live session of every device.
pub(super) struct Sessions {
    quiet: Duration,
    started: Instant,
    next: AtomicU64,
    /// By what is the same in every way to write a device's number.
    live: Mutex<HashMap<Box<str>, Live>>,
}

/// A device's live session.
struct Live {
    /// The device as its peer names it.
    device: DeviceId,
    talk: Arc<Talk>,
}

/// One peer's talking, shared by all devices that it speaks for.
pub(super) struct Talk {
    number: u64,
    pub(super) peer: SocketAddr,
    pub(super) protocol: &'static Protocol,
    transport: Transport,
    /// Where commands for its devices are put.
    pub(super) mailbox: Arc<Mailbox>,
    /// How many devices it is believed to be.
    devices: AtomicUsize,
    /// Milliseconds since the table was made at which the peer last spoke.
    heard_ms: AtomicU64,
    /// Cancelled when a newer session has taken a device over.
    pub(super) superseded: CancellationToken,
}

/// What a newer session takes from an older one that has been quiet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// One device: a forwarder that lost one of many goes on with the rest.
    One,
    /// The whole session.
    Whole,
}

/// Whether a peer is believed to be a device.
pub(super) enum Claim {
    /// It is.
    Believed,
    /// Another peer is, and still talks.
    Held {
        /// That peer.
        believed: SocketAddr,
    },
}

impl Sessions {
    pub(super) fn new(quiet: Duration) -> Self {
        Self { quiet, started: Instant::now(), next: AtomicU64::new(0), live: Mutex::default() }
    }

    /// A peer that has begun to talk.
    pub(super) fn open(
        &self,
        peer: SocketAddr,
        (protocol, transport): (&'static Protocol, Transport),
        mailbox: Arc<Mailbox>,
    ) -> Arc<Talk> {
        Arc::new(Talk {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            peer,
            protocol,
            transport,
            mailbox,
            devices: AtomicUsize::new(0),
            heard_ms: AtomicU64::new(self.now_ms()),
            superseded: CancellationToken::new(),
        })
    }

    /// The peer has spoken.
    pub(super) fn heard(&self, talk: &Talk) {
        talk.heard_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Asks whether the peer is believed to be `device`, which it says it is.
    pub(super) fn claim(&self, device: &DeviceId, talk: &Arc<Talk>, hold: Hold) -> Claim {
        let mut live = self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = device_key(device.as_str());
        match live.get(key).map(|live| &live.talk) {
            Some(held) if held.number == talk.number => Claim::Believed,
            // Over UDP a mobile network gives one device a new port now and then.
            Some(held) if self.talks(held) && !is_same_datagram_peer(held, talk) => {
                Claim::Held { believed: held.peer }
            }
            before => {
                if let Some(before) = before {
                    let was_last = before.devices.fetch_sub(1, Ordering::Relaxed) == 1;
                    if was_last || hold == Hold::Whole {
                        before.superseded.cancel();
                    }
                }
                talk.devices.fetch_add(1, Ordering::Relaxed);
                live.insert(key.into(), Live { device: device.clone(), talk: Arc::clone(talk) });
                Claim::Believed
            }
        }
    }

    /// The talk of whoever is believed to be `device`, and how it names that.
    pub(super) fn talk(&self, device: &DeviceId) -> Option<(DeviceId, Arc<Talk>)> {
        let live = self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Live { device, talk } = live.get(device_key(device.as_str()))?;
        (!talk.superseded.is_cancelled()).then(|| (device.clone(), Arc::clone(talk)))
    }

    /// The peer has gone: its devices are anybody's.
    pub(super) fn close<'a>(&self, talk: &Talk, devices: impl Iterator<Item = &'a DeviceId>) {
        let mut live = self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for device in devices {
            let key = device_key(device.as_str());
            if live.get(key).is_some_and(|held| held.talk.number == talk.number) {
                live.remove(key);
            }
        }
    }

    fn talks(&self, talk: &Talk) -> bool {
        let silent = self.now_ms().saturating_sub(talk.heard_ms.load(Ordering::Relaxed));
        !talk.superseded.is_cancelled() && Duration::from_millis(silent) < self.quiet
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Talk {
    /// Another one for each session.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

fn is_same_datagram_peer(held: &Talk, talk: &Talk) -> bool {
    (held.transport, talk.transport) == (Transport::Udp, Transport::Udp)
        && held.peer.ip() == talk.peer.ip()
}

#[cfg(test)]
mod tests {
    use interdict_protocols::find;

    use super::*;

    fn talk(sessions: &Sessions, port: u16, transport: Transport) -> Arc<Talk> {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let protocol = find("jt808").unwrap();
        sessions.open(peer, (protocol, transport), Arc::new(Mailbox::new(1)))
    }

    #[test]
    fn the_newer_is_held_apart_while_the_older_talks() {
        let sessions = Sessions::new(Duration::from_secs(3600));
        let device = DeviceId::from("1");
        let (older, newer) =
            (talk(&sessions, 1, Transport::Tcp), talk(&sessions, 2, Transport::Tcp));
        assert!(matches!(sessions.claim(&device, &older, Hold::One), Claim::Believed));
        assert!(matches!(sessions.claim(&device, &older, Hold::One), Claim::Believed));
        let Claim::Held { believed } = sessions.claim(&device, &newer, Hold::One) else {
            panic!("believed")
        };
        assert_eq!(believed, older.peer);
        sessions.close(&older, [device.clone()].iter());
        assert!(matches!(sessions.claim(&device, &newer, Hold::One), Claim::Believed));
    }

    #[test]
    fn the_newer_wins_when_the_older_has_been_quiet() {
        let sessions = Sessions::new(Duration::ZERO);
        let device = DeviceId::from("1");
        let (older, newer) =
            (talk(&sessions, 1, Transport::Tcp), talk(&sessions, 2, Transport::Tcp));
        sessions.claim(&device, &older, Hold::One);
        assert!(matches!(sessions.claim(&device, &newer, Hold::One), Claim::Believed));
        assert!(older.superseded.is_cancelled());
        // The older one cannot give away what it has lost.
        sessions.close(&older, [device.clone()].iter());
        assert!(matches!(sessions.claim(&device, &newer, Hold::One), Claim::Believed));
    }

    #[test]
    fn a_device_is_found_however_its_number_is_written() {
        let sessions = Sessions::new(Duration::from_secs(3600));
        let talk = talk(&sessions, 1, Transport::Tcp);
        sessions.claim(&DeviceId::from("0138"), &talk, Hold::One);
        let found = sessions.talk(&DeviceId::from("138")).map(|(device, _)| device);
        assert_eq!(found, Some(DeviceId::from("0138")));
        sessions.close(&talk, [DeviceId::from("0138")].iter());
        assert!(sessions.talk(&DeviceId::from("0138")).is_none());
    }

    #[test]
    fn a_datagram_peer_may_change_its_port() {
        let sessions = Sessions::new(Duration::from_secs(3600));
        let device = DeviceId::from("1");
        sessions.claim(&device, &talk(&sessions, 1, Transport::Udp), Hold::One);
        let moved = talk(&sessions, 2, Transport::Udp);
        assert!(matches!(sessions.claim(&device, &moved, Hold::One), Claim::Believed));
    }
}
