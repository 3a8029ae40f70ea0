//! The key that signs heads, and its public half, in the text forms of c2sp.org/signed-note (those of
//! Go's `golang.org/x/mod/sumdb/note`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::Hash;
use super::head::{Head, SignedHead};

/// What ed25519 is called in keys.
const ED25519: u8 = 1;
const SECRET: &str = "PRIVATE+KEY+";

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is none, or not all of one.
    #[error("this is not a key of the form NAME+HASH+BASE64")]
    Form,
    /// It was damaged: its hash is of another one.
    #[error("the key's hash does not fit it; was it copied whole?")]
    Hash,
    /// Another program's.
    #[error("the key is not an ed25519 key")]
    Kind,
}

/// The public half of a key, and the name of the log that it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// The log's name: the first line of its heads.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What signatures name it by, beside its name.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        id(&self.name, &self.key)
    }

    /// Whether it signed `text`.
    pub(super) fn verify(&self, text: &str, signature: &[u8; 64]) -> bool {
        self.key.verify_strict(text.as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }
}

fn id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash: [u8; 32] = Sha256::new_with_prefix(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, &self.name, self.id(), self.key.as_bytes())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, stated, bytes) = read_key(text.trim())?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Kind)?;
        if id(name, &key) != stated {
            return Err(KeyError::Hash);
        }
        Ok(Self { name: name.to_owned(), key })
    }
}

/// The key that signs heads.
pub struct Signer {
    public: PublicKey,
    key: SigningKey,
}

impl Signer {
    /// A key of these random bits for the log of the installation `source`.
    #[must_use]
    pub fn new(source: &str, bits: [u8; 32]) -> Self {
        // A name may hold neither blanks nor a plus (c2sp.org/signed-note).
        let unfit = |letter: char| letter.is_whitespace() || letter == '+';
        let name: String =
            source.chars().map(|letter| if unfit(letter) { '_' } else { letter }).collect();
        let key = SigningKey::from_bytes(&bits);
        Self { public: PublicKey { name, key: key.verifying_key() }, key }
    }

    /// Its public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs the head of a tree.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash) -> SignedHead {
        let head = Head { origin: self.public.name.clone(), size, root };
        let signature = self.key.sign(head.text().as_bytes());
        SignedHead::new(head, self.public.name.clone(), self.public.id(), signature.to_bytes())
    }

    /// The text that it is kept as. A secret.
    #[must_use]
    pub fn secret(&self) -> String {
        /// The key as text.
        struct Secret<'a>(&'a Signer);
        impl fmt::Display for Secret<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let public = &self.0.public;
                f.write_str(SECRET)?;
                write_key(f, &public.name, public.id(), self.0.key.as_bytes())
            }
        }
        Secret(self).to_string()
    }

    /// The key of such a text.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(secret: &str) -> Result<Self, KeyError> {
        let rest = secret.trim().strip_prefix(SECRET).ok_or(KeyError::Form)?;
        let (name, stated, bits) = read_key(rest)?;
        let key = SigningKey::from_bytes(&bits);
        let public = PublicKey { name: name.to_owned(), key: key.verifying_key() };
        if public.id() != stated {
            return Err(KeyError::Hash);
        }
        Ok(Self { public, key })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, name: &str, id: [u8; 4], key: &[u8]) -> fmt::Result {
    let bytes = [&[ED25519], key].concat();
    write!(f, "{name}+{:08x}+{}", u32::from_be_bytes(id), STANDARD.encode(bytes))
}

/// Name, hash and bytes.
fn read_key(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), KeyError> {
    // The base64 may hold a plus, the others may not.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    let id = u32::from_str_radix(id, 16).ok().filter(|_| id.len() == 8);
    let (Some(id), Ok(bytes)) = (id, STANDARD.decode(key)) else { return Err(KeyError::Form) };
    if name.is_empty() || name.chars().any(char::is_whitespace) {
        return Err(KeyError::Form);
    }
    match bytes.split_first() {
        Some((&ED25519, key)) => {
            let key = key.try_into().map_err(|_| KeyError::Form)?;
            Ok((name, id.to_be_bytes(), key))
        }
        Some(_) => Err(KeyError::Kind),
        None => Err(KeyError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_texts_and_back() {
        let signer = Signer::new("urn:interdict:a +b", [7; 32]);
        assert_eq!(signer.public().name(), "urn:interdict:a__b");
        let text = signer.public().to_string();
        assert_eq!(text.parse().as_ref(), Ok(signer.public()));
        assert_eq!(
            Signer::read(&format!("{}\n", signer.secret())).unwrap().public(),
            signer.public()
        );
        assert!(
            !format!("{signer:?}").contains(&STANDARD.encode([&[1_u8][..], &[7; 32]].concat()))
        );
    }

    /// The example of `golang.org/x/mod/sumdb/note`, whose documentation states these keys.
    #[test]
    fn the_keys_of_another_program_are_read() {
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let secret =
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let signer = Signer::read(secret).unwrap();
        assert_eq!(signer.public().to_string(), public);
        assert_eq!(signer.secret(), secret);
    }

    #[test]
    fn half_a_key_is_none() {
        let text = Signer::new("log", [7; 32]).public().to_string();
        let parse = |text: &str| text.parse::<PublicKey>().err();
        assert_eq!(parse(&text[..text.len() - 4]), Some(KeyError::Form));
        assert_eq!(parse(&text.replacen("log", "lag", 1)), Some(KeyError::Hash));
        assert_eq!(parse("log"), Some(KeyError::Form));
        assert_eq!(parse(""), Some(KeyError::Form));
    }
}
