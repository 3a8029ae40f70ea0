//! A made recording of a busy day: everything that an engine is told, in the order in which it comes.

use std::sync::{Arc, LazyLock};

use interdict_engine::roads::{RoadBuilder, RoadClass, Roads, Way};
use interdict_engine::{
    Act, AlarmRule, Class, ConflictReport, Data, Deadlines, Decided, Decision, Engine, EventId,
    Flag, FlagEnd, FlagState, Handled, Input, Level, MassAlarm, Outcome, RecordId, SOURCE_DEVICE,
    Setup, Sighting, SightingSource, State, Trust, Type, Unit, VehicleId,
};
use interdict_protocols::{Alarm, AlarmSet, Fix};

use crate::support::{area, at, fix, flag, line, login, observation, place, point, vehicle};

/// How long it lasts, seconds.
pub(crate) const LENGTH_S: f64 = 5_400.0;
const VEHICLES: usize = 60;
const PATROLS: usize = 6;
/// Every how manieth vehicle is flagged.
const FLAGGED: usize = 4;

/// A linear congruential generator (Knuth's MMIX constants): the same numbers everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    fn one_in(&mut self, many: f64) -> bool {
        self.share() * many < 1.0
    }
}

/// Checkpoints of the three shapes, some with directions.
pub(crate) fn setup() -> Setup {
    let mut one_way = point("one-way", (-4_000.0, 1_000.0));
    one_way.bearing_deg = Some(270.0);
    let mut unmanned = point("unmanned", (3_000.0, -6_000.0));
    (unmanned.state, unmanned.ready_s, unmanned.radius_m) = (State::Unmanned, 60.0, 300.0);
    let mut rough = point("rough", (6_000.0, 5_000.0));
    (rough.approximate, rough.accuracy_m) = (true, Some(450.0));
    let checkpoints = vec![
        one_way,
        unmanned,
        rough,
        line("toll", (-1_500.0, 6_000.0), (2_500.0, 6_500.0)),
        line("bridge", (-7_000.0, -3_000.0), (-5_000.0, -5_000.0)),
        area("port", (7_000.0, -2_000.0), 1_200.0),
        area("lot", (0.0, 0.0), 250.0),
    ];
    let unit = |id: &str, level, parent: Option<&str>| Unit {
        id: id.into(),
        name: id.to_owned(),
        name_zh: None,
        level,
        parent: parent.map(Into::into),
        zone: None,
    };
    let units = vec![
        unit("city", Level::City, None),
        unit("district", Level::District, Some("city")),
        unit("station", Level::Station, Some("district")),
    ];
    let alarm_rules = vec![AlarmRule {
        class: Class::Taxi,
        alarms: vec![Alarm::Sos],
        departments: vec!["taxis".to_owned()],
        provisional: true,
        per_minute: 10,
    }];
    let deadlines = Some(Deadlines::default());
    Setup { checkpoints, units, deadlines, alarm_rules, ..Setup::default() }
}

/// A day, by what the engine begins with and what it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Day {
    /// Without roads: vehicles drive as the crow flies.
    Open,
    /// On a grid of roads.
    Roads,
    /// On the same, of which every fourth road is drawn, and roughly.
    Sketch,
}

impl Day {
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Roads, Self::Sketch];

    pub(crate) fn setup(self) -> Setup {
        match self {
            Self::Open => setup(),
            Self::Roads => Setup { roads: Some(Arc::clone(&ROADS)), ..setup() },
            Self::Sketch => Setup { roads: Some(Arc::clone(&SKETCH)), ..setup() },
        }
    }

    pub(crate) fn inputs(self) -> Vec<(f64, Input)> {
        static OPEN: LazyLock<Vec<(f64, Input)>> = LazyLock::new(|| handled(Day::Open));
        static ROADS: LazyLock<Vec<(f64, Input)>> = LazyLock::new(|| handled(Day::Roads));
        static SKETCH: LazyLock<Vec<(f64, Input)>> = LazyLock::new(|| handled(Day::Sketch));
        match self {
            Self::Open => OPEN.clone(),
            Self::Roads => ROADS.clone(),
            Self::Sketch => SKETCH.clone(),
        }
    }
}

