//! Positions in text.

use super::alarm;
use crate::field::{Fields, nmea, text};
use crate::{Attributes, Context, DeviceId, Fix, Out, Reason, Reject};

/// Event 37: a tag was put to the reader.
const TAG_READ: u16 = 37;

/// event, latitude, longitude, `YYMMDDhhmmss`, `A`, satellites, signal, km/h, course, HDOP, metres,
/// mileage (m), seconds run, country|network|area|cell, inputs and outputs, AD1|AD2|AD3|battery|
/// power, what belongs to the event, (customized), protocol, fuel, temperatures, …
pub(super) fn position(
    context: &Context<'_>,
    fields: &Fields<'_>,
    latitude_at: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let at = |places: usize| latitude_at.saturating_add(places);
    let nowhere = || fields.reject(latitude_at, Reason::OutOfRange);
    let time = nmea::instant_ymd(fields.text(at(2)))
        .ok_or_else(|| fields.reject(at(2), Reason::OutOfRange))?;
    let latitude = fields.number(latitude_at).ok_or_else(nowhere)?;
    let longitude = fields.number(at(1)).ok_or_else(nowhere)?;
    let mut fix = Fix::new(time, latitude, longitude).ok_or_else(nowhere)?;
    fix.valid = fields.text(at(3)) == "A";
    fix.speed_kmh = fields.number(at(6)).filter(|speed| *speed >= 0.0);
    fix.course_deg = fields.number(at(7)).filter(|course| (0.0..=360.0).contains(course));
    fix.altitude_m = fields.number(at(9));
    let mut attributes = Attributes::new();
    let event = fields.parse::<u16>(latitude_at.saturating_sub(1));
    attributes.set_some("event", event);
    fix.alarms = event.and_then(alarm).into_iter().collect();
    attributes.set_some("satellites", fields.parse::<u8>(at(4)));
    attributes.set_some("rssi", fields.parse::<u8>(at(5)));
    attributes.set_some("hdop", fields.number(at(8)));
    attributes.set_some("odometer_m", fields.parse::<u32>(at(10)));
    let cell = Fields::split(fields.bytes(at(12)), b'|');
    if let Some(mcc) = cell.parse::<u16>(0).filter(|mcc| *mcc > 0) {
        attributes.set("mcc", mcc);
        attributes.set_some("mnc", cell.parse::<u16>(1));
        attributes.set_some("lac", hex(cell.text(2)));
        attributes.set_some("cell_id", hex(cell.text(3)));
    }
    if let Some(lines) = hex(fields.text(at(13))) {
        let [_, _, inputs, outputs] = lines.to_be_bytes();
        attributes.set("inputs", inputs);
        attributes.set("outputs", outputs);
    }
    let device = out.device().cloned();
    analogs(context, device.as_ref(), fields.bytes(at(14)), &mut attributes);
    if event == Some(TAG_READ) {
        let tag = fields.text(at(15));
        attributes.set_some("driver_id", (!tag.is_empty()).then(|| tag.to_owned()));
    }
    let fuel = fields.text(at(18));
    if let (4, Some(fuel)) = (fuel.len(), hex(fuel)) {
        // Whole percent, then hundredths.
        let [_, _, percent, hundredths] = fuel.to_be_bytes();
        let percent = f64::from(percent) + f64::from(hundredths) / 100.0;
        attributes.set_some("fuel_percent", Some(percent).filter(|percent| *percent <= 100.0));
    }
    temperatures(fields, at(19), fields.parse::<u8>(at(17)).unwrap_or_default(), &mut attributes);
    out.fix(fix, attributes);
    Ok(())
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

/// Battery and power: volts with decimals, or readings whose scale is the model's.
fn analogs(
    context: &Context<'_>,
    device: Option<&DeviceId>,
    bytes: &[u8],
    attributes: &mut Attributes,
) {
    static ADC: [&str; 3] = ["adc_1_raw", "adc_2_raw", "adc_3_raw"];
    let parts = Fields::split(bytes, b'|');
    if parts.text(0).contains('.') {
        attributes.set_some("battery_v", parts.number(0));
        attributes.set_some("power_v", parts.number(1));
        return;
    }
    let model = device.and_then(|device| context.model_of(device)).unwrap_or_default();
    let (battery_scale, power_scale) = match text::upper_case(&model).as_str() {
        // Ten bits of 3 V behind dividers by 2 and 16.
        "MVT340" | "MVT380" => ((6.0, 1024.0), Some((48.0, 1024.0))),
        // Twelve bits of 3.3 V.
        "MT90" => ((6.6, 4096.0), None),
        "T1" | "T3" | "MVT100" | "MVT600" | "MVT800" | "TC68" | "TC68S" => {
            ((6.6, 4096.0), Some((52.8, 4096.0)))
        }
        _ => ((1.0, 100.0), Some((1.0, 100.0))),
    };
    for (index, name) in ADC.into_iter().enumerate() {
        attributes.set_some(name, hex(parts.text(index)));
    }
    let scaled = |index: usize, (volts, steps): (f64, f64)| {
        hex(parts.text(index)).map(|raw| f64::from(raw) * volts / steps)
    };
    attributes.set_some("battery_v", scaled(3, battery_scale));
    attributes.set_some("power_v", power_scale.and_then(|scale| scaled(4, scale)));
}

/// Sensor, then hundredths of a degree; before protocol 3 whole degrees, then hundredths.
fn temperatures(fields: &Fields<'_>, at: usize, protocol: u8, attributes: &mut Attributes) {
    static NAMES: [&str; 9] = [
        "temperature_0_c",
        "temperature_1_c",
        "temperature_2_c",
        "temperature_3_c",
        "temperature_4_c",
        "temperature_5_c",
        "temperature_6_c",
        "temperature_7_c",
        "temperature_8_c",
    ];
    for sensor in fields.text(at).split('|').take(NAMES.len()) {
        let Some(value) = hex(sensor).filter(|_| sensor.len() == 6) else { continue };
        let [_, index, high, low] = value.to_be_bytes();
        let Some(name) = NAMES.get(usize::from(index)) else { continue };
        let celsius = if protocol >= 3 {
            f64::from(i16::from_be_bytes([high, low])) / 100.0
        } else {
            let whole = i8::from_be_bytes([high]);
            let part = f64::from(low) / 100.0;
            f64::from(whole) + if whole < 0 { -part } else { part }
        };
        attributes.set(*name, celsius);
    }
}
