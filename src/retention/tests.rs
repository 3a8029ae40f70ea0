//! A flag's life to its end and beyond, in a store that time passes by as an argument.

use std::fs;
use std::path::Path;

use interdict_engine::{Class, RecordId, Type};

use super::*;
use crate::audit::{Act, By, End, Verification, acts, read_heads};
use crate::store::testing::{alert, event, flag, record};
use crate::store::{Hold, Kept, NotedEvent, Purpose, Target, TrackFix};

const NOW: Time = Time::from_seconds(1_000_000);

/// How the flag of [`alert`] ended.
fn ended(how: &str) -> interdict_engine::Event {
    let mut withdrawn = event("end", Type::FlagWithdrawn, flag("f1", "v1"));
    if let interdict_engine::Data::Flag(report) = &mut withdrawn.data {
        report.reason = serde_json::from_value(how.into()).unwrap();
    }
    withdrawn.time = NOW;
    withdrawn
}

/// A store with a flag on `v1` that raised an alert and ended.
fn filled(folder: &Path, how: &str) -> Store {
    let store = Store::open(folder, "urn:test").unwrap();
    let added = event("add", Type::FlagAdded, flag("f1", "v1"));
    let read = Act::new(NOW, acts::VEHICLE_READ, &By::server()).with("vehicle", "v1");
    store.commit(&[record(1)], &[added]).unwrap();
    store.commit_noted(&[record(2)], &[alert("a", "a", Type::Raised, 100)], &[read]).unwrap();
    store.commit(&[], &[event("other", Type::FlagAdded, flag("f2", "v2"))]).unwrap();
    store.commit(&[], &[ended(how)]).unwrap();
    store
}

/// The engine lets go of a flag, and is saved twice.
fn let_go(store: &Store, flag: &str) {
    let forget = interdict_engine::Input::Forget(flag.into());
    store.commit(&[interdict_engine::Record { input: forget, ..record(3) }], &[]).unwrap();
    for _ in 0..2 {
        store.save_snapshot(RecordId(3), &[b"s".to_vec()]).unwrap();
    }
}

fn ids(store: &Store) -> Vec<(u64, String)> {
    let page = store.events_after(0, 100, |_| true).unwrap();
    assert!(page.complete);
    page.events.iter().map(|event| (event.sequence, event.id.0.clone())).collect()
}

/// What is wrong with the audit log, and how many of its contents are gone.
fn verify(store: &Store) -> (usize, u64) {
    let signer = store.audit_signer(NOW).unwrap();
    let frontier = store.audit_frontier();
    let head = signer.sign(frontier.size(), frontier.root()).to_string();
    let mut verification = Verification::new(signer.public().clone(), read_heads(&head));
    for entry in store.audit_entries(0, u64::MAX, usize::MAX).unwrap() {
        verification.take(&entry);
        assert!(
            store
                .audit_proof(entry.number, &signer)
                .unwrap()
                .unwrap()
                .check(signer.public())
                .is_ok()
        );
    }
    let report =
        verification.finish(&End { latest_event: Some(store.latest_sequence()), ..End::default() });
    assert_eq!(report.findings, []);
    (report.findings.len(), report.purged)
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder.join("keys")).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn count(folder: &Path, prefix: &str) -> usize {
    files(folder).iter().filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn a_wrong_flag_is_gone_after_a_week_and_those_who_were_told_hear_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), "wrong");
    let (periods, day_s) = (Retention::default(), 86_400.0);
    assert_eq!(count(folder.path(), "alerts-"), 2);
    let (all, day) = (ids(&store), NOW.plus_seconds(7.0 * day_s));
    let purged = purge_due(&store, &periods, day.plus_millis(-1)).unwrap();
    assert_eq!(purged, Purged::default());
    // The last snapshot was taken while it stood.
    assert!(purge_due(&store, &periods, day).unwrap().gone.is_empty());
    let purged = purge_due(&store, &periods, day).unwrap();
    assert_eq!((purged.waiting.len(), purged.unforgotten), (2, ["f1".into()].into()));
    assert_eq!(ids(&store), all);

    let_go(&store, "f1");
    let purged = purge_due(&store, &periods, day).unwrap();
    assert_eq!((purged.gone.len(), purged.waiting.len()), (2, 0));
    assert_eq!(purge_due(&store, &periods, day).unwrap(), Purged::default());
    assert_eq!((count(folder.path(), "alerts-"), count(folder.path(), "tracks-")), (1, 0));
    // Numbers stay; what is left is the other flag, and the recall.
    let left = [(3, "other".to_owned()), (5, "recall.f1".to_owned())];
    assert_eq!(ids(&store), left);
    assert_eq!(store.latest_sequence(), 5);
    let page = store.events_after(2, 10, |event| event.kind == Type::FlagRecalled).unwrap();
    let told: Vec<_> = page.events[0].told_units.iter().map(|unit| unit.as_str()).collect();
    assert_eq!((told, page.events[0].vehicle.as_ref()), (vec!["station"], None));
    let json: serde_json::Value = serde_json::from_str(&page.events[0].json).unwrap();
    assert_eq!(json["subject"], "f1");
    assert_eq!(json["data"], serde_json::json!({ "flag": "f1", "units": ["station"] }));
    // The audit log knows of it still, and what it notes is known to be purged.
    assert_eq!(verify(&store), (0, 0));
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    let of_alert = entries.iter().find(|entry| entry.act == Type::Raised.name()).unwrap();
    assert_eq!(store.noted_event(of_alert).unwrap(), NotedEvent::Purged);
    assert_eq!(entries.iter().filter(|entry| entry.act == acts::RETENTION_PURGE).count(), 2);

    drop(store);
    let store = Store::open(folder.path(), "urn:test").unwrap();
    assert_eq!(ids(&store), left);
    assert_eq!(store.load().unwrap().records.count(), 0);
    assert!(store.lives().unwrap().contains_key("f1"));
}

