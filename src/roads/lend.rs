//! [`lend`]: makes roads ready for the engine, with tables that were kept from the last time.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use interdict_engine::roads::{RoadGraph, Roads};
use interdict_engine::{CheckpointId, Setup};

/// Lends the engine of `setup` these roads with its checkpoints on them. Answers the checkpoints
/// that are on no road: only geometry can tell of those.
///
/// Tables of driving times are read from the folder `kept`, where there is one and they were made of
/// the same roads and checkpoints, and written there where they had to be made.
pub fn lend(graph: RoadGraph, setup: &mut Setup, kept: Option<&Path>) -> Vec<CheckpointId> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let kept = kept.map(|folder| Kept::new(folder, graph.checksum()));
    let read = |what| kept.as_ref().and_then(|kept| kept.read(what));
    let (zones, checkpoints) = (read(ZONES), read(CHECKPOINTS));
    let started = Instant::now();
    let mut roads = Roads::new(Arc::new(graph), zones.as_deref(), threads);
    let off_road = roads.place_all(&setup.checkpoints, checkpoints.as_deref(), threads);
    if let Some(kept) = &kept {
        kept.write(ZONES, zones, roads.zone_tables());
        kept.write(CHECKPOINTS, checkpoints, roads.checkpoint_tables());
    }
    tracing::info!(
        crossings = roads.graph().nodes(),
        seconds = started.elapsed().as_secs_f32(),
        "the roads are ready"
    );
    setup.roads = Some(Arc::new(roads));
    off_road
}

const ZONES: &str = "zones";
const CHECKPOINTS: &str = "checkpoints";

/// A folder with the tables of one road network.
struct Kept {
    folder: PathBuf,
    checksum: u64,
}

impl Kept {
    fn new(folder: &Path, checksum: u64) -> Self {
        Self { folder: folder.to_owned(), checksum }
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{what}-{:016x}", self.checksum))
    }

    /// What was kept; whether it is of the same checkpoints, and whole, shows when it is read.
    fn read(&self, what: &str) -> Option<Vec<u8>> {
        fs::read(self.path(what)).ok()
    }

    /// Keeps tables, unless they are what was there, and lets go of those of other roads.
    fn write(&self, what: &str, before: Option<Vec<u8>>, tables: Vec<u8>) {
        if before.is_some_and(|before| before == tables) {
            return;
        }
        let written = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            for entry in fs::read_dir(&self.folder)? {
                let name = entry?.file_name();
                if name.to_string_lossy().starts_with(&format!("{what}-")) {
                    fs::remove_file(self.folder.join(name))?;
                }
            }
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(&tables)?;
            file.persist(self.path(what))?;
            Ok(())
        };
        // Without them the next start takes longer, and that is all.
        if let Err(error) = written() {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "driving times could not be kept; the next start makes them again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::from_bytes;

    const ROADS: &str = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"class":"primary"},"geometry":{"type":"LineString","coordinates":[[121.50,38.90],[121.51,38.90],[121.51,38.91],[121.50,38.90]]}},
        {"type":"Feature","properties":{"class":"primary"},"geometry":{"type":"LineString","coordinates":[[121.51,38.91],[121.52,38.92],[121.51,38.90]]}}
    ]}"#;

    fn setup(latitude: f64) -> Setup {
        let checkpoint = serde_json::json!({
            "id": "c", "name": "c", "kind": "post", "unit": "u",
            "shape": {"point": {"latitude": latitude, "longitude": 121.505}},
        });
        Setup { checkpoints: vec![serde_json::from_value(checkpoint).unwrap()], ..Setup::default() }
    }

    fn lent(latitude: f64, folder: &Path) -> (Setup, Vec<CheckpointId>) {
        let mut setup = setup(latitude);
        let off = lend(from_bytes(ROADS.as_bytes()).unwrap().graph, &mut setup, Some(folder));
        (setup, off)
    }

    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn tables_are_kept_until_what_they_came_from_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roads");
        let (first, off) = lent(38.9, &path);
        assert!(off.is_empty());
        let kept = files(&path);
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert_eq!(lent(38.9, &path).0.roads, first.roads);
        assert_eq!(files(&path), kept);
        // Moved off the roads: its table goes, the zones' stays.
        assert_eq!(lent(38.5, &path).1, ["c".into()]);
        let now = files(&path);
        assert!(now[0] != kept[0] && now[1] == kept[1], "{now:?}");
        // Damaged: made again.
        fs::write(&now[1].0, "not a table").unwrap();
        lent(38.9, &path);
        assert_eq!(files(&path), kept);
    }
}
