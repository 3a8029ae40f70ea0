//! AIS 140: vehicle location trackers of India, of many makers (iTriangle, RoadPoint, Atlanta,
//! Mark, Traxsmart, …).
//!
//! TCP on port 5179. Source: the standard's "Intelligent Transportation Systems" annexes, the
//! states' protocol documents; makers differ, see the quirks.
//!
//! A sentence: `$`, kind, `,`, fields up to `*` or the line's end. The IMEI, 15 digits, tells where
//! in it one is.
//!
//! | kind | fields around the IMEI | answer |
//! |---|---|---|
//! | `01`, `LGN` and others | a login: version, standard, a place without a time | `$,1,*`; `$LGN`, `ddmmyyyyhhmmss`, `*` |
//! | `HBT` | a heartbeat | `$HBT*` |
//! | `02`, `HMP`, `HLM`, `HP` | health: battery, … | |
//! | any with `L` or `H` before the IMEI | a position: see [`position`] | |
//! | any with `EMR` before the IMEI | an emergency: see [`position`] | |
//! | any with a date behind the IMEI | a position too | |
//!
//! Quirks: some write `$,` before the kind. The standard leaves the checksum to the makers: before
//! or behind the `*`, two digits (all from `$` combined by exclusive or, the `*` too where they
//! stand behind it) or eight (CRC-32), or another that is not known. So it is believed once two
//! more sentences of a device had it right than wrong, and wrong ones are refused from then on.

mod position;

use memchr::{memchr, memchr3};

use crate::field::{Fields, checksum};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Decoder, DeviceId, Framer, Out, Protocol, Reason, Reject,
    Standing, Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "its",
    title: "AIS 140 (India's vehicle location trackers)",
    port: 5179,
    transports: Transports::Tcp,
    framer: Framer::Remembering { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowBattery,
        Alarm::PowerRestored,
    ],
    commands: None,
    decoder: || Box::new(Its::default()),
};

/// Sentences have some 300 bytes.
const MAX_FRAME: usize = 1024;
const IMEI: usize = 15;
/// So many more right than wrong checksums make wrong ones an error.
const TRUSTED: u8 = 2;
/// No run of right ones outweighs more wrong ones than this.
const MOST_TRUST: u8 = 8;

/// In the memory: the last sentence ended with its `*`, so that digits may yet follow.
const STARRED: u64 = 1;

fn find(bytes: &[u8], last: bool, memory: &mut u64) -> Step {
    if bytes.first() != Some(&b'$') {
        let between = |byte: &u8| {
            byte.is_ascii_whitespace()
                || (*memory == STARRED && (*byte == b'*' || byte.is_ascii_hexdigit()))
        };
        let passed = bytes.iter().take_while(|byte| between(byte)).count();
        if passed > 0 {
            return Step::Frame { body: 0..0, end: passed };
        }
        *memory = 0;
        let next = bytes.iter().position(|byte| *byte == b'$' || byte.is_ascii_whitespace());
        return Step::Skip(next.unwrap_or(bytes.len()), Reason::Unframed);
    }
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    let more = bytes.len().saturating_add(1);
    let rest = window.get(1..).unwrap_or_default();
    let Some(at) = memchr3(b'*', b'\n', b'$', rest) else {
        *memory = 0;
        return match bytes.len() {
            MAX_FRAME.. => Step::Skip(MAX_FRAME, Reason::TooLong),
            length if last => Step::Frame { body: 0..length, end: length },
            _ => Step::Need(more),
        };
    };
    let at = at.saturating_add(1);
    let sentence = window.get(..at).unwrap_or_default();
    if window.get(at) != Some(&b'*') {
        *memory = 0;
        return Step::Frame { body: 0..sentence.trim_ascii_end().len(), end: at };
    }
    *memory = STARRED;
    let after = at.saturating_add(1);
    let tail = window.get(after..).unwrap_or_default();
    let digits = tail.iter().take_while(|byte| byte.is_ascii_hexdigit()).take(8).count();
    if is_complete(sentence) {
        return Step::Frame { body: 0..after, end: after };
    }
    let end = after.saturating_add(digits);
    if digits < 8 && tail.len() == digits && !last && end < MAX_FRAME {
        return Step::Need(more);
    }
    Step::Frame { body: 0..end, end }
}

/// Whether a sentence, up to its `*`, has its checksum already, or none: no digits follow.
fn is_complete(sentence: &[u8]) -> bool {
    match sentence.rsplit(|byte| *byte == b',').next() {
        // One byte that is no text is a checksum as it is.
        Some([byte]) => !byte.is_ascii_graphic(),
        Some(field @ ([] | [_, _] | [_, _, _, _, _, _, _, _])) => {
            field.iter().all(u8::is_ascii_hexdigit)
        }
        _ => false,
    }
}

/// Which checksums a device has had right.
#[derive(Default)]
struct Its {
    /// How many more were right than wrong, of two digits and of eight.
    trust: [u8; 2],
}

impl Its {
    /// # Errors
    /// [`Reason::Checksum`] where one is wrong that was believed.
    fn verify(&mut self, frame: &[u8], star: usize) -> Result<(), Reject> {
        let Some(found) = checksum_of(frame, star) else { return Ok(()) };
        let [short, long] = &mut self.trust;
        let trust = if found.is_long { long } else { short };
        let is_trusted = *trust >= TRUSTED;
        if found.is_right {
            *trust = trust.saturating_add(1).min(MOST_TRUST);
            return Ok(());
        }
        *trust = trust.saturating_sub(1);
        if is_trusted { Err(Reject::at(found.at, Reason::Checksum)) } else { Ok(()) }
    }
}

