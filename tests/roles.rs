//! Who may do what, asked of every address by every role, with and without a unit; and what a unit's
//! people see of another's.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::{Duration, Instant};

use api_support::{ADMIN, START, Server, flag_of, read, refusal, setup};
use interdict::client::Client;
use interdict::config::{EVERY_VEHICLE, Source};
use interdict_engine::{Deadlines, Input, Observation, Setup, Unit};
use interdict_protocols::{Datum, Fix};
use serde_json::{Value, json};

const ROLES: [&str; 7] =
    ["admin", "dispatcher", "operator", "analyst", "auditor", "fleet", "source"];

/// A request, whose roles it is for, and what these are answered.
struct Row {
    /// Method and address, as the router has it.
    route: &'static str,
    path: &'static str,
    body: &'static str,
    roles: &'static [&'static str],
    /// To whose token is of no unit; a fleet's, of the unit concerned.
    status: u16,
    /// To whose token is of another station.
    elsewhere: u16,
}

const fn row(
    route: &'static str,
    path: &'static str,
    body: &'static str,
    roles: &'static [&'static str],
    (status, elsewhere): (u16, u16),
) -> Row {
    Row { route, path, body, roles, status, elsewhere }
}

/// All but fleets' people.
const POLICE: &[&str] = &["admin", "dispatcher", "operator", "analyst", "auditor"];
const HANDLE: &[&str] = &["dispatcher", "operator"];
const APPROVE: &[&str] = &["dispatcher"];
const POSITION: &[&str] = &["admin", "dispatcher", "operator", "analyst"];
const COMMAND: &[&str] = &["admin", "dispatcher"];
const BOOKS: &[&str] = &["admin", "auditor"];
const ADMINS: &[&str] = &["admin"];
const SOURCES: &[&str] = &["source"];
const DEVICES: &[&str] = &["admin", "dispatcher", "auditor", "fleet"];

const NONE: &str = r#"{"unit":"station"}"#;
const NORTH: &str = r#"{"type":"Feature","properties":{"name":"North","kind":"post","unit":"station"},
    "geometry":{"type":"Point","coordinates":[121.5,39.0]}}"#;
const ENROL: &str = r#"{"device":"2","vehicle":"w","unit":"station"}"#;
const SWAP: &str = r#"{"device":"4"}"#;
const IMPORT: &str = "device,vehicle,unit\n3,x,station\n";
const FLAG: &str = r#"{"vehicle":"f","reason":"stolen","case":"A","authority":"duty officer"}"#;
const FLAGS: &str = "vehicle,reason,case,authority\nf,stolen,B,duty officer\n";
const REJECT: &str = r#"{"note":"no ground"}"#;
const HOLD: &str = r#"{"reason":"court 7"}"#;
const SIGHTING: &str = r#"{"vehicle":"v","latitude":38.9,"longitude":121.6,"source":"caller"}"#;
const CONTAIN: &str = "/v1/containment?at=38.9,121.6&since=2026-06-15T02:00:00Z";

const POSTED: &str =
    r#"{"vehicle":"v","time":"2026-06-15T02:00:00Z","latitude":38.9,"longitude":121.6}"#;
const HOOK: &str = r#"{"url":"http://127.0.0.1:9/","filter":{"units":["station"]}}"#;

