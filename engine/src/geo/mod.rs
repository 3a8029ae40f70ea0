//! Distances and crossings in a plane that touches the earth at one place.
//!
//! Everything here is arithmetic and `libm`, so that every machine computes the same.

mod plane;
mod shape;

pub(crate) use plane::{Offset, Plane, angle_between_deg, distance_m};
pub(crate) use shape::{Site, contains};
