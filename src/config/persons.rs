//! What an operator sets for the people who use it.

use serde::Deserialize;

use super::duration;

/// Rules for persons.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Persons {
    /// Seconds since a person's first token before which they approve nothing: whoever can make
    /// tokens must not make up a second person on the spot. A day: a shift of others sees the token.
    #[serde(rename = "approver_age", deserialize_with = "duration::seconds")]
    pub approver_age_s: f64,
}

impl Default for Persons {
    fn default() -> Self {
        Self { approver_age_s: 86_400.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_text_or_seconds() {
        let age =
            |text: &str| toml::from_str::<Persons>(text).map(|persons| persons.approver_age_s);
        assert_eq!(age(""), Ok(86_400.0));
        assert_eq!(age("approver_age = '36h'"), Ok(129_600.0));
        assert_eq!(age("approver_age = 0"), Ok(0.0));
        assert_eq!(age("approver_age = 1.5"), Ok(1.5));
        for bad in ["approver_age = 'soon'", "approver_age = true", "approver_age_s = 1"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
