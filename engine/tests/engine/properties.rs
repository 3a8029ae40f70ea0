//! What holds for every input, however mad.

use std::collections::{BTreeMap, BTreeSet};

use interdict_engine::{
    AlertReport, CheckpointId, Data, Decided, Decision, Engine, Event, EventId, Flag, FlagEnd,
    FlagState, Input, Record, RecordId, Rules, Setup, Type, VehicleId,
};
use interdict_protocols::{Alarm, AlarmSet, Fix, Time};
use proptest::prelude::*;

use crate::recording::setup;
use crate::support::{START, at, flag, login, observation};

/// A fix anywhere and at any time, most of them in the town and about now.
fn any_fix() -> impl Strategy<Value = Fix> {
    let near = (38.85..39.05_f64, 121.5..121.7_f64);
    let anywhere = (-90.0..=90.0_f64, -180.0..=180.0_f64);
    let odd = prop_oneof![Just((90.0, 180.0)), Just((-90.0, -180.0)), Just((0.0, 0.0))];
    let place = prop_oneof![8 => near, 1 => anywhere, 1 => odd];
    let time =
        prop_oneof![8 => 0..4_000_i64, 1 => -800_000_000..800_000_000_i64, 1 => any::<i64>()];
    let number = prop_oneof![
        6 => (0.0..400.0_f64).prop_map(Some),
        2 => Just(None),
        1 => prop::num::f64::ANY.prop_map(Some)
    ];
    (place, time, any::<bool>(), number.clone(), number.clone(), number, any::<u64>(), any::<u64>())
        .prop_map(
            |((latitude, longitude), seconds, backfill, speed, course, altitude, on, states)| {
                let time = Time::from_seconds(START.saturating_add(seconds));
                let mut fix = Fix::new(time, latitude, longitude).unwrap();
                fix.valid = on % 16 != 0;
                fix.backfill = backfill && on % 3 == 0;
                (fix.speed_kmh, fix.course_deg, fix.altitude_m) = (speed, course, altitude);
                (fix.alarms, fix.alarm_states) = (set(on & on >> 7 & on >> 13), set(states));
                fix
            },
        )
}

fn set(bits: u64) -> AlarmSet {
    let on = |(number, _): &(usize, &Alarm)| bits >> number & 1 == 1;
    Alarm::ALL.iter().enumerate().filter(on).map(|(_, alarm)| *alarm).collect()
}

fn any_input() -> impl Strategy<Value = Input> {
    let vehicle = || prop_oneof![Just("a"), Just("b")];
    prop_oneof![
        20 => (vehicle(), any_fix()).prop_map(|(vehicle, fix)| observation(vehicle, fix)),
        1 => vehicle().prop_map(login),
        2 => (vehicle(), any::<u64>(), any::<u64>(), prop::option::of(any::<i64>())).prop_map(
            |(vehicle, on, states, time)| Input::Report {
                device: format!("d-{vehicle}").into(),
                vehicle: vehicle.into(),
                time: time.map(Time::from_seconds),
                alarms: set(on & on >> 7 & on >> 13),
                alarm_states: set(states),
            }
        ),
        2 => (vehicle(), 0..9_u8, -2e3..2e4_f64, 0.0..2e4_f64).prop_map(|(vehicle, id, from, length)| {
            let state = match id / 3 {
                0 => FlagState::Approved,
                1 => FlagState::Applied,
                _ => FlagState::Emergency,
            };
            let id = (id % 3).to_string();
            Input::Flag(Flag { state, ..flag(&id, vehicle, from, from + length) })
        }),
        1 => (vehicle(), 0..3_u8).prop_map(|(vehicle, id)| Input::Withdraw {
            flag: id.to_string().into(),
            vehicle: vehicle.into(),
            reason: FlagEnd::Other,
            note: None,
            by: None,
        }),
        2 => (vehicle(), 0..3_u8, 0..3_u8, -2e3..2e4_f64).prop_map(|(vehicle, id, what, until)| {
            let decision = match what {
                0 => Decision::Approve,
                1 => Decision::Reject,
                _ => Decision::Renew { expires_at: at(until) },
            };
            let (flag, vehicle) = (id.to_string().into(), vehicle.into());
            let by = "approver".to_owned();
            Input::Decide(Decided { flag, vehicle, by, note: None, decision })
        }),
        1 => (0..7_usize, any::<bool>()).prop_map(|(number, remove)| {
            let checkpoint = setup().checkpoints.swap_remove(number);
            if remove { Input::RemoveCheckpoint(checkpoint.id) } else { Input::Checkpoint(checkpoint) }
        }),
    ]
}

fn check(report: &AlertReport) {
    assert!((0.0..=1.0).contains(&report.probability), "{report:?}");
    assert!(report.eta_s >= 0.0 && report.eta_s.is_finite(), "{report:?}");
    assert!(report.distance_m >= 0.0 && report.distance_m.is_finite(), "{report:?}");
    assert!(report.fix_age_s >= 0.0, "{report:?}");
    assert!(report.why.figures.values().all(|figure| figure.is_finite()), "{report:?}");
}

