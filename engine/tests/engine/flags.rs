//! The life of a flag: applied for, approved or not, at work, ended.

use std::collections::BTreeSet;

use interdict_engine::{
    Act, Action, Checkpoint, CheckpointId, Data, Deadlines, Decided, Decision, Event, Flag,
    FlagEnd, FlagState, Handled, Input, Level, Scope, Setup, Type, Unit, UnitId,
};

use crate::support::{Town, Way, at, fix, flag, observation, point, said};

/// North past `houyan`, 10 km north, at 60 km/h.
fn way() -> Way {
    Way::new(&[(0.0, 0.0), (0.0, 11_000.0)], 60.0, 10.0)
}

fn town() -> Town {
    Town::new(vec![point("houyan", (0.0, 10_000.0))])
}

fn in_state(state: FlagState, to_s: f64) -> Flag {
    Flag { state, applicant: Some("wang".to_owned()), ..flag("f", "car", 0.0, to_s) }
}

/// Flag events in words such as `added`, with the reason of an end.
fn flags(events: &[Event]) -> Vec<String> {
    let words = events.iter().filter_map(|event| {
        let Data::Flag(report) = &event.data else { return None };
        let name = event.kind.name().strip_prefix("interdict.flag.")?;
        let reason = report.reason.as_ref().map_or_else(String::new, |reason| format!(" {reason}"));
        Some(format!("{name}{reason}"))
    });
    words.collect()
}

#[test]
fn what_waits_for_approval_raises_nothing_and_keeps_nothing() {
    let mut town = town();
    town.tell(0.0, Input::Flag(in_state(FlagState::Applied, 3_600.0)));
    town.drive("car", 1.0, &way());
    assert!(town.alerts().is_empty(), "{:?}", town.alerts());
    assert_eq!(town.records.len(), 1, "its fixes are nobody's business yet");
    let snapshot = serde_json::to_string(&town.engine.snapshot()).unwrap();
    assert!(!snapshot.contains("latitude"), "{snapshot}");
    town.wait(3_601.0);
    assert_eq!(flags(&town.events), ["added", "expired not_approved"]);
}

#[test]
fn an_emergency_flag_works_at_once_and_lapses_after_a_day() {
    let mut town = town();
    town.tell(0.0, Input::Flag(in_state(FlagState::Emergency, 7.0 * 86_400.0)));
    town.drive("car", 1.0, &way());
    assert!(town.alerts().contains(&"raised houyan".to_owned()), "{:?}", town.alerts());
    town.tell(86_300.0, observation("car", fix(86_300.0, (0.0, 9_000.0))));
    town.wait(86_399.9);
    assert_eq!(town.engine.flags().count(), 1);
    let lapsed = town.wait(90_000.0);
    assert_eq!(flags(&lapsed), ["expired not_approved"]);
    let end = lapsed.iter().find(|event| event.kind == Type::FlagExpired).unwrap();
    assert_eq!(end.time, at(86_400.0), "late timers change nothing");
    assert_eq!(town.engine.flags().count(), 0);
}

#[test]
fn what_was_written_before_flags_had_a_state_is_approved_and_to_be_intercepted() {
    let mut written = serde_json::to_value(flag("f", "car", 0.0, 1.0)).unwrap();
    for new in ["action", "state", "scope"] {
        assert!(written.as_object_mut().unwrap().remove(new).is_some(), "{new} is not written");
    }
    let read: Flag = serde_json::from_value(written).unwrap();
    assert_eq!(read, flag("f", "car", 0.0, 1.0));
    assert_eq!((read.state, read.action), (FlagState::Approved, Action::Intercept));
}

#[test]
fn an_alert_says_what_to_do_and_that_it_is_an_exercise() {
    let mut town = town();
    let watch =
        Flag { action: Action::Observe, priority: 1, ..flag("watch", "car", 0.0, 86_400.0) };
    town.tell(0.0, Input::Flag(watch));
    town.drive("car", 1.0, &way());
    let (_, report) = town.first(Type::Raised, "houyan");
    assert_eq!((report.flag.action, report.flag.drill), (Action::Observe, false));

    let mut town = self::town();
    let drill = Flag { drill: true, priority: 4, ..flag("drill", "car", 0.0, 86_400.0) };
    town.tell(0.0, Input::Flag(Flag { action: Action::Observe, ..flag("w", "car", 0.0, 9e4) }));
    town.tell(0.0, Input::Flag(drill));
    town.drive("car", 1.0, &way());
    let (_, report) = town.first(Type::Raised, "houyan");
    let told = (report.flag.id.as_str(), report.flag.action, report.flag.drill);
    assert_eq!(told, ("drill", Action::Intercept, true), "to stop comes before to observe");
}

