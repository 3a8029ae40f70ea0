//! What follows from a device's alarm: who is told beside the region's unit, and a provisional flag.

use interdict_protocols::{Alarm, DeviceId};

use crate::engine::Engine;
use crate::watched::Watched;
use crate::{
    ALARM_REASON, Action, AlarmRule, Class, Event, EventId, Flag, FlagId, FlagState, PROVISIONAL_S,
    Record, Vehicle, VehicleId,
};

impl Engine {
    pub(crate) fn alarm_rule(&self, class: Class, alarm: Alarm) -> Option<&AlarmRule> {
        AlarmRule::find(&self.alarm_rules, class, alarm)
    }

    /// Flags a vehicle because of an alarm: to be observed, and for half an hour. One flag a device
    /// at a time: each alarm of a storm is told, and none of them prolongs it.
    pub(crate) fn flag_provisionally(
        &mut self,
        record: &Record,
        (device, vehicle): (&DeviceId, &Vehicle),
        (alarm, event): (Alarm, &EventId),
        events: &mut Vec<Event>,
    ) {
        let authority = format!("device {}", device.as_str());
        let stands = |watched: &Watched| {
            watched
                .subject
                .flags
                .iter()
                .any(|flag| flag.reason == ALARM_REASON && flag.authority == authority)
        };
        if self.watched.get(&vehicle.id).is_some_and(stands) {
            return;
        }
        let id = FlagId::from(format!("alarm-{event}"));
        let vehicle_id: VehicleId = vehicle.id.clone();
        let until = self.now.plus_seconds(PROVISIONAL_S);
        let flag = Flag {
            action: Action::Observe,
            state: FlagState::Provisional,
            case: format!("alarm {alarm}"),
            authority,
            ..Flag::new(id, vehicle_id, ALARM_REASON, (self.now, until))
        };
        self.watch_for(record, &flag, events);
    }
}
