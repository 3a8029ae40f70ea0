//! [`Session`]: what one peer says, from its bytes to inputs for the engine and replies for it.

use std::collections::HashSet;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interdict_engine::{ConflictReport, Input, Observation, Position, SOURCE_DEVICE};
use interdict_protocols::{
    Connection, Datum, DeviceId, Fix, Item, Lent, Login, PLATFORM_VEHICLE, PlatformLink, Protocol,
    Reason, Standing, Time, Transport, When,
};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::mailbox::{Mail, Mailbox};
use super::sessions::{Claim, Hold, Talk};
use super::sub_link::Callback;
use crate::config::{PeerLimits, to_wgs84};
use crate::devices::Enrolment;
use crate::downlink::NotAsked;

/// Devices that one peer may speak for: a forwarder's fleet, not an enumeration of numbers.
const DEVICES_A_PEER: usize = 10_000;

/// A platform tests its main link every minute, and has lost it after three (JT/T 809).
const PLATFORM_IDLE: Duration = Duration::from_secs(180);

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
    /// The main link of another platform, once its password held.
    platform: Option<PlatformLink>,
    /// How that platform is called back, once it has its answer.
    callback: Option<Callback>,
    /// Devices heard on this session, and the platform whose main link it is.
    devices: HashSet<DeviceId>,
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
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let talk = shared.sessions.open(peer, (protocol, transport), mailbox);
        Self {
            shared: Arc::clone(shared),
            connection: Connection::new(protocol, transport, None),
            talk,
            limits,
            speaker: Speaker::Nobody,
            platform: None,
            callback: None,
            devices: HashSet::new(),
            rejects: 0,
            rejects_since: Instant::now(),
            items: Vec::new(),
        }
    }

    /// Cancelled when a newer session has taken over.
    pub(super) fn superseded(&self) -> CancellationToken {
        self.talk.superseded.clone()
    }

    /// Whether somebody enrolled speaks here, has spoken, or another platform does.
    pub(super) fn is_identified(&self) -> bool {
        matches!(self.speaker, Speaker::Heard(..) | Speaker::Held(..)) || !self.devices.is_empty()
    }

    /// Whether somebody who is not enrolled speaks here.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.speaker, Speaker::Refused)
    }

    /// How long the peer may be silent.
    pub(super) fn idle_limit(&self) -> Duration {
        let idle = Duration::from_secs_f64(self.limits.idle_s);
        if self.platform.is_some() { idle.min(PLATFORM_IDLE) } else { idle }
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

    /// What a read came to has been answered: so many of its positions were accepted. A platform is
    /// called back only now, when it knows the code that our side will show.
    pub(super) fn answered(&mut self, positions: u32) {
        let Some(link) = &self.platform else { return };
        if self.callback.is_none() {
            let platform = self.shared.registry.platform(link.access_code);
            let address = platform.and_then(|platform| platform.sub_link.clone());
            let start = |address| Callback::start(&self.shared, link.clone(), address);
            self.callback = address.map(start);
        }
        if let Some(callback) = &self.callback {
            callback.accepted(positions);
        }
    }

    /// The next message for the peer that is no answer to it. Loses nothing when dropped.
    pub(super) async fn notice(&mut self) -> Vec<u8> {
        let talk = Arc::clone(&self.talk);
        loop {
            let callback = async {
                match &mut self.callback {
                    Some(callback) => callback.notice().await,
                    None => pending().await,
                }
            };
            let mail = tokio::select! {
                notice = callback => return notice,
                mail = talk.mailbox.next() => mail,
            };
            if let Some(bytes) = self.command(mail) {
                return bytes;
            }
        }
    }

    /// The bytes that ask a device of the peer for something; says what came of it.
    pub(super) fn command(&mut self, mail: Mail) -> Option<Vec<u8>> {
        let registry = &self.shared.registry;
        let enrolment = registry.find(&mail.device).filter(|_| self.devices.contains(&mail.device));
        let Some(enrolment) = enrolment else {
            mail.answer(Err(NotAsked::NotConnected));
            return None;
        };
        let protocol = self.protocol();
        let password = self.shared.downlink.password(enrolment.model.as_deref(), protocol);
        let now = self.shared.shards.clock().now();
        match self.connection.command(&mail.device, password, &mail.command, now) {
            Ok(bytes) => {
                mail.answer(Ok(protocol));
                Some(bytes)
            }
            Err(error) => {
                let device = crate::text::escape(mail.device.as_str());
                tracing::debug!(protocol, device, %error, "a device was not asked");
                mail.answer(Err(error.into()));
                None
            }
        }
    }

    /// What the peer is told when we end, where its protocol has a word for that.
    pub(super) fn farewell(&self) -> Option<Vec<u8>> {
        Some(self.platform.as_ref()?.closing(self.shared.shards.clock().now()))
    }

    fn work(
        &mut self,
        bytes: &[u8],
        take: impl FnOnce(&mut Connection, &[u8], &Lent<'_>, &mut Vec<Item>),
    ) -> Work {
        let shared = Arc::clone(&self.shared);
        let received_at = shared.shards.clock().now();
        let installation = shared.registry.seen_from(self.talk.peer.ip());
        let lent = Lent { received_at, installation: &installation };
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
        // A platform's only vehicle says its name once, and may be enrolled after that.
        if self.platform.is_some()
            && self.is_refused()
            && let Some(device) = self.connection.device().cloned()
            && let Some(enrolment) = self.shared.registry.find(&device)
        {
            self.speaker = self.claim(device, enrolment, work);
        }
        let (Speaker::Heard(device, _) | Speaker::Held(device, ..)) = &self.speaker else {
            return;
        };
        let device = device.clone();
        match self.shared.registry.find(&device) {
            Some(enrolment) => self.speaker = self.claim(device, enrolment, work),
            None => {
                self.speaker = Speaker::Refused;
                // A platform goes on with its other vehicles.
                if self.platform.is_none() {
                    work.close = Some("revoked");
                }
            }
        }
    }

    fn item(&mut self, item: Item, received_at: Time, work: &mut Work) {
        let protocol = self.connection.protocol().name;
        let metrics = &self.shared.metrics;
        match item {
            Item::Login(login) => self.login(login, work),
            Item::PlatformIn(link) => self.platform_in(link, work),
            Item::PlatformOut { access_code } => self.platform_out(access_code, work),
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
                    // Answers are for the platform, whichever vehicle it spoke of last.
                    _ if self.platform.is_some() => true,
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
                if reason == Reason::Denied {
                    tracing::warn!(protocol, peer = %self.talk.peer, "a login was denied");
                }
                work.close = Some(reason.name());
            }
        }
    }

    fn login(&mut self, login: Login, work: &mut Work) {
        let Login { device, standing, refusal } = login;
        let protocol = self.connection.protocol();
        // Another platform's vehicles are heard from that platform alone: by any other way there is
        // neither a password nor a network, nor a token.
        let is_elsewhere = device.as_str().starts_with(SOURCE_DEVICE)
            || self.platform.is_none() && device.as_str().starts_with(PLATFORM_VEHICLE);
        let registry = &self.shared.registry;
        let enrolment = match is_elsewhere {
            true => None,
            false => registry.find(&device).or_else(|| registry.enrol_unknown(&device)),
        };
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

    /// One main link a platform: the older one wins while it talks, as with devices.
    fn platform_in(&mut self, link: PlatformLink, work: &mut Work) {
        let name = DeviceId::from(format!("{PLATFORM_VEHICLE}{}", link.access_code));
        match self.shared.sessions.claim(&name, &self.talk, Hold::Whole) {
            Claim::Held { believed } => {
                tracing::warn!(
                    access_code = link.access_code, peer = %self.talk.peer, %believed,
                    "a second main link of a platform was refused"
                );
                self.speaker = Speaker::Refused;
                work.replies.push((When::Now, link.refusal));
                work.close = Some("the platform is logged in already");
            }
            Claim::Believed => {
                tracing::info!(
                    access_code = link.access_code, peer = %self.talk.peer,
                    "a platform has logged in"
                );
                self.devices.insert(name);
                self.speaker = Speaker::Nobody;
                (self.platform, self.callback) = (Some(link), None);
            }
        }
    }

    fn platform_out(&mut self, access_code: u32, work: &mut Work) {
        tracing::info!(access_code, peer = %self.talk.peer, "a platform has taken leave");
        self.shared.sessions.close(&self.talk, self.devices.iter());
        self.devices.clear();
        self.speaker = Speaker::Nobody;
        (self.platform, self.callback) = (None, None);
        work.close = Some("logged out");
    }

    fn claim(&mut self, device: DeviceId, enrolment: Arc<Enrolment>, work: &mut Work) -> Speaker {
        // A platform's vehicles are as many as were enrolled of it.
        let most = if self.platform.is_some() { usize::MAX } else { DEVICES_A_PEER };
        match self.shared.sessions.claim(&device, &self.talk, Hold::One) {
            Claim::Held { believed } => Speaker::Held(device, enrolment, believed),
            Claim::Believed if self.devices.contains(&device) => Speaker::Heard(device, enrolment),
            Claim::Believed if self.devices.len() >= most => {
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
                if self.shared.tell_conflict(device) {
                    work.inputs.push(Input::Conflict(ConflictReport {
                        device: device.clone(),
                        vehicle: enrolment.vehicle.id.clone(),
                        believed: believed.to_string(),
                        held: self.talk.peer.to_string(),
                        apart_m: None,
                        fix: Some(fix),
                    }));
                } else {
                    self.shared.metrics.unheard(self.connection.protocol().name);
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
