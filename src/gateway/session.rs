//! [`Session`]: what one peer says, from its bytes to inputs for the engine and replies for it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interdict_engine::{ConflictReport, Input, Observation, Position};
use interdict_protocols::{
    Connection, Datum, DeviceId, Fix, Item, Lent, Login, Protocol, Standing, Time, Transport, When,
};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::sessions::{Claim, Talk};
use crate::config::{PeerLimits, to_wgs84};
use crate::devices::Enrolment;

/// Devices that one peer may speak for: a forwarder's fleet, not an enumeration of numbers.
const DEVICES_A_PEER: usize = 10_000;

/// How often one conflict is told again while it lasts.
const CONFLICT_EVERY: Duration = Duration::from_secs(60);

/// The window in which refused frames are counted against the limit.
const REJECT_WINDOW: Duration = Duration::from_secs(60);

/// What one read came to.
#[derive(Default)]
pub(super) struct Work {
    /// For the engine, in order.
    pub(super) inputs: Vec<Input>,
    /// For the peer, in order.
    pub(super) replies: Vec<(When, Vec<u8>)>,
    /// Why the connection is to end, after the replies.
    pub(super) close: Option<&'static str>,
}

impl Work {
    /// The replies that may leave, now that the inputs are accepted or not.
    pub(super) fn due(&self, accepted: bool) -> impl Iterator<Item = &[u8]> {
        let due = move |when: When| accepted || when == When::Now;
        self.replies.iter().filter(move |(when, _)| due(*when)).map(|(_, bytes)| bytes.as_slice())
    }
}

/// Who speaks at present, and how far they are heard.
enum Speaker {
    /// Nobody has logged in.
    Nobody,
    /// Somebody who is not enrolled.
    Refused,
    /// Enrolled, but the protocol's secret is still to be shown.
    Unproven,
    /// Another peer is this device, and still talks.
    Held(DeviceId, Arc<Enrolment>, SocketAddr),
    /// Heard.
    Heard(DeviceId, Arc<Enrolment>),
}

/// One peer's session.
pub(super) struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    talk: Arc<Talk>,
    limits: PeerLimits,
    speaker: Speaker,
    /// Devices heard on this session.
    devices: HashSet<DeviceId>,
    /// When a conflict was told last.
    conflict_told: Option<Instant>,
    rejects: u32,
    rejects_since: Instant,
    items: Vec<Item>,
}

impl Session {
    pub(super) fn new(
        shared: &Arc<Shared>,
        protocol: &'static Protocol,
        transport: Transport,
        peer: SocketAddr,
        limits: PeerLimits,
    ) -> Self {
        let talk = shared.sessions.open(peer, transport, CancellationToken::new());
        Self {
            shared: Arc::clone(shared),
            connection: Connection::new(protocol, transport, None),
            talk,
            limits,
            speaker: Speaker::Nobody,
            devices: HashSet::new(),
            conflict_told: None,
            rejects: 0,
            rejects_since: Instant::now(),
            items: Vec::new(),
        }
    }

    /// Cancelled when a newer session has taken over.
    pub(super) fn superseded(&self) -> CancellationToken {
        self.talk.superseded.clone()
    }

    /// Whether somebody enrolled speaks here.
    pub(super) const fn is_identified(&self) -> bool {
        matches!(self.speaker, Speaker::Heard(..) | Speaker::Held(..))
    }

