//! `cargo bench --bench store`: how many events a second the store makes durable, each with its record
//! and its entry in the audit log, and how long a store of a million takes to open and its log to be
//! verified.
//!
//! Events are alerts, the largest that there are, committed in groups as ticks of 10 ms make
//! them, and in larger ones; each commit waits for the disk.

use std::path::Path;
use std::time::Instant;

use interdict::audit::{End, Heads, Verification};
use interdict::store::Store;
use interdict_engine::{
    AlertReport, CaseView, CheckpointView, Data, Event, EventId, Handling, Input, Kind, Progress,
    Record, RecordId, Stage, Type, Vehicle, VehicleId, VehicleView, Why,
};
use interdict_protocols::{Fix, Time};

/// Of each group size.
const EVENTS: u64 = 100_000;
const GROUPS: [u64; 4] = [10, 100, 1_000, 10_000];
/// What the store to be opened holds.
const HELD: u64 = 1_000_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    println!("events a commit   durable events/s");
    for group in GROUPS {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path(), "urn:interdict:bench")?;
        // Small groups wait for the disk most of the time: fewer will do.
        let count = EVENTS.min(group * 1_000);
        let began = Instant::now();
        fill(&store, count, group)?;
        println!("{group:15}   {:16.0}", count as f64 / began.elapsed().as_secs_f64());
    }
    let folder = tempfile::tempdir()?;
    fill(&Store::open(folder.path(), "urn:interdict:bench")?, HELD, 10_000)?;
    open(folder.path())
}

fn open(folder: &Path) -> Result<(), Failure> {
    // The file is in the system's cache: it was just written.
    let began = Instant::now();
    let store = Store::open(folder, "urn:interdict:bench")?;
    let elapsed = began.elapsed();
    assert_eq!(store.latest_sequence(), HELD);
    println!(
        "a store of {HELD} records, events and audit entries opens in {:.2} s",
        elapsed.as_secs_f64()
    );
    let began = Instant::now();
    let signer = store.audit_signer(Time::from_seconds(0))?;
    let size = store.audit_frontier().size();
    let head = signer.sign(size, store.audit_frontier().root());
    let mut verification = Verification::new(signer.public().clone(), Heads::default());
    let mut after = 0;
    while after < size {
        for entry in store.audit_entries(after, size, 10_000)? {
            after = entry.number;
            verification.take(&entry);
        }
    }
    let report = verification.finish(&End { head: Some(head), ..End::default() });
    assert_eq!((report.covered, report.findings), (size, Vec::new()));
    println!("its audit log is verified in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Commits `count` records, each with its event, in groups.
fn fill(store: &Store, count: u64, group: u64) -> Result<(), Failure> {
    let mut next = 1;
    while next <= count {
        let numbers = next..(next + group).min(count + 1);
        let records: Vec<Record> = numbers.clone().map(record).collect();
        let events: Vec<Event> =
            numbers.clone().map(alert).collect::<Option<_>>().ok_or("a fix")?;
        store.commit(&records, &events)?;
        next = numbers.end;
    }
    Ok(())
}

fn record(number: u64) -> Record {
    Record {
        id: RecordId(number),
        at: Time::from_seconds(0),
        input: Input::Vehicle(Vehicle::unknown(vehicle(number))),
        used: Default::default(),
    }
}

fn vehicle(number: u64) -> VehicleId {
    format!("vehicle-{}", number % 1_000).into()
}

fn alert(number: u64) -> Option<Event> {
    let time = Time::from_seconds(0);
    let report = AlertReport {
        alert: EventId(format!("{number:016x}-1")),
        vehicle: VehicleView::from(&Vehicle::unknown(vehicle(number))),
        flag: CaseView {
            id: "0123456789abcdef".into(),
            case: "C-17".to_owned(),
            reason: "stolen".to_owned(),
            priority: 2,
            instruction: Some("stop and verify".to_owned()),
            cautions: vec!["armed".to_owned()],
            contact: Some("110".to_owned()),
        },
        checkpoint: CheckpointView {
            id: "north-throat".into(),
            name: "North throat road".to_owned(),
            kind: Kind::ThroatRoad,
            unit: "station".into(),
        },
        stage: Stage::Approaching,
        handling: Handling::Raised,
        progress: Progress::default(),
        eta_s: 600.0,
        eta_at: time,
        probability: 0.75,
        distance_m: 9_000.0,
        fix: Fix::new(time, 38.9, 121.6)?,
        device: None,
        fix_age_s: 1.0,
        why: Why {
            code: "closing".to_owned(),
            text: "It came 2 km nearer in 3 minutes.".to_owned(),
            figures: [("nearer_m".to_owned(), 2_000.0)].into(),
        },
        route: vec!["North road".to_owned()],
        nearest_units: Vec::new(),
    };
    let id = EventId(format!("{number:016x}-1"));
    Some(Event { id, time, kind: Type::Raised, data: Data::Alert(Box::new(report)) })
}
