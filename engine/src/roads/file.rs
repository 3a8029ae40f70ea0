//! The compact road file: little-endian arrays behind a magic, a version and a checksum.

use super::graph::{Exit, RoadGraph};
use super::{RoadClass, RoadError};

const MAGIC: &[u8; 8] = b"IDCTROAD";
const VERSION: u32 = 2;
/// Magic, version, reserved, checksum.
const HEADER: usize = 24;

impl RoadGraph {
    /// The compact file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Writer(Vec::new());
        body.signed(&self.node_latitude);
        body.signed(&self.node_longitude);
        body.unsigned(&self.first_arc);
        body.unsigned(&self.arc_head);
        body.unsigned(&self.arc_street);
        body.bytes(&self.piece_class);
        body.unsigned(&self.piece_name);
        body.bytes(self.piece_speed_kmh.as_flattened());
        body.halves(&self.piece_accuracy_m);
        body.unsigned(&self.first_point);
        body.signed(&self.point_latitude);
        body.signed(&self.point_longitude);
        body.texts(self.names.iter().map(String::as_str));
        body.unsigned(&self.exits.iter().map(|exit| exit.node).collect::<Vec<_>>());
        body.texts(self.exits.iter().map(|exit| exit.name.as_str()));
        let mut bytes = Vec::with_capacity(HEADER + body.0.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(checksum(&body.0).to_le_bytes());
        bytes.extend(body.0);
        bytes
    }

    /// Whether bytes begin as the compact file does.
    #[must_use]
    pub fn is_compact(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads the compact file.
    ///
    /// # Errors
    /// Where it is something else, of another version, cut short or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RoadError> {
        if !Self::is_compact(bytes) {
            return Err(RoadError::Foreign);
        }
        let truncated = RoadError::Truncated { length: bytes.len() };
        let Some((header, body)) = bytes.split_at_checked(HEADER) else { return Err(truncated) };
        let mut header = Reader(header);
        header.take(MAGIC.len()).ok_or_else(|| truncated.clone())?;
        let found = header.number().ok_or_else(|| truncated.clone())?;
        if found != VERSION {
            return Err(RoadError::Version { found, expected: VERSION });
        }
        header.number().ok_or_else(|| truncated.clone())?;
        let stated = header.take(8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        let mut reader = Reader(body);
        let mut graph = Self::read(&mut reader).ok_or(truncated)?;
        if stated != Some(checksum(body)) || !reader.0.is_empty() || !graph.is_sound() {
            return Err(RoadError::Damaged);
        }
        graph.derive();
        Ok(graph)
    }

    /// The checksum of what the file holds: tables made from it are kept under this.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let bytes = self.to_bytes();
        checksum(bytes.get(HEADER..).unwrap_or_default())
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut graph = Self {
            node_latitude: reader.signed()?,
            node_longitude: reader.signed()?,
            first_arc: reader.unsigned()?,
            arc_head: reader.unsigned()?,
            arc_street: reader.unsigned()?,
            piece_class: reader.bytes()?.to_vec(),
            piece_name: reader.unsigned()?,
            piece_speed_kmh: reader.bytes()?.as_chunks().0.to_vec(),
            piece_accuracy_m: reader.halves()?,
            first_point: reader.unsigned()?,
            point_latitude: reader.signed()?,
            point_longitude: reader.signed()?,
            names: reader.texts()?,
            ..Self::default()
        };
        let nodes = reader.unsigned()?;
        let names = reader.texts()?;
        if nodes.len() != names.len() {
            return None;
        }
        let exits = nodes.into_iter().zip(names);
        graph.exits = exits.map(|(node, name)| Exit { node, name }).collect();
        Some(graph)
    }

