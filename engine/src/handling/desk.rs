//! [`Desk`]: the alerts of one vehicle that people have to do with.

use std::collections::{BTreeMap, BTreeSet};

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::file::File;
use super::{Act, Handled, Outcome, Refusal};
use crate::{AlertReport, Data, Deadlines, Event, EventId, FlagEnd, FlagId, State, Type, UnitId};

/// The alerts of one vehicle, from the moment they are raised until they have their outcome, which
/// may be long after the vehicle has gone and its flag has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Desk(BTreeMap<EventId, File>);

/// Whom an alert goes to.
pub(crate) struct Chain<'a> {
    pub(crate) deadlines: &'a Deadlines,
    /// The units above each, nearest first.
    pub(crate) above: &'a BTreeMap<UnitId, Vec<UnitId>>,
    /// The units whose people have a client open.
    pub(crate) live: &'a BTreeSet<UnitId>,
    /// The state of the alert's checkpoint.
    pub(crate) state: Option<State>,
    pub(crate) now: Time,
}

impl Desk {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.0.values().map(File::due).min()
    }

    /// The alerts whose vehicle comes no more, as they were told last.
    pub(crate) fn over(&self) -> impl Iterator<Item = &AlertReport> {
        self.0.values().filter(|file| file.over).map(|file| &file.report)
    }

    pub(crate) fn alert(&self, alert: &EventId) -> Option<&AlertReport> {
        self.0.get(alert).map(|file| &file.report)
    }

    /// Fills in how an alert is handled.
    pub(crate) fn complete(&self, report: &mut AlertReport) {
        if let Some(file) = self.0.get(&report.alert) {
            file.complete(report);
        }
    }

    /// Hears what the approach says of an alert, and completes it; answers what is to be said beside.
    pub(crate) fn hear(&mut self, event: &mut Event, chain: &Chain<'_>) -> Option<Event> {
        let Data::Alert(report) = &mut event.data else { return None };
        let of_the_approach = matches!(
            event.kind,
            Type::Raised | Type::Updated | Type::Withdrawn | Type::Passed | Type::Left
        );
        if !of_the_approach {
            return None;
        }
        if event.kind == Type::Raised {
            // Nobody stands there, or nobody looks: all levels at once.
            let nobody = chain.state.is_none_or(|state| state != State::Manned)
                || !chain.live.contains(&report.checkpoint.unit);
            let above = chain.above.get(&report.checkpoint.unit).cloned().unwrap_or_default();
            let file = File::open((**report).clone(), above, nobody, chain.deadlines, chain.now);
            **report = file.report.clone();
            self.0.insert(report.alert.clone(), file);
            return None;
        }
        let file = self.0.get_mut(&report.alert)?;
        file.follow(report);
        match event.kind {
            Type::Passed => {
                file.over = true;
                // It is through, and nobody has even signed.
                if !file.is_signed() {
                    return file.escalate(
                        chain.now,
                        "passed_unsigned",
                        "Passed before anybody signed off",
                    );
                }
                None
            }
            Type::Withdrawn => {
                file.over = true;
                // Whoever has signed says how it ended; of whoever has not, nothing more is asked.
                if !file.is_signed() {
                    self.0.remove(&report.alert);
                }
                None
            }
            _ => None,
        }
    }

    /// Recalls those of a flag's alerts that the approach speaks of no more, from all who were told.
    pub(crate) fn recall(
        &mut self,
        flag: &FlagId,
        end: FlagEnd,
        now: Time,
        events: &mut Vec<Event>,
    ) {
        self.0.retain(|_, file| {
            if !file.over || file.report.flag.id != *flag {
                return true;
            }
            events.push(file.recall(end, now));
            // Whoever has signed says how it ended; of whoever has not, nothing more is asked.
            file.is_signed()
        });
    }

    /// Whether a step may be taken.
    pub(crate) fn check(&self, handled: &Handled) -> Result<(), Refusal> {
        self.0.get(&handled.alert).ok_or(Refusal::Unknown)?.check(handled)
    }

    /// Takes a step. Answers its event, and the flag whose raising it suspends.
    pub(crate) fn take(
        &mut self,
        handled: &Handled,
        deadlines: &Deadlines,
        now: Time,
    ) -> Option<(Event, Option<FlagId>)> {
        let file = self.0.get_mut(&handled.alert)?;
        let event = file.take(handled, deadlines, now)?;
        let intercepted = matches!(handled.act, Act::Dispose { outcome: Outcome::Intercepted, .. });
        let flag = intercepted.then(|| file.report.flag.id.clone());
        if file.is_done() {
            self.0.remove(&handled.alert);
        }
        Some((event, flag))
    }

    /// Does what is due by `now`.
    pub(crate) fn fire(&mut self, deadlines: &Deadlines, now: Time, events: &mut Vec<Event>) {
        loop {
            let due = self.0.iter().filter(|(_, file)| file.due() <= now);
            let first = due.min_by_key(|(id, file)| (file.due(), (*id).clone()));
            let Some(id) = first.map(|(id, _)| id.clone()) else { return };
            let Some(file) = self.0.get_mut(&id) else { return };
            events.extend(file.fire(deadlines));
            if file.is_done() {
                self.0.remove(&id);
            }
        }
    }
}
