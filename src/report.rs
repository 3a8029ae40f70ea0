//! How alerts were handled, unit by unit: on time, late, never; how they ended; how good they were.
//!
//! Counted from the events alone, so that a report of last month says what was said last month.

use std::collections::BTreeMap;

use interdict_engine::{AlertReport, EventId, Outcome, Type, UnitId};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{Store, StoreError, StoredEvent};

/// Events read at a time.
const PAGE: usize = 4_096;

/// What became of one step of the alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertStep)]
pub struct Step {
    /// Done within its deadline.
    pub on_time: usize,
    /// Done after it.
    pub late: usize,
    /// Not done, though its deadline has passed.
    pub never: usize,
    /// Its deadline has not come yet.
    pub waiting: usize,
}

/// A unit's alerts, or everybody's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct UnitReport {
    /// Alerts raised.
    pub raised: usize,
    /// Of these, withdrawn before anybody signed: nothing was asked of anybody any more.
    pub withdrawn_unsigned: usize,
    /// Rises to further units.
    pub escalated: usize,
    /// Sign-offs.
    pub signed: Step,
    /// Instructions.
    pub instructed: Step,
    /// Outcomes.
    pub disposed: Step,
    /// How many ended how.
    pub outcomes: BTreeMap<String, usize>,
    /// From the alert to the passage, seconds: one in ten had less, half, and nine in ten.
    pub lead_s: Option<[f64; 3]>,
    /// Passages that no alert came before.
    pub unwarned: usize,
    /// Intercepted, of those intercepted or missed.
    pub recall: Option<f64>,
    /// False, of all that have an outcome.
    pub false_alert_rate: Option<f64>,
    /// Stopped and cleared: nothing was wrong with the vehicle or its people.
    pub wrongful_stops: usize,
}

/// The report of a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AlertsReport)]
pub struct Report {
    /// From when on alerts were raised that it counts.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// By the checkpoint's unit.
    pub units: BTreeMap<UnitId, UnitReport>,
    /// All of them together.
    pub total: UnitReport,
}

