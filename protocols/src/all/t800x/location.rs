//! Positions and alarms.
//!
//! | vehicle, OBD | bytes | meaning |
//! |---|---|---|
//! | | 2 + 2 + 1 + 2 | reporting: with ignition, without, by angle, by distance |
//! | | 2 | bits 0–6 signal, 7–14 speed limit |
//! | status | 1 | bits 0–4 satellites, 5 receiver asleep, 6 has a position, 7 was stored |
//! | | 4 + 2 | settings, relay, threshold of towing |
//! | inputs | 2 | bits 15 main power lost, 14 ignition, 13 air conditioning, 12, 11, 7–9 outputs |
//! | | 2 + 8 + 2 | (13, 14) outputs, four voltages, metres since the last record |
//! | | 4 | (02, 04 but not OBD) two voltages |
//! | | 1 + 1 | alarm, unused |
//! | | 4 + 1 | odometer in metres, battery in percent |
//! | | 6 | date and time |
//! | place | 16 | altitude, longitude, latitude, speed in 0.1 km/h, course; or cells |
//! | | rest | voltages, and what an engine tells |
//!
//! Assets have status, alarm, time and place first, then five bytes of acceleration, battery,
//! temperature, light, two voltages, odometer and inputs.

use super::{Family, four_digits, time, two_digits};
use crate::field::Reader;
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

/// What a status byte says.
#[derive(Clone, Copy)]
pub(super) struct Status(pub(super) u8);

impl Status {
    const fn satellites(self) -> u8 {
        self.0 & 0x1f
    }

    pub(super) const fn has_position(self) -> bool {
        self.0 & 0x40 != 0
    }

    pub(super) const fn was_stored(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(super) fn set(self, attributes: &mut Attributes) {
        attributes.set("satellites", self.satellites());
    }
}

/// Answers the code of the alarm.
pub(super) fn location(
    reader: &mut Reader<'_>,
    family: Family,
    message: u8,
    out: &mut Out<'_>,
) -> Result<u8, Reject> {
    if family == Family::Asset {
        return asset(reader, out);
    }
    let is_second = matches!(message, 0x13 | 0x14);
    let mut attributes = Attributes::new();
    reader.skip(7)?;
    attributes.set("rssi", reader.be_u16()? & 0x7f);
    let status = Status(reader.u8()?);
    status.set(&mut attributes);
    reader.skip(6)?;
    inputs(reader.be_u16()?, is_second, &mut attributes);
    if is_second {
        attributes.set("outputs", reader.u8()?);
        reader.skip(1)?;
    }
    let voltages: &[&'static str] = match (is_second, family) {
        (true, _) => &["adc_1_v", "adc_2_v", "adc_3_v", "adc_4_v"],
        (false, Family::Obd) => &[],
        (false, _) => &["adc_1_v", "adc_2_v"],
    };
    for name in voltages {
        attributes.set_some(*name, four_digits(reader)?.map(|value| value / 100.0));
    }
    if is_second {
        let metres = reader.be_u16()?;
        attributes.set_some("distance_m", Some(metres).filter(|metres| *metres != u16::MAX));
    }
    let code = reader.u8()?;
    reader.skip(1)?;
    attributes.set("odometer_m", reader.be_u32()?);
    battery_percent(reader, &mut attributes)?;
    let time = time(reader)?;
    let mut place = Place::read(reader, status, time)?;
    if is_second {
        let battery = volts(reader, 100.0)?;
        attributes.set_some("battery_v", battery);
    }
    if reader.remaining() >= 2 {
        let power = volts(reader, 100.0)?;
        attributes.set_some("power_v", power);
    }
    if family == Family::Obd && reader.remaining() >= 19 {
        engine(reader, &mut attributes)?;
    }
    event(code, vehicle_alarm(code), &mut place, &mut attributes);
    place.put(attributes, out);
    Ok(code)
}

fn asset(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<u8, Reject> {
    let mut attributes = Attributes::new();
    let status = Status(reader.u8()?);
    status.set(&mut attributes);
    let code = reader.u8()?;
    let time = time(reader)?;
    let mut place = Place::read(reader, status, time)?;
    // Acceleration.
    reader.skip(5)?;
    battery_percent(reader, &mut attributes)?;
    let temperature = reader.i8()?;
    attributes.set_some("temperature_c", Some(temperature).filter(|value| *value != -1));
    reader.skip(1)?;
    for name in ["battery_v", "solar_v"] {
        let tenths = two_digits(reader)?;
        attributes.set_some(name, tenths.map(|tenths| f64::from(tenths) / 10.0));
    }
    attributes.set("odometer_m", reader.be_u32()?);
    let inputs = reader.be_u16()?;
    attributes.set("ignition", inputs & 0x04 != 0);
    attributes.set("rssi", (inputs >> 4) & 0x7f);
    event(code, asset_alarm(code), &mut place, &mut attributes);
    place.put(attributes, out);
    Ok(code)
}

fn inputs(bits: u16, has_outputs: bool, attributes: &mut Attributes) {
    let bit = |number: u8| bits & (1 << number) != 0;
    attributes.set("ignition", bit(14));
    attributes.set("air_conditioning", bit(13));
    attributes.set("input_3", bit(12));
    attributes.set("input_4", bit(11));
    if bit(15) {
        attributes.set("power_cut", true);
    }
    if !has_outputs {
        for (number, name) in (7..).zip(["output_1", "output_2", "output_3"]) {
            attributes.set(name, bit(number));
        }
    }
}

/// Two digits; 00 stands for 100.
fn battery_percent(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let percent = two_digits(reader)?;
    attributes
        .set_some("battery_percent", percent.map(|value| if value == 0 { 100 } else { value }));
    Ok(())
}

fn volts(reader: &mut Reader<'_>, divisor: f64) -> Result<Option<f64>, Reject> {
    Ok(four_digits(reader)?.map(|value| value / divisor))
}

fn engine(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let speed = four_digits(reader)?;
    attributes.set_some("obd_speed_kmh", speed.map(|value| value / 10.0));
    for name in ["fuel_used_l", "fuel_consumption_l_100km"] {
        let thousandths = Some(reader.be_u32()?).filter(|value| *value != u32::MAX);
        attributes.set_some(name, thousandths.map(|value| f64::from(value) / 1000.0));
    }
    let rpm = reader.be_u16()?;
    attributes.set_some("rpm", Some(rpm).filter(|value| *value != u16::MAX));
    let names = [
        ("air_flow_g_s", 0),
        ("air_pressure_kpa", 0),
        ("coolant_temperature_c", -40),
        ("air_temperature_c", -40),
        ("engine_load_percent", 0),
        ("throttle_percent", 0),
        ("fuel_percent", 0),
    ];
    for (name, shift) in names {
        let Ok(value) = reader.u8() else { break };
        let value = Some(value).filter(|value| *value != u8::MAX);
        attributes.set_some(name, value.map(|value| i32::from(value).saturating_add(shift)));
    }
    Ok(())
}

fn event(code: u8, alarm: Option<Alarm>, place: &mut Place, attributes: &mut Attributes) {
    if code != 0 {
        attributes.set("event", code);
    }
    if let Some(alarm) = alarm {
        place.alarms.insert(alarm);
    }
}

/// The maker's table of the vehicle trackers.
const fn vehicle_alarm(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::PowerCut,
        0x02 => Alarm::LowBattery,
        0x03 => Alarm::Sos,
        0x04 => Alarm::Overspeed,
        0x05 => Alarm::GeofenceEnter,
        0x06 => Alarm::GeofenceExit,
        0x07 => Alarm::Tow,
        0x08 => Alarm::Vibration,
        0x10 => Alarm::AntiTheft,
        0x12 | 0x14 => Alarm::FuelLeak,
        0x19 => Alarm::Idle,
        0x21 => Alarm::Jamming,
        0x23 => Alarm::PowerRestored,
        0x24 => Alarm::LowPower,
        0x25 => Alarm::General,
        0x26 => Alarm::Accident,
        0x27 => Alarm::Rollover,
        _ => return None,
    })
}

