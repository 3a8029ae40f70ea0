//! Drives through a town of which only the main roads are drawn, and those by hand.

use super::tests::{follow, outlook};
use super::*;
use crate::roads::testing::{drive, sketch, time, with_checkpoints};

/// The distance of the streets that [`drive`] counts in, metres.
const BLOCK_M: f64 = 200.0;

fn roads(accuracy_m: u16) -> Roads {
    with_checkpoints(sketch(accuracy_m), &[("north", 10.0, 15.0), ("east", 15.0, 10.0)])
}

/// The fixes at which the roads are what a vehicle is judged by.
fn on_road(roads: &Roads, fixes: &[Fix]) -> usize {
    let mut approach = RoadApproach::default();
    let known = |fix: &&Fix| {
        approach.observe(roads, fix.fix_time, fix);
        approach.on_road_at(roads) == Some(fix.fix_time)
    };
    fixes.iter().filter(known).count()
}

#[test]
fn beside_the_road_as_drawn_a_vehicle_is_followed_and_passes_with_its_time() {
    let drawn = roads(250);
    // North along column 10, whose road really lies 200 m to the east.
    let mut fixes = drive(&[(11.0, 2.0), (11.0, 18.0)], 50.0, 10.0);
    for states_a_course in [true, false] {
        if !states_a_course {
            fixes.iter_mut().for_each(|fix| (fix.speed_kmh, fix.course_deg) = (None, None));
        }
        assert_eq!(on_road(&drawn, &fixes), fixes.len());
        let (near, _) = follow(&drawn, &fixes[..12]);
        let ahead = outlook(&near, &drawn, "north");
        assert!(ahead.probability > 0.3, "{ahead:?}");
        let route = near.route(&drawn, &"north".into()).expect("a way");
        assert_eq!(route.names, ["column 10"]);
        let (_, passages) = follow(&drawn, &fixes);
        assert_eq!(passages.len(), 1, "{passages:?}");
        let error_s = passages[0].time.seconds_since(time(13.0 * BLOCK_M / (50.0 / 3.6)));
        assert!(error_s.abs() < 6.0, "{error_s} s off");
    }
    assert_eq!(on_road(&roads(0), &fixes), 0, "a map that is exact has no road there");
}

#[test]
fn what_is_further_off_than_the_map_is_on_no_road() {
    let drawn = roads(250);
    let beyond = drive(&[(11.4, 2.0), (11.4, 18.0)], 50.0, 10.0);
    // Within reach of no road but where it crosses row 10, at right angles.
    assert_eq!(on_road(&drawn, &beyond), 0);
    // In the fields, 3 km from the nearest.
    let fields = drive(&[(-15.0, 2.0), (-15.0, 18.0)], 50.0, 10.0);
    let (approach, passages) = follow(&drawn, &fields);
    assert!(!approach.is_on_road() && passages.is_empty(), "{passages:?}");
}

#[test]
fn who_turns_off_into_a_street_that_is_not_drawn_is_off_the_roads() {
    let drawn = roads(250);
    let fixes = drive(&[(10.2, 2.0), (10.2, 5.0), (4.0, 5.0)], 50.0, 10.0);
    let (approach, _) = follow(&drawn, &fixes);
    assert!(!approach.is_on_road());
    let along = on_road(&drawn, &fixes);
    assert!((4..=6).contains(&along), "{along} of {}", fixes.len());
}

#[test]
fn a_corner_that_is_drawn_elsewhere_is_no_end_of_the_way() {
    let drawn = roads(250);
    // The crossing really lies 200 m west and south of where it is drawn, then 200 m beyond.
    for corner in [9.0, 11.0] {
        let fixes = drive(&[(corner, 2.0), (corner, corner), (18.0, corner)], 50.0, 10.0);
        assert_eq!(on_road(&drawn, &fixes), fixes.len(), "{corner}");
        let (_, passages) = follow(&drawn, &fixes);
        let passed: Vec<_> = passages.iter().map(|passage| passage.checkpoint.as_str()).collect();
        assert_eq!(passed, ["east"], "{corner}");
    }
}

#[test]
fn the_first_fix_already_tells_the_direction() {
    let drawn = roads(250);
    let on_column_10 = drive(&[(10.0, 12.0), (10.0, 18.0)], 50.0, 10.0);
    let likely = |course_deg: Option<f64>| {
        let first = Fix { course_deg, ..on_column_10[0] };
        outlook(&follow(&drawn, &[first]).0, &drawn, "north").probability
    };
    let (towards, unknown, away) = (likely(Some(0.0)), likely(None), likely(Some(180.0)));
    assert!(towards > 2.0 * unknown, "{towards} {unknown} {away}");
    assert!(unknown > 2.0 * away, "{towards} {unknown} {away}");
}

#[test]
fn who_drives_away_from_a_junction_is_expected_less_and_less() {
    let drawn = roads(250);
    let fixes = drive(&[(10.0, 2.0), (10.0, 10.0), (0.0, 10.0)], 50.0, 10.0);
    let mut approach = RoadApproach::default();
    let mut likely = Vec::new();
    for fix in &fixes {
        approach.observe(&drawn, fix.fix_time, fix);
        let north = outlook(&approach, &drawn, "north");
        likely.push((north.probability, north.eta_s));
    }
    let junction = (8.0 * BLOCK_M / (50.0 / 3.6) / 10.0) as usize;
    let [(before, _), .., (away, back_s)] = likely[junction..junction + 6] else { panic!() };
    assert!(before > 0.2 && away < before / 10.0, "{likely:?}");
    // Turning round somewhere, not only where the next road that is drawn comes in.
    let seconds = 50.0 + 5.0 * BLOCK_M / (60.0 / 3.6);
    assert!(f64::from(back_s) < 2.5 * seconds, "{likely:?}");
}

#[test]
fn streets_that_are_not_drawn_cost_time_on_those_that_are() {
    let seconds = |accuracy_m| sketch(accuracy_m).time_s(0);
    // Two kilometres of main road: five junctions.
    let lost_s = seconds(250) - seconds(0);
    assert!((lost_s - 15.0).abs() < 0.1, "{lost_s}");
}
