//! A log is tampered with in every way, and each is found and named.

use interdict_protocols::Time;

use super::*;

const KEY: [u8; 32] = [7; 32];

/// A log on paper.
struct Log {
    signer: Signer,
    entries: Vec<Entry>,
}

impl Log {
    fn new(size: u64) -> Self {
        let mut log = Self { signer: Signer::new("urn:test", KEY), entries: Vec::new() };
        log.grow(size, "wang");
        log
    }

    fn grow(&mut self, count: u64, who: &str) {
        for _ in 0..count {
            self.note(|at, by| Act::new(at, acts::VEHICLE_READ, by).with("vehicle", "v"), who);
        }
    }

    fn note(&mut self, act: impl Fn(Time, &By) -> Act, who: &str) {
        let number = self.entries.len() as u64 + 1;
        let by = By::named(who);
        let act = act(Time::from_seconds(number.cast_signed()), &by);
        let salt = Octets([u8::try_from(number).unwrap(); 16]);
        self.entries.push(Entry::new(number, &act, salt).unwrap());
    }

    fn head(&self, size: usize) -> SignedHead {
        let mut frontier = Frontier::default();
        for entry in &self.entries[..size] {
            frontier.push(entry.leaf, |_, _| {});
        }
        self.signer.sign(size as u64, frontier.root())
    }

    fn heads(&self, sizes: &[usize]) -> String {
        sizes.iter().map(|size| format!("{}\n", self.head(*size))).collect()
    }

    /// Held to a file of heads and its own head.
    fn verify(&self, heads: &str) -> Report {
        verify(&self.entries, heads, Some(&self.head(self.entries.len())))
    }
}

fn verify(entries: &[Entry], heads: &str, own: Option<&SignedHead>) -> Report {
    let key = Signer::new("urn:test", KEY).public().clone();
    let mut verification = Verification::new(key, read_heads(heads));
    entries.iter().for_each(|entry| verification.take(entry));
    verification.finish(&End { head: own.cloned(), ..End::default() })
}

/// Where the heads of [`Log::heads`] lie, each being five lines and a blank one.
fn line(place: usize) -> Place {
    Place::Line(place * 6 + 1)
}

#[test]
fn a_log_as_it_was_is_well() {
    let log = Log::new(23);
    let report = log.verify(&log.heads(&[0, 5, 10, 20]));
    assert_eq!((report.entries, report.heads, report.covered), (23, 4, 23));
    assert_eq!(report.findings, []);
    assert_eq!(Log::new(0).verify("").findings, []);
}

#[test]
fn a_changed_entry_is_named() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 20]);
    let mut entries = log.entries.clone();
    let content = r#"{"who":"li","what":{"vehicle":"v"}}"#;
    entries[12].content = serde_json::from_str(content).unwrap();
    assert_eq!(verify(&entries, &heads, None).findings, [Finding::Content(13, 13)]);
    let mut entries = log.entries.clone();
    entries[12].time = Time::from_seconds(1);
    entries[13].act = "vehicle.rea".to_owned();
    assert_eq!(verify(&entries, &heads, None).findings, [Finding::Fields(13, 14)]);
    // By somebody who knows how leaves are made: only the heads tell.
    entries[12].leaf = leaf_hash(&entries[12].leaf_bytes());
    entries[13].leaf = leaf_hash(&entries[13].leaf_bytes());
    let changed = Finding::Changed { from: 11, through: 20, head: line(1) };
    assert_eq!(verify(&entries, &heads, None).findings, [changed]);
}

#[test]
fn a_changed_log_signed_anew_by_its_own_key_is_held_to_the_heads_that_left() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 20]);
    let mut other = Log::new(12);
    other.grow(8, "li");
    let report = other.verify(&heads);
    assert_eq!(report.findings, [Finding::Changed { from: 11, through: 20, head: line(1) }]);
}

#[test]
fn deleted_entries_are_named() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 20]);
    let mut entries = log.entries.clone();
    entries.remove(16);
    entries.drain(3..6);
    let found = [Finding::Deleted(4, 6), Finding::Deleted(17, 17)];
    assert_eq!(verify(&entries, &heads, Some(&log.head(20))).findings, found);
    // The rest moved up by somebody who does not know how leaves are made.
    let mut entries = log.entries.clone();
    entries.remove(18);
    entries[18].number = 19;
    let found = verify(&entries, &heads, None).findings;
    assert_eq!(found[0], Finding::Renumbered { entry: 19, was: 20 });
    assert_eq!(found[1], Finding::CutOff { ends: 19, head: line(1), size: 20 });
}

#[test]
fn reordered_and_repeated_entries_are_named() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 20]);
    let mut entries = log.entries.clone();
    entries.swap(4, 7);
    let found = verify(&entries, &heads, None).findings;
    let expected = [6, 7, 5].map(|entry| Finding::Reordered { entry, after: 8 });
    assert_eq!(found, expected);
    let mut entries = log.entries.clone();
    entries.swap(4, 7);
    entries[4].number = 5;
    entries[7].number = 8;
    let found = verify(&entries, &heads, None).findings;
    assert_eq!(found[0], Finding::Renumbered { entry: 5, was: 8 });
    assert_eq!(found[1], Finding::Renumbered { entry: 8, was: 5 });
    let mut entries = log.entries.clone();
    entries.insert(9, entries[2].clone());
    assert_eq!(verify(&entries, &heads, None).findings, [Finding::Repeated(3)]);
}

