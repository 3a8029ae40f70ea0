//! EGTS: the Russian telematics standard, of terminals and of other platforms.
//!
//! TCP on port 5162. Source: GOST R 54619-2011 and GOST 33472-2015; order 285 of the Ministry of
//! Transport.
//!
//! A packet, little-endian:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1, 1 | version (1), key |
//! | 1 | flags: priority 0 to 1, compressed 2, encrypted 3 to 4, routed 5, prefix 6 to 7 |
//! | 1, 1 | length of the header (11, routed 16), encoding of it |
//! | 2, 2 | length of the data, number of the packet |
//! | 1 | kind: 0 answer, 1 data, 2 data behind a signature with its length (2) |
//! | 5 | where routed: sender, receiver, hops |
//! | 1 | CRC-8/NRSC-5 of the header |
//! | … | records |
//! | 2 | CRC-16/CCITT-FALSE of the data, where there are any |
//!
//! A record: length (2), number (2), flags (1), then as they say object (4, bit 0), event (4, bit 1)
//! and time (4, bit 2); service of the sender and of the receiver, and its parts: see `records`.
//!
//! A packet is answered with one of kind 0: its number, a result, and for each record its number
//! and a result. An identity (part 1 or 5 of service 1) is also answered with a result of its own
//! (part 7).
//!
//! Quirks: a terminal names itself once, and the object in its records is then of no account;
//! another platform names the object in each record, or in the first of those that share it.

mod records;

use smallvec::SmallVec;

use crate::field::{Reader, checksum, text};
use crate::{
    Alarm, Context, Decoder, Framer, Out, Protocol, Reason, Reject, Standing, Step, Transports,
    When,
};
use records::Identity;

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "egts",
    title: "EGTS (GOST R 54619, GOST 33472)",
    port: 5162,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_PACKET, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Tampering,
        Alarm::GpsAntennaCut,
        Alarm::GpsFault,
        Alarm::Accident,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowBattery,
        Alarm::Fault,
    ],
    commands: None,
    decoder: || Box::new(Egts::default()),
};

/// The standard's own limit.
const MAX_PACKET: usize = 65_535;
const HEADER: usize = 11;
const ROUTED_HEADER: usize = 16;
/// Service 1.
const AUTHORIZATION: u8 = 1;
/// Results.
const DATA_FORM: u8 = 132;
const DATA_SUM: u8 = 138;
const DENIED: u8 = 151;

fn find(bytes: &[u8], _: bool) -> Step {
    let Some(&[version, _, flags, length, _, low, high, ..]) = bytes.get(..7) else {
        // What cannot begin a packet is passed over at once.
        let begins = match *bytes {
            [version, _, flags, ..] => version == 1 && flags & 0xc0 == 0,
            [version, ..] => version == 1,
            [] => true,
        };
        return if begins { Step::Need(7) } else { Step::Skip(1, Reason::Unframed) };
    };
    let length = usize::from(length);
    if version != 1 || flags & 0xc0 != 0 || !matches!(length, HEADER | ROUTED_HEADER) {
        return Step::Skip(1, Reason::Unframed);
    }
    let Some(header) = bytes.get(..length) else { return Step::Need(length) };
    if header.split_last().is_none_or(|(sum, summed)| checksum::crc8_nrsc5(summed) != *sum) {
        return Step::Skip(1, Reason::Checksum);
    }
    let total = match usize::from(u16::from_le_bytes([low, high])) {
        0 => length,
        data => length.saturating_add(data).saturating_add(2),
    };
    if total > MAX_PACKET {
        return Step::Skip(1, Reason::TooLong);
    }
    if bytes.len() < total {
        return Step::Need(total);
    }
    Step::Frame { body: 0..total, end: total }
}

#[derive(Default)]
struct Egts {
    /// Number of our next packet.
    number: u16,
    /// Whether the device was named by a record's object, and may be another in the next.
    by_object: bool,
}

/// The records of an answer.
type Data = SmallVec<[u8; 128]>;

/// What is answered to one record.
struct Confirmation {
    service: u8,
    number: u16,
    result: u8,
}

/// What one packet has brought.
#[derive(Default)]
struct Brought {
    confirmations: SmallVec<[Confirmation; 8]>,
    identity: bool,
    data: bool,
}

