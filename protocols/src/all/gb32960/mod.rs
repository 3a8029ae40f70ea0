//! GB/T 32960, by which electric and fuel cell vehicles in China report to platforms, and platforms
//! pass on what they hear.
//!
//! Devices: the terminal that every new energy vehicle sold in China is built with (a vehicle is
//! known by its VIN), and platforms that speak for many. Transport: TCP. The standard names no port;
//! 7325 is that of EMQX's gateway. Source: GB/T 32960.3-2016 with its annex B (terminals), and
//! GB/T 32960.3-2025.
//!
//! A frame, big-endian (`frame`): `##` (2025: `$$`), command 1, answer 1 (fe: a command), VIN 17,
//! encryption 1 (1: none), length 2, data, and the exclusive or of all between the start and itself.
//!
//! | command | data | answer |
//! |---|---|---|
//! | 01 vehicle login | time 6, serial 2, ICCID 20, batteries | 01 with the time; 02 (2025: 04) to a stranger |
//! | 02 live, 03 re-issued | time 6, units (`units`) | 01 with the time, once it is safe |
//! | 04 vehicle logout, 05 platform login, 06 its logout | time 6, serial 2, … | 01 with the time |
//! | 07 heartbeat | none | 01 |
//! | 08 what time is it | none | 01 with the time now |
//! | 80–82, and all with an answer other than fe | answers to commands | none |
//!
//! | unit | 2016 | 2025 |
//! |---|---|---|
//! | 01 vehicle | state, charging, mode, speed, odometer, voltage, current, charge, DC/DC, gear, insulation, pedals | no pedals; current from −3000 A |
//! | 02 motors | 12 bytes each | 10 bytes each |
//! | 03 fuel cell, 04 engine | | other layouts |
//! | 05 position | status 1 (0: invalid, 1: south, 2: west), longitude 4, latitude 4, in millionths | datum 1 behind the status |
//! | 06 | extremes of the batteries | alarms |
//! | 07 | alarms: level 1, flags 4, four lists of codes | voltages |
//! | 08, 09 | voltages, temperatures of the batteries | 08: temperatures |
//! | 30, 31, 32 | – | fuel cell stacks, capacitor, its extremes |
//! | 80–fe | length 2, the maker's own | the same |
//! | ff | – | signature: ends the units |
//!
//! Quirks: times are GMT+8. The standard's body wants every report answered, annex B only wrong
//! ones: all are, as terminals take either. A unit of unknown length ends what can be read of a
//! report. Without a valid position the last valid one is sent again, marked invalid. A signature
//! of 2025 is not verified: the vehicles' keys are with the makers. The name and password of a
//! platform (05) are not looked at: every VIN is heard only where it is enrolled, whoever sends it.

mod frame;
mod units;

use self::frame::{Edition, Header};
use self::units::Units;
use crate::field::date::{self, CHINA_S};
use crate::field::{Reader, text};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "gb32960",
    title: "GB/T 32960 (2016, 2025): electric vehicles",
    port: 7325,
    transports: Transports::Tcp,
    framer: Framer::Function { max: frame::MAX, find: frame::find },
    authenticates: false,
    alarms: &[Alarm::LowPower, Alarm::Fault, Alarm::FuelLeak, Alarm::Temperature],
    commands: None,
    decoder: || Box::new(decode),
};

mod command {
    pub(super) const VEHICLE_LOGIN: u8 = 0x01;
    pub(super) const LIVE: u8 = 0x02;
    pub(super) const REISSUED: u8 = 0x03;
    pub(super) const VEHICLE_LOGOUT: u8 = 0x04;
    pub(super) const PLATFORM_LOGIN: u8 = 0x05;
    pub(super) const PLATFORM_LOGOUT: u8 = 0x06;
    pub(super) const HEARTBEAT: u8 = 0x07;
    pub(super) const TIME_REQUEST: u8 = 0x08;
}

