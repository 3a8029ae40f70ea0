//! `/v1/units` and `/v1/regions`: the command tree, and who answers for which area.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use interdict_engine::{Position, Region, Unit, UnitId};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::extract::Pairs;
use super::page::Page;
use super::problem::Problem;
use super::tokens::Action;

/// Units of the command tree.
#[derive(Serialize, ToSchema)]
pub(super) struct Units {
    units: Vec<Unit>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A GeoJSON FeatureCollection (RFC 7946).
#[derive(Serialize, ToSchema)]
pub(super) struct Regions {
    #[schema(pattern = "^FeatureCollection$")]
    r#type: &'static str,
    features: Vec<Area>,
    /// Where the next page begins; `null` on the last.
    next: Option<String>,
}

/// A unit's region, a GeoJSON feature.
#[derive(Serialize, ToSchema)]
#[schema(as = RegionFeature)]
struct Area {
    #[schema(pattern = "^Feature$")]
    r#type: &'static str,
    properties: Whose,
    geometry: Shape,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RegionProperties)]
struct Whose {
    unit: UnitId,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MultiPolygon)]
struct Shape {
    #[schema(pattern = "^MultiPolygon$")]
    r#type: &'static str,
    /// Polygons of one ring each, of degrees east and north.
    coordinates: Vec<[Vec<[f64; 2]>; 1]>,
}

/// Lists the units of the command tree.
#[utoipa::path(
    get,
    path = "/units",
    tag = "units",
    params(Page),
    responses((status = 200, body = Units)),
)]
pub(super) async fn units(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Units>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let (units, next) = page.cut(state.setup.units.clone(), |unit| unit.id.to_string());
    Ok(Json(Units { units, next }))
}

/// Lists the areas that units answer for.
#[utoipa::path(
    get,
    path = "/regions",
    tag = "units",
    params(Page),
    responses((status = 200, body = Regions, content_type = "application/geo+json")),
)]
pub(super) async fn regions(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAlerts)?;
    let page = Page::asked(&pairs.only(&["after", "limit"])?)?;
    let (regions, next) = page.cut(state.setup.regions.clone(), |region| region.unit.to_string());
    let features = regions.into_iter().map(Area::of).collect();
    let kind = HeaderValue::from_static("application/geo+json");
    let regions = Regions { r#type: "FeatureCollection", features, next };
    Ok(([(header::CONTENT_TYPE, kind)], Json(regions)))
}

impl Area {
    fn of(region: Region) -> Self {
        let coordinates = region.outlines.into_iter().map(|outline| [ring(&outline)]).collect();
        Self {
            r#type: "Feature",
            properties: Whose { unit: region.unit },
            geometry: Shape { r#type: "MultiPolygon", coordinates },
        }
    }
}

/// A ring that ends where it begins (RFC 7946, 3.1.6).
fn ring(outline: &[Position]) -> Vec<[f64; 2]> {
    let mut ring: Vec<[f64; 2]> =
        outline.iter().map(|corner| [corner.longitude, corner.latitude]).collect();
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_ends_where_it_begins() {
        let corner = |latitude, longitude| Position { latitude, longitude };
        let open = [corner(38.0, 121.0), corner(38.0, 122.0), corner(39.0, 122.0)];
        let closed: Vec<Position> = open.into_iter().chain([open[0]]).collect();
        let expected = vec![[121.0, 38.0], [122.0, 38.0], [122.0, 39.0], [121.0, 38.0]];
        assert_eq!(ring(&open), expected);
        assert_eq!(ring(&closed), expected);
        assert!(ring(&[]).is_empty());
    }
}
