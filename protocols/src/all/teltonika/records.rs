//! AVL records: one position each, with I/O elements.
//!
//! | codecs 8, 8E, 16 | bytes | meaning |
//! |---|---|---|
//! | time | 8 | milliseconds since 1970 |
//! | priority | 1 | 0 low, 1 high, 2 panic |
//! | longitude, latitude | 4 + 4 | signed, degrees × 10⁷ |
//! | altitude | 2 | signed metres |
//! | angle | 2 | degrees from north |
//! | satellites | 1 | 0: no fix, the last known position is repeated |
//! | speed | 2 | km/h |
//! | event | 1 (8), 2 (8E, 16) | the element that caused the record, 0 none |
//! | generation | 1 (16 only) | why the record was made |
//! | elements | | count, then by width 1, 2, 4, 8 (and any in 8E) a count, and id and value of each |
//!
//! Codec 7 packs a record under masks: see [`gh3000`].

use super::elements::{self, Elements};
use crate::field::Reader;
use crate::{Alarm, Attributes, Fix, Out, Reason, Reject, Time};

/// How the elements of a codec are laid out.
pub(super) trait Layout {
    const COUNTS_ARE_WIDE: bool = false;
    const IDS_ARE_WIDE: bool = false;
    const HAS_GENERATION: bool = false;
    /// Whether elements of 16 bytes follow those of 8.
    const HAS_SIXTEEN: bool = false;
    const HAS_VARIABLE: bool = false;
}

pub(super) struct Codec8;
impl Layout for Codec8 {}

/// Some firmware of the FMB series sends this under the number of codec 8.
pub(super) struct Codec8Sixteen;
impl Layout for Codec8Sixteen {
    const HAS_SIXTEEN: bool = true;
}

pub(super) struct Codec8Extended;
impl Layout for Codec8Extended {
    const COUNTS_ARE_WIDE: bool = true;
    const IDS_ARE_WIDE: bool = true;
    const HAS_VARIABLE: bool = true;
}

pub(super) struct Codec16;
impl Layout for Codec16 {
    const IDS_ARE_WIDE: bool = true;
    const HAS_GENERATION: bool = true;
}

/// The bytes of a record before its event.
const POSITION: usize = 24;
/// No device has more; a frame full of them would cost more time than it is worth.
const MAX_ELEMENTS: u16 = 255;
/// A panic record: the driver's button.
const PRIORITY_PANIC: u8 = 2;

fn narrow_or_wide(reader: &mut Reader<'_>, wide: bool) -> Result<u16, Reject> {
    if wide { reader.be_u16() } else { reader.u8().map(u16::from) }
}

fn element_count<L: Layout>(reader: &mut Reader<'_>) -> Result<u16, Reject> {
    let too_many = reader.reject(Reason::OutOfRange);
    let count = narrow_or_wide(reader, L::COUNTS_ARE_WIDE)?;
    if count > MAX_ELEMENTS { Err(too_many) } else { Ok(count) }
}

/// An element's value.
enum Read<'a> {
    /// With its width in bytes.
    Number(u64, usize),
    Bytes(&'a [u8]),
}

