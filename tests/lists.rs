//! Lists page by page, what there is besides, and what a request goes by, over a real socket.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use api_support::{ADMIN, Server, refusal, setup};
use interdict_engine::{Position, Region, Setup};
use serde_json::{Value, json};

fn ids(all: &[Value], pointer: &str) -> Vec<String> {
    all.iter().map(|one| one.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_list_is_read_in_pages_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    for vehicle in ["v1", "v2", "v3"] {
        server.enrol(&format!("d-{vehicle}"), vehicle, "A1");
        server.flag(vehicle);
        server.registry.refuse(&format!("r-{vehicle}").as_str().into(), "h02", "192.0.2.1:9");
        let hook = json!({"url": format!("http://127.0.0.1:9/{vehicle}"), "name": vehicle});
        admin.post("/v1/webhooks", &hook).unwrap();
        let north = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [121.6, 39.0]},
            "properties": {"name": vehicle, "kind": "post", "unit": "station"}});
        admin.put(&format!("/v1/checkpoints/{vehicle}"), &north).unwrap();
    }
    let flags = server.dispatcher().list("/v1/flags", "flags").unwrap();
    for flag in ids(&flags, "/id") {
        admin.post(&format!("/v1/flags/{flag}/hold"), &json!({"reason": "court 7"})).unwrap();
    }
    for (path, name, pointer) in [
        ("/v1/devices", "devices", "/device"),
        ("/v1/devices/refused", "refused", "/device"),
        ("/v1/vehicles", "vehicles", "/id"),
        ("/v1/flags", "flags", "/id"),
        ("/v1/holds", "holds", "/flag"),
        ("/v1/checkpoints", "checkpoints", "/id"),
        ("/v1/units", "units", "/id"),
        ("/v1/tokens", "tokens", "/name"),
        ("/v1/webhooks", "webhooks", "/name"),
        ("/v1/audit", "entries", "/leaf"),
    ] {
        let whole = admin.get(path).unwrap();
        let whole = ids(whole[name].as_array().unwrap(), pointer);
        assert!(whole.len() >= 2, "{path}: {whole:?}");
        let first = admin.get(&format!("{path}?limit=1")).unwrap();
        assert_eq!(first[name].as_array().unwrap().len(), 1, "{path}");
        // The log grows by each look at it.
        let paged = ids(&admin.list(&format!("{path}?limit=2"), name).unwrap(), pointer);
        assert_eq!(paged[..whole.len()], whole, "{path}");
        assert!(paged.len() == whole.len() || name == "entries", "{path}");
        let past = admin.get(&format!("{path}?limit=0x"));
        assert_eq!(refusal(past).0, 400, "{path}");
    }
}

#[test]
fn vehicles_are_found_by_plate_and_a_swapped_device_speaks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "辽B·12345");
    server.enrol("9", "w", "辽B·54321");
    let found = admin.get("/v1/vehicles?plate=%E8%BE%BDb%2012345").unwrap();
    assert_eq!(ids(found["vehicles"].as_array().unwrap(), "/id"), ["v"]);
    assert_eq!(found.pointer("/vehicles/0/devices"), Some(&json!(["1"])));

    let taken = admin.post("/v1/devices/1/swap", &json!({"device": "9"}));
    let (status, detail, _) = refusal(taken);
    assert_eq!(
        (status, detail.as_str()),
        (409, "the device `9` is enrolled already, in vehicle `w`; revoke it first")
    );
    let swapped = admin.post("/v1/devices/1/swap?reason=broken", &json!({"device": "2"})).unwrap();
    assert_eq!((&swapped["device"], &swapped["vehicle"]["id"]), (&json!("2"), &json!("v")));
    assert_eq!(refusal(admin.get("/v1/devices/1")).0, 404);
    let entries = admin.list("/v1/audit", "entries").unwrap();
    let swap = entries.iter().rfind(|entry| entry["act"] == "device.swap").unwrap();
    let content = &swap["content"];
    assert_eq!((&content["why"], &content["what"]["was"]), (&json!("broken"), &json!("1")));
}

#[test]
fn regions_are_geojson() {
    let folder = tempfile::tempdir().unwrap();
    let corner = |latitude, longitude| Position { latitude, longitude };
    let outline = vec![corner(38.8, 121.5), corner(38.8, 121.7), corner(39.0, 121.7)];
    let region = Region { unit: "station".into(), outlines: vec![outline] };
    let setup = Setup { regions: vec![region], ..setup() };
    let server = Server::start_with(folder.path(), "127.0.0.1:0", setup);
    let (parts, body) =
        server.raw("GET", "/v1/regions", &[("authorization", "Bearer the-admin")], "");
    assert_eq!(parts.headers["content-type"], "application/geo+json");
    let collection: geojson::FeatureCollection =
        body.parse::<geojson::GeoJson>().unwrap().try_into().unwrap();
    assert_eq!(collection.features[0].property("unit"), Some(&json!("station")));
    let ring = [[121.5, 38.8], [121.7, 38.8], [121.7, 39.0], [121.5, 38.8]];
    let geometry = serde_json::to_value(&collection.features[0].geometry).unwrap();
    assert_eq!(geometry["coordinates"], json!([[ring]]));
}

#[test]
fn a_request_goes_by_one_name_in_the_answer_and_in_the_problem() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let bearer = format!("Bearer {ADMIN}");
    let ask = |path: &str, id: Option<&str>| {
        let headers = [("authorization", bearer.as_str())].into_iter();
        let headers: Vec<_> = headers.chain(id.map(|id| ("x-request-id", id))).collect();
        let (parts, body) = server.raw("GET", path, &headers, "");
        let id = parts.headers["x-request-id"].to_str().unwrap().to_owned();
        (id, serde_json::from_str::<Value>(&body).unwrap()["request_id"].clone())
    };
    assert_eq!(ask("/v1/flags", Some("call-7")), ("call-7".to_owned(), Value::Null));
    assert_eq!(ask("/v1/nowhere", Some("call-8")), ("call-8".to_owned(), json!("call-8")));
    let (one, said) = ask("/v1/nowhere", None);
    assert_eq!(said, json!(one));
    // What could be taken for a part of a log line is not kept.
    let (other, said) = ask("/nowhere", Some("a b=c"));
    assert_eq!(said, json!(other));
    assert!(other.len() == 16 && other != one, "{other}");
}
