//! [`Verification`]: a log, held to the heads that left it.

use std::collections::BTreeMap;

use super::{
    Entry, Finding, Frontier, Hash, HeadError, Heads, Place, PublicKey, Purge, SignedHead, acts,
};

/// Findings that are told one by one: who reads more of them has understood.
const TOLD: usize = 1_000;

/// Reads a log, entry by entry, and finds what is wrong with it.
///
/// The tree is built from the leaf hashes that entries state, and every entry is held to its own:
/// where the tree is the one that a head was signed over, the entries that are not found changed are
/// as they were.
pub struct Verification {
    key: PublicKey,
    /// Those of the file that the key signed, in the file's order.
    heads: Vec<Signed>,
    frontier: Frontier,
    /// Leaf hashes of entries before which some are missing yet.
    waiting: BTreeMap<u64, Hash>,
    /// The largest number seen.
    highest: u64,
    /// Entries without a content.
    unopened: Vec<(u64, u64)>,
    purges: Vec<(u64, Purge)>,
    /// The last event noted; unknown at the beginning and after a purged content.
    event: Option<u64>,
    findings: Vec<Finding>,
    more: usize,
}

struct Signed {
    place: Place,
    size: u64,
    root: Hash,
    /// Whether the log's tree of that size is this one; `None` while there is none.
    holds: Option<bool>,
}

/// What stands at the end of a log.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Its head as it is now.
    pub head: Option<SignedHead>,
    /// Whether that is the log of an earlier time, an export: heads may have left since.
    pub is_earlier: bool,
    /// The sequence of the last event beside the log, where that is known.
    pub latest_event: Option<u64>,
}

/// What a verification came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were there.
    pub entries: u64,
    /// Heads that the log was held to.
    pub heads: usize,
    /// The largest of these that holds: entries up to there cannot have changed unnoticed.
    pub covered: u64,
    /// Heads that left after an export was made: it cannot be held to them.
    pub later: usize,
    /// Entries whose contents were purged, each by a purge that is itself an entry.
    pub purged: u64,
    /// What is wrong, the first of it where it is much.
    pub findings: Vec<Finding>,
    /// How much more is.
    pub more: usize,
}

impl Verification {
    /// Of the log that `key` signs, against these heads.
    #[must_use]
    pub fn new(key: PublicKey, heads: Heads) -> Self {
        let mut new = Self {
            key,
            heads: Vec::new(),
            frontier: Frontier::default(),
            waiting: BTreeMap::new(),
            highest: 0,
            unopened: Vec::new(),
            purges: Vec::new(),
            event: None,
            findings: Vec::new(),
            more: 0,
        };
        for (line, error) in heads.unreadable {
            new.find(Finding::NoHead { line, error });
        }
        for (line, signed) in heads.heads {
            let place = Place::Line(line);
            if new.is_signed(&signed, place) {
                let (size, root) = (signed.head.size, signed.head.root);
                new.heads.push(Signed { place, size, root, holds: None });
            }
        }
        new.hold_to_heads();
        new
    }

    /// Adds something that was found elsewhere.
    pub fn find(&mut self, finding: Finding) {
        if self.findings.last_mut().is_some_and(|last| last.extend(&finding)) {
            return;
        }
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    fn is_signed(&mut self, signed: &SignedHead, head: Place) -> bool {
        let size = signed.head.size;
        match signed.verify(&self.key) {
            Ok(()) => return true,
            Err(error @ HeadError::OtherKey { .. }) => {
                self.find(Finding::Resigned { head, through: head, sizes: (size, size), error });
            }
            Err(error) => self.find(Finding::Forged { head, error }),
        }
        false
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &Entry) {
        let number = entry.number;
        match entry.number_by_leaf() {
            Some(was) if was == number => {}
            Some(was) => self.find(Finding::Renumbered { entry: number, was }),
            None => self.find(Finding::Fields(number, number)),
        }
        if !entry.keeps_its_commitment() {
            self.find(Finding::Content(number, number));
        }
        self.look_inside(entry);
        let due = self.frontier.size() + 1;
        if number < due || self.waiting.contains_key(&number) {
            self.find(Finding::Repeated(number));
            return;
        }
        if number < self.highest {
            self.find(Finding::Reordered { entry: number, after: self.highest });
        }
        self.highest = self.highest.max(number);
        self.waiting.insert(number, entry.leaf);
        while let Some(leaf) = self.waiting.remove(&(self.frontier.size() + 1)) {
            self.frontier.push(leaf, |_, _| {});
            self.hold_to_heads();
        }
    }

    /// Purges, and the events that entries note.
    fn look_inside(&mut self, entry: &Entry) {
        let number = entry.number;
        if entry.is_purged() {
            match self.unopened.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => self.unopened.push((number, number)),
            }
        }
        let notes_event = entry.act.starts_with("interdict.");
        if notes_event && entry.is_purged() {
            self.event = None;
        } else if notes_event || entry.act == acts::AUDIT_PURGE {
            let Some(content) = entry.read_content() else { return };
            if let Some(sequence) = content.event_sequence() {
                match self.event.map(|event| event + 1) {
                    Some(due) if due != sequence => {
                        self.find(Finding::EventOrder { entry: number, sequence, due });
                    }
                    _ => {}
                }
                self.event = Some(sequence);
            } else if let Some(purge) = Purge::read(&content) {
                self.purges.push((number, purge));
            }
        }
    }

