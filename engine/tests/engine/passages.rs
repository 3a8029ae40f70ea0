//! How a flagged vehicle's approach is told: one readable case each.

use crate::support::{Town, Way, at, point};
use interdict_engine::{Stage, Type};

#[test]
fn a_vehicle_that_drives_through_is_watched_raised_in_time_and_passes() {
    let mut town = Town::new(vec![point("houyan", (0.0, 10_000.0))]);
    town.flag(0.0, "car");
    // 12 km north at 60 km/h: at the checkpoint after 600 s.
    town.drive("car", 0.0, &Way::new(&[(0.0, 0.0), (0.0, 12_000.0)], 60.0, 10.0));
    assert_eq!(town.alerts(), ["watch houyan", "raised houyan", "passed houyan"]);
    let (event, _) = town.first(Type::Raised, "houyan");
    let left_s = at(600.0).seconds_since(event.time);
    assert!((240.0..330.0).contains(&left_s), "{left_s} s before");
    let (_, passed) = town.first(Type::Passed, "houyan");
    assert!(passed.eta_at.seconds_since(at(600.0)).abs() < 2.0);
    assert_eq!(passed.stage, Stage::Arrived);
}
