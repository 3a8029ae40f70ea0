//! How a flagged vehicle's approach is told: one readable case each.

use interdict_engine::{Class, FlagEnd, Input, Rules, Setup, Stage, State, Type};

use crate::support::{Town, Way, area, at, fix, flag, line, observation, point, said, vehicle};

const NOTHING: [&str; 0] = [];

/// North along the middle of the town, which leads to (0, 10 000) after 600 s at 60 km/h.
fn north(to_m: f64) -> Way {
    Way::new(&[(0.0, 0.0), (0.0, to_m)], 60.0, 10.0)
}

#[test]
fn a_vehicle_that_drives_through_is_watched_raised_in_time_and_passes() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    town.drive("car", 0.0, &north(14_000.0));
    assert_eq!(town.alerts(), ["watch houyan", "raised houyan", "passed houyan"]);

    let (event, raised) = town.first(Type::Raised, "houyan");
    let left_s = at(600.0).seconds_since(event.time);
    assert!((240.0..330.0).contains(&left_s), "raised {left_s} s before");
    assert!((raised.eta_s - left_s).abs() < 0.25 * left_s, "ETA {} s", raised.eta_s);
    assert!(raised.probability >= 0.5);
    assert_eq!(raised.why.code, "closing");
    assert!(raised.why.text.contains("5 of the last 5 minutes"), "{}", raised.why.text);

    let (_, passed) = town.first(Type::Passed, "houyan");
    assert!(passed.eta_at.seconds_since(at(600.0)).abs() < 2.0);
    assert_eq!((passed.stage, passed.eta_s), (Stage::Arrived, 0.0));
    let (watch, view) = town.first(Type::Watch, "houyan");
    assert_eq!(view.alert, watch.id);
    assert_eq!(passed.alert, watch.id);
    assert!(town.engine.alerts(at(900.0)).is_empty());
}

