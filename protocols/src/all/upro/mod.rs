//! UPRO and kin: trackers of Maigu (`*MG20`, `*VK20`) and those that begin with `*HQ20` or `*AI20`.
//!
//! TCP on port 5095. Source: the makers' own platforms and simulators that are public, and
//! recorded frames; the makers' description was not to be had.
//!
//! A frame: `*`, house (two letters), version `20`, `1` where an answer is wanted, else `0`, device
//! (digits), `,`, message (two letters), then fields, each `&` and a letter, up to `#`.
//!
//! | message | meaning |
//! |---|---|
//! | `AB`, `AH`, `AC` | login, heartbeat, leave |
//! | `BA`, `AS`, `AD`, … | a position, or whatever its fields say |
//! | `BB` count `(…)(…)` | several reports, each in round brackets |
//! | `GY` | kind 2, length 2 and so many bytes of another device; kind `4009`: a driver's card |
//! | `Y…` | an answer to a command |
//!
//! The answer is `*`, house, `20Y`, message, `#`. The fields are those of [`fields`].
//!
//! Quirks: `&Q` and `&U` of all but HQ are 14 and 16 bytes of any value, `#` and `&` too, and so is
//! what `GY` carries. Numbers in "hexadecimal" run from `0` to `?`.

mod fields;

use memchr::{memchr, memchr2};

use crate::field::{Reader, text};
use crate::framing::{between, window};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "upro",
    title: "UPRO, Maigu, VK: fields behind &",
    port: 5095,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::AntiTheft,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Overspeed,
        Alarm::LowPower,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// A frame has some 300 bytes; nine reports in one fit too.
const MAX_FRAME: usize = 2048;
/// `*`, house, version, the wish for an answer.
const HEAD: usize = 6;
/// Kind and length of what `GY` carries.
const CARRIED_HEAD: usize = 4;
const DRIVER_CARD: u16 = 0x4009;

fn find(bytes: &[u8], last: bool) -> Step {
    if let Some(step) = between(bytes, |byte| byte == b'*') {
        return step;
    }
    match end(window(bytes, MAX_FRAME)) {
        Ok(at) => Step::Frame { body: 0..at, end: at.saturating_add(1) },
        Err(need) if need > MAX_FRAME => Step::Skip(1, Reason::TooLong),
        Err(_) if last => Step::Frame { body: 0..bytes.len(), end: bytes.len() },
        Err(need) => Step::Need(need),
    }
}

/// Where the `#` of a frame stands, or how many bytes must be there to look on.
fn end(bytes: &[u8]) -> Result<usize, usize> {
    let more = bytes.len().saturating_add(1);
    let comma = memchr2(b',', b'#', bytes).ok_or(more)?;
    let mut at = comma.saturating_add(1);
    let message = bytes.get(at..at.saturating_add(2)).ok_or(more);
    if bytes.get(comma) == Some(&b',') && message? == b"GY" {
        let carried = at.saturating_add(2);
        let data = carried.saturating_add(CARRIED_HEAD);
        let length = bytes.get(carried..data).ok_or(data)?;
        let Some(&[high, low]) = length.get(2..) else { return Err(data) };
        at = data.saturating_add(usize::from(u16::from_be_bytes([high, low])));
    } else {
        at = comma;
    }
    let is_binary = is_binary(bytes);
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or_else(|| at.saturating_add(1))?;
        at = at.saturating_add(memchr2(b'#', b'&', rest).ok_or(more)?);
        if bytes.get(at) == Some(&b'#') {
            return Ok(at);
        }
        let letter = *bytes.get(at.saturating_add(1)).ok_or(more)?;
        at = at.saturating_add(1).saturating_add(fixed_length(letter, is_binary));
    }
}

/// Whether `&Q` and `&U` are bytes of any value.
fn is_binary(frame: &[u8]) -> bool {
    !frame.starts_with(b"*HQ")
}

/// The letter of a field and how many bytes behind it are passed over unseen.
const fn fixed_length(letter: u8, is_binary: bool) -> usize {
    match letter {
        b'Q' if is_binary => 15,
        b'U' if is_binary => 17,
        b'#' | b'&' => 0,
        _ => 1,
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let malformed = |at: usize| Reject::at(at, Reason::Malformed);
    let head = frame.get(..HEAD).ok_or_else(|| malformed(0))?;
    let &[b'*', first, second, b'2', b'0', wish @ (b'0' | b'1')] = head else {
        return Err(malformed(0));
    };
    let house = [first, second];
    if !house.iter().all(u8::is_ascii_alphanumeric) {
        return Err(malformed(1));
    }
    let comma = memchr(b',', frame).ok_or_else(|| malformed(frame.len()))?;
    let device = frame.get(HEAD..comma).unwrap_or_default();
    let device = std::str::from_utf8(device).map_err(|_| malformed(HEAD))?;
    if !(1..=20).contains(&device.len()) || !device.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(HEAD));
    }
    let at = comma.saturating_add(1);
    let body = at.saturating_add(2);
    let &[kind, item] = frame.get(at..body).unwrap_or_default() else { return Err(malformed(at)) };
    if !kind.is_ascii_uppercase() || !item.is_ascii_uppercase() {
        return Err(malformed(at));
    }
    if (kind, item) == (b'A', b'B') {
        out.login(device, Standing::Claimed, Vec::new());
    } else {
        out.identify(device);
    }
    let mut reader = Reader::new(frame);
    reader.skip(body)?;
    let is_data = match (kind, item) {
        (b'G', b'Y') => {
            carried(&mut reader, out)?;
            true
        }
        _ => fields::reports(&mut reader, (kind, item) == (b'B', b'B'), out),
    };
    if wish == b'1' {
        let [first, second] = house;
        let when = if is_data { When::Accepted } else { When::Now };
        out.reply([b'*', first, second, b'2', b'0', b'Y', kind, item, b'#'], when);
    }
    Ok(())
}

/// What another device said through this one.
fn carried(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let kind = reader.be_u16()?;
    let length = usize::from(reader.be_u16()?);
    let data = reader.take(length)?;
    let mut attributes = Attributes::new();
    if kind == DRIVER_CARD {
        attributes.set("driver_id", text::ascii(data));
    } else {
        attributes.set("data", text::hex(data));
    }
    out.report(None, AlarmSet::EMPTY, attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_at_the_mark_that_no_field_holds() {
        assert_eq!(find(b"*MG2011,AH#*", false), Step::Frame { body: 0..10, end: 11 });
        assert_eq!(find(b"*MG2011,AH", false), Step::Need(11));
        assert_eq!(find(b"\r\n*MG", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"x*MG", false), Step::Skip(1, Reason::Unframed));
        let binary = b"*MG2011,BA&Q1#3&567890123&M1#";
        assert_eq!(find(binary, false), Step::Frame { body: 0..28, end: 29 });
        assert_eq!(find(&binary[..20], false), Step::Need(27));
        assert_eq!(find(b"*HQ2011,BA&Q1#", false), Step::Frame { body: 0..13, end: 14 });
    }

    #[test]
    fn what_is_carried_is_as_long_as_it_says() {
        let carried = b"*HQ2001,GY\x40\x09\0\x03a#b#";
        assert_eq!(find(carried, false), Step::Frame { body: 0..17, end: 18 });
        assert_eq!(find(&carried[..14], false), Step::Need(18));
        assert_eq!(find(b"*HQ2001,GY\x40\x09\xff\xff", false), Step::Skip(1, Reason::TooLong));
    }
}
