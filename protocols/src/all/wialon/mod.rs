//! Wialon IPS, versions 1.1 and 2.0: Gurtam's own protocol, spoken by many makers' trackers and
//! by phones.
//!
//! TCP and UDP on port 5039. Source: Gurtam, "Wialon IPS communication protocol" 1.1 and 2.0.
//!
//! A line is `#` kind `#` fields. In version 2.0 the last field is a checksum, CRC-16/ARC of the
//! fields before it with their last `;` (of `B` packets: their last `|`). Over UDP the line begins
//! with `2.0;` device.
//!
//! | kind | fields | answer |
//! |---|---|---|
//! | `L` | (`2.0;`) device `;` password (`;` checksum) | `#AL#1` |
//! | `SD` | date, time, latitude, `N`, longitude, `E`, km/h, course, altitude, satellites | `#ASD#1` |
//! | `D` | as `SD`, HDOP, inputs, outputs, voltages, tag, parameters | `#AD#1` |
//! | `B` | such records, parted by `\|` | `#AB#` how many |
//! | `P` | | `#AP#` |
//! | `M` | text to or from the driver | `#AM#1` |
//! | `I`, `T`, `US`, `UC`, `QI`, `QT` | pictures, tachograph files, firmware: not asked for | |
//!
//! What is not known is `NA`. A parameter is `name:type:value`, types being 1 whole, 2 with a
//! fraction, 3 text; one named `SOS` is the button.
//!
//! Quirks: without satellites a position is taken for invalid.

mod command;
mod record;

use crate::field::{Fields, checksum};
use crate::{Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject};
use crate::{Standing, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "wialon",
    title: "Wialon IPS 1.1 and 2.0",
    port: 5039,
    transports: Transports::TcpUdp,
    // A packet of hundreds of stored records is one line.
    framer: Framer::Line { max: 65_536 },
    authenticates: false,
    alarms: &[Alarm::Sos],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// No device stores more in one packet.
const MAX_RECORDS: usize = 2000;

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let mut marks = memchr::memchr_iter(b'#', frame);
    let malformed = Reject::at(0, Reason::Malformed);
    let (first, second) = marks.next().zip(marks.next()).ok_or(malformed)?;
    let kind = frame.get(first.saturating_add(1)..second).unwrap_or_default();
    let body_at = second.saturating_add(1);
    let body = frame.get(body_at..).unwrap_or_default();
    if first > 0 {
        let device = Fields::split(frame.get(..first).unwrap_or_default(), b';');
        let last = device.count().saturating_sub(1);
        out.identify(identity(device.text(last)).ok_or(malformed)?);
    }
    let moved = |mut reject: Reject| {
        reject.offset = reject.offset.saturating_add(body_at);
        reject
    };
    match kind {
        b"L" => login(body, out).map_err(moved),
        b"D" | b"SD" => {
            let name = if kind == b"D" { "D" } else { "SD" };
            let content = match checked(body, b';', &record::is_last_field) {
                Ok(content) => content,
                Err(at) => {
                    // The device sends it again.
                    out.reply_text(format_args!("#A{name}#16\r\n"), When::Now);
                    return Err(moved(Reject::at(at, Reason::Checksum)));
                }
            };
            record::record(context, content, 0, out).map_err(moved)?;
            out.reply_text(format_args!("#A{name}#1\r\n"), When::Accepted);
            Ok(())
        }
        b"B" => {
            let is_last = |field: &[u8]| !field.contains(&b';');
            let content = match checked(body, b'|', &is_last) {
                Ok(content) => content,
                Err(at) => {
                    out.reply("#AB#\r\n", When::Now);
                    return Err(moved(Reject::at(at, Reason::Checksum)));
                }
            };
            let records = Fields::split(content, b'|');
            if records.count() > MAX_RECORDS {
                return Err(moved(Reject::at(0, Reason::TooLong)));
            }
            let mut count = 0_usize;
            for index in 0..records.count() {
                if records.bytes(index).trim_ascii().is_empty() {
                    continue;
                }
                let at = records.offset(index);
                match record::record(context, records.bytes(index), at, out) {
                    Ok(()) => {}
                    // The others are good still; the device shall not send them for ever.
                    Err(reject) => out.reject(moved(reject)),
                }
                count = count.saturating_add(1);
            }
            out.reply_text(format_args!("#AB#{count}\r\n"), When::Accepted);
            Ok(())
        }
        b"P" => {
            out.reply("#AP#\r\n", When::Now);
            Ok(())
        }
        b"M" => {
            let text = String::from_utf8_lossy(body).trim().to_owned();
            let mut attributes = Attributes::new();
            attributes.set("result", text);
            out.report(None, AlarmSet::EMPTY, attributes);
            out.reply("#AM#1\r\n", When::Accepted);
            Ok(())
        }
        b"I" | b"T" | b"US" | b"UC" | b"QI" | b"QT" => {
            Err(Reject::at(first.saturating_add(1), Reason::Unsupported))
        }
        _ => Err(Reject::at(first.saturating_add(1), Reason::Malformed)),
    }
}

fn identity(text: &str) -> Option<&str> {
    let fits = (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(text)
}

fn login(body: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(body, b';');
    let is_second = fields.count() > 2 && fields.text(0).contains('.');
    out.manner(command::manner(is_second));
    if is_second {
        let sum_at = fields.count().saturating_sub(1);
        let summed = body.get(..fields.offset(sum_at)).unwrap_or_default();
        let stated = stated(fields.bytes(sum_at));
        if fields.count() > 3 && stated != Some(checksum::crc16_arc(summed)) {
            out.reply("#AL#10\r\n", When::Now);
            return Err(fields.reject(sum_at, Reason::Checksum));
        }
    }
    let index = usize::from(is_second);
    let device =
        identity(fields.text(index)).ok_or_else(|| fields.reject(index, Reason::Malformed))?;
    out.login(device, Standing::Claimed, b"#AL#0\r\n".to_vec());
    out.reply("#AL#1\r\n", When::Now);
    Ok(())
}

/// Four hexadecimal digits at most, with `0x` before them or not.
fn stated(field: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(field).ok()?.trim();
    u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// What stands before a checksum, if the last part is one; else where the wrong one stands.
fn checked<'a>(
    body: &'a [u8],
    separator: u8,
    is_sum: &dyn Fn(&[u8]) -> bool,
) -> Result<&'a [u8], usize> {
    let Some(at) = memchr::memrchr(separator, body) else { return Ok(body) };
    let sum_at = at.saturating_add(1);
    let (summed, last) = body.split_at_checked(sum_at).unwrap_or((body, &[]));
    match stated(last) {
        Some(sum) if is_sum(last) && is_crc(separator, summed, last) => {
            if sum == checksum::crc16_arc(summed) {
                Ok(body.get(..at).unwrap_or_default())
            } else {
                Err(sum_at)
            }
        }
        _ => Ok(body),
    }
}

/// A short packet's last field may look like a checksum: only its place tells.
fn is_crc(separator: u8, summed: &[u8], last: &[u8]) -> bool {
    separator == b'|' || record::sum_stands_at(memchr::memchr_iter(b';', summed).count(), last)
}
