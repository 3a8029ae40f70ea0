//! `[webhooks]`: where events may be sent, and how patiently.

use ipnet::IpNet;
use serde::Deserialize;

/// Where events may be sent, and how patiently.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Networks that are reached although they are private, loopback or otherwise not the public
    /// internet's; plain http is good enough there.
    pub allow: Vec<IpNet>,
    /// Seconds in which an endpoint must be connected to, TLS included.
    pub connect_s: f64,
    /// Seconds in which an endpoint must have answered; Standard Webhooks advises 15 to 30.
    pub timeout_s: f64,
    /// Seconds from each failure to the next try; the last one repeats. Short, since an alert is
    /// worth something for minutes only, and one try a minute is no burden to anybody.
    pub retry_s: Vec<f64>,
    /// Seconds after which an event that could not be delivered becomes a dead letter.
    pub give_up_s: f64,
    /// The same for an event that the endpoint itself rejects: it keeps its vehicle's later events
    /// waiting, which are worth more.
    pub give_up_rejected_s: f64,
    /// Requests to one endpoint at a time; those of one vehicle go one after the other.
    pub in_flight: usize,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_s: 5.0,
            timeout_s: 15.0,
            retry_s: vec![1.0, 2.0, 5.0, 10.0, 30.0, 60.0],
            give_up_s: 3.0 * 86_400.0,
            give_up_rejected_s: 3_600.0,
            in_flight: 8,
        }
    }
}

impl Webhooks {
    /// Seconds from the failure numbered `attempt`, from 1, to the next try.
    #[must_use]
    pub fn retry_after_s(&self, attempt: u32) -> f64 {
        let at = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.retry_s.get(at).or_else(|| self.retry_s.last()).copied().unwrap_or(60.0)
    }
}
