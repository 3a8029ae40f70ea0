//! `serve --record FILE`: every read as it came, for `replay`.
//!
//! A recording holds positions of vehicles that nobody has flagged, terminals' tokens and platforms'
//! passwords; it is off unless asked for, and said loudly.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use interdict_protocols::{Time, Transport};
use serde::Serialize;

/// Reads that wait for the disk; more are left out of the recording and counted.
const QUEUE: usize = 65_536;

/// One read of one connection.
pub(super) struct Read<'a> {
    pub(super) protocol: &'static str,
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    pub(super) connection: u64,
    pub(super) bytes: &'a [u8],
}

#[derive(Serialize)]
struct Line {
    at: Time,
    protocol: &'static str,
    transport: &'static str,
    peer: SocketAddr,
    connection: u64,
    wire: String,
}

/// Writes reads to a file, on a thread of its own.
pub(super) struct Recorder {
    lines: Option<SyncSender<Line>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins a recording; an existing file is never overwritten.
    pub(super) fn start(path: &Path) -> std::io::Result<Self> {
        let file = File::create_new(path)?;
        let (lines, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write(&queue, BufWriter::new(file)))?;
        Ok(Self { lines: Some(lines), thread: Some(thread) })
    }

    pub(super) fn take(&self, at: Time, read: &Read<'_>) {
        let Some(lines) = &self.lines else { return };
        let line = Line {
            at,
            protocol: read.protocol,
            transport: read.transport.name(),
            peer: read.peer,
            connection: read.connection,
            wire: hex(read.bytes),
        };
        if let Err(TrySendError::Full(_)) = lines.try_send(line) {
            tracing::warn!("the recording cannot keep up; a read was left out");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recording's thread panicked; the recording may be cut short");
        }
    }
}

fn write(queue: &Receiver<Line>, mut file: BufWriter<File>) {
    let mut write_line = |line: &Line| -> std::io::Result<()> {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")
    };
    for line in queue {
        if let Err(error) = write_line(&line) {
            tracing::error!(%error, "the recording cannot be written and ends here");
            return;
        }
    }
    if let Err(error) = file.flush() {
        tracing::error!(%error, "the recording's end could not be written");
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