impl Decoder for Egts {
    fn decode(&mut self, _: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        let mut header = Reader::new(frame);
        header.skip(2)?;
        let flags_at = header.offset();
        let flags = header.u8()?;
        let length = usize::from(header.u8()?);
        header.skip(3)?;
        let number = header.le_u16()?;
        let kind_at = header.offset();
        let kind = header.u8()?;
        if kind == 0 {
            return Ok(());
        }
        let sum_at = frame.len().saturating_sub(2).max(length);
        let (content, sum) = frame.split_at_checked(sum_at).unwrap_or((frame, &[]));
        let data = content.get(length..).unwrap_or_default();
        if !sum.is_empty() && checksum::crc16_ccitt_false(data).to_le_bytes() != *sum {
            let answer = self.answer(number, DATA_SUM, &[]);
            out.reply(answer, When::Now);
            return Err(Reject::at(sum_at, Reason::Checksum));
        }
        if flags & 0x18 != 0 {
            return Err(Reject::at(flags_at, Reason::Encrypted));
        }
        if flags & 0x04 != 0 {
            return Err(Reject::at(flags_at, Reason::Unsupported));
        }
        let mut reader = Reader::new(content);
        reader.skip(length)?;
        match kind {
            1 => {}
            2 => {
                let signature = usize::from(reader.le_u16()?);
                reader.skip(signature)?;
            }
            _ => return Err(Reject::at(kind_at, Reason::Unsupported)),
        }
        let mut brought = Brought::default();
        let result = self.records(&mut reader, &mut brought, out);
        let when = if brought.data { When::Accepted } else { When::Now };
        let answer = self.answer(number, 0, &brought.confirmations);
        out.reply(answer, when);
        if brought.identity {
            let answer = self.result(0);
            out.reply(answer, When::Now);
        }
        result
    }
}

impl Egts {
    fn records(
        &mut self,
        reader: &mut Reader<'_>,
        brought: &mut Brought,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        while !reader.is_empty() {
            let length = usize::from(reader.le_u16()?);
            let number = reader.le_u16()?;
            let flags = reader.u8()?;
            let object = if flags & 1 != 0 { reader.le_u32()? } else { 0 };
            if flags & 2 != 0 {
                reader.skip(4)?;
            }
            let time = if flags & 4 != 0 { Some(records::time(reader.le_u32()?)) } else { None };
            let service = reader.u8()?;
            reader.skip(1)?;
            let mut parts = reader.part(length)?;
            let read = if service == AUTHORIZATION {
                self.authorization(&mut parts, brought, out)
            } else {
                brought.data = true;
                if object != 0 && (self.by_object || out.device().is_none()) {
                    self.by_object = true;
                    out.identify(&text::short(object));
                }
                records::data(&mut parts, service, time, out)
            };
            let mut result = 0;
            if let Err(reject) = read {
                // A record costs only itself.
                out.reject(reject);
                result = DATA_FORM;
            }
            brought.confirmations.push(Confirmation { service, number, result });
        }
        Ok(())
    }

    fn authorization(
        &mut self,
        parts: &mut Reader<'_>,
        brought: &mut Brought,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        match records::identity(parts)? {
            Some(Identity::Terminal(device)) => {
                self.by_object = false;
                brought.identity = true;
                let refusal = self.result(DENIED);
                out.login(device, Standing::Claimed, refusal);
            }
            Some(Identity::Platform) => brought.identity = true,
            None => {}
        }
        Ok(())
    }

    fn answer(&mut self, to: u16, result: u8, confirmations: &[Confirmation]) -> Vec<u8> {
        let mut data = Data::new();
        data.extend_from_slice(&to.to_le_bytes());
        data.push(result);
        for group in confirmations.chunk_by(|one, next| one.service == next.service) {
            let service = group.first().map_or(0, |first| first.service);
            record(service, group.len().saturating_mul(6), &mut data);
            for confirmation in group {
                let [low, high] = confirmation.number.to_le_bytes();
                data.extend_from_slice(&[0, 3, 0, low, high, confirmation.result]);
            }
        }
        self.packet(0, &data)
    }

    /// The result of an authorization.
    fn result(&mut self, result: u8) -> Vec<u8> {
        let (mut data, parts) = (Data::new(), [7, 1, 0, result]);
        record(AUTHORIZATION, parts.len(), &mut data);
        data.extend_from_slice(&parts);
        self.packet(1, &data)
    }

    fn packet(&mut self, kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(data.len().saturating_add(13));
        bytes.extend([1, 0, 0, 11, 0]);
        bytes.extend(length.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.push(kind);
        bytes.push(checksum::crc8_nrsc5(&bytes));
        bytes.extend(data);
        bytes.extend(checksum::crc16_ccitt_false(data).to_le_bytes());
        self.number = self.number.wrapping_add(1);
        bytes
    }
}

/// What stands before so many bytes of parts.
fn record(service: u8, length: usize, data: &mut Data) {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    data.extend_from_slice(&length.to_le_bytes());
    data.extend_from_slice(&[0, 0, 0, service, service]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_a_header_with_a_sum() {
        let packet = Egts::default().result(0);
        let length = packet.len();
        assert_eq!(find(&packet, false), Step::Frame { body: 0..length, end: length });
        assert_eq!(find(&packet[..20], false), Step::Need(24));
        assert_eq!(find(&packet[..8], false), Step::Need(11));
        assert_eq!(find(&packet[..1], false), Step::Need(7));
        assert_eq!(find(&[1, 0, 0xc0], false), Step::Skip(1, Reason::Unframed));
        assert_eq!(find(&[2], false), Step::Skip(1, Reason::Unframed));
        let mut broken = packet.clone();
        broken[7] = 9;
        assert_eq!(find(&broken, false), Step::Skip(1, Reason::Checksum));
    }
}
