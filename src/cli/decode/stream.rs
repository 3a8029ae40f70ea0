//! Reads of connections, one a line.

use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;

use interdict_protocols::{Connection, Item, Transport};

use super::{Lending, Peer, Task, print};
use crate::text::{LONGEST, Line, Lines, bytes};

/// Decodes the arguments as the reads of one connection.
pub(super) fn run_arguments(
    task: &Task,
    peer: &Peer,
    reads: &[String],
    out: &mut impl Write,
) -> io::Result<ExitCode> {
    let mut stream = Stream::new(task, peer);
    for (number, hex) in reads.iter().enumerate() {
        stream.read(&format!("argument {}", number + 1), hex, out)?;
    }
    stream.close(out)?;
    Ok(stream.code())
}

/// Decodes lines as the reads of connections that blank lines part.
pub(super) fn run_lines(
    task: &Task,
    peer: &Peer,
    input: impl Read,
    out: &mut impl Write,
) -> io::Result<ExitCode> {
    let mut lines = Lines::new(BufReader::new(input));
    let mut stream = Stream::new(task, peer);
    while let Some((number, line)) = lines.next()? {
        match line {
            Line::Text(text) if text.trim().is_empty() => {
                stream.close(out)?;
                stream.connection = None;
            }
            Line::Text(text) => stream.read(&format!("line {number}"), &text, out)?,
            Line::TooLong => stream
                .complain(&format!("line {number}"), &format!("longer than {LONGEST} characters")),
            Line::NotText => stream.complain(&format!("line {number}"), "not text"),
        }
        if !lines.has_more_at_hand() {
            out.flush()?;
        }
    }
    stream.close(out)?;
    Ok(stream.code())
}

struct Stream<'a> {
    task: &'a Task,
    peer: &'a Peer,
    lending: Lending,
    connection: Option<Connection>,
    failed: bool,
    items: Vec<Item>,
}

impl<'a> Stream<'a> {
    fn new(task: &'a Task, peer: &'a Peer) -> Self {
        let lending = task.lending(peer.model.clone());
        Self { task, peer, lending, connection: None, failed: false, items: Vec::new() }
    }

    fn read(&mut self, place: &str, hex: &str, out: &mut impl Write) -> io::Result<()> {
        let bytes = match bytes(hex) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.complain(place, &error);
                return Ok(());
            }
        };
        let transport = if self.peer.udp { Transport::Udp } else { Transport::Tcp };
        let connection = self.connection.get_or_insert_with(|| {
            Connection::new(self.task.protocol, transport, self.peer.device.clone())
        });
        if !connection.is_open() {
            eprintln!("interdict: {place}: not decoded, since the connection ended before it");
            return Ok(());
        }
        let lent = self.task.lent(&self.lending);
        if self.peer.udp {
            connection.datagram(&bytes, &lent, &mut self.items);
        } else {
            connection.receive(&bytes, &lent, &mut self.items);
        }
        print(&self.items, out)?;
        self.items.clear();
        Ok(())
    }

    fn close(&mut self, out: &mut impl Write) -> io::Result<()> {
        if let Some(connection) = &mut self.connection
            && !self.peer.udp
        {
            connection.close(&self.task.lent(&self.lending), &mut self.items);
            print(&self.items, out)?;
            self.items.clear();
        }
        Ok(())
    }

    fn complain(&mut self, place: &str, error: &str) {
        self.failed = true;
        eprintln!("interdict: {place}: {error}; expected pairs of hexadecimal digits");
    }

    fn code(&self) -> ExitCode {
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
