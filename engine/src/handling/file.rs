//! [`File`]: one alert on the desk.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::{Act, Handled, Outcome, Refusal};
use crate::approach::recalled;
use crate::{AlertReport, Deadlines, Event, EventId, FlagEnd, Handling, Type, UnitId, Why};

/// What is told beside an alert: who knows of it, and what was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = AlertProgress))]
pub struct Progress {
    /// The units that it has been told to, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<UnitId>,
    /// The unit that leads the case: that of the first alert that was raised for its flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_unit: Option<UnitId>,
    /// By when the next step is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
    /// Who did what this event tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// For which unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_unit: Option<UnitId>,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructed: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// In more words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_reason: Option<String>,
    /// Its flag ended so, and everybody who was told of the alert is to let it be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<FlagEnd>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Awaited {
    SignOff,
    Instruction,
    Outcome,
    /// Nothing: it leaves the desk.
    Nothing,
}

/// One raised alert, until it has its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct File {
    /// As it was told last.
    pub(super) report: AlertReport,
    /// The units above the checkpoint's own that do not know of it yet, the nearest first.
    above: Vec<UnitId>,
    /// The units that have signed.
    signed: Vec<UnitId>,
    awaited: Awaited,
    due: Time,
    /// Seconds that each level has to sign.
    sign_off_s: f64,
    /// How many events of its own it has spoken: they count on from the alert's identity.
    said: u32,
    /// The vehicle comes no more, or has gone by.
    pub(super) over: bool,
}

impl File {
    /// Opens one for an alert that is raised at `now`; `above` are the units above the
    /// checkpoint's, nearest first. `at_once`: the chain is told without waiting.
    pub(super) fn open(
        mut report: AlertReport,
        mut above: Vec<UnitId>,
        at_once: bool,
        deadlines: &Deadlines,
        now: Time,
    ) -> Self {
        let sign_off_s = deadlines.sign_off_s.min(report.eta_s / 4.0);
        let at_once = at_once || sign_off_s < deadlines.shortest_sign_off_s;
        let covert = &report.flag.covert;
        let own = report.checkpoint.unit.clone();
        report.progress.told = if covert.is_empty() || covert.contains(&own) {
            vec![own]
        } else {
            // Who stands there is not to know of it.
            covert.clone()
        };
        let told = &report.progress.told;
        above.retain(|unit| (covert.is_empty() || covert.contains(unit)) && !told.contains(unit));
        let due = now.plus_seconds(sign_off_s.max(deadlines.shortest_sign_off_s));
        let mut file = Self {
            report,
            above,
            signed: Vec::new(),
            awaited: Awaited::SignOff,
            due,
            sign_off_s: sign_off_s.max(deadlines.shortest_sign_off_s),
            said: 0,
            over: false,
        };
        if at_once {
            file.tell_all();
        }
        file.note_due();
        file
    }

    /// Takes over what the approach says now, and fills in how it is handled.
    pub(super) fn follow(&mut self, report: &mut AlertReport) {
        self.report.progress.recalled = report.progress.recalled;
        self.complete(report);
        self.report = report.clone();
    }

    /// Its flag ended.
    pub(super) fn recall(&mut self, end: FlagEnd, now: Time) -> Event {
        self.report.progress.recalled = Some(end);
        let (code, text) = recalled(end);
        self.speak(now, Type::Withdrawn, code, text, None)
    }

    /// Fills in how the alert is handled.
    pub(super) fn complete(&self, report: &mut AlertReport) {
        report.handling = self.report.handling;
        report.progress.clone_from(&self.report.progress);
    }

    pub(super) const fn due(&self) -> Time {
        self.due
    }

    /// Whether nothing is waited for any more.
    pub(super) fn is_done(&self) -> bool {
        self.awaited == Awaited::Nothing
    }

    pub(super) fn is_signed(&self) -> bool {
        !self.signed.is_empty()
    }

    /// Whether a step may be taken.
    pub(super) fn check(&self, handled: &Handled) -> Result<(), Refusal> {
        let told = self.report.progress.told.contains(&handled.unit);
        // Whoever is above may always look down and act.
        if !told && !self.above.contains(&handled.unit) {
            return Err(Refusal::NotTold);
        }
        if self.report.handling == Handling::Disposed {
            return Err(Refusal::Disposed);
        }
        match &handled.act {
            Act::Acknowledge if self.signed.contains(&handled.unit) => Err(Refusal::Acknowledged),
            Act::Instruct { .. } if self.signed.is_empty() => Err(Refusal::NotAcknowledged),
            Act::Dispose { outcome: Outcome::False, reason: None } => Err(Refusal::NoReason),
            _ => Ok(()),
        }
    }

