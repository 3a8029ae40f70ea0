//! Who is believed of a vehicle that its own tracker and platforms speak for.

use interdict_engine::{Class, ConflictReport, Data, Event, Input, Observation, Setup, Type};
use interdict_protocols::{Alarm, AlarmSet, Fix};

use crate::support::{Town, Way, at, fix, observation, point, vehicle};

const TRACCAR: &str = "ingest:traccar:1";

/// What a platform says of `car`.
fn passed_on(device: &str, fix: Fix) -> Input {
    Input::Fix(Observation { device: device.into(), vehicle: "car".into(), fix })
}

fn east_m(town: &Town) -> f64 {
    let (last, _) = town.engine.last_fix(&"car".into()).unwrap();
    let there = fix(0.0, (1_000.0, 0.0));
    let here = fix(0.0, (0.0, 0.0));
    (last.longitude - here.longitude) / (there.longitude - here.longitude) * 1_000.0
}

fn conflicts(events: &[Event]) -> Vec<&ConflictReport> {
    let told = events.iter().filter_map(|event| match &event.data {
        Data::Conflict(conflict) if event.kind == Type::Conflict => Some(conflict),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_platform_moves_no_vehicle_whose_own_tracker_is_heard() {
    let mut town = Town::new(Vec::new());
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    let told = town.tell(5.0, passed_on(TRACCAR, fix(5.0, (200.0, 0.0))));
    assert!(east_m(&town).abs() < 1.0 && told.is_empty(), "{told:?}");
    assert_eq!(town.engine.platform_of(&"car".into()), None);
    // Two minutes later the tracker counts as lost, and the platform is better than nothing.
    town.tell(121.0, passed_on(TRACCAR, fix(121.0, (1_500.0, 0.0))));
    assert!((east_m(&town) - 1_500.0).abs() < 1.0);
    assert_eq!(town.engine.platform_of(&"car".into()), Some(&TRACCAR.into()));
    town.tell(131.0, passed_on(TRACCAR, fix(131.0, (1_600.0, 0.0))));
    assert!((east_m(&town) - 1_600.0).abs() < 1.0);
    // It is back, with a fix a little older than the platform's newest: from now on it counts.
    town.tell(132.0, observation("car", fix(130.0, (1_590.0, 0.0))));
    town.tell(133.0, passed_on(TRACCAR, fix(133.0, (1_700.0, 0.0))));
    assert!((east_m(&town) - 1_600.0).abs() < 1.0);
    town.tell(140.0, observation("car", fix(140.0, (1_650.0, 0.0))));
    assert!((east_m(&town) - 1_650.0).abs() < 1.0);
    assert_eq!(town.engine.platform_of(&"car".into()), None);
    assert!(town.events.is_empty(), "{:?}", town.events);
}

#[test]
fn an_outranked_fix_s_alarm_counts() {
    let mut town = Town::new(Vec::new());
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    let mut sos = fix(5.0, (50.0, 0.0));
    sos.alarms = AlarmSet::only(Alarm::Sos);
    let events = town.tell(5.0, passed_on(TRACCAR, sos));
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [Type::DeviceAlarm]);
    let Data::Alarm(alarm) = &events[0].data else { panic!("{events:?}") };
    assert_eq!((alarm.device.as_str(), alarm.age_s), (TRACCAR, None));
}

#[test]
fn a_disagreement_is_told_once_a_while_and_names_both_sides() {
    let mut town = Town::new(Vec::new());
    let far = |seconds: f64| fix(seconds, (40_000.0, 0.0));
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    town.tell(1.0, passed_on(TRACCAR, fix(1.0, (0.0, 0.0))));
    town.tell(10.0, observation("car", fix(10.0, (0.0, 0.0))));
    let events = town.tell(11.0, passed_on(TRACCAR, far(11.0)));
    let told = conflicts(&events);
    assert_eq!((told[0].believed.as_str(), told[0].held.as_str()), ("d-car", TRACCAR));
    assert_eq!((told[0].vehicle.as_str(), told[0].device.as_str()), ("car", TRACCAR));
    assert!((told[0].apart_m.unwrap() - 40_000.0).abs() < 100.0);
    assert_eq!(told[0].fix.unwrap().fix_time, at(11.0));
    assert!(east_m(&town).abs() < 1.0);
    for step in 2..60_u32 {
        let seconds = f64::from(step) * 10.0;
        town.tell(seconds, observation("car", fix(seconds, (0.0, 0.0))));
        assert!(town.tell(seconds + 1.0, passed_on(TRACCAR, far(seconds + 1.0))).is_empty());
    }
    town.tell(615.0, observation("car", fix(615.0, (0.0, 0.0))));
    let again = town.tell(616.0, passed_on(TRACCAR, far(616.0)));
    assert_eq!(conflicts(&again).len(), 1);
    let ids: Vec<_> = town.events.iter().map(|event| event.id.0.as_str()).collect();
    assert_eq!(ids, ["1.0", "2.0"]);
}

#[test]
fn a_tracker_that_comes_back_elsewhere_is_believed_at_once_and_that_is_told() {
    let mut town = Town::new(Vec::new());
    town.tell(0.0, passed_on(TRACCAR, fix(0.0, (0.0, 0.0))));
    let events = town.tell(10.0, observation("car", fix(10.0, (40_000.0, 0.0))));
    assert!((east_m(&town) - 40_000.0).abs() < 1.0);
    let told = conflicts(&events);
    assert_eq!((told[0].believed.as_str(), told[0].held.as_str()), ("d-car", TRACCAR));
    // Two platforms are peers: the newest that can be counts.
    let mut town = Town::new(Vec::new());
    town.tell(0.0, passed_on(TRACCAR, fix(0.0, (0.0, 0.0))));
    town.tell(10.0, passed_on("jt809:1:A:2", fix(10.0, (100.0, 0.0))));
    assert!((east_m(&town) - 100.0).abs() < 1.0);
    let events = town.tell(20.0, passed_on(TRACCAR, fix(20.0, (40_000.0, 0.0))));
    let told = conflicts(&events);
    assert_eq!((told[0].believed.as_str(), told[0].held.as_str()), ("jt809:1:A:2", TRACCAR));
    assert!((east_m(&town) - 100.0).abs() < 1.0);
}

#[test]
fn an_alert_names_the_source_of_its_fix() {
    let checkpoints = vec![point("north", (0.0, 6_000.0))];
    let mut town = Town::with(Setup { checkpoints, ..Setup::default() });
    town.tell(0.0, Input::Vehicle(vehicle("car", Class::Taxi)));
    town.flag(0.0, "car");
    for (seconds, fix) in Way::new(&[(0.0, 0.0), (0.0, 5_500.0)], 60.0, 10.0).fixes(1.0) {
        town.tell(seconds, passed_on(TRACCAR, fix));
    }
    let (_, raised) = town.first(Type::Raised, "north");
    assert_eq!(raised.device.as_ref().map(|device| device.as_str()), Some(TRACCAR));
}

#[test]
fn who_is_believed_of_a_flagged_vehicle_outlasts_a_restart() {
    let mut town = Town::new(Vec::new());
    town.flag(0.0, "car");
    town.tell(1.0, passed_on(TRACCAR, fix(1.0, (0.0, 0.0))));
    town.tell(2.0, observation("car", fix(2.0, (0.0, 0.0))));
    let json = serde_json::to_string(&town.engine.snapshot()).unwrap();
    let snapshot = serde_json::from_str(&json).unwrap();
    town.engine = interdict_engine::Engine::restore(Setup::default(), vec![snapshot], |_| true);
    let events = town.tell(3.0, passed_on(TRACCAR, fix(3.0, (40_000.0, 0.0))));
    let told = conflicts(&events);
    assert_eq!((told[0].believed.as_str(), told[0].held.as_str()), ("d-car", TRACCAR));
    assert!(east_m(&town).abs() < 1.0);
}
