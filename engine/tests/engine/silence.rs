//! Flagged vehicles that are not heard any more.

use std::sync::Arc;

use interdict_engine::roads::{self, RoadBuilder, RoadClass, Roads};
use interdict_engine::{
    CheckpointId, Data, Engine, Event, HeardReport, Input, Kind, Level, Position, RecordId, Region,
    Setup, Shape, SilenceReport, Snapshot, State, Type, Unit,
};
use interdict_protocols::{Alarm, AlarmSet};

use crate::support::{Town, Way, area, at, fix, flag, observation, place, point, said};

fn silences(events: &[Event]) -> Vec<(&Event, &SilenceReport)> {
    let reports = events.iter().filter_map(|event| match &event.data {
        Data::Silence(report) => Some((event, &**report)),
        _ => None,
    });
    reports.collect()
}

/// The checkpoints told, in order; `-` for what is told of none.
fn told(events: &[Event]) -> Vec<&str> {
    let names = silences(events).into_iter();
    names.map(|(event, _)| event.checkpoint().map_or("-", CheckpointId::as_str)).collect()
}

fn heard(events: &[Event]) -> Vec<&HeardReport> {
    let reports = events.iter().filter_map(|event| match &event.data {
        Data::Heard(report) => Some(&**report),
        _ => None,
    });
    reports.collect()
}

/// North at 60 km/h, a fix every `every_s` seconds.
fn north(until_m: f64, every_s: f64) -> Way {
    Way::new(&[(0.0, 0.0), (0.0, until_m)], 60.0, every_s)
}

/// A fix at rest.
fn parked(seconds: f64) -> Input {
    let mut here = fix(seconds, (0.0, 2_000.0));
    here.speed_kmh = Some(0.0);
    observation("car", here)
}

fn report(alarms: AlarmSet) -> Input {
    Input::Report {
        device: "d-car".into(),
        vehicle: "car".into(),
        time: None,
        alarms,
        alarm_states: AlarmSet::EMPTY,
    }
}

