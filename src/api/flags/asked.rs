//! A flag as somebody asks for it, held to its reason's limits.

use interdict_engine::{Flag, FlagState, UnitId, Vehicle};
use interdict_protocols::Time;
use serde_json::json;

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::extract::text;
use super::super::problem::Problem;
use crate::config::{AskedFlag, FlagReason, FlagReasons, LONGEST_FLAG_S};

/// A flag lasts so long unless it says otherwise, or its reason less.
const DEFAULT_S: f64 = 24.0 * 3_600.0;
/// A flag may be ordered so long before it begins.
const LATEST_START_S: f64 = LONGEST_FLAG_S;
const DEFAULT_PRIORITY: u8 = 2;
/// The most cautions: what an officer can read on the road.
const CAUTIONS: usize = 16;

/// Who asks for a flag, and when.
pub(super) struct Applicant {
    pub(super) person: String,
    pub(super) unit: Option<UnitId>,
    pub(super) now: Time,
}

impl Applicant {
    /// The caller, for their own unit or the one asked for, which is under it.
    pub(super) fn of(
        state: &ApiState,
        caller: &Caller,
        asked: &AskedFlag,
        now: Time,
    ) -> Result<Self, Problem> {
        let own = caller.unit();
        let asked = optional("unit", asked.unit.as_deref())?.map(UnitId::from);
        let unit = asked.or_else(|| own.clone());
        if let Some(unit) = &unit {
            known_unit(state, unit)?;
        }
        if own.is_some() {
            caller.scope(state).check(unit.as_ref())?;
        }
        Ok(Self { person: caller.person().to_owned(), unit, now })
    }
}

fn known_unit(state: &ApiState, unit: &UnitId) -> Result<(), Problem> {
    let units = &state.setup.units;
    if units.is_empty() || units.iter().any(|known| known.id == *unit) {
        return Ok(());
    }
    Err(Problem::bad_request(format!("there is no unit `{unit}`")))
}

/// A text that may be left out; what is empty counts as left out.
pub(super) fn optional(name: &str, given: Option<&str>) -> Result<Option<String>, Problem> {
    match given {
        Some(given) if !given.trim().is_empty() => text(name, given).map(Some),
        _ => Ok(None),
    }
}

impl AskedFlag {
    /// The units that alone are to see it: those named, and the applicant's own.
    pub(super) fn covert(
        &self,
        state: &ApiState,
        applicant: &Applicant,
    ) -> Result<Vec<UnitId>, Problem> {
        let mut units: Vec<UnitId> =
            self.covert.iter().map(|unit| UnitId::from(unit.trim())).collect();
        for unit in &units {
            known_unit(state, unit)?;
        }
        if !units.is_empty() {
            units.extend(applicant.unit.clone());
            units.sort_unstable();
            units.dedup();
        }
        Ok(units)
    }

    /// The reason that it names.
    pub(super) fn reason<'a>(&self, reasons: &'a FlagReasons) -> Result<&'a FlagReason, Problem> {
        let code = self.reason.trim();
        reasons.find(code).ok_or_else(|| {
            let known: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
            let detail = format!("`{code}` is no reason; known are {}", reasons.codes());
            Problem::bad_request(detail).with("reasons", json!(known))
        })
    }

    /// The flag on `vehicle`, which waits for its approval unless it is an emergency.
    pub(super) fn flag(
        &self,
        vehicle: &Vehicle,
        reason: &FlagReason,
        applicant: &Applicant,
    ) -> Result<Flag, Problem> {
        let priority = self.priority.unwrap_or(DEFAULT_PRIORITY);
        if !(1..=4).contains(&priority) {
            return Err(Problem::bad_request("`priority` must be 1 (most urgent) to 4"));
        }
        if self.cautions.len() > CAUTIONS {
            return Err(Problem::bad_request(format!("more than {CAUTIONS} `cautions`")));
        }
        let action = self.action.unwrap_or(reason.action);
        if action < reason.action {
            let detail =
                format!("for `{}` a vehicle is observed only, and not intercepted", reason.code);
            return Err(Problem::bad_request(detail));
        }
        if self.scope > reason.scope {
            let detail = format!("a flag for `{}` reaches its unit only", reason.code);
            return Err(Problem::bad_request(detail));
        }
        let cautions = self.cautions.iter().map(|caution| text("cautions", caution));
        let starts_at = self.starts_at.unwrap_or(applicant.now).max(applicant.now);
        if starts_at.seconds_since(applicant.now) > LATEST_START_S {
            return Err(Problem::bad_request("a flag must begin within 30 days"));
        }
        let expires_at = expiry((self.expires_s, self.expires_at), starts_at, reason.longest_s)?;
        Ok(Flag {
            action,
            case: text("case", &self.case)?,
            authority: text("authority", &self.authority)?,
            priority,
            instruction: optional("instruction", self.instruction.as_deref())?,
            cautions: cautions.collect::<Result<_, _>>()?,
            contact: optional("contact", self.contact.as_deref())?,
            state: if self.emergency { FlagState::Emergency } else { FlagState::Applied },
            applicant: Some(applicant.person.clone()),
            unit: applicant.unit.clone(),
            scope: self.scope,
            drill: self.drill || reason.drill,
            ..Flag::new(
                super::random_id()?.into(),
                vehicle.id.clone(),
                &reason.code,
                (starts_at, expires_at),
            )
        })
    }
}

