//! Where the files that a configuration names lie: on disk, or built into the program.

use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that a configuration may name. A city's checkpoints are a few kilobytes, a
/// fleet of a million vehicles some 60 MB.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The Dalian default, built into the program: `fixtures/` of the source tree.
pub mod embedded {
    /// The configuration itself.
    pub const CONFIGURATION: &str = include_str!("../../fixtures/interdict.toml");
    /// The checkpoints of the city plan.
    pub const CHECKPOINTS: &str = include_str!("../../fixtures/checkpoints.geojson");
    /// The areas of the districts.
    pub const REGIONS: &str = include_str!("../../fixtures/regions.geojson");
    /// The main roads, drawn by hand.
    pub const ROADS: &str = include_str!("../../fixtures/roads.geojson");
    /// The command tree.
    pub const UNITS: &str = include_str!("../../fixtures/units.toml");
    /// The made-up fleet of `demo`; the default configuration does not name it.
    pub const FLEET: &str = include_str!("../../fixtures/fleet.csv");
    /// The made-up watchlist of `demo`.
    pub const WATCHLIST: &str = include_str!("../../fixtures/watchlist.csv");

    /// The made-up night of that fleet: names and CSV texts.
    pub const TRACKS: &[(&str, &str)] = &[
        ("far_from_all", include_str!("../../fixtures/tracks/far_from_all.csv")),
        ("flagged_near_airport", include_str!("../../fixtures/tracks/flagged_near_airport.csv")),
        ("goes_silent", include_str!("../../fixtures/tracks/goes_silent.csv")),
        ("leaves_by_houyan", include_str!("../../fixtures/tracks/leaves_by_houyan.csv")),
        ("parks_in_guarded_lot", include_str!("../../fixtures/tracks/parks_in_guarded_lot.csv")),
        ("presses_sos", include_str!("../../fixtures/tracks/presses_sos.csv")),
        ("traffic", include_str!("../../fixtures/tracks/traffic.csv")),
        ("turns_away_from_port", include_str!("../../fixtures/tracks/turns_away_from_port.csv")),
    ];

    pub(super) fn find(name: &str) -> Option<&'static str> {
        Some(match name {
            "checkpoints.geojson" => CHECKPOINTS,
            "regions.geojson" => REGIONS,
            "units.toml" => UNITS,
            "fleet.csv" => FLEET,
            _ => return None,
        })
    }
}

/// The road file that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoadFile {
    /// It lies there.
    Path(PathBuf),
    /// [`embedded::ROADS`].
    BuiltIn,
}

impl RoadFile {
    /// Its name, without a folder.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::BuiltIn => "roads.geojson".to_owned(),
        }
    }
}

/// Where a configuration's files lie.
pub(super) enum Files {
    /// Beside the file that names them.
    Folder(PathBuf),
    /// In the program.
    Embedded,
}

impl Files {
    /// Where a path that the configuration states leads.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(path),
            Self::Embedded => path.to_owned(),
        }
    }

    /// The road file that the configuration states.
    pub(super) fn roads(&self, path: &Path) -> RoadFile {
        match self {
            Self::Folder(folder) => RoadFile::Path(folder.join(path)),
            Self::Embedded => RoadFile::BuiltIn,
        }
    }

    /// The text of the file that the configuration calls `name`, and how to call it in messages.
    pub(super) fn read(&self, name: &Path) -> (String, Result<String, String>) {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                (path.display().to_string(), read(&path))
            }
            Self::Embedded => {
                let name = name.display().to_string();
                let text = embedded::find(&name)
                    .map(str::to_owned)
                    .ok_or_else(|| "is not built into the program".to_owned());
                (format!("(built in) {name}"), text)
            }
        }
    }
}

/// The whole text of a file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let open = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = open().map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {} MiB", LARGEST / 1024 / 1024));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        format!("is not UTF-8 from line {line} on; save it as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}
