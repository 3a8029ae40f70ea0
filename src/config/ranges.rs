//! The values that limits and rules may take.

use super::document::{Document, Places};
use super::problem::Report;

/// A day, and more than anything here needs.
const DAY_S: f64 = 86_400.0;

/// A century: for good.
const LONGEST_KEPT_S: f64 = 100.0 * 365.0 * DAY_S;

/// A year and a day: what is older of vehicles that nobody looks for no dispute about a duty needs.
const LONGEST_UNFLAGGED_S: f64 = 366.0 * DAY_S;

/// Reports every limit and rule that is out of its range.
pub(super) fn check(file: &str, document: &Document, places: &Places, report: &mut Report) {
    let limits = &document.limits;
    let rules = &document.rules;
    let mut ranges = Ranges { file, places, report, of: None };

    ranges.count("limits.connections", limits.connections, 1);
    ranges.count("limits.connections_per_address", limits.connections_per_address, 1);
    ranges.count("limits.frame_bytes", limits.frame_bytes, 1_024);
    ranges.count("limits.udp_peers", limits.udp_peers, 1);
    ranges.count("limits.refused_devices", limits.refused_devices, 0);
    ranges.count("limits.shard_queue", limits.shard_queue, 1);
    ranges.number("limits.login_s", limits.login_s, 1.0, DAY_S);
    ranges.number("limits.idle_s", limits.idle_s, 1.0, DAY_S);
    ranges.number("limits.session_quiet_s", limits.session_quiet_s, 1.0, DAY_S);
    let rates = [
        ("limits.requests_per_minute", limits.requests_per_minute),
        ("limits.posts_per_minute", limits.posts_per_minute),
        ("limits.refused_requests_per_minute", limits.refused_requests_per_minute),
    ];
    for (key, rate) in rates {
        ranges.count(key, usize::try_from(rate).unwrap_or(usize::MAX), 1);
    }
    ranges.number("limits.shutdown_s", limits.shutdown_s, 0.0, 300.0);
    ranges.count("limits.frame_bytes", limits.frame_bytes, SHORTEST_FRAME);
    ranges.mib("limits.disk_free_mib", limits.disk_free_mib);
    ranges.mib("limits.disk_reserve_mib", limits.disk_reserve_mib);
    for network in &limits.networks {
        // A list of tables has one line; the network's name says which of them is meant.
        ranges.of = Some(network.network.to_string());
        let key = "limits.networks";
        for (count, least) in [
            (network.connections, 1),
            (network.connections_per_address, 1),
            (network.frame_bytes, SHORTEST_FRAME),
        ] {
            count.into_iter().for_each(|count| ranges.count(key, count, least));
        }
        for length_s in [network.login_s, network.idle_s].into_iter().flatten() {
            ranges.number(key, length_s, 1.0, DAY_S);
        }
    }
    ranges.of = None;

    ranges.number("rules.raise_probability", rules.raise_probability, 0.0, 1.0);
    let by_road = rules.raise_probability_by_road;
    ranges.number("rules.raise_probability_by_road", by_road, 0.0, 1.0);
    ranges.number("rules.sure_probability", rules.sure_probability, 0.0, 1.0);
    ranges.number("rules.withdraw_probability", rules.withdraw_probability, 0.0, 1.0);
    ranges.number("rules.watch_s", rules.watch_s, 1.0, DAY_S);
    if let Some(lead_s) = rules.lead_s {
        ranges.number("rules.lead_s", lead_s, 0.0, DAY_S);
    }
    ranges.number("rules.update_eta_share", rules.update_eta_share, 0.0, 100.0);
    ranges.number("rules.update_probability", rules.update_probability, 0.0, 1.0);
    ranges.number("rules.gap_s", rules.gap_s, 1.0, DAY_S);
    ranges.number("rules.silent_s", rules.silent_s, 1.0, DAY_S);
    ranges.number("rules.silent_after_sign_s", rules.silent_after_sign_s, 1.0, DAY_S);
    ranges.number("rules.silent_at_rest_s", rules.silent_at_rest_s, 1.0, DAY_S);
    ranges.number("rules.silent_reach_s", rules.silent_reach_s, 0.0, DAY_S);
    ranges.number("rules.silent_watch_s", rules.silent_watch_s, 0.0, DAY_S);
    ranges.number("rules.future_s", rules.future_s, 0.0, DAY_S);
    ranges.number("rules.tracker_outranks_s", rules.tracker_outranks_s, 0.0, DAY_S);
    ranges.number("rules.outlier_kmh", rules.outlier_kmh, 1.0, 10_000.0);
    let audit = &document.audit;
    let every = usize::try_from(audit.heads_every).unwrap_or(usize::MAX);
    ranges.count("audit.heads_every", every, 1);
    ranges.number("audit.heads_within_s", audit.heads_within_s, 1.0, DAY_S);
    if let Some(what) = audit.url_problem() {
        ranges.tell("audit.heads_url", &what);
    }
    let retention = &document.retention;
    ranges.number("retention.wrong_s", retention.wrong_s, 0.0, LONGEST_KEPT_S);
    ranges.number("retention.tracks_s", retention.tracks_s, 0.0, LONGEST_KEPT_S);
    ranges.number("retention.alerts_s", retention.alerts_s, 0.0, LONGEST_KEPT_S);
    ranges.number("retention.audit_s", retention.audit_s, 0.0, LONGEST_KEPT_S);
    // What the audit log says of an alert lasts at least as long as the alert.
    ranges.ordered(
        ("retention.alerts_s", retention.alerts_s),
        ("retention.audit_s", retention.audit_s),
    );
    for (class, period_s) in &retention.unflagged_s {
        ranges.of = Some(format!("{class:?}").to_lowercase());
        ranges.number("retention.unflagged_s", *period_s, 0.0, LONGEST_UNFLAGGED_S);
        // Who read a track is known at least as long as there is something to read.
        ranges.ordered(
            ("retention.unflagged_s", *period_s),
            ("retention.audit_s", retention.audit_s),
        );
    }
    ranges.of = None;
    let webhooks = &document.webhooks;
    ranges.number("webhooks.connect_s", webhooks.connect_s, 0.1, 300.0);
    ranges.number("webhooks.timeout_s", webhooks.timeout_s, 0.1, 300.0);
    ranges.count("webhooks.retry_s", webhooks.retry_s.len(), 1);
    for pause_s in &webhooks.retry_s {
        ranges.number("webhooks.retry_s", *pause_s, 0.01, DAY_S);
    }
    ranges.number("webhooks.give_up_s", webhooks.give_up_s, 1.0, 365.0 * DAY_S);
    ranges.number("webhooks.give_up_rejected_s", webhooks.give_up_rejected_s, 0.0, 365.0 * DAY_S);
    ranges.count("webhooks.in_flight", webhooks.in_flight, 1);
    ranges.number("persons.approver_age", document.persons.approver_age_s, 0.0, 30.0 * DAY_S);
    for (role, depth) in document.history.by_role() {
        if let Some(depth_s) = depth.0 {
            ranges.number(&format!("history.{role}"), depth_s, 0.0, 36_525.0 * DAY_S);
        }
    }
    let deadlines = &document.deadlines;
    ranges.number("deadlines.sign_off_s", deadlines.sign_off_s, 1.0, DAY_S);
    ranges.number("deadlines.shortest_sign_off_s", deadlines.shortest_sign_off_s, 1.0, DAY_S);
    ranges.number("deadlines.instruct_s", deadlines.instruct_s, 1.0, DAY_S);
    ranges.number("deadlines.dispose_s", deadlines.dispose_s, 1.0, 30.0 * DAY_S);
    ranges.ordered(
        ("deadlines.shortest_sign_off_s", deadlines.shortest_sign_off_s),
        ("deadlines.sign_off_s", deadlines.sign_off_s),
    );
    ranges.ordered(
        ("rules.withdraw_probability", rules.withdraw_probability),
        ("rules.raise_probability", rules.raise_probability),
    );
    ranges.ordered(
        ("rules.raise_probability", rules.raise_probability),
        ("rules.sure_probability", rules.sure_probability),
    );
}

