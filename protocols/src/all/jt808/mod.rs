//! JT/T 808, the Chinese standard for road vehicles' terminals: taxis, lorries, coaches, armoured
//! cars, and very many trackers sold as something else.
//!
//! Devices: every terminal type-approved in China; trackers of Jimi/Concox, Meitrack, AOVX,
//! Jointech, Topflytech and others that speak it with items of their own. Transport: TCP or UDP.
//! Source: JT/T 808-2011, -2013 and -2019, "Terminal communication protocol and data format of
//! road transportation vehicle satellite positioning system"; JT/T 1078-2016 for items 0x14–0x18,
//! T/JSATL 12-2017 for 0x64–0x70; makers' documents for the rest.
//!
//! A frame is `7e header body checksum 7e`, with 7e and 7d escaped between the flags; the checksum
//! is the exclusive or of header and body. The version is a matter of each frame, not of the
//! connection.
//!
//! | header | 2011, 2013 | 2019 |
//! |---|---|---|
//! | message | u16 | u16 |
//! | attributes | u16: length 0–9, cipher 10–12, in parts 13 | the same, bit 14 set |
//! | version | – | u8 |
//! | terminal number | 6 bytes of digits | 10 bytes of digits |
//! | serial number | u16 | u16 |
//! | parts, number of this one | u16, u16 where bit 13 is set | the same |
//!
//! | message | body | answer |
//! |---|---|---|
//! | 0x0100 register | province, county, maker, model, number, plate (`register`) | 0x8100 with a token |
//! | 0x0102 authenticate | token (2019: also IMEI, software) | 0x8001, result 1 if wrong |
//! | 0x0002, 0x0003, 0x0506 | heartbeat, logout | 0x8001 |
//! | 0x0004, 0x0109 | what time is it | 0x8004, 0x8109 |
//! | 0x0200 | alarm, status, position, time, items (`location`, `items`, `makers`) | 0x8001 |
//! | 0x0201, 0x0500 | serial number of the question, location | 0x8001 |
//! | 0x0704 | count, kind (1: stored), then length and location of each | 0x8001 |
//! | 0x0210 | length (one byte) and location of each; or battery and time | 0x8001 |
//! | 0x0800, 0x0801 | media; 2013 on with a location | 0x8001, 0x8800 |
//! | 0x0107, 0x0702, 0x0701, … | reports (`reports`) | 0x8001 |
//! | 0x0900 | transparent data (`transparent`) | 0x8001 |
//! | 0x5501, 0x5502, text in parentheses | Jointech's locks (`locks`) | 0x4401, text |
//!
//! Quirks: times are GMT+8 (0x5501: UTC). A number with half bytes that are no digits is an IMEI
//! in binary. Status bit 5 says that the coordinates went through the secrecy plug-in: GCJ-02. The
//! length in the header is not held against a frame whose checksum is right. Parts are put
//! together and those missing asked for by 0x8003; a part is answered as it comes, since some
//! terminals wait for that, but the last one only with what the whole message reported.

pub(super) mod alarms;
mod command;
mod extensions;
mod framing;
mod header;
mod items;
pub(super) mod location;
mod locks;
mod makers;
mod message;
mod messages;
mod reassembly;
mod register;
mod reports;
mod transparent;

use self::header::{Header, Part, Verdict, number};
use self::message::Message;
use self::messages::{Answer, Call, Serial};
use self::reassembly::{Missing, Progress, Reassembly};
use crate::field::Reader;
use crate::field::escape::Room;
use crate::{Context, Decoder, Framer, Out, Protocol, Reason, Reject, Transports, When};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "jt808",
    title: "JT/T 808 (2011, 2013, 2019)",
    port: 5015,
    transports: Transports::TcpUdp,
    framer: Framer::Function { max: framing::MAX, find: framing::find },
    authenticates: true,
    alarms: alarms::ALL,
    commands: Some(&command::COMMANDS),
    decoder: || Box::<Terminal>::default(),
};

/// What is remembered of one terminal.
#[derive(Default)]
struct Terminal {
    serial: Serial,
    reassembly: Reassembly,
}

