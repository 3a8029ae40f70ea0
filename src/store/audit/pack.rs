//! Entries of the audit log as they lie in the journal: packed, since a key of the database costs more
//! than the entry under it.

use interdict_protocols::Time;
use serde_json::value::RawValue;

use super::super::StoreError;
use super::super::handles::Handles;
use super::super::journal::{audit_entries, number};
use super::super::keys::{KeyId, Keyring, Opened};
use crate::audit::{Entry, Octets};

/// Set in the length of an act whose entry's salt and content are sealed.
const SEALED: u8 = 0x80;

/// A pack takes no further entry from this size on: the database keeps what is large apart, in files
/// that it does not sync.
const FULL_BYTES: usize = 8 * 1024;

/// Entries that follow one another, each behind its length.
#[derive(Default)]
pub(super) struct Pack(Vec<u8>);

impl Pack {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next entry belongs in another one.
    pub(super) const fn is_full(&self) -> bool {
        self.0.len() >= FULL_BYTES
    }

    /// `sealed` is its [`opening`], sealed, where it has one.
    pub(super) fn push(&mut self, entry: &Entry, sealed: Option<&[u8]>) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        encode(entry, sealed, &mut self.0);
        let length = u32::try_from(self.0.len() - start - 4).unwrap_or(u32::MAX);
        let place = self.0.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        place.into_iter().for_each(|place| *place = length.to_be_bytes());
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn damaged(number: u64) -> StoreError {
    StoreError::Corrupt(format!("audit entry {number} cannot be read"))
}

/// The entries of a pack, whose first one is of that number, as bytes.
fn split(first: u64, mut pack: &[u8]) -> Result<Vec<&[u8]>, StoreError> {
    let mut entries = Vec::new();
    for number in first.. {
        if pack.is_empty() {
            break;
        }
        let entry = pack.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (entry, rest) = rest.split_at_checked(length)?;
            pack = rest;
            Some(entry)
        });
        entries.push(entry.ok_or_else(|| damaged(number))?);
    }
    Ok(entries)
}

/// The entries of a pack, whose first one is of that number. Without `keys` what is sealed stays so.
pub(super) fn unpack(
    first: u64,
    pack: &[u8],
    keys: Option<&Keyring>,
) -> Result<Vec<Entry>, StoreError> {
    let entries = (first..).zip(split(first, pack)?).map(|(number, bytes)| {
        let damaged = || damaged(number);
        let (mut entry, opening) = decode(number, bytes).ok_or_else(damaged)?;
        match (opening, keys) {
            (Opening::Sealed(sealed), Some(keys)) => {
                let what = format!("audit entry {number}");
                if let Opened::Plain(plain) = keys.unseal(&what, sealed)? {
                    open(&mut entry, &plain).ok_or_else(damaged)?;
                }
            }
            (Opening::Plain(plain), _) => open(&mut entry, plain).ok_or_else(damaged)?,
            (Opening::Sealed(_), None) | (Opening::None, _) => {}
        }
        Ok(entry)
    });
    entries.collect()
}

/// The entries from that of number `from` on.
pub(super) fn entries(
    handles: &Handles,
    from: u64,
) -> Result<impl Iterator<Item = Result<Entry, StoreError>>, StoreError> {
    read(handles, from, Some(&handles.keys))
}

/// The same, without what is sealed of them.
pub(super) fn closed_entries(
    handles: &Handles,
    from: u64,
) -> Result<impl Iterator<Item = Result<Entry, StoreError>>, StoreError> {
    read(handles, from, None)
}

