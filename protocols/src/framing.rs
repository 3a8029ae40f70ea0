//! Where a frame begins and ends: data for most protocols, a function for the rest.
//!
//! A decision depends only on the bytes from the frame's start on and never on how many have
//! arrived: the same bytes give the same frames in any segmentation. Limits are checked as soon as
//! the header tells the length, before the body is waited for.

use std::ops::Range;

use memchr::memchr;

use crate::Reason;
use crate::field::search;

/// What to do with the bytes at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A frame is whole: decode `body`, then go on at `end`.
    Frame {
        /// What the decoder is given.
        body: Range<usize>,
        /// How many bytes are used up.
        end: usize,
    },
    /// More bytes are needed: at least so many in all.
    Need(usize),
    /// The first bytes are no part of a frame.
    Skip(usize, Reason),
    /// What follows cannot be taken apart any more.
    Fatal(usize, Reason),
}

/// How frames are found in a stream, or in a datagram.
#[derive(Clone, Copy)]
pub enum Framer {
    /// Text up to a line feed; the decoder is given the line without its end. Empty lines are
    /// passed over.
    Line {
        /// The longest line, its end included.
        max: usize,
    },
    /// From `start` to the next `end`; the decoder is given what lies between.
    Delimited {
        /// The first bytes; empty where a frame begins at once.
        start: &'static [u8],
        /// The last bytes.
        end: &'static [u8],
        /// Whether it is text, so that a last frame without its end still counts.
        text: bool,
        /// The longest frame, delimiters included.
        max: usize,
    },
    /// A big-endian length in the header; the decoder is given the whole frame.
    LengthField {
        /// The first bytes of every frame; empty where there is no mark.
        start: &'static [u8],
        /// Where the length stands.
        offset: usize,
        /// Its bytes: 1, 2, 3 or 4.
        width: usize,
        /// The bytes of the frame that the length does not count.
        extra: usize,
        /// The longest frame.
        max: usize,
    },
    /// Frames of one length; the decoder is given the whole frame.
    Fixed {
        /// That length.
        length: usize,
    },
    /// An HTTP/1.1 request, head and body; the decoder is given the whole request.
    Http {
        /// The longest head.
        max_head: usize,
        /// The longest body.
        max_body: usize,
    },
    /// A function of the bytes at hand and of whether they are the last.
    Function {
        /// The longest frame.
        max: usize,
        /// The function. It is called with at least one byte, and every frame or skip that it
        /// answers is at least one byte long.
        find: fn(bytes: &[u8], last: bool) -> Step,
    },
    /// As [`Framer::Function`], where what a frame was decides where the next one begins.
    Remembering {
        /// The longest frame.
        max: usize,
        /// The function. `memory` is 0 at first; what it sets is kept with the frame or skip that
        /// it answers, and forgotten with [`Step::Need`].
        find: fn(bytes: &[u8], last: bool, memory: &mut u64) -> Step,
    },
}

impl Framer {
    /// The longest frame.
    #[must_use]
    pub const fn max(&self) -> usize {
        match *self {
            Self::Line { max }
            | Self::Delimited { max, .. }
            | Self::LengthField { max, .. }
            | Self::Function { max, .. }
            | Self::Remembering { max, .. } => max,
            Self::Fixed { length } => length,
            Self::Http { max_head, max_body } => max_head.saturating_add(max_body),
        }
    }

    /// The next step for `bytes`, which are not empty; `last` where no more will come.
    #[must_use]
    pub fn step(&self, bytes: &[u8], last: bool) -> Step {
        self.step_after(&mut 0, bytes, last)
    }

    /// As [`Framer::step`], with what was remembered of the frames before.
    #[must_use]
    pub fn step_after(&self, memory: &mut u64, bytes: &[u8], last: bool) -> Step {
        match *self {
            Self::Line { max } => line(bytes, last, max),
            Self::Delimited { start, end, text, max } => {
                delimited(bytes, last && text, start, end, max)
            }
            Self::LengthField { start, offset, width, extra, max } => {
                length_field(bytes, start, offset, width, extra, max)
            }
            Self::Fixed { length } if bytes.len() < length => Step::Need(length),
            Self::Fixed { length } => Step::Frame { body: 0..length, end: length },
            Self::Http { max_head, max_body } => http(bytes, max_head, max_body),
            Self::Function { find, .. } => find(bytes, last),
            Self::Remembering { find, .. } => {
                let mut next = *memory;
                let step = find(bytes, last, &mut next);
                if matches!(step, Step::Frame { .. } | Step::Skip(..)) {
                    *memory = next;
                }
                step
            }
        }
    }
}

