//! `/v1/roads`: the roads that the engine knows, for a map.

use std::collections::BTreeMap;
use std::io::Write as _;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use interdict_engine::roads::{RoadClass, RoadGraph};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::extract::{Pairs, takes_gzip};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};

/// The points of one answer at the most: some megabytes, and what a tablet draws at ease.
const MOST_POINTS: usize = 200_000;
/// Degrees of longitude that a screen's pixel is wide at zoom 0 (tiles of 512 pixels).
const PIXEL_DEG: f64 = 360.0 / 512.0;
const DEEPEST_ZOOM: u64 = 24;

/// Degrees west, south, east, north.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window([f64; 4]);

/// A GeoJSON FeatureCollection (RFC 7946).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoadCollection)]
pub(super) struct Collection<'a> {
    #[schema(pattern = "^FeatureCollection$")]
    r#type: &'static str,
    features: Vec<Feature<'a>>,
    /// Whether less important roads were left out for their number.
    truncated: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoadFeature)]
struct Feature<'a> {
    #[schema(pattern = "^Feature$")]
    r#type: &'static str,
    properties: Properties<'a>,
    geometry: Lines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = RoadProperties)]
struct Properties<'a> {
    class: RoadClass,
    name: &'a str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoadLines)]
struct Lines {
    #[schema(pattern = "^MultiLineString$")]
    r#type: &'static str,
    /// Degrees east and north.
    coordinates: Vec<Vec<[f64; 2]>>,
}

/// Draws the roads that the engine knows.
///
/// Without roads the answer is empty.
#[utoipa::path(
    get,
    path = "/roads",
    tag = "roads",
    params(
        (
            "bbox" = Option<String>, Query,
            description = "Only what meets that window: degrees west,south,east,north.",
            pattern = r"^(-?[0-9]+(\.[0-9]+)?,){3}-?[0-9]+(\.[0-9]+)?$",
        ),
        (
            "zoom" = Option<u64>, Query,
            description = "Leaves out what is too small to be seen at that zoom of tiles with 512 pixels.",
        ),
    ),
    responses((status = 200, body = Collection<'_>, content_type = "application/geo+json")),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["bbox", "zoom"])?;
    let window = pairs.get("bbox").map(Window::parse).transpose()?;
    let zoom = pairs.number("zoom")?.map_or(DEEPEST_ZOOM, |zoom| zoom.min(DEEPEST_ZOOM));
    let graph = state.shards.ask_any(|engine| engine.roads().map(|roads| roads.shared().0));
    let graph = graph.await?;
    let gzip = takes_gzip(&headers);
    let body = blocking(move || -> Result<Vec<u8>, Problem> {
        let empty = RoadGraph::default();
        let graph = graph.as_deref().unwrap_or(&empty);
        let written = serde_json::to_vec(&collect(graph, window, zoom)).unwrap_or_default();
        Ok(if gzip { packed(&written).unwrap_or_default() } else { written })
    })
    .await?;
    let kind = HeaderValue::from_static("application/geo+json");
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes)?;
    gzip.finish()
}

