//! [`Records`]: the records after the snapshots, read and decoded beside whoever applies them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use interdict_engine::Record;
use sled::IVec;

use super::StoreError;
use super::blocks::{self, numbers};
use super::handles::Handles;
use super::journal::RECORDS;

/// Blocks handed over at a time, and how many of these wait at each step: some megabytes.
const CHUNK: usize = 16;
const WAITING: usize = 4;
/// Applying takes about as long as decoding: more decoders would wait.
const DECODERS: usize = 2;

type Values = Result<Vec<(u64, IVec)>, StoreError>;
type Decoded = Result<Vec<(u64, Vec<Record>)>, StoreError>;

/// Records in order. They are read as they are asked for, and a little ahead.
pub struct Records {
    /// The decoders, in the order of the chunks that they were given.
    decoders: Vec<Receiver<Decoded>>,
    turn: usize,
    /// Blocks decoded and not looked at, with the first number of each.
    blocks: VecDeque<(u64, Vec<Record>)>,
    /// Records before which none can come any more.
    ready: std::vec::IntoIter<Record>,
    /// Others, in order: of several shards' blocks, each begins where it will.
    held: Vec<Record>,
    threads: Vec<JoinHandle<()>>,
}

impl Records {
    /// Begins to read those after that of number `through`.
    pub(super) fn read(handles: Arc<Handles>, through: u64) -> Result<Self, StoreError> {
        let (mut decoders, mut values, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        let mut spawn = |name: &str, work: Box<dyn FnOnce() + Send>| -> Result<(), StoreError> {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            threads.push(thread?);
            Ok(())
        };
        for _ in 0..DECODERS {
            let (sender, received) = sync_channel::<Values>(WAITING);
            let (decoded, receiver) = sync_channel::<Decoded>(WAITING);
            values.push(sender);
            decoders.push(receiver);
            spawn("decoder", Box::new(move || decode_all(through, &received, &decoded)))?;
        }
        spawn("reader", Box::new(move || read_all(&handles, through, &values)))?;
        Ok(Self {
            decoders,
            turn: 0,
            blocks: VecDeque::new(),
            ready: Vec::new().into_iter(),
            held: Vec::new(),
            threads,
        })
    }

    /// The next block; `None` where there is no more.
    fn block(&mut self) -> Option<Result<(u64, Vec<Record>), StoreError>> {
        while self.blocks.is_empty() {
            // The one whose turn it is hangs up where there is no chunk any more.
            let chunk = self.decoders.get(self.turn)?.recv().ok()?;
            self.turn = (self.turn + 1) % self.decoders.len();
            match chunk {
                Ok(chunk) => self.blocks = chunk.into(),
                Err(error) => {
                    self.decoders.clear();
                    return Some(Err(error));
                }
            }
        }
        self.blocks.pop_front().map(Ok)
    }
}

fn read_all(handles: &Handles, through: u64, decoders: &[SyncSender<Values>]) {
    let mut blocks = handles.journal.scan_prefix([RECORDS]).filter_map(|entry| {
        let block = entry.map_err(StoreError::from).and_then(|(key, value)| {
            let (first, last) = numbers(&key)?;
            Ok((last > through).then_some((first, value)))
        });
        block.transpose()
    });
    for decoder in decoders.iter().cycle() {
        let chunk: Values = blocks.by_ref().take(CHUNK).collect();
        let last = chunk.as_ref().map_or(true, |chunk| chunk.len() < CHUNK);
        // Nobody wants the rest where nobody receives.
        if decoder.send(chunk).is_err() || last {
            return;
        }
    }
}

fn decode_all(through: u64, values: &Receiver<Values>, decoded: &SyncSender<Decoded>) {
    for chunk in values {
        let blocks = |chunk: Vec<(u64, IVec)>| -> Decoded {
            let block = |(first, value): (u64, IVec)| {
                let mut records = blocks::records(&value)?;
                records.retain(|record| record.id.0 > through);
                Ok((first, records))
            };
            chunk.into_iter().map(block).collect()
        };
        if decoded.send(chunk.and_then(blocks)).is_err() {
            return;
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.next() {
                return Some(Ok(record));
            }
            match self.block() {
                Some(Ok((first, records))) => {
                    let later = self.held.partition_point(|record| record.id.0 < first);
                    let later = self.held.split_off(later);
                    self.ready = std::mem::replace(&mut self.held, later).into_iter();
                    self.held.extend(records);
                    // In order already but for the places where two blocks meet.
                    self.held.sort_by_key(|record| record.id);
                }
                Some(Err(error)) => return Some(Err(error)),
                None if self.held.is_empty() => return None,
                None => self.ready = std::mem::take(&mut self.held).into_iter(),
            }
        }
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.decoders.clear();
        for thread in self.threads.drain(..) {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}
