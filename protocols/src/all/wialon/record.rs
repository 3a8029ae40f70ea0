//! One record of a `D`, `SD` or `B` packet.

use crate::field::{Fields, nmea, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time};

/// Fields of a short record and of a long one.
const SHORT: usize = 10;
const LONG: usize = 16;
/// More parameters than any device sends.
const MAX_PARAMETERS: usize = 64;
const MAX_NAME: usize = 32;
const MAX_VOLTAGES: usize = 16;

/// Whether a checksum may stand behind so many fields.
pub(super) fn sum_stands_at(fields: usize, last: &[u8]) -> bool {
    fields == SHORT || fields == LONG || (fields == LONG - 1 && last.starts_with(b"0x"))
}

pub(super) fn is_last_field(field: &[u8]) -> bool {
    !field.is_empty() && !field.contains(&b':')
}

pub(super) fn record(
    context: &Context<'_>,
    body: &[u8],
    at: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let fields = Fields::split(body, b';');
    let moved = |mut reject: Reject| {
        reject.offset = reject.offset.saturating_add(at);
        reject
    };
    read(context, &fields, out).map_err(moved)
}

fn is_known(text: &str) -> bool {
    !matches!(text, "" | "NA" | "N/A")
}

fn read(context: &Context<'_>, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    if fields.count() < SHORT {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    let time = if is_known(fields.text(0)) && is_known(fields.text(1)) {
        Some(nmea::instant(fields, 0, 1)?)
    } else {
        None
    };
    let mut attributes = Attributes::new();
    let satellites = fields.parse::<u8>(9);
    attributes.set_some("satellites", satellites);
    attributes.set_some("hdop", fields.number(10));
    attributes.set_some("inputs", fields.parse::<u32>(11));
    attributes.set_some("outputs", fields.parse::<u32>(12));
    if is_known(fields.text(13)) {
        for (number, volts) in (1..=MAX_VOLTAGES).zip(fields.text(13).split(',')) {
            let volts = volts.trim().parse::<f64>().ok().filter(|volts| volts.is_finite());
            attributes.set_some(format!("adc_{number}_v"), volts);
        }
    }
    if is_known(fields.text(14)) {
        attributes.set("driver_id", fields.text(14).to_owned());
    }
    let alarms = parameters(&text::utf8(fields.bytes(15)), &mut attributes);

    let is_placed = [2, 3, 4, 5].into_iter().all(|index| is_known(fields.text(index)));
    if !is_placed {
        out.report(time, alarms, attributes);
        return Ok(());
    }
    let Some((latitude, longitude)) = nmea::place(fields, 2)? else { return Ok(()) };
    // A device without a clock leaves the time to the server.
    let time: Time = time.unwrap_or(context.received_at);
    let mut fix =
        Fix::new(time, latitude, longitude).ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
    fix.valid = satellites.is_some_and(|satellites| satellites >= 3);
    fix.speed_kmh = fields.number(6).filter(|speed| *speed >= 0.0);
    fix.course_deg = nmea::course(fields, 7);
    fix.altitude_m = fields.number(8);
    fix.alarms = alarms;
    out.fix(fix, attributes);
    Ok(())
}

fn parameters(text: &str, attributes: &mut Attributes) -> AlarmSet {
    let mut alarms = AlarmSet::EMPTY;
    for parameter in text.split(',').take(MAX_PARAMETERS) {
        let mut parts = parameter.splitn(3, ':');
        let (Some(name), Some(kind), Some(value)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.len() > MAX_NAME {
            continue;
        }
        if name.eq_ignore_ascii_case("sos") {
            if value == "1" {
                alarms.insert(Alarm::Sos);
            }
            continue;
        }
        let name = match name {
            "bat" | "battery" | "d_battr" => "battery_percent".to_owned(),
            "pwr_ext" => "power_v".to_owned(),
            "pwr_int" => "battery_v".to_owned(),
            "mcc1" | "mcc" => "mcc".to_owned(),
            "mnc1" | "mnc" => "mnc".to_owned(),
            "lac1" | "lac" => "lac".to_owned(),
            "cell_id1" | "cell_id" => "cell_id".to_owned(),
            _ => format!("io_{name}"),
        };
        let whole = value.parse::<i64>().ok();
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        match (kind.trim(), whole, number) {
            (_, Some(whole), _) => attributes.set(name, whole),
            ("1" | "2", None, Some(number)) => attributes.set(name, number),
            _ => attributes.set(name, value.to_owned()),
        }
    }
    alarms
}
