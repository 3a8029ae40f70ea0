//! Messages that come in parts (bit 13 of the attributes), put together within limits.

use std::collections::VecDeque;

use super::header::Part;
use crate::{Reason, Time};

/// Parts of one message: a photograph has some 60, and 512 full ones are half a megabyte.
const PARTS_MAX: u16 = 512;
/// Bytes held for one connection, over all its unfinished messages.
const BYTES_MAX: usize = 512 * 1024;
/// Unfinished messages at a time: a terminal sends them one after another.
const MESSAGES_MAX: usize = 4;
/// How long a message may wait for its next part.
const PATIENCE_MS: i64 = 60_000;
/// After so much silence the missing parts are asked for again.
const ASK_AGAIN_MS: i64 = 10_000;
/// How often they are asked for.
const ASKED_MAX: u8 = 3;

/// Whether two parts belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    message: u16,
    total: u16,
    /// The serial number of the first part: the others count on from it.
    first_serial: u16,
}

struct Unfinished {
    key: Key,
    parts: Vec<Option<Vec<u8>>>,
    bytes: usize,
    missing: usize,
    last_part_at: Time,
    last_asked_at: Time,
    asked: u8,
}

/// What to ask a terminal for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// The serial number of the message's first part.
    pub(super) first_serial: u16,
    /// The numbers of the parts that have not come.
    pub(super) parts: Vec<u16>,
}

impl Unfinished {
    fn missing(&mut self, now: Time) -> Missing {
        self.asked = self.asked.saturating_add(1);
        self.last_asked_at = now;
        let parts = (1..=self.key.total).zip(&self.parts);
        let parts = parts.filter(|(_, part)| part.is_none()).map(|(number, _)| number).collect();
        Missing { first_serial: self.key.first_serial, parts }
    }
}

/// What one more part makes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The whole body.
    Whole(Vec<u8>),
    /// Others are still to come; those that should have come by now.
    Waiting(Option<Missing>),
}

/// The unfinished messages of one connection, the oldest first.
#[derive(Default)]
pub(super) struct Reassembly {
    messages: VecDeque<Unfinished>,
}

impl Reassembly {
    /// Gives up what has waited too long; answers how many messages that were.
    pub(super) fn expire(&mut self, now: Time) -> usize {
        let before = self.messages.len();
        self.messages.retain(|message| now.millis_since(message.last_part_at) <= PATIENCE_MS);
        before.saturating_sub(self.messages.len())
    }

    /// What to ask for again.
    pub(super) fn overdue(&mut self, now: Time) -> Option<Missing> {
        let message = self.messages.iter_mut().find(|message| {
            let silent_since = message.last_part_at.max(message.last_asked_at);
            message.asked < ASKED_MAX && now.millis_since(silent_since) >= ASK_AGAIN_MS
        })?;
        Some(message.missing(now))
    }

    /// Adds one part. An error is why its whole message, or another, was given up.
    pub(super) fn add(
        &mut self,
        message: u16,
        serial: u16,
        part: Part,
        body: &[u8],
        now: Time,
    ) -> Result<Progress, Reason> {
        let index = part.number.saturating_sub(1);
        let first_serial = serial.wrapping_sub(index);
        let key = Key { message, total: part.total, first_serial };
        if part.total > PARTS_MAX {
            return Err(Reason::TooLong);
        }
        let held: usize = self.messages.iter().map(|message| message.bytes).sum();
        let place = self.messages.iter().position(|message| message.key == key);
        if held.saturating_add(body.len()) > BYTES_MAX {
            self.messages.remove(place.unwrap_or_default());
            return Err(Reason::TooLong);
        }
        let mut given_up = false;
        let place = place.unwrap_or_else(|| {
            if self.messages.len() >= MESSAGES_MAX {
                given_up = self.messages.pop_front().is_some();
            }
            self.messages.push_back(Unfinished {
                key,
                parts: vec![None; usize::from(part.total)],
                bytes: 0,
                missing: usize::from(part.total),
                last_part_at: now,
                last_asked_at: now,
                asked: 0,
            });
            self.messages.len().saturating_sub(1)
        });
        let progress = self.put(place, index, body, now);
        if given_up { Err(Reason::Incomplete) } else { Ok(progress) }
    }

    fn put(&mut self, place: usize, index: u16, body: &[u8], now: Time) -> Progress {
        let Some(message) = self.messages.get_mut(place) else { return Progress::Waiting(None) };
        message.last_part_at = now;
        if let Some(slot @ None) = message.parts.get_mut(usize::from(index)) {
            *slot = Some(body.to_vec());
            message.bytes = message.bytes.saturating_add(body.len());
            message.missing = message.missing.saturating_sub(1);
        }
        if message.missing == 0 {
            let parts = self.messages.remove(place).map(|message| message.parts);
            return Progress::Whole(parts.into_iter().flatten().flatten().flatten().collect());
        }
        let is_last = index.saturating_add(1) == message.key.total;
        let ask = is_last && message.asked < ASKED_MAX;
        Progress::Waiting(ask.then(|| message.missing(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: u16 = 0x0801;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    fn part(total: u16, number: u16) -> Part {
        Part { total, number }
    }

    #[test]
    fn parts_come_together_in_any_order() {
        let mut parts = Reassembly::default();
        let waiting = Ok(Progress::Waiting(None));
        assert_eq!(parts.add(MEDIA, 10, part(3, 1), b"a", at(0)), waiting);
        let missing = Missing { first_serial: 10, parts: vec![2] };
        let asks = Ok(Progress::Waiting(Some(missing)));
        assert_eq!(parts.add(MEDIA, 12, part(3, 3), b"c", at(1)), asks);
        assert_eq!(parts.add(MEDIA, 10, part(3, 1), b"x", at(1)), waiting);
        let whole = Ok(Progress::Whole(b"abc".to_vec()));
        assert_eq!(parts.add(MEDIA, 11, part(3, 2), b"b", at(2)), whole);
        assert!(parts.messages.is_empty());
    }

    #[test]
    fn what_never_comes_is_asked_for_and_then_given_up() {
        let mut parts = Reassembly::default();
        parts.add(MEDIA, 0xffff, part(2, 1), b"a", at(0)).unwrap();
        assert_eq!(parts.overdue(at(9)), None);
        let missing = Missing { first_serial: 0xffff, parts: vec![2] };
        assert_eq!(parts.overdue(at(10)), Some(missing));
        assert_eq!(parts.overdue(at(11)), None);
        assert_eq!(parts.expire(at(60)), 0);
        assert_eq!(parts.expire(at(61)), 1);
    }

    #[test]
    fn room_is_bounded() {
        let mut parts = Reassembly::default();
        let too_many = parts.add(MEDIA, 0, part(PARTS_MAX + 1, 1), b"a", at(0));
        assert_eq!(too_many, Err(Reason::TooLong));
        for serial in 0..4 {
            assert!(parts.add(MEDIA, serial * 10, part(2, 1), b"a", at(0)).is_ok());
        }
        let fifth = parts.add(MEDIA, 50, part(2, 1), b"a", at(0));
        assert_eq!(fifth, Err(Reason::Incomplete));
        assert_eq!(parts.messages.len(), MESSAGES_MAX);
        let large = vec![0; BYTES_MAX];
        let too_large = parts.add(MEDIA, 51, part(2, 2), &large, at(0));
        assert_eq!(too_large, Err(Reason::TooLong));
        assert_eq!(parts.messages.len(), MESSAGES_MAX - 1);
    }
}
