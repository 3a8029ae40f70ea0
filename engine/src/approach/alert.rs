//! [`Approach`]: the life of an alert, from a checkpoint's view to the passage.
//!
//! ```text
//!            in view            last moment, or sure               at the place
//!   (none) ──────────▶ watched ──────────────────────▶ raised ─────────────────▶ passed
//!      ▲                  │ lapses                        │ turned away, unlikely    │
//!      └──────────────────┴───── barred until it comes ◀──┴── or has gone clearly ◀──┘
//!                                nearer again                 away
//! ```

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::outlook::Outlook;
use super::passage::Presence;
use crate::geo::Site;
use crate::{EventId, FlagEnd, FlagId, Rules, Stage, State, Type, Why};

/// A stage is left at a quarter more than where it is entered.
const STAGE_SLACK: f64 = 1.25;

/// A flagged vehicle and a checkpoint that has something to do with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Approach {
    pub(crate) outlook: Outlook,
    /// When the fix was from which the outlook was taken.
    pub(crate) as_of: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alert: Option<Alert>,
    /// When the alert is raised if nothing more is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raise_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) barred: Option<Barred>,
    pub(super) presence: Presence,
    /// How far away it is, straight.
    pub(super) straight_m: f64,
    /// The nearest that it has been, straight, since it came into view.
    pub(super) nearest_m: f64,
    /// Fixes in a row that were further away.
    pub(super) away: u8,
    /// Since when a raised alert's probability by roads is too low for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) low_since: Option<Time>,
}

/// What has been said and still stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    pub(crate) id: EventId,
    pub(crate) flag: FlagId,
    /// Whether it was raised, or is only watched.
    pub(crate) raised: bool,
    pub(crate) stage: Stage,
    pub(crate) eta_at: Time,
    pub(crate) probability: f64,
    pub(crate) why: Why,
}

/// Why no alert is opened at present.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Barred {
    /// It has passed, and is still about.
    Passed,
    /// It has turned away; how far it got.
    TurnedAway { farthest_m: f64 },
}

/// Something to be said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Say {
    Watch,
    Raised(Raise),
    Updated {
        stage: bool,
        eta: bool,
    },
    Withdrawn(Ended),
    /// When it passed; whether it is still there.
    Passed {
        at: Time,
        stays: bool,
    },
    Left,
}

/// Why an alert is raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Raise {
    /// The last moment that leaves the checkpoint's people their lead.
    LastMoment,
    /// The same, and the fix that was due has not come.
    Unheard,
    Sure,
    /// It is there.
    There,
    /// It was near already when its flag was added.
    Near,
    /// It passed a checkpoint of the ring before, and was not stopped there.
    HandedOn,
}

/// Why an alert is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    TurnedAway,
    Unlikely,
    /// It came by in the direction that does not count.
    Contrary,
    /// It was not heard for so long that nobody knows whether it passed, seconds.
    Unknown {
        gap_s: f64,
    },
    /// Its flag ended.
    Flag(FlagEnd),
    /// It was stopped, here or elsewhere.
    Intercepted,
    CheckpointClosed,
    CheckpointRemoved,
}

impl Approach {
    pub(crate) fn new(outlook: Outlook, straight_m: f64, as_of: Time) -> Self {
        Self {
            straight_m,
            nearest_m: straight_m,
            outlook,
            as_of,
            alert: None,
            raise_at: None,
            barred: None,
            presence: Presence::default(),
            away: 0,
            low_since: None,
        }
    }

    /// Makes `alert` what has been said, and tells which type of event says it.
    pub(crate) fn settle(&mut self, say: Say, mut alert: Alert) -> Type {
        let (kind, stands) = match say {
            Say::Watch => (Type::Watch, true),
            Say::Raised(_) => (Type::Raised, true),
            Say::Updated { .. } => (Type::Updated, true),
            Say::Withdrawn(_) => (Type::Withdrawn, false),
            Say::Passed { stays, .. } => (Type::Passed, stays),
            Say::Left => (Type::Left, false),
        };
        match say {
            Say::Raised(_) => {
                self.raise_at = None;
                self.nearest_m = self.straight_m;
                self.away = 0;
                self.low_since = None;
            }
            Say::Withdrawn(Ended::TurnedAway | Ended::Unlikely | Ended::Unknown { .. }) => {
                self.bar();
            }
            Say::Passed { .. } | Say::Left | Say::Withdrawn(Ended::Contrary) => {
                self.raise_at = None;
                self.barred = Some(Barred::Passed);
            }
            _ => {}
        }
        alert.raised |= say != Say::Watch;
        self.alert = stands.then_some(alert);
        kind
    }

    /// Ends an alert for a reason that is not the vehicle's: another may be opened at once.
    pub(crate) fn forget_alert(&mut self) {
        self.alert = None;
        self.raise_at = None;
    }

    /// Nothing is opened until it has come nearer again.
    pub(super) fn bar(&mut self) {
        self.barred = Some(Barred::TurnedAway { farthest_m: self.straight_m });
        self.raise_at = None;
    }

    /// How near it is, at `now`.
    pub(crate) fn stage(&self, rules: &Rules, site: &Site, now: Time) -> Stage {
        if self.presence.is_there() {
            return Stage::Arrived;
        }
        let was_imminent = self.alert.as_ref().is_some_and(|alert| alert.stage == Stage::Imminent);
        let slack = if was_imminent { STAGE_SLACK } else { 1.0 };
        if self.eta_at(now).seconds_since(now) <= lead_s(rules, site) * slack {
            Stage::Imminent
        } else {
            Stage::Approaching
        }
    }

    /// That it passes: sure where it is there.
    pub(crate) const fn probability(&self) -> f64 {
        if self.presence.is_there() { 1.0 } else { self.outlook.probability }
    }

    /// When it will be there; now, where it is or ought to be.
    pub(crate) fn eta_at(&self, now: Time) -> Time {
        if self.presence.is_there() {
            return now;
        }
        self.as_of.plus_seconds(self.outlook.eta_s).max(now)
    }

    /// Whether there is anything to remember of it.
    pub(crate) const fn matters(&self) -> bool {
        self.alert.is_some()
            || self.barred.is_some()
            || self.raise_at.is_some()
            || self.presence.is_there()
    }

    /// Whether the vehicle is at the checkpoint.
    pub(crate) const fn is_there(&self) -> bool {
        self.presence.is_there()
    }

    /// Whether it may be told of before the next fix: by a timer, or to whoever asks.
    pub(crate) fn may_be_told(&self) -> bool {
        self.raise_at.is_some() || self.is_raised()
    }

    /// Whether an alert has been raised and still stands.
    pub(crate) fn is_raised(&self) -> bool {
        self.alert.as_ref().is_some_and(|alert| alert.raised)
    }
}

/// The time that a checkpoint's people need, setting it up included.
pub(crate) fn lead_s(rules: &Rules, site: &Site) -> f64 {
    let checkpoint = &site.checkpoint;
    let ready_s = if checkpoint.state == State::Unmanned { checkpoint.ready_s } else { 0.0 };
    rules.lead_s.unwrap_or(checkpoint.lead_s) + ready_s
}