#[test]
fn a_vehicle_that_turns_away_is_withdrawn_and_not_raised_again() {
    let mut town = Town::new(vec![point("port", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let way = [(0.0, 0.0), (0.0, 7_500.0), (9_000.0, 7_500.0)];
    town.drive("car", 0.0, &Way::new(&way, 60.0, 10.0));
    assert_eq!(town.alerts(), ["watch port", "raised port", "withdrawn port"]);
    let (event, withdrawn) = town.first(Type::Withdrawn, "port");
    // It turned after 450 s.
    assert!((30.0..120.0).contains(&event.time.seconds_since(at(450.0))));
    assert!(["turned_away", "unlikely"].contains(&withdrawn.why.code.as_str()));
}

#[test]
fn a_passage_between_two_fixes_a_minute_apart_is_seen() {
    let mut town = Town::new(vec![point("houyan", (40.0, 10_400.0))]);
    town.flag(0.0, "car");
    town.drive("car", 0.0, &Way::new(&[(0.0, 0.0), (0.0, 13_000.0)], 60.0, 60.0));
    assert_eq!(town.alerts(), ["watch houyan", "raised houyan", "passed houyan"]);
    let (_, passed) = town.first(Type::Passed, "houyan");
    assert!(passed.eta_at.seconds_since(at(624.0)).abs() < 2.0, "{}", passed.eta_at);
    let (raised, _) = town.first(Type::Raised, "houyan");
    assert!(at(624.0).seconds_since(raised.time) >= 240.0);
}

#[test]
fn a_flag_on_a_vehicle_that_is_near_or_inside_is_told_at_once() {
    let checkpoints = vec![
        area("lot", (0.0, 0.0), 200.0),
        point("gate", (400.0, 0.0)),
        point("far", (9_000.0, 0.0)),
    ];
    let mut town = Town::new(checkpoints);
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    assert_eq!(said(&town.flag(30.0, "car")), ["raised gate", "raised lot"]);
    let (_, inside) = town.first(Type::Raised, "lot");
    assert_eq!((inside.stage, inside.eta_s, inside.distance_m), (Stage::Arrived, 0.0, 0.0));
    assert_eq!((inside.why.code.as_str(), inside.fix_age_s), ("at_checkpoint", 30.0));
    let (_, near) = town.first(Type::Raised, "gate");
    assert_eq!((near.stage, near.why.code.as_str()), (Stage::Imminent, "near_when_flagged"));
}

#[test]
fn a_flag_on_a_vehicle_under_way_is_told_at_once_if_there_is_no_more_than_the_lead() {
    let mut town = Town::new(vec![point("gate", (0.0, 2_000.0))]);
    let mut last = fix(0.0, (0.0, 0.0));
    (last.speed_kmh, last.course_deg) = (Some(50.0), Some(0.0));
    town.tell(0.0, observation("car", last));
    assert_eq!(said(&town.flag(5.0, "car")), ["raised gate"]);
}

#[test]
fn a_vehicle_last_seen_long_ago_is_told_of_only_where_it_stood_at_a_checkpoint() {
    let mut town = Town::new(vec![area("lot", (0.0, 0.0), 200.0), point("gate", (400.0, 0.0))]);
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    assert_eq!(said(&town.flag(7_200.0, "car")), ["raised lot"]);
    let (_, inside) = town.first(Type::Raised, "lot");
    assert_eq!(inside.fix_age_s, 7_200.0);
    assert!(inside.why.text.contains("2.0 h old"), "{}", inside.why.text);
}

#[test]
fn an_alert_does_not_wait_for_a_fix_that_does_not_come() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    // Heard every 10 s until 200 s before the last moment, then not at all.
    let last = town.drive("car", 0.0, &north(2_500.0));
    assert_eq!(town.alerts(), ["watch houyan"]);
    let due = town.engine.next_due().unwrap();
    let after_s = due.seconds_since(at(last));
    assert!((60.0..240.0).contains(&after_s), "{after_s} s");
    assert_eq!(said(&town.wait(2_000.0)), ["raised houyan"]);
    let (event, raised) = town.first(Type::Raised, "houyan");
    assert_eq!((event.time, raised.why.code.as_str()), (due, "closing_unheard"));
    assert!((200.0..360.0).contains(&raised.eta_s), "{}", raised.eta_s);
    // Silence alone says nothing more.
    assert_eq!(said(&town.wait(20_000.0)), NOTHING);
}

#[test]
fn a_vehicle_that_turns_round_and_comes_again_makes_a_second_alert() {
    let mut town = Town::new(vec![point("gate", (0.0, 6_000.0))]);
    town.flag(0.0, "car");
    let way = [(0.0, 0.0), (0.0, 9_000.0), (50.0, 9_000.0), (50.0, 2_000.0)];
    town.drive("car", 0.0, &Way::new(&way, 60.0, 10.0));
    let alerts = town.alerts();
    let passages: Vec<&String> = alerts.iter().filter(|said| !said.starts_with("watch")).collect();
    assert_eq!(passages, ["raised gate", "passed gate", "raised gate", "passed gate"]);
    let ids: std::collections::BTreeSet<_> = town.alert_ids("gate");
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_vehicle_that_stands_near_a_checkpoint_does_not_flap() {
    let mut town = Town::new(vec![point("gate", (0.0, 6_000.0))]);
    town.flag(0.0, "car");
    let mut seconds = town.drive("car", 0.0, &north(5_500.0));
    for step in 0..360_u32 {
        seconds += 10.0;
        // A receiver at rest wanders about.
        let wander = |step: u32| f64::from(step * 7_919 % 17) - 8.0;
        let mut here = fix(seconds, (wander(step), 5_500.0 + wander(step + 5)));
        here.speed_kmh = Some(0.0);
        town.tell(seconds, observation("car", here));
    }
    // After an hour of standing it is not thought to be on its way any more.
    assert_eq!(town.alerts(), ["watch gate", "raised gate", "withdrawn gate"]);
    let (event, withdrawn) = town.first(Type::Withdrawn, "gate");
    assert_eq!(withdrawn.why.code, "unlikely");
    assert!(event.time.seconds_since(at(330.0)) > 600.0);
    let updates = town.events.iter().filter(|event| event.kind == Type::Updated).count();
    assert!(updates <= 12, "{updates} updates");
}

#[test]
fn an_area_is_entered_stayed_in_and_left() {
    let mut town = Town::new(vec![area("port", (0.0, 8_000.0), 1_000.0)]);
    town.flag(0.0, "car");
    let inside = town.drive("car", 0.0, &north(8_000.0));
    assert_eq!(town.alerts(), ["watch port", "raised port", "passed port"]);
    let (_, entered) = town.first(Type::Passed, "port");
    assert!(entered.eta_at.seconds_since(at(420.0)).abs() < 2.0, "{}", entered.eta_at);
    assert_eq!(entered.why.code, "entered");
    let open = town.engine.alerts(at(inside + 100.0));
    assert_eq!((open.len(), open[0].stage, open[0].eta_s), (1, Stage::Arrived, 0.0));

    town.drive("car", inside + 3_000.0, &Way::new(&[(0.0, 8_000.0), (0.0, 4_000.0)], 60.0, 10.0));
    assert_eq!(town.alerts(), ["watch port", "raised port", "passed port", "left port"]);
    assert!(town.engine.alerts(at(inside + 4_000.0)).is_empty());
}

#[test]
fn a_line_counts_its_own_direction_only() {
    let mut outbound = line("toll", (-200.0, 6_000.0), (200.0, 6_000.0));
    outbound.bearing_deg = Some(10.0);
    let mut town = Town::new(vec![outbound]);
    town.flag(0.0, "out");
    town.flag(0.0, "in");
    town.drive("out", 0.0, &north(9_000.0));
    assert_eq!(town.alerts(), ["watch toll", "raised toll", "passed toll"]);
    let (_, passed) = town.first(Type::Passed, "toll");
    assert!(passed.eta_at.seconds_since(at(360.0)).abs() < 2.0);
    town.events.clear();
    town.drive("in", 1_000.0, &Way::new(&[(0.0, 12_000.0), (0.0, 3_000.0)], 60.0, 10.0));
    assert_eq!(town.alerts(), NOTHING);
}

#[test]
fn an_ended_flag_takes_its_alerts_back() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.tell(0.0, Input::Flag(flag("withdrawn", "one", 0.0, 9_000.0)));
    town.tell(0.0, Input::Flag(flag("expiring", "two", 0.0, 500.0)));
    town.drive("one", 0.0, &north(7_000.0));
    town.drive("two", 0.5, &north(7_000.0));
    assert_eq!(town.engine.alerts(at(450.0)).len(), 2);

    let withdraw = Input::Withdraw {
        flag: "withdrawn".into(),
        vehicle: "one".into(),
        reason: FlagEnd::Handled,
        note: Some("found".to_owned()),
        by: None,
    };
    let events = town.tell(450.0, withdraw);
    let kinds: Vec<Type> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Type::FlagWithdrawn, Type::Withdrawn]);
    assert_eq!(town.first(Type::Withdrawn, "houyan").1.why.code, "flag_withdrawn");

    let events = town.wait(9_999.0);
    let kinds: Vec<Type> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Type::FlagExpired, Type::Withdrawn]);
    assert!(events.iter().all(|event| event.time == at(500.0)));
    assert_eq!(town.engine.flags().count(), 0);
    assert!(town.engine.alerts(at(9_999.0)).is_empty());
    // Nobody looks any more.
    town.events.clear();
    town.drive("one", 10_000.0, &north(14_000.0));
    assert_eq!(town.alerts(), NOTHING);
}

