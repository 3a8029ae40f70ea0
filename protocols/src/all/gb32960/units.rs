//! The units of a report (tables 9 to 19 and B.4 to B.8 of 2016; 10 to 27 of 2025). What a unit
//! states of single cells and probes is passed over: the extremes say what matters.

use smallvec::SmallVec;

use super::frame::Edition;
use crate::attributes::numbered;
use crate::field::Reader;
use crate::item::hex_to;
use crate::{Alarm, AlarmSet, Attributes, Datum, Reason, Reject};

/// What a report states.
#[derive(Default)]
pub(super) struct Units {
    pub(super) place: Option<Place>,
    pub(super) speed_kmh: Option<f64>,
    pub(super) alarms: AlarmSet,
    /// The alarms whose absence from `alarms` means that they are off.
    pub(super) states: AlarmSet,
    pub(super) attributes: Attributes,
    /// What could not be read.
    pub(super) rejects: Vec<Reject>,
}

/// Where the vehicle is.
pub(super) struct Place {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) valid: bool,
    pub(super) datum: Datum,
}

/// Reads units until the end, or until one whose length is not known.
pub(super) fn read(reader: &mut Reader<'_>, edition: Edition) -> Units {
    let mut units = Units::default();
    while !reader.is_empty() {
        match units.next(reader, edition) {
            Ok(true) => {}
            Ok(false) => break,
            Err(reject) => {
                units.rejects.push(reject);
                break;
            }
        }
    }
    units
}