/// When a flag ends that begins at `from`: `longest_s` later at the latest.
pub(super) fn expiry(
    (seconds, at): (Option<f64>, Option<Time>),
    from: Time,
    longest_s: f64,
) -> Result<Time, Problem> {
    let seconds = match (seconds, at) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("give `expires_s` or `expires_at`, not both"));
        }
        (Some(seconds), None) => seconds,
        (None, Some(at)) => at.seconds_since(from),
        (None, None) => DEFAULT_S.min(longest_s),
    };
    // Also false for what is no number.
    if seconds > 0.0 && seconds <= longest_s {
        return Ok(from.plus_seconds(seconds));
    }
    let most = match longest_s / 3_600.0 {
        hours if hours >= 48.0 => format!("{:.0} days", hours / 24.0),
        hours => format!("{hours:.0} hours"),
    };
    Err(Problem::bad_request(format!(
        "a flag must expire later than it begins, and for this reason within {most}"
    )))
}

#[cfg(test)]
mod tests {
    use interdict_engine::Action;
    use serde_json::Value;

    use super::*;

    const NOW: Time = Time::from_seconds(1_000_000);

    #[test]
    fn a_flag_expires_within_what_its_reason_allows() {
        let after = |seconds, at| {
            expiry((seconds, at), NOW, LONGEST_FLAG_S).map(|time| time.seconds_since(NOW)).ok()
        };
        assert_eq!(after(None, None), Some(86_400.0));
        assert_eq!(after(Some(60.0), None), Some(60.0));
        assert_eq!(after(None, Some(NOW.plus_seconds(120.0))), Some(120.0));
        assert_eq!(after(Some(LONGEST_FLAG_S), None), Some(LONGEST_FLAG_S));
        for bad in [0.0, -1.0, LONGEST_FLAG_S + 1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(after(Some(bad), None), None, "{bad}");
        }
        assert_eq!(after(None, Some(NOW)), None);
        assert_eq!(after(Some(60.0), Some(NOW)), None);
        let short = expiry((None, None), NOW, 3_600.0).unwrap();
        assert_eq!(short.seconds_since(NOW), 3_600.0);
        assert!(
            expiry((Some(3_601.0), None), NOW, 3_600.0).unwrap_err().detail().contains("1 hours")
        );
    }

    fn made(change: &str) -> Result<Flag, Problem> {
        let base = r#"{"vehicle":"v","reason":"stolen","case":"A-1","authority":"duty officer"}"#;
        let mut value: Value = serde_json::from_str(base).unwrap();
        let change: Value = serde_json::from_str(change).unwrap();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let asked: AskedFlag = serde_json::from_value(value).unwrap();
        let reasons = FlagReasons::default();
        let reason = asked.reason(&reasons)?;
        let applicant = Applicant { person: "wang".into(), unit: Some("station".into()), now: NOW };
        asked.flag(&Vehicle::unknown("v".into()), reason, &applicant)
    }

    #[test]
    fn what_an_officer_could_not_read_is_refused() {
        let flag = made(r#"{"case":" A-1 ","contact":"","cautions":["armed"]}"#).unwrap();
        assert_eq!((flag.case.as_str(), &flag.contact, flag.priority), ("A-1", &None, 2));
        assert_eq!(flag.id.as_str().len(), 16);
        for bad in [
            r#"{"case":" "}"#,
            r#"{"authority":"a\u001b[2J"}"#,
            r#"{"priority":0}"#,
            r#"{"priority":5}"#,
            r#"{"cautions":[""]}"#,
        ] {
            assert!(made(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_flag_is_no_more_than_its_reason_allows() {
        let flag = made("{}").unwrap();
        assert_eq!((flag.state, flag.action), (FlagState::Applied, Action::Intercept));
        assert_eq!(flag.applicant.as_deref(), Some("wang"));
        let flag = made(r#"{"emergency":true,"action":"observe","scope":"linked"}"#).unwrap();
        assert_eq!((flag.state, flag.action), (FlagState::Emergency, Action::Observe));
        assert_eq!(made(r#"{"reason":"surveillance"}"#).unwrap().action, Action::Observe);
        assert!(made(r#"{"reason":"drill"}"#).unwrap().drill);
        let told = |change: &str| made(change).unwrap_err().detail().to_owned();
        assert!(
            told(r#"{"reason":"surveillance","action":"intercept"}"#).contains("observed only")
        );
        assert!(told(r#"{"reason":"suspect","scope":"linked"}"#).contains("its unit only"));
        assert!(told(r#"{"reason":"hijacked","expires_s":700000}"#).contains("within 7 days"));
        assert!(told(r#"{"reason":"whim"}"#).contains("stolen, robbery"));
        assert!(told(r#"{"starts_at":"2033-05-18T03:33:20Z"}"#).contains("begin within 30 days"));
    }
}
