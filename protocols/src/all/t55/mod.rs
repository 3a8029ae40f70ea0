//! T55 and the other devices that send plain NMEA 0183: CradlePoint and Sierra routers, Maxon,
//! WMCS and Piligrim units, loggers with a serial modem.
//!
//! TCP and UDP on port 5005, a sentence a line. Source: NMEA 0183 (RMC, GGA, GLL, RMA, ZDA); the
//! u-blox receiver description (`PUBX,00`); the makers' own sentences for the rest.
//!
//! A sentence does not say whose it is. The device names itself on a line of its own, before the
//! sentence, or behind its checksum:
//!
//! | line | the device is |
//! |---|---|
//! | `$PGID,…`, `$DEVID,…`, `$GPFID,…`, `$PSIWMDID,…`, `$PCPTI,…,`, `$CONNECT,…,`, `$ID,…,` | the first field |
//! | `$IMEI=…`, `IMEI …`, hexadecimal digits alone | those digits |
//! | `0815/…/$GPRMC,…`, `…$GPGGA,…` | what stands before the `$` |
//! | `$GPRMC,…*71,satellites,…,ignition,fuel,battery` | the second field behind the checksum |
//! | `$GPTXT,NET,…,area,signal` | the field behind `NET` |
//! | `$PUBX,00,…` | the reserved field, where it is not 0 |
//!
//! Quirks: Maxon units send the position first and their name after it, so a position from nobody
//! is told once more when the name comes. A sentence without a date is of the day nearest to the
//! last one that had one. A checksum of `00` stands for none.

mod makers;
mod standard;

use crate::field::{Fields, nmea};
use crate::{
    AlarmSet, Attributes, Context, Decoder, Fix, Framer, Out, Protocol, Reason, Reject, Time,
    Transports,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "t55",
    title: "NMEA 0183 lines (T55, CradlePoint, Maxon, WMCS)",
    port: 5005,
    transports: Transports::TcpUdp,
    // NMEA 0183 allows 82 characters; makers add fields behind the checksum.
    framer: Framer::Line { max: 1024 },
    authenticates: false,
    alarms: &[],
    commands: None,
    decoder: || Box::new(T55::default()),
};

/// An IMEI has 15 characters; routers are named by people.
const MAX_IDENTITY: usize = 40;

#[derive(Default)]
struct T55 {
    /// The last time that came with a date.
    dated: Option<Time>,
    /// A position from nobody, until somebody names himself.
    nameless: Option<(Fix, Attributes)>,
}

impl Decoder for T55 {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some(dollar) = memchr::memchr(b'$', frame) else {
            return self.bare_line(frame, out);
        };
        let (before, sentence) = frame.split_at_checked(dollar).unwrap_or((&[], frame));
        let moved = |mut reject: Reject| {
            reject.offset = reject.offset.saturating_add(dollar);
            reject
        };
        let (content, after) = verify(sentence).map_err(moved)?;
        if !before.trim_ascii().is_empty() {
            self.prefix(before, out)?;
        }
        self.sentence(context, content, after, out).map_err(|mut reject| {
            // Counted from behind the `$`.
            reject.offset = reject.offset.saturating_add(1);
            moved(reject)
        })
    }
}

/// Some devices write `*00` and compute nothing.
fn verify(sentence: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let verified = nmea::verified(sentence);
    if let Err(Reject { reason: Reason::Checksum, offset, .. }) = verified {
        let digits = offset..offset.saturating_add(2);
        if sentence.get(digits) == Some(b"00") {
            let content = sentence.get(1..offset.saturating_sub(1)).unwrap_or_default();
            return Ok((content, sentence.get(offset.saturating_add(2)..).unwrap_or_default()));
        }
    }
    verified
}

impl T55 {
    fn identify(&mut self, device: &str, at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
        let device = device.trim();
        let plausible = (1..=MAX_IDENTITY).contains(&device.len())
            && device.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !plausible {
            return Err(Reject::at(at, Reason::Malformed));
        }
        out.identify(device);
        if let Some((fix, attributes)) = self.nameless.take() {
            out.fix(fix, attributes);
        }
        Ok(())
    }

    fn fix(&mut self, fix: Fix, attributes: Attributes, out: &mut Out<'_>) {
        if out.device().is_none() {
            self.nameless = Some((fix, attributes.clone()));
        }
        out.fix(fix, attributes);
    }

    /// `0815/id/` or `id` before the `$`.
    fn prefix(&mut self, before: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        let text = std::str::from_utf8(before).map_err(|_| Reject::at(0, Reason::Malformed))?;
        let text = text.trim().trim_end_matches(['/', ',']);
        let device = text.rsplit(['/', ',']).next().unwrap_or_default();
        self.identify(device, 0, out)
    }

    /// A line without a sentence.
    fn bare_line(&mut self, line: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        let text = std::str::from_utf8(line).map_err(|_| Reject::at(0, Reason::Malformed))?;
        let text = text.trim();
        if let Some(imei) = text.strip_prefix("IMEI") {
            return self.identify(imei.trim_start_matches([' ', '=', ':', ',']), 4, out);
        }
        if text.starts_with("QZE,") {
            return self.qze(&Fields::split(line, b','), out);
        }
        if text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.identify(text, 0, out);
        }
        Err(Reject::at(0, Reason::Unsupported))
    }

    fn sentence(
        &mut self,
        context: &Context<'_>,
        content: &[u8],
        after: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let fields = Fields::split(content, b',');
        let name = fields.text(0);
        if let Some(imei) = name.strip_prefix("IMEI=") {
            return self.identify(imei, 5, out);
        }
        match name {
            "PGID" | "DEVID" | "GPFID" | "PSIWMDID" | "PCPTI" | "IMEI" | "CONNECT" => {
                self.identify(fields.text(1), fields.offset(1), out)
            }
            "ID" => {
                self.identify(fields.text(1), fields.offset(1), out)?;
                self.wmcs(&fields, out)
            }
            "GPTXT" if fields.text(1) == "NET" => {
                self.identify(fields.text(2), fields.offset(2), out)?;
                let mut attributes = Attributes::new();
                attributes.set_some("rssi", fields.parse::<i32>(4));
                out.report(None, AlarmSet::EMPTY, attributes);
                Ok(())
            }
            "PUBX" if fields.text(1) == "00" => self.ublox(context, &fields, out),
            "TRCCR" => self.trccr(&fields, out),
            "GPIOP" => {
                makers::inputs(&fields, out);
                Ok(())
            }
            _ => match (name.len(), name.get(2..).unwrap_or_default()) {
                (5, "RMC") => self.rmc(context, &fields, after, out),
                (5, "GGA") => self.gga(context, &fields, out),
                (5, "GLL") => self.gll(context, &fields, out),
                (5, "RMA") => self.rma(context, &fields, out),
                (5, "ZDA") => self.zda(&fields),
                // Satellites, accuracy, speed alone, text: nothing that is not elsewhere too.
                (5, "GSA" | "GSV" | "GST" | "GBS" | "VTG" | "TXT" | "DTM" | "HDT") => Ok(()),
                _ => Err(fields.reject(0, Reason::Unsupported)),
            },
        }
    }
}
