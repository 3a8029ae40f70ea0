//! One posted position, in our own JSON or as Traccar's position forwarding writes it: a `position`
//! and its `device`.

use interdict_protocols::{Alarm, AlarmSet, Datum, Fix, Time};
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Refusal;

/// Traccar states speeds in knots.
const KMH_PER_KNOT: f64 = 1.852;
/// The longest identity of a device or name of a vehicle, bytes; as with enrolments.
const LONGEST: usize = 128;

/// Whose position it is, as the platform calls it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Subject {
    /// The device's identity.
    pub(super) device: Option<String>,
    /// Names under which the vehicle may be known, the best first.
    pub(super) vehicle: Vec<String>,
}

/// What an item says.
#[derive(Debug, PartialEq)]
pub(super) struct Report {
    pub(super) subject: Subject,
    pub(super) fix: Fix,
}

/// What is posted, for its description: an item of either form, or many.
pub(super) enum Posted {}

impl PartialSchema for Posted {
    fn schema() -> RefOr<Schema> {
        let item = || {
            AnyOfBuilder::new()
                .item(Ref::from_schema_name(Own::name()))
                .item(Ref::from_schema_name(Forwarded::name()))
        };
        AnyOfBuilder::new().item(item()).item(ArrayBuilder::new().items(item())).into()
    }
}

impl ToSchema for Posted {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Own::name().into(), Own::schema()));
        schemas.push((Forwarded::name().into(), Forwarded::schema()));
        Own::schemas(schemas);
        Forwarded::schemas(schemas);
    }
}

/// Our own form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PostedPosition)]
struct Own {
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    vehicle: Option<String>,
    time: Time,
    latitude: f64,
    longitude: f64,
    #[serde(default = "yes")]
    valid: bool,
    #[serde(default)]
    altitude_m: Option<f64>,
    #[serde(default)]
    speed_kmh: Option<f64>,
    #[serde(default)]
    course_deg: Option<f64>,
    #[serde(default)]
    datum: Datum,
    #[serde(default)]
    backfill: bool,
    #[serde(default)]
    alarms: AlarmSet,
}

const fn yes() -> bool {
    true
}