    /// Whether somebody who is not enrolled speaks here.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.speaker, Speaker::Refused)
    }

    /// The limits that hold for the peer.
    pub(super) const fn limits(&self) -> &PeerLimits {
        &self.limits
    }

    /// Bytes of an unfinished frame.
    pub(super) const fn pending(&self) -> usize {
        self.connection.pending()
    }

    /// The protocol's name.
    pub(super) const fn protocol(&self) -> &'static str {
        self.connection.protocol().name
    }

    /// Who logged in last, for the log.
    pub(super) const fn device(&self) -> Option<&DeviceId> {
        self.connection.device()
    }

    /// Takes one read's bytes.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Work {
        self.work(bytes, Connection::receive)
    }

    /// Takes one datagram.
    pub(super) fn datagram(&mut self, bytes: &[u8]) -> Work {
        self.work(bytes, Connection::datagram)
    }

    /// The peer has sent its last byte.
    pub(super) fn end(&mut self) -> Work {
        self.work(&[], |connection, _, lent, items| connection.close(lent, items))
    }

    fn work(
        &mut self,
        bytes: &[u8],
        take: impl FnOnce(&mut Connection, &[u8], &Lent<'_>, &mut Vec<Item>),
    ) -> Work {
        let shared = Arc::clone(&self.shared);
        let received_at = shared.shards.clock().now();
        let lent = Lent { received_at, installation: &shared.registry };
        let mut items = std::mem::take(&mut self.items);
        take(&mut self.connection, bytes, &lent, &mut items);
        let mut work = Work::default();
        shared.sessions.heard(&self.talk);
        self.renew(&mut work);
        for item in items.drain(..) {
            self.item(item, received_at, &mut work);
        }
        self.items = items;
        if !self.connection.is_open() && work.close.is_none() {
            work.close = Some("framing lost");
        }
        work
    }

    /// An enrolment may have been revoked since the last read, or the session lost or won.
    fn renew(&mut self, work: &mut Work) {
        let (Speaker::Heard(device, _) | Speaker::Held(device, ..)) = &self.speaker else {
            return;
        };
        let device = device.clone();
        match self.shared.registry.find(&device) {
            Some(enrolment) => self.speaker = self.claim(device, enrolment, work),
            None => {
                self.speaker = Speaker::Refused;
                work.close = Some("revoked");
            }
        }
    }

    fn item(&mut self, item: Item, received_at: Time, work: &mut Work) {
        let protocol = self.connection.protocol().name;
        let metrics = &self.shared.metrics;
        match item {
            Item::Login(login) => self.login(login, work),
            Item::Fix { fix, .. } => {
                metrics.fix(protocol);
                self.fix(fix, work);
            }
            Item::Report { time, alarms, alarm_states, .. } => {
                // One without an alarm shows at least that the tracker lives.
                if let Speaker::Heard(device, enrolment) = &self.speaker {
                    work.inputs.push(Input::Report {
                        device: device.clone(),
                        vehicle: enrolment.vehicle.id.clone(),
                        time: time.or(Some(received_at)),
                        alarms,
                        alarm_states,
                    });
                }
            }
            Item::Reply { bytes, when } => {
                let sent = match self.speaker {
                    Speaker::Refused => false,
                    Speaker::Heard(..) => true,
                    _ => when == When::Now,
                };
                if sent {
                    work.replies.push((when, bytes));
                }
            }
            Item::Reject { reason, .. } => {
                metrics.reject(protocol, reason);
                self.count_reject(work);
            }
            Item::Fatal { reason, .. } => {
                metrics.reject(protocol, reason);
                work.close = Some(reason.name());
            }
        }
    }

    fn login(&mut self, login: Login, work: &mut Work) {
        let Login { device, standing, refusal } = login;
        let protocol = self.connection.protocol();
        let enrolment = self
            .shared
            .registry
            .find(&device)
            .or_else(|| self.shared.registry.enrol_unknown(&device));
        let Some(enrolment) = enrolment else {
            self.shared.metrics.refused(protocol.name);
            self.shared.registry.refuse(&device, protocol.name, &self.talk.peer.to_string());
            self.speaker = Speaker::Refused;
            if !refusal.is_empty() {
                work.replies.push((When::Now, refusal));
            }
            // A forwarder goes on with the devices that are.
            if self.devices.is_empty() {
                work.close = Some("not enrolled");
            }
            return;
        };
        let proven = !protocol.authenticates
            || standing == Standing::Proven
            || self.devices.contains(&device);
        self.speaker = if proven { self.claim(device, enrolment, work) } else { Speaker::Unproven };
    }

    fn claim(&mut self, device: DeviceId, enrolment: Arc<Enrolment>, work: &mut Work) -> Speaker {
        match self.shared.sessions.claim(&device, &self.talk) {
            Claim::Held { believed } => Speaker::Held(device, enrolment, believed),
            Claim::Believed if self.devices.contains(&device) => Speaker::Heard(device, enrolment),
            Claim::Believed if self.devices.len() >= DEVICES_A_PEER => {
                work.close = Some("speaks for too many devices");
                Speaker::Refused
            }
            Claim::Believed => {
                self.devices.insert(device.clone());
                work.inputs.push(Input::Vehicle(enrolment.vehicle.clone()));
                work.inputs.push(Input::Login {
                    device: device.clone(),
                    vehicle: enrolment.vehicle.id.clone(),
                });
                Speaker::Heard(device, enrolment)
            }
        }
    }

    fn fix(&mut self, mut fix: Fix, work: &mut Work) {
        match &self.speaker {
            Speaker::Heard(device, enrolment) => {
                // What the frame says of its datum outranks what is known of the model.
                let datum = match fix.datum {
                    Datum::Wgs84 => self.shared.registry.datum(enrolment),
                    stated => stated,
                };
                let stated = Position { latitude: fix.latitude, longitude: fix.longitude };
                let place = to_wgs84(datum, stated);
                (fix.latitude, fix.longitude) = (place.latitude, place.longitude);
                fix.datum = Datum::Wgs84;
                work.inputs.push(Input::Fix(Observation {
                    device: device.clone(),
                    vehicle: enrolment.vehicle.id.clone(),
                    fix,
                }));
            }
            Speaker::Held(device, enrolment, believed) => {
                let told = self.conflict_told.is_some_and(|told| told.elapsed() < CONFLICT_EVERY);
                if !told {
                    self.conflict_told = Some(Instant::now());
                    work.inputs.push(Input::Conflict(ConflictReport {
                        device: device.clone(),
                        vehicle: enrolment.vehicle.id.clone(),
                        believed: believed.to_string(),
                        held: self.talk.peer.to_string(),
                        fix: Some(fix),
                    }));
                }
            }
            Speaker::Nobody | Speaker::Refused | Speaker::Unproven => {
                self.shared.metrics.unheard(self.connection.protocol().name);
            }
        }
    }

    fn count_reject(&mut self, work: &mut Work) {
        if self.rejects_since.elapsed() > REJECT_WINDOW {
            self.rejects_since = Instant::now();
            self.rejects = 0;
        }
        self.rejects += 1;
        if self.rejects > self.limits.rejects_per_minute {
            work.close = Some("too many frames refused");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.sessions.close(&self.talk, self.devices.iter());
    }
}
