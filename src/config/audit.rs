//! What an operator sets for the audit log.

use std::path::PathBuf;

use serde::Deserialize;

/// The audit log's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Signed heads are appended to this file, best on another machine: what they say of the log
    /// cannot be changed there by whoever has this machine.
    pub heads_file: Option<PathBuf>,
    /// Signed heads are sent there too, as text by `POST`.
    pub heads_url: Option<String>,
    /// Entries after which a head leaves: a change before it is found, and placed among so many.
    pub heads_every: u64,
    /// Seconds after which one leaves where fewer entries came: what is younger can be changed
    /// unnoticed.
    pub heads_within_s: f64,
    /// Whether a vehicle's position is read for a stated reason only.
    pub reasons: Reasons,
}

/// Whether a reason must be stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reasons {
    /// Without one nothing is answered.
    #[default]
    Required,
    /// One that is stated is noted.
    Optional,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            heads_file: None,
            heads_url: None,
            heads_every: 1_000,
            heads_within_s: 600.0,
            reasons: Reasons::default(),
        }
    }
}

impl Audit {
    /// What is wrong with the address that heads are sent to. The heads are signed and tell nothing of
    /// anybody, so that they may go in the clear.
    pub(super) fn url_problem(&self) -> Option<String> {
        let url = self.heads_url.as_deref()?;
        let rest = url.strip_prefix("http://");
        let is_good = rest.is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace)
        });
        (!is_good).then(|| format!("found {url:?}, expected an address that begins with http://"))
    }
}
