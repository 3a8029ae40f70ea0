//! A network of a large region, 400,000 nodes and 900,000 arcs: how long its file and its tables
//! take, and what one fix of a flagged vehicle costs there.

#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use interdict_engine::roads::{RoadBuilder, RoadClass, RoadGraph, Roads, Way};
use interdict_engine::{
    Checkpoint, Engine, Flag, Input, Kind, Observation, Position, RecordId, Setup, Shape, State,
    Vehicle,
};
use interdict_protocols::{Fix, Time};

const START: Time = Time::from_seconds(1_781_488_800);
/// Streets each way: their crossings are the nodes.
const SIDE: i64 = 633;
/// Every so many streets one is an avenue, which is driven both ways.
const AVENUE: i64 = 8;
const CHECKPOINTS: i64 = 200;
const THREADS: usize = 2;
/// 110 m north and east at 38.9° north.
const NORTH_DEG: f64 = 0.000_99;
const EAST_DEG: f64 = 0.001_27;
const CORNER: (f64, f64) = (38.6, 121.2);

fn point(east: i64, north: i64) -> i64 {
    north * SIDE + east
}

fn place(east: f64, north: f64) -> (f64, f64) {
    (CORNER.0 + north * NORTH_DEG, CORNER.1 + east * EAST_DEG)
}

/// A grid of one-way streets, alternating, with avenues and a ring road both ways.
fn network() -> RoadGraph {
    let mut builder = RoadBuilder::new();
    for north in 0..SIDE {
        for east in 0..SIDE {
            // Crossings lie a little beside the grid's, so that no two ways take the same time.
            let off = |salt: i64| ((point(east, north) * 7_919 + salt) % 101 - 50) as f64 / 500.0;
            let (latitude, longitude) = place(east as f64 + off(0), north as f64 + off(37));
            builder.place(point(east, north), latitude, longitude);
        }
    }
    for line in 0..SIDE {
        let both = line % AVENUE == 0 || line == SIDE - 1;
        let (class, speed) =
            if both { (RoadClass::Secondary, 50) } else { (RoadClass::Residential, 30) };
        let speed_kmh = match (both, line % 2) {
            (true, _) => [speed, speed],
            (false, 0) => [speed, 0],
            (false, _) => [0, speed],
        };
        let mut way = |id: i64, points: Vec<i64>, name: String| {
            builder.way(Way { id, points, class, speed_kmh, name, accuracy_m: 0 });
        };
        let row = (0..SIDE).map(|east| point(east, line)).collect();
        way(line, row, format!("row {line}"));
        let column = (0..SIDE).map(|north| point(line, north)).collect();
        way(SIDE + line, column, format!("column {line}"));
    }
    builder.build().unwrap().0
}

fn checkpoints() -> Vec<Checkpoint> {
    let checkpoint = |number: i64| {
        let (east, north) = ((number * 37 % SIDE) as f64 + 0.5, (number * 91 % SIDE) as f64);
        let (latitude, longitude) = place(east, north);
        Checkpoint {
            id: format!("c{number}").into(),
            name: format!("Checkpoint {number}"),
            name_zh: None,
            kind: Kind::ThroatRoad,
            unit: "station".into(),
            ring: None,
            shape: Shape::Point(Position { latitude, longitude }),
            bearing_deg: None,
            lead_s: 240.0,
            ready_s: 0.0,
            radius_m: 100.0,
            state: State::Manned,
            approximate: false,
            accuracy_m: None,
        }
    };
    (0..CHECKPOINTS).map(checkpoint).collect()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what:<46} {:>8.2} s", started.elapsed().as_secs_f64());
    result
}

fn main() {
    let graph = network();
    println!("{} nodes, {} arcs, {CHECKPOINTS} checkpoints", graph.nodes(), graph.arcs());
    let bytes = graph.to_bytes();
    let graph = timed("reading the compact file", || RoadGraph::from_bytes(&bytes)).unwrap();
    println!("{:<46} {:>8.1} MB", "its size", bytes.len() as f64 / 1e6);

    let mut roads = timed("index and zones' tables", || Roads::new(Arc::new(graph), None, THREADS));
    let checkpoints = checkpoints();
    timed("checkpoints' tables", || roads.place_all(&checkpoints, None, THREADS));
    let zones = roads.zone_tables();
    println!("{:<46} {:>8.1} MB", "all tables", roads.table_bytes() as f64 / 1e6);
    let again = Arc::new(roads.graph().clone());
    timed("index, and zones' tables that were kept", || Roads::new(again, Some(&zones), THREADS));
    drop(zones);
    let mut moved = checkpoints[0].clone();
    let (latitude, longitude) = place(300.5, 300.0);
    moved.shape = Shape::Point(Position { latitude, longitude });
    let mut live = roads.clone();
    timed("one checkpoint moved", || live.place(&moved));
    drop(live);

    fixes(checkpoints, Arc::new(roads));
}

/// A flagged vehicle that drives east and north by turns, a fix every ten seconds.
fn fixes(checkpoints: Vec<Checkpoint>, roads: Arc<Roads>) {
    let mut engine = Engine::new(Setup { checkpoints, roads: Some(roads), ..Setup::default() });
    let flag = Flag::new("f".into(), "v".into(), "stolen", (START, START.plus_seconds(1e9)));
    let mut events = Vec::new();
    let mut record = 0;
    let mut tell = |engine: &mut Engine, at, input| {
        let mut prepared = engine.prepare(at, input);
        record += 1;
        prepared.record.id = RecordId(record);
        engine.apply(&prepared.record, &mut events);
        std::mem::take(&mut events).len()
    };
    tell(&mut engine, START, Input::Vehicle(Vehicle::unknown("v".into())));
    tell(&mut engine, START, Input::Flag(flag));
    let mut turn = 0_u32;
    let mut said = 0;
    Criterion::default().configure_from_args().bench_function(
        "a fix of a flagged vehicle, 200 checkpoints, 400000 nodes",
        |bencher| {
            bencher.iter_batched(
                || {
                    turn += 1;
                    let at = START.plus_seconds(f64::from(turn) * 10.0);
                    // Along avenues: 45 km/h, eight blocks east, eight north, and so on round the
                    // region.
                    let blocks = f64::from(turn) * 10.0 * 12.5 / 110.0;
                    let (leg, along) = ((blocks / 8.0).floor(), blocks % 8.0);
                    let (east, north, course) = if leg % 2.0 == 0.0 {
                        (leg / 2.0 * 8.0 + along, leg / 2.0 * 8.0, 90.0)
                    } else {
                        ((leg + 1.0) / 2.0 * 8.0, (leg - 1.0) / 2.0 * 8.0 + along, 0.0)
                    };
                    let span = (SIDE - 10) as f64;
                    let (latitude, longitude) = place(east % span, north % span);
                    let mut fix = Fix::new(at, latitude, longitude).unwrap();
                    (fix.speed_kmh, fix.course_deg) = (Some(45.0), Some(course));
                    let observation = Observation { device: "d".into(), vehicle: "v".into(), fix };
                    (at, Input::Fix(observation))
                },
                |(at, input)| said += black_box(tell(&mut engine, at, input)),
                BatchSize::PerIteration,
            );
        },
    );
    println!("events said meanwhile: {said}");
}
