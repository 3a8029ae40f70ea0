//! `interdict contain`: on this machine and by a server, the same ring.

mod support;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use support::{Server, TOKEN, file, fix_ago, folder, interdict};

/// A town of one block with a ferry, four roads to a belt, and two roads from there out of the map.
/// Names and GeoJSON coordinates; the block is 400 m wide, the belt lies 5 km out.
fn roads() -> String {
    let (w, e, s, n) = (121.60, 121.604_6, 38.90, 38.903_6);
    let (west, east, south, north) = (121.54, 121.66, 38.855, 38.948);
    let lines: &[(&str, &str, &[[f64; 2]])] = &[
        ("South Street", "primary", &[[w, s], [e, s]]),
        ("East Street", "primary", &[[e, s], [e, n]]),
        ("North Street", "primary", &[[e, n], [w, n]]),
        ("West Street", "primary", &[[w, n], [w, s]]),
        ("West Road", "primary", &[[w, s], [west, s]]),
        ("South Road", "primary", &[[e, s], [e, south]]),
        ("East Road", "primary", &[[e, n], [east, n]]),
        ("North Road", "primary", &[[w, n], [w, north]]),
        ("Belt", "trunk", &[[west, s], [e, south]]),
        ("Belt", "trunk", &[[e, south], [east, n]]),
        ("Belt", "trunk", &[[east, n], [w, north]]),
        ("Belt", "trunk", &[[w, north], [west, s]]),
        ("Way North", "primary", &[[w, north], [w, north + 0.05]]),
        ("Way East", "primary", &[[east, n], [east + 0.06, n]]),
        ("Island Ferry", "ferry", &[[e, s], [e, s - 0.1]]),
    ];
    let feature = |(name, class, line): &(&str, &str, &[[f64; 2]])| {
        json!({
            "type": "Feature",
            "properties": {"name": name, "class": class, "maxspeed_kmh": 60},
            "geometry": {"type": "LineString", "coordinates": line},
        })
    };
    let features: Vec<Value> = lines.iter().map(feature).collect();
    json!({"type": "FeatureCollection", "features": features}).to_string()
}

fn checkpoints() -> String {
    let places = [
        ("west", 121.57, 38.90, 60),
        ("south", 121.604_6, 38.875, 60),
        ("east", 121.63, 38.903_6, 60),
        ("north", 121.60, 38.925, 60),
        ("way-north", 121.60, 38.97, 300),
        ("way-east", 121.69, 38.903_6, 120),
        ("far", 122.5, 39.5, 0),
    ];
    let feature = |(id, longitude, latitude, ready_s): (&str, f64, f64, u32)| {
        json!({
            "type": "Feature",
            "properties": {
                "id": id, "name": format!("Post {id}"), "kind": "throat-road", "unit": "station",
                "ready_s": ready_s,
            },
            "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
        })
    };
    json!({"type": "FeatureCollection", "features": places.map(feature)}).to_string()
}

/// A folder with roads and checkpoints in it.
struct Town {
    folder: tempfile::TempDir,
    roads: PathBuf,
    checkpoints: PathBuf,
}

impl Town {
    fn new() -> Self {
        let folder = folder();
        let roads = file(folder.path(), "roads.geojson", &roads());
        let checkpoints = file(folder.path(), "points.geojson", &checkpoints());
        Self { folder, roads, checkpoints }
    }

    fn files(&self) -> [&str; 4] {
        [
            "--roads",
            self.roads.to_str().expect("UTF-8"),
            "--checkpoints",
            self.checkpoints.to_str().expect("UTF-8"),
        ]
    }

    /// With the car at the block's south-west corner a minute ago.
    fn contain(&self, arguments: &[&str]) -> Output {
        let seen = ["contain", "--at", "38.9,121.6", "--since", "2026-06-15T02:00:00Z"];
        interdict(&[&seen[..], &self.files(), arguments].concat())
    }
}