/// Every address with every method that it takes.
const TABLE: &[Row] = &[
    row("GET /v1/devices", "/v1/devices", "", DEVICES, (200, 200)),
    row("POST /v1/devices", "/v1/devices", ENROL, ADMINS, (201, 403)),
    row("POST /v1/devices/import", "/v1/devices/import", IMPORT, ADMINS, (200, 403)),
    row(
        "GET /v1/devices/refused",
        "/v1/devices/refused",
        "",
        &["admin", "dispatcher", "auditor"],
        (200, 403),
    ),
    row("GET /v1/devices/{id}", "/v1/devices/1", "", DEVICES, (200, 403)),
    row("DELETE /v1/devices/{id}", "/v1/devices/none", "", ADMINS, (404, 404)),
    row("POST /v1/devices/{id}/swap", "/v1/devices/none/swap", SWAP, ADMINS, (404, 404)),
    row("POST /v1/devices/{id}/ask", "/v1/devices/none/ask", "", COMMAND, (404, 404)),
    row(
        "POST /v1/devices/{id}/text",
        "/v1/devices/none/text",
        r#"{"text":"call us"}"#,
        COMMAND,
        (404, 404),
    ),
    row("GET /v1/flags", "/v1/flags", "", POLICE, (200, 200)),
    row("POST /v1/flags", "/v1/flags", FLAG, HANDLE, (201, 201)),
    row("GET /v1/flags/{id}", "/v1/flags/none", "", POLICE, (404, 404)),
    row("DELETE /v1/flags/{id}", "/v1/flags/none?reason=handled", "", HANDLE, (404, 404)),
    row(
        "POST /v1/flags/{id}/withdraw",
        "/v1/flags/none/withdraw",
        r#"{"reason":"handled"}"#,
        HANDLE,
        (404, 404),
    ),
    row("GET /v1/flags/reasons", "/v1/flags/reasons", "", POLICE, (200, 200)),
    row("GET /v1/flags/export", "/v1/flags/export", "", POLICE, (200, 200)),
    row("POST /v1/flags/import", "/v1/flags/import", FLAGS, HANDLE, (200, 200)),
    row("POST /v1/flags/{id}/approve", "/v1/flags/none/approve", "{}", APPROVE, (404, 404)),
    row("POST /v1/flags/{id}/reject", "/v1/flags/none/reject", REJECT, APPROVE, (404, 404)),
    row("POST /v1/flags/{id}/renew", "/v1/flags/none/renew", "{}", APPROVE, (404, 404)),
    row("POST /v1/flags/{id}/hold", "/v1/flags/none/hold", HOLD, BOOKS, (404, 403)),
    row("POST /v1/flags/{id}/release", "/v1/flags/none/release", HOLD, BOOKS, (404, 403)),
    row("GET /v1/holds", "/v1/holds", "", BOOKS, (200, 403)),
    row(
        "GET /v1/subjects/{vehicle}/report",
        "/v1/subjects/v/report?reason=x",
        "",
        BOOKS,
        (200, 403),
    ),
    row("GET /v1/vehicles", "/v1/vehicles", "", DEVICES, (200, 200)),
    row("GET /v1/vehicles/{id}", "/v1/vehicles/v?reason=x", "", POSITION, (200, 403)),
    row("GET /v1/vehicles/{id}/track", "/v1/vehicles/v/track?reason=x", "", POSITION, (200, 403)),
    row("GET /v1/alerts", "/v1/alerts", "", POLICE, (200, 200)),
    row("POST /v1/alerts/{id}/deliver", "/v1/alerts/ALERT/deliver", NONE, HANDLE, (200, 403)),
    row(
        "POST /v1/alerts/{id}/acknowledge",
        "/v1/alerts/none/acknowledge",
        "{}",
        HANDLE,
        (404, 404),
    ),
    row(
        "POST /v1/alerts/{id}/instruct",
        "/v1/alerts/none/instruct",
        r#"{"text":"x"}"#,
        HANDLE,
        (404, 404),
    ),
    row(
        "POST /v1/alerts/{id}/dispose",
        "/v1/alerts/none/dispose",
        r#"{"outcome":"missed"}"#,
        HANDLE,
        (404, 404),
    ),
    row("GET /v1/reports/alerts", "/v1/reports/alerts?unit=station", "", POLICE, (200, 403)),
    row("GET /v1/units", "/v1/units", "", POLICE, (200, 200)),
    row("GET /v1/regions", "/v1/regions", "", POLICE, (200, 200)),
    row("GET /v1/checkpoints", "/v1/checkpoints", "", POLICE, (200, 200)),
    row("GET /v1/checkpoints/{id}", "/v1/checkpoints/north", "", POLICE, (200, 200)),
    row("PUT /v1/checkpoints/{id}", "/v1/checkpoints/north", NORTH, COMMAND, (200, 403)),
    row("PATCH /v1/checkpoints/{id}", "/v1/checkpoints/north", "{}", COMMAND, (200, 403)),
    row("DELETE /v1/checkpoints/{id}", "/v1/checkpoints/none", "", COMMAND, (404, 404)),
    // There are no roads here.
    row("GET /v1/roads", "/v1/roads", "", POLICE, (200, 200)),
    row("GET /v1/ways", "/v1/ways?from=38.9,121.6&to=north", "", POLICE, (409, 409)),
    row("GET /v1/reach", "/v1/reach?from=38.9,121.6&within_s=60", "", POLICE, (409, 409)),
    row("GET /v1/containment", CONTAIN, "", POLICE, (409, 409)),
    row("GET /v1/events", "/v1/events?after=0&unit=station", "", POLICE, (200, 403)),
    row("GET /v1/tokens", "/v1/tokens", "", ADMINS, (200, 200)),
    row(
        "POST /v1/tokens",
        "/v1/tokens",
        r#"{"name":"new","role":"operator","unit":"station"}"#,
        ADMINS,
        (201, 403),
    ),
    row("DELETE /v1/tokens/{name}", "/v1/tokens/none", "", ADMINS, (404, 404)),
    row("GET /v1/audit", "/v1/audit", "", BOOKS, (200, 200)),
    row("GET /v1/audit/head", "/v1/audit/head", "", BOOKS, (200, 200)),
    row("GET /v1/audit/key", "/v1/audit/key", "", BOOKS, (200, 200)),
    row("GET /v1/audit/proof/{entry}", "/v1/audit/proof/1", "", BOOKS, (200, 403)),
    row("POST /v1/sightings", "/v1/sightings", SIGHTING, HANDLE, (201, 201)),
    row("GET /v1/backup", "/v1/backup", "", ADMINS, (200, 403)),
    // It may speak for every vehicle, but its token is another station's.
    row("POST /v1/ingest", "/v1/ingest", POSTED, SOURCES, (200, 422)),
    row("GET /v1/webhooks", "/v1/webhooks", "", ADMINS, (200, 200)),
    row("POST /v1/webhooks", "/v1/webhooks", HOOK, ADMINS, (201, 403)),
    row("GET /v1/webhooks/{id}", "/v1/webhooks/none", "", ADMINS, (404, 404)),
    row("DELETE /v1/webhooks/{id}", "/v1/webhooks/none", "", ADMINS, (404, 404)),
    row("POST /v1/webhooks/{id}/rotate", "/v1/webhooks/none/rotate", "{}", ADMINS, (404, 404)),
    row("POST /v1/webhooks/{id}/pause", "/v1/webhooks/none/pause", "", ADMINS, (404, 404)),
    row("POST /v1/webhooks/{id}/resume", "/v1/webhooks/none/resume", "", ADMINS, (404, 404)),
    row(
        "POST /v1/webhooks/{id}/replay",
        "/v1/webhooks/none/replay",
        r#"{"after":0}"#,
        ADMINS,
        (404, 404),
    ),
    row("GET /v1/webhooks/{id}/dead", "/v1/webhooks/none/dead", "", ADMINS, (404, 404)),
    row(
        "POST /v1/webhooks/{id}/dead/resend",
        "/v1/webhooks/none/dead/resend",
        r#"{"sequences":[1]}"#,
        ADMINS,
        (404, 404),
    ),
    row("GET /metrics", "/metrics", "", BOOKS, (200, 200)),
];

