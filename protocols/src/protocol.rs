//! [`Protocol`]: what is known of one protocol, as data; and what its decoder is lent and gives.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::{
    Alarm, AlarmSet, Attributes, Cipher, Commands, DeviceId, Fix, Framer, Item, Login, Manner,
    PlatformLink, PlatformLogin, PlatformRefusal, Reject, Standing, Time, When,
};

/// How bytes reach us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A TCP connection.
    Tcp,
    /// Datagrams; each holds whole frames.
    Udp,
}

impl Transport {
    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The transports that a protocol is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// TCP only (HTTP too).
    Tcp,
    /// Datagrams only.
    Udp,
    /// Both, on the same port.
    TcpUdp,
}

impl Transports {
    /// Whether `transport` is among them.
    #[must_use]
    pub const fn include(self, transport: Transport) -> bool {
        match transport {
            Transport::Tcp => matches!(self, Self::Tcp | Self::TcpUdp),
            Transport::Udp => matches!(self, Self::Udp | Self::TcpUdp),
        }
    }
}

impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP, UDP",
        })
    }
}

/// One protocol: a `static` in its own file, listed in `all/mod.rs`.
pub struct Protocol {
    /// Its name in commands, configuration and metrics.
    pub name: &'static str,
    /// What it is, for people: the standard or the maker, and what of it is spoken.
    pub title: &'static str,
    /// The port that the field uses for it.
    pub port: u16,
    /// How it travels.
    pub transports: Transports,
    /// How its frames are found.
    pub framer: Framer,
    /// Whether it foresees a secret, so that a device is heard only once its standing is
    /// [`Standing::Proven`].
    pub authenticates: bool,
    /// The alarms that its frames can report.
    pub alarms: &'static [Alarm],
    /// What its devices can be asked for.
    pub commands: Option<&'static Commands>,
    /// Makes the decoder of one connection (of one peer, over UDP).
    pub decoder: fn() -> Box<dyn Decoder>,
}

/// Takes one frame apart.
///
/// A plain function serves where a protocol needs no memory; a struct where it does.
pub trait Decoder: Send {
    /// Decodes one frame. What was put out before an error stands.
    ///
    /// # Errors
    /// A [`Reject`] with the offending byte, counted from the frame's first.
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject>;
}

impl<F> Decoder for F
where
    F: FnMut(&Context<'_>, &[u8], &mut Out<'_>) -> Result<(), Reject> + Send,
{
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        self(context, frame, out)
    }
}

/// What an installation lends its decoders.
pub trait Installation: Sync {
    /// The token that a registering device is given.
    fn issue_token(&self, device: &DeviceId) -> String;

    /// Whether `token` is this device's.
    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool;

    /// The device's model, where the enrolment names it: some makers' fields depend on it.
    fn model(&self, device: &DeviceId) -> Option<Arc<str>> {
        let _ = device;
        None
    }

    /// Lets another platform in, or not. Answers the code by which it will know us on its sub link.
    ///
    /// # Errors
    /// Why not.
    fn admit(&self, login: &PlatformLogin<'_>) -> Result<u32, PlatformRefusal> {
        let _ = login;
        Err(PlatformRefusal::AccessCode)
    }

    /// The constants of a platform's cipher, where any were agreed on.
    fn cipher(&self, access_code: u32) -> Option<Cipher> {
        let _ = access_code;
        None
    }
}

/// Lends nothing: issues an empty token, accepts none, and lets no platform in.
impl Installation for () {
    fn issue_token(&self, _: &DeviceId) -> String {
        String::new()
    }

    fn accepts_token(&self, _: &DeviceId, _: &[u8]) -> bool {
        false
    }
}

/// What a decoder may know beside the frame.
pub struct Context<'a> {
    /// Who logged in earlier on this connection.
    pub device: Option<&'a DeviceId>,
    /// That device's model, where known.
    pub model: Option<&'a str>,
    /// How the frame came.
    pub transport: Transport,
    /// When the frame was received.
    pub received_at: Time,
    /// Tokens, models, other platforms.
    pub installation: &'a dyn Installation,
}

