//! [`Board`]: the alerts that are open, the soonest first, counted down at the foot of a terminal.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, truncate_str};
use interdict_protocols::Time;
use serde_json::Value;

use super::paint::{self, Paint};
use crate::cli::event_line::{span, vehicle};
use crate::cli::remote::text;
use crate::clock::Clock;

/// Alerts shown at a time: what one look takes in.
const ROWS: usize = 8;
/// An alert that nobody ended stays so long after its time: then nothing is to be done any more.
const OVERDUE_S: f64 = 600.0;
/// A server whose newest event is further from this machine's clock than this lives in a time of its
/// own, as `demo` does.
const OTHER_DAY_S: f64 = 86_400.0;
/// Countdowns turn red and yellow: what is left of the lead that a team needs, and twice that.
const URGENT_S: f64 = 240.0;
const SOON_S: f64 = 480.0;

/// The alerts that are open.
#[derive(Default)]
struct Open {
    alerts: BTreeMap<String, Row>,
    /// The newest event's time, and when it came.
    newest: Option<(Time, Instant)>,
}

/// An alert.
struct Row {
    vehicle: String,
    checkpoint: String,
    route: String,
    handling: String,
    probability: f64,
    eta_at: Option<Time>,
    fix_at: Option<Time>,
    drill: bool,
}

impl Open {
    /// Takes in what an event changes.
    fn hear(&mut self, event: &Value, came: Instant) {
        let data = event.get("data").unwrap_or(&Value::Null);
        let time = |value: Option<&Value>| value.and_then(Value::as_str).and_then(Time::parse);
        let said_at = time(event.get("time"));
        if let Some(said_at) = said_at {
            self.newest = Some((said_at, came));
        }
        let (kind, id) = (text(event, "/type"), text(data, "/alert"));
        let Some(what) = kind.strip_prefix("interdict.alert.") else { return };
        match what {
            "watch" => {}
            "withdrawn" | "passed" | "left" | "disposed" => drop(self.alerts.remove(&id)),
            _ => {
                let number = |name: &str| data.get(name).and_then(Value::as_f64);
                let age_s = number("fix_age_s").unwrap_or_default();
                let route: Vec<_> = data
                    .get("route")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(crate::text::escape)
                    .collect();
                let row = Row {
                    vehicle: vehicle(data),
                    checkpoint: text(data, "/checkpoint/name"),
                    route: route.join(", "),
                    handling: text(data, "/handling"),
                    probability: number("probability").unwrap_or_default(),
                    eta_at: time(data.get("eta_at")),
                    fix_at: said_at.map(|at| at.plus_seconds(-age_s)),
                    drill: data.pointer("/flag/drill").and_then(Value::as_bool) == Some(true),
                };
                self.alerts.insert(id, row);
            }
        }
    }

    /// The server's time, as far as its events tell.
    fn time(&self, wall: Time, now: Instant) -> Time {
        match self.newest {
            Some((at, came)) if at.seconds_since(wall).abs() > OTHER_DAY_S => {
                at.plus_seconds(now.saturating_duration_since(came).as_secs_f64())
            }
            _ => wall,
        }
    }

    /// The lines of the board, the soonest first.
    fn lines(&self, time: Time, paint: Paint) -> Vec<String> {
        let left_s = |row: &Row| row.eta_at.map_or(f64::INFINITY, |at| at.seconds_since(time));
        let mut rows: Vec<_> =
            self.alerts.values().filter(|row| left_s(row) > -OVERDUE_S).collect();
        rows.sort_by(|one, other| left_s(one).total_cmp(&left_s(other)));
        let more = rows.len().saturating_sub(ROWS);
        let mut lines: Vec<_> =
            rows.iter().take(ROWS).map(|row| row.line(left_s(row), time, paint)).collect();
        if more > 0 {
            lines.push(format!("        and {more} more"));
        }
        lines
    }
}

impl Row {
    fn line(&self, left_s: f64, time: Time, paint: Paint) -> String {
        let style = match left_s {
            left_s if left_s < URGENT_S => paint::URGENT,
            left_s if left_s < SOON_S => paint::SOON,
            _ => paint::CALM,
        };
        let mut line = format!(
            "{}  {} → {}  {:.0} %",
            paint.with(style, &format!("{:>6}", countdown(left_s))),
            paint.with(paint::NAME, &self.vehicle),
            self.checkpoint,
            self.probability * 100.0
        );
        if !self.route.is_empty() {
            line.push_str(&format!("  by {}", self.route));
        }
        if let Some(fix_at) = self.fix_at {
            let age = span(time.seconds_since(fix_at).max(0.0));
            line.push_str(&paint.with(paint::FAINT, &format!("  fix {age} old")));
        }
        line.push_str(&match self.handling.as_str() {
            "raised" | "delivered" => paint.with(paint::SOON, "  not signed off"),
            other => format!("  {other}"),
        });
        if self.drill {
            line.push_str(&paint.with(paint::SOON, "  DRILL"));
        }
        line
    }
}