/// As much of `bytes` as a decision about a frame of at most `max` bytes may look at.
pub(crate) fn window(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}

/// What to do with bytes before the next frame, which `begins` tells by its first byte: white space is
/// passed over, and anything else is no part of one. `None` where a frame begins at once.
pub(crate) fn between(bytes: &[u8], begins: impl Fn(u8) -> bool) -> Option<Step> {
    let spaces = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if spaces > 0 {
        return Some(Step::Frame { body: 0..0, end: spaces });
    }
    let ends = |byte: &u8| begins(*byte) || byte.is_ascii_whitespace();
    match bytes.iter().position(ends) {
        Some(0) => None,
        next => Some(Step::Skip(next.unwrap_or(bytes.len()), Reason::Unframed)),
    }
}

/// What to do with text behind `from` that has no end within the `max` bytes that a frame may have: it is
/// given up where it has them all, and counts where no more will come.
pub(crate) fn without_end(bytes: &[u8], from: usize, max: usize, last: bool) -> Step {
    if bytes.len() >= max {
        Step::Skip(max, Reason::TooLong)
    } else if last {
        Step::Frame { body: from..bytes.len(), end: bytes.len() }
    } else {
        Step::Need(bytes.len().saturating_add(1))
    }
}

fn line(bytes: &[u8], last: bool, max: usize) -> Step {
    let (line, end) = match memchr(b'\n', window(bytes, max)) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), at.saturating_add(1)),
        None if bytes.len() >= max => return Step::Skip(max, Reason::TooLong),
        None if last => (bytes, bytes.len()),
        None => return Step::Need(bytes.len().saturating_add(1)),
    };
    Step::Frame { body: 0..line.trim_ascii_end().len(), end }
}

fn delimited(bytes: &[u8], last: bool, start: &[u8], end: &[u8], max: usize) -> Step {
    if !bytes.starts_with(start) {
        if !last && start.starts_with(bytes) {
            return Step::Need(start.len());
        }
        // Up to the next place where a start stands or may be coming in.
        let next = search::find(bytes, start)
            .unwrap_or_else(|| bytes.len().saturating_sub(start.len().saturating_sub(1)));
        return Step::Skip(next.clamp(1, bytes.len()), Reason::Unframed);
    }
    let from = start.len();
    match search::find(window(bytes, max).get(from..).unwrap_or_default(), end) {
        Some(length) => {
            let until = from.saturating_add(length);
            Step::Frame { body: from..until, end: until.saturating_add(end.len()) }
        }
        None => without_end(bytes, from, max, last),
    }
}

/// A frame whose header says that it ends, with a line end, before `end`. Where there is none, the
/// length is some bytes off, and the first line end before `end` and `slack` more decides.
pub(crate) fn counted_line(bytes: &[u8], end: usize, slack: usize, last: bool) -> Step {
    let until = end.saturating_add(slack);
    let window = window(bytes, until);
    match bytes.get(..end) {
        None if last => Step::Frame { body: 0..bytes.len(), end: bytes.len() },
        None => Step::Need(end),
        Some(frame) if frame.ends_with(b"\r\n") => Step::Frame { body: 0..end, end },
        Some(_) => match search::find(window, b"\r\n") {
            Some(at) => {
                let end = at.saturating_add(2);
                Step::Frame { body: 0..end, end }
            }
            None if last => Step::Frame { body: 0..window.len(), end: window.len() },
            None if window.len() < until => Step::Need(window.len().saturating_add(1)),
            None => Step::Skip(1, Reason::Malformed),
        },
    }
}

fn length_field(
    bytes: &[u8],
    start: &[u8],
    offset: usize,
    width: usize,
    extra: usize,
    max: usize,
) -> Step {
    if !bytes.starts_with(start) && !start.starts_with(bytes) {
        let next = search::find(bytes, start)
            .unwrap_or_else(|| bytes.len().saturating_sub(start.len().saturating_sub(1)));
        return Step::Skip(next.clamp(1, bytes.len()), Reason::Unframed);
    }
    let header = offset.saturating_add(width);
    let Some(field) = bytes.get(offset..header) else { return Step::Need(header) };
    let counted = field.iter().fold(0_usize, |length, byte| {
        length.saturating_mul(256).saturating_add(usize::from(*byte))
    });
    let length = counted.saturating_add(extra);
    if length > max {
        return Step::Fatal(offset, Reason::TooLong);
    }
    if length < header {
        return Step::Fatal(offset, Reason::Malformed);
    }
    if bytes.len() < length {
        return Step::Need(length);
    }
    Step::Frame { body: 0..length, end: length }
}

