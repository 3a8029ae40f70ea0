//! A source whose lines are counted and whose single parts cannot grow without bound.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// The longest part (a track point, a feature) that is taken: half a million positions.
const LONGEST: u64 = 32 * 1024 * 1024;

/// Where reading stands; shared with the one who reads.
#[derive(Clone, Default)]
pub(super) struct Place {
    line: Rc<Cell<usize>>,
    since: Rc<Cell<u64>>,
}

impl Place {
    /// The line that is being read, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.line.get() + 1
    }

    /// A part is over.
    pub(super) fn part_done(&self) {
        self.since.set(0);
    }
}

pub(super) struct Watched<'a> {
    source: &'a mut dyn BufRead,
    place: Place,
}

impl<'a> Watched<'a> {
    pub(super) fn new(source: &'a mut dyn BufRead) -> (Self, Place) {
        let place = Place::default();
        (Self { source, place: place.clone() }, place)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place.since.get() > LONGEST {
            let line = self.place.line();
            let what = format!("one part of it, up to line {line}, is longer than {LONGEST} bytes");
            return Err(io::Error::other(what));
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed was filled before: this does not read.
        let consumed = self.source.fill_buf().map(|bytes| &bytes[..amount.min(bytes.len())]);
        let lines = consumed.map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
        self.place.line.set(self.place.line.get() + lines);
        self.place.since.set(self.place.since.get() + amount as u64);
        self.source.consume(amount);
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
