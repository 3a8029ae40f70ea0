//! `interdict check`: every mistake of a configuration is told, with its file, line and key.

mod support;

use std::path::Path;
use std::process::Output;

use support::{file, folder, interdict};

fn check(path: &Path) -> (Option<i32>, String, String) {
    let output = interdict(&["check", "--config", path.to_str().expect("UTF-8")]);
    told(&output)
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn assert_told(all: &str, place: &str, words: &[&str]) {
    let found = all
        .lines()
        .any(|line| line.contains(place) && words.iter().all(|word| line.contains(word)));
    assert!(found, "nothing at {place} with {words:?} in\n{all}");
}

#[test]
fn the_built_in_default_is_good_and_warns_of_places_known_roughly() {
    let (code, out, err) = told(&interdict(&["check"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("4 throat roads, 4 ports, 1 airport, 2 parking lots"), "{out}");
    for place in ["zhenxing", "xianglujiao", "dalian_bay"] {
        assert_told(&err, "checkpoints.geojson:", &["warning", place, "m only"]);
    }
    assert!(!err.contains("houyan"), "{err}");
}

#[test]
fn the_default_on_disk_is_the_one_built_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interdict.toml");
    let (code, out, err) = check(&path);
    assert_eq!(code, Some(0), "{err}");
    let (_, built_in, _) = told(&interdict(&["check"]));
    let without_data = |text: &str| {
        text.lines().filter(|line| !line.starts_with("data")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_data(&out), without_data(&built_in));
}

#[test]
fn every_wrong_key_is_told_at_once() {
    let folder = folder();
    let path = file(
        folder.path(),
        "interdict.toml",
        "zone = \"Asia/Dalian\"\n\
         http = 8080\n\
         colour = \"red\"\n\
         [files]\n\
         checkpoints = \"nowhere.geojson\"\n\
         [ports]\n\
         telegraph = 5000\n\
         jt808 = \"127.0.0.1:5023\"\n\
         h02 = \"here\"\n\
         [limits]\n\
         connections = 0\n\
         idle_s = \"long\"\n\
         [rules]\n\
         raise_probability = 1.5\n\
         raise_at = 0.5\n\
         [[limits.networks]]\n\
         network = \"10.0.0.0/8\"\n\
         login_s = 0\n\
         [audit]\n\
         reasons = \"maybe\"\n\
         heads_url = \"https://example.org\"\n\
         heads_every = 0\n\
         heads_within_s = 0\n\
         [persons]\n\
         approver_age = \"a day\"\n\
         [history]\n\
         operator = \"-1h\"\n\
         analyst = -1\n\
         [retention]\n\
         audit_s = 1e6\n\
         alerts_s = 1e6\n\
         [retention.unflagged_s]\n\
         patrol = 2e6\n\
         armoured = 4e7\n",
    );
    let (code, out, err) = check(&path);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    for (line, words) in [
        (1, &["zone", "Asia/Dalian", "expected"][..]),
        (2, &["http", "expected"]),
        (3, &["colour", "expected one of"]),
        (5, &["files.checkpoints", "nowhere.geojson"]),
        (7, &["ports.telegraph", "jt808"]),
        (8, &["ports.jt808", "127.0.0.1:5023", "gt06"]),
        (9, &["ports.h02", "expected an address"]),
        (11, &["limits.connections", "found 0", "expected 1"]),
        (12, &["limits.idle_s", "expected a number"]),
        (14, &["rules.raise_probability", "1.5", "0 to 1"]),
        (15, &["rules.raise_at", "expected one of"]),
        (16, &["limits.networks of 10.0.0.0/8", "found 0", "expected 1"]),
        (20, &["audit.reasons", "maybe", "optional"]),
        (21, &["audit.heads_url", "https://example.org", "http://"]),
        (22, &["audit.heads_every", "found 0", "expected 1"]),
        (23, &["audit.heads_within_s", "found 0", "expected 1"]),
        (27, &["history.operator", "`-1h` is not a duration such as 24h", "or `all`"]),
        (28, &["history.analyst", "found -1, expected 0"]),
        (32, &["retention.unflagged_s of patrol", "must not be above retention.audit_s"]),
        (32, &["retention.unflagged_s of armoured", "expected 0 to 31622400"]),
        (25, &["persons.approver_age", "`a day` is not a duration such as 24h"]),
    ] {
        assert_told(&err, &format!("interdict.toml:{line}:"), words);
    }
}

#[test]
fn a_class_that_is_none_is_told_with_those_that_are() {
    let folder = folder();
    let text = "[retention]\nwrong_s = 60\n[retention.unflagged_s]\ntank = 86400\n";
    let (code, _, err) = check(&file(folder.path(), "interdict.toml", text));
    assert_eq!(code, Some(1));
    let known = ["armoured", "taxi", "corporate", "patrol", "other"];
    let words = ["retention.unflagged_s", "tank"].into_iter().chain(known).collect::<Vec<_>>();
    assert_told(&err, "interdict.toml:3:", &words);
}

#[test]
fn a_syntax_error_has_its_line() {
    let folder = folder();
    let path = file(folder.path(), "interdict.toml", "zone = \"UTC\"\nhttp = = 3\n");
    let (code, _, err) = check(&path);
    assert_eq!(code, Some(1));
    assert_told(&err, "interdict.toml:2:", &["error"]);
    let (code, _, err) = check(&folder.path().join("missing.toml"));
    assert_eq!(code, Some(1));
    assert_told(&err, "missing.toml", &["cannot be read"]);
}

const UNITS: &str = "[[units]]\nid = \"city\"\n[[units.units]]\nid = \"district\"\n";

fn with_checkpoints(features: &str) -> (Option<i32>, String, String) {
    let folder = folder();
    file(folder.path(), "units.toml", UNITS);
    let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{features}\n]}}\n");
    file(folder.path(), "checkpoints.geojson", &text);
    let text = "[files]\nunits = \"units.toml\"\ncheckpoints = \"checkpoints.geojson\"\n";
    check(&file(folder.path(), "interdict.toml", text))
}