/// How often somebody does something about an alert.
const HANDLED_EVERY_S: usize = 41;

/// The day with people in it. What they do is about alerts that there are, whose identities a run
/// without them shows: theirs are records, too, and so hold the places of what they will do.
fn handled(day: Day) -> Vec<(f64, Input)> {
    let mut inputs = inputs(day);
    let mut engine = Engine::new(day.setup());
    let (mut alerts, mut next) = (Vec::new(), 1);
    for (number, (seconds, input)) in inputs.iter_mut().enumerate() {
        if let Input::Handle(handled) = input {
            let known: Vec<&(EventId, VehicleId)> = alerts.iter().rev().take(6).collect();
            if let Some((alert, vehicle)) = known.get(number % known.len().max(1)) {
                (handled.alert, handled.vehicle) = (alert.clone(), vehicle.clone());
            }
        }
        let mut prepared = engine.prepare(at(*seconds), input.clone());
        if prepared.durable {
            prepared.record.id = RecordId(next);
            next += 1;
        }
        let mut events = Vec::new();
        engine.apply(&prepared.record, &mut events);
        let raised = events.into_iter().filter(|event| event.kind == Type::Raised);
        alerts.extend(raised.filter_map(|event| match event.data {
            Data::Alert(report) => Some((report.alert, report.vehicle.id)),
            _ => None,
        }));
    }
    inputs
}

/// Places for what people do, and whether anybody of the station looks.
fn people(inputs: &mut Vec<(f64, Input)>) {
    inputs.push((10.0, Input::Live { unit: "station".into(), live: true }));
    inputs.push((4_000.0, Input::Live { unit: "station".into(), live: false }));
    for number in 1..LENGTH_S as usize / HANDLED_EVERY_S {
        let act = match number % 6 {
            0 => Act::Deliver,
            1 | 3 => Act::Acknowledge,
            2 => Act::Instruct { text: "stop and hold".to_owned() },
            4 => Act::Dispose { outcome: Outcome::Missed, reason: None },
            _ => Act::Dispose { outcome: Outcome::Intercepted, reason: Some("here".to_owned()) },
        };
        let unit = if number % 4 == 0 { "city" } else { "station" };
        let (alert, vehicle) = (EventId("none".to_owned()), "none".into());
        let handled = Handled { alert, vehicle, by: "officer".to_owned(), unit: unit.into(), act };
        inputs.push(((number * HANDLED_EVERY_S) as f64, Input::Handle(handled)));
    }
}

/// Metres between the roads of the grid, which reaches as far as vehicles drive.
const BLOCK_M: f64 = 500.0;
const ROADS_A_SIDE: i64 = 37;

static ROADS: LazyLock<Arc<Roads>> = LazyLock::new(|| grid(1, 0));
static SKETCH: LazyLock<Arc<Roads>> = LazyLock::new(|| grid(4, 250));

/// Every so manieth road, drawn to so many metres.
#[expect(clippy::unwrap_used, reason = "a test's helper fails as a test does")]
fn grid(each: usize, accuracy_m: u16) -> Arc<Roads> {
    let mut builder = RoadBuilder::new();
    let metres = |number: i64| (number - ROADS_A_SIDE / 2) as f64 * BLOCK_M;
    let point = |east: i64, north: i64| north * ROADS_A_SIDE + east;
    for (east, north) in (0..ROADS_A_SIDE).flat_map(|e| (0..ROADS_A_SIDE).map(move |n| (e, n))) {
        let place = place((metres(east), metres(north)));
        builder.place(point(east, north), place.latitude, place.longitude);
    }
    for line in (0..ROADS_A_SIDE).step_by(each) {
        let (class, speed_kmh) = (RoadClass::Secondary, [50, 50]);
        let points = (0..ROADS_A_SIDE).map(|east| point(east, line)).collect();
        let name = format!("row {line}");
        builder.way(Way { id: line, points, class, speed_kmh, name, accuracy_m });
        let points = (0..ROADS_A_SIDE).map(|north| point(line, north)).collect();
        let name = format!("column {line}");
        let id = ROADS_A_SIDE + line;
        builder.way(Way { id, points, class, speed_kmh, name, accuracy_m });
    }
    let (graph, report) = builder.build().unwrap();
    assert!(report.broken_ways.is_empty(), "{report:?}");
    Arc::new(Roads::with_zones(Arc::new(graph), 100, None, 2))
}