/// What is left, as a clock: people at a barrier read it at a glance.
fn countdown(left_s: f64) -> String {
    if !left_s.is_finite() {
        return "-".to_owned();
    }
    let whole = left_s.max(0.0).floor();
    match (whole / 3_600.0).floor() {
        0.0 if whole <= 0.0 => "now".to_owned(),
        0.0 => format!("{}:{:02}", (whole / 60.0).floor(), whole % 60.0),
        hours => format!("{hours} h {:02}", (whole % 3_600.0 / 60.0).floor()),
    }
}

/// The board on a terminal: it counts down by itself until dropped.
pub(super) struct Board {
    shown: Arc<Mutex<Shown>>,
    /// Dropped, it ends the counting.
    _ticking: std::sync::mpsc::SyncSender<()>,
}

/// What the terminal shows.
struct Shown {
    open: Open,
    terminal: Term,
    paint: Paint,
    /// Lines of the board that stand at the terminal's foot.
    standing: usize,
}

impl Board {
    pub(super) fn start(paint: Paint) -> Self {
        let (open, terminal) = (Open::default(), Term::buffered_stdout());
        let shown = Arc::new(Mutex::new(Shown { open, terminal, paint, standing: 0 }));
        let (_ticking, ended) = std::sync::mpsc::sync_channel::<()>(0);
        let counted = Arc::clone(&shown);
        std::thread::spawn(move || {
            // It ends with the board, or with the terminal.
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout)
                && lock(&counted).draw(None).is_ok()
            {}
        });
        Self { shown, _ticking }
    }

    /// Takes in what an event changes, and writes its line above the board.
    pub(super) fn hear(&self, event: &Value, line: &str) -> std::io::Result<()> {
        let mut shown = lock(&self.shown);
        shown.open.hear(event, Instant::now());
        shown.draw(Some(line))
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shown {
    /// Writes the board anew, and a line above it that stays.
    fn draw(&mut self, line: Option<&str>) -> std::io::Result<()> {
        let time = self.open.time(Clock::wall().now(), Instant::now());
        let lines = self.open.lines(time, self.paint);
        self.terminal.clear_last_lines(self.standing)?;
        if let Some(line) = line {
            self.terminal.write_line(line)?;
        }
        // A line that wrapped would be two to clear.
        let width = usize::from(self.terminal.size().1).saturating_sub(1);
        for line in &lines {
            self.terminal.write_line(&truncate_str(line, width, "…"))?;
        }
        self.standing = lines.len();
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Cloud, Event, Type};

    use super::*;
    use crate::store::testing::alert;

    fn hear(open: &mut Open, event: &Event) {
        let cloud = Cloud { event, source: "urn:test", sequence: 1 };
        open.hear(&serde_json::to_value(cloud).unwrap(), Instant::now());
    }

    fn lines(open: &Open, at_s: i64) -> Vec<String> {
        open.lines(Time::from_seconds(at_s), Paint::none())
    }

    #[test]
    fn the_soonest_is_first_and_counts_down() {
        let mut open = Open::default();
        hear(&mut open, &alert("1", "late", Type::Raised, 660));
        hear(&mut open, &alert("2", "soon", Type::Raised, 200));
        let first = "  3:20  v1 (other) → North  75 %  fix 1 s old  not signed off";
        let shown = lines(&open, 0);
        assert_eq!((shown.len(), shown[0].as_str()), (2, first));
        assert!(shown[1].starts_with(" 11:00  "), "{shown:?}");
        assert!(lines(&open, 10)[0].starts_with("  3:10  "));
        assert!(lines(&open, 10)[0].contains("fix 11 s old"));
        assert!(lines(&open, 300)[0].starts_with("   now  "));
        assert_eq!(lines(&open, 801).len(), 1, "nobody ended it");
        hear(&mut open, &alert("3", "late", Type::Passed, 0));
        assert_eq!(lines(&open, 10).len(), 1);
    }

    #[test]
    fn more_than_a_look_takes_in_are_counted() {
        let mut open = Open::default();
        for at in 0..11 {
            hear(&mut open, &alert(&at.to_string(), &at.to_string(), Type::Raised, 600));
        }
        let shown = lines(&open, 0);
        assert_eq!((shown.len(), shown[8].trim()), (9, "and 3 more"));
    }

    #[test]
    fn a_server_of_another_day_is_counted_by_its_own_clock() {
        let mut open = Open::default();
        hear(&mut open, &alert("1", "a", Type::Raised, 660));
        let (at, came) = open.newest.unwrap();
        let later = came + Duration::from_secs(5);
        assert_eq!(open.time(Time::from_seconds(1_800_000_000), later), at.plus_seconds(5.0));
        assert_eq!(open.time(Time::from_seconds(3_600), later), Time::from_seconds(3_600));
    }

    #[test]
    fn a_countdown_is_read_at_a_glance() {
        let shown = [-5.0, 0.4, 61.9, 3_599.0, 3_660.0, f64::INFINITY].map(countdown);
        assert_eq!(shown, ["now", "now", "1:01", "59:59", "1 h 01", "-"]);
    }
}
