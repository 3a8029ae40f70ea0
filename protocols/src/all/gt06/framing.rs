//! Where a frame begins and ends: by its length, and found again by its marks.

use crate::field::checksum::crc16_x25;
use crate::field::search;
use crate::{Reason, Step};

/// The longest frame. The two bytes of an extended length could say 65 541; a photograph's parts,
/// the longest messages known, have some 1100.
pub(super) const MAX: usize = 2048;
/// What every frame ends with.
const END: &[u8; 2] = b"\r\n";
/// Cells in a message of hot spots: seven are usual.
const CELLS_MAX: u8 = 32;

/// What the first two bytes say of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `78 78`: one byte of length.
    Basic,
    /// `79 79`: two.
    Extended,
}

impl Form {
    /// The form that a frame begins with.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x78, 0x78, ..] => Some(Self::Basic),
            [0x79, 0x79, ..] => Some(Self::Extended),
            _ => None,
        }
    }
}

/// The message numbers of hot spots.
pub(super) const HOT_SPOTS: [u8; 2] = [0x17, 0x69];
/// Standard frames of the same numbers are longer; without a checksum, the length counts hot spots.
pub(super) const HOT_SPOTS_MAX: u8 = 0x20;
/// A login without a checksum, as a whole.
pub(super) const SHORT_LOGIN_LENGTH: usize = 15;

/// The next step for the bytes at hand.
pub(super) fn find(bytes: &[u8], _last: bool) -> Step {
    let total = match (bytes, Form::of(bytes)) {
        ([0x78 | 0x79], _) => return Step::Need(2),
        (_, None) => {
            return Step::Skip(next_start(bytes).unwrap_or(bytes.len()).max(1), Reason::Unframed);
        }
        ([_, _, length, kind, ..], Some(Form::Basic)) => basic_total(*length, *kind, bytes),
        ([_, _, high, low, ..], Some(Form::Extended)) => {
            Ok(usize::from(u16::from_be_bytes([*high, *low])).saturating_add(6))
        }
        _ => return Step::Need(4),
    };
    // Three of the first mark: the length may be 78, or the first of them noise.
    if let [0x78, rest @ ..] = bytes
        && let [0x78, 0x78, length, ..] = rest
        && let inner = usize::from(*length).saturating_add(5)
        && inner < usize::from(0x78_u8).saturating_add(5)
    {
        match rest.get(..inner) {
            None => return Step::Need(inner.saturating_add(1)),
            Some(frame) if is_sound(frame) => return Step::Skip(1, Reason::Unframed),
            Some(_) => {}
        }
    }
    let total = match total {
        Ok(total) if total > MAX => return Step::Skip(1, Reason::TooLong),
        Ok(total) => total,
        Err(needed) => return Step::Need(needed),
    };
    let Some(frame) = bytes.get(..total) else { return Step::Need(total) };
    if frame.ends_with(END) {
        return Step::Frame { body: 0..total, end: total };
    }
    // Bytes were lost: go on behind the end of this frame or at the start of another, whichever
    // comes first. Either may be a chance of the data; then this is where it comes to again.
    let end = search::find(frame, END).map(|end| end.saturating_add(END.len()));
    let start = next_start(frame);
    let count = end.into_iter().chain(start).min().unwrap_or(total);
    Step::Skip(count, Reason::Malformed)
}

/// Whether a frame of the basic form has its end and its checksum.
fn is_sound(frame: &[u8]) -> bool {
    let Some(([_, _, summed @ ..], [high, low, b'\r', b'\n'])) = frame.split_last_chunk() else {
        return false;
    };
    crc16_x25(summed) == u16::from_be_bytes([*high, *low])
}

/// Where, behind the first byte, a frame may begin.
fn next_start(bytes: &[u8]) -> Option<usize> {
    let pairs = bytes.windows(2).skip(1).position(|pair| Form::of(pair).is_some());
    let last = match bytes {
        [_, .., 0x78 | 0x79] => Some(bytes.len().saturating_sub(1)),
        _ => None,
    };
    pairs.map(|position| position.saturating_add(1)).or(last)
}