fn feature(properties: &str, geometry: &str) -> String {
    format!("{{\"type\":\"Feature\",\"properties\":{{{properties}}},\"geometry\":{geometry}}}")
}

const POINT: &str = "{\"type\":\"Point\",\"coordinates\":[121.63,39.03]}";

#[test]
fn every_wrong_checkpoint_is_named() {
    let swapped = "{\"type\":\"Point\",\"coordinates\":[39.03,121.63]}";
    let several = "{\"type\":\"MultiPoint\",\"coordinates\":[[121.63,39.03]]}";
    let open = "{\"type\":\"Polygon\",\"coordinates\":[[[121,39],[122,39],[122,40],[121,40]]]}";
    let good = "\"unit\":\"district\",\"kind\":\"port\"";
    let features = [
        feature(&format!("\"id\":\"a\",{good}"), POINT),
        feature(&format!("\"id\":\"a\",{good}"), POINT),
        feature(good, POINT),
        feature("\"id\":\"d\",\"unit\":\"district\",\"kind\":\"harbour\"", POINT),
        feature("\"id\":\"e\",\"unit\":\"station\"", POINT),
        feature("\"id\":\"f\"", POINT),
        feature(&format!("\"id\":\"g\",{good}"), swapped),
        feature(&format!("\"id\":\"h\",{good}"), several),
        feature(&format!("\"id\":\"i\",{good}"), open),
        feature(&format!("\"id\":\"j\",{good},\"lead_s\":\"4m\",\"ring\":0"), POINT),
        feature(&format!("\"id\":\"k\",{good}"), "null"),
    ];
    let (code, _, err) = with_checkpoints(&features.join(",\n"));
    assert_eq!(code, Some(1));
    for (line, words) in [
        (3, &["feature 2 (\"a\")", "feature 1"][..]),
        (4, &["feature 3", "has no id"]),
        (5, &["feature 4 (\"d\")", "harbour", "throat-road, port, airport, parking, post"]),
        (6, &["feature 5 (\"e\")", "station", "city, district"]),
        (7, &["feature 6 (\"f\")", "has no unit"]),
        (8, &["feature 7 (\"g\")", "swapped"]),
        (9, &["feature 8 (\"h\")", "MultiPoint"]),
        (10, &["feature 9 (\"i\")", "not closed"]),
        (11, &["feature 10 (\"j\")", "lead_s", "4m"]),
        (11, &["feature 10 (\"j\")", "ring"]),
        (12, &["feature 11 (\"k\")", "expected a Point"]),
    ] {
        assert_told(&err, &format!("checkpoints.geojson:{line}:"), words);
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let properties = "\"id\":\"a\",\"unit\":\"city\",\"accuracy_m\":501,\"lead\":240";
    let (code, out, err) = with_checkpoints(&feature(properties, POINT));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("2 warnings"), "{out}");
    assert_told(&err, "checkpoints.geojson:2:", &["warning", "501 m"]);
    assert_told(&err, "checkpoints.geojson:2:", &["warning", "\"lead\" is not used", "lead_s"]);
    let properties = "\"id\":\"a\",\"unit\":\"city\",\"accuracy_m\":500";
    let (_, out, _) = with_checkpoints(&feature(properties, POINT));
    assert!(out.contains("0 warnings"), "{out}");
}

