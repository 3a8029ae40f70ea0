//! [`Watched`]: a flagged vehicle, and all that is durable of it.

use std::collections::BTreeMap;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::alarms::Reported;
use crate::approach::{
    Approach, Ended, LOOK_SLACK, Moment, Motion, Raise, RoadLook, Say, Track, lead_s,
};
use crate::geo::Site;
use crate::judge::Sight;
use crate::regions::Regions;
use crate::roads::{RoadApproach, Roads};
use crate::silence::{Silence, Way};
use crate::subject::{Newest, Subject};
use crate::{
    AlertReport, CheckpointId, Decided, Decision, Event, Flag, FlagEnd, FlagId, Rules, Type,
    UnitId, Vehicle, VehicleId,
};

/// When a vehicle begins to be watched, an older fix says nothing of where it is.
const OLDEST_S: f64 = 86_400.0;

/// By road further ahead is looked, as many times the view: a detour does not end an alert.
const ROAD_SLACK: f64 = 2.5;

/// What a flagged vehicle is looked at with.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) sites: &'a BTreeMap<CheckpointId, Site>,
    pub(crate) regions: &'a Regions,
    pub(crate) roads: Option<&'a Roads>,
    /// The units above each, nearest first.
    pub(crate) above: &'a BTreeMap<UnitId, Vec<UnitId>>,
    pub(crate) now: Time,
}

impl Scene<'_> {
    /// The units above one, nearest first.
    pub(crate) fn above(&self, unit: &UnitId) -> &[UnitId] {
        self.above.get(unit).map_or(&[], Vec::as_slice)
    }
}

/// How a flag ends, and who says so.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'a> {
    pub(crate) kind: Type,
    pub(crate) end: FlagEnd,
    pub(crate) by: Option<&'a str>,
    pub(crate) note: Option<&'a str>,
}

/// A flagged vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) subject: Subject,
    track: Track,
    /// Its way by road, where there are roads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    road: Option<RoadApproach>,
    approaches: BTreeMap<CheckpointId, Approach>,
    #[serde(default)]
    pub(crate) silence: Silence,
}

/// How the newest fix is looked at.
#[derive(Clone, Copy)]
struct Look<'a> {
    /// The fix before it, unless too long ago.
    before: Option<Sight>,
    /// Seconds since that, where it is too long ago.
    gap_s: Option<f64>,
    /// Observing begins with this.
    begins: bool,
    /// One checkpoint, not all.
    only: Option<&'a CheckpointId>,
}

impl Look<'_> {
    const BEGINS: Self = Self { before: None, gap_s: None, begins: true, only: None };
}

impl Watched {
    pub(crate) fn new(vehicle: Vehicle) -> Self {
        Self {
            subject: Subject::new(vehicle),
            track: Track::default(),
            road: None,
            approaches: BTreeMap::new(),
            silence: Silence::default(),
        }
    }

    /// Takes a live fix in.
    pub(crate) fn observe(&mut self, scene: Scene<'_>, newest: Newest, events: &mut Vec<Event>) {
        let last = self.subject.newest.replace(newest);
        if !self.is_observed() {
            return;
        }
        let Some(last) = last else {
            self.begin(scene, events);
            return;
        };
        let step_s = newest.time.seconds_since(last.time);
        // Its tracker speaks again: whatever was seen meanwhile, it knows better.
        let returns = last.sighted.is_some() && newest.sighted.is_none();
        if step_s <= 0.0 && !returns {
            return;
        }
        if newest.sighted.is_none() {
            self.hear(scene, last, newest, events);
        }
        let gap_s = (step_s > scene.rules.gap_s).then_some(step_s);
        let changes = returns || last.sighted.is_none() && newest.sighted.is_some();
        if changes {
            // A receiver's errors and a witness's are not of one kind: no way leads through both.
            self.track = Track::default();
            self.road = None;
        } else if gap_s.is_some() {
            self.track.restart();
        }
        self.push(scene, newest);
        let doubted = newest.sighted.is_some_and(|sighted| sighted.is_doubted());
        let before = (gap_s.is_none() && !changes && !doubted).then(|| last.sight());
        self.look(scene, Look { before, gap_s, begins: false, only: None }, events);
    }

