//! Where a frame and its parts begin and end.

use crate::{Reason, Step};

/// The length has four digits.
pub(super) const MAX_FRAME: usize = 0x1_0000 + 64;
/// Where a frame's parts stand.
pub(super) struct Head {
    pub(super) device: (usize, usize),
    pub(super) number: Option<(usize, usize)>,
    pub(super) content: usize,
    length: usize,
}

/// Where the run of letters and digits from `from` on ends with a star. `Ok(None)` where more bytes
/// are needed.
fn star(bytes: &[u8], from: usize, longest: usize) -> Result<Option<usize>, Reason> {
    let run = bytes.get(from..).unwrap_or_default();
    let length = run.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    match run.get(length) {
        _ if length > longest => Err(Reason::Malformed),
        None => Ok(None),
        Some(b'*') if length > 0 => Ok(Some(from.saturating_add(length))),
        Some(_) => Err(Reason::Malformed),
    }
}

/// `Ok(None)` where more bytes are needed. Every decision is made by the first bytes that allow it.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, Reason> {
    if bytes.iter().skip(1).take(2).any(|byte| !byte.is_ascii_alphanumeric()) {
        return Err(Reason::Malformed);
    }
    match bytes.get(3) {
        None => return Ok(None),
        Some(b'*') => {}
        Some(_) => return Err(Reason::Malformed),
    }
    let Some(first) = star(bytes, 4, 20)? else { return Ok(None) };
    let from = first.saturating_add(1);
    let Some(second) = star(bytes, from, 8)? else { return Ok(None) };
    let next = second.saturating_add(1);
    // With a number, four digits of length and a star follow.
    let digits = bytes.get(next..).unwrap_or_default();
    let run = digits.iter().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    match digits.get(run) {
        None if run <= 4 => Ok(None),
        Some(b'*') if run == 4 => {
            let until = next.saturating_add(run);
            let length = hex_length(bytes.get(next..until));
            let number = Some((from, second));
            let content = until.saturating_add(1);
            Ok(Some(Head { device: (4, first), number, content, length }))
        }
        _ if second.saturating_sub(from) == 4
            && bytes.get(from..second).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) =>
        {
            let length = hex_length(bytes.get(from..second));
            Ok(Some(Head { device: (4, first), number: None, content: next, length }))
        }
        _ => Err(Reason::Malformed),
    }
}

fn hex_length(digits: Option<&[u8]>) -> usize {
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    usize::from_str_radix(digits, 16).unwrap_or_default()
}

/// Voice and photographs hold any byte.
fn is_binary(content: &[u8]) -> bool {
    [&b"TK,"[..], b"JXTK,", b"img,"].iter().any(|command| content.starts_with(command))
}

pub(super) fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'\r' | b'\n', ..] => return Step::Frame { body: 0..0, end: 1 },
        [b'[', ..] => {}
        _ => return Step::Skip(1, Reason::Unframed),
    }
    let head = match head(bytes) {
        Ok(Some(head)) => head,
        Ok(None) if last => return Step::Skip(bytes.len(), Reason::Truncated),
        Ok(None) => return Step::Need(bytes.len().saturating_add(1)),
        Err(reason) => return Step::Skip(1, reason),
    };
    let content = bytes.get(head.content..).unwrap_or_default();
    // As many bytes as it takes to know whether it is binary.
    let Some(bracket) = memchr::memchr(b']', bytes.get(..MAX_FRAME).unwrap_or(bytes)) else {
        if bytes.len() >= MAX_FRAME {
            return Step::Skip(1, Reason::TooLong);
        }
        return if last {
            Step::Skip(bytes.len(), Reason::Truncated)
        } else {
            Step::Need(bytes.len().saturating_add(1))
        };
    };
    let mut end = bracket.saturating_add(1);
    if is_binary(content) {
        let stated = head.content.saturating_add(head.length);
        match bytes.get(stated) {
            Some(b']') => end = stated.saturating_add(1),
            Some(_) => {}
            None if last => return Step::Skip(bytes.len(), Reason::Truncated),
            None => return Step::Need(stated.saturating_add(1)),
        }
    }
    Step::Frame { body: 0..end, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_number_or_has_none() {
        let plain = b"[3G*8800000015*0002*LK]";
        assert_eq!(find(plain, false), Step::Frame { body: 0..23, end: 23 });
        let numbered = b"[ZJ*8800000015*0034*0002*LK]";
        assert_eq!(find(numbered, false), Step::Frame { body: 0..28, end: 28 });
        assert_eq!(head(numbered).unwrap().unwrap().length, 2);
        assert_eq!(find(b"[3G", false), Step::Need(4));
        assert_eq!(find(b"[3G?", false), Step::Skip(1, Reason::Malformed));
    }

    #[test]
    fn a_bracket_within_voice_ends_nothing() {
        let voice = b"[CS*1234567890*0007*TK,#]!A]";
        assert_eq!(find(voice, false), Step::Frame { body: 0..28, end: 28 });
        assert_eq!(find(&voice[..26], false), Step::Need(28));
    }
}