/// Open to whoever watches over the server or writes programs for it, with or without a token.
const OPEN: [&str; 3] = ["GET /healthz", "GET /openapi.json", "GET /readyz"];

/// How browsers log in and out; `tests/console.rs` asks them.
const SESSIONS: [&str; 3] = ["GET /v1/session", "POST /v1/session", "DELETE /v1/session"];

/// The methods and addresses of the router: the OpenAPI document's, since what registers a handler
/// documents it.
fn routes() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/mod.rs");
    let source = std::fs::read_to_string(path).unwrap();
    assert!(
        !source.contains(".route("),
        "a route that is not documented: use `.routes(routes!(…))`"
    );
    let folder = tempfile::tempdir().unwrap();
    let (_, document) = Server::start(folder.path()).raw("GET", "/openapi.json", &[], "");
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut found = BTreeSet::new();
    for (address, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        found.extend(methods.map(|method| format!("{} {address}", method.to_uppercase())));
    }
    found
}

#[test]
fn the_table_names_every_route() {
    let named: BTreeSet<String> =
        TABLE.iter().map(|row| row.route).chain(OPEN).chain(SESSIONS).map(str::to_owned).collect();
    let routes = routes();
    assert!(routes.len() > 20, "{routes:?}");
    let difference: Vec<_> = routes.symmetric_difference(&named).collect();
    assert!(difference.is_empty(), "in the router or in the table alone: {difference:?}");
}

