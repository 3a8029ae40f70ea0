//! What follows from devices' alarms: who is told, and a provisional flag.

use std::collections::BTreeSet;

use interdict_engine::{
    Action, AlarmRule, Class, Data, Decided, Decision, Engine, Event, FlagEnd, FlagState, Input,
    MassAlarm, Setup, Type,
};
use interdict_protocols::{Alarm, AlarmSet, Fix};

use crate::support::{Town, at, fix, observation, point, vehicle};

fn rules() -> Vec<AlarmRule> {
    vec![AlarmRule {
        class: Class::Armoured,
        alarms: vec![Alarm::Sos, Alarm::Tow],
        departments: vec!["guards".to_owned()],
        provisional: true,
        per_minute: 10,
    }]
}

fn town() -> Town {
    let alarm_rules = rules();
    let checkpoints = vec![point("houyan", (0.0, 300.0))];
    let mut town = Town::with(Setup { checkpoints, alarm_rules, ..Setup::default() });
    town.tell(0.0, Input::Vehicle(vehicle("car", Class::Armoured)));
    town.tell(0.0, Input::Vehicle(vehicle("cab", Class::Taxi)));
    town
}

fn alarmed(seconds: f64, alarm: Alarm) -> Fix {
    Fix { alarms: AlarmSet::only(alarm), ..fix(seconds, (0.0, 0.0)) }
}

fn kinds(events: &[Event]) -> Vec<Type> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn an_alarm_flags_its_vehicle_provisionally_and_the_flag_lapses() {
    let mut town = town();
    let events = town.tell(10.0, observation("car", alarmed(10.0, Alarm::Sos)));
    assert_eq!(kinds(&events)[..2], [Type::DeviceAlarm, Type::FlagAdded], "{events:?}");
    let Data::Alarm(alarm) = &events[0].data else { panic!("{events:?}") };
    assert_eq!(alarm.departments, ["guards"]);
    let Data::Flag(report) = &events[1].data else { panic!("{events:?}") };
    assert_eq!(
        (report.flag.state, report.flag.action, report.flag.expires_at),
        (FlagState::Provisional, Action::Observe, at(1_810.0))
    );
    assert!(kinds(&events).contains(&Type::Raised), "it is at the checkpoint: {events:?}");
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "{ids:?}");

    // Another alarm of that device is told, and makes no second flag.
    let events = town.tell(60.0, observation("car", alarmed(60.0, Alarm::Tow)));
    assert!(kinds(&events).contains(&Type::DeviceAlarm));
    assert!(!kinds(&events).contains(&Type::FlagAdded));
    let events = town.wait(1_900.0);
    let end = events.iter().find(|event| event.kind == Type::FlagExpired).expect("it lapses");
    assert_eq!(end.time, at(1_810.0));
    assert_eq!(town.engine.flags().count(), 0);
}

#[test]
fn a_person_who_confirms_makes_it_a_flag_to_intercept() {
    let mut town = town();
    town.tell(10.0, observation("car", alarmed(10.0, Alarm::Sos)));
    let flag = town.engine.flags().next().expect("a flag").id.clone();
    let decided = Decided {
        flag,
        vehicle: "car".into(),
        by: "wang".to_owned(),
        note: None,
        decision: Decision::Approve,
    };
    let events = town.tell(100.0, Input::Decide(decided));
    let Data::Flag(report) = &events[0].data else { panic!("{events:?}") };
    assert_eq!(events[0].kind, Type::FlagApproved);
    assert_eq!((report.flag.state, report.flag.action), (FlagState::Approved, Action::Intercept));
    town.wait(80_000.0);
    assert_eq!(town.engine.flags().count(), 1);
    let events = town.wait(90_000.0);
    let ended = events.iter().any(|event| match &event.data {
        Data::Flag(report) => report.reason == Some(FlagEnd::Expired),
        _ => false,
    });
    assert!(ended, "{events:?}");
}

#[test]
fn other_classes_and_stale_alarms_flag_nothing() {
    let mut town = town();
    let events = town.tell(10.0, observation("cab", alarmed(10.0, Alarm::Sos)));
    assert_eq!(kinds(&events), [Type::DeviceAlarm]);
    town.tell(5_000.0, observation("car", fix(5_000.0, (0.0, 0.0))));
    let stale = town.tell(5_001.0, observation("car", alarmed(20.0, Alarm::Sos)));
    assert_eq!(kinds(&stale), [Type::DeviceAlarm], "told, with its age");
}

#[test]
fn while_alarms_are_many_none_flags_its_vehicle_and_each_is_told() {
    let mut town = town();
    let mass = MassAlarm {
        class: Class::Armoured,
        vehicle: "other".into(),
        alarms: 11,
        since: at(1.0),
        until: at(60.0),
    };
    let events = town.tell(5.0, Input::MassAlarm(mass.clone()));
    assert_eq!(kinds(&events), [Type::MassAlarm]);
    assert_eq!(events[0].data, Data::Mass(mass));
    let events = town.tell(10.0, observation("car", alarmed(10.0, Alarm::Sos)));
    assert_eq!(kinds(&events), [Type::DeviceAlarm]);
    // Also after a restart.
    let snapshots = vec![town.engine.snapshot()];
    let setup = Setup { alarm_rules: rules(), ..Setup::default() };
    town.engine = Engine::restore(setup, snapshots, |_| true);
    town.tell(11.0, Input::Vehicle(vehicle("car", Class::Armoured)));
    let events = town.tell(12.0, observation("car", alarmed(12.0, Alarm::Tow)));
    assert_eq!(kinds(&events), [Type::DeviceAlarm]);
    let events = town.tell(60.0, observation("car", alarmed(60.0, Alarm::Sos)));
    assert_eq!(kinds(&events), [Type::DeviceAlarm, Type::FlagAdded]);
}
