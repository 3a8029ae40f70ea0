//! `/v1/flags`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use interdict_engine::{Flag, FlagEnd, FlagReport, Input, Vehicle, VehicleView};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::Caller;
use super::extract::{Body, Pairs, Segment, text};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking, vehicles};
use crate::audit::{Act, By, acts};

/// A flag lasts so long unless it says otherwise.
const DEFAULT_S: f64 = 24.0 * 3_600.0;
/// No flag lasts longer: renewal is a new decision.
const LONGEST_S: f64 = 30.0 * 24.0 * 3_600.0;
const DEFAULT_PRIORITY: u8 = 2;
/// The most cautions: what an officer can read on the road.
const CAUTIONS: usize = 16;

/// A flag as somebody asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The vehicle's identity or plate.
    vehicle: String,
    reason: String,
    case: String,
    authority: String,
    #[serde(default)]
    priority: Option<u8>,
    #[serde(default)]
    instruction: Option<String>,
    #[serde(default)]
    cautions: Vec<String>,
    #[serde(default)]
    contact: Option<String>,
    #[serde(default)]
    expires_s: Option<f64>,
    #[serde(default)]
    expires_at: Option<Time>,
}

/// A flag, and which vehicle it found.
#[derive(Serialize)]
struct View {
    #[serde(flatten)]
    flag: Flag,
    matched: VehicleView,
}

impl From<FlagReport> for View {
    fn from(report: FlagReport) -> Self {
        Self { flag: report.flag, matched: report.vehicle }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    reason: String,
    #[serde(default)]
    note: Option<String>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    let flags = blocking(move || state.store.flags()).await?;
    let flags: Vec<View> = flags.into_iter().map(View::from).collect();
    Ok(Json(json!({ "flags": flags })))
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::ReadAlerts)?;
    Ok(Json(json!(View::from(find(&state, id).await?))))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Body(asked): Body<Asked>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Flag)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let now = state.shards.clock().now();
    let found = vehicles::find(&state, &asked.vehicle).await?;
    let vehicle = found.ok_or_else(|| no_tracker(&asked.vehicle))?;
    let flag = flag(asked, &vehicle, now)?;
    let view = View { matched: VehicleView::from(&vehicle), flag: flag.clone() };
    let act = noted(&state, acts::FLAG_ADD, &flag, &by);
    // The vehicle first: it may never have been heard, and the flag's event shows its plate.
    let inputs = vec![Input::Vehicle(vehicle), Input::Flag(flag)];
    state.shards.tell_noted(inputs, vec![act]).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Takes the reason from the body, or from `?reason=`.
