//! Webhooks of the real program, over real sockets: what is sent, signed, refused, waited for, and
//! not lost.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

#[path = "webhooks/receiver.rs"]
mod receiver;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use receiver::{Delivery, Receiver, status};
use serde_json::{Value, json};
use support::{Events, Server, TOKEN, eventually, file, fix_now, folder};

/// A server's folder and its configuration.
struct Place {
    folder: tempfile::TempDir,
    config: PathBuf,
}

/// Minutes of a real outage are tenths of a second here.
const SHORT_CLOCKS: &str = "allow = ['127.0.0.0/8']\nretry_s = [0.02, 0.05, 0.1]\n";

impl Place {
    fn with(settings: &str) -> Self {
        let folder = folder();
        let text = format!("source = 'urn:interdict:test'\n[webhooks]\n{settings}");
        let config = file(folder.path(), "interdict.toml", &text);
        Self { folder, config }
    }

    fn start(&self) -> Server {
        self.start_in(&[])
    }

    fn start_in(&self, environment: &[(&str, &str)]) -> Server {
        let config = ["--config", self.config.to_str().unwrap()];
        Server::start_in(&self.folder.path().join("data"), &["osmand"], &config, environment)
    }
}

fn add(server: &Server, url: &str, more: Value) -> Value {
    let mut body = json!({ "url": url });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/v1/webhooks", &body)
}

fn show(server: &Server, webhook: &Value) -> Value {
    server.get(&format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap()))
}

fn flag(server: &Server, vehicle: &str) -> Value {
    let flag = json!({
        "vehicle": vehicle, "reason": "stolen", "case": "C-1", "authority": "duty officer",
        "emergency": true,
    });
    server.flag(&flag)
}

fn withdraw(server: &Server, flag: &Value) {
    let path = format!("/v1/flags/{}/withdraw", flag["id"].as_str().unwrap());
    let reason = json!({ "reason": "handled" });
    let (status, answer) = server.request_as(server.dispatcher(), "POST", &path, Some(&reason));
    assert_eq!(status, 200, "{answer}");
}

/// Makes two events of vehicle `v{number}`: it is flagged, and the flag withdrawn.
fn flag_and_withdraw(server: &Server, number: usize) {
    let flag = flag(server, &format!("v{number}"));
    withdraw(server, &flag);
}

fn enrol(server: &Server, vehicles: usize) {
    for number in 0..vehicles {
        server.enrol(
            &format!("d{number}"),
            &format!("v{number}"),
            &format!("辽B·{number:05}"),
            "taxi",
        );
    }
}

/// The sequences of all flag events, as the stream of events has them.
fn all_events(server: &Server, count: usize) -> BTreeSet<u64> {
    let mut events = server.events(0);
    let sequence = |event: Value| event["sequence"].as_str().unwrap().parse().unwrap();
    (0..count).map(|_| sequence(events.next(""))).collect()
}

/// Fails where a vehicle's events did not come in their order the first time, or one identity came
/// with two bodies.
fn check_order(deliveries: &[Delivery]) -> BTreeSet<u64> {
    let mut bodies: BTreeMap<String, String> = BTreeMap::new();
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for delivery in deliveries {
        let (event, sequence) = (delivery.event(), delivery.sequence());
        assert_eq!(delivery.header("webhook-id"), event["id"].as_str().unwrap());
        match bodies.get(delivery.header("webhook-id")) {
            Some(before) => assert_eq!(*before, delivery.body, "a repetition is one"),
            None => {
                let last = newest.insert(event["subject"].as_str().unwrap().to_owned(), sequence);
                assert!(last.is_none_or(|last| last < sequence), "out of order: {event}");
            }
        }
        bodies.insert(delivery.header("webhook-id").to_owned(), delivery.body.clone());
    }
    deliveries.iter().map(Delivery::sequence).collect()
}

