//! [`Timers`]: when which vehicle is to be looked at although nothing was heard of it.

use std::collections::BTreeSet;

use interdict_protocols::Time;

use crate::VehicleId;
use crate::fleet::Map;

/// One due time a vehicle, the earliest of its own.
#[derive(Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Time, VehicleId)>,
    due: Map<VehicleId, Time>,
}

impl Timers {
    /// Sets or clears a vehicle's due time.
    pub(crate) fn set(&mut self, vehicle: &VehicleId, due: Option<Time>) {
        let before = match due {
            Some(due) => self.due.insert(vehicle.clone(), due),
            None => self.due.remove(vehicle),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.queue.remove(&(before, vehicle.clone()));
        }
        if let Some(due) = due {
            self.queue.insert((due, vehicle.clone()));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes out what is due first, if it is due by `now`: in order of time, then of vehicle.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<(Time, VehicleId)> {
        if self.queue.first()?.0 > now {
            return None;
        }
        let (due, vehicle) = self.queue.pop_first()?;
        self.due.remove(&vehicle);
        Some((due, vehicle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_nothing_comes_twice() {
        let mut timers = Timers::default();
        let (a, b) = (VehicleId::from("a"), VehicleId::from("b"));
        let at = Time::from_seconds;
        timers.set(&b, Some(at(5)));
        timers.set(&a, Some(at(9)));
        timers.set(&a, Some(at(5)));
        assert_eq!(timers.next_due(), Some(at(5)));
        assert_eq!(timers.take_due(at(4)), None);
        assert_eq!(timers.take_due(at(7)), Some((at(5), a)));
        timers.set(&b, None);
        assert_eq!(timers.take_due(at(100)), None);
        assert_eq!(timers.next_due(), None);
    }
}