    /// Its tracker speaks: it is silent no more.
    fn hear(&mut self, scene: Scene<'_>, last: Newest, newest: Newest, events: &mut Vec<Event>) {
        let Some(heard_at) = self.silence.heard_at() else {
            self.silence.begin(scene.rules, newest);
            return;
        };
        let before = if last.sighted.is_some() { Newest { time: heard_at, ..last } } else { last };
        if let Some(broken) = self.silence.hear(scene.rules, scene.now, before, newest) {
            broken.tell(scene, &mut self.subject, last, events);
        }
    }

    /// Takes in a report that tells no place.
    pub(crate) fn report(&mut self, scene: Scene<'_>, reported: Reported, events: &mut Vec<Event>) {
        self.silence.notice(scene.rules, reported);
        let broken = self.silence.report(scene.rules, scene.now, reported.is_late);
        if let (Some(broken), Some(newest)) = (broken, self.subject.newest) {
            broken.tell(scene, &mut self.subject, newest, events);
        }
    }

    pub(crate) const fn id(&self) -> &VehicleId {
        &self.subject.vehicle.id
    }

    /// Forgets what was going on at checkpoints that are no more.
    pub(crate) fn forget_unknown(&mut self, sites: &BTreeMap<CheckpointId, Site>) {
        self.approaches.retain(|checkpoint, _| sites.contains_key(checkpoint));
    }

    /// Whether one of its flags has begun.
    fn is_observed(&self) -> bool {
        self.subject.flags.foremost().is_some()
    }

    /// Adds a flag, or replaces the one of the same identity.
    pub(crate) fn add(&mut self, scene: Scene<'_>, flag: &Flag, events: &mut Vec<Event>) {
        let was_observed = self.is_observed();
        self.subject.flags.add(flag.clone(), scene.now);
        let by = flag.applicant.as_deref();
        events.push(self.subject.flag_event(scene.now, Type::FlagAdded, flag, (None, by, None)));
        self.observation_changed(was_observed, scene, events);
    }

    /// Approves, rejects or renews a flag.
    pub(crate) fn decide(&mut self, scene: Scene<'_>, decided: &Decided, events: &mut Vec<Event>) {
        let (by, note) = (Some(decided.by.as_str()), decided.note.as_deref());
        let kind = match decided.decision {
            Decision::Approve => Type::FlagApproved,
            Decision::Renew { .. } => Type::FlagRenewed,
            Decision::Reject => {
                let (kind, end) = (Type::FlagRejected, FlagEnd::NotApproved);
                return self.end(scene, &decided.flag, Ending { kind, end, by, note }, events);
            }
        };
        let was_observed = self.is_observed();
        let Some(flag) = self.subject.flags.decide(decided).cloned() else { return };
        events.push(self.subject.flag_event(scene.now, kind, &flag, (None, by, note)));
        self.observation_changed(was_observed, scene, events);
    }

    /// Ends a flag and the alerts that rest on it.
    pub(crate) fn end(
        &mut self,
        scene: Scene<'_>,
        flag: &FlagId,
        Ending { kind, end, by, note }: Ending<'_>,
        events: &mut Vec<Event>,
    ) {
        let Some(ending) = self.subject.flags.get(flag).cloned() else { return };
        events.push(self.subject.flag_event(scene.now, kind, &ending, (Some(end), by, note)));
        let resting = self.resting_on(flag);
        for checkpoint in &resting {
            self.close(scene, checkpoint, Ended::Flag(end), events);
        }
        self.subject.flags.remove(flag);
        if !self.subject.flags.stand_at(scene.now) {
            self.subject.newest = None;
        }
        self.observation_changed(true, scene, events);
        // What the other flags are for has not ended: their alerts are opened in their name.
        if self.is_observed() {
            for checkpoint in &resting {
                self.look(scene, Look { only: Some(checkpoint), ..Look::BEGINS }, events);
            }
        }
    }

