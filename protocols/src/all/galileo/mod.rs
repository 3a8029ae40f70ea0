//! Galileosky 2, 5, 7, 10, Base Block and OBD.
//!
//! TCP on port 5034. Source: Galileosky, "Protocol of data exchange with the server" in the user's
//! manuals; Iridium, "Short Burst Data Service Developers Guide" (DirectIP).
//!
//! A packet, little-endian: kind 1, length 2 (of what follows but the checksum; bit 15: more is
//! stored), content, CRC-16/MODBUS of all 2. The answer is 02, of a photograph 07, and the
//! checksum; the device sends again what is not answered.
//!
//! | kind | content | part |
//! |---|---|---|
//! | 01 | tags, of one or more records | `tags` |
//! | 07 | a part of a photograph: number 1, bytes; answered and not kept | here |
//! | 08 | packed records | `satellite` |
//! | 15 | what an accessory says; answered and not read | here |
//! | 01, length 2 big-endian, `01 00 1c` | what Iridium's gateway passes on, without a checksum | `satellite` |

mod measures;
mod satellite;
mod tags;

use crate::field::{Reader, checksum};
use crate::{Alarm, Context, Framer, Out, Protocol, Reason, Reject, Step, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "galileo",
    title: "Galileosky, also by Iridium",
    port: 5034,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Jamming,
        Alarm::GpsAntennaCut,
        Alarm::AntiTheft,
        Alarm::Accident,
        Alarm::LowBattery,
        Alarm::General,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// The maker bids packets have at most 1 000 bytes; newer ones are allowed to grow.
const MAX_FRAME: usize = 4096;
/// Kind and length.
const HEADER: usize = 3;
/// Up to the end of the mark of a gateway's message.
const MARKED: usize = HEADER + satellite::MARK.len();
const CHECKSUM: usize = 2;
const TAGS: u8 = 0x01;
const PHOTOGRAPH: u8 = 0x07;
const PACKED: u8 = 0x08;
const ACCESSORY: u8 = 0x15;
const CONFIRMED: u8 = 0x02;

fn is_kind(byte: u8) -> bool {
    matches!(byte, TAGS | PHOTOGRAPH | PACKED | ACCESSORY)
}

fn find(bytes: &[u8], _: bool) -> Step {
    if !bytes.first().is_some_and(|byte| is_kind(*byte)) {
        let next = bytes.iter().position(|byte| is_kind(*byte));
        return Step::Skip(next.unwrap_or(bytes.len()), Reason::Unframed);
    }
    let Some(&[kind, first, second]) = bytes.get(..HEADER) else { return Step::Need(HEADER) };
    let counted = usize::from(u16::from_le_bytes([first, second]) & 0x7fff);
    // The first content that a packet of tags may not have tells a gateway's message from one.
    let mut length = counted.saturating_add(HEADER + CHECKSUM);
    if kind == TAGS {
        let head = bytes.get(HEADER..MARKED);
        match head {
            None if counted > 0 => return Step::Need(MARKED),
            Some(head) if head == satellite::MARK => {
                length = usize::from(u16::from_be_bytes([first, second])).saturating_add(HEADER);
            }
            _ => {}
        }
    }
    match length {
        0..=MAX_FRAME if bytes.len() < length => Step::Need(length),
        0..=MAX_FRAME => Step::Frame { body: 0..length, end: length },
        _ => Step::Skip(1, Reason::TooLong),
    }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    if frame.first() == Some(&TAGS) && frame.get(HEADER..MARKED) == Some(&satellite::MARK) {
        return satellite::gateway(context, frame, out);
    }
    let at = frame.len().saturating_sub(CHECKSUM);
    let (content, stated) = frame.split_at_checked(at).unwrap_or_default();
    let &[low, high] = stated else { return Err(Reject::at(at, Reason::Truncated)) };
    if checksum::crc16_modbus(content) != u16::from_le_bytes([low, high]) {
        return Err(Reject::at(at, Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    let kind = reader.u8()?;
    reader.skip(2)?;
    match kind {
        PHOTOGRAPH => {
            out.reply([PHOTOGRAPH, low, high], When::Now);
            return Ok(());
        }
        // What follows an unknown tag is lost; sent again it would be lost again.
        TAGS => {
            if let Err(reject) = tags::records(&mut reader, out) {
                out.reject(reject);
            }
        }
        PACKED => {
            if let Err(reject) = satellite::packed(context, &mut reader, out) {
                out.reject(reject);
            }
        }
        _ => {}
    }
    out.reply([CONFIRMED, low, high], When::Accepted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateways_message_has_its_length_the_other_way_round() {
        assert_eq!(find(&[0x01, 0x02, 0x80, 0x01, 0x82, 0, 0], false), {
            Step::Frame { body: 0..7, end: 7 }
        });
        assert_eq!(find(&[0x01, 0x02, 0x80, 0x01, 0x82], false), Step::Need(6));
        assert_eq!(find(&[0x01, 0x00, 0x40, 0x01, 0x00, 0x1c], false), Step::Need(0x43));
        assert_eq!(find(&[0x01, 0, 0, 0xff, 0xff], false), Step::Frame { body: 0..5, end: 5 });
        assert_eq!(find(&[0x07, 0xff, 0x7f], false), Step::Skip(1, Reason::TooLong));
        assert_eq!(find(&[0x99, 0x07], false), Step::Skip(1, Reason::Unframed));
    }
}