struct Ranges<'a> {
    file: &'a str,
    places: &'a Places,
    report: &'a mut Report,
    /// Of which of several tables of one key.
    of: Option<String>,
}

/// A position of JT/T 808 with its header, and some room: shorter frames say nothing.
const SHORTEST_FRAME: usize = 128;

/// More of anything than one machine holds; a slip of the hand.
const MOST: usize = 100_000_000;

/// A tebibyte: more than an alert was ever worth.
const MOST_MIB: u64 = 1024 * 1024;

impl Ranges<'_> {
    fn count(&mut self, key: &str, value: usize, least: usize) {
        if !(least..=MOST).contains(&value) {
            self.tell(key, &format!("found {value}, expected {least} to {MOST}"));
        }
    }

    fn mib(&mut self, key: &str, value: u64) {
        if value > MOST_MIB {
            self.tell(key, &format!("found {value}, expected 0 to {MOST_MIB}"));
        }
    }

    fn number(&mut self, key: &str, value: f64, least: f64, most: f64) {
        // `contains` is false for NaN.
        if !(least..=most).contains(&value) {
            self.tell(key, &format!("found {value}, expected {least} to {most}"));
        }
    }

    fn ordered(&mut self, (low, below): (&str, f64), (high, above): (&str, f64)) {
        if below > above {
            let key = if self.places.line(low).is_some() { low } else { high };
            self.tell(key, &format!("{low} ({below}) must not be above {high} ({above})"));
        }
    }

    fn tell(&mut self, key: &str, what: &str) {
        let of = self.of.as_ref().map_or_else(String::new, |of| format!(" of {of}"));
        self.report.problem(self.file, self.places.line(key), format!("{key}{of}: {what}"));
    }
}
