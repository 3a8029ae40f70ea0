//! Prints how good alerts are: recall, precision beside that of circles at the same recall, lead,
//! error of the ETA, Brier score; in made cities, and in those of ../shared/quality where they are.

#[path = "../tests/quality/city.rs"]
mod city;
#[path = "../tests/quality/measured.rs"]
mod measured;

use std::path::Path;

use city::{City, Made, circle_precision};
use measured::Case;

const THRESHOLDS: [(f64, &[f64]); 2] = [(240.0, &[0.1, 0.15, 0.2, 0.25]), (600.0, &[0.04, 0.06])];

fn main() {
    println!(
        "city           lead  raise-at  recall  precision  × circles  lead p10/p50/p90  ETA off  Brier"
    );
    for (seed, own_view) in [(1, 0.1), (2, 0.2), (3, 0.2), (4, 0.3), (5, 0.4)] {
        let made = Made { seed, side: 60, drives: 300, checkpoints: 12, own_view };
        let folder = tempfile::tempdir().expect("a folder");
        let city = City::make(&made, folder.path());
        let case = Case { folder: folder.path(), roads: "roads.geojson", tracks: "tracks.csv" };
        table(&format!("made {seed}, {own_view}"), &case, Some(&city));
    }
    let quality = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/quality");
    for (name, roads) in [("porto-alegre", "roads.osm.pbf"), ("campo-grande", "roads.osm.gz")] {
        let folder = quality.join(name);
        if folder.is_dir() {
            table(name, &Case { folder: &folder, roads, tracks: "tracks.csv.gz" }, None);
        } else {
            println!("{name}: SKIPPED, {} is not there", folder.display());
        }
    }
}

/// One row for each threshold; without a city of ours the circles are not counted.
fn table(name: &str, case: &Case<'_>, city: Option<&City>) {
    for (lead_s, thresholds) in THRESHOLDS {
        let circles = city.map(|city| city.circles(lead_s));
        for raise_at in thresholds {
            let found = case.measure(lead_s, *raise_at);
            let times = circles.as_ref().map_or_else(
                || "-".to_owned(),
                |circles| {
                    format!("{:.2}", found.precision / circle_precision(circles, found.recall))
                },
            );
            let [p10, p50, p90] = found.lead_s;
            println!(
                "{name:<14} {lead_s:>3} s  {raise_at:>8}  {:>6.3}  {:>9.3}  {times:>9}  {:>16}  {:>7.2}  {:.3}",
                found.recall,
                found.precision,
                format!("{p10:.0}/{p50:.0}/{p90:.0} s"),
                found.eta_error,
                found.brier
            );
        }
    }
}
