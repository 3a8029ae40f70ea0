//! OsmAnd, Traccar Client and everything else that reports its position by an HTTP request.
//!
//! HTTP on port 5055, any path. Source: OsmAnd's "online tracking" parameters; the JSON of
//! Transistor Software's background geolocation, which the newer clients send.
//!
//! `GET` with a query, or `POST` with a form:
//!
//! | parameter | meaning |
//! |---|---|
//! | `id`, `deviceid`, `device_id` | the device; without it the answer is 400 |
//! | `lat`, `lon`, or `location` (`lat,lon`) | degrees |
//! | `timestamp` | seconds or milliseconds since 1970, RFC 3339, or `2026-06-15 02:00:00` in UTC; now, if missing |
//! | `speed`, `bearing` (`heading`, `course`), `altitude` | knots, degrees, metres |
//! | `valid` | `false` or `0` where the device does not trust the position |
//! | `accuracy`, `hdop`, `batt`, `charge`, `ignition`, `driverUniqueId`, `odometer` | attributes |
//! | `alarm` | the name of an alarm |
//! | `cell` | country, network, area, cell(, signal) |
//!
//! `POST` with JSON: `{"device_id":…,"location":{"timestamp":…,"coords":{…},"battery":{…},…}}`,
//! speed in metres a second, −1 for what is not known; or an array of locations; or one object with
//! the parameters above. Any other parameter is an attribute of its own name.
//!
//! The answer is 200 once the position is safe: the client keeps and resends what was not
//! answered. The connection stays open.

mod json;

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::field::http::{Request, form, response};
use crate::field::number;
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Standing,
    Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "osmand",
    title: "OsmAnd, Traccar Client: HTTP with a query, a form or JSON",
    port: 5055,
    transports: Transports::Tcp,
    // A client that was offline sends some hundred locations of 500 bytes in one array.
    framer: Framer::Http { max_head: 8 * 1024, max_body: 128 * 1024 },
    authenticates: false,
    alarms: Alarm::ALL,
    commands: None,
    decoder: || Box::new(decode),
};

/// Of the sender's making: no more, and none longer.
const MAX_OWN_ATTRIBUTES: usize = 64;
const MAX_NAME: usize = 40;
const MAX_TEXT: usize = 256;
/// An epoch number from here on is milliseconds: as seconds it would be the year 5138.
const FIRST_MILLISECONDS: f64 = 1e11;

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let result = request(context, frame, out);
    match result {
        Ok(()) => out.reply(response("200 OK"), When::Accepted),
        Err(_) => out.reply(response("400 Bad Request"), When::Now),
    }
    result
}

fn request(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let request = Request::parse(frame)?;
    if !matches!(request.method, "GET" | "POST" | "PUT") {
        return Err(Reject::at(0, Reason::Unsupported));
    }
    let body = request.body.trim_ascii();
    let text;
    let mut parameters = Parameters::default();
    parameters.add_form(request.query_offset, request.query);
    match body.first() {
        None => {}
        Some(b'{' | b'[') => {
            let at = request.body_offset;
            let json = serde_json::from_slice(body).map_err(|error| {
                // Its lines and columns are of the body as it stands.
                let column = error.column().saturating_sub(1);
                let offset = if error.line() == 1 { at.saturating_add(column) } else { at };
                Reject::at(offset.min(frame.len()), Reason::Malformed)
            })?;
            return json::decode(context, &json, at, &parameters, out);
        }
        Some(_) => {
            text = String::from_utf8_lossy(body);
            parameters.add_form(request.body_offset, &text);
        }
    }
    parameters.decode(context, out)
}

/// Names and values from wherever they came, each with its offset in the frame.
#[derive(Default)]
struct Parameters<'a>(SmallVec<[Parameter<'a>; 16]>);

/// Where it stands, its name, its value.
type Parameter<'a> = (usize, Cow<'a, str>, Cow<'a, str>);

impl<'a> Parameters<'a> {
    fn add_form(&mut self, at: usize, text: &'a str) {
        let room = MAX_OWN_ATTRIBUTES.saturating_sub(self.0.len());
        let moved =
            form(text).map(|(offset, name, value)| (at.saturating_add(offset), name, value));
        self.0.extend(moved.take(room));
    }

    fn find(&self, names: &[&str]) -> Option<(usize, &str)> {
        self.0
            .iter()
            .find(|(_, name, _)| names.contains(&name.as_ref()))
            .map(|(at, _, value)| (*at, value.as_ref()))
    }

    /// A number; what is none is as good as missing.
    fn number(&self, names: &[&str]) -> Option<f64> {
        let (_, text) = self.find(names)?;
        number::decimal(text.trim())
    }

    fn place(&self) -> Result<Option<(usize, f64, f64)>, Reject> {
        if let Some((at, text)) = self.find(&["location"]) {
            let malformed = Reject::at(at, Reason::Malformed);
            let (latitude, longitude) = text.split_once(',').ok_or(malformed)?;
            let parse = |text: &str| text.trim().parse::<f64>().map_err(|_| malformed);
            return Ok(Some((at, parse(latitude)?, parse(longitude)?)));
        }
        let (north, east) = (["lat", "latitude"], ["lon", "lng", "longitude"]);
        let Some((at, _)) = self.find(&north).or_else(|| self.find(&east)) else {
            return Ok(None);
        };
        match (self.number(&north), self.number(&east)) {
            (Some(latitude), Some(longitude)) => Ok(Some((at, latitude, longitude))),
            _ => Err(Reject::at(at, Reason::Malformed)),
        }
    }

