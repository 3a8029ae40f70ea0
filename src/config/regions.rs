//! Regions: who answers for which area, from GeoJSON.

use std::collections::BTreeSet;

use interdict_engine::{Position, Region, UnitId};

use super::features::{self, Geometry};
use super::problem::Report;

/// Reads regions, whose units must be among `units` where those are given.
pub(super) fn read(
    file: &str,
    text: &str,
    units: Option<&BTreeSet<UnitId>>,
    report: &mut Report,
) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for feature in features::read(file, text, report) {
        let Some(unit) = feature.text("unit", report).map(UnitId::from) else {
            feature.problem(report, "has no unit");
            continue;
        };
        if units.is_some_and(|units| !units.contains(&unit)) {
            let what = format!("there is no unit {:?} in the command tree", unit.as_str());
            feature.problem(report, &what);
        }
        let outlines: Vec<Vec<Position>> = match feature.geometry(report) {
            Some(Geometry::Polygons(polygons)) => {
                if polygons.iter().any(|rings| rings.len() > 1) {
                    feature.warning(report, "holes in a polygon are not regarded");
                }
                polygons.into_iter().filter_map(|rings| rings.into_iter().next()).collect()
            }
            Some(_) => {
                feature.problem(report, "a region is a Polygon or a MultiPolygon");
                continue;
            }
            None => continue,
        };
        match regions.iter_mut().find(|region| region.unit == unit) {
            Some(region) => region.outlines.extend(outlines),
            None => regions.push(Region { unit, outlines }),
        }
    }
    regions
}
