//! How people handle an alert: told, signed off, instructed, closed, and what happens where they
//! do not.

use interdict_engine::{
    Act, AlertReport, Checkpoint, Data, Deadlines, Handled, Handling, Input, Level, Outcome,
    Refusal, Setup, State, Type, Unit, UnitId,
};

use crate::support::{Town, Way, at, point};

fn unit(id: &str, level: Level, parent: Option<&str>) -> Unit {
    Unit {
        id: id.into(),
        name: id.to_owned(),
        name_zh: None,
        level,
        parent: parent.map(UnitId::from),
        zone: None,
    }
}

fn town(checkpoints: Vec<Checkpoint>, live: bool) -> Town {
    let units = vec![
        unit("city", Level::City, None),
        unit("district", Level::District, Some("city")),
        unit("station", Level::Station, Some("district")),
    ];
    let deadlines = Some(Deadlines::default());
    let mut town = Town::with(Setup { checkpoints, units, deadlines, ..Setup::default() });
    town.tell(0.0, Input::Live { unit: "station".into(), live });
    town.flag(0.0, "car");
    town
}

/// North along the middle of the town, at 60 km/h, until so many metres.
fn drive(town: &mut Town, from_m: f64, to_m: f64) {
    let start_s = from_m / 60.0 * 3.6;
    town.drive("car", start_s, &Way::new(&[(0.0, from_m), (0.0, to_m)], 60.0, 10.0));
}

/// Drives until the alert at `houyan`, 10 km north, is raised; when that was.
fn raised(town: &mut Town) -> f64 {
    for step in 0..50 {
        let from_m = f64::from(step) * 60.0 / 3.6 * 10.0;
        drive(town, from_m, from_m + 1.0);
        if town.events.iter().any(|event| event.kind == Type::Raised) {
            return f64::from(step) * 10.0;
        }
    }
    panic!("never raised: {:?}", town.alerts());
}

fn handled(town: &Town, unit: &str, act: Act) -> Handled {
    let (_, report) = town.first(Type::Raised, "houyan");
    Handled {
        alert: report.alert.clone(),
        vehicle: "car".into(),
        by: "an officer".to_owned(),
        unit: unit.into(),
        act,
    }
}

fn handle(town: &mut Town, seconds: f64, unit: &str, act: Act) {
    let handled = handled(town, unit, act);
    town.tell(seconds, Input::Handle(handled));
}

fn told(report: &AlertReport) -> Vec<&str> {
    report.progress.told.iter().map(UnitId::as_str).collect()
}

#[test]
fn what_nobody_signs_rises_level_by_level() {
    let mut town = town(vec![point("houyan", (0.0, 10_000.0))], true);
    let raised_s = raised(&mut town);
    let (_, report) = town.first(Type::Raised, "houyan");
    assert_eq!(told(report), ["station"]);
    let due = report.progress.due_at.expect("a sign-off is awaited");
    // A quarter of the ETA left is less than two minutes.
    let sign_off_s = due.seconds_since(at(raised_s));
    assert!((sign_off_s - report.eta_s / 4.0).abs() < 0.1 && sign_off_s < 120.0, "{sign_off_s}");

    assert!(town.wait(raised_s + sign_off_s - 0.1).is_empty());
    town.wait(raised_s + 2.0 * sign_off_s + 0.1);
    let rises: Vec<_> = town.events.iter().filter(|event| event.kind == Type::Escalated).collect();
    assert_eq!(rises.len(), 2, "{:?}", town.alerts());
    assert_eq!(rises[0].time, due);
    let (_, first) = town.first(Type::Escalated, "houyan");
    assert_eq!(told(first), ["station", "district"]);
    assert_eq!(first.why.code, "not_signed_off");
    assert!(first.why.text.contains("now told to district"), "{}", first.why.text);
    let now = &town.engine.alerts(at(raised_s + 200.0))[0];
    assert_eq!(told(now), ["station", "district", "city"]);
}