/// The city has a second station, `harbour`, with the checkpoint `south` a degree further east.
fn two_stations() -> Setup {
    let mut setup = Setup { deadlines: Some(Deadlines::default()), ..setup() };
    let station = setup.units.iter().find(|unit| unit.id == "station".into()).unwrap();
    setup.units.push(Unit { id: "harbour".into(), ..station.clone() });
    let south = json!({
        "id": "south", "name": "South", "kind": "throat-road", "unit": "harbour",
        "shape": {"point": {"latitude": 39.0, "longitude": 122.5}},
    });
    setup.checkpoints.push(serde_json::from_value(south).unwrap());
    setup
}

/// A server with two stations, a vehicle of `station` and a company's, and `raised` on its way to
/// `north`.
fn server(folder: &std::path::Path) -> Server {
    // As the test of every address calls the tokens of its sources.
    let sources = [None, Some("harbour")].map(|unit: Option<&str>| Source {
        name: unit.unwrap_or("city").to_owned(),
        token: format!("source of {unit:?}"),
        vehicles: [EVERY_VEHICLE.to_owned()].into(),
        units: Vec::new(),
        datum: Datum::Wgs84,
    });
    let server = Server::start_with_sources(folder, two_stations(), sources.into());
    let enrol = |device: &str, vehicle: &str, unit: Option<&str>| {
        let body = json!({
            "device": device, "vehicle": vehicle, "plate": format!("plate-of-{vehicle}"), "unit": unit
        });
        server.admin().post("/v1/devices", &body).unwrap();
    };
    enrol("1", "v", Some("station"));
    enrol("9", "c", Some("company"));
    enrol("8", "f", None);
    server.approach("raised", 121.5);
    server
}

fn alert_of(client: &Client, vehicle: &str) -> String {
    let alerts = client.get("/v1/alerts").unwrap();
    let mut alerts = alerts["alerts"].as_array().unwrap().iter();
    let alert = alerts.find(|alert| alert["vehicle"]["id"] == vehicle).expect("raised");
    alert["alert"].as_str().unwrap().to_owned()
}

/// How a row's request with that token is answered; of a stream, only the status.
fn ask(server: &Server, row: &Row, token: &str, alert: &str) -> (u16, String) {
    let (method, _) = row.route.split_once(' ').unwrap();
    let path = row.path.replace("ALERT", alert);
    if row.route == "GET /v1/events" {
        let opened = server.client(token).stream(&path, None);
        return opened.map_or_else(
            |error| (refusal::<()>(Err(error)).0, String::new()),
            |_| (200, String::new()),
        );
    }
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (parts, body) = server.raw(method, &path, &headers, row.body);
    (parts.status.as_u16(), body)
}