fn http(bytes: &[u8], max_head: usize, max_body: usize) -> Step {
    let Some(head) = search::find(window(bytes, max_head), b"\r\n\r\n") else {
        if bytes.len() >= max_head {
            return Step::Fatal(max_head, Reason::TooLong);
        }
        return Step::Need(bytes.len().saturating_add(1));
    };
    let body_from = head.saturating_add(4);
    let mut length = 0_usize;
    for line in bytes.get(..head).unwrap_or_default().split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = memchr(b':', line) else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                Some(stated) => length = stated,
                None => return Step::Fatal(0, Reason::Malformed),
            }
        }
        // Chunked bodies would need another reader; no tracker was seen to send one.
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Step::Fatal(0, Reason::Unsupported);
        }
    }
    if length > max_body {
        return Step::Fatal(body_from, Reason::TooLong);
    }
    let end = body_from.saturating_add(length);
    if bytes.len() < end {
        return Step::Need(end);
    }
    Step::Frame { body: 0..end, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_line_feed() {
        let framer = Framer::Line { max: 8 };
        assert_eq!(framer.step(b"ab\r\ncd", false), Step::Frame { body: 0..2, end: 4 });
        assert_eq!(framer.step(b"ab", false), Step::Need(3));
        assert_eq!(framer.step(b"ab", true), Step::Frame { body: 0..2, end: 2 });
        assert_eq!(framer.step(b"0123456789\n", false), Step::Skip(8, Reason::TooLong));
    }

    #[test]
    fn a_length_that_is_off_is_mended_by_the_lines_end() {
        let line = b"0123\r\n01234567";
        assert_eq!(counted_line(line, 6, 3, false), Step::Frame { body: 0..6, end: 6 });
        assert_eq!(counted_line(line, 5, 3, false), Step::Frame { body: 0..6, end: 6 });
        assert_eq!(counted_line(line, 9, 3, false), Step::Frame { body: 0..6, end: 6 });
        assert_eq!(counted_line(line, 20, 3, false), Step::Need(20));
        assert_eq!(counted_line(line, 20, 3, true), Step::Frame { body: 0..14, end: 14 });
        assert_eq!(counted_line(b"01234567", 2, 3, false), Step::Skip(1, Reason::Malformed));
        assert_eq!(counted_line(b"0123", 2, 3, false), Step::Need(5));
        assert_eq!(counted_line(b"0123", 2, 3, true), Step::Frame { body: 0..4, end: 4 });
    }

    #[test]
    fn a_delimited_frame_is_found_behind_garbage() {
        let framer = Framer::Delimited { start: b"*HQ", end: b"#", text: true, max: 16 };
        assert_eq!(framer.step(b"xx*HQ,1#", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(framer.step(b"*HQ,1#*", false), Step::Frame { body: 3..5, end: 6 });
        assert_eq!(framer.step(b"*H", false), Step::Need(3));
        assert_eq!(framer.step(b"x*H", false), Step::Skip(1, Reason::Unframed));
        assert_eq!(framer.step(b"*HQ,1", true), Step::Frame { body: 3..5, end: 5 });
    }

    #[test]
    fn a_length_over_the_limit_is_refused_on_the_header() {
        let framer = Framer::LengthField { start: b"", offset: 4, width: 4, extra: 12, max: 1000 };
        assert_eq!(framer.step(&[0, 0, 0, 0, 0, 0, 0xff, 0], false), {
            Step::Fatal(4, Reason::TooLong)
        });
        assert_eq!(framer.step(&[0, 0, 0, 0], false), Step::Need(8));
        assert_eq!(framer.step(&[0, 0, 0, 0, 0, 0, 0, 1], false), Step::Need(13));
    }

    #[test]
    fn an_http_request_is_whole_with_its_body() {
        let framer = Framer::Http { max_head: 100, max_body: 10 };
        let request = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET";
        let head = request.len() - 6;
        assert_eq!(framer.step(&request[..head], false), Step::Need(head + 3));
        assert_eq!(framer.step(request, false), Step::Frame { body: 0..head + 3, end: head + 3 });
        let large = b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n";
        assert_eq!(framer.step(large, false), Step::Fatal(large.len(), Reason::TooLong));
    }
}
