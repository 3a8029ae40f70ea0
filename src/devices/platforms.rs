//! Other platforms that hand us their vehicles: which are let in, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use interdict_protocols::{Cipher, DeviceId, Installation, PlatformLogin, PlatformRefusal};

use super::Registry;
use crate::config::Platform;

impl Registry {
    /// The platform of this access code.
    #[must_use]
    pub fn platform(&self, access_code: u32) -> Option<&Platform> {
        let platforms = &self.0.core.options.platforms;
        platforms.iter().find(|platform| platform.access_code == access_code)
    }

    /// What is lent to the decoder of a peer at this address.
    #[must_use]
    pub const fn seen_from(&self, address: IpAddr) -> SeenFrom<'_> {
        SeenFrom { registry: self, address }
    }

    /// Whoever comes from no platform's network learns nothing beyond that. The code is another one
    /// each time, so that nobody else can open a sub link.
    fn admit_platform(
        &self,
        address: IpAddr,
        login: &PlatformLogin<'_>,
    ) -> Result<u32, PlatformRefusal> {
        let address = address.to_canonical();
        let is_home = |platform: &Platform| {
            platform.networks.iter().any(|network| network.contains(&address))
        };
        if !self.0.core.options.platforms.iter().any(is_home) {
            return Err(PlatformRefusal::Address);
        }
        let platform = self.platform(login.access_code).ok_or(PlatformRefusal::AccessCode)?;
        if !is_home(platform) {
            return Err(PlatformRefusal::Address);
        }
        if platform.user_id != login.user_id {
            return Err(PlatformRefusal::User);
        }
        if !platform.password.is(login.password) {
            return Err(PlatformRefusal::Password);
        }
        if let Some(own) = &platform.sub_link
            && !own.is(login.sub_link_host, login.sub_link_port)
        {
            return Err(PlatformRefusal::Address);
        }
        getrandom::u32().map_err(|_| PlatformRefusal::Busy)
    }
}

/// The devices and platforms, as a peer at one address may know them.
pub struct SeenFrom<'a> {
    registry: &'a Registry,
    address: IpAddr,
}

impl Installation for SeenFrom<'_> {
    fn issue_token(&self, device: &DeviceId) -> String {
        self.registry.issue_token(device)
    }

    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool {
        self.registry.accepts_token(device, token)
    }

    fn model(&self, device: &DeviceId) -> Option<Arc<str>> {
        self.registry.model(device)
    }

    fn admit(&self, login: &PlatformLogin<'_>) -> Result<u32, PlatformRefusal> {
        self.registry.admit_platform(self.address, login)
    }

    fn cipher(&self, access_code: u32) -> Option<Cipher> {
        self.registry.platform(access_code)?.cipher
    }
}
