//! What one fix costs: of a vehicle that nobody looks for, and of a flagged one.

#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use interdict_engine::{
    Checkpoint, Class, Engine, Flag, Input, Kind, Observation, Position, RecordId, Setup, Shape,
    State, Vehicle, VehicleId,
};
use interdict_protocols::{DeviceId, Fix, Time};

const START: Time = Time::from_seconds(1_781_488_800);
const FLEET: usize = 100_000;
/// A vehicle in the midst of the checkpoints.
const LOOKED_FOR: usize = 40 * 400;
/// A turn of the fleet: every vehicle reports every ten seconds.
const EVERY_S: f64 = 10.0;

/// The place of a vehicle in the `turn`th report: spread over a region, driving east at 60 km/h.
fn fix(number: usize, turn: usize, at: Time) -> Fix {
    let (row, column) = (number / 400, number % 400);
    let east_deg = turn as f64 * EVERY_S * 16.7 / 86_000.0;
    let latitude = 38.5 + row as f64 * 0.004;
    let longitude = 121.0 + column as f64 * 0.004 + east_deg % 1.0;
    let mut fix = Fix::new(at, latitude, longitude).unwrap();
    (fix.speed_kmh, fix.course_deg) = (Some(60.0), Some(90.0));
    fix
}

fn checkpoints(count: usize) -> Vec<Checkpoint> {
    let checkpoint = |number: usize| Checkpoint {
        id: format!("c{number}").into(),
        name: format!("Checkpoint {number}"),
        name_zh: None,
        kind: Kind::ThroatRoad,
        unit: "station".into(),
        ring: None,
        shape: Shape::Point(Position {
            latitude: 38.5 + (number % 15) as f64 * 0.03,
            longitude: 121.05 + (number / 15) as f64 * 0.03,
        }),
        bearing_deg: None,
        lead_s: 240.0,
        ready_s: 0.0,
        radius_m: 100.0,
        state: State::Manned,
        approximate: false,
        accuracy_m: None,
    };
    (0..count).map(checkpoint).collect()
}

fn observation(
    number: usize,
    vehicle: &VehicleId,
    device: &DeviceId,
    turn: usize,
    at: Time,
) -> Input {
    let fix = fix(number, turn, at);
    Input::Fix(Observation { device: device.clone(), vehicle: vehicle.clone(), fix })
}

/// A fleet that has reported once.
fn fleet(checkpoint_count: usize) -> (Engine, Vec<(VehicleId, DeviceId)>) {
    let setup = Setup { checkpoints: checkpoints(checkpoint_count), ..Setup::default() };
    let mut engine = Engine::new(setup);
    let mut events = Vec::new();
    let names: Vec<(VehicleId, DeviceId)> = (0..FLEET)
        .map(|number| (format!("B{number:06}").into(), format!("1380{number:08}").into()))
        .collect();
    for (number, (vehicle, device)) in names.iter().enumerate() {
        let mut known = Vehicle::unknown(vehicle.clone());
        known.class = if number % 500 == 0 { Class::Patrol } else { Class::Taxi };
        for input in [Input::Vehicle(known), observation(number, vehicle, device, 0, START)] {
            let prepared = engine.prepare(START, input);
            engine.apply(&prepared.record, &mut events);
        }
    }
    (engine, names)
}

fn unflagged(criterion: &mut Criterion) {
    let (mut engine, names) = fleet(9);
    let mut events = Vec::new();
    let mut next = FLEET;
    let mut input = move || {
        let (number, turn) = (next % FLEET, next / FLEET);
        next += 1;
        let at = START.plus_seconds(turn as f64 * EVERY_S + number as f64 * EVERY_S / FLEET as f64);
        let (vehicle, device) = &names[number];
        (at, observation(number, vehicle, device, turn, at))
    };
    // A batch so large that what was made is read again from memory, as live input is.
    criterion.bench_function("observe/unflagged of 100000", |bencher| {
        bencher.iter_batched(
            &mut input,
            |(at, input)| {
                let prepared = engine.prepare(at, input);
                engine.apply(&prepared.record, &mut events);
                black_box(prepared.durable)
            },
            BatchSize::SmallInput,
        );
    });
    assert!(events.is_empty());
}

fn flagged(criterion: &mut Criterion) {
    for count in [9, 200] {
        let (mut engine, names) = fleet(count);
        let (vehicle, device) = &names[LOOKED_FOR];
        let ends = START.plus_seconds(1e9);
        let flag = Flag::new("f".into(), vehicle.clone(), "stolen", (START, ends));
        let mut events = Vec::new();
        let mut record = 1;
        let mut tell = |engine: &mut Engine, at, input| {
            let mut prepared = engine.prepare(at, input);
            prepared.record.id = RecordId(record);
            record += 1;
            engine.apply(&prepared.record, &mut events);
            let said = events.len();
            events.clear();
            said
        };
        tell(&mut engine, START, Input::Flag(flag));
        let mut turn = 1;
        criterion.bench_function(&format!("observe/flagged, {count} checkpoints"), |bencher| {
            bencher.iter_batched(
                || {
                    let at = START.plus_seconds(turn as f64 * EVERY_S);
                    let input = observation(LOOKED_FOR, vehicle, device, turn, at);
                    turn += 1;
                    (at, input)
                },
                |(at, input)| black_box(tell(&mut engine, at, input)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, unflagged, flagged);
criterion_main!(benches);