impl Decoder for Terminal {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        if frame.first() == Some(&b'(') {
            locks::text_message(context, frame, out);
            return Ok(());
        }
        let mut room = Room::new();
        let message = Message::open(frame, &mut room)?;
        for _ in 0..self.reassembly.expire(context.received_at) {
            out.reject(Reject::at(0, Reason::Incomplete));
        }
        let mut reader = Reader::new(message.content());
        let header =
            Header::read(message.dialect, &mut reader).map_err(|reject| message.place(reject))?;
        out.manner(command::manner(&header));
        let place = |reject| message.place(reject);
        let call = Call { context, header: &header, place: &place };
        match header.part {
            Some(part) => self.part(&call, part, reader, out),
            None => self.whole(&call, reader, out),
        }?;
        if let Some(missing) = self.reassembly.overdue(context.received_at) {
            self.ask(&header, &missing, out);
        }
        Ok(())
    }
}

impl Terminal {
    fn general(&mut self, header: &Header<'_>, verdict: Verdict, when: When, out: &mut Out<'_>) {
        let serial = self.serial.next();
        out.reply(header.general_answer(serial, verdict), when);
    }

    fn ask(&mut self, header: &Header<'_>, missing: &Missing, out: &mut Out<'_>) {
        // The count has one byte until 2013, two in 2019 (table 9); the frame has room for these.
        const ASKED_AT_ONCE: usize = 125;
        let parts = missing.parts.iter().take(ASKED_AT_ONCE);
        let count = u8::try_from(parts.len()).unwrap_or_default();
        let mut body = missing.first_serial.to_be_bytes().to_vec();
        if header.is_2019() {
            body.push(0);
        }
        body.push(count);
        body.extend(parts.flat_map(|number| number.to_be_bytes()));
        let serial = self.serial.next();
        out.reply(header.answer(serial, number::RESEND_REQUEST, &body), When::Now);
    }

    /// One part of a message.
    fn part(
        &mut self,
        call: &Call<'_>,
        part: Part,
        reader: Reader<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Call { context, header, place } = *call;
        let at = place(reader.reject(Reason::Incomplete));
        header.identify(out);
        if header.is_encrypted() {
            return self.encrypted(call, out);
        }
        let progress = self.reassembly.add(
            header.message,
            header.serial,
            part,
            reader.rest(),
            context.received_at,
        );
        match progress {
            Ok(Progress::Whole(body)) => {
                // Offsets in a message of many frames mean nothing: they are all at its last part.
                let place = |reject: Reject| Reject { offset: at.offset, ..reject };
                let call = Call { context, header, place: &place };
                self.whole(&call, Reader::new(&body), out)
            }
            Ok(Progress::Waiting(missing)) => {
                self.general(header, Verdict::Accepted, When::Accepted, out);
                if let Some(missing) = missing {
                    self.ask(header, &missing, out);
                }
                Ok(())
            }
            Err(reason) => {
                let verdict = match reason {
                    Reason::Incomplete => Verdict::Accepted,
                    _ => Verdict::Refused,
                };
                self.general(header, verdict, When::Accepted, out);
                Err(Reject { reason, ..at })
            }
        }
    }

    fn encrypted(&mut self, call: &Call<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        self.general(call.header, Verdict::Unsupported, When::Now, out);
        // The attributes stand third and fourth.
        Err((call.place)(Reject::at(2, Reason::Encrypted)))
    }

    /// A message with all of its body.
    fn whole(
        &mut self,
        call: &Call<'_>,
        mut reader: Reader<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Call { context, header, .. } = *call;
        if header.is_encrypted() {
            header.identify(out);
            return self.encrypted(call, out);
        }
        match header.message {
            number::REGISTER => {
                let serial = self.serial.next();
                register::register(context, header, &reader, serial, out);
                return Ok(());
            }
            number::AUTHENTICATION => {
                let serial = self.serial.next();
                register::authenticate(context, header, &reader, serial, out);
                return Ok(());
            }
            _ => header.identify(out),
        }
        match messages::read(&mut self.serial, call, &mut reader, out) {
            Ok(Answer::None) => {}
            Ok(Answer::Now) => self.general(header, Verdict::Accepted, When::Now, out),
            Ok(Answer::Accepted) => self.general(header, Verdict::Accepted, When::Accepted, out),
            Err(reject) => {
                let verdict = match reject.reason {
                    Reason::Unsupported => Verdict::Unsupported,
                    _ => Verdict::Wrong,
                };
                self.general(header, verdict, When::Now, out);
                return Err((call.place)(reject));
            }
        }
        Ok(())
    }
}