#[test]
fn a_command_tree_must_be_one() {
    let folder = folder();
    let text = "\
[[units]]
id = \"city\"
zone = \"Asia/Dalian\"
[[units]]
id = \"orphan\"
parent = \"nobody\"
[[units]]
id = \"left\"
parent = \"right\"
[[units]]
id = \"right\"
parent = \"left\"
[[units]]
id = \"city\"
[[units]]
id = \"odd\"
parent = \"city\"
level = \"station\"
[[units]]
name = \"no id\"
";
    file(folder.path(), "units.toml", text);
    let path = file(folder.path(), "interdict.toml", "[files]\nunits = \"units.toml\"\n");
    let (code, _, err) = check(&path);
    assert_eq!(code, Some(1));
    for (line, words) in [
        (1, &["\"city\"", "Asia/Dalian"][..]),
        (4, &["\"orphan\"", "\"nobody\""]),
        (7, &["\"left\"", "circle"]),
        (10, &["\"right\"", "circle"]),
        (13, &["\"city\"", "line 1"]),
        (15, &["\"odd\"", "Station", "District"]),
        (19, &["missing field `id`"]),
    ] {
        assert_told(&err, &format!("units.toml:{line}:"), words);
    }
}

#[test]
fn a_command_tree_may_be_json() {
    let folder = folder();
    let text = r#"{"units":[{"id":"city","units":[{"id":"district","units":[{"id":"station"}]}]},
        {"id":"other","parent":"district"}]}"#;
    file(folder.path(), "units.json", text);
    let path = file(folder.path(), "interdict.toml", "[files]\nunits = \"units.json\"\n");
    let (code, out, err) = check(&path);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("1 city, 1 district, 2 stations"), "{out}");
}

#[test]
fn a_fleet_is_checked_line_by_line() {
    let folder = folder();
    let text = "device,vehicle,plate,class,unit\n1,v1,P1,taxi,u\n2,v2,P2,tank,u\n1,v3,P3,taxi,u\n";
    file(folder.path(), "fleet.csv", text);
    let path = file(folder.path(), "interdict.toml", "[files]\nfleet = \"fleet.csv\"\n");
    let (code, _, err) = check(&path);
    assert_eq!(code, Some(1));
    assert_told(&err, "fleet.csv:3:", &["tank", "armoured"]);
    assert_told(&err, "fleet.csv:4:", &["line 2"]);
}

#[test]
fn another_platform_is_checked_before_it_can_log_in() {
    let folder = folder();
    file(folder.path(), "secret", "letmein\n");
    let peers = |text: &str| check(&file(folder.path(), "interdict.toml", text));
    let good = "\
[[jt809.peers]]
platform_code = 2101001
user_id = 1001
password_file = 'secret'
networks = ['10.21.0.0/16', 'fd00::/8']
sub_link = '10.21.0.5:9809'
m1 = 10000000
ia1 = 20000000
ic1 = 30000000
";
    let (code, out, err) = peers(good);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("2101001 from 2 networks, called back at 10.21.0.5:9809"), "{out}");
    // A source network is needed: the password is 8 clear bytes.
    let nowhere = "[[jt809.peers]]\nplatform_code = 7\nuser_id = 1\npassword = 'x'\n";
    let (code, _, err) = peers(nowhere);
    assert_eq!(code, Some(1));
    assert_told(&err, "interdict.toml:1:", &["jt809.peers", "networks"]);
    let (_, _, err) = peers(&format!("{nowhere}networks = []\n"));
    assert_told(&err, "interdict.toml:1:", &["platform_code 7", "networks", "10.21.0.0/16"]);
    let (code, _, err) = peers(&format!("{nowhere}networks = ['0.0.0.0/0']\n"));
    assert_eq!(code, Some(0), "{err}");
    assert_told(&err, "interdict.toml:1:", &["warning", "whole internet"]);
    for (change, words) in [
        (("'secret'", "'nowhere'"), &["password_file", "nowhere"][..]),
        (("password_file = 'secret'", "password = 'ninebytes'"), &["9 bytes", "1 to 8"]),
        (("user_id = 1001", "user_id = 1001\npassword = 'x'"), &["not both"]),
        (("'10.21.0.5:9809'", "'10.21.0.5'"), &["sub_link", "10.21.0.5:9809"]),
        (("ia1 = 20000000\n", ""), &["m1, ia1 and ic1"]),
        (("'fd00::/8'", "'fd00::/8'\n]\nstreet = ['Main'"), &["street"]),
    ] {
        let (code, _, err) = peers(&good.replace(change.0, change.1));
        assert_eq!(code, Some(1), "{change:?}");
        assert_told(&err, "interdict.toml:1:", words);
        assert!(!err.contains("ninebytes"), "a password in a message: {err}");
    }
    let (code, _, err) = peers(&format!("{good}{}", good.replace("2101001", "2101002")));
    assert_eq!(code, Some(0), "{err}");
    let (code, _, err) = peers(&format!("{good}{good}"));
    assert_eq!(code, Some(1));
    assert_told(&err, "interdict.toml:1:", &["2101001", "another peer"]);
}
