//! What `interdict replay --truth` measures.

use std::path::Path;
use std::process::Command;

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) recall: f64,
    pub(crate) precision: f64,
    pub(crate) lead_s: [f64; 3],
    pub(crate) eta_error: f64,
    pub(crate) brier: f64,
}

/// Where the files of a case are.
pub(crate) struct Case<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) roads: &'a str,
    pub(crate) tracks: &'a str,
}

impl Case<'_> {
    /// Replays the case with every vehicle flagged.
    pub(crate) fn measure(&self, lead_s: f64, raise_at: f64) -> Measured {
        let path = |name: &str| self.folder.join(name);
        let output = Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(["replay", "--flag-all", "--format", "json"])
            .args(["--lead", &format!("{lead_s}s"), "--raise-at", &raise_at.to_string()])
            .arg("--roads")
            .arg(path(self.roads))
            .arg("--checkpoints")
            .arg(path("checkpoints.geojson"))
            .arg("--truth")
            .arg(path("truth.csv"))
            .arg(path(self.tracks))
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let line = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name));
            line.unwrap_or_else(|| panic!("no {name} in {said}"))
        };
        let numbers = |name: &str| -> Vec<f64> {
            let words = line(name).split([' ', ',']);
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let leads = numbers("lead");
        Measured {
            recall: numbers("recall")[0],
            precision: numbers("precision").first().copied().unwrap_or(0.0),
            lead_s: [leads[0], leads[1], leads[2]],
            eta_error: numbers("ETA error")[0],
            brier: numbers("Brier score")[0],
        }
    }
}
