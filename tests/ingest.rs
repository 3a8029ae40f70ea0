//! Positions that other platforms post: in our own JSON, and as Traccar forwards them.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use support::{Server, file, fix_ago, fix_now, folder};

const SETTINGS: &str = "
source = 'urn:interdict:test'
[files]
units = 'units.toml'
[[sources]]
name = 'traccar'
token = 'the traccar server'
vehicles = ['taxi-1', 'taxi-2', 'parked']
[[sources]]
name = 'company'
units = ['company']
";

const UNITS: &str = "
[[units]]
id = 'company'
name = 'Company'
[[units.units]]
id = 'garage'
name = 'Garage'
";

fn start(data: &std::path::Path) -> Server {
    file(data, "units.toml", UNITS);
    let config = file(data, "interdict.toml", SETTINGS);
    let config = ["--config", config.to_str().unwrap()];
    Server::start(&data.join("data"), &["osmand"], &config)
}

fn source(server: &Server, name: &str) -> String {
    let made = server.post("/v1/tokens", &json!({ "name": name, "role": "source" }));
    made["token"].as_str().unwrap().to_owned()
}

/// What is answered to a source that posts that.
fn ingest(server: &Server, token: &str, body: &Value) -> (u16, Value) {
    let mut answer = ureq::post(server.url("/v1/ingest"))
        .config()
        .http_status_as_error(false)
        .build()
        .header("authorization", format!("Bearer {token}"))
        .content_type("application/json")
        .send(body.to_string())
        .unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
}

fn own(device: &str, latitude: f64) -> Value {
    let time = fix_now(0.0, 0.0).fix_time;
    json!({"device": device, "time": time, "latitude": latitude, "longitude": 121.6, "speed_kmh": 30})
}

/// As Traccar's forwarder posts a position, field by field.
fn forwarded(unique_id: &str, name: &str, ago_s: i64, alarm: Option<&str>) -> Value {
    let time = fix_ago(ago_s, 0.0, 0.0).fix_time.to_string().replace('Z', ".000+00:00");
    let mut attributes = json!({
        "ignition": true, "distance": 12.5, "totalDistance": 40_211.7, "motion": true,
    });
    if let Some(alarm) = alarm {
        attributes["alarm"] = alarm.into();
    }
    json!({
        "position": {
            "id": 0, "attributes": attributes, "deviceId": 7, "protocol": "gt06",
            "serverTime": time, "deviceTime": time, "fixTime": time, "outdated": false,
            "valid": true, "latitude": 38.95, "longitude": 121.61, "altitude": 21.0,
            "speed": 20.0, "course": 90.0, "address": null, "accuracy": 0.0, "network": null,
            "geofenceIds": null,
        },
        "device": {
            "id": 7, "attributes": {}, "groupId": 0, "calendarId": 0, "name": name,
            "uniqueId": unique_id, "status": "online", "lastUpdate": time, "positionId": 6,
            "phone": null, "model": null, "contact": null, "category": "car", "disabled": false,
            "expirationTime": null,
        },
    })
}

fn vehicle(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/vehicles/{id}?reason=exercise"))
}

#[test]
fn a_batch_s_good_positions_are_taken_and_the_others_are_named() {
    let data = folder();
    let server = start(data.path());
    server.enrol("861", "taxi-1", "辽B·T0001", "taxi");
    server.enrol("862", "taxi-2", "辽B·T0002", "taxi");
    server.enrol("863", "guarded", "辽B·G0001", "armoured");
    let token = source(&server, "the traccar server");
    let mut by_plate = own("", 38.93);
    by_plate["vehicle"] = "辽B T0002".into();
    let batch = json!([
        own("861", 38.91),
        own("863", 38.92),
        own("999", 38.92),
        {"device": "861", "latitude": 1, "longitude": 2},
        by_plate,
        ["861", null, own("861", 38.91)["time"], 38.91, 121.61],
    ]);
    let (status, answer) = ingest(&server, &token, &batch);
    assert_eq!((status, &answer["accepted"]), (200, &json!(2)), "{answer}");
    let refused = answer["refused"].as_array().unwrap();
    let reasons: Vec<_> =
        refused.iter().map(|item| (item["index"].as_u64().unwrap(), &item["reason"])).collect();
    let expected = [json!("not-its-vehicle"), json!("not-enrolled"), json!("invalid")];
    let [not_its, not_enrolled, invalid] = &expected;
    assert_eq!(reasons, [(1, not_its), (2, not_enrolled), (3, invalid), (5, invalid)]);
    let taxi = vehicle(&server, "taxi-1");
    assert_eq!(taxi["fix"]["latitude"], 38.91);
    assert_eq!(
        (&taxi["platform"], &taxi["fix"]["speed_kmh"]),
        (&json!("ingest:traccar:861"), &json!(30.0))
    );
    assert_eq!(vehicle(&server, "taxi-2")["fix"]["latitude"], 38.93);
    assert_eq!(vehicle(&server, "guarded")["fix"], Value::Null);
    assert!(server.get("/v1/devices/refused").to_string().contains("ingest:traccar:999"));
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("interdict_ingested_total 2"), "{metrics}");

    let (status, problem) = ingest(&server, &token, &own("863", 38.92));
    assert_eq!((status, &problem["refused"][0]["reason"]), (422, &expected[0]), "{problem}");
    assert_eq!(ingest(&server, &token, &json!([])).0, 200);
}

