//! [`Connection`]: the bytes of one connection taken apart, without a socket.

use std::sync::Arc;

use crate::protocol::Badge;
use crate::{
    Asked, Command, Context, Decoder, DeviceId, Installation, Item, Manner, Out, Protocol, Reason,
    Reject, Step, Time, Transport, Unsayable,
};

/// What the moment and the installation lend for one read.
pub struct Lent<'a> {
    /// When the bytes were received.
    pub received_at: Time,
    /// Tokens and models.
    pub installation: &'a dyn Installation,
}

/// One connection's framing and decoding state, from its first byte to its last. Over UDP: one
/// peer's, each datagram being framed on its own.
pub struct Connection {
    protocol: &'static Protocol,
    decoder: Box<dyn Decoder>,
    transport: Transport,
    device: Option<DeviceId>,
    model: Option<Arc<str>>,
    /// Whether another device has spoken since the model was asked for.
    model_is_due: bool,
    /// Bytes of an unfinished frame.
    pending: Vec<u8>,
    /// Where `pending` begins, counted from the connection's first byte.
    offset: u64,
    /// A run of bytes passed over: where it began and why. Told once, when it ends.
    skipped: Option<(u64, Reason)>,
    /// No step is tried before so many bytes are pending.
    need: usize,
    /// What the framer remembers of the frames before.
    memory: u64,
    /// The bytes by which the device that spoke last names itself.
    badge: Badge,
    /// How the device that spoke last speaks.
    manner: Manner,
    /// Commands said.
    commands: u16,
    open: bool,
}

impl Connection {
    /// A fresh connection; `device` where it is known from before.
    #[must_use]
    pub fn new(
        protocol: &'static Protocol,
        transport: Transport,
        device: Option<DeviceId>,
    ) -> Self {
        Self {
            protocol,
            decoder: (protocol.decoder)(),
            transport,
            device,
            model: None,
            model_is_due: true,
            pending: Vec::new(),
            offset: 0,
            skipped: None,
            need: 1,
            memory: 0,
            badge: Badge::new(),
            manner: Manner::default(),
            commands: 0,
            open: true,
        }
    }

    /// The protocol spoken.
    #[must_use]
    pub const fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    /// Who has logged in.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// Whether more can be received: false after an [`Item::Fatal`].
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// How many bytes of an unfinished frame are held.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Takes the bytes of one read and appends what they complete to `items`.
    pub fn receive(&mut self, bytes: &[u8], lent: &Lent<'_>, items: &mut Vec<Item>) {
        self.advance(bytes, false, lent, items);
    }

    /// Takes one datagram: whole frames, what is left over being an error.
    pub fn datagram(&mut self, bytes: &[u8], lent: &Lent<'_>, items: &mut Vec<Item>) {
        self.open = true;
        self.offset = 0;
        self.advance(bytes, true, lent, items);
        self.finish(items);
        self.open = true;
    }

    /// The bytes that ask `device`, which speaks on this connection, for something at `now`.
    /// `password` is the device's, where the installation knows one.
    ///
    /// # Errors
    /// [`Unsayable`]: nothing is to be sent.
    pub fn command(
        &mut self,
        device: &DeviceId,
        password: Option<&str>,
        command: &Command,
        now: Time,
    ) -> Result<Vec<u8>, Unsayable> {
        let commands = self.protocol.commands.ok_or(Unsayable::Unsupported)?;
        let asked = Asked {
            device,
            password,
            manner: self.manner,
            transport: self.transport,
            serial: self.commands,
            now,
        };
        let bytes = (commands.encode)(&asked, command)?;
        self.commands = self.commands.wrapping_add(1);
        Ok(bytes)
    }

    /// The peer has closed: an unterminated text frame still counts, other leftovers do not.
    pub fn close(&mut self, lent: &Lent<'_>, items: &mut Vec<Item>) {
        self.need = 1;
        self.advance(&[], true, lent, items);
        self.finish(items);
        self.open = false;
    }

    fn finish(&mut self, items: &mut Vec<Item>) {
        self.tell_skipped(items);
        if self.open && !self.pending.is_empty() {
            items.push(Item::Reject { reason: Reason::Truncated, offset: self.offset });
        }
        self.pending = Vec::new();
        self.need = 1;
        self.memory = 0;
    }

    fn advance(&mut self, bytes: &[u8], last: bool, lent: &Lent<'_>, items: &mut Vec<Item>) {
        if !self.open {
            return;
        }
        // A read that begins with nothing pending, the usual case, is decoded where it lies. Else
        // the bytes held are moved only when some are used: one byte a read must not cost a copy
        // of all before it.
        let mut held = std::mem::take(&mut self.pending);
        if held.is_empty() {
            let used = self.steps(bytes, last, lent, items);
            held.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            held.extend_from_slice(bytes);
            let used = self.steps(&held, last, lent, items).min(held.len());
            held.drain(..used);
        }
        if held.is_empty() || !self.open {
            held = Vec::new();
        }
        self.pending = held;
    }

    /// Frames and decodes as much of `input` as is whole; answers how much that was.
    fn steps(&mut self, input: &[u8], last: bool, lent: &Lent<'_>, items: &mut Vec<Item>) -> usize {
        let mut used = 0;
        while self.open {
            let rest = input.get(used..).unwrap_or_default();
            if rest.is_empty() || (rest.len() < self.need && !last) {
                break;
            }
            self.need = 1;
            let taken = match self.protocol.framer.step_after(&mut self.memory, rest, last) {
                Step::Need(length) => {
                    self.need = length;
                    break;
                }
                Step::Frame { body, end } => {
                    self.tell_skipped(items);
                    let frame = rest.get(body.clone()).unwrap_or_default();
                    if !frame.is_empty() {
                        self.decode(frame, body.start, lent, items);
                    }
                    end
                }
                Step::Skip(count, reason) => {
                    if self.skipped.is_none_or(|(_, earlier)| earlier != reason) {
                        self.tell_skipped(items);
                        self.skipped = Some((self.offset, reason));
                    }
                    count
                }
                Step::Fatal(at, reason) => {
                    self.tell_skipped(items);
                    items.push(Item::Fatal { reason, offset: later(self.offset, at) });
                    self.open = false;
                    break;
                }
            };
            // A framer that goes nowhere would spin for ever.
            let taken = taken.clamp(1, rest.len());
            used = used.saturating_add(taken);
            self.offset = later(self.offset, taken);
        }
        used
    }

    fn tell_skipped(&mut self, items: &mut Vec<Item>) {
        if let Some((offset, reason)) = self.skipped.take() {
            items.push(Item::Reject { reason, offset });
        }
    }

    fn decode(&mut self, frame: &[u8], start: usize, lent: &Lent<'_>, items: &mut Vec<Item>) {
        if self.model_is_due {
            self.model = self.device.as_ref().and_then(|device| lent.installation.model(device));
            self.model_is_due = false;
        }
        let context = Context {
            device: self.device.as_ref(),
            model: self.model.as_deref(),
            transport: self.transport,
            received_at: lent.received_at,
            installation: lent.installation,
        };
        let frame_offset = later(self.offset, start);
        let before = self.device.as_ref();
        let mut out = Out::new(items, before, &mut self.badge, &mut self.manner, frame_offset);
        let result = self.decoder.decode(&context, frame, &mut out);
        if let Err(reject) = result {
            out.reject(reject);
            self.open = !matches!(reject, Reject { fatal: true, .. });
        }
        if let Some(device) = out.changed() {
            self.model_is_due |= self.device != device;
            self.device = device;
        }
    }
}

fn later(offset: u64, bytes: usize) -> u64 {
    offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
}
