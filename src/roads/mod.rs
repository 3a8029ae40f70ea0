//! Reads roads from OpenStreetMap, GeoJSON or the compact file, by what they contain.

mod geojson_lines;
mod lend;
mod osm_pbf;
mod osm_xml;
mod tags;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use interdict_engine::roads::{BuildReport, Restriction, RoadBuilder, RoadGraph, Way};

pub use lend::lend;
use tags::{Tags, Use};

/// The XML of a country; more, and a small file could fill any memory.
const MOST_PLAIN_BYTES: u64 = 8 << 30;

/// Roads, and what was noticed while reading them.
#[derive(Debug)]
pub struct Imported {
    /// The roads.
    pub graph: RoadGraph,
    /// What was left out; `None` for a compact file, which was reported when it was made.
    pub report: Option<BuildReport>,
    /// Features that were left out, and why: a line for each, for people.
    pub warnings: Vec<String>,
}

/// Reads a road file: `.osm`, `.osm.gz`, `.osm.pbf`, GeoJSON lines or the compact file. What it is
/// shows from its first bytes, not its name.
///
/// # Errors
/// Where it cannot be read, is none of these, or holds no roads that lead to each other.
pub fn read(path: &Path) -> Result<Imported> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read roads from {name}"))?;
    from_bytes(&bytes).with_context(|| format!("cannot use {name} as roads"))
}

/// As [`read`], from bytes.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Imported> {
    if RoadGraph::is_compact(bytes) {
        let graph = RoadGraph::from_bytes(bytes)?;
        return Ok(Imported { graph, report: None, warnings: Vec::new() });
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes)
            .take(MOST_PLAIN_BYTES)
            .read_to_end(&mut plain)
            .context("the gzip stream is damaged or cut short")?;
        if plain.len() as u64 == MOST_PLAIN_BYTES {
            bail!("it unpacks to more than 8 GiB; cut out the region that is needed");
        }
        return import(&plain);
    }
    import(bytes)
}

fn import(bytes: &[u8]) -> Result<Imported> {
    let mut warnings = Vec::new();
    let builder = match bytes.trim_ascii_start() {
        [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] => osm_xml::read(bytes)?,
        [b'{', ..] => {
            let (builder, left_out) = geojson_lines::read(bytes)?;
            warnings = left_out;
            builder
        }
        // A blob's header length, big-endian and at most 64 KiB (PBF Format, file format).
        [0, 0, _, _, 0x0a, ..] => osm_pbf::read(bytes)?,
        _ => {
            bail!("neither OpenStreetMap (.osm, .osm.gz, .osm.pbf) nor GeoJSON nor a compact file")
        }
    };
    let (graph, report) = builder.build()?;
    Ok(Imported { graph, report: Some(report), warnings })
}

/// A member of a relation.
enum Member {
    From(i64),
    Via(i64),
    To(i64),
}

/// Adds an OpenStreetMap way where cars can use it.
fn add_way(builder: &mut RoadBuilder, id: i64, points: Vec<i64>, tags: &Tags) {
    match tags.usage() {
        Use::Road { class, speed_kmh, name } => {
            builder.way(Way { id, points, class, speed_kmh, name, accuracy_m: 0 });
        }
        Use::Ferry { name } => builder.ferry(points, name),
        Use::None => {}
    }
}

/// Adds an OpenStreetMap turn restriction with one `from`, one `via` node and one `to`; what is
/// more complicated (via ways) is left out.
fn add_restriction(builder: &mut RoadBuilder, tags: &Tags, members: &[Member]) {
    let Some(only) = tags.restriction() else { return };
    let one = |pick: fn(&Member) -> Option<i64>| {
        let mut all = members.iter().filter_map(pick);
        all.next().filter(|_| all.next().is_none())
    };
    let from = one(|m| if let Member::From(id) = m { Some(*id) } else { None });
    let via = one(|m| if let Member::Via(id) = m { Some(*id) } else { None });
    let to = one(|m| if let Member::To(id) = m { Some(*id) } else { None });
    if let (Some(from), Some(via), Some(to)) = (from, via, to) {
        builder.restriction(Restriction { from, via, to, only });
    }
}
