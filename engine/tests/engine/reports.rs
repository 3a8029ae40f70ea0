//! What devices report: alarms, and fixes that are late, misdated or misplaced.

use interdict_engine::{
    AlarmReport, ConflictReport, Data, Engine, Event, Input, Level, Region, Rules, Setup, Shape,
    Type, Unit,
};
use interdict_protocols::{Alarm, AlarmSet, Fix};

use crate::support::{Town, area, at, fix, login, observation, point, said};

/// A fix whose alarms are states, as JT/T 808 reports them.
fn alarmed(seconds: f64, alarms: &[Alarm]) -> Fix {
    let mut fix = fix(seconds, (0.0, 0.0));
    fix.alarms = alarms.iter().copied().collect();
    fix.alarm_states = Alarm::ALL.iter().copied().collect();
    fix
}

fn alarms(events: &[Event]) -> Vec<&AlarmReport> {
    let reports = events.iter().filter_map(|event| match &event.data {
        Data::Alarm(report) => Some(&**report),
        _ => None,
    });
    reports.collect()
}

/// Where a vehicle is, metres north of the middle of the town.
fn north_m(town: &Town, vehicle: &str) -> f64 {
    let (fix, _) = town.engine.last_fix(&vehicle.into()).unwrap();
    ((fix.latitude - 38.95) * 111_195.08).round()
}

#[test]
fn a_late_sos_counts_and_moves_nothing() {
    let mut town = Town::new(Vec::new());
    town.tell(1_000.0, observation("taxi", fix(1_000.0, (0.0, 500.0))));
    let mut late = alarmed(100.0, &[Alarm::Sos]);
    late.backfill = true;
    let events = town.tell(1_001.0, observation("taxi", late));
    let report = alarms(&events)[0];
    assert_eq!((report.alarm, report.active, report.age_s), (Alarm::Sos, true, Some(901.0)));
    assert_eq!(report.fix.unwrap().fix_time, at(100.0));
    assert_eq!(north_m(&town, "taxi"), 500.0);
    assert_eq!(town.records.len(), 1);
}

#[test]
fn a_lasting_alarm_is_told_at_both_its_edges_and_a_momentary_one_once_a_login() {
    let mut town = Town::new(Vec::new());
    let mut tell = |seconds, on: &[Alarm]| {
        let events = town.tell(seconds, observation("van", alarmed(seconds, on)));
        let told: Vec<(Alarm, bool)> =
            alarms(&events).iter().map(|report| (report.alarm, report.active)).collect();
        told
    };
    assert_eq!(
        tell(0.0, &[Alarm::PowerCut, Alarm::Sos]),
        [(Alarm::Sos, true), (Alarm::PowerCut, true)]
    );
    assert_eq!(tell(10.0, &[Alarm::PowerCut, Alarm::Sos]), []);
    assert_eq!(tell(20.0, &[]), [(Alarm::PowerCut, false)]);
    assert_eq!(tell(30.0, &[Alarm::Sos]), [(Alarm::Sos, true)]);
    town.tell(40.0, login("van"));
    let events = town.tell(50.0, observation("van", alarmed(50.0, &[Alarm::Sos])));
    assert_eq!(alarms(&events).len(), 1);
}

#[test]
fn a_frame_sent_again_makes_no_second_event() {
    let mut town = Town::new(Vec::new());
    let sos = || observation("taxi", alarmed(10.0, &[Alarm::Sos]));
    assert_eq!(town.tell(10.0, sos()).len(), 1);
    town.tell(11.0, login("taxi"));
    assert_eq!(town.tell(12.0, sos()).len(), 0);
    town.tell(20.0, observation("taxi", fix(20.0, (0.0, 0.0))));
    // By now it is late, and still the same.
    assert_eq!(town.tell(30.0, sos()).len(), 0);
}