#[test]
fn every_role_gets_what_is_its_own_at_every_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let alert = alert_of(&server.admin(), "raised");
    let made = |role: &str, unit: Option<&str>| {
        let name = format!("{role} of {unit:?}");
        server.token(&json!({"name": name, "role": role, "unit": unit}))
    };
    let whole: BTreeMap<_, _> =
        ROLES.map(|role| (role, made(role, Some("station").filter(|_| role == "fleet")))).into();
    let elsewhere: BTreeMap<_, _> = ROLES.map(|role| (role, made(role, Some("harbour")))).into();
    let mut wrong = Vec::new();
    for row in TABLE {
        assert_eq!(ask(&server, row, "no-token", &alert).0, 401, "{}", row.route);
        for role in ROLES {
            let is_for = row.roles.contains(&role);
            let far = if is_for { row.elsewhere } else { 403 };
            let (status, body) = ask(&server, row, &elsewhere[role], &alert);
            if status != far {
                wrong.push(format!("{} by a {role} elsewhere: {status}, not {far}", row.route));
            }
            // Flags and checkpoints are no unit's secret, and who names a vehicle is told which it is.
            let open = ["/flags", "/checkpoints", "/sightings"];
            let is_secret = !open.iter().any(|part| row.route.contains(part));
            if is_secret
                && ["plate-of-v", "plate-of-c", "辽B·raised"].iter().any(|it| body.contains(it))
            {
                wrong.push(format!("{} tells a {role} elsewhere: {body}", row.route));
            }
            let near = if is_for { row.status } else { 403 };
            let (status, body) = ask(&server, row, &whole[role], &alert);
            if status != near {
                wrong.push(format!("{} by a {role}: {status}, not {near}: {body}", row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for address in OPEN {
        let (method, path) = address.split_once(' ').unwrap();
        assert_eq!(server.raw(method, path, &[], "").0.status, 200, "{address}");
    }
}

fn vehicles(alerts: &Value) -> Vec<&str> {
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    alerts.map(|alert| alert["vehicle"]["id"].as_str().unwrap()).collect()
}

#[test]
fn two_stations_see_each_their_own_and_the_city_sees_both() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    server.approach("other", 122.5);
    let of = |unit: &str| server.client_as(unit, "operator", Some(unit));
    let (station, harbour, city) = (of("station"), of("harbour"), of("city"));
    let listed = |client: &Client| client.get("/v1/alerts").unwrap();
    assert_eq!(vehicles(&listed(&station)), ["raised"]);
    assert_eq!(vehicles(&listed(&harbour)), ["other"]);
    assert_eq!(vehicles(&listed(&city)).len(), 2);

    // Of the stream: the other's alerts are left out, whatever is asked for; the flags of nobody in
    // particular hold for both.
    let seen = |client: &Client| {
        let raised = read(client, "/v1/events?after=0&type=interdict.alert.raised", None, 1);
        raised[0].1["data"]["checkpoint"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!((seen(&station), seen(&harbour)), ("north".to_owned(), "south".to_owned()));
    let flags = read(&harbour, "/v1/events?after=0&type=interdict.flag.added", None, 2);
    assert_eq!(flags[0].1["data"]["vehicle"]["id"], "raised");
    for path in ["unit=station", "unit=city", "unit=harbour&unit=station", "checkpoint=north"] {
        let (status, detail, problem) =
            refusal(harbour.stream(&format!("/v1/events?{path}"), None).map(drop));
        assert_eq!((status, &problem["type"]), (403, &json!("urn:interdict:problem:other-unit")));
        assert!(detail.starts_with("you act for harbour and what is under it"), "{detail}");
    }

    // Reports and positions.
    let report = harbour.get("/v1/reports/alerts").unwrap();
    assert_eq!(report["units"].as_object().unwrap().keys().collect::<Vec<_>>(), ["harbour"]);
    assert_eq!(report["total"]["raised"], 1);
    assert_eq!(city.get("/v1/reports/alerts").unwrap()["total"]["raised"], 2);
    assert!(harbour.get("/v1/vehicles/other?reason=x").is_ok(), "it comes to their checkpoint");
    assert_eq!(refusal(harbour.get("/v1/vehicles/raised?reason=x")).0, 403);
    assert_eq!(refusal(harbour.get("/v1/vehicles/none?reason=x")).0, 404);
    assert!(station.get("/v1/vehicles/v?reason=x").is_ok(), "it is theirs");
    assert!(city.get("/v1/vehicles/c?reason=x").is_ok(), "what is no unit's is the top's");
}

#[test]
fn a_station_s_webhooks_send_and_show_what_is_the_station_s() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let of = |unit: &str| server.client_as(unit, "admin", Some(unit));
    let (station, harbour, city) = (of("station"), of("harbour"), of("city"));
    let make = |client: &Client, filter: Value| {
        let asked = json!({"url": "http://127.0.0.1:9/", "filter": filter});
        client.post("/v1/webhooks", &asked)
    };
    let all = make(&server.admin(), json!({})).unwrap();
    assert_eq!(all["filter"]["units"], json!([]));
    let own = make(&station, json!({"checkpoints": ["north"]})).unwrap();
    assert_eq!(own["filter"]["units"], json!(["station"]), "none was named");
    let whole = make(&city, json!({})).unwrap();
    assert_eq!(whole["filter"]["units"], json!(["city"]));
    for filter in [
        json!({"units": ["station"]}),
        json!({"units": ["harbour", "city"]}),
        json!({"checkpoints": ["north"]}),
    ] {
        let (status, _, problem) = refusal(make(&harbour, filter));
        assert_eq!((status, &problem["type"]), (403, &json!("urn:interdict:problem:other-unit")));
    }
    let ids = |client: &Client| {
        let listed = client.get("/v1/webhooks").unwrap();
        let listed = listed["webhooks"].as_array().unwrap().iter();
        listed.map(|webhook| webhook["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let id = |webhook: &Value| webhook["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&server.admin()), [id(&all), id(&own), id(&whole)].into());
    assert_eq!(ids(&city), [id(&own), id(&whole)].into());
    assert_eq!(ids(&station), [id(&own)].into());
    assert_eq!(ids(&harbour), [].into());
    let path = |webhook: &Value, what: &str| format!("/v1/webhooks/{}{what}", id(webhook));
    for webhook in [&all, &own, &whole] {
        assert_eq!(refusal(harbour.get(&path(webhook, ""))).0, 403);
        assert_eq!(refusal(harbour.get(&path(webhook, "/dead"))).0, 403);
        assert_eq!(refusal(harbour.post(&path(webhook, "/rotate"), &json!({}))).0, 403);
        assert_eq!(refusal(harbour.post(&path(webhook, "/pause"), &json!({}))).0, 403);
        let place = json!({"after": 0});
        assert_eq!(refusal(harbour.post(&path(webhook, "/replay"), &place)).0, 403);
    }
    assert!(station.post(&path(&own, "/pause"), &json!({})).is_ok());
}

#[test]
fn alarms_are_told_to_the_unit_of_their_region_and_to_the_top() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = two_stations();
    let outline = |west: f64| {
        let corner = |north: f64, east: f64| json!({"latitude": north, "longitude": east});
        json!([
            corner(38.0, west),
            corner(38.0, west + 0.5),
            corner(38.5, west + 0.5),
            corner(38.5, west)
        ])
    };
    let region = |unit: &str, west: f64| {
        serde_json::from_value(json!({"unit": unit, "outlines": [outline(west)]})).unwrap()
    };
    setup.regions = vec![region("station", 121.0), region("harbour", 122.0)];
    let server = Server::start_with(folder.path(), "127.0.0.1:0", setup);
    for (number, longitude) in [121.25, 122.25, 123.25].into_iter().enumerate() {
        let (device, vehicle) = (format!("d{number}"), format!("v{number}"));
        server.enrol(&device, &vehicle, &vehicle);
        let mut fix = Fix::new(START, 38.25, longitude).unwrap();
        fix.alarms = interdict_protocols::AlarmSet::only(interdict_protocols::Alarm::Sos);
        let observation =
            Observation { device: device.as_str().into(), vehicle: vehicle.as_str().into(), fix };
        server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    }
    let heard = |unit: &str, count: usize| -> Vec<String> {
        let client = server.client_as(unit, "operator", Some(unit));
        let events = read(&client, "/v1/events?after=0", None, count);
        let vehicle = |event: &Value| event["data"]["vehicle"]["id"].as_str().unwrap().to_owned();
        events.iter().map(|(_, event)| vehicle(event)).collect()
    };
    assert_eq!(heard("city", 3), ["v0", "v1", "v2"]);
    assert_eq!(heard("harbour", 1), ["v1"]);
    assert_eq!(heard("station", 1), ["v0"]);
}

#[test]
fn a_fleet_sees_how_its_own_vehicles_are_heard_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let fleet = server.client_as("fleet", "fleet", Some("company"));
    let observation = Observation {
        device: "9".into(),
        vehicle: "c".into(),
        fix: Fix::new(START, 38.9, 121.6).unwrap(),
    };
    server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    server.flag("c");
    let listed = fleet.get("/v1/devices").unwrap();
    let devices = listed["devices"].as_array().unwrap();
    assert_eq!((devices.len(), &devices[0]["device"]), (1, &json!("9")));
    let shown = fleet.get("/v1/devices/9").unwrap();
    assert!(shown["health"]["heard_at"].is_string() && shown["health"]["fix_age_s"].is_number());
    let said = shown.to_string();
    for never in ["38.9", "121.6", "latitude", "flag", "stolen"] {
        assert!(!said.contains(never), "{never}: {said}");
    }
    assert_eq!(refusal(fleet.get("/v1/devices/1")).0, 403);
    assert_eq!(server.admin().get("/v1/devices/1").unwrap()["health"]["heard_at"], Value::Null);

    // One whose fleet is not known, or not said, sees nothing; the first is a slip of the hand.
    let unknown = json!({"name": "x", "role": "fleet", "unit": "compny"});
    let (status, detail, _) = refusal(server.admin().post("/v1/tokens", &unknown));
    assert_eq!(status, 400);
    assert!(detail.contains("no enrolled vehicle is of it"), "{detail}");
    let unsaid = json!({"name": "x", "role": "fleet"});
    let made = server.admin().post("/v1/tokens", &unsaid).unwrap();
    assert!(made["warnings"][0].as_str().unwrap().contains("sees no device"));
    let nobody = server.client(made["token"].as_str().unwrap());
    assert_eq!(nobody.get("/v1/devices").unwrap()["devices"], json!([]));
}

#[test]
fn an_admin_of_a_unit_manages_what_is_under_it_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let admin = server.client_as("harbourmaster", "admin", Some("harbour"));
    let add = |name: &str, unit: Option<&str>| {
        let body = json!({"name": name, "role": "dispatcher", "unit": unit});
        admin.post("/v1/tokens", &body).map_err(|error| refusal::<()>(Err(error)).0)
    };
    assert_eq!(add("li", Some("harbour")).unwrap()["unit"], "harbour");
    for wider in [None, Some("city"), Some("station")] {
        assert_eq!(add("wang", wider), Err(403), "{wider:?}");
    }
    server.client_as("zhao", "operator", Some("station"));
    let as_zhao = json!({
        "name": "other", "person": "zhao", "role": "dispatcher", "unit": "harbour"
    });
    assert_eq!(refusal(admin.post("/v1/tokens", &as_zhao)).0, 403, "zhao is not theirs");
    let listed = admin.get("/v1/tokens").unwrap();
    let names: Vec<_> = listed["tokens"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["harbourmaster", "li"]);
    assert_eq!(refusal(admin.delete("/v1/tokens/zhao")).0, 403);
    assert_eq!(refusal(admin.delete("/v1/tokens/first-admin")).0, 403);
    assert!(admin.delete("/v1/tokens/li").is_ok());
    // An admin of a unit does not take the last one's place.
    assert_eq!(refusal(server.admin().delete("/v1/tokens/first-admin")).0, 409);

    // Devices.
    let enrol = |device: &str, vehicle: &str, unit: Option<&str>| {
        let body = json!({"device": device, "vehicle": vehicle, "unit": unit});
        admin.post("/v1/devices", &body).map_err(|error| refusal::<()>(Err(error)).0)
    };
    assert!(enrol("h1", "h", Some("harbour")).is_ok() && enrol("h2", "h", None).is_ok());
    assert_eq!(enrol("h3", "h3", None), Err(403), "whose it would be is not said");
    assert_eq!(enrol("h1", "h", Some("station")), Err(403), "it would be given away");
    assert_eq!(enrol("1", "h", None), Err(403), "the device is another's");
    assert_eq!(enrol("h4", "v", Some("harbour")), Err(403), "the vehicle is another's");
    assert_eq!(refusal(admin.delete("/v1/devices/1")).0, 403);
    let csv = "device,vehicle,unit\nh5,h5,harbour\n1,v,harbour\n".to_owned();
    assert_eq!(refusal(admin.post_csv("/v1/devices/import", csv)).0, 403);
    assert_eq!(server.admin().get("/v1/devices/1").unwrap()["vehicle"]["unit"], "station");
    let devices = admin.get("/v1/devices").unwrap();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);

    // Checkpoints.
    let mut feature: Value = serde_json::from_str(NORTH).unwrap();
    feature["properties"]["unit"] = json!("harbour");
    assert_eq!(refusal(admin.put("/v1/checkpoints/north", &feature)).0, 403, "it is another's");
    assert!(admin.put("/v1/checkpoints/quay", &feature).is_ok());
    assert!(admin.patch("/v1/checkpoints/quay", &json!({"state": "closed"})).is_ok());
    assert_eq!(refusal(admin.delete("/v1/checkpoints/north")).0, 403);
    assert!(admin.delete("/v1/checkpoints/quay").is_ok());
}

#[test]
fn an_auditor_of_a_unit_reads_what_is_about_it_and_its_people() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let station = server.client_as("wang", "operator", Some("station"));
    let harbour = server.client_as("li", "operator", Some("harbour"));
    station.get("/v1/vehicles/v?reason=station").unwrap();
    assert_eq!(refusal(harbour.get("/v1/vehicles/v?reason=harbour")).0, 403);
    let auditor = server.client_as("books", "auditor", Some("harbour"));
    let page = auditor.get("/v1/audit").unwrap();
    assert_eq!(page["unit"], "harbour");
    let entries = page["entries"].as_array().unwrap();
    let acts: Vec<_> = entries.iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    // The two tokens, and that one of them was refused; nothing of the other station's.
    assert_eq!(acts, ["token.add", "access.denied", "token.add"], "{page}");
    let whole = server.admin().get("/v1/audit").unwrap();
    assert_eq!(whole["unit"], Value::Null);
    let of_station = whole["entries"]
        .as_array()
        .unwrap()
        .iter()
        .position(|entry| entry["act"] == "vehicle.read" && entry["content"]["who"] == "wang");
    let number = of_station.unwrap() + 1;
    assert_eq!(refusal(auditor.get(&format!("/v1/audit/proof/{number}"))).0, 403);
    assert!(server.admin().get(&format!("/v1/audit/proof/{number}")).is_ok());
    let mine = entries[1]["entry"].as_u64().unwrap();
    assert!(auditor.get(&format!("/v1/audit/proof/{mine}")).is_ok());
}

