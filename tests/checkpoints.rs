//! Checkpoints that come, move, close and go while the server runs.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use std::time::{Duration, Instant};

use api_support::{START, Server, refusal, setup};
use interdict::client::Client;
use interdict::roads;
use interdict_engine::{Input, Observation, Setup};
use interdict_protocols::Fix;
use serde_json::{Value, json};

/// Two roads round a block, and a third that leads away north: 111 m to a thousandth of a degree.
const ROADS: &str = r#"{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"class":"primary","name":"South Road"},"geometry":{"type":"LineString","coordinates":[[121.50,39.00],[121.52,39.00]]}},
 {"type":"Feature","properties":{"class":"primary","name":"East Road"},"geometry":{"type":"LineString","coordinates":[[121.52,39.00],[121.52,39.02]]}},
 {"type":"Feature","properties":{"class":"primary","name":"North Road"},"geometry":{"type":"LineString","coordinates":[[121.52,39.02],[121.50,39.02],[121.50,39.00]]}},
 {"type":"Feature","properties":{"class":"trunk","name":"Highway"},"geometry":{"type":"LineString","coordinates":[[121.52,39.02],[121.52,39.12]]}}
]}"#;

fn with_roads() -> Setup {
    let mut setup = setup();
    let graph = roads::from_bytes(ROADS.as_bytes()).unwrap().graph;
    roads::lend(graph, &mut setup, None);
    setup
}

fn post(latitude: f64, longitude: f64) -> Value {
    json!({
        "type": "Feature",
        "properties": {"name": "Mobile post", "kind": "post", "unit": "station"},
        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
    })
}

/// Asks until approaches are judged by road; how long that took.
fn by_road(admin: &Client, id: &str) -> Duration {
    let begun = Instant::now();
    while admin.get(&format!("/v1/checkpoints/{id}")).unwrap()["by_road"] != true {
        assert!(begun.elapsed() < Duration::from_secs(60), "{id} is never on the roads");
    }
    begun.elapsed()
}

/// Drives a flagged vehicle up the highway, a fix every ten seconds, from so many seconds before the
/// server's beginning until then.
fn drive(server: &Server, vehicle: &str) {
    server.enrol(&format!("d-{vehicle}"), vehicle, &format!("辽B·{vehicle}"));
    server.flag(vehicle);
    for step in 0..30_u32 {
        let time = START.plus_seconds(f64::from(step) * 10.0 - 300.0);
        let latitude = 39.02 + 0.0015 * f64::from(step);
        let mut fix = Fix::new(time, latitude, 121.52).unwrap();
        (fix.speed_kmh, fix.course_deg) = (Some(60.0), Some(0.0));
        let device = format!("d-{vehicle}").into();
        let input = Input::Fix(Observation { device, vehicle: vehicle.into(), fix });
        server.runtime.block_on(server.shards.tell(vec![input])).unwrap();
    }
}

fn alerts(admin: &Client, checkpoint: &str) -> Vec<Value> {
    let all = admin.get("/v1/alerts").unwrap()["alerts"].as_array().unwrap().clone();
    all.into_iter().filter(|alert| alert["checkpoint"]["id"] == checkpoint).collect()
}

#[test]
fn a_mobile_post_is_placed_moved_closed_reopened_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    let admin = server.admin();
    let placed = admin.put("/v1/checkpoints/post-7", &post(39.08, 121.52)).unwrap();
    assert_eq!((&placed["id"], &placed["lead_s"]), (&json!("post-7"), &json!(240.0)));
    assert_eq!(placed["warnings"], Value::Null);
    by_road(&admin, "post-7");

    for vehicle in ["T1", "T2", "T3", "T4"] {
        drive(&server, vehicle);
    }
    let raised = alerts(&admin, "post-7");
    assert_eq!(raised.len(), 4, "{raised:?}");
    assert!(raised.iter().all(|alert| alert["route"] == json!(["Highway"])), "{raised:?}");

    let closed = admin.patch("/v1/checkpoints/post-7", &json!({"state": "closed"})).unwrap();
    assert_eq!((&closed["state"], &closed["by_road"]), (&json!("closed"), &json!(true)));
    assert!(alerts(&admin, "post-7").is_empty());
    admin.patch("/v1/checkpoints/post-7", &json!({"state": "manned"})).unwrap();
    assert_eq!(alerts(&admin, "post-7").len(), 4);

    // Moved behind them: nobody is on the way there.
    admin.put("/v1/checkpoints/post-7", &post(39.0, 121.51)).unwrap();
    by_road(&admin, "post-7");
    admin.delete("/v1/checkpoints/post-7").unwrap();
    assert!(alerts(&admin, "post-7").is_empty());
    assert_eq!(refusal(admin.get("/v1/checkpoints/post-7")).0, 404);
}