/// The numbers of the entries from that of number `from` on, and which keys open each.
pub(in super::super) fn keys_of_entries(
    handles: &Handles,
    from: u64,
) -> Result<impl Iterator<Item = Result<(u64, Vec<KeyId>), StoreError>>, StoreError> {
    let first = first_pack(handles, from)?;
    let packs = handles.journal.range(audit_entries(first, u64::MAX)).map(|pack| {
        let (key, pack) = pack?;
        let first = number(&key)?;
        let entries = (first..).zip(split(first, &pack)?).map(|(number, entry)| {
            let keys = match decode(number, entry).ok_or_else(|| damaged(number))?.1 {
                Opening::Sealed(sealed) => Keyring::keys_of(sealed),
                Opening::None | Opening::Plain(_) => Vec::new(),
            };
            Ok((number, keys))
        });
        entries.collect::<Result<Vec<_>, StoreError>>()
    });
    let entries = packs.flat_map(|pack| match pack {
        Ok(entries) => entries.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    Ok(entries.skip_while(move |entry| entry.as_ref().is_ok_and(|(number, _)| *number < from)))
}

/// The first entry of the pack that an entry lies in.
fn first_pack(handles: &Handles, entry: u64) -> Result<u64, StoreError> {
    // It begins at it or before it.
    match handles.journal.range(audit_entries(0, entry)).next_back() {
        Some(pack) => number(&pack?.0),
        None => Ok(entry),
    }
}

fn read<'a>(
    handles: &'a Handles,
    from: u64,
    keys: Option<&'a Keyring>,
) -> Result<impl Iterator<Item = Result<Entry, StoreError>> + use<'a>, StoreError> {
    let first = first_pack(handles, from)?;
    let packs = handles.journal.range(audit_entries(first, u64::MAX)).map(move |pack| {
        let (key, pack) = pack?;
        unpack(number(&key)?, &pack, keys)
    });
    let entries = packs.flat_map(|pack| match pack {
        Ok(entries) => entries.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    Ok(entries.skip_while(move |entry| entry.as_ref().is_ok_and(|entry| entry.number < from)))
}

/// How many entries there are.
pub(super) fn size(handles: &Handles) -> Result<u64, StoreError> {
    let Some(last) = handles.journal.range(audit_entries(0, u64::MAX)).next_back() else {
        return Ok(0);
    };
    let (key, pack) = last?;
    let first = number(&key)?;
    Ok(first - 1 + unpack(first, &pack, None)?.len() as u64)
}

/// What an entry keeps apart: salt and content, unless they were purged.
pub(super) fn opening(entry: &Entry) -> Option<Vec<u8>> {
    let (salt, content) = (entry.salt.as_ref()?, entry.content.as_ref()?);
    Some([&salt.0[..], content.get().as_bytes()].concat())
}

fn open(entry: &mut Entry, opening: &[u8]) -> Option<()> {
    let (salt, content): (&[u8; 16], _) = opening.split_first_chunk()?;
    let content = String::from_utf8(content.to_vec()).ok()?;
    entry.salt = Some(Octets(*salt));
    entry.content = Some(RawValue::from_string(content).ok()?);
    Some(())
}

/// How salt and content lie.
enum Opening<'a> {
    /// They were purged.
    None,
    /// As they are: before format 3 of the data folder.
    Plain(&'a [u8]),
    /// Sealed.
    Sealed(&'a [u8]),
}

/// Time (milliseconds since 1970), commitment, leaf hash, length of the act, act; then salt and content,
/// sealed.
fn encode(entry: &Entry, sealed: Option<&[u8]>, bytes: &mut Vec<u8>) {
    let act = entry.act.as_bytes();
    bytes.extend_from_slice(&entry.time.millis().to_be_bytes());
    bytes.extend_from_slice(&entry.commitment.0);
    bytes.extend_from_slice(&entry.leaf.0);
    // Acts are words of this program, and short.
    let length = act.len().min(usize::from(SEALED - 1));
    let mark = if sealed.is_some() { SEALED } else { 0 };
    bytes.push(u8::try_from(length).unwrap_or(0) | mark);
    bytes.extend(act.iter().take(length));
    bytes.extend_from_slice(sealed.unwrap_or_default());
}

/// An entry without its opening, and that.
fn decode(number: u64, bytes: &[u8]) -> Option<(Entry, Opening<'_>)> {
    let (time, rest) = bytes.split_first_chunk()?;
    let (commitment, rest) = rest.split_first_chunk()?;
    let (leaf, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first()?;
    let (act, rest) = rest.split_at_checked(usize::from(length & !SEALED))?;
    let opening = match (rest.is_empty(), length & SEALED) {
        (true, _) => Opening::None,
        (false, 0) => Opening::Plain(rest),
        (false, _) => Opening::Sealed(rest),
    };
    let entry = Entry {
        number,
        time: Time::from_millis(i64::from_be_bytes(*time)),
        act: String::from_utf8(act.to_vec()).ok()?,
        commitment: Octets(*commitment),
        leaf: Octets(*leaf),
        salt: None,
        content: None,
    };
    Some((entry, opening))
}

#[cfg(test)]
mod tests {
    use super::super::super::keys::{KeyName, Sealer};
    use super::*;
    use crate::audit::{Act, By, acts};

    #[test]
    fn entries_are_unpacked_as_they_were_packed() {
        let act = Act::new(Time::from_millis(-1), acts::VEHICLE_READ, &By::server());
        let whole = Entry::new(7, &act, Octets([1; 16])).unwrap();
        let mut purged = Entry::new(8, &act, Octets([2; 16])).unwrap();
        (purged.salt, purged.content) = (None, None);
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::open(&folder.path().join("keys")).unwrap();
        let mut sealer = Sealer::new(&keys);
        let sealed = sealer.seal(&[KeyName::general()], &opening(&whole).unwrap()).unwrap();
        sealer.finish().unwrap();
        let mut pack = Pack::default();
        pack.push(&whole, Some(&sealed));
        pack.push(&purged, None);
        let bytes = pack.into_bytes();
        let read = unpack(7, &bytes, Some(&keys)).unwrap();
        let text = |entry: &Entry| serde_json::to_string(entry).unwrap();
        assert_eq!(read.iter().map(text).collect::<Vec<_>>(), [text(&whole), text(&purged)]);
        let first = 4 + u32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize;
        for length in (1..bytes.len()).filter(|length| *length != first) {
            assert!(unpack(7, &bytes[..length], Some(&keys)).is_err(), "{length}");
        }
    }
}
