//! Flags as somebody asks for them, one by one or in a CSV, and as CSV again.

use interdict_engine::{Action, Class, FlagReport, FlagState, Scope, UnitId};
use interdict_protocols::Time;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::BadLine;
use crate::text::{Columns, LONGEST, Line, Lines, cell, seconds, uncell};

/// A flag as somebody asks for it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFlag)]
pub struct AskedFlag {
    /// The vehicle's identity or plate.
    #[schema(min_length = 1, max_length = 1_000)]
    pub vehicle: String,
    /// The reason's code.
    #[schema(min_length = 1)]
    pub reason: String,
    /// The case that it serves.
    #[schema(min_length = 1, max_length = 1_000)]
    pub case: String,
    /// Who orders it.
    #[schema(min_length = 1, max_length = 1_000)]
    pub authority: String,
    /// What is to be done; what the reason says if nothing is said.
    #[serde(default)]
    pub action: Option<Action>,
    /// 1 (most urgent) to 4.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4)]
    pub priority: Option<u8>,
    /// What officers are to do.
    #[serde(default)]
    pub instruction: Option<String>,
    /// What officers must beware of.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub cautions: Vec<String>,
    /// Whom to call.
    #[serde(default)]
    pub contact: Option<String>,
    /// Whose it is to be, where the caller is of no unit or of one above.
    #[serde(default)]
    pub unit: Option<String>,
    /// How far it is to reach.
    #[serde(default)]
    pub scope: Scope,
    /// The units that alone are to see it.
    #[serde(default)]
    pub covert: Vec<String>,
    /// An exercise.
    #[serde(default)]
    pub drill: bool,
    /// It is to work at once.
    #[serde(default)]
    pub emergency: bool,
    /// When it begins; at once if not stated.
    #[serde(default)]
    pub starts_at: Option<Time>,
    /// Seconds after which it ends.
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    pub expires_s: Option<f64>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Time>,
    /// Of a vehicle without a tracker, as what follows: the colour of its plate.
    #[serde(default)]
    pub plate_colour: Option<String>,
    /// Its class.
    #[serde(default)]
    pub class: Option<Class>,
    /// Make and model.
    #[serde(default)]
    pub make: Option<String>,
    /// Colour of its paint.
    #[serde(default)]
    pub colour: Option<String>,
    /// Its vehicle identification number.
    #[serde(default)]
    #[schema(pattern = r"^\s*([A-HJ-NPR-Za-hj-npr-z0-9]{17})?\s*$")]
    pub vin: Option<String>,
}

