//! How good alerts are in a made city, so that it cannot get worse unseen. `cargo bench --bench
//! quality` prints the whole table.

#[path = "quality/city.rs"]
mod city;
#[path = "quality/measured.rs"]
mod measured;

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
