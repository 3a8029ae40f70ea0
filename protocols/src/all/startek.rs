//! iStartek VT100, VT200, VT300, VT800, PT60 and kin.
//!
//! TCP and UDP on port 5222. Source: iStartek, "GPS tracker Communication Protocol" 1.0 to 2.2.
//!
//! A frame: `&&`, a sign that counts on, length (decimal, from the comma behind it up to the
//! checksum), `,`, IMEI, `,`, kind (three digits), `,`, content, checksum (the sum of all before
//! it, two hexadecimal digits), `\r\n`. Nothing is answered.
//!
//! | field of `000`, `010` | meaning |
//! |---|---|
//! | 3, 4 | event, what belongs to it; 53: a driver's card |
//! | 5, 6 | `yymmddhhmmss`, validity |
//! | 7, 8 | latitude, longitude (degrees) |
//! | 9 to 14 | satellites, HDOP, km/h, course, metres of altitude, metres travelled |
//! | 15, 16 | country, network, area, cell behind `\|`; signal |
//! | 17 to 19 | state, inputs, outputs (hexadecimal) |
//! | 20 | hundredths of a volt behind `\|`: vehicle, battery, inputs |
//! | 21 | what follows |
//! | 22, 23 | tanks, thermometers: number 2, hexadecimal tenths (bit 15: below zero) |
//! | 24 | engine: turns, load, air flow, pressure and temperature, throttle, coolant, fuel used and left |
//! | 25, 26 | a driver's card of 20 characters and more; seconds of the engine |
//!
//! | field of `T1`, `T2` in `710` | meaning |
//! |---|---|
//! | `T1` 2, 4, 10, 14, 18, 26 | turns, fuel, coolant, vehicle's volts, throttle, ignition |
//! | `T2` 1, 17, 21 | kilometres, hours of the engine, fuel used |
//!
//! Other kinds answer commands. State: bits 3 power, 6 armed, 7 driver logged in, 8 device taken
//! off; inputs: bits 1 ignition, 2 door.

use crate::field::{Fields, checksum, nmea};
use crate::framing::between;
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Step, Time,
    Transports,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "startek",
    title: "iStartek VT and PT",
    port: 5222,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Removing,
        Alarm::Door,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::Idle,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowPower,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::PowerRestored,
        Alarm::FuelLeak,
        Alarm::Fuel,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Engine data of a lorry have some 550 bytes.
const MAX_FRAME: usize = 2048;
/// `&&` and the sign.
const MARK: usize = 3;
const CHECKSUM: usize = 2;

fn find(bytes: &[u8], _: bool) -> Step {
    if let Some(step) = between(bytes, |byte| byte == b'&') {
        return step;
    }
    match bytes.get(1) {
        None => return Step::Need(2),
        Some(b'&') => {}
        Some(_) => return Step::Skip(1, Reason::Unframed),
    }
    let rest = bytes.get(MARK..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).take(5).count();
    let comma = MARK.saturating_add(digits);
    let Some(separator) = bytes.get(comma) else { return Step::Need(comma.saturating_add(1)) };
    let stated = bytes.get(MARK..comma).and_then(|digits| std::str::from_utf8(digits).ok());
    let length = stated.and_then(|digits| digits.parse::<usize>().ok());
    let Some(length) = length.filter(|_| *separator == b',') else {
        return Step::Skip(2, Reason::Malformed);
    };
    let end = comma.saturating_add(length).saturating_add(CHECKSUM);
    if end > MAX_FRAME {
        return Step::Skip(2, Reason::TooLong);
    }
    if bytes.len() < end { Step::Need(end) } else { Step::Frame { body: 0..end, end } }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let at = frame.len().saturating_sub(CHECKSUM);
    let (content, stated) = frame.split_at_checked(at).unwrap_or_default();
    let stated = std::str::from_utf8(stated).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
    if stated != Some(checksum::sum8(content)) {
        return Err(Reject::at(at, Reason::Checksum));
    }
    let fields = Fields::split(content, b',');
    let device = fields.text(1);
    if !(1..=20).contains(&device.len()) || !device.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    let kind = fields.text(2);
    if kind.len() != 3 || !kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(fields.reject(2, Reason::Malformed));
    }
    out.identify(device);
    match kind {
        "000" | "010" => position(&fields, out),
        // Positions packed by a rule that the maker's description does not tell.
        "020" => Err(fields.reject(2, Reason::Unsupported)),
        "710" => {
            engine_of_lorry(&fields, out);
            Ok(())
        }
        _ => {
            let mut attributes = Attributes::new();
            attributes.set("result", fields.joined(2, fields.count()).into_owned());
            out.report(None, AlarmSet::EMPTY, attributes);
            Ok(())
        }
    }
}