/// Where a vehicle goes next: straight, or along one road and then along the other.
fn next_corner(day: Day, here: (f64, f64), goal: (f64, f64)) -> (f64, f64) {
    match day {
        Day::Roads | Day::Sketch if here.0 != goal.0 => (goal.0, here.1),
        _ => goal,
    }
}

/// Somewhere in the town.
fn somewhere(day: Day, dice: &mut Dice) -> (f64, f64) {
    let (east, north) = (dice.between(-9e3, 9e3), dice.between(-9e3, 9e3));
    match day {
        Day::Open => (east, north),
        Day::Roads | Day::Sketch => {
            ((east / BLOCK_M).round() * BLOCK_M, (north / BLOCK_M).round() * BLOCK_M)
        }
    }
}

/// Everything that is told, by the second at which it comes.
fn inputs(day: Day) -> Vec<(f64, Input)> {
    let mut dice = Dice::new(20_260_615);
    let mut inputs = Vec::new();
    for number in 0..VEHICLES {
        drive(day, number, &mut dice, &mut inputs);
    }
    for number in (0..VEHICLES).step_by(FLAGGED) {
        look_for(number, &mut dice, &mut inputs);
    }
    for number in 0..VEHICLES {
        heartbeats(number, &mut inputs);
        witnesses(number, &mut inputs);
    }
    platform(&mut inputs);
    let mut closed = point("one-way", (-4_000.0, 1_000.0));
    closed.state = State::Closed;
    let mass = MassAlarm {
        class: Class::Taxi,
        vehicle: "car-3".into(),
        alarms: 11,
        since: at(2_990.0),
        until: at(3_060.0),
    };
    inputs.push((3_000.0, Input::MassAlarm(mass)));
    inputs.push((2_000.0, Input::Checkpoint(area("new", (-2_000.0, -2_000.0), 800.0))));
    inputs.push((2_300.0, Input::Placed("new".into())));
    inputs.push((2_500.0, Input::Checkpoint(closed)));
    inputs.push((3_500.0, Input::RemoveCheckpoint("lot".into())));
    people(&mut inputs);
    // Stable: what one vehicle says at one instant stays in order.
    inputs.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    inputs
}

fn name(number: usize) -> String {
    format!("v{number:02}")
}

/// A vehicle that drives from place to place, and a tracker with its share of the troubles of trackers.
fn drive(day: Day, number: usize, dice: &mut Dice, inputs: &mut Vec<(f64, Input)>) {
    let name = name(number);
    let class = if number < PATROLS { Class::Patrol } else { Class::Taxi };
    inputs.push((0.0, Input::Vehicle(vehicle(&name, class))));
    inputs.push((0.0, login(&name)));
    let every_s = dice.between(5.0, 60.0);
    let speed_kmh = dice.between(25.0, 90.0);
    let clock_s = if dice.one_in(8.0) { -28_800.0 } else { 0.0 };
    let (mut here, mut goal) = (somewhere(day, dice), somewhere(day, dice));
    let mut seconds = dice.between(1.0, 30.0);
    let mut silent_until = 0.0;
    while seconds < LENGTH_S {
        let corner = next_corner(day, here, goal);
        let (east, north) = (corner.0 - here.0, corner.1 - here.1);
        let left_m = libm::sqrt(east * east + north * north);
        let step_m = speed_kmh / 3.6 * every_s;
        if left_m < step_m && corner != goal {
            here = corner;
        } else if left_m < step_m {
            if !matches!(day, Day::Open) {
                here = goal;
            }
            goal = somewhere(day, dice);
            if dice.one_in(3.0) {
                // Parked for a while, with the tracker asleep.
                silent_until = seconds + dice.between(60.0, 1_500.0);
            }
        } else {
            here = (here.0 + east / left_m * step_m, here.1 + north / left_m * step_m);
        }
        if seconds >= silent_until {
            let noisy = (here.0 + dice.between(-8.0, 8.0), here.1 + dice.between(-8.0, 8.0));
            let mut fix = fix(seconds, noisy);
            fix.speed_kmh = Some((speed_kmh * 10.0).round() / 10.0);
            fix.course_deg = Some(libm::atan2(east, north).to_degrees().rem_euclid(360.0).floor());
            fix.fix_time = fix.fix_time.plus_seconds(clock_s);
            report(&name, seconds, fix, dice, inputs);
        }
        seconds += every_s;
    }
}

