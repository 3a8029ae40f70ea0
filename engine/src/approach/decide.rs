//! When something is said of an approach: at the last moment that leaves the lead, or when it is
//! sure; once a passage; and taken back when it has become unlikely.

use interdict_protocols::Time;

use super::alert::{Approach, Barred, Ended, Raise, Say, lead_s};
use super::geometry::Motion;
use super::outlook::Outlook;
use super::passage::{Passage, Presence};
use crate::geo::Site;
use crate::judge::Sight;
use crate::{Rules, Shape};

/// A vehicle comes into a checkpoint's view at this probability, and leaves it at half of that.
const WATCH_PROBABILITY: f64 = 0.1;
/// An alert is withdrawn at no more than this share of the probability that raises it, whatever the
/// rules say: else it would be raised and withdrawn with every fix.
const WITHDRAW_SHARE: f64 = 0.4;
/// A watched vehicle further than this many times the view has left it.
const WATCH_SLACK: f64 = 1.5;
/// How many times the view is looked at, so that watched vehicles that leave it are seen to.
pub(crate) const LOOK_SLACK: f64 = 1.6;
/// A vehicle so near when its flag is added is everybody's business at once.
const NEAR_M: f64 = 500.0;
/// Moving away: by this much and this share of the way left, so that a slip road's loop is none.
const AWAY_M: f64 = 300.0;
const AWAY_SHARE: f64 = 0.1;
/// ...in so many fixes in a row, each further by more than a receiver's error.
const AWAY_FIXES: u8 = 2;
const FURTHER_M: f64 = 15.0;
/// By roads an alert is withdrawn below this share of the probability that raises it, and a watched
/// vehicle leaves the view at it: the estimate moves by more than geometry's from crossing to
/// crossing...
const WITHDRAW_SHARE_BY_ROAD: f64 = 0.1;
/// ...and only if it stays there so long.
const LOW_S: f64 = 20.0;
/// By roads, once the lead is no longer left, an alert takes so many times the probability, or
/// evens: it is worth less, and whoever comes by was mostly raised before.
const LATE_TIMES: f64 = 4.0;
const LATE_MOST: f64 = 0.5;
/// A vehicle that has passed may pass again once it has been this far outside.
const GONE_M: f64 = 500.0;
/// An ETA moves by no less than its share of a minute before it is news.
const ETA_FLOOR_S: f64 = 60.0;
/// While a vehicle stands its ETA recedes with the clock: news only every so often.
const STANDING_S: f64 = 60.0;
const STANDING_NEWS_S: f64 = 300.0;

/// When and how a fix is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) now: Time,
    /// The newest live fix.
    pub(crate) here: Sight,
    /// The one before it, unless too long ago.
    pub(crate) before: Option<Sight>,
    /// Seconds from the fix before, where that is too long ago.
    pub(crate) gap_s: Option<f64>,
    /// Observing begins with this.
    pub(crate) begins: bool,
}

impl Moment<'_> {
    fn age_s(&self) -> f64 {
        self.now.seconds_since(self.here.time).max(0.0)
    }
}

impl Approach {
    /// Takes the newest fix in, and says what is to be said of it. `passed` is when the roads show
    /// the checkpoint to be passed.
    pub(crate) fn follow(
        &mut self,
        moment: &Moment<'_>,
        site: &Site,
        motion: &Motion<'_>,
        outlook: Outlook,
        passed: Option<Time>,
    ) -> Option<Say> {
        let before_m = self.straight_m;
        // A road beside the checkpoint's own is near it, too; an area is one wherever it is entered.
        let passage = if outlook.is_by_road() && !matches!(site.checkpoint.shape, Shape::Polygon(_))
        {
            self.presence = Presence::default();
            passed.map(Passage::Passed)
        } else {
            self.presence.follow(site, motion, moment.before, moment.here)
        };
        self.outlook = outlook;
        self.straight_m = motion.straight_m(site);
        self.as_of = moment.here.time;
        self.raise_at = None;
        let distance_m = self.straight_m;
        if self.outlook.is_by_road() {
            self.away = 0;
        } else if distance_m > before_m + FURTHER_M {
            self.away = self.away.saturating_add(1);
        } else if distance_m < before_m - FURTHER_M {
            self.away = 0;
        }
        self.nearest_m = self.nearest_m.min(distance_m);

        let has_passed = self.barred == Some(Barred::Passed);
        self.rearm(site);
        match passage {
            Some(Passage::Passed(at) | Passage::Through(at)) if !has_passed => {
                return Some(Say::Passed { at, stays: false });
            }
            Some(Passage::Entered(at)) if !has_passed => {
                return Some(Say::Passed { at, stays: true });
            }
            Some(Passage::Left) if self.alert.is_some() => return Some(Say::Left),
            Some(Passage::Contrary) => {
                if self.is_raised() {
                    return Some(Say::Withdrawn(Ended::Contrary));
                }
                self.alert = None;
                self.barred = Some(Barred::Passed);
                return None;
            }
            _ => {}
        }
        if moment.age_s() > moment.rules.gap_s && !(moment.begins && self.presence.is_there()) {
            return None;
        }
        if self.is_raised() {
            self.maintain(moment, site, before_m)
        } else {
            self.open(moment, site, motion)
        }
    }

