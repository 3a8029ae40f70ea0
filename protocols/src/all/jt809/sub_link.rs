//! Our end of the links, without a socket: what a main link is remembered by, and [`SubLink`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::frame::{self, Form, Frame, Manner, id};
use crate::field::escape::Room;
use crate::{Cipher, Step, Time};

/// The serial numbers of our messages to a platform, over both of its links.
#[derive(Clone, Debug, Default)]
pub(super) struct Serial(Arc<AtomicU32>);

impl Serial {
    /// The next one, from 0 on.
    pub(super) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl PartialEq for Serial {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A main link whose platform has shown its password.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformLink {
    /// The number under which we know the platform.
    pub access_code: u32,
    /// What is answered to it where it is not welcome for now: sent in place of the answer that
    /// follows.
    pub refusal: Vec<u8>,
    manner: Manner,
    verify_code: u32,
    serial: Serial,
    cipher: Option<Cipher>,
}

impl PlatformLink {
    pub(super) const fn new(
        manner: Manner,
        verify_code: u32,
        serial: Serial,
        cipher: Option<Cipher>,
        refusal: Vec<u8>,
    ) -> Self {
        let access_code = manner.access_code;
        Self { access_code, refusal, manner, verify_code, serial, cipher }
    }

    /// For the main link: the sub link is lost, or was never to be had (0x9007).
    #[must_use]
    pub fn sub_link_lost(&self, was_open: bool, now: Time) -> Vec<u8> {
        self.frame(id::SUB_LINK_LOST, &[u8::from(was_open)], now)
    }

    /// For the main link: both links are about to be closed, since we restart (0x9008).
    #[must_use]
    pub fn closing(&self, now: Time) -> Vec<u8> {
        self.frame(id::WE_ARE_CLOSING, &[0], now)
    }

    fn frame(&self, id: u16, body: &[u8], now: Time) -> Vec<u8> {
        self.manner.frame(self.serial.next(), id, body, now)
    }
}

/// How far a sub link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubLinkState {
    /// Waiting for an answer to its login.
    Waiting,
    /// Open.
    Open,
    /// The platform does not want it, with this result.
    Refused(u8),
    /// The platform has closed it, or is about to.
    Closed,
}

/// Our end of a sub link: we are the client of the platform that logged in.
pub struct SubLink {
    link: PlatformLink,
    state: SubLinkState,
    pending: Vec<u8>,
}

impl SubLink {
    /// The sub link that belongs to a main link.
    #[must_use]
    pub const fn new(link: PlatformLink) -> Self {
        Self { link, state: SubLinkState::Waiting, pending: Vec::new() }
    }

    /// What we say first: the code that the platform was given (0x9001).
    #[must_use]
    pub fn login(&self, now: Time) -> Vec<u8> {
        self.link.frame(id::SUB_LOGIN, &self.link.verify_code.to_be_bytes(), now)
    }

    /// Asks whether the platform is still there (0x9005).
    #[must_use]
    pub fn test(&self, now: Time) -> Vec<u8> {
        self.link.frame(id::SUB_LINK_TEST, &[], now)
    }

    /// Says how many positions have been accepted between two instants (0x9101): what the standard
    /// has in place of an answer to each. `None` for a platform of 2019, where it is not foreseen.
    #[must_use]
    pub fn received(&self, count: u32, since: Time, now: Time) -> Option<Vec<u8>> {
        if self.link.manner.form == Form::Of2019 {
            return None;
        }
        let mut body = count.to_be_bytes().to_vec();
        body.extend(since.seconds().to_be_bytes());
        body.extend(now.seconds().to_be_bytes());
        Some(self.link.frame(id::RECEIVED, &body, now))
    }

