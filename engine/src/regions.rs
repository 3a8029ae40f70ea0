//! [`Regions`]: which unit answers for a place.

use crate::geo::contains;
use crate::{Level, Position, Setup, UnitId};

/// Regions, those of stations first, then of districts, then of the city; of one level the smaller
/// first, so that the most particular unit is found first.
#[derive(Default)]
pub(crate) struct Regions {
    areas: Vec<Area>,
}

struct Area {
    unit: UnitId,
    outline: Vec<Position>,
    south_west: Position,
    north_east: Position,
}

impl Regions {
    pub(crate) fn new(setup: &Setup) -> Self {
        let level = |unit: &UnitId| {
            setup
                .units
                .iter()
                .find(|known| known.id == *unit)
                .map_or(Level::City, |unit| unit.level)
        };
        let mut areas: Vec<(Level, Area)> = setup
            .regions
            .iter()
            .flat_map(|region| {
                let level = level(&region.unit);
                region.outlines.iter().filter_map(move |outline| {
                    Some((level, Area::new(region.unit.clone(), outline)?))
                })
            })
            .collect();
        areas.sort_by(|(one_level, one), (other_level, other)| {
            one_level.cmp(other_level).then(one.bounds_deg2().total_cmp(&other.bounds_deg2()))
        });
        Self { areas: areas.into_iter().map(|(_, area)| area).collect() }
    }

    pub(crate) fn unit_of(&self, position: Position) -> Option<&UnitId> {
        self.areas.iter().find(|area| area.contains(position)).map(|area| &area.unit)
    }
}

impl Area {
    fn new(unit: UnitId, outline: &[Position]) -> Option<Self> {
        let first = *outline.first()?;
        let (mut south_west, mut north_east) = (first, first);
        for position in outline {
            south_west.latitude = south_west.latitude.min(position.latitude);
            south_west.longitude = south_west.longitude.min(position.longitude);
            north_east.latitude = north_east.latitude.max(position.latitude);
            north_east.longitude = north_east.longitude.max(position.longitude);
        }
        Some(Self { unit, outline: outline.to_vec(), south_west, north_east })
    }

    fn contains(&self, position: Position) -> bool {
        (self.south_west.latitude..=self.north_east.latitude).contains(&position.latitude)
            && (self.south_west.longitude..=self.north_east.longitude).contains(&position.longitude)
            && contains(&self.outline, position)
    }

    fn bounds_deg2(&self) -> f64 {
        (self.north_east.latitude - self.south_west.latitude)
            * (self.north_east.longitude - self.south_west.longitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Region, Unit};

    fn square(half_deg: f64) -> Vec<Position> {
        [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)]
            .map(|(north, east)| Position {
                latitude: 39.0 + north * half_deg,
                longitude: 121.0 + east * half_deg,
            })
            .to_vec()
    }

    #[test]
    fn the_most_particular_unit_answers() {
        let unit = |id: &str, level| Unit {
            id: UnitId::from(id),
            name: id.to_owned(),
            name_zh: None,
            level,
            parent: None,
            zone: None,
        };
        let region = |id: &str, half_deg| Region {
            unit: UnitId::from(id),
            outlines: vec![square(half_deg)],
        };
        let setup = Setup {
            units: vec![unit("city", Level::City), unit("station", Level::Station)],
            regions: vec![region("city", 0.3), region("unknown", 1.0), region("station", 0.5)],
            ..Setup::default()
        };
        let regions = Regions::new(&setup);
        let unit_at = |latitude| {
            let position = Position { latitude, longitude: 121.0 };
            regions.unit_of(position).map(UnitId::as_str)
        };
        assert_eq!(unit_at(39.0), Some("station"));
        assert_eq!(unit_at(39.7), Some("unknown"));
        assert_eq!(unit_at(41.0), None);
    }
}
