//! Messages of the SC family: most begin with the vehicle's state.
//!
//! State: time of ignition 4, time 4, metres 4, metres of the trip 4, fuel of the trip 4 and now 2,
//! bits 4 (4 acceleration, 5 braking, 6 idling, 18 ignition), unused 8.

use smallvec::SmallVec;

use super::{Header, position, report, single};
use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reject, Time, When};

static STATE_ALARMS: [(u8, Alarm); 3] =
    [(4, Alarm::HardAcceleration), (5, Alarm::HardBraking), (6, Alarm::Idle)];
const IGNITION: u32 = 1 << 18;

/// The vehicle's state.
struct State {
    time: Option<Time>,
    odometer_m: u32,
    trip_odometer_m: u32,
    bits: u32,
}

impl State {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Reject> {
        reader.skip(4)?;
        let seconds = reader.le_u32()?;
        let odometer_m = reader.le_u32()?;
        let trip_odometer_m = reader.le_u32()?;
        reader.skip(6)?;
        let bits = reader.le_u32()?;
        reader.skip(8)?;
        let time = (seconds > 0).then(|| Time::from_seconds(i64::from(seconds)));
        Ok(Self { time, odometer_m, trip_odometer_m, bits })
    }

    fn set(&self, attributes: &mut Attributes) {
        attributes.set("odometer_m", self.odometer_m);
        attributes.set("trip_odometer_m", self.trip_odometer_m);
        attributes.set("ignition", self.bits & IGNITION != 0);
        attributes.set("status", self.bits);
    }

    fn report(&self, mut attributes: Attributes, out: &mut Out<'_>) {
        self.set(&mut attributes);
        let on = STATE_ALARMS.iter().filter(|(bit, _)| self.bits & (1 << bit) != 0);
        let alarms: AlarmSet = on.map(|(_, alarm)| *alarm).collect();
        let states = STATE_ALARMS.iter().map(|(_, alarm)| *alarm).collect();
        out.report_states(self.time, alarms, states, attributes);
    }
}

pub(super) fn sc(
    context: &Context<'_>,
    header: &Header<'_>,
    message: u16,
    reader: &mut Reader<'_>,
    unsupported: Reject,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    match message {
        0x1001 => {
            positions(message, reader, false, out)?;
            let seconds = u32::try_from(context.received_at.seconds()).unwrap_or_default();
            let data = [&[0xff; 4][..], &[0; 2], &seconds.to_le_bytes()].concat();
            out.reply(header.answer(0x9001, &data), When::Now);
        }
        0x1002 | 0x400e => positions(message, reader, false, out)?,
        0x4001 => {
            let backfill = reader.u8()? == 1;
            positions(message, reader, backfill, out)?;
        }
        0xb001 => {
            reader.skip(2)?;
            positions(message, reader, false, out)?;
        }
        0x4007 => {
            let number = reader.array::<4>()?;
            positions(message, reader, false, out)?;
            out.reply(header.answer(0xc007, &number), When::Accepted);
        }
        0x4009 => {
            reader.skip(4)?;
            single(reader, out)?;
        }
        0x5101 => single(reader, out)?,
        0x4002..=0x4006 | 0x4008 | 0x400b => vehicle(message, reader, out)?,
        0xa002 => answers(reader, out)?,
        _ => return Err(unsupported),
    }
    Ok(())
}

/// State, count 1, positions; then alarms, or the fuel's height.
fn positions(
    message: u16,
    reader: &mut Reader<'_>,
    backfill: bool,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let state = State::read(reader)?;
    let mut found: SmallVec<[Result<(Fix, Attributes), Reject>; 2]> = SmallVec::new();
    for _ in 0..reader.u8()? {
        let mut attributes = Attributes::new();
        let fix = position(reader, &mut attributes)?;
        found.push(fix.map(|fix| (fix, attributes)));
    }
    let mut alarms = AlarmSet::EMPTY;
    let mut lines = Attributes::new();
    match message {
        0x4007 => {
            for _ in 0..reader.u8()? {
                // Only a new alarm is told with what it is.
                if reader.u8()? != 0 {
                    alarm(reader.u8()?, &mut alarms, &mut lines);
                    reader.skip(4)?;
                } else {
                    reader.skip(reader.remaining().min(5))?;
                }
            }
        }
        0x400e => {
            for entry in found.iter_mut().flatten() {
                entry.1.set("adc_1_raw", reader.le_u16()?);
            }
        }
        _ => {}
    }
    if found.is_empty() {
        state.set(&mut lines);
        out.report(state.time, alarms, lines);
        return Ok(());
    }
    for entry in found {
        match entry {
            Ok((mut fix, mut attributes)) => {
                fix.backfill = backfill;
                fix.alarms = alarms;
                state.set(&mut attributes);
                if let Some(value) = lines.get("ignition") {
                    attributes.set("ignition", value.clone());
                }
                out.fix(fix, attributes);
            }
            Err(reject) => out.reject(reject),
        }
    }
    Ok(())
}