    fn decode(&self, context: &Context<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let Some((at, device)) = self.find(&["id", "deviceid", "device_id"]) else {
            return Err(Reject::at(0, Reason::Unidentified));
        };
        identify(device, at, out)?;
        let time = match self.find(&["timestamp", "time"]).filter(|(_, text)| !text.is_empty()) {
            None => None,
            Some((at, text)) => {
                Some(instant(text).ok_or_else(|| Reject::at(at, Reason::OutOfRange))?)
            }
        };
        let mut attributes = Attributes::new();
        let mut alarms = AlarmSet::EMPTY;
        for (_, name, value) in &self.0 {
            match name.as_ref() {
                "id" | "deviceid" | "device_id" | "timestamp" | "time" | "lat" | "latitude"
                | "lon" | "lng" | "longitude" | "location" | "speed" | "bearing" | "heading"
                | "course" | "altitude" | "valid" | "wifi" => {}
                "alarm" => alarm(value, &mut alarms),
                "cell" => cell(value, &mut attributes),
                _ => own(name, text_value(value), &mut attributes),
            }
        }
        match self.place()? {
            None if attributes.is_empty() && alarms.is_empty() => Ok(()),
            None => {
                out.report(time, alarms, attributes);
                Ok(())
            }
            Some((at, latitude, longitude)) => {
                let time = time.unwrap_or(context.received_at);
                let mut fix = Fix::new(time, latitude, longitude)
                    .ok_or_else(|| Reject::at(at, Reason::OutOfRange))?;
                let valid = self.find(&["valid"]).map(|(_, text)| text);
                fix.valid = !valid.is_some_and(|text| matches!(text, "0" | "false"));
                let knots = self.number(&["speed"]).filter(|knots| *knots >= 0.0);
                fix.speed_kmh = knots.map(crate::field::nmea::kmh);
                let course = self.number(&["bearing", "heading", "course"]);
                fix.course_deg = course.filter(|course| (0.0..=360.0).contains(course));
                fix.altitude_m = self.number(&["altitude"]);
                fix.alarms = alarms;
                out.fix(fix, attributes);
                Ok(())
            }
        }
    }
}

fn identify(device: &str, at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
    let device = device.trim();
    let plausible = (1..=128).contains(&device.len()) && !device.chars().any(char::is_control);
    if !plausible {
        return Err(Reject::at(at, Reason::Malformed));
    }
    if out.device().is_none_or(|known| known.as_str() != device) {
        out.login(device, Standing::Claimed, response("403 Forbidden"));
    }
    Ok(())
}

/// Seconds or milliseconds since 1970, RFC 3339, or a date and time of day in UTC.
fn instant(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return epoch(number);
    }
    Time::parse(text).or_else(|| Time::parse(&format!("{}Z", text.replacen(' ', "T", 1))))
}

fn epoch(number: f64) -> Option<Time> {
    let seconds = if number >= FIRST_MILLISECONDS { number / 1000.0 } else { number };
    (0.0..FIRST_MILLISECONDS).contains(&seconds).then(|| Time::default().plus_seconds(seconds))
}

/// A name of ours, or any other for an alarm whose kind we do not know; several by commas.
fn alarm(text: &str, alarms: &mut AlarmSet) {
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !matches!(name, "0" | "false" | "none") {
            alarms.insert(Alarm::from_name(name).unwrap_or(Alarm::General));
        }
    }
}

/// country, network, area, cell(, signal): the first one told.
fn cell(text: &str, attributes: &mut Attributes) {
    if attributes.get("mcc").is_some() {
        return;
    }
    for (name, value) in ["mcc", "mnc", "lac", "cell_id", "rssi"].into_iter().zip(text.split(',')) {
        attributes.set_some(name, value.trim().parse::<i64>().ok());
    }
}

/// A value as the sender most likely meant it.
fn text_value(text: &str) -> crate::Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => {
            // Leading zeros belong to a name, not to a number.
            let is_name = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) if !is_name => whole.into(),
                (_, Ok(number)) if !is_name && number.is_finite() => number.into(),
                _ => text.chars().take(MAX_TEXT).collect::<String>().into(),
            }
        }
    }
}

/// Sets an attribute by the sender's name for it.
fn own(name: &str, value: crate::Value, attributes: &mut Attributes) {
    let known = match name {
        "batt" | "battery" | "batteryLevel" => "battery_percent",
        "charge" | "charging" | "is_charging" => "charging",
        "accuracy" | "hacc" => "accuracy_m",
        "vacc" => "vertical_accuracy_m",
        "odometer" => "odometer_m",
        "driverUniqueId" => "driver_id",
        "is_moving" => "motion",
        "sat" => "satellites",
        "power" => "power_v",
        _ => "",
    };
    if !known.is_empty() {
        attributes.set(known, value);
        return;
    }
    let plausible = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plausible && attributes.iter().count() < MAX_OWN_ATTRIBUTES {
        attributes.set(snake_case(name), value);
    }
}

fn snake_case(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    let mut after_small = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && after_small {
            result.push('_');
        }
        after_small = character.is_ascii_lowercase() || character.is_ascii_digit();
        result.push(character.to_ascii_lowercase());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_comes_in_four_forms() {
        let time = Time::parse("2026-06-15T02:00:00Z");
        for text in
            ["1781488800", "1781488800000", "2026-06-15T10:00:00+08:00", "2026-06-15 02:00:00"]
        {
            assert_eq!(instant(text), time, "{text}");
        }
        assert_eq!(instant("1781488800.5"), time.map(|time| time.plus_millis(500)));
        for text in ["", "-1", "yesterday", "NaN", "1e300", "2026-13-01 00:00:00"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn names_become_ours() {
        assert_eq!(snake_case("batteryLevel"), "battery_level");
        assert_eq!(snake_case("io1Value"), "io1_value");
        assert_eq!(snake_case("RPM"), "rpm");
    }
}
