//! [`Rhythm`]: how often a tracker is usually heard, under way and at rest.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Intervals under way that the usual one is the middle of.
const INTERVALS: usize = 8;
/// Fewer show no rhythm.
const NEEDED: usize = 3;
/// Trackers at rest sleep by the hour; beyond this one that sleeps could never fall silent.
const LONGEST_REST_S: f64 = 7_200.0;
/// After so long what was learned at rest counts for 1/e: settings change, and so does the night.
const REST_MEMORY_S: f64 = 86_400.0;
/// Whoever was at rest and is so far away by the next fix has driven in the meantime: that was no
/// interval of a tracker at rest.
const DRIVEN_M: f64 = 500.0;

/// The intervals between a tracker's fixes, each by what the vehicle did when it began: whether a
/// tracker goes to sleep is decided then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rhythm {
    moving_s: VecDeque<f64>,
    /// The longest at rest, the older the shorter; not the middle one, since a stop at a light is
    /// at rest, too.
    rest_s: f64,
}

impl Rhythm {
    /// Takes an interval in that began at rest or not, and in which the vehicle came so far.
    pub(super) fn learn(&mut self, at_rest: bool, interval_s: f64, moved_m: f64) {
        self.rest_s *= libm::exp(-interval_s / REST_MEMORY_S);
        if !at_rest {
            if self.moving_s.len() == INTERVALS {
                self.moving_s.pop_front();
            }
            self.moving_s.push_back(interval_s);
        } else if moved_m < DRIVEN_M {
            self.rest_s = self.rest_s.max(interval_s.min(LONGEST_REST_S));
        }
    }

    /// The usual interval under way; `None` until it is known.
    pub(super) fn moving_s(&self) -> Option<f64> {
        let mut intervals: Vec<f64> = self.moving_s.iter().copied().collect();
        intervals.sort_unstable_by(f64::total_cmp);
        if intervals.len() < NEEDED { None } else { intervals.get(intervals.len() / 2).copied() }
    }

    /// The longest interval at rest; `None` until there was one.
    pub(super) fn rest_s(&self) -> Option<f64> {
        (self.rest_s > 0.0).then_some(self.rest_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_way_the_middle_interval_counts_and_at_rest_the_longest() {
        let mut rhythm = Rhythm::default();
        for interval_s in [10.0, 10.0] {
            rhythm.learn(false, interval_s, 150.0);
        }
        assert_eq!((rhythm.moving_s(), rhythm.rest_s()), (None, None));
        // A tunnel is no rhythm.
        for interval_s in [10.0, 120.0, 10.0] {
            rhythm.learn(false, interval_s, 150.0);
        }
        assert_eq!(rhythm.moving_s(), Some(10.0));
        for interval_s in [10.0, 10.0, 300.0, 10.0] {
            rhythm.learn(true, interval_s, 5.0);
        }
        assert!((rhythm.rest_s().unwrap() - 300.0).abs() < 1.0);
        assert_eq!(rhythm.moving_s(), Some(10.0));
    }

    #[test]
    fn a_drive_unheard_is_no_rest_and_a_rest_is_forgotten_in_days() {
        let mut rhythm = Rhythm::default();
        rhythm.learn(true, 3_000.0, 12_000.0);
        assert_eq!(rhythm.rest_s(), None);
        rhythm.learn(true, 30_000.0, 3.0);
        assert_eq!(rhythm.rest_s(), Some(LONGEST_REST_S));
        for _ in 0..48 {
            rhythm.learn(true, 3_600.0, 3.0);
        }
        assert!((3_600.0..3_700.0).contains(&rhythm.rest_s().unwrap()));
    }
}