/// The elements of one width: a count, then identity and value of each. They are taken together, since
/// a record has many and each is short.
fn read_numbers<L: Layout, const WIDTH: usize>(
    reader: &mut Reader<'_>,
    take: &mut impl FnMut(u16, Read<'_>),
) -> Result<(), Reject> {
    let count = usize::from(element_count::<L>(reader)?);
    let number = |value: &[u8; WIDTH]| {
        let value = value.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        Read::Number(value, WIDTH)
    };
    if L::IDS_ARE_WIDE {
        let elements = reader.take(count.saturating_mul(WIDTH.saturating_add(2)))?;
        for element in elements.chunks_exact(WIDTH.saturating_add(2)) {
            if let Some((id, value)) = element.split_first_chunk::<2>()
                && let Some(value) = value.first_chunk()
            {
                take(u16::from_be_bytes(*id), number(value));
            }
        }
    } else {
        let elements = reader.take(count.saturating_mul(WIDTH.saturating_add(1)))?;
        for element in elements.chunks_exact(WIDTH.saturating_add(1)) {
            if let Some((id, value)) = element.split_first()
                && let Some(value) = value.first_chunk()
            {
                take(u16::from(*id), number(value));
            }
        }
    }
    Ok(())
}

fn read_elements<L: Layout>(
    reader: &mut Reader<'_>,
    mut take: impl FnMut(u16, Read<'_>),
) -> Result<(), Reject> {
    read_numbers::<L, 1>(reader, &mut take)?;
    read_numbers::<L, 2>(reader, &mut take)?;
    read_numbers::<L, 4>(reader, &mut take)?;
    read_numbers::<L, 8>(reader, &mut take)?;
    if L::HAS_SIXTEEN {
        for _ in 0..element_count::<L>(reader)? {
            let id = narrow_or_wide(reader, L::IDS_ARE_WIDE)?;
            take(id, Read::Bytes(reader.take(16)?));
        }
    }
    if L::HAS_VARIABLE {
        for _ in 0..element_count::<L>(reader)? {
            let id = reader.be_u16()?;
            let length = usize::from(reader.be_u16()?);
            take(id, Read::Bytes(reader.take(length)?));
        }
    }
    Ok(())
}

/// As [`read_elements`], of a layout without elements of any length: by the counts alone.
fn pass_over_elements<L: Layout>(reader: &mut Reader<'_>) -> Result<(), Reject> {
    let id = if L::IDS_ARE_WIDE { 2 } else { 1 };
    let widths: &[usize] = if L::HAS_SIXTEEN { &[1, 2, 4, 8, 16] } else { &[1, 2, 4, 8] };
    for width in widths {
        let count = usize::from(element_count::<L>(reader)?);
        reader.skip(count.saturating_mul(width.saturating_add(id)))?;
    }
    Ok(())
}

/// Whether `count` records laid out so and their repeated number are all that is left to read.
pub(super) fn fit<L: Layout>(mut reader: Reader<'_>, count: u8) -> bool {
    let mut pass_over = || -> Result<(), Reject> {
        for _ in 0..count {
            reader.skip(POSITION)?;
            narrow_or_wide(&mut reader, L::IDS_ARE_WIDE)?;
            narrow_or_wide(&mut reader, L::COUNTS_ARE_WIDE)?;
            pass_over_elements::<L>(&mut reader)?;
        }
        Ok(())
    };
    pass_over().is_ok() && reader.remaining() == 1
}

/// One record of codec 8, 8 Extended or 16. Its elements are walked for what they mean; their names are
/// left to who asks for them.
pub(super) fn avl<L: Layout>(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let time = i64::try_from(reader.be_u64()?).map_err(|_| nowhere)?;
    let priority = reader.u8()?;
    let longitude = f64::from(reader.be_i32()?) / 1e7;
    let latitude = f64::from(reader.be_i32()?) / 1e7;
    let altitude_m = f64::from(reader.be_i16()?);
    let angle = reader.be_u16()?;
    let mut start = reader.clone();
    let Head { satellites, speed, event, .. } = head::<L>(reader)?;
    let mut elements = Elements::new(event);
    read_elements::<L>(reader, |id, value| {
        if let Read::Number(value, width) = value {
            elements.number(id, value, width);
        }
    })?;
    let length = start.remaining().saturating_sub(reader.remaining());
    let attributes = Attributes::unread(start.take(length)?, name::<L>);
    if priority == PRIORITY_PANIC {
        elements.alarms.insert(Alarm::Sos);
    }

    let time = Time::from_millis(time);
    // −2³¹ stands for "never had a position".
    if longitude < -214.0 && latitude < -214.0 {
        out.report_states(Some(time), elements.alarms, elements.alarm_states, attributes);
        return Ok(());
    }
    let Some(mut fix) = Fix::new(time, latitude, longitude) else {
        out.reject(nowhere);
        return Ok(());
    };
    fix.valid = satellites > 0;
    fix.altitude_m = Some(altitude_m);
    fix.course_deg = Some(f64::from(angle)).filter(|course| *course <= 360.0);
    // A device may state its speed once more as an element; then that one counts.
    let stated = Some(f64::from(speed)).filter(|_| speed != u16::MAX);
    fix.speed_kmh = elements.speed_kmh.or(stated);
    fix.alarms = elements.alarms;
    fix.alarm_states = elements.alarm_states;
    out.fix(fix, attributes);
    Ok(())
}

/// A record between its angle and its elements.
struct Head {
    satellites: u8,
    speed: u16,
    event: u16,
    generation: Option<u8>,
    /// Tells how much room is wanted, and no more: each width has a count of its own.
    total: u16,
}

fn head<L: Layout>(reader: &mut Reader<'_>) -> Result<Head, Reject> {
    Ok(Head {
        satellites: reader.u8()?,
        speed: reader.be_u16()?,
        event: narrow_or_wide(reader, L::IDS_ARE_WIDE)?,
        generation: if L::HAS_GENERATION { Some(reader.u8()?) } else { None },
        total: narrow_or_wide(reader, L::COUNTS_ARE_WIDE)?.min(MAX_ELEMENTS),
    })
}

/// The attributes of a record, which [`avl`] has walked from its satellites to its end.
fn name<L: Layout>(record: &[u8]) -> Attributes {
    let mut reader = Reader::new(record);
    let Ok(Head { satellites, event, generation, total, .. }) = head::<L>(&mut reader) else {
        return Attributes::new();
    };
    let mut attributes = Attributes::with_capacity(usize::from(total).saturating_add(3));
    attributes.set("satellites", satellites);
    attributes.set("event", event);
    attributes.set_some("generation", generation);
    let mut elements = Elements::new(event);
    // A record that breaks off was refused.
    let _ = read_elements::<L>(&mut reader, |id, value| match value {
        Read::Number(value, width) => elements.named(id, value, width, &mut attributes),
        Read::Bytes(bytes) => elements::variable(id, bytes, &mut attributes),
    });
    attributes
}

/// 2007-01-01T00:00:00Z, from which codec 7 counts its seconds.
const GH3000_EPOCH_S: i64 = 1_167_609_600;

/// One record of codec 7.
///
/// Four bytes: two bits of priority, thirty of seconds since 2007. A mask: 0 position, 1 to 3
/// elements of 1, 2 and 4 bytes. The position has a mask of its own: 0 latitude and longitude
/// (IEEE 754), 1 altitude, 2 angle in 1/256 of a turn, 3 speed, 4 satellites, 5 area and cell,
/// 6 signal, 7 operator.
pub(super) fn gh3000(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let stamp = reader.be_u32()?;
    let priority = stamp >> 30;
    let seconds = i64::from(stamp & 0x3fff_ffff).saturating_add(GH3000_EPOCH_S);
    let time = Time::from_seconds(seconds);
    let mask = reader.u8()?;
    let bit = |mask: u8, number: u8| mask & (1 << number) != 0;

    let mut attributes = Attributes::new();
    let mut fix = None;
    if bit(mask, 0) {
        let fields = reader.u8()?;
        let mut place = None;
        if bit(fields, 0) {
            let latitude = f32::from_bits(reader.be_u32()?);
            let longitude = f32::from_bits(reader.be_u32()?);
            place = Some((f64::from(latitude), f64::from(longitude)));
        }
        let altitude_m = bit(fields, 1).then(|| reader.be_i16()).transpose()?;
        let angle = bit(fields, 2).then(|| reader.u8()).transpose()?;
        let speed = bit(fields, 3).then(|| reader.u8()).transpose()?;
        let satellites = bit(fields, 4).then(|| reader.u8()).transpose()?;
        attributes.set_some("satellites", satellites);
        if bit(fields, 5) {
            attributes.set("lac", reader.be_u16()?);
            attributes.set("cell_id", reader.be_u16()?);
        }
        if bit(fields, 6) {
            attributes.set("rssi", reader.u8()?);
        }
        if bit(fields, 7) {
            attributes.set("operator", reader.be_u32()?);
        }
        if let Some((latitude, longitude)) = place {
            match Fix::new(time, latitude, longitude) {
                None => out.reject(nowhere),
                Some(mut found) => {
                    found.valid = satellites != Some(0);
                    found.altitude_m = altitude_m.map(f64::from);
                    found.course_deg = angle.map(|angle| f64::from(angle) * 360.0 / 256.0);
                    found.speed_kmh = speed.map(f64::from);
                    fix = Some(found);
                }
            }
        }
    }
    let mut elements = Elements::gh3000();
    for (number, width) in [(1, 1), (2, 2), (3, 4)] {
        if bit(mask, number) {
            for _ in 0..reader.u8()? {
                let id = reader.u8()?;
                let value = reader.take(width)?;
                let value = value.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
                elements.named(u16::from(id), value, width, &mut attributes);
            }
        }
    }
    if priority == u32::from(PRIORITY_PANIC) {
        elements.alarms.insert(Alarm::Sos);
    }
    match fix {
        Some(mut fix) => {
            fix.alarms = elements.alarms;
            fix.alarm_states = elements.alarm_states;
            out.fix(fix, attributes);
        }
        None => out.report_states(Some(time), elements.alarms, elements.alarm_states, attributes),
    }
    Ok(())
}
