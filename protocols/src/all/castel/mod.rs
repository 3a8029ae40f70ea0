//! Castel IDD-212, IDD-213, IDD-218, PT-690, MPIP-618, MPIP-620 and kin.
//!
//! TCP and UDP on port 5086. Source: Castel, "IDD-213 Communication Protocol" (SC), "PT-690
//! Communication Protocol" (CC) and "MPIP-618 Protocol".
//!
//! A frame: `@@` or `$$`, length 2 (of all of it), `@@`: version 1, device 20 (text), message 2
//! (big-endian), data, CRC-16/X-25 2 of all before it, `\r\n`. All else is little-endian.
//! Versions 3 and 4 are SC, others CC, `$$` is MPIP.
//!
//! | message | data | answer |
//! |---|---|---|
//! | SC 1001 | login: state, positions | 9001: `ffffffff`, `0000`, time |
//! | SC 1003 | alive | 9003 |
//! | SC 4001, b001, 400e, 1002 | (1, 2, 0, 0 bytes,) state, positions (400e: then fuel 2 each) | none |
//! | SC 4007 | number 4, state, positions, alarms | c007: the number |
//! | SC 4002, 4003, 4004, 4005, 4006, 4008 | state, then the vehicle's values or a cell | none |
//! | SC 4009, 5101 | (time 4,) position | none |
//! | SC a002 | the answer to a question | none |
//! | CC 4001, 4206 | (stored 1, count 1,) positions with state | 8001, 8206 |
//! | MPIP 4001, 2001 | (9 bytes,) position | 4001; 1001 |
//! | MPIP 4201, 4202, 4206, 4204 | position; 4204: eight with 31 bytes behind each | none |
//!
//! A position: day, month, year, hour, minute, second, latitude 4, longitude 4 (3 600 000 to the
//! degree), cm/s 2, course 2 (tenths), flags 1: 1 east, 2 north, 4 and 8 fix, 16 and up satellites.

mod reports;

use crate::field::checksum::crc16_x25;
use crate::field::{Reader, date, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Step, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "castel",
    title: "Castel IDD, PT, MPIP",
    port: 5086,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Tow,
        Alarm::Overspeed,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LaneChange,
        Alarm::HighRpm,
        Alarm::LowPower,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Devices send at most 1 KiB at once.
const MAX_FRAME: usize = 4096;
/// The least that a frame can be: no data.
const MIN_FRAME: usize = 30;
const DEVICE: usize = 20;
/// The checksum and the line's end.
const TRAILER: usize = 4;
/// What stands for the version in answers to MPIP.
const NO_VERSION: u8 = 0xff;

fn find(bytes: &[u8], last: bool) -> Step {
    match bytes {
        [b'@', b'@', ..] | [b'$', b'$', ..] => {}
        [b'@'] | [b'$'] if !last => return Step::Need(2),
        _ => return Step::Skip(1, Reason::Unframed),
    }
    let mut reader = Reader::new(bytes);
    let Ok(length) = reader.skip(2).and_then(|()| reader.le_u16()) else { return Step::Need(4) };
    let end = usize::from(length);
    if !(MIN_FRAME..=MAX_FRAME).contains(&end) {
        return Step::Skip(2, Reason::Malformed);
    }
    if bytes.len() < end { Step::Need(end) } else { Step::Frame { body: 0..end, end } }
}

/// What answers need to know.
struct Header<'a> {
    version: Option<u8>,
    device: &'a [u8],
}

impl Header<'_> {
    fn answer(&self, message: u16, data: &[u8]) -> Vec<u8> {
        let version = [self.version.unwrap_or(NO_VERSION)];
        frame(&[&version, self.device, &message.to_be_bytes(), data])
    }

    /// To MPIP, without a version.
    fn plain_answer(&self, message: u16, data: &[u8]) -> Vec<u8> {
        frame(&[self.device, &message.to_be_bytes(), data])
    }
}

fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
    let length = content.saturating_add(4 + TRAILER);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(b"@@");
    bytes.extend(u16::try_from(length).unwrap_or_default().to_le_bytes());
    for part in parts {
        bytes.extend_from_slice(part);
    }
    let sum = crc16_x25(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let until = frame.len().saturating_sub(TRAILER);
    let (content, trailer) = frame.split_at_checked(until).unwrap_or((frame, &[]));
    let [low, high, b'\r', b'\n'] = trailer else {
        return Err(Reject::at(frame.len(), Reason::Malformed));
    };
    if crc16_x25(content) != u16::from_le_bytes([*low, *high]) {
        return Err(Reject::at(until, Reason::Checksum));
    }
    let mut reader = Reader::new(content);
    let is_versioned = reader.take(2)? == b"@@";
    reader.skip(2)?;
    let version = if is_versioned { Some(reader.u8()?) } else { None };
    let malformed = reader.reject(Reason::Malformed);
    let device = reader.take(DEVICE)?;
    let header = Header { version, device };
    let name = text::ascii(device);
    if name.len() < 3 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(malformed);
    }
    let unsupported = reader.reject(Reason::Unsupported);
    let message = reader.be_u16()?;
    let is_login = matches!((version, message), (Some(3 | 4), 0x1001))
        || matches!((version, message), (Some(0..=2 | 5..), 0x4001));
    if is_login {
        out.login(name, Standing::Claimed, Vec::new());
    } else {
        out.identify(&name);
    }
    match (version, message) {
        (Some(3 | 4), 0x1003) => out.reply(header.answer(0x9003, &[]), When::Now),
        (Some(3 | 4), _) => {
            reports::sc(context, &header, message, &mut reader, unsupported, out)?;
        }
        (Some(_), 0x4001) => {
            stated_position(&mut reader, false, out)?;
            out.reply(header.answer(0x8001, &[]), When::Now);
        }
        (Some(_), 0x4206) => {
            let backfill = reader.u8()? == 1;
            for _ in 0..reader.u8()? {
                stated_position(&mut reader, backfill, out)?;
                reader.skip(4)?;
            }
            out.reply(header.answer(0x8206, &[]), When::Accepted);
        }
        (None, 0x4001) => {
            single(&mut reader, out)?;
            out.reply(header.answer(message, &[]), When::Now);
        }
        (None, 0x2001) => {
            reader.skip(9)?;
            single(&mut reader, out)?;
            let nothing = [[0; 4], [0xff; 4], [0xff; 4]].concat();
            out.reply(header.plain_answer(0x1001, &nothing), When::Now);
        }
        (None, 0x4201 | 0x4202 | 0x4206) => single(&mut reader, out)?,
        (None, 0x4204) => {
            for _ in 0..8 {
                single(&mut reader, out)?;
                reader.skip(31)?;
            }
        }
        _ => return Err(unsupported),
    }
    Ok(())
}

/// A position that costs only itself where it cannot be.
fn single(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    match position(reader, &mut attributes)? {
        Ok(fix) => out.fix(fix, attributes),
        Err(reject) => out.reject(reject),
    }
    Ok(())
}

/// A position, then state 4, battery 1, metres 4, three bytes on areas.
fn stated_position(
    reader: &mut Reader<'_>,
    backfill: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut attributes = Attributes::new();
    let fix = position(reader, &mut attributes)?;
    attributes.set("status", reader.le_u32()?);
    let battery = reader.u8()?;
    attributes.set_some("battery_percent", (1..=100).contains(&battery).then_some(battery));
    attributes.set("odometer_m", reader.le_u32()?);
    reader.skip(3)?;
    match fix {
        Ok(mut fix) => {
            fix.backfill = backfill;
            out.fix(fix, attributes);
        }
        Err(reject) => out.reject(reject),
    }
    Ok(())
}

/// The outer error: the frame ends first. The inner one: there is no such place or time.
fn position(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
) -> Result<Result<Fix, Reject>, Reject> {
    let nowhen = reader.reject(Reason::OutOfRange);
    let [day, month, year, hour, minute, second] = reader.array()?;
    let nowhere = reader.reject(Reason::OutOfRange);
    let latitude = f64::from(reader.le_u32()?) / 3_600_000.0;
    let longitude = f64::from(reader.le_u32()?) / 3_600_000.0;
    let speed = f64::from(reader.le_u16()?) * 0.036;
    let course = f64::from(reader.le_u16()?) / 10.0;
    let flags = reader.u8()?;
    let date = [year, month, day, hour, minute, second];
    let Some(time) = date::since_2000(date, 0) else { return Ok(Err(nowhen)) };
    let north = if flags & 2 == 0 { -latitude } else { latitude };
    let east = if flags & 1 == 0 { -longitude } else { longitude };
    let Some(mut fix) = Fix::new(time, north, east) else { return Ok(Err(nowhere)) };
    fix.valid = flags & 0x0c != 0;
    fix.speed_kmh = Some(speed);
    fix.course_deg = Some(course).filter(|course| *course <= 360.0);
    attributes.set("satellites", flags >> 4);
    Ok(Ok(fix))
}

/// Nothing reported but what `attributes` say.
fn report(time: Option<Time>, attributes: Attributes, out: &mut Out<'_>) {
    out.report(time, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_form_of_a_frame() {
        let header = Header { version: Some(4), device: b"1001112529987\0\0\0\0\0\0\0" };
        let answer = header.answer(0x9003, &[]);
        assert_eq!(answer.len(), 31);
        assert!(answer.ends_with(b"\x90\x03\xcf\xbe\r\n"));
        assert_eq!(find(&answer, false), Step::Frame { body: 0..31, end: 31 });
        assert_eq!(find(b"@@\x05\x00", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"@", false), Step::Need(2));
    }
}
