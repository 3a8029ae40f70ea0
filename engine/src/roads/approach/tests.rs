//! Drives through a made town.

use super::*;
use crate::roads::testing::{checkpoint, drive, fix, roads, time};

/// The state after a drive, and what was passed on the way.
pub(super) fn follow(roads: &Roads, fixes: &[Fix]) -> (RoadApproach, Vec<Passage>) {
    let (mut approach, mut passages) = (RoadApproach::default(), Vec::new());
    for fix in fixes {
        approach.observe(roads, fix.fix_time, fix);
        passages.extend_from_slice(approach.passages());
    }
    (approach, passages)
}

pub(super) fn outlook(approach: &RoadApproach, roads: &Roads, name: &str) -> Outlook {
    let all = approach.outlooks(roads, 3_600.0, 0.0);
    let found = all.iter().find(|outlook| outlook.checkpoint.to_string() == name);
    found.cloned().unwrap_or_else(|| panic!("{name} is not in {all:?}"))
}

#[test]
fn who_heads_for_the_bridge_is_expected_there() {
    let roads = roads(&[("west bridge", 4.0, 10.5), ("east bridge", 16.0, 10.5)]);
    // Up column 4 towards the west bridge, which only who crosses the river would do.
    let fixes = drive(&[(4.0, 0.0), (4.0, 7.0)], 40.0, 10.0);
    let (first, _) = follow(&roads, &fixes[..2]);
    let (approach, passages) = follow(&roads, &fixes);
    assert!(passages.is_empty(), "{passages:?}");
    let (west, east) =
        (outlook(&approach, &roads, "west bridge"), outlook(&approach, &roads, "east bridge"));
    let before = outlook(&first, &roads, "west bridge");
    assert!(west.probability > 0.5, "{west:?}");
    assert!(west.probability > before.probability, "{before:?} then {west:?}");
    assert!(east.probability < west.probability / 1.5, "{east:?}");
    // The last fix is within 111 m of the end of the drive, 700 m before the bridge's middle.
    let route = approach.route(&roads, &west.checkpoint).unwrap();
    assert!((700.0..830.0).contains(&route.distance_m), "{route:?}");
    assert_eq!(route.names, ["column 4"]);
    assert!(west.eta_early_s < west.eta_s && west.eta_s < west.eta_late_s);
    let at_forty_s = route.distance_m / (40.0 / 3.6);
    assert!((west.eta_s / at_forty_s - 1.0).abs() < 0.35, "{at_forty_s} s, {west:?}");
}

#[test]
fn who_turns_away_is_expected_no_longer() {
    let roads = roads(&[("west bridge", 4.0, 10.5)]);
    let towards = drive(&[(4.0, 0.0), (4.0, 8.0)], 40.0, 10.0);
    let away = drive(&[(4.0, 0.0), (4.0, 8.0), (10.0, 8.0), (10.0, 3.0)], 40.0, 10.0);
    let near = outlook(&follow(&roads, &towards).0, &roads, "west bridge");
    let far = outlook(&follow(&roads, &away).0, &roads, "west bridge");
    assert!(near.probability > 5.0 * far.probability, "{near:?} then {far:?}");
}

#[test]
fn a_passage_between_two_fixes_is_found_with_its_time() {
    let roads = roads(&[("west bridge", 4.0, 10.5), ("row 8", 8.5, 8.0)]);
    for every_s in [5.0, 20.0, 60.0] {
        let fixes = drive(&[(8.0, 8.0), (4.0, 8.0), (4.0, 14.0)], 40.0, every_s);
        let (_, passages) = follow(&roads, &fixes);
        assert_eq!(passages.len(), 1, "every {every_s} s: {passages:?}");
        assert_eq!(passages[0].checkpoint.to_string(), "west bridge");
        // 800 m west and 500 m north.
        let expected_s = 1_300.0 / (40.0 / 3.6);
        let error_s = passages[0].time.seconds_since(time(expected_s));
        assert!(error_s.abs() < 6.0, "every {every_s} s: {error_s} s off");
    }
}

#[test]
fn an_outlier_changes_nothing() {
    let roads = roads(&[("west bridge", 4.0, 10.5)]);
    let mut fixes = drive(&[(4.0, 0.0), (4.0, 8.0)], 40.0, 10.0);
    let clean = outlook(&follow(&roads, &fixes).0, &roads, "west bridge");
    let at = fixes.len() / 2;
    let outlier = fix(fixes[at].fix_time.seconds_since(time(0.0)), 7.5, 2.5);
    fixes[at] = outlier;
    let disturbed = outlook(&follow(&roads, &fixes).0, &roads, "west bridge");
    assert!((clean.probability - disturbed.probability).abs() < 0.1, "{clean:?} {disturbed:?}");
    assert!((clean.eta_s - disturbed.eta_s).abs() < 10.0);
}

#[test]
fn a_long_stop_makes_the_destination_open_again() {
    let roads = roads(&[("west bridge", 4.0, 10.5)]);
    let fixes = drive(&[(4.0, 0.0), (4.0, 7.0)], 40.0, 10.0);
    let (mut approach, _) = follow(&roads, &fixes);
    let before = outlook(&approach, &roads, "west bridge");
    let last_s = fixes.last().unwrap().fix_time.seconds_since(time(0.0));
    for i in 1..=60 {
        let stands = fix(last_s + f64::from(i) * 20.0, 4.0, 6.8);
        approach.observe(&roads, stands.fix_time, &stands);
    }
    let after = outlook(&approach, &roads, "west bridge");
    assert!(after.evidence.standing_s > 1_100.0, "{after:?}");
    assert!(after.probability < before.probability * 0.75, "{before:?} then {after:?}");
}

