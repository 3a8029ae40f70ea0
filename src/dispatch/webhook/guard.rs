//! [`Guard`]: the addresses that events may be sent to. Whoever may make a webhook must not reach
//! through it what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Networks of version 4 that are not the public internet's (IANA's registry of special-purpose
/// addresses), and one address more.
const NOT_PUBLIC: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Where many clouds tell a machine its credentials: 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
    // Azure's machines are told what concerns them from this one, public though it looks.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// Which addresses events may be sent to.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allow: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// It is of a network that is not the public internet's.
    #[error(
        "{0} is a loopback, private, link-local or otherwise special address; `webhooks.allow` in the configuration may list its network"
    )]
    Address(IpAddr),
    /// Plain http goes to listed networks only.
    #[error(
        "{0} must be spoken to by https; plain http is for networks that `webhooks.allow` lists"
    )]
    Plain(IpAddr),
}

impl Guard {
    pub(super) fn new(allow: &[IpNet]) -> Self {
        Self { allow: allow.to_vec() }
    }

    /// The addresses that a name stands for, where all of them may be connected to: one that stands
    /// for an inner address as well as for an outer one means no good.
    ///
    /// # Errors
    /// [`Barred`], of the first that may not.
    pub(super) fn admit(
        &self,
        addresses: impl IntoIterator<Item = SocketAddr>,
        is_https: bool,
    ) -> Result<Vec<SocketAddr>, Barred> {
        addresses
            .into_iter()
            .map(|address| self.check(address.ip(), is_https).map(|()| address))
            .collect()
    }

    fn check(&self, address: IpAddr, is_https: bool) -> Result<(), Barred> {
        let address = address.to_canonical();
        if self.allow.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        if !is_public(address) {
            return Err(Barred::Address(address));
        }
        if is_https { Ok(()) } else { Err(Barred::Plain(address)) }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC.iter().any(|(network, length)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits()
        }),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Only 2000::/3 is the public internet's, and of that not all. What carries an address of version 4
/// is as public as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let carried = |high: u16, low: u16| {
        is_public(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
    };
    match address.segments() {
        // NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => carried(high, low),
        // IETF protocols, Teredo among them; documentation, twice.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, address: &str, is_https: bool) -> Result<(), Barred> {
        guard.check(address.parse().unwrap(), is_https)
    }

    #[test]
    fn what_only_this_machine_reaches_is_barred() {
        let guard = Guard::new(&[]);
        for barred in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001:0:1::1",
            "2001:db8::1",
            "3fff:1::1",
            "100::1",
            "4000::1",
        ] {
            let result = check(&guard, barred, true);
            assert!(matches!(result, Err(Barred::Address(_))), "{barred}: {result:?}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::808:808"] {
            assert_eq!(check(&guard, public, true), Ok(()), "{public}");
            assert!(matches!(check(&guard, public, false), Err(Barred::Plain(_))), "{public}");
        }
    }

    #[test]
    fn a_listed_network_is_reached_in_the_clear_too() {
        let guard = Guard::new(&["10.20.0.0/16".parse().unwrap()]);
        assert_eq!(check(&guard, "10.20.3.4", false), Ok(()));
        assert_eq!(check(&guard, "::ffff:10.20.3.4", false), Ok(()));
        assert!(check(&guard, "10.21.0.1", false).is_err());
    }

    #[test]
    fn one_barred_address_bars_its_name() {
        let guard = Guard::new(&[]);
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (outer, inner) = (at("8.8.8.8:443"), at("127.0.0.1:443"));
        assert_eq!(guard.admit([outer], true), Ok(vec![outer]));
        assert!(guard.admit([outer, inner], true).is_err());
    }
}
