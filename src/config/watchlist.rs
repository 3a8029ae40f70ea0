//! A watchlist file: which vehicles are flagged, and why; from CSV.

use std::io::{self, BufRead};

use interdict_engine::{Flag, FlagId, VehicleId};
use interdict_protocols::Time;

use super::Problem;
use crate::text::{Columns, LONGEST, Line, Lines, seconds};

const COLUMNS: &[&str] = &[
    "vehicle",
    "reason",
    "case",
    "authority",
    "priority",
    "instruction",
    "cautions",
    "contact",
    "starts",
    "expires",
    "id",
];

/// One line of a watchlist.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The flag's identity.
    pub id: String,
    /// The vehicle's identity or plate.
    pub vehicle: String,
    /// The reason's code.
    pub reason: String,
    /// The case.
    pub case: String,
    /// Who ordered it.
    pub authority: String,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// What officers are to do.
    pub instruction: Option<String>,
    /// What officers must beware of.
    pub cautions: Vec<String>,
    /// Whom to call.
    pub contact: Option<String>,
    /// When it begins; at once if not stated.
    pub starts: Option<Time>,
    /// When it ends.
    pub expires: Expiry,
}

/// When a flag ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expiry {
    /// At an instant.
    At(Time),
    /// So many seconds after it begins.
    After(f64),
}

/// Ten years: longer than any recording. A recording's flags must not end in the midst of it only
/// because its watchlist says nothing of that.
pub const UNSTATED_EXPIRY_S: f64 = 10.0 * 365.25 * 86_400.0;

/// Where the reader of a recording says nothing else.
const PRIORITY: u8 = 2;

impl Entry {
    /// An entry of which only the vehicle and the reason are known.
    #[must_use]
    pub fn bare(id: String, vehicle: String, reason: &str) -> Self {
        Self {
            id,
            vehicle,
            reason: reason.to_owned(),
            case: reason.to_owned(),
            authority: "recording".to_owned(),
            priority: PRIORITY,
            instruction: None,
            cautions: Vec::new(),
            contact: None,
            starts: None,
            expires: Expiry::After(UNSTATED_EXPIRY_S),
        }
    }

    /// The flag on `vehicle`, which begins at `now` unless the entry says otherwise.
    #[must_use]
    pub fn flag(&self, vehicle: VehicleId, now: Time) -> Flag {
        let starts_at = self.starts.unwrap_or(now);
        let expires_at = match self.expires {
            Expiry::At(time) => time,
            Expiry::After(length_s) => starts_at.plus_seconds(length_s),
        };
        let id = FlagId::from(self.id.as_str());
        Flag {
            case: self.case.clone(),
            authority: self.authority.clone(),
            priority: self.priority,
            instruction: self.instruction.clone(),
            cautions: self.cautions.clone(),
            contact: self.contact.clone(),
            ..Flag::new(id, vehicle, &self.reason, (starts_at, expires_at))
        }
    }
}

/// Reads `vehicle,reason[,case,authority,priority,instruction,cautions,contact,starts,expires,id]`,
/// header first, columns in any order. `cautions` are parted by semicolons; `expires` is a time or a
/// length such as `24h`. A bad line is a problem and costs only itself.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_watchlist(file: &str, input: impl BufRead) -> io::Result<(Vec<Entry>, Vec<Problem>)> {
    let mut lines = Lines::new(input);
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut columns: Option<Columns> = None;
    let mut problem = |line: usize, what: String| {
        problems.push(Problem { file: file.to_owned(), line: Some(line), what });
    };
    while let Some((number, line)) = lines.next()? {
        let text = match line {
            Line::Text(text) if text.trim().is_empty() => continue,
            Line::Text(text) => text,
            Line::TooLong => {
                problem(number, format!("is longer than {LONGEST} bytes"));
                continue;
            }
            Line::NotText => {
                problem(number, "is not UTF-8; save the file as UTF-8".to_owned());
                continue;
            }
        };
        let Some(columns) = &columns else {
            match header(&text) {
                Ok(header) => columns = Some(header),
                Err(what) => {
                    problem(number, what);
                    return Ok((entries, problems));
                }
            }
            continue;
        };
        match entry(columns, number, &text) {
            Ok(entry) => entries.push(entry),
            Err(what) => problem(number, what),
        }
    }
    if columns.is_none() {
        problem(1, format!("is empty; expected the header {}", COLUMNS.join(",")));
    }
    Ok((entries, problems))
}

fn header(text: &str) -> Result<Columns, String> {
    let columns = Columns::from_header(text)?;
    let expected = COLUMNS.join(",");
    if let Some(strange) = columns.beside(COLUMNS).next() {
        return Err(format!("column {strange:?} is not known; expected {expected}"));
    }
    if columns.find(&["vehicle"]).is_none() {
        return Err(format!("no column named vehicle; expected the header {expected}"));
    }
    Ok(columns)
}

fn entry(columns: &Columns, number: usize, text: &str) -> Result<Entry, String> {
    let fields = columns.split(text)?;
    let field = |name: &str| {
        let text = fields.get(columns.find(&[name])?)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let time = |name: &str, text: &str| {
        Time::parse(text).ok_or_else(|| {
            format!("{name}: found {text:?}, expected a time such as 2026-06-15T02:01:15Z")
        })
    };
    let vehicle = field("vehicle").ok_or("the vehicle is missing")?;
    let reason = field("reason").unwrap_or_else(|| "unstated".to_owned());
    let id = field("id").unwrap_or_else(|| format!("watchlist-{number}"));
    let bare = Entry::bare(id, vehicle, &reason);
    Ok(Entry {
        case: field("case").unwrap_or(bare.case),
        authority: field("authority").unwrap_or(bare.authority),
        priority: match field("priority") {
            None => bare.priority,
            Some(text) => text
                .parse()
                .ok()
                .filter(|priority| (1..=4).contains(priority))
                .ok_or_else(|| format!("priority: found {text:?}, expected 1 to 4"))?,
        },
        instruction: field("instruction"),
        cautions: field("cautions").map_or_else(Vec::new, |text| {
            text.split(';').map(|caution| caution.trim().to_owned()).collect()
        }),
        contact: field("contact"),
        starts: field("starts").map(|text| time("starts", &text)).transpose()?,
        expires: match field("expires") {
            None => bare.expires,
            Some(text) => match seconds(&text) {
                Ok(length_s) => Expiry::After(length_s),
                Err(_) => Expiry::At(time("expires", &text)?),
            },
        },
        ..bare
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchlist_needs_no_more_than_vehicles() {
        let text = "vehicle,reason,priority,expires\n辽B·T1001,stolen,1,24h\nv2,,9,\nv3,,,\n";
        let (entries, problems) = read_watchlist("w.csv", text.as_bytes()).unwrap();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, Some(3));
        let now = Time::from_seconds(1_781_488_875);
        let flags: Vec<_> =
            entries.iter().map(|entry| entry.flag(VehicleId::from("v"), now)).collect();
        assert_eq!(flags[0].expires_at, now.plus_seconds(86_400.0));
        assert_eq!((flags[0].reason.as_str(), flags[0].priority), ("stolen", 1));
        assert_eq!(flags[1].id.as_str(), "watchlist-4");
    }
}