impl Decoder for Its {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let star = memchr(b'*', frame).unwrap_or(frame.len());
        let fields = Fields::split(frame.get(..star).unwrap_or(frame), b',');
        let is_imei = |index: &usize| {
            let text = fields.bytes(*index);
            text.len() == IMEI && text.iter().all(u8::is_ascii_digit)
        };
        let imei = (1..fields.count()).find(is_imei);
        if let Some(imei) = imei
            && context.device.map(DeviceId::as_str) != Some(fields.text(imei))
        {
            *self = Self::default();
        }
        self.verify(frame, star)?;
        let imei = imei.ok_or_else(|| fields.reject(fields.count(), Reason::Malformed))?;
        sentence(context, &fields, imei, out)
    }
}

struct Found {
    at: usize,
    is_long: bool,
    is_right: bool,
}

/// The checksum of a sentence where it has one of the two forms that are known.
fn checksum_of(frame: &[u8], star: usize) -> Option<Found> {
    let behind = star.saturating_add(1);
    let at = if behind < frame.len() {
        behind
    } else {
        let sentence = frame.get(..star)?;
        let sentence = sentence.strip_suffix(b",").unwrap_or(sentence);
        memchr::memrchr(b',', sentence)?.saturating_add(1)
    };
    let (content, tail) = frame.split_at_checked(at)?;
    let length = tail.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let stated = std::str::from_utf8(tail.get(..length)?).ok()?;
    let stated = u32::from_str_radix(stated, 16).ok()?;
    let is_right = match length {
        2 => u32::from(checksum::xor(content)) == stated,
        8 => checksum::crc32(content.strip_suffix(b"*").unwrap_or(content)) == stated,
        _ => return None,
    };
    Some(Found { at, is_long: length == 8, is_right })
}

fn sentence(
    context: &Context<'_>,
    fields: &Fields<'_>,
    imei: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    // Some write a comma behind the mark.
    let is_apart = fields.text(0) == "$";
    let kind = if is_apart { fields.text(1) } else { fields.text(0).trim_start_matches('$') };
    let before = fields.text(imei.saturating_sub(1));
    let device = fields.text(imei);
    if matches!(before, "L" | "H" | "EMR") || position::is_dated(fields, imei) {
        out.identify(device);
        return position::position(fields, imei, before, out);
    }
    match kind {
        "HBT" => {
            out.identify(device);
            if is_apart {
                out.reply(*b"$HBT*", When::Now);
            }
        }
        "02" | "HMP" | "HLM" | "HP" => {
            out.identify(device);
            health(fields, imei, out);
        }
        _ => {
            out.login(device, Standing::Claimed, Vec::new());
            match kind {
                "01" if is_apart => out.reply(*b"$,1,*", When::Now),
                "LGN" if is_apart => out.reply(clock(context.received_at), When::Now),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The answer that sets a device's clock.
fn clock(now: Time) -> String {
    let ((year, month, day), (hour, minute, second)) = now.to_civil(0);
    format!("$LGN{day:02}{month:02}{year:04}{hour:02}{minute:02}{second:02}*")
}

fn health(fields: &Fields<'_>, imei: usize, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let percent = fields.number(imei.saturating_add(1)).filter(|percent| *percent <= 100.0);
    attributes.set_some("battery_percent", percent);
    let rest = fields.joined(imei.saturating_add(1), fields.count());
    attributes.set("result", rest.into_owned());
    out.report(None, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_nothing_more_can_follow() {
        let frame = |body: usize, end: usize| Step::Frame { body: 0..body, end };
        let find = |bytes: &[u8]| find(bytes, false, &mut 0);
        assert_eq!(find(b"$,01,1,*"), frame(8, 8));
        assert_eq!(find(b"$A,1,7B*"), frame(8, 8));
        assert_eq!(find(b"$A,1,()*"), Step::Need(9));
        assert_eq!(find(b"$A,1,()*7B"), Step::Need(11));
        assert_eq!(find(b"$A,1,()*7B\r\n"), frame(10, 10));
        assert_eq!(find(b"\r\n$A"), frame(0, 2));
        assert_eq!(find(b"$A,36EF*226F7BD1"), frame(16, 16));
        assert_eq!(find(b"$A,1,()*$B"), frame(8, 8));
        assert_eq!(find(b"$A,1,\xa9*"), frame(7, 7));
        assert_eq!(find(b"$A,1\r\n$B"), frame(4, 5));
        assert_eq!(find(b"$A,1$B"), frame(4, 4));
        assert_eq!(find(b"abc$A"), Step::Skip(3, Reason::Unframed));
    }

    #[test]
    fn digits_may_be_left_behind_a_sentence() {
        let mut memory = 0;
        let frame = |body: usize, end: usize| Step::Frame { body: 0..body, end };
        assert_eq!(find(b"$A,EF*22", false, &mut memory), frame(6, 6));
        assert_eq!(find(b"22$", false, &mut memory), frame(0, 2));
        assert_eq!(find(b"$A\n22", false, &mut memory), frame(2, 2));
        assert_eq!(find(b"\n22", false, &mut memory), frame(0, 1));
        assert_eq!(find(b"22", false, &mut memory), Step::Skip(2, Reason::Unframed));
    }
}