fn decide(town: &mut Town, seconds: f64, by: &str, decision: Decision) -> Vec<Event> {
    let (flag, vehicle) = ("f".into(), "car".into());
    let decided = Decided { flag, vehicle, by: by.to_owned(), note: None, decision };
    town.tell(seconds, Input::Decide(decided))
}

#[test]
fn two_people_are_needed_and_the_vehicle_is_looked_for_from_where_it_is_then() {
    let mut town = town();
    town.tell(0.0, Input::Flag(in_state(FlagState::Applied, 7_200.0)));
    // Eight kilometres of ten, and nobody may look.
    town.drive("car", 1.0, &Way::new(&[(0.0, 0.0), (0.0, 8_000.0)], 60.0, 10.0));
    assert!(decide(&mut town, 482.0, "wang", Decision::Approve).is_empty(), "not by oneself");
    let renewal = Decision::Renew { expires_at: at(90_000.0) };
    assert!(decide(&mut town, 482.0, "li", renewal).is_empty(), "not before it is approved");
    let told = decide(&mut town, 483.0, "li", Decision::Approve);
    assert_eq!(flags(&told), ["approved"]);
    assert_eq!(said(&told), ["raised houyan"], "from the last fix, at once");
    let (_, report) = town.first(Type::Raised, "houyan");
    assert_eq!(report.flag.id.as_str(), "f");
    let flag = town.engine.flags().next().unwrap();
    assert_eq!((flag.state, flag.approved_by.as_deref()), (FlagState::Approved, Some("li")));
    assert!(decide(&mut town, 484.0, "li", Decision::Approve).is_empty(), "once is enough");
}

#[test]
fn an_approval_ends_the_lapse_and_a_renewal_moves_the_end() {
    let mut town = town();
    town.tell(0.0, Input::Flag(in_state(FlagState::Emergency, 2.0 * 86_400.0)));
    assert_eq!(flags(&decide(&mut town, 80_000.0, "li", Decision::Approve)), ["approved"]);
    assert!(town.wait(100_000.0).is_empty());
    let renewal = |seconds: f64| Decision::Renew { expires_at: at(seconds) };
    assert!(decide(&mut town, 100_000.0, "wang", renewal(9e5)).is_empty(), "a new decision");
    assert!(decide(&mut town, 100_000.0, "li", renewal(99_999.0)).is_empty(), "not into the past");
    assert_eq!(flags(&decide(&mut town, 100_000.0, "li", renewal(500_000.0))), ["renewed"]);
    assert!(town.wait(499_999.0).is_empty());
    assert_eq!(flags(&town.wait(500_001.0)), ["expired expired"]);
}

#[test]
fn a_rejection_recalls_what_the_emergency_raised() {
    let mut town = town();
    town.tell(0.0, Input::Flag(in_state(FlagState::Emergency, 86_400.0)));
    town.drive("car", 1.0, &Way::new(&[(0.0, 0.0), (0.0, 8_000.0)], 60.0, 10.0));
    let told = decide(&mut town, 490.0, "li", Decision::Reject);
    assert_eq!(flags(&told), ["rejected not_approved"]);
    assert_eq!(said(&told), ["withdrawn houyan"]);
    let (_, report) = town.first(Type::Withdrawn, "houyan");
    assert_eq!(report.progress.recalled, Some(FlagEnd::NotApproved));
    assert_eq!(report.why.code, "flag_not_approved");
}

