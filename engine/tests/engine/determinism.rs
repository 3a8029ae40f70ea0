//! The same input gives the same events with the same identities: in one shard or eight, however
//! timers wake, over a restart, and from the records alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use interdict_engine::roads::Roads;
use interdict_engine::{
    Class, Data, Engine, Event, Input, Record, RecordId, SOURCE_DEVICE, Snapshot, Type, VehicleId,
};
use interdict_protocols::Time;

use crate::recording::{Day, LENGTH_S};
use crate::support::at;

/// How the driver wakes an engine.
#[derive(Clone, Copy)]
enum Timers {
    /// At each due time.
    Exact,
    /// Never by themselves.
    Late,
    /// At each due time, and many times for nothing.
    Spurious,
}

/// What came of a run.
struct Run {
    events: Vec<Event>,
    records: Vec<Record>,
}

fn shard_of(vehicle: &VehicleId, shards: usize) -> usize {
    vehicle.as_str().bytes().map(usize::from).sum::<usize>() % shards
}

/// One shard, woken on time: what every other run is set beside.
fn plain(day: Day) -> &'static Run {
    static OPEN: LazyLock<Run> = LazyLock::new(|| run(Day::Open, 1, Timers::Exact));
    static ROADS: LazyLock<Run> = LazyLock::new(|| run(Day::Roads, 1, Timers::Exact));
    static SKETCH: LazyLock<Run> = LazyLock::new(|| run(Day::Sketch, 1, Timers::Exact));
    match day {
        Day::Open => &OPEN,
        Day::Roads => &ROADS,
        Day::Sketch => &SKETCH,
    }
}

fn run(day: Day, shards: usize, timers: Timers) -> Run {
    let mut engines: Vec<Engine> = (0..shards).map(|_| Engine::new(day.setup())).collect();
    let mut run = Run { events: Vec::new(), records: Vec::new() };
    let mut patrols = BTreeSet::new();
    let mut roads = day.setup().roads.map(|roads| Roads::clone(&roads));
    let mut next = 1;
    let mut before = at(0.0);
    for (seconds, input) in day.inputs() {
        let now = at(seconds);
        for engine in &mut engines {
            wake(engine, timers, before, now, &mut run.events);
        }
        before = now;
        if let Input::Vehicle(vehicle) = &input
            && vehicle.class == Class::Patrol
        {
            patrols.insert(vehicle.id.clone());
        }
        if let (Input::Checkpoint(checkpoint), Some(roads)) = (&input, &mut roads) {
            roads.place(checkpoint);
        }
        // One engine alone searches by itself; many are lent what was searched beside them.
        if let (Input::Placed(_), Some(roads), true) = (&input, &roads, shards > 1) {
            let roads = Arc::new(roads.clone());
            engines.iter_mut().for_each(|engine| engine.prepare_roads(Arc::clone(&roads)));
        }
        let holder = input.vehicle().map(|vehicle| shard_of(vehicle, shards));
        if input.vehicle().is_some_and(|vehicle| patrols.contains(vehicle)) {
            for (number, engine) in engines.iter_mut().enumerate() {
                if Some(number) != holder {
                    engine.overhear(now, &input);
                }
            }
        }
        let told: Vec<&mut Engine> = match holder {
            Some(number) => engines.iter_mut().skip(number).take(1).collect(),
            None => engines.iter_mut().collect(),
        };
        let mut durable = None;
        for engine in told {
            let mut prepared = engine.prepare(now, input.clone());
            if prepared.durable {
                prepared.record.id = RecordId(next);
                durable = Some(prepared.record.clone());
            }
            engine.apply(&prepared.record, &mut run.events);
        }
        if let Some(record) = durable {
            run.records.push(record);
            next += 1;
        }
    }
    for engine in &mut engines {
        engine.advance(at(LENGTH_S * 2.0), &mut run.events);
    }
    run
}

fn wake(engine: &mut Engine, timers: Timers, before: Time, now: Time, events: &mut Vec<Event>) {
    if matches!(timers, Timers::Late) {
        return;
    }
    while let Some(due) = engine.next_due().filter(|due| *due <= now) {
        engine.advance(due, events);
    }
    if matches!(timers, Timers::Spurious) {
        for part in 1..3 {
            engine.advance(before.plus_millis(now.millis_since(before) * part / 3), events);
        }
        engine.advance(now, events);
        engine.advance(now, events);
    }
}

/// Events in an order of their own, as they would be written.
fn written(events: &[Event]) -> Vec<String> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
    // Every shard says it, and the store keeps one of an identity.
    events.dedup_by(|one, other| one.kind == Type::MassAlarm && one.id == other.id);
    events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
}

fn assert_same(one: &[Event], other: &[Event]) {
    let (one, other) = (written(one), written(other));
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

#[test]
fn the_recording_has_something_of_everything() {
    let run = plain(Day::Open);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &run.events {
        *counts.entry(event.kind.name()).or_default() += 1;
    }
    // What was purged is told by the store.
    for kind in Type::ALL.iter().filter(|kind| **kind != Type::FlagRecalled) {
        assert!(counts.contains_key(kind.name()), "no {} in {counts:?}", kind.name());
    }
    let unheard =
        |event: &&Event| serde_json::to_string(event).unwrap().contains("closing_unheard");
    assert!(run.events.iter().any(|event| unheard(&event)), "no timer ever raised");
    let disagreement = |event: &Event| match &event.data {
        Data::Conflict(conflict) => conflict.apart_m.is_some(),
        _ => false,
    };
    assert!(run.events.iter().any(disagreement), "no platform contradicted a tracker");
    let by_platform = |event: &Event| match &event.data {
        Data::Alert(alert) => {
            alert.device.as_ref().is_some_and(|device| device.as_str().starts_with(SOURCE_DEVICE))
        }
        _ => false,
    };
    assert!(run.events.iter().any(by_platform), "no alert leant on a platform's word");
    let codes: BTreeSet<&str> = run.events.iter().filter_map(silence_code).collect();
    assert_eq!(codes, ["no_place", "silent", "silent_after_sign"].into());
    let ids: BTreeSet<_> = run.events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), run.events.len(), "identities are not one's own");
}

