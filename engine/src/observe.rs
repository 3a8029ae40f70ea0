//! What the engine makes of an input before it is applied, and of what devices report.

use interdict_protocols::{DeviceId, Fix, Time};

use crate::alarms::{Edges, Reported, event_id};
use crate::engine::Engine;
use crate::geo::{Plane, Site};
use crate::judge::{is_placed, position};
use crate::subject::Newest;
use crate::{
    AlarmReport, ConflictReport, Data, Decision, Disagreement, Event, EventId, Input, Judged, Lane,
    Observation, PROVISIONAL_S, PatrolPlace, Position, Record, RecordId, Sighting, Type, Used,
    Vehicle, VehicleId, VehicleView,
};

/// A live fix that took longer than this is told as late, too.
const LATE_S: f64 = 60.0;

/// What a conflict calls a tracker of which no more is known than that it is the vehicle's.
const OWN_TRACKER: &str = "its own tracker";

/// About how many checkpoints patrol vehicles are looked for.
const CHECKPOINTS: usize = 4;

/// A record still without a number, and whether it must be durable before anyone is told.
#[derive(Debug)]
pub struct Prepared {
    /// The record; number it with the next [`RecordId`] if it is durable.
    pub record: Record,
    /// Whether it must be durable. What is not makes no events.
    pub durable: bool,
}

impl Engine {
    /// Judges an input and fills in what its decisions will use.
    ///
    /// It leaves no trace: a record that is not applied after all never was.
    #[must_use]
    pub fn prepare(&self, at: Time, mut input: Input) -> Prepared {
        let at = at.max(self.now);
        if let Input::Fix(observation) = &mut input {
            tidy(&mut observation.fix);
        }
        let mut used = Used::default();
        let durable = match &input {
            Input::Vehicle(_) | Input::Login { .. } => false,
            Input::Fix(observation) => self.prepare_fix(at, observation, &mut used),
            Input::Report { .. } => self.prepare_report(at, &input, &mut used),
            Input::Sighting(sighting) => self.prepare_sighting(at, sighting, &mut used),
            Input::Flag(flag) => {
                used.vehicle = Some(self.enrolled(&flag.vehicle));
                if flag.is_in_force() {
                    self.prepare_to_follow(&flag.vehicle, at, &mut used);
                }
                true
            }
            Input::Decide(decided) => {
                if decided.decision == Decision::Approve {
                    used.vehicle = Some(self.enrolled(&decided.vehicle));
                    self.prepare_to_follow(&decided.vehicle, at, &mut used);
                }
                true
            }
            Input::Withdraw { .. }
            | Input::Conflict(_)
            | Input::Forget(_)
            | Input::Checkpoint(_)
            | Input::Placed(_)
            | Input::RemoveCheckpoint(_)
            | Input::Handle(_)
            | Input::MassAlarm(_)
            | Input::Live { .. } => true,
        };
        Prepared { record: Record { id: RecordId::default(), at, input, used }, durable }
    }

    fn prepare_to_follow(&self, vehicle: &VehicleId, at: Time, used: &mut Used) {
        used.last = self.fleet.last(vehicle, at).map(|(fix, _)| fix);
        if let Some(last) = used.last {
            used.patrols = self.patrols_about(vehicle, position(&last), at);
        }
    }

    fn prepare_fix(&self, at: Time, observation: &Observation, used: &mut Used) -> bool {
        let Observation { device, vehicle, fix } = observation;
        let last = self.fleet.sight(vehicle, at);
        let judged = self.judge.judge(&self.rules, at, observation, last);
        used.judged = Some(judged);
        used.disagreement = self.judge.disagreement(&self.rules, at, observation, judged, last);
        let edges = self.alarms.edges(device, Reported::by(fix, judged), at);
        self.use_edges(vehicle, edges, !is_placed(fix), at, used);
        let watched = if self.watched.is_empty() { None } else { self.watched.get(vehicle) };
        let Some(watched) = watched.filter(|watched| watched.subject.flags.stand_at(at)) else {
            return !edges.is_empty() || used.disagreement.is_some();
        };
        if judged.lane == Lane::Live {
            used.patrols = self.patrols_about(vehicle, position(fix), at);
        }
        let known = self.fleet.vehicle(vehicle);
        if known.is_some_and(|known| *known != watched.subject.vehicle) {
            used.vehicle = known.cloned();
        }
        true
    }

    /// Of a vehicle that nobody looks for nothing is kept, whoever saw it.
    fn prepare_sighting(&self, at: Time, sighting: &Sighting, used: &mut Used) -> bool {
        let watched = self.watched.get(&sighting.vehicle);
        let Some(watched) = watched.filter(|watched| watched.subject.flags.stand_at(at)) else {
            return false;
        };
        used.patrols = self.patrols_about(&sighting.vehicle, sighting.position(), at);
        let known = self.fleet.vehicle(&sighting.vehicle);
        if known.is_some_and(|known| *known != watched.subject.vehicle) {
            used.vehicle = known.cloned();
        }
        true
    }

