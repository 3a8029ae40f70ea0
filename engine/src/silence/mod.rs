//! [`Silence`]: a flagged vehicle whose tracker is not heard as often as it usually is.
//!
//! What matters to a checkpoint is where the vehicle is, so that a silence is counted from the last
//! place that came. A report without a place (a heartbeat, an alarm, a fix that its receiver does
//! not trust) shows that the tracker lives and not where: it is mentioned, and changes nothing.
//! Except while the vehicle is at rest, where many trackers send heartbeats in place of positions:
//! then a report counts as heard, unless a sign came before it.
//!
//! How long is too long follows from the tracker's own [`Rhythm`], under way and at rest. A sign (a
//! jammer, power or antenna cut, the tracker taken off) makes it shorter. One event is said for each
//! checkpoint that the vehicle may reach ([`window`]), once it can be there soon, or a single one
//! where there is none yet; and one when it is heard again. A window that has gone by needs no word:
//! it bears its end. Alerts are as they were.

#[cfg(test)]
mod quality;
mod rhythm;
mod tell;
mod window;

use std::collections::BTreeSet;

use interdict_protocols::{Alarm, Fix, Time};
use serde::{Deserialize, Serialize};

use self::rhythm::Rhythm;
pub(crate) use self::tell::Way;
use crate::alarms::Reported;
use crate::geo::distance_m;
use crate::subject::Newest;
use crate::{CheckpointId, Rules};

/// What comes before a tracker is silenced.
pub(crate) const SIGNS: [Alarm; 6] = [
    Alarm::Jamming,
    Alarm::PowerCut,
    Alarm::GpsAntennaCut,
    Alarm::GpsAntennaShort,
    Alarm::Removing,
    Alarm::Tampering,
];
/// A sign that was last reported longer ago than this is none.
pub(crate) const SIGN_S: f64 = 600.0;
/// Under way a tracker is silent after so many of its usual intervals: one in fifty fixes is lost,
/// and a network that is lost takes several with it...
const TIMES: f64 = 4.0;
/// ...after so many where a sign came before...
const TIMES_AFTER_SIGN: f64 = 2.0;
/// ...and at rest after so many times the longest one.
const TIMES_AT_REST: f64 = 1.5;
/// Until the rhythm is known: the longest that fleets set for a vehicle under way, and some.
const UNKNOWN_INTERVAL_S: f64 = 150.0;
/// Slower than this a receiver's own speed is noise.
const REST_KMH: f64 = 5.0;
/// A receiver without a speed that comes no further than its error is at rest.
const REST_M: f64 = 25.0;

/// How a flagged vehicle is heard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silence {
    rhythm: Rhythm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signs: Vec<Sign>,
    /// Whether it was at rest when its last place came.
    at_rest: bool,
    /// When it was heard last, by the engine's time; `None` before the first place.
    heard_at: Option<Time>,
    /// When a report came that did not count, since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spoke_at: Option<Time>,
    /// When its silence is to be said, or said at further checkpoints, if nothing more is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Time>,
    /// Once its silence has been said: at which checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<BTreeSet<CheckpointId>>,
}

/// A sign, and when it was reported last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Sign {
    alarm: Alarm,
    at: Time,
}

/// A silence that had been said and is over.
#[derive(Debug)]
pub(crate) struct Broken {
    silent_s: f64,
    told: BTreeSet<CheckpointId>,
}

impl Silence {
    /// When its trackers were heard last.
    pub(crate) const fn heard_at(&self) -> Option<Time> {
        self.heard_at
    }

    /// Begins to listen: the last fix there is came about when it was.
    pub(crate) fn begin(&mut self, rules: &Rules, newest: Newest) {
        let signs = std::mem::take(&mut self.signs);
        let at_rest = is_at_rest(&newest.fix, None);
        *self = Self { signs, at_rest, heard_at: Some(newest.time), ..Self::default() };
        self.schedule(rules);
    }

    /// Takes a live fix in that came at `at`.
    pub(crate) fn hear(
        &mut self,
        rules: &Rules,
        at: Time,
        last: Newest,
        newest: Newest,
    ) -> Option<Broken> {
        let moved_m = distance_m(last.sight().position, newest.sight().position);
        let interval_s = newest.time.seconds_since(last.time);
        self.rhythm.learn(self.at_rest, interval_s, moved_m);
        self.at_rest = is_at_rest(&newest.fix, Some(moved_m));
        self.counts(rules, at)
    }

