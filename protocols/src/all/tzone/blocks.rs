//! The blocks of a frame, in their order.
//!
//! | block | bytes |
//! |---|---|
//! | place | satellites, latitude (4), longitude (4), time (6), speed (2, 1/100 knot), odometer (3), course in bits 0 to 8 and west 9, north 10, valid 11 (2) |
//! | place, `040a` | north 0, west 1; time, degrees · 10⁶ (4, 4), course (2), speed (2, 1/10 knot) |
//! | place, `0413` | the same state, time, latitude, longitude, HDOP · 10 (2), metres (2), course (2), speed (2, 1/10 km/h), satellites |
//! | cell | area (2), cell (2) |
//! | cells | count; each: length in bits 0 to 4, country and network in BCD (2, 2), area (2), cell (4), … |
//! | status | alarm, terminal, outputs, inputs, signal, network, battery (2), power (2), inputs 1 and 2 (2, 2), temperature (2); in 13 bytes there is no network† |
//! | status, `0406`, `0407`, `040a` | alarm, terminal, signal, network, battery (2); then power (2), or temperature (2), humidity (2), light |
//! | cards | count; each: number of digits, digits |
//! | tags in reach | count, number of digits; digits each |
//! | tags | kind, count, length; each: number (4), state, mV (2), temperature (2), humidity, signal† |
//! | access points | address (6), signal |
//!
//! Coordinates are minutes · 10⁴ in `010a` and `010b`, else · 10⁵; voltages 1/100 V. A temperature
//! is 1/10 °C in bits 0 to 13, below zero by bit 14, none by bit 15.

use super::Found;
use crate::attributes::numbered;
use crate::field::{Reader, bcd, nmea, text};
use crate::{Alarm, Fix, Reason, Reject, Time};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hardware(pub(super) u16);

impl Hardware {
    const READER: Self = Self(0x010a);
    const VEHICLE: Self = Self(0x010b);
    const LICENCE: Self = Self(0x0153);
    const GATEWAY: Self = Self(0x0406);
    const LOGGER: Self = Self(0x0407);
    const LOGGER_2: Self = Self(0x040a);
    const LOGGER_3: Self = Self(0x0413);
}

/// Year (20yy), month, day, hour, minute, second.
pub(super) fn instant([year, month, day, hour, minute, second]: [u8; 6]) -> Option<Time> {
    let small = |value: u8| i8::try_from(value).ok();
    let date = (i16::from(year).saturating_add(2000), small(month)?, small(day)?);
    Time::from_civil(date, (small(hour)?, small(minute)?, small(second)?), 0)
}

fn block<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>, Reject> {
    let length = if reader.is_empty() { 0 } else { reader.be_u16()? };
    reader.part(usize::from(length))
}

fn temperature(value: u16) -> Option<f64> {
    let tenths = f64::from(value & 0x3fff) / 10.0;
    (value & 0x8000 == 0).then_some(if value & 0x4000 == 0 { tenths } else { -tenths })
}

fn humidity(value: u16) -> Option<f64> {
    (value & 0x8000 == 0).then_some(f64::from(value) / 10.0)
}

fn volts(value: u16) -> f64 {
    f64::from(value) / 100.0
}