impl Units {
    /// Reads a unit; whether another one may follow.
    fn next(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<bool, Reject> {
        use Edition::{Of2016, Of2025};
        let unsupported = reader.reject(Reason::Unsupported);
        match (edition, reader.u8()?) {
            (_, 0x01) => self.vehicle(reader, edition)?,
            (_, 0x02) => self.motors(reader, edition)?,
            (Of2016, 0x03) => self.fuel_cell(reader)?,
            (Of2025, 0x03) => self.hydrogen_2025(reader)?,
            (_, 0x04) => self.engine(reader, edition)?,
            (_, 0x05) => self.position(reader, edition)?,
            (Of2016, 0x06) => self.extremes(reader)?,
            (Of2016, 0x07) | (Of2025, 0x06) => self.alarms(reader, edition)?,
            (Of2016, 0x08) => each(reader, |reader| {
                // Battery, voltage, current, cells in all, first cell here.
                reader.skip(1 + 2 + 2 + 2 + 2)?;
                let cells = usize::from(reader.u8()?);
                reader.skip(cells.saturating_mul(2))
            })?,
            (Of2025, 0x07) => each(reader, |reader| {
                reader.skip(1 + 2 + 2)?;
                skip_words(reader)
            })?,
            (Of2016, 0x09) | (Of2025, 0x08) => each(reader, |reader| {
                reader.skip(1)?;
                skip_bytes(reader)
            })?,
            // A stack: number, voltage, current, two pressures, a temperature, probes.
            (Of2025, 0x30) => each(reader, |reader| {
                reader.skip(1 + 2 + 2 + 2 + 2 + 1)?;
                skip_bytes(reader)
            })?,
            (Of2025, 0x31) => {
                reader.skip(1 + 2 + 2)?;
                skip_words(reader)?;
                skip_bytes(reader)?;
            }
            (Of2025, 0x32) => reader.skip(18)?,
            (Of2025, 0xff) => return Ok(false),
            (_, 0x80..=0xfe) => {
                let length = reader.be_u16()?;
                reader.skip(usize::from(length))?;
            }
            _ => return Err(unsupported),
        }
        Ok(true)
    }

    fn vehicle(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<(), Reject> {
        let attributes = &mut self.attributes;
        match reader.u8()? {
            1 => attributes.set("ignition", true),
            2 => attributes.set("ignition", false),
            _ => {}
        }
        match reader.u8()? {
            // Parked, and on the way.
            1 | 2 => attributes.set("charging", true),
            3 | 4 => attributes.set("charging", false),
            _ => {}
        }
        match reader.u8()? {
            1 => attributes.set("drive", "electric"),
            2 => attributes.set("drive", "hybrid"),
            3 => attributes.set("drive", "fuel"),
            _ => {}
        }
        self.speed_kmh = word(reader)?.map(tenths);
        let odometer = reader.be_u32()?;
        if odometer < 0xffff_fffe {
            attributes.set("odometer_m", i64::from(odometer).saturating_mul(100));
        }
        attributes.set_some("traction_v", word(reader)?.map(tenths));
        let zero_a = match edition {
            Edition::Of2016 => 1_000.0,
            Edition::Of2025 => 3_000.0,
        };
        attributes.set_some("traction_a", word(reader)?.map(|current| tenths(current) - zero_a));
        attributes.set_some("traction_percent", byte(reader)?);
        // Whether the DC/DC converter works.
        reader.skip(1)?;
        let gear = reader.u8()?;
        if gear & 0x80 == 0 {
            attributes.set("gear", gear_name(gear & 0x0f));
            attributes.set("braking", gear & 0x10 != 0);
        }
        attributes.set_some("insulation_kohm", word(reader)?);
        if edition == Edition::Of2016 {
            attributes.set_some("throttle_percent", byte(reader)?);
            // 101: pressed, by how much is not known.
            attributes.set_some("brake_percent", byte(reader)?.filter(|brake| *brake <= 100));
        }
        Ok(())
    }

    /// Of many motors the first few are told: a vehicle has one a wheel.
    fn motors(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<(), Reject> {
        const TOLD: u8 = 4;
        let zero_rpm = match edition {
            Edition::Of2016 => 20_000,
            Edition::Of2025 => 32_000,
        };
        for number in 1..=byte(reader)?.unwrap_or(0) {
            // Its number, its state, its controller's temperature.
            reader.skip(3)?;
            let rpm = word(reader)?.map(|turns| i32::from(turns).saturating_sub(zero_rpm));
            let torque_length = if edition == Edition::Of2016 { 2 } else { 4 };
            reader.skip(torque_length)?;
            let temperature = byte(reader)?.map(celsius);
            if edition == Edition::Of2016 {
                // The controller's voltage and current.
                reader.skip(4)?;
            }
            if number <= TOLD {
                self.attributes.set_some(numbered!("motor_", number, "_rpm"), rpm);
                self.attributes.set_some(numbered!("motor_", number, "_c"), temperature);
            }
        }
        Ok(())
    }

    fn fuel_cell(&mut self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        self.attributes.set_some("fuel_cell_v", word(reader)?.map(tenths));
        self.attributes.set_some("fuel_cell_a", word(reader)?.map(tenths));
        // Consumption.
        reader.skip(2)?;
        skip_bytes(reader)?;
        self.attributes.set_some("hydrogen_c", word(reader)?.map(|value| tenths(value) - 40.0));
        // Where that is; the highest concentration, and where.
        reader.skip(1 + 2 + 1)?;
        self.attributes.set_some("hydrogen_mpa", word(reader)?.map(tenths));
        // Where that is, and the state of the DC/DC converter.
        reader.skip(2)
    }

    fn hydrogen_2025(&mut self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        self.attributes.set_some("hydrogen_c", word(reader)?.map(|value| f64::from(value) - 40.0));
        reader.skip(1 + 2 + 1)?;
        self.attributes.set_some("hydrogen_mpa", word(reader)?.map(tenths));
        reader.skip(2)?;
        self.attributes.set_some("fuel_percent", byte(reader)?);
        reader.skip(1)
    }

    fn engine(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<(), Reject> {
        if edition == Edition::Of2016 {
            match reader.u8()? {
                1 => self.attributes.set("engine", true),
                2 => self.attributes.set("engine", false),
                _ => {}
            }
        }
        self.attributes.set_some("rpm", word(reader)?);
        if edition == Edition::Of2016 {
            // Consumption.
            reader.skip(2)?;
        }
        Ok(())
    }

    fn position(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<(), Reject> {
        let status = reader.u8()?;
        let datum = match edition {
            Edition::Of2016 => 1,
            Edition::Of2025 => reader.u8()?,
        };
        let nowhere = reader.reject(Reason::OutOfRange);
        let (longitude, latitude) = (reader.be_u32()?, reader.be_u32()?);
        if longitude >= 0xffff_fffe || latitude >= 0xffff_fffe {
            // Not known.
            return Ok(());
        }
        let degrees = |value: u32, is_negative: bool| {
            let degrees = f64::from(value) / 1e6;
            if is_negative { -degrees } else { degrees }
        };
        let latitude = degrees(latitude, status & 2 != 0);
        let longitude = degrees(longitude, status & 4 != 0);
        if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
            self.rejects.push(nowhere);
            return Ok(());
        }
        let (valid, datum) = match datum {
            1 => (status & 1 == 0, Datum::Wgs84),
            2 => (status & 1 == 0, Datum::Gcj02),
            // Some datum that nobody names: not a place to send people to.
            _ => (false, Datum::Wgs84),
        };
        self.place = Some(Place { latitude, longitude, valid, datum });
        Ok(())
    }

    fn extremes(&mut self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        for name in ["cell_highest_v", "cell_lowest_v"] {
            // Which battery, which cell.
            reader.skip(2)?;
            self.attributes.set_some(name, word(reader)?.map(|value| f64::from(value) / 1e3));
        }
        for name in ["battery_highest_c", "battery_lowest_c"] {
            reader.skip(2)?;
            self.attributes.set_some(name, byte(reader)?.map(celsius));
        }
        Ok(())
    }

    fn alarms(&mut self, reader: &mut Reader<'_>, edition: Edition) -> Result<(), Reject> {
        let level = byte(reader)?;
        self.attributes.set_some("alarm_level", level.filter(|level| *level > 0));
        self.state(Alarm::Fault, level.is_some_and(|level| level >= STOP_AT_ONCE));
        let flags = reader.be_u32()?;
        let known = match edition {
            Edition::Of2016 => FLAGS.get(..FLAGS_OF_2016).unwrap_or_default(),
            Edition::Of2025 => FLAGS,
        };
        for (bit, name, alarm) in known {
            let is_on = flags >> bit & 1 == 1;
            if is_on {
                self.attributes.set(*name, true);
            }
            if let Some(alarm) = alarm {
                self.state(*alarm, is_on);
            }
        }
        // Batteries, motors, engine, others.
        let mut codes = SmallVec::<[u32; 8]>::new();
        for _ in 0..4 {
            for _ in 0..byte(reader)?.unwrap_or(0) {
                codes.push(reader.be_u32()?);
            }
        }
        if !codes.is_empty() {
            let mut told = String::with_capacity(codes.len().min(CODES_TOLD).saturating_mul(9));
            for (number, code) in codes.iter().take(CODES_TOLD).enumerate() {
                let comma = if number == 0 { "" } else { "," };
                told.push_str(comma);
                hex_to(&code.to_be_bytes(), &mut told);
            }
            self.attributes.set("trouble_codes", told);
        }
        if edition == Edition::Of2025 {
            // The levels of the flags, one by one.
            let levels = byte(reader)?.unwrap_or(0);
            reader.skip(usize::from(levels).saturating_mul(2))?;
        }
        Ok(())
    }

    /// An alarm that is on or off until told otherwise; several flags may stand for it.
    const fn state(&mut self, alarm: Alarm, is_on: bool) {
        self.states.insert(alarm);
        if is_on {
            self.alarms.insert(alarm);
        }
    }
}

/// The level at which the driver is to stop at once or to call for help (table 17); 4 since 2025:
/// the battery burns.
const STOP_AT_ONCE: u8 = 3;

/// Codes are the maker's own.
const CODES_TOLD: usize = 16;

/// 2016 keeps the others for later.
const FLAGS_OF_2016: usize = 19;

/// The general alarm flags (2016 table 18, 2025 table 24). All last until their condition ends.
const FLAGS: &[(u32, &str, Option<Alarm>)] = &[
    (0, "temperature_difference_alarm", Some(Alarm::Temperature)),
    (1, "battery_hot_alarm", Some(Alarm::Temperature)),
    (2, "battery_overvoltage_alarm", None),
    (3, "battery_undervoltage_alarm", None),
    (4, "charge_low_alarm", Some(Alarm::LowPower)),
    (5, "cell_overvoltage_alarm", None),
    (6, "cell_undervoltage_alarm", None),
    (7, "charge_high_alarm", None),
    (8, "charge_jump_alarm", None),
    (9, "battery_mismatch_alarm", None),
    (10, "cell_difference_alarm", None),
    (11, "insulation_alarm", None),
    (12, "dcdc_hot_alarm", Some(Alarm::Temperature)),
    (13, "brake_alarm", None),
    (14, "dcdc_alarm", None),
    (15, "motor_controller_hot_alarm", Some(Alarm::Temperature)),
    (16, "high_voltage_interlock_alarm", None),
    (17, "motor_hot_alarm", Some(Alarm::Temperature)),
    (18, "overcharge_alarm", None),
    (19, "motor_overspeed_alarm", None),
    (20, "motor_overcurrent_alarm", None),
    (21, "capacitor_hot_alarm", Some(Alarm::Temperature)),
    (22, "capacitor_overvoltage_alarm", None),
    (23, "battery_thermal_event_alarm", Some(Alarm::Temperature)),
    (24, "hydrogen_leak_alarm", Some(Alarm::FuelLeak)),
    (25, "hydrogen_pressure_alarm", None),
    (26, "hydrogen_hot_alarm", Some(Alarm::Temperature)),
    (27, "fuel_cell_hot_alarm", Some(Alarm::Temperature)),
];

/// A.1: 13 is reverse, 14 automatic drive, 15 park.
const fn gear_name(gear: u8) -> &'static str {
    match gear {
        0 => "N",
        1 => "1",
        2 => "2",
        3 => "3",
        4 => "4",
        5 => "5",
        6 => "6",
        13 => "R",
        14 => "D",
        15 => "P",
        _ => "other",
    }
}

/// A byte, unless it says "wrong" or "not known".
fn byte(reader: &mut Reader<'_>) -> Result<Option<u8>, Reject> {
    Ok(Some(reader.u8()?).filter(|value| *value < 0xfe))
}

/// Two bytes, unless they say "wrong" or "not known".
fn word(reader: &mut Reader<'_>) -> Result<Option<u16>, Reject> {
    Ok(Some(reader.be_u16()?).filter(|value| *value < 0xfffe))
}

fn tenths(value: u16) -> f64 {
    f64::from(value) / 10.0
}

fn celsius(value: u8) -> i16 {
    i16::from(value).saturating_sub(40)
}

/// So many things as a first byte says.
fn each(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<(), Reject>,
) -> Result<(), Reject> {
    for _ in 0..byte(reader)?.unwrap_or(0) {
        read(reader)?;
    }
    Ok(())
}

/// So many bytes as two bytes say.
fn skip_bytes(reader: &mut Reader<'_>) -> Result<(), Reject> {
    let count = word(reader)?.unwrap_or(0);
    reader.skip(usize::from(count))
}

/// So many pairs of bytes as two bytes say.
fn skip_words(reader: &mut Reader<'_>) -> Result<(), Reject> {
    let count = word(reader)?.unwrap_or(0);
    reader.skip(usize::from(count).saturating_mul(2))
}
