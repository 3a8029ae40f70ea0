//! Xexun TK102, TK103, TK201, XT009 and kin.
//!
//! TCP on port 5006. Source: Xexun's "GPRS protocol" (TK102-2, TK103-2).
//!
//! A message is a sentence in the form of NMEA 0183 with fields around it, in two forms:
//!
//! | form | fields |
//! |---|---|
//! | short | serial, telephone (both may be missing), `GPRMC,…*` checksum, `F`, message, `imei:` IMEI, length and a byte of checksum |
//! | long | serial (`YYMMDDhhmmss`), telephone, `GPRMC,…*` checksum, `F`, message, `imei:` IMEI, satellites, metres, `F:` battery `V`, charging, length, CRC, country, network, area, cell, (kilometres) |
//!
//! `F` is a full satellite signal, `L` a weak one; so are the letters of the battery. The checksum
//! is the sentence's; the CRC is CRC-16/XMODEM, in decimal, of all before it from the serial on.
//! Nothing is answered.
//!
//! | message | alarm |
//! |---|---|
//! | `help me`, `low battery`, `move`, `stockade`, `speed` | emergency, battery, movement, fence, speed |
//! | `door alarm`, `acc alarm`, `ac alarm`, `sensor alarm` | door, ignition, main power, vibration |
//! | `acc on`, `ACCStart`, `acc off`, `ACCStop` | none: the ignition |
//!
//! Quirks: the short form ends with its IMEI and what follows it at once, not with a line; a line
//! may end behind the sentence already; lines end `\n\r`. Minutes below ten may lack their 0, the
//! letter of the longitude may be missing, and the sentence where there is no position at all. What
//! has no date is of now.

mod framing;

use crate::field::{Fields, checksum, nmea, search, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Time,
    Transports,
};
use framing::IMEI;

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "xexun",
    title: "Xexun TK102, TK103",
    port: 5006,
    transports: Transports::Tcp,
    framer: Framer::Function { max: framing::MAX, find: framing::find },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::PowerCut,
        Alarm::IllegalIgnition,
        Alarm::Movement,
        Alarm::Vibration,
        Alarm::Door,
        Alarm::Geofence,
        Alarm::Overspeed,
        Alarm::LowBattery,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let sentence_at = framing::sentence(frame);
    let imei_at = search::find(frame, IMEI);
    let nameless = Reject::at(frame.len(), Reason::Malformed);
    // The serial stands on the line of the sentence.
    let before = frame.get(..sentence_at.or(imei_at).ok_or(nameless)?).unwrap_or_default();
    let start = memchr::memrchr2(b'\r', b'\n', before).map_or(0, |at| at.saturating_add(1));
    let line = frame.get(start..).unwrap_or_default();
    let moved = |by: usize| {
        move |mut reject: Reject| {
            reject.offset = reject.offset.saturating_add(by);
            reject
        }
    };
    let (sentence, behind, behind_at) = match sentence_at {
        Some(at) => {
            let sentence = frame.get(at..).unwrap_or_default();
            let (content, behind) = nmea::verified(sentence).map_err(moved(at))?;
            if behind.is_empty() {
                return Err(nameless);
            }
            (content, behind, frame.len().saturating_sub(behind.len()))
        }
        None => (&[][..], line, start),
    };
    let fields = Fields::split(behind, b',');
    let imei_field = (0..fields.count())
        .find(|index| fields.text(*index).starts_with("imei:"))
        .ok_or(nameless)?;
    let imei = fields.text(imei_field).strip_prefix("imei:").unwrap_or_default();
    if !(8..=20).contains(&imei.len()) || !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(moved(behind_at)(fields.reject(imei_field, Reason::Malformed)));
    }
    let tail = Tail { fields: &fields, imei: imei_field };
    tail.verify(line, behind_at.saturating_sub(start)).map_err(moved(start))?;
    out.identify(imei);

    let mut attributes = Attributes::new();
    let alarms = tail.message(&mut attributes);
    let altitude_m = tail.state(&mut attributes);
    let sentence = Fields::split(sentence, b',');
    let at = sentence_at.unwrap_or(start);
    match position(context, &sentence).map_err(moved(at))? {
        Some(mut fix) => {
            fix.altitude_m = altitude_m;
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        None => out.report(None, alarms, attributes),
    }
    Ok(())
}

