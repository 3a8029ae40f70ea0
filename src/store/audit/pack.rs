//! Entries of the audit log as they lie in the journal: packed, since a key of the database costs more
//! than the entry under it.

use interdict_protocols::Time;
use serde_json::value::RawValue;

use super::super::StoreError;
use super::super::handles::Handles;
use super::super::journal::{audit_entries, number};
use crate::audit::{Entry, Octets, Salt};

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

    pub(super) fn push(&mut self, entry: &Entry) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        encode(entry, &mut self.0);
        let length = u32::try_from(self.0.len() - start - 4).unwrap_or(u32::MAX);
        let place = self.0.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        place.into_iter().for_each(|place| *place = length.to_be_bytes());
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The entries of a pack, whose first one is of that number.
pub(super) fn unpack(first: u64, mut pack: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for number in first.. {
        if pack.is_empty() {
            break;
        }
        let entry = pack.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (entry, rest) = rest.split_at_checked(length)?;
            pack = rest;
            decode(number, entry)
        });
        let damaged = || StoreError::Corrupt(format!("audit entry {number} cannot be read"));
        entries.push(entry.ok_or_else(damaged)?);
    }
    Ok(entries)
}

/// The entries from that of number `from` on.
pub(super) fn entries(
    handles: &Handles,
    from: u64,
) -> Result<impl Iterator<Item = Result<Entry, StoreError>>, StoreError> {
    // The pack that it lies in begins at it or before it.
    let first = match handles.journal.range(audit_entries(0, from)).next_back() {
        Some(pack) => number(&pack?.0)?,
        None => from,
    };
    let packs = handles.journal.range(audit_entries(first, u64::MAX)).map(|pack| {
        let (key, pack) = pack?;
        unpack(number(&key)?, &pack)
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
    Ok(first - 1 + unpack(first, &pack)?.len() as u64)
}

/// Time (milliseconds since 1970), commitment, leaf hash, length of the act, act; then salt and content
/// unless they were purged.
fn encode(entry: &Entry, bytes: &mut Vec<u8>) {
    let act = entry.act.as_bytes();
    bytes.extend_from_slice(&entry.time.millis().to_be_bytes());
    bytes.extend_from_slice(&entry.commitment.0);
    bytes.extend_from_slice(&entry.leaf.0);
    // Acts are words of this program, and short.
    bytes.push(u8::try_from(act.len()).unwrap_or(u8::MAX));
    bytes.extend(act.iter().take(usize::from(u8::MAX)));
    if let (Some(salt), Some(content)) = (&entry.salt, &entry.content) {
        bytes.extend_from_slice(&salt.0);
        bytes.extend_from_slice(content.get().as_bytes());
    }
}

fn decode(number: u64, bytes: &[u8]) -> Option<Entry> {
    let (time, rest) = bytes.split_first_chunk()?;
    let (commitment, rest) = rest.split_first_chunk()?;
    let (leaf, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first()?;
    let (act, rest) = rest.split_at_checked(usize::from(*length))?;
    let opening: (Option<Salt>, _) = if rest.is_empty() {
        (None, None)
    } else {
        let (salt, content) = rest.split_first_chunk()?;
        let content = String::from_utf8(content.to_vec()).ok()?;
        (Some(Octets(*salt)), Some(RawValue::from_string(content).ok()?))
    };
    Some(Entry {
        number,
        time: Time::from_millis(i64::from_be_bytes(*time)),
        act: String::from_utf8(act.to_vec()).ok()?,
        commitment: Octets(*commitment),
        leaf: Octets(*leaf),
        salt: opening.0,
        content: opening.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Act, By, acts};

    #[test]
    fn entries_are_unpacked_as_they_were_packed() {
        let act = Act::new(Time::from_millis(-1), acts::VEHICLE_READ, &By::server());
        let whole = Entry::new(7, &act, Octets([1; 16])).unwrap();
        let mut purged = Entry::new(8, &act, Octets([2; 16])).unwrap();
        (purged.salt, purged.content) = (None, None);
        let mut pack = Pack::default();
        pack.push(&whole);
        pack.push(&purged);
        let bytes = pack.into_bytes();
        let read = unpack(7, &bytes).unwrap();
        let text = |entry: &Entry| serde_json::to_string(entry).unwrap();
        assert_eq!(read.iter().map(text).collect::<Vec<_>>(), [text(&whole), text(&purged)]);
        let first = 4 + u32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize;
        for length in (1..bytes.len()).filter(|length| *length != first) {
            assert!(unpack(7, &bytes[..length]).is_err(), "{length}");
        }
    }
}