pub(super) async fn withdraw(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    pairs: Pairs,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Problem> {
    caller.may(Action::Flag)?;
    let pairs = pairs.only(&["reason"])?;
    let (reason, note) = match pairs.get("reason") {
        Some(reason) => (reason.to_owned(), None),
        None => {
            let why =
                |error| format!("a reason is needed, such as {{\"reason\":\"handled\"}}: {error}");
            let withdrawal: Withdrawal =
                serde_json::from_slice(&body).map_err(|error| Problem::bad_request(why(error)))?;
            (withdrawal.reason, withdrawal.note)
        }
    };
    let reason = ending(&reason)?;
    let note = note.map(|note| text("note", &note)).transpose()?;
    let found = find(&state, id).await?;
    let (flag, vehicle) = (found.flag.id.clone(), found.flag.vehicle.clone());
    let by =
        By { why: Some(note.clone().unwrap_or_else(|| reason.to_string())), ..caller.by(&pairs)? };
    let act = noted(&state, acts::FLAG_WITHDRAW, &found.flag, &by).with("ended", reason.code());
    let by = Some(by.who);
    let withdraw = Input::Withdraw { flag, vehicle, reason, note, by };
    state.shards.tell_noted(vec![withdraw], vec![act]).await?;
    Ok(Json(json!(View::from(found))))
}

/// The code that somebody withdraws a flag with.
fn ending(code: &str) -> Result<FlagEnd, Problem> {
    let code = code.trim();
    let found = FlagEnd::BY_PERSONS.into_iter().find(|end| end.code() == code);
    found.ok_or_else(|| {
        let codes = FlagEnd::BY_PERSONS.map(FlagEnd::code).join("`, `");
        Problem::bad_request(format!(
            "`{code}` is no reason to withdraw a flag; known are `{codes}`"
        ))
    })
}

/// What is noted of a flag: on what, why and by whose order, and a commitment to the whole of it.
fn noted(state: &ApiState, act: &'static str, flag: &Flag, by: &By) -> Act {
    state
        .act(act, by)
        .with("flag", flag.id.as_str())
        .with("vehicle", flag.vehicle.as_str())
        .with("case", flag.case.as_str())
        .with("reason", flag.reason.as_str())
        .with("authority", flag.authority.as_str())
        .of(&serde_json::to_vec(flag).unwrap_or_default())
}

async fn find(state: &ApiState, id: String) -> Result<FlagReport, Problem> {
    let (store, wanted) = (state.store.clone(), id.clone());
    let found = blocking(move || store.flag(&wanted)).await?;
    found.ok_or_else(|| Problem::not_found(format!("no flag `{id}` holds")))
}

fn no_tracker(named: &str) -> Problem {
    let detail = format!(
        "no vehicle with a tracker has the identity or plate `{named}`, and flags on vehicles \
         without a tracker are not supported yet"
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-tracker", detail)
}

fn flag(asked: Asked, vehicle: &Vehicle, now: Time) -> Result<Flag, Problem> {
    let priority = asked.priority.unwrap_or(DEFAULT_PRIORITY);
    if !(1..=4).contains(&priority) {
        return Err(Problem::bad_request("`priority` must be 1 (most urgent) to 4"));
    }
    if asked.cautions.len() > CAUTIONS {
        return Err(Problem::bad_request(format!("more than {CAUTIONS} `cautions`")));
    }
    let cautions = asked.cautions.iter().map(|caution| text("cautions", caution));
    let optional = |name, given: Option<String>| match given {
        Some(given) if !given.trim().is_empty() => text(name, &given).map(Some),
        _ => Ok(None),
    };
    let times = (now, expiry(asked.expires_s, asked.expires_at, now)?);
    let reason = text("reason", &asked.reason)?;
    Ok(Flag {
        case: text("case", &asked.case)?,
        authority: text("authority", &asked.authority)?,
        priority,
        instruction: optional("instruction", asked.instruction)?,
        cautions: cautions.collect::<Result<_, _>>()?,
        contact: optional("contact", asked.contact)?,
        ..Flag::new(random_id()?.into(), vehicle.id.clone(), &reason, times)
    })
}

fn expiry(seconds: Option<f64>, at: Option<Time>, now: Time) -> Result<Time, Problem> {
    let seconds = match (seconds, at) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("give `expires_s` or `expires_at`, not both"));
        }
        (Some(seconds), None) => seconds,
        (None, Some(at)) => at.seconds_since(now),
        (None, None) => DEFAULT_S,
    };
    // Also false for what is no number.
    if seconds > 0.0 && seconds <= LONGEST_S {
        return Ok(now.plus_seconds(seconds));
    }
    Err(Problem::bad_request("a flag must expire later than now and within 30 days"))
}

fn random_id() -> Result<String, Problem> {
    let number = getrandom::u64().map_err(|_| {
        let detail = "the system has no random numbers at present";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "random", detail)
    })?;
    Ok(format!("{number:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_000_000);

    #[test]
    fn a_flag_expires_within_thirty_days() {
        let after = |seconds, at| expiry(seconds, at, NOW).map(|time| time.seconds_since(NOW)).ok();
        assert_eq!(after(None, None), Some(86_400.0));
        assert_eq!(after(Some(60.0), None), Some(60.0));
        assert_eq!(after(None, Some(NOW.plus_seconds(120.0))), Some(120.0));
        assert_eq!(after(Some(LONGEST_S), None), Some(LONGEST_S));
        for bad in [0.0, -1.0, LONGEST_S + 1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(after(Some(bad), None), None, "{bad}");
        }
        assert_eq!(after(None, Some(NOW)), None);
        assert_eq!(after(Some(60.0), Some(NOW)), None);
    }

    #[test]
    fn what_an_officer_could_not_read_is_refused() {
        let vehicle = Vehicle::unknown("v".into());
        let asked = |change: &str| -> Asked {
            let base =
                r#"{"vehicle":"v","reason":"stolen","case":"A-1","authority":"duty officer"}"#;
            let mut value: Value = serde_json::from_str(base).unwrap();
            let change: Value = serde_json::from_str(change).unwrap();
            value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            serde_json::from_value(value).unwrap()
        };
        let made =
            flag(asked(r#"{"case":" A-1 ","contact":"","cautions":["armed"]}"#), &vehicle, NOW)
                .unwrap();
        assert_eq!((made.case.as_str(), &made.contact, made.priority), ("A-1", &None, 2));
        assert_eq!(made.id.as_str().len(), 16);
        for bad in [
            r#"{"case":" "}"#,
            r#"{"reason":"a\u001b[2J"}"#,
            r#"{"priority":0}"#,
            r#"{"priority":5}"#,
            r#"{"cautions":[""]}"#,
        ] {
            assert!(flag(asked(bad), &vehicle, NOW).is_err(), "{bad}");
        }
    }
}
