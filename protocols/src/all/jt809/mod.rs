//! JT/T 809, the Chinese standard by which platforms hand each other their vehicles: another
//! region's or a company's platform (the lower one) logs in here (the upper one).
//!
//! Devices: none; platforms that many terminals report to. A vehicle's identity is
//! `jt809:CODE:PLATE:COLOUR`, such as `jt809:2101001:辽B12345:2`: the access code that we gave its
//! platform, its plate as on the wire, and the number of the plate's colour (a blue plate and a
//! yellow one may bear the same letters). Transport: TCP, over two links. The main link they open to
//! us; the sub link we open to them, once their password holds ([`SubLink`]). The standard names no
//! port. Source: JT/T 809-2011, its supplement of 2013, and JT/T 809-2019, "Data exchange between
//! platforms of the road transportation vehicle satellite positioning system".
//!
//! A frame, big-endian (`frame`): `5b`, header, body, CRC-16/CCITT-FALSE of both, `5d`, with 5a, 5b,
//! 5d and 5e escaped between the flags. The header: length 4, serial number 4, message 2, access
//! code 4, version 3, encrypted 1, key 4; 2019: time of sending 8. An encrypted body goes through
//! [`Cipher`](crate::Cipher) under constants that both sides know.
//!
//! | message | body | answer |
//! |---|---|---|
//! | 1001 login | user 4, password 8, (2019: access code 4,) host 32, port 2 of the sub link | 1002: result 1, code for the sub link 4 |
//! | 1003 logout, 1005 link test | user 4, password 8; none | 1004, 1006 |
//! | 1200 vehicle | plate 21, colour 1, kind 2, length 4: 1201 registration, 1202 position, 1203 one to five stored ones (`position`) | none in the standard |
//! | 1400 alarm | 2011: plate 21, colour 1, kind 2, length 4; 2019: kind 2, length 4: 1402 (`warning`) | none in the standard |
//! | 11xx statistics; 1204 to 120e; 1300, 1500, 1600; 1401, 1403, 1411 to 1413; … | answers to what we never ask, drivers, waybills, routes, static data, how alarms were dealt with | none: not used here |
//!
//! Results of 1002: 0 done, 1 address, 2 access code, 3 user, 4 password, 5 busy. A refused login
//! ends the connection.
//!
//! Quirks: whether a frame has the header of 2011 or of 2019 no field says; the length of each
//! message does. Kinds and layouts of 2019 come under headers of 2011 and the other way round: each
//! is told by its lengths. Times of positions are GMT+8, those of alarms UTC. Nothing but a login is
//! believed before one: what comes is decoded, refused as `unidentified`, and moves nobody.

mod frame;
mod position;
mod sub_link;
mod warning;

pub use self::sub_link::{PlatformLink, SubLink, SubLinkState};

use self::frame::{Form, Frame, Message, Vehicle, id};
use self::sub_link::Serial;
use super::jt808;
use crate::field::escape::Room;
use crate::field::{Reader, text};
use crate::{
    AlarmSet, Attributes, Context, Decoder, Framer, Out, PlatformLogin, PlatformRefusal, Protocol,
    Reason, Reject, Standing, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "jt809",
    title: "JT/T 809 (2011, 2019): other platforms' vehicles",
    port: 8809,
    transports: Transports::Tcp,
    framer: Framer::Function { max: frame::MAX, find: frame::find },
    authenticates: true,
    alarms: jt808::alarms::ALL,
    commands: None,
    decoder: || Box::<MainLink>::default(),
};

/// How the identity of another platform's vehicle begins.
pub const PLATFORM_VEHICLE: &str = "jt809:";

/// Parts of 0x1200 by their kind.
mod kind {
    pub(super) const REGISTRATION: u16 = 0x1201;
    pub(super) const POSITION: u16 = 0x1202;
    pub(super) const STORED_POSITIONS: u16 = 0x1203;
}

/// What is remembered of one platform.
#[derive(Default)]
struct MainLink {
    form: Form,
    serial: Serial,
    /// Whose password held.
    access_code: Option<u32>,
}

/// One message on its way through the decoder.
struct Call<'a> {
    context: &'a Context<'a>,
    message: &'a Message<'a>,
    /// Where an offset in the message lies in the frame.
    place: &'a dyn Fn(Reject) -> Reject,
}

impl Decoder for MainLink {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let mut room = Room::new();
        let frame = Frame::open(frame, &mut room)?;
        let place = |reject| frame.place(reject);
        let message =
            frame.message(self.form, |code| context.installation.cipher(code)).map_err(place)?;
        self.message(&Call { context, message: &message, place: &place }, out).map_err(place)
    }
}

impl MainLink {
    fn message(&mut self, call: &Call<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let message = call.message;
        if message.id == id::LOGIN {
            return self.login(call, out);
        }
        let code = message.manner.access_code;
        if self.access_code.is_some_and(|own| own != code) {
            return Err(Reject::at(frame::ACCESS_CODE, Reason::OutOfRange));
        }
        let is_in = self.access_code.is_some();
        let nobody = Reject::at(0, Reason::Unidentified);
        match message.id {
            id::VEHICLE => {
                self.vehicle(call, out)?;
                if is_in { Ok(()) } else { Err(nobody) }
            }
            id::WARNING => {
                self.warning(call, out)?;
                if is_in { Ok(()) } else { Err(nobody) }
            }
            _ if !is_in => Err(nobody),
            id::LOGOUT => {
                self.access_code = None;
                self.answer(call, id::LOGOUT_ANSWER, &[], out);
                out.platform_out(code);
                Ok(())
            }
            id::LINK_TEST => {
                self.answer(call, id::LINK_TEST_ANSWER, &[], out);
                Ok(())
            }
            id::PLATFORM | id::CONTROL | id::BASE | 0x1100..=0x11ff => Ok(()),
            _ => Err(Reject::at(frame::ID, Reason::Unsupported)),
        }
    }

