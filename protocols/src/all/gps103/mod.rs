//! GPS-103, TK-103 B, TK-303 and the many clones of Coban, Xexun and others.
//!
//! TCP and UDP on port 5001. Source: Coban, "GPRS protocol" of GPS-103 and TK-303, and its sheet on
//! the diagnostic socket (OBD).
//!
//! A frame is text up to `;`, `*` or a line feed.
//!
//! | frame | meaning | answer |
//! |---|---|---|
//! | `##,imei:…,A` or `imei:…,L` | login | `LOAD` |
//! | the bare IMEI | heartbeat | `ON` |
//! | `imei:`…, keyword, local time, phone or tag, `F`, time (UTC), `A`, latitude, `N`, longitude, `E`, knots, course, altitude, ignition, door, fuel (two), temperature | position | to `help me`: `**,imei:…,E;` |
//! | the same with `L`, , , area, , cell | no satellites | the same |
//! | `imei:`…, `OBD`, local time, mileage (km), consumption (now, average), hours, km/h, load, coolant, throttle, rpm, volts, trouble codes | the vehicle | |
//! | `imei:`…, ?, event, sensor, volts, `hhmmss`, `ddmmyy`, signal, fix, latitude, longitude, km/h, course, altitude, HDOP, satellites, ignition, charging, error | position of a sensor's hub | |
//! | `imei:`…, `vt`… and `vr`… | a photograph: not asked for | |
//!
//! Quirks: the date is local and the time of day is stated both locally and in UTC; their
//! difference, taken as less than half a day, is the zone. A hemisphere may stand before its number
//! or be missing.

mod command;
mod position;
mod vehicle;

use position::{local, position};
use vehicle::{hub, is_hub, vehicle};

use crate::field::{Fields, search};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Framer, Out, Protocol, Reason, Reject, Standing, Step,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gps103",
    title: "GPS-103, TK-303 (Coban, Xexun and clones)",
    port: 5001,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::IllegalIgnition,
        Alarm::Accident,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Door,
        Alarm::Bonnet,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::LowBattery,
        Alarm::Fault,
        Alarm::FuelLeak,
        Alarm::Temperature,
    ],
    commands: Some(&command::COMMANDS),
    decoder: || Box::new(decode),
};

/// Parts of a photograph have some 1 000 bytes in hexadecimal; positions some 150.
const MAX_FRAME: usize = 4096;

fn find(bytes: &[u8], last: bool) -> Step {
    let window = bytes.get(..MAX_FRAME).unwrap_or(bytes);
    // The mark of an answer that some devices echo begins with two of them.
    match memchr::memchr3(b';', b'\n', b'*', window) {
        Some(at) => {
            let line = window.get(..at).unwrap_or_default();
            Step::Frame { body: 0..line.trim_ascii_end().len(), end: at.saturating_add(1) }
        }
        None if bytes.len() >= MAX_FRAME => Step::Skip(MAX_FRAME, Reason::TooLong),
        None if last => Step::Frame { body: 0..bytes.trim_ascii_end().len(), end: bytes.len() },
        None => Step::Need(bytes.len().saturating_add(1)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let trimmed = frame.trim_ascii_start();
    let lead = frame.len().saturating_sub(trimmed.len());
    let heartbeat = trimmed.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if heartbeat > 0 {
        let imei = trimmed.get(..heartbeat).unwrap_or_default();
        let imei = std::str::from_utf8(imei).unwrap_or_default();
        if !(10..=20).contains(&heartbeat) {
            return Err(Reject::at(lead, Reason::Malformed));
        }
        out.identify(imei);
        out.reply(*b"ON", When::Now);
    }
    // A position may follow the heartbeat without anything between them.
    let Some(start) = search::find(frame, b"imei:") else {
        return if heartbeat > 0 { Ok(()) } else { Err(Reject::at(lead, Reason::Malformed)) };
    };
    let message = frame.get(start..).unwrap_or_default();
    message_of(context, &Fields::split(message, b','), start <= 4, out).map_err(|mut reject| {
        reject.offset = reject.offset.saturating_add(start);
        reject
    })
}

fn message_of(
    context: &Context<'_>,
    fields: &Fields<'_>,
    is_first: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let imei = fields.text(0).strip_prefix("imei:").unwrap_or_default();
    if !is_digits(imei) || imei.len() > 20 {
        return Err(fields.reject(0, Reason::Malformed));
    }
    let keyword = fields.text(1);
    if is_first && fields.count() <= 3 && matches!(keyword, "A" | "L") {
        out.login(imei, Standing::Claimed, Vec::new());
        out.reply(*b"LOAD", When::Now);
        return Ok(());
    }
    out.identify(imei);
    match keyword {
        "" => Err(fields.reject(1, Reason::Malformed)),
        "OBD" => {
            vehicle(fields, out);
            Ok(())
        }
        _ if keyword.starts_with("vr") || keyword.starts_with("vt") => Ok(()),
        _ if is_hub(fields) => hub(fields, out),
        _ => regular(context, fields, imei, out),
    }
}

fn alarm(keyword: &str) -> Option<Alarm> {
    match keyword {
        "help me" => Some(Alarm::Sos),
        "low battery" => Some(Alarm::LowBattery),
        "stockade" => Some(Alarm::Geofence),
        "move" => Some(Alarm::Movement),
        "speed" => Some(Alarm::Overspeed),
        "door alarm" => Some(Alarm::Door),
        "ac alarm" => Some(Alarm::PowerCut),
        "acc alarm" => Some(Alarm::IllegalIgnition),
        "accident alarm" => Some(Alarm::Accident),
        "sensor alarm" => Some(Alarm::Vibration),
        "bonnet alarm" => Some(Alarm::Bonnet),
        "DTC" => Some(Alarm::Fault),
        _ if keyword.starts_with("T:") => Some(Alarm::Temperature),
        _ if keyword.starts_with("oil") => Some(Alarm::FuelLeak),
        _ => None,
    }
}

fn regular(
    context: &Context<'_>,
    fields: &Fields<'_>,
    imei: &str,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let keyword = fields.text(1);
    let mut attributes = Attributes::new();
    let alarms: AlarmSet = alarm(keyword).into_iter().collect();
    match keyword {
        "acc on" => attributes.set("ignition", true),
        "acc off" => attributes.set("ignition", false),
        "tracker" | "help me" => {}
        "rfid" => {
            let tag = fields.text(3);
            attributes.set_some("driver_id", (!tag.is_empty()).then(|| tag.to_owned()));
        }
        _ => {
            let number = |prefix: &str| {
                let text = keyword.strip_prefix(prefix)?.trim();
                text.parse().ok().filter(|value: &f64| value.is_finite())
            };
            attributes.set_some("temperature_1_c", number("T:"));
            attributes.set_some("fuel_percent", number("oil "));
            if alarms.is_empty() {
                attributes.set("event", keyword.to_owned());
            }
        }
    }
    match fields.text(4) {
        "F" => {
            let mut fix = position(context, fields, &mut attributes)?;
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        _ => {
            let hex = |index: usize| u32::from_str_radix(fields.text(index), 16).ok();
            attributes.set_some("lac", hex(7));
            attributes.set_some("cell_id", hex(9));
            let time = local(fields.text(2)).map(|local| local.midnight_plus(local.of_day_s));
            out.report(time, alarms, attributes);
        }
    }
    if keyword == "help me" {
        out.reply_text(format_args!("**,imei:{imei},E;"), When::Accepted);
    }
    Ok(())
}