#[test]
fn an_alarm_without_a_place_is_told_with_the_last_one_and_its_unit() {
    let Shape::Polygon(outline) = area("", (0.0, 0.0), 5_000.0).shape else { unreachable!() };
    let unit = Unit {
        id: "district".into(),
        name: "District".to_owned(),
        name_zh: None,
        level: Level::District,
        parent: None,
        zone: None,
    };
    let regions = vec![Region { unit: unit.id.clone(), outlines: vec![outline] }];
    let setup = Setup { units: vec![unit], regions, ..Setup::default() };
    let mut town = Town::with(setup);
    town.tell(0.0, observation("van", fix(0.0, (0.0, 300.0))));
    let report = Input::Report {
        device: "d-van".into(),
        vehicle: "van".into(),
        time: None,
        alarms: AlarmSet::only(Alarm::Tow),
        alarm_states: AlarmSet::EMPTY,
    };
    let events = town.tell(5.0, report);
    let report = alarms(&events)[0];
    assert_eq!(report.unit.as_ref().unwrap().as_str(), "district");
    assert_eq!(report.fix.unwrap().fix_time, at(0.0));
    // The place of an invalid fix is not believed either.
    let mut nowhere = alarmed(10.0, &[Alarm::Jamming]);
    (nowhere.valid, nowhere.latitude) = (false, 0.0);
    let events = town.tell(10.0, observation("van", nowhere));
    let report = alarms(&events)[0];
    assert!((report.fix.unwrap().latitude - fix(0.0, (0.0, 300.0)).latitude).abs() < 1e-7);
    assert_eq!(report.unit.as_ref().unwrap().as_str(), "district");
}

#[test]
fn a_fix_from_the_future_mutes_nothing() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    for step in 0..60_u32 {
        let seconds = f64::from(step) * 10.0;
        let here = fix(seconds, (0.0, seconds / 10.0 * 166.7));
        town.tell(seconds, observation("car", here));
        if step == 3 {
            let mut astray = here;
            astray.fix_time = at(82_800.0);
            town.tell(seconds + 1.0, observation("car", astray));
            // One that is only a little in the future is taken, and mutes nothing either.
            astray.fix_time = at(seconds + 100.0);
            town.tell(seconds + 2.0, observation("car", astray));
        }
    }
    assert_eq!(town.alerts(), ["watch houyan", "raised houyan"]);
    assert_eq!(north_m(&town, "car"), (59.0 * 166.7_f64).round());
}

#[test]
fn a_clock_in_the_wrong_zone_is_repaired_and_both_times_are_kept() {
    for offset_s in [28_800.0, -28_800.0, -1_024.0 * 604_800.0] {
        let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
        town.flag(0.0, "car");
        for step in 0..60_u32 {
            let seconds = f64::from(step) * 10.0;
            let mut here = fix(seconds, (0.0, seconds / 10.0 * 166.7));
            here.fix_time = here.fix_time.plus_seconds(offset_s);
            // The network takes its time.
            let delay_s = f64::from(step * 7 % 5);
            town.tell(seconds + delay_s, observation("car", here));
        }
        assert_eq!(town.alerts(), ["watch houyan", "raised houyan"], "{offset_s}");
        let (event, raised) = town.first(Type::Raised, "houyan");
        assert!((240.0..330.0).contains(&at(600.0).seconds_since(event.time)));
        assert!(raised.fix_age_s < 15.0, "{}", raised.fix_age_s);
        assert!(raised.fix.fix_time.seconds_since(event.time).abs() > 20_000.0);
        let (last, received) = town.engine.last_fix(&"car".into()).unwrap();
        assert!(received.seconds_since(last.fix_time).abs() < 15.0);
    }
}

#[test]
fn a_teleport_is_believed_only_when_a_second_fix_confirms_it() {
    let mut town = Town::new(Vec::new());
    let mut tell = |seconds, north_m| {
        town.tell(seconds, observation("car", fix(seconds, (0.0, north_m))));
        let (fix, _) = town.engine.last_fix(&"car".into()).unwrap();
        ((fix.latitude - 38.95) * 111_195.08).round()
    };
    assert_eq!(tell(0.0, 0.0), 0.0);
    assert_eq!(tell(10.0, 40_000.0), 0.0);
    assert_eq!(tell(20.0, 300.0), 300.0);
    assert_eq!(tell(30.0, 40_000.0), 300.0);
    assert_eq!(tell(30.0, 40_000.0), 300.0);
    assert_eq!(tell(40.0, 40_200.0), 40_200.0);
}

#[test]
fn what_is_no_place_moves_nothing() {
    let mut town = Town::new(Vec::new());
    town.tell(0.0, observation("car", fix(0.0, (0.0, 100.0))));
    let mut invalid = fix(10.0, (0.0, 200.0));
    invalid.valid = false;
    town.tell(10.0, observation("car", invalid));
    let mut nought = fix(20.0, (0.0, 0.0));
    (nought.latitude, nought.longitude) = (0.0, 0.0);
    town.tell(20.0, observation("car", nought));
    assert_eq!(north_m(&town, "car"), 100.0);
}

