//! The HTTP API over a real socket, with real shards and a real store.

mod api_support;

use api_support::{ADMIN, START, Server, flag_of, read, refusal};
use interdict_engine::{Input, Observation};
use interdict_protocols::{Fix, Time};
use serde_json::{Value, json};

const BEARER: (&str, &str) = ("authorization", "Bearer the-admin");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn nothing_is_answered_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (method, path) in [
        ("GET", "/v1/devices"),
        ("POST", "/v1/devices"),
        ("POST", "/v1/devices/import"),
        ("GET", "/v1/devices/refused"),
        ("DELETE", "/v1/devices/1"),
        ("GET", "/v1/flags"),
        ("POST", "/v1/flags"),
        ("DELETE", "/v1/flags/1"),
        ("POST", "/v1/flags/1/withdraw"),
        ("GET", "/v1/vehicles/1?reason=x"),
        ("GET", "/v1/alerts"),
        ("POST", "/v1/alerts/1.0/deliver"),
        ("POST", "/v1/alerts/1.0/acknowledge"),
        ("POST", "/v1/alerts/1.0/instruct"),
        ("POST", "/v1/alerts/1.0/dispose"),
        ("GET", "/v1/reports/alerts"),
        ("GET", "/v1/checkpoints"),
        ("GET", "/v1/containment?at=38.9,121.6&since=2026-06-15T02:00:00Z"),
        ("GET", "/v1/checkpoints/north"),
        ("PUT", "/v1/checkpoints/north"),
        ("PATCH", "/v1/checkpoints/north"),
        ("DELETE", "/v1/checkpoints/north"),
        ("GET", "/v1/events"),
        ("GET", "/v1/tokens"),
        ("POST", "/v1/tokens"),
        ("DELETE", "/v1/tokens/first-admin"),
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks"),
        ("GET", "/v1/webhooks/1"),
        ("DELETE", "/v1/webhooks/1"),
        ("POST", "/v1/webhooks/1/replay"),
        ("GET", "/v1/webhooks/1/dead"),
        ("GET", "/v1/no-such-thing"),
        ("PUT", "/v1/flags"),
        ("GET", "/metrics"),
    ] {
        for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("authorization", ADMIN)]]
        {
            let (parts, body) = server.raw(method, path, headers, "");
            assert_eq!(parts.status, 401, "{method} {path}");
            assert_eq!(parts.headers["content-type"], "application/problem+json");
            assert_eq!(parts.headers["www-authenticate"], "Bearer");
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], 401);
        }
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.raw("GET", path, &[], "").0.status, 200, "{path}");
    }
}

#[test]
fn every_error_is_a_problem_document() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1_100_000));
    let deep = format!("{{\"properties\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let plain = ("content-type", "text/plain");
    for (status, method, path, header, body) in [
        (404, "GET", "/nowhere", BEARER, ""),
        (404, "GET", "/v1/nowhere", BEARER, ""),
        (404, "GET", "/v1/devices/7", BEARER, ""),
        (405, "PUT", "/v1/flags", BEARER, ""),
        (405, "POST", "/healthz", BEARER, ""),
        (400, "POST", "/v1/tokens", JSON, "{"),
        (400, "POST", "/v1/tokens", JSON, "{\"name\":\"a\"}"),
        // Not even where a list has the fields in their order.
        (400, "POST", "/v1/tokens", JSON, "[\"a\",null,\"person\",\"operator\",null]"),
        (
            400,
            "POST",
            "/v1/webhooks",
            JSON,
            "{\"url\":\"https://a.example\",\"filter\":[[],[],[]]}",
        ),
        (400, "POST", "/v1/tokens", JSON, "{\"name\":\"a\",\"role\":\"king\"}"),
        (400, "POST", "/v1/tokens", JSON, "{\"name\":\"\",\"role\":\"admin\"}"),
        (415, "POST", "/v1/tokens", plain, "{}"),
        (413, "POST", "/v1/tokens", JSON, &large),
        (400, "PUT", "/v1/checkpoints/deep", JSON, &deep),
        (400, "GET", "/v1/devices?limit=x", BEARER, ""),
        (400, "GET", "/v1/devices?lmit=1", BEARER, ""),
        (400, "GET", "/v1/vehicles/v", BEARER, ""),
        (400, "GET", "/v1/events?unit=nowhere", BEARER, ""),
        (400, "GET", "/v1/events?after=-1", BEARER, ""),
        (400, "GET", "/v1/events?after=1", BEARER, ""),
        (403, "DELETE", "/v1/flags/7?reason=x", BEARER, ""),
        (409, "DELETE", "/v1/tokens/first-admin", BEARER, ""),
    ] {
        let (parts, text) =
            server.raw(method, path, &[BEARER, header][usize::from(header == BEARER)..], body);
        assert_eq!(parts.status, status, "{method} {path}: {text}");
        assert_eq!(parts.headers["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(parts.headers["cache-control"], "no-store");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:interdict:problem:"));
        assert!(!problem["detail"].as_str().unwrap().is_empty() && problem["title"].is_string());
        assert_eq!(parts.headers.contains_key("allow"), status == 405);
    }
}

