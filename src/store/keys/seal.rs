//! Sealing: values encrypted under a fresh key of their own, which is wrapped under each of the keys
//! concerned, so that each of these opens them and the last one's destruction closes them.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1: nothing that is not sealed begins so |
//! | 1 | n, how many keys |
//! | n times 8, 24, 48 | the key's id, a nonce, the value's own key wrapped under it by XChaCha20-Poly1305 |
//! | 8 | a number that the value's own key is used with once |
//! | rest | the value under ChaCha20-Poly1305 |
//!
//! What is sealed at once for the same keys shares its own key, under another number each.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

use super::super::StoreError;
use super::{Hidden, KEY_BYTES, Key, KeyId, KeyName, Keyring, hex, hidden, random};

const SEALED: u8 = 1;
const NONCE_BYTES: usize = 24;
const WRAPPED_BYTES: usize = KEY_BYTES + 16;
const SLOT_BYTES: usize = 8 + NONCE_BYTES + WRAPPED_BYTES;

/// Whether bytes are sealed.
pub(in super::super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEALED)
}

/// What came of opening a value.
pub(in super::super) enum Opened {
    /// What it says.
    Plain(Vec<u8>),
    /// Nobody will read it any more: its keys were purged.
    Gone,
}

/// Seals values for one commit. Keys that it makes are durable once [`Self::finish`] has returned.
pub(in super::super) struct Sealer<'a> {
    keyring: &'a Keyring,
    new: HashMap<KeyId, Key>,
    heads: HashMap<Vec<KeyName>, Head>,
}

/// A value's own key, and the head that says it to whoever has one of the keys.
struct Head {
    cipher: ChaCha20Poly1305,
    bytes: Vec<u8>,
    used: u64,
}

impl<'a> Sealer<'a> {
    pub(in super::super) fn new(keyring: &'a Keyring) -> Self {
        Self { keyring, new: HashMap::new(), heads: HashMap::new() }
    }

    /// Seals `value` so that each of these keys opens it.
    pub(in super::super) fn seal(
        &mut self,
        names: &[KeyName],
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if !self.heads.contains_key(names) {
            let head = self.head(names)?;
            self.heads.insert(names.to_vec(), head);
        }
        let failed = || StoreError::Encode("it cannot be sealed".to_owned());
        let head = self.heads.get_mut(names).ok_or_else(failed)?;
        head.used += 1;
        let number = head.used.to_be_bytes();
        let sealed = head.cipher.encrypt(&nonce(number), value).map_err(|_| failed())?;
        let mut bytes = Vec::with_capacity(head.bytes.len() + number.len() + sealed.len());
        bytes.extend_from_slice(&head.bytes);
        bytes.extend_from_slice(&number);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// As [`Keyring::hide_under`], under a key that something was sealed under in this commit.
    pub(in super::super) fn hide_under(
        &self,
        name: &KeyName,
        table: &str,
        text: &[u8],
    ) -> Option<Hidden> {
        let new = || self.new.get(&name.id()).map(|key| hidden(&key.bits, table, text));
        self.keyring.hide_under(name, table, text).or_else(new)
    }

    fn head(&mut self, names: &[KeyName]) -> Result<Head, StoreError> {
        let mut own = [0; KEY_BYTES];
        random(&mut own)?;
        let mut bytes = Vec::with_capacity(2 + names.len() * SLOT_BYTES + 8);
        bytes.push(SEALED);
        let failed = || StoreError::Encode("it cannot be sealed".to_owned());
        bytes.push(u8::try_from(names.len()).map_err(|_| failed())?);
        let keyring = self.keyring;
        let held = keyring.read();
        for name in names {
            let id = name.id();
            let mut nonce = [0; NONCE_BYTES];
            random(&mut nonce)?;
            let key = match held.keys.get(&id) {
                Some(key) => key,
                None => match self.new.entry(id) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        let mut bits = [0; KEY_BYTES];
                        random(&mut bits)?;
                        entry.insert(Key::new(name.clone(), bits))
                    }
                },
            };
            let wrapped = key.cipher.encrypt(&nonce.into(), &own[..]).map_err(|_| failed())?;
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(&nonce);
            bytes.extend_from_slice(&wrapped);
        }
        Ok(Head { cipher: ChaCha20Poly1305::new(&own.into()), bytes, used: 0 })
    }

    /// Makes the keys durable that were made for this commit: before it.
    pub(in super::super) fn finish(self) -> Result<(), StoreError> {
        let keys = self.new.into_values().map(|key| (key.name, key.bits)).collect();
        self.keyring.add(keys)
    }
}

fn nonce(number: [u8; 8]) -> chacha20poly1305::Nonce {
    let mut nonce = [0; 12];
    nonce.iter_mut().skip(4).zip(number).for_each(|(to, from)| *to = from);
    nonce.into()
}

/// The parts of a sealed value.
struct Parts<'a> {
    slots: Vec<(KeyId, [u8; NONCE_BYTES], &'a [u8])>,
    number: [u8; 8],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (count, mut rest) = bytes.strip_prefix(&[SEALED])?.split_first()?;
        let mut slots = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (id, after) = rest.split_first_chunk::<8>()?;
            let (nonce, after) = after.split_first_chunk::<NONCE_BYTES>()?;
            let (wrapped, after) = after.split_at_checked(WRAPPED_BYTES)?;
            slots.push((*id, *nonce, wrapped));
            rest = after;
        }
        let (number, sealed) = rest.split_first_chunk::<8>()?;
        Some(Self { slots, number: *number, sealed })
    }
}

impl Keyring {
    /// Opens a value; one that was never sealed is as it is. `what` is said of one that cannot be
    /// opened though it should.
    pub(in super::super) fn unseal(&self, what: &str, bytes: &[u8]) -> Result<Opened, StoreError> {
        if !is_sealed(bytes) {
            return Ok(Opened::Plain(bytes.to_vec()));
        }
        let damaged = || StoreError::Corrupt(format!("{what} cannot be unsealed"));
        let parts = Parts::read(bytes).ok_or_else(damaged)?;
        let held = self.read();
        let mut missing = None;
        for (id, wrap_nonce, wrapped) in &parts.slots {
            if held.purged.contains(id) {
                continue;
            }
            let Some(key) = held.keys.get(id) else {
                missing = Some(id);
                continue;
            };
            let own = key.cipher.decrypt(&(*wrap_nonce).into(), *wrapped).map_err(|_| damaged())?;
            let own: [u8; KEY_BYTES] = own.try_into().map_err(|_| damaged())?;
            let cipher = ChaCha20Poly1305::new(&own.into());
            let plain = cipher.decrypt(&nonce(parts.number), parts.sealed);
            return plain.map(Opened::Plain).map_err(|_| damaged());
        }
        match missing {
            None => Ok(Opened::Gone),
            Some(id) => Err(StoreError::Corrupt(format!(
                "{what} is sealed under the key {}, which is not in {} and was not purged",
                hex(id),
                self.folder.display()
            ))),
        }
    }

    /// The keys that would open a value.
    pub(in super::super) fn keys_of(bytes: &[u8]) -> Vec<KeyId> {
        let parts = is_sealed(bytes).then(|| Parts::read(bytes)).flatten();
        parts.map_or_else(Vec::new, |parts| parts.slots.iter().map(|slot| slot.0).collect())
    }
}