/// The maker's appendix A.
fn alarm(event: u16) -> Option<Alarm> {
    Some(match event {
        1 => Alarm::Sos,
        // The third input, a door, is open.
        5 => Alarm::Door,
        17 => Alarm::LowPower,
        18 => Alarm::PowerCut,
        19 => Alarm::PowerRestored,
        20 => Alarm::LowBattery,
        22 => Alarm::Overspeed,
        25 => Alarm::GeofenceExit,
        26 => Alarm::GeofenceEnter,
        32 => Alarm::PowerOn,
        33 => Alarm::PowerOff,
        35 => Alarm::Tow,
        38 => Alarm::Idle,
        39 => Alarm::HardAcceleration,
        40 => Alarm::HardBraking,
        41 => Alarm::HardCornering,
        48 => Alarm::FuelLeak,
        49 => Alarm::Fuel,
        _ => return None,
    })
}

fn position(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    if fields.count() <= 8 {
        return Err(fields.reject(fields.count(), Reason::Truncated));
    }
    let mut attributes = Attributes::new();
    let event = fields.parse::<u16>(3);
    let mut alarms: AlarmSet = event.and_then(alarm).into_iter().collect();
    attributes.set_some("event", event);
    let data = fields.text(4);
    if !data.is_empty() {
        let name = if event == Some(53) { "driver_id" } else { "event_data" };
        attributes.set(name, data.to_owned());
    }
    attributes.set_some("satellites", fields.parse::<u8>(9));
    attributes.set_some("hdop", fields.number(10));
    attributes.set_some("odometer_m", fields.parse::<u32>(14));
    cell(fields, &mut attributes);
    let mut alarm_states = AlarmSet::EMPTY;
    if let Some(state) = hexadecimal(fields.text(17)) {
        attributes.set("power_connected", state & (1 << 3) != 0);
        attributes.set("armed", state & (1 << 6) != 0);
        attributes.set("status", state);
        alarm_states.insert(Alarm::Removing);
        if state & (1 << 8) != 0 {
            alarms.insert(Alarm::Removing);
        }
    }
    if let Some(inputs) = hexadecimal(fields.text(18)) {
        attributes.set("ignition", inputs & 2 != 0);
        attributes.set("door", inputs & 4 != 0);
        attributes.set("inputs", inputs);
    }
    attributes.set_some("outputs", hexadecimal(fields.text(19)));
    sensors(fields, &mut attributes);

    let time = instant(fields.text(5));
    let place = fields.number(7).zip(fields.number(8));
    let fix = time.zip(place).and_then(|(time, (north, east))| Fix::new(time, north, east));
    let Some(mut fix) = fix else {
        // The alarm counts wherever and whenever it was.
        out.reject(fields.reject(if time.is_none() { 5 } else { 7 }, Reason::OutOfRange));
        out.report_states(time, alarms, alarm_states, attributes);
        return Ok(());
    };
    fix.valid = fields.text(6) == "A";
    fix.speed_kmh = fields.number(11).filter(|speed| *speed >= 0.0);
    fix.course_deg = nmea::course(fields, 12);
    fix.altitude_m = fields.number(13);
    fix.alarms = alarms;
    fix.alarm_states = alarm_states;
    out.fix(fix, attributes);
    Ok(())
}

