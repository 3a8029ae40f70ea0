//! The life of a flag: applied for, approved or not, at work, ended.

use interdict_engine::{Action, Data, Event, Flag, FlagState, Input, Type};

use crate::support::{Town, Way, at, fix, flag, observation, point};

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