    /// Whether every number points at something: a file may be made by anybody.
    fn is_sound(&self) -> bool {
        let (nodes, arcs, pieces) = (self.nodes(), self.arcs(), self.pieces());
        let rows = |first: &[u32], keys: usize, items: usize| {
            first.len() == keys + 1
                && first.first() == Some(&0)
                && first.is_sorted()
                && first.last().is_some_and(|last| *last as usize == items)
        };
        let below = |values: &[u32], limit: usize| values.iter().all(|v| (*v as usize) < limit);
        let on_globe = |latitude: &[i32], longitude: &[i32]| {
            latitude.iter().all(|v| v.unsigned_abs() <= 900_000_000)
                && longitude.iter().all(|v| v.unsigned_abs() <= 1_800_000_000)
        };
        self.node_longitude.len() == nodes
            && rows(&self.first_arc, nodes, arcs)
            && self.arc_street.len() == arcs
            && below(&self.arc_head, nodes)
            && below(&self.arc_street, pieces * 2)
            && self.piece_class.iter().all(|code| RoadClass::from_code(*code).is_some())
            && self.piece_name.len() == pieces
            && self.piece_speed_kmh.len() == pieces
            && self.piece_accuracy_m.len() == pieces
            && below(&self.piece_name, self.names.len())
            && rows(&self.first_point, pieces, self.point_latitude.len())
            && self.first_point.windows(2).all(|pair| pair[1] - pair[0] >= 2)
            && self.point_longitude.len() == self.point_latitude.len()
            && on_globe(&self.node_latitude, &self.node_longitude)
            && on_globe(&self.point_latitude, &self.point_longitude)
            && self.exits.iter().all(|exit| (exit.node as usize) < nodes)
            && self.arc_street.iter().all(|street| self.speed_kmh(*street) > 0)
    }
}

/// FNV-1a over words of eight bytes, the last one filled with zeros: guards against damage, not
/// against intent.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0u8; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    words.iter().chain([&last]).fold(0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64, |hash, word| {
        let mixed = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3);
        // Without this the highest bits of a word would never reach the lower ones.
        mixed ^ mixed >> 29
    })
}

pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    fn count(&mut self, count: usize) {
        self.0.extend((count as u32).to_le_bytes());
    }

    pub(super) fn unsigned(&mut self, values: &[u32]) {
        self.count(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn halves(&mut self, values: &[u16]) {
        self.count(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn signed(&mut self, values: &[i32]) {
        self.count(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn bytes(&mut self, values: &[u8]) {
        self.count(values.len());
        self.0.extend(values);
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a str> + Clone) {
        self.count(texts.clone().count());
        for text in texts {
            self.bytes(text.as_bytes());
        }
    }
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn words(&mut self) -> Option<&'a [[u8; 4]]> {
        let count = self.number()? as usize;
        Some(self.take(count.checked_mul(4)?)?.as_chunks().0)
    }

    pub(super) fn unsigned(&mut self) -> Option<Vec<u32>> {
        Some(self.words()?.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    pub(super) fn halves(&mut self) -> Option<Vec<u16>> {
        let count = self.number()? as usize;
        let halves = self.take(count.checked_mul(2)?)?.as_chunks().0;
        Some(halves.iter().map(|half| u16::from_le_bytes(*half)).collect())
    }

    fn signed(&mut self) -> Option<Vec<i32>> {
        Some(self.words()?.iter().map(|word| i32::from_le_bytes(*word)).collect())
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.number()? as usize;
        self.take(count)
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.number()?;
        (0..count).map(|_| Some(String::from_utf8_lossy(self.bytes()?).into_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::testing::{sketch, town};

    #[test]
    fn what_was_written_is_read() {
        for graph in [town(), sketch(250)] {
            let bytes = graph.to_bytes();
            assert!(RoadGraph::is_compact(&bytes));
            let read = RoadGraph::from_bytes(&bytes).unwrap();
            assert_eq!(read, graph);
            assert_eq!(read.checksum(), graph.checksum());
        }
        assert_eq!(RoadGraph::from_bytes(&sketch(250).to_bytes()).unwrap().accuracy_m(0), 250);
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = town().to_bytes();
        for length in (0..bytes.len()).step_by(97).chain([HEADER - 1, HEADER, bytes.len() - 1]) {
            assert!(RoadGraph::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let bytes = town().to_bytes();
        for at in (HEADER..bytes.len()).step_by(211) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(RoadGraph::from_bytes(&damaged).is_err(), "byte {at}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(RoadGraph::from_bytes(&longer), Err(RoadError::Damaged));
    }

    #[test]
    fn a_file_that_lies_with_a_right_checksum_is_refused() {
        let mut graph = town();
        graph.arc_head[7] = 1_000_000;
        assert_eq!(RoadGraph::from_bytes(&graph.to_bytes()), Err(RoadError::Damaged));
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        assert_eq!(RoadGraph::from_bytes(b"<?xml version"), Err(RoadError::Foreign));
        let mut other = town().to_bytes();
        other[8] = 9;
        let error = RoadGraph::from_bytes(&other).unwrap_err();
        assert_eq!(error, RoadError::Version { found: 9, expected: VERSION });
        assert!(error.to_string().contains("roads import"), "{error}");
    }
}
