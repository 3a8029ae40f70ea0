//! The fields that a device is configured to add: `%CI` and two or three letters for each.

use super::records::string;
use crate::field::{Fields, Reader, text as texts};
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reject};

/// More than there are letters for.
const MAX_FIELDS: usize = 64;

/// What of the added fields belongs to the position.
#[derive(Default)]
pub(super) struct Found {
    altitude: Option<f64>,
    is_stored: bool,
    alarms: AlarmSet,
}

impl Found {
    pub(super) fn put(self, mut fix: Fix, attributes: Attributes, out: &mut Out<'_>) {
        fix.altitude_m = self.altitude;
        fix.backfill = self.is_stored;
        fix.alarms = self.alarms;
        out.fix(fix, attributes);
    }

    /// One field's value, whichever way it came.
    fn number(&mut self, key: &str, value: i64, attributes: &mut Attributes) {
        #[expect(clippy::cast_precision_loss, reason = "fields have at most 32 bits")]
        let number = value as f64;
        match key {
            "SA" => attributes.set("satellites", value),
            "MV" => attributes.set("power_v", number / 10.0),
            "BV" => attributes.set("battery_v", number / 10.0),
            "GQ" => attributes.set("rssi", value),
            "CE" => attributes.set("cell_id", value),
            "LC" => attributes.set("lac", value),
            // Three digits of country, the rest network.
            "CN" if value > 0 => {
                let text = value.to_string();
                attributes.set_some("mcc", text.get(..3).and_then(|text| text.parse::<u16>().ok()));
                attributes.set_some("mnc", text.get(3..).and_then(|text| text.parse::<u16>().ok()));
            }
            "PC" => attributes.set("pulses", value),
            "AT" => self.altitude = Some(number),
            "RP" => attributes.set("rpm", value),
            "DT" => self.is_stored = value == 1,
            "EL" => attributes.set("engine_load_percent", value),
            "TR" => attributes.set("throttle_percent", value),
            "ET" => attributes.set("coolant_temperature_c", value),
            "IA" => attributes.set("air_temperature_c", value),
            "MF" => attributes.set("air_flow", value),
            "MP" => attributes.set("manifold_pressure_kpa", value),
            "FL" => attributes.set("fuel_percent", value),
            "FC" => attributes.set("fuel_used", value),
            "ML" => attributes.set("engine_fault", value > 0),
            "AV1" => attributes.set("adc_1", value),
            "SM" => attributes.set("highest_speed_kmh", value),
            "EH" => attributes.set("engine_h", number / 10.0),
            "MT" => attributes.set("motion", value > 0),
            "HA" if value > 0 => self.alarms.insert(Alarm::HardAcceleration),
            "HB" if value > 0 => self.alarms.insert(Alarm::HardBraking),
            "HC" if value > 0 => self.alarms.insert(Alarm::HardCornering),
            _ => {}
        }
    }
}

/// The keys of `%CI%SA%MV`.
fn keys(form: &str) -> impl Iterator<Item = &str> {
    form.trim().split('%').filter(|key| !key.is_empty()).skip(1).take(MAX_FIELDS)
}

fn name(key: &str) -> Option<&'static str> {
    match key {
        "VN" => Some("vin"),
        "CD" => Some("iccid"),
        "MA" => Some("wifi_1"),
        _ => None,
    }
}

pub(super) fn text(
    fields: &Fields<'_>,
    from: usize,
    form: &str,
    attributes: &mut Attributes,
) -> Found {
    let mut found = Found::default();
    for (index, key) in (from..).zip(keys(form)) {
        let value = fields.text(index);
        match (name(key), value.parse::<i64>()) {
            (Some(name), _) if !value.is_empty() => attributes.set(name, value.to_owned()),
            (None, Ok(value)) => found.number(key, value, attributes),
            _ => {}
        }
    }
    found
}

/// A field of unknown width makes all that follows it unreadable, the next records with it.
pub(super) fn binary(
    reader: &mut Reader<'_>,
    form: &str,
    attributes: &mut Attributes,
) -> Result<Found, Reject> {
    let mut found = Found::default();
    for key in keys(form) {
        let value = match key {
            "SA" | "GQ" | "GS" | "RL" | "DT" | "EL" | "TR" | "FL" | "ML" | "PD" | "IA" | "MP"
            | "MT" | "HA" | "HB" | "HC" => i64::from(reader.u8()?),
            "MV" | "BV" | "LC" | "RP" | "MF" | "AV1" | "SM" | "ET" => i64::from(reader.be_u16()?),
            "AT" => i64::from(reader.be_i32()?),
            "CE" | "CN" | "PC" | "FC" | "EH" => i64::from(reader.be_u32()?),
            "VN" | "CD" | "NC" | "GL" | "MA" | "CI" | "BC" => {
                let value = texts::ascii(string(reader)?);
                if let Some(name) = name(key)
                    && !value.is_empty()
                {
                    attributes.set(name, value);
                }
                continue;
            }
            "CM" | "ME" => {
                reader.skip(8)?;
                continue;
            }
            "GN" => {
                reader.skip(60)?;
                continue;
            }
            "GV" => {
                reader.skip(6)?;
                continue;
            }
            _ => {
                reader.skip(reader.remaining())?;
                break;
            }
        };
        found.number(key, value, attributes);
    }
    Ok(found)
}
