//! How many connections each address and each network has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::PeerLimits;

/// Whose connections are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Address(IpAddr),
    /// By its place in the configuration.
    Network(usize),
}

/// Open connections by address and by network.
#[derive(Default)]
pub(super) struct Addresses {
    open: Mutex<HashMap<Group, usize>>,
}

/// One connection's place; given back when dropped.
pub(super) struct Seat {
    addresses: Arc<Addresses>,
    groups: [Option<Group>; 2],
}

impl Addresses {
    /// A place for one more connection from `address`; `None` where it, or its network, has its
    /// limit.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, limits: &PeerLimits) -> Option<Seat> {
        let own = (Group::Address(address), limits.connections_per_address);
        let network = limits.network.map(|(network, limit)| (Group::Network(network), limit));
        let mut open = self.open();
        let is_full = |(group, limit): &(Group, usize)| {
            open.get(group).is_some_and(|count| count >= limit) || *limit == 0
        };
        if is_full(&own) || network.as_ref().is_some_and(is_full) {
            return None;
        }
        let groups = [Some(own.0), network.map(|(group, _)| group)];
        for group in groups.into_iter().flatten() {
            *open.entry(group).or_default() += 1;
        }
        Some(Seat { addresses: Arc::clone(self), groups })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Group, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        for group in self.groups.into_iter().flatten() {
            if let Some(count) = open.get_mut(&group) {
                *count -= 1;
                if *count == 0 {
                    open.remove(&group);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    #[test]
    fn a_place_given_back_can_be_taken_again() {
        let limits: Limits = toml::from_str(
            "connections_per_address = 2\n\
             [[networks]]\nnetwork = '127.0.0.0/24'\nconnections = 3\n",
        )
        .unwrap();
        let addresses = Arc::new(Addresses::default());
        let take = |host: u8| {
            let address = IpAddr::from([127, 0, 0, host]);
            addresses.take(address, &limits.of(address))
        };
        let first = take(1);
        let second = take(1);
        assert!(first.is_some() && second.is_some());
        assert!(take(1).is_none(), "the address has its limit");
        let third = take(2);
        assert!(third.is_some());
        assert!(take(3).is_none(), "the network has its limit");
        drop(first);
        assert!(take(3).is_some());
        drop((second, third));
        assert!(addresses.open().is_empty());
    }
}
