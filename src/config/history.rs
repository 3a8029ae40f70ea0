//! How far back people read.

use serde::{Deserialize, Deserializer};

use super::duration;

/// How far back each role reads events and reports. What is open still is nobody's history.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Who runs the installation has its disk as well.
    pub admin: Depth,
    /// A month: the longest that a flag lasts.
    pub dispatcher: Depth,
    /// A day: the shift before, and what it handed over.
    pub operator: Depth,
    /// Looks back by profession.
    pub analyst: Depth,
    /// Likewise.
    pub auditor: Depth,
}

/// Seconds, or `all` that is kept: `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth(pub Option<f64>);

impl Default for History {
    fn default() -> Self {
        Self {
            admin: Depth(None),
            dispatcher: Depth(Some(30.0 * 86_400.0)),
            operator: Depth(Some(86_400.0)),
            analyst: Depth(None),
            auditor: Depth(None),
        }
    }
}

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration::seconds_or_all(deserializer).map(Self)
    }
}

impl History {
    /// Each role's, by its name.
    pub(super) fn by_role(&self) -> [(&'static str, Depth); 5] {
        [
            ("admin", self.admin),
            ("dispatcher", self.dispatcher),
            ("operator", self.operator),
            ("analyst", self.analyst),
            ("auditor", self.auditor),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_is_a_duration_or_all() {
        let history: History =
            toml::from_str("operator = '36h'\ndispatcher = 'all'\nanalyst = 60").unwrap();
        assert_eq!(history.operator, Depth(Some(129_600.0)));
        assert_eq!((history.dispatcher, history.analyst), (Depth(None), Depth(Some(60.0))));
        assert_eq!(history.auditor, History::default().auditor);
        for bad in ["operator = 'much'", "operator = true", "fleet = '1h'"] {
            assert!(toml::from_str::<History>(bad).is_err(), "{bad}");
        }
    }
}