/// What Traccar forwards; it has many more fields.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForwardedByTraccar)]
struct Forwarded {
    position: ForwardedPosition,
    device: ForwardedDevice,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ForwardedPosition {
    fix_time: Instant,
    #[serde(default = "yes")]
    valid: bool,
    latitude: f64,
    longitude: f64,
    #[serde(default)]
    altitude: Option<f64>,
    #[serde(default)]
    speed: Option<f64>,
    #[serde(default)]
    course: Option<f64>,
    #[serde(default)]
    attributes: ForwardedAttributes,
}

#[derive(Default, Deserialize, ToSchema)]
struct ForwardedAttributes {
    #[serde(default)]
    alarm: Option<String>,
    /// It was stored in the device and is sent late.
    #[serde(default)]
    archive: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ForwardedDevice {
    unique_id: String,
    #[serde(default)]
    name: Option<String>,
}

/// ISO 8601, or milliseconds since 1970.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ForwardedInstant)]
enum Instant {
    Text(String),
    Milliseconds(i64),
}

/// Whether an item is of Traccar's form.
pub(super) fn is_forwarded(item: &Value) -> bool {
    item.get("position").is_some_and(Value::is_object)
}

/// Reads an item of either form.
pub(super) fn read(item: &Value) -> Result<Report, Refusal> {
    // Fields would else be read from a list, too, by their order.
    match item {
        Value::Object(_) if is_forwarded(item) => forwarded(item),
        Value::Object(_) => own(item),
        _ => Err(Refusal::new("invalid", "a position must be a JSON object: `{…}`")),
    }
}

fn own(item: &Value) -> Result<Report, Refusal> {
    let own = Own::deserialize(item).map_err(unreadable)?;
    let subject =
        Subject { device: named(own.device)?, vehicle: named(own.vehicle)?.into_iter().collect() };
    if subject == Subject::default() {
        return Err(Refusal::new("invalid", "neither `device` nor `vehicle` is named"));
    }
    let fix = fix(own.time, own.latitude, own.longitude)?;
    Ok(Report {
        subject,
        fix: Fix {
            valid: own.valid,
            altitude_m: own.altitude_m,
            speed_kmh: own.speed_kmh,
            course_deg: own.course_deg,
            datum: own.datum,
            backfill: own.backfill,
            alarms: own.alarms,
            ..fix
        },
    })
}

fn forwarded(item: &Value) -> Result<Report, Refusal> {
    let Forwarded { position, device } = Forwarded::deserialize(item).map_err(unreadable)?;
    let id = named(Some(device.unique_id))?;
    let id = id.ok_or_else(|| Refusal::new("invalid", "`device.uniqueId` is empty"))?;
    let time = match position.fix_time {
        Instant::Text(text) => Time::parse(&text).ok_or_else(|| {
            Refusal::new("invalid", format!("`position.fixTime` is no time: `{text}`"))
        })?,
        Instant::Milliseconds(milliseconds) => Time::from_millis(milliseconds),
    };
    let fix = fix(time, position.latitude, position.longitude)?;
    let alarm = position.attributes.alarm.unwrap_or_default();
    let alarms = alarm.split(',').map(str::trim).filter(|name| !name.is_empty());
    // A kind that we have no name for is an alarm nevertheless.
    let alarms = alarms.map(|name| Alarm::from_name(name).unwrap_or(Alarm::General));
    Ok(Report {
        // Many name their devices in Traccar by the vehicles' plates.
        subject: Subject {
            vehicle: std::iter::once(id.clone()).chain(named(device.name)?).collect(),
            device: Some(id),
        },
        fix: Fix {
            valid: position.valid,
            altitude_m: position.altitude,
            speed_kmh: position.speed.map(|knots| knots * KMH_PER_KNOT),
            course_deg: position.course,
            backfill: position.attributes.archive.unwrap_or_default(),
            alarms: alarms.collect(),
            ..fix
        },
    })
}

fn fix(time: Time, latitude: f64, longitude: f64) -> Result<Fix, Refusal> {
    Fix::new(time, latitude, longitude).ok_or_else(|| {
        Refusal::new("invalid", format!("{latitude}, {longitude} is no place on the earth"))
    })
}

/// A name as it is looked up; `None` where it is empty.
fn named(text: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        let detail = format!("a name is longer than {LONGEST} bytes, or holds a control character");
        return Err(Refusal::new("invalid", detail));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn unreadable(error: serde_json::Error) -> Refusal {
    Refusal::new("invalid", error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(item: &Value) -> Report {
        read(item).map_err(|refusal| refusal.detail).unwrap()
    }

    fn reason(item: &Value) -> String {
        read(item).err().map(|refusal| refusal.detail).unwrap()
    }

    #[test]
    fn our_own_form_says_what_a_fix_says() {
        let report = reading(&json!({
            "device": "861", "time": "2026-06-15T10:01:15+08:00", "latitude": 38.9,
            "longitude": 121.6, "speed_kmh": 42.5, "course_deg": 90, "alarms": ["sos", "tow"],
        }));
        assert_eq!(report.subject.device.as_deref(), Some("861"));
        assert_eq!(report.fix.fix_time, Time::parse("2026-06-15T02:01:15Z").unwrap());
        assert_eq!((report.fix.speed_kmh, report.fix.valid), (Some(42.5), true));
        assert!(report.fix.alarms.contains(Alarm::Sos) && report.fix.alarms.contains(Alarm::Tow));
    }

    #[test]
    fn traccar_s_form_is_in_knots_and_names_its_device() {
        let report = reading(&json!({
            "position": {
                "id": 0, "deviceId": 7, "protocol": "gt06", "serverTime": null,
                "deviceTime": "2026-06-15T02:01:15.000+00:00",
                "fixTime": "2026-06-15T02:01:15.000+00:00", "outdated": false, "valid": true,
                "latitude": 38.9, "longitude": 121.6, "altitude": 12.0, "speed": 10.0,
                "course": 180.0, "address": null, "accuracy": 0.0, "network": null,
                "geofenceIds": null,
                "attributes": {"alarm": "sos,strange", "ignition": true, "distance": 1.5},
            },
            "device": {
                "id": 7, "attributes": {}, "groupId": 0, "name": "辽B·T1001", "uniqueId": "861",
                "status": "online", "lastUpdate": null, "positionId": 0, "phone": null,
            },
        }));
        assert_eq!(report.subject.device.as_deref(), Some("861"));
        assert_eq!(report.subject.vehicle, ["861", "辽B·T1001"]);
        assert_eq!((report.fix.speed_kmh, report.fix.course_deg), (Some(18.52), Some(180.0)));
        let both = AlarmSet::from_iter([Alarm::Sos, Alarm::General]);
        assert_eq!(report.fix.alarms, both);
        let report = reading(&json!({
            "position": {"fixTime": 1_781_488_875_000_i64, "latitude": 1, "longitude": 2},
            "device": {"uniqueId": "861"},
        }));
        assert_eq!(report.fix.fix_time, Time::from_seconds(1_781_488_875));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(reason(&json!(7)).contains("JSON object"));
        let item = json!({"time": "2026-06-15T02:01:15Z", "latitude": 1, "longitude": 2});
        assert!(reason(&item).contains("neither"));
        let item =
            json!({"device": "1", "time": "2026-06-15T02:01:15Z", "latitude": 91, "longitude": 2});
        assert!(reason(&item).contains("no place"));
        let item = json!({"device": "1", "time": "now", "latitude": 9, "longitude": 2});
        assert!(read(&item).is_err());
        let item = json!({"device": "1", "time": "2026-06-15T02:01:15Z", "latitude": 9, "longitude": 2, "speed": 1});
        assert!(reason(&item).contains("unknown field `speed`"));
    }
}
