//! Registration (0x0100) and authentication (0x0102): how a terminal shows who it is.

use super::header::{Header, Verdict, number};
use crate::field::{Reader, text};
use crate::{AlarmSet, Attributes, Context, DeviceId, Out, Reject, Standing, When};

/// Result 4 of 0x8100 (2013 table 8): there is no such terminal in the database.
const NO_SUCH_TERMINAL: u8 = 4;

/// A registration is always answered with a token: the login itself decides who is welcome.
pub(super) fn register(
    context: &Context<'_>,
    header: &Header<'_>,
    reader: &Reader<'_>,
    serial: u16,
    out: &mut Out<'_>,
) {
    let device = DeviceId::from(header.device());
    let token = context.installation.issue_token(&device);
    let [high, low] = header.serial.to_be_bytes();
    let refusal = [high, low, NO_SUCH_TERMINAL];
    let refusal = header.answer(serial, number::REGISTER_ANSWER, &refusal);
    out.login(device, Standing::Claimed, refusal);
    let attributes = who(reader, header.is_2019()).unwrap_or_default();
    if !attributes.is_empty() {
        out.report(None, AlarmSet::EMPTY, attributes);
    }
    let body = [&[high, low, 0], token.as_bytes()].concat();
    out.reply(header.answer(serial, number::REGISTER_ANSWER, &body), When::Now);
}

/// Maker, model, plate: where they stand depends on the version, which the header tells of 2019
/// alone.
fn who(reader: &Reader<'_>, is_2019: bool) -> Result<Attributes, Reject> {
    let mut reader = reader.clone();
    // Province and county (GB/T 2260).
    let (province, county) = (reader.be_u16()?, reader.be_u16()?);
    let (maker_length, model_length, id_length) = match is_2019 {
        true => (11, 30, 30),
        false if is_2011(reader.rest()) => (5, 8, 7),
        false => (5, 20, 7),
    };
    let mut attributes = Attributes::new();
    if province != 0 || county != 0 {
        attributes.set("province", province);
        attributes.set("county", county);
    }
    let mut set = |name: &'static str, bytes: &[u8]| {
        let text = text::gbk(bytes);
        if !text.is_empty() {
            attributes.set(name, text);
        }
    };
    set("manufacturer", reader.take(maker_length)?);
    set("model", reader.take(model_length)?);
    set("terminal_id", reader.take(id_length)?);
    let colour = reader.u8()?;
    // A vehicle without plates (colour 0) names its VIN there.
    set(if colour == 0 { "vin" } else { "plate" }, reader.rest());
    if colour != 0 {
        attributes.set("plate_colour", colour);
    }
    Ok(attributes)
}

/// Whether what follows the county has the layout of 2011: a model of 8 bytes, not 20.
fn is_2011(bytes: &[u8]) -> bool {
    const SHORTEST_2013: usize = 5 + 20 + 7 + 1;
    const VIN_LENGTH: usize = 17;
    // With a VIN it is as long as one of 2013, where zeros fill the model.
    let vin = bytes.get(5 + 8 + 7 + 1..).unwrap_or_default();
    bytes.len() < SHORTEST_2013
        || (vin.len() == VIN_LENGTH && vin.iter().all(u8::is_ascii_alphanumeric))
}

/// A right token proves who speaks. A wrong one is refused, which makes the terminal register
/// again.
pub(super) fn authenticate(
    context: &Context<'_>,
    header: &Header<'_>,
    reader: &Reader<'_>,
    serial: u16,
    out: &mut Out<'_>,
) {
    let device = DeviceId::from(header.device());
    let shown = Shown::read(reader, header.is_2019());
    let refusal = header.general_answer(serial, Verdict::Refused);
    if !context.installation.accepts_token(&device, shown.token) {
        out.identify(device.as_str());
        out.reply(refusal, When::Now);
        return;
    }
    out.login(device, Standing::Proven, refusal);
    if !shown.attributes.is_empty() {
        out.report(None, AlarmSet::EMPTY, shown.attributes);
    }
    out.reply(header.general_answer(serial, Verdict::Accepted), When::Now);
}

/// What an authentication shows.
struct Shown<'a> {
    token: &'a [u8],
    attributes: Attributes,
}

impl<'a> Shown<'a> {
    /// Until 2013 the body is the token. In 2019 it is its length, the token, the IMEI and the
    /// software's version; some terminals with that header still send the token alone.
    fn read(reader: &Reader<'a>, is_2019: bool) -> Self {
        is_2019.then(|| Self::of_2019(&mut reader.clone()).ok()).flatten().unwrap_or_else(|| {
            let end = |byte: &u8| matches!(byte, 0 | b' ' | b'\r' | b'\n');
            let body = reader.rest();
            let padding = body.iter().rev().take_while(|byte| end(byte)).count();
            let token = body.get(..body.len().saturating_sub(padding)).unwrap_or_default();
            Shown { token, attributes: Attributes::new() }
        })
    }

    fn of_2019(reader: &mut Reader<'a>) -> Result<Self, Reject> {
        let length = reader.u8()?;
        let token = reader.take(usize::from(length))?;
        let mut attributes = Attributes::new();
        for (name, length) in [("imei", 15), ("firmware", 20)] {
            let text = text::ascii(reader.take(length)?);
            if !text.is_empty() {
                attributes.set(name, text);
            }
        }
        Ok(Self { token, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_follows_from_the_version_and_the_length() {
        let plate = b"\x01\xc1\xc9B12345";
        let body_2011 = [&[0, 21, 0, 2][..], b"MAKER", b"MODEL\0\0\0", b"ID00001", plate].concat();
        let body_2013 = [
            &[0, 21, 0, 2][..],
            b"MAKER",
            b"MODEL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"ID00001",
            plate,
        ]
        .concat();
        let mut body_2019 = vec![0, 21, 0, 2];
        for (text, length) in [(&b"MAKER"[..], 11), (b"MODEL", 30), (b"ID00001", 30)] {
            body_2019.extend(text);
            body_2019.resize(body_2019.len() + length - text.len(), 0);
        }
        body_2019.extend(plate);
        for (body, is_2019) in [(body_2011, false), (body_2013, false), (body_2019, true)] {
            let attributes = who(&Reader::new(&body), is_2019).unwrap();
            let json = serde_json::to_string(&attributes).unwrap();
            let expected = "{\"province\":21,\"county\":2,\"manufacturer\":\"MAKER\",\
                \"model\":\"MODEL\",\"terminal_id\":\"ID00001\",\"plate\":\"\u{8fbd}B12345\",\
                \"plate_colour\":1}";
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn a_vin_in_place_of_a_plate_does_not_look_like_2013() {
        let head = &[0, 21, 0, 2][..];
        let body = [head, b"MAKER", b"MODEL\0\0\0", b"ID00001", b"\0LVAAA00AAAA000001"].concat();
        let attributes = who(&Reader::new(&body), false).unwrap();
        assert_eq!(attributes.get("vin"), Some(&"LVAAA00AAAA000001".into()));
    }

    #[test]
    fn a_token_stands_alone_or_before_the_imei() {
        let token = |body: &[u8], is_2019| Shown::read(&Reader::new(body), is_2019).token.to_vec();
        assert_eq!(token(b"abc\0\0", false), b"abc");
        assert_eq!(token(b"abc", true), b"abc");
        let full = [b"\x03abc", &b"490154203237518"[..], b"V1.0".as_slice(), &[0; 16]].concat();
        assert_eq!(token(&full, true), b"abc");
    }
}