#[test]
fn a_sign_off_in_time_keeps_it_where_it_is() {
    let mut town = town(vec![point("houyan", (0.0, 10_000.0))], true);
    let raised_s = raised(&mut town);
    handle(&mut town, raised_s + 5.0, "station", Act::Deliver);
    handle(&mut town, raised_s + 30.0, "station", Act::Acknowledge);
    assert!(town.wait(raised_s + 600.0).iter().all(|event| event.kind != Type::Escalated));
    let instruct = Act::Instruct { text: "Stop and hold".to_owned() };
    handle(&mut town, raised_s + 620.0, "station", instruct);
    let (_, report) = town.first(Type::Instructed, "houyan");
    assert_eq!(report.handling, Handling::Instructed);
    assert_eq!(report.progress.instructed.as_deref(), Some("Stop and hold"));
    assert_eq!(report.progress.lead_unit, Some("station".into()));
    assert_eq!(report.progress.by.as_deref(), Some("an officer"));
    let cleared = Act::Dispose { outcome: Outcome::Cleared, reason: None };
    handle(&mut town, raised_s + 700.0, "station", cleared);
    let (event, report) = town.first(Type::Disposed, "houyan");
    assert_eq!(
        (report.handling, report.progress.outcome),
        (Handling::Disposed, Some(Outcome::Cleared))
    );
    assert_eq!(report.progress.due_at, None);
    assert!(event.id.0.starts_with(&format!("{}-", report.alert.0)));
    let names = ["watch", "raised", "delivered", "acknowledged", "instructed", "disposed"];
    assert_eq!(town.alerts(), names.map(|name| format!("{name} houyan")));
}

#[test]
fn where_nobody_stands_or_looks_all_are_told_at_once() {
    let mut unmanned = point("houyan", (0.0, 10_000.0));
    unmanned.state = State::Unmanned;
    for (checkpoint, live) in [(unmanned, true), (point("houyan", (0.0, 10_000.0)), false)] {
        let mut town = town(vec![checkpoint], live);
        raised(&mut town);
        let (_, report) = town.first(Type::Raised, "houyan");
        assert_eq!(told(report), ["station", "district", "city"]);
    }
}

#[test]
fn with_no_time_for_the_chain_all_are_told_at_once() {
    let mut town = town(vec![point("houyan", (0.0, 550.0))], true);
    drive(&mut town, 0.0, 300.0);
    let (_, report) = town.first(Type::Raised, "houyan");
    assert!(report.eta_s < 60.0, "{}", report.eta_s);
    assert_eq!(told(report), ["station", "district", "city"]);
}

#[test]
fn what_passes_unsigned_is_everybody_s_business() {
    let mut town = town(vec![point("houyan", (0.0, 10_000.0))], true);
    let raised_s = raised(&mut town);
    // It runs now, faster than two levels can let pass.
    let from_m = raised_s / 3.6 * 60.0;
    let way = Way::new(&[(0.0, from_m + 500.0), (0.0, 10_500.0)], 200.0, 5.0);
    town.drive("car", raised_s + 10.0, &way);
    let unsigned = town.events.iter().find_map(|event| match &event.data {
        Data::Alert(report) if report.why.code == "passed_unsigned" => Some(report),
        _ => None,
    });
    assert_eq!(told(unsigned.unwrap()).len(), 3);
    // It still wants its outcome.
    assert_eq!(town.engine.alerts_to_dispose().len(), 1);
    let missed = Act::Dispose { outcome: Outcome::Missed, reason: None };
    handle(&mut town, 400.0, "station", missed);
    assert!(town.engine.alerts_to_dispose().is_empty());
}

