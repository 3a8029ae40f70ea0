//! Messages without a position: the driver, the terminal itself, texts.

use std::borrow::Cow;

use super::location::Findings;
use crate::field::date::CHINA_S;
use crate::field::{Reader, bcd, text};
use crate::{Attributes, Reject, Time};

/// What a report says, and when that was.
pub(super) type Report = (Option<Time>, Findings);

/// Reads a report into attributes alone.
pub(super) fn of(
    read: impl FnOnce(&mut Attributes) -> Result<(), Reject>,
) -> Result<Report, Reject> {
    let mut findings = Findings::default();
    read(&mut findings.attributes)?;
    Ok((None, findings))
}

/// 0x0002 of trackers with something to tell: battery, signal, state.
pub(super) fn heartbeat(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        attributes.set("battery_percent", reader.u8()?);
        attributes.set("rssi", reader.u8()?);
        attributes.set("status", reader.u8()?);
        Ok(())
    })
}

/// 0x0210 of sleeping trackers: battery and time.
pub(super) fn sleeping(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    let mut findings = Findings::default();
    findings.attributes.set("battery_percent", reader.u8()?);
    let at = reader.offset();
    let time = bcd::date_time(reader.array()?, CHINA_S, at)?;
    Ok((Some(time), findings))
}

/// 0x0107 (2013 table 20, 2019 table 20): what the terminal is.
pub(super) fn terminal(reader: &mut Reader<'_>, is_2019: bool) -> Result<Report, Reject> {
    of(|attributes| {
        let mut set = |name: &'static str, text: Cow<'_, str>| {
            if !text.is_empty() {
                attributes.set(name, text);
            }
        };
        reader.skip(2)?;
        set("manufacturer", text::gbk(reader.take(5)?));
        set("model", text::gbk(reader.take(if is_2019 { 30 } else { 20 })?));
        set("terminal_id", text::gbk(reader.take(if is_2019 { 30 } else { 7 })?));
        set("iccid", bcd::digits(reader.take(10)?).into());
        for name in ["hardware", "firmware"] {
            let length = reader.u8()?;
            set(name, text::gbk(reader.take(usize::from(length))?));
        }
        Ok(())
    })
}

/// 0x0702 (2013 table 41): a driver's card was put in or taken out. The version of 2011 begins
/// with the driver's name, has no time and is asked for.
pub(super) fn driver(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    let mut findings = Findings::default();
    let mut peek = reader.clone();
    let state = peek.u8()?;
    let at = peek.offset();
    let time = peek.array().and_then(|time| bcd::date_time(time, CHINA_S, at));
    let (Ok(time), 1 | 2) = (time, state) else {
        driver_of_2011(reader, &mut findings.attributes)?;
        return Ok((None, findings));
    };
    findings.attributes.set("card_in", state == 1);
    if !peek.is_empty() {
        let attributes = &mut findings.attributes;
        attributes.set("card_result", peek.u8()?);
        let name_length = peek.u8()?;
        set_text(attributes, "driver", peek.take(usize::from(name_length))?);
        set_text(attributes, "driver_id", peek.take(20)?);
        let agency_length = peek.u8()?;
        set_text(attributes, "card_agency", peek.take(usize::from(agency_length))?);
        attributes.set("card_expiry", bcd::digits(peek.take(4)?));
    }
    Ok((Some(time), findings))
}

fn driver_of_2011(reader: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let name_length = reader.u8()?;
    set_text(attributes, "driver", reader.take(usize::from(name_length))?);
    set_text(attributes, "identity", reader.take(20)?);
    set_text(attributes, "driver_id", reader.take(40)?);
    let agency_length = reader.u8()?;
    set_text(attributes, "card_agency", reader.take(usize::from(agency_length))?);
    Ok(())
}

fn set_text(attributes: &mut Attributes, name: &'static str, bytes: &[u8]) {
    let text = text::gbk(bytes);
    if !text.is_empty() {
        attributes.set(name, text);
    }
}

/// 0x0701 (2013 table 40): a waybill; trackers answer commands with it. Its length, then text.
pub(super) fn waybill(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        reader.skip(4)?;
        attributes.set("result", text::gbk(reader.rest()));
        Ok(())
    })
}

/// 0x6006: the encoding, then text.
pub(super) fn text_report(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        reader.skip(1)?;
        attributes.set("result", text::gbk(reader.rest()));
        Ok(())
    })
}

/// 0x1300: what it answers, then text in UTF-16.
pub(super) fn wide_text(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        reader.skip(2)?;
        attributes.set("result", text::utf16_be(reader.rest()));
        Ok(())
    })
}

/// 0x0800 (2013 table 78): a photograph, sound or film exists.
pub(super) fn media_event(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        attributes.set("media", reader.be_u32()?);
        attributes.set("media_kind", reader.u8()?);
        attributes.set("media_format", reader.u8()?);
        attributes.set("media_event", reader.u8()?);
        attributes.set("camera", reader.u8()?);
        Ok(())
    })
}

/// Samples of one message that are passed on: one message in a single frame holds 85 at most, one
/// in parts could hold 40 000.
const SAMPLES_MAX: usize = 256;

/// 0x2070: accelerations, each with its time, sign and magnitude along three axes.
pub(super) fn acceleration(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    let signed = |word: u16| {
        let magnitude = i32::from(word & 0x7fff);
        if word & 0x8000 == 0 { magnitude } else { magnitude.saturating_neg() }
    };
    of(|attributes| {
        let mut samples = Vec::new();
        while reader.remaining() >= 12 && samples.len() < SAMPLES_MAX {
            reader.skip(6)?;
            let (x, y, z) = (reader.be_u16()?, reader.be_u16()?, reader.be_u16()?);
            samples.push(format!("[{},{},{}]", signed(x), signed(y), signed(z)));
        }
        attributes.set("acceleration", format!("[{}]", samples.join(",")));
        Ok(())
    })
}

/// 0x0705 (2013 table 45): frames of the vehicle's bus, by their identifiers.
pub(super) fn can_data(reader: &mut Reader<'_>) -> Result<Report, Reject> {
    of(|attributes| {
        let count = reader.be_u16()?;
        // When, without a date.
        reader.skip(5)?;
        for _ in 0..usize::from(count).min(SAMPLES_MAX) {
            let identifier = reader.be_u32()? & 0x1fff_ffff;
            let data = text::hex(reader.take(8)?);
            attributes.set(format!("can_{identifier:x}"), data);
        }
        Ok(())
    })
}