impl Context<'_> {
    /// The model of a device that the frame itself may have named first.
    #[must_use]
    pub fn model_of(&self, device: &DeviceId) -> Option<Cow<'_, str>> {
        if self.device == Some(device) {
            return self.model.map(Cow::Borrowed);
        }
        self.installation.model(device).map(|model| Cow::Owned(model.as_ref().to_owned()))
    }
}

/// Where a decoder puts what it found.
pub struct Out<'a> {
    items: &'a mut Vec<Item>,
    /// Who spoke on the connection before this frame.
    before: Option<&'a DeviceId>,
    /// Who speaks since, where the frame changed that.
    changed: Option<Option<DeviceId>>,
    badge: &'a mut Badge,
    manner: &'a mut Manner,
    frame_offset: u64,
}

/// The bytes by which whoever speaks on a connection has named itself last: see
/// [`Out::identify_by`]. Empty where it was not named so.
pub(crate) type Badge = SmallVec<[u8; 16]>;

impl<'a> Out<'a> {
    pub(crate) const fn new(
        items: &'a mut Vec<Item>,
        before: Option<&'a DeviceId>,
        badge: &'a mut Badge,
        manner: &'a mut Manner,
        frame_offset: u64,
    ) -> Self {
        Self { items, before, changed: None, badge, manner, frame_offset }
    }

    /// Who speaks on the connection from now on, where the frame said so.
    pub(crate) fn changed(self) -> Option<Option<DeviceId>> {
        self.changed
    }

