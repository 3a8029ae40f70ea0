//! [`Rules`]: the numbers by which the engine decides, and [`Setup`], all that it begins with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AlarmRule, Checkpoint, Region, Unit};
use crate::roads::Roads;

/// The numbers by which the engine decides; `interdict.toml` may change each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// An alert is raised at the last moment that leaves the lead, at this probability or more.
    pub raise_probability: f64,
    /// The same where roads give the probability, which is then calibrated: a team that is to catch
    /// eight of ten passages four minutes ahead must come for one vehicle in three that passes.
    pub raise_probability_by_road: f64,
    /// An alert is raised at once at this probability or more.
    pub sure_probability: f64,
    /// A raised alert is withdrawn below this probability.
    pub withdraw_probability: f64,
    /// A vehicle comes into a checkpoint's view so many seconds before it may arrive.
    pub watch_s: f64,
    /// Overrides every checkpoint's lead, seconds.
    pub lead_s: Option<f64>,
    /// An alert is updated when its ETA moved by more than this share of what is left...
    pub update_eta_share: f64,
    /// ...or its probability by more than this.
    pub update_probability: f64,
    /// No straight way is assumed between fixes further apart than this, seconds.
    pub gap_s: f64,
    /// A flagged vehicle under way is silent when nothing was heard of it for four of its usual
    /// intervals, and no sooner than this, seconds: tunnels and lost networks last minutes...
    pub silent_s: f64,
    /// ...for two of them and no sooner than this after a sign, such as a jammer...
    pub silent_after_sign_s: f64,
    /// ...and at rest, where trackers sleep, for half as long again as its longest interval there,
    /// and no sooner than this.
    pub silent_at_rest_s: f64,
    /// A checkpoint is told of a silence once the vehicle can be there within so many seconds, time
    /// enough to set up...
    pub silent_reach_s: f64,
    /// ...unless that takes it longer than this: by then it has stopped somewhere, seconds.
    pub silent_watch_s: f64,
    /// A fix dated so many seconds after its receipt is not believed.
    pub future_s: f64,
    /// A platform's fix moves no vehicle whose own tracker was heard within so many seconds: sooner than
    /// the vehicle counts as silent.
    pub tracker_outranks_s: f64,
    /// A fix that asks for a higher speed than this from the last one is an outlier, km/h.
    pub outlier_kmh: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            raise_probability: 0.5,
            raise_probability_by_road: 0.15,
            sure_probability: 0.9,
            withdraw_probability: 0.2,
            watch_s: 600.0,
            lead_s: None,
            update_eta_share: 0.25,
            update_probability: 0.2,
            gap_s: 600.0,
            silent_s: 180.0,
            silent_after_sign_s: 60.0,
            silent_at_rest_s: 900.0,
            silent_reach_s: 1_200.0,
            silent_watch_s: 3_600.0,
            future_s: 120.0,
            tracker_outranks_s: 120.0,
            outlier_kmh: 250.0,
        }
    }
}

/// How long people have for each step of handling an alert, seconds; `interdict.toml` may change
/// each. The defaults are those of control systems in use: two minutes, ten minutes, a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// For the sign-off, at each level; never more than a quarter of the ETA left.
    pub sign_off_s: f64,
    /// With less than this for the sign-off there is no time for the chain: all levels are told at
    /// once. Nobody reads and signs in less.
    pub shortest_sign_off_s: f64,
    /// From the sign-off to the instruction.
    pub instruct_s: f64,
    /// From there to the outcome.
    pub dispose_s: f64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            sign_off_s: 120.0,
            shortest_sign_off_s: 15.0,
            instruct_s: 600.0,
            dispose_s: 86_400.0,
        }
    }
}

/// What an engine begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The rules.
    pub rules: Rules,
    /// How long people have for their part; without them nobody is waited for, as in a replay.
    #[serde(default)]
    pub deadlines: Option<Deadlines>,
    /// The checkpoints.
    pub checkpoints: Vec<Checkpoint>,
    /// The command tree.
    pub units: Vec<Unit>,
    /// Who answers for which area.
    pub regions: Vec<Region>,
    /// What follows from devices' alarms.
    #[serde(default)]
    pub alarm_rules: Vec<AlarmRule>,
    /// The roads, preferably with the checkpoints on them already: engines share what is there.
    /// Without them approaches are judged by geometry. Not written anywhere.
    #[serde(skip)]
    pub roads: Option<Arc<Roads>>,
}
