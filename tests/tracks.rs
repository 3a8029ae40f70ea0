//! Who reads how much of a vehicle's track, and that it is noted.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use api_support::{START, Server, flag_of, refusal};
use interdict::client::Client;
use interdict::store::{Kept, TrackFix};
use interdict_engine::{Class, Input, Observation};
use interdict_protocols::Fix;
use serde_json::{Value, json};

/// Fixes of a vehicle that were received so many minutes before the start, kept for its class.
fn keep(server: &Server, vehicle: &str, minutes_ago: &[f64]) {
    let kept = minutes_ago.iter().map(|minutes| {
        let at = START.plus_seconds(-60.0 * minutes);
        let fix = TrackFix { at, device: "1".into(), fix: Fix::new(at, 38.9, 121.6).unwrap() };
        Kept { vehicle: vehicle.into(), class: Some(Class::Patrol), is_followed: false, fix }
    });
    server.store.commit_all(&[], &[], &[], &kept.collect::<Vec<_>>()).unwrap();
}

fn enrol(server: &Server, device: &str, vehicle: &str, unit: &str) {
    let body = json!({"device": device, "vehicle": vehicle, "class": "patrol", "unit": unit});
    server.admin().post("/v1/devices", &body).unwrap();
}

fn read(client: &Client, vehicle: &str, query: &str) -> Value {
    client.get(&format!("/v1/vehicles/{vehicle}/track?reason=crash{query}")).unwrap()
}

fn count(track: &Value) -> usize {
    track["fixes"].as_array().unwrap().len()
}

#[test]
fn a_track_is_read_as_far_back_as_the_role_reads_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    enrol(&server, "1", "v", "station");
    keep(&server, "v", &[5_000.0, 120.0, 90.0, 30.0, 10.0]);
    let long_ago = format!("&from={}", START.plus_seconds(-400_000.0));
    let dispatcher = server.dispatcher();
    assert_eq!(count(&read(&dispatcher, "v", "")), 2, "the last hour");
    assert_eq!(count(&read(&dispatcher, "v", &long_ago)), 5);
    let of_station = server.client_as("post", "operator", Some("station"));
    let read_back = read(&of_station, "v", &long_ago);
    assert_eq!(count(&read_back), 4, "of a day");
    assert!(
        read_back["from"].as_str().unwrap() > START.plus_seconds(-90_000.0).to_string().as_str()
    );
    let to = format!("{long_ago}&to={}", START.plus_seconds(-60.0 * 90.0));
    assert_eq!(count(&read(&dispatcher, "v", &to)), 2);

    let (mut query, mut pages) = (format!("{long_ago}&limit=2"), Vec::new());
    loop {
        let page = read(&dispatcher, "v", &query);
        pages.push(count(&page));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("&from={next}&limit=2");
    }
    assert_eq!(pages, [2, 2, 1]);
    let first = &read(&dispatcher, "v", &long_ago)["fixes"][0];
    assert_eq!((&first["at"], &first["latitude"]), (&first["fix_time"], &json!(38.9)));
}

#[test]
fn each_read_has_its_reason_and_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    enrol(&server, "1", "v", "station");
    enrol(&server, "2", "still", "station");
    keep(&server, "v", &[1.0]);
    keep(&server, "sold", &[1.0]);
    let dispatcher = server.dispatcher();
    let refused = |query: &str| refusal(dispatcher.get(&format!("/v1/vehicles/{query}")));
    for (query, status, words) in [
        ("v/track", 400, "for a reason only"),
        ("v/track?reason=x&from=yesterday", 400, "`from` is no time such as"),
        ("v/track?reason=x&from=2100-01-01T00:00:00Z", 400, "`from` must be earlier"),
        ("v/track?reason=x&until=now", 400, "unknown parameter `until`"),
        ("v/track?reason=x&limit=many", 400, "`limit` is not a whole number"),
        ("nobody/track?reason=x", 404, "no vehicle has the identity or plate `nobody`"),
    ] {
        let (found, detail, _) = refused(query);
        assert!(found == status && detail.contains(words), "{query}: {found} {detail}");
    }
    assert_eq!(count(&read(&dispatcher, "still", "")), 0);
    // One that is enrolled no more belongs to no unit: whoever has everything reads it.
    assert_eq!(count(&read(&dispatcher, "sold", "")), 1);
    let of_station = server.client_as("post", "operator", Some("station"));
    assert_eq!(refusal(of_station.get("/v1/vehicles/sold/track?reason=x")).0, 403);
    assert_eq!(count(&read(&of_station, "v", "")), 1);
    let log = server.admin().get("/v1/audit?reason=x&limit=1000").unwrap();
    let mut entries = log["entries"].as_array().unwrap().iter();
    let noted = entries.rfind(|entry| entry["act"] == "vehicle.track").unwrap();
    let content = noted["content"].to_string();
    for part in ["\"v\"", "post", "crash", "\"from\"", "\"to\""] {
        assert!(content.contains(part), "{part} in {noted}");
    }
}

#[test]
fn a_flagged_vehicle_s_track_is_kept_and_a_covert_one_s_read_by_its_units_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (number, vehicle) in ["open", "covert", "nobody"].into_iter().enumerate() {
        enrol(&server, &number.to_string(), vehicle, "station");
    }
    server.flag("open");
    let mut asked = flag_of("covert");
    asked["covert"] = json!(["station"]);
    server.dispatcher().post("/v1/flags", &asked).unwrap();
    for vehicle in ["open", "covert", "nobody"] {
        let fix = Fix::new(START, 38.9, 121.6).unwrap();
        let observation = Observation { device: "1".into(), vehicle: vehicle.into(), fix };
        server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    }
    let of_station = server.client_as("post", "operator", Some("station"));
    let counts = |client: &Client| {
        ["open", "covert", "nobody"].map(|vehicle| count(&read(client, vehicle, "")))
    };
    assert_eq!(counts(&of_station), [1, 1, 0]);
    assert_eq!(counts(&server.dispatcher()), [1, 0, 0]);
}