/// RMC without its liberties: `None` where there is no sentence, or no place in it.
fn position(context: &Context<'_>, fields: &Fields<'_>) -> Result<Option<Fix>, Reject> {
    if fields.text(3).is_empty() && fields.text(5).is_empty() {
        return Ok(None);
    }
    let coordinate = |index: usize| {
        let stated = fields.text(index);
        let degrees = match stated.find('.') {
            Some(1) => nmea::degrees(&text::short(format_args!("0{stated}"))),
            _ => nmea::degrees(stated),
        };
        let letter = match fields.text(index.saturating_add(1)) {
            "" => "E",
            letter => letter,
        };
        degrees
            .and_then(|degrees| nmea::signed(degrees, letter))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let (latitude, longitude) = (coordinate(3)?, coordinate(5)?);
    let mut fix = Fix::new(instant(context, fields)?, latitude, longitude)
        .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
    fix.valid = fields.text(2) == "A";
    fix.speed_kmh = nmea::speed(fields, 7);
    fix.course_deg = nmea::course(fields, 8);
    Ok(Some(fix))
}

fn instant(context: &Context<'_>, fields: &Fields<'_>) -> Result<Time, Reject> {
    let has_time = fields.text(1).bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    match (fields.text(9).is_empty(), has_time) {
        (false, true) => nmea::instant(fields, 9, 1),
        (false, false) => {
            nmea::date(fields.text(9)).ok_or_else(|| fields.reject(9, Reason::OutOfRange))
        }
        (true, true) => nmea::time_of_day_ms(fields.text(1))
            .map(|of_day| nmea::nearest(of_day, context.received_at))
            .ok_or_else(|| fields.reject(1, Reason::OutOfRange)),
        (true, false) => Ok(context.received_at),
    }
}

/// What stands behind the sentence, or all where there is none.
struct Tail<'a> {
    fields: &'a Fields<'a>,
    /// Which field is the IMEI.
    imei: usize,
}

impl Tail<'_> {
    const fn at(&self, places: usize) -> usize {
        self.imei.saturating_add(places)
    }

    /// The CRC of the long form over its `line`, in which the fields begin at `from`.
    fn verify(&self, line: &[u8], from: usize) -> Result<(), Reject> {
        let Some(stated) = self.fields.parse::<u16>(self.at(6)) else { return Ok(()) };
        let at = from.saturating_add(self.fields.offset(self.at(6)));
        let summed = line.get(..at).unwrap_or_default();
        if checksum::crc16_xmodem(summed) == stated {
            Ok(())
        } else {
            Err(Reject::at(at, Reason::Checksum))
        }
    }

    fn message(&self, attributes: &mut Attributes) -> AlarmSet {
        // Behind the letter of the signal; some leave it out.
        let message = match self.imei.checked_sub(1) {
            Some(before) if !matches!(self.fields.text(before), "F" | "L") => {
                self.fields.text(before)
            }
            _ => "",
        };
        let mut alarms = AlarmSet::EMPTY;
        match text::lower_case(message.trim_end_matches('!')).as_str() {
            "" => return alarms,
            "acc on" | "accstart" => attributes.set("ignition", true),
            "acc off" | "accstop" => attributes.set("ignition", false),
            word => alarms.extend(alarm(word)),
        }
        attributes.set("message", message.to_owned());
        alarms
    }

    /// What the long form says of the device; the answer is the altitude.
    fn state(&self, attributes: &mut Attributes) -> Option<f64> {
        let fields = self.fields;
        let battery = fields.text(self.at(3));
        if !battery.contains(':') {
            return None;
        }
        attributes.set_some("satellites", fields.parse::<u8>(self.at(1)));
        for part in battery.split('/') {
            let (name, value) = part.split_once([':', '=']).unwrap_or((part, ""));
            let volts = value.trim_end_matches('V').parse().ok().filter(|v: &f64| v.is_finite());
            let name = match name {
                "F" | "L" => {
                    attributes.set("battery_low", name == "L");
                    "battery_v"
                }
                "ADC1" => "adc_1_v",
                "ADC2" => "adc_2_v",
                _ => continue,
            };
            attributes.set_some(name, volts);
        }
        attributes.set_some("charging", fields.parse::<u8>(self.at(4)).map(|state| state > 0));
        attributes.set_some("mcc", fields.parse::<u16>(self.at(7)));
        attributes.set_some("mnc", fields.parse::<u16>(self.at(8)));
        for (places, name) in [(9, "lac"), (10, "cell_id")] {
            let number = u32::from_str_radix(fields.text(self.at(places)), 16).ok();
            attributes.set_some(name, number);
        }
        let kilometres = fields.text(self.at(11)).strip_suffix("km");
        let kilometres = kilometres.and_then(|text| text.parse().ok());
        attributes.set_some("odometer_m", kilometres.map(|km: f64| km * 1000.0));
        fields.number(self.at(2))
    }
}

fn alarm(message: &str) -> Option<Alarm> {
    match message {
        "help me" => Some(Alarm::Sos),
        "low battery" => Some(Alarm::LowBattery),
        "move" | "moved" => Some(Alarm::Movement),
        "stockade" => Some(Alarm::Geofence),
        "speed" => Some(Alarm::Overspeed),
        "door alarm" => Some(Alarm::Door),
        "acc alarm" => Some(Alarm::IllegalIgnition),
        "ac alarm" => Some(Alarm::PowerCut),
        "sensor alarm" => Some(Alarm::Vibration),
        _ => None,
    }
}