/// One fix, as it arrives.
fn report(name: &str, seconds: f64, mut fix: Fix, dice: &mut Dice, inputs: &mut Vec<(f64, Input)>) {
    fix.alarm_states = Alarm::ALL.iter().copied().filter(|alarm| *alarm != Alarm::Door).collect();
    for (alarm, many) in [(Alarm::Sos, 60.0), (Alarm::PowerCut, 40.0), (Alarm::Door, 50.0)] {
        if dice.one_in(many) {
            fix.alarms.insert(alarm);
        }
    }
    if dice.one_in(80.0) {
        fix.valid = false;
    }
    if dice.one_in(60.0) {
        fix.latitude += 0.7;
    }
    if dice.one_in(100.0) {
        fix.fix_time = fix.fix_time.plus_seconds(86_000.0);
    }
    let delay_s =
        if dice.one_in(30.0) { dice.between(60.0, 900.0) } else { dice.between(0.2, 4.0) };
    inputs.push((seconds + delay_s, observation(name, fix)));
    if dice.one_in(30.0) {
        inputs.push((seconds + delay_s + dice.between(0.0, 100.0), observation(name, fix)));
    }
    if dice.one_in(150.0) {
        inputs.push((seconds + delay_s, login(name)));
    }
    if dice.one_in(400.0) {
        let conflict = ConflictReport {
            device: format!("d-{name}").into(),
            vehicle: name.into(),
            believed: "192.0.2.1:1".to_owned(),
            held: "192.0.2.2:2".to_owned(),
            apart_m: None,
            fix: Some(fix),
        };
        inputs.push((seconds + delay_s, Input::Conflict(conflict)));
    }
}

/// A platform that passes on every third report of some vehicles, now and then from far away; for a
/// while it is all that is heard of a few. It has dice of its own.
fn platform(inputs: &mut Vec<(f64, Input)>) {
    let mut dice = Dice::new(20_260_616);
    let mut told = Vec::new();
    inputs.retain(|(seconds, input)| {
        let Input::Fix(observation) = input else { return true };
        let name = observation.vehicle.as_str();
        let number: usize = name.trim_start_matches('v').parse().unwrap_or_default();
        let is_silent = number.is_multiple_of(6) && (3_000.0..3_900.0).contains(seconds);
        if number.is_multiple_of(3) && (is_silent || dice.one_in(3.0)) {
            let mut passed_on = observation.clone();
            passed_on.device = format!("{SOURCE_DEVICE}city:{name}").into();
            passed_on.fix.alarms = AlarmSet::EMPTY;
            if dice.one_in(30.0) {
                passed_on.fix.latitude += 0.4;
            }
            told.push((seconds + dice.between(0.1, 6.0), Input::Fix(passed_on)));
        }
        !is_silent
    });
    inputs.extend(told);
}

/// Reports without a place, some of them with a sign of what is to come; they have dice of their own.
fn heartbeats(number: usize, inputs: &mut Vec<(f64, Input)>) {
    let (name, mut dice) = (name(number), Dice::new(number as u64));
    let mut seconds = dice.between(20.0, 300.0);
    while seconds < LENGTH_S {
        let alarms =
            if dice.one_in(20.0) { AlarmSet::only(Alarm::Jamming) } else { AlarmSet::EMPTY };
        let (device, vehicle) = (format!("d-{name}").into(), name.as_str().into());
        let alarm_states = AlarmSet::EMPTY;
        let report = Input::Report { device, vehicle, time: None, alarms, alarm_states };
        inputs.push((seconds, report));
        seconds += dice.between(30.0, 500.0);
    }
}