#[test]
fn a_flag_lives_from_added_to_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (admin, dispatcher) = (server.admin(), server.dispatcher());
    server.enrol("13800000001", "taxi-1", "辽B·T0001");
    let mut asked = flag_of("辽b t0001");
    asked["expires_s"] = json!(3_600);
    let flag = dispatcher.post("/v1/flags", &asked).unwrap();
    assert_eq!(
        (&flag["vehicle"], &flag["matched"]["plate"]),
        (&json!("taxi-1"), &json!("辽B·T0001"))
    );
    let until = Time::parse(flag["expires_at"].as_str().unwrap()).unwrap();
    assert!((3_600.0..3_660.0).contains(&until.seconds_since(START)));
    let listed = admin.get("/v1/flags").unwrap();
    assert_eq!(listed["flags"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["flags"][0]["id"], &listed["flags"][0]["cautions"]),
        (&flag["id"], &json!(["armed"]))
    );

    let id = flag["id"].as_str().unwrap();
    let path = format!("/v1/flags/{id}/withdraw");
    for unread in [json!({}), json!(["handled", null]), json!({"reason": "handled", "not": "x"})] {
        assert_eq!(refusal(dispatcher.post(&path, &unread)).0, 400);
    }
    let unread = dispatcher.post(&format!("{path}?reason=handled"), &json!(7));
    assert_eq!(refusal(unread).0, 400, "a body that is there is read");
    assert_eq!(refusal(dispatcher.delete("/v1/flags/7")).0, 400);
    assert_eq!(refusal(dispatcher.delete("/v1/flags/7?reason=found")).0, 400);
    assert_eq!(refusal(dispatcher.delete("/v1/flags/7?reason=other")).0, 404);
    dispatcher.post(&path, &json!({"reason": "handled"})).unwrap();
    assert_eq!(admin.get("/v1/flags").unwrap(), json!({"flags": [], "next": null}));
    assert_eq!(refusal(dispatcher.post(&path, &json!({"reason": "handled"}))).0, 404);

    let events = read(&admin, "/v1/events?after=0", None, 2);
    let kinds: Vec<_> = events.iter().map(|(_, event)| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["interdict.flag.added", "interdict.flag.withdrawn"]);
    assert_eq!(events[1].1["data"]["reason"], "handled");
    assert_eq!(events[0].1["data"]["vehicle"]["plate"], "辽B·T0001");
}

