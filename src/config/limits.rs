//! Every limit that an operator may set, with its default and the reason for it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// Limits of the gateway, of HTTP and of the data folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Tracker connections in all. Each costs a task and a few hundred bytes while it is idle.
    pub connections: usize,
    /// Tracker connections from one address. A fleet stands behind its mobile operator's NAT, so
    /// thousands from one address are ordinary.
    pub connections_per_address: usize,
    /// Seconds that a connection may take to log in.
    pub login_s: f64,
    /// Seconds without a byte after which a connection is closed. Heartbeats come every few minutes.
    pub idle_s: f64,
    /// Bytes of an unfinished frame after which a connection is closed, where the protocol itself
    /// allows longer ones.
    pub frame_bytes: usize,
    /// Frames refused in a minute after which a connection is closed.
    pub rejects_per_minute: u32,
    /// What is different for peers of certain networks; the narrowest that holds a peer counts.
    pub networks: Vec<Network>,
    /// UDP peers remembered a port; the longest silent is forgotten first.
    pub udp_peers: usize,
    /// Seconds of silence after which a newer session of the same device wins. Reports come every
    /// 5 to 30 s from a vehicle that moves; a tracker that lost its network is back a little later.
    pub session_quiet_s: f64,
    /// Refused devices remembered for enrolment.
    pub refused_devices: usize,
    /// Batches of frames that wait for one engine shard.
    pub shard_queue: usize,
    /// Seconds that an orderly shutdown may take.
    pub shutdown_s: f64,
    /// MiB free on the data folder's disk below which only alerts, alarms and commands are stored and
    /// no position is answered: an hour of a hundred flagged vehicles that report every ten
    /// seconds, with all that sled writes for it, some 2 KB a fix. Below 16 MiB, and a little more
    /// for a large store, nothing is written at all.
    pub disk_free_mib: u64,
    /// MiB that the file `reserve` in the data folder holds for alerts, alarms and commands when the
    /// disk is full: some ten thousand of them. 0 holds none.
    pub disk_reserve_mib: u64,
    /// Requests that one token may make by HTTP in a minute, all at once or spread. A console makes
    /// some 100 when it is opened, and one for each thing that its person does.
    pub requests_per_minute: u32,
    /// The same of a token of role `source`, which posts positions. Traccar makes a request of each
    /// position: a fleet of 100,000 that reports every 10 s.
    pub posts_per_minute: u32,
    /// Requests without a token in force that one address may make in a minute. A whole station
    /// may stand behind one address.
    pub refused_requests_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            connections_per_address: 5_000,
            login_s: 30.0,
            idle_s: 1_200.0,
            frame_bytes: 65_536,
            rejects_per_minute: 60,
            networks: Vec::new(),
            udp_peers: 100_000,
            session_quiet_s: 30.0,
            refused_devices: 10_000,
            shard_queue: 1_024,
            shutdown_s: 5.0,
            disk_free_mib: 128,
            disk_reserve_mib: 64,
            requests_per_minute: 6_000,
            posts_per_minute: 600_000,
            refused_requests_per_minute: 300,
        }
    }
}

/// What is different for one network's peers; what is not said is as for all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The network, such as `10.20.0.0/16`.
    pub network: IpNet,
    /// Connections of the whole network.
    pub connections: Option<usize>,
    /// As in [`Limits`].
    pub connections_per_address: Option<usize>,
    /// As in [`Limits`].
    pub login_s: Option<f64>,
    /// As in [`Limits`].
    pub idle_s: Option<f64>,
    /// As in [`Limits`].
    pub frame_bytes: Option<usize>,
    /// As in [`Limits`].
    pub rejects_per_minute: Option<u32>,
}

/// The limits that hold for one peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerLimits {
    /// Which of [`Limits::networks`] the peer is of, and how many connections that may have.
    pub network: Option<(usize, usize)>,
    /// As in [`Limits`].
    pub connections_per_address: usize,
    /// As in [`Limits`].
    pub login_s: f64,
    /// As in [`Limits`].
    pub idle_s: f64,
    /// As in [`Limits`].
    pub frame_bytes: usize,
    /// As in [`Limits`].
    pub rejects_per_minute: u32,
}

impl Limits {
    /// The limits that hold for a peer of this address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> PeerLimits {
        // An IPv4 peer of a socket that takes both kinds.
        let address = address.to_canonical();
        let narrowest = self
            .networks
            .iter()
            .enumerate()
            .filter(|(_, known)| known.network.contains(&address))
            .max_by_key(|(_, known)| known.network.prefix_len());
        let own = narrowest.map(|(_, known)| known);
        PeerLimits {
            network: narrowest.and_then(|(at, known)| Some((at, known.connections?))),
            connections_per_address: own
                .and_then(|own| own.connections_per_address)
                .unwrap_or(self.connections_per_address),
            login_s: own.and_then(|own| own.login_s).unwrap_or(self.login_s),
            idle_s: own.and_then(|own| own.idle_s).unwrap_or(self.idle_s),
            frame_bytes: own.and_then(|own| own.frame_bytes).unwrap_or(self.frame_bytes),
            rejects_per_minute: own
                .and_then(|own| own.rejects_per_minute)
                .unwrap_or(self.rejects_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_network_counts() {
        let limits: Limits = toml::from_str(
            "login_s = 20\n\
             [[networks]]\nnetwork = '10.0.0.0/8'\nidle_s = 60\nlogin_s = 5\n\
             [[networks]]\nnetwork = '10.1.0.0/16'\nconnections = 7\nconnections_per_address = 3\n",
        )
        .unwrap();
        let narrow = limits.of("::ffff:10.1.2.3".parse().unwrap());
        assert_eq!(narrow.network, Some((1, 7)));
        assert_eq!((narrow.connections_per_address, narrow.login_s), (3, 20.0));
        let wide = limits.of("10.2.0.1".parse().unwrap());
        assert_eq!((wide.network, wide.idle_s, wide.login_s), (None, 60.0, 5.0));
        assert_eq!(limits.of("192.0.2.1".parse().unwrap()).login_s, 20.0);
    }
}
