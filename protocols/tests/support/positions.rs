//! The frames with one position that figures are about: of each protocol, the first read of its
//! fixtures that gives one position and has nothing to refuse, once for text and once for binary
//! where it has both. It comes on a connection that has had the reads before it.

#![allow(clippy::arithmetic_side_effects, reason = "counts of tests and benches")]

use std::sync::Arc;

use interdict_protocols::{ALL, Connection, DeviceId, Item, Lent, Transport};

use super::{Case, Lending, RECEIVED_AT, entries, fixtures};

/// Whether a read is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Printable ASCII and line ends, but for a byte or two of checksum.
    Text,
    /// All else.
    Binary,
}

impl Form {
    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    fn of(read: &[u8]) -> Self {
        let is_text = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n');
        let others = read.len() - read.iter().filter(is_text).count();
        if others <= 2 { Self::Text } else { Self::Binary }
    }
}

/// One read that gives one position, and the connection that it comes on.
pub struct Subject {
    /// The case that it is of.
    pub case: Arc<Case>,
    /// Text or binary.
    pub form: Form,
    lending: Lending,
    connection: Connection,
    read: Vec<u8>,
}

impl Subject {
    /// The read that is number `at` of a script, where it gives the same one position each time that
    /// it comes.
    fn new(case: &Arc<Case>, script: usize, at: usize) -> Option<Self> {
        let reads = &case.scripts.get(script)?.reads;
        let transport = if case.udp { Transport::Udp } else { Transport::Tcp };
        let device = case.device.as_deref().map(DeviceId::from);
        let mut subject = Self {
            case: Arc::clone(case),
            form: Form::of(reads.get(at)?),
            lending: Lending::new(case.model.as_deref()),
            connection: Connection::new(case.protocol, transport, device),
            read: Vec::new(),
        };
        let mut items = Vec::with_capacity(4);
        for read in reads.iter().take(at) {
            subject.read.clone_from(read);
            subject.receive(&mut items);
        }
        subject.read.clone_from(reads.get(at)?);
        // A byte that ends one frame and may begin the next is still held.
        let held = subject.connection.pending();
        let is_steady = (0..3).all(|_| {
            items.clear();
            subject.receive(&mut items);
            is_one_position(&items) && subject.connection.pending() == held
        });
        is_steady.then_some(subject)
    }

    /// Gives the read to the connection once more.
    #[inline]
    pub fn receive(&mut self, items: &mut Vec<Item>) {
        let lent = Lent { received_at: RECEIVED_AT, installation: &self.lending };
        if self.case.udp {
            self.connection.datagram(&self.read, &lent, items);
        } else {
            self.connection.receive(&self.read, &lent, items);
        }
    }

    /// How many bytes it has.
    pub const fn length(&self) -> usize {
        self.read.len()
    }
}

fn is_one_position(items: &[Item]) -> bool {
    let fixes = items.iter().filter(|item| matches!(item, Item::Fix { .. })).count();
    fixes == 1 && !items.iter().any(|item| matches!(item, Item::Reject { .. } | Item::Fatal { .. }))
}

/// Every protocol's, with the protocol's name; none where no fixture has such a read.
pub fn subjects() -> impl Iterator<Item = (&'static str, Vec<Subject>)> {
    ALL.iter().map(|protocol| {
        let mut found: Vec<Subject> = Vec::new();
        for path in entries(&fixtures().join(protocol.name)) {
            let Ok(case) = Case::read(&path).map(Arc::new) else { continue };
            for (script, of_script) in case.scripts.iter().enumerate() {
                for at in 0..of_script.reads.len() {
                    if let Some(subject) = Subject::new(&case, script, at)
                        && found.iter().all(|known| known.form != subject.form)
                    {
                        found.push(subject);
                    }
                }
            }
        }
        (protocol.name, found)
    })
}