/// The columns that there may be, in the order in which they are written. `plate`, `id`, `state`,
/// `applicant` and `approved_by` are passed over when they come in: they are not the applicant's to
/// say.
const COLUMNS: &[&str] = &[
    "vehicle",
    "reason",
    "case",
    "authority",
    "action",
    "priority",
    "instruction",
    "cautions",
    "contact",
    "unit",
    "scope",
    "covert",
    "drill",
    "emergency",
    "starts",
    "expires",
    "plate",
    "plate_colour",
    "class",
    "make",
    "colour",
    "vin",
    "id",
    "state",
    "applicant",
    "approved_by",
];
const NEEDED: &[&str] = &["vehicle", "reason", "case", "authority"];
/// Flags in one file: a night's orders of a province.
const MOST: usize = 10_000;
/// The flags as a table that spreadsheets read, Chinese included, and that can be imported.
#[must_use]
pub fn write_flags(flags: &[FlagReport]) -> String {
    let mut text = format!("\u{feff}{}\r\n", COLUMNS.join(","));
    for FlagReport { flag, vehicle, .. } in flags {
        let units = |units: &[UnitId]| {
            let units: Vec<&str> = units.iter().map(UnitId::as_str).collect();
            units.join(";")
        };
        let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
        let some = |text: &Option<String>| text.clone().unwrap_or_default();
        let yes = |is: bool| if is { "yes".to_owned() } else { String::new() };
        // A vehicle that is known by its plate alone is found by it again.
        let by_plate = vehicle.id.as_str().starts_with("plate:");
        let named = vehicle.plate.clone().filter(|_| by_plate);
        let cells = COLUMNS.iter().map(|column| match *column {
            "vehicle" => named.clone().unwrap_or_else(|| vehicle.id.to_string()),
            "reason" => flag.reason.clone(),
            "case" => flag.case.clone(),
            "authority" => flag.authority.clone(),
            "action" => word(json!(flag.action)),
            "priority" => flag.priority.to_string(),
            "instruction" => some(&flag.instruction),
            "cautions" => flag.cautions.join(";"),
            "contact" => some(&flag.contact),
            "unit" => flag.unit.as_ref().map_or_else(String::new, ToString::to_string),
            "scope" => word(json!(flag.scope)),
            "covert" => units(&flag.covert),
            "drill" => yes(flag.drill),
            "emergency" => yes(flag.state == FlagState::Emergency),
            "starts" => word(json!(flag.starts_at)),
            "expires" => word(json!(flag.expires_at)),
            "plate" => some(&vehicle.plate),
            "plate_colour" => some(&vehicle.plate_colour),
            "class" => word(json!(vehicle.class)),
            "make" => some(&vehicle.make),
            "colour" => some(&vehicle.colour),
            "vin" => some(&vehicle.vin),
            "id" => flag.id.to_string(),
            "state" => word(json!(flag.state)),
            "applicant" => some(&flag.applicant),
            _ => some(&flag.approved_by),
        });
        let cells: Vec<String> = cells.map(|text| cell(&text)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// What each line asks for, with its number, and the lines that are bad.
#[must_use]
pub fn read_flags(text: &str) -> (Vec<(u64, AskedFlag)>, Vec<BadLine>) {
    let mut lines = Lines::new(text.as_bytes());
    let (mut asked, mut bad) = (Vec::new(), Vec::new());
    let mut columns: Option<Columns> = None;
    // Text in memory is always read.
    while let Ok(Some((number, line))) = lines.next() {
        let number = number as u64;
        let mut complain = |reason: String| bad.push(BadLine { line: number, reason });
        let text = match line {
            Line::Text(text) if text.trim().is_empty() => continue,
            Line::Text(text) => text,
            Line::TooLong | Line::NotText => {
                complain(format!("is longer than {LONGEST} bytes"));
                continue;
            }
        };
        match &columns {
            None => match heading(&text) {
                Ok(heading) => columns = Some(heading),
                Err(reason) => {
                    complain(reason);
                    return (asked, bad);
                }
            },
            Some(_) if asked.len() >= MOST => {
                complain(format!("is more than {MOST} flags; part the file"));
                return (asked, bad);
            }
            Some(columns) => match line_asked(columns, &text) {
                Ok(one) => asked.push((number, one)),
                Err(reason) => complain(reason),
            },
        }
    }
    if columns.is_none() {
        bad.push(BadLine { line: 1, reason: "the file is empty".to_owned() });
    }
    (asked, bad)
}

fn heading(text: &str) -> Result<Columns, String> {
    let columns = Columns::from_header(text)?;
    if let Some(strange) = columns.beside(COLUMNS).next() {
        return Err(format!("column `{strange}` is not known; known are {}", COLUMNS.join(", ")));
    }
    match NEEDED.iter().find(|name| columns.find(&[name]).is_none()) {
        Some(missing) => {
            Err(format!("no column `{missing}`; the first line must name the columns"))
        }
        None => Ok(columns),
    }
}

fn line_asked(columns: &Columns, text: &str) -> Result<AskedFlag, String> {
    let fields = columns.split(text)?;
    if fields.len() != columns.count() {
        let (found, expected) = (fields.len(), columns.count());
        return Err(format!("{found} fields where the header has {expected}"));
    }
    let field = |name: &'static str| {
        let text = uncell(fields.get(columns.find(&[name])?)?.trim());
        (!text.is_empty()).then(|| text.to_owned())
    };
    let needed = |name: &'static str| field(name).ok_or_else(|| format!("`{name}` is empty"));
    let list = |name: &'static str| {
        let text = field(name).unwrap_or_default();
        text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let time = |name: &'static str, text: &str| {
        Time::parse(text)
            .ok_or_else(|| format!("`{name}` is `{text}`, not a time such as 2026-06-15T02:01:15Z"))
    };
    let starts_at = field("starts").map(|text| time("starts", &text)).transpose()?;
    let (expires_s, expires_at) = match field("expires") {
        None => (None, None),
        Some(text) => match seconds(&text) {
            Ok(length_s) => (Some(length_s), None),
            Err(_) => (None, Some(time("expires", &text)?)),
        },
    };
    let priority = field("priority")
        .map(|text| text.parse::<u8>().map_err(|_| format!("`priority` is `{text}`, not 1 to 4")));
    Ok(AskedFlag {
        vehicle: needed("vehicle")?,
        reason: needed("reason")?,
        case: needed("case")?,
        authority: needed("authority")?,
        action: field("action").map(|text| word("action", &text)).transpose()?,
        priority: priority.transpose()?,
        instruction: field("instruction"),
        cautions: list("cautions"),
        contact: field("contact"),
        unit: field("unit"),
        scope: field("scope")
            .map_or_else(|| Ok(Default::default()), |text| word("scope", &text))?,
        covert: list("covert"),
        drill: field("drill").map_or(Ok(false), |text| yes("drill", &text))?,
        emergency: field("emergency").map_or(Ok(false), |text| yes("emergency", &text))?,
        starts_at,
        expires_s,
        expires_at,
        plate_colour: field("plate_colour"),
        class: field("class").map(|text| word("class", &text)).transpose()?,
        make: field("make"),
        colour: field("colour"),
        vin: field("vin"),
    })
}

fn word<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, String> {
    let known = match name {
        "action" => "intercept or observe",
        "scope" => "unit or linked",
        _ => "armoured, taxi, corporate, patrol or other",
    };
    serde_json::from_value(text.to_lowercase().into())
        .map_err(|_| format!("`{name}` is `{text}`, not {known}"))
}

fn yes(name: &str, text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err(format!("`{name}` is `{text}`, not yes or no")),
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Flag, Vehicle, VehicleView};

    use super::*;

    #[test]
    fn each_bad_line_is_told() {
        let text = "vehicle,reason,case,authority,priority,expires,drill,scope\n\
                    v1,stolen,C-1,city,1,24h,yes,linked\n\
                    ,stolen,C-1,city,,,,\n\
                    v2,stolen,C-1,city,high,,,\n\
                    v3,stolen,C-1\n\
                    v4,stolen,C-1,city,,soon,,\n\
                    v5,stolen,C-1,city,,,perhaps,\n\
                    \n\
                    v6,stolen,C-1,city,,,,world\n";
        let (asked, bad) = read_flags(text);
        assert_eq!(asked.len(), 1);
        let (line, first) = &asked[0];
        assert_eq!((*line, first.expires_s, first.drill), (2, Some(86_400.0), true));
        assert_eq!(first.scope, Scope::Linked);
        let told: Vec<_> = bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(
            told,
            [
                (3, "`vehicle` is empty"),
                (4, "`priority` is `high`, not 1 to 4"),
                (5, "3 fields where the header has 8"),
                (6, "`expires` is `soon`, not a time such as 2026-06-15T02:01:15Z"),
                (7, "`drill` is `perhaps`, not yes or no"),
                (9, "`scope` is `world`, not unit or linked"),
            ]
        );
        for (text, part) in [
            ("", "empty"),
            ("vehicle,reason,case\nv,stolen,C\n", "no column `authority`"),
            ("vehicle,reason,case,authority,wheels\n", "column `wheels`"),
        ] {
            let (asked, bad) = read_flags(text);
            assert!(asked.is_empty() && bad.len() == 1 && bad[0].reason.contains(part), "{bad:?}");
        }
    }

    #[test]
    fn what_is_exported_is_no_formula_and_comes_back_as_it_was() {
        let at = Time::from_seconds(1_800_000_000);
        let mut vehicle = Vehicle::unknown("plate:辽BX9999".into());
        (vehicle.plate, vehicle.class) = (Some("辽B·X9999".to_owned()), Class::Taxi);
        let flag = Flag {
            case: "=HYPERLINK(\"http://example.org\";\"C-1\")".to_owned(),
            authority: "city, night shift".to_owned(),
            contact: Some("+86 411 110".to_owned()),
            instruction: Some("-stop\nand hold".to_owned()),
            cautions: vec!["@armed".to_owned(), "two men".to_owned()],
            scope: Scope::Linked,
            covert: vec!["city".into(), "station".into()],
            drill: true,
            ..Flag::new("f".into(), vehicle.id.clone(), "stolen", (at, at.plus_seconds(60.0)))
        };
        let vehicle = VehicleView::from(&vehicle);
        let report = FlagReport { flag, vehicle, reason: None, by: None, note: None };
        let text = write_flags(std::slice::from_ref(&report));
        let line = text.lines().nth(1).unwrap();
        let first = |letter: char| matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r');
        let columns = Columns::from_header(text.lines().next().unwrap()).unwrap();
        let cells = columns.split(line).unwrap();
        assert!(!cells.iter().any(|cell| cell.starts_with(first)), "{line}");
        let (asked, bad) = read_flags(&text);
        assert!(bad.is_empty(), "{bad:?}");
        let (_, asked) = &asked[0];
        assert_eq!(asked.vehicle, "辽B·X9999");
        assert_eq!((&asked.case, &asked.contact), (&report.flag.case, &report.flag.contact));
        assert_eq!(asked.instruction.as_deref(), Some("-stop and hold"));
        assert_eq!(asked.cautions, report.flag.cautions);
        assert_eq!((asked.scope, asked.drill, &*asked.covert[1]), (Scope::Linked, true, "station"));
        assert_eq!(asked.expires_at, Some(report.flag.expires_at));
    }
}