#[test]
fn an_outcome_that_never_comes_is_asked_for_and_then_let_go() {
    let mut town = town(vec![point("houyan", (0.0, 10_000.0))], true);
    let raised_s = raised(&mut town);
    handle(&mut town, raised_s + 10.0, "station", Act::Acknowledge);
    let rises = |town: &Town| {
        let codes = town.events.iter().filter(|event| event.kind == Type::Escalated);
        codes
            .map(|event| serde_json::to_value(event).unwrap()["data"]["why"]["code"].clone())
            .collect::<Vec<_>>()
    };
    town.wait(raised_s + 700.0);
    assert_eq!(rises(&town), ["not_instructed"]);
    town.wait(raised_s + 2.0 * 86_400.0);
    assert_eq!(rises(&town), ["not_instructed", "not_disposed"]);
    let late = Act::Instruct { text: "?".to_owned() };
    let refused = town.engine.check_handled(&handled(&town, "station", late));
    assert_eq!(refused, Err(Refusal::Unknown));
}

#[test]
fn an_interception_ends_the_other_alerts_and_raises_nothing_more() {
    let checkpoints = vec![point("houyan", (0.0, 6_000.0)), point("further", (0.0, 8_500.0))];
    let mut town = town(checkpoints, true);
    drive(&mut town, 0.0, 4_500.0);
    assert_eq!(town.engine.alerts(at(270.0)).len(), 2, "{:?}", town.alerts());
    let intercepted = Act::Dispose { outcome: Outcome::Intercepted, reason: None };
    handle(&mut town, 275.0, "station", intercepted);
    let (_, report) = town.first(Type::Withdrawn, "further");
    assert_eq!(report.why.code, "intercepted");
    let said = town.events.len();
    // Officers drive it through the next checkpoint.
    drive(&mut town, 4_600.0, 9_500.0);
    assert_eq!(town.events.len(), said, "{:?}", town.alerts());
    // A new decision raises again.
    town.flag(700.0, "car");
    town.drive("car", 710.0, &Way::new(&[(0.0, 16_000.0), (0.0, 9_000.0)], 60.0, 10.0));
    assert!(town.events.len() > said + 1, "{:?}", town.alerts());
}

#[test]
fn a_passage_hands_the_vehicle_on_to_the_next_ring() {
    let ring = |id: &str, north_m: f64, ring: u8| {
        let mut checkpoint = point(id, (0.0, north_m));
        checkpoint.ring = Some(ring);
        checkpoint
    };
    let checkpoints = vec![ring("houyan", 6_000.0, 1), ring("outer", 12_500.0, 3)];
    let mut town = town(checkpoints, true);
    drive(&mut town, 0.0, 6_400.0);
    let (passed, _) = town.first(Type::Passed, "houyan");
    let (raised, report) = town.first(Type::Raised, "outer");
    assert_eq!((raised.time, report.why.code.as_str()), (passed.time, "handed_on"));
    assert!(report.eta_s > 350.0, "long before its last moment: {}", report.eta_s);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let mut town = town(vec![point("houyan", (0.0, 10_000.0))], true);
    let raised_s = raised(&mut town);
    let check =
        |town: &Town, unit: &str, act: Act| town.engine.check_handled(&handled(town, unit, act));
    let instruct = || Act::Instruct { text: "Stop".to_owned() };
    let falsely = || Act::Dispose { outcome: Outcome::False, reason: None };
    assert_eq!(check(&town, "station", instruct()), Err(Refusal::NotAcknowledged));
    assert_eq!(check(&town, "elsewhere", Act::Acknowledge), Err(Refusal::NotTold));
    assert_eq!(check(&town, "station", falsely()), Err(Refusal::NoReason));
    // Whoever is above may look down and act.
    assert_eq!(check(&town, "city", Act::Acknowledge), Ok(()));
    handle(&mut town, raised_s + 1.0, "station", Act::Acknowledge);
    assert_eq!(check(&town, "station", Act::Acknowledge), Err(Refusal::Acknowledged));
    assert_eq!(check(&town, "district", Act::Acknowledge), Ok(()));
    let said = town.events.len();
    handle(&mut town, raised_s + 2.0, "elsewhere", Act::Acknowledge);
    assert_eq!(town.events.len(), said);
}
