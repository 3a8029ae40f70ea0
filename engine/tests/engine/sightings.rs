//! Sightings: where somebody or something other than its tracker saw a vehicle.

use interdict_engine::{
    Data, Event, Input, Sighting, SightingReport, SightingSource, Standing, Trust, Type,
};

use crate::support::{Town, Way, at, fix, observation, place, point, said};

fn seen(seconds: f64, source: SightingSource, trust: f64, east_north_m: (f64, f64)) -> Sighting {
    let place = place(east_north_m);
    Sighting {
        vehicle: "car".into(),
        time: at(seconds),
        latitude: place.latitude,
        longitude: place.longitude,
        source,
        trust,
        speed_kmh: None,
        course_deg: None,
        text: Some("red lorry".to_owned()),
        reporter: None,
        by: Some("wang".to_owned()),
    }
}

fn by_caller(seconds: f64, east_north_m: (f64, f64)) -> Input {
    Input::Sighting(seen(seconds, SightingSource::Caller, Trust::LOW, east_north_m))
}

fn by_camera(seconds: f64, east_north_m: (f64, f64)) -> Input {
    Input::Sighting(seen(seconds, SightingSource::Camera, Trust::HIGH, east_north_m))
}

/// `houyan` is 10 km north.
fn town() -> Town {
    Town::new(vec![point("houyan", (0.0, 10_000.0))])
}

/// What was made of the sighting that these events tell of.
fn made(events: &[Event]) -> &SightingReport {
    let report = events.iter().find_map(|event| match &event.data {
        Data::Sighting(report) => Some(&**report),
        _ => None,
    });
    report.unwrap_or_else(|| panic!("no sighting in {events:?}"))
}

#[test]
fn two_cameras_raise_an_alert_of_a_vehicle_without_a_tracker_and_it_says_so() {
    let mut town = town();
    town.flag(0.0, "car");
    let first = town.tell(10.0, by_camera(10.0, (0.0, 2_000.0)));
    assert_eq!((made(&first).standing, &*made(&first).why.code), (Standing::Followed, "followed"));
    town.tell(250.0, by_camera(250.0, (0.0, 6_500.0)));
    town.wait(600.0);
    let (_, raised) = town.first(Type::Raised, "houyan");
    let sighted = raised.fix.sighted.expect("the data says whose the place is");
    assert_eq!(sighted.source, SightingSource::Camera);
    assert!(raised.why.text.contains("not its tracker: camera"), "{}", raised.why.text);
    let written = serde_json::to_value(raised).unwrap();
    assert_eq!(written["fix"]["source"], "camera");
    assert!(town.events.iter().all(|event| event.kind != Type::Silent), "it has no tracker");
    for event in &town.events {
        let written = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), *event);
    }
}

#[test]
fn one_doubtful_caller_raises_nothing_and_takes_nothing_back() {
    let mut town = town();
    town.flag(0.0, "car");
    let mut caller = seen(10.0, SightingSource::Caller, Trust::LOW, (0.0, 8_500.0));
    (caller.speed_kmh, caller.course_deg) = (Some(60.0), Some(0.0));
    let mut camera = caller.clone();
    town.tell(10.0, Input::Sighting(caller));
    assert!(!said(&town.events).contains(&"raised houyan".to_owned()), "{:?}", town.alerts());

    (camera.source, camera.trust, camera.time) = (SightingSource::Camera, Trust::HIGH, at(20.0));
    town.tell(20.0, Input::Sighting(camera));
    assert!(said(&town.events).contains(&"raised houyan".to_owned()), "{:?}", town.alerts());

    let events = town.tell(30.0, by_caller(30.0, (9_000.0, -9_000.0)));
    assert_eq!(made(&events).standing, Standing::Disputed);
    assert_eq!(made(&events).why.code, "disagrees");
    assert!(made(&events).why.text.contains("further than can be driven"));
    // One that could have been driven to moves it, but ends no alert.
    let events = town.tell(200.0, by_caller(200.0, (0.0, 1_000.0)));
    assert_eq!(made(&events).standing, Standing::Followed);
    assert!(!said(&events).contains(&"withdrawn houyan".to_owned()), "{events:?}");
}

#[test]
fn callers_who_agree_are_trusted_more() {
    let mut town = town();
    town.flag(0.0, "car");
    town.tell(10.0, by_caller(10.0, (0.0, 2_000.0)));
    let events = town.tell(250.0, by_caller(250.0, (0.0, 6_000.0)));
    assert_eq!(made(&events).why.code, "agrees");
    assert!(made(&events).why.text.contains("together trusted to 0.64"));
}

#[test]
fn a_tracker_that_speaks_outranks_what_was_seen_and_a_silent_one_does_not() {
    let mut town = town();
    town.flag(0.0, "car");
    let last = town.drive("car", 1.0, &Way::new(&[(0.0, 0.0), (0.0, 5_000.0)], 60.0, 10.0));
    let events = town.tell(last + 5.0, by_camera(last + 5.0, (9_000.0, -9_000.0)));
    assert_eq!(made(&events).standing, Standing::Outranked);
    assert_eq!(made(&events).why.code, "disagrees");
    assert_eq!(events.len(), 1, "it moves nothing: {events:?}");

    let later = last + 400.0;
    let events = town.tell(later, by_camera(later, (0.0, 9_000.0)));
    assert_eq!(made(&events).standing, Standing::Followed);
    // What it says next is its place, although dated before the sighting.
    let back = (0.0, 7_000.0);
    town.tell(later + 5.0, observation("car", fix(later - 1.0, back)));
    let alerts = town.engine.alerts(at(later + 5.0));
    assert!(alerts.iter().all(|alert| alert.fix.sighted.is_none()), "{alerts:?}");
    let (fix, _) = town.engine.last_fix(&"car".into()).unwrap();
    assert!((fix.latitude - place(back).latitude).abs() < 1e-6);
}

#[test]
fn a_sighting_is_never_taken_for_the_trackers_last_fix() {
    let mut town = town();
    town.flag(0.0, "car");
    town.tell(10.0, by_camera(10.0, (0.0, 2_000.0)));
    assert_eq!(town.engine.last_fix(&"car".into()), None);
}

#[test]
fn late_and_future_sightings_are_told_and_move_nothing() {
    let mut town = town();
    town.flag(0.0, "car");
    town.tell(1_000.0, by_camera(1_000.0, (0.0, 2_000.0)));
    let late = town.tell(1_010.0, by_camera(400.0, (0.0, 9_900.0)));
    assert_eq!((made(&late).standing, made(&late).age_s), (Standing::Late, 610.0));
    let future = town.tell(1_020.0, by_camera(9_000.0, (0.0, 9_900.0)));
    assert_eq!(made(&future).standing, Standing::Quarantine);
    assert_eq!((late.len(), future.len()), (1, 1), "{late:?} {future:?}");
}

#[test]
fn of_a_vehicle_that_nobody_looks_for_no_sighting_is_kept() {
    let mut town = town();
    assert!(town.tell(10.0, by_camera(10.0, (0.0, 9_900.0))).is_empty());
    assert!(town.records.is_empty());
    assert!(town.flag(20.0, "car").iter().all(|event| event.kind == Type::FlagAdded));
}
