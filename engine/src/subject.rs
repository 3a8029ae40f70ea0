//! [`Subject`]: a flagged vehicle itself, and the events that are said of it.

use interdict_protocols::{DeviceId, Fix, Time};
use serde::{Deserialize, Serialize};

use crate::approach::{Alert, Approach, Ended, Say, Track, why};
use crate::flags::Flags;
use crate::geo::Site;
use crate::judge::{Sight, position};
use crate::patrols::nearest_to;
use crate::roads::Roads;
use crate::watched::Scene;
use crate::{
    AlertReport, Data, Event, EventId, Flag, FlagEnd, FlagReport, Handling, Lane, PatrolPlace,
    Progress, Record, RecordId, Seen, Sighted, Stage, Type, Used, Vehicle, VehicleView,
};

/// A vehicle's newest live fix as its device stated it, and when it really was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newest {
    pub(crate) fix: Fix,
    pub(crate) time: Time,
    /// Where it is no fix of its tracker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sighted: Option<Sighted>,
}

impl Newest {
    /// As an event shows it.
    pub(crate) const fn seen(&self) -> Seen {
        Seen { fix: self.fix, sighted: self.sighted }
    }

    pub(crate) const fn sight(&self) -> Sight {
        Sight { time: self.time, position: position(&self.fix) }
    }
}

/// A flagged vehicle, without its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) vehicle: Vehicle,
    pub(crate) flags: Flags,
    pub(crate) newest: Option<Newest>,
    /// Which device the newest fix is from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    /// The patrol vehicles about it and the checkpoints that it comes to, at the newest fix.
    #[serde(default)]
    patrols: Vec<PatrolPlace>,
    /// The last record that touched this vehicle, and how many events there have been since. What a
    /// timer or a change of checkpoints brings about continues the count, so that identities depend
    /// neither on how late a timer is noticed nor on which vehicles share a shard.
    record: RecordId,
    said: u32,
}

impl Subject {
    pub(crate) fn new(vehicle: Vehicle) -> Self {
        Self {
            vehicle,
            flags: Flags::default(),
            newest: None,
            device: None,
            patrols: Vec::new(),
            record: RecordId::default(),
            said: 0,
        }
    }

    /// From now on it may be followed: from the fix that was its last until now, unless it has been
    /// followed before.
    pub(crate) fn follow(&mut self, now: Time, last: Option<Fix>) {
        if !self.flags.stand_at(now) {
            self.newest = last.map(|fix| Newest { fix, time: fix.fix_time, sighted: None });
            self.device = None;
        }
    }

    /// Counts events from a new record.
    pub(crate) const fn touched_by(&mut self, record: RecordId) {
        // One record may both flag a vehicle and move it.
        if self.record.0 != record.0 {
            self.record = record;
            self.said = 0;
        }
    }

    /// Takes in which device the newest fix is from.
    pub(crate) fn heard_from(&mut self, device: &DeviceId) {
        if self.device.as_ref() != Some(device) {
            self.device = Some(device.clone());
        }
    }

    /// Takes over what a record of this vehicle used.
    pub(crate) fn used(&mut self, record: &Record) {
        self.touched_by(record.id);
        if let Some(vehicle) = &record.used.vehicle {
            self.vehicle.clone_from(vehicle);
        }
        if record.used.judged.is_none_or(|judged| judged.lane == Lane::Live) {
            self.patrols.clone_from(&record.used.patrols);
        }
    }

    /// Takes over what a sighting that moves it used.
    pub(crate) fn moved_by(&mut self, used: &Used) {
        if let Some(vehicle) = &used.vehicle {
            self.vehicle.clone_from(vehicle);
        }
        self.patrols.clone_from(&used.patrols);
        self.device = None;
    }

    pub(crate) fn next_id(&mut self) -> EventId {
        let id = EventId(format!("{}.{}", self.record.0, self.said));
        self.said += 1;
        id
    }

