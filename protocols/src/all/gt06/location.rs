//! The blocks that most messages are made of: date, position, cell.

use crate::field::{Reader, date};
use crate::{Attributes, Fix, Reason, Reject, Time};

/// Units of latitude and longitude in a degree: 1/30 000 of a minute.
const UNITS_PER_DEGREE: f64 = 1_800_000.0;

/// Which fields a position block has, and in which order.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// A byte with the length of the block and the number of satellites, four bits each.
    has_satellites: bool,
    /// A speed of one byte before the course, of two bytes behind it, or none.
    speed: Speed,
}

impl Layout {
    /// This one, where the number of satellites stands elsewhere.
    pub(super) const fn without_satellites(self) -> Self {
        Self { has_satellites: false, ..self }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speed {
    None,
    Byte,
    WordBehindCourse,
}

/// The usual one: date, satellites, latitude, longitude, speed, course: 18 bytes.
pub(super) const USUAL: Layout = Layout { has_satellites: true, speed: Speed::Byte };
/// Without satellites and speed: events of JC100 cameras.
pub(super) const BARE: Layout = Layout { has_satellites: false, speed: Speed::None };
/// With the speed in two bytes at the end: events of JC400 cameras.
pub(super) const LONG_SPEED: Layout =
    Layout { has_satellites: true, speed: Speed::WordBehindCourse };

/// A date as six numbers, years from 2000 on, at `offset_s` seconds ahead of UTC.
pub(super) fn date(reader: &mut Reader<'_>, offset_s: i32) -> Result<Time, Reject> {
    let at = reader.reject(Reason::OutOfRange);
    date::since_2000(reader.array()?, offset_s).ok_or(at)
}

/// The same, where it is in doubt whether there is one.
pub(super) fn is_date(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|numbers| date::since_2000(*numbers, 0).is_some())
}

/// A position with its date before it. The date may be one that cannot be, and so may the
/// coordinates: then there is no fix, but what follows can still be read.
pub(super) fn fix(
    reader: &mut Reader<'_>,
    layout: Layout,
    offset_s: i32,
    attributes: &mut Attributes,
) -> Result<Result<Fix, Reject>, Reject> {
    let at = reader.reject(Reason::OutOfRange);
    let time = date::since_2000(reader.array()?, offset_s).ok_or(at);
    let place = place(reader, layout, attributes)?;
    Ok(time.and_then(|time| place.at(time)))
}

/// A position without its date.
#[derive(Clone, Copy)]
pub(super) struct Place {
    latitude: f64,
    longitude: f64,
    valid: bool,
    speed_kmh: Option<f64>,
    course_deg: f64,
    /// Where the coordinates stand.
    offset: usize,
}

impl Place {
    /// The fix at a time.
    pub(super) fn at(self, time: Time) -> Result<Fix, Reject> {
        let fix = Fix::new(time, self.latitude, self.longitude)
            .ok_or_else(|| Reject::at(self.offset, Reason::OutOfRange))?;
        Ok(Fix {
            valid: self.valid,
            speed_kmh: self.speed_kmh,
            course_deg: (self.course_deg <= 360.0).then_some(self.course_deg),
            ..fix
        })
    }
}

/// Reads a position: of the course word, bits 0–9 are the course, 10 says north, 11 west, 12 that
/// the position is fixed; 15 is the ignition where 14 is set.
pub(super) fn place(
    reader: &mut Reader<'_>,
    layout: Layout,
    attributes: &mut Attributes,
) -> Result<Place, Reject> {
    if layout.has_satellites {
        attributes.set("satellites", reader.u8()? & 0x0f);
    }
    let offset = reader.offset();
    let latitude = f64::from(reader.be_u32()?) / UNITS_PER_DEGREE;
    let longitude = f64::from(reader.be_u32()?) / UNITS_PER_DEGREE;
    let mut speed_kmh = None;
    if layout.speed == Speed::Byte {
        speed_kmh = Some(f64::from(reader.u8()?));
    }
    let word = reader.be_u16()?;
    if layout.speed == Speed::WordBehindCourse {
        speed_kmh = Some(f64::from(reader.be_u16()?));
    }
    if word & 0x4000 != 0 {
        attributes.set("ignition", word & 0x8000 != 0);
    }
    // No zero is negative.
    let signed = |value: f64, is_negative| if is_negative && value > 0.0 { -value } else { value };
    Ok(Place {
        latitude: signed(latitude, word & 0x0400 == 0),
        longitude: signed(longitude, word & 0x0800 != 0),
        valid: word & 0x1000 != 0,
        speed_kmh,
        course_deg: f64::from(word & 0x03ff),
        offset,
    })
}

/// How wide the numbers of a cell are.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    is_network_wide: bool,
    area: usize,
    cell: usize,
}