    fn rearm(&mut self, site: &Site) {
        let distance_m = self.straight_m;
        let by_road = self.outlook.is_by_road();
        match &mut self.barred {
            // By roads the probability tells by itself when it has turned round.
            Some(Barred::Passed) if by_road && distance_m > site.radius_m + GONE_M => {
                self.barred = None;
            }
            Some(Barred::TurnedAway { .. }) if by_road => self.barred = None,
            // The way that led here still speaks for it: it must turn round first.
            Some(Barred::Passed) if distance_m > site.radius_m + GONE_M => self.bar(),
            Some(Barred::TurnedAway { farthest_m }) => {
                *farthest_m = farthest_m.max(distance_m);
                if distance_m < *farthest_m - away_m(*farthest_m) {
                    self.barred = None;
                    self.nearest_m = distance_m;
                    self.away = 0;
                }
            }
            _ => {}
        }
    }

    /// Whether an alert that nobody has been told of is to be watched or raised.
    fn open(&mut self, moment: &Moment<'_>, site: &Site, motion: &Motion<'_>) -> Option<Say> {
        if self.barred.is_some() {
            return None;
        }
        let (rules, is_there) = (moment.rules, self.presence.is_there());
        let (probability, eta_s) = (self.outlook.probability, self.outlook.eta_s - moment.age_s());
        let view_s = rules.watch_s.max(lead_s(rules, site));
        let watch_probability = WATCH_PROBABILITY.min(self.raise_probability(rules));
        let leaves = if self.outlook.is_by_road() { WITHDRAW_SHARE_BY_ROAD } else { 0.5 };
        let out_of_view = self.turned_away()
            || probability < watch_probability * leaves
            || eta_s > view_s * WATCH_SLACK;
        if out_of_view && !is_there {
            // Nobody who was not warned need be told that there is nothing to be warned of.
            if self.alert.take().is_some() {
                self.bar();
            }
            return None;
        }
        if !site.is_closed() {
            if let Some(raise) = self.raise(moment, site, motion.track().interval_s()) {
                return Some(Say::Raised(raise));
            }
            self.raise_at = self.unheard_at(moment, site);
        }
        if self.alert.is_none() && probability >= watch_probability && eta_s <= rules.watch_s {
            self.nearest_m = self.straight_m;
            return Some(Say::Watch);
        }
        None
    }

    fn raise(&self, moment: &Moment<'_>, site: &Site, interval_s: f64) -> Option<Raise> {
        let (rules, outlook, age_s) = (moment.rules, &self.outlook, moment.age_s());
        let lead_s = lead_s(rules, site);
        let mut needed = self.raise_probability(rules);
        if outlook.is_by_road() && outlook.eta_s - age_s < lead_s {
            needed = needed.max((needed * LATE_TIMES).min(LATE_MOST));
        }
        let likely = outlook.probability >= needed;
        if self.presence.is_there() {
            Some(Raise::There)
        } else if likely && outlook.eta_early_s - age_s <= lead_s + interval_s {
            Some(Raise::LastMoment)
        } else if outlook.probability >= rules.sure_probability
            && outlook.eta_s - age_s <= rules.watch_s.max(lead_s)
        {
            Some(Raise::Sure)
        } else if moment.begins
            && outlook.distance_m <= NEAR_M
            && outlook.probability >= self.near_probability(rules)
        {
            Some(Raise::Near)
        } else {
            None
        }
    }