    /// The patrol vehicles about a flagged vehicle and the checkpoints that it comes to; where it is
    /// not known yet whether it comes to any, about the nearest.
    fn patrols_about(&self, vehicle: &VehicleId, place: Position, at: Time) -> Vec<PatrolPlace> {
        if self.patrols.is_empty() {
            return Vec::new();
        }
        let to = self.watched.get(vehicle).map(|watched| watched.comes_to(CHECKPOINTS));
        let to = to.unwrap_or_default().into_iter().filter_map(|id| self.sites.get(id));
        let mut sites: Vec<&Site> = to.collect();
        if sites.is_empty() {
            let plane = Plane::at(place);
            sites = self.sites.values().collect();
            sites.sort_by_cached_key(|site| site.at_least_m(&plane) as u64);
            sites.truncate(CHECKPOINTS);
        }
        let places = sites.into_iter().map(Site::centre).chain([place]);
        self.patrols.about(places, vehicle, at)
    }

    fn prepare_report(&self, at: Time, input: &Input, used: &mut Used) -> bool {
        let Input::Report { device, vehicle, time, alarms, alarm_states } = input else {
            return false;
        };
        let stated = time.unwrap_or(at);
        let meant = self.judge.clocks.repaired(device, at, stated).min(at);
        let last = self.fleet.sight(vehicle, at);
        let late = last.is_some_and(|last| last.time.seconds_since(meant) > LATE_S);
        let lane = if late { Lane::Late } else { Lane::Live };
        let judged = Judged { lane, fix_time: meant };
        used.judged = Some(judged);
        let reported =
            Reported { on: *alarms, states: *alarm_states, stated, meant, is_late: late };
        let edges = self.alarms.edges(device, reported, at);
        self.use_edges(vehicle, edges, true, at, used);
        // That a flagged vehicle's tracker lives is not to be forgotten.
        let watched = self.watched.get(vehicle);
        !edges.is_empty() || watched.is_some_and(|watched| watched.subject.flags.stand_at(at))
    }

    fn use_edges(&self, vehicle: &VehicleId, edges: Edges, last: bool, at: Time, used: &mut Used) {
        if edges.is_empty() {
            return;
        }
        (used.began, used.ended) = (edges.began, edges.ended);
        used.vehicle = Some(self.enrolled(vehicle));
        if last {
            used.last = self.fleet.last(vehicle, at).map(|(fix, _)| fix);
        }
    }

    fn enrolled(&self, vehicle: &VehicleId) -> Vehicle {
        self.vehicle(vehicle).cloned().unwrap_or_else(|| Vehicle::unknown(vehicle.clone()))
    }

    pub(crate) fn apply_fix(
        &mut self,
        record: &Record,
        observation: &Observation,
        events: &mut Vec<Event>,
    ) {
        let Observation { device, vehicle, fix } = observation;
        let as_stated = Judged { lane: Lane::Live, fix_time: fix.fix_time };
        let judged = record.used.judged.unwrap_or(as_stated);
        self.judge.observe(&self.rules, self.now, observation, judged);
        if judged.lane == Lane::Live && self.fleet.observe(vehicle, self.now, fix, judged) {
            self.patrols.observe(observation, judged);
        }
        self.remember_to_forget();
        let reported = Reported::by(fix, judged);
        let place = if is_placed(fix) { Some(*fix) } else { record.used.last.or(Some(*fix)) };
        let age_s = self.now.seconds_since(judged.fix_time);
        let late = (judged.lane == Lane::Late || age_s > LATE_S).then_some(age_s);
        self.apply_alarms(record, (device, vehicle), reported, (place, late), events);
        if !self.watched.is_empty() {
            self.follow(record, observation, judged, reported, events);
        }
        if let Some(disagreement) = &record.used.disagreement {
            self.tell_disagreement(record, observation, disagreement, events);
        }
    }

    /// Takes a fix of a vehicle in that may be flagged.
    fn follow(
        &mut self,
        record: &Record,
        Observation { device, vehicle, fix }: &Observation,
        judged: Judged,
        reported: Reported,
        events: &mut Vec<Event>,
    ) {
        self.with_followed(vehicle, |watched, scene| {
            watched.subject.used(record);
            watched.silence.notice(scene.rules, reported);
            match judged.lane {
                Lane::Live => {
                    watched.subject.heard_from(device);
                    let newest = Newest { fix: *fix, time: judged.fix_time, sighted: None };
                    watched.observe(scene, newest, events);
                }
                // It says nothing of whether the tracker lives.
                Lane::Outranked => {}
                _ => watched.silence.speak(scene.now),
            }
        });
    }

