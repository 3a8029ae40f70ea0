//! How good alerts are in a made city, so that it cannot get worse unseen. `cargo bench --bench
//! quality` prints the whole table.

#[path = "quality/city.rs"]
mod city;
#[path = "quality/measured.rs"]
mod measured;
#[path = "quality/silences.rs"]
mod silences;

use std::path::Path;

use city::{City, Made, circle_precision};
use measured::Case;

#[test]
fn roads_warn_in_time_and_far_less_in_vain_than_circles() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made { seed: 2, side: 48, drives: 200, checkpoints: 12, own_view: 0.2 };
    let city = City::make(&made, folder.path());
    let case = Case { folder: folder.path(), roads: "roads.geojson", tracks: "tracks.csv" };
    let measured = case.measure(240.0, 0.15);
    let circles = circle_precision(&city.circles(240.0), measured.recall);
    let figures = format!("{measured:?}, circles {circles:.3}");
    eprintln!("{figures}");
    assert!(measured.recall >= 0.75, "{figures}");
    assert!(measured.precision >= 2.3 * circles, "{figures}");
    assert!(measured.eta_error <= 0.25, "{figures}");
    assert!(measured.brier <= 0.2, "{figures}");
    assert!(measured.lead_s[2] >= 240.0, "{figures}");
}

/// Nineteen of twenty vehicles that are not heard any more come when it was said that they can, and
/// that is not said of any time.
fn check_silences(name: &str, case: &Case<'_>, cuts: u32) {
    for by_road in [true, false] {
        let silences = silences::measure(case, by_road, cuts);
        let how = if by_road { "by road" } else { "by geometry" };
        let figures = format!("{name}, {how}: {silences:?}");
        eprintln!("{figures}");
        assert!(silences.passages >= 150, "{figures}");
        assert!(silences.within >= 0.95, "{figures}");
        assert!(silences.width_min <= 25.0, "{figures}");
        assert!(silences.width_of_all_min <= 50.0, "{figures}");
    }
}

#[test]
fn silent_vehicles_arrive_within_their_windows() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made { seed: 2, side: 48, drives: 200, checkpoints: 12, own_view: 0.2 };
    City::make(&made, folder.path());
    let case = Case { folder: folder.path(), roads: "roads.geojson", tracks: "tracks.csv" };
    check_silences("made city", &case, 2);
}

#[test]
fn silent_vehicles_arrive_within_their_windows_in_cities_of_others() {
    let quality = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/quality");
    for (name, roads) in [("porto-alegre", "roads.osm.pbf"), ("campo-grande", "roads.osm.gz")] {
        let folder = quality.join(name);
        if !folder.is_dir() {
            eprintln!("SKIPPED: {} is not there", folder.display());
            continue;
        }
        check_silences(name, &Case { folder: &folder, roads, tracks: "tracks.csv.gz" }, 2);
    }
}
