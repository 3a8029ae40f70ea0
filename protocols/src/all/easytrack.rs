//! EasyTrack ET-01, E3, E3+ and kin.
//!
//! TCP on port 5056. Source: EasyTrack, "GPRS communication protocol" of the ET-01 and E3.
//!
//! A frame: `*ET`, IMEI, kind, fields, all between commas; then `#`, which a line end may follow.
//!
//! | kind | fields | answer |
//! |---|---|---|
//! | `HB`, `AM`, `CC`, `DW` | position: at intervals, with an alarm, when called, when asked | of the E3+4G its kind and `ACK` |
//! | `TX` | validity, date, time | the same |
//! | `MQ` | | the same |
//! | `JZ` | 0 or 1, cell, area, country, network; 1 asks for a place | of the E3+4G `ACK`, and to 1 that there is none |
//! | `OB` | what the engine says, each value behind its letters and before `;` | |
//! | others | what a command has done | |
//!
//! | field of a position | meaning |
//! |---|---|
//! | 3 to 5 | validity, date and time (years from 2000, in hexadecimal pairs) |
//! | 6, 7 | latitude, longitude in 1/600 000 of a degree, the first bit: south, west |
//! | 8, 9 | hundredths of km/h, of a degree |
//! | 10, 11 | state, signal |
//! | 12, 13, 14 | power (decimal: percent, with a point volts), fuel, 100 m travelled |
//! | 15 to 20 | metres of altitude (decimal), receiver, driver's card, hundredths of a degree Celsius, volts of an input, satellites |
//!
//! Numbers are hexadecimal; fields after 14 may be missing. `CC` may have a number before its
//! validity.
//!
//! | bit of the state | meaning |
//! |---|---|
//! | 0, 1 | braked, accelerated hard |
//! | 3, 28 | jamming |
//! | 8 | device taken off |
//! | 10, 16 | emergency |
//! | 14, 18 | vehicle's power low, cut; 18 of the E3+4G: device opened |
//! | 15, 29 | temperature, vibration |
//! | 19, 23 | vehicle blocked, ignition |
//! | 25, 26 | entered, left the fence |
//! | 27, 31 | battery low, overspeed |

use crate::field::Fields;
use crate::framing::{between, window, without_end};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Step, Time,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "easytrack",
    title: "EasyTrack",
    port: 5056,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Tampering,
        Alarm::Removing,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Engine data have some 150 bytes.
const MAX_FRAME: usize = 1024;
/// The model whose frames are answered.
const ANSWERED: &str = "E3+4G";

fn find(bytes: &[u8], is_last: bool) -> Step {
    if let Some(step) = between(bytes, |byte| byte == b'*') {
        return step;
    }
    match memchr::memchr3(b'#', b'\r', b'\n', window(bytes, MAX_FRAME)) {
        Some(until) => Step::Frame { body: 1..until, end: until.saturating_add(1) },
        None => without_end(bytes, 1, MAX_FRAME, is_last),
    }
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let (imei, kind) = (fields.text(1), fields.text(2));
    if !(10..=20).contains(&imei.len()) || !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    if kind.is_empty() {
        return Err(fields.reject(2, Reason::Malformed));
    }
    out.identify(imei);
    let model = out.device().and_then(|device| context.model_of(device));
    let is_answered = model.as_deref() == Some(ANSWERED);
    let maker = fields.text(0);
    match kind {
        "TX" | "MQ" => {
            out.reply_text(format_args!("*{}#", fields.joined(0, fields.count())), When::Now);
            return Ok(());
        }
        "JZ" => cell(&fields, out),
        "OB" => engine(&fields, out),
        _ => match (3..=4).find(|index| matches!(fields.text(*index), "A" | "V")) {
            Some(first) => position(&fields, first, is_answered, out)?,
            None => {
                let mut attributes = Attributes::new();
                attributes.set("result", fields.joined(2, fields.count()).into_owned());
                out.report(None, AlarmSet::EMPTY, attributes);
            }
        },
    }
    if is_answered && matches!(kind, "HB" | "AM" | "CC" | "DW" | "JZ") {
        out.reply_text(format_args!("*{maker},{imei},{kind},ACK#"), When::Accepted);
        if kind == "JZ" && fields.text(3) == "1" {
            out.reply_text(format_args!("*{maker},{imei},JZ,undefined#"), When::Now);
        }
    }
    Ok(())
}

fn hexadecimal(fields: &Fields<'_>, index: usize) -> Option<u32> {
    u32::from_str_radix(fields.text(index), 16).ok()
}

const BLOCKED: u8 = 19;
const IGNITION: u8 = 23;
static ALARMS: [(u8, Alarm); 15] = [
    (0, Alarm::HardBraking),
    (1, Alarm::HardAcceleration),
    (3, Alarm::Jamming),
    (8, Alarm::Removing),
    (10, Alarm::Sos),
    (14, Alarm::LowPower),
    (15, Alarm::Temperature),
    (16, Alarm::Sos),
    (18, Alarm::PowerCut),
    (25, Alarm::GeofenceEnter),
    (26, Alarm::GeofenceExit),
    (27, Alarm::LowBattery),
    (28, Alarm::Jamming),
    (29, Alarm::Vibration),
    (31, Alarm::Overspeed),
];

