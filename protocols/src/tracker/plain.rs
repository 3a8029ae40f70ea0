//! Trackers that remember nothing of what they said: a protocol is four functions.

use super::{Heard, Progress, Tracker};
use crate::{Command, DeviceId, Fix};

/// More than any server says at once, bytes.
const LONGEST: usize = 64 * 1024;

/// How a protocol is spoken.
pub(super) struct Ways {
    /// What is said first; nothing where the protocol has no greeting.
    pub(super) hello: fn(&DeviceId) -> Vec<u8>,
    /// Whether the greeting is answered.
    pub(super) is_greeted: bool,
    /// A position.
    pub(super) report: fn(&DeviceId, &Fix) -> Vec<u8>,
    /// Whether a position is answered.
    pub(super) is_answered: bool,
    /// How the server is understood.
    pub(super) hear: Hear,
}

/// How long the first message of the server's bytes is, and what it means; `None` until all of it is
/// there.
type Hear = fn(&DeviceId, &[u8]) -> Option<(usize, Meant)>;

/// What a message of the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// Nothing that matters.
    Nothing,
    /// The greeting was answered: welcome.
    Welcome,
    /// The greeting was answered: not welcome.
    Refused,
    /// So many positions were accepted.
    Accepted(usize),
    /// Something is asked for.
    Asked(Command),
}

/// A tracker that speaks in one of the [`Ways`].
pub(super) struct Plain {
    ways: &'static Ways,
    device: DeviceId,
    progress: Progress,
    pending: Vec<u8>,
}

impl Plain {
    pub(super) fn new(ways: &'static Ways, device: &DeviceId) -> Self {
        let progress = if ways.is_greeted { Progress::Waiting } else { Progress::Ready };
        Self { ways, device: device.clone(), progress, pending: Vec::new() }
    }
}

impl Tracker for Plain {
    fn hello(&mut self) -> Vec<u8> {
        *self = Self::new(self.ways, &self.device);
        (self.ways.hello)(&self.device)
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        self.pending.extend_from_slice(bytes);
        let mut used = 0_usize;
        while let Some(rest) = self.pending.get(used..).filter(|rest| !rest.is_empty()) {
            let Some((length, meant)) = (self.ways.hear)(&self.device, rest) else { break };
            used = used.saturating_add(length.max(1));
            match meant {
                Meant::Nothing => {}
                Meant::Welcome => self.progress = Progress::Ready,
                Meant::Refused => self.progress = Progress::Refused,
                Meant::Accepted(count) => heard.accepted = heard.accepted.saturating_add(count),
                Meant::Asked(command) => heard.asked.push(command),
            }
        }
        self.pending.drain(..used.min(self.pending.len()));
        if self.pending.len() > LONGEST {
            self.pending.clear();
        }
        heard
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        (self.ways.report)(&self.device, fix)
    }

    fn is_answered(&self) -> bool {
        self.ways.is_answered
    }
}

/// No greeting.
pub(super) fn silence(_: &DeviceId) -> Vec<u8> {
    Vec::new()
}

/// Nothing the server says matters.
pub(super) fn deaf(_: &DeviceId, bytes: &[u8]) -> Option<(usize, Meant)> {
    Some((bytes.len(), Meant::Nothing))
}

/// The first message of `bytes` up to one of `ends`, as text without that, and how long it is with
/// it.
pub(super) fn message<'a>(bytes: &'a [u8], ends: &[u8]) -> Option<(&'a str, usize)> {
    let at = bytes.iter().position(|byte| ends.contains(byte))?;
    let text = std::str::from_utf8(bytes.get(..at)?).unwrap_or_default();
    Some((text.trim_ascii(), at.saturating_add(1)))
}

/// Asked for a position where `is_asked`, else nothing that matters.
pub(super) const fn position_if(is_asked: bool) -> Meant {
    if is_asked { Meant::Asked(Command::Position) } else { Meant::Nothing }
}