#[test]
fn the_audit_log_outlasts_the_flag_and_stays_provable_when_its_contents_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), "handled");
    let_go(&store, "f1");
    let periods = Retention::default();
    let later = NOW.plus_seconds(periods.audit_s);
    let gone = purge_due(&store, &periods, later).unwrap().gone;
    assert_eq!(gone.len(), 3 + store_days(&gone), "{gone:?}");
    let (_, purged) = verify(&store);
    assert!(purged >= 4, "{purged}");
    let of_flag = |entry: &crate::audit::Entry| {
        entry.content.as_ref().is_some_and(|content| content.get().contains("\"v1\""))
    };
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    assert!(!entries.iter().any(of_flag));
    // Of the other flag nothing is gone.
    assert!(entries.iter().any(|entry| {
        entry.content.as_ref().is_some_and(|content| content.get().contains("\"v2\""))
    }));
    drop(store);
    verify(&Store::open(folder.path(), "urn:test").unwrap());
}

fn store_days(gone: &[Target]) -> usize {
    gone.iter().filter(|target| !matches!(target, Target::Flag { .. })).count()
}

#[test]
fn what_is_held_stays_until_it_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), "wrong");
    let_go(&store, "f1");
    let act = |name| Act::new(NOW, name, &By::server()).with("flag", "f1");
    let hold = Hold { at: NOW, by: "li".into(), reason: "complaint 7".into() };
    store.hold(&"f1".into(), Some(&hold), act(acts::FLAG_HOLD)).unwrap();
    drop(store);
    let store = Store::open(folder.path(), "urn:test").unwrap();
    assert_eq!(store.holds().unwrap(), [("f1".into(), hold)].into());
    let (periods, all) = (Retention { audit_s: 1e9, ..Retention::default() }, ids(&store));
    let later = NOW.plus_seconds(1e8);
    purge_due(&store, &periods, later).unwrap();
    assert_eq!(ids(&store), all);
    store.hold(&"f1".into(), None, act(acts::FLAG_RELEASE)).unwrap();
    purge_due(&store, &periods, later).unwrap();
    assert_eq!(ids(&store).len(), 2);
}

#[test]
fn a_purge_that_was_broken_off_is_finished_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), "wrong");
    let_go(&store, "f1");
    let keys = folder.path().join("keys");
    let before: Vec<_> = files(folder.path())
        .into_iter()
        .map(|name| {
            let bits = fs::read(keys.join(&name)).unwrap();
            (name, bits)
        })
        .collect();
    let day = NOW.plus_seconds(7.0 * 86_400.0);
    purge_due(&store, &Retention::default(), day).unwrap();
    let (left, after) = (ids(&store), files(folder.path()));
    drop(store);
    // As if the end had come between the commit and the destruction.
    for (name, bits) in &before {
        fs::write(keys.join(name), bits).unwrap();
    }
    let store = Store::open(folder.path(), "urn:test").unwrap();
    assert_eq!(files(folder.path()), after);
    assert_eq!(ids(&store), left);
    // Nothing makes such a key again.
    store.commit(&[], &[alert("late", "a", Type::Disposed, 100)]).unwrap();
    assert_eq!(count(folder.path(), "alerts-"), 1);
    assert!(ids(&store).contains(&(6, "late".to_owned())));
}

