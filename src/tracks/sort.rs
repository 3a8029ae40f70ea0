//! Rows in order of time, however many there are: what does not fit in memory goes to one temporary
//! file in sorted runs, which are merged as they are read back. One open file serves any number of
//! runs, and it is gone when the program is, however that ends.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Row;

/// Rows held in memory: some 30 MB.
const HELD: usize = 1 << 17;

/// What all runs' buffers take together while they are merged.
const BUFFERS: usize = 16 * 1024 * 1024;

/// A row, and in which order it was read.
#[derive(Serialize, Deserialize)]
struct Numbered(u64, Row);

impl Numbered {
    fn compare(&self, other: &Self) -> Ordering {
        let (Self(number, row), Self(other_number, other)) = (self, other);
        row.at
            .cmp(&other.at)
            .then_with(|| row.device.cmp(&other.device))
            .then(number.cmp(other_number))
    }
}

/// Takes rows in any order.
pub(super) struct Sorter {
    held: Vec<Numbered>,
    most: usize,
    count: u64,
    spilled: Option<File>,
    /// Where each run begins and ends in the temporary file.
    runs: Vec<(u64, u64)>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::holding(HELD)
    }
}

impl Sorter {
    fn holding(most: usize) -> Self {
        Self { held: Vec::new(), most, count: 0, spilled: None, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Row) -> io::Result<()> {
        self.held.push(Numbered(self.count, row));
        self.count += 1;
        if self.held.len() >= self.most {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_by(Numbered::compare);
        if self.spilled.is_none() {
            self.spilled = Some(tempfile::tempfile()?);
        }
        let Some(file) = &mut self.spilled else { return Ok(()) };
        let begin = file.stream_position()?;
        let mut out = BufWriter::with_capacity(1 << 20, &mut *file);
        for row in self.held.drain(..) {
            serde_json::to_writer(&mut out, &row)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        drop(out);
        self.runs.push((begin, file.stream_position()?));
        Ok(())
    }

    /// The rows in order.
    pub(super) fn finish(mut self) -> io::Result<Rows> {
        let count = self.count;
        if self.spilled.is_some() && !self.held.is_empty() {
            self.spill()?;
        }
        self.held.sort_by(Numbered::compare);
        let mut heap = BinaryHeap::new();
        if let Some(file) = self.spilled {
            let file = Rc::new(RefCell::new(file));
            let capacity = (BUFFERS / self.runs.len().max(1)).clamp(4 * 1024, 1 << 20);
            for (begin, end) in self.runs {
                let part = Part { file: Rc::clone(&file), at: begin, end };
                let mut run = Run(BufReader::with_capacity(capacity, part));
                if let Some(row) = run.next()? {
                    heap.push(Head { row, run });
                }
            }
        }
        Ok(Rows { held: self.held.into_iter(), heap, count })
    }
}

/// Rows in order of time.
pub struct Rows {
    held: std::vec::IntoIter<Numbered>,
    heap: BinaryHeap<Head>,
    count: u64,
}

impl Rows {
    /// How many there are in all.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.count
    }
}

impl Iterator for Rows {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(Head { row, mut run }) = self.heap.pop() else {
            return self.held.next().map(|Numbered(_, row)| Ok(row));
        };
        match run.next() {
            Ok(Some(next)) => self.heap.push(Head { row: next, run }),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
        let Numbered(_, row) = row;
        Some(Ok(row))
    }
}

/// A run and the first of its rows that has not been given yet.
struct Head {
    row: Numbered,
    run: Run,
}

// The greatest leaves a heap first: the earliest is the greatest.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.row.compare(&self.row)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

struct Run(BufReader<Part>);

impl Run {
    fn next(&mut self) -> io::Result<Option<Numbered>> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }
}

/// A part of the temporary file.
struct Part {
    file: Rc<RefCell<File>>,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(&mut buffer[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use interdict_protocols::{DeviceId, Fix, Time};

    use super::*;
    use crate::tracks::Said;

    fn row(second: i64, device: &str, speed_kmh: f64) -> Row {
        let at = Time::from_seconds(second);
        let mut fix = Fix::new(at, 38.9 + speed_kmh / 7000.0, 121.6).unwrap();
        fix.speed_kmh = Some(speed_kmh);
        Row { at, device: DeviceId::from(device), said: Said::Fix(fix) }
    }

    #[test]
    fn many_runs_give_what_memory_gives() {
        let rows: Vec<_> = (0..500_i64)
            .map(|number| {
                row((number * 7919) % 97, ["b", "a", "c"][(number % 3) as usize], number as f64)
            })
            .collect();
        let sorted = |most: usize| {
            let mut sorter = Sorter::holding(most);
            for row in &rows {
                sorter.push(row.clone()).unwrap();
            }
            let rows = sorter.finish().unwrap();
            assert_eq!(rows.total(), 500);
            rows.map(Result::unwrap).collect::<Vec<_>>()
        };
        let in_memory = sorted(10_000);
        assert_eq!(sorted(7), in_memory);
        assert_eq!(sorted(500), in_memory);
        assert!(
            in_memory
                .windows(2)
                .all(|pair| (pair[0].at, &pair[0].device) <= (pair[1].at, &pair[1].device))
        );
    }
}