fn alarm(number: u8, alarms: &mut AlarmSet, attributes: &mut Attributes) {
    let alarm = match number {
        0x01 => Alarm::Overspeed,
        0x02 => Alarm::LowPower,
        0x03 => Alarm::Temperature,
        0x04 => Alarm::HardAcceleration,
        0x05 => Alarm::HardBraking,
        0x06 => Alarm::Idle,
        0x07 => Alarm::Tow,
        0x08 => Alarm::HighRpm,
        0x09 => Alarm::PowerOn,
        0x0b => Alarm::LaneChange,
        0x0c => Alarm::HardCornering,
        0x0e => Alarm::PowerOff,
        0x16 | 0x17 => {
            attributes.set("ignition", number == 0x16);
            return;
        }
        _ => return,
    };
    alarms.insert(alarm);
}

fn vehicle(message: u16, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let state = State::read(reader)?;
    let mut attributes = Attributes::new();
    match message {
        0x4002 => {
            reader.skip(2)?;
            values(reader, true, &mut attributes)?;
        }
        0x4005 => {
            reader.skip(1)?;
            values(reader, false, &mut attributes)?;
        }
        0x4006 => {
            reader.skip(1)?;
            let length = usize::from(reader.u8()?);
            let codes = reader.take(length.min(reader.remaining()))?;
            let codes: Vec<String> = codes.chunks_exact(2).filter_map(trouble_code).collect();
            attributes.set_some("trouble_codes", (!codes.is_empty()).then(|| codes.join(" ")));
        }
        0x4008 => {
            attributes.set("lac", reader.le_u16()?);
            attributes.set("cell_id", reader.le_u16()?);
        }
        _ => {}
    }
    state.report(attributes, out);
    Ok(())
}

/// SAE J2012: two bits of system, then four digits, the first up to 3.
fn trouble_code(bytes: &[u8]) -> Option<String> {
    let [high, low] = bytes else { return None };
    let system = match high >> 6 {
        0 => 'P',
        1 => 'C',
        2 => 'B',
        _ => 'U',
    };
    Some(format!("{system}{:02X}{low:02X}", high & 0x3f))
}

/// How many bytes a value of SAE J1979, mode 1, has here; 0 for what has none.
const fn width(pid: u8) -> usize {
    match pid {
        0x04..=0x09 | 0x0b | 0x0d..=0x0f | 0x11..=0x13 | 0x1c..=0x1e | 0x2c..=0x30 | 0x33 => 1,
        0x43 | 0x45..=0x4c | 0x51 | 0x52 | 0x5a => 1,
        0x02 | 0x03 | 0x0a | 0x0c | 0x10 | 0x14..=0x1b | 0x1f | 0x21..=0x23 | 0x31 | 0x32 => 2,
        0x3c..=0x3f | 0x42 | 0x44 | 0x4d | 0x4e | 0x50 | 0x53..=0x59 => 2,
        0x00 | 0x01 | 0x20 | 0x24..=0x2b | 0x34..=0x3b | 0x40 | 0x41 | 0x4f => 4,
        _ => 0,
    }
}

/// Count 1, numbers 2 each, (groups 1, size 1,) values. They are in units already.
fn values(
    reader: &mut Reader<'_>,
    has_groups: bool,
    attributes: &mut Attributes,
) -> Result<(), Reject> {
    let count = usize::from(reader.u8()?);
    let numbers = reader.take(count.saturating_mul(2))?;
    if has_groups {
        reader.skip(2)?;
    }
    for pid in numbers.chunks_exact(2).filter_map(|pair| pair.first().copied()) {
        let width = width(pid);
        // Without its length nothing behind it can be read.
        if width == 0 || reader.remaining() < width {
            break;
        }
        let bytes = reader.take(width)?;
        let value = bytes.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let name = match pid {
            0x04 => "engine_load_percent",
            0x05 => "coolant_temperature_c",
            0x0c => "rpm",
            0x0d => "vehicle_speed_kmh",
            0x0f => "intake_temperature_c",
            0x11 => "throttle_percent",
            0x2f => "fuel_percent",
            _ => continue,
        };
        attributes.set(name, value);
    }
    Ok(())
}

/// Number 2, parts 1, part 1, refused: count 1, tags 2 each; given: count 1, each tag 2, length 2,
/// value.
fn answers(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    reader.skip(4)?;
    let refused = usize::from(reader.u8()?);
    reader.skip(refused.saturating_mul(2))?;
    let mut results = Vec::new();
    for _ in 0..reader.u8()? {
        reader.skip(2)?;
        let length = usize::from(reader.le_u16()?);
        let value = reader.take(length)?;
        let is_text = text::is_printable(value);
        results.push(if is_text { text::ascii(value).into_owned() } else { text::hex(value) });
    }
    let mut attributes = Attributes::new();
    attributes.set_some("result", (!results.is_empty()).then(|| results.join(" ")));
    report(None, attributes, out);
    Ok(())
}
