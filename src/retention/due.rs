//! What is to be purged at a given time: a decision, and no more.

use std::collections::{BTreeMap, BTreeSet};

use interdict_engine::FlagId;
use interdict_protocols::Time;

use crate::config::Retention;
use crate::store::{Ended, Life, Purpose, Target};

/// The codes of flags that should never have been, or that nobody stood by.
const WRONG: [&str; 3] = ["wrong", "not_approved", "lapsed"];

fn is_wrong(ended: &Ended) -> bool {
    // `-` and `_`, as people write it.
    let how = ended.how.as_deref().map(|how| how.replace('-', "_"));
    how.is_some_and(|how| WRONG.contains(&how.as_str()))
}

/// What is due of the flags that have ended and are not held, and of the days that are over.
pub(super) fn due(
    lives: &BTreeMap<FlagId, Life>,
    held: &BTreeSet<FlagId>,
    days: &[Target],
    periods: &Retention,
    now: Time,
) -> Vec<Target> {
    let mut due = Vec::new();
    for (flag, life) in lives {
        let Some(ended) = life.ended.as_ref().filter(|_| !held.contains(flag)) else { continue };
        let recall = is_wrong(ended);
        for purpose in Purpose::ALL {
            let after_s = match purpose {
                Purpose::Audit => periods.audit_s,
                Purpose::Tracks if !recall => periods.tracks_s,
                Purpose::Alerts if !recall => periods.alerts_s,
                Purpose::Tracks => periods.tracks_s.min(periods.wrong_s),
                Purpose::Alerts => periods.alerts_s.min(periods.wrong_s),
            };
            if ended.at.plus_seconds(after_s) <= now {
                let recall = recall && purpose == Purpose::Alerts;
                due.push(Target::Flag { flag: flag.clone(), purpose, recall });
            }
        }
    }
    let is_over = |day: &&Target| match day {
        Target::Day { ended_at } => ended_at.plus_seconds(periods.alerts_s) <= now,
        Target::AuditDay { ended_at } => ended_at.plus_seconds(periods.audit_s) <= now,
        // A class without a period keeps nothing, whatever it had before.
        Target::ClassDay { class, ended_at } => periods
            .unflagged_s
            .get(class)
            .is_none_or(|period_s| ended_at.plus_seconds(*period_s) <= now),
        Target::Flag { .. } => false,
    };
    due.extend(days.iter().filter(is_over).cloned());
    due
}

#[cfg(test)]
mod tests {
    use interdict_engine::Class;

    use super::*;

    const END: Time = Time::from_seconds(1_000_000);

    fn ended(how: Option<&str>) -> Life {
        let ended: serde_json::Value = serde_json::json!({ "at": END, "how": how });
        let began_at = Time::from_seconds(0);
        Life { began_at, ended: Some(serde_json::from_value(ended).unwrap()) }
    }

    fn periods() -> Retention {
        let unflagged_s = [(Class::Patrol, 20.0), (Class::Armoured, 40.0)].into();
        Retention { wrong_s: 7.0, tracks_s: 30.0, alerts_s: 60.0, audit_s: 90.0, unflagged_s }
    }

    /// What is due of flag `f` so many seconds after its end.
    fn due_of(life: &Life, held: bool, after_s: f64) -> Vec<(Purpose, bool)> {
        let lives = BTreeMap::from([("f".into(), life.clone())]);
        let held = held.then(|| "f".into()).into_iter().collect();
        let now = END.plus_seconds(after_s);
        let due = due(&lives, &held, &[], &periods(), now).into_iter();
        due.map(|target| match target {
            Target::Flag { purpose, recall, .. } => (purpose, recall),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn each_part_of_a_flag_has_its_own_period() {
        use Purpose::{Alerts, Audit, Tracks};
        for how in [None, Some("handled"), Some("expired")] {
            let life = ended(how);
            assert_eq!(due_of(&life, false, 29.9), []);
            assert_eq!(due_of(&life, false, 30.0), [(Tracks, false)]);
            assert_eq!(due_of(&life, false, 60.0), [(Tracks, false), (Alerts, false)]);
            assert_eq!(due_of(&life, false, 90.0).len(), 3);
            assert_eq!(due_of(&life, true, 1e9), [], "held");
        }
        for how in ["wrong", "not_approved", "not-approved", "lapsed"] {
            let life = ended(Some(how));
            assert_eq!(due_of(&life, false, 6.9), [], "{how}");
            assert_eq!(due_of(&life, false, 7.0), [(Tracks, false), (Alerts, true)], "{how}");
            assert_eq!(due_of(&life, true, 7.0), [], "{how}");
            let audit = due_of(&life, false, 90.0);
            assert!(audit.contains(&(Audit, false)), "{how}");
        }
        assert_eq!(due_of(&Life { ended: None, ..ended(None) }, false, 1e9), []);
    }

    #[test]
    fn days_are_over_by_their_own_period() {
        let days = [Target::Day { ended_at: END }, Target::AuditDay { ended_at: END }];
        let due = |after_s| {
            due(&BTreeMap::new(), &BTreeSet::new(), &days, &periods(), END.plus_seconds(after_s))
        };
        assert_eq!(due(59.0), []);
        assert_eq!(due(60.0), days[..1]);
        assert_eq!(due(90.0), days);
    }

    #[test]
    fn a_class_s_days_are_over_by_its_period_and_at_once_where_it_has_none() {
        let classes = [Class::Patrol, Class::Armoured, Class::Taxi];
        let days = classes.map(|class| Target::ClassDay { class, ended_at: END });
        let due = |after_s| {
            due(&BTreeMap::new(), &BTreeSet::new(), &days, &periods(), END.plus_seconds(after_s))
        };
        assert_eq!(due(-3_600.0), days[2..]);
        assert_eq!(due(19.9), days[2..]);
        assert_eq!(due(20.0), [days[0].clone(), days[2].clone()]);
        assert_eq!(due(40.0), days);
    }
}
