//! Every limit that an operator may set, with its default and the reason for it.

use serde::Deserialize;

/// Limits of the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Tracker connections in all. Each costs a task and some 4 KiB of buffers.
    pub connections: usize,
    /// Tracker connections from one address. A fleet stands behind its mobile operator's NAT, so
    /// thousands from one address are ordinary.
    pub connections_per_address: usize,
    /// Seconds that a connection may take to log in.
    pub login_s: f64,
    /// Seconds without a byte after which a connection is closed. Heartbeats come every few minutes.
    pub idle_s: f64,
    /// Frames refused in a minute after which a connection is closed.
    pub rejects_per_minute: u32,
    /// UDP peers remembered a port; the longest silent is forgotten first.
    pub udp_peers: usize,
    /// Seconds of silence after which a newer session of the same device wins.
    pub session_quiet_s: f64,
    /// Refused devices remembered for enrolment.
    pub refused_devices: usize,
    /// Batches of frames that wait for one engine shard.
    pub shard_queue: usize,
    /// Seconds that an orderly shutdown may take.
    pub shutdown_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            connections_per_address: 5_000,
            login_s: 30.0,
            idle_s: 1_200.0,
            rejects_per_minute: 60,
            udp_peers: 100_000,
            session_quiet_s: 90.0,
            refused_devices: 10_000,
            shard_queue: 1_024,
            shutdown_s: 5.0,
        }
    }
}
