//! The life of a flag in the whole program: applied for, approved by somebody else, covert, of a
//! vehicle without a tracker, from a file, withdrawn.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Events, Server, TOKEN, file, fix_now, folder};

/// The toll of Houyan, as the default places it.
const HOUYAN: (f64, f64) = (39.030_8, 121.630_4);

/// The Dalian default with approvers as young as a test, and without roads.
fn start(data: &Path) -> Server {
    Server::start_without_roads(data, &["jt808"], "[persons]\napprover_age = 0\n")
}

const ADD: [&str; 10] = [
    "flag",
    "add",
    "--vehicle",
    "辽B·T1234",
    "--reason",
    "stolen",
    "--case",
    "C-1",
    "--authority",
    "duty officer",
];

/// The identity of the flag that `flag add` tells of.
fn id(added: &str) -> String {
    added.strip_prefix("flag ").expect(added).split(' ').next().expect(added).to_owned()
}

#[test]
fn a_flag_works_once_somebody_else_approved_it_and_its_withdrawal_recalls_the_alert() {
    let data = folder();
    let server = start(data.path());
    let wang = server.person("wang", "dispatcher", Some("ganjingzi"));
    let li = server.person("li", "dispatcher", Some("ganjingzi"));
    let post = server.person("zhao", "dispatcher", Some("houyan-post"));
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let mut taxi = server.tracker("jt808", "13800000001");
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));

    let added = server.printed(&wang, &ADD);
    let id = id(&added);
    assert!(added.contains("waits for approval by another person, of a district"), "{added}");
    assert!(added.contains("tracker: last heard") && added.contains("by plate"), "{added}");
    let told = server.complaint(&wang, &["flag", "approve", &id]);
    assert!(told.contains("somebody else"), "{told}");
    let told = server.complaint(&post, &["flag", "approve", &id]);
    assert!(told.contains("by a district's people"), "{told}");
    assert!(server.complaint(TOKEN, &["flag", "approve", &id]).contains("may not"));
    let waiting = server.printed(&li, &["flag", "list", "--state", "applied"]);
    assert!(waiting.contains(&id) && waiting.contains("intercept"), "{waiting}");

    let approved = server.printed(&li, &["flag", "approve", &id]);
    assert!(approved.contains("approved, holds until"), "{approved}");
    let mut events = server.events(0);
    let kinds: Vec<Value> = (0..3).map(|_| events.next("").clone()).collect();
    let kind = |at: usize| kinds[at]["type"].as_str().expect("a type").to_owned();
    assert_eq!(
        [kind(0), kind(1), kind(2)],
        ["interdict.flag.added", "interdict.flag.approved", "interdict.alert.raised"]
    );
    assert_eq!(kinds[1]["data"]["by"], "li");
    let raised = &kinds[2]["data"];
    assert_eq!(
        (&raised["flag"]["action"], &raised["lead_unit"]),
        (&json!("intercept"), &json!("houyan-post"))
    );

    let told = server.complaint(&wang, &["flag", "renew", &id, "--expires", "48h"]);
    assert!(told.contains("somebody else"), "{told}");
    let renewed = server.printed(&li, &["flag", "renew", &id, "--expires", "48h"]);
    assert!(renewed.contains("renewed, holds until"), "{renewed}");
    assert_eq!(events.next("flag.renewed")["data"]["by"], "li");

    let told = server.complaint(&wang, &["flag", "withdraw", &id, "--reason", "mistake"]);
    assert!(told.contains("`handled`, `invalid`, `wrong`, `other`"), "{told}");
    server
        .printed(&wang, &["flag", "withdraw", &id, "--reason", "wrong", "--note", "typing error"]);
    let withdrawn = events.next("flag.withdrawn");
    assert_eq!(
        (&withdrawn["data"]["reason"], &withdrawn["data"]["note"], &withdrawn["data"]["by"]),
        (&json!("wrong"), &json!("typing error"), &json!("wang"))
    );
    let recalled = events.next("alert.withdrawn");
    assert_eq!(recalled["data"]["recalled"], "wrong");
    assert!(recalled["data"]["why"]["text"].as_str().expect("a text").contains("do not act on it"));
}

