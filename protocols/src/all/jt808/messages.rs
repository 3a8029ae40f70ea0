//! What each message holds, and how it is answered.

use super::header::{Header, message};
use super::location::{self, Findings, Form, Location};
use super::transparent::{self, Found};
use super::{locks, reports};
use crate::field::Reader;
use crate::{Attributes, Context, Fix, Out, Reason, Reject, Time, When};

/// One message on its way through the decoder.
pub(super) struct Call<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) header: &'a Header<'a>,
    /// Where an offset in the message lies in the frame.
    pub(super) place: &'a dyn Fn(Reject) -> Reject,
}

/// The general answer that a message calls for.
pub(super) enum Answer {
    /// None, or one of its own.
    None,
    /// As soon as the terminal is welcome.
    Now,
    /// Once what it reported is safe.
    Accepted,
}

/// The serial numbers of our messages, from 0 on.
#[derive(Default)]
pub(super) struct Serial(u16);

impl Serial {
    /// The next one.
    pub(super) const fn next(&mut self) -> u16 {
        let serial = self.0;
        self.0 = serial.wrapping_add(1);
        serial
    }
}

/// Takes a message apart and answers it, the general answer excepted.
pub(super) fn read(
    serial: &mut Serial,
    call: &Call<'_>,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<Answer, Reject> {
    let header = call.header;
    let model = out.device().and_then(|device| call.context.model_of(device));
    let form = Form { is_2019: header.is_2019(), model: model.as_deref() };
    let report = match header.message {
        message::GENERAL_ANSWER_OF_TERMINAL => return Ok(Answer::None),
        message::HEARTBEAT if reader.remaining() >= 3 => reports::heartbeat(reader)?,
        message::HEARTBEAT | message::LOGOUT | message::HEARTBEAT_OF_MAKERS => {
            return Ok(Answer::Now);
        }
        message::TIME_REQUEST | message::TIME_REQUEST_OF_MAKERS => {
            time(serial.next(), call, out);
            return Ok(Answer::None);
        }
        message::LOCATION => {
            give(location::read(reader, form)?, false, call, out);
            return Ok(Answer::Accepted);
        }
        message::LOCATION_ANSWER | message::CONTROL_ANSWER => {
            // The question's serial number.
            reader.skip(2)?;
            give(location::read(reader, form)?, false, call, out);
            return Ok(Answer::Accepted);
        }
        message::LOCATION_BATCH => {
            // How many: the lengths say the same.
            reader.skip(2)?;
            let is_stored = reader.u8()? == 1;
            batch(reader, form, is_stored, |reader| reader.be_u16(), call, out);
            return Ok(Answer::Accepted);
        }
        message::LOCATION_BATCH_OF_MAKERS if reader.remaining() == 7 => reports::sleeping(reader)?,
        message::LOCATION_BATCH_OF_MAKERS => {
            batch(reader, form, false, |reader| reader.u8().map(u16::from), call, out);
            return Ok(Answer::Accepted);
        }
        message::MEDIA => return media(serial.next(), call, reader, form, out),
        message::LOCK_LOCATION | message::LOCK_LOCATION_STORED => {
            let is_stored = header.message == message::LOCK_LOCATION_STORED;
            let (fix, findings) = locks::location(reader, is_stored)?;
            give(Location { fix: Some(fix), findings }, is_stored, call, out);
            if header.wants_lock_answer() {
                let [high, low] = header.message.to_be_bytes();
                let answer = header.answer(1, message::LOCK_ANSWER, &[high, low, 0]);
                out.reply(answer, When::Accepted);
            }
            return Ok(Answer::None);
        }
        message::TRANSPARENT => match transparent::read(reader, form)? {
            Found::Location(location) => {
                give(location, false, call, out);
                return Ok(Answer::Accepted);
            }
            Found::Report(time, findings) => (time, findings),
        },
        message::TERMINAL_ATTRIBUTES => reports::terminal(reader, form.is_2019)?,
        message::DRIVER => reports::driver(reader)?,
        message::WAYBILL => reports::waybill(reader)?,
        message::TEXT_REPORT => reports::text_report(reader)?,
        message::TEXT_OF_MAKERS => reports::wide_text(reader)?,
        message::MEDIA_EVENT => reports::media_event(reader)?,
        message::ACCELERATION => reports::acceleration(reader)?,
        message::CAN_DATA => reports::can_data(reader)?,
        message::EVENT => number("event", reader)?,
        message::INFORMATION_DEMAND => number("information_demand", reader)?,
        message::UPGRADE_RESULT => {
            reader.skip(1)?;
            number("upgrade_result", reader)?
        }
        message::QUESTION_ANSWER => {
            reader.skip(2)?;
            number("answer", reader)?
        }
        message::PARAMETERS
        | message::RECORDER_DATA
        | message::MEDIA_LIST
        | message::CAMERA_ANSWER
        | message::PHOTO_OF_MAKERS => return Ok(Answer::Accepted),
        _ => return Err(Reject::at(0, Reason::Unsupported)),
    };
    tell(report, call, out);
    Ok(if header.message == message::HEARTBEAT { Answer::Now } else { Answer::Accepted })
}

