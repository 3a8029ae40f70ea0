//! `$MGV002`: fields separated by commas, the last one ended with `;`.
//!
//! | field | meaning |
//! |---|---|
//! | 1, 2 | IMEI, name |
//! | 3 | `R` now, `S` stored |
//! | 4, 5, 6 | date `ddmmyy`, time `hhmmss`, validity |
//! | 7 to 10 | latitude, `N`, longitude, `E`; empty without a position |
//! | 11, 12, 13 | satellites: Beidou, GPS, Glonass |
//! | 14 to 18 | HDOP, knots, course, metres of altitude, kilometres travelled |
//! | 19 to 23 | country, network, area and cell (hexadecimal), signal |
//! | (24) | heart rate, three digits, of some watches |
//! | 24 to 28 | inputs, outputs (binary), three voltages; of bands: pulse, steps, three times |
//! | 29, 30 | temperatures |
//! | 31, 32, 33 | tag, charging and belt, battery in percent |
//! | 34 | why the frame was sent |
//! | 35 | access points |

use crate::field::{Fields, nmea};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject};

pub(super) fn decode(frame: &[u8], start: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let last = frame.strip_suffix(b";").unwrap_or(frame);
    let fields = Fields::split(last, b',');
    // Whatever stands before the mark is part of field 0, and so shifts nothing.
    let prefix = frame.get(..start).unwrap_or_default();
    if !prefix.iter().all(u8::is_ascii_digit) {
        return Err(Reject::at(0, Reason::Malformed));
    }
    super::identify(fields.text(1), fields.offset(1), out)?;
    let time = nmea::instant(&fields, 4, 5)?;
    let mut attributes = Attributes::new();
    attributes.set_some("satellites", fields.parse::<u8>(12));
    attributes.set_some("hdop", fields.number(14));
    attributes.set_some("odometer_m", fields.number(18).map(|kilometres| kilometres * 1000.0));
    attributes.set_some("mcc", fields.parse::<u16>(19));
    attributes.set_some("mnc", fields.parse::<u16>(20));
    attributes.set_some("lac", u32::from_str_radix(fields.text(21), 16).ok());
    attributes.set_some("cell_id", u32::from_str_radix(fields.text(22), 16).ok());
    attributes.set_some("rssi", fields.parse::<u8>(23));
    let alarms = tail(&fields, &mut attributes);

    let Some((latitude, longitude)) = nmea::place(&fields, 7)? else {
        out.report(Some(time), alarms, attributes);
        return Ok(());
    };
    let mut fix =
        Fix::new(time, latitude, longitude).ok_or_else(|| fields.reject(7, Reason::OutOfRange))?;
    fix.valid = fields.text(6) == "A";
    fix.backfill = fields.text(3) == "S";
    fix.speed_kmh = nmea::speed(&fields, 15);
    fix.course_deg = nmea::course(&fields, 16);
    fix.altitude_m = fields.number(17);
    fix.alarms = alarms;
    out.fix(fix, attributes);
    Ok(())
}

fn tail(fields: &Fields<'_>, attributes: &mut Attributes) -> AlarmSet {
    let is_binary = |index: usize| {
        let text = fields.text(index);
        text.len() == 4 && text.bytes().all(|bit| matches!(bit, b'0' | b'1'))
    };
    // A heart rate before the inputs moves all that follows.
    let has_heart_rate = fields.text(24).len() == 3 && is_binary(25);
    let at = |index: usize| index.saturating_add(usize::from(has_heart_rate));
    if has_heart_rate {
        attributes.set_some("heart_rate", fields.parse::<u16>(24));
    }
    if is_binary(at(24)) {
        attributes.set("inputs", fields.text(at(24)).to_owned());
        attributes.set_some("outputs", is_binary(at(25)).then(|| fields.text(at(25)).to_owned()));
        for (index, name) in (26..).zip(["adc_1", "adc_2", "adc_3"]) {
            attributes.set_some(name, fields.number(at(index)));
        }
    } else if (24..29).all(|index| fields.parse::<u32>(index).is_some()) {
        let names = ["heart_rate", "steps", "activity_s", "light_sleep_s", "deep_sleep_s"];
        for (index, name) in (24..).zip(names) {
            attributes.set_some(name, fields.parse::<u32>(index));
        }
    }
    for (index, name) in (29..).zip(["temperature_1_c", "temperature_2_c"]) {
        attributes.set_some(name, fields.number(at(index)));
    }
    let tag = fields.text(at(31));
    attributes.set_some("driver_id", (!tag.is_empty()).then(|| tag.to_owned()));
    let charging = fields.text(at(32)).bytes().next().filter(u8::is_ascii_digit);
    attributes.set_some("charging", charging.map(|digit| digit != b'0'));
    attributes.set_some("battery_percent", fields.parse::<u8>(at(33)));
    let event = fields.text(at(34));
    attributes.set_some("event", (!event.is_empty()).then(|| event.to_owned()));
    super::alarm(event).into_iter().collect()
}
