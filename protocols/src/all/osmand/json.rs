//! The JSON of the newer clients: one message, or an array of them.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::{MAX_OWN_ATTRIBUTES, MAX_TEXT, Parameters, alarm, epoch, identify, instant, own};
use crate::{Attributes, Context, Fix, Out, Reason, Reject};

/// A client that was offline for a day sends a few hundred.
const MAX_LOCATIONS: usize = 1000;

pub(super) fn decode(
    context: &Context<'_>,
    json: &Json,
    at: usize,
    query: &Parameters<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    match json {
        Json::Array(messages) => {
            each(messages, at, out, |message, out| decode_message(context, message, at, query, out))
        }
        message => decode_message(context, message, at, query, out),
    }
}

/// Decodes many; one that cannot be costs only itself, for the rest would be sent again for ever.
fn each(
    values: &[Json],
    at: usize,
    out: &mut Out<'_>,
    mut decode_one: impl FnMut(&Json, &mut Out<'_>) -> Result<(), Reject>,
) -> Result<(), Reject> {
    if values.len() > MAX_LOCATIONS {
        return Err(Reject::at(at, Reason::TooLong));
    }
    let mut any_good = values.is_empty();
    let mut bad = None;
    for value in values {
        match (decode_one(value, out), bad) {
            (Ok(()), _) => any_good = true,
            (Err(reject), None) => bad = Some(reject),
            (Err(reject), Some(_)) => out.reject(reject),
        }
    }
    match bad {
        Some(reject) if !any_good => return Err(reject),
        Some(reject) => out.reject(reject),
        None => {}
    }
    Ok(())
}

fn decode_message(
    context: &Context<'_>,
    json: &Json,
    at: usize,
    query: &Parameters<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let malformed = Reject::at(at, Reason::Malformed);
    let object = json.as_object().ok_or(malformed)?;
    match object.get("location") {
        Some(location @ Json::Object(_)) => {
            identify_message(object, query, at, out)?;
            decode_location(context, location, at, out)
        }
        Some(Json::Array(locations)) => {
            identify_message(object, query, at, out)?;
            each(locations, at, out, |location, out| decode_location(context, location, at, out))
        }
        _ => {
            let mut flat = Parameters::default();
            flat.0.extend(query.0.iter().map(|(at, name, text)| {
                (*at, Cow::Borrowed(name.as_ref()), Cow::Borrowed(text.as_ref()))
            }));
            for (name, value) in object {
                let text = match value {
                    Json::String(text) => Cow::Borrowed(text.as_str()),
                    Json::Null | Json::Array(_) | Json::Object(_) => continue,
                    other => Cow::Owned(other.to_string()),
                };
                if flat.0.len() < MAX_OWN_ATTRIBUTES {
                    flat.0.push((at, Cow::Borrowed(name.as_str()), text));
                }
            }
            flat.decode(context, out)
        }
    }
}

fn identify_message(
    object: &Map<String, Json>,
    query: &Parameters<'_>,
    at: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let stated =
        ["device_id", "deviceid", "id"].iter().find_map(|name| match object.get(*name)? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        });
    let asked = || query.find(&["id", "deviceid", "device_id"]).map(|(_, text)| text.to_owned());
    match stated.or_else(asked) {
        Some(device) => identify(&device, at, out),
        None => Err(Reject::at(at, Reason::Unidentified)),
    }
}

fn decode_location(
    context: &Context<'_>,
    location: &Json,
    at: usize,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let malformed = Reject::at(at, Reason::Malformed);
    let out_of_range = Reject::at(at, Reason::OutOfRange);
    let object = location.as_object().ok_or(malformed)?;
    let time = match object.get("timestamp") {
        None | Some(Json::Null) => context.received_at,
        Some(Json::String(text)) => instant(text).ok_or(out_of_range)?,
        Some(number) => number.as_f64().and_then(epoch).ok_or(out_of_range)?,
    };
    let coords = object.get("coords").unwrap_or(location);
    // −1 stands for what is not known.
    let number = |name: &str| coords.get(name).and_then(Json::as_f64);
    let known = |name: &str| number(name).filter(|value| *value >= 0.0);
    let latitude = number("latitude").ok_or(malformed)?;
    let longitude = number("longitude").ok_or(malformed)?;
    let mut fix = Fix::new(time, latitude, longitude).ok_or(out_of_range)?;
    fix.speed_kmh = known("speed").map(|speed| speed * 3.6);
    fix.course_deg = known("heading").filter(|course| *course <= 360.0);
    fix.altitude_m = number("altitude");

    let mut attributes = Attributes::new();
    attributes.set_some("accuracy_m", known("accuracy"));
    if let Some(battery) = object.get("battery") {
        let level = battery.get("level").and_then(Json::as_f64).filter(|level| *level >= 0.0);
        attributes.set_some("battery_percent", level.map(|level| (level * 100.0).round()));
        attributes.set_some("charging", battery.get("is_charging").and_then(Json::as_bool));
    }
    if let Some(activity) = object.get("activity").and_then(|activity| activity.get("type")) {
        attribute("activity", activity, &mut attributes);
    }
    for (name, value) in object {
        match name.as_str() {
            "timestamp" | "coords" | "battery" | "activity" | "latitude" | "longitude"
            | "speed" | "heading" | "altitude" | "uuid" | "age" | "_" => {}
            "alarm" => alarm(value.as_str().unwrap_or_default(), &mut fix.alarms),
            "extras" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    match name.as_str() {
                        "alarm" => alarm(value.as_str().unwrap_or_default(), &mut fix.alarms),
                        _ => attribute(name, value, &mut attributes),
                    }
                }
            }
            _ => attribute(name, value, &mut attributes),
        }
    }
    out.fix(fix, attributes);
    Ok(())
}

fn attribute(name: &str, value: &Json, attributes: &mut Attributes) {
    let value = match value {
        Json::Bool(value) => (*value).into(),
        Json::String(text) => text.chars().take(MAX_TEXT).collect::<String>().into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(number)) => number.into(),
            (None, None) => return,
        },
        Json::Null | Json::Array(_) | Json::Object(_) => return,
    };
    own(name, value, attributes);
}