#[test]
fn an_alert_is_sent_signed_and_without_what_stays_at_home() {
    let place = Place::with(SHORT_CLOCKS);
    let data = place.folder.path().join("data");
    // With the built-in checkpoints.
    let default = "[webhooks]\nallow = ['127.0.0.0/8']\n[files]\ncheckpoints = 'north.geojson'\n";
    file(place.folder.path(), "north.geojson", NORTH);
    let config = file(place.folder.path(), "with.toml", default);
    let arguments = ["--config", config.to_str().unwrap()];
    let server = Server::start(&data, &["osmand"], &arguments);
    let [all, some, more] = [Receiver::start(), Receiver::start(), Receiver::start()];
    let raised = json!({ "types": ["interdict.alert.raised"] });
    let webhook = add(&server, &all.url(), json!({ "filter": raised, "name": "all" }));
    add(&server, &some.url(), json!({ "filter": raised, "fields": ["vehicle", "eta_s"] }));
    add(&server, &more.url(), json!({ "filter": raised, "fields": ["*", "nearest_units"] }));

    server.enrol("p1", "patrol-1", "辽B·P0001", "patrol");
    server.enrol("d1", "taxi-1", "辽B·T0001", "taxi");
    let mut patrol = server.tracker("osmand", "p1");
    assert!(patrol.report(&fix_now(39.02, 121.63)));
    let mut taxi = server.tracker("osmand", "d1");
    let mut fix = fix_now(39.030_35, 121.630_4);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));
    flag(&server, "taxi-1");
    for receiver in [&all, &some, &more] {
        eventually("the alert is delivered", || receiver.taken().len() == 1);
    }
    let streamed = server.events(0).next("alert.raised");
    assert_eq!(streamed["data"]["nearest_units"][0]["vehicle"], "patrol-1", "{streamed}");

    let delivery = &all.taken()[0];
    let secret = webhook["secret"].as_str().unwrap();
    assert!(delivery.is_signed_with(secret));
    assert!(!delivery.is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_eq!(delivery.header("content-type"), "application/cloudevents+json; charset=utf-8");
    let now = fix_now(0.0, 0.0).fix_time.seconds();
    let sent: i64 = delivery.header("webhook-timestamp").parse().unwrap();
    assert!((now - sent).abs() < 300, "{sent}");
    let mut expected = streamed.clone();
    expected["data"].as_object_mut().unwrap().remove("nearest_units");
    assert_eq!(delivery.event(), expected);
    let fields = &some.taken()[0].event()["data"];
    assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["eta_s", "vehicle"]);
    assert_eq!(more.taken()[0].event(), streamed);
}

#[test]
fn a_neighbour_is_told_of_what_concerns_it_alone() {
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 2);
    let receiver = Receiver::start();
    command(&server, &["webhook", "add", &receiver.url(), "--name", "north", "--linked"]);
    let webhook = &server.get("/v1/webhooks")["webhooks"][0];
    assert_eq!(webhook["filter"]["linked"], json!(true), "{webhook}");
    flag_and_withdraw(&server, 0);
    let linked = json!({
        "vehicle": "v1", "reason": "stolen", "case": "C-2", "authority": "duty officer",
        "emergency": true, "scope": "linked",
    });
    withdraw(&server, &server.flag(&linked));
    eventually("what is linked is there", || receiver.taken().len() >= 2);
    let taken = receiver.taken();
    let told: Vec<_> = taken.iter().map(Delivery::event).collect();
    assert!(told.iter().all(|event| event["subject"] == "v1"), "{told:?}");
    assert_eq!(show(&server, webhook)["delivered"], json!(2));
    // The same by the stream.
    let mut stream = Events::open(server.http, "/v1/events?after=0&linked=true");
    assert_eq!([stream.next(""), stream.next("")], told[..2]);
}

/// One checkpoint at the town's north.
const NORTH: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature",
    "geometry":{"type":"Point","coordinates":[121.6304,39.0308]},
    "properties":{"id":"north","name":"North","kind":"throat-road","unit":"station"}}]}"#;

#[test]
fn what_is_covert_is_not_sent() {
    let place = Place::with(SHORT_CLOCKS);
    file(place.folder.path(), "units.toml", "[[units]]\nid = 'city'\nname = 'City'\n");
    let settings = format!("[files]\nunits = 'units.toml'\n[webhooks]\n{SHORT_CLOCKS}");
    file(place.folder.path(), "interdict.toml", &settings);
    let server = place.start();
    enrol(&server, 2);
    let receiver = Receiver::start();
    let webhook = add(&server, &receiver.url(), json!({}));
    let asked = json!({
        "vehicle": "v0", "reason": "stolen", "case": "C-1", "authority": "duty officer",
        "emergency": true, "covert": ["city"],
    });
    let hidden = server.flag(&asked);
    assert_eq!(hidden["covert"], json!(["city"]), "{hidden}");
    withdraw(&server, &hidden);
    flag_and_withdraw(&server, 1);
    eventually("what is not covert is there", || receiver.taken().len() >= 2);
    let subjects: Vec<_> =
        receiver.taken().iter().map(|delivery| delivery.event()["subject"].clone()).collect();
    assert_eq!(subjects, [json!("v1"), json!("v1")]);
    // It was passed over, and not merely later.
    let shown = show(&server, &webhook);
    assert_eq!((&shown["lag"]["events"], &shown["delivered"]), (&json!(0), &json!(2)), "{shown}");
    assert!(shown["cursor"].as_u64() >= Some(3), "{shown}");
}