/// A city with two stations, and a checkpoint of each on the way north.
fn two_stations() -> Town {
    let unit = |id: &str, level, parent: Option<&str>| Unit {
        id: id.into(),
        name: id.to_owned(),
        name_zh: None,
        level,
        parent: parent.map(UnitId::from),
        zone: None,
    };
    let units = vec![
        unit("city", Level::City, None),
        unit("south", Level::Station, Some("city")),
        unit("north", Level::Station, Some("city")),
    ];
    let of = |unit: &str, north_m| Checkpoint {
        unit: unit.into(),
        ..point(&format!("{unit} gate"), (0.0, north_m))
    };
    let checkpoints = vec![of("south", 6_000.0), of("north", 10_000.0)];
    let deadlines = Some(Deadlines::default());
    Town::with(Setup { checkpoints, units, deadlines, ..Setup::default() })
}

#[test]
fn a_unit_s_flag_is_told_where_it_reaches_and_a_linked_one_everywhere() {
    for (unit, scope, told) in [
        ("north", Scope::Unit, &["north gate"][..]),
        ("north", Scope::Linked, &["north gate", "south gate"]),
        ("city", Scope::Unit, &["north gate", "south gate"]),
    ] {
        let mut town = two_stations();
        let unit = Some(unit.into());
        town.tell(0.0, Input::Flag(Flag { unit, scope, ..flag("f", "car", 0.0, 86_400.0) }));
        town.drive("car", 1.0, &way());
        town.wait(20_000.0);
        let places: BTreeSet<&str> =
            town.events.iter().filter_map(Event::checkpoint).map(CheckpointId::as_str).collect();
        assert_eq!(places, told.iter().copied().collect(), "{scope:?}");
    }
}

#[test]
fn of_a_covert_flag_only_the_units_named_are_told() {
    let mut town = two_stations();
    let covert = vec!["city".into()];
    town.tell(0.0, Input::Flag(Flag { covert, ..flag("f", "car", 0.0, 86_400.0) }));
    town.drive("car", 1.0, &way());
    town.wait(20_000.0);
    let mut alerts = 0;
    for event in &town.events {
        assert_eq!(event.covert(), ["city".into()], "{event:?}");
        if let Data::Alert(report) = &event.data
            && event.kind != Type::Watch
        {
            alerts += 1;
            assert_eq!(report.progress.told, ["city".into()], "{event:?}");
        }
    }
    assert!(alerts >= 4, "{:?}", town.alerts());
}

#[test]
fn the_alerts_of_a_flag_are_one_case_that_the_first_one_s_unit_leads() {
    let mut town = two_stations();
    town.flag(0.0, "car");
    town.drive("car", 1.0, &way());
    for gate in ["south gate", "north gate"] {
        let (_, report) = town.first(Type::Raised, gate);
        assert_eq!(report.progress.lead_unit, Some("south".into()), "{gate}");
    }
}

#[test]
fn a_withdrawal_recalls_also_what_is_behind_the_vehicle_and_has_no_outcome() {
    let mut town = two_stations();
    town.flag(0.0, "car");
    town.drive("car", 1.0, &Way::new(&[(0.0, 0.0), (0.0, 8_000.0)], 60.0, 10.0));
    let (_, report) = town.first(Type::Passed, "south gate");
    let (alert, unit) = (report.alert.clone(), "south".into());
    let (by, vehicle) = ("zhao".to_owned(), "car".into());
    let signed = Handled { alert, vehicle, by, unit, act: Act::Acknowledge };
    town.tell(490.0, Input::Handle(signed));
    let withdraw = Input::Withdraw {
        flag: "f-car".into(),
        vehicle: "car".into(),
        reason: FlagEnd::Wrong,
        note: None,
        by: Some("li".to_owned()),
    };
    let told = town.tell(495.0, withdraw);
    assert_eq!(flags(&told), ["withdrawn wrong"]);
    let recalled: BTreeSet<&str> = told
        .iter()
        .filter_map(|event| match &event.data {
            Data::Alert(report) if event.kind == Type::Withdrawn => {
                assert_eq!(report.progress.recalled, Some(FlagEnd::Wrong));
                assert!(report.why.text.contains("wrong"), "{}", report.why.text);
                Some(report.checkpoint.id.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(recalled, ["north gate", "south gate"].into());
    assert_eq!(town.engine.alerts_to_dispose().len(), 1, "who signed says how it ended");
}