/// What people and cameras see of a vehicle, or believe to: places here and there, now and then from
/// before or from the future; they have dice of their own.
fn witnesses(number: usize, inputs: &mut Vec<(f64, Input)>) {
    let mut dice = Dice::new(1_000 + number as u64);
    let mut seconds = dice.between(100.0, 1_500.0);
    let mut here = (dice.between(-9e3, 9e3), dice.between(-9e3, 9e3));
    while seconds < LENGTH_S {
        let (source, trust) = match (dice.share() * 3.0) as u8 {
            0 => (SightingSource::Caller, dice.between(0.1, 0.9)),
            1 => (SightingSource::Officer, Trust::MEDIUM),
            _ => (SightingSource::Camera, Trust::HIGH),
        };
        let off_s = if dice.one_in(6.0) { dice.between(-900.0, 500.0) } else { 0.0 };
        let position = place(here);
        inputs.push((
            seconds,
            Input::Sighting(Sighting {
                vehicle: name(number).into(),
                time: at(seconds + off_s),
                latitude: position.latitude,
                longitude: position.longitude,
                source,
                trust,
                speed_kmh: dice.one_in(2.0).then(|| dice.between(0.0, 80.0).round()),
                course_deg: dice.one_in(2.0).then(|| dice.between(0.0, 360.0).floor()),
                text: None,
                reporter: None,
                by: Some("operator".to_owned()),
            }),
        ));
        if dice.one_in(4.0) {
            here = (dice.between(-9e3, 9e3), dice.between(-9e3, 9e3));
        }
        here = (here.0 + dice.between(-3e3, 3e3), here.1 + dice.between(-3e3, 3e3));
        seconds += dice.between(60.0, 1_200.0);
    }
}

/// A further flag that is applied for, or an emergency, and what somebody decides of it.
fn decide(number: usize, name: &str, when: f64, inputs: &mut Vec<(f64, Input)>) {
    let id = format!("a{number}");
    let even = (number / FLAGGED).is_multiple_of(2);
    let state = if even { FlagState::Applied } else { FlagState::Emergency };
    let applicant = Some("applicant".to_owned());
    let asked = Flag { state, applicant, ..flag(&id, name, when + 100.0, when + 3_000.0) };
    inputs.push((when + 100.0, Input::Flag(asked)));
    let mut decided = |seconds: f64, by: &str, decision| {
        let (flag, vehicle) = (id.as_str().into(), name.into());
        let decided = Decided { flag, vehicle, by: by.to_owned(), note: None, decision };
        inputs.push((when + seconds, Input::Decide(decided)));
    };
    match number / FLAGGED % 3 {
        0 => {
            decided(200.0, "applicant", Decision::Approve);
            decided(400.0, "approver", Decision::Approve);
            let expires_at = at(when + 5_000.0);
            decided(900.0, "approver", Decision::Renew { expires_at });
        }
        1 => decided(800.0, "approver", Decision::Reject),
        _ => {}
    }
}

/// Flags on a vehicle: one that stays, or one that expires, begins later, is replaced or withdrawn.
fn look_for(number: usize, dice: &mut Dice, inputs: &mut Vec<(f64, Input)>) {
    let name = name(number);
    let when = dice.between(10.0, 2_000.0);
    let first = flag(&format!("f{number}"), &name, when, when + 90_000.0);
    decide(number, &name, when, inputs);
    match number / FLAGGED % 4 {
        0 => inputs.push((when, Input::Flag(first))),
        1 => {
            let mut expiring = first;
            expiring.expires_at = at(when + 1_500.25);
            inputs.push((when, Input::Flag(expiring)));
            let mut second = flag(&format!("s{number}"), &name, when + 900.0, 90_000.0);
            second.priority = 1;
            inputs.push((when + 300.0, Input::Flag(second)));
        }
        2 => {
            let mut replaced = first.clone();
            replaced.cautions = vec!["armed".to_owned()];
            inputs.push((when, Input::Flag(first)));
            inputs.push((when + 600.0, Input::Flag(replaced)));
        }
        _ => {
            let flag = first.id.clone();
            inputs.push((when, Input::Flag(first)));
            let vehicle = name.as_str().into();
            let (reason, note, by) = (FlagEnd::Handled, Some("found".to_owned()), None);
            inputs.push((when + 2_000.0, Input::Withdraw { flag, vehicle, reason, note, by }));
        }
    }
}