impl Found {
    /// Reads every block; the first one that cannot be read is told, and costs only itself.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        let place = match self.hardware {
            Hardware::GATEWAY => Ok(()),
            _ => self.place(block(reader)?),
        };
        let cell = self.cell(block(reader)?);
        let status = block(reader)?;
        let status = match self.hardware {
            Hardware::GATEWAY | Hardware::LOGGER | Hardware::LOGGER_2 => {
                self.status_of_sensors(status)
            }
            _ => self.status(status),
        };
        let added = self.added(reader);
        place.and(cell).and(status).and(added)
    }

    /// What some hardware has behind its status.
    fn added(&mut self, reader: &mut Reader<'_>) -> Result<(), Reject> {
        match self.hardware {
            Hardware::READER => self.tags_in_reach(block(reader)?),
            Hardware::VEHICLE => {
                let mut cards = Vec::new();
                for _ in 0..4 {
                    read_cards(block(reader)?, &mut cards)?;
                }
                if !cards.is_empty() {
                    self.attributes.set("cards", cards.join(","));
                }
                block(reader)?;
                block(reader)?;
                self.passengers(block(reader)?)
            }
            Hardware::GATEWAY => self.tags(block(reader)?),
            Hardware::LICENCE => self.licence(block(reader)?),
            Hardware::LOGGER_2 => {
                self.access_points(block(reader)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        let at = reader.reject(Reason::OutOfRange);
        self.fix = match (self.hardware, reader.remaining()) {
            (Hardware::LOGGER_2, 19..) => Some(self.place_of_state(&mut reader, 1e6)?),
            (Hardware::LOGGER_3, 24..) => Some(self.place_of_state(&mut reader, 6e6)?),
            (Hardware::LOGGER_2 | Hardware::LOGGER_3, _) | (_, ..22) => None,
            _ => Some(self.place_of_vehicle(&mut reader, at)?),
        };
        Ok(())
    }

    fn place_of_state(&mut self, reader: &mut Reader<'_>, scale: f64) -> Result<Fix, Reject> {
        let state = reader.u8()?;
        let at = reader.reject(Reason::OutOfRange);
        let time = instant(reader.array()?).ok_or(at)?;
        let latitude = f64::from(reader.be_u32()?) / scale;
        let longitude = f64::from(reader.be_u32()?) / scale;
        let latitude = if state & 1 == 0 { -latitude } else { latitude };
        let longitude = if state & 2 == 0 { longitude } else { -longitude };
        let mut fix = Fix::new(time, latitude, longitude).ok_or(at)?;
        if self.hardware == Hardware::LOGGER_3 {
            self.attributes.set("hdop", f64::from(reader.be_u16()?) / 10.0);
            fix.altitude_m = Some(f64::from(reader.be_i16()?));
            fix.course_deg = course(reader.be_u16()?);
            fix.speed_kmh = Some(f64::from(reader.be_u16()?) / 10.0);
            self.attributes.set("satellites", reader.u8()?);
        } else {
            fix.course_deg = course(reader.be_u16()?);
            fix.speed_kmh = Some(nmea::kmh(f64::from(reader.be_u16()?) / 10.0));
        }
        Ok(fix)
    }

    fn place_of_vehicle(&mut self, reader: &mut Reader<'_>, at: Reject) -> Result<Fix, Reject> {
        let scale = match self.hardware {
            Hardware::READER | Hardware::VEHICLE => 6e5,
            _ => 6e6,
        };
        self.attributes.set("satellites", reader.u8()?);
        let latitude = f64::from(reader.be_u32()?) / scale;
        let longitude = f64::from(reader.be_u32()?) / scale;
        let date: [u8; 6] = reader.array()?;
        let time = if date == [0; 6] { self.time } else { instant(date).ok_or(at)? };
        let speed = nmea::kmh(f64::from(reader.be_u16()?) / 100.0);
        self.attributes.set("odometer", reader.be_u24()?);
        let state = reader.be_u16()?;
        let latitude = if state & 0x400 == 0 { -latitude } else { latitude };
        let longitude = if state & 0x200 == 0 { longitude } else { -longitude };
        let mut fix = Fix::new(time, latitude, longitude).ok_or(at)?;
        fix.valid = state & 0x800 != 0;
        fix.speed_kmh = Some(speed);
        fix.course_deg = course(state & 0x1ff);
        Ok(fix)
    }

    fn cell(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        match self.hardware {
            _ if reader.is_empty() => {}
            Hardware::LOGGER | Hardware::LOGGER_2 => {
                // The first one serves the device.
                reader.skip(2)?;
                let [country_high, country_low, _, network] = reader.array()?;
                let digits = |byte: u8| bcd::byte(byte).map(u16::from);
                let country = digits(country_high).zip(digits(country_low));
                let country =
                    country.map(|(high, low)| high.saturating_mul(100).saturating_add(low));
                self.attributes.set_some("mcc", country);
                self.attributes.set_some("mnc", digits(network));
                self.attributes.set("lac", reader.be_u16()?);
                self.attributes.set("cell_id", reader.be_u32()?);
            }
            Hardware::READER | Hardware::VEHICLE | Hardware::GATEWAY => {
                self.attributes.set("lac", reader.be_u16()?);
                self.attributes.set("cell_id", reader.be_u16()?);
            }
            _ => {}
        }
        Ok(())
    }

    fn event(&mut self, code: u8) {
        self.attributes.set("event", code);
        self.alarms.extend(alarm(code));
    }

    fn status(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        let length = reader.remaining();
        if length < 13 {
            return Ok(());
        }
        self.event(reader.u8()?);
        self.attributes.set("terminal", reader.u8()?);
        let [outputs, inputs] = reader.array()?;
        self.attributes.set("output_1", outputs & 1 != 0);
        self.attributes.set("output_2", outputs & 2 != 0);
        self.attributes.set("input_1", inputs & 0x10 != 0);
        self.alarm_states.insert(Alarm::Sos);
        if inputs & 1 != 0 {
            self.alarms.insert(Alarm::Sos);
        }
        self.attributes.set("rssi", reader.u8()?);
        if length > 13 {
            self.attributes.set("network", reader.u8()?);
        }
        self.attributes.set("battery_v", volts(reader.be_u16()?));
        self.attributes.set("power_v", volts(reader.be_u16()?));
        self.attributes.set("adc_1_v", volts(reader.be_u16()?));
        self.attributes.set("adc_2_v", volts(reader.be_u16()?));
        if reader.remaining() >= 2 {
            self.attributes.set_some("temperature_1_c", temperature(reader.be_u16()?));
        }
        Ok(())
    }

    fn status_of_sensors(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        if reader.is_empty() {
            return Ok(());
        }
        self.event(reader.u8()?);
        self.attributes.set("terminal", reader.u8()?);
        self.attributes.set("rssi", reader.u8()?);
        self.attributes.set("network", reader.u8()?);
        let battery = reader.be_u16()?;
        if self.hardware == Hardware::LOGGER_2 {
            // No cell has a volt: the one seen was full.
            self.attributes.set("battery_percent", battery);
        } else {
            self.attributes.set("battery_v", volts(battery));
        }
        if self.hardware == Hardware::GATEWAY {
            self.attributes.set("power_v", volts(reader.be_u16()?));
            return Ok(());
        }
        self.attributes.set_some("temperature_1_c", temperature(reader.be_u16()?));
        self.attributes.set_some("humidity_percent", humidity(reader.be_u16()?));
        if self.hardware == Hardware::LOGGER {
            self.attributes.set("dark", reader.u8()? != 0);
        }
        Ok(())
    }

    fn passengers(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        if !reader.is_empty() {
            self.attributes.set("passengers_on", reader.be_u24()?);
            self.attributes.set("passengers_off", reader.be_u24()?);
        }
        Ok(())
    }

    fn tags_in_reach(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        if reader.is_empty() {
            return Ok(());
        }
        let [count, digits] = reader.array()?;
        let mut tags = String::new();
        for number in 0..count {
            if number > 0 {
                tags.push(',');
            }
            tags.push_str(&text::hex(reader.take(usize::from(digits.div_ceil(2)))?));
        }
        self.attributes.set("tags", tags);
        Ok(())
    }

    fn tags(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        if reader.is_empty() {
            return Ok(());
        }
        reader.skip(1)?;
        let [count, length] = reader.array()?;
        for index in 1..=u16::from(count) {
            let mut tag = reader.part(usize::from(length))?;
            let number = text::hex(tag.take(4)?);
            tag.skip(1)?;
            let battery = f64::from(tag.be_u16()?) / 1000.0;
            let degrees = temperature(tag.be_u16()?);
            let humidity = tag.u8()?;
            self.attributes.set(numbered!("tag_", index, ""), number);
            self.attributes.set(numbered!("tag_", index, "_v"), battery);
            self.attributes.set_some(numbered!("temperature_", index, "_c"), degrees);
            let humidity = (humidity != 0xff).then_some(humidity);
            self.attributes.set_some(numbered!("humidity_", index, "_percent"), humidity);
        }
        Ok(())
    }

    /// Kind 1 is the text on a magnetic strip, others are sensors.
    fn licence(&mut self, mut reader: Reader<'_>) -> Result<(), Reject> {
        match reader.rest().first() {
            Some(1) => {
                reader.skip(1)?;
                self.attributes.set("card", text::ascii(reader.rest()));
                Ok(())
            }
            Some(2..) => self.tags(reader),
            _ => Ok(()),
        }
    }

    fn access_points(&mut self, reader: Reader<'_>) {
        let points: Vec<String> = reader
            .rest()
            .chunks_exact(7)
            .filter_map(|point| point.split_last())
            .map(|(signal, address)| format!("{}:-{signal}", text::hex(address)))
            .collect();
        if !points.is_empty() {
            self.attributes.set("access_points", points.join("|"));
        }
    }
}

fn read_cards(mut reader: Reader<'_>, cards: &mut Vec<String>) -> Result<(), Reject> {
    let count = if reader.is_empty() { 0 } else { reader.u8()? };
    for _ in 0..count {
        let digits = reader.u8()?;
        let number = text::hex(reader.take(usize::from(digits.div_ceil(2)))?);
        // An odd number of digits has a 0 before it.
        cards.push(number.get(usize::from(digits & 1)..).unwrap_or_default().to_owned());
    }
    Ok(())
}

fn course(degrees: u16) -> Option<f64> {
    (degrees <= 360).then(|| f64::from(degrees))
}

const fn alarm(code: u8) -> Option<Alarm> {
    match code {
        0x01 => Some(Alarm::Sos),
        0x10 => Some(Alarm::LowBattery),
        0x11 => Some(Alarm::Overspeed),
        0x14 => Some(Alarm::HardBraking),
        0x15 => Some(Alarm::HardAcceleration),
        0x30 => Some(Alarm::OvertimeParking),
        0x42 => Some(Alarm::GeofenceExit),
        0x43 => Some(Alarm::GeofenceEnter),
        0xa0 => Some(Alarm::Temperature),
        0xa3 => Some(Alarm::Vibration),
        0xb0 => Some(Alarm::PowerOn),
        0xb1 => Some(Alarm::PowerOff),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temperature_has_its_sign_apart() {
        assert_eq!(temperature(0x0132), Some(30.6));
        assert_eq!(temperature(0x405b), Some(-9.1));
        assert_eq!(temperature(0x8000), None);
        assert_eq!(humidity(0x0255), Some(59.7));
        assert_eq!(humidity(0xffff), None);
    }
}
