//! [`Model`]: the numbers by which the roads' estimate goes.

/// The numbers by which the roads' estimate goes. The defaults come from what is said at each, and
/// from drives simulated with other destinations, drivers, traffic and checkpoints than those that
/// quality is measured on; no number is fitted to a city.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The share of drives that end at one of the checkpoints (a port, a lot, the way out of town),
    /// before anything is known: a vehicle is looked for there because it may go there.
    pub to_checkpoint: f32,
    /// How much likelier a drive ends in the outermost zone than in the innermost, as a natural
    /// logarithm: a vehicle that is looked for leaves town more often than others do.
    pub outward: f32,
    /// A second of detour makes a destination less likely by this exponent: drivers do not know the
    /// times as well as the map does, and half a minute lost is not rare.
    pub per_detour_s: f32,
    /// What is lost between two fixes counts for no more than this: a wrong turn, a closed road and
    /// an outlier happen to those who are on the way, too.
    pub most_detour_s: f32,
    /// A destination is given up for another, or was only a stop on the way, once in so many
    /// seconds.
    pub change_s: f32,
    /// Who stands longer than lights and jams last...
    pub stop_from_s: f32,
    /// ...has arrived somewhere, more likely than not after so many seconds more: the drive that
    /// follows is a new one.
    pub stop_s: f32,
    /// A checkpoint that lies off the shortest way to a zone by so many seconds...
    pub off_way_s: f32,
    /// ...and such a share of that way, is not passed on the way there; in between in proportion.
    pub off_way_share: f32,
    /// Seconds by the clock for each by the map where nothing is known of the vehicle's own: travel
    /// time indices of large cities are 1.2 to 1.5.
    pub pace: f32,
    /// That weighs as much as so many seconds of the vehicle's own driving.
    pub pace_weight_s: f32,
    /// After so many seconds what was learned of its pace counts for 1/e: traffic changes.
    pub pace_memory_s: f32,
    /// One in ten arrives sooner than this share of the ETA...
    pub early: f32,
    /// ...less so many seconds: a light that is green.
    pub early_s: f32,
    /// One in ten arrives later than this share of the ETA...
    pub late: f32,
    /// ...and so many seconds.
    pub late_s: f32,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            to_checkpoint: 0.2,
            outward: 1.0,
            per_detour_s: 0.04,
            most_detour_s: 60.0,
            change_s: 2_400.0,
            stop_from_s: 120.0,
            stop_s: 240.0,
            off_way_s: 8.0,
            off_way_share: 0.02,
            pace: 1.35,
            pace_weight_s: 120.0,
            pace_memory_s: 600.0,
            early: 0.85,
            early_s: 10.0,
            late: 1.25,
            late_s: 20.0,
        }
    }
}
