//! Alerts through people's hands, over a real socket: signed off, instructed, closed, counted.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use api_support::{Server, read, refusal, setup};
use interdict_engine::{Deadlines, Setup, Unit};
use serde_json::{Value, json};

fn server(folder: &std::path::Path) -> Server {
    let mut setup = Setup { deadlines: Some(Deadlines::default()), ..setup() };
    let station = setup.units.iter().find(|unit| unit.id == "station".into()).unwrap();
    setup.units.push(Unit { id: "elsewhere".into(), ..station.clone() });
    Server::start_with(folder, "127.0.0.1:0", setup)
}

/// Drives a flagged vehicle straight at `north` until its alert is raised; the alert.
fn raise(server: &Server, vehicle: &str) -> Value {
    server.approach(vehicle, 121.5);
    let alerts = server.admin().get("/v1/alerts").unwrap();
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    alerts.clone().find(|alert| alert["vehicle"]["id"] == vehicle).expect("raised").clone()
}

fn path(alert: &Value, step: &str) -> String {
    format!("/v1/alerts/{}/{step}", alert["alert"].as_str().unwrap())
}

#[test]
fn an_alert_goes_through_people_s_hands_and_a_second_client_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let officer = server.client_as("officer", "operator", Some("station"));
    let alert = raise(&server, "T1");
    // Nobody of the station looks.
    assert_eq!(alert["told"], json!(["station", "city"]), "{alert}");
    let cursor = server.admin().get("/v1/alerts").unwrap()["cursor"].as_u64();

    let shown = officer.post(&path(&alert, "deliver"), &json!({})).unwrap();
    assert_eq!(shown["handling"], "delivered");
    let signed = officer.post(&path(&alert, "acknowledge"), &json!({})).unwrap();
    assert_eq!(
        (&signed["handling"], &signed["lead_unit"]),
        (&json!("acknowledged"), &json!("station"))
    );
    let instructed =
        officer.post(&path(&alert, "instruct"), &json!({"text": "Stop and hold"})).unwrap();
    assert_eq!(instructed["instructed"], "Stop and hold");
    let ended = officer.post(&path(&alert, "dispose"), &json!({"outcome": "intercepted"})).unwrap();
    assert_eq!(ended["handling"], "disposed");

    let seen = read(&server.admin(), "/v1/events", cursor, 5);
    let kinds: Vec<&str> = seen.iter().map(|(_, event)| event["type"].as_str().unwrap()).collect();
    let expected = ["delivered", "acknowledged", "instructed", "disposed", "withdrawn"];
    assert_eq!(kinds, expected.map(|kind| format!("interdict.alert.{kind}")));
    assert_eq!(seen[1].1["data"]["by"], "officer");
    assert_eq!(seen[4].1["data"]["why"]["code"], "intercepted");

    let report = server.admin().get("/v1/reports/alerts?unit=city").unwrap();
    let station = &report["units"]["station"];
    assert_eq!(station["raised"], 1, "{report}");
    for step in ["signed", "instructed", "disposed"] {
        assert_eq!(
            station[step],
            json!({"on_time": 1, "late": 0, "never": 0, "waiting": 0}),
            "{step}"
        );
    }
    assert_eq!((&station["outcomes"]["intercepted"], &station["recall"]), (&json!(1), &json!(1.0)));
}

#[test]
fn a_client_of_the_station_keeps_an_alert_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let officer = server.client_as("officer", "operator", Some("station"));
    let stream = officer.stream("/v1/events", None).unwrap();
    let live = || {
        let asked = server.shards.ask_any(|engine| engine.live_units().count());
        server.runtime.block_on(asked).unwrap()
    };
    while live() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(raise(&server, "T1")["told"], json!(["station"]));
    drop(stream);
    // The server notices at the next thing that it would send.
    raise(&server, "T2");
    while live() > 0 {
        server.flag("T1");
    }
    assert_eq!(raise(&server, "T3")["told"], json!(["station", "city"]));
}

#[test]
fn who_may_not_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let officer = server.client_as("officer", "operator", Some("station"));
    let analyst = server.client_as("analyst", "analyst", None);
    let stranger = server.client_as("stranger", "operator", Some("elsewhere"));
    let alert = raise(&server, "T1");
    let ack = path(&alert, "acknowledge");
    assert_eq!(refusal(server.admin().post(&ack, &json!({}))).0, 403);
    assert_eq!(refusal(analyst.post(&ack, &json!({}))).0, 403);
    assert_eq!(refusal(stranger.post(&ack, &json!({}))).0, 403);
    assert_eq!(refusal(stranger.post(&ack, &json!({"unit": "station"}))).0, 403);
    assert_eq!(refusal(officer.post(&path(&alert, "instruct"), &json!({"text": "x"}))).0, 409);
    let falsely = json!({"outcome": "false"});
    assert_eq!(refusal(officer.post(&path(&alert, "dispose"), &falsely)).0, 400);
    assert_eq!(refusal(officer.post(&path(&alert, "dispose"), &json!({"outcome": "gone"}))).0, 400);
    officer.post(&ack, &json!({})).unwrap();
    assert_eq!(refusal(officer.post(&ack, &json!({}))).0, 409);
    assert_eq!(refusal(officer.post("/v1/alerts/none/acknowledge", &json!({}))).0, 404);
}

#[test]
fn what_people_did_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path());
    let officer = first.client_as("officer", "operator", Some("station"));
    let alert = raise(&first, "T1");
    officer.post(&path(&alert, "acknowledge"), &json!({})).unwrap();
    drop(first);
    let second = server(folder.path());
    let alerts = second.admin().get("/v1/alerts").unwrap();
    let found = &alerts["alerts"][0];
    assert_eq!((&found["alert"], &found["handling"]), (&alert["alert"], &json!("acknowledged")));
    assert_eq!(found["lead_unit"], "station");
}