#[test]
fn what_was_changed_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    let admin = server.admin();
    admin.put("/v1/checkpoints/post-7", &post(39.08, 121.52)).unwrap();
    by_road(&admin, "post-7");
    admin.delete("/v1/checkpoints/north").unwrap();
    drive(&server, "T1");
    let before = alerts(&admin, "post-7");
    drop(server);

    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    let admin = server.admin();
    let listed = admin.get("/v1/checkpoints").unwrap();
    let listed = listed["checkpoints"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["id"], &listed[0]["by_road"]), (&json!("post-7"), &json!(true)));
    let after = alerts(&admin, "post-7");
    assert_eq!((after.len(), &after[0]["alert"]), (1, &before[0]["alert"]), "{after:?}");
}

#[test]
fn roads_that_come_later_take_the_posts_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let placed = server.admin().put("/v1/checkpoints/post-7", &post(39.08, 121.52)).unwrap();
    assert_eq!(placed["by_road"], false);
    drop(server);
    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    assert_eq!(server.admin().get("/v1/checkpoints/post-7").unwrap()["by_road"], true);
}

#[test]
fn what_cannot_be_a_checkpoint_is_refused_and_what_is_doubtful_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    let admin = server.admin();
    let far = admin.put("/v1/checkpoints/far", &post(39.08, 121.60)).unwrap();
    assert_eq!(far["by_road"], false);
    assert!(far["warnings"][0].as_str().unwrap().contains("on no road"), "{far}");

    let mut other_id = post(39.08, 121.52);
    other_id["properties"]["id"] = json!("another");
    let mut no_unit = post(39.08, 121.52);
    no_unit["properties"]["unit"] = json!("nobody");
    let swapped = post(121.52, 39.08);
    for (body, word) in [
        (other_id, "another"),
        (no_unit, "station"),
        (swapped, "swapped"),
        (json!({"type": "Feature"}), "properties"),
        (json!({"properties": {}}), "type"),
    ] {
        let (status, detail, _) = refusal(admin.put("/v1/checkpoints/post-7", &body));
        assert_eq!(status, 400, "{detail}");
        assert!(detail.contains(word), "{detail}");
    }
    let late = json!({"lead_s": 1e9});
    assert_eq!(refusal(admin.patch("/v1/checkpoints/north", &late)).0, 400);
    assert_eq!(refusal(admin.patch("/v1/checkpoints/none", &json!({"state": "closed"}))).0, 404);

    admin.post("/v1/tokens", &json!({"name": "o", "role": "operator", "unit": "station"})).unwrap();
    let operator = admin.post("/v1/tokens", &json!({"name": "p", "role": "operator"})).unwrap();
    let operator = server.client(operator["token"].as_str().unwrap());
    assert_eq!(refusal(operator.put("/v1/checkpoints/post-7", &post(39.08, 121.52))).0, 403);
}

#[test]
fn many_change_checkpoints_at_once_while_vehicles_drive() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "127.0.0.1:0", with_roads());
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (server, admin) = (&server, server.admin());
            scope.spawn(move || {
                let path = format!("/v1/checkpoints/post-{number}");
                for round in 0..5 {
                    let latitude = 39.075 + 0.005 * f64::from(number) + 0.001 * f64::from(round);
                    admin.put(&path, &post(latitude, 121.52)).unwrap();
                }
                drive(server, &format!("V{number}"));
                if number % 2 == 0 {
                    admin.delete(&path).unwrap();
                }
            });
        }
    });
    let admin = server.admin();
    for id in ["post-1", "post-3"] {
        by_road(&admin, id);
        assert_eq!(alerts(&admin, id).len(), 4, "{id}");
    }
    assert_eq!(admin.get("/v1/checkpoints").unwrap()["checkpoints"].as_array().unwrap().len(), 3);
}
