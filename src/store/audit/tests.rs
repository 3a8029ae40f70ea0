//! The log on the disk: in step with what it notes, the same after a restart, and tampered with where it
//! lies.

use interdict_engine::Type;
use interdict_protocols::Time;

use super::super::journal::{audit_entries, audit_key, event_key, number as key_number};
use super::super::testing::{Failure, event, flag, record};
use super::super::{Healed, NotedEvent, Store, Table};
use super::pack::{Pack, unpack};
use crate::audit::{
    Act, By, End, Finding, Frontier, Leaves, Octets, Place, Report, Verification, acts, read_heads,
};

const NOW: Time = Time::from_seconds(1_000);

fn open(folder: &std::path::Path) -> Store {
    Store::open(folder, "urn:test").unwrap()
}

fn act(vehicle: &str) -> Act {
    Act::new(NOW, acts::VEHICLE_READ, &By::server()).with("vehicle", vehicle)
}

/// The root of all leaves, reckoned anew.
fn root(store: &Store) -> Frontier {
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    let leaves = Leaves(entries.iter().map(|entry| entry.leaf).collect());
    Frontier::load(entries.len() as u64, &leaves).unwrap()
}

fn verify(store: &Store, heads: &str) -> Report {
    let signer = store.audit_signer(NOW).unwrap();
    let mut verification = Verification::new(signer.public().clone(), read_heads(heads));
    for entry in store.audit_entries(0, u64::MAX, usize::MAX).unwrap() {
        verification.take(&entry);
    }
    verification.finish(&End { latest_event: Some(store.latest_sequence()), ..End::default() })
}

fn head(store: &Store) -> String {
    let frontier = store.audit_frontier();
    store.audit_signer(NOW).unwrap().sign(frontier.size(), frontier.root()).to_string()
}

#[test]
fn the_tree_is_the_same_after_a_restart_at_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let signer = open(folder.path()).audit_signer(NOW).unwrap();
    // About the size of the subtrees that are kept, and well beyond.
    for count in [1, 253, 1, 1, 1, 300, 500] {
        let store = open(folder.path());
        let all: Vec<_> = (0..count).map(|number| act(&number.to_string())).collect();
        store.note(&all).unwrap();
        let frontier = store.audit_frontier();
        assert_eq!(*frontier, root(&store));
        assert_eq!(*store.audit_size().borrow(), frontier.size());
        drop(store);
        let store = open(folder.path());
        assert_eq!(store.audit_frontier(), frontier);
        for entry in [1, 2, 255, 256, 257, 512, 513, frontier.size() - 1, frontier.size()] {
            let proof = store.audit_proof(entry, &signer).unwrap();
            assert_eq!(proof.is_some(), (1..=frontier.size()).contains(&entry));
            if let Some(proof) = proof {
                assert!(proof.check(signer.public()).is_ok(), "{entry} of {}", frontier.size());
            }
        }
    }
}

#[test]
fn events_are_noted_with_their_commit_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let make = |id: &str| event(id, Type::FlagAdded, flag(id, "v1"));
    store.commit_noted(&[record(1)], &[make("a"), make("b")], &[act("v1")]).unwrap();
    store.commit(&[], &[make("b"), make("c")]).unwrap();
    let entries = store.audit_entries(0, u64::MAX, usize::MAX).unwrap();
    let acts: Vec<_> = entries.iter().map(|entry| entry.act.as_str()).collect();
    let added = "interdict.flag.added";
    assert_eq!(acts, [acts::VEHICLE_READ, added, added, added]);
    for entry in &entries[1..] {
        assert_eq!(store.noted_event(entry).unwrap(), NotedEvent::Same);
    }
    assert_eq!(entries[3].read_content().unwrap().event_sequence(), Some(3));
    assert_eq!(store.noted_event(&entries[0]).unwrap(), NotedEvent::None);
    assert_eq!(verify(&store, "").findings, []);
    let page = store.audit_entries(1, u64::MAX, 2).unwrap();
    assert_eq!(page.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2, 3]);
    assert!(store.audit_entries(5, u64::MAX, 2).unwrap().is_empty());
    let page = store.audit_entries(1, 2, 9).unwrap();
    assert_eq!(page.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_table_and_what_is_noted_of_it_change_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let change = [(&b"a"[..], Some("one"))];
    store.write_noted(Table::Tokens, change, &[act("v1"), act("v2")]).unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.get::<String>(Table::Tokens, b"a").unwrap().as_deref(), Some("one"));
    assert_eq!(store.audit_frontier().size(), 2);
    assert_eq!(*store.audit_frontier(), root(&store));
}

#[test]
fn what_was_said_to_have_failed_is_not_noted_and_what_was_made_durable_is_noted_once() {
    for failure in [Failure::Before, Failure::After] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let many: Vec<_> = (0..300).map(|number| act(&number.to_string())).collect();
        store.note(&many[..250]).unwrap();
        let before = store.audit_frontier();
        let is_as_before = |store: &Store| {
            assert_eq!(store.audit_frontier(), before);
            assert_eq!(root(store), *before);
            assert_eq!(store.get::<String>(Table::Tokens, b"a").unwrap(), None);
        };
        let change = [(&b"a"[..], Some("one"))];

        // Enough for a subtree of which the hash is kept.
        store.inject(failure);
        store.note(&many).unwrap_err();
        store.heal().unwrap();
        is_as_before(&store);
        store.inject(failure);
        store.write_noted(Table::Tokens, change, &many).unwrap_err();
        store.heal().unwrap();
        is_as_before(&store);
        drop(store);
        let store = open(folder.path());
        is_as_before(&store);

        // Of a commit it is said what became of it: whoever makes it again knows what to note again.
        store.inject(failure);
        store.commit_noted(&[], &[], &many).unwrap_err();
        if store.heal() == Ok(Healed::Without) {
            is_as_before(&store);
            store.commit_noted(&[], &[], &many).unwrap();
        }
        store.write_noted(Table::Tokens, change, &many[..1]).unwrap();
        assert_eq!(store.audit_frontier().size(), 250 + 300 + 1);
        assert_eq!(*store.audit_frontier(), root(&store));
        let now = store.audit_frontier();
        drop(store);
        assert_eq!(open(folder.path()).audit_frontier(), now);
    }
}