impl Cell {
    /// GSM's: an area of two bytes and a cell of three.
    pub(super) const GSM: Self = Self { is_network_wide: false, area: 2, cell: 3 };
    /// A cell of four bytes.
    pub(super) const WIDE: Self = Self { is_network_wide: false, area: 2, cell: 4 };
    /// A network of two bytes and a cell of four.
    pub(super) const WIDE_NETWORK: Self = Self { is_network_wide: true, area: 2, cell: 4 };
    /// LTE's: an area of four bytes and a cell of eight.
    pub(super) const LTE: Self = Self { is_network_wide: false, area: 4, cell: 8 };
    /// A network of two bytes and a cell of eight (SL4X).
    pub(super) const LONG_NETWORK: Self = Self { is_network_wide: true, area: 2, cell: 8 };

    /// Passes over a cell: nothing here looks a place up by it. The highest bit of the country
    /// says that the network has two bytes.
    pub(super) fn skip(self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        let country = reader.be_u16()?;
        let network = if self.is_network_wide || country & 0x8000 != 0 { 2 } else { 1 };
        reader.skip(network)?;
        reader.skip(self.area)?;
        reader.skip(self.cell)
    }
}

/// Passes over a cell with its length before it, which mostly counts itself.
pub(super) fn skip_counted_cell(reader: &mut Reader<'_>) -> Result<(), Reject> {
    /// Firmware that counts nothing sends room for a cell and its neighbours.
    const EMPTY_ROOM: usize = 45;
    /// What follows every cell of this kind at least.
    const STATUS_LENGTH: usize = 5;
    match reader.u8()? {
        0 if reader.remaining() >= EMPTY_ROOM.saturating_add(STATUS_LENGTH) => {
            reader.skip(EMPTY_ROOM)
        }
        0 => Ok(()),
        // Country, network, area and cell of GSM's widths.
        8 => reader.skip(8),
        length => reader.skip(usize::from(length).saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_word_has_the_signs() {
        let read = |word: u16| {
            let mut bytes = vec![26, 6, 15, 2, 1, 15, 0xc9];
            bytes.extend(70_056_000_u32.to_be_bytes());
            bytes.extend(218_952_000_u32.to_be_bytes());
            bytes.push(42);
            bytes.extend(word.to_be_bytes());
            let mut attributes = Attributes::new();
            let fix = fix(&mut Reader::new(&bytes), USUAL, 0, &mut attributes);
            (fix.unwrap().unwrap(), attributes)
        };
        let (fix, attributes) = read(0x1400 | 135);
        assert_eq!((fix.latitude, fix.longitude, fix.valid), (38.92, 121.64, true));
        assert_eq!((fix.speed_kmh, fix.course_deg), (Some(42.0), Some(135.0)));
        assert_eq!(attributes.get("satellites"), Some(&9_u8.into()));
        assert_eq!(attributes.get("ignition"), None);
        let (fix, attributes) = read(0xc800);
        assert_eq!((fix.latitude, fix.longitude, fix.valid), (-38.92, -121.64, false));
        assert_eq!(attributes.get("ignition"), Some(&true.into()));
    }

    #[test]
    fn a_counted_cell_ends_where_its_length_says() {
        let rest = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            skip_counted_cell(&mut reader).map(|()| reader.remaining())
        };
        assert_eq!(rest(&[9, 1, 0xcc, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 7]), Ok(1));
        assert_eq!(rest(&[8, 1, 0xcc, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 7]), Ok(1));
        assert_eq!(rest(&[0, 1, 2, 3, 4, 5]), Ok(5));
        assert_eq!(rest(&[0; 51]), Ok(5));
    }
}