#[test]
fn where_two_flags_stand_the_second_takes_over() {
    let mut town = Town::new(vec![area("lot", (0.0, 0.0), 200.0)]);
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    let mut urgent = flag("urgent", "car", 0.0, 600.0);
    urgent.priority = 1;
    town.tell(10.0, Input::Flag(urgent));
    town.tell(20.0, Input::Flag(flag("other", "car", 0.0, 9_000.0)));
    assert_eq!(town.alerts(), ["raised lot"]);
    assert_eq!(said(&town.wait(600.0)), ["withdrawn lot", "raised lot"]);
    let open = town.engine.alerts(at(600.0));
    assert_eq!(open[0].flag.id.as_str(), "other");
}

#[test]
fn a_flag_that_begins_later_is_looked_for_from_then_on() {
    let mut town = Town::new(vec![area("lot", (0.0, 0.0), 200.0)]);
    let events = town.tell(0.0, Input::Flag(flag("f", "car", 3_600.0, 7_200.0)));
    assert_eq!(events[0].kind, Type::FlagAdded);
    town.tell(10.0, observation("car", fix(10.0, (0.0, 0.0))));
    assert_eq!(town.alerts(), NOTHING);
    assert_eq!(said(&town.wait(4_000.0)), ["raised lot"]);
    assert_eq!(town.first(Type::Raised, "lot").0.time, at(3_600.0));
}

#[test]
fn a_flag_that_has_expired_before_it_is_added_ends_at_once() {
    let mut town = Town::new(vec![area("lot", (0.0, 0.0), 200.0)]);
    town.tell(900.0, observation("car", fix(900.0, (0.0, 0.0))));
    let events = town.tell(1_000.0, Input::Flag(flag("f", "car", 0.0, 500.0)));
    assert!(events.iter().all(|event| event.time == at(1_000.0)));
    assert_eq!(events.last().unwrap().kind, Type::Withdrawn);
    assert_eq!(town.engine.flags().count(), 0);
}

#[test]
fn after_a_long_silence_nobody_claims_to_know() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(8_000.0));
    // Twenty minutes later it is far beyond the checkpoint.
    let later = last + 1_200.0;
    town.tell(later, observation("car", fix(later, (0.0, 20_000.0))));
    assert_eq!(town.alerts(), ["watch houyan", "raised houyan", "withdrawn houyan"]);
    let (_, withdrawn) = town.first(Type::Withdrawn, "houyan");
    assert_eq!(withdrawn.why.code, "unknown_after_gap");
    assert_eq!(withdrawn.why.figures["gap_s"], 1_200.0);
}