#[test]
fn what_is_changed_on_the_disk_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.audit_signer(NOW).unwrap();
    let all: Vec<_> = (0..10).map(|number| act(&number.to_string())).collect();
    store.note(&all).unwrap();
    let heads = head(&store);
    store.commit(&[], &[event("a", Type::FlagAdded, flag("a", "v1"))]).unwrap();
    let heads = format!("{heads}\n{}", head(&store));
    let tamper = |number: u64, how: &dyn Fn(&mut crate::audit::Entry)| {
        let handles = store.handles().unwrap();
        let packs = handles.journal.range(audit_entries(0, number));
        let (key, before) = packs.last().unwrap().unwrap();
        let mut pack = Pack::default();
        for mut entry in unpack(key_number(&key).unwrap(), &before).unwrap() {
            if entry.number == number {
                how(&mut entry);
            }
            pack.push(&entry);
        }
        handles.journal.insert(&key, pack.into_bytes()).unwrap();
        let report = verify(&store, &heads);
        handles.journal.insert(&key, before).unwrap();
        assert_eq!(verify(&store, &heads).findings, []);
        report.findings
    };
    let other = serde_json::from_str(r#"{"who":"nobody"}"#).unwrap();
    let content = |entry: &mut crate::audit::Entry| entry.content = Some(Clone::clone(&other));
    assert_eq!(tamper(4, &content), [Finding::Content(4, 4)]);
    let time = |entry: &mut crate::audit::Entry| entry.time = Time::from_seconds(5);
    assert_eq!(tamper(4, &time), [Finding::Fields(4, 4)]);
    let thorough = |entry: &mut crate::audit::Entry| {
        let act = Act::new(NOW, acts::VEHICLE_READ, &By::server());
        *entry = crate::audit::Entry::new(entry.number, &act, Octets([9; 16])).unwrap();
    };
    let changed = Finding::Changed { from: 1, through: 11, head: Place::Line(1) };
    assert_eq!(tamper(4, &thorough), [changed]);
    let changed = Finding::Changed { from: 12, through: 12, head: Place::Line(7) };
    assert_eq!(tamper(12, &thorough), [changed]);

    let handles = store.handles().unwrap();
    let noted = store.audit_entry(12).unwrap().unwrap();
    let event = handles.journal.get(event_key(1)).unwrap().unwrap();
    let text = String::from_utf8(event.to_vec()).unwrap().replace("duty officer", "duty offices");
    handles.journal.insert(event_key(1), text.as_bytes()).unwrap();
    assert_eq!(store.noted_event(&noted).unwrap(), NotedEvent::Other(1));
    handles.journal.remove(event_key(1)).unwrap();
    assert_eq!(store.noted_event(&noted).unwrap(), NotedEvent::Gone(1));
    // One entry taken out of its pack: the later ones of that move up.
    let pack = handles.journal.get(audit_key(2)).unwrap().unwrap();
    let mut fewer = Pack::default();
    unpack(2, &pack).unwrap().iter().filter(|entry| entry.number != 4).for_each(|entry| {
        fewer.push(entry);
    });
    handles.journal.insert(audit_key(2), fewer.into_bytes()).unwrap();
    let moved = (4..=10).map(|entry| Finding::Renumbered { entry, was: entry + 1 });
    let expected: Vec<_> = moved.chain([Finding::Deleted(11, 11)]).collect();
    assert_eq!(verify(&store, &heads).findings, expected);
    handles.journal.remove(audit_key(2)).unwrap();
    assert_eq!(verify(&store, &heads).findings, [Finding::Deleted(2, 11)]);
}

#[test]
fn a_key_is_made_once_and_another_one_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(store.read_audit_key().unwrap().is_none());
    let key = store.audit_signer(NOW).unwrap().public().clone();
    assert_eq!(*store.audit_signer(NOW).unwrap().public(), key);
    drop(store);
    let store = open(folder.path());
    assert_eq!(*store.audit_signer(NOW).unwrap().public(), key);
    assert_eq!(store.audit_frontier().size(), 1);
    drop(store);
    std::fs::write(folder.path().join("audit.key"), "PRIVATE+KEY+x").unwrap();
    let store = open(folder.path());
    assert!(store.audit_signer(NOW).is_err(), "what is no key is not written over");
    std::fs::remove_file(folder.path().join("audit.key")).unwrap();
    let other = store.audit_signer(NOW).unwrap().public().clone();
    assert_ne!(other, key);
    let content = store.audit_entry(2).unwrap().unwrap().read_content().unwrap();
    let key = |text: &str| content.what[text].as_str().unwrap().to_owned();
    assert_eq!((key("key"), key("before")), (other.to_string(), key_text(&store, 1)));
}

fn key_text(store: &Store, entry: u64) -> String {
    let content = store.audit_entry(entry).unwrap().unwrap().read_content().unwrap();
    content.what["key"].as_str().unwrap().to_owned()
}