    fn answer(&self, call: &Call<'_>, id: u16, body: &[u8], out: &mut Out<'_>) {
        let now = call.context.received_at;
        out.reply(call.message.manner.frame(self.serial.next(), id, body, now), When::Now);
    }

    fn login(&mut self, call: &Call<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        const BODY_2019: usize = 50;
        let Call { context, message, .. } = *call;
        let mut reader = message.body();
        let denied = Reject::fatal(reader.offset(), Reason::Denied);
        let is_2019 = reader.remaining() == BODY_2019;
        let user_id = reader.be_u32()?;
        let password = reader.take(8)?;
        if is_2019 {
            // The header's access code once more.
            reader.skip(4)?;
        }
        let host = text::ascii(reader.take(32)?);
        let sub_link_port = reader.be_u16()?;
        let padding = password.iter().rev().take_while(|byte| **byte == 0).count();
        let manner = message.manner;
        let login = PlatformLogin {
            access_code: manner.access_code,
            user_id,
            password: password.get(..password.len().saturating_sub(padding)).unwrap_or_default(),
            sub_link_host: &host,
            sub_link_port,
        };
        let serial = self.serial.next();
        let answer = |result: u8, code: u32| {
            let [a, b, c, d] = code.to_be_bytes();
            let body = [result, a, b, c, d];
            manner.frame(serial, id::LOGIN_ANSWER, &body, context.received_at)
        };
        match context.installation.admit(&login) {
            Ok(verify_code) => {
                (self.form, self.access_code) = (manner.form, Some(manner.access_code));
                out.platform_in(PlatformLink::new(
                    manner,
                    verify_code,
                    self.serial.clone(),
                    context.installation.cipher(manner.access_code),
                    answer(result_of(PlatformRefusal::Busy), 0),
                ));
                out.reply(answer(0, verify_code), When::Now);
                Ok(())
            }
            Err(refusal) => {
                self.access_code = None;
                out.reply(answer(result_of(refusal), 0), When::Now);
                Err(denied)
            }
        }
    }

    /// Says whose the items are that follow.
    fn speak_for(&self, call: &Call<'_>, vehicle: &Vehicle, out: &mut Out<'_>) {
        let device = vehicle.device(call.message.manner.access_code);
        let device = device.as_str();
        if self.access_code.is_none() {
            out.about(device);
        } else if out.device().is_none_or(|speaker| speaker.as_str() != device) {
            out.login(device, Standing::Proven, Vec::new());
        }
    }

    fn vehicle(&self, call: &Call<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let mut reader = call.message.body();
        let vehicle = Vehicle::read(&mut reader)?;
        let unsupported = reader.reject(Reason::Unsupported);
        let kind = reader.be_u16()?;
        let length = reader.be_u32()?;
        let mut data = reader.part(usize::try_from(length).unwrap_or(usize::MAX))?;
        match kind {
            kind::REGISTRATION => {
                let attributes = registration(&mut data)?;
                self.speak_for(call, &vehicle, out);
                out.report(None, AlarmSet::EMPTY, attributes);
            }
            kind::POSITION => {
                let location = position::live(&mut data)?;
                self.speak_for(call, &vehicle, out);
                location.give(false, call.place, out);
            }
            kind::STORED_POSITIONS => {
                self.speak_for(call, &vehicle, out);
                position::stored(&mut data, call.message.manner.form, call.place, out)?;
            }
            // Answers to what we never ask, drivers, waybills, routes.
            0x1204..=0x120e => {}
            _ => return Err(unsupported),
        }
        Ok(())
    }

    fn warning(&self, call: &Call<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let Some((vehicle, warning)) = warning::read(&mut call.message.body())? else {
            return Ok(());
        };
        self.speak_for(call, &vehicle, out);
        out.report(warning.time, AlarmSet::only(warning.alarm), warning.attributes);
        Ok(())
    }
}

/// The results of 0x1002.
const fn result_of(refusal: PlatformRefusal) -> u8 {
    match refusal {
        PlatformRefusal::Address => 1,
        PlatformRefusal::AccessCode => 2,
        PlatformRefusal::User => 3,
        PlatformRefusal::Password => 4,
        PlatformRefusal::Busy => 5,
    }
}

/// 0x1201: its length tells the edition. 2011: platform 11, maker 11, model 8 (20 since 2013),
/// number 7, telephone 12; 2019: platform 11, maker 11, model 30, IMEI 15, number 30, telephone 13.
fn registration(reader: &mut Reader<'_>) -> Result<Attributes, Reject> {
    const OF_2019: usize = 11 + 11 + 30 + 15 + 30 + 13;
    let fields: &[(&str, usize)] = match reader.remaining() {
        OF_2019.. => &[
            ("platform", 11),
            ("manufacturer", 11),
            ("model", 30),
            ("imei", 15),
            ("terminal_id", 30),
            ("phone", 13),
        ],
        61.. => &[
            ("platform", 11),
            ("manufacturer", 11),
            ("model", 20),
            ("terminal_id", 7),
            ("phone", 12),
        ],
        _ => &[
            ("platform", 11),
            ("manufacturer", 11),
            ("model", 8),
            ("terminal_id", 7),
            ("phone", 12),
        ],
    };
    let mut attributes = Attributes::new();
    for (name, length) in fields {
        let text = text::gbk(reader.take(*length)?);
        if !text.is_empty() {
            attributes.set(*name, text);
        }
    }
    Ok(attributes)
}