const NOW: [&str; 2] = ["--now", "2026-06-15T02:01:00Z"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command that succeeds prints.
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn names(answer: &Value, list: &str, name: &str) -> Vec<String> {
    let all = answer.pointer(list).and_then(Value::as_array).expect("a list");
    all.iter()
        .map(|one| one.pointer(name).and_then(Value::as_str).expect("a text").to_owned())
        .collect()
}

#[test]
fn the_fewest_checkpoints_are_named_in_order_of_urgency_and_the_ferry_that_none_covers() {
    let town = Town::new();
    let output = town.contain(&[&NOW[..], &["--format", "json"]].concat());
    let answer: Value = serde_json::from_str(&said(&output)).expect("one document");
    assert_eq!(names(&answer, "/checkpoints", "/checkpoint/id"), ["way-north", "way-east"]);
    assert_eq!(answer["proven"], true);
    assert_eq!(answer["closed"], false);
    assert_eq!(names(&answer, "/uncovered", "/kind"), ["ferry"]);
    assert_eq!(names(&answer, "/uncovered", "/name"), ["Island Ferry"]);
    assert_eq!(answer["ways_out"], 3);
    let first = &answer["checkpoints"][0];
    assert_eq!(first["in_place_at"], "2026-06-15T02:06:00Z");
    assert_eq!(first["roads"], json!(["Way North"]));
    // 7.8 km at 60 km/h, and two crossings: four fifths of eight minutes.
    let earliest = first["earliest_at"].as_str().expect("a time");
    assert!(earliest.starts_with("2026-06-15T02:06:1"), "{earliest}");
    let slack_s: Vec<f64> = answer["checkpoints"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|closing| closing["slack_s"].as_f64().expect("seconds"))
        .collect();
    assert!(slack_s[0] > 0.0 && slack_s[0] < slack_s[1], "{slack_s:?}");
    assert_eq!(
        (&answer["left_out"][0]["checkpoint"]["id"], &answer["left_out"][0]["why"]),
        (&json!("far"), &json!("off_road"))
    );
    assert_eq!(answer["vehicle"], Value::Null);
}

#[test]
fn an_answer_is_written_for_people_in_their_own_time() {
    let town = Town::new();
    let said = said(&town.contain(&NOW));
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("The vehicle was at 38.90000, 121.60000 at 2026-06-15 10:00:00"),
        "{said}"
    );
    assert!(
        lines[1].starts_with("2 checkpoints close what can be closed within 1.0 h (fewer do not)"),
        "{said}"
    );
    assert!(lines[2].starts_with("checkpoint "), "{said}");
    assert!(
        lines[3]
            .starts_with("Post way-north (way-north)  station  to be set up  2026-06-15 10:06:00"),
        "{said}"
    );
    assert!(said.contains("\nIsland Ferry  ferry  38.90000, 121.60460  2026-06-15 10:0"), "{said}");
    assert!(said.contains("These checkpoints are on no road of the map: far"), "{said}");
    let in_utc = town.contain(&[&NOW[..], &["--zone", "UTC"]].concat());
    assert!(text(&in_utc.stdout).contains("2026-06-15 02:06:00"));
}

#[test]
fn the_longer_ago_it_was_the_less_can_be_closed() {
    let town = Town::new();
    let late = town.contain(&["--now", "2026-06-15T02:08:00Z", "--format", "json"]);
    let late: Value = serde_json::from_str(&said(&late)).expect("JSON");
    assert_eq!(names(&late, "/checkpoints", "/checkpoint/id"), Vec::<String>::new());
    assert_eq!(names(&late, "/uncovered", "/name").len(), 3);
    let printed = said(&town.contain(&["--now", "2026-06-15T02:08:00Z"]));
    assert!(printed.contains("No checkpoint closes a way out within 1.0 h in time."), "{printed}");
    assert!(
        printed
            .contains("cannot be in place in time: west, south, east, north, way-north, way-east"),
        "{printed}"
    );
}

