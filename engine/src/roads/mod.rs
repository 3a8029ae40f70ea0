//! Roads: where a vehicle can drive, how long that takes, and where a checkpoint stands on them.

mod approach;
mod builder;
mod candidates;
mod class;
mod components;
#[cfg(test)]
pub(crate) mod drivers;
mod error;
mod eta;
mod exits;
mod file;
mod gate;
mod graph;
mod index;
mod kept;
mod matching;
mod model;
mod network;
mod outside;
mod search;
mod spread;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
mod zones;

pub(crate) use approach::{Drive, Reach};
pub use approach::{Evidence, Outlook, RoadApproach, Route};
pub use builder::{BuildReport, CutOff, Restriction, RoadBuilder, Way};
pub use class::RoadClass;
pub use error::RoadError;
pub use gate::{Gate, gates};
pub use graph::{ArcId, Exit, ExitKind, NodeId, RoadGraph, StreetId, metres_between};
pub use index::{RoadIndex, Snap};
pub use matching::Passage;
pub use model::Model;
pub use network::Roads;
pub use spread::{Place, QuickestWay, Spread};
