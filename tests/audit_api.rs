//! What the audit log says of requests, over a real socket with a real store.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use api_support::{ADMIN, START, Server, flag_of, read, refusal, setup};
use interdict::audit::{Entry, Proof, PublicKey, SignedHead};
use interdict_engine::{Deadlines, Input, Observation, Setup};
use interdict_protocols::Fix;
use serde_json::{Value, json};

/// What the log says: act and content of each entry.
fn noted(server: &Server) -> Vec<(String, Value)> {
    let entries = server.store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    assert!(entries.iter().zip(1..).all(|(entry, number)| entry.number == number));
    let said = entries.iter().map(|entry| {
        assert!(entry.keeps_its_commitment());
        let content = entry.content.as_ref().unwrap().get();
        (entry.act.clone(), serde_json::from_str(content).unwrap())
    });
    said.collect()
}

/// The one entry of that act.
fn of(server: &Server, act: &str) -> Value {
    let all: Vec<_> = noted(server).into_iter().filter(|(noted, _)| noted == act).collect();
    assert_eq!(all.len(), 1, "{act}: {all:?}");
    all.into_iter().next().unwrap().1
}

#[test]
fn who_did_what_and_why_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    let device = json!({"device": "1", "vehicle": "v", "plate": "P 1"});
    admin.post("/v1/devices?reason=new%20car", &device).unwrap();
    admin.post("/v1/devices?reason=again", &device).unwrap();
    let enrolled = of(&server, "device.enrol");
    assert_eq!((&enrolled["who"], &enrolled["why"]), (&json!("first-admin"), &json!("new car")));
    assert_eq!(enrolled["what"], json!({"device": "1", "plate": "P 1", "vehicle": "v"}));

    let asked = json!({"name": "wang", "role": "dispatcher"});
    let made = admin.post("/v1/tokens", &asked).unwrap();
    let wang = server.client(made["token"].as_str().unwrap());
    let flag = wang.post("/v1/flags", &flag_of("v")).unwrap();
    let added = of(&server, "flag.add");
    assert_eq!(
        (&added["who"], &added["what"]["flag"], &added["what"]["case"]),
        (&json!("wang"), &flag["id"], &json!("A-17"))
    );
    let path = format!("/v1/flags/{}/withdraw", flag["id"].as_str().unwrap());
    wang.post(&path, &json!({"reason": "handled"})).unwrap();
    assert_eq!(of(&server, "flag.withdraw")["why"], "handled");

    admin.post_csv("/v1/devices/import", "device,vehicle\n1,v\n2,w\n3,x\n".to_owned()).unwrap();
    assert_eq!(of(&server, "device.import")["what"]["devices"], json!(["2", "3"]));
    admin.delete("/v1/devices/2?reason=sold").unwrap();
    let revoked = of(&server, "device.revoke");
    assert_eq!((&revoked["what"]["vehicle"], &revoked["why"]), (&json!("w"), &json!("sold")));
    admin.delete("/v1/tokens/wang").unwrap();
    assert_eq!(of(&server, "token.revoke")["what"]["token"], "wang");
    let tokens = noted(&server).into_iter().filter(|(act, _)| act == "token.add").count();
    assert_eq!(tokens, 2, "the first admin's too");
    let all = serde_json::to_string(&noted(&server)).unwrap();
    assert!(!all.contains(made["token"].as_str().unwrap()) && !all.contains(ADMIN));
}

#[test]
fn every_event_has_an_entry_right_after_what_caused_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "P");
    server.flag("v");
    let acts: Vec<_> = noted(&server).into_iter().map(|(act, _)| act).collect();
    let place = acts.iter().position(|act| act == "flag.add").unwrap();
    assert_eq!(acts[place + 1], "interdict.flag.added");
    let entry = of(&server, "interdict.flag.added");
    let (sequence, event) = read(&server.admin(), "/v1/events?after=0", None, 1).remove(0);
    assert_eq!(entry["who"], "engine");
    assert_eq!(
        (&entry["what"]["event"], &entry["what"]["sequence"]),
        (&event["id"], &json!(sequence))
    );
    let last = server.store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    let entry = last.iter().find(|entry| entry.act == "interdict.flag.added").unwrap();
    let same = interdict::store::NotedEvent::Same;
    assert_eq!(server.store.noted_event(entry).unwrap(), same);
}

#[test]
fn reading_where_vehicles_are_is_noted_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "P");
    assert_eq!(refusal(admin.get("/v1/vehicles/v")).0, 400);
    admin.get("/v1/vehicles/P?reason=lost%20child").unwrap();
    let entry = of(&server, "vehicle.read");
    assert_eq!(entry["what"]["vehicles"], json!(["v"]));
    assert_eq!((&entry["who"], &entry["why"]), (&json!("first-admin"), &json!("lost child")));
    let strange = admin.get("/v1/vehicles/v?reason=a%1Bb");
    assert_eq!(refusal(strange).0, 400);

    admin.get("/v1/alerts").unwrap();
    assert!(noted(&server).iter().all(|(act, _)| act != "alerts.read"), "there was none");
    server.flag("v");
    let observation = Observation {
        device: "1".into(),
        vehicle: "v".into(),
        // At the checkpoint of the setup.
        fix: Fix::new(START, 39.0, 121.5).unwrap(),
    };
    server.runtime.block_on(server.shards.tell(vec![Input::Fix(observation)])).unwrap();
    let alerts = admin.get("/v1/alerts?reason=shift").unwrap();
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(of(&server, "alerts.read")["what"]["vehicles"], json!(["v"]));
    read(&admin, "/v1/events?after=0&unit=station", None, 1);
    let followed = of(&server, "events.follow");
    assert_eq!(followed["what"], json!({"after": 0, "unit": ["station"]}));
}