    /// Takes a step; `None` where it changes nothing.
    pub(super) fn take(
        &mut self,
        handled: &Handled,
        deadlines: &Deadlines,
        now: Time,
    ) -> Option<Event> {
        self.check(handled).ok()?;
        let more = &mut self.report.progress;
        let (kind, code, text) = match &handled.act {
            Act::Deliver => {
                if self.report.handling > Handling::Raised {
                    return None;
                }
                self.report.handling = Handling::Delivered;
                (Type::Delivered, "delivered", format!("Shown to {}", handled.unit))
            }
            Act::Acknowledge => {
                self.signed.push(handled.unit.clone());
                if self.report.handling < Handling::Acknowledged {
                    self.report.handling = Handling::Acknowledged;
                    (self.awaited, self.due) =
                        (Awaited::Instruction, now.plus_seconds(deadlines.instruct_s));
                }
                (Type::Acknowledged, "acknowledged", format!("Signed off by {}", handled.unit))
            }
            Act::Instruct { text } => {
                more.instructed = Some(text.clone());
                self.report.handling = Handling::Instructed;
                (self.awaited, self.due) =
                    (Awaited::Outcome, now.plus_seconds(deadlines.dispose_s));
                (Type::Instructed, "instructed", format!("Instructed by {}", handled.unit))
            }
            Act::Dispose { outcome, reason } => {
                more.outcome = Some(*outcome);
                more.outcome_reason.clone_from(reason);
                self.report.handling = Handling::Disposed;
                self.awaited = Awaited::Nothing;
                let word = format!("{outcome:?}").to_lowercase();
                let text = match outcome {
                    Outcome::Intercepted => format!(
                        "Intercepted, says {}; nothing more is raised for this flag, which should be withdrawn",
                        handled.unit
                    ),
                    _ => format!("Closed as {word} by {}", handled.unit),
                };
                (Type::Disposed, "disposed", text)
            }
        };
        self.note_due();
        Some(self.speak(now, kind, code, text, Some(handled)))
    }

    /// What is due is due: the next level is told, or those above a unit that does not act.
    pub(super) fn fire(&mut self, deadlines: &Deadlines) -> Option<Event> {
        let now = self.due;
        let (code, what) = match self.awaited {
            Awaited::SignOff => ("not_signed_off", "Not signed off"),
            Awaited::Instruction => ("not_instructed", "Signed off and not instructed"),
            Awaited::Outcome => ("not_disposed", "No outcome told"),
            Awaited::Nothing => return None,
        };
        let told = match self.awaited {
            Awaited::SignOff => self.tell_next(),
            _ => self.tell_all(),
        };
        (self.awaited, self.due) = match self.awaited {
            Awaited::SignOff if !self.above.is_empty() => {
                (Awaited::SignOff, now.plus_seconds(self.sign_off_s))
            }
            // Everybody has been told: what is left to wait for is the end.
            Awaited::SignOff | Awaited::Instruction => {
                (Awaited::Outcome, now.plus_seconds(deadlines.dispose_s))
            }
            Awaited::Outcome | Awaited::Nothing => (Awaited::Nothing, now),
        };
        self.note_due();
        if told.is_empty() && code == "not_signed_off" {
            return None;
        }
        let text = match told.as_slice() {
            [] => format!("{what} in time, and there is no level left to tell"),
            units => {
                let names: Vec<&str> = units.iter().map(UnitId::as_str).collect();
                format!("{what} in time; now told to {}", names.join(", "))
            }
        };
        Some(self.speak(now, Type::Escalated, code, text, None))
    }

    /// Everybody is told at once, where there is anybody left to tell.
    pub(super) fn escalate(&mut self, now: Time, code: &str, what: &str) -> Option<Event> {
        let told = self.tell_all();
        if told.is_empty() {
            return None;
        }
        let names: Vec<&str> = told.iter().map(UnitId::as_str).collect();
        let text = format!("{what}; told to {}", names.join(", "));
        Some(self.speak(now, Type::Escalated, code, text, None))
    }

    fn tell_next(&mut self) -> Vec<UnitId> {
        let next: Vec<UnitId> = self.above.drain(..self.above.len().min(1)).collect();
        self.report.progress.told.extend(next.iter().cloned());
        next
    }

    fn tell_all(&mut self) -> Vec<UnitId> {
        let all = std::mem::take(&mut self.above);
        self.report.progress.told.extend(all.iter().cloned());
        all
    }

    fn note_due(&mut self) {
        let waits = self.awaited != Awaited::Nothing;
        self.report.progress.due_at = waits.then_some(self.due);
    }

    fn speak(
        &mut self,
        now: Time,
        kind: Type,
        code: &str,
        text: String,
        handled: Option<&Handled>,
    ) -> Event {
        self.said += 1;
        let mut report = self.report.clone();
        report.eta_s = (report.eta_at.seconds_since(now).max(0.0) * 10.0).round() / 10.0;
        report.fix_age_s = (now.seconds_since(report.fix.fix_time).max(0.0) * 10.0).round() / 10.0;
        report.why = Why { code: code.to_owned(), text, figures: Default::default() };
        report.progress.by = handled.map(|handled| handled.by.clone());
        report.progress.by_unit = handled.map(|handled| handled.unit.clone());
        Event {
            id: EventId(format!("{}-{}", report.alert.0, self.said)),
            time: now,
            kind,
            data: crate::Data::Alert(Box::new(report)),
        }
    }
}