#[test]
fn an_outage_with_kills_in_between_loses_nothing() {
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 10);
    let receiver = Receiver::start();
    let address = receiver.address;
    let webhook = add(&server, &receiver.url(), json!({}));
    for number in 0..25 {
        flag_and_withdraw(&server, number % 10);
    }
    eventually("what came before the outage is there", || receiver.taken().len() >= 50);
    let before = receiver.taken();
    drop(receiver);

    let mut server = server;
    for _ in 0..2 {
        for number in 0..40 {
            flag_and_withdraw(&server, number % 10);
        }
        eventually("it is tried again and again", || {
            show(&server, &webhook)["down"]["attempts"].as_u64() >= Some(3)
        });
        server.kill();
        server = place.start();
    }
    for number in 0..45 {
        flag_and_withdraw(&server, number % 10);
    }
    let waiting = show(&server, &webhook);
    assert_eq!(waiting["lag"]["events"], 250, "{waiting}");
    assert_eq!(waiting["state"], "active");
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("interdict_webhook_lag_events"), "{metrics}");

    let again = Receiver::start_at(address);
    eventually("everything is there", || show(&server, &webhook)["lag"]["events"] == 0);
    let deliveries: Vec<_> = before.into_iter().chain(again.taken()).collect();
    assert_eq!(check_order(&deliveries), all_events(&server, 300));
    let secret = webhook["secret"].as_str().unwrap();
    assert!(deliveries.iter().all(|delivery| delivery.is_signed_with(secret)));
    assert_eq!(show(&server, &webhook)["down"], Value::Null);
}

#[test]
fn a_kill_while_events_go_out_loses_nothing() {
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 10);
    let receiver = Receiver::start();
    let webhook = add(&server, &receiver.url(), json!({}));
    let id = webhook["id"].as_str().unwrap();
    server.post(&format!("/v1/webhooks/{id}/pause"), &json!({}));
    for number in 0..150 {
        flag_and_withdraw(&server, number % 10);
    }
    assert_eq!(receiver.taken().len(), 0);
    server.post(&format!("/v1/webhooks/{id}/resume"), &json!({}));
    eventually("some went out", || receiver.taken().len() >= 50);
    server.kill();
    let server = place.start();
    eventually("everything is there", || show(&server, &webhook)["lag"]["events"] == 0);
    assert_eq!(check_order(&receiver.taken()), all_events(&server, 300));
}

#[test]
fn a_slow_endpoint_slows_neither_intake_nor_another_one() {
    let place = Place::with("allow = ['127.0.0.0/8']\ntimeout_s = 60.0\nin_flight = 2\n");
    let server = place.start();
    enrol(&server, 5);
    let (slow, release) = Receiver::slow();
    let fast = Receiver::start();
    let slow_one = add(&server, &slow.url(), json!({}));
    add(&server, &fast.url(), json!({}));
    for number in 0..25 {
        flag_and_withdraw(&server, number % 5);
    }
    eventually("the fast one has all", || fast.taken().len() == 50);
    assert_eq!(slow.taken().len(), 0);
    let waiting = show(&server, &slow_one);
    assert_eq!(waiting["lag"]["events"], 50, "{waiting}");
    drop(release);
    eventually("the slow one has all", || slow.taken().len() == 50);
    assert_eq!(check_order(&slow.taken()), check_order(&fast.taken()));
}

