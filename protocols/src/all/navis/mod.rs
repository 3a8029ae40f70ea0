//! Navtelecom (Navis): SIGNAL and SMART trackers, by NTCB and FLEX.
//!
//! TCP and UDP on port 5077. Source: Navtelecom's descriptions of the protocols NTCB and FLEX 1.0,
//! 2.0 and 3.0.
//!
//! | NTCB | bytes | meaning |
//! |---|---|---|
//! | | 4 | `@NTC` |
//! | | 4 + 4 | receiver, sender, little-endian as all that follows |
//! | | 2 | length of the data |
//! | | 1 + 1 | exclusive or of the data, of the fifteen bytes before |
//! | data | | `*>S:` IMEI; `*>A`, `*>T` records (see `records`); `*>FLEX` (see `flex`); other text |
//!
//! After `*>FLEX`, which says which fields a record has, records come in FLEX frames: `~A` (count,
//! records), `~T` (index, record), `~C` (record), `~E`, `~X` (records of another kind), each with
//! a CRC behind it. One byte 7F keeps the connection alive.
//!
//! Quirks: a FLEX frame does not tell its length, which follows from the fields agreed on. Of FLEX
//! 3.0 not all sizes are known here, and over UDP, or after a broken connection, the agreement may
//! be missing: then the length is the first for which the CRC is right and all records are
//! plausible, and is kept once found.

mod flex;
mod records;

use crate::field::{Reader, checksum, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Decoder, Framer, Out, Protocol, Reason, Reject};
use crate::{Standing, Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "navis",
    title: "Navtelecom NTCB and FLEX",
    port: 5077,
    transports: Transports::TcpUdp,
    framer: Framer::Remembering { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[Alarm::General],
    commands: None,
    decoder: || Box::new(Navis::default()),
};

/// Some forty records of the largest kind.
const MAX_FRAME: usize = 16_384;
const MARK: &[u8] = b"@NTC";
const HEADER: usize = 16;

fn find(bytes: &[u8], _: bool, memory: &mut u64) -> Step {
    match bytes.first() {
        Some(0x7f) => Step::Frame { body: 0..0, end: 1 },
        Some(b'@') => find_ntcb(bytes, memory),
        Some(b'~') => flex::find(bytes, memory),
        _ => {
            let may_begin = |byte: &u8| matches!(byte, 0x7f | b'@' | b'~');
            Step::Skip(bytes.iter().position(may_begin).unwrap_or(bytes.len()), Reason::Unframed)
        }
    }
}

fn find_ntcb(bytes: &[u8], memory: &mut u64) -> Step {
    let mark = bytes.get(..MARK.len()).unwrap_or(bytes);
    if !MARK.starts_with(mark) {
        return Step::Skip(1, Reason::Unframed);
    }
    let Some(header) = bytes.get(..HEADER) else { return Step::Need(HEADER) };
    let (summed, sum) = header.split_at(HEADER.saturating_sub(1));
    if sum != [checksum::xor(summed)] {
        return Step::Skip(1, Reason::Checksum);
    }
    let length = match header {
        [.., low, high, _, _] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => 0,
    };
    let total = HEADER.saturating_add(length);
    if total > MAX_FRAME {
        return Step::Skip(1, Reason::TooLong);
    }
    let Some(frame) = bytes.get(..total) else { return Step::Need(total) };
    if let Some(fields) = frame.get(HEADER..).and_then(flex::Fields::read) {
        *memory = fields.record_length();
    }
    Step::Frame { body: 0..total, end: total }
}

#[derive(Default)]
struct Navis {
    /// What a FLEX record has.
    fields: flex::Fields,
}

impl Decoder for Navis {
    fn decode(&mut self, _: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        if frame.first() == Some(&b'~') {
            return flex::decode(&self.fields, frame, out);
        }
        let mut reader = Reader::new(frame);
        reader.skip(MARK.len())?;
        let receiver = reader.array()?;
        let sender = reader.array()?;
        reader.skip(2)?;
        let sum_at = reader.offset();
        let [sum, _] = reader.array()?;
        let data = reader.rest();
        if sum != checksum::xor(data) {
            return Err(Reject::at(sum_at, Reason::Checksum));
        }
        let answer = |data: &[u8]| ntcb(sender, receiver, data);
        if let Some(imei) = data.strip_prefix(b"*>S:") {
            let device = text::ascii(imei);
            let fits = (1..=20).contains(&device.len())
                && device.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !fits {
                return Err(Reject::at(HEADER.saturating_add(4), Reason::Malformed));
            }
            out.login(device, Standing::Claimed, Vec::new());
            out.reply(answer(b"*<S"), When::Now);
            return Ok(());
        }
        if data.starts_with(b"*>FLEX") {
            let fields = flex::Fields::read(data)
                .ok_or_else(|| Reject::at(HEADER.saturating_add(6), Reason::Unsupported))?;
            let mut accepted = b"*<FLEX".to_vec();
            accepted.extend(data.get(6..9).unwrap_or_default());
            out.reply(answer(&accepted), When::Now);
            self.fields = fields;
            return Ok(());
        }
        match data.get(..3) {
            Some(b"*>A") => {
                reader.skip(3)?;
                let count = reader.u8()?;
                for _ in 0..count {
                    records::record(&mut reader, out)?;
                }
                out.reply(answer(&[b'*', b'<', b'A', count]), When::Accepted);
            }
            Some(b"*>T") => {
                reader.skip(3)?;
                let index = records::record(&mut reader, out)?;
                let [a, b, c, d] = index.to_le_bytes();
                out.reply(answer(&[b'*', b'<', b'T', a, b, c, d]), When::Accepted);
            }
            None if data.is_empty() => {}
            _ if text::is_printable(data) => {
                let mut attributes = Attributes::new();
                attributes.set("result", text::ascii(data));
                out.report(None, AlarmSet::EMPTY, attributes);
            }
            _ => return Err(Reject::at(HEADER, Reason::Unsupported)),
        }
        Ok(())
    }
}

/// An answer: the one who sent receives.
fn ntcb(receiver: [u8; 4], sender: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len().saturating_add(16));
    bytes.extend_from_slice(MARK);
    bytes.extend(receiver);
    bytes.extend(sender);
    bytes.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.push(checksum::xor(data));
    bytes.push(checksum::xor(&bytes));
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_a_wrong_sum_is_no_header() {
        let frame = ntcb([1, 0, 0, 0], [0; 4], b"*>S:1");
        assert_eq!(find(&frame, false, &mut 0), Step::Frame { body: 0..21, end: 21 });
        assert_eq!(find(&frame[..20], false, &mut 0), Step::Need(21));
        assert_eq!(find(&frame[..3], false, &mut 0), Step::Need(16));
        let mut broken = frame.clone();
        broken[4] = 2;
        assert_eq!(find(&broken, false, &mut 0), Step::Skip(1, Reason::Checksum));
        assert_eq!(find(b"ab@", false, &mut 0), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(b"@NTD", false, &mut 0), Step::Skip(1, Reason::Unframed));
    }
}
