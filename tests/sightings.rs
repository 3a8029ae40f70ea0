//! What is known of vehicles beside their way, in the whole program: sightings, reported by command and
//! by HTTP, audited, and what they lead to; devices' alarms, whom they are told to, and many at once.

mod support;

use interdict_protocols::{Alarm, AlarmSet};
use serde_json::{Value, json};
use support::{Server, TOKEN, fix_ago, fix_now, folder};

/// On the way to the toll of Houyan, from the south.
const SOUTH: (f64, f64) = (38.985, 121.630_4);
const NEARER: (f64, f64) = (39.015, 121.630_4);

/// Two cameras see the same car, the second one nearer to Houyan.
#[test]
fn a_flagged_vehicle_without_a_tracker_that_is_seen_twice_raises_an_alert() {
    let data = folder();
    let server = Server::start_without_roads(data.path(), &["jt808"], "");
    let wang = server.person("wang", "dispatcher", None);
    let zhao = server.person("zhao", "operator", None);
    let plate = "辽B·X0001";
    let flagged = ["--reason", "stolen", "--case", "C-1", "--authority", "city", "--emergency"];
    let add = [&["flag", "add", "--vehicle", plate][..], &flagged].concat();
    assert!(server.printed(&wang, &add).contains("tracker: none"));

    let seen = |(latitude, longitude): (f64, f64), seconds_ago: i64, source: &str| {
        let time = fix_ago(seconds_ago, latitude, longitude).fix_time.to_string();
        let at = format!("{latitude},{longitude}");
        let sighting = ["sighting", "add", "--vehicle", plate, "--at", &at, "--time", &time];
        server
            .printed(&zhao, &[&sighting[..], &["--source", source, "--text", "white van"]].concat())
    };
    let told = seen(SOUTH, 240, "camera");
    assert!(told.contains("辽B·X0001 seen by a camera") && told.contains("trust 0.95"), "{told}");
    seen(NEARER, 2, "camera");

    let mut events = server.events(0);
    let first = events.next("vehicle.sighted");
    assert_eq!(
        (&first["data"]["standing"], &first["data"]["sighting"]["by"]),
        (&json!("followed"), &json!("zhao"))
    );
    assert_eq!(events.next("vehicle.sighted")["data"]["why"]["code"], "agrees");
    let raised = events.next("alert.raised");
    assert_eq!(raised["data"]["vehicle"]["plate"], plate);
    assert_eq!(raised["data"]["fix"]["source"], "camera");
    let why = raised["data"]["why"]["text"].as_str().expect("a text");
    assert!(why.contains("by a sighting, not its tracker"), "{why}");

    let auditor = server.person("sun", "auditor", None);
    let (status, audit) = server.request_as(&auditor, "GET", "/v1/audit?limit=1000", None);
    assert_eq!(status, 200, "{audit}");
    let entries = audit["entries"].as_array().expect("a list");
    let added: Vec<&Value> =
        entries.iter().filter(|entry| entry["act"] == "sighting.add").collect();
    assert_eq!(added.len(), 2, "{audit}");
    assert!(!added[0].to_string().contains("38.985"), "an entry has no place: {}", added[0]);
}

#[test]
fn what_is_wrong_with_a_sighting_is_told() {
    let data = folder();
    let server = Server::start_without_roads(data.path(), &["jt808"], "");
    let zhao = server.person("zhao", "operator", None);
    let post =
        |token: &str, body: Value| server.request_as(token, "POST", "/v1/sightings", Some(&body));
    let place = |trust: Value| json!({"vehicle": "P", "latitude": 38.9, "longitude": 121.6, "source": "caller", "trust": trust});
    let (status, taken) = post(&zhao, place(json!("low")));
    assert_eq!((status, &taken["sighting"]["trust"]), (201, &json!(0.4)));
    assert_eq!(post(TOKEN, place(json!("low"))).0, 403, "an admin reports nothing");
    for bad in [json!("certain"), json!(1.5)] {
        let (status, problem) = post(&zhao, place(bad));
        assert_eq!(status, 400);
        assert!(problem["detail"].as_str().expect("a detail").contains("low, medium, high"));
    }
    let at = json!({"vehicle": "P", "checkpoint": "houyan", "source": "officer"});
    let (status, taken) = post(&zhao, at);
    assert_eq!((status, &taken["sighting"]["trust"]), (201, &json!(0.7)), "{taken}");
    assert!(taken["sighting"]["latitude"].as_f64().is_some_and(|degrees| degrees > 39.0));
    for (name, value) in [("checkpoint", json!("nowhere")), ("latitude", json!(38.9))] {
        let (status, problem) =
            post(&zhao, json!({"vehicle": "P", name: value, "source": "camera"}));
        assert_eq!(status, 400, "{problem}");
    }
    let mut events = server.events(0);
    server.flag(&json!({"vehicle": "Q", "reason": "stolen", "case": "C", "authority": "city"}));
    assert_eq!(
        events.next("")["type"],
        "interdict.flag.added",
        "nobody looks for P: nothing is kept"
    );
}

#[test]
fn an_alarm_is_told_to_its_unit_and_departments_and_flags_its_vehicle_unless_there_are_many() {
    let data = folder();
    let rule = "[[alarms]]\nclass = 'armoured'\nalarms = ['sos']\ndepartments = ['guards']\n\
                provisional = true\nper_minute = 2\n";
    let server = Server::start_without_roads(data.path(), &["jt808"], rule);
    let mut events = server.events(0);
    // Even if a minute ends meanwhile, one of the two has six of them.
    let cars = 12;
    for car in 0..cars {
        let device = format!("1380000{car:04}");
        server.enrol(&device, &format!("car-{car}"), &format!("辽B·A{car:04}"), "armoured");
        let mut fix = fix_now(SOUTH.0, SOUTH.1);
        fix.alarms = AlarmSet::only(Alarm::Sos);
        assert!(server.tracker("jt808", &device).report(&fix));
    }
    let (mut alarms, mut flags, mut masses) = (0, 0, 0);
    while alarms < cars || masses == 0 {
        let event = events.next("");
        let data = &event["data"];
        match event["type"].as_str() {
            Some("interdict.device.alarm") => {
                assert_eq!(
                    (&data["departments"][0], &data["unit"]),
                    (&json!("guards"), &json!("ganjingzi"))
                );
                alarms += 1;
            }
            Some("interdict.flag.added") => {
                let flag = &data["flag"];
                assert_eq!(
                    (&flag["state"], &flag["action"]),
                    (&json!("provisional"), &json!("observe"))
                );
                flags += 1;
            }
            Some("interdict.device.mass-alarm") => {
                assert_eq!((&data["class"], &data["alarms"]), (&json!("armoured"), &json!(3)));
                masses += 1;
            }
            _ => {}
        }
    }
    assert!(flags >= 2, "{flags}");
}