#[test]
fn times_are_read_as_elsewhere_and_as_how_long_ago() {
    let town = Town::new();
    let json = |output: Output| -> Value { serde_json::from_str(&said(&output)).expect("JSON") };
    let place = ["contain", "--at", "38.9,121.6", "--format", "json"];
    let at = |more: &[&str]| json(interdict(&[&place[..], &town.files(), more].concat()));
    let plain = at(&["--since", "2026-06-15T02:00:00Z", NOW[0], NOW[1]]);
    assert_eq!(at(&["--since", "2026-06-15 10:00:00", "--now", "2026/06/15 10:01:00"]), plain);
    assert_eq!(at(&["--since", "1m", NOW[0], NOW[1]]), plain);
    assert_eq!(at(&["--since", "1781488800", "--now", "1781488860"]), plain);
    let in_utc = ["--zone", "UTC", "--since", "2026-06-15 02:00:00", NOW[0], NOW[1]];
    assert_eq!(at(&in_utc), plain);
    assert!(
        at(&["--since", "90s"])["since"].as_str() > Some("2026-06-15"),
        "by this machine's clock"
    );
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason() {
    let town = Town::new();
    let roads = ["--roads", town.roads.to_str().expect("UTF-8")];
    let at = ["contain", "--at", "38.9,121.6", "--since", "1m"];
    let mut early = [&at[..], &NOW].concat();
    early[4] = "2026-06-15T03:00:00Z";
    let empty = file(town.folder.path(), "bare.toml", "[files]\ncheckpoints = 'points.geojson'\n");
    let empty = ["--config", empty.to_str().expect("UTF-8")];
    for (code, arguments, words) in [
        (1, [&at[..], &empty].concat(), "--roads FILE"),
        (1, [&at[..], &["--roads", "/no/such/file"]].concat(), "/no/such/file"),
        (
            1,
            [&["contain", "--at", "48.1,2.3", "--since", "1m"][..], &roads].concat(),
            "no road within 500 m",
        ),
        (1, [&early[..], &roads].concat(), "later than now"),
        (
            2,
            [&["contain", "--at", "38.9,121.6", "--since", "noon"][..], &roads].concat(),
            "--since",
        ),
        (
            2,
            [&["contain", "--at", "121.6,38.9", "--since", "1m"][..], &roads].concat(),
            "121.6,38.9",
        ),
        (2, [&["contain", "--at", "38.9,121.6"][..], &roads].concat(), "--since"),
        (2, vec!["contain"], "--vehicle"),
        (2, [&at[..], &["--vehicle", "v"]].concat(), "--vehicle"),
        (2, [&at[..], &["--pace", "0"]].concat(), "--pace"),
        (2, [&at[..], &["--within", "0s"]].concat(), "--within"),
    ] {
        let output = interdict(&arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
    }
}

fn asked(server: &Server, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["contain", "--server", &format!("http://{}", server.http)])
        .args(arguments)
        .env("INTERDICT_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

#[test]
fn a_server_says_what_holds_a_vehicle_with_a_tracker() {
    let (town, data) = (Town::new(), folder());
    let server = Server::start(data.path(), &["jt808"], &town.files());
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let unheard = asked(&server, &["--vehicle", "taxi-1"]);
    assert_eq!(unheard.status.code(), Some(1));
    assert!(text(&unheard.stderr).contains("has not been heard for a day"), "{unheard:?}");
    let mut taxi = server.tracker("jt808", "13800000001");
    assert!(taxi.report(&fix_ago(30, 38.9, 121.6)));

    let printed = said(&asked(&server, &["--vehicle", "辽b t1234", "--reason", "C-17"]));
    assert!(
        printed.starts_with("辽B·T1234 (taxi-1) was at 38.90000, 121.60000 at 20"),
        "{printed}"
    );
    assert!(printed.contains("2 checkpoints close what can be closed"), "{printed}");
    let json = said(&asked(&server, &["--vehicle", "taxi-1", "--format", "json"]));
    let answer: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(answer["vehicle"]["plate"], "辽B·T1234");
    assert_eq!(names(&answer, "/checkpoints", "/checkpoint/id"), ["way-north", "way-east"]);

    let place = ["--at", "38.9,121.6", "--since", "30s", "--format", "json"];
    let by_place: Value = serde_json::from_str(&said(&asked(&server, &place))).expect("JSON");
    assert_eq!(by_place["uncovered"][0]["name"], "Island Ferry");
    assert_eq!(names(&by_place, "/checkpoints", "/checkpoint/id"), ["way-north", "way-east"]);
    let nobody = asked(&server, &["--vehicle", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no vehicle has the identity or plate"), "{nobody:?}");
}

#[test]
fn requests_that_ask_for_nothing_that_can_be_told_are_refused() {
    let data = folder();
    let bare = file(data.path(), "bare.toml", "[files]\n");
    let server = Server::start(
        &data.path().join("data"),
        &["jt808"],
        &["--config", bare.to_str().expect("UTF-8")],
    );
    for (status, query, words) in [
        (400, "", "ask for one"),
        (400, "?vehicle=v&at=38.9,121.6&since=2026-06-15T02:00:00Z", "ask for one"),
        (400, "?vehicle=v", "for a reason only"),
        (404, "?vehicle=v&reason=x", "no vehicle"),
        (400, "?at=38.9&since=2026-06-15T02:00:00Z", "`at` is"),
        (400, "?at=38.9,121.6", "`since` is"),
        (400, "?at=38.9,121.6&since=2026-06-15T02:00:00Z&within_s=0", "`within_s` is"),
        (400, "?at=38.9,121.6&since=2026-06-15T02:00:00Z&pace=x", "`pace` is"),
        (409, "?at=38.9,121.6&since=2026-06-15T02:00:00Z", "--roads FILE"),
    ] {
        let (found, problem) = server.request("GET", &format!("/v1/containment{query}"), None);
        assert_eq!(found, status, "{query}: {problem}");
        let detail = problem["detail"].as_str().expect("a problem document");
        assert!(detail.contains(words), "{query}: {detail}");
    }
}
