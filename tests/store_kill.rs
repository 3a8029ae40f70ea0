//! A process that commits in a loop is killed at arbitrary moments: what it was told is durable
//! must be there, and no batch may be there in part.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use interdict::audit::Frontier;
use interdict::store::{NotedEvent, Store, StoreError};
use interdict_engine::{
    Data, Event, EventId, Flag, FlagReport, Input, Record, RecordId, Type, Vehicle, VehicleView,
};
use interdict_protocols::Time;

/// Tells this program that it is the one to be killed, and where to write.
const FOLDER: &str = "INTERDICT_TEST_STORE_FOLDER";
const ROUNDS: usize = 8;
/// Batches that differ: one record, some, and more than one of sled's segments of 512 KiB holds.
const SIZES: [u64; 4] = [1, 7, 400, 30];

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        commit_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let last = run_and_kill(folder.path(), 1 + round * 3);
        assert!(last > acknowledged, "round {round} committed nothing");
        acknowledged = last;
        verify(folder.path(), acknowledged);
    }
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn(folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.by_ref().find(|line| acknowledged(line.as_ref().unwrap()).is_some());
    let refused = Store::open(folder.path(), "urn:test").err();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(refused, Some(StoreError::Locked { path: folder.path().to_owned() }));
    assert!(Store::open(folder.path(), "urn:test").is_ok());
}

fn spawn(folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_was_acknowledged_survives_a_kill", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a process commit `batches` batches and kills it in the middle of what comes after. Answers
/// the last batch that it was told is durable.
fn run_and_kill(folder: &Path, batches: usize) -> u64 {
    let mut child = spawn(folder);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = || lines.by_ref().find_map(|line| acknowledged(&line.unwrap()));
    let mut last = 0;
    for _ in 0..batches {
        last = told().expect("the process ended by itself");
    }
    child.kill().unwrap();
    while let Some(batch) = told() {
        last = batch;
    }
    child.wait().unwrap();
    last
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("durable ")?.parse().ok()
}

fn commit_for_ever(folder: &Path) -> ! {
    let store = Store::open(folder, "urn:test").unwrap();
    let loaded = store.load().unwrap();
    let mut next = loaded.next_record.0;
    let mut batch = loaded.records.last().map_or(1, |record| batch_of(&record.unwrap()).0 + 1);
    println!();
    loop {
        let size = SIZES[usize::try_from(batch).unwrap() % SIZES.len()];
        let records: Vec<_> = (0..size).map(|place| record(next + place, batch, size)).collect();
        let events: Vec<_> = records.iter().map(event).collect();
        store.commit(&records, &events).unwrap();
        println!("durable {batch}");
        std::io::stdout().flush().unwrap();
        next += size;
        batch += 1;
    }
}

/// A vehicle whose identity says which batch it belongs to and how large that is.
fn record(id: u64, batch: u64, size: u64) -> Record {
    let vehicle = Vehicle::unknown(format!("{batch}/{size}").into());
    let at = Time::from_seconds(0);
    Record { id: RecordId(id), at, input: Input::Vehicle(vehicle), used: Default::default() }
}

fn batch_of(record: &Record) -> (u64, u64) {
    let Input::Vehicle(vehicle) = &record.input else { panic!("{record:?}") };
    let (batch, size) = vehicle.id.as_str().split_once('/').unwrap();
    (batch.parse().unwrap(), size.parse().unwrap())
}

/// An event of its record, padded to the size of an alert.
fn event(record: &Record) -> Event {
    let Input::Vehicle(vehicle) = &record.input else { panic!("{record:?}") };
    let at = Time::from_seconds(0);
    let flag = Flag {
        case: "x".repeat(1_000),
        ..Flag::new(record.id.0.to_string().into(), vehicle.id.clone(), "stolen", (at, at))
    };
    let vehicle = VehicleView::from(vehicle);
    let report = FlagReport { flag, vehicle, reason: None, by: None, note: None };
    let id = EventId(record.id.0.to_string());
    Event { id, time: at, kind: Type::FlagAdded, data: Data::Flag(Box::new(report)) }
}

fn verify(folder: &Path, acknowledged: u64) {
    let store = Store::open(folder, "urn:test").unwrap();
    let records: Vec<_> = store.load().unwrap().records.map(Result::unwrap).collect();
    let mut place = 0;
    let mut batch = 1;
    while let Some(record) = records.get(place) {
        let (found, size) = batch_of(record);
        assert_eq!(found, batch, "batches follow one another");
        let size = usize::try_from(size).unwrap();
        let whole = &records[place..];
        assert!(whole.len() >= size, "batch {batch} is there in part");
        assert!(whole[..size].iter().all(|record| batch_of(record).0 == batch));
        place += size;
        batch += 1;
    }
    assert!(batch > acknowledged, "batch {acknowledged} was acknowledged and is gone");
    assert!(records.iter().zip(1..).all(|(record, id)| record.id.0 == id));

    let (mut cursor, mut events) = (0, 0);
    loop {
        let page = store.events_after(cursor, usize::MAX, |_| true).unwrap();
        for event in &page.events {
            events += 1;
            assert_eq!((event.sequence, event.id.0.as_str()), (events, &*events.to_string()));
        }
        cursor = page.cursor;
        if page.complete {
            break;
        }
    }
    assert_eq!(events, u64::try_from(records.len()).unwrap(), "each record has its event");

    let mut tree = Frontier::default();
    for entry in store.audit_entries(0, u64::MAX, usize::MAX).unwrap() {
        let sequence = entry.read_content().unwrap().event_sequence();
        assert_eq!((entry.number, sequence), (tree.size() + 1, Some(entry.number)));
        assert_eq!(store.noted_event(&entry).unwrap(), NotedEvent::Same);
        tree.push(entry.leaf, |_, _| {});
    }
    assert_eq!(tree.size(), events, "each event has its entry in the audit log");
    assert_eq!(*store.audit_frontier(), tree);
}