#[test]
fn a_silence_is_told_once_a_checkpoint_with_a_window_and_ended_by_the_next_fix() {
    let mut town =
        Town::new(vec![point("north", (0.0, 10_000.0)), point("south", (0.0, -9_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    assert!(silences(&town.wait(last + 179.0)).is_empty());
    let events = town.wait(last + 180.0);
    assert_eq!(told(&events), ["north", "south"]);
    let (event, report) = silences(&events)[0];
    assert_eq!((event.kind, event.time), (Type::Silent, at(last + 180.0)));
    assert_eq!(event.unit().unwrap().as_str(), "station");
    assert_eq!((report.silent_s, report.fix_age_s), (180.0, 180.0));
    assert_eq!((report.vehicle.id.as_str(), report.flag.case.as_str()), ("car", "case 7"));
    // 6 km at 60 km/h are six minutes.
    let (earliest_at, latest_at) = (report.earliest_at.unwrap(), report.latest_at.unwrap());
    assert!(earliest_at > at(last + 180.0) && earliest_at < at(last + 360.0), "{earliest_at}");
    assert!(latest_at > at(last + 480.0) && latest_at < at(last + 1_200.0), "{latest_at}");
    assert!(!report.may_be_aboard_ferry && report.signs.is_empty());
    let why = &report.why;
    assert_eq!(why.code, "silent");
    assert!(why.text.starts_with("Not heard for 3 min (usually every 10 s); can be at north in "));
    assert_eq!(why.figures["usual_s"], 10.0);
    // Whoever drives away comes back later than whoever is on his way.
    let (_, south) = silences(&events)[1];
    assert!(south.latest_at.unwrap() > latest_at);

    // Whoever asks hears the same, and later what has become of it; nothing is said twice for that.
    let asked = town.engine.silences(at(last + 180.0));
    assert_eq!(asked.iter().collect::<Vec<_>>(), [report, south]);
    let later = &town.engine.silences(at(last + 300.0))[0];
    assert_eq!((later.silent_s, later.fix.fix_time), (300.0, report.fix.fix_time));

    assert!(silences(&town.wait(last + 3_000.0)).is_empty());
    let again = last + 3_600.0;
    let events = town.tell(again, observation("car", fix(again, (0.0, 7_000.0))));
    let report = heard(&events)[0];
    assert_eq!((report.silent_s, report.fix_age_s), (3_600.0, 0.0));
    assert!(town.engine.silences(at(again)).is_empty());
    let names: Vec<&str> = report.checkpoints.iter().map(|place| place.id.as_str()).collect();
    assert_eq!(names, ["north", "south"]);
    assert!(report.why.text.starts_with("Heard again after 60 min, 3."), "{}", report.why.text);
    let events = town.tell(again + 10.0, observation("car", fix(again + 10.0, (0.0, 7_100.0))));
    assert!(heard(&events).is_empty());
    // And silent again.
    assert_eq!(told(&town.wait(again + 900.0)), ["north", "south"]);
}

#[test]
fn the_tracker_s_own_rhythm_decides() {
    for (every_s, after_s) in [(5.0, 180.0), (60.0, 240.0), (120.0, 480.0)] {
        let mut town = Town::new(vec![point("north", (0.0, 30_000.0))]);
        town.flag(0.0, "car");
        let last = town.drive("car", 0.0, &north(12_000.0, every_s));
        assert!(silences(&town.wait(last + after_s - 1.0)).is_empty(), "every {every_s} s");
        assert_eq!(silences(&town.wait(last + after_s)).len(), 1, "every {every_s} s");
    }
    // Of a rhythm that nobody knows yet no more is asked than that of the slowest.
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    town.flag(5.0, "car");
    assert!(silences(&town.wait(599.0)).is_empty());
    assert_eq!(silences(&town.wait(600.0)).len(), 1);
}

#[test]
fn lost_fixes_and_late_ones_are_no_silence() {
    let mut town = Town::new(vec![point("north", (0.0, 30_000.0))]);
    town.flag(0.0, "car");
    for (number, (seconds, fix)) in north(20_000.0, 10.0).fixes(0.0).into_iter().enumerate() {
        // One in seven comes, half a minute late.
        if number % 7 == 0 || number < 10 {
            town.tell(seconds + 30.0, observation("car", fix));
        }
    }
    assert_eq!(silences(&town.events).len(), 0);
}

#[test]
fn a_sign_makes_the_wait_shorter_and_is_named() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    // Without a place, after the last fix.
    town.tell(last + 2.0, report(AlarmSet::only(Alarm::Jamming)));
    assert!(silences(&town.wait(last + 59.0)).is_empty());
    let events = town.wait(last + 60.0);
    let (event, report) = silences(&events)[0];
    assert_eq!(
        (event.time, report.signs.as_slice()),
        (at(last + 60.0), [Alarm::Jamming].as_slice())
    );
    assert_eq!(report.why.code, "silent_after_sign");
    assert!(report.why.text.contains("(usually every 10 s), jamming reported before; "));

    // With a place, and ended before the silence: no sign.
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let mut last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    for alarms in [AlarmSet::only(Alarm::PowerCut), AlarmSet::EMPTY] {
        last += 10.0;
        let mut here = fix(last, (0.0, 4_000.0 + last));
        here.speed_kmh = Some(60.0);
        (here.alarms, here.alarm_states) = (alarms, AlarmSet::only(Alarm::PowerCut));
        town.tell(last, observation("car", here));
    }
    assert!(silences(&town.wait(last + 179.0)).is_empty());
    assert_eq!(silences(&town.wait(last + 180.0))[0].1.signs, []);
}

#[test]
fn a_sign_from_before_the_flag_counts() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    let mut cut = fix(0.0, (0.0, 0.0));
    cut.alarms.insert(Alarm::PowerCut);
    town.tell(0.0, observation("car", cut));
    town.flag(200.0, "car");
    let events = town.wait(300.0);
    let (event, report) = silences(&events)[0];
    assert_eq!((event.time, report.signs.as_slice()), (at(300.0), [Alarm::PowerCut].as_slice()));
}

#[test]
fn a_parked_car_is_not_silent_every_few_minutes() {
    let mut town = Town::new(vec![point("north", (0.0, 3_000.0))]);
    town.flag(0.0, "car");
    let mut seconds = town.drive("car", 0.0, &north(2_000.0, 10.0)) + 10.0;
    town.tell(seconds, parked(seconds));
    for _ in 0..24 {
        seconds += 300.0;
        town.tell(seconds, parked(seconds));
    }
    assert_eq!(silences(&town.events).len(), 0);
    // Half an hour of sleep is told once, and then known.
    for _ in 0..8 {
        seconds += 1_800.0;
        town.tell(seconds, parked(seconds));
    }
    assert_eq!((silences(&town.events).len(), heard(&town.events).len()), (1, 1));
    let events = town.wait(seconds + 10_000.0);
    let (event, report) = silences(&events)[0];
    assert_eq!(event.time, at(seconds + 2_700.0));
    assert!(report.why.text.contains("(at rest usually every 30 min)"), "{}", report.why.text);
    // It may have stood until now.
    assert!(report.latest_at.unwrap() > event.time);
}

#[test]
fn a_report_without_a_place_counts_at_rest_and_is_mentioned_under_way() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    town.tell(0.0, parked(0.0));
    for step in 1..20 {
        town.tell(f64::from(step) * 300.0, report(AlarmSet::EMPTY));
    }
    assert!(silences(&town.events).is_empty());
    let events = town.wait(5_700.0 + 900.0);
    assert_eq!(silences(&events)[0].1.silent_s, 900.0);
    // Where it stands it is heard again without a new place.
    let events = town.tell(7_000.0, report(AlarmSet::EMPTY));
    assert_eq!(heard(&events)[0].fix_age_s, 7_000.0);

    let last = town.drive("car", 8_000.0, &north(4_000.0, 10.0));
    for step in 1..20_u32 {
        let seconds = last + f64::from(step) * 10.0;
        let mut blind = fix(seconds, (0.0, 0.0));
        blind.valid = false;
        let input = if step % 2 == 0 { report(AlarmSet::EMPTY) } else { observation("car", blind) };
        town.tell(seconds, input);
    }
    let silences = silences(&town.events);
    let (event, report) = silences.last().unwrap();
    assert_eq!((event.time, report.why.code.as_str()), (at(last + 180.0), "no_place"));
    assert!(report.why.text.starts_with("No place for 3 min, though its tracker speaks"));
}

#[test]
fn in_a_port_it_may_be_aboard_a_ferry() {
    let mut port = area("port", (0.0, 4_000.0), 500.0);
    port.kind = Kind::Port;
    let mut town = Town::new(vec![port, point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    let events = town.wait(last + 180.0);
    assert_eq!(told(&events), ["port", "north"]);
    let [(_, there), (_, elsewhere)] = silences(&events)[..] else { panic!("{events:?}") };
    assert!(there.may_be_aboard_ferry && elsewhere.may_be_aboard_ferry);
    assert_eq!((there.earliest_at, there.latest_at), (Some(at(last)), Some(at(last))));
    let text = &there.why.text;
    assert!(
        text.ends_with("; was in port when it was heard last; may be aboard a ferry"),
        "{text}"
    );
    let text = &elsewhere.why.text;
    assert!(text.ends_with("; may be aboard a ferry: it was last heard at port"), "{text}");
}

#[test]
fn where_no_checkpoint_is_near_it_is_told_once_and_the_far_ones_when_their_time_comes() {
    let Shape::Polygon(outline) = area("", (0.0, 0.0), 9_000.0).shape else { unreachable!() };
    let unit = Unit {
        id: "district".into(),
        name: "District".to_owned(),
        name_zh: None,
        level: Level::District,
        parent: None,
        zone: None,
    };
    let mut closed = point("closed", (0.0, 5_000.0));
    closed.state = State::Closed;
    let setup = Setup {
        units: vec![unit.clone()],
        regions: vec![Region { unit: unit.id, outlines: vec![outline] }],
        checkpoints: vec![closed, point("far", (0.0, 44_000.0)), point("other", (0.0, 400_000.0))],
        ..Setup::default()
    };
    let mut town = Town::with(setup);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    let events = town.wait(last + 300.0);
    assert_eq!(told(&events), ["-"]);
    let (event, report) = silences(&events)[0];
    assert_eq!(event.unit().unwrap().as_str(), "district");
    assert_eq!((report.earliest_at, report.latest_at), (None, None));
    assert!(report.why.text.ends_with("; no checkpoint is within its reach yet"));
    // 40 km at 90 km/h: 27 minutes, of which the last 20 are the time to set up.
    let events = town.wait(last + 9_000.0);
    assert_eq!(told(&events), ["far"]);
    let earliest_at = silences(&events)[0].1.earliest_at.unwrap();
    assert_eq!(events[0].time, earliest_at.plus_seconds(-1_200.0));

    let events = town.tell(20_000.0, observation("car", fix(20_000.0, (0.0, 20_000.0))));
    let (checkpoints, units) = events[0].told_before();
    assert_eq!(checkpoints, [&CheckpointId::from("far")]);
    let units: Vec<&str> = units.into_iter().map(|unit| unit.as_str()).collect();
    assert_eq!(units, ["station", "district"]);
    assert_eq!(events[0].unit(), None, "it has left the district");
}

#[test]
fn who_is_flagged_when_long_silent_is_told_as_that_at_once() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.tell(0.0, observation("car", fix(0.0, (0.0, 0.0))));
    let events = town.flag(20_000.0, "car");
    assert_eq!(told(&events), ["-"]);
    assert_eq!(silences(&events)[0].1.silent_s, 20_000.0);
    // Of one that was never heard there is nothing to tell.
    let events = town.flag(20_000.0, "other");
    assert!(silences(&events).is_empty() && silences(&town.wait(99_000.0)).is_empty());
}

#[test]
fn the_end_of_the_flag_ends_a_silence_quietly() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.tell(0.0, Input::Flag(flag("f", "car", 0.0, 1_000.0)));
    town.drive("car", 0.0, &north(4_000.0, 10.0));
    town.wait(2_000.0);
    assert_eq!(told(&town.events), ["north"]);
    town.tell(2_000.0, observation("car", fix(2_000.0, (0.0, 4_000.0))));
    assert_eq!(heard(&town.events).len(), 0);
    // Flagged anew while silent: told anew.
    town.events.clear();
    assert_eq!(told(&town.flag(3_000.0, "car")), ["north"]);
}

#[test]
fn a_silence_neither_raises_nor_withdraws_an_alert() {
    let mut town =
        Town::new(vec![point("near", (0.0, 7_000.0)), point("side", (6_000.0, 4_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    assert_eq!(town.alerts(), ["watch near", "raised near"]);
    let events = town.wait(last + 4_000.0);
    assert_eq!(told(&events), ["near", "side"]);
    assert!(said(&events).is_empty(), "{events:?}");
    assert_eq!(town.engine.alerts(at(last + 4_000.0)).len(), 1);
}

#[test]
fn a_checkpoint_set_up_during_a_silence_is_told_of_it_once() {
    let mut town = Town::new(vec![point("north", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    town.wait(last + 200.0);
    let new = || Input::Checkpoint(point("new", (3_000.0, 4_000.0)));
    assert_eq!(told(&town.tell(last + 210.0, new())), ["new"]);
    assert_eq!(told(&town.tell(last + 220.0, new())), Vec::<&str>::new());
    town.tell(last + 230.0, Input::RemoveCheckpoint("new".into()));
    assert_eq!(told(&town.tell(last + 240.0, new())), ["new"]);
}

#[test]
fn a_snapshot_of_before_silences_were_told_can_still_be_read() {
    let setup = || Setup { checkpoints: vec![point("north", (0.0, 10_000.0))], ..Setup::default() };
    let mut town = Town::with(setup());
    town.flag(0.0, "car");
    let last = town.drive("car", 0.0, &north(4_000.0, 10.0));
    let mut json = serde_json::to_value(town.engine.snapshot()).unwrap();
    assert!(json["watched"][0].as_object_mut().unwrap().remove("silence").is_some());
    let old: Snapshot = serde_json::from_value(json).unwrap();
    let mut engine = Engine::restore(setup(), vec![old], |_| true);
    let mut events = Vec::new();
    for step in 1..=4_u32 {
        let seconds = last + f64::from(step) * 10.0;
        let here = fix(seconds, (0.0, 4_000.0 + f64::from(step) * 166.7));
        let mut prepared = engine.prepare(at(seconds), observation("car", here));
        prepared.record.id = RecordId(1_000 + u64::from(step));
        engine.apply(&prepared.record, &mut events);
    }
    engine.advance(at(last + 40.0 + 900.0), &mut events);
    assert_eq!(told(&events), ["north"]);
}

/// A road north and one across at its ends, a ferry from the northern crossing, and the checkpoint.
fn quay() -> Setup {
    let mut builder = RoadBuilder::new();
    let places = [(0.0, 0.0), (0.0, 4_000.0), (3_000.0, 4_000.0), (3_000.0, 0.0), (0.0, 30_000.0)];
    for (number, at) in (0..).zip(places) {
        let Position { latitude, longitude } = place(at);
        builder.place(number, latitude, longitude);
    }
    builder.way(roads::Way {
        id: 1,
        points: vec![0, 1, 2, 3, 0],
        class: RoadClass::Primary,
        speed_kmh: [60, 60],
        name: "Ring".to_owned(),
        accuracy_m: 0,
    });
    builder.ferry(vec![1, 4], "Yantai ferry".to_owned());
    let (graph, _) = builder.build().unwrap();
    let roads = Some(Arc::new(Roads::with_zones(Arc::new(graph), 20, None, 1)));
    Setup { checkpoints: vec![point("east", (3_000.0, 2_000.0))], roads, ..Setup::default() }
}

#[test]
fn by_road_the_window_follows_the_road_and_at_a_quay_it_may_be_aboard_a_ferry() {
    for (until_m, aboard) in [(4_000.0, true), (2_000.0, false)] {
        let mut town = Town::with(quay());
        town.flag(0.0, "car");
        let last = town.drive("car", 0.0, &north(until_m, 10.0));
        let events = town.wait(last + 180.0);
        let (_, report) = silences(&events)[0];
        // 5 or 7 km by the ring at 60 km/h; as the crow flies it is 3.6 or 3.
        let drive_s = report.why.figures["drive_s"];
        let expected_s = (9_000.0 - until_m) / (60.0 / 3.6);
        assert!((drive_s - expected_s).abs() < 30.0, "{drive_s} {expected_s}");
        let arrives_at = at(last + expected_s);
        assert!(report.earliest_at.unwrap() < arrives_at && arrives_at < report.latest_at.unwrap());
        assert_eq!(report.may_be_aboard_ferry, aboard);
        let text = &report.why.text;
        let said = text.ends_with("; may be aboard a ferry: it was last heard at Yantai ferry");
        assert_eq!(said, aboard, "{text}");
    }
}