    /// Compares the tree with the heads of its present size.
    fn hold_to_heads(&mut self) {
        let size = self.frontier.size();
        if self.heads.iter().all(|head| head.size != size) {
            return;
        }
        let root = self.frontier.root();
        for head in self.heads.iter_mut().filter(|head| head.size == size) {
            head.holds = Some(head.root == root);
        }
    }

    /// There are no more entries.
    #[must_use]
    pub fn finish(mut self, end: &End) -> Report {
        let mut due = self.frontier.size() + 1;
        for number in std::mem::take(&mut self.waiting).into_keys() {
            if number > due {
                self.find(Finding::Deleted(due, number - 1));
            }
            due = number + 1;
        }
        let first_gap = self.frontier.size();
        let mut later = 0;
        if let Some(own) = &end.head
            && self.is_signed(own, Place::Own)
        {
            let size = own.head.size;
            if size < self.highest {
                self.find(Finding::Added(size + 1, self.highest));
            }
            // Smaller ones cannot be held to any more.
            if size >= self.highest {
                let holds = (size == first_gap).then(|| own.head.root == self.frontier.root());
                if end.is_earlier && holds == Some(true) {
                    later = self.heads.extract_if(.., |head| head.size > size).count();
                }
                self.heads.push(Signed { place: Place::Own, size, root: own.head.root, holds });
            }
        }
        self.compare_heads();
        let purged = self.check_purges();
        if let (Some(noted), Some(latest)) = (self.event, end.latest_event)
            && noted < latest
        {
            self.find(Finding::EventsUnnoted(noted + 1, latest));
        }
        let held = self.heads.iter().filter(|head| head.holds == Some(true)).map(|head| head.size);
        Report {
            entries: self.highest,
            heads: self.heads.iter().filter(|head| head.place != Place::Own).count(),
            covered: held.max().unwrap_or(0),
            later,
            purged,
            findings: self.findings,
            more: self.more,
        }
    }

    fn compare_heads(&mut self) {
        let holds = |head: &&Signed| head.holds == Some(true);
        let differs = |head: &&Signed| head.holds == Some(false);
        let beyond = |head: &&Signed| head.size > self.highest;
        let held_below = |size| {
            let below = self.heads.iter().filter(holds).filter(|head| head.size < size);
            below.map(|head| head.size).max().unwrap_or(0)
        };
        let first = self.heads.iter().filter(differs).min_by_key(|head| head.size);
        let last_differing = self.heads.iter().filter(differs).max_by_key(|head| head.size);
        // The log's own head is made of what is there, whatever that is: it tells of no history.
        let in_file = || self.heads.iter().filter(|head| head.place != Place::Own);
        let furthest = self.heads.iter().filter(beyond).max_by_key(|head| head.size);
        let replaced_by =
            first.and_then(|first| in_file().filter(holds).find(|head| head.size >= first.size));
        // A later head that is smaller: the log lost entries and was used afterwards.
        let followed_by = furthest.and_then(|furthest| {
            let mut later = in_file().skip_while(|head| head.place != furthest.place);
            later.find(|head| head.size < furthest.size)
        });
        let mut found = Vec::new();
        if let Some(instead) = replaced_by.or(followed_by)
            && let Some(lost) =
                furthest.into_iter().chain(last_differing).max_by_key(|head| head.size)
        {
            let smallest = first.map_or(instead.size, |first| first.size.min(instead.size));
            found.push(Finding::RolledBack {
                since: held_below(smallest),
                head: lost.place,
                size: lost.size,
                instead: instead.place,
                instead_size: instead.size,
            });
        } else {
            found.extend(first.map(|first| Finding::Changed {
                from: held_below(first.size) + 1,
                through: first.size,
                head: first.place,
            }));
            found.extend(furthest.map(|furthest| Finding::CutOff {
                ends: self.highest,
                head: furthest.place,
                size: furthest.size,
            }));
        }
        for finding in found {
            self.find(finding);
        }
    }

    /// Finds contents that nobody noted to have purged; counts those that somebody did.
    fn check_purges(&mut self) -> u64 {
        let mut purged = 0;
        let mut gone: Vec<(u64, u64)> = Vec::new();
        for (first, last) in std::mem::take(&mut self.unopened) {
            for entry in first..=last {
                if self.purges.iter().any(|(noted, purge)| entry < *noted && purge.holds(entry)) {
                    purged += 1;
                } else {
                    match gone.last_mut() {
                        Some((_, through)) if *through + 1 == entry => *through = entry,
                        _ => gone.push((entry, entry)),
                    }
                }
            }
        }
        for (from, through) in gone {
            self.find(Finding::Gone(from, through));
        }
        purged
    }
}