#[test]
fn a_tail_that_was_cut_off_is_missed() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 20]);
    let cut = Finding::CutOff { ends: 15, head: line(1), size: 20 };
    for report in [verify(&log.entries[..15], &heads, None), Log::new(15).verify(&heads)] {
        assert_eq!(report.findings, std::slice::from_ref(&cut));
    }
    // The head that an export ends with tells as much.
    let own = Finding::CutOff { ends: 15, head: Place::Own, size: 20 };
    assert_eq!(verify(&log.entries[..15], "", Some(&log.head(20))).findings, [own]);
    let added = Finding::Added(16, 20);
    assert_eq!(verify(&log.entries, "", Some(&log.head(15))).findings, [added]);
}

#[test]
fn an_export_is_not_held_to_later_heads_unless_its_own_is_missing() {
    let log = Log::new(20);
    let heads = log.heads(&[10, 15, 20]);
    let verify = |own: Option<SignedHead>| {
        let key = log.signer.public().clone();
        let mut verification = Verification::new(key, read_heads(&heads));
        log.entries[..15].iter().for_each(|entry| verification.take(entry));
        verification.finish(&End { head: own, is_earlier: true, latest_event: None })
    };
    let report = verify(Some(log.head(15)));
    assert_eq!((report.heads, report.later, report.findings.len()), (2, 1, 0));
    assert_eq!(verify(None).findings, [Finding::CutOff { ends: 15, head: line(2), size: 20 }]);
    assert_eq!(verify(Some(log.head(20))).later, 0);
}

#[test]
fn a_log_that_was_set_back_and_used_again_is_told_from_a_cut_one() {
    let heads = |log: &Log, sizes: &[usize]| log.heads(sizes);
    let lost = Log::new(20);
    let mut log = Log::new(12);
    log.grow(3, "li");
    let file = heads(&lost, &[10, 20]) + &heads(&log, &[15]);
    let rolled_back = |since| Finding::RolledBack {
        since,
        head: line(1),
        size: 20,
        instead: line(2),
        instead_size: 15,
    };
    assert_eq!(log.verify(&file).findings, [rolled_back(10)]);
    // Also when it has become longer than it was.
    log.grow(10, "li");
    let file = heads(&lost, &[10, 20]) + &heads(&log, &[25]);
    let later = Finding::RolledBack {
        since: 10,
        head: line(1),
        size: 20,
        instead: line(2),
        instead_size: 25,
    };
    assert_eq!(log.verify(&file).findings, [later]);
}

#[test]
fn a_signature_by_another_key_is_named() {
    let log = Log::new(20);
    let stranger = Log { signer: Signer::new("urn:test", [8; 32]), entries: log.entries.clone() };
    let file = log.heads(&[5, 10]) + &stranger.heads(&[15, 18, 20]);
    let found = log.verify(&file).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    let Finding::Resigned { head, through, sizes, .. } = &found[0] else { panic!("{found:?}") };
    assert_eq!((*head, *through, *sizes), (line(2), line(4), (15, 20)));
    let found = verify(&log.entries, &log.heads(&[5]), Some(&stranger.head(20))).findings;
    assert!(matches!(found[..], [Finding::Resigned { head: Place::Own, .. }]), "{found:?}");
    let forged = log.heads(&[5]).replacen("\n5\n", "\n6\n", 1);
    let found = log.verify(&forged).findings;
    assert!(matches!(found[..], [Finding::Forged { .. }]), "{found:?}");
}

#[test]
fn a_purge_is_good_only_where_it_is_noted() {
    let mut log = Log::new(10);
    let purge = |log: &mut Log, entries: std::ops::RangeInclusive<usize>| {
        for entry in &mut log.entries[entries] {
            (entry.salt, entry.content) = (None, None);
        }
    };
    purge(&mut log, 2..=4);
    let heads = log.heads(&[10]);
    assert_eq!(log.verify(&heads).findings, [Finding::Gone(3, 5)]);
    let noted = Purge::new([1..=2, 3..=4]);
    log.note(|at, by| noted.act(at, by), "wang");
    let report = log.verify(&heads);
    assert_eq!((report.purged, report.findings), (2, vec![Finding::Gone(5, 5)]));
    // No purge covers what came after it.
    log.note(|at, by| Purge::new([5..=5, 13..=13]).act(at, by), "wang");
    log.grow(1, "wang");
    purge(&mut log, 12..=12);
    let report = log.verify(&heads);
    assert_eq!((report.purged, report.findings), (3, vec![Finding::Gone(13, 13)]));
}

#[test]
fn events_are_noted_one_after_another() {
    let mut log = Log::new(2);
    for sequence in [5, 6, 7, 9, 9] {
        log.note(
            |at, by| Act::new(at, "interdict.flag.added", by).with("sequence", sequence),
            "engine",
        );
    }
    let key = log.signer.public().clone();
    let mut verification = Verification::new(key, Heads::default());
    log.entries.iter().for_each(|entry| verification.take(entry));
    let report = verification.finish(&End { latest_event: Some(11), ..End::default() });
    let order = |entry, sequence, due| Finding::EventOrder { entry, sequence, due };
    let expected = [order(6, 9, 8), order(7, 9, 10), Finding::EventsUnnoted(10, 11)];
    assert_eq!(report.findings, expected);
}

#[test]
fn much_that_is_wrong_is_told_in_part_and_counted() {
    let log = Log::new(3);
    let key = log.signer.public().clone();
    let mut verification = Verification::new(key, Heads::default());
    log.entries.iter().for_each(|entry| verification.take(entry));
    for _ in 0..1_500 {
        verification.take(&log.entries[0]);
    }
    let report = verification.finish(&End::default());
    assert_eq!((report.findings.len(), report.more), (1_000, 500));
}
