//! The main roads of Dalian that are built in: one network, with every checkpoint on it.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use interdict::config::{Configuration, embedded};
use interdict::roads::{Imported, from_bytes};
use interdict_engine::roads::{BuildReport, Roads};
use serde_json::Value;
use support::{file, folder, interdict};

fn imported() -> Imported {
    from_bytes(embedded::ROADS.as_bytes()).expect("the roads that are built in")
}

#[test]
fn it_is_one_network() {
    let Imported { graph, report, warnings } = imported();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(report, Some(BuildReport::default()), "nothing is dropped or broken");
    assert!((150..=400).contains(&graph.nodes()), "{} nodes", graph.nodes());
    let names: BTreeSet<_> = (0..graph.pieces() as u32).map(|n| graph.name(n << 1)).collect();
    for name in [
        "Shenda Expressway (G15)",
        "Tuyang Expressway (G15)",
        "Hegang-Dalian Expressway (G11)",
        "Northeast Expressway",
        "Dalian Bay Tunnel",
        "Xinghai Bay Bridge",
        "Zhongshan Road",
        "Lüshun South Road",
        "Jinma Road",
    ] {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    let mut ferries: Vec<_> = graph.exits().iter().map(|exit| exit.name.as_str()).collect();
    ferries.sort_unstable();
    let all = ["Changhai ferry", "Dalian Bay-Yantai ferry", "Dalian-Yantai ferry"];
    assert_eq!(ferries, [&all[..], &["Lüshun-Penglai ferry"]].concat());
}

#[test]
fn every_checkpoint_is_on_its_road() {
    let (configuration, _) = Configuration::load(None).expect("the default");
    let mut roads = Roads::new(Arc::new(imported().graph), None, 1);
    assert_eq!(roads.place_all(&configuration.setup.checkpoints, None, 1), []);
    for (checkpoint, expected) in [
        ("houyan", &["Shenda Expressway (G15)"][..]),
        ("maoyingzi", &["Harbin-Dalian Road"]),
        ("qianguan", &["Heihe-Dalian Road"]),
        ("zhenxing", &["Zhenxing Road"]),
        ("dalian_port", &["Port Gate Road", "Shugang Road"]),
        ("xianglujiao", &["Xianglujiao Port Road"]),
        ("dalian_bay", &["Dalian Bay Port Road"]),
        ("yangtouwa", &["Yangtouwa Port Road"]),
        ("zhoushuizi", &["Yingke Road"]),
        ("xinghai_lot", &[""]),
        ("software_park_lot", &[""]),
    ] {
        let gates = roads.gates(&checkpoint.into());
        let names: BTreeSet<_> = gates.iter().map(|gate| roads.graph().name(gate.street)).collect();
        assert_eq!(Vec::from_iter(names), expected, "{checkpoint}");
    }
}

#[test]
fn it_is_what_the_commands_speak_of() {
    let info = interdict(&["roads", "info"]);
    let (said, aside) = (String::from_utf8(info.stdout).unwrap(), info.stderr);
    assert!(aside.is_empty(), "{}", String::from_utf8_lossy(&aside));
    let crossings = imported().graph.nodes();
    assert!(said.contains(&format!("crossings  {crossings}\nferries    4\n")), "{said}");
    assert!(said.contains("drawn to\n  250 m "), "{said}");
    let checked = String::from_utf8(interdict(&["check"]).stdout).unwrap();
    assert!(checked.contains(&format!("roads.geojson: {crossings} crossings, drawn")), "{checked}");
}

/// North towards the isthmus at 72 km/h, so many degrees of longitude from the Northeast Expressway.
fn northward(east_deg: f64, fixes: u32) -> String {
    let mut csv = "device,time,latitude,longitude,speed_kmh,course_deg\n".to_owned();
    for number in 0..fixes {
        // 200 m each ten seconds, at the expressway's slant.
        let latitude = 38.9860 + 0.0018 * f64::from(number);
        let longitude = 121.6152 + 0.000_634 * f64::from(number) + east_deg;
        let (minutes, seconds) = (number / 6, number % 6 * 10);
        csv += &format!(
            "car,2026-06-15T12:{minutes:02}:{seconds:02}Z,{latitude:.5},{longitude:.5},72,15\n"
        );
    }
    csv
}

fn alerts(track: &str) -> Vec<Value> {
    let folder = folder();
    let path = file(folder.path(), "car.csv", track);
    let path = path.to_str().expect("UTF-8");
    let output = interdict(&["replay", "--flag-all", "--format", "json", path]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = String::from_utf8(output.stdout).expect("UTF-8");
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|event| event["data"]["alert"].is_string()).collect()
}

#[test]
fn who_drives_beside_a_road_as_drawn_passes_its_checkpoint() {
    // 200 m east of the Northeast Expressway, and then of Shenda Expressway.
    let alerts = alerts(&northward(0.0023, 34));
    let passed: Vec<_> =
        alerts.iter().filter(|event| event["type"] == "interdict.alert.passed").collect();
    let [passed] = passed[..] else { panic!("{alerts:#?}") };
    assert_eq!(passed["data"]["checkpoint"]["id"], "houyan");
    // 4,980 m north of where it set out, which takes 4 min 9 s.
    let ago_s = passed["data"]["why"]["figures"]["ago_s"].as_f64().expect("a figure");
    let time = passed["time"].as_str().expect("a time");
    assert!(time.starts_with("2026-06-15T12:04:1") && ago_s < 10.0, "{passed:#}");
    let raised = alerts.iter().find(|event| event["type"] == "interdict.alert.raised");
    let route = &raised.expect("raised")["data"]["route"];
    assert_eq!(*route, serde_json::json!(["Northeast Expressway", "Shenda Expressway (G15)"]));
}

#[test]
fn who_drives_in_the_fields_passes_nothing_and_is_on_no_road() {
    // 3 km to the west, and not as far as Tuyang Expressway: geometry goes on watching it.
    let alerts = alerts(&northward(-0.0345, 20));
    assert!(!alerts.is_empty());
    for event in alerts {
        assert_ne!(event["type"], "interdict.alert.passed", "{event:#}");
        assert_eq!(event["data"]["route"], serde_json::json!([]), "{event:#}");
    }
}