#[test]
fn off_the_map_nothing_is_said_and_the_way_is_found_again() {
    let roads = roads(&[("west bridge", 4.0, 10.5)]);
    let (mut approach, _) = follow(&roads, &[fix(0.0, -20.0, 4.0), fix(10.0, -19.5, 4.0)]);
    assert!(!approach.is_on_road());
    assert!(approach.outlooks(&roads, 3_600.0, 0.0).is_empty());
    for mut fix in drive(&[(0.0, 8.0), (4.0, 8.0), (4.0, 9.0)], 40.0, 10.0) {
        fix.fix_time = fix.fix_time.plus_seconds(400.0);
        approach.observe(&roads, fix.fix_time, &fix);
    }
    assert!(outlook(&approach, &roads, "west bridge").probability > 0.2);
}

#[test]
fn a_silence_too_long_begins_the_way_anew() {
    let roads = roads(&[("row 8", 6.5, 8.0)]);
    let (_, passages) =
        follow(&roads, &[fix(0.0, 5.5, 8.0), fix(10.0, 6.0, 8.0), fix(1_000.0, 9.5, 8.0)]);
    assert!(passages.is_empty(), "nobody knows when: {passages:?}");
}

#[test]
fn old_fixes_and_strange_ones_do_no_harm() {
    let roads = roads(&[("west bridge", 4.0, 10.5)]);
    let fixes = drive(&[(4.0, 0.0), (4.0, 7.0)], 40.0, 10.0);
    let (mut approach, _) = follow(&roads, &fixes);
    let before = approach.clone();
    approach.observe(&roads, fixes[1].fix_time, &fixes[1]);
    assert_eq!(approach, before, "an old fix moves nothing");
    let mut strange = fix(900.0, 4.0, 7.2);
    (strange.speed_kmh, strange.course_deg) = (Some(f64::NAN), Some(f64::INFINITY));
    approach.observe(&roads, strange.fix_time, &strange);
    let pole = Fix::new(time(910.0), 90.0, 180.0).unwrap();
    approach.observe(&roads, pole.fix_time, &pole);
    assert!(outlook(&approach, &roads, "west bridge").probability.is_finite());
}

#[test]
fn what_is_known_survives_being_written_down() {
    let roads = roads(&[("west bridge", 4.0, 10.5), ("east bridge", 16.0, 10.5)]);
    let fixes = drive(&[(4.0, 0.0), (4.0, 8.0), (9.0, 8.0)], 40.0, 15.0);
    let (whole, _) = follow(&roads, &fixes);
    let (half, _) = follow(&roads, &fixes[..fixes.len() / 2]);
    let text = serde_json::to_string(&half).unwrap();
    let mut read: RoadApproach = serde_json::from_str(&text).unwrap();
    for fix in &fixes[fixes.len() / 2..] {
        read.observe(&roads, fix.fix_time, fix);
    }
    assert_eq!(read.outlooks(&roads, 3_600.0, 0.0), whole.outlooks(&roads, 3_600.0, 0.0));
}

#[test]
fn checkpoints_come_move_and_go_while_a_vehicle_drives() {
    let mut roads = roads(&[("west bridge", 4.0, 10.5)]);
    let fixes = drive(&[(4.0, 0.0), (4.0, 8.0)], 40.0, 10.0);
    let (mut approach, _) = follow(&roads, &fixes[..fixes.len() - 2]);
    assert!(roads.place(&checkpoint("post", 4.0, 9.5)));
    assert!(roads.place(&checkpoint("west bridge", 16.0, 10.5)));
    assert!(!roads.place(&checkpoint("at sea", -40.0, 10.5)));
    for fix in &fixes[fixes.len() - 2..] {
        approach.observe(&roads, fix.fix_time, fix);
    }
    let post = outlook(&approach, &roads, "post");
    assert!(post.probability > 0.3, "{post:?}");
    let route = approach.route(&roads, &"west bridge".into()).unwrap();
    assert!(route.distance_m > 2_000.0, "{route:?}");
    roads.remove(&checkpoint("post", 4.0, 9.5).id);
    let last = fixes.last().unwrap();
    let next = fix(last.fix_time.seconds_since(time(0.0)) + 10.0, 4.0, 8.5);
    approach.observe(&roads, next.fix_time, &next);
    assert_eq!(approach.outlooks(&roads, 3_600.0, 0.0).len(), 1);
}

#[test]
fn kept_tables_give_the_same_outlooks() {
    use std::sync::Arc;
    let made = roads(&[("west bridge", 4.0, 10.5), ("row 8", 8.5, 8.0)]);
    let checkpoints = [checkpoint("west bridge", 4.0, 10.5), checkpoint("row 8", 8.5, 8.0)];
    let graph = Arc::new(made.graph().clone());
    let mut read = Roads::with_zones(graph, 200, Some(&made.zone_tables()), 1);
    assert_eq!(read.zone_tables(), made.zone_tables());
    let tables = made.checkpoint_tables();
    assert!(read.place_all(&checkpoints, Some(&tables), 1).is_empty());
    assert_eq!(read.checkpoint_tables(), tables);
    let fixes = drive(&[(4.0, 0.0), (4.0, 7.0)], 40.0, 10.0);
    let outlooks = |roads: &Roads| follow(roads, &fixes).0.outlooks(roads, 3_600.0, 0.0);
    assert_eq!(outlooks(&read), outlooks(&made));
}
