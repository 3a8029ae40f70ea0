//! Counters of what the server does, written as Prometheus text.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use interdict_protocols::{ALL, Reason};

/// Counters of one protocol.
#[derive(Default)]
struct Counters {
    open: AtomicU64,
    fixes: AtomicU64,
    unheard: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    dropped: AtomicU64,
    /// In the order of [`Reason::ALL`].
    rejects: [AtomicU64; Reason::ALL.len()],
}

/// Counters of what the server does. One addition each: nothing here waits.
pub struct Metrics {
    /// In the order of [`ALL`].
    protocols: Vec<Counters>,
    ingested: AtomicU64,
    not_ingested: AtomicU64,
    /// From when the engine took in what an alert follows from until it was handed to a stream.
    delivery: Histogram,
}

/// Bounds in milliseconds: an alert is wanted within 250.
const BOUNDS_MS: [u64; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];

/// How often something took how long.
#[derive(Default)]
struct Histogram {
    /// Those within each bound and above the one before; the last are above all.
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Histogram {
    fn add(&self, took_ms: u64) {
        let at = BOUNDS_MS.partition_point(|bound| *bound < took_ms);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ms.fetch_add(took_ms, Ordering::Relaxed);
    }

    fn render(&self, name: &str, text: &mut String) {
        let mut within = 0;
        let bounds = BOUNDS_MS.map(|bound| (bound as f64 / 1_000.0).to_string());
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (count, bound) in self.counts.iter().zip(bounds) {
            within += count.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {within}");
        }
        let sum_s = self.sum_ms.load(Ordering::Relaxed) as f64 / 1_000.0;
        let _ = writeln!(text, "{name}_sum {sum_s}\n{name}_count {within}");
    }
}

/// Counts a connection as open until dropped.
pub struct Open<'a>(Option<&'a Counters>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(counters) = self.0 {
            counters.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            protocols: ALL.iter().map(|_| Counters::default()).collect(),
            ingested: AtomicU64::new(0),
            not_ingested: AtomicU64::new(0),
            delivery: Histogram::default(),
        }
    }
}

impl Metrics {
    fn of(&self, protocol: &str) -> Option<&Counters> {
        let at = ALL.binary_search_by(|known| known.name.cmp(protocol)).ok()?;
        self.protocols.get(at)
    }

    fn add(&self, protocol: &str, counter: impl Fn(&Counters) -> &AtomicU64) {
        if let Some(counters) = self.of(protocol) {
            counter(counters).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A platform posted positions, of which so many were taken and so many were not.
    pub fn ingested(&self, taken: usize, refused: usize) {
        self.ingested.fetch_add(taken as u64, Ordering::Relaxed);
        self.not_ingested.fetch_add(refused as u64, Ordering::Relaxed);
    }

    /// A connection was opened.
    #[must_use]
    pub fn open(&self, protocol: &str) -> Open<'_> {
        self.add(protocol, |counters| &counters.open);
        Open(self.of(protocol))
    }

    /// A position was decoded.
    pub fn fix(&self, protocol: &str) {
        self.add(protocol, |counters| &counters.fixes);
    }

    /// A position came from somebody who is not heard: no login, or no proof.
    pub fn unheard(&self, protocol: &str) {
        self.add(protocol, |counters| &counters.unheard);
    }

    /// A device that is not enrolled wanted to log in.
    pub fn refused(&self, protocol: &str) {
        self.add(protocol, |counters| &counters.refused);
    }

    /// A connection was closed at once: its address has its limit.
    pub fn turned_away(&self, protocol: &str) {
        self.add(protocol, |counters| &counters.turned_away);
    }

    /// A datagram was dropped: the engine was full.
    pub fn dropped(&self, protocol: &str) {
        self.add(protocol, |counters| &counters.dropped);
    }

    /// A frame was refused.
    pub fn reject(&self, protocol: &str, reason: Reason) {
        if let Some(counters) = self.of(protocol)
            && let Some(at) = Reason::ALL.iter().position(|known| *known == reason)
        {
            counters.rejects[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An alert was handed to somebody who follows the events.
    pub fn delivered(&self, took: Duration) {
        self.delivery.add(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// All counters as Prometheus text (exposition format 0.0.4). Protocols of which nothing was
    /// counted are left out.
    #[must_use]
    pub fn render(&self) -> String {
        type Get = fn(&Counters) -> &AtomicU64;
        let families: [(&str, &str, &str, Get); 6] = [
            ("interdict_connections", "gauge", "Open tracker connections.", |c| &c.open),
            ("interdict_fixes_total", "counter", "Positions decoded.", |c| &c.fixes),
            (
                "interdict_fixes_unheard_total",
                "counter",
                "Positions from nobody who is heard.",
                |c| &c.unheard,
            ),
            ("interdict_logins_refused_total", "counter", "Logins of devices not enrolled.", |c| {
                &c.refused
            }),
            (
                "interdict_connections_turned_away_total",
                "counter",
                "Connections over their address's limit.",
                |c| &c.turned_away,
            ),
            (
                "interdict_datagrams_dropped_total",
                "counter",
                "Datagrams dropped because the engine was full.",
                |c| &c.dropped,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, get) in families {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (protocol, counters) in ALL.iter().zip(&self.protocols) {
                let value = get(counters).load(Ordering::Relaxed);
                if value > 0 || counters.fixes.load(Ordering::Relaxed) > 0 {
                    let _ = writeln!(text, "{name}{{protocol=\"{}\"}} {value}", protocol.name);
                }
            }
        }
        let posted = [
            ("interdict_ingested_total", "Positions posted and taken.", &self.ingested),
            ("interdict_ingest_refused_total", "Positions posted and refused.", &self.not_ingested),
        ];
        for (name, help, count) in posted {
            let value = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let name = "interdict_frames_refused_total";
        let _ = writeln!(text, "# HELP {name} Frames refused.\n# TYPE {name} counter");
        for (protocol, counters) in ALL.iter().zip(&self.protocols) {
            for (reason, count) in Reason::ALL.iter().zip(&counters.rejects) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let (protocol, reason) = (protocol.name, reason.name());
                    let _ = writeln!(
                        text,
                        "{name}{{protocol=\"{protocol}\",reason=\"{reason}\"}} {count}"
                    );
                }
            }
        }
        let name = "interdict_alert_delivery_seconds";
        let help = "From when the fix was read that an alert follows from to its stream.";
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        self.delivery.render(name, &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_s_buckets_hold_those_below_them() {
        let metrics = Metrics::default();
        for took_ms in [0, 5, 6, 250, 90_000] {
            metrics.delivered(Duration::from_millis(took_ms));
        }
        let text = metrics.render();
        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        has("interdict_alert_delivery_seconds_bucket{le=\"0.005\"} 2");
        has("interdict_alert_delivery_seconds_bucket{le=\"0.01\"} 3");
        has("interdict_alert_delivery_seconds_bucket{le=\"0.25\"} 4");
        has("interdict_alert_delivery_seconds_bucket{le=\"+Inf\"} 5");
        has("interdict_alert_delivery_seconds_sum 90.261");
        has("interdict_alert_delivery_seconds_count 5");
    }
}
