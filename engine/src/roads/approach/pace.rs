//! [`Pace`]: how a vehicle's times compare with the map's.

use serde::{Deserialize, Serialize};

use crate::roads::Model;

/// A vehicle that covers less than this share of what the map expects waits or stands, which says
/// little about the road ahead.
const WAITING: f32 = 0.2;

/// Seconds driven by the clock and by the map, the older ones counting less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    clock_s: f32,
    map_s: f32,
}

impl Pace {
    pub(super) fn learn(&mut self, model: &Model, map_s: f32, clock_s: f32) {
        if map_s > WAITING * clock_s {
            let keep = libm::expf(-clock_s / model.pace_memory_s);
            self.clock_s = self.clock_s * keep + clock_s;
            self.map_s = self.map_s * keep + map_s;
        }
    }

    /// Seconds by the clock for each by the map.
    pub(super) fn ratio(self, model: &Model) -> f32 {
        let weight_s = model.pace_weight_s;
        (self.clock_s + model.pace * weight_s) / (self.map_s + weight_s)
    }
}