/// 0x0004 (2019) and 0x0109 (makers): the time in UTC, as digits or as numbers.
fn time(serial: u16, call: &Call<'_>, out: &mut Out<'_>) {
    let ((year, month, day), (hour, minute, second)) = call.context.received_at.to_civil(0);
    let small = |value: i8| u8::try_from(value).unwrap_or_default();
    let rest = [small(month), small(day), small(hour), small(minute), small(second)];
    let answer = if call.header.message == message::TIME_REQUEST {
        let digits = |value: u8| ((value / 10) << 4) | (value % 10);
        let year = u8::try_from(year.rem_euclid(100)).unwrap_or_default();
        let mut body = vec![digits(year)];
        body.extend(rest.map(digits));
        call.header.answer(serial, message::TIME_ANSWER, &body)
    } else {
        let body = [&year.to_be_bytes()[..], &rest].concat();
        call.header.answer(serial, message::TIME_ANSWER_OF_MAKERS, &body)
    };
    out.reply(answer, When::Now);
}

/// 0x0801 (2013 table 80): number, kind, format, event, channel, location, data. Versions
/// before 2013 have no location, and data of a photograph do not look like one. The data
/// themselves are not kept.
fn media(
    serial: u16,
    call: &Call<'_>,
    reader: &mut Reader<'_>,
    form: Form<'_>,
    out: &mut Out<'_>,
) -> Result<Answer, Reject> {
    const LOCATION_LENGTH: usize = 28;
    let media = reader.clone().be_u32()?;
    let (_, mut findings) = reports::media_event(reader)?;
    let location = reader
        .part(LOCATION_LENGTH)
        .and_then(|mut part| location::read(&mut part, form))
        .ok()
        .filter(|location| location.fix.is_some());
    findings.attributes.set("media_bytes", i64::try_from(reader.remaining()).unwrap_or(0));
    match location {
        Some(mut location) => {
            for (name, value) in findings.attributes.iter() {
                location.findings.attributes.set(name.to_owned(), value.clone());
            }
            give(location, false, call, out);
        }
        None => tell((None, findings), call, out),
    }
    let answer = call.header.answer(serial, message::MEDIA_ANSWER, &media.to_be_bytes());
    out.reply(answer, When::Accepted);
    Ok(Answer::None)
}

/// A report of one byte.
fn number(name: &'static str, reader: &mut Reader<'_>) -> Result<reports::Report, Reject> {
    reports::of(|attributes: &mut Attributes| {
        attributes.set(name, reader.u8()?);
        Ok(())
    })
}

/// Locations one after another, each with its length before it and of its own time.
fn batch(
    reader: &mut Reader<'_>,
    form: Form<'_>,
    is_stored: bool,
    length: fn(&mut Reader<'_>) -> Result<u16, Reject>,
    call: &Call<'_>,
    out: &mut Out<'_>,
) {
    while !reader.is_empty() {
        let part = length(reader).and_then(|length| reader.part(usize::from(length)));
        let mut part = match part {
            Ok(part) => part,
            Err(reject) => {
                out.reject((call.place)(reject));
                return;
            }
        };
        match location::read(&mut part, form) {
            Ok(location) => give(location, is_stored, call, out),
            Err(reject) => out.reject((call.place)(reject)),
        }
    }
}

fn give(location: Location, is_stored: bool, call: &Call<'_>, out: &mut Out<'_>) {
    let Findings { alarms, states, attributes, rejects } = location.findings;
    match location.fix {
        Some(fix) => out.fix(Fix { backfill: is_stored, ..fix }, attributes),
        // Without a time, stored states would be taken for today's.
        None if is_stored && !alarms.is_empty() => out.report(None, alarms, attributes),
        None if !alarms.is_empty() => out.report_states(None, alarms, states, attributes),
        None => {}
    }
    for reject in rejects {
        out.reject((call.place)(reject));
    }
}

fn tell((time, findings): (Option<Time>, Findings), call: &Call<'_>, out: &mut Out<'_>) {
    out.report_states(time, findings.alarms, findings.states, findings.attributes);
    for reject in findings.rejects {
        out.reject((call.place)(reject));
    }
}
