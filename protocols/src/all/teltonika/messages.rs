//! Codecs 12 to 15: what a device answers to a command, or hands on from its serial port.
//!
//! Each: type 1, size 4, then by codec nothing (12), seconds since 1970 in 4 bytes (13), the
//! IMEI in 8 bytes of BCD (14), or seconds and IMEI (15), then the payload. The size counts all
//! of that. Types: 5 command, 6 answer, `0d` photograph, `11` command for another IMEI.

use crate::field::text::{self, Labelled};
use crate::field::{Reader, bcd, date, number};
use crate::item::hex;
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// Codec 14: the command was addressed to another device.
const NOT_FOR_ME: u8 = 0x11;
const PHOTOGRAPH: u8 = 0x0d;
/// 2000-01-01T00:00:00Z: an earlier stamp is no clock's.
const EARLIEST_S: u32 = 946_684_800;

/// One message.
pub(super) fn message(reader: &mut Reader<'_>, codec: u8, out: &mut Out<'_>) -> Result<(), Reject> {
    let kind = reader.u8()?;
    let too_short = reader.reject(Reason::Malformed);
    let size = usize::try_from(reader.be_u32()?).map_err(|_| too_short)?;
    let until = reader.remaining().checked_sub(size).ok_or(too_short)?;

    let mut time = None;
    if matches!(codec, 0x0d | 0x0f) {
        let seconds = reader.be_u32()?;
        time = (seconds >= EARLIEST_S).then(|| Time::from_seconds(i64::from(seconds)));
    }
    if matches!(codec, 0x0e | 0x0f) {
        // Fifteen digits in sixteen places.
        let digits = bcd::digits(reader.take(8)?);
        let imei = digits.strip_prefix('0').unwrap_or(&digits);
        if !imei.is_empty() {
            out.identify(imei);
        }
    }
    let length = reader.remaining().checked_sub(until).ok_or(too_short)?;
    let payload = reader.take(length)?;

    if let Some(fix) = place(&text::utf8(payload)) {
        out.fix(fix, Attributes::new());
        return Ok(());
    }
    let mut attributes = Attributes::new();
    match (kind, payload) {
        (NOT_FOR_ME, _) if codec == 0x0e => attributes.set("result", "refused: another IMEI"),
        // Photographs are not asked for: their size would cost every position its line.
        (PHOTOGRAPH, [1, a, b, c, d, ..]) => {
            attributes.set("photograph", u32::from_be_bytes([*a, *b, *c, *d]));
        }
        (PHOTOGRAPH, _) => return Ok(()),
        _ => text_or_hex(payload, &mut attributes),
    }
    out.report(time, AlarmSet::EMPTY, attributes);
    Ok(())
}

/// The answer to `getgps`: `GPS:1 Sat:9 Lat:38.914000 Long:121.614700 Alt:31 Speed:47 Dir:272 Date:
/// 2026/6/15 Time: 1:59:59`, in UTC.
fn place(line: &str) -> Option<Fix> {
    let mut line = Labelled::new(line);
    // In the order in which they stand.
    let mut number = |label| number::decimal(line.value(label)?);
    let valid = number("GPS:") == Some(1.0) && number("Sat:").is_some_and(|count| count > 0.0);
    let (latitude, longitude) = (number("Lat:")?, number("Long:")?);
    let altitude_m = number("Alt:").filter(|metres| metres.is_finite());
    let speed_kmh = number("Speed:").filter(|kmh| (0.0..1000.0).contains(kmh));
    let course_deg = number("Dir:").filter(|course| (0.0..=360.0).contains(course));
    let (day, of_day) = (line.value("Date:")?, line.value("Time:")?);
    let mut fix = Fix::new(date::written(day, of_day, 0)?, latitude, longitude)?;
    fix.valid = valid;
    fix.altitude_m = altitude_m;
    fix.speed_kmh = speed_kmh;
    fix.course_deg = course_deg;
    Some(fix)
}

fn text_or_hex(payload: &[u8], attributes: &mut Attributes) {
    let is_text = payload.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t'));
    let text = text::utf8(payload);
    let text = text.trim();
    if !is_text {
        attributes.set("result_hex", hex(payload));
        return;
    }
    // A serial card reader: GTSL|part|…|…|card|…
    if let Some(card) = text.strip_prefix("GTSL|").and_then(|rest| rest.split('|').nth(3))
        && !card.is_empty()
    {
        attributes.set("driver_id", card.to_owned());
    }
    attributes.set("result", text.to_owned());
}
