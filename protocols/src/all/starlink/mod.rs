//! StarLink trackers of ERM Advanced Telematics.
//!
//! TCP on port 5136. Source: ERM's "StarLink protocol" (the tags of its event report, and the
//! confirmation of the server).
//!
//! A frame is a line: `$SLU` unit `,` type `,` reference `,` data `*` checksum, the last being the
//! sum of all bytes from `S` up to the `*` modulo 256 in two digits of hexadecimal. The unit is six
//! digits of hexadecimal or the IMEI. Some firmware leaves the `$` out.
//!
//! | type | data |
//! |---|---|
//! | `02` | the unit confirms a command: the only one that is not confirmed in turn |
//! | `06`, `96` | an event, or where the unit is: fields in the order of its parameter 177 (see `layout`) |
//! | others | what was asked for: parameters, versions, zones |
//!
//! The answer is `$SRV` unit `,02,` own reference `,` the unit's reference `,01*` checksum; the unit
//! keeps and repeats what is not confirmed.
//!
//! Quirks: the order of the fields is the unit's setting and stands nowhere in the frame. Where the
//! enrolment names the setting as the device's model (`#EDT#,#EID#,#PDT#,…`), that one is used;
//! else one of the usual orders that the fields fit; else what can be told by its form alone. The
//! position may be much older than the event: the fix has its own time.

mod layout;
mod report;

use std::fmt::Write as _;

use crate::field::{Fields, checksum};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Decoder, Framer, Out, Protocol, Reason, Reject,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "starlink",
    title: "ERM StarLink",
    port: 5136,
    transports: Transports::Tcp,
    framer: Framer::Line { max: MAX_LINE },
    authenticates: false,
    alarms: &[
        Alarm::Sos,
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Jamming,
        Alarm::Accident,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowBattery,
    ],
    commands: None,
    decoder: || Box::new(StarLink { reference: 0 }),
};

/// With the messages of two wireless sensors in Base64 a line has some 400 bytes.
const MAX_LINE: usize = 2048;
/// Where the data begins.
const DATA: usize = 3;

struct StarLink {
    /// Counts our confirmations, in two digits.
    reference: u8,
}

impl Decoder for StarLink {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let content = verified(frame)?;
        let start = frame.len().saturating_sub(frame.strip_prefix(b"$").unwrap_or(frame).len());
        let fields = Fields::split(content, b',');
        self.message(context, &fields, out).map_err(|mut reject| {
            reject.offset = reject.offset.saturating_add(start);
            reject
        })
    }
}

/// What stands between the `$` and the `*`.
fn verified(frame: &[u8]) -> Result<&[u8], Reject> {
    let body = frame.strip_prefix(b"$").unwrap_or(frame);
    let star = memchr::memrchr(b'*', frame);
    let sum_at = star.map_or(frame.len(), |star| star.saturating_add(1));
    let malformed = Reject::at(sum_at, Reason::Malformed);
    let content = star
        .and_then(|star| frame.get(frame.len().saturating_sub(body.len())..star))
        .filter(|content| content.starts_with(b"SLU"))
        .ok_or(malformed)?;
    let digits = frame.get(sum_at..).and_then(|digits| std::str::from_utf8(digits).ok());
    let stated = digits
        .filter(|digits| digits.len() == 2)
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .ok_or(malformed)?;
    if stated == checksum::sum8(content) {
        Ok(content)
    } else {
        Err(Reject::at(sum_at, Reason::Checksum))
    }
}

impl StarLink {
    fn message(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let unit = fields.text(0).strip_prefix("SLU").unwrap_or_default();
        let fits =
            (4..=20).contains(&unit.len()) && unit.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits {
            return Err(fields.reject(0, Reason::Malformed));
        }
        let kind: u8 = fields.parse(1).ok_or_else(|| fields.reject(1, Reason::Malformed))?;
        out.identify(unit);
        match kind {
            6 | 96 => {
                let model = out.device().and_then(|device| context.model_of(device));
                let named = model.as_deref().filter(|model| model.contains('#'));
                report::decode(fields, named, out)?;
                self.confirm(unit, fields.text(2), When::Accepted, out);
            }
            2 => {}
            _ => {
                let mut attributes = Attributes::new();
                attributes.set("message", kind);
                attributes.set("result", fields.joined(DATA, fields.count()).into_owned());
                out.report(None, AlarmSet::EMPTY, attributes);
                self.confirm(unit, fields.text(2), When::Now, out);
            }
        }
        Ok(())
    }

    fn confirm(&mut self, unit: &str, reference: &str, when: When, out: &mut Out<'_>) {
        self.reference = self.reference.wrapping_add(1) % 100;
        let mut answer = String::with_capacity(64);
        // A string takes all that is written.
        let _ = write!(answer, "$SRV{unit},02,{:02},{reference},01", self.reference);
        let sum = checksum::sum8(answer.as_bytes()).wrapping_sub(b'$');
        let _ = write!(answer, "*{sum:02X}\r\n");
        out.reply(answer, when);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_a_sum_without_the_dollar() {
        let stated = b"$SLU0004D2,02,1*19";
        assert_eq!(verified(stated), Ok(&b"SLU0004D2,02,1"[..]));
        assert_eq!(verified(&stated[1..]), Ok(&b"SLU0004D2,02,1"[..]));
        assert_eq!(verified(b"$SLU0004D2,02,1*1A"), Err(Reject::at(16, Reason::Checksum)));
        assert_eq!(verified(b"$SLU0004D2,02,1*1"), Err(Reject::at(16, Reason::Malformed)));
        assert_eq!(verified(b"$SLU0004D2,02,1"), Err(Reject::at(15, Reason::Malformed)));
        assert_eq!(verified(b"$"), Err(Reject::at(1, Reason::Malformed)));
    }
}