#[test]
fn sign_offs_and_changed_checkpoints_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { deadlines: Some(Deadlines::default()), ..setup() };
    let server = Server::start_with(folder.path(), "127.0.0.1:0", setup);
    let admin = server.admin();
    let made = json!({"name": "officer", "role": "operator", "unit": "station"});
    let made = admin.post("/v1/tokens", &made).unwrap();
    let officer = server.client(made["token"].as_str().unwrap());
    server.approach("v", 121.5);
    let alerts = officer.get("/v1/alerts?reason=shift").unwrap();
    let alert = alerts["alerts"][0]["alert"].as_str().unwrap();
    assert_eq!(of(&server, "interdict.alert.raised")["what"]["told"], json!(["station", "city"]));
    let step = |step: &str, body: &Value| {
        officer.post(&format!("/v1/alerts/{alert}/{step}"), body).unwrap();
    };
    step("deliver", &json!({}));
    step("acknowledge?reason=seen", &json!({}));
    step("instruct", &json!({"text": "Stop and hold"}));
    step("dispose", &json!({"outcome": "intercepted", "reason": "held at the barrier"}));
    for act in ["alert.deliver", "alert.acknowledge", "alert.instruct", "alert.dispose"] {
        let noted = of(&server, act);
        assert_eq!((&noted["who"], &noted["what"]["alert"]), (&json!("officer"), &json!(alert)));
        assert_eq!(noted["what"]["unit"], "station", "{act}");
    }
    assert_eq!(of(&server, "alert.acknowledge")["why"], "seen");
    let disposed = of(&server, "alert.dispose");
    assert_eq!(
        (&disposed["what"]["outcome"], &disposed["why"]),
        (&json!("intercepted"), &json!("held at the barrier"))
    );
    assert_eq!(of(&server, "interdict.alert.acknowledged")["what"]["by"], "officer");

    admin.patch("/v1/checkpoints/north?reason=flood", &json!({"state": "closed"})).unwrap();
    let changed = of(&server, "checkpoint.change");
    assert_eq!((&changed["what"]["state"], &changed["why"]), (&json!("closed"), &json!("flood")));
    admin.delete("/v1/checkpoints/north").unwrap();
    let removed = of(&server, "checkpoint.remove");
    assert_eq!(
        (&removed["who"], &removed["what"]["checkpoint"]),
        (&json!("first-admin"), &json!("north"))
    );
}

#[test]
fn the_log_is_read_by_auditors_and_that_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    let token = |name: &str, role: &str| {
        let made = admin.post("/v1/tokens", &json!({"name": name, "role": role})).unwrap();
        server.client(made["token"].as_str().unwrap())
    };
    let (auditor, operator) = (token("li", "auditor"), token("wang", "operator"));
    for path in ["/v1/audit", "/v1/audit/head", "/v1/audit/key", "/v1/audit/proof/1"] {
        assert_eq!(refusal(operator.get_text(path)).0, 403, "{path}");
    }
    let denied = noted(&server).into_iter().filter(|(act, _)| act == "access.denied");
    let denied: Vec<_> = denied.map(|(_, content)| content).collect();
    assert_eq!(denied.len(), 4);
    assert_eq!(
        (&denied[3]["who"], &denied[3]["what"]["path"]),
        (&json!("wang"), &json!("/v1/audit/proof/1"))
    );

    let page = auditor.get("/v1/audit?after=1&limit=2&reason=yearly").unwrap();
    let numbers: Vec<_> =
        page["entries"].as_array().unwrap().iter().map(|entry| &entry["entry"]).collect();
    assert_eq!((numbers, &page["next"]), (vec![&json!(2), &json!(3)], &json!(3)));
    let noted_read = of(&server, "audit.read");
    assert_eq!((&noted_read["who"], &noted_read["why"]), (&json!("li"), &json!("yearly")));
    assert_eq!(noted_read["what"], json!({"after": 1, "through": 3}));
    for (status, path) in [
        (404, "/v1/audit/proof/0"),
        (404, "/v1/audit/proof/99999"),
        (400, "/v1/audit/proof/x"),
        (400, "/v1/audit?after=x"),
        (400, "/v1/audit?before=1"),
    ] {
        assert_eq!(refusal(auditor.get(path)).0, status, "{path}");
    }
    let last = auditor.get("/v1/audit?after=99999").unwrap();
    assert_eq!((&last["entries"], &last["next"]), (&json!([]), &Value::Null));
}

#[test]
fn heads_and_proofs_hold_under_the_key_that_the_server_shows() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "P");
    let key: PublicKey = admin.get_text("/v1/audit/key").unwrap().parse().unwrap();
    let head = || SignedHead::parse(&admin.get_text("/v1/audit/head").unwrap()).unwrap();
    let first = head();
    assert_eq!(first.verify(&key), Ok(()));
    assert_eq!(head(), first, "to read the head makes no entry");
    let proof = admin.get_text("/v1/audit/proof/2").unwrap();
    let proof: Proof = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof.check(&key), Ok(first));
    let other = Entry { number: 1, ..proof.entry.clone() };
    assert!(Proof { entry: other, ..proof }.check(&key).is_err());
}

#[test]
fn where_no_reason_is_asked_for_one_that_is_stated_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_without_reasons(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "P");
    admin.get("/v1/vehicles/v").unwrap();
    assert_eq!(of(&server, "vehicle.read").get("why"), None);
}