    /// Its vehicle was stopped: ends a flag's alerts, and raises nothing more for it.
    pub(crate) fn suspend(&mut self, scene: Scene<'_>, flag: &FlagId, events: &mut Vec<Event>) {
        let was_observed = self.is_observed();
        for checkpoint in self.resting_on(flag) {
            self.close(scene, &checkpoint, Ended::Intercepted, events);
        }
        self.subject.flags.suspend(flag);
        self.observation_changed(was_observed, scene, events);
    }

    /// The checkpoints whose alerts rest on a flag.
    fn resting_on(&self, flag: &FlagId) -> Vec<CheckpointId> {
        self.checkpoints_where(|approach| {
            approach.alert.as_ref().is_some_and(|alert| alert.flag == *flag)
        })
    }

    fn observation_changed(
        &mut self,
        was_observed: bool,
        scene: Scene<'_>,
        events: &mut Vec<Event>,
    ) {
        match (was_observed, self.is_observed()) {
            (false, true) => self.begin(scene, events),
            (true, false) => {
                self.track = Track::default();
                self.road = None;
                self.approaches.clear();
                self.silence = Silence::default();
            }
            _ => {}
        }
    }

    /// Does what is due at the scene's time.
    pub(crate) fn fire(&mut self, scene: Scene<'_>, events: &mut Vec<Event>) {
        while let Some((flag, approved)) = self.subject.flags.expired(scene.now) {
            let end = if approved { FlagEnd::Expired } else { FlagEnd::NotApproved };
            let ending = Ending { kind: Type::FlagExpired, end, by: None, note: None };
            self.end(scene, &flag, ending, events);
        }
        let was_observed = self.is_observed();
        if self.subject.flags.begin(scene.now) {
            self.observation_changed(was_observed, scene, events);
        }
        let is_due = |approach: &Approach| approach.raise_at.is_some_and(|due| due <= scene.now);
        for checkpoint in &self.checkpoints_where(is_due) {
            let site = scene.sites.get(checkpoint);
            if let (Some(site), Some(approach)) = (site, self.approaches.get_mut(checkpoint)) {
                approach.raise_at = None;
                let say = Say::Raised(Raise::Unheard);
                events.extend(self.subject.speak(scene, site, &self.track, approach, say));
            }
        }
        if self.silence.is_due(scene.now) {
            self.tell_silence(scene, None, events);
        }
    }

    fn tell_silence(
        &mut self,
        scene: Scene<'_>,
        only: Option<&CheckpointId>,
        events: &mut Vec<Event>,
    ) {
        let Self { silence, subject, track, road, .. } = self;
        silence.tell(scene, subject, Way { track, road: road.as_ref() }, only, events);
    }

    fn checkpoints_where(&self, holds: impl Fn(&Approach) -> bool) -> Vec<CheckpointId> {
        let of = self.approaches.iter().filter(|(_, approach)| holds(approach));
        of.map(|(checkpoint, _)| checkpoint.clone()).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        let raises = self.approaches.values().filter_map(|approach| approach.raise_at);
        raises.chain(self.subject.flags.next_due()).chain(self.silence.next_due()).min()
    }

    /// Looks at a checkpoint that is new or has changed.
    pub(crate) fn look_anew(
        &mut self,
        scene: Scene<'_>,
        checkpoint: &CheckpointId,
        events: &mut Vec<Event>,
    ) {
        if scene.sites.get(checkpoint).is_some_and(Site::is_closed) {
            self.close(scene, checkpoint, Ended::CheckpointClosed, events);
        }
        if self.is_observed() {
            self.look(scene, Look { only: Some(checkpoint), ..Look::BEGINS }, events);
        }
        if self.silence.is_news_to(checkpoint) {
            self.tell_silence(scene, Some(checkpoint), events);
        }
    }