#[test]
fn a_rejected_flag_ends_and_a_closed_list_has_the_reasons() {
    let data = folder();
    let server = start(data.path());
    let wang = server.person("wang", "dispatcher", None);
    let li = server.person("li", "dispatcher", None);
    let added = server.printed(&wang, &ADD);
    assert!(added.contains("tracker: none"), "{added}");
    let rejected = server.printed(&li, &["flag", "reject", &id(&added), "--note", "no ground"]);
    assert!(rejected.contains("rejected"), "{rejected}");
    assert_eq!(server.printed(&wang, &["flag", "list"]), "no flag holds\n");
    let mut events = server.events(0);
    let told = events.next("flag.rejected");
    assert_eq!(
        (&told["data"]["reason"], &told["data"]["note"]),
        (&json!("not_approved"), &json!("no ground"))
    );
    let mut add = ADD;
    add[5] = "whim";
    let told = server.complaint(&wang, &add);
    assert!(told.contains("`whim` is no reason; known are stolen, robbery"), "{told}");
    let reasons = server.printed(&wang, &["flag", "reasons"]);
    assert!(reasons.contains("surveillance") && reasons.contains("observe"), "{reasons}");
    add[5] = "surveillance";
    let mut intercept = add.to_vec();
    intercept.extend(["--action", "intercept"]);
    assert!(server.complaint(&wang, &intercept).contains("observed only"));
    let observed = id(&server.printed(&wang, &add));
    let list = server.printed(&wang, &["flag", "list"]);
    let line = list.lines().find(|line| line.starts_with(&observed)).expect("listed");
    assert!(line.contains("surveillance  observe"), "{line}");
}

#[test]
fn a_covert_flag_is_there_for_the_units_named_alone() {
    let data = folder();
    let server = start(data.path());
    let wang = server.person("wang", "dispatcher", Some("dalian"));
    let district = server.person("li", "dispatcher", Some("ganjingzi"));
    let post = server.person("zhao", "operator", Some("houyan-post"));
    let other = server.person("qian", "dispatcher", None);
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let mut taxi = server.tracker("jt808", "13800000001");
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));
    let mut add = ADD.to_vec();
    add.extend(["--emergency", "--covert", "ganjingzi"]);
    let id = id(&server.printed(&wang, &add));
    // One that everybody may see, so that those who see nothing of the first see the second.
    let mut open = ADD.to_vec();
    (open[3], open[5]) = ("辽B·T9999", "suspect");
    open.push("--emergency");
    let open_id = self::id(&server.printed(&wang, &open));

    for (token, sees) in [(&wang, true), (&district, true), (&post, false), (&other, false)] {
        let list = server.printed(token, &["flag", "list"]);
        assert_eq!(list.contains(&id), sees, "{list}");
        assert!(list.contains(&open_id), "{list}");
        let (status, alerts) = server.request_as(token, "GET", "/v1/alerts", None);
        assert_eq!(status, 200);
        assert_eq!(alerts["alerts"].as_array().expect("a list").len(), usize::from(sees));
        let mut events = Events::open_as(token, server.http, "/v1/events?after=0");
        let first = events.next("");
        let expected = if sees { &id } else { &open_id };
        assert_eq!(first["data"]["flag"]["id"], **expected, "{first}");
        if sees {
            let raised = events.next("alert.raised");
            let mut told: Vec<_> =
                raised["data"]["told"].as_array().expect("units").iter().collect();
            told.sort_by_key(|unit| unit.to_string());
            assert_eq!(told, [&json!("dalian"), &json!("ganjingzi")]);
        }
        let (status, _) = server.request_as(token, "GET", &format!("/v1/flags/{id}"), None);
        assert_eq!(status, if sees { 200 } else { 404 });
    }
}

