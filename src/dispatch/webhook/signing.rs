//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over identity, time and body.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use interdict_protocols::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

/// How secrets begin.
const PREFIX: &str = "whsec_";
/// What the standard allows, bytes.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;
/// What we make ourselves: as long as the hash.
const MADE: usize = 32;

/// What an endpoint and we share. Shown when it is made, and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// 256 random bits.
    ///
    /// # Errors
    /// The system gives none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; MADE];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A secret as it is written: `whsec_` and base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        (SHORTEST..=LONGEST).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// As it is written, for whoever must verify by it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // Any length is a key to HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.reveal())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no secret of a webhook"))
    }
}

/// A webhook's secrets: the present one, and the one before while endpoints change over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    present: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<(Secret, Time)>,
}

impl Secrets {
    /// Begins with this one.
    #[must_use]
    pub const fn new(present: Secret) -> Self {
        Self { present, before: None }
    }

    /// With `next` from now on, and with the present one, too, until then.
    #[must_use]
    pub fn rotated(self, next: Secret, until: Time) -> Self {
        Self { present: next, before: Some((self.present, until)) }
    }

    /// Until when the secret before the present one is signed with, too.
    #[must_use]
    pub fn before_until(&self, now: Time) -> Option<Time> {
        self.before.as_ref().map(|(_, until)| *until).filter(|until| *until > now)
    }

    /// The header `webhook-signature`: one signature for each secret that is good at `now`.
    #[must_use]
    pub fn sign(&self, now: Time, id: &str, timestamp: i64, body: &[u8]) -> String {
        let before = self.before.iter().filter(|(_, until)| *until > now);
        let secrets = std::iter::once(&self.present).chain(before.map(|(secret, _)| secret));
        secrets.map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_000);

    #[test]
    fn the_signature_is_that_of_the_standard_s_libraries() {
        // The example that the standard's own libraries test themselves with.
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = Secrets::new(secret).sign(
            NOW,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_sign_while_one_follows_the_other() {
        let [old, new] = [Secret::random().unwrap(), Secret::random().unwrap()];
        let until = Time::from_seconds(2_000);
        let secrets = Secrets::new(old.clone()).rotated(new.clone(), until);
        let (own, former) = (new.sign("1.0", 7, b"{}"), old.sign("1.0", 7, b"{}"));
        assert_eq!(secrets.sign(NOW, "1.0", 7, b"{}"), format!("{own} {former}"));
        assert_eq!(secrets.sign(until, "1.0", 7, b"{}"), own);
        assert_eq!((secrets.before_until(NOW), secrets.before_until(until)), (Some(until), None));
    }

    #[test]
    fn a_secret_is_long_enough_and_not_shown() {
        let text = Secret::random().unwrap().reveal();
        assert_eq!(Secret::parse(&text).unwrap().reveal(), text);
        for bad in ["", "whsec_", "whsec_YWJj", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", Secret::parse(&text)), "Some(Secret(…))");
    }
}