/// Table 4, those that are ours to give.
mod answer {
    pub(super) const DONE: u8 = 0x01;
    pub(super) const WRONG: u8 = 0x02;
    /// Since 2025.
    pub(super) const NO_SUCH_VEHICLE: u8 = 0x04;
}

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let (header, mut reader) = frame::open(frame)?;
    if header.is_answer() {
        return Ok(());
    }
    let is_platform = matches!(header.command, command::PLATFORM_LOGIN | command::PLATFORM_LOGOUT);
    let is_encrypted = header.is_encrypted() && !reader.is_empty();
    if !is_platform && (is_encrypted || header.command != command::VEHICLE_LOGIN) {
        header.identify(out)?;
    }
    if is_encrypted {
        out.reply(header.answer(answer::WRONG, &[]), When::Now);
        return Err(Reject::at(frame::CIPHER, Reason::Encrypted));
    }
    let read = match header.command {
        command::VEHICLE_LOGIN => login(&header, header.vin()?, &mut reader, out),
        command::LIVE => report(&header, false, &mut reader, out),
        command::REISSUED => report(&header, true, &mut reader, out),
        command::VEHICLE_LOGOUT | command::PLATFORM_LOGIN | command::PLATFORM_LOGOUT => {
            reader.array().map(|time: [u8; 6]| {
                out.reply(header.answer(answer::DONE, &time), When::Now);
            })
        }
        command::HEARTBEAT => {
            out.reply(header.answer(answer::DONE, &[]), When::Now);
            Ok(())
        }
        command::TIME_REQUEST => {
            out.reply(header.answer(answer::DONE, &now(context)), When::Now);
            Ok(())
        }
        _ => Err(Reject::at(frame::COMMAND, Reason::Unsupported)),
    };
    read.inspect_err(|_| out.reply(header.answer(answer::WRONG, &[]), When::Now))
}

/// The time as the standard writes it.
fn now(context: &Context<'_>) -> [u8; 6] {
    let ((year, month, day), (hour, minute, second)) = context.received_at.to_civil(CHINA_S);
    let small = |value: i8| u8::try_from(value).unwrap_or_default();
    let year = u8::try_from(year.rem_euclid(100)).unwrap_or_default();
    [year, small(month), small(day), small(hour), small(minute), small(second)]
}

/// Table 6: what follows the ICCID describes batteries.
fn login(
    header: &Header<'_>,
    vin: &str,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let unwelcome = match header.edition {
        Edition::Of2016 => answer::WRONG,
        Edition::Of2025 => answer::NO_SUCH_VEHICLE,
    };
    out.login(vin, Standing::Claimed, header.answer(unwelcome, &[]));
    let time: [u8; 6] = reader.array()?;
    // The login's number.
    reader.skip(2)?;
    let mut attributes = Attributes::new();
    let iccid = text::ascii(reader.take(20)?);
    if !iccid.is_empty() {
        attributes.set("iccid", iccid);
        out.report(date::since_2000(time, CHINA_S), AlarmSet::EMPTY, attributes);
    }
    out.reply(header.answer(answer::DONE, &time), When::Now);
    Ok(())
}

/// Table 7: a time, and units until the end.
fn report(
    header: &Header<'_>,
    backfill: bool,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let nowhen = reader.reject(Reason::OutOfRange);
    let stated: [u8; 6] = reader.array()?;
    let time = date::since_2000(stated, CHINA_S);
    let Units { place, speed_kmh, alarms, states, attributes, rejects } =
        units::read(reader, header.edition);
    let fix = time.zip(place).and_then(|(time, place)| {
        let fix = Fix::new(time, place.latitude, place.longitude)?;
        let (valid, datum) = (place.valid, place.datum);
        Some(Fix { valid, datum, speed_kmh, backfill, alarms, alarm_states: states, ..fix })
    });
    match fix {
        Some(fix) => out.fix(fix, attributes),
        // An alarm counts even where the clock has never been set. Stored states without a time
        // would be taken for today's.
        None if time.is_none() && alarms.is_empty() && attributes.is_empty() => {}
        None if time.is_none() && backfill => out.report(None, alarms, attributes),
        None => out.report_states(time, alarms, states, attributes),
    }
    if time.is_none() {
        out.reject(nowhen);
    }
    for reject in rejects {
        out.reject(reject);
    }
    out.reply(header.answer(answer::DONE, &stated), When::Accepted);
    Ok(())
}