/// One alert's history.
struct History {
    unit: UnitId,
    raised_at: Time,
    sign_off_due: Option<Time>,
    signed_at: Option<Time>,
    instruct_due: Option<Time>,
    instructed_at: Option<Time>,
    dispose_due: Option<Time>,
    disposed: Option<(Time, Outcome)>,
    withdrawn: bool,
    passed_at: Option<Time>,
    escalated: usize,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Told {
    data: AlertReport,
}

/// Counts the alerts raised from `from` to `to` of units that are `wanted`, as things stand at `now`.
///
/// # Errors
/// What the store says.
pub fn count(
    store: &Store,
    (from, to): (Time, Time),
    now: Time,
    wanted: impl Fn(&UnitId) -> bool,
) -> Result<Report, StoreError> {
    let mut histories: BTreeMap<EventId, History> = BTreeMap::new();
    let mut unwarned: BTreeMap<UnitId, usize> = BTreeMap::new();
    let mut cursor = 0;
    loop {
        let page =
            store.events_after(cursor, PAGE, |event| event.kind.name().contains(".alert."))?;
        for event in &page.events {
            let Ok(told) = serde_json::from_str::<Told>(&event.json) else { continue };
            // An exercise says nothing of how well people do.
            if !told.data.flag.drill && wanted(&told.data.checkpoint.unit) {
                hear(event, told.data, (from, to), &mut histories, &mut unwarned);
            }
        }
        cursor = page.cursor;
        if page.complete {
            break;
        }
    }
    let mut of_unit: BTreeMap<UnitId, Vec<&History>> = BTreeMap::new();
    for history in histories.values() {
        of_unit.entry(history.unit.clone()).or_default().push(history);
    }
    for unit in unwarned.keys() {
        of_unit.entry(unit.clone()).or_default();
    }
    let units = of_unit.iter().map(|(unit, histories)| {
        let unwarned = unwarned.get(unit).copied().unwrap_or_default();
        (unit.clone(), summed(histories, unwarned, now))
    });
    let all: Vec<&History> = histories.values().collect();
    let total = summed(&all, unwarned.values().sum(), now);
    Ok(Report { from, to, units: units.collect(), total })
}

fn hear(
    event: &StoredEvent,
    told: AlertReport,
    (from, to): (Time, Time),
    histories: &mut BTreeMap<EventId, History>,
    unwarned: &mut BTreeMap<UnitId, usize>,
) {
    let (at, due) = (event.time, told.progress.due_at);
    if event.kind == Type::Raised && (from..to).contains(&at) {
        let history = History {
            unit: told.checkpoint.unit,
            raised_at: at,
            sign_off_due: due,
            signed_at: None,
            instruct_due: None,
            instructed_at: None,
            dispose_due: None,
            disposed: None,
            withdrawn: false,
            passed_at: None,
            escalated: 0,
        };
        histories.insert(told.alert, history);
        return;
    }
    let Some(history) = histories.get_mut(&told.alert) else {
        if event.kind == Type::Passed && (from..to).contains(&at) {
            *unwarned.entry(told.checkpoint.unit).or_default() += 1;
        }
        return;
    };
    match event.kind {
        Type::Acknowledged if history.signed_at.is_none() => {
            history.signed_at = Some(at);
            history.instruct_due = due;
        }
        Type::Instructed if history.instructed_at.is_none() => {
            history.instructed_at = Some(at);
            history.dispose_due = due;
        }
        Type::Disposed => {
            history.disposed = told.progress.outcome.map(|outcome| (at, outcome));
        }
        Type::Escalated => {
            history.escalated += 1;
            // Whoever was not instructed in time still owes the outcome.
            history.dispose_due =
                history.dispose_due.or_else(|| due.filter(|_| history.signed_at.is_some()));
        }
        Type::Withdrawn => history.withdrawn = true,
        Type::Passed => history.passed_at = Some(told.eta_at),
        _ => {}
    }
}

fn summed(histories: &[&History], unwarned: usize, now: Time) -> UnitReport {
    let mut sum = UnitReport { raised: histories.len(), unwarned, ..UnitReport::default() };
    let mut leads: Vec<f64> = Vec::new();
    let (mut falsely, mut disposed) = (0, 0);
    for history in histories {
        sum.escalated += history.escalated;
        let disposed_at = history.disposed.map(|(at, _)| at);
        if history.withdrawn && history.signed_at.is_none() {
            sum.withdrawn_unsigned += 1;
        } else {
            let signed_at = history.signed_at.or(disposed_at);
            tally(&mut sum.signed, history.sign_off_due, signed_at, now);
            // Whoever closes an alert at once need not instruct anybody.
            if history.instruct_due.is_some()
                && (history.instructed_at.is_some() || disposed_at.is_none())
            {
                tally(&mut sum.instructed, history.instruct_due, history.instructed_at, now);
            }
            if history.dispose_due.is_some() || disposed_at.is_some() {
                tally(&mut sum.disposed, history.dispose_due, disposed_at, now);
            }
        }
        if let Some((_, outcome)) = history.disposed {
            disposed += 1;
            falsely += usize::from(outcome == Outcome::False);
            sum.wrongful_stops += usize::from(outcome == Outcome::Cleared);
            *sum.outcomes.entry(format!("{outcome:?}").to_lowercase()).or_default() += 1;
        }
        leads.extend(history.passed_at.map(|at| at.seconds_since(history.raised_at).max(0.0)));
    }
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
    let outcome = |name: &str| sum.outcomes.get(name).copied().unwrap_or_default();
    let (intercepted, missed) = (outcome("intercepted"), outcome("missed"));
    sum.recall = share(intercepted, intercepted + missed);
    sum.false_alert_rate = share(falsely, disposed);
    leads.sort_by(f64::total_cmp);
    let rank = |share: f64| {
        let last = leads.len().checked_sub(1)? as f64;
        leads.get((share * last).round() as usize).copied()
    };
    if let (Some(p10), Some(p50), Some(p90)) = (rank(0.1), rank(0.5), rank(0.9)) {
        sum.lead_s = Some([p10, p50, p90]);
    }
    sum
}

fn tally(step: &mut Step, due: Option<Time>, done: Option<Time>, now: Time) {
    let count = match (due, done) {
        (Some(due), Some(done)) if done > due => &mut step.late,
        (_, Some(_)) => &mut step.on_time,
        (Some(due), None) if due <= now => &mut step.never,
        (_, None) => &mut step.waiting,
    };
    *count += 1;
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Data, Event};

    use super::*;
    use crate::store::testing::alert;

    fn of_an_exercise(mut event: Event) -> Event {
        if let Data::Alert(report) = &mut event.data {
            report.flag.drill = true;
        }
        event
    }

    #[test]
    fn an_exercise_is_in_no_report() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let events = [
            alert("1", "real", Type::Raised, 600),
            of_an_exercise(alert("2", "drill", Type::Raised, 600)),
            of_an_exercise(alert("3", "unwarned drill", Type::Passed, 0)),
        ];
        store.commit(&[], &events).unwrap();
        let span = (Time::from_seconds(0), Time::from_seconds(60));
        let report = count(&store, span, Time::from_seconds(30), |_| true).unwrap();
        assert_eq!((report.total.raised, report.total.unwarned), (1, 0));
    }
}