#[test]
fn history_reaches_back_as_far_as_the_role_s_whatever_is_asked_for() {
    const HOUR_S: f64 = 3_600.0;
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path());
    let secret = |role: &str| first.token(&json!({"name": role, "role": role}));
    let [dispatcher, operator, analyst] = ["dispatcher", "operator", "analyst"].map(secret);
    drop(first);
    // The flag ends by itself a day after it was made.
    let later = Server::start_at(folder.path(), two_stations(), START.plus_seconds(47.0 * HOUR_S));
    let types = "type=interdict.flag.added,interdict.flag.expired";
    let first_seen = |server: &Server, token: &str, path: &str, last: Option<u64>| {
        let (_, event) = read(&server.client(token), &format!("{path}&{types}"), last, 1).remove(0);
        event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()
    };
    assert_eq!(first_seen(&later, &operator, "/v1/events?after=0", None), "expired");
    assert_eq!(first_seen(&later, &dispatcher, "/v1/events?after=0", None), "added");
    assert_eq!(first_seen(&later, &operator, "/v1/events?after=9", Some(0)), "expired");
    let from = "/v1/reports/alerts?from=2000-01-01T00:00:00Z";
    let report = |token: &str| later.client(token).get(from).unwrap();
    assert_eq!(report(&operator)["total"]["raised"], 0);
    assert_ne!(report(&operator)["from"], "2000-01-01T00:00:00Z", "it says how far back it is");
    assert_eq!(report(&dispatcher)["total"]["raised"], 1);
    drop(later);
    let last = START.plus_seconds(24.0 * 40.0 * HOUR_S);
    let last = Server::start_at(folder.path(), two_stations(), last);
    let flag = last.client(&dispatcher);
    last.enrol("new", "new", "new");
    flag.post("/v1/flags", &flag_of("new")).unwrap();
    let (_, seen) = read(&flag, &format!("/v1/events?after=0&{types}"), None, 1).remove(0);
    assert_eq!(seen["data"]["vehicle"]["id"], "new");
    assert_eq!(first_seen(&last, &analyst, "/v1/events?after=0", None), "added");
    assert_eq!(last.client(&analyst).get(from).unwrap()["total"]["raised"], 1);
}

