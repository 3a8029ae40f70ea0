//! [`Pending`]: what the engine has done and the disk has not taken yet.

use std::collections::HashSet;

use interdict_engine::{Event, Input, Record, Type, VehicleId};

use crate::audit::Act;
use crate::store::Kept;

/// Records, the events that they and the timers gave, what people did, and fixes to be kept, each in
/// order.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    pub(super) acts: Vec<Act>,
    pub(super) kept: Vec<Kept>,
}

impl Pending {
    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.events.is_empty()
            && self.acts.is_empty()
            && self.kept.is_empty()
    }

    pub(super) fn extend(&mut self, later: Self) {
        self.records.extend(later.records);
        self.events.extend(later.events);
        self.acts.extend(later.acts);
        self.kept.extend(later.kept);
    }

    /// Takes out what matters most: what people did, events that they are told, and every record before
    /// of the vehicles that both are about, since without them a restart would decide
    /// otherwise. What is left are positions that led to nothing.
    pub(super) fn take_urgent(&mut self) -> Self {
        let told = self.events.iter().filter(|event| is_told(event.kind));
        let commands = self.records.iter().filter(|record| !is_report(&record.input));
        let vehicles: HashSet<VehicleId> = told
            .filter_map(Event::vehicle)
            .chain(commands.filter_map(|record| record.input.vehicle()))
            .cloned()
            .collect();
        let of_those = |vehicle: Option<&VehicleId>| vehicle.is_none_or(|id| vehicles.contains(id));
        let (records, records_left) = std::mem::take(&mut self.records)
            .into_iter()
            .partition(|record| of_those(record.input.vehicle()));
        let (events, events_left) = std::mem::take(&mut self.events)
            .into_iter()
            .partition(|event| of_those(event.vehicle()));
        let acts = std::mem::take(&mut self.acts);
        let kept = std::mem::take(&mut self.kept);
        *self = Self { records: records_left, events: events_left, acts: Vec::new(), kept };
        Self { records, events, acts, kept: Vec::new() }
    }
}

/// Whether a person decides by it. That a vehicle merely comes into view is told to those who ask,
/// and that two peers speak as one device is what a stranger can bring about.
const fn is_told(kind: Type) -> bool {
    !matches!(kind, Type::Watch | Type::Conflict)
}

/// Whether devices have said it, and no person.
pub(super) const fn is_report(input: &Input) -> bool {
    matches!(input, Input::Fix(_) | Input::Report { .. } | Input::Conflict(_))
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Observation, RecordId};
    use interdict_protocols::{Fix, Time};

    use super::*;
    use crate::audit::{By, acts};
    use crate::store::testing::{event, flag, record};

    fn fix(id: u64, vehicle: &str) -> Record {
        let fix = Fix::new(Time::from_seconds(1), 39.0, 121.6).unwrap();
        let observation = Observation { device: "1".into(), vehicle: vehicle.into(), fix };
        Record { input: Input::Fix(observation), ..record(id) }
    }

    fn told(id: &str, vehicle: &str, kind: Type) -> Event {
        event(id, kind, flag("f", vehicle))
    }

    #[test]
    fn what_people_are_told_goes_with_all_that_led_to_it() {
        let mut pending = Pending {
            records: vec![
                fix(1, "a"),
                fix(2, "b"),
                fix(3, "a"),
                record(4),
                fix(5, "c"),
                fix(6, "b"),
            ],
            events: vec![
                told("first", "a", Type::Watch),
                told("watch", "c", Type::Watch),
                told("second", "a", Type::FlagExpired),
            ],
            acts: vec![Act::new(Time::from_seconds(1), acts::VEHICLE_READ, &By::server())],
            kept: Vec::new(),
        };
        let urgent = pending.take_urgent();
        let ids = |pending: &Pending| -> (Vec<u64>, Vec<String>) {
            (
                pending.records.iter().map(|record| record.id).map(|RecordId(id)| id).collect(),
                pending.events.iter().map(|event| event.id.0.clone()).collect(),
            )
        };
        assert_eq!(ids(&urgent), (vec![1, 3, 4], vec!["first".into(), "second".into()]));
        assert_eq!(ids(&pending), (vec![2, 5, 6], vec!["watch".into()]));
        assert_eq!((urgent.acts.len(), pending.acts.len()), (1, 0));
        // Nothing more is urgent until something is.
        assert!(pending.take_urgent().is_empty());
        pending.extend(Pending {
            records: vec![fix(7, "b")],
            events: vec![told("third", "b", Type::FlagExpired)],
            ..Pending::default()
        });
        assert_eq!(ids(&pending.take_urgent()), (vec![2, 6, 7], vec!["third".into()]));
        assert_eq!(ids(&pending), (vec![5], vec!["watch".into()]));
    }
}
