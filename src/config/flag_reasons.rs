//! The closed list of reasons for which a vehicle may be flagged.

use interdict_engine::{Action, Level, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Places;
use super::duration;
use super::files::embedded;
use super::problem::Report;

/// No flag lasts longer, whatever its reason: renewal is a new decision.
pub const LONGEST_FLAG_S: f64 = 30.0 * 86_400.0;

/// A reason, and what a flag may be for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagReason {
    /// What flags name it by.
    pub code: String,
    /// Its name, for people.
    pub name: String,
    /// Its name in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// The law that a flag for it rests on.
    pub legal_basis: String,
    /// Seconds that a flag for it may last, from its start or its renewal.
    #[serde(
        rename(serialize = "longest_s", deserialize = "longest"),
        deserialize_with = "duration::seconds",
        default = "longest"
    )]
    #[schema(rename = "longest_s", required)]
    pub longest_s: f64,
    /// The widest scope of a flag for it.
    #[serde(default)]
    pub scope: Scope,
    /// The lowest level whose people approve it; what is linked is approved by the city's.
    pub approver: Level,
    /// What may be done at most: who is only to be observed must not be stopped.
    #[serde(default)]
    pub action: Action,
    /// Flags for it are exercises.
    #[serde(default)]
    pub drill: bool,
}

const fn longest() -> f64 {
    LONGEST_FLAG_S
}

/// The reasons, in the order in which the configuration has them.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagReasons(Vec<FlagReason>);

impl FlagReasons {
    /// The reason of that code.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<&FlagReason> {
        self.0.iter().find(|reason| reason.code == code)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &FlagReason> {
        self.0.iter()
    }

    /// The codes, as a sentence lists them.
    #[must_use]
    pub fn codes(&self) -> String {
        let codes: Vec<&str> = self.0.iter().map(|reason| reason.code.as_str()).collect();
        codes.join(", ")
    }
}

impl Default for FlagReasons {
    /// Those of the Dalian default: where a configuration has none of its own.
    fn default() -> Self {
        #[derive(Default, Deserialize)]
        struct Only {
            #[serde(default)]
            reasons: Vec<FlagReason>,
        }
        // A test reads what is built in.
        Self(toml::from_str::<Only>(embedded::CONFIGURATION).unwrap_or_default().reasons)
    }
}

/// Checks the configuration's list; the built-in one where it has none.
pub(super) fn read(
    file: &str,
    list: Option<Vec<FlagReason>>,
    places: &Places,
    report: &mut Report,
) -> FlagReasons {
    let Some(list) = list else { return FlagReasons::default() };
    let mut tell =
        |what: String| report.problem(file, places.line("reasons"), format!("reasons: {what}"));
    if list.is_empty() {
        tell("the list is empty: no vehicle could be flagged".to_owned());
    }
    for (at, reason) in list.iter().enumerate() {
        let FlagReason { code, longest_s, .. } = reason;
        let letters = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        if code.is_empty() || !code.chars().all(|letter| letters(letter) || letter.is_ascii_digit())
        {
            tell(format!("found the code {code:?}, expected small letters, digits and `_`"));
        }
        if list.iter().take(at).any(|before| before.code == *code) {
            tell(format!("`{code}` is there twice"));
        }
        for (name, text) in [("name", &reason.name), ("legal_basis", &reason.legal_basis)] {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                tell(format!("`{code}` has no {name}"));
            }
        }
        if !(*longest_s > 0.0 && *longest_s <= LONGEST_FLAG_S) {
            tell(format!("`{code}` lasts longer than 30 days, or no time at all"));
        }
    }
    FlagReasons(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_reasons_hold() {
        let reasons = FlagReasons::default();
        for code in ["stolen", "wanted_person", "kidnapping", "off_route", "drill"] {
            assert!(reasons.find(code).is_some(), "{code} is not in {}", reasons.codes());
        }
        let mut report = Report::default();
        let list = reasons.iter().cloned().collect();
        assert_eq!(read("x", Some(list), &Places::default(), &mut report), reasons);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let observed = reasons.iter().filter(|reason| reason.action == Action::Observe).count();
        assert!(observed > 0 && reasons.find("drill").unwrap().drill);
    }

    #[test]
    fn a_wrong_reason_is_told() {
        #[derive(Deserialize)]
        struct Only {
            reasons: Vec<FlagReason>,
        }
        let text = "\
[[reasons]]
code = 'Stolen'
name = 'Stolen'
legal_basis = ' '
approver = 'station'
[[reasons]]
code = 'a'
name = 'a'
legal_basis = 'law'
approver = 'city'
longest = '31d'
[[reasons]]
code = 'a'
name = 'a'
legal_basis = 'law'
approver = 'city'
longest = '7d'
";
        let Only { reasons } = toml::from_str(text).unwrap();
        assert_eq!(reasons[2].longest_s, 7.0 * 86_400.0);
        let mut report = Report::default();
        read("x", Some(reasons), &Places::default(), &mut report);
        let told: Vec<&str> = report.problems.iter().map(|problem| &*problem.what).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        for part in ["small letters", "no legal_basis", "longer than 30 days", "twice"] {
            assert!(told.iter().any(|what| what.contains(part)), "{part}: {told:#?}");
        }
    }
}
