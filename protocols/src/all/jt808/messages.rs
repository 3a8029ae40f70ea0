//! What each message holds, and how it is answered.

use super::header::{Header, number};
use super::location::{self, Findings, Form, Location};
use super::transparent::{self, Found};
use super::{locks, reports};
use crate::field::Reader;
use crate::{Attributes, Context, Out, Reason, Reject, Time, When};

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
        number::GENERAL_ANSWER_OF_TERMINAL => return Ok(Answer::None),
        number::HEARTBEAT if reader.remaining() >= 3 => reports::heartbeat(reader)?,
        number::HEARTBEAT | number::LOGOUT | number::HEARTBEAT_OF_MAKERS => {
            return Ok(Answer::Now);
        }
        number::TIME_REQUEST | number::TIME_REQUEST_OF_MAKERS => {
            time(serial.next(), call, out);
            return Ok(Answer::None);
        }
        number::LOCATION => {
            location::read(reader, form)?.give(false, call.place, out);
            return Ok(Answer::Accepted);
        }
        number::LOCATION_ANSWER | number::CONTROL_ANSWER => {
            // The question's serial number.
            reader.skip(2)?;
            location::read(reader, form)?.give(false, call.place, out);
            return Ok(Answer::Accepted);
        }
        number::LOCATION_BATCH => {
            // How many: the lengths say the same.
            reader.skip(2)?;
            let is_stored = reader.u8()? == 1;
            batch(reader, form, is_stored, |reader| reader.be_u16(), call, out);
            return Ok(Answer::Accepted);
        }
        number::LOCATION_BATCH_OF_MAKERS if reader.remaining() == 7 => reports::sleeping(reader)?,
        number::LOCATION_BATCH_OF_MAKERS => {
            batch(reader, form, false, |reader| reader.u8().map(u16::from), call, out);
            return Ok(Answer::Accepted);
        }
        number::MEDIA => return media(serial.next(), call, reader, form, out),
        number::LOCK_LOCATION | number::LOCK_LOCATION_STORED => {
            let is_stored = header.message == number::LOCK_LOCATION_STORED;
            let (fix, findings) = locks::location(reader, is_stored)?;
            Location { fix: Some(fix), findings }.give(is_stored, call.place, out);
            if header.wants_lock_answer() {
                let [high, low] = header.message.to_be_bytes();
                let answer = header.answer(1, number::LOCK_ANSWER, &[high, low, 0]);
                out.reply(answer, When::Accepted);
            }
            return Ok(Answer::None);
        }
        number::TRANSPARENT => match transparent::read(reader, form)? {
            Found::Location(location) => {
                location.give(false, call.place, out);
                return Ok(Answer::Accepted);
            }
            Found::Report(time, findings) => (time, findings),
        },
        number::TERMINAL_ATTRIBUTES => reports::terminal(reader, form.is_2019)?,
        number::DRIVER => reports::driver(reader)?,
        number::WAYBILL => reports::waybill(reader)?,
        number::TEXT_REPORT => reports::text_report(reader)?,
        number::TEXT_OF_MAKERS => reports::wide_text(reader)?,
        number::MEDIA_EVENT => reports::media_event(reader)?,
        number::ACCELERATION => reports::acceleration(reader)?,
        number::CAN_DATA => reports::can_data(reader)?,
        number::EVENT => one_byte("event", reader)?,
        number::INFORMATION_DEMAND => one_byte("information_demand", reader)?,
        number::UPGRADE_RESULT => {
            reader.skip(1)?;
            one_byte("upgrade_result", reader)?
        }
        number::QUESTION_ANSWER => {
            reader.skip(2)?;
            one_byte("answer", reader)?
        }
        number::PARAMETERS
        | number::RECORDER_DATA
        | number::MEDIA_LIST
        | number::CAMERA_ANSWER
        | number::PHOTO_OF_MAKERS => return Ok(Answer::Accepted),
        _ => return Err(Reject::at(0, Reason::Unsupported)),
    };
    tell(report, call, out);
    Ok(if header.message == number::HEARTBEAT { Answer::Now } else { Answer::Accepted })
}

/// 0x0004 (2019) and 0x0109 (makers): the time in UTC, as digits or as numbers.
fn time(serial: u16, call: &Call<'_>, out: &mut Out<'_>) {
    let ((year, month, day), (hour, minute, second)) = call.context.received_at.to_civil(0);
    let small = |value: i8| u8::try_from(value).unwrap_or_default();
    let rest = [small(month), small(day), small(hour), small(minute), small(second)];
    let answer = if call.header.message == number::TIME_REQUEST {
        let digits = |value: u8| ((value / 10) << 4) | (value % 10);
        let year = u8::try_from(year.rem_euclid(100)).unwrap_or_default();
        let mut body = vec![digits(year)];
        body.extend(rest.map(digits));
        call.header.answer(serial, number::TIME_ANSWER, &body)
    } else {
        let body = [&year.to_be_bytes()[..], &rest].concat();
        call.header.answer(serial, number::TIME_ANSWER_OF_MAKERS, &body)
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
            location.give(false, call.place, out);
        }
        None => tell((None, findings), call, out),
    }
    let answer = call.header.answer(serial, number::MEDIA_ANSWER, &media.to_be_bytes());
    out.reply(answer, When::Accepted);
    Ok(Answer::None)
}

/// A report of one byte.
fn one_byte(name: &'static str, reader: &mut Reader<'_>) -> Result<reports::Report, Reject> {
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
            Ok(location) => location.give(is_stored, call.place, out),
            Err(reject) => out.reject((call.place)(reject)),
        }
    }
}

fn tell((time, findings): (Option<Time>, Findings), call: &Call<'_>, out: &mut Out<'_>) {
    out.report_states(time, findings.alarms, findings.states, findings.attributes);
    for reject in findings.rejects {
        out.reject((call.place)(reject));
    }
}
