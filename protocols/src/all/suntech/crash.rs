//! A crash: `CRR;` device `;` part `;` parts `;` length `;` data, and its checksum.
//!
//! All parts together: year, month, day, hour, minute, second of the crash, then four blocks, of
//! 3, 2 and 1 s before it and 1 s after it. A block: latitude 4, longitude 4 (little-endian,
//! ten-millionths of a degree), km/h 2, course 2 (big-endian, hundredths), 100 samples of three
//! axes, 2 each.

use super::{identify, text};
use crate::field::{Fields, Reader};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// Seconds from the crash to each block.
const BLOCKS_S: [f64; 4] = [-3.0, -2.0, -1.0, 1.0];
const SAMPLES: usize = 600;
/// The time and four blocks.
const WHOLE: usize = 6 + 4 * (12 + SAMPLES);

/// The parts that have come.
#[derive(Default)]
pub(super) struct Parts {
    data: Vec<u8>,
    /// How many.
    count: u8,
}

impl Parts {
    pub(super) fn decode(
        &mut self,
        fields: &Fields<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        identify(fields, 1, out)?;
        let malformed = |index: usize| fields.reject(index, Reason::Malformed);
        let part: u8 = fields.parse(2).ok_or_else(|| malformed(2))?;
        let parts: u8 = fields.parse(3).ok_or_else(|| malformed(3))?;
        let range = text::binary_data(frame).ok_or_else(|| malformed(4))?;
        let data = frame.get(range).ok_or_else(|| Reject::at(frame.len(), Reason::Truncated))?;
        if part == 1 {
            *self = Self::default();
            // That there was a crash must not wait for its samples.
            out.report(None, AlarmSet::only(Alarm::Accident), Attributes::new());
        }
        let is_next = self.count.checked_add(1) == Some(part) && part <= parts;
        let room = WHOLE.saturating_sub(self.data.len());
        if !is_next || data.len() > room {
            *self = Self::default();
            return Err(fields.reject(2, Reason::Incomplete));
        }
        self.data.extend_from_slice(data);
        self.count = part;
        if part < parts {
            return Ok(());
        }
        let whole = std::mem::take(self);
        blocks(&whole.data, out).map_err(|reject| fields.reject(4, reject.reason))
    }
}

fn blocks(data: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut reader = Reader::new(data);
    let wrong = reader.reject(Reason::OutOfRange);
    let [year, month, day, hour, minute, second] = reader.array()?;
    let small = |byte: u8| i8::try_from(byte).unwrap_or(i8::MAX);
    let date = (i16::from(year).saturating_add(2000), small(month), small(day));
    let of_day = (small(hour), small(minute), small(second));
    let crash = Time::from_civil(date, of_day, 0).ok_or(wrong)?;
    for offset_s in BLOCKS_S {
        let latitude = f64::from(reader.le_i32()?) / 1e7;
        let longitude = f64::from(reader.le_i32()?) / 1e7;
        let time = crash.plus_seconds(offset_s);
        let mut fix = Fix::new(time, latitude, longitude).ok_or(wrong)?;
        fix.speed_kmh = Some(f64::from(reader.be_u16()?) / 100.0);
        let course = f64::from(reader.be_u16()?) / 100.0;
        fix.course_deg = Some(course).filter(|course| *course <= 360.0);
        reader.skip(SAMPLES)?;
        out.fix(fix, Attributes::new());
    }
    Ok(())
}
