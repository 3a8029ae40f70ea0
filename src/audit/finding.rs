//! [`Finding`]: what is wrong with a log.

use std::fmt;

use super::HeadError;

/// Where a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On that line of the file of heads.
    Line(usize),
    /// With the log itself: at the end of an export, or as a server or a folder gives it.
    Own,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "the head on line {line}"),
            Self::Own => f.write_str("the log's own head"),
        }
    }
}

/// Something wrong, and where. Entries are given as the first and the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Contents are not those that were committed to.
    Content(u64, u64),
    /// Number, time, act or commitment are not those that were noted.
    Fields(u64, u64),
    /// Some of these entries are others than a head was signed over.
    Changed {
        /// The first that may be.
        from: u64,
        /// The last that may be.
        through: u64,
        /// The head that says so.
        head: Place,
    },
    /// Entries are missing, and later ones are there.
    Deleted(u64, u64),
    /// An entry bears another's number.
    Renumbered {
        /// Its number now.
        entry: u64,
        /// The one that it was noted with.
        was: u64,
    },
    /// An entry stands after a later one.
    Reordered {
        /// The entry.
        entry: u64,
        /// The later one.
        after: u64,
    },
    /// An entry is there more than once.
    Repeated(u64),
    /// Entries stand after the end that the log's own head states.
    Added(u64, u64),
    /// The log ends before a head.
    CutOff {
        /// Its last entry.
        ends: u64,
        /// The head.
        head: Place,
        /// That head's size.
        size: u64,
    },
    /// An export has no head at its end.
    NoEnd,
    /// The log was set back to an earlier state and has gone on from there.
    RolledBack {
        /// The last entry that is as it was.
        since: u64,
        /// The largest head whose log is lost.
        head: Place,
        /// That head's size.
        size: u64,
        /// A head of what came in its place.
        instead: Place,
        /// That head's size.
        instead_size: u64,
    },
    /// Heads are signed with another key.
    Resigned {
        /// The first of them.
        head: Place,
        /// The last of them.
        through: Place,
        /// The sizes of these two.
        sizes: (u64, u64),
        /// Whose key, and whose it should be.
        error: HeadError,
    },
    /// A head is not what was signed.
    Forged {
        /// Which.
        head: Place,
        /// Why.
        error: HeadError,
    },
    /// Something in the file of heads is none.
    NoHead {
        /// From this line on.
        line: usize,
        /// Why.
        error: HeadError,
    },
    /// Contents are gone, and no purge is noted that took them.
    Gone(u64, u64),
    /// Something in an export is no entry.
    NoEntry {
        /// On this line.
        line: usize,
        /// Why.
        error: String,
    },
    /// The events that entries note do not follow one another.
    EventOrder {
        /// The entry.
        entry: u64,
        /// The sequence that it notes.
        sequence: u64,
        /// The one that was due.
        due: u64,
    },
    /// A stored event is another one than was noted, or is gone.
    Event {
        /// The entry that notes it.
        entry: u64,
        /// The event.
        sequence: u64,
        /// Whether it is there at all.
        there: bool,
    },
    /// Stored events are noted by no entry.
    EventsUnnoted(u64, u64),
}

impl Finding {
    /// Takes `next` into this one where the two are of one kind and follow one another.
    pub(super) fn extend(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Content(_, last), Self::Content(from, through))
            | (Self::Fields(_, last), Self::Fields(from, through))
                if *last + 1 == *from =>
            {
                *last = *through;
                true
            }
            (
                Self::Resigned { through, sizes, error, .. },
                Self::Resigned { through: later, sizes: later_sizes, error: same, .. },
            ) if error == same => {
                *through = *later;
                sizes.1 = later_sizes.1;
                true
            }
            _ => false,
        }
    }
}

/// Entries as people say them.
struct Entries(u64, u64);

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(from, through) if from == through => write!(f, "entry {from}"),
            Self(from, through) => write!(f, "entries {from} to {through}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(from, through) => {
                write!(f, "changed: {}: not the content committed to", Entries(*from, *through))
            }
            Self::Fields(from, through) => write!(
                f,
                "changed: {}: not the number, time, act or commitment noted",
                Entries(*from, *through)
            ),
            Self::Changed { from, through, head } => write!(
                f,
                "changed: among {}: {head} was signed over others",
                Entries(*from, *through)
            ),
            Self::Deleted(from, through) => write!(f, "deleted: {}", Entries(*from, *through)),
            Self::Renumbered { entry, was } => {
                write!(f, "reordered: what was entry {was} bears the number {entry}")
            }
            Self::Reordered { entry, after } => {
                write!(f, "reordered: entry {entry} stands after entry {after}")
            }
            Self::Repeated(entry) => write!(f, "repeated: entry {entry} is there more than once"),
            Self::Added(from, through) => {
                write!(f, "added: {} after the end", Entries(*from, *through))
            }
            Self::CutOff { ends, head, size } => write!(
                f,
                "cut off: the log ends with entry {ends}, and {head} has {size}: {} cut off, or all \
                 was set back to an earlier state",
                Entries(ends + 1, *size)
            ),
            Self::NoEnd => f.write_str("cut off: the export does not end with a head"),
            Self::RolledBack { since, head, size, instead, instead_size } => write!(
                f,
                "rolled back: after entry {since} the log was set back and went on otherwise: {head} \
                 (size {size}) is not of the log that {instead} (size {instead_size}) is of"
            ),
            Self::Resigned { head, through, sizes: (size, last), error } if head == through => {
                debug_assert_eq!(size, last);
                write!(f, "re-signed: {head} (size {size}): {error}")
            }
            Self::Resigned { head, through, sizes: (first, last), error } => {
                write!(f, "re-signed: {head} to {through} (sizes {first} to {last}): {error}")
            }
            Self::Forged { head, error } => write!(f, "forged: {head}: {error}"),
            Self::NoHead { line, error } => write!(f, "unreadable: heads, line {line}: {error}"),
            Self::Gone(from, through) => write!(
                f,
                "removed: {}: the content is gone, and no purge is noted that took it",
                Entries(*from, *through)
            ),
            Self::NoEntry { line, error } => write!(f, "unreadable: export, line {line}: {error}"),
            Self::EventOrder { entry, sequence, due } => {
                write!(f, "events: entry {entry} notes event {sequence} where {due} was due")
            }
            Self::Event { entry, sequence, there: true } => {
                write!(f, "changed: event {sequence} is not the one that entry {entry} notes")
            }
            Self::Event { entry, sequence, there: false } => {
                write!(f, "deleted: event {sequence}, which entry {entry} notes")
            }
            Self::EventsUnnoted(from, through) => {
                write!(f, "events: no entry notes the events {from} to {through}")
            }
        }
    }
}
