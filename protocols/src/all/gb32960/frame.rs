//! Where frames begin and end, their header, and answers.

use crate::field::{Reader, checksum::xor};
use crate::{Out, Reason, Reject, Step};

/// Where the command stands.
pub(super) const COMMAND: usize = 2;
const ANSWER: usize = 3;
const VIN: usize = 4;
/// Where the kind of encryption stands.
pub(super) const CIPHER: usize = 21;
/// The start, the command, its answer, the VIN, the encryption and the length.
const HEADER: usize = 24;
/// The standard allows data of 65 531 bytes. A length over that is taken too: its frame ends all
/// the same.
pub(super) const MAX: usize = HEADER + 65_535 + 1;

/// Not an answer: a command.
const IS_COMMAND: u8 = 0xfe;
const NOT_ENCRYPTED: u8 = 1;

/// Which edition of the standard a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    Of2016,
    Of2025,
}

/// What stands before the data.
pub(super) struct Header<'f> {
    pub(super) edition: Edition,
    pub(super) command: u8,
    answer: u8,
    vin: &'f [u8],
    cipher: u8,
}

pub(super) fn find(bytes: &[u8], _last: bool) -> Step {
    if !may_begin(bytes) {
        return Step::Skip(next_start(bytes), Reason::Unframed);
    }
    let Some([high, low]) = bytes.get(HEADER.saturating_sub(2)..HEADER) else {
        return Step::Need(HEADER);
    };
    let end =
        HEADER.saturating_add(usize::from(u16::from_be_bytes([*high, *low]))).saturating_add(1);
    let Some(frame) = bytes.get(..end) else { return Step::Need(end) };
    // Where bytes were lost, the next frame begins within what this one seems to be.
    let end = if is_sound(frame) { end } else { next_start(frame) };
    Step::Frame { body: 0..frame.len(), end }
}

/// The first place behind the first byte where a frame may begin; the end where there is none.
fn next_start(bytes: &[u8]) -> usize {
    let may_begin_at = |at: &usize| bytes.get(*at..).is_some_and(may_begin);
    (1..bytes.len()).find(may_begin_at).unwrap_or(bytes.len())
}

/// Whether `bytes`, as far as they go, can be a header.
fn may_begin(bytes: &[u8]) -> bool {
    let mark = bytes.first().copied().unwrap_or(b'#');
    let is_header = |(at, byte): (usize, &u8)| match at {
        0 | 1 => matches!(byte, b'#' | b'$') && *byte == mark,
        COMMAND => *byte != 0,
        ANSWER => matches!(*byte, 1..=7 | IS_COMMAND),
        // Padded by some with zeros.
        VIN..CIPHER => matches!(byte, 0 | b' '..=b'~'),
        CIPHER => matches!(byte, 1..=5 | 0xfe | 0xff),
        _ => true,
    };
    // All of one at once: no branch for each of its letters.
    if let Some(vin) = bytes.get(VIN..CIPHER) {
        let is_text = vin.iter().fold(true, |all, byte| all & matches!(byte, 0 | b' '..=b'~'));
        return is_text
            && [0, 1, COMMAND, ANSWER, CIPHER]
                .into_iter()
                .all(|at| bytes.get(at).is_none_or(|byte| is_header((at, byte))));
    }
    bytes.iter().take(HEADER).enumerate().all(is_header)
}

fn is_sound(frame: &[u8]) -> bool {
    xor(frame.get(COMMAND..).unwrap_or_default()) == 0
}

/// Opens a frame; the reader stands at the data then.
pub(super) fn open(frame: &[u8]) -> Result<(Header<'_>, Reader<'_>), Reject> {
    let until = frame.len().saturating_sub(1);
    if !is_sound(frame) {
        return Err(Reject::at(until, Reason::Checksum));
    }
    let mut reader = Reader::new(frame.get(..until).unwrap_or_default());
    let edition = match reader.take(2)? {
        b"$$" => Edition::Of2025,
        _ => Edition::Of2016,
    };
    let (command, answer) = (reader.u8()?, reader.u8()?);
    let vin = reader.take(CIPHER.saturating_sub(VIN))?;
    let cipher = reader.u8()?;
    // The length, by which the frame was found.
    reader.skip(2)?;
    Ok((Header { edition, command, answer, vin, cipher }, reader))
}

impl<'f> Header<'f> {
    /// Whether this answers a command of ours.
    pub(super) const fn is_answer(&self) -> bool {
        self.answer != IS_COMMAND
    }

    pub(super) const fn is_encrypted(&self) -> bool {
        self.cipher != NOT_ENCRYPTED
    }

    /// The vehicle's VIN.
    pub(super) fn vin(&self) -> Result<&'f str, Reject> {
        let vin = std::str::from_utf8(self.vin).unwrap_or_default().trim_matches(['\0', ' ']);
        let is_one = !vin.is_empty() && vin.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then_some(vin).ok_or(Reject::at(VIN, Reason::Unidentified))
    }

    /// Says that this vehicle speaks.
    pub(super) fn identify(&self, out: &mut Out<'_>) -> Result<(), Reject> {
        out.identify_by(self.vin, || self.vin())
    }

    /// An answer to this frame.
    pub(super) fn answer(&self, answer: u8, data: &[u8]) -> Vec<u8> {
        let start = match self.edition {
            Edition::Of2016 => b"##",
            Edition::Of2025 => b"$$",
        };
        let length = u16::try_from(data.len()).unwrap_or_default();
        let mut frame = Vec::with_capacity(data.len().saturating_add(25));
        frame.extend(start);
        frame.extend([self.command, answer]);
        frame.extend(self.vin);
        frame.push(NOT_ENCRYPTED);
        frame.extend(length.to_be_bytes());
        frame.extend(data);
        frame.push(xor(frame.get(COMMAND..).unwrap_or_default()));
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Vec<u8> {
        let vin = b"LVAAA00AAAA000001";
        let cipher = NOT_ENCRYPTED;
        let header = Header { edition: Edition::Of2016, command: 7, answer: 0, vin, cipher };
        header.answer(IS_COMMAND, &[])
    }

    #[test]
    fn a_frame_ends_where_its_length_says() {
        let frame = heartbeat();
        assert_eq!(frame.len(), HEADER + 1);
        assert_eq!(find(&frame, false), Step::Frame { body: 0..25, end: 25 });
        assert_eq!(find(&frame[..10], false), Step::Need(HEADER));
        assert_eq!(find(&frame[..HEADER], false), Step::Need(25));
        assert_eq!(find(&[&b"#1"[..], &frame].concat(), false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b"ab#", false), Step::Skip(2, Reason::Unframed));
    }

    #[test]
    fn lost_bytes_cost_one_frame() {
        let frame = heartbeat();
        let mut cut = frame[..23].to_vec();
        cut.extend([7]);
        cut.extend(&frame);
        // The first one's length takes it into the second.
        assert_eq!(find(&cut, false), Step::Frame { body: 0..32, end: 24 });
        assert_eq!(open(&cut[..32]).err(), Some(Reject::at(31, Reason::Checksum)));
    }
}