    fn tell_disagreement(
        &mut self,
        record: &Record,
        Observation { device, vehicle, fix }: &Observation,
        disagreement: &Disagreement,
        events: &mut Vec<Event>,
    ) {
        self.judge.voices.told(vehicle, self.now);
        let name = |device: &Option<DeviceId>| {
            device.as_ref().map_or(OWN_TRACKER, DeviceId::as_str).to_owned()
        };
        let conflict = ConflictReport {
            device: device.clone(),
            vehicle: vehicle.clone(),
            believed: name(&disagreement.believed),
            held: name(&disagreement.held),
            apart_m: Some(disagreement.apart_m),
            fix: Some(*fix),
        };
        let mut id = EventId(format!("{}.0", record.id.0));
        // After what the fix itself brought about.
        self.with_watched(vehicle, |watched, _| {
            watched.subject.touched_by(record.id);
            id = watched.subject.next_id();
        });
        let data = Data::Conflict(conflict);
        events.push(Event { id, time: self.now, kind: Type::Conflict, data });
    }

    pub(crate) fn apply_report(&mut self, record: &Record, events: &mut Vec<Event>) {
        let Input::Report { device, vehicle, time, alarms, alarm_states } = &record.input else {
            return;
        };
        let stated = time.unwrap_or(record.at);
        let as_stated = Judged { lane: Lane::Live, fix_time: stated };
        let judged = record.used.judged.unwrap_or(as_stated);
        let is_late = judged.lane == Lane::Late;
        let reported = Reported {
            on: *alarms,
            states: *alarm_states,
            stated,
            meant: judged.fix_time,
            is_late,
        };
        let age_s = self.now.seconds_since(judged.fix_time);
        let late = (is_late || age_s > LATE_S).then_some(age_s);
        self.apply_alarms(record, (device, vehicle), reported, (record.used.last, late), events);
        self.with_followed(vehicle, |watched, scene| {
            watched.subject.touched_by(record.id);
            watched.report(scene, reported, events);
        });
    }

    fn apply_alarms(
        &mut self,
        record: &Record,
        (device, vehicle): (&DeviceId, &VehicleId),
        reported: Reported,
        (fix, age_s): (Option<Fix>, Option<f64>),
        events: &mut Vec<Event>,
    ) {
        let edges = Edges { began: record.used.began, ended: record.used.ended };
        self.alarms.observe((device, vehicle), reported, edges, self.now);
        if edges.is_empty() {
            return;
        }
        let known = record.used.vehicle.clone();
        let known = known.unwrap_or_else(|| Vehicle::unknown(vehicle.clone()));
        let place = fix.as_ref().filter(|fix| is_placed(fix)).map(position);
        let unit = place.and_then(|place| self.regions.unit_of(place)).cloned();
        let mut alarming = None;
        for (alarm, active) in edges.iter() {
            let rule = self.alarm_rule(known.class, alarm);
            let id = event_id(device, alarm, active, reported.stated);
            // What is older than the flag would last is no ground for one.
            let is_fresh = age_s.is_none_or(|age_s| age_s < PROVISIONAL_S);
            if active && is_fresh && rule.is_some_and(|rule| rule.provisional) {
                alarming.get_or_insert_with(|| (alarm, id.clone()));
            }
            let departments = rule.map(|rule| rule.departments.clone()).unwrap_or_default();
            let report = AlarmReport {
                device: device.clone(),
                vehicle: VehicleView::from(&known),
                alarm,
                active,
                fix,
                unit: unit.clone(),
                departments,
                age_s: age_s.map(|age_s| (age_s * 10.0).round() / 10.0),
            };
            events.push(Event {
                id,
                time: self.now,
                kind: Type::DeviceAlarm,
                data: Data::Alarm(Box::new(report)),
            });
        }
        if let Some((alarm, event)) = alarming.filter(|_| !self.holds_flags_of(known.class)) {
            self.flag_provisionally(record, (device, &known), (alarm, &event), events);
        }
    }

    pub(crate) fn apply_conflict(
        &mut self,
        record: &Record,
        conflict: &ConflictReport,
        events: &mut Vec<Event>,
    ) {
        let mut id = EventId(format!("{}.0", record.id.0));
        self.with_watched(&conflict.vehicle, |watched, _| {
            watched.subject.touched_by(record.id);
            id = watched.subject.next_id();
        });
        events.push(Event {
            id,
            time: self.now,
            kind: Type::Conflict,
            data: Data::Conflict(conflict.clone()),
        });
    }
}

/// Takes out of a fix what is no quantity: it could neither be written nor reckoned with.
fn tidy(fix: &mut Fix) {
    let is_place =
        (-90.0..=90.0).contains(&fix.latitude) && (-180.0..=180.0).contains(&fix.longitude);
    if !is_place {
        (fix.latitude, fix.longitude, fix.valid) = (0.0, 0.0, false);
    }
    fix.altitude_m = fix.altitude_m.filter(|metres| metres.is_finite());
    fix.speed_kmh = fix.speed_kmh.filter(|speed| speed.is_finite() && *speed >= 0.0);
    fix.course_deg = fix.course_deg.filter(|course| (0.0..=360.0).contains(course));
}