#[test]
fn the_stream_of_a_revoked_token_closes_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let token = |name: &str| {
        server.token(&json!({"name": name, "person": "wang", "role": "operator", "unit": "city"}))
    };
    let (desk, phone) = (token("desk"), token("phone"));
    let open = |token: &str| {
        let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
        let request = format!(
            "GET /v1/events?after=0 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            server.address()
        );
        std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut bytes = [0; 4_096];
        let count = socket.read(&mut bytes).unwrap();
        assert!(bytes[..count].starts_with(b"HTTP/1.1 200 "));
        socket
    };
    let (mut closing, mut staying) = (open(&desk), open(&phone));
    let begun = Instant::now();
    server.admin().delete("/v1/tokens/desk").unwrap();
    let mut rest = Vec::new();
    let mut bytes = [0; 4_096];
    // The last chunk of a stream that ends is empty (RFC 9112, 7.1).
    while !rest.ends_with(b"0\r\n\r\n") {
        let count = closing.read(&mut bytes).unwrap();
        assert!(count > 0, "it was cut off");
        rest.extend_from_slice(&bytes[..count]);
        let is_heartbeat = |part: &[u8]| part == b":\n\n";
        assert!(!rest.windows(3).any(is_heartbeat), "it goes on");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    // The other token of the same person is not concerned.
    let id = server.flag("v");
    let mut heard = String::new();
    while !heard.contains(&id) {
        let count = staying.read(&mut bytes).unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    assert!(!String::from_utf8_lossy(&rest).contains(&id));
    assert_eq!(refusal(server.client(&desk).get("/v1/alerts")).0, 401);
    assert_eq!(
        server.client(ADMIN).get("/v1/alerts").unwrap()["alerts"].as_array().unwrap().len(),
        1
    );
}
