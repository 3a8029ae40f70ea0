//! The tokens that terminals register with: our own, and those of another platform.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use interdict_protocols::{DeviceId, HmacTokens, Installation};
use sha2::{Digest, Sha256};

use super::{Enrol, Registry};
use crate::config::device_key;
use crate::store::{Store, StoreError, Table};

/// The SHA-256 of a token: what a reader of the folder learns lets nobody in.
pub(super) type TokenHash = [u8; 32];

pub(super) struct DeviceTokens {
    ours: HmacTokens,
    /// Tokens of another platform by the device's key.
    others: RwLock<HashMap<Box<str>, TokenHash>>,
}

pub(super) fn hash(token: &[u8]) -> TokenHash {
    Sha256::digest(token).into()
}

impl DeviceTokens {
    pub(super) fn load(store: &Store, ours: HmacTokens) -> Result<Self, StoreError> {
        let mut others = HashMap::new();
        for (device, hash) in store.read::<TokenHash>(Table::DeviceTokens)? {
            let device = String::from_utf8(device).map_err(StoreError::corrupt)?;
            others.insert(device.into_boxed_str(), hash);
        }
        Ok(Self { ours, others: RwLock::new(others) })
    }

    /// Takes over the tokens that `enrols` state.
    pub(super) fn import(&self, store: &Store, enrols: &[Enrol]) -> Result<(), StoreError> {
        let stated: Vec<(&str, TokenHash)> = enrols
            .iter()
            .filter_map(|enrol| {
                Some((device_key(&enrol.device), hash(enrol.token.as_ref()?.as_bytes())))
            })
            .collect();
        if stated.is_empty() {
            return Ok(());
        }
        let changes = stated.iter().map(|(device, hash)| (device.as_bytes(), Some(hash)));
        store.write(Table::DeviceTokens, changes)?;
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        others.extend(stated.into_iter().map(|(device, hash)| (Box::from(device), hash)));
        Ok(())
    }

    pub(super) fn forget(&self, store: &Store, device: &str) -> Result<(), StoreError> {
        if self.other(device).is_some() {
            store.write(Table::DeviceTokens, [(device.as_bytes(), None::<TokenHash>)])?;
            self.others.write().unwrap_or_else(PoisonError::into_inner).remove(device);
        }
        Ok(())
    }

    pub(super) fn other(&self, device: &str) -> Option<TokenHash> {
        self.others.read().unwrap_or_else(PoisonError::into_inner).get(device).copied()
    }

    /// Keeps a device's first token; answers the one that is kept.
    fn keep_first(&self, device: &str, hash: TokenHash) -> TokenHash {
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        *others.entry(device.into()).or_insert(hash)
    }
}

impl Installation for Registry {
    fn issue_token(&self, device: &DeviceId) -> String {
        self.0.core.tokens.ours.issue_token(device)
    }

    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool {
        let core = &self.0.core;
        if core.tokens.ours.accepts_token(device, token) {
            return true;
        }
        let key = device_key(device.as_str());
        // Of hashes, the time that a comparison takes tells nothing about the token.
        let stated = hash(token);
        if let Some(kept) = core.tokens.other(key) {
            return kept == stated;
        }
        let in_window =
            core.options.token_window_until.is_some_and(|until| core.clock.now() < until);
        if !in_window || token.is_empty() || self.find(device).is_none() {
            return false;
        }
        let kept = core.tokens.keep_first(key, stated);
        self.0.saver.save_token(key);
        kept == stated
    }

    fn model(&self, device: &DeviceId) -> Option<Arc<str>> {
        self.find(device)?.model.clone()
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::Time;

    use super::super::Options;
    use super::super::testing::{by, enrol, options, registry};
    use super::*;

    #[test]
    fn our_own_tokens_are_good_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let token = devices.issue_token(&"1".into());
        drop(devices);
        let devices = registry(folder.path(), options());
        assert!(devices.accepts_token(&"1".into(), token.as_bytes()));
        assert!(!devices.accepts_token(&"2".into(), token.as_bytes()));
    }

    #[test]
    fn an_imported_token_lets_its_device_in_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        devices.enrol(Enrol { token: Some("theirs".into()), ..enrol("01", "v") }, &by()).unwrap();
        drop(devices);
        let devices = registry(folder.path(), options());
        assert!(devices.accepts_token(&"1".into(), b"theirs"));
        assert!(!devices.accepts_token(&"1".into(), b"other"));
        devices.revoke(&"1".into(), &by()).unwrap();
        assert!(!devices.accepts_token(&"1".into(), b"theirs"));
        drop(devices);
        assert!(!registry(folder.path(), options()).accepts_token(&"1".into(), b"theirs"));
    }

    #[test]
    fn in_the_window_the_first_token_of_an_enrolled_device_is_believed_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let window = Options { token_window_until: Some(Time::from_seconds(100_000)), ..options() };
        let devices = registry(folder.path(), window);
        devices.enrol(enrol("1", "v"), &by()).unwrap();
        assert!(!devices.accepts_token(&"2".into(), b"first"), "not enrolled");
        assert!(!devices.accepts_token(&"1".into(), b""));
        assert!(devices.accepts_token(&"1".into(), b"first"));
        assert!(!devices.accepts_token(&"1".into(), b"second"));
        drop(devices);
        let closed = Options { token_window_until: Some(Time::from_seconds(999)), ..options() };
        let devices = registry(folder.path(), closed);
        devices.enrol(enrol("3", "w"), &by()).unwrap();
        assert!(devices.accepts_token(&"1".into(), b"first"), "kept");
        assert!(!devices.accepts_token(&"3".into(), b"first"), "the window has closed");
    }
}