#[test]
fn a_file_is_taken_whole_or_not_at_all_and_comes_out_as_it_went_in() {
    let data = folder();
    let server = start(data.path());
    let wang = server.person("wang", "dispatcher", None);
    server.enrol("1", "taxi-1", "辽B·T1234", "taxi");
    let bad = "vehicle,reason,case,authority,priority,contact,drill\n\
               taxi-1,stolen,C-1,city,1,+86 110,\n\
               辽B·X0001,whim,C-2,city,,,\n\
               辽B·X0002,stolen,C-3,city,7,,\n\
               taxi-1,stolen,C-1,city,2,,\n";
    let path = file(data.path(), "bad.csv", bad);
    let path = path.to_str().expect("UTF-8");
    let told = server.complaint(&wang, &["flag", "import", path]);
    for (line, part) in [(3, "`whim` is no reason"), (4, "1 (most urgent) to 4"), (5, "line 2")] {
        let begins = format!("{path}:{line}: ");
        let found = told.lines().find(|told| told.starts_with(&begins)).expect(&told);
        assert!(found.contains(part), "{told}");
    }
    assert!(told.contains("3 lines are bad, so nothing was flagged"), "{told}");
    assert_eq!(server.printed(&wang, &["flag", "list"]), "no flag holds\n");

    let good = "vehicle,reason,case,authority,priority,contact,drill\n\
                taxi-1,stolen,C-1,city,1,+86 110,\n\
                辽B·X0001,wanted_person,=C-2,city,,,yes\n";
    let path = file(data.path(), "good.csv", good);
    let path = path.to_str().expect("UTF-8");
    let report = server.printed(&wang, &["flag", "import", path]);
    assert_eq!(report, "2 added, 0 as before, 1 of them on vehicles without a tracker\n");
    let again = server.printed(&wang, &["flag", "import", path]);
    assert_eq!(again, "0 added, 2 as before, 0 of them on vehicles without a tracker\n");

    let written = server.printed(&wang, &["flag", "export"]);
    assert!(written.contains(",'=C-2,") && written.contains(",'+86 110,"), "{written}");
    let path = file(data.path(), "written.csv", &written);
    let path = path.to_str().expect("UTF-8");
    let same = server.printed(&wang, &["flag", "import", path]);
    assert_eq!(same, "0 added, 2 as before, 0 of them on vehicles without a tracker\n");
    let list = server.printed(&wang, &["flag", "list"]);
    assert!(list.contains("DRILL 辽B·X0001"), "{list}");
}

/// A flag on a plate that nobody had enrolled.
#[test]
fn a_flag_on_a_plate_goes_on_on_the_vehicle_that_is_enrolled_with_it() {
    let data = folder();
    let mut server = start(data.path());
    let asked = |vehicle: &str| {
        json!({"vehicle": vehicle, "plate_colour": "blue", "reason": "stolen", "case": "C-9",
            "authority": "duty officer", "emergency": true})
    };
    let on_plate = server.flag(&asked("辽B·T7777"));
    assert_eq!(on_plate["vehicle"], "plate:辽BT7777:blue");
    let id = on_plate["id"].as_str().expect("an id").to_owned();
    let held = server.request(
        "POST",
        &format!("/v1/flags/{id}/hold"),
        Some(&json!({"reason": "court 7"})),
    );
    assert_eq!(held.0, 200, "{}", held.1);

    // The same letters on a plate of another colour are another vehicle.
    let yellow = json!({"device": "13800000008", "vehicle": "truck-1", "plate": "辽B·T7777",
        "plate_colour": "yellow", "class": "other"});
    server.post("/v1/devices", &yellow);
    let mut events = server.events(0);
    events.next("interdict.flag.added");
    server.enrol("13800000007", "taxi-7", "辽b t7777", "taxi");
    let added = events.next("interdict.flag.added");
    let (moved, vehicle) =
        (added["data"]["flag"]["id"].clone(), added["data"]["vehicle"]["id"].clone());
    assert_eq!((moved, vehicle), (json!(format!("{id}-2")), json!("taxi-7")));
    let ended = events.next("interdict.flag.withdrawn");
    assert_eq!(
        (&ended["data"]["flag"]["id"], &ended["data"]["reason"]),
        (&json!(id), &json!("moved"))
    );
    let flags = server.get("/v1/flags");
    let flags: Vec<_> =
        flags["flags"].as_array().expect("flags").iter().map(|flag| &flag["vehicle"]).collect();
    assert_eq!(flags, ["taxi-7"]);
    let holds = server.get("/v1/holds");
    assert_eq!(holds.pointer("/holds/1/flag"), Some(&json!(format!("{id}-2"))), "{holds}");

    let mut taxi = server.tracker("jt808", "13800000007");
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));
    let raised = events.next("interdict.alert.raised");
    assert_eq!(raised["data"]["flag"]["case"], "C-9");

    // So it is after a restart.
    let waiting = server.flag(&asked("辽B·T8888"));
    assert_eq!(waiting["vehicle"], "plate:辽BT8888:blue");
    let dispatcher = server.dispatcher().to_owned();
    server.kill();
    server = start(data.path()).with_dispatcher(dispatcher);
    server.enrol("13800000009", "taxi-9", "辽B·T8888", "taxi");
    let mut events = server.events(0);
    let added = |event: &Value| event["data"]["vehicle"]["id"] == "taxi-9";
    while !added(&events.next("interdict.flag.added")) {}
}