    /// Takes leave (0x9003).
    #[must_use]
    pub fn logout(&self, now: Time) -> Vec<u8> {
        self.link.frame(id::SUB_LOGOUT, &self.link.verify_code.to_be_bytes(), now)
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> SubLinkState {
        self.state
    }

    /// Takes bytes from the platform, in whatever pieces they come. Answers how many frames were
    /// wrong, or none that a sub link foresees.
    pub fn hear(&mut self, bytes: &[u8]) -> usize {
        self.pending.extend_from_slice(bytes);
        let mut pending = std::mem::take(&mut self.pending);
        let (mut used, mut refused) = (0_usize, 0_usize);
        loop {
            let rest = pending.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match frame::find(rest, false) {
                Step::Frame { body, end } => {
                    let frame = rest.get(body).unwrap_or_default();
                    refused = refused.saturating_add(usize::from(self.frame(frame).is_none()));
                    used = used.saturating_add(end.max(1));
                }
                Step::Skip(count, _) => {
                    refused = refused.saturating_add(1);
                    used = used.saturating_add(count.max(1));
                }
                Step::Need(_) | Step::Fatal(..) => break,
            }
        }
        pending.drain(..used.min(pending.len()));
        self.pending = pending;
        refused
    }

    fn frame(&mut self, frame: &[u8]) -> Option<()> {
        let mut room = Room::new();
        let frame = Frame::open(frame, &mut room).ok()?;
        let message = frame.message(self.link.manner.form, |_| self.link.cipher).ok()?;
        match message.id {
            id::SUB_LOGIN_ANSWER => {
                self.state = match message.body().u8().ok()? {
                    0 => SubLinkState::Open,
                    result => SubLinkState::Refused(result),
                };
            }
            id::SUB_LOGOUT_ANSWER | id::MAIN_LINK_LOST | id::CLOSING => {
                self.state = SubLinkState::Closed;
            }
            id::SUB_LINK_TEST_ANSWER => {}
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_781_488_800);

    fn manner() -> Manner {
        // As a link test of the platform's own shows it.
        let hex = [0, 0, 0, 0x1a, 0, 0, 0, 1, 0x10, 5, 0, 0x20, 0x0f, 9, 1, 0, 0, 0, 0, 0, 0, 0];
        let sum = crate::field::checksum::crc16_ccitt_false(&hex).to_be_bytes();
        let frame = [&hex[..], &sum].concat();
        let mut room = Room::new();
        Frame::open(&frame, &mut room).unwrap().message(Form::Of2011, |_| None).unwrap().manner
    }

    #[test]
    fn it_opens_when_the_platform_takes_the_code() {
        let manner = manner();
        let link = PlatformLink::new(manner, 0x5b5d, Serial::default(), None, Vec::new());
        let mut sub = SubLink::new(link.clone());
        let login = sub.login(NOW);
        assert_eq!(login.first_chunk(), Some(&[0x5b, 0, 0, 0, 0x1e, 0, 0, 0, 0, 0x90, 0x01]));
        let answer = manner.frame(9, id::SUB_LOGIN_ANSWER, &[0], NOW);
        for byte in &answer {
            assert_eq!(sub.state(), SubLinkState::Waiting);
            assert_eq!(sub.hear(&[*byte]), 0);
        }
        assert_eq!(sub.state(), SubLinkState::Open);
        // The main link's messages count with those of the sub link.
        let lost = link.sub_link_lost(true, NOW);
        assert_eq!(lost.get(5..11), Some(&[0, 0, 0, 1, 0x90, 0x07][..]));
        assert_eq!(sub.hear(&manner.frame(10, id::SUB_LINK_TEST_ANSWER, &[], NOW)), 0);
        assert_eq!(sub.hear(&manner.frame(11, id::VEHICLE, &[], NOW)), 1);
        assert_eq!(sub.hear(b"noise["), 1);
        assert_eq!(sub.hear(&manner.frame(12, id::CLOSING, &[0], NOW)), 1);
        assert_eq!(sub.state(), SubLinkState::Closed);
    }

    #[test]
    fn a_refusal_is_not_an_opening() {
        let manner = manner();
        let link = PlatformLink::new(manner, 1, Serial::default(), None, Vec::new());
        let mut sub = SubLink::new(link);
        sub.hear(&manner.frame(9, id::SUB_LOGIN_ANSWER, &[1], NOW));
        assert_eq!(sub.state(), SubLinkState::Refused(1));
    }
}
