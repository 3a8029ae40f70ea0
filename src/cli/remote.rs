//! What the commands have in common that talk to a server.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use interdict_protocols::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::terminal::escape;
use crate::audit::By;
use crate::client::{Client, segment};
use crate::text::seconds;
use crate::tracks::Times;

/// Where a server is if nothing else is said.
pub(super) const SERVER: &str = "http://127.0.0.1:8080";

#[derive(clap::Args)]
pub(super) struct ServerArguments {
    /// The server to talk to; the token is taken from INTERDICT_TOKEN, and where the server's
    /// certificate is not vouched for publicly, INTERDICT_CA names a PEM file of who vouches for it
    #[arg(long, value_name = "URL", default_value = SERVER)]
    server: String,
}

impl ServerArguments {
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        client(&self.server)
    }
}

/// A client of that server, with the token of the environment.
pub(super) fn client(server: &str) -> anyhow::Result<Client> {
    let token = std::env::var("INTERDICT_TOKEN").ok();
    let Some(file) = std::env::var_os("INTERDICT_CA").filter(|file| !file.is_empty()) else {
        return Ok(Client::new(server, token)?);
    };
    let path = Path::new(&file);
    let pem = std::fs::read(path)
        .with_context(|| format!("cannot read INTERDICT_CA, {}", path.display()))?;
    Ok(Client::trusting(server, token, Some(&pem))?)
}

/// Why something is asked of a server.
#[derive(clap::Args)]
pub(super) struct Reason {
    /// Why: it is noted in the audit log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

impl Reason {
    /// The account that this command runs in, for that reason.
    pub(super) fn of_local_user(&self) -> By {
        let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let who = format!("local:{}", user.unwrap_or_else(|| "unknown".to_owned()));
        By { why: self.reason.clone(), ..By::named(who) }
    }

    /// `path` with the reason in its query.
    pub(super) fn on(&self, path: &str) -> String {
        let Some(reason) = &self.reason else { return path.to_owned() };
        let begins = if path.contains('?') { '&' } else { '?' };
        format!("{path}{begins}reason={}", segment(reason))
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON document a line
    Json,
}

/// The zone of the unit's people.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone such as Asia/Shanghai"))
}

/// A time of a JSON document as people there read it, to the second.
pub(super) fn local(time: &Value, zone: &TimeZone) -> String {
    time.as_str().and_then(Time::parse).map_or_else(|| "-".to_owned(), |time| clock(time, zone))
}

/// A time as people there read it, to the second.
pub(super) fn clock(time: Time, zone: &TimeZone) -> String {
    let instant = Timestamp::from_millisecond(time.millis()).unwrap_or_default();
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time that somebody gave, or how long before `now`, such as 20m.
pub(super) fn instant(text: &str, now: Time, zone: &TimeZone) -> Result<Time, String> {
    // A number without a unit is an instant, as it is elsewhere.
    match seconds(text).ok().filter(|_| text.ends_with(char::is_alphabetic)) {
        Some(ago_s) => Ok(now.plus_seconds(-ago_s)),
        None => Times { zone: Some(zone.clone()) }.parse(text),
    }
}

/// A member of a JSON document as text for a terminal; `-` where there is none.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => escape(&text.replace('\n', " ")),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// The members of a list in a JSON document.
pub(super) fn members<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Writes rows in columns, the first row being the heading.
pub(super) fn table(rows: &[Vec<String>]) -> io::Result<()> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = width(cell);
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut out = io::stdout().lock();
    for row in rows {
        let mut line = String::new();
        for (cell, widest) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', widest - width(cell) + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

/// Columns that a terminal gives to `text`: two to each Chinese character.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if ('\u{1100}'..'\u{fffe}').contains(&letter) { 2 } else { 1 }).sum()
}

/// Writes JSON documents, one a line.
pub(super) fn json_lines<'a>(documents: impl IntoIterator<Item = &'a Value>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for document in documents {
        writeln!(out, "{document}")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_those_of_the_unit_s_clocks() {
        let zone = zone("Asia/Shanghai").unwrap();
        assert_eq!(local(&json!("2026-06-15T02:01:15.5Z"), &zone), "2026-06-15 10:01:15");
        assert_eq!(local(&json!(null), &zone), "-");
        assert!(super::zone("Nowhere/Else").is_err());
    }

    #[test]
    fn an_instant_is_a_time_or_how_long_ago() {
        let (now, zone) = (Time::from_seconds(10_000), zone("Asia/Shanghai").unwrap());
        let instant = |text| instant(text, now, &zone).map(Time::seconds);
        assert_eq!(instant("1h30m"), Ok(4_600));
        assert_eq!(instant("1970-01-01 08:00:07"), Ok(7));
        assert_eq!(instant("1970-01-01T00:00:07Z"), Ok(7));
        assert!(instant("yesterday").is_err());
    }

    #[test]
    fn a_reason_goes_where_the_query_is() {
        let reason = Reason { reason: Some("a b".to_owned()) };
        assert_eq!(reason.on("/x"), "/x?reason=a%20b");
        assert_eq!(reason.on("/x?y=1"), "/x?y=1&reason=a%20b");
        assert_eq!(Reason { reason: None }.on("/x"), "/x");
    }

    #[test]
    fn what_comes_from_outside_stays_on_its_line() {
        let value = json!({"a": {"b": "x\n\u{1b}[2Jy"}, "n": 3});
        assert_eq!(text(&value, "/a/b"), "x \\u{1b}[2Jy");
        assert_eq!((text(&value, "/n"), text(&value, "/a/c")), ("3".to_owned(), "-".to_owned()));
    }
}
