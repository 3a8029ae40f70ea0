//! Messages on the device (`INF`) and on the vehicle (`CAN`, `OBD`).
//!
//! `INF`: state, card, signal, error rate, external power, mileage in km or power in mV, second
//! input in mV, battery in V, charging, …
//!
//! `CAN`: kind, state, mask, then one field for each bit that is set in the mask: see `CAN_FIELDS`.
//!
//! `OBD`: kind, mask, VIN, connected, mV, supported PIDs, rpm, km/h, coolant, consumption, …

use super::text::{Message, state};
use crate::Attributes;

/// How a field of the `CAN` message is written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    /// 0 is off; 1 and 2 are on.
    Ignition,
    /// A letter for the unit, then a number; the factor turns it into ours. Another letter than the
    /// one given means another unit.
    Lettered(&'static [&'static str], f64),
    Number,
    Nothing,
}
use Form::{Ignition, Lettered, Nothing, Number, Text};

/// By bit of the mask, from bit 0 on; the fields stand in this order.
static CAN_FIELDS: &[(u8, &str, Form)] = &[
    (0, "vin", Text),
    (1, "ignition", Ignition),
    // Hectometres; `I` stands for a counter without a unit.
    (2, "vehicle_odometer_m", Lettered(&["H"], 100.0)),
    (3, "fuel_used_l", Lettered(&["L", ""], 1.0)),
    (5, "rpm", Number),
    (4, "vehicle_speed_kmh", Number),
    (6, "coolant_temperature_c", Number),
    (7, "", Nothing),
    (8, "fuel_percent", Lettered(&["P"], 1.0)),
];

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

pub(super) fn can(message: &Message<'_>, attributes: &mut Attributes) {
    let fields = &message.fields;
    let Ok(mask) = u32::from_str_radix(fields.text(6), 16) else { return };
    let mut at = 7_usize;
    for (bit, name, form) in CAN_FIELDS {
        if mask & (1 << bit) == 0 {
            continue;
        }
        let text = fields.text(at);
        at = at.saturating_add(1);
        if text.is_empty() {
            continue;
        }
        match form {
            Text => attributes.set(*name, text.to_owned()),
            Ignition => attributes.set_some(*name, text.parse().ok().map(|on: u8| on > 0)),
            Number => attributes.set_some(*name, number(text)),
            Lettered(units, factor) => {
                let digits = text.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
                let unit = text.strip_suffix(digits).unwrap_or_default();
                let value = number(digits).filter(|_| units.contains(&unit));
                attributes.set_some(*name, value.map(|value| value * factor));
            }
            Nothing => {}
        }
    }
}

pub(super) fn obd(message: &Message<'_>, attributes: &mut Attributes) {
    let fields = &message.fields;
    // A VIN may stand before the name.
    let Some(mask_at) = (5..8).find(|at| {
        let text = fields.text(*at);
        let kind = fields.text(at.saturating_sub(1));
        matches!(kind, "0" | "1") && (1..=8).contains(&text.len())
    }) else {
        return;
    };
    let after = |places: usize| mask_at.saturating_add(places);
    let vin = fields.text(after(1));
    attributes.set_some("vin", (vin.len() == 17).then(|| vin.to_owned()));
    let millivolts = fields.parse::<u32>(after(3));
    attributes.set_some("power_v", millivolts.map(|power| f64::from(power) / 1000.0));
    attributes.set_some("rpm", fields.parse::<u16>(after(5)));
    attributes.set_some("vehicle_speed_kmh", fields.parse::<u16>(after(6)));
    attributes.set_some("coolant_temperature_c", fields.parse::<i16>(after(7)));
}

pub(super) fn information(message: &Message<'_>, attributes: &mut Attributes) {
    let fields = &message.fields;
    if fields.count() < 16 {
        return;
    }
    state(u8::from_str_radix(fields.text(4), 16).ok(), attributes);
    attributes.set_some("rssi", fields.parse::<u8>(6).filter(|rssi| *rssi <= 99));
    let power = fields.text(9);
    if power.contains('.') {
        attributes.set_some("odometer_m", fields.number(9).map(|km| km * 1000.0));
    } else {
        let millivolts = fields.parse::<u32>(9).filter(|millivolts| *millivolts >= 1000);
        attributes.set_some("power_v", millivolts.map(|power| f64::from(power) / 1000.0));
    }
    let battery = fields.number(11).filter(|volts| (1.0..10.0).contains(volts));
    attributes.set_some("battery_v", battery);
    if battery.is_some() {
        attributes.set_some("charging", fields.parse::<u8>(12).map(|charging| charging == 1));
    }
}