    /// Takes a report in that came at `at` and tells no place.
    pub(crate) fn report(&mut self, rules: &Rules, at: Time, is_late: bool) -> Option<Broken> {
        let heard_at = self.heard_at?;
        if self.at_rest && !is_late && self.signs_before().next().is_none() {
            self.rhythm.learn(true, at.seconds_since(heard_at), 0.0);
            return self.counts(rules, at);
        }
        self.speak(at);
        None
    }

    /// Takes note that its tracker still speaks.
    pub(crate) const fn speak(&mut self, at: Time) {
        self.spoke_at = Some(at);
    }

    /// Takes in what a frame says of signs.
    pub(crate) fn notice(&mut self, rules: &Rules, reported: Reported) {
        let Reported { on, states, meant, is_late, .. } = reported;
        if self.signs.is_empty() && on.is_empty() {
            return;
        }
        for alarm in SIGNS {
            if on.contains(alarm) {
                self.sign(alarm, meant);
            } else if states.contains(alarm) && !is_late {
                self.signs.retain(|sign| sign.alarm != alarm);
            }
        }
        self.schedule(rules);
    }

    /// Takes note of a sign of some time ago.
    pub(crate) fn sign(&mut self, alarm: Alarm, at: Time) {
        match self.signs.iter_mut().find(|sign| sign.alarm == alarm) {
            Some(sign) => sign.at = sign.at.max(at),
            None => self.signs.push(Sign { alarm, at }),
        }
    }

    pub(crate) const fn next_due(&self) -> Option<Time> {
        self.due
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Whether its silence has been said, and not at this checkpoint.
    pub(crate) fn is_news_to(&self, checkpoint: &CheckpointId) -> bool {
        self.told.as_ref().is_some_and(|told| !told.contains(checkpoint))
    }

    /// Forgets a checkpoint that is no more.
    pub(crate) fn forget(&mut self, checkpoint: &CheckpointId) {
        if let Some(told) = &mut self.told {
            told.remove(checkpoint);
        }
    }

    fn counts(&mut self, rules: &Rules, at: Time) -> Option<Broken> {
        let silent_s = self.silent_s(at);
        (self.heard_at, self.spoke_at) = (Some(at), None);
        let told = self.told.take();
        self.schedule(rules);
        told.map(|told| Broken { silent_s, told })
    }

    fn schedule(&mut self, rules: &Rules) {
        if self.told.is_none() {
            let wait_s = self.wait_s(rules);
            self.due = self.heard_at.map(|heard| heard.plus_seconds(wait_s));
        }
    }

    /// How long nothing need be heard of it.
    fn wait_s(&self, rules: &Rules) -> f64 {
        let signed = self.signs_before().next().is_some();
        let floor_s = match (signed, self.at_rest) {
            (true, _) => rules.silent_after_sign_s,
            (false, true) => rules.silent_at_rest_s,
            (false, false) => rules.silent_s,
        };
        let usual_s = if self.at_rest {
            self.rhythm.rest_s().map_or(0.0, |rest_s| rest_s * TIMES_AT_REST)
        } else {
            let times = if signed { TIMES_AFTER_SIGN } else { TIMES };
            self.rhythm.moving_s().unwrap_or(UNKNOWN_INTERVAL_S) * times
        };
        floor_s.max(usual_s)
    }

    /// The usual interval as it was last, under way or at rest.
    fn usual_s(&self) -> Option<f64> {
        if self.at_rest { self.rhythm.rest_s() } else { self.rhythm.moving_s() }
    }

    fn silent_s(&self, now: Time) -> f64 {
        self.heard_at.map_or(0.0, |heard| now.seconds_since(heard).max(0.0))
    }

    /// Whether its tracker still speaks without telling a place, not only at first.
    fn speaks(&self, now: Time) -> bool {
        let since = |spoke: Time| self.heard_at.map(|heard| spoke.seconds_since(heard));
        self.spoke_at.and_then(since).is_some_and(|spoke_s| spoke_s > self.silent_s(now) / 2.0)
    }

    /// The signs that came before it was not heard any more, or since.
    fn signs_before(&self) -> impl Iterator<Item = Alarm> {
        let heard_at = self.heard_at;
        let counts = move |sign: &&Sign| {
            heard_at.is_some_and(|heard| heard.seconds_since(sign.at) <= SIGN_S)
        };
        self.signs.iter().filter(counts).map(|sign| sign.alarm)
    }
}

/// Whether a vehicle was at rest at a fix to which it came so far from the one before.
fn is_at_rest(fix: &Fix, moved_m: Option<f64>) -> bool {
    match fix.speed_kmh {
        Some(speed_kmh) => speed_kmh < REST_KMH,
        None => moved_m.is_some_and(|moved_m| moved_m < REST_M),
    }
}
