//! [`RoadError`]: why roads cannot be used.

use thiserror::Error;

/// Why roads cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoadError {
    /// Nothing drivable, or nothing from which one gets back.
    #[error("no drivable roads that lead to each other; is this the right extract?")]
    NoRoads,
    /// Not the compact road file.
    #[error("not a compact road file (it begins otherwise); make one with `roads import`")]
    Foreign,
    /// Made by another version.
    #[error("road file version {found}, this program reads {expected}; run `roads import` again")]
    Version {
        /// What the file says.
        found: u32,
        /// What is read here.
        expected: u32,
    },
    /// Shorter than it says it is.
    #[error("road file ends after {length} bytes, before it is complete; copy or import it again")]
    Truncated {
        /// Bytes given.
        length: usize,
    },
    /// The checksum does not fit.
    #[error("road file is damaged (its checksum does not fit); copy or import it again")]
    Damaged,
}