/// The length of a whole frame of the basic form, or how many bytes it takes to know it.
fn basic_total(length: u8, kind: u8, bytes: &[u8]) -> Result<usize, usize> {
    let total = usize::from(length).saturating_add(5);
    let ends_at = |end: usize| bytes.get(..end).map(|frame| frame.ends_with(END)).ok_or(end);
    if HOT_SPOTS.contains(&kind) && length < HOT_SPOTS_MAX {
        // Marks, count, number, time; hot spots; the count of cells, network, cells; end.
        let cells_at = usize::from(length).saturating_mul(7).saturating_add(10);
        let cells = *bytes.get(cells_at).ok_or_else(|| cells_at.saturating_add(1))?;
        let cells = usize::from(cells.min(CELLS_MAX));
        return Ok(cells_at
            .saturating_add(4)
            .saturating_add(cells.saturating_mul(5))
            .saturating_add(2));
    }
    // Some firmware counts two bytes too few in its heartbeats.
    if kind == 0x13 && length == 8 && !ends_at(total)? {
        return Ok(total.saturating_add(2));
    }
    // Logins without serial number and checksum say the length of those with them.
    if kind == 0x01 && length == 0x0d && ends_at(SHORT_LOGIN_LENGTH)? {
        let [high, _] = crc16_x25(bytes.get(2..14).unwrap_or_default()).to_be_bytes();
        // The fifteenth byte of one with them is the first of the checksum.
        if high != b'\n' {
            return Ok(SHORT_LOGIN_LENGTH);
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn whole(total: usize) -> Step {
        Step::Frame { body: 0..total, end: total }
    }

    #[test]
    fn the_length_rules_even_where_the_data_hold_an_end() {
        let frame = b"\x78\x78\x07\x94\r\n\0\x01\0\0\r\n";
        assert_eq!(find(frame, false), whole(12));
        assert_eq!(find(&frame[..6], false), Step::Need(12));
        let extended = b"\x79\x79\0\x07\x94\r\n\0\x01\0\0\r\n";
        assert_eq!(find(extended, false), whole(13));
        assert_eq!(find(b"\x79\x79\x7f\xff", false), Step::Skip(1, Reason::TooLong));
        assert_eq!(find(&[0x78], false), Step::Need(2));
        assert_eq!(find(&[0x78, 0x78, 5], false), Step::Need(4));
    }

    #[test]
    fn lost_bytes_cost_one_frame() {
        let good = b"\x78\x78\x05\x13\0\x01\0\0\r\n";
        let cut = [&b"\x78\x78\x0a\x13\x01\x02"[..], good].concat();
        assert_eq!(find(&cut, false), Step::Skip(6, Reason::Malformed));
        let short = [&b"\x78\x78\x0a\x13\x01\x02\r\n"[..], good].concat();
        assert_eq!(find(&short, false), Step::Skip(8, Reason::Malformed));
        let answer = crate::all::gt06::message::frame(Form::Basic, 0x13, &[], 1);
        let noise = [&[0x78][..], &answer].concat();
        assert_eq!(find(&noise, false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(&noise[..9], false), Step::Need(11));
        let mut long = vec![0x78, 0x78, 0x78, 0x15];
        long.resize(0x78 + 3, 0);
        long.extend(b"\r\n");
        assert_eq!(find(&long, false), whole(0x78 + 5));
        assert_eq!(find(b"\x01\x02\x78", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b"\x01", false), Step::Skip(1, Reason::Unframed));
    }

    #[test]
    fn frames_without_a_checksum_have_lengths_of_their_own() {
        // One hot spot, one cell.
        let spots = b"\x78\x78\x01\x69\x26\x06\x15\x02\x01\x15ABCDEF\x50\x01\x01\xcc\0\x10\x20\x30\x40\x50\r\n";
        assert_eq!(find(spots, false), whole(spots.len()));
        assert_eq!(find(&spots[..8], false), Step::Need(18));
        let login = b"\x78\x78\x0d\x01\x01\x23\x45\x67\x89\x01\x23\x45\x01\r\n";
        assert_eq!(find(login, false), whole(15));
        let heartbeat = b"\x78\x78\x08\x13\x04\x06\x04\0\x02\0\x01\0\0\r\n";
        assert_eq!(find(heartbeat, false), whole(15));
    }
}