fn silence_code(event: &Event) -> Option<&str> {
    match &event.data {
        Data::Silence(silence) => Some(&silence.why.code),
        _ => None,
    }
}

#[test]
fn by_road_there_is_something_of_every_alert_with_its_way() {
    for day in [Day::Roads, Day::Sketch] {
        let events = &plain(day).events;
        let alerts = [Type::Watch, Type::Raised, Type::Updated, Type::Withdrawn, Type::Passed];
        for kind in alerts.into_iter().chain([Type::Silent, Type::Heard]) {
            assert!(events.iter().any(|event| event.kind == kind), "no {}", kind.name());
        }
        let raised_by_road = |event: &&Event| match &event.data {
            Data::Alert(alert) => {
                event.kind == Type::Raised
                    && !alert.route.is_empty()
                    && alert.why.figures.contains_key("destination_probability")
            }
            _ => false,
        };
        let by_road = events.iter().filter(raised_by_road).count();
        assert!(by_road > 0, "the roads told nothing");
        let raised = events.iter().filter(|event| event.kind == Type::Raised).count();
        if matches!(day, Day::Sketch) {
            assert!(by_road < raised, "streets that are not drawn are judged by geometry");
        }
        let silent_by_road = events.iter().any(|event| match &event.data {
            Data::Silence(silence) => silence.why.figures.contains_key("drive_s"),
            _ => false,
        });
        assert!(silent_by_road, "the roads told nothing of silences");
    }
}

#[test]
fn eight_shards_say_what_one_says() {
    for day in Day::ALL {
        assert_same(&plain(day).events, &run(day, 8, Timers::Exact).events);
    }
}

#[test]
fn it_does_not_matter_how_timers_wake() {
    for day in Day::ALL {
        let exact = &plain(day).events;
        assert_same(exact, &run(day, 1, Timers::Late).events);
        assert_same(exact, &run(day, 8, Timers::Late).events);
        assert_same(exact, &run(day, 8, Timers::Spurious).events);
    }
}

#[test]
fn the_records_alone_give_the_same_events() {
    for day in Day::ALL {
        let run = plain(day);
        let mut engine = Engine::new(day.setup());
        let mut events = Vec::new();
        for record in &run.records {
            let json = serde_json::to_string(record).unwrap();
            engine.apply(&serde_json::from_str(&json).unwrap(), &mut events);
        }
        engine.advance(at(LENGTH_S * 2.0), &mut events);
        assert_same(&run.events, &events);
    }
}

#[test]
fn a_restart_from_snapshots_into_other_shards_changes_nothing() {
    Day::ALL.into_iter().for_each(restart);
}

#[expect(clippy::unwrap_used, reason = "a test's helper fails as a test does")]
fn restart(day: Day) {
    let whole = plain(day);
    let added = |record: &Record| matches!(record.input, Input::Checkpoint(_));
    // While a new checkpoint has no driving times yet, too.
    let unplaced = whole.records.iter().position(added).unwrap() + 20;
    let (half, end) = (whole.records.len() / 2, whole.records.len() - 30);
    for split in [200, 700, unplaced, half, end] {
        let (before, after) = whole.records.split_at(split);
        // Before the restart: three shards, of which only records are kept here.
        let mut events = Vec::new();
        let mut engines: Vec<Engine> = (0..3).map(|_| Engine::new(day.setup())).collect();
        tell_records(&mut engines, before, &mut events);
        let snapshots: Vec<Snapshot> = engines
            .iter()
            .map(|engine| {
                let json = serde_json::to_string(&engine.snapshot()).unwrap();
                serde_json::from_str(&json).unwrap()
            })
            .collect();
        drop(engines);
        let mut engines: Vec<Engine> = (0..2)
            .map(|number| {
                let holds = |vehicle: &VehicleId| shard_of(vehicle, 2) == number;
                Engine::restore(day.setup(), snapshots.clone(), holds)
            })
            .collect();
        tell_records(&mut engines, after, &mut events);
        for engine in &mut engines {
            engine.advance(at(LENGTH_S * 2.0), &mut events);
        }
        assert_same(&whole.events, &events);
    }
}

fn tell_records(engines: &mut [Engine], records: &[Record], events: &mut Vec<Event>) {
    let shards = engines.len();
    for record in records {
        let holder = record.input.vehicle().map(|vehicle| shard_of(vehicle, shards));
        for (number, engine) in engines.iter_mut().enumerate() {
            if holder.is_none_or(|holder| holder == number) {
                engine.apply(record, events);
            }
        }
    }
}

#[test]
fn a_snapshot_holds_nothing_of_vehicles_without_flag_or_alarm() {
    let mut engine = Engine::new(Day::Open.setup());
    let mut events = Vec::new();
    for (seconds, mut input) in Day::Open.inputs() {
        match &mut input {
            Input::Fix(observation) => observation.fix.alarms = Default::default(),
            Input::Report { alarms, .. } => *alarms = Default::default(),
            _ => {}
        }
        if !matches!(input, Input::Flag(_)) && input.vehicle().is_some() {
            let prepared = engine.prepare(at(seconds), input);
            engine.apply(&prepared.record, &mut events);
        }
    }
    let snapshot = serde_json::to_string(&engine.snapshot()).unwrap();
    assert!(!snapshot.contains("v0") && !snapshot.contains("latitude"), "{snapshot}");
}