/// The maker's table of the personal and asset trackers.
const fn asset_alarm(code: u8) -> Option<Alarm> {
    Some(match code {
        0x01 => Alarm::Removing,
        0x02 | 0x04 => Alarm::Tampering,
        0x03 => Alarm::Sos,
        0x05 => Alarm::Fall,
        0x06 => Alarm::LowBattery,
        0x08 => Alarm::Temperature,
        0x09 => Alarm::Movement,
        0x10 => Alarm::Accident,
        0x11 => Alarm::General,
        _ => return None,
    })
}

/// A place, or the cells that stand in its stead.
pub(super) struct Place {
    time: Time,
    fix: Option<Fix>,
    cell: Option<[u16; 4]>,
    pub(super) alarms: AlarmSet,
}

impl Place {
    /// Sixteen bytes.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        status: Status,
        time: Time,
    ) -> Result<Self, Reject> {
        if status.has_position() {
            let mut place = Self::coordinates(reader, time)?;
            if let Some(fix) = &mut place.fix {
                fix.backfill = status.was_stored();
            }
            return Ok(place);
        }
        let [mcc, mnc, lac, cell] =
            [reader.le_u16()?, reader.le_u16()?, reader.le_u16()?, reader.le_u16()?];
        reader.skip(8)?;
        let cell = (1..1000).contains(&mcc).then_some([mcc, mnc, lac, cell]);
        Ok(Self { time, fix: None, cell, alarms: AlarmSet::EMPTY })
    }

    /// Altitude, longitude, latitude, speed, course; without a value where all bits are ones.
    pub(super) fn coordinates(reader: &mut Reader<'_>, time: Time) -> Result<Self, Reject> {
        let nowhere = reader.reject(Reason::OutOfRange);
        let mut float = || reader.le_u32().map(|bits| f64::from(f32::from_bits(bits)));
        let (altitude, longitude, latitude) = (float()?, float()?, float()?);
        let speed = four_digits(reader)?;
        let course = reader.be_u16()?;
        let mut fix = None;
        if !longitude.is_nan() && !latitude.is_nan() {
            let mut found = Fix::new(time, latitude, longitude).ok_or(nowhere)?;
            found.altitude_m = Some(altitude).filter(|altitude| altitude.is_finite());
            found.speed_kmh = speed.map(|tenths| tenths / 10.0);
            found.course_deg = Some(f64::from(course)).filter(|course| *course <= 360.0);
            fix = Some(found);
        }
        Ok(Self { time, fix, cell: None, alarms: AlarmSet::EMPTY })
    }

    pub(super) fn put(self, mut attributes: Attributes, out: &mut Out<'_>) {
        if let Some(cell) = self.cell {
            for (name, value) in ["mcc", "mnc", "lac", "cell_id"].into_iter().zip(cell) {
                attributes.set(name, value);
            }
        }
        match self.fix {
            Some(mut fix) => {
                fix.alarms = self.alarms;
                out.fix(fix, attributes);
            }
            None => out.report(Some(self.time), self.alarms, attributes),
        }
    }
}