#[test]
fn what_only_the_server_reaches_is_refused_at_creation_and_at_each_connect() {
    let receiver = Receiver::start();
    let place = Place::with("");
    let server = place.start();
    let port = receiver.address.port();
    for url in [
        receiver.url(),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://2130706433:{port}/"),
        "https://10.0.0.1/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "http://8.8.8.8/".to_owned(),
        "https://user:word@8.8.8.8/".to_owned(),
        "ftp://8.8.8.8/".to_owned(),
        "receiver".to_owned(),
    ] {
        let (status, problem) =
            server.request("POST", "/v1/webhooks", Some(&json!({ "url": url })));
        assert_eq!(status, 400, "{url}: {problem}");
    }
    assert_eq!(server.get("/v1/webhooks"), json!({ "webhooks": [], "next": null }));
    assert_eq!(server.stop(), 0);

    // A webhook that was good once: what is allowed has changed since, as a name's address might.
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 1);
    let webhook = add(&server, &receiver.url(), json!({}));
    flag_and_withdraw(&server, 0);
    eventually("it is reached", || receiver.taken().len() == 2);
    assert_eq!(server.stop(), 0);
    file(place.folder.path(), "interdict.toml", "[webhooks]\nretry_s = [0.02]\n");
    let server = place.start();
    flag_and_withdraw(&server, 0);
    eventually("it is not connected to", || {
        let error = show(&server, &webhook)["down"]["error"].clone();
        error.as_str().is_some_and(|error| error.contains("webhooks.allow"))
    });
    assert_eq!(receiver.taken().len(), 2);
}

#[test]
fn no_redirect_is_followed_and_an_endless_answer_is_cut() {
    let elsewhere = Receiver::start();
    let location = elsewhere.url();
    let redirecting = Receiver::answering(move |_| {
        format!("HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
    });
    let endless = Receiver::answering(|_| {
        format!("HTTP/1.1 200 x\r\ncontent-length: 900000000\r\n\r\n{}", "x".repeat(100_000))
    });
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 1);
    let redirected = add(&server, &redirecting.url(), json!({}));
    let long = add(&server, &endless.url(), json!({}));
    flag_and_withdraw(&server, 0);
    eventually("the redirect is an error", || {
        show(&server, &redirected)["down"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("307"))
    });
    eventually("an answer counts by its status", || show(&server, &long)["delivered"] == 2);
    assert_eq!(elsewhere.taken().len(), 0);
}

#[test]
fn a_rejected_event_holds_its_vehicle_back_then_it_is_a_dead_letter_and_may_be_sent_again() {
    let settings = format!("{SHORT_CLOCKS}give_up_rejected_s = 1.0\n");
    let place = Place::with(&settings);
    let server = place.start();
    enrol(&server, 3);
    let welcome = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = std::sync::Arc::clone(&welcome);
    let receiver = Receiver::answering(move |delivery| {
        let event = delivery.event();
        let is_bad = event["subject"] == "v1" && event["type"] == "interdict.flag.added";
        let is_welcome = asked.load(std::sync::atomic::Ordering::SeqCst);
        if is_bad && !is_welcome { status(422) } else { status(204) }
    });
    let webhook = add(&server, &receiver.url(), json!({}));
    for number in 0..3 {
        flag_and_withdraw(&server, number);
    }
    let of = |vehicle: &str| {
        receiver.taken().iter().filter(|delivery| delivery.event()["subject"] == vehicle).count()
    };
    eventually("the other vehicles' events go out", || of("v0") == 2 && of("v2") == 2);
    eventually("the rejected one is given up, and the next goes out", || of("v1") == 1);
    let id = webhook["id"].as_str().unwrap();
    let mut dead = Value::Null;
    eventually("it is a dead letter", || {
        dead = server.get(&format!("/v1/webhooks/{id}/dead"));
        dead["dead"].as_array().unwrap().len() == 1
    });
    let letter = &dead["dead"][0];
    assert_eq!(
        (&letter["type"], &letter["vehicle"]),
        (&json!("interdict.flag.added"), &json!("v1"))
    );
    assert!(letter["error"].as_str().unwrap().contains("422"), "{letter}");

    welcome.store(true, std::sync::atomic::Ordering::SeqCst);
    let unknown = server.request(
        "POST",
        &format!("/v1/webhooks/{id}/dead/resend"),
        Some(&json!({ "sequences": [999] })),
    );
    assert_eq!(unknown.0, 404, "{}", unknown.1);
    let told = command(&server, &["webhook", "dead", id, "--resend-all"]);
    assert_eq!(told.trim(), "sending again: 1");
    eventually("it is delivered after all", || of("v1") == 2);
    eventually("it is dead no more", || {
        server.get(&format!("/v1/webhooks/{id}/dead"))["dead"] == json!([])
    });
}