    /// Who the items that follow belong to.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        match &self.changed {
            Some(device) => device.as_ref(),
            None => self.before,
        }
    }

    /// A login message: always an item. `refusal` is the protocol's answer to an unwelcome device.
    pub fn login(&mut self, device: impl Into<DeviceId>, standing: Standing, refusal: Vec<u8>) {
        let device = device.into();
        self.speaks(Some(device.clone()));
        self.items.push(Item::Login(Login { device, standing, refusal }));
    }

    /// A frame that names its device in passing: an item only where that changes who speaks.
    pub fn identify(&mut self, device: &str) {
        if self.device().map(DeviceId::as_str) != Some(device) {
            self.login(device, Standing::Claimed, Vec::new());
        }
    }

    /// The same, where the name must first be made from `bytes`, of which alone it depends: `read`
    /// is asked only where they are not those of the frame before.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn identify_by<T: AsRef<str>>(
        &mut self,
        bytes: &[u8],
        read: impl FnOnce() -> Result<T, Reject>,
    ) -> Result<(), Reject> {
        if self.badge.as_slice() != bytes || bytes.is_empty() {
            self.identify(read()?.as_ref());
            self.badge.clear();
            self.badge.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Says whom the items that follow are about, without a claim that it is so.
    pub fn about(&mut self, device: &str) {
        if self.device().map(DeviceId::as_str) != Some(device) {
            self.speaks(Some(device.into()));
        }
    }

    fn speaks(&mut self, device: Option<DeviceId>) {
        self.changed = Some(device);
        self.badge.clear();
    }

    /// How many items there are: what comes after may be taken back.
    #[must_use]
    pub(crate) const fn count(&self) -> usize {
        self.items.len()
    }

    /// Takes back all items but the first `count`, which told of no device.
    pub(crate) fn take_back(&mut self, count: usize) {
        self.items.truncate(count);
    }

    /// How the device speaks: its encoder is given that back.
    pub const fn manner(&mut self, manner: Manner) {
        *self.manner = manner;
    }

    /// Another platform has shown its password: whoever spoke before it did not.
    pub fn platform_in(&mut self, link: PlatformLink) {
        self.speaks(None);
        self.items.push(Item::PlatformIn(link));
    }

    /// That platform has taken leave.
    pub fn platform_out(&mut self, access_code: u32) {
        self.speaks(None);
        self.items.push(Item::PlatformOut { access_code });
    }

    /// A position.
    pub fn fix(&mut self, fix: Fix, attributes: Attributes) {
        self.items.push(Item::Fix { device: self.device().cloned(), fix, attributes });
    }

    /// Something without a position.
    pub fn report(&mut self, time: Option<Time>, alarms: AlarmSet, attributes: Attributes) {
        self.report_states(time, alarms, AlarmSet::EMPTY, attributes);
    }

    /// Something without a position, where the absence of `alarm_states` means that they are off.
    pub fn report_states(
        &mut self,
        time: Option<Time>,
        alarms: AlarmSet,
        alarm_states: AlarmSet,
        attributes: Attributes,
    ) {
        let device = self.device().cloned();
        self.items.push(Item::Report { device, time, alarms, alarm_states, attributes });
    }

    /// An answer.
    pub fn reply(&mut self, bytes: impl Into<Vec<u8>>, when: When) {
        self.items.push(Item::Reply { bytes: bytes.into(), when });
    }

    /// An answer in text, written once into room that suffices for most.
    pub fn reply_text(&mut self, text: fmt::Arguments<'_>, when: When) {
        let mut bytes = String::with_capacity(96);
        // A string takes all that is written.
        let _ = fmt::Write::write_fmt(&mut bytes, text);
        self.reply(bytes, when);
    }

    /// A part of the frame that costs only itself; `offset` counts from the frame's first byte.
    pub fn reject(&mut self, reject: Reject) {
        let Reject { reason, offset, fatal } = reject;
        let offset = self.frame_offset.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
        self.items.push(if fatal {
            Item::Fatal { reason, offset }
        } else {
            Item::Reject { reason, offset }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    /// Who speaks after a frame that names itself by `bytes`, and whether they were read.
    fn named(
        bytes: &[u8],
        before: Option<&DeviceId>,
        badge: &mut Badge,
        also: impl FnOnce(&mut Out<'_>),
    ) -> (Option<DeviceId>, bool) {
        let (mut items, mut manner, mut is_read) = (Vec::new(), Manner::default(), false);
        let mut out = Out::new(&mut items, before, badge, &mut manner, 0);
        let read = || {
            is_read = true;
            let name = std::str::from_utf8(bytes).map_err(|_| Reject::at(0, Reason::Malformed))?;
            Ok(name)
        };
        let _ = out.identify_by(bytes, read);
        also(&mut out);
        (out.device().cloned(), is_read)
    }

    #[test]
    fn bytes_are_read_anew_where_another_has_spoken() {
        let [one, two] = ["1", "2"].map(|name| Some(DeviceId::from(name)));
        let badge = &mut Badge::new();
        let nothing = |_: &mut Out<'_>| ();
        assert_eq!(named(b"1", None, badge, nothing), (one.clone(), true));
        assert_eq!(named(b"1", one.as_ref(), badge, nothing), (one.clone(), false));
        assert_eq!(named(b"\xff", one.as_ref(), badge, nothing), (one.clone(), true));
        assert_eq!(named(b"2", one.as_ref(), badge, nothing), (two.clone(), true));
        let leave = |out: &mut Out<'_>| out.platform_out(1);
        assert_eq!(named(b"2", two.as_ref(), badge, leave), (None, false));
        assert_eq!(named(b"2", None, badge, nothing), (two.clone(), true));
        let login = |out: &mut Out<'_>| out.login("1", Standing::Claimed, Vec::new());
        assert_eq!(named(b"2", two.as_ref(), badge, login), (one.clone(), false));
        assert_eq!(named(b"2", one.as_ref(), badge, |out| out.about("1")), (one.clone(), true));
        assert_eq!(named(b"2", one.as_ref(), badge, nothing), (two, true));
    }
}
