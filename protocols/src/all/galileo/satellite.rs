//! Packed records, and what Iridium's gateway passes on.
//!
//! | bits of a packed record | meaning |
//! |---|---|
//! | 1, 25 | not known; seconds since the year began |
//! | 1 | 0 a fix |
//! | 22, 21 | longitude in 2²² of a turn from -180, latitude in 2²¹ of half a turn from -90 |
//! | 1, 9 | alarm; nothing |
//!
//! Then the count of tags 1, the tags, and their values.
//!
//! A gateway's message, big-endian: 01, length 2, then elements: kind 1, length 2, content.
//!
//! | kind | content |
//! |---|---|
//! | 01 | reference 4, IMEI 15, state 1, numbers 4, seconds since 1970 4 |
//! | 02 | what the device sent: tags, or a packed record |
//! | 03 | flags 1 (bit 0 west, 1 south), latitude: degrees 1, thousandths of a minute 2, longitude alike, kilometres of error 4 |
//!
//! Quirks: packed records do not tell the year, so it is that of the receipt or the one before. A
//! gateway's own place may be off by kilometres, so it is not valid.

use crate::field::Reader;
use crate::{Alarm, Context, Out, Reason, Reject, Time};

use super::tags::{Record, read};

/// The first element of a gateway's message.
pub(super) const MARK: [u8; 3] = [0x01, 0x00, 0x1c];
const DAY_MS: i64 = 86_400_000;

pub(super) fn packed(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    while !reader.is_empty() {
        let at = reader.offset();
        let mut record = Record::default();
        let result = one(context.received_at, reader, &mut record);
        record.put(at, out);
        result?;
    }
    Ok(())
}

fn one(now: Time, reader: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    let bytes: [u8; 10] = reader.array()?;
    let bits = bytes.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    // From the 80 bits, `width` of them that end before the last `rest`.
    let field = |width: u32, rest: u32| -> u32 {
        let mask = (1_u128 << width).wrapping_sub(1);
        u32::try_from((bits >> rest) & mask).unwrap_or_default()
    };
    record.time = Some(time(now, field(25, 54)));
    record.valid = field(1, 53) == 0;
    let longitude = f64::from(field(22, 31)) * 360.0 / 4_194_304.0 - 180.0;
    let latitude = f64::from(field(21, 10)) * 180.0 / 2_097_152.0 - 90.0;
    record.place = Some((latitude, longitude));
    if field(1, 9) == 1 {
        record.alarms.insert(Alarm::General);
    }
    let count = usize::from(reader.u8()?);
    for tag in reader.take(count)? {
        read(*tag, reader, record)?;
    }
    Ok(())
}

/// The instant so many seconds into this year, or into the last one where that is still to come.
fn time(now: Time, seconds: u32) -> Time {
    let ((year, ..), _) = now.to_civil(0);
    let into = |year: i16| {
        let begin = Time::from_civil((year, 1, 1), (0, 0, 0), 0).unwrap_or(now);
        begin.plus_millis(i64::from(seconds).saturating_mul(1000))
    };
    let this_year = into(year);
    if this_year.millis_since(now) > DAY_MS { into(year.saturating_sub(1)) } else { this_year }
}

pub(super) fn gateway(
    context: &Context<'_>,
    frame: &[u8],
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut reader = Reader::new(frame);
    reader.skip(3)?;
    let mut record = Record::default();
    let mut sent = None;
    while !reader.is_empty() {
        let kind = reader.u8()?;
        let length = usize::from(reader.be_u16()?);
        let mut element = reader.part(length)?;
        match kind {
            0x01 => {
                element.skip(4)?;
                let malformed = element.reject(Reason::Malformed);
                let imei = element.ascii(15)?;
                if !imei.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(malformed);
                }
                out.identify(imei);
                element.skip(5)?;
                record.time = Some(Time::from_seconds(i64::from(element.be_u32()?)));
            }
            0x02 => sent = Some(element),
            0x03 => {
                let flags = element.u8()?;
                let mut degrees = || -> Result<f64, Reject> {
                    Ok(f64::from(element.u8()?) + f64::from(element.be_u16()?) / 60_000.0)
                };
                let (latitude, longitude) = (degrees()?, degrees()?);
                record.place = Some((
                    if flags & 2 == 0 { latitude } else { -latitude },
                    if flags & 1 == 0 { longitude } else { -longitude },
                ));
            }
            _ => {}
        }
    }
    let result = match sent {
        Some(mut sent) if are_tags(sent.clone()) => tagged(&mut sent, &mut record),
        Some(mut sent) => one(context.received_at, &mut sent, &mut record),
        None => Ok(()),
    };
    record.put(0, out);
    result
}

fn tagged(sent: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    while !sent.is_empty() {
        let tag = sent.u8()?;
        read(tag, sent, record)?;
    }
    Ok(())
}

/// Whether it can be taken apart as tags to its last byte.
fn are_tags(mut sent: Reader<'_>) -> bool {
    tagged(&mut sent, &mut Record::default()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_that_of_the_receipt_or_the_one_before() {
        let now = Time::parse("2026-01-01T00:00:10Z").unwrap();
        assert_eq!(time(now, 9).to_string(), "2026-01-01T00:00:09Z");
        let end_of_year = 365 * 86_400 - 1;
        assert_eq!(time(now, end_of_year).to_string(), "2025-12-31T23:59:59Z");
    }
}
