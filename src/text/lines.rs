//! Lines of an input that nobody vouches for: bounded, and never the end of the rest.

use std::io::{self, BufRead};

/// The longest line that is taken: the hexadecimal of a read of 8 MiB.
pub(crate) const LONGEST: usize = 16 * 1024 * 1024;

/// One line of an input.
pub(crate) enum Line {
    /// Its text, without its end.
    Text(String),
    /// It is longer than [`LONGEST`], and was passed over.
    TooLong,
    /// It is no UTF-8.
    NotText,
}

/// Reads lines one at a time and counts them from 1.
pub(crate) struct Lines<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The next line and its number.
    pub(crate) fn next(&mut self) -> io::Result<Option<(usize, Line)>> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut begun = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if bytes.len() + part.len() > LONGEST {
                too_long = true;
                bytes = Vec::new();
            }
            if !too_long {
                bytes.extend_from_slice(part);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !begun {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let line = match String::from_utf8(bytes) {
            _ if too_long => Line::TooLong,
            Ok(text) => Line::Text(text),
            Err(_) => Line::NotText,
        };
        Ok(Some((self.number, line)))
    }
}

impl<R> Lines<io::BufReader<R>> {
    /// Whether more has been read from outside than was handed on: false when the next line may
    /// have to be waited for.
    pub(crate) fn has_more_at_hand(&self) -> bool {
        !self.reader.buffer().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_too_long_costs_only_itself() {
        let mut input = vec![b'a'; LONGEST + 1];
        input.extend_from_slice(b"\r\nb\r\n\xff\n\nlast");
        let mut lines = Lines::new(io::BufReader::new(&input[..]));
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push(match line {
                Line::Text(text) => format!("{number} {text}"),
                Line::TooLong => format!("{number} too long"),
                Line::NotText => format!("{number} not text"),
            });
        }
        assert_eq!(found, ["1 too long", "2 b", "3 not text", "4 ", "5 last"]);
    }
}