/// `validity` is the index of that field.
fn position(
    fields: &Fields<'_>,
    validity: usize,
    tells_opening: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let at = |places: usize| validity.saturating_add(places);
    if fields.count() <= at(7) {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    let mut attributes = Attributes::new();
    let mut alarms = AlarmSet::EMPTY;
    let mut alarm_states = AlarmSet::EMPTY;
    if let Some(state) = hexadecimal(fields, at(7)) {
        let is_set = |bit: u8| state & (1 << bit) != 0;
        for (bit, alarm) in ALARMS {
            let is_opening = tells_opening && alarm == Alarm::PowerCut;
            let alarm = if is_opening { Alarm::Tampering } else { alarm };
            alarm_states.insert(alarm);
            if is_set(bit) {
                alarms.insert(alarm);
            }
        }
        attributes.set("ignition", is_set(IGNITION));
        attributes.set("blocked", is_set(BLOCKED));
        attributes.set("status", state);
    }
    attributes.set_some("rssi", hexadecimal(fields, at(8)));
    let power = fields.text(at(9));
    let name = if power.contains('.') { "power_v" } else { "battery_percent" };
    attributes.set_some(name, fields.number(at(9)));
    attributes.set_some("fuel", hexadecimal(fields, at(10)));
    let odometer = hexadecimal(fields, at(11));
    attributes.set_some("odometer_m", odometer.map(|hundreds| f64::from(hundreds) * 100.0));
    let card = fields.text(at(14));
    attributes.set_some("driver_id", (!card.is_empty()).then(|| card.to_owned()));
    // Below zero in two's complement.
    let hundredths = u16::from_str_radix(fields.text(at(15)), 16).ok().map(u16::cast_signed);
    attributes.set_some("temperature_c", hundredths.map(|value| f64::from(value) / 100.0));
    attributes.set_some("adc_v", fields.number(at(16)));
    attributes.set_some("satellites", fields.parse::<u8>(at(17)));

    let time = instant(fields, at(1));
    let place = degrees(fields, at(3)).zip(degrees(fields, at(4)));
    let fix = time.zip(place).and_then(|(time, (north, east))| Fix::new(time, north, east));
    let Some(mut fix) = fix else {
        // The alarm counts wherever and whenever it was.
        out.reject(fields.reject(at(if time.is_none() { 1 } else { 3 }), Reason::OutOfRange));
        out.report_states(time, alarms, alarm_states, attributes);
        return Ok(());
    };
    let hundredths =
        |index: usize| hexadecimal(fields, index).map(|value| f64::from(value) / 100.0);
    fix.valid = fields.text(validity) == "A";
    fix.speed_kmh = hundredths(at(5));
    fix.course_deg = hundredths(at(6)).filter(|course| *course <= 360.0);
    fix.altitude_m = fields.number(at(12));
    fix.alarms = alarms;
    fix.alarm_states = alarm_states;
    out.fix(fix, attributes);
    Ok(())
}

/// Of a date and a time of day.
fn instant(fields: &Fields<'_>, first: usize) -> Option<Time> {
    let three = |index: usize| -> Option<[i8; 3]> {
        let text = fields.text(index);
        let pair = |from: usize| -> Option<i8> {
            let digits = text.get(from..from.saturating_add(2))?;
            i8::from_str_radix(digits, 16).ok().filter(|value| *value >= 0)
        };
        if text.len() == 6 { Some([pair(0)?, pair(2)?, pair(4)?]) } else { None }
    };
    let [year, month, day] = three(first)?;
    let [hour, minute, second] = three(first.saturating_add(1))?;
    Time::from_civil((i16::from(year).saturating_add(2000), month, day), (hour, minute, second), 0)
}

fn degrees(fields: &Fields<'_>, index: usize) -> Option<f64> {
    let value = hexadecimal(fields, index)?;
    let degrees = f64::from(value & 0x7fff_ffff) / 600_000.0;
    Some(if value & 0x8000_0000 == 0 { degrees } else { -degrees })
}

/// The cell that a device without a place is in.
fn cell(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    attributes.set_some("cell_id", fields.parse::<u32>(4));
    attributes.set_some("lac", fields.parse::<u32>(5));
    attributes.set_some("mcc", fields.parse::<u16>(6));
    attributes.set_some("mnc", fields.parse::<u16>(7));
    out.report(None, AlarmSet::EMPTY, attributes);
}

/// What is not read counts the driver's habits or is not known.
fn engine(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let values = fields.text(3);
    for value in values.strip_prefix("BD$").unwrap_or(values).split(';') {
        let start = value.find(|c: char| c.is_ascii_digit() || c == '-').unwrap_or(value.len());
        let (letters, number) = value.split_at_checked(start).unwrap_or_default();
        let name = match letters {
            "V" => "power_v",
            "R" => "rpm",
            "S" => "obd_speed_kmh",
            "P" => "throttle_percent",
            "O" => "engine_load_percent",
            "C" => "coolant_temperature_c",
            "L" => "fuel_percent",
            _ => continue,
        };
        attributes.set_some(name, number.parse::<f64>().ok().filter(|number| number.is_finite()));
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_with_a_sign_or_a_line() {
        assert_eq!(find(b"*ET,1#*", false), Step::Frame { body: 1..5, end: 6 });
        assert_eq!(find(b"*ET,1\r\n", false), Step::Frame { body: 1..5, end: 6 });
        assert_eq!(find(b"*ET,1", true), Step::Frame { body: 1..5, end: 5 });
        assert_eq!(find(b"*ET,1", false), Step::Need(6));
        assert_eq!(find(b"\r\n*", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"##*ET", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(&[b'*'; 1024], false), Step::Skip(1024, Reason::TooLong));
    }
}