/// How silences are told: each ends before another begins, each at each checkpoint once.
fn check_silences(events: &[Event]) {
    let mut told: BTreeMap<&VehicleId, BTreeSet<Option<&CheckpointId>>> = BTreeMap::new();
    let mut known: BTreeMap<&VehicleId, BTreeSet<Option<&CheckpointId>>> = BTreeMap::new();
    for event in events {
        match &event.data {
            Data::Silence(silence) => {
                let is_new = told.entry(event.vehicle()).or_default().insert(event.checkpoint());
                assert!(is_new, "told twice: {silence:?}");
                known.entry(event.vehicle()).or_default().insert(event.checkpoint());
                assert!(silence.earliest_at <= silence.latest_at, "{silence:?}");
                assert!(silence.silent_s > 0.0 && silence.fix_age_s >= 0.0, "{silence:?}");
                assert!(silence.why.figures.values().all(|figure| figure.is_finite()));
            }
            Data::Heard(heard) => {
                told.remove(event.vehicle());
                let known = known.remove(event.vehicle());
                let known: Vec<_> = known.into_iter().flatten().flatten().collect();
                let ended = heard.checkpoints.iter();
                assert!(ended.clone().all(|place| known.contains(&&place.id)), "{heard:?}");
            }
            // A flag that is replaced by one that begins later may end the watching, and begin anew.
            Data::Flag(_) => _ = told.remove(event.vehicle()),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_engine(
        inputs in prop::collection::vec((any_input(), 0..120_000_i64), 1..120),
        raise_probability in 0.0..=1.0_f64,
    ) {
        let rules = Rules { raise_probability, ..Rules::default() };
        let setup = Setup { rules, ..setup() };
        let mut engine = Engine::new(setup.clone());
        let (mut events, mut records): (Vec<Event>, Vec<Record>) = (Vec::new(), Vec::new());
        let mut now = Time::from_seconds(START);
        let removes =
            inputs.iter().any(|(input, _)| matches!(input, Input::RemoveCheckpoint(_)));
        for (input, wait_ms) in inputs {
            now = now.plus_millis(wait_ms);
            let mut prepared = engine.prepare(now, input);
            let before = events.len();
            engine.advance(now, &mut events);
            let by_timers = events.len() - before;
            if prepared.durable {
                prepared.record.id = RecordId(records.len() as u64 + 1);
            }
            engine.apply(&prepared.record, &mut events);
            if prepared.durable {
                records.push(prepared.record);
            } else {
                prop_assert_eq!(events.len() - before, by_timers, "an event that is not durable");
            }
            for report in engine.alerts(now) {
                check(&report);
            }
        }
        engine.advance(now.plus_seconds(1e6), &mut events);

        let mut ids: BTreeSet<&EventId> = BTreeSet::new();
        let mut last = Time::from_seconds(0);
        for event in &events {
            prop_assert!(ids.insert(&event.id), "{} twice", event.id);
            prop_assert!(event.time >= last, "time goes back");
            last = event.time;
            if let Data::Alert(report) = &event.data {
                check(report);
            }
        }
        // Once a flag has ended or begins later after all, or a checkpoint is back again, a silence
        // may be told anew.
        let mut flags = BTreeSet::new();
        let first_end = events.iter().position(|event| match &event.data {
            Data::Flag(report) => {
                let replaces = !flags.insert((event.vehicle(), &report.flag.id));
                event.kind != Type::FlagAdded || (replaces && report.flag.starts_at > event.time)
            }
            _ => false,
        });
        let first_end = first_end.unwrap_or(events.len());
        if !removes {
            check_silences(&events[..first_end]);
        }
        // An alert is raised at most once, and nothing is said of it after its end.
        let (mut open, mut ended, mut recalled) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for event in &events {
            let Data::Alert(report) = &event.data else { continue };
            let alert = &report.alert;
            // People go on after the vehicle has gone, until they are told that its flag has ended.
            if event.kind == Type::Escalated {
                continue;
            }
            if event.kind == Type::Withdrawn && ended.contains(alert) {
                prop_assert!(report.progress.recalled.is_some(), "{report:?}");
                prop_assert!(recalled.insert(alert), "recalled twice");
                continue;
            }
            prop_assert!(!ended.contains(alert), "{} of an alert that had ended", event.kind.name());
            match event.kind {
                Type::Raised => prop_assert!(open.insert(alert), "raised twice"),
                Type::Updated => prop_assert!(open.contains(alert), "updated before raised"),
                // In an area the alert stays open until the vehicle leaves.
                Type::Passed if report.why.code == "entered" => _ = open.insert(alert),
                Type::Withdrawn => {
                    prop_assert!(open.contains(alert), "withdrawn before raised");
                    ended.insert(alert);
                }
                Type::Passed | Type::Left => _ = ended.insert(alert),
                _ => {}
            }
        }

        let mut again = Vec::new();
        let mut replayed = Engine::new(setup);
        for record in &records {
            let json = serde_json::to_string(record).unwrap();
            replayed.apply(&serde_json::from_str(&json).unwrap(), &mut again);
        }
        replayed.advance(now.plus_seconds(1e6), &mut again);
        prop_assert_eq!(serde_json::to_string(&events).unwrap(), serde_json::to_string(&again).unwrap());
    }
}
