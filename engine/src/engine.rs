//! [`Engine`]: one shard of the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interdict_protocols::{DeviceId, Fix, Time};

use crate::alarms::Alarms;
use crate::approach::Ended;
use crate::fleet::{Fleet, Map};
use crate::geo::Site;
use crate::handling::{Chain, Desk};
use crate::judge::Judge;
use crate::patrols::Patrols;
use crate::regions::Regions;
use crate::roads::Roads;
use crate::silence::{SIGN_S, SIGNS};
use crate::snapshot::Change;
use crate::timers::Timers;
use crate::watched::{Ending, Scene, Watched};
use crate::{
    AlarmRule, AlertReport, Checkpoint, CheckpointId, Class, Data, Deadlines, Decided, Decision,
    Event, EventId, Flag, FlagId, FlagRefusal, Handled, Input, Lane, Position, Record, RecordId,
    Refusal, Rules, Setup, SilenceReport, Type, Unit, UnitId, Vehicle, VehicleId,
};

/// How often what has grown old is looked for and forgotten.
const FORGET_EVERY_S: f64 = 3_600.0;
/// What is kept of patrol vehicles, wrong clocks and outliers.
const KEPT_S: f64 = 86_400.0;

/// One shard of the fleet and all that is known of it.
///
/// The order of work for each input is [`Self::prepare`], [`Self::apply`], and only then the next
/// input: `prepare` judges by what has been applied. Nobody is told of the events, and no device is
/// answered, before the record (if [`crate::Prepared::durable`]) and its events are safe; where they cannot
/// be made safe, they are kept and tried again, or the engine is thrown away and made anew from
/// the last snapshot and the records after it.
pub struct Engine {
    pub(crate) rules: Rules,
    pub(crate) regions: Regions,
    pub(crate) alarm_rules: Vec<AlarmRule>,
    /// Until when alarms of a class flag nothing.
    pub(crate) held_until: BTreeMap<Class, Time>,
    pub(crate) now: Time,
    pub(crate) fleet: Fleet,
    pub(crate) judge: Judge,
    pub(crate) alarms: Alarms,
    pub(crate) patrols: Patrols,
    pub(crate) sites: BTreeMap<CheckpointId, Site>,
    /// With the sites on them; the large parts are shared with other engines.
    pub(crate) roads: Option<Roads>,
    /// The same roads with a checkpoint on them that is about to be placed.
    prepared_roads: Option<Arc<Roads>>,
    pub(crate) changes: BTreeMap<CheckpointId, Change>,
    pub(crate) watched: Map<VehicleId, Watched>,
    /// What people have to do with, by vehicle.
    pub(crate) desks: Map<VehicleId, Desk>,
    /// The units whose people have a client open.
    pub(crate) live: BTreeSet<UnitId>,
    deadlines: Option<Deadlines>,
    /// The units above each, nearest first.
    above: BTreeMap<UnitId, Vec<UnitId>>,
    pub(crate) timers: Timers,
    /// When to look for what has grown old; `None` while there is nothing that could.
    pub(crate) forget_at: Option<Time>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Setup::default())
    }
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let regions = Regions::new(&setup);
        let above = chains(&setup.units);
        let Setup { rules, deadlines, checkpoints, roads, alarm_rules, .. } = setup;
        let roads = roads.map(|roads| {
            let mut roads = Roads::clone(&roads);
            roads.place_only(&checkpoints);
            roads
        });
        let site = |checkpoint: Checkpoint| (checkpoint.id.clone(), Site::new(checkpoint));
        Self {
            rules,
            regions,
            alarm_rules,
            held_until: BTreeMap::new(),
            now: Time::default(),
            fleet: Fleet::default(),
            judge: Judge::default(),
            alarms: Alarms::default(),
            patrols: Patrols::default(),
            sites: checkpoints.into_iter().map(site).collect(),
            roads,
            prepared_roads: None,
            changes: BTreeMap::new(),
            watched: Map::default(),
            desks: Map::default(),
            live: BTreeSet::new(),
            deadlines,
            above,
            timers: Timers::default(),
            forget_at: None,
        }
    }

    /// Fires what is due at or before the record's time, then applies the record.
    ///
    /// What leads to events is taken from durable state and from `record.used` alone.
    pub fn apply(&mut self, record: &Record, events: &mut Vec<Event>) {
        self.advance(record.at, events);
        let said = events.len();
        match &record.input {
            Input::Vehicle(vehicle) => {
                self.patrols.enrol(vehicle);
                self.fleet.enrol(vehicle.clone());
            }
            Input::Login { device, .. } => self.alarms.login(device),
            Input::Fix(observation) => self.apply_fix(record, observation, events),
            Input::Report { .. } => self.apply_report(record, events),
            Input::Sighting(sighting) => self.with_followed(&sighting.vehicle, |watched, scene| {
                watched.subject.touched_by(record.id);
                watched.sight(scene, sighting, &record.used, events);
            }),
            Input::Conflict(conflict) => self.apply_conflict(record, conflict, events),
            Input::Flag(flag) => self.watch_for(record, flag, events),
            Input::Withdraw { flag, vehicle, reason, note, by } => {
                let (by, note) = (by.as_deref(), note.as_deref());
                let ending = Ending { kind: Type::FlagWithdrawn, end: *reason, by, note };
                self.with_watched(vehicle, |watched, scene| {
                    watched.subject.touched_by(record.id);
                    watched.end(scene, flag, ending, events);
                });
            }
            Input::Decide(decided) => self.decide(record, decided, events),
            Input::Checkpoint(checkpoint) => {
                self.change(&checkpoint.id, record.id, Some(checkpoint.clone()), events);
            }
            Input::Forget(flag) => self.forget(flag),
            Input::Placed(checkpoint) => self.place(checkpoint, events),
            Input::RemoveCheckpoint(checkpoint) => {
                self.change(checkpoint, record.id, None, events);
            }
            Input::Handle(handled) => self.handle(handled, events),
            Input::MassAlarm(mass) => self.hold_flags(record, mass, events),
            Input::Live { unit, live: true } => {
                self.live.insert(unit.clone());
            }
            Input::Live { unit, live: false } => {
                self.live.remove(unit);
            }
        }
        self.put_on_desks(said, events);
        // A flag may have ended before it was added.
        self.advance(record.at, events);
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.timers.next_due().into_iter().chain(self.forget_at).min()
    }

    /// Fires what is due at or before `now`, in order of due time and then of vehicle; the events
    /// bear the time at which they were due. Calling it early, late or for nothing changes nothing.
    pub fn advance(&mut self, now: Time, events: &mut Vec<Event>) {
        let now = now.max(self.now);
        while let Some((due, vehicle)) = self.timers.take_due(now) {
            self.now = self.now.max(due);
            let said = events.len();
            self.with_watched(&vehicle, |watched, scene| watched.fire(scene, events));
            self.put_on_desks(said, events);
            if let (Some(desk), Some(deadlines)) = (self.desks.get_mut(&vehicle), &self.deadlines) {
                desk.fire(deadlines, self.now, events);
            }
            self.set_timer(&vehicle);
        }
        self.now = now;
        if self.forget_at.is_some_and(|due| due <= now) {
            let before = now.plus_seconds(-KEPT_S);
            self.fleet.forget(now);
            self.alarms.forget(now);
            self.patrols.forget(before);
            self.judge.forget(before);
            self.forget_at = Some(now.plus_seconds(FORGET_EVERY_S));
        }
    }

    /// Takes in what another shard's patrol vehicle reports, so that it can be named among the
    /// nearest units: its enrolment and its fixes, in the order of all inputs. Nothing of it is
    /// durable, and of its alarms nothing is said here.
    pub fn overhear(&mut self, at: Time, input: &Input) {
        let at = at.max(self.now);
        match input {
            Input::Vehicle(vehicle) => self.patrols.enrol(vehicle),
            Input::Fix(observation) => {
                let last = self.patrols.sight(&observation.vehicle);
                let judged = self.judge.judge(&self.rules, at, observation, last);
                self.judge.observe(&self.rules, at, observation, judged);
                if judged.lane == Lane::Live {
                    self.patrols.observe(observation, judged);
                }
                self.remember_to_forget();
            }
            _ => {}
        }
    }

    pub(crate) fn remember_to_forget(&mut self) {
        if self.forget_at.is_none() {
            self.forget_at = Some(self.now.plus_seconds(FORGET_EVERY_S));
        }
    }

    pub(crate) fn watch_for(&mut self, record: &Record, flag: &Flag, events: &mut Vec<Event>) {
        if !self.watched.contains_key(&flag.vehicle) {
            let vehicle = record.used.vehicle.clone();
            let vehicle = vehicle.unwrap_or_else(|| Vehicle::unknown(flag.vehicle.clone()));
            let mut watched = Watched::new(vehicle);
            for (alarm, at) in self.alarms.told_of(&flag.vehicle, &SIGNS, record.at, SIGN_S) {
                watched.silence.sign(alarm, at);
            }
            self.watched.insert(flag.vehicle.clone(), watched);
        }
        self.with_watched(&flag.vehicle, |watched, scene| {
            watched.subject.used(record);
            if flag.is_in_force() {
                watched.subject.follow(scene.now, record.used.last);
            }
            watched.add(scene, flag, events);
        });
    }

    fn decide(&mut self, record: &Record, decided: &Decided, events: &mut Vec<Event>) {
        if self.check_decided(decided).is_err() {
            return;
        }
        self.with_watched(&decided.vehicle, |watched, scene| {
            if decided.decision == Decision::Approve {
                watched.subject.used(record);
                watched.subject.follow(scene.now, record.used.last);
            } else {
                watched.subject.touched_by(record.id);
            }
            watched.decide(scene, decided, events);
        });
    }

    /// Works on a flagged vehicle and sees to its timers; forgets it once it has no flags.
    pub(crate) fn with_watched(
        &mut self,
        vehicle: &VehicleId,
        work: impl FnOnce(&mut Watched, Scene<'_>),
    ) {
        let Some(watched) = self.watched.get_mut(vehicle) else { return };
        let scene = Scene {
            rules: &self.rules,
            sites: &self.sites,
            regions: &self.regions,
            roads: self.roads.as_ref(),
            above: &self.above,
            now: self.now,
        };
        work(watched, scene);
        if watched.subject.flags.is_empty() {
            self.watched.remove(vehicle);
        }
        self.set_timer(vehicle);
    }

    /// Works on a flagged vehicle unless all of its flags still wait for an approval: of such a
    /// vehicle nothing is kept.
    pub(crate) fn with_followed(
        &mut self,
        vehicle: &VehicleId,
        work: impl FnOnce(&mut Watched, Scene<'_>),
    ) {
        let now = self.now;
        if self.watched.get(vehicle).is_some_and(|watched| watched.subject.flags.stand_at(now)) {
            self.with_watched(vehicle, work);
        }
    }

    /// Sees to when a vehicle is to be looked at although nothing was heard.
    pub(crate) fn set_timer(&mut self, vehicle: &VehicleId) {
        if self.desks.get(vehicle).is_some_and(Desk::is_empty) {
            self.desks.remove(vehicle);
        }
        let watched = self.watched.get(vehicle).and_then(Watched::next_due);
        let desk = self.desks.get(vehicle).and_then(Desk::next_due);
        self.timers.set(vehicle, watched.into_iter().chain(desk).min());
    }

    /// Puts what was said of alerts, from the event numbered `from` on, on people's desks.
    fn put_on_desks(&mut self, from: usize, events: &mut Vec<Event>) {
        let Some(deadlines) = &self.deadlines else { return };
        let mut beside = Vec::new();
        let mut vehicles = BTreeSet::new();
        for event in events.iter_mut().skip(from) {
            if let Some((flag, end)) = event.recalls()
                && let Some(vehicle) = event.vehicle()
                && let Some(desk) = self.desks.get_mut(vehicle)
            {
                desk.recall(flag, end, event.time, &mut beside);
                vehicles.insert(vehicle.clone());
            }
            let Data::Alert(report) = &event.data else { continue };
            let (vehicle, checkpoint) = (report.vehicle.id.clone(), report.checkpoint.id.clone());
            let chain = Chain {
                deadlines,
                above: &self.above,
                live: &self.live,
                state: self.sites.get(&checkpoint).map(|site| site.checkpoint.state),
                now: event.time,
            };
            beside.extend(self.desks.entry(vehicle.clone()).or_default().hear(event, &chain));
            vehicles.insert(vehicle);
        }
        events.append(&mut beside);
        for vehicle in &vehicles {
            self.set_timer(vehicle);
        }
    }

    fn forget(&mut self, flag: &FlagId) {
        let desks = self.desks.iter_mut();
        let changed =
            desks.filter_map(|(vehicle, desk)| desk.forget(flag).then(|| vehicle.clone()));
        for vehicle in changed.collect::<BTreeSet<_>>() {
            self.set_timer(&vehicle);
        }
    }

    fn handle(&mut self, handled: &Handled, events: &mut Vec<Event>) {
        let (Some(desk), Some(deadlines)) = (self.desks.get_mut(&handled.vehicle), &self.deadlines)
        else {
            return;
        };
        let Some((event, suspended)) = desk.take(handled, deadlines, self.now) else { return };
        events.push(event);
        if let Some(flag) = suspended {
            self.with_watched(&handled.vehicle, |watched, scene| {
                watched.suspend(scene, &flag, events);
            });
        }
        self.set_timer(&handled.vehicle);
    }

    fn change(
        &mut self,
        id: &CheckpointId,
        by: RecordId,
        checkpoint: Option<Checkpoint>,
        events: &mut Vec<Event>,
    ) {
        let removed = checkpoint.is_none();
        if let Some(checkpoint) = checkpoint.clone() {
            if let Some(roads) = &mut self.roads
                && !roads.has_placed(&checkpoint)
            {
                roads.remove(id);
            }
            self.sites.insert(id.clone(), Site::new(checkpoint));
        }
        self.with_each_watched(|watched, scene| {
            if removed {
                watched.close(scene, id, Ended::CheckpointRemoved, events);
            } else {
                watched.look_anew(scene, id, events);
            }
        });
        if removed {
            if let Some(roads) = &mut self.roads {
                roads.remove(id);
            }
            self.sites.remove(id);
        }
        self.changes.insert(id.clone(), Change { by, checkpoint, off_road: false });
    }

    /// Puts a checkpoint on the roads: as they were prepared, else by the search that this takes.
    fn place(&mut self, id: &CheckpointId, events: &mut Vec<Event>) {
        let prepared = self.prepared_roads.take();
        let (Some(site), Some(roads)) = (self.sites.get(id), &mut self.roads) else { return };
        let checkpoint = &site.checkpoint;
        if roads.has_placed(checkpoint) {
            return;
        }
        if !prepared.is_some_and(|prepared| roads.place_as(&prepared, checkpoint)) {
            roads.place(checkpoint);
        }
        self.with_each_watched(|watched, scene| watched.look_anew(scene, id, events));
    }

    /// Works on every flagged vehicle, in order of identity.
    fn with_each_watched(&mut self, mut work: impl FnMut(&mut Watched, Scene<'_>)) {
        let mut vehicles: Vec<VehicleId> = self.watched.keys().cloned().collect();
        vehicles.sort_unstable();
        for vehicle in &vehicles {
            self.with_watched(vehicle, &mut work);
        }
    }

    /// Lends the engine its roads with one more checkpoint on them, so that the next
    /// [`Input::Placed`] need not search; what is said does not depend on it.
    pub fn prepare_roads(&mut self, roads: Arc<Roads>) {
        self.prepared_roads = Some(roads);
    }

    /// The roads with the checkpoints on them.
    #[must_use]
    pub const fn roads(&self) -> Option<&Roads> {
        self.roads.as_ref()
    }

    /// Takes another engine's roads in place of its own, where they are the same, so that what was
    /// placed at run time is in memory once.
    pub fn share_roads(&mut self, roads: &Roads) {
        if self.roads.as_ref() == Some(roads) {
            self.roads = Some(roads.clone());
        }
    }
}

/// Questions.
impl Engine {
    /// A vehicle's last live fix with its repaired time, and when it came. Of an unflagged vehicle
    /// there is none older than a day.
    #[must_use]
    pub fn last_fix(&self, vehicle: &VehicleId) -> Option<(Fix, Time)> {
        self.fleet.last(vehicle, self.now)
    }

    /// The platform's device that the last fix is from; `None` where a tracker of the vehicle gave it.
    #[must_use]
    pub fn platform_of(&self, vehicle: &VehicleId) -> Option<&DeviceId> {
        self.judge.voices.platform(vehicle)
    }

    /// What is known of a vehicle.
    #[must_use]
    pub fn vehicle(&self, vehicle: &VehicleId) -> Option<&Vehicle> {
        let watched = || self.watched.get(vehicle).map(|watched| &watched.subject.vehicle);
        self.fleet.vehicle(vehicle).or_else(watched)
    }

    /// The flags that stand, by vehicle and identity, those included that have not begun.
    pub fn flags(&self) -> impl Iterator<Item = &Flag> {
        self.in_order().into_iter().flat_map(|watched| watched.subject.flags.iter())
    }

    /// Whether a flag raises nothing more, since its vehicle was stopped.
    #[must_use]
    pub fn is_suspended(&self, vehicle: &VehicleId, flag: &FlagId) -> bool {
        let watched = self.watched.get(vehicle);
        watched.is_some_and(|watched| watched.subject.flags.is_suspended(flag))
    }

    /// The alerts that have been raised and still stand, by vehicle and checkpoint, as they
    /// are by the newest fix, with the ETA counted down to `at` and the reason that was said last.
    #[must_use]
    pub fn alerts(&self, at: Time) -> Vec<AlertReport> {
        self.in_order()
            .into_iter()
            .flat_map(|watched| watched.alerts(&self.rules, &self.sites, (at, self.roads.as_ref())))
            .map(|mut report| {
                if let Some(desk) = self.desks.get(&report.vehicle.id) {
                    desk.complete(&mut report);
                }
                report
            })
            .collect()
    }

    /// The flagged vehicles that are not heard any more, by vehicle, as it stands at `at`: for each
    /// checkpoint that they may soon reach, or once where there is none.
    #[must_use]
    pub fn silences(&self, at: Time) -> Vec<SilenceReport> {
        let scene = Scene { now: at.max(self.now), ..self.scene() };
        self.in_order().into_iter().flat_map(|watched| watched.silences(scene)).collect()
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            rules: &self.rules,
            sites: &self.sites,
            regions: &self.regions,
            roads: self.roads.as_ref(),
            above: &self.above,
            now: self.now,
        }
    }

    /// The alerts whose vehicle has gone by or turned away, and that still want their outcome.
    #[must_use]
    pub fn alerts_to_dispose(&self) -> Vec<AlertReport> {
        let mut desks: Vec<_> = self.desks.iter().collect();
        desks.sort_unstable_by(|one, other| one.0.cmp(other.0));
        desks.into_iter().flat_map(|(_, desk)| desk.over()).cloned().collect()
    }

    /// An alert that wants its outcome, as it was told last.
    #[must_use]
    pub fn alert(&self, alert: &EventId) -> Option<&AlertReport> {
        self.desks.values().find_map(|desk| desk.alert(alert))
    }

    /// Whether somebody may do something about an alert.
    ///
    /// # Errors
    /// Why not.
    pub fn check_handled(&self, handled: &Handled) -> Result<(), Refusal> {
        self.desks.get(&handled.vehicle).ok_or(Refusal::Unknown)?.check(handled)
    }

    /// Whether somebody may decide something about a flag.
    ///
    /// # Errors
    /// Why not.
    pub fn check_decided(&self, decided: &Decided) -> Result<(), FlagRefusal> {
        let watched = self.watched.get(&decided.vehicle).ok_or(FlagRefusal::Unknown)?;
        let flag = watched.subject.flags.get(&decided.flag).ok_or(FlagRefusal::Unknown)?;
        decided.check(flag, self.now)
    }

    /// The units whose people have a client open.
    pub fn live_units(&self) -> impl Iterator<Item = &UnitId> {
        self.live.iter()
    }

    /// Vehicles whose last fix lies within `radius_m` of a place, with their distance in metres,
    /// nearest first.
    #[must_use]
    pub fn nearby(
        &self,
        latitude: f64,
        longitude: f64,
        radius_m: f64,
        now: Time,
    ) -> Vec<(VehicleId, f64)> {
        self.fleet.near(Position { latitude, longitude }, radius_m, now)
    }

    /// Whether a vehicle is looked for at present: only then is a sighting of it taken.
    #[must_use]
    pub fn is_followed(&self, vehicle: &VehicleId, at: Time) -> bool {
        self.watched.get(vehicle).is_some_and(|watched| watched.subject.flags.stand_at(at))
    }

    /// The middle of a checkpoint.
    #[must_use]
    pub fn place_of(&self, checkpoint: &CheckpointId) -> Option<Position> {
        self.sites.get(checkpoint).map(Site::centre)
    }

    /// The checkpoints, by identity.
    pub fn checkpoints(&self) -> impl Iterator<Item = &Checkpoint> {
        self.sites.values().map(|site| &site.checkpoint)
    }

    pub(crate) fn in_order(&self) -> Vec<&Watched> {
        let mut watched: Vec<&Watched> = self.watched.values().collect();
        watched.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        watched
    }
}

/// The units above each, nearest first.
fn chains(units: &[Unit]) -> BTreeMap<UnitId, Vec<UnitId>> {
    let parent = |id: &UnitId| units.iter().find(|unit| unit.id == *id)?.parent.clone();
    let chain = |unit: &Unit| {
        let mut above: Vec<UnitId> = Vec::new();
        let mut next = unit.parent.clone();
        // The configuration has no circles; an engine must not hang if one came from elsewhere.
        while let Some(id) = next.filter(|id| !above.contains(id)) {
            next = parent(&id);
            above.push(id);
        }
        (unit.id.clone(), above)
    };
    units.iter().map(chain).collect()
}