/// What a command prints that is told of the server.
fn command(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .args(["--server", &server.url("")])
        .env("INTERDICT_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_is_made_paused_rotated_set_back_and_removed_by_an_admin_and_all_is_noted() {
    let place = Place::with(SHORT_CLOCKS);
    let server = place.start();
    enrol(&server, 1);
    let receiver = Receiver::start();
    flag_and_withdraw(&server, 0);
    let url = receiver.url();
    let secret =
        command(&server, &["webhook", "add", &url, "--after", "0", "--reason", "exercise"]);
    eventually("the past is sent where it is asked for", || receiver.taken().len() == 2);
    let list = server.get("/v1/webhooks");
    let webhook = &list["webhooks"][0];
    let id = webhook["id"].as_str().unwrap();
    assert!(!list.to_string().contains("whsec_"), "write-only: {list}");
    assert!(receiver.taken()[0].is_signed_with(secret.trim()));

    assert!(command(&server, &["webhook", "pause", id]).contains("paused"));
    flag_and_withdraw(&server, 0);
    assert_eq!(show(&server, webhook)["lag"]["events"], 2);
    let rotated = command(&server, &["webhook", "rotate", id]);
    assert!(command(&server, &["webhook", "resume", id]).contains("active"));
    eventually("it goes on", || receiver.taken().len() == 4);
    let delivery = receiver.taken()[3].clone();
    assert!(delivery.is_signed_with(secret.trim()) && delivery.is_signed_with(rotated.trim()));

    let first = receiver.taken()[0].sequence();
    command(&server, &["webhook", "replay", id, "--after", &first.to_string()]);
    eventually("all after it come again", || receiver.taken().len() == 7);
    assert_eq!(check_order(&receiver.taken()).len(), 4);
    let ahead = server.request(
        "POST",
        &format!("/v1/webhooks/{id}/replay"),
        Some(&json!({ "after": 1_000_000 })),
    );
    assert_eq!(ahead.0, 400, "{}", ahead.1);
    assert!(command(&server, &["webhook", "list"]).contains(&url));
    command(&server, &["webhook", "remove", id]);
    assert_eq!(server.get("/v1/webhooks"), json!({ "webhooks": [], "next": null }));

    let dispatcher = server.post("/v1/tokens", &json!({ "name": "d", "role": "dispatcher" }));
    let refused = ureq::get(server.url("/v1/webhooks"))
        .config()
        .http_status_as_error(false)
        .build()
        .header("authorization", format!("Bearer {}", dispatcher["token"].as_str().unwrap()))
        .call()
        .unwrap();
    assert_eq!(refused.status(), 403);
    let audit = server.get("/v1/audit?limit=1000").to_string();
    for noted in ["add", "change", "rotate", "replay", "remove"] {
        assert!(audit.contains(&format!("webhook.{noted}")), "{noted}: {audit}");
    }
    assert!(audit.contains("exercise") && !audit.contains("whsec_"));
    drop(server);
    let server = place.start();
    assert_eq!(server.get("/v1/webhooks"), json!({ "webhooks": [], "next": null }));
}

#[test]
fn https_is_spoken_with_whom_the_system_trusts_and_nobody_else() {
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = || {
        let key = certificate.signing_key.serialize_der().try_into().unwrap();
        tokio_rustls::rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .unwrap()
    };
    let receiver = Receiver::with_tls(tls());
    let place = Place::with("allow = ['127.0.0.0/8', '::1/128']\nretry_s = [0.02]\n");
    let trusted = file(place.folder.path(), "trusted.pem", &certificate.cert.pem());
    let url = format!("https://localhost:{}/hook", receiver.address.port());
    let server = place.start_in(&[("SSL_CERT_FILE", trusted.to_str().unwrap())]);
    enrol(&server, 1);
    let webhook = add(&server, &url, json!({}));
    flag_and_withdraw(&server, 0);
    eventually("it is delivered", || receiver.taken().len() == 2);
    assert_eq!(server.stop(), 0);

    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let trusted = file(place.folder.path(), "other.pem", &other.cert.pem());
    let server = place.start_in(&[("SSL_CERT_FILE", trusted.to_str().unwrap())]);
    flag_and_withdraw(&server, 0);
    eventually("a stranger is not spoken to", || {
        let error = show(&server, &webhook)["down"]["error"].clone();
        error.as_str().is_some_and(|error| error.contains("certificate"))
    });
    assert_eq!(receiver.taken().len(), 2);
}
