//! TZone AVL, RFID and temperature trackers.
//!
//! TCP on port 5029. Source: TZone Digital's GPRS protocols (AVL201, AVL301, RD07, STU); the maker
//! describes each model apart, and what none describes was told from frames: it is marked †.
//!
//! | bytes | meaning |
//! |---|---|
//! | 2 | `TZ` |
//! | 2 | length of what follows up to the checksum, it included |
//! | 2 | `$$` |
//! | 2 | hardware |
//! | 4 | firmware |
//! | 8 | IMEI in BCD after a 0 |
//! | 6 | date and time: year, month, day, hour, minute, second |
//! | … | blocks, each behind its length of 2 bytes: see [`blocks`] |
//! | 2 | number of the frame |
//! | 2 | CRC-16/MODBUS from `$$` on |
//! | 2 | `\r\n` |
//!
//! | hardware | what it is | blocks |
//! |---|---|---|
//! | `010a` | RFID reader | place, cell, status, tags in reach† |
//! | `010b` | vehicle | place, cell, status, four of cards, temperature, lock, passengers |
//! | `0111`, others | vehicle | place, cell, status |
//! | `0153` | vehicle with a licence reader | place, cell, status, card |
//! | `0406` | gateway of sensors | cell, status, tags |
//! | `0407` | logger of temperature | place (always empty), cells, status |
//! | `040a` | logger of temperature | place, cells, status, access points |
//! | `0413` | logger of temperature | place, cell, status |
//!
//! The answer is `@ACK,` number `#@UTC time:` date and time.
//!
//! Quirks: a place without a date is where the receiver has none yet: the frame's own time stands
//! in, and the place is not valid.

mod blocks;

use crate::field::{Reader, bcd, checksum, date, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Time,
    Transports, When,
};
use blocks::Hardware;

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "tzone",
    title: "TZone AVL, RFID and temperature trackers",
    port: 5029,
    transports: Transports::Tcp,
    framer: Framer::LengthField {
        start: b"TZ",
        offset: 2,
        width: 2,
        extra: HEADER + END,
        max: MAX_FRAME,
    },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Vibration,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::OvertimeParking,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::LowBattery,
        Alarm::PowerOff,
        Alarm::PowerOn,
        Alarm::Temperature,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// A gateway with 255 tags sends some 3 000 bytes.
const MAX_FRAME: usize = 4096;
/// `TZ` and the length.
const HEADER: usize = 4;
/// Number and checksum.
const TRAILER: usize = 4;
/// `\r\n`.
const END: usize = 2;

/// What the blocks of a frame have told.
struct Found {
    hardware: Hardware,
    time: Time,
    fix: Option<Fix>,
    alarms: AlarmSet,
    alarm_states: AlarmSet,
    attributes: Attributes,
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let sum_at = frame.len().saturating_sub(END + 2);
    let malformed = Reject::at(sum_at, Reason::Malformed);
    let (content, sum) = frame.split_at_checked(sum_at).ok_or(malformed)?;
    let &[high, low, b'\r', b'\n'] = sum else { return Err(malformed) };
    let summed = content.get(HEADER..).unwrap_or_default();
    if checksum::crc16_modbus(summed) != u16::from_be_bytes([high, low]) {
        return Err(Reject::at(sum_at, Reason::Checksum));
    }
    let mut whole = Reader::new(content);
    let mut reader = whole.part(content.len().saturating_sub(TRAILER - 2))?;
    let number = whole.be_u16()?;
    reader.skip(HEADER)?;
    if reader.array()? != *b"$$" {
        return Err(Reject::at(HEADER, Reason::Malformed));
    }
    let hardware = reader.be_u16()?;
    let firmware = reader.be_u32()?;
    let device_at = reader.reject(Reason::Malformed);
    let device = reader.array()?;
    let time_at = reader.reject(Reason::OutOfRange);
    let time = blocks::instant(reader.array()?).ok_or(time_at)?;
    out.identify_by(&device, || bcd::imei(device).ok_or(device_at))?;

    let mut attributes = Attributes::new();
    attributes.set("hardware", hardware);
    attributes.set("firmware", firmware);
    let mut found = Found {
        hardware: Hardware(hardware),
        time,
        fix: None,
        alarms: AlarmSet::EMPTY,
        alarm_states: AlarmSet::EMPTY,
        attributes,
    };
    let result = found.read(&mut reader);
    match found.fix {
        Some(mut fix) => {
            fix.alarms = found.alarms;
            fix.alarm_states = found.alarm_states;
            out.fix(fix, found.attributes);
        }
        None => {
            out.report_states(Some(time), found.alarms, found.alarm_states, found.attributes);
        }
    }
    out.reply(answer(context, number), When::Accepted);
    result
}

fn answer(context: &Context<'_>, number: u16) -> String {
    let mut answer = String::with_capacity(64);
    answer.push_str("@ACK,");
    answer.push_str(&text::short(number));
    answer.push_str("#@UTC time:");
    answer.push_str(&date::apart(context.received_at, 0));
    answer
}