#[test]
fn a_flag_names_one_vehicle_with_a_tracker_or_without() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let dispatcher = server.dispatcher();
    server.enrol("1", "a", "辽B·T0001");
    let mut typo = flag_of("辽B·TO0O1");
    (typo["make"], typo["plate_colour"]) = (json!("BYD Qin"), json!("green"));
    let flag = dispatcher.post("/v1/flags", &typo).unwrap();
    assert_eq!((&flag["tracker"], &flag["match"]), (&json!("none"), &json!("none")));
    assert_eq!(flag["matched"]["make"], "BYD Qin");
    assert_eq!(
        (&flag["near"][0]["id"], &flag["near"][0]["alike"]),
        (&json!("a"), &json!("lookalike"))
    );
    let found = dispatcher.post("/v1/flags", &flag_of("辽B·T0001")).unwrap();
    assert_eq!((&found["tracker"], &found["match"]), (&json!("enrolled"), &json!("plate")));
    assert_eq!((&found["last_heard_at"], &found["near"]), (&Value::Null, &json!([])));
    server.enrol("2", "b", "辽B T0001");
    let (status, _, problem) = refusal(dispatcher.post("/v1/flags", &flag_of("辽BT0001")));
    assert_eq!(status, 409);
    assert_eq!(
        (&problem["matches"][0]["id"], &problem["matches"][1]["id"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(dispatcher.post("/v1/flags", &flag_of("b")).unwrap()["vehicle"], "b");
    for (name, value) in [
        ("expires_s", json!(2_592_001)),
        ("priority", json!(5)),
        ("case", json!(" ")),
        ("vin", json!("7")),
    ] {
        let mut asked = flag_of("b");
        asked[name] = value;
        assert_eq!(refusal(dispatcher.post("/v1/flags", &asked)).0, 400, "{name}");
    }
}

#[test]
fn a_token_is_made_used_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    let asked = json!({"name": "wang", "role": "operator", "unit": "station"});
    let made = admin.post("/v1/tokens", &asked).unwrap();
    let wang = server.client(made["token"].as_str().unwrap());
    assert_eq!(wang.get("/v1/flags").unwrap(), json!({"flags": [], "next": null}));
    assert_eq!(refusal(wang.get("/v1/tokens")).0, 403);
    assert_eq!(refusal(wang.post("/v1/devices", &json!({"device": "1", "vehicle": "v"}))).0, 403);
    assert_eq!(refusal(admin.post("/v1/tokens", &asked)).0, 409);
    let listed = admin.get("/v1/tokens").unwrap().to_string();
    assert!(listed.contains("wang") && !listed.contains(made["token"].as_str().unwrap()));

    let mut stream = wang.stream("/v1/events?", None).unwrap();
    admin.delete("/v1/tokens/wang").unwrap();
    assert!(stream.next().is_none(), "the stream ends with the token");
    assert_eq!(refusal(wang.get("/v1/flags")).0, 401);
    assert_eq!(refusal(admin.delete("/v1/tokens/wang")).0, 404);
}

#[test]
fn a_fleet_is_imported_and_paged_through() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    let csv =
        "device,vehicle,plate,class,unit\n1,v1,P1,taxi,\n2,v2,P2,tank,\n3,v3,P3,patrol,station\n";
    let (status, _, problem) = refusal(admin.post_csv("/v1/devices/import", csv.to_owned()));
    assert_eq!((status, &problem["report"]["bad_lines"][0]["line"]), (422, &json!(3)));
    assert_eq!(admin.get("/v1/devices").unwrap()["devices"], json!([]));
    let report = admin.post_csv("/v1/devices/import?skip_bad=true", csv.to_owned()).unwrap();
    assert_eq!((&report["added"], &report["bad"]), (&json!(2), &json!(1)));
    let page = admin.get("/v1/devices?limit=1").unwrap();
    assert_eq!((&page["devices"][0]["device"], &page["next"]), (&json!("1"), &json!("1")));
    let page = admin.get("/v1/devices?limit=1&after=1").unwrap();
    assert_eq!(
        (&page["devices"][0]["vehicle"]["class"], &page["next"]),
        (&json!("patrol"), &json!(null))
    );
    assert_eq!(admin.delete("/v1/devices/1").unwrap()["device"], "1");
    assert_eq!(refusal(admin.delete("/v1/devices/1")).0, 404);
    server.registry.refuse(&"77".into(), "gt06", "192.0.2.7:5");
    let refused = admin.get("/v1/devices/refused").unwrap();
    assert_eq!(
        (&refused["refused"][0]["device"], &refused["refused"][0]["count"]),
        (&json!("77"), &json!(1))
    );
}

#[test]
fn what_was_accepted_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "P");
    let id = server.flag("v");
    let made =
        server.admin().post("/v1/tokens", &json!({"name": "li", "role": "auditor"})).unwrap();
    drop(server);
    let server = Server::start(folder.path());
    let li = server.client(made["token"].as_str().unwrap());
    assert_eq!(li.get("/v1/flags").unwrap()["flags"][0]["id"], id);
    assert_eq!(li.get("/v1/devices/1").unwrap()["vehicle"]["plate"], "P");
    assert_eq!(read(&li, "/v1/events?after=0", None, 1)[0].1["data"]["flag"]["id"], id);
}

#[test]
fn a_position_is_read_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "P 1");
    let position = admin.get("/v1/vehicles/v?reason=lost").unwrap();
    assert_eq!((&position["vehicle"]["plate"], &position["fix"]), (&json!("P 1"), &Value::Null));
    let observation = Observation {
        device: "1".into(),
        vehicle: "v".into(),
        fix: Fix::new(START, 38.9, 121.6).unwrap(),
    };
    server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    let position = admin.get("/v1/vehicles/p1?reason=A-17").unwrap();
    assert_eq!(
        (&position["vehicle"]["id"], &position["fix"]["latitude"]),
        (&json!("v"), &json!(38.9))
    );
    assert!(position["fix_age_s"].as_f64().unwrap() < 60.0);
    assert_eq!(refusal(admin.get("/v1/vehicles/v")).0, 400);
    assert_eq!(refusal(admin.get("/v1/vehicles/w?reason=x")).0, 404);
}

#[test]
fn checkpoints_alerts_and_counters_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    assert_eq!(admin.get("/v1/checkpoints").unwrap()["checkpoints"][0]["id"], "north");
    assert_eq!(
        admin.get("/v1/alerts").unwrap(),
        json!({"alerts": [], "to_dispose": [], "silences": [], "cursor": 0})
    );
    let (parts, text) = server.raw("GET", "/metrics", &[BEARER], "");
    assert_eq!(parts.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(text.contains("\ninterdict_durable 1\n"), "{text}");
}
