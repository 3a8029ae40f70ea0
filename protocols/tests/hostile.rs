//! What strangers may send: every fixture cut short at every byte, with every bit flipped, and
//! spliced with others. Nothing may panic, grow without bound, or come out that cannot be.

#![allow(clippy::panic, clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;

use interdict_protocols::Item;
use interdict_protocols::hostile::assert_harmless;
use support::{Case, cases, lines};

/// Of longer inputs only some lengths and bits are tried, evenly spread.
const LONG: usize = 2000;
/// Only some inputs, and no long ones, are decoded byte by byte too.
const BYTE_BY_BYTE_EVERY: usize = 61;
const SPLICES: usize = 300;

/// Every case, by protocol.
fn by_protocol() -> BTreeMap<&'static str, Vec<Case>> {
    let mut all = BTreeMap::<_, Vec<Case>>::new();
    for case in cases() {
        let case = case.unwrap_or_else(|complaint| panic!("{complaint}"));
        all.entry(case.protocol.name).or_default().push(case);
    }
    all
}

/// Decodes `bytes` and checks what must hold of whatever comes in.
fn check(case: &Case, bytes: &[u8], what: &str) -> Vec<Item> {
    let place = || format!("{}: {what}", case.path.display());
    let max = case.protocol.framer.max();
    let items = case.decode_watched([bytes], |connection| {
        assert!(connection.pending() <= max, "{}: holds {} bytes", place(), connection.pending());
    });
    assert_harmless(&items, bytes.len(), &place);
    items
}

/// As `check`, and the same bytes one by one must give the same.
fn check_both_ways(case: &Case, bytes: &[u8], what: &str) {
    let glued = check(case, bytes, what);
    if !case.udp && case.once_only.is_none() && bytes.len() <= LONG {
        let single = case.decode(bytes.chunks(1));
        assert_eq!(lines(&glued), lines(&single), "{}: {what}", case.path.display());
    }
}

#[test]
fn every_fixture_cut_short_is_harmless() {
    for case in by_protocol().values().flatten() {
        for script in &case.scripts {
            let bytes = script.reads.concat();
            let step = bytes.len().div_ceil(LONG).max(1);
            for length in (0..bytes.len()).step_by(step) {
                let what = format!("the first {length} bytes");
                if length % BYTE_BY_BYTE_EVERY == 0 {
                    check_both_ways(case, &bytes[..length], &what);
                } else {
                    check(case, &bytes[..length], &what);
                }
            }
        }
    }
}

/// Each read with a bit flipped comes behind the first one, which most often logs in, and before
/// the one that follows it: a whole case each time would take minutes and show no more.
#[test]
fn every_fixture_with_a_bit_flipped_is_harmless() {
    for case in by_protocol().values().flatten() {
        for script in &case.scripts {
            for (index, read) in script.reads.iter().enumerate() {
                let login = script.reads.first().filter(|_| index > 0);
                let from = login.map_or(0, Vec::len);
                let next = script.reads.get(index + 1);
                let mut bytes: Vec<u8> =
                    login.into_iter().chain([read]).chain(next).flatten().copied().collect();
                // An odd step visits every bit of a byte in turn.
                let step = if read.len() > LONG { read.len() / 50 * 2 + 1 } else { 1 };
                for (number, bit) in (0..read.len() * 8).step_by(step).enumerate() {
                    let at = from + bit / 8;
                    bytes[at] ^= 1 << (bit % 8);
                    let what = format!("bit {} of byte {at} flipped, read {index}", bit % 8);
                    if number % BYTE_BY_BYTE_EVERY == 0 {
                        check_both_ways(case, &bytes, &what);
                    } else {
                        check(case, &bytes, &what);
                    }
                    bytes[at] ^= 1 << (bit % 8);
                }
            }
        }
    }
}

/// Marsaglia's xorshift with a fixed seed: the same splices in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(self.0 % limit).unwrap_or(0)
    }
}

#[test]
fn spliced_fixtures_are_harmless() {
    let mut chance = Chance(0x2026_0615_0200_0000);
    for cases in by_protocol().values() {
        let pieces: Vec<Vec<u8>> = cases
            .iter()
            .flat_map(|case| &case.scripts)
            .map(|script| script.reads.concat())
            .filter(|bytes| bytes.len() <= LONG)
            .collect();
        for number in 0..SPLICES {
            let mut bytes = Vec::new();
            for _ in 0..=chance.below(3) {
                let piece = &pieces[chance.below(pieces.len())];
                let from = chance.below(piece.len());
                let until = from + chance.below(piece.len() - from + 1);
                bytes.extend_from_slice(&piece[from..until]);
                for _ in 0..chance.below(4) {
                    bytes.push(u8::try_from(chance.below(256)).unwrap_or(0));
                }
            }
            let case = &cases[chance.below(cases.len())];
            check_both_ways(case, &bytes, &format!("splice {number}: {bytes:02x?}"));
        }
    }
}
