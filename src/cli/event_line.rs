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
        Some(("vehicle", "silent")) => silent(data, &time, zone),
        Some(("vehicle", "heard")) => heard(data),
        Some(("vehicle", "sighted")) => sighted(data),
        Some(("device", "alarm")) => alarm(data),
        Some(("device", "mass-alarm")) => format!(
            "{} alarms of class {} within a minute: no more of it are flagged for now",
            data.get("alarms").and_then(Value::as_u64).unwrap_or_default(),
            text(data, "/class")
        ),
        Some(("device", "conflict")) => format!(
            "device {} of {} speaks from two places: {} is believed, {} is held apart",
            text(data, "/device"),
            text(data, "/vehicle"),
            text(data, "/believed"),
            text(data, "/held")
        ),
        Some(("flag", what)) => flag(data, what),
        _ => text(event, "/subject"),
    };
    format!("{time}  {short:<16}  {said}")
}

fn alert(data: &Value, kind: &str) -> String {
    let number = |name: &str| data.get(name).and_then(Value::as_f64).unwrap_or_default();
    let checkpoint =
        format!("{} ({})", text(data, "/checkpoint/name"), text(data, "/checkpoint/kind"));
    let mut said = format!("{}{} → {checkpoint}", mark(data), vehicle(data));
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
    said.push_str(&because(data));
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
        let observed = is_observed(data);
        said.push_str(if observed { " | OBSERVE, DO NOT STOP" } else { " | VERIFY" });
    }
    said
}

/// That something is an exercise comes before everything else.
pub(super) fn mark(data: &Value) -> &'static str {
    let drill = data.pointer("/flag/drill").and_then(Value::as_bool);
    if drill == Some(true) { "DRILL " } else { "" }
}

fn is_observed(data: &Value) -> bool {
    text(data, "/flag/action") == "observe"
}

/// Why something is said of a flagged vehicle, and by which fix.
fn because(data: &Value) -> String {
    format!(
        ": {} | {} {}, fix {} old",
        text(data, "/why/text"),
        text(data, "/flag/reason"),
        text(data, "/flag/case"),
        span(data.get("fix_age_s").and_then(Value::as_f64).unwrap_or_default())
    )
}

fn silent(data: &Value, said_at: &str, zone: &TimeZone) -> String {
    let mut said = format!("{}{}", mark(data), vehicle(data));
    if data.pointer("/checkpoint/id").is_some() {
        let time = |name: &str| local(data.get(name).unwrap_or(&Value::Null), zone);
        let (earliest, latest) = (time("earliest_at"), time("latest_at"));
        said.push_str(&format!(
            " → {} ({}) between {} and {}",
            text(data, "/checkpoint/name"),
            text(data, "/checkpoint/kind"),
            on_day(&earliest, said_at),
            on_day(&latest, said_at)
        ));
    }
    said + &because(data) + &place(data)
}

/// A time without its date, where that is the date of the line.
fn on_day<'a>(time: &'a str, line: &str) -> &'a str {
    match (time.split_once(' '), line.split_once(' ')) {
        (Some((date, clock)), Some((today, _))) if date == today => clock,
        _ => time,
    }
}

fn heard(data: &Value) -> String {
    format!("{}{}{}{}", mark(data), vehicle(data), because(data), place(data))
}

/// Where the fix is, and for whom.
fn place(data: &Value) -> String {
    let mut said = String::new();
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
    said
}

fn sighted(data: &Value) -> String {
    format!(
        "{} seen: {} | {} {}{}",
        vehicle(data),
        text(data, "/why/text"),
        text(data, "/flag/reason"),
        text(data, "/flag/case"),
        match text(data, "/unit").as_str() {
            "-" => String::new(),
            unit => format!(", for {unit}"),
        }
    )
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
    said.push_str(&place(data));
    if let Some(age_s) = data.get("age_s").and_then(Value::as_f64) {
        said.push_str(&format!(", {} late", span(age_s)));
    }
    said
}

fn flag(data: &Value, what: &str) -> String {
    let mut said = format!(
        "{}{} on {}: {} {}{}, by {}",
        mark(data),
        text(data, "/flag/id"),
        vehicle(data),
        text(data, "/flag/reason"),
        text(data, "/flag/case"),
        if is_observed(data) { ", to be observed" } else { "" },
        text(data, "/flag/authority")
    );
    if what == "added" {
        match text(data, "/flag/state").as_str() {
            "applied" => said.push_str("; waits for approval"),
            "emergency" => said.push_str("; emergency, lapses without an approval"),
            "provisional" => said.push_str("; made of its device's alarm"),
            _ => {}
        }
    }
    for (name, before) in [("/reason", "; "), ("/by", "; by "), ("/note", ": ")] {
        match text(data, name).as_str() {
            "-" => {}
            // Who adds a flag says by whose authority.
            _ if what == "added" => {}
            given => said.push_str(&format!("{before}{given}")),
        }
    }
    said
}

/// Its plate, or where it has none its identity, and its class.
pub(super) fn vehicle(data: &Value) -> String {
    let (id, class) = (text(data, "/vehicle/id"), text(data, "/vehicle/class"));
    match text(data, "/vehicle/plate").as_str() {
        "-" => format!("{id} ({class})"),
        plate => format!("{plate} ({class})"),
    }
}

/// Seconds as people say them.
pub(super) fn span(seconds: f64) -> String {
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
    use crate::store::testing::{alert, event, flag, heard, silence};

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
    fn a_silence_says_when_and_where_from() {
        let silent = silence("e", Some((600, 1_500)));
        assert_eq!(
            line(&silent),
            "1970-01-01 08:00:00  vehicle.silent    v1 (other) → North (throat-road) between \
             08:10:00 and 08:25:00: not heard | stolen C-1, fix 3 min old at 38.90000, 121.60000, \
             for station"
        );
        assert!(line(&silence("e", Some((600, 86_400)))).contains("and 1970-01-02 08:00:00: "));
        assert!(line(&silence("e", None)).contains("  v1 (other): not heard | "));
        assert!(line(&heard("e")).starts_with(
            "1970-01-01 08:00:00  vehicle.heard     v1 (other): heard again | stolen C-1, fix 0 s"
        ));
    }

    #[test]
    fn an_exercise_and_who_is_only_observed_are_marked() {
        let mut drill = flag("f", "v");
        (drill.drill, drill.action) = (true, interdict_engine::Action::Observe);
        drill.state = interdict_engine::FlagState::Applied;
        let line = line(&event("e", Type::FlagAdded, drill));
        assert!(line.contains("DRILL f on v (other): stolen C-1, to be observed, by"), "{line}");
        assert!(line.ends_with("; waits for approval"), "{line}");
        let mut raised = alert("e", "a", Type::Raised, 660);
        if let interdict_engine::Data::Alert(report) = &mut raised.data {
            (report.flag.drill, report.flag.action) = (true, interdict_engine::Action::Observe);
        }
        let line = self::line(&raised);
        assert!(line.contains("  DRILL v1 (other) → North"), "{line}");
        assert!(line.ends_with(" | OBSERVE, DO NOT STOP"), "{line}");
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