#[test]
fn a_key_that_is_lost_is_damage_and_no_purge() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), "handled"));
    for name in files(folder.path()).iter().filter(|name| name.starts_with("alerts-")) {
        fs::remove_file(folder.path().join("keys").join(name)).unwrap();
    }
    let opened = Store::open(folder.path(), "urn:test");
    let error = match opened {
        Ok(store) => store.events_after(0, 10, |_| true).unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("was not purged"), "{error}");
}

#[test]
fn a_vehicle_of_two_flags_is_read_by_either() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "urn:test").unwrap();
    store.commit(&[], &["f1", "f2"].map(|id| event(id, Type::FlagAdded, flag(id, "v1")))).unwrap();
    store.commit(&[record(1)], &[alert("a", "a", Type::Raised, 100)]).unwrap();
    store.commit(&[], &[ended("wrong")]).unwrap();
    let_go(&store, "f1");
    let target = |flag: &str| {
        vec![Target::Flag { flag: flag.into(), purpose: Purpose::Alerts, recall: true }]
    };
    store.purge(&target("f1"), NOW, &By::server()).unwrap();
    let names = |store: &Store| ids(store).into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    assert_eq!(names(&store), ["f2", "a", "recall.f1"]);
    let mut last = event("last", Type::FlagWithdrawn, flag("f2", "v1"));
    last.time = NOW;
    store.commit(&[], &[last]).unwrap();
    let_go(&store, "f2");
    store.purge(&target("f2"), NOW, &By::server()).unwrap();
    assert_eq!(names(&store), ["recall.f1", "recall.f2"]);
}

#[test]
fn a_class_s_days_go_by_its_period_and_a_held_flag_s_part_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "urn:test").unwrap();
    store.commit(&[], &[event("add", Type::FlagAdded, flag("f1", "v1"))]).unwrap();
    let kept = |vehicle: &str, class, is_followed| {
        let fix = interdict_protocols::Fix::new(NOW, 39.0, 121.5).unwrap();
        let fix = TrackFix { at: NOW, device: "1".into(), fix };
        Kept { vehicle: vehicle.into(), class: Some(class), is_followed, fix }
    };
    let fixes = [
        kept("v1", Class::Patrol, true),
        kept("v2", Class::Patrol, false),
        kept("v3", Class::Armoured, false),
    ];
    store.commit_all(&[], &[], &[], &fixes).unwrap();
    store.commit(&[], &[ended("wrong")]).unwrap();
    let hold = Hold { at: NOW, by: "wang".into(), reason: "court 7".into() };
    let act = Act::new(NOW, acts::FLAG_HOLD, &By::server()).with("flag", "f1");
    store.hold(&"f1".into(), Some(&hold), act).unwrap();
    let day_s = 86_400.0;
    let periods = Retention {
        unflagged_s: [(Class::Patrol, day_s), (Class::Armoured, 20.0 * day_s)].into(),
        ..Retention::default()
    };
    let tracks = || {
        let always = Time::from_seconds(0)..Time::from_seconds(10_000_000);
        ["v1", "v2", "v3"].map(|vehicle| {
            store.track(&vehicle.into(), always.clone(), 9, |_| true).unwrap().fixes.len()
        })
    };
    // The twelfth day of 1970, which 1,000,000 s after its beginning is in, ends 36,800 s later.
    let end = Time::from_seconds(12 * 86_400);
    purge_due(&store, &periods, end.plus_seconds(day_s - 1.0)).unwrap();
    assert_eq!(tracks(), [1, 1, 1]);
    let purged = purge_due(&store, &periods, end.plus_seconds(day_s)).unwrap();
    assert_eq!(purged.gone, [Target::ClassDay { class: Class::Patrol, ended_at: end }]);
    assert_eq!((tracks(), count(folder.path(), "class-")), ([1, 0, 1], 1));
    purge_due(&store, &periods, end.plus_seconds(20.0 * day_s)).unwrap();
    assert_eq!((tracks(), count(folder.path(), "class-")), ([1, 0, 0], 0));
    assert_eq!(verify(&store), (0, 0));
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.act == acts::RETENTION_PURGE).count(), 2);
    // Once nobody holds it the flag's part goes as the flag does.
    let release = Act::new(NOW, acts::FLAG_RELEASE, &By::server()).with("flag", "f1");
    store.hold(&"f1".into(), None, release).unwrap();
    let_go(&store, "f1");
    purge_due(&store, &periods, end.plus_seconds(20.0 * day_s)).unwrap();
    assert_eq!((tracks(), count(folder.path(), "tracks-")), ([0, 0, 0], 0));
}