    /// When the last moment comes if no further fix does: the vehicle is taken to go on as it went.
    /// Not where it stands; not beyond the time for which a way is assumed at all.
    fn unheard_at(&self, moment: &Moment<'_>, site: &Site) -> Option<Time> {
        let outlook = &self.outlook;
        let wait_s = outlook.eta_early_s - lead_s(moment.rules, site);
        let waits = outlook.probability >= self.raise_probability(moment.rules)
            && outlook.evidence.standing_s < STANDING_S
            && wait_s <= moment.rules.gap_s;
        waits.then(|| self.as_of.plus_seconds(wait_s)).filter(|due| *due > moment.now)
    }

    /// Whether a raised alert is to be updated or withdrawn.
    fn maintain(&mut self, moment: &Moment<'_>, site: &Site, before_m: f64) -> Option<Say> {
        let low = self.is_low_for_good(moment);
        let (rules, outlook) = (moment.rules, &self.outlook);
        let alert = self.alert.as_ref()?;
        if !self.presence.is_there() {
            if let Some(gap_s) = moment.gap_s
                && self.straight_m > before_m + away_m(before_m)
            {
                return Some(Say::Withdrawn(Ended::Unknown { gap_s }));
            }
            if self.turned_away() {
                return Some(Say::Withdrawn(Ended::TurnedAway));
            }
            if low {
                return Some(Say::Withdrawn(Ended::Unlikely));
            }
        }
        let stage = self.stage(rules, site, moment.now) != alert.stage;
        let moved_s = self.eta_at(moment.now).seconds_since(alert.eta_at).abs();
        let left_s = alert.eta_at.seconds_since(moment.now).max(ETA_FLOOR_S);
        let eta = if outlook.evidence.standing_s >= STANDING_S {
            moved_s > STANDING_NEWS_S
        } else {
            moved_s > left_s * rules.update_eta_share
        };
        let eta = eta && !self.presence.is_there();
        let moved = (self.probability() - alert.probability).abs();
        let updated = stage || eta || moved > rules.update_probability;
        updated.then_some(Say::Updated { stage, eta })
    }

    /// Whether the probability does not carry a raised alert any more.
    fn is_low_for_good(&mut self, moment: &Moment<'_>) -> bool {
        let (rules, probability) = (moment.rules, self.outlook.probability);
        if !self.outlook.is_by_road() {
            self.low_since = None;
            return probability < withdraw_probability(rules);
        }
        let share = rules.raise_probability_by_road * WITHDRAW_SHARE_BY_ROAD;
        if probability >= rules.withdraw_probability.min(share) {
            self.low_since = None;
            return false;
        }
        let since = *self.low_since.get_or_insert(moment.here.time);
        moment.here.time.seconds_since(since) >= LOW_S
    }

    /// The probability from which a vehicle near the checkpoint is told of as soon as it is flagged.
    fn near_probability(&self, rules: &Rules) -> f64 {
        if self.outlook.is_by_road() {
            rules.raise_probability_by_road
        } else {
            withdraw_probability(rules)
        }
    }

    /// The probability that raises an alert. Geometry's estimates are too high in dense streets, so
    /// that they must show more.
    fn raise_probability(&self, rules: &Rules) -> f64 {
        if self.outlook.is_by_road() {
            rules.raise_probability_by_road
        } else {
            rules.raise_probability
        }
    }

    fn turned_away(&self) -> bool {
        self.away >= AWAY_FIXES && self.straight_m > self.nearest_m + away_m(self.nearest_m)
    }
}

/// The probability below which a raised alert is withdrawn: always well below the one that raises.
fn withdraw_probability(rules: &Rules) -> f64 {
    rules.withdraw_probability.min(rules.raise_probability * WITHDRAW_SHARE)
}

/// How much further is clearly away.
fn away_m(distance_m: f64) -> f64 {
    (distance_m * AWAY_SHARE).max(AWAY_M)
}
