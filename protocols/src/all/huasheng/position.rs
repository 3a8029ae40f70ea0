//! Positions: state 2, event 2, `yymmddhhmmss`, longitude 4, latitude 4 (100 000ths of a degree),
//! km/h 2, course 2, metres of altitude 2, km/h of the vehicle 2; then elements.
//!
//! State: bit 15 located, 14 ignition. Event: 4 fatigue, 6 emergency, 7 braking, 8 acceleration,
//! 9 cornering, 10 accident, 16 device taken out.
//!
//! | element | value |
//! |---|---|
//! | 0001 | coolant 1, turns 2, mean km/h 1, fuel of the interval 2, consumption 2, trip 2, hundredths of a volt 2, fuel 1, trip 4 (before it 2 and behind it additive 1, where longer) |
//! | 0005 | signal 1, HDOP 1, seconds run 4 |
//! | 0009, 000f | VIN, IMEI |
//! | 0010, 0011 | kilometres of the vehicle, in digits; 1/20 hours of the engine 4 |
//! | 0014 | bits 7 to 3: which are known; load, ignition advance, intake's degrees, grams of air a second in hundredths 2, throttle |
//! | 0020, 0021 | cells and stations of wireless networks, in text |
//!
//! Degrees are 40 too many, levels of tanks 0.4 percent, other shares of 255; all bits set: not
//! known.
//!
//! Quirk: the IMEI counts where nobody has logged in.

use super::{element, imei};
use crate::field::{Reader, nmea, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time};

const LOCATED: u16 = 1 << 15;
const IGNITION: u16 = 1 << 14;

fn alarm(event: u16) -> Option<Alarm> {
    Some(match event {
        4 => Alarm::Fatigue,
        6 => Alarm::Sos,
        7 => Alarm::HardBraking,
        8 => Alarm::HardAcceleration,
        9 => Alarm::HardCornering,
        10 => Alarm::Accident,
        16 => Alarm::Removing,
        _ => return None,
    })
}

pub(super) fn decode(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let state = reader.be_u16()?;
    let event = reader.be_u16()?;
    let of_time = reader.reject(Reason::OutOfRange);
    let time = instant(reader.ascii(12)?);
    let of_place = reader.reject(Reason::OutOfRange);
    let longitude = f64::from(reader.be_i32()?) / 1e5;
    let latitude = f64::from(reader.be_i32()?) / 1e5;
    let speed = reader.be_u16()?;
    let course = reader.be_u16()?;
    let altitude = reader.be_i16()?;
    let speed_of_vehicle = reader.be_u16()?;

    let mut attributes = Attributes::new();
    attributes.set("event", event);
    attributes.set("status", state);
    attributes.set("ignition", state & IGNITION != 0);
    attributes.set("obd_speed_kmh", speed_of_vehicle);
    let alarms: AlarmSet = alarm(event).into_iter().collect();
    // What was read before counts.
    let mut wrong = elements(context, reader, &mut attributes, out).err();

    let place = time.and_then(|time| Fix::new(time, latitude, longitude));
    match place {
        Some(mut fix) => {
            fix.valid = state & LOCATED != 0;
            fix.speed_kmh = Some(f64::from(speed));
            fix.course_deg = Some(f64::from(course)).filter(|course| *course <= 360.0);
            fix.altitude_m = Some(f64::from(altitude));
            fix.alarms = alarms;
            out.fix(fix, attributes);
        }
        None => {
            wrong = Some(if time.is_none() { of_time } else { of_place });
            out.report(time, alarms, attributes);
        }
    }
    if let Some(reject) = wrong {
        out.reject(reject);
    }
    Ok(())
}

fn instant(text: &str) -> Option<Time> {
    let (date, of_day) = text.split_at_checked(6)?;
    Some(nmea::date_ymd(date)?.plus_millis(nmea::time_of_day_ms(of_day)?))
}

fn elements(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    while let Some((kind, mut value)) = element(reader)? {
        match kind {
            0x0001 => vehicle(&mut value, attributes)?,
            0x0005 => {
                attributes.set("rssi", value.u8()?);
                attributes.set("hdop", value.u8()?);
                attributes.set("run_time_s", value.be_u32()?);
            }
            0x0009 => {
                let vin = text::ascii(value.rest());
                if !vin.is_empty() && vin.bytes().any(|byte| byte != b'F') {
                    attributes.set("vin", vin);
                }
            }
            0x000f if context.device.is_none() => out.identify(imei(&mut value)?),
            0x0010 => {
                let kilometres = text::ascii(value.rest()).parse::<f64>().ok();
                let kilometres = kilometres.filter(|kilometres| kilometres.is_finite());
                attributes.set_some("odometer_m", kilometres.map(|value| value * 1000.0));
            }
            0x0011 => {
                let twentieths = Some(value.be_u32()?).filter(|value| *value != u32::MAX);
                attributes.set_some("engine_time_s", twentieths.map(|v| f64::from(v) * 180.0));
            }
            0x0014 => engine(&mut value, attributes)?,
            0x0020 => attributes.set("cells", text::ascii(value.rest())),
            0x0021 => attributes.set("wifi", text::ascii(value.rest())),
            _ => {}
        }
    }
    Ok(())
}

fn vehicle(value: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let known = |byte: u8| Some(byte).filter(|byte| *byte != u8::MAX);
    let known_2 = |word: u16| Some(word).filter(|word| *word != u16::MAX);
    let coolant = known(value.u8()?).map(|degrees| i16::from(degrees).saturating_sub(40));
    attributes.set_some("coolant_temperature_c", coolant);
    attributes.set_some("rpm", known_2(value.be_u16()?));
    // Of what the interval, the trip and the consumption are counted is not known.
    value.skip(7)?;
    let volts = known_2(value.be_u16()?).map(|hundredths| f64::from(hundredths) / 100.0);
    attributes.set_some("power_v", volts);
    let percent = |byte: u8| f64::from(byte) * 2.0 / 5.0;
    attributes.set_some("fuel_percent", known(value.u8()?).map(percent));
    if value.remaining() >= 7 {
        value.skip(6)?;
        let additive = known(value.u8()?).filter(|level| *level != 0);
        attributes.set_some("adblue_percent", additive.map(percent));
    }
    Ok(())
}

/// Shorter elements are of another make: they do not say what is known.
fn engine(value: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    if value.remaining() < 7 {
        return Ok(());
    }
    let known = value.u8()?;
    let [load, advance, intake] = value.array()?;
    let flow = value.be_u16()?;
    let throttle = value.u8()?;
    let percent = |byte: u8| f64::from(byte) * 100.0 / 255.0;
    let mut set = |bit: u8, name: &'static str, value: f64| {
        if known & (1 << bit) != 0 {
            attributes.set(name, value);
        }
    };
    set(7, "engine_load_percent", percent(load));
    set(6, "ignition_advance_deg", f64::from(advance) / 2.0);
    set(5, "intake_c", f64::from(intake) - 40.0);
    set(4, "intake_flow_g_s", f64::from(flow) / 100.0);
    set(3, "throttle_percent", percent(throttle));
    Ok(())
}
