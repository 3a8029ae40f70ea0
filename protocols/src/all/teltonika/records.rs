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

use super::elements::Elements;
use crate::field::Reader;
use crate::{Alarm, Attributes, Fix, Out, Reason, Reject, Time};

/// How the elements of a codec are laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    counts_are_wide: bool,
    ids_are_wide: bool,
    has_generation: bool,
    /// Whether elements of 16 bytes follow those of 8.
    has_sixteen: bool,
    has_variable: bool,
}

pub(super) const CODEC_8: Layout = Layout {
    counts_are_wide: false,
    ids_are_wide: false,
    has_generation: false,
    has_sixteen: false,
    has_variable: false,
};
/// Some firmware of the FMB series sends this under the number of codec 8.
pub(super) const CODEC_8_SIXTEEN: Layout = Layout { has_sixteen: true, ..CODEC_8 };
pub(super) const CODEC_8_EXTENDED: Layout =
    Layout { counts_are_wide: true, ids_are_wide: true, has_variable: true, ..CODEC_8 };
pub(super) const CODEC_16: Layout = Layout { ids_are_wide: true, has_generation: true, ..CODEC_8 };

/// The bytes of a record before its event.
const POSITION: usize = 24;
/// No device has more; a frame full of them would cost more time than it is worth.
const MAX_ELEMENTS: u16 = 255;
/// A panic record: the driver's button.
const PRIORITY_PANIC: u8 = 2;

fn narrow_or_wide(reader: &mut Reader<'_>, wide: bool) -> Result<u16, Reject> {
    if wide { reader.be_u16() } else { reader.u8().map(u16::from) }
}

fn element_count(reader: &mut Reader<'_>, layout: Layout) -> Result<u16, Reject> {
    let too_many = reader.reject(Reason::OutOfRange);
    let count = narrow_or_wide(reader, layout.counts_are_wide)?;
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
fn read_numbers<const WIDTH: usize>(
    reader: &mut Reader<'_>,
    layout: Layout,
    take: &mut impl FnMut(u16, Read<'_>),
) -> Result<(), Reject> {
    let count = usize::from(element_count(reader, layout)?);
    let number = |value: &[u8; WIDTH]| {
        let value = value.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        Read::Number(value, WIDTH)
    };
    if layout.ids_are_wide {
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

fn read_elements(
    reader: &mut Reader<'_>,
    layout: Layout,
    mut take: impl FnMut(u16, Read<'_>),
) -> Result<(), Reject> {
    read_numbers::<1>(reader, layout, &mut take)?;
    read_numbers::<2>(reader, layout, &mut take)?;
    read_numbers::<4>(reader, layout, &mut take)?;
    read_numbers::<8>(reader, layout, &mut take)?;
    if layout.has_sixteen {
        for _ in 0..element_count(reader, layout)? {
            let id = narrow_or_wide(reader, layout.ids_are_wide)?;
            take(id, Read::Bytes(reader.take(16)?));
        }
    }
    if layout.has_variable {
        for _ in 0..element_count(reader, layout)? {
            let id = reader.be_u16()?;
            let length = usize::from(reader.be_u16()?);
            take(id, Read::Bytes(reader.take(length)?));
        }
    }
    Ok(())
}

/// As [`read_elements`], of a layout without elements of any length: by the counts alone.
fn pass_over_elements(reader: &mut Reader<'_>, layout: Layout) -> Result<(), Reject> {
    let id = if layout.ids_are_wide { 2 } else { 1 };
    let widths: &[usize] = if layout.has_sixteen { &[1, 2, 4, 8, 16] } else { &[1, 2, 4, 8] };
    for width in widths {
        let count = usize::from(element_count(reader, layout)?);
        reader.skip(count.saturating_mul(width.saturating_add(id)))?;
    }
    Ok(())
}

/// Whether `count` records in `layout` and their repeated number are all that is left to read.
pub(super) fn fit(mut reader: Reader<'_>, layout: Layout, count: u8) -> bool {
    let mut pass_over = || -> Result<(), Reject> {
        for _ in 0..count {
            reader.skip(POSITION)?;
            narrow_or_wide(&mut reader, layout.ids_are_wide)?;
            narrow_or_wide(&mut reader, layout.counts_are_wide)?;
            pass_over_elements(&mut reader, layout)?;
        }
        Ok(())
    };
    pass_over().is_ok() && reader.remaining() == 1
}

/// One record of codec 8, 8 Extended or 16.
pub(super) fn avl(
    reader: &mut Reader<'_>,
    layout: Layout,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let nowhere = reader.reject(Reason::OutOfRange);
    let time = i64::try_from(reader.be_u64()?).map_err(|_| nowhere)?;
    let priority = reader.u8()?;
    let longitude = f64::from(reader.be_i32()?) / 1e7;
    let latitude = f64::from(reader.be_i32()?) / 1e7;
    let altitude_m = f64::from(reader.be_i16()?);
    let angle = reader.be_u16()?;
    let satellites = reader.u8()?;
    let speed = reader.be_u16()?;

    let event = narrow_or_wide(reader, layout.ids_are_wide)?;
    let generation = if layout.has_generation { Some(reader.u8()?) } else { None };
    // The total tells how much room is wanted, and no more: each width has a count of its own.
    let total = narrow_or_wide(reader, layout.counts_are_wide)?.min(MAX_ELEMENTS);
    let mut attributes = Attributes::with_capacity(usize::from(total).saturating_add(3));
    attributes.set("satellites", satellites);
    attributes.set("event", event);
    attributes.set_some("generation", generation);
    let mut elements = Elements::new(event, attributes);
    read_elements(reader, layout, |id, value| match value {
        Read::Number(value, width) => elements.number(id, value, width),
        Read::Bytes(bytes) => elements.variable(id, bytes),
    })?;
    if priority == PRIORITY_PANIC {
        elements.alarms.insert(Alarm::Sos);
    }

    let time = Time::from_millis(time);
    // −2³¹ stands for "never had a position".
    if longitude < -214.0 && latitude < -214.0 {
        out.report_states(Some(time), elements.alarms, elements.alarm_states, elements.attributes);
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
    out.fix(fix, elements.attributes);
    Ok(())
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
    let mut elements = Elements::gh3000(attributes);
    for (number, width) in [(1, 1), (2, 2), (3, 4)] {
        if bit(mask, number) {
            for _ in 0..reader.u8()? {
                let id = reader.u8()?;
                let value = reader.take(width)?;
                let value = value.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
                elements.number(u16::from(id), value, width);
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
            out.fix(fix, elements.attributes);
        }
        None => out.report_states(
            Some(time),
            elements.alarms,
            elements.alarm_states,
            elements.attributes,
        ),
    }
    Ok(())
}