#[test]
fn of_two_devices_the_newest_fix_counts() {
    let mut town = Town::new(Vec::new());
    let second = |fix| {
        let Input::Fix(mut observation) = observation("car", fix) else { unreachable!() };
        observation.device = "other".into();
        Input::Fix(observation)
    };
    town.tell(10.0, observation("car", fix(10.0, (0.0, 100.0))));
    town.tell(12.0, second(fix(12.0, (0.0, 120.0))));
    town.tell(13.0, observation("car", fix(11.0, (0.0, 110.0))));
    assert_eq!(north_m(&town, "car"), 120.0);
}

#[test]
fn an_unflagged_vehicles_fix_is_gone_after_a_day() {
    let mut town = Town::new(Vec::new());
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    assert!(town.engine.last_fix(&"car".into()).is_some());
    let due = town.engine.next_due().unwrap();
    assert!(due <= at(7_200.0), "nothing would wake the engine to forget");
    town.wait(90_001.0);
    assert!(town.engine.last_fix(&"car".into()).is_none());
    assert!(town.records.is_empty());
    let snapshot = serde_json::to_string(&town.engine.snapshot()).unwrap();
    assert!(!snapshot.contains("car"), "{snapshot}");
}

#[test]
fn a_restart_forgets_neither_what_was_told_nor_how_wrong_a_clock_is() {
    let zone_s = -28_800.0;
    let mut town = Town::new(Vec::new());
    town.flag(0.0, "car");
    let stated = |seconds: f64, on: &[Alarm]| {
        let mut fix = alarmed(seconds, on);
        fix.fix_time = fix.fix_time.plus_seconds(zone_s);
        observation("car", fix)
    };
    for step in 0..6_u32 {
        let seconds = f64::from(step) * 20.0;
        town.tell(seconds, stated(seconds, &[]));
    }
    assert_eq!(alarms(&town.tell(120.0, stated(120.0, &[Alarm::Sos, Alarm::Tow]))).len(), 2);

    let json = serde_json::to_string(&town.engine.snapshot()).unwrap();
    town.engine =
        Engine::restore(Setup::default(), vec![serde_json::from_str(&json).unwrap()], |_| true);
    town.tell(130.0, login("car"));
    // The frame whose answer was lost is no news; after a login a newer one is, of what is momentary.
    assert_eq!(alarms(&town.tell(131.0, stated(120.0, &[Alarm::Sos, Alarm::Tow]))).len(), 0);
    town.tell(135.0, login("car"));
    let events = town.tell(140.0, stated(140.0, &[Alarm::Sos, Alarm::Tow]));
    assert_eq!(alarms(&events).iter().map(|report| report.alarm).collect::<Vec<_>>(), [Alarm::Sos]);
    let (last, _) = town.engine.last_fix(&"car".into()).unwrap();
    assert_eq!(last.fix_time, at(140.0));
}

#[test]
fn a_conflict_is_told() {
    let mut town = Town::new(Vec::new());
    let conflict = ConflictReport {
        device: "d-car".into(),
        vehicle: "car".into(),
        believed: "192.0.2.1:5000".to_owned(),
        held: "192.0.2.9:5000".to_owned(),
        apart_m: None,
        fix: None,
    };
    let events = town.tell(0.0, Input::Conflict(conflict.clone()));
    assert_eq!((events[0].kind, events[0].id.0.as_str()), (Type::Conflict, "1.0"));
    town.flag(1.0, "car");
    let events = town.tell(2.0, Input::Conflict(conflict));
    assert_eq!(events[0].id.0, "3.0");
}

#[test]
fn old_fixes_of_a_backlog_are_no_reason_to_warn_now() {
    let rules = Rules { gap_s: 300.0, ..Rules::default() };
    let checkpoints = vec![point("houyan", (0.0, 10_000.0))];
    let mut town = Town::with(Setup { rules, checkpoints, ..Setup::default() });
    town.flag(0.0, "car");
    // Half an hour without a network, then all of it at once: it went by, and is far away.
    for step in 0..180_u32 {
        let stated = f64::from(step) * 10.0;
        town.tell(2_400.0, observation("car", fix(stated, (0.0, stated / 10.0 * 166.7))));
    }
    assert_eq!(said(&town.events), ["passed houyan"]);
    let (event, passed) = town.first(Type::Passed, "houyan");
    assert_eq!(event.time, at(2_400.0));
    assert!(passed.eta_at.seconds_since(at(600.0)).abs() < 2.0);
}