    /// Ends an alert for a reason that is not the vehicle's.
    pub(crate) fn close(
        &mut self,
        scene: Scene<'_>,
        checkpoint: &CheckpointId,
        ended: Ended,
        events: &mut Vec<Event>,
    ) {
        if ended == Ended::CheckpointRemoved {
            self.silence.forget(checkpoint);
        }
        let site = scene.sites.get(checkpoint);
        let (Some(site), Some(approach)) = (site, self.approaches.get_mut(checkpoint)) else {
            return;
        };
        if approach.is_raised() {
            let say = Say::Withdrawn(ended);
            events.extend(self.subject.speak(scene, site, &self.track, approach, say));
        }
        approach.forget_alert();
        if ended == Ended::CheckpointRemoved || !approach.matters() {
            self.approaches.remove(checkpoint);
        }
    }

    /// Alerts that have been raised and still stand, as they are by the newest fix.
    pub(crate) fn alerts<'a>(
        &'a self,
        rules: &'a Rules,
        sites: &'a BTreeMap<CheckpointId, Site>,
        (now, roads): (Time, Option<&'a Roads>),
    ) -> impl Iterator<Item = AlertReport> + 'a {
        self.approaches.iter().filter_map(move |(checkpoint, approach)| {
            let site = sites.get(checkpoint)?;
            let mut alert = approach.alert.clone().filter(|alert| alert.raised)?;
            alert.stage = approach.stage(rules, site, now);
            alert.eta_at = approach.eta_at(now);
            alert.probability = approach.probability();
            self.subject.report(site, approach, &alert, self.subject.newest?, (now, roads))
        })
    }

    /// So many checkpoints at most that it comes to: those with alerts, then those where it can be
    /// soonest.
    pub(crate) fn comes_to(&self, most: usize) -> Vec<&CheckpointId> {
        let approaches = self.approaches.iter();
        let mut to: Vec<(bool, f64, &CheckpointId)> = approaches
            .map(|(id, approach)| (approach.alert.is_none(), approach.outlook.eta_s, id))
            .collect();
        if to.len() > most {
            to.select_nth_unstable_by(most, |a, b| {
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2))
            });
            to.truncate(most);
        }
        to.into_iter().map(|(_, _, id)| id).collect()
    }

    /// Begins to look, from the newest fix that there is.
    fn begin(&mut self, scene: Scene<'_>, events: &mut Vec<Event>) {
        self.track = Track::default();
        self.road = None;
        if let Some(newest) = self.subject.newest
            && scene.now.seconds_since(newest.time) <= OLDEST_S
        {
            self.push(scene, newest);
            if newest.sighted.is_none() {
                self.silence.begin(scene.rules, newest);
            }
            self.look(scene, Look::BEGINS, events);
        }
    }

    fn push(&mut self, scene: Scene<'_>, newest: Newest) {
        self.track.push(newest.time, &newest.fix);
        // What was seen is known too roughly to say on which road that was.
        match scene.roads.filter(|_| newest.sighted.is_none()) {
            Some(roads) => {
                let road = self.road.get_or_insert_default();
                road.observe(roads, newest.time, &newest.fix);
            }
            None => self.road = None,
        }
    }

    fn look(&mut self, scene: Scene<'_>, look: Look<'_>, events: &mut Vec<Event>) {
        let (Some(motion), Some(newest)) = (Motion::of(&self.track), self.subject.newest) else {
            return;
        };
        let here = newest.sight();
        let moment = Moment {
            rules: scene.rules,
            now: scene.now,
            here,
            before: look.before,
            gap_s: look.gap_s,
            begins: look.begins,
        };
        let by_road = road_look(self.road.as_ref(), scene, here.time, look.begins);
        let step_m = look.before.map_or(0.0, |before| motion.distance_m(before.position));
        let mut passed_ring = None;
        let mut walk = by_road.as_ref().map(RoadLook::walk);
        for (checkpoint, site) in scene.sites {
            if look.only.is_some_and(|only| only != checkpoint)
                || !self.subject.is_looked_for_at(scene, site)
            {
                continue;
            }
            let view_s = scene.rules.watch_s.max(lead_s(scene.rules, site)) * LOOK_SLACK;
            let look_m = motion.reach_m(view_s).max(step_m + site.radius_m);
            let by_road = walk.as_mut().and_then(|walk| walk.to(checkpoint));
            let comes = match by_road {
                Some(road) => road.tells(),
                None => site.at_least_m(motion.plane()) <= look_m,
            };
            if !comes && !self.approaches.contains_key(checkpoint) {
                continue;
            }
            let mut straight = motion.outlook(site);
            if let Some(sighted) = newest.sighted {
                sighted.widen(&mut straight);
                let raised = |approach: &Approach| approach.is_raised();
                // What could as well be wrong takes back nothing that somebody acts on.
                if sighted.is_doubted() && self.approaches.get(checkpoint).is_some_and(raised) {
                    continue;
                }
            }
            let straight_m = straight.distance_m;
            let (mut outlook, passed) = match by_road {
                Some(road) => (road.outlook(straight), road.passed),
                None => (straight, None),
            };
            if let Some(road) = by_road.filter(|_| look.begins) {
                road.fill_in_way(&mut outlook);
            }
            let approach = self
                .approaches
                .entry(checkpoint.clone())
                .or_insert_with(|| Approach::new(outlook.clone(), straight_m, here.time));
            let say = approach.follow(&moment, site, &motion, outlook, passed);
            if let Some(road) = by_road.filter(|_| say.is_some() || approach.may_be_told()) {
                road.fill_in_way(&mut approach.outlook);
            }
            if matches!(say, Some(Say::Passed { .. })) {
                passed_ring = site.checkpoint.ring.max(passed_ring);
            }
            if let Some(say) = say {
                events.extend(self.subject.speak(scene, site, &self.track, approach, say));
            }
            if !approach.matters() {
                self.approaches.remove(checkpoint);
            }
        }
        if let Some(ring) = passed_ring {
            self.hand_on(scene, ring, events);
        }
    }

    /// It passed a checkpoint of a ring: who is in its view further out is told without waiting for
    /// the last moment.
    fn hand_on(&mut self, scene: Scene<'_>, ring: u8, events: &mut Vec<Event>) {
        let further = scene.sites.values().filter_map(|site| site.checkpoint.ring);
        let Some(next) = further.filter(|further| *further > ring).min() else { return };
        let watched = |approach: &Approach| !approach.is_raised() && approach.alert.is_some();
        for checkpoint in &self.checkpoints_where(watched) {
            let site = scene.sites.get(checkpoint);
            let site = site.filter(|site| site.checkpoint.ring == Some(next) && !site.is_closed());
            if let (Some(site), Some(approach)) = (site, self.approaches.get_mut(checkpoint)) {
                let say = Say::Raised(Raise::HandedOn);
                events.extend(self.subject.speak(scene, site, &self.track, approach, say));
            }
        }
    }
}

/// What the roads tell, where there are any and the vehicle is on one.
fn road_look<'a>(
    road: Option<&'a RoadApproach>,
    scene: Scene<'a>,
    newest: Time,
    anew: bool,
) -> Option<RoadLook<'a>> {
    let leads = scene.sites.values().map(|site| lead_s(scene.rules, site));
    let view_s = leads.fold(scene.rules.watch_s, f64::max);
    RoadLook::of(scene.roads?, road?, newest, view_s * ROAD_SLACK, anew)
}