#[test]
fn only_a_source_posts_and_only_of_its_vehicles() {
    let data = folder();
    let server = start(data.path());
    server.post(
        "/v1/devices",
        &json!({"device": "871", "vehicle": "van-1", "class": "corporate", "unit": "garage"}),
    );
    server.enrol("861", "taxi-1", "辽B·T0001", "taxi");
    let company = source(&server, "company");
    assert_eq!(ingest(&server, &company, &own("871", 38.91)).0, 200);
    assert_eq!(ingest(&server, &company, &own("861", 38.91)).0, 422);
    assert_eq!(ingest(&server, support::TOKEN, &own("871", 38.91)).0, 403);
    let stranger = source(&server, "stranger");
    let (status, problem) = ingest(&server, &stranger, &own("871", 38.91));
    assert_eq!(status, 403);
    assert!(problem["detail"].as_str().unwrap().contains("[[sources]]"), "{problem}");
    // It may do nothing else.
    for path in
        ["/v1/events", "/v1/alerts", "/v1/devices", "/v1/vehicles/van-1?reason=x", "/metrics"]
    {
        let answer = ureq::get(server.url(path))
            .config()
            .http_status_as_error(false)
            .build()
            .header("authorization", format!("Bearer {company}"))
            .call()
            .unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
}

#[test]
fn traccar_s_forwarder_is_understood_and_its_alarm_outlasts_a_kill() {
    let data = folder();
    let server = start(data.path());
    server.enrol("861", "taxi-1", "辽B·T0001", "taxi");
    server.enrol("d2", "taxi-2", "辽B·T0002", "taxi");
    let token = source(&server, "the traccar server");
    // Known by its number, by its plate, and not at all: that one is not sent again for ever.
    let (status, answer) = ingest(&server, &token, &forwarded("861", "Taxi one", 0, Some("sos")));
    assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
    let (_, answer) = ingest(&server, &token, &forwarded("555", "辽B·T0002", 0, None));
    assert_eq!(answer["accepted"], 1, "{answer}");
    let (status, answer) = ingest(&server, &token, &forwarded("999", "nobody", 0, None));
    assert_eq!((status, &answer["refused"][0]["reason"]), (200, &json!("not-enrolled")));
    let taxi = vehicle(&server, "taxi-1");
    assert_eq!(taxi["fix"]["speed_kmh"], 37.04);
    assert_eq!(vehicle(&server, "taxi-2")["platform"], "ingest:traccar:555");

    // Answered means durable.
    server.kill();
    let server = start(data.path());
    let alarm = server.events(0).next("device.alarm");
    assert_eq!((&alarm["data"]["alarm"], &alarm["subject"]), (&json!("sos"), &json!("taxi-1")));
    assert_eq!(alarm["data"]["device"], "ingest:traccar:861");
    assert_eq!(alarm["data"]["fix"]["latitude"], 38.95);
}

#[test]
fn a_tracker_outranks_a_platform_that_contradicts_it() {
    let data = folder();
    let server = start(data.path());
    server.enrol("861", "taxi-1", "辽B·T0001", "taxi");
    let token = source(&server, "the traccar server");
    let mut events = server.events(0);
    let mut tracker = server.tracker("osmand", "861");
    assert!(tracker.report(&fix_now(39.5, 121.6)));
    assert_eq!(ingest(&server, &token, &own("861", 38.91)).0, 200);
    let conflict = events.next("device.conflict");
    assert_eq!(conflict["data"]["held"], "ingest:traccar:861", "{conflict}");
    assert!(conflict["data"]["apart_m"].as_f64().unwrap() > 60_000.0);
    let taxi = vehicle(&server, "taxi-1");
    assert_eq!((&taxi["fix"]["latitude"], &taxi["platform"]), (&json!(39.5), &Value::Null));
}

#[test]
fn a_source_posts_as_often_as_sources_may_and_not_as_people_ask() {
    let data = folder();
    file(data.path(), "units.toml", UNITS);
    let limits = "[limits]\nrequests_per_minute = 10\nposts_per_minute = 40\n";
    let config = file(data.path(), "interdict.toml", &format!("{SETTINGS}{limits}"));
    let config = ["--config", config.to_str().unwrap()];
    let server = Server::start(&data.path().join("data"), &["osmand"], &config);
    server.enrol("861", "taxi-1", "辽B·T0001", "taxi");
    let token = source(&server, "the traccar server");
    // A minute's worth at once; then there is room for one each 1.5 s.
    for number in 0..40 {
        let (status, answer) = ingest(&server, &token, &own("861", 38.91));
        assert_eq!(status, 200, "{number}: {answer}");
    }
    let more: Vec<_> = (0..200).map(|_| ingest(&server, &token, &own("861", 38.91)).0).collect();
    assert!(more.contains(&429), "{more:?}");
    assert!(server.get("/v1/devices").is_object(), "others are not held back");
}

#[test]
fn no_tracker_logs_in_as_a_source_s_device() {
    let data = folder();
    let server = start(data.path());
    server.enrol("ingest:traccar:861", "taxi-1", "辽B·T0001", "taxi");
    let mut stranger = TcpStream::connect(server.ports["osmand"]).unwrap();
    stranger.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let request = "GET /?id=ingest:traccar:861&lat=39.5&lon=121.6 HTTP/1.1\r\n\r\n";
    stranger.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // It is refused and hung up on.
    let _ = stranger.read_to_string(&mut answer);
    assert!(answer.contains(" 403 "), "{answer}");
    assert_eq!(vehicle(&server, "taxi-1")["fix"], Value::Null);
    // From its source it is heard.
    let token = source(&server, "the traccar server");
    assert_eq!(ingest(&server, &token, &own("861", 38.91)).0, 200);
    assert_eq!(vehicle(&server, "taxi-1")["fix"]["latitude"], 38.91);
}