#[test]
fn a_passage_that_nobody_expected_is_told_all_the_same() {
    let rules = Rules { raise_probability: 0.99, sure_probability: 1.0, ..Rules::default() };
    let setup = Setup {
        rules,
        checkpoints: vec![line("toll", (-50.0, 900.0), (50.0, 900.0))],
        ..Setup::default()
    };
    let mut town = Town::with(setup);
    town.flag(0.0, "car");
    town.tell(10.0, observation("car", fix(10.0, (-700.0, 600.0))));
    town.tell(70.0, observation("car", fix(70.0, (-100.0, 600.0))));
    town.tell(100.0, observation("car", fix(100.0, (60.0, 1_000.0))));
    assert_eq!(town.alerts().last().unwrap(), "passed toll");
}

#[test]
fn the_lead_is_longer_where_the_checkpoint_must_be_set_up_and_none_is_raised_where_it_is_closed() {
    let mut unmanned = point("unmanned", (0.0, 10_000.0));
    (unmanned.state, unmanned.ready_s) = (State::Unmanned, 120.0);
    let mut closed = point("closed", (0.0, 10_000.0));
    closed.state = State::Closed;
    let mut town = Town::new(vec![unmanned, closed]);
    town.flag(0.0, "car");
    town.drive("car", 0.0, &north(12_000.0));
    let (event, _) = town.first(Type::Raised, "unmanned");
    let left_s = at(600.0).seconds_since(event.time);
    assert!((360.0..470.0).contains(&left_s), "{left_s} s");
    let alerts = town.alerts();
    let closed: Vec<&String> = alerts.iter().filter(|said| said.ends_with("closed")).collect();
    assert_eq!(closed, ["watch closed", "passed closed"]);
}

#[test]
fn a_checkpoint_that_changes_is_looked_at_anew() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    town.drive("car", 0.0, &north(7_000.0));
    assert_eq!(town.alerts(), ["watch north", "raised north"]);
    let records_before = town.records.len();
    let added = town.tell(425.0, Input::Checkpoint(area("new", (0.0, 7_000.0), 300.0)));
    assert_eq!(said(&added), ["raised new"]);
    let mut closed = point("north", (0.0, 10_000.0));
    closed.state = State::Closed;
    let events = town.tell(426.0, Input::Checkpoint(closed));
    assert_eq!(said(&events), ["withdrawn north", "watch north"]);
    assert_eq!(said(&town.tell(427.0, Input::RemoveCheckpoint("new".into()))), ["withdrawn new"]);
    assert_eq!(town.engine.checkpoints().count(), 1);
    assert_eq!(town.records.len(), records_before + 3);
}

#[test]
fn the_nearest_patrol_vehicles_are_named_without_their_places() {
    let mut town = Town::new(vec![area("lot", (0.0, 0.0), 200.0)]);
    for (id, east_m) in [("p1", 5_000.0), ("p2", 1_000.0), ("p3", 3_000.0), ("p4", 9_000.0)] {
        town.tell(0.0, Input::Vehicle(vehicle(id, Class::Patrol)));
        town.tell(1.0, observation(id, fix(1.0, (east_m, 0.0))));
    }
    // One that another shard holds.
    town.engine.overhear(at(1.0), &Input::Vehicle(vehicle("p5", Class::Patrol)));
    town.engine.overhear(at(1.0), &observation("p5", fix(1.0, (0.0, 2_000.0))));
    town.tell(2.0, observation("taxi", fix(2.0, (100.0, 0.0))));
    town.tell(2.0, observation("car", fix(2.0, (0.0, 0.0))));
    town.flag(3.0, "car");
    let (_, raised) = town.first(Type::Raised, "lot");
    let named: Vec<&str> = raised.nearest_units.iter().map(|unit| unit.vehicle.as_str()).collect();
    assert_eq!(named, ["p2", "p5", "p3"]);
    let nearby: Vec<String> = town
        .engine
        .nearby(38.95, 121.60, 1_500.0, at(4.0))
        .iter()
        .map(|(id, _)| id.to_string())
        .collect();
    assert_eq!(nearby, ["car", "taxi", "p2"]);
}

#[test]
fn an_open_alert_counts_down_between_fixes() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(7_000.0));
    let eta_s = |seconds| town.engine.alerts(at(seconds))[0].eta_s;
    assert!((eta_s(last) - eta_s(last + 60.0) - 60.0).abs() < 0.2);
    assert_eq!(eta_s(last + 9_000.0), 0.0);
}