/// One feature for each name and class, the most important class first.
fn collect(graph: &RoadGraph, window: Option<Window>, zoom: u64) -> Collection<'_> {
    let least = least_at(zoom);
    let tolerance_deg = PIXEL_DEG / f64::from(1_u32 << zoom);
    let mut by_class: BTreeMap<RoadClass, Vec<u32>> = BTreeMap::new();
    for piece in 0..u32::try_from(graph.pieces()).unwrap_or(u32::MAX) {
        let class = graph.class(piece << 1);
        let seen = |window: Window| window.meets(graph.points(piece));
        if class <= least && window.is_none_or(seen) {
            by_class.entry(class).or_default().push(piece);
        }
    }
    let mut lines: BTreeMap<Properties<'_>, Vec<Vec<[f64; 2]>>> = BTreeMap::new();
    let (mut points, mut truncated) = (0, false);
    for (class, pieces) in by_class {
        truncated |= points > MOST_POINTS;
        if truncated {
            break;
        }
        for piece in pieces {
            let line: Vec<[f64; 2]> = graph.points(piece).map(|(lat, lon)| [lon, lat]).collect();
            let line = simplified(&line, tolerance_deg);
            points += line.len();
            let properties = Properties { class, name: graph.name(piece << 1) };
            lines.entry(properties).or_default().push(line);
        }
    }
    let feature = |(properties, coordinates)| Feature {
        r#type: "Feature",
        properties,
        geometry: Lines { r#type: "MultiLineString", coordinates },
    };
    let features = lines.into_iter().map(feature).collect();
    Collection { r#type: "FeatureCollection", features, truncated }
}

/// The least important class that is drawn at a zoom: as street maps do, so that a whole region is
/// not black with lanes.
const fn least_at(zoom: u64) -> RoadClass {
    match zoom {
        0..=8 => RoadClass::TrunkLink,
        9..=10 => RoadClass::PrimaryLink,
        11..=12 => RoadClass::TertiaryLink,
        13 => RoadClass::Road,
        _ => RoadClass::Track,
    }
}

/// Leaves out points that lie within `tolerance_deg` of the line without them (Douglas and Peucker,
/// 1973). Degrees east count as those north: at a map's latitudes that keeps too much, never too
/// little.
fn simplified(line: &[[f64; 2]], tolerance_deg: f64) -> Vec<[f64; 2]> {
    let mut keep = vec![false; line.len()];
    if let (Some(first), Some(last)) = (keep.first_mut(), line.len().checked_sub(1)) {
        *first = true;
        keep[last] = true;
    }
    let mut spans = vec![(0, line.len().saturating_sub(1))];
    while let Some((from, to)) = spans.pop() {
        let off = (from + 1..to).map(|at| (off_deg(line[at], line[from], line[to]), at));
        let Some((off_deg, at)) = off.max_by(|one, other| one.0.total_cmp(&other.0)) else {
            continue;
        };
        if off_deg > tolerance_deg {
            keep[at] = true;
            spans.extend([(from, at), (at, to)]);
        }
    }
    let kept = line.iter().zip(keep).filter(|(_, keep)| *keep);
    // 1e-5 degrees are a metre.
    kept.map(|(point, _)| point.map(|degrees| (degrees * 1e5).round() / 1e5)).collect()
}

/// How far a point lies from a stretch, degrees.
fn off_deg(point: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let there = [point[0] - from[0], point[1] - from[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let dot = there[0] * along[0] + there[1] * along[1];
    let share = if length2 > 0.0 { (dot / length2).clamp(0.0, 1.0) } else { 0.0 };
    (there[0] - along[0] * share).hypot(there[1] - along[1] * share)
}

impl Window {
    fn parse(text: &str) -> Result<Self, Problem> {
        let degrees: Vec<f64> =
            text.split(',').filter_map(|text| text.trim().parse().ok()).collect();
        let window = <[f64; 4]>::try_from(degrees).ok();
        let fits = |[west, south, east, north]: &[f64; 4]| {
            west < east && south < north && [west, south, east, north].iter().all(|d| d.is_finite())
        };
        let detail = || {
            Problem::bad_request(format!(
                "`bbox` is `{text}`, expected degrees west,south,east,north: 121.3,38.8,121.9,39.2"
            ))
        };
        window.filter(fits).map(Self).ok_or_else(detail)
    }

    /// Whether the rectangle round these places and this one meet.
    fn meets(self, places: impl Iterator<Item = (f64, f64)>) -> bool {
        let Self([west, south, east, north]) = self;
        let all = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let [w, s, e, n] = places
            .fold(all, |[w, s, e, n], (lat, lon)| [w.min(lon), s.min(lat), e.max(lon), n.max(lat)]);
        w <= east && e >= west && s <= north && n >= south
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_shape_to_the_tolerance() {
        let line = [[0.0, 0.0], [1.0, 0.001], [2.0, 0.0], [3.0, 1.0], [4.0, 0.0]];
        assert_eq!(simplified(&line, 0.01), [[0.0, 0.0], [2.0, 0.0], [3.0, 1.0], [4.0, 0.0]]);
        assert_eq!(simplified(&line, 5.0), [[0.0, 0.0], [4.0, 0.0]]);
        assert_eq!(simplified(&line, 0.0), line);
        assert!(simplified(&[], 1.0).is_empty());
    }

    #[test]
    fn a_window_is_four_degrees_in_order() {
        assert!(Window::parse("121,38,122,39").is_ok());
        for bad in ["", "1,2,3", "2,0,1,1", "0,2,1,1", "a,0,1,1", "0,0,1,inf"] {
            assert!(Window::parse(bad).is_err(), "{bad}");
        }
        let window = Window([0.0, 0.0, 1.0, 1.0]);
        assert!(window.meets([(-1.0, 0.5), (2.0, 0.5)].into_iter()));
        assert!(!window.meets([(2.0, 0.5), (3.0, 0.5)].into_iter()));
    }

    #[test]
    fn further_out_less_is_drawn() {
        let drawn = |zoom| RoadClass::ALL.iter().filter(|class| **class <= least_at(zoom)).count();
        assert!((0..15).all(|zoom| drawn(zoom) <= drawn(zoom + 1)));
        assert_eq!(drawn(14), RoadClass::ALL.len());
    }
}
