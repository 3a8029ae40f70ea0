//! Counts alarms by class of vehicle, and tells the engine when there are too many to flag each.

use std::collections::BTreeMap;

use interdict_engine::{AlarmReport, AlarmRule, Class, MassAlarm, Setup, Type};
use interdict_protocols::Time;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Filter, Reader, Wanted};
use crate::shards::Shards;
use crate::store::Store;

/// Alarms are counted by minutes of the engine's time.
const MINUTE_MS: i64 = 60_000;

/// What is read of an alarm's event.
#[derive(Deserialize)]
struct Told {
    data: AlarmReport,
}

/// The alarms of a class in its present minute.
#[derive(Default)]
struct Count {
    minute: i64,
    alarms: u32,
    since: Option<Time>,
}

/// The alarms that flag by themselves, by class.
#[derive(Default)]
struct Counts(BTreeMap<Class, Count>);

impl Counts {
    /// Counts an alarm; answers where it is the first one too many of its minute.
    fn hear(&mut self, rules: &[AlarmRule], at: Time, alarm: &AlarmReport) -> Option<MassAlarm> {
        let class = alarm.vehicle.class;
        let rule = AlarmRule::find(rules, class, alarm.alarm)?;
        if !(rule.provisional && alarm.active) {
            return None;
        }
        let minute = at.millis().div_euclid(MINUTE_MS);
        let count = self.0.entry(class).or_default();
        if count.minute != minute {
            *count = Count { minute, ..Count::default() };
        }
        let since = *count.since.get_or_insert(at);
        count.alarms += 1;
        (count.alarms == rule.per_minute.saturating_add(1)).then(|| MassAlarm {
            class,
            vehicle: alarm.vehicle.id.clone(),
            alarms: count.alarms,
            since,
            until: Time::from_millis((minute + 1) * MINUTE_MS),
        })
    }
}

/// Follows the alarms from now on, until the server closes.
pub async fn watch(store: Store, shards: Shards, setup: Setup, closing: CancellationToken) {
    if !setup.alarm_rules.iter().any(|rule| rule.provisional) {
        return;
    }
    let wanted = Wanted { types: vec![Type::DeviceAlarm.name().to_owned()], ..Wanted::default() };
    let Ok(filter) = Filter::new(&wanted, &setup) else { return };
    let mut latest = shards.latest();
    let from_now = || Reader::new(store.clone(), filter.clone(), store.latest_sequence());
    let mut reader = from_now();
    let mut counts = Counts::default();
    loop {
        latest.borrow_and_update();
        match reader.next().await {
            Ok(page) => {
                for event in &page.events {
                    let Ok(told) = serde_json::from_str::<Told>(&event.json) else { continue };
                    if let Some(mass) = counts.hear(&setup.alarm_rules, event.time, &told.data)
                        && let Err(error) = shards.hold_flags(mass).await
                    {
                        tracing::error!(%error, "a mass alarm could not be told");
                    }
                }
                if !page.complete {
                    continue;
                }
            }
            // What the disk fails at is said elsewhere; the alarms meanwhile are not counted.
            Err(error) => {
                tracing::debug!(%error, "alarms are not counted");
                reader = from_now();
            }
        }
        tokio::select! {
            changed = latest.changed() => if changed.is_err() { return },
            () = closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Vehicle, VehicleView};
    use interdict_protocols::Alarm;

    use super::*;

    fn alarm(number: u32, class: Class, alarm: Alarm) -> AlarmReport {
        let vehicle = Vehicle { class, ..Vehicle::unknown(format!("v{number}").into()) };
        AlarmReport {
            device: format!("d{number}").into(),
            vehicle: VehicleView::from(&vehicle),
            alarm,
            active: true,
            fix: None,
            unit: None,
            departments: Vec::new(),
            age_s: None,
        }
    }

    #[test]
    fn the_first_one_too_many_of_a_minute_is_told_once() {
        let rules = [AlarmRule {
            class: Class::Taxi,
            alarms: vec![Alarm::Sos],
            departments: Vec::new(),
            provisional: true,
            per_minute: 3,
        }];
        let mut counts = Counts::default();
        let mut hear = |second: i64, report: &AlarmReport| {
            counts.hear(&rules, Time::from_seconds(second), report)
        };
        let mut told = Vec::new();
        for number in 0..10 {
            // Of another class, another kind, and the end of one: none of them flags.
            assert_eq!(hear(61, &alarm(number, Class::Corporate, Alarm::Sos)), None);
            assert_eq!(hear(61, &alarm(number, Class::Taxi, Alarm::Tow)), None);
            let ended = AlarmReport { active: false, ..alarm(number, Class::Taxi, Alarm::Sos) };
            assert_eq!(hear(61, &ended), None);
            told.extend(hear(61 + i64::from(number), &alarm(number, Class::Taxi, Alarm::Sos)));
        }
        let mass = MassAlarm {
            class: Class::Taxi,
            vehicle: "v3".into(),
            alarms: 4,
            since: Time::from_seconds(61),
            until: Time::from_seconds(120),
        };
        assert_eq!(told, [mass]);
        // The next minute counts anew.
        assert!((0..3).all(|at| hear(120, &alarm(at, Class::Taxi, Alarm::Sos)).is_none()));
        assert!(hear(179, &alarm(3, Class::Taxi, Alarm::Sos)).is_some());
    }
}