    /// Whether a flag at work reaches a checkpoint.
    pub(crate) fn is_looked_for_at(&self, scene: Scene<'_>, site: &Site) -> bool {
        let unit = &site.checkpoint.unit;
        self.flags.foremost_at(unit, scene.above(unit)).is_some()
    }

    /// Says that a flag changed.
    pub(crate) fn flag_event(
        &mut self,
        now: Time,
        kind: Type,
        flag: &Flag,
        (reason, by, note): (Option<FlagEnd>, Option<&str>, Option<&str>),
    ) -> Event {
        let report = FlagReport {
            flag: flag.clone(),
            vehicle: VehicleView::from(&self.vehicle),
            reason,
            by: by.map(ToOwned::to_owned),
            note: note.map(ToOwned::to_owned),
        };
        Event { id: self.next_id(), time: now, kind, data: Data::Flag(Box::new(report)) }
    }

    /// Says something of an approach, and changes its alert accordingly.
    pub(crate) fn speak(
        &mut self,
        scene: Scene<'_>,
        site: &Site,
        track: &Track,
        approach: &mut Approach,
        say: Say,
    ) -> Option<Event> {
        let newest = self.newest?;
        let mut why = why(say, approach, site, track, scene.now);
        if let Some(sighted) = newest.sighted {
            sighted.own_up(&mut why);
        }
        let unit = &site.checkpoint.unit;
        let foremost = self.flags.foremost_at(unit, scene.above(unit))?.id.clone();
        let id = self.next_id();
        let mut alert = approach.alert.take().unwrap_or_else(|| Alert {
            id: id.clone(),
            flag: foremost,
            raised: false,
            stage: Stage::Approaching,
            eta_at: scene.now,
            probability: 0.0,
            why: why.clone(),
        });
        alert.why = why;
        // The stage before has a say in the stage now.
        approach.alert = Some(alert.clone());
        alert.stage = approach.stage(scene.rules, site, scene.now);
        alert.eta_at = approach.eta_at(scene.now);
        alert.probability = approach.probability();
        if let Say::Passed { at, .. } = say {
            alert.stage = Stage::Arrived;
            alert.eta_at = at;
            alert.probability = 1.0;
        }
        if matches!(say, Say::Raised(_)) {
            self.flags.lead(&alert.flag, unit);
        }
        let mut report = self.report(site, approach, &alert, newest, (scene.now, scene.roads))?;
        if matches!(say, Say::Passed { .. }) {
            (report.eta_s, report.distance_m) = (0.0, 0.0);
        }
        if let Say::Withdrawn(Ended::Flag(end)) = say {
            report.progress.recalled = Some(end);
        }
        let kind = approach.settle(say, alert);
        Some(Event { id, time: scene.now, kind, data: Data::Alert(Box::new(report)) })
    }

    /// An alert as it stands at `now`.
    pub(crate) fn report(
        &self,
        site: &Site,
        approach: &Approach,
        alert: &Alert,
        newest: Newest,
        (now, roads): (Time, Option<&Roads>),
    ) -> Option<AlertReport> {
        let flag = self.flags.get(&alert.flag)?;
        Some(AlertReport {
            alert: alert.id.clone(),
            vehicle: VehicleView::from(&self.vehicle),
            flag: flag.into(),
            checkpoint: (&site.checkpoint).into(),
            stage: alert.stage,
            handling: Handling::default(),
            progress: Progress {
                lead_unit: self.flags.lead_of(&alert.flag).cloned(),
                ..Progress::default()
            },
            eta_s: rounded(alert.eta_at.seconds_since(now).max(0.0), 10.0),
            eta_at: alert.eta_at,
            probability: rounded(alert.probability, 1_000.0),
            distance_m: rounded(approach.outlook.distance_m, 1.0),
            fix: newest.seen(),
            device: self.device.clone(),
            fix_age_s: rounded(now.seconds_since(newest.time).max(0.0), 10.0),
            fix_every_s: None,
            why: alert.why.clone(),
            route: approach.outlook.route.clone(),
            nearest_units: nearest_to(site, &self.patrols, roads),
        })
    }
}

/// Figures are written no finer than they are known.
pub(crate) fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
