//! An event as one line for people.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::remote::{local, text};

/// Seconds in an hour: later than that, hours are easier to read.
const HOUR_S: f64 = 3_600.0;

/// The event as a line: when, what, which vehicle, where and how soon, why, and what to know.
pub(super) fn event_line(event: &Value, zone: &TimeZone) -> String {
    let kind = text(event, "/type");
    let time = local(event.get("time").unwrap_or(&Value::Null), zone);
    let short = kind.strip_prefix("interdict.").unwrap_or(&kind);
    let data = event.get("data").unwrap_or(&Value::Null);
    let said = match short.split_once('.') {
        Some(("alert", _)) => alert(data, short),
        Some(("device", "alarm")) => alarm(data),
        Some(("device", "conflict")) => format!(
            "device {} of {} speaks from two places: {} is believed, {} is held apart",
            text(data, "/device"),
            text(data, "/vehicle"),
            text(data, "/believed"),
            text(data, "/held")
        ),
        Some(("flag", _)) => flag(data),
        _ => text(event, "/subject"),
    };
    format!("{time}  {short:<16}  {said}")
}

fn alert(data: &Value, kind: &str) -> String {
    let number = |name: &str| data.get(name).and_then(Value::as_f64).unwrap_or_default();
    let checkpoint =
        format!("{} ({})", text(data, "/checkpoint/name"), text(data, "/checkpoint/kind"));
    let mut said = format!("{} → {checkpoint}", vehicle(data));
    match kind {
        "alert.passed" => {}
        "alert.withdrawn" => {}
        _ => said.push_str(&format!(
            " in {}, {:.0} %, {:.1} km",
            span(number("eta_s")),
            number("probability") * 100.0,
            number("distance_m") / 1_000.0
        )),
    }
    said.push_str(&format!(": {}", text(data, "/why/text")));
    said.push_str(&format!(
        " | {} {}, fix {} old",
        text(data, "/flag/reason"),
        text(data, "/flag/case"),
        span(number("fix_age_s"))
    ));
    if kind == "alert.raised" {
        let cautions = data.pointer("/flag/cautions").and_then(Value::as_array);
        let cautions = cautions.into_iter().flatten().enumerate();
        let cautions: Vec<_> =
            cautions.map(|(at, _)| text(data, &format!("/flag/cautions/{at}"))).collect();
        if !cautions.is_empty() {
            said.push_str(&format!(" | CAUTION: {}", cautions.join(", ")));
        }
        for (name, title) in [("/flag/instruction", "do"), ("/flag/contact", "call")] {
            match text(data, name).as_str() {
                "-" => {}
                given => said.push_str(&format!(" | {title}: {given}")),
            }
        }
        said.push_str(" | VERIFY");
    }
    said
}

fn alarm(data: &Value) -> String {
    let ended = data.get("active").and_then(Value::as_bool) == Some(false);
    let mut said = format!(
        "{}: {}{} from device {}",
        vehicle(data),
        text(data, "/alarm"),
        if ended { " has ended" } else { "" },
        text(data, "/device")
    );
    let coordinate = |name: &str| data.pointer(name).and_then(Value::as_f64);
    if let (Some(latitude), Some(longitude)) =
        (coordinate("/fix/latitude"), coordinate("/fix/longitude"))
    {
        said.push_str(&format!(" at {latitude:.5}, {longitude:.5}"));
    }
    match text(data, "/unit").as_str() {
        "-" => {}
        unit => said.push_str(&format!(", for {unit}")),
    }
    if let Some(age_s) = data.get("age_s").and_then(Value::as_f64) {
        said.push_str(&format!(", {} late", span(age_s)));
    }
    said
}

fn flag(data: &Value) -> String {
    let said = format!(
        "{} on {}: {} {}, by {}",
        text(data, "/flag/id"),
        vehicle(data),
        text(data, "/flag/reason"),
        text(data, "/flag/case"),
        text(data, "/flag/authority")
    );
    match text(data, "/reason").as_str() {
        "-" => said,
        reason => format!("{said}; {reason}"),
    }
}

fn vehicle(data: &Value) -> String {
    let (id, class) = (text(data, "/vehicle/id"), text(data, "/vehicle/class"));
    match text(data, "/vehicle/plate").as_str() {
        "-" => format!("{id} ({class})"),
        plate => format!("{plate} ({class})"),
    }
}

fn span(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if seconds < HOUR_S {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / HOUR_S)
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Cloud, Type};

    use super::super::remote::zone;
    use super::*;
    use crate::store::testing::{alert, event, flag};

    fn line(event: &interdict_engine::Event) -> String {
        let cloud = Cloud { event, source: "urn:test", sequence: 1 };
        event_line(&serde_json::to_value(cloud).unwrap(), &zone("Asia/Shanghai").unwrap())
    }

    #[test]
    fn an_alert_says_where_and_how_soon() {
        assert_eq!(
            line(&alert("e", "a", Type::Raised, 660)),
            "1970-01-01 08:00:00  alert.raised      v1 (other) → North (throat-road) in 11 min, \
             75 %, 1.0 km: closing | stolen C-1, fix 1 s old | VERIFY"
        );
        assert!(!line(&alert("e", "a", Type::Passed, 0)).contains(" in "));
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let mut flag = flag("f", "v");
        flag.case = "\u{1b}[2J\n\u{202e}evil".into();
        let line = line(&event("e", Type::FlagAdded, flag));
        assert!(!line.contains(['\u{1b}', '\n', '\u{202e}']), "{line}");
        assert!(line.contains("stolen \\u{1b}[2J \\u{202e}evil"), "{line}");
    }
}
