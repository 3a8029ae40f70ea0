//! Frames of text: `*TS01`, IMEI, and, but where it only says that it is there, `hhmmssddmmyy` and
//! parts; or what a command has done.
//!
//! | part | values, parted by `;` |
//! |---|---|
//! | `GPS:` | 2 or 3 (dimensions of the fix), latitude behind `N`, longitude behind `E`, km/h, course, HDOP |
//! | `LBS:` | country, network, area, cell (both hexadecimal), dBm below zero |
//! | `STT:` | state, alarms (hexadecimal) |
//! | `MGR:`, `FUL:`, `EGT:` | metres travelled, counter of fuel, seconds of the engine |
//! | `ADC:` | of each input its kind and its volts or degrees |
//! | `GFS:` | bits of the fences (hexadecimal): inside, alarm |
//! | `OBD:` | parameters, as in binary |
//! | `HDB:` | what the driver does (hexadecimal) |
//! | `OAL:`, `CAN:`, `HVD:` | as in binary |
//! | `VIN:`, `RFI:`, `EVT:` | VIN; driver's card, and whether it is allowed; event |

use smallvec::SmallVec;

use super::parts::Told;
use crate::field::{Fields, Reader, checksum, nmea};
use crate::{Fix, Out, Reason, Reject, Time, When};

pub(super) fn decode(frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let version = fields.text(0).strip_prefix("*TS").unwrap_or_default();
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::at(0, Reason::Malformed));
    }
    let imei = fields.text(1);
    if imei.len() != 15 || !imei.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fields.reject(1, Reason::Malformed));
    }
    out.identify(imei);
    let has_data = fields.count() > 2;
    let read = if has_data { report(&fields, out) } else { Ok(()) };
    let sum = checksum::crc16_xmodem(frame.get(1..).unwrap_or_default());
    let when = if has_data { When::Accepted } else { When::Now };
    out.reply_text(format_args!("*TS01,ACK:{sum:04X}#"), when);
    read
}

/// `hhmmssddmmyy`.
fn instant(text: &str) -> Option<Time> {
    let (of_day, date) = text.split_at_checked(6)?;
    Some(nmea::date(date)?.plus_millis(nmea::time_of_day_ms(of_day)?))
}

fn report(fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let time = instant(fields.text(2));
    let mut wrong = time.is_none().then(|| fields.reject(2, Reason::OutOfRange));
    let mut told = Told::default();
    let mut is_known = false;
    for index in 3..fields.count() {
        let Some((name, values)) = fields.text(index).split_once(':') else { continue };
        let part = Part { name, values: Fields::split(values.as_bytes(), b';') };
        match part.read(time, &mut told) {
            Some(Ok(())) => is_known = true,
            Some(Err(reason)) => {
                is_known = true;
                wrong.get_or_insert_with(|| fields.reject(index, reason));
            }
            None => {}
        }
    }
    if !is_known {
        told.text("result", fields.joined(3, fields.count()));
    }
    told.put(time, out);
    wrong.map_or(Ok(()), Err)
}

struct Part<'a> {
    name: &'a str,
    values: Fields<'a>,
}

impl Part<'_> {
    /// `None` where no such part is known.
    fn read(&self, time: Option<Time>, told: &mut Told) -> Option<Result<(), Reason>> {
        let values = &self.values;
        let attributes = &mut told.attributes;
        match self.name {
            "GPS" => {
                let place = self.degrees(1).zip(self.degrees(2));
                let fix = place.and_then(|(north, east)| Fix::new(time?, north, east));
                let Some(mut fix) = fix else {
                    let is_left_out = values.text(1).is_empty() && values.text(2).is_empty();
                    // A time that cannot be is told as such.
                    let is_right = is_left_out || (place.is_some() && time.is_none());
                    return Some(if is_right { Ok(()) } else { Err(Reason::OutOfRange) });
                };
                fix.valid = matches!(values.text(0), "2" | "3");
                fix.speed_kmh = values.number(3).filter(|speed| *speed >= 0.0);
                fix.course_deg = nmea::course(values, 4);
                told.fix = Some(fix);
                attributes.set_some("hdop", values.number(5));
            }
            "LBS" => {
                let area = self.hexadecimal(2).and_then(|area| u16::try_from(area).ok());
                let cell = area.zip(self.hexadecimal(3));
                let network = values.parse(0).zip(values.parse(1));
                if let Some(((country, network), (area, cell))) = network.zip(cell) {
                    told.cell(country, network, area, cell, values.parse(4).unwrap_or_default());
                }
            }
            "STT" => {
                let word =
                    |index| self.hexadecimal(index).and_then(|word| u16::try_from(word).ok());
                let Some(state) = word(0) else { return Some(Err(Reason::Malformed)) };
                told.state(state, word(1).unwrap_or_default());
            }
            "MGR" => attributes.set_some("odometer_m", values.parse::<u32>(0)),
            "FUL" => attributes.set_some("fuel_raw", values.parse::<u32>(0)),
            "EGT" => attributes.set_some("engine_time_s", values.parse::<u32>(0)),
            "ADC" => {
                for index in (0..values.count()).step_by(2) {
                    let value = values.number(index.saturating_add(1));
                    if let Some((kind, value)) = values.parse(index).zip(value) {
                        told.input(kind, value);
                    }
                }
            }
            "GFS" => {
                let fences = self.hexadecimal(0).zip(self.hexadecimal(1));
                let Some((inside, alarm)) = fences else { return Some(Err(Reason::Malformed)) };
                told.fences(inside, alarm);
            }
            "OBD" => {
                let Some(bytes) = bytes(values.text(0)) else {
                    return Some(Err(Reason::Malformed));
                };
                return Some(told.engine(Reader::new(&bytes)).map_err(|reject| reject.reason));
            }
            "HDB" => {
                let does = self.hexadecimal(0).and_then(|does| u8::try_from(does).ok());
                let Some(does) = does else { return Some(Err(Reason::Malformed)) };
                told.driver(does);
            }
            "OAL" => told.text("obd_alarm", values.text(0).to_ascii_lowercase().into()),
            "CAN" => told.text("can", values.text(0).to_ascii_lowercase().into()),
            "HVD" => told.text("j1708", values.text(0).to_ascii_lowercase().into()),
            "VIN" => told.text("vin", values.text(0).into()),
            "RFI" => told.card(values.text(0), values.text(1) != "0"),
            "EVT" => attributes.set_some("event", values.parse::<u32>(0)),
            _ => return None,
        }
        Some(Ok(()))
    }

    /// Degrees behind the letter of their hemisphere.
    fn degrees(&self, index: usize) -> Option<f64> {
        let (letter, degrees) = self.values.text(index).split_at_checked(1)?;
        nmea::signed(crate::field::number::unsigned(degrees)?, letter)
    }

    fn hexadecimal(&self, index: usize) -> Option<u32> {
        u32::from_str_radix(self.values.text(index), 16).ok()
    }
}

/// Of pairs of hexadecimal digits.
fn bytes(text: &str) -> Option<SmallVec<[u8; 64]>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}
