//! [`HmacTokens`]: registration tokens that need no table.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::item::hex;
use crate::{DeviceId, Installation};

/// Tokens made from an installation's secret: HMAC-SHA-256 (RFC 2104) of the device's identity,
/// its first 128 bits in hexadecimal.
///
/// A token stays good over restarts and is never stored. Sixteen bytes are written, not thirty-two,
/// because terminals keep the token in fields of limited length.
pub struct HmacTokens(Vec<u8>);

impl HmacTokens {
    /// Tokens under `secret`.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }

    fn mac(&self, device: &DeviceId) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length is good");
        mac.update(device.as_str().as_bytes());
        mac
    }
}

impl Installation for HmacTokens {
    fn issue_token(&self, device: &DeviceId) -> String {
        let full = self.mac(device).finalize().into_bytes();
        hex(full.first_chunk::<16>().map_or(&[][..], |half| half))
    }

    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool {
        let Some(mac) = from_hex(token).filter(|mac| mac.len() == 16) else { return false };
        // Compares in constant time.
        self.mac(device).verify_truncated_left(&mac).is_ok()
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_device_and_secret_only() {
        let (tokens, other) = (HmacTokens::new(*b"secret"), HmacTokens::new(*b"another"));
        let (mine, yours) = (DeviceId::from("13800000001"), DeviceId::from("13800000002"));
        let token = tokens.issue_token(&mine);
        assert_eq!(token.len(), 32);
        assert!(tokens.accepts_token(&mine, token.as_bytes()));
        assert!(!tokens.accepts_token(&yours, token.as_bytes()));
        assert!(!other.accepts_token(&mine, token.as_bytes()));
        assert!(!tokens.accepts_token(&mine, &token.as_bytes()[..30]));
        assert!(!tokens.accepts_token(&mine, b""));
    }
}