/// Date and time of day in twelve digits.
fn instant(text: &str) -> Option<Time> {
    let (date, of_day) = text.split_at_checked(6)?;
    Some(nmea::date_ymd(date)?.plus_millis(nmea::time_of_day_ms(of_day)?))
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

fn cell(fields: &Fields<'_>, attributes: &mut Attributes) {
    let mut parts = fields.text(15).split('|');
    let mut next = || parts.next().unwrap_or_default();
    attributes.set_some("mcc", next().parse::<u16>().ok());
    attributes.set_some("mnc", next().parse::<u16>().ok());
    attributes.set_some("lac", hexadecimal(next()));
    attributes.set_some("cell_id", hexadecimal(next()));
    attributes.set_some("rssi", fields.parse::<u8>(16));
}

fn sensors(fields: &Fields<'_>, attributes: &mut Attributes) {
    let names = ["power_v", "battery_v", "adc_1_v", "adc_2_v", "adc_3_v", "adc_4_v"];
    for (hundredths, name) in fields.text(20).split('|').zip(names) {
        let volts = hexadecimal(hundredths).map(|value| f64::from(value) / 100.0);
        attributes.set_some(name, volts);
    }
    // Two digits of number, then the value.
    let numbered = |text: &str| -> Option<(u8, u16)> {
        let (number, value) = text.split_at_checked(2)?;
        Some((number.parse().ok()?, u16::from_str_radix(value, 16).ok()?))
    };
    for (number, value) in fields.text(22).split('|').filter_map(numbered) {
        attributes.set(format!("fuel_{number}"), f64::from(value) / 10.0);
    }
    for (number, value) in fields.text(23).split('|').filter_map(numbered) {
        let tenths = f64::from(value & 0x7fff) / 10.0;
        let celsius = if value & 0x8000 == 0 { tenths } else { -tenths };
        attributes.set(format!("temperature_{number}_c"), celsius);
    }
    engine(fields.text(24), attributes);
    let mut index = 25;
    let card = fields.text(index);
    if card.len() >= 20 {
        attributes.set("driver_id", card.to_owned());
        index = 26;
    }
    attributes.set_some("engine_time_s", fields.parse::<u32>(index));
}

fn engine(values: &str, attributes: &mut Attributes) {
    let mut parts = values.split('|');
    let mut next = || parts.next().unwrap_or_default();
    let below_zero = |text: &str| text.parse::<i16>().ok().map(|value| value.saturating_sub(40));
    attributes.set_some("rpm", next().parse::<u16>().ok());
    attributes.set_some("engine_load_percent", next().parse::<u8>().ok());
    attributes.set_some("intake_flow", next().parse::<u16>().ok());
    attributes.set_some("intake_pressure_kpa", next().parse::<u16>().ok());
    attributes.set_some("intake_c", below_zero(next()));
    attributes.set_some("throttle_percent", next().parse::<u8>().ok());
    attributes.set_some("coolant_temperature_c", below_zero(next()));
    let tenths = next().parse::<u16>().ok();
    attributes.set_some("fuel_consumption", tenths.map(|tenths| f64::from(tenths) / 10.0));
    let left = next();
    if let Some(percent) = left.strip_suffix('%') {
        attributes.set_some("fuel_percent", percent.parse::<u8>().ok());
    } else if let Some(litres) = left.strip_suffix('L') {
        attributes.set_some("fuel_l", litres.parse::<u16>().ok());
    }
}

/// Lines, each with its name before its fields. What the lorry does not tell has the highest value
/// that there is.
fn engine_of_lorry(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    let content = fields.joined(3, fields.count());
    for line in content.lines() {
        let line = Fields::split(line.as_bytes(), b',');
        let known = |index: usize| line.number(index).filter(|value| value.abs() < 2e7);
        match line.text(0) {
            "T1" => {
                attributes.set_some("rpm", known(2));
                attributes.set_some("fuel", known(4));
                attributes.set_some("coolant_temperature_c", known(10));
                attributes.set_some("power_v", known(14));
                attributes.set_some("throttle_percent", known(18));
                // 2 and 3 say that it is not known.
                let ignition = line.parse::<u8>(26).filter(|state| *state < 2);
                attributes.set_some("ignition", ignition.map(|state| state == 1));
            }
            "T2" => {
                attributes.set_some("odometer_m", known(1).map(|kilometres| kilometres * 1000.0));
                attributes.set_some("engine_time_s", known(17).map(|hours| hours * 3600.0));
                attributes.set_some("fuel_used_l", known(21));
            }
            _ => {}
        }
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_it_says() {
        assert_eq!(find(b"&&:5,1,12", false), Step::Need(11));
        assert_eq!(find(b"&&:3,1,A2\r\n&&", false), Step::Frame { body: 0..9, end: 9 });
        assert_eq!(find(b"&&:", false), Step::Need(4));
        assert_eq!(find(b"&&:12", false), Step::Need(6));
        assert_eq!(find(b"&&:x,", false), Step::Skip(2, Reason::Malformed));
        assert_eq!(find(b"&&:9999,", false), Step::Skip(2, Reason::TooLong));
        assert_eq!(find(b"x&&", false), Step::Skip(1, Reason::Unframed));
    }
}
