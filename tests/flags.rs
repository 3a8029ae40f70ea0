//! The life of a flag in the whole program: applied for, approved by somebody else, covert, of a
//! vehicle without a tracker, from a file, withdrawn.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use support::{Events, Server, TOKEN, file, fix_now, folder};

/// The toll of Houyan, as the default places it.
const HOUYAN: (f64, f64) = (39.030_8, 121.630_4);

/// The Dalian default with approvers as young as a test, and without roads.
fn start(data: &Path) -> Server {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let path = |name: &str| fixtures.join(name).display().to_string();
    let text = format!(
        "[files]\ncheckpoints = '{}'\nregions = '{}'\nunits = '{}'\n[persons]\napprover_age = 0\n",
        path("checkpoints.geojson"),
        path("regions.geojson"),
        path("units.toml")
    );
    let config = file(data, "interdict.toml", &text);
    let store = data.join("store");
    Server::start(&store, &["jt808"], &["--config", config.to_str().expect("UTF-8")])
}

/// The token of somebody of a unit.
fn person(server: &Server, name: &str, role: &str, unit: Option<&str>) -> String {
    let asked = json!({"name": name, "role": role, "unit": unit});
    server.post("/v1/tokens", &asked)["token"].as_str().expect("a token").to_owned()
}

fn run(server: &Server, token: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .args(["--server", &server.url("")])
        .env("INTERDICT_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

fn said(server: &Server, token: &str, arguments: &[&str]) -> String {
    let output = run(server, token, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What a command that fails says.
fn complaint(server: &Server, token: &str, arguments: &[&str]) -> String {
    let output = run(server, token, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
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
    let wang = person(&server, "wang", "dispatcher", Some("ganjingzi"));
    let li = person(&server, "li", "dispatcher", Some("ganjingzi"));
    let post = person(&server, "zhao", "dispatcher", Some("houyan-post"));
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let mut taxi = server.tracker("jt808", "13800000001");
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));

    let added = said(&server, &wang, &ADD);
    let id = id(&added);
    assert!(added.contains("waits for approval by another person, of a district"), "{added}");
    assert!(added.contains("tracker: last heard") && added.contains("by plate"), "{added}");
    let told = complaint(&server, &wang, &["flag", "approve", &id]);
    assert!(told.contains("somebody else"), "{told}");
    let told = complaint(&server, &post, &["flag", "approve", &id]);
    assert!(told.contains("by a district's people"), "{told}");
    assert!(complaint(&server, TOKEN, &["flag", "approve", &id]).contains("may not"));
    let waiting = said(&server, &li, &["flag", "list", "--state", "applied"]);
    assert!(waiting.contains(&id) && waiting.contains("intercept"), "{waiting}");

    let approved = said(&server, &li, &["flag", "approve", &id]);
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

    let told = complaint(&server, &wang, &["flag", "renew", &id, "--expires", "48h"]);
    assert!(told.contains("somebody else"), "{told}");
    let renewed = said(&server, &li, &["flag", "renew", &id, "--expires", "48h"]);
    assert!(renewed.contains("renewed, holds until"), "{renewed}");
    assert_eq!(events.next("flag.renewed")["data"]["by"], "li");

    let told = complaint(&server, &wang, &["flag", "withdraw", &id, "--reason", "mistake"]);
    assert!(told.contains("`handled`, `invalid`, `wrong`, `other`"), "{told}");
    said(&server, &wang, &["flag", "withdraw", &id, "--reason", "wrong", "--note", "typing error"]);
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
    let wang = person(&server, "wang", "dispatcher", None);
    let li = person(&server, "li", "dispatcher", None);
    let added = said(&server, &wang, &ADD);
    assert!(added.contains("tracker: none"), "{added}");
    let rejected = said(&server, &li, &["flag", "reject", &id(&added), "--note", "no ground"]);
    assert!(rejected.contains("rejected"), "{rejected}");
    assert_eq!(said(&server, &wang, &["flag", "list"]), "no flag holds\n");
    let mut events = server.events(0);
    let told = events.next("flag.rejected");
    assert_eq!(
        (&told["data"]["reason"], &told["data"]["note"]),
        (&json!("not_approved"), &json!("no ground"))
    );
    let mut add = ADD;
    add[5] = "whim";
    let told = complaint(&server, &wang, &add);
    assert!(told.contains("`whim` is no reason; known are stolen, robbery"), "{told}");
    let reasons = said(&server, &wang, &["flag", "reasons"]);
    assert!(reasons.contains("surveillance") && reasons.contains("observe"), "{reasons}");
    add[5] = "surveillance";
    let mut intercept = add.to_vec();
    intercept.extend(["--action", "intercept"]);
    assert!(complaint(&server, &wang, &intercept).contains("observed only"));
    let observed = id(&said(&server, &wang, &add));
    let list = said(&server, &wang, &["flag", "list"]);
    let line = list.lines().find(|line| line.starts_with(&observed)).expect("listed");
    assert!(line.contains("surveillance  observe"), "{line}");
}

#[test]
fn a_covert_flag_is_there_for_the_units_named_alone() {
    let data = folder();
    let server = start(data.path());
    let wang = person(&server, "wang", "dispatcher", Some("dalian"));
    let district = person(&server, "li", "dispatcher", Some("ganjingzi"));
    let post = person(&server, "zhao", "operator", Some("houyan-post"));
    let other = person(&server, "qian", "dispatcher", None);
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let mut taxi = server.tracker("jt808", "13800000001");
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
    assert!(taxi.report(&fix));
    let mut add = ADD.to_vec();
    add.extend(["--emergency", "--covert", "ganjingzi"]);
    let id = id(&said(&server, &wang, &add));
    // One that everybody may see, so that those who see nothing of the first see the second.
    let mut open = ADD.to_vec();
    (open[3], open[5]) = ("辽B·T9999", "suspect");
    open.push("--emergency");
    let open_id = self::id(&said(&server, &wang, &open));

    for (token, sees) in [(&wang, true), (&district, true), (&post, false), (&other, false)] {
        let list = said(&server, token, &["flag", "list"]);
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
    let wang = person(&server, "wang", "dispatcher", None);
    server.enrol("1", "taxi-1", "辽B·T1234", "taxi");
    let bad = "vehicle,reason,case,authority,priority,contact,drill\n\
               taxi-1,stolen,C-1,city,1,+86 110,\n\
               辽B·X0001,whim,C-2,city,,,\n\
               辽B·X0002,stolen,C-3,city,7,,\n\
               taxi-1,stolen,C-1,city,2,,\n";
    let path = file(data.path(), "bad.csv", bad);
    let path = path.to_str().expect("UTF-8");
    let told = complaint(&server, &wang, &["flag", "import", path]);
    for (line, part) in [(3, "`whim` is no reason"), (4, "1 (most urgent) to 4"), (5, "line 2")] {
        let begins = format!("{path}:{line}: ");
        let found = told.lines().find(|told| told.starts_with(&begins)).expect(&told);
        assert!(found.contains(part), "{told}");
    }
    assert!(told.contains("3 lines are bad, so nothing was flagged"), "{told}");
    assert_eq!(said(&server, &wang, &["flag", "list"]), "no flag holds\n");

    let good = "vehicle,reason,case,authority,priority,contact,drill\n\
                taxi-1,stolen,C-1,city,1,+86 110,\n\
                辽B·X0001,wanted_person,=C-2,city,,,yes\n";
    let path = file(data.path(), "good.csv", good);
    let path = path.to_str().expect("UTF-8");
    let report = said(&server, &wang, &["flag", "import", path]);
    assert_eq!(report, "2 added, 0 as before, 1 of them on vehicles without a tracker\n");
    let again = said(&server, &wang, &["flag", "import", path]);
    assert_eq!(again, "0 added, 2 as before, 0 of them on vehicles without a tracker\n");

    let written = said(&server, &wang, &["flag", "export"]);
    assert!(written.contains(",'=C-2,") && written.contains(",'+86 110,"), "{written}");
    let path = file(data.path(), "written.csv", &written);
    let path = path.to_str().expect("UTF-8");
    let same = said(&server, &wang, &["flag", "import", path]);
    assert_eq!(same, "0 added, 2 as before, 0 of them on vehicles without a tracker\n");
    let list = said(&server, &wang, &["flag", "list"]);
    assert!(list.contains("DRILL 辽B·X0001"), "{list}");
}
